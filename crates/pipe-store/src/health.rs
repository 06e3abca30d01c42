//! The state of a store: looked at, never changed; nothing is made where nothing is.
//!
//! Does not judge what it finds.

use std::{fs, io::Read as _, path::Path};

use crate::{
    Digest, Holder, RunId, StoreError, lease,
    ledger::{APPLICATION, beside, open_file_to_read},
    migrations::MIGRATIONS,
};

/// What a ledger looks like.
#[derive(Clone, Debug)]
pub struct Health {
    /// Its format.
    pub format: i64,
    /// The newest format that this program knows.
    pub known: i64,
    /// Its journal: `wal`, or `truncate` where a write-ahead log cannot be trusted.
    pub journal: String,
    /// Bytes of the ledger and its journal.
    pub bytes: u64,
    /// What SQLite finds wrong with it; empty where it is whole.
    pub damage: Vec<String>,
    /// The newest time it holds, RFC 3339.
    pub newest: Option<String>,
    /// Runs without an end, newest first: they run, or were killed.
    pub unfinished: Vec<Unfinished>,
}

/// A run without an end.
#[derive(Clone, Debug)]
pub struct Unfinished {
    /// Its number.
    pub id: RunId,
    /// Name of the experiment.
    pub experiment: String,
    /// Start, RFC 3339.
    pub started: String,
    /// Whether its process lives.
    pub lives: bool,
}

/// A lease that a process holds.
#[derive(Clone, Debug)]
pub struct Held {
    /// The recipe that is being computed.
    pub fingerprint: Digest,
    /// Who; the empty holder where that could not be read.
    pub by: Holder,
}

/// Space of a file system.
#[derive(Clone, Copy, Debug)]
pub struct Space {
    /// Bytes that may still be written.
    pub free: u64,
    /// All bytes.
    pub total: u64,
}

/// Looks at the ledger under a root; nothing where there is none.
///
/// # Errors
/// It is not ours, or cannot be read.
pub fn health(root: &Path) -> Result<Option<Health>, StoreError> {
    let path = root.join("ledger.sqlite");
    if !path.exists() {
        return Ok(None);
    }
    let look = || {
        let ledger = open_file_to_read(&path)?;
        let number = |name: &str| ledger.pragma_query_value(None, name, |row| row.get::<_, i64>(0));
        if number("application_id")? != APPLICATION {
            return Ok(None);
        }
        let mut damage = Vec::new();
        ledger.pragma(None, "quick_check", 5, |row| {
            damage.push(row.get::<_, String>(0)?);
            Ok(())
        })?;
        damage.retain(|line| line != "ok");
        let mut unfinished = ledger.prepare(
            "select id, experiment, started from runs where state is null and ended is null order by id desc limit 100",
        )?;
        let unfinished = unfinished.query_map([], |row| {
            let id = RunId(row.get(0)?);
            let lives = matches!(lease::held(&root.join("leases").join(format!("run-{id}"))), Ok(Some(_)));
            Ok(Unfinished { id, experiment: row.get(1)?, started: row.get(2)?, lives })
        })?;
        let files = ["", "-wal", "-journal"].map(|end| beside(&path, end));
        Ok(Some(Health {
            format: number("user_version")?,
            known: i64::try_from(MIGRATIONS.len()).expect("few migrations"),
            journal: ledger.pragma_query_value(None, "journal_mode", |row| row.get(0))?,
            bytes: files.iter().filter_map(|path| fs::metadata(path).ok()).map(|file| file.len()).sum(),
            damage,
            newest: ledger.query_row("select max(coalesce(ended, started)) from runs", [], |row| row.get(0))?,
            unfinished: unfinished.collect::<rusqlite::Result<_>>()?,
        }))
    };
    match look() {
        Ok(Some(health)) => Ok(Some(health)),
        Ok(None) => Err(StoreError::NotOurs { path }),
        Err(source) => Err(StoreError::database(&path, source)),
    }
}

/// The leases under a root that processes hold now.
pub fn held(root: &Path) -> Vec<Held> {
    let leases = fs::read_dir(root.join("leases")).into_iter().flatten().filter_map(Result::ok);
    let mut held: Vec<Held> = leases
        .filter_map(|entry| {
            let fingerprint = entry.file_name().to_str()?.parse().ok()?;
            let mut text = Vec::new();
            drop(lease::held(&entry.path()).ok()??.read_to_end(&mut text));
            Some(Held { fingerprint, by: serde_json::from_slice(&text).unwrap_or_default() })
        })
        .collect();
    held.sort_by_key(|held| held.fingerprint);
    held
}

/// Space of the file system that a path lies on; nothing where the system does not tell.
pub fn space(path: &Path) -> Option<Space> {
    let disk = rustix::fs::statvfs(path).ok()?;
    let bytes = |blocks: u64| blocks.saturating_mul(disk.f_frsize);
    Some(Space { free: bytes(disk.f_bavail), total: bytes(disk.f_blocks) })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Claim, RunEnd, Store, fixture};

    #[test]
    fn a_store_at_work() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        assert!(health(folder.path()).expect("nothing is no error").is_none());
        assert!(fs::read_dir(folder.path()).expect("it exists").next().is_none(), "nothing was made");
        let store = Store::open(folder.path()).expect("a new store");
        let (first, second) = (fixture::run(&store), fixture::run(&store));
        store.end_run(first, &RunEnd::default()).expect("writable");
        let found = health(folder.path()).expect("readable").expect("a ledger");
        assert_eq!(found.unfinished.iter().map(|run| (run.id, run.lives)).collect::<Vec<_>>(), [(second, true)]);
        assert_eq!((found.format, found.damage.len()), (found.known, 0));
        assert!(found.bytes > 0 && found.newest.is_some() && !found.journal.is_empty());
        let print = Digest::of(b"recipe");
        let holder = Holder::here(second, "e", "train[fold=1]");
        let Claim::Miss(lease) = store.claim(&print, &holder).expect("a new store") else {
            panic!("nothing is there yet")
        };
        let seen = held(folder.path());
        assert_eq!(seen.iter().map(|held| (held.fingerprint, &held.by)).collect::<Vec<_>>(), [(print, &holder)]);
        drop(lease);
        assert!(held(folder.path()).is_empty());
    }

    #[test]
    fn what_is_no_ledger_is_said_to_be_none() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        fs::write(folder.path().join("ledger.sqlite"), "no database at all".repeat(30)).expect("writable");
        assert!(matches!(health(folder.path()), Err(StoreError::NotOurs { .. })));
        assert!(space(folder.path()).is_some_and(|space| space.free <= space.total));
    }
}
