//! Files that are there whole or not at all: temporary file in the same folder > fsync > rename > fsync of the folder.
//!
//! Does not know what is written.

use std::{
    fs::{self, File},
    hash::{BuildHasher as _, Hasher as _, RandomState},
    io::Write as _,
    path::Path,
    sync::atomic::{AtomicU64, Ordering},
};

use crate::StoreError;

/// Writes a file so that a reader, or a restart after a crash, sees the old contents or all of the new ones.
///
/// # Errors
/// The folder cannot be written; nothing is left behind then.
pub fn write_atomic(path: &Path, contents: &[u8]) -> Result<(), StoreError> {
    // The parent of a bare name is the empty path.
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    fs::create_dir_all(folder).map_err(|source| StoreError::io("create", folder, source))?;
    let temporary = folder.join(temporary_name());
    let written = File::create(&temporary).and_then(|mut file| {
        file.write_all(contents)?;
        file.sync_all()?;
        fs::rename(&temporary, path)
    });
    if let Err(source) = written {
        drop(fs::remove_file(&temporary));
        return Err(StoreError::io("write", path, source));
    }
    sync_folder(folder)
}

/// A name that no other process or thread uses.
///
/// The number of a process is not enough: in two containers that share a store, both may be process 1.
pub(crate) fn temporary_name() -> String {
    static COUNT: AtomicU64 = AtomicU64::new(0);
    let random = RandomState::new().build_hasher().finish();
    format!(".tmp-{random:016x}-{}", COUNT.fetch_add(1, Ordering::Relaxed))
}

/// Makes a rename inside the folder survive a power loss.
pub(crate) fn sync_folder(folder: &Path) -> Result<(), StoreError> {
    File::open(folder).and_then(|file| file.sync_all()).map_err(|source| StoreError::io("sync", folder, source))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn replaces_whole_files_and_leaves_no_other() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let path = folder.path().join("below/file");
        write_atomic(&path, b"one").expect("writable");
        write_atomic(&path, b"two").expect("writable");
        assert_eq!(fs::read(&path).expect("it exists"), b"two");
        assert_eq!(fs::read_dir(path.parent().expect("a folder")).expect("a folder").count(), 1);
    }
}
