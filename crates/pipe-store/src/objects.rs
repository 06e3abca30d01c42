//! The object store: bytes under their digest, written once, never changed.
//!
//! Does not know who made an object.

use std::{
    fs::{self, File},
    io,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
};

use crate::{
    Digest, Object, Shape, StoreError,
    atomic::{sync_folder, temporary_name, write_atomic},
    tree::{self, Leaf},
};

/// Permissions of an object: nobody writes it.
const FILE: u32 = 0o444;
const EXECUTABLE: u32 = 0o555;

/// A folder of objects.
pub(crate) struct Objects {
    pub folder: PathBuf,
}

impl Objects {
    pub(crate) fn path(&self, digest: &Digest) -> PathBuf {
        let name = digest.to_string();
        self.folder.join(&name[..2]).join(&name[2..])
    }

    /// Stores a file or folder; the original stays.
    pub(crate) fn put(&self, path: &Path) -> Result<Object, StoreError> {
        let metadata = fs::metadata(path).map_err(|source| StoreError::io("read", path, source))?;
        if metadata.is_file() {
            let digest = self.put_file(path)?;
            return Ok(Object { digest, shape: Shape::File, bytes: metadata.len() });
        }
        let root = fs::canonicalize(path).map_err(|source| StoreError::io("read", path, source))?;
        let mut leaves = Vec::new();
        for found in tree::walk(path)? {
            let real = fs::canonicalize(&found.path).map_err(|source| StoreError::io("read", &found.path, source))?;
            if !real.starts_with(&root) {
                return Err(StoreError::NotAFile { path: found.path });
            }
            leaves.push(Leaf {
                path: found.name,
                digest: self.put_file(&found.path)?,
                bytes: found.metadata.len(),
                executable: found.metadata.permissions().mode() & 0o111 != 0,
            });
        }
        let object = tree::object(&leaves);
        let list = self.path(&object.digest);
        if !Digest::of_file(&list).is_ok_and(|found| found == object.digest) {
            write_atomic(&list, tree::text(&leaves).as_bytes())?;
            fs::set_permissions(&list, fs::Permissions::from_mode(FILE))
                .map_err(|source| StoreError::io("protect", &list, source))?;
        }
        Ok(object)
    }

    /// Copies first and names by what was copied, so that a file that changes meanwhile cannot lie about its digest.
    fn put_file(&self, path: &Path) -> Result<Digest, StoreError> {
        fs::create_dir_all(&self.folder).map_err(|source| StoreError::io("create", &self.folder, source))?;
        let temporary = self.folder.join(temporary_name());
        let stored = self.put_copy(path, &temporary);
        if stored.is_err() {
            drop(fs::remove_file(&temporary));
        }
        stored
    }

    fn put_copy(&self, path: &Path, temporary: &Path) -> Result<Digest, StoreError> {
        let failed = |source| StoreError::io("write", temporary, source);
        fs::copy(path, temporary).map_err(failed)?;
        let digest = Digest::of_file(temporary).map_err(failed)?;
        let target = self.path(&digest);
        // Read, not only looked for: what is made again often replaces bytes that are damaged.
        if Digest::of_file(&target).is_ok_and(|found| found == digest) {
            return fs::remove_file(temporary).map_err(failed).map(|()| digest);
        }
        let folder = target.parent().expect("objects have a folder");
        fs::create_dir_all(folder).map_err(failed)?;
        fs::set_permissions(temporary, fs::Permissions::from_mode(FILE)).map_err(failed)?;
        // Opened for reading: fsync flushes the file, whoever opened it.
        File::open(temporary).and_then(|file| file.sync_all()).map_err(failed)?;
        fs::rename(temporary, &target).map_err(failed)?;
        sync_folder(folder)?;
        Ok(digest)
    }

    fn leaves(&self, object: &Object) -> Result<Vec<Leaf>, StoreError> {
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
        let same = |digest: &Digest| Digest::of_file(&self.path(digest)).is_ok_and(|found| found == *digest);
        match object.shape {
            Shape::File => same(&object.digest),
            Shape::Tree => self.leaves(object).is_ok_and(|leaves| leaves.iter().all(|leaf| same(&leaf.digest))),
        }
    }

