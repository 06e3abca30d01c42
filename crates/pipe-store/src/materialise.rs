//! Lays objects out for a stage: by reflink, else by a read-only hard link, else by copying.
//!
//! Does not know who reads them.

use std::{
    fs::{self, File},
    io,
    os::unix::fs::PermissionsExt as _,
    path::Path,
    sync::atomic::Ordering,
};

use crate::{
    Digest, Object, Shape, StoreError,
    objects::{FILE, Objects},
};

/// Permissions of a file that was executable when it was stored.
const EXECUTABLE: u32 = 0o555;

impl Objects {
    /// Lays the contents at `to`.
    pub(crate) fn materialise(&self, object: &Object, to: &Path) -> Result<(), StoreError> {
        let create =
            |folder: &Path| fs::create_dir_all(folder).map_err(|source| StoreError::io("create", folder, source));
        match object.shape {
            Shape::File => {
                create(to.parent().unwrap_or(Path::new(".")))?;
                self.lay(&object.digest, to, FILE)
            }
            Shape::Tree => {
                create(to)?;
                let mut made = to.to_path_buf();
                for leaf in self.leaves(object)? {
                    let path = to.join(&leaf.path);
                    let folder = path.parent().expect("it lies below `to`");
                    if folder != made {
                        create(folder)?;
                        made = folder.to_path_buf();
                    }
                    self.lay(&leaf.digest, &path, if leaf.executable { EXECUTABLE } else { FILE })?;
                }
                Ok(())
            }
        }
    }

    fn lay(&self, digest: &Digest, to: &Path, mode: u32) -> Result<(), StoreError> {
        let from = self.path(digest);
        let failed = |source: io::Error| match source.kind() {
            io::ErrorKind::NotFound if !from.exists() => StoreError::Damaged { digest: *digest },
            _ => StoreError::io("write", to, source),
        };
        if !self.cannot_reflink.load(Ordering::Relaxed) {
            match reflink(&from, to, mode) {
                Err(error) if is_inability(&error) => self.cannot_reflink.store(true, Ordering::Relaxed),
                done => return done.map_err(failed),
            }
        }
        // An executable needs permissions of its own, which a link would share with the object.
        if mode == FILE && !self.cannot_link.load(Ordering::Relaxed) {
            match fs::hard_link(&from, to) {
                Err(error) if is_inability(&error) => self.cannot_link.store(true, Ordering::Relaxed),
                // This one object has all the names that a file may have.
                Err(error) if error.kind() == io::ErrorKind::TooManyLinks => {}
                done => return done.map_err(failed),
            }
        }
        fs::copy(&from, to).map_err(failed)?;
        fs::set_permissions(to, fs::Permissions::from_mode(mode))
            .map_err(|source| StoreError::io("protect", to, source))
    }
}

/// A copy that shares its blocks with the original until one of them changes.
fn reflink(from: &Path, to: &Path, mode: u32) -> io::Result<()> {
    let source = File::open(from)?;
    let target = File::create_new(to)?;
    let cloned = rustix::fs::ioctl_ficlone(&target, &source).map_err(io::Error::from);
    let done = cloned.and_then(|()| target.set_permissions(fs::Permissions::from_mode(mode)));
    if done.is_err() {
        drop(fs::remove_file(to));
    }
    done
}

/// Whether an error says that the file system cannot do this, rather than that it failed this once.
fn is_inability(error: &io::Error) -> bool {
    use rustix::io::Errno;
    let errno = Errno::from_io_error(error);
    errno.is_some_and(|errno| {
        matches!(errno, Errno::OPNOTSUPP | Errno::NOTTY | Errno::INVAL | Errno::NOSYS | Errno::XDEV | Errno::PERM)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_way_lays_the_same() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let objects = Objects::new(folder.path().join("objects"));
        let path = folder.path().join("file");
        fs::write(&path, "contents").expect("writable");
        let object = objects.take(&path, folder.path()).expect("a file");
        for (way, (reflinks, links)) in [(true, true), (false, true), (false, false)].into_iter().enumerate() {
            objects.cannot_reflink.store(!reflinks, Ordering::Relaxed);
            objects.cannot_link.store(!links, Ordering::Relaxed);
            let to = folder.path().join(format!("below/{way}"));
            objects.materialise(&object, &to).expect("present");
            assert_eq!(fs::read_to_string(&to).expect("laid out"), "contents");
            assert_eq!(fs::metadata(&to).expect("laid out").permissions().mode() & 0o777, FILE);
        }
    }

    #[test]
    fn a_missing_object_is_said_to_be_damaged() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let objects = Objects::new(folder.path().join("objects"));
        let object = Object { digest: Digest::of(b"lost"), shape: Shape::File, bytes: 4 };
        for cannot in [false, true] {
            objects.cannot_reflink.store(cannot, Ordering::Relaxed);
            objects.cannot_link.store(cannot, Ordering::Relaxed);
            let laid = objects.materialise(&object, &folder.path().join("to"));
            assert!(matches!(laid, Err(StoreError::Damaged { digest }) if digest == object.digest));
        }
    }
}
