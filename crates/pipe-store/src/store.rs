//! The store: one handle on the ledger, the objects and the digests of external data.
//!
//! Does not know rows; `runs.rs`, `attempts.rs` and `results.rs` do.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    sync::{Mutex, MutexGuard},
};

use rusqlite::{Connection, Transaction, TransactionBehavior};

use crate::{
    Digest, FileSystem, Object, RunId, Shape, StoreError,
    atomic::write_atomic,
    filesystem::file_system,
    lease::Lock,
    ledger::{self, Journal},
    objects::Objects,
    stat::StatCache,
};

/// A store under one root folder.
#[derive(Debug)]
pub struct Store {
    root: PathBuf,
    access: Access,
    file_system: FileSystem,
    pub(crate) journal: Journal,
    ledger: Mutex<Connection>,
    objects: Objects,
    stat: StatCache,
    /// Locks of the runs this handle has begun; another process sees by them that this one lives.
    pub(crate) live: Mutex<BTreeMap<RunId, Lock>>,
}

/// What may be done with a store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Access {
    Write,
    Read,
}

/// What a transaction survives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Durability {
    /// A power cut: it waits for the disk, because its rows may be reported.
    Power,
    /// The death of the process. A power cut may take it, and with it nothing that was reported.
    Process,
}

impl Store {
    /// Opens the store under a folder, and makes what is missing. Where nothing may be written, it can be read.
    ///
    /// # Errors
    /// The ledger is not ours, newer than this program, or cannot be opened.
    pub fn open(root: &Path) -> Result<Self, StoreError> {
        let made = fs::create_dir_all(root).map_err(|source| StoreError::io("create", root, source));
        if matches!(made, Err(StoreError::ReadOnly { .. })) {
            return Self::open_to_read(root);
        }
        made?;
        let path = root.join("ledger.sqlite");
        let may_write = |path: &Path| rustix::fs::access(path, rustix::fs::Access::WRITE_OK).is_ok();
        if !may_write(root) || (path.exists() && !may_write(&path)) {
            return Self::open_to_read(root);
        }
        let file_system = file_system(root);
        let journal = Journal::fit_for(&file_system);
        let ledger = ledger::open(&path, journal)?;
        Ok(Self::new(root, Access::Write, file_system, journal, ledger))
    }

    /// Opens the store under a folder for reading; makes and changes nothing. No ledger reads as an empty one.
    ///
    /// # Errors
    /// The ledger is not ours, newer than this program, or cannot be opened.
    pub fn open_to_read(root: &Path) -> Result<Self, StoreError> {
        let ledger = ledger::open_to_read(&root.join("ledger.sqlite"))?;
        let file_system = file_system(root);
        let journal = Journal::fit_for(&file_system);
        Ok(Self::new(root, Access::Read, file_system, journal, ledger))
    }

    fn new(root: &Path, access: Access, file_system: FileSystem, journal: Journal, ledger: Connection) -> Self {
        Self {
            root: root.to_path_buf(),
            access,
            file_system,
            journal,
            ledger: Mutex::new(ledger),
            objects: Objects::new(root.join("objects")),
            stat: StatCache::new(root.join("stat.sqlite"), access, journal),
            live: Mutex::new(BTreeMap::new()),
        }
    }

    /// The folder of the store.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// The file system the store lies on.
    pub fn file_system(&self) -> &FileSystem {
        &self.file_system
    }

    /// Whether the disk of the store has hardly a page left: what a stage could not even write a message about.
    pub fn disk_is_full(&self) -> bool {
        const HARDLY: u64 = 64 * 1024;
        rustix::fs::statvfs(&self.root).is_ok_and(|disk| disk.f_bavail.saturating_mul(disk.f_frsize) < HARDLY)
    }

