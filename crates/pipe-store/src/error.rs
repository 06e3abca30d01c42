//! What can go wrong in the store, as data; the reasons that a person can do something about have variants of their own.
//!
//! Does not know exit codes.

use std::{
    io,
    path::{Path, PathBuf},
};

use thiserror::Error;

use crate::Digest;

/// A failure of the store.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum StoreError {
    /// The ledger file belongs to another program.
    #[error("{path} is not a ledger of pipe; move it away, or choose another workspace")]
    NotOurs {
        /// The file.
        path: PathBuf,
    },
    /// The ledger was written by a newer version.
    #[error("{path} was written by a newer version of pipe (format {found}, this one knows {known}); update pipe")]
    NewerVersion {
        /// The file.
        path: PathBuf,
        /// Its format.
        found: i64,
        /// The newest format known here.
        known: i64,
    },
    /// Another process kept the ledger locked for too long.
    #[error("the ledger {path} stayed locked by another process for {seconds} s")]
    Locked {
        /// The file.
        path: PathBuf,
        /// How long it was waited for.
        seconds: u64,
    },
    /// The disk is full.
    #[error("no space left on the disk while writing {path}")]
    DiskFull {
        /// What was written.
        path: PathBuf,
    },
    /// The store may not be written.
    #[error("{path} may not be written")]
    ReadOnly {
        /// What was written.
        path: PathBuf,
    },
    /// Another error of the file system.
    #[error("cannot {what} {path}")]
    Io {
        /// What was tried.
        what: &'static str,
        /// On what.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// An output holds something that is neither file nor folder, or a link that leads out of it.
    #[error("{path} is neither a file nor a folder, or a link that leads out of its folder")]
    NotAFile {
        /// The entry.
        path: PathBuf,
    },
    /// A file name that is not Unicode.
    #[error("{path} has a name that is not Unicode")]
    Name {
        /// The entry.
        path: PathBuf,
    },
    /// An object is missing or differs from its digest.
    #[error("the object {digest} is missing or damaged; `pipe run` makes it again")]
    Damaged {
        /// Its name.
        digest: Digest,
    },
    /// Another error of SQLite.
    #[error("the ledger {path} cannot be used")]
    Database {
        /// The file.
        path: PathBuf,
        /// Why.
        source: rusqlite::Error,
    },
}

impl StoreError {
    pub(crate) fn io(what: &'static str, path: &Path, source: io::Error) -> Self {
        let path = path.to_path_buf();
        match source.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => Self::DiskFull { path },
            io::ErrorKind::ReadOnlyFilesystem | io::ErrorKind::PermissionDenied => Self::ReadOnly { path },
            _ => Self::Io { what, path, source },
        }
    }

    pub(crate) fn database(path: &Path, source: rusqlite::Error) -> Self {
        use rusqlite::ErrorCode;
        let path = path.to_path_buf();
        match source.sqlite_error_code() {
            Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => {
                Self::Locked { path, seconds: crate::ledger::BUSY.as_secs() }
            }
            Some(ErrorCode::DiskFull) => Self::DiskFull { path },
            Some(ErrorCode::ReadOnly | ErrorCode::PermissionDenied) => Self::ReadOnly { path },
            Some(ErrorCode::NotADatabase) => Self::NotOurs { path },
            _ => Self::Database { path, source },
        }
    }
}
