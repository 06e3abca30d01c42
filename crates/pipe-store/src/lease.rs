//! The right to compute one fingerprint: a lock of the operating system, which dies with its process.
//!
//! Does not know what is computed.

use std::{
    fs::{self, File, TryLockError},
    io::{Read as _, Seek as _, Write as _},
    path::Path,
    process,
};

use crate::{Digest, NewRecord, Record, Store, StoreError};

/// What a cache look-up answers.
#[derive(Debug)]
pub enum Claim<'s> {
    /// The result is there.
    Hit(Record),
    /// It is not, and the caller has the right to make it.
    Miss(Lease<'s>),
    /// Another process is making it.
    Held {
        /// That process, where it could be read.
        by: Option<u32>,
    },
}

/// The right to publish the result of one recipe.
#[derive(Debug)]
pub struct Lease<'s> {
    store: &'s Store,
    fingerprint: Digest,
    // Held for its lock alone; closing it lets the next process in.
    _file: File,
}

impl<'s> Lease<'s> {
    /// Takes the lock, or tells who holds it.
    pub(crate) fn take(
        store: &'s Store,
        fingerprint: Digest,
        path: &Path,
    ) -> Result<Result<Self, Option<u32>>, StoreError> {
        let failed = |source| StoreError::io("lock", path, source);
        fs::create_dir_all(path.parent().expect("leases have a folder")).map_err(failed)?;
        let mut file =
            File::options().read(true).write(true).create(true).truncate(false).open(path).map_err(failed)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                let mut text = String::new();
                // The holder may be writing its number just now; the answer is only for people.
                drop(file.read_to_string(&mut text));
                return Ok(Err(text.trim().parse().ok()));
            }
            Err(TryLockError::Error(source)) => return Err(failed(source)),
        }
        file.set_len(0)
            .and_then(|()| file.rewind())
            .and_then(|()| write!(file, "{}", process::id()))
            .map_err(failed)?;
        Ok(Ok(Self { store, fingerprint, _file: file }))
    }

    /// The recipe this lease is for.
    pub fn fingerprint(&self) -> Digest {
        self.fingerprint
    }

    /// Publishes a result, in one transaction; it becomes the current one of its recipe.
    ///
    /// The lease stays: what belongs to the attempt is cleaned up before the next process may begin.
    ///
    /// # Errors
    /// The ledger cannot be written; nothing is published then.
    pub fn publish(&self, record: &NewRecord<'_>) -> Result<Record, StoreError> {
        self.store.insert(self.fingerprint, record)
    }
}