    pub(crate) fn ledger(&self) -> MutexGuard<'_, Connection> {
        self.ledger.lock().expect("no holder panics")
    }

    pub(crate) fn database(&self, source: rusqlite::Error) -> StoreError {
        StoreError::database(&self.root.join("ledger.sqlite"), source)
    }

    pub(crate) fn writable(&self) -> Result<(), StoreError> {
        match self.access {
            Access::Write => Ok(()),
            Access::Read => Err(StoreError::ReadOnly { path: self.root.clone() }),
        }
    }

    /// Does some work on the ledger in one transaction.
    pub(crate) fn transaction<T>(
        &self,
        durability: Durability,
        work: impl FnOnce(&Transaction<'_>) -> rusqlite::Result<T>,
    ) -> Result<T, StoreError> {
        self.writable()?;
        let mut ledger = self.ledger();
        // A rollback journal that does not wait for the disk may damage the file, so there every transaction waits.
        let waits = durability == Durability::Power && self.journal == Journal::Ahead;
        let done = || {
            if waits {
                ledger.pragma_update(None, "synchronous", "full")?;
            }
            let transaction = ledger.transaction_with_behavior(TransactionBehavior::Immediate)?;
            let answer = work(&transaction)?;
            transaction.commit()?;
            Ok(answer)
        };
        let done = done();
        if waits {
            // Fails only where the one above did, or within a transaction.
            drop(ledger.pragma_update(None, "synchronous", "normal"));
        }
        done.map_err(|source| self.database(source))
    }

    pub(crate) fn objects(&self) -> &Objects {
        &self.objects
    }

    /// Takes a file or folder below `within` into the store under its digest: its files are moved, not copied.
    ///
    /// # Errors
    /// It cannot be read, holds what is no file, leads out of `within`, or the store cannot be written; nothing
    /// half-written stays.
    pub fn take(&self, path: &Path, within: &Path) -> Result<Object, StoreError> {
        self.writable()?;
        self.objects.take(path, within)
    }

    /// Where a file object lies; read-only.
    pub fn object_path(&self, digest: &Digest) -> PathBuf {
        self.objects.path(digest)
    }

    /// Reads a file of a folder object, by its path below the folder, without laying the folder out; none if it has no such file.
    ///
    /// # Errors
    /// The object is missing or damaged, or cannot be read.
    pub fn read_in(&self, folder: &Object, path: &str) -> Result<Option<Vec<u8>>, StoreError> {
        let leaves = self.objects.leaves(folder)?;
        let Some(leaf) = leaves.iter().find(|leaf| leaf.path == path) else { return Ok(None) };
        let path = self.objects.path(&leaf.digest);
        match fs::read(&path) {
            Ok(bytes) => Ok(Some(bytes)),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                Err(StoreError::Damaged { digest: leaf.digest })
            }
            Err(source) => Err(StoreError::io("read", &path, source)),
        }
    }

    /// Where all files of an object lie, by their paths below the folder; that of a file object is empty.
    ///
    /// # Errors
    /// The object is missing or damaged.
    pub fn files_of(&self, object: &Object) -> Result<Vec<(String, PathBuf)>, StoreError> {
        match object.shape {
            Shape::File => Ok(vec![(String::new(), self.objects.path(&object.digest))]),
            Shape::Tree => {
                let leaves = self.objects.leaves(object)?.into_iter();
                Ok(leaves.map(|leaf| (leaf.path, self.objects.path(&leaf.digest))).collect())
            }
        }
    }

    /// Lays an object's contents at a path, read-only.
    ///
    /// # Errors
    /// The object is missing, or the path cannot be written.
    pub fn materialise(&self, object: &Object, to: &Path) -> Result<(), StoreError> {
        self.objects.materialise(object, to)
    }

    /// Whether an object's bytes are there, judged by size.
    pub fn present(&self, object: &Object) -> bool {
        self.objects.present(object)
    }

    /// Whether an object's bytes are there and unchanged, judged by reading them.
    pub fn verify(&self, object: &Object) -> bool {
        self.objects.verify(object)
    }

    /// Removes what is left of an object whose bytes changed, so that storing it again heals it.
    ///
    /// # Errors
    /// It cannot be removed.
    pub fn remove_damaged(&self, object: &Object) -> Result<(), StoreError> {
        self.writable()?;
        self.objects.remove_damaged(object)
    }

    /// Digest of a file or folder outside the store, as it is now.
    ///
    /// # Errors
    /// It cannot be read.
    pub fn external(&self, path: &Path) -> Result<Object, StoreError> {
        self.stat.external(path)
    }

    /// Writes a file below the store's folder, whole or not at all.
    ///
    /// # Errors
    /// It cannot be written.
    pub fn write(&self, path: &Path, contents: &[u8]) -> Result<(), StoreError> {
        self.writable()?;
        write_atomic(path, contents)
    }
}

pub(crate) fn json(value: &impl serde::Serialize) -> String {
    serde_json::to_string(value).expect("records are plain data")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Claim, Holder, fixture};

    #[test]
    fn reading_makes_and_changes_nothing() {
        let (folder, store) = fixture::store();
        let run = fixture::run(&store);
        let attempt = fixture::attempt(&store, run, "a", "recipe");
        let Claim::Miss(lease) = store.claim(&attempt.fingerprint, &Holder::default()).expect("new") else {
            panic!("nothing is there yet")
        };
        let record = lease.publish(&fixture::new_record(&store, "one"), &attempt, &().into()).expect("writable");
        drop(lease);
        // Also beside a writer, and after it.
        for beside in [Some(store), None] {
            let names = |folder: &Path| {
                let mut names: Vec<_> = walk(folder).collect();
                names.sort();
                names
            };
            let before = names(folder.path());
            let reader = Store::open_to_read(folder.path()).expect("readable");
            assert_eq!(reader.current(&attempt.fingerprint).expect("readable").as_ref(), Some(&record));
            assert_eq!(reader.runs(1).expect("readable")[0].id, run);
            let refused = reader.claim_anew(&attempt.fingerprint, &Holder::default());
            assert!(matches!(refused, Err(StoreError::ReadOnly { .. })));
            let new = crate::NewRun { experiment: "e", file: "e.yaml", command: "pipe", commit: None };
            assert!(matches!(reader.begin_run(&new), Err(StoreError::ReadOnly { .. })));
            let written = reader.ledger().execute("delete from runs", []).map_err(|error| reader.database(error));
            assert!(matches!(written, Err(StoreError::ReadOnly { .. })));
            drop(reader);
            assert_eq!(names(folder.path()), before);
            drop(beside);
        }
    }

    #[test]
    fn no_ledger_reads_as_an_empty_one() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let root = folder.path().join("nothing/here");
        let store = Store::open_to_read(&root).expect("empty");
        assert_eq!(store.current(&Digest::of(b"recipe")).expect("readable"), None);
        assert!(store.runs(5).expect("readable").is_empty() && store.stages("e").expect("readable").is_empty());
        let path = folder.path().join("data");
        fs::write(&path, "data").expect("writable");
        assert_eq!(store.external(&path).expect("readable").digest, Digest::of(b"data"));
        assert!(!root.exists());
    }

    fn walk(folder: &Path) -> impl Iterator<Item = PathBuf> {
        crate::walk::walk(folder).expect("a folder").files.into_iter().map(|file| file.name.into())
    }
}
