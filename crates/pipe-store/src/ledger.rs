//! The ledger file: schema, version, and the connection that writes it.
//!
//! Does not know what the rows mean; `store.rs` and `runs.rs` do.

use std::{
    fs,
    path::Path,
    thread,
    time::{Duration, Instant},
};

use rusqlite::{Connection, OpenFlags};

use crate::StoreError;

/// Marks a SQLite file as ours: `pipe` in ASCII.
const APPLICATION: i64 = 0x7069_7065;
/// How long another writer is waited for.
pub(crate) const BUSY: Duration = Duration::from_secs(10);

/// One script a format; a ledger of format n has had the first n.
const MIGRATIONS: &[&str] = &["
create table recipes (
    fingerprint blob primary key,
    kind text not null,
    manifest text not null
) without rowid;
create table artifacts (
    id integer primary key,
    fingerprint blob not null references recipes,
    current integer not null,
    outputs text not null,
    lineage text not null,
    made text not null
);
create unique index current_artifact on artifacts(fingerprint) where current = 1;
create table metrics (
    artifact integer not null references artifacts,
    name text not null,
    value real,
    unit text not null,
    direction text not null,
    case_id text
);
create index metrics_of on metrics(artifact);
create table runs (
    id integer primary key,
    experiment text not null,
    file text not null,
    command text not null,
    started text not null,
    commit_id text,
    ended text,
    state text,
    cached integer, ran integer, failed integer, skipped integer,
    seconds real,
    stages text
);
create index runs_of on runs(experiment, id);
create table stages (
    experiment text not null,
    stage text not null,
    fingerprint blob not null,
    run integer not null,
    state text not null,
    reason text not null,
    primary key (experiment, stage)
) without rowid;
create table attempts (
    run integer not null,
    stage text not null,
    number integer not null,
    fingerprint blob not null,
    started text not null,
    ended text,
    outcome text,
    primary key (run, stage, number)
) without rowid;
"];

/// Opens the ledger, and makes it if there is none.
///
/// # Errors
/// The file is not ours, is newer than this program, or cannot be opened.
pub(crate) fn open(path: &Path) -> Result<Connection, StoreError> {
    let failed = |source| StoreError::database(path, source);
    let fresh = !fs::metadata(path).is_ok_and(|file| file.len() > 0);
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let mut connection = Connection::open_with_flags(path, flags).map_err(failed)?;
    connection.busy_timeout(BUSY).map_err(failed)?;
    connection.set_prepared_statement_cache_capacity(64);
    let mark = || connection.pragma_query_value(None, "application_id", |row| row.get::<_, i64>(0)).map_err(failed);
    let mut application = mark()?;
    if application != APPLICATION && !(fresh || is_empty(&connection).map_err(failed)?) {
        // Another process may have made the tables between the two looks.
        application = mark()?;
        if application != APPLICATION {
            return Err(StoreError::NotOurs { path: path.into() });
        }
    }
    let version: i64 = connection.pragma_query_value(None, "user_version", |row| row.get(0)).map_err(failed)?;
    let known = i64::try_from(MIGRATIONS.len()).expect("few migrations");
    if application == APPLICATION && version > known {
        return Err(StoreError::NewerVersion { path: path.into(), found: version, known });
    }
    if application != APPLICATION || version < known {
        write_ahead(&connection).map_err(failed)?;
        migrate(&mut connection).map_err(failed)?;
    }
    // A published row must survive a power loss, for it may have been reported.
    connection.pragma_update(None, "synchronous", "full").map_err(failed)?;
    Ok(connection)
}

/// Turns the write-ahead log on. SQLite does not wait for other processes here, so this does.
pub(crate) fn write_ahead(connection: &Connection) -> rusqlite::Result<()> {
    let end = Instant::now() + BUSY;
    loop {
        match connection.pragma_update(None, "journal_mode", "wal") {
            Err(error)
                if error.sqlite_error_code() == Some(rusqlite::ErrorCode::DatabaseBusy) && Instant::now() < end =>
            {
                thread::sleep(Duration::from_millis(5));
            }
            done => return done,
        }
    }
}

fn is_empty(connection: &Connection) -> rusqlite::Result<bool> {
    connection.query_row("select count(*) = 0 from sqlite_master", [], |row| row.get(0))
}

/// In one transaction, so that two processes that start together do it once.
fn migrate(connection: &mut Connection) -> rusqlite::Result<()> {
    let transaction = connection.transaction_with_behavior(rusqlite::TransactionBehavior::Immediate)?;
    let version: i64 = transaction.pragma_query_value(None, "user_version", |row| row.get(0))?;
    let done = usize::try_from(version).unwrap_or(0);
    for script in MIGRATIONS.iter().skip(done) {
        transaction.execute_batch(script)?;
    }
    transaction.pragma_update(None, "application_id", APPLICATION)?;
    transaction.pragma_update(None, "user_version", MIGRATIONS.len() as i64)?;
    transaction.commit()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_foreign_file_is_refused_and_left_alone() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let path = folder.path().join("ledger.sqlite");
        Connection::open(&path).expect("a new file").execute_batch("create table other (x);").expect("SQL");
        let before = fs::read(&path).expect("it exists");
        assert!(matches!(open(&path), Err(StoreError::NotOurs { .. })));
        assert_eq!(fs::read(&path).expect("it exists"), before);
        fs::write(&path, "no database at all, but long enough to have a header of one hundred bytes".repeat(3))
            .expect("ours");
        assert!(matches!(open(&path), Err(StoreError::NotOurs { .. })));
    }

    #[test]
    fn a_newer_file_is_refused() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let path = folder.path().join("ledger.sqlite");
        open(&path).expect("a new ledger").pragma_update(None, "user_version", 99).expect("SQL");
        assert!(matches!(open(&path), Err(StoreError::NewerVersion { found: 99, .. })));
    }
}
