//! The object store: bytes under their digest, written once, never changed.
//!
//! Does not know who made an object, nor how it is laid out again (`materialise.rs`).

use std::{
    collections::BTreeSet,
    fs::{self, File},
    io::{self, Write as _},
    os::unix::fs::{MetadataExt as _, PermissionsExt as _},
    path::{Path, PathBuf},
    sync::atomic::{AtomicBool, Ordering},
    time::SystemTime,
};

use rustix::fs::{CWD, Mode, OFlags, openat};

use crate::{
    Digest, Object, Shape, StoreError,
    atomic::{sync_folder, temporary_name},
    fail_point,
    hashing::{self, Buffer},
    tree::{self, Leaf},
    walk::{Found, walk},
};

/// Permissions of an object: nobody writes it.
pub(crate) const FILE: u32 = 0o444;

/// A folder of objects.
#[derive(Debug)]
pub(crate) struct Objects {
    pub folder: PathBuf,
    // What the file system cannot do is tried once a store, not once a file.
    cannot_move: AtomicBool,
    pub(crate) cannot_reflink: AtomicBool,
    pub(crate) cannot_link: AtomicBool,
}

/// A file that has become an object.
struct Taken {
    digest: Digest,
    bytes: u64,
    executable: bool,
}

impl Objects {
    pub(crate) fn new(folder: PathBuf) -> Self {
        let no = || AtomicBool::new(false);
        Self { folder, cannot_move: no(), cannot_reflink: no(), cannot_link: no() }
    }

    pub(crate) fn path(&self, digest: &Digest) -> PathBuf {
        let name = digest.to_string();
        self.folder.join(&name[..2]).join(&name[2..])
    }

    /// Moves a file or folder below `within` into the store.
    ///
    /// * A regular file with one name is made read-only, hashed, flushed and renamed.
    /// * A file with several names, one a link leads to, or one on another disk is copied.
    /// * Bytes that are there already, and right, stay; the new ones are removed.
    /// * Each folder of objects is flushed once, at the end.
    pub(crate) fn take(&self, path: &Path, within: &Path) -> Result<Object, StoreError> {
        let failed = |source| StoreError::io("read", path, source);
        let metadata = fs::symlink_metadata(path).map_err(failed)?;
        let real = fs::canonicalize(path).map_err(failed)?;
        // A folder above the output, or the very folder of the attempt, may have been replaced by a link to any place.
        let top = fs::canonicalize(within).map_err(|source| StoreError::io("read", within, source))?;
        if metadata.is_symlink() || within.is_symlink() || !real.starts_with(&top) {
            return Err(StoreError::NotAFile { path: path.into() });
        }
        if metadata.is_file() {
            let taken = self.take_file(&real, true, &mut Buffer::new())?;
            self.sync([&taken.digest])?;
            return Ok(Object { digest: taken.digest, shape: Shape::File, bytes: taken.bytes });
        }
        if !metadata.is_dir() {
            return Err(StoreError::NotAFile { path: path.into() });
        }
        let leaves = self.take_files(&real)?;
        let object = tree::object(&leaves);
        self.store_list(&object.digest, &tree::text(&leaves))?;
        self.sync(leaves.iter().map(|leaf| &leaf.digest).chain([&object.digest]))?;
        Ok(object)
    }

    fn take_files(&self, root: &Path) -> Result<Vec<Leaf>, StoreError> {
        let mut files = walk(root)?.files;
        for file in files.iter().filter(|file| file.linked) {
            let path = root.join(&file.name);
            let real = fs::canonicalize(&path).map_err(|source| StoreError::io("read", &path, source))?;
            if !real.starts_with(root) {
                return Err(StoreError::NotAFile { path });
            }
        }
        // Behind a link lies a file that is moved itself: it is copied before that.
        files.sort_by_key(|file| !file.linked);
        let (linked, own) = files.split_at(files.partition_point(|file| file.linked));
        let take = |buffer: &mut Buffer, file: &Found| {
            let Taken { digest, bytes, executable } = self.take_file(&root.join(&file.name), !file.linked, buffer)?;
            Ok(Leaf { path: file.name.clone(), digest, bytes, executable })
        };
        let mut leaves = hashing::for_each(linked, take)?;
        leaves.extend(hashing::for_each(own, take)?);
        leaves.sort_unstable_by(|a, b| a.path.cmp(&b.path));
        Ok(leaves)
    }