    /// Lays the contents at `to`, by a read-only hard link where the file system has them, else by copying.
    pub(crate) fn materialise(&self, object: &Object, to: &Path) -> Result<(), StoreError> {
        match object.shape {
            Shape::File => self.link(&object.digest, to, FILE),
            Shape::Tree => {
                fs::create_dir_all(to).map_err(|source| StoreError::io("create", to, source))?;
                for leaf in self.leaves(object)? {
                    let mode = if leaf.executable { EXECUTABLE } else { FILE };
                    self.link(&leaf.digest, &to.join(&leaf.path), mode)?;
                }
                Ok(())
            }
        }
    }

    fn link(&self, digest: &Digest, to: &Path, mode: u32) -> Result<(), StoreError> {
        let folder = to.parent().unwrap_or(Path::new("."));
        fs::create_dir_all(folder).map_err(|source| StoreError::io("create", folder, source))?;
        let from = self.path(digest);
        // An executable needs permissions of its own, which a link would share with the object.
        let linked = if mode == FILE { fs::hard_link(&from, to) } else { Err(io::Error::other("copied")) };
        if linked.is_ok() {
            return Ok(());
        }
        if !from.exists() {
            return Err(StoreError::Damaged { digest: *digest });
        }
        fs::copy(&from, to).map_err(|source| StoreError::io("write", to, source))?;
        fs::set_permissions(to, fs::Permissions::from_mode(mode))
            .map_err(|source| StoreError::io("protect", to, source))
    }

    /// Removes an object whose bytes are not what its name says, so that it can be stored again.
    pub(crate) fn remove_damaged(&self, object: &Object) -> Result<(), StoreError> {
        let mut digests = vec![object.digest];
        if object.shape == Shape::Tree {
            digests.extend(self.leaves(object).into_iter().flatten().map(|leaf| leaf.digest));
        }
        for digest in digests {
            let path = self.path(&digest);
            if path.exists() && !Digest::of_file(&path).is_ok_and(|found| found == digest) {
                fs::remove_file(&path).map_err(|source| StoreError::io("remove", &path, source))?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn objects() -> (tempfile::TempDir, Objects) {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let objects = Objects { folder: folder.path().join("objects") };
        (folder, objects)
    }

    #[test]
    fn a_folder_goes_in_and_comes_out() {
        let (folder, objects) = objects();
        let source = folder.path().join("source");
        fs::create_dir_all(source.join("below")).expect("a folder");
        fs::write(source.join("below/a.txt"), "a").expect("writable");
        fs::write(source.join("b.sh"), "b").expect("writable");
        fs::set_permissions(source.join("b.sh"), fs::Permissions::from_mode(0o755)).expect("ours");
        let object = objects.put(&source).expect("plain files");
        assert_eq!((object.shape, object.bytes), (Shape::Tree, 2));
        let to = folder.path().join("out");
        objects.materialise(&object, &to).expect("present");
        assert_eq!(fs::read_to_string(to.join("below/a.txt")).expect("laid out"), "a");
        assert_eq!(fs::metadata(to.join("b.sh")).expect("laid out").permissions().mode() & 0o777, EXECUTABLE);
        assert_eq!(objects.put(&to).expect("the same").digest, object.digest, "independent of place");
        assert!(objects.present(&object) && objects.verify(&object));
    }

    #[test]
    fn a_changed_object_is_seen() {
        let (folder, objects) = objects();
        let path = folder.path().join("file");
        fs::write(&path, "contents").expect("writable");
        let object = objects.put(&path).expect("a file");
        let stored = objects.path(&object.digest);
        fs::set_permissions(&stored, fs::Permissions::from_mode(0o644)).expect("ours");
        fs::write(&stored, "CONTENTS").expect("writable");
        assert!(objects.present(&object) && !objects.verify(&object));
        objects.remove_damaged(&object).expect("removable");
        assert!(!objects.present(&object));
    }

    #[test]
    fn a_link_out_of_an_output_is_refused() {
        let (folder, objects) = objects();
        let source = folder.path().join("source");
        fs::create_dir_all(&source).expect("a folder");
        std::os::unix::fs::symlink("/etc/hostname", source.join("link")).expect("a link");
        assert!(matches!(objects.put(&source), Err(StoreError::NotAFile { .. })));
    }
}
