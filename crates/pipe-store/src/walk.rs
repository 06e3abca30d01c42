//! All files below a folder, with the state of each: one `fstatat` an entry, relative to its folder.
//!
//! Does not read contents. Links are followed; one that leads nowhere, or back up, is an error.

use std::{
    ffi::CStr,
    fs, io,
    os::{fd::OwnedFd, unix::fs::MetadataExt as _},
    path::Path,
};

use rustix::fs::{AtFlags, CWD, FileType, Mode, OFlags, RawDir, openat, statat};

use crate::StoreError;

/// Bytes for the entries of a folder, asked for at once.
const ENTRIES: usize = 64 * 1024;

/// What tells one state of a file from another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct State {
    pub device: u64,
    pub inode: u64,
    pub bytes: u64,
    /// Seconds and nanoseconds of the last change of the contents.
    pub modified: (i64, u32),
    /// Seconds and nanoseconds of the last change of anything.
    pub changed: (i64, u32),
    pub executable: bool,
}

/// One file below a folder.
#[derive(Debug)]
pub(crate) struct Found {
    /// Path relative to the folder, parts divided by `/`.
    pub name: String,
    pub state: State,
    /// Whether a link leads to it.
    pub linked: bool,
}

/// The files below a folder, sorted by name.
#[derive(Debug)]
pub(crate) struct Walk {
    /// The folder, open.
    pub root: OwnedFd,
    pub files: Vec<Found>,
}

impl State {
    pub(crate) fn of(metadata: &fs::Metadata) -> Self {
        let nanoseconds = |count: i64| u32::try_from(count).unwrap_or(0);
        Self {
            device: metadata.dev(),
            inode: metadata.ino(),
            bytes: metadata.len(),
            modified: (metadata.mtime(), nanoseconds(metadata.mtime_nsec())),
            changed: (metadata.ctime(), nanoseconds(metadata.ctime_nsec())),
            executable: metadata.mode() & 0o111 != 0,
        }
    }

    #[expect(clippy::unnecessary_cast, reason = "the types of the fields differ between systems")]
    fn of_stat(stat: &rustix::fs::Stat) -> Self {
        Self {
            device: stat.st_dev as u64,
            inode: stat.st_ino as u64,
            bytes: stat.st_size as u64,
            modified: (stat.st_mtime as i64, stat.st_mtime_nsec as u32),
            changed: (stat.st_ctime as i64, stat.st_ctime_nsec as u32),
            executable: stat.st_mode & 0o111 != 0,
        }
    }
}

/// A folder still to be read, or read already; kept to know the folders above another.
struct Folder {
    /// Path relative to the root; empty, or with `/` at its end.
    name: String,
    place: (u64, u64),
    above: Option<usize>,
    linked: bool,
}

/// All files below a folder. Empty folders do not count.
pub(crate) fn walk(path: &Path) -> Result<Walk, StoreError> {
    let failed = |name: &str, source| StoreError::io("read", &path.join(name), source);
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let root = openat(CWD, path, flags, Mode::empty()).map_err(|error| failed("", error.into()))?;
    let top = rustix::fs::fstat(&root).map_err(|error| failed("", error.into()))?;
    let top = State::of_stat(&top);
    let place = (top.device, top.inode);
    let mut folders = vec![Folder { name: String::new(), place, above: None, linked: false }];
    let mut files = Vec::new();
    let mut buffer = Vec::with_capacity(ENTRIES);
    // Folders are read one after another, so that however deep they lie, only two are open.
    let mut next = 0;
    while let Some(folder) = folders.get(next) {
        let (prefix, linked) = (folder.name.clone(), folder.linked);
        let here = if prefix.is_empty() { "." } else { &prefix };
        let open = openat(&root, here, flags, Mode::empty()).map_err(|error| failed(here, error.into()))?;
        let mut entries = RawDir::new(&open, buffer.spare_capacity_mut());
        while let Some(entry) = entries.next() {
            let entry = entry.map_err(|error| failed(here, error.into()))?;
            let raw: &CStr = entry.file_name();
            if matches!(raw.to_bytes(), b"." | b"..") {
                continue;
            }
            let Ok(own) = raw.to_str() else {
                return Err(StoreError::Name { path: path.join(&prefix).join(&*raw.to_string_lossy()) });
            };
            let name = format!("{prefix}{own}");
            let stat = |flags| statat(&open, raw, flags).map_err(|error| failed(&name, error.into()));
            let mut found = stat(AtFlags::SYMLINK_NOFOLLOW)?;
            let is_link = FileType::from_raw_mode(found.st_mode) == FileType::Symlink;
            if is_link {
                found = stat(AtFlags::empty())?;
            }
            let (state, linked) = (State::of_stat(&found), linked || is_link);
            match FileType::from_raw_mode(found.st_mode) {
                FileType::RegularFile => files.push(Found { name, state, linked }),
                FileType::Directory => {
                    let place = (state.device, state.inode);
                    if is_above(&folders, next, place) {
                        return Err(failed(&name, io::Error::other("a cycle of links")));
                    }
                    folders.push(Folder { name: name + "/", place, above: Some(next), linked });
                }
                _ => return Err(StoreError::NotAFile { path: path.join(name) }),
            }
        }
        next += 1;
    }
    // By the whole name, so that `a-b` and `a/b` sort alike on every system.
    files.sort_unstable_by(|a, b| a.name.cmp(&b.name));
    Ok(Walk { root, files })
}

fn is_above(folders: &[Folder], from: usize, place: (u64, u64)) -> bool {
    std::iter::successors(Some(from), |&folder| folders[folder].above).any(|folder| folders[folder].place == place)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn files_come_sorted_and_links_are_followed() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let below = |name: &str| folder.path().join(name);
        fs::create_dir_all(below("a/deep/er")).expect("writable");
        fs::create_dir_all(below("empty")).expect("writable");
        for name in ["a/b", "a-b", "a/deep/er/c", "z"] {
            fs::write(below(name), name).expect("writable");
        }
        symlink("z", below("link")).expect("a link");
        symlink("deep", below("a/other")).expect("a link");
        let found = walk(folder.path()).expect("readable");
        let names: Vec<_> = found.files.iter().map(|file| (file.name.as_str(), file.linked)).collect();
        assert_eq!(
            names,
            [
                ("a-b", false),
                ("a/b", false),
                ("a/deep/er/c", false),
                ("a/other/er/c", true),
                ("link", true),
                ("z", false)
            ]
        );
        for file in &found.files {
            let metadata = fs::metadata(below(&file.name)).expect("it exists");
            assert_eq!(file.state, State::of(&metadata), "{}", file.name);
        }
    }

    #[test]
    fn a_cycle_and_a_dead_link_are_errors() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        fs::create_dir(folder.path().join("a")).expect("writable");
        symlink("..", folder.path().join("a/up")).expect("a link");
        let error = walk(folder.path()).expect_err("a cycle");
        assert!(matches!(&error, StoreError::Io { source, .. } if source.to_string() == "a cycle of links"));
        fs::remove_file(folder.path().join("a/up")).expect("ours");
        symlink("nowhere", folder.path().join("dead")).expect("a link");
        assert!(matches!(walk(folder.path()), Err(StoreError::Io { path, .. }) if path.ends_with("dead")));
    }

    #[test]
    fn a_deep_folder_needs_no_more_open_files() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let deep = (0..1200).fold(folder.path().to_path_buf(), |path, _| path.join("d"));
        fs::create_dir_all(&deep).expect("writable");
        fs::write(deep.join("f"), "f").expect("writable");
        assert_eq!(walk(folder.path()).expect("readable").files.len(), 1);
    }
}