    fn take_file(&self, path: &Path, own: bool, buffer: &mut Buffer) -> Result<Taken, StoreError> {
        let failed = |source| StoreError::io("read", path, source);
        // A pipe that has taken the place of a file must not be waited for.
        let flags = OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NONBLOCK;
        let flags = if own { flags | OFlags::NOFOLLOW } else { flags };
        let file = openat(CWD, path, flags, Mode::empty()).map_err(|error| failed(error.into()))?;
        let file = File::from(file);
        let before = file.metadata().map_err(failed)?;
        if !before.is_file() {
            return Err(StoreError::NotAFile { path: path.into() });
        }
        let executable = before.mode() & 0o111 != 0;
        // A file with other names is not ours alone: who has them could still write.
        let movable = own && before.nlink() == 1 && !self.cannot_move.load(Ordering::Relaxed);
        if movable && file.set_permissions(fs::Permissions::from_mode(FILE)).is_ok() {
            let digest = Digest::of_open(&file, buffer).map_err(failed)?;
            let after = file.metadata().map_err(failed)?;
            let same = |one: &fs::Metadata| (one.len(), one.mtime(), one.mtime_nsec(), one.nlink());
            if same(&before) == same(&after) && self.name(&file, path, &digest)? {
                return Ok(Taken { digest, bytes: after.len(), executable });
            }
        }
        self.copy(path, executable, buffer)
    }

    /// Copies first and names by what was copied, so that a file that changes meanwhile cannot lie about its digest.
    fn copy(&self, path: &Path, executable: bool, buffer: &mut Buffer) -> Result<Taken, StoreError> {
        fs::create_dir_all(&self.folder).map_err(|source| StoreError::io("create", &self.folder, source))?;
        let temporary = self.folder.join(temporary_name());
        let mut stored = || {
            let failed = |source| StoreError::io("write", &temporary, source);
            let bytes = fs::copy(path, &temporary).map_err(failed)?;
            fs::set_permissions(&temporary, fs::Permissions::from_mode(FILE)).map_err(failed)?;
            let file = File::open(&temporary).map_err(failed)?;
            let digest = Digest::of_open(&file, buffer).map_err(failed)?;
            self.name_own(&file, &temporary, &digest)?;
            Ok(Taken { digest, bytes, executable })
        };
        stored().inspect_err(|_| drop(fs::remove_file(&temporary)))
    }

    /// Stores the list of a folder's files.
    fn store_list(&self, digest: &Digest, text: &str) -> Result<(), StoreError> {
        fs::create_dir_all(&self.folder).map_err(|source| StoreError::io("create", &self.folder, source))?;
        let temporary = self.folder.join(temporary_name());
        let stored = || {
            let failed = |source| StoreError::io("write", &temporary, source);
            let mut file = File::create_new(&temporary).map_err(failed)?;
            file.write_all(text.as_bytes()).map_err(failed)?;
            file.set_permissions(fs::Permissions::from_mode(FILE)).map_err(failed)?;
            self.name_own(&file, &temporary, digest)
        };
        stored().inspect_err(|_| drop(fs::remove_file(&temporary)))
    }

    /// Gives a temporary file of the store its name.
    fn name_own(&self, file: &File, path: &Path, digest: &Digest) -> Result<(), StoreError> {
        match self.name(file, path, digest)? {
            true => Ok(()),
            false => Err(StoreError::ReadOnly { path: self.path(digest) }),
        }
    }

