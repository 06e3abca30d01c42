//! What can go wrong in the store, as data; the reasons that a person can do something about have variants of their own.
//!
//! Does not know exit codes.

use std::{
    fs, io,
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
    #[error("the ledger {path} stayed locked by another process for {seconds} s{}", listed(processes))]
    Locked {
        /// The file.
        path: PathBuf,
        /// The other processes of this machine that have it open, where that can be seen.
        processes: Vec<u32>,
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
            io::ErrorKind::ReadOnlyFilesystem => Self::ReadOnly { path },
            io::ErrorKind::PermissionDenied if what != "read" => Self::ReadOnly { path },
            _ => Self::Io { what, path, source },
        }
    }

    pub(crate) fn database(path: &Path, source: rusqlite::Error) -> Self {
        use rusqlite::ErrorCode;
        /// Memory that processes share, for which the disk has no room.
        const SHARED: [i32; 3] = [
            rusqlite::ffi::SQLITE_IOERR_SHMSIZE,
            rusqlite::ffi::SQLITE_IOERR_SHMOPEN,
            rusqlite::ffi::SQLITE_IOERR_SHMMAP,
        ];
        let path = path.to_path_buf();
        let extended = source.sqlite_error().map(|error| error.extended_code);
        match source.sqlite_error_code() {
            _ if extended.is_some_and(|code| SHARED.contains(&code)) => Self::DiskFull { path },
            Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => {
                let processes = open_in(&path);
                Self::Locked { path, processes, seconds: crate::ledger::BUSY.as_secs() }
            }
            Some(ErrorCode::DiskFull) => Self::DiskFull { path },
            Some(ErrorCode::ReadOnly | ErrorCode::PermissionDenied) => Self::ReadOnly { path },
            Some(ErrorCode::NotADatabase) => Self::NotOurs { path },
            _ => Self::Database { path, source },
        }
    }
}

fn listed(processes: &[u32]) -> String {
    let numbers: Vec<_> = processes.iter().map(u32::to_string).collect();
    match numbers.as_slice() {
        [] => String::new(),
        [one] => format!("; process {one} has it open"),
        more => format!("; processes {} have it open", more.join(", ")),
    }
}

/// The other processes that have a file open; those of other users are not seen.
fn open_in(path: &Path) -> Vec<u32> {
    let Ok(real) = fs::canonicalize(path) else { return Vec::new() };
    let has_it = |process: &u32| {
        let files = fs::read_dir(format!("/proc/{process}/fd")).into_iter().flatten().flatten();
        files.into_iter().any(|file| fs::read_link(file.path()).is_ok_and(|target| target == real))
    };
    let all = fs::read_dir("/proc").into_iter().flatten().flatten();
    let mut found: Vec<u32> = all
        .filter_map(|entry| entry.file_name().to_str()?.parse().ok())
        .filter(|process| *process != std::process::id() && has_it(process))
        .collect();
    found.sort_unstable();
    found
}

#[cfg(test)]
mod tests {
    use std::process::{Command, Stdio};

    use super::*;

    #[test]
    fn who_has_the_ledger_open_is_named() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let path = folder.path().join("ledger.sqlite");
        fs::write(&path, "").expect("writable");
        assert!(open_in(&path).is_empty());
        let file = fs::File::open(&path).expect("readable");
        let mut child = Command::new("sleep").arg("60").stdin(Stdio::from(file)).spawn().expect("sleep exists");
        let busy = rusqlite::ffi::Error::new(rusqlite::ffi::SQLITE_BUSY);
        let error = StoreError::database(&path, rusqlite::Error::SqliteFailure(busy, None));
        child.kill().and_then(|()| child.wait()).expect("our child");
        assert!(error.to_string().ends_with(&format!("for 10 s; process {} has it open", child.id())), "{error}");
    }
}