    /// Gives a read-only file its name in the store. Says no where it cannot be moved there, and leaves it then.
    fn name(&self, file: &File, path: &Path, digest: &Digest) -> Result<bool, StoreError> {
        fail_point("object.written");
        let target = self.path(digest);
        let failed = |source| StoreError::io("write", &target, source);
        // Read, not only looked for: what is made again often replaces bytes that are damaged.
        // Touched, so that a collection that is about to remove it sees that it is wanted.
        let touch = || File::open(&target).and_then(|file| file.set_modified(SystemTime::now()));
        if is_right(&target, digest) && touch().is_ok() {
            // Where it cannot be removed it is left to who removes its folder.
            drop(fs::remove_file(path));
            return Ok(true);
        }
        file.sync_all().map_err(failed)?;
        fail_point("object.synced");
        let renamed = match fs::rename(path, &target) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                self.make_folder(target.parent().expect("objects have a folder"))?;
                fs::rename(path, &target)
            }
            renamed => renamed,
        };
        match renamed {
            Ok(()) => {
                fail_point("object.renamed");
                Ok(true)
            }
            Err(error) if error.kind() == io::ErrorKind::CrossesDevices => {
                self.cannot_move.store(true, Ordering::Relaxed);
                Ok(false)
            }
            // The folder it lies in may not be written.
            Err(error) if error.kind() == io::ErrorKind::PermissionDenied => Ok(false),
            Err(source) => Err(failed(source)),
        }
    }

    fn make_folder(&self, folder: &Path) -> Result<(), StoreError> {
        let above = self.folder.parent().expect("objects lie in a store");
        for (folder, above) in [(self.folder.as_path(), above), (folder, &self.folder)] {
            match fs::create_dir(folder) {
                Ok(()) => sync_folder(above)?,
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                Err(source) => return Err(StoreError::io("create", folder, source)),
            }
        }
        Ok(())
    }

    /// Makes the names of some objects survive a power loss; also of those that were there: who gave them their name
    /// may not have come so far.
    fn sync<'d>(&self, digests: impl IntoIterator<Item = &'d Digest>) -> Result<(), StoreError> {
        let folders: BTreeSet<_> =
            digests.into_iter().filter_map(|digest| Some(self.path(digest).parent()?.to_path_buf())).collect();
        folders.iter().try_for_each(|folder| sync_folder(folder))
    }

    pub(crate) fn leaves(&self, object: &Object) -> Result<Vec<Leaf>, StoreError> {
        let damaged = || StoreError::Damaged { digest: object.digest };
        let text = fs::read(self.path(&object.digest)).map_err(|_| damaged())?;
        if Digest::of(&text) != object.digest {
            return Err(damaged());
        }
        serde_json::from_slice(&text).map_err(|_| damaged())
    }

    /// Whether all bytes are there, by size.
    pub(crate) fn present(&self, object: &Object) -> bool {
        let there = |digest: &Digest, bytes: u64| fs::metadata(self.path(digest)).is_ok_and(|file| file.len() == bytes);
        match object.shape {
            Shape::File => there(&object.digest, object.bytes),
            Shape::Tree => {
                self.leaves(object).is_ok_and(|leaves| leaves.iter().all(|leaf| there(&leaf.digest, leaf.bytes)))
            }
        }
    }

    /// Whether all bytes are there and unchanged.
    pub(crate) fn verify(&self, object: &Object) -> bool {
        let same = |digest: &Digest| is_right(&self.path(digest), digest);
        match object.shape {
            Shape::File => same(&object.digest),
            Shape::Tree => self.leaves(object).is_ok_and(|leaves| leaves.iter().all(|leaf| same(&leaf.digest))),
        }
    }

    /// Removes an object whose bytes are not what its name says, so that it can be stored again.
    pub(crate) fn remove_damaged(&self, object: &Object) -> Result<(), StoreError> {
        let mut digests = vec![object.digest];
        if object.shape == Shape::Tree {
            digests.extend(self.leaves(object).into_iter().flatten().map(|leaf| leaf.digest));
        }
        for digest in digests {
            let path = self.path(&digest);
            if path.exists() && !is_right(&path, &digest) {
                match fs::remove_file(&path) {
                    // Who else found it damaged was faster.
                    Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                    removed => removed.map_err(|source| StoreError::io("remove", &path, source))?,
                }
            }
        }
        Ok(())
    }
}

fn is_right(path: &Path, digest: &Digest) -> bool {
    Digest::of_file(path).is_ok_and(|found| found == *digest)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    /// A store of objects, and a folder in which outputs are made.
    fn objects() -> (tempfile::TempDir, Objects, PathBuf) {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let objects = Objects::new(folder.path().join("objects"));
        let scratch = folder.path().join("scratch");
        fs::create_dir(&scratch).expect("writable");
        (folder, objects, scratch)
    }

    fn write(path: &Path, text: &str) {
        fs::create_dir_all(path.parent().expect("a folder")).expect("writable");
        fs::write(path, text).expect("writable");
    }

    fn inode(path: &Path) -> u64 {
        fs::metadata(path).expect("it exists").ino()
    }

    #[test]
    fn a_folder_is_moved_in_and_laid_out() {
        let (folder, objects, scratch) = objects();
        let source = scratch.join("source");
        write(&source.join("below/a.txt"), "a");
        write(&source.join("b.sh"), "b");
        fs::set_permissions(source.join("b.sh"), fs::Permissions::from_mode(0o755)).expect("ours");
        let before = inode(&source.join("below/a.txt"));
        let object = objects.take(&source, &scratch).expect("plain files");
        assert_eq!((object.shape, object.bytes), (Shape::Tree, 2));
        assert!(!source.join("below/a.txt").exists(), "moved");
        assert_eq!(inode(&objects.path(&Digest::of(b"a"))), before, "not copied");
        let mode = |path: &Path| fs::metadata(path).expect("it exists").permissions().mode() & 0o777;
        assert_eq!(mode(&objects.path(&Digest::of(b"b"))), FILE);
        let to = folder.path().join("out");
        objects.materialise(&object, &to).expect("present");
        assert_eq!(fs::read_to_string(to.join("below/a.txt")).expect("laid out"), "a");
        assert_eq!((mode(&to.join("b.sh")), mode(&to.join("below/a.txt"))), (0o555, FILE));
        assert_eq!(objects.take(&to, folder.path()).expect("the same").digest, object.digest, "independent of place");
        assert!(objects.present(&object) && objects.verify(&object));
        let left: Vec<_> = fs::read_dir(&objects.folder).expect("a folder").flatten().collect();
        assert!(left.iter().all(|entry| !entry.file_name().to_string_lossy().starts_with(".tmp")), "{left:?}");
    }

    #[test]
    fn a_file_with_two_names_is_copied() {
        let (_folder, objects, scratch) = objects();
        let (one, two) = (scratch.join("one"), scratch.join("two"));
        write(&one, "contents");
        fs::hard_link(&one, &two).expect("one disk");
        let object = objects.take(&one, &scratch).expect("a file");
        assert_ne!(inode(&objects.path(&object.digest)), inode(&two));
        fs::write(&two, "changed").expect("still writable");
        assert!(objects.verify(&object));
    }

    #[test]
    fn links_within_an_output_become_files() {
        let (_folder, objects, scratch) = objects();
        let source = scratch.join("source");
        write(&source.join("real/z"), "z");
        symlink("real/z", source.join("a")).expect("a link");
        symlink("real", source.join("folder")).expect("a link");
        let object = objects.take(&source, &scratch).expect("links that stay inside");
        let names: Vec<_> = objects.leaves(&object).expect("a list").into_iter().map(|leaf| leaf.path).collect();
        assert_eq!(names, ["a", "folder/z", "real/z"]);
        assert!(objects.verify(&object));
    }

    #[test]
    fn equal_bytes_are_kept_once_and_damaged_ones_replaced() {
        let (_folder, objects, scratch) = objects();
        let path = scratch.join("file");
        write(&path, "contents");
        let object = objects.take(&path, &scratch).expect("a file");
        let stored = objects.path(&object.digest);
        let before = inode(&stored);
        write(&path, "contents");
        assert_eq!(objects.take(&path, &scratch).expect("a file"), object);
        assert!(inode(&stored) == before && !path.exists());
        fs::set_permissions(&stored, fs::Permissions::from_mode(0o644)).expect("ours");
        fs::write(&stored, "CONTENTS").expect("writable");
        assert!(objects.present(&object) && !objects.verify(&object));
        write(&path, "contents");
        objects.take(&path, &scratch).expect("a file");
        assert!(objects.verify(&object));
        fs::set_permissions(&stored, fs::Permissions::from_mode(0o644)).expect("ours");
        fs::write(&stored, "CONTENTS").expect("writable");
        objects.remove_damaged(&object).expect("removable");
        assert!(!objects.present(&object));
    }

    #[test]
    fn what_leads_out_is_refused_and_left_alone() {
        let (folder, objects, scratch) = objects();
        let refused = |path: &Path, within: &Path| {
            assert!(matches!(objects.take(path, within), Err(StoreError::NotAFile { .. })), "{}", path.display());
        };
        let outside = folder.path().join("outside");
        write(&outside.join("file"), "mine");
        // A link in an output, the output itself, a folder above it, and the folder of the attempt.
        write(&scratch.join("source/own"), "own");
        symlink(outside.join("file"), scratch.join("source/link")).expect("a link");
        refused(&scratch.join("source"), &scratch);
        symlink(outside.join("file"), scratch.join("out")).expect("a link");
        refused(&scratch.join("out"), &scratch);
        symlink(&outside, scratch.join("above")).expect("a link");
        refused(&scratch.join("above/file"), &scratch);
        symlink(&outside, folder.path().join("replaced")).expect("a link");
        refused(&folder.path().join("replaced/file"), &folder.path().join("replaced"));
        refused(&scratch.join("../outside/file"), &scratch);
        assert_eq!(fs::read_to_string(outside.join("file")).expect("it stays"), "mine");
        assert!(scratch.join("source/own").exists() && !objects.folder.exists());
    }
}
