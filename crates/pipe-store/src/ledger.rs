//! The ledger file: schema, version, and the connection that writes it.
//!
//! Does not know what the rows mean; `runs.rs`, `attempts.rs` and `results.rs` do.

use std::{
    fs,
    io::Read as _,
    path::{Path, PathBuf},
    thread,
    time::{Duration, Instant},
};

use rusqlite::{Connection, OpenFlags, params_from_iter, types::Value};

use crate::{FileSystem, StoreError, migrations::MIGRATIONS};

/// Marks a SQLite file as ours: `pipe` in ASCII.
pub(crate) const APPLICATION: i64 = 0x7069_7065;
/// How long another writer is waited for.
pub(crate) const BUSY: Duration = Duration::from_secs(10);

/// Pages kept in memory, in KiB with a minus: the look-ups of ten thousand stages read each page once.
const CACHE: i64 = -16 * 1024;

/// How a database keeps what is not yet in its file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Journal {
    /// A write-ahead log: readers never wait. It needs memory that all its processes share, hence one machine.
    Ahead,
    /// A rollback journal, which works on network file systems too.
    Rollback,
}

impl Journal {
    /// The journal for a file system; `PIPE_JOURNAL=wal` or `rollback` knows better.
    pub(crate) fn fit_for(file_system: &FileSystem) -> Self {
        match std::env::var("PIPE_JOURNAL").as_deref() {
            Ok("wal") => Self::Ahead,
            Ok("rollback") => Self::Rollback,
            _ if file_system.is_network => Self::Rollback,
            _ => Self::Ahead,
        }
    }

    /// Sets a database up. SQLite does not wait for other processes here, so this does.
    pub(crate) fn set(self, connection: &Connection) -> rusqlite::Result<()> {
        let mode: String = connection.pragma_query_value(None, "journal_mode", |row| row.get(0))?;
        let wanted = match self {
            Self::Ahead => "wal",
            Self::Rollback => "truncate",
        };
        if mode == wanted {
            return Ok(());
        }
        let end = Instant::now() + BUSY;
        loop {
            match connection.pragma_update(None, "journal_mode", wanted) {
                Err(error)
                    if error.sqlite_error_code() == Some(rusqlite::ErrorCode::DatabaseBusy) && Instant::now() < end =>
                {
                    thread::sleep(Duration::from_millis(5));
                }
                done => return done,
            }
        }
    }
}

/// Opens the ledger, and makes it if there is none.
///
/// # Errors
/// The file is not ours, is newer than this program, or cannot be opened.
pub(crate) fn open(path: &Path, journal: Journal) -> Result<Connection, StoreError> {
    match open_as(path, journal, Sharing::Shared) {
        // A full disk has no room for the memory that processes share. Alone one needs none, and can look and tidy up.
        Err(StoreError::DiskFull { .. }) => open_as(path, journal, Sharing::Alone),
        opened => opened,
    }
}

/// Whether other processes may have the ledger open too.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Sharing {
    Shared,
    Alone,
}

fn open_as(path: &Path, journal: Journal, sharing: Sharing) -> Result<Connection, StoreError> {
    let failed = |source| StoreError::database(path, source);
    let fresh = !fs::metadata(path).is_ok_and(|file| file.len() > 0);
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let mut connection = Connection::open_with_flags(path, flags).map_err(failed)?;
    connection.busy_timeout(BUSY).map_err(failed)?;
    connection.set_prepared_statement_cache_capacity(64);
    if sharing == Sharing::Alone {
        connection.pragma_update(None, "locking_mode", "exclusive").map_err(failed)?;
    }
    if fresh {
        // Nothing to look at yet; but two processes may begin at once.
        journal.set(&connection).map_err(failed)?;
    }
    let version = version(&connection, path)?;
    journal.set(&connection).map_err(failed)?;
    if version < MIGRATIONS.len() {
        migrate(&mut connection).map_err(failed)?;
    }
    // Rows that may be reported wait for the disk (`Store::transaction`). A rollback journal always has to.
    let synchronous = if journal == Journal::Ahead { "normal" } else { "full" };
    connection.pragma_update(None, "synchronous", synchronous).map_err(failed)?;
    connection.pragma_update(None, "cache_size", CACHE).map_err(failed)?;
    Ok(connection)
}

/// Opens the ledger for reading; makes and changes no file.
///
/// # Errors
/// The file is not ours, is newer than this program, or cannot be opened.
pub(crate) fn open_to_read(path: &Path) -> Result<Connection, StoreError> {
    let failed = |source| StoreError::database(path, source);
    let mut connection = Connection::open_in_memory().map_err(failed)?;
    if fs::metadata(path).is_ok_and(|file| file.len() > 0) {
        let found = open_file_to_read(path).map_err(failed)?;
        let version = version(&found, path)?;
        if version == MIGRATIONS.len() {
            return Ok(found);
        }
        // The tables of an older version are carried into memory, and brought up to date there.
        connection.execute_batch(&MIGRATIONS[..version].concat()).map_err(failed)?;
        copy_rows(&found, &mut connection).map_err(failed)?;
        connection.execute_batch(&MIGRATIONS[version..].concat()).map_err(failed)?;
    } else {
        connection.execute_batch(&MIGRATIONS.concat()).map_err(failed)?;
    }
    connection.pragma_update(None, "query_only", true).map_err(failed)?;
    Ok(connection)
}

pub(crate) fn open_file_to_read(path: &Path) -> rusqlite::Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_URI | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let opened = |more: &str| -> rusqlite::Result<Connection> {
        let connection = Connection::open_with_flags(format!("file:{}?mode=ro{more}", escaped(path)), flags)?;
        connection.busy_timeout(BUSY)?;
        connection.set_prepared_statement_cache_capacity(64);
        is_empty(&connection)?;
        Ok(connection)
    };
    // To read beside a log, SQLite makes files where they are missing; without a log nobody writes, and it need not.
    // Who begins to write while this is open is not seen.
    let alone = !beside(path, "-wal").exists() && is_ahead(path);
    match if alone { opened("&immutable=1") } else { opened("") } {
        Err(error)
            if matches!(
                error.sqlite_error_code(),
                Some(rusqlite::ErrorCode::CannotOpen | rusqlite::ErrorCode::ReadOnly)
            ) && !beside(path, "-journal").exists() =>
        {
            opened("&immutable=1")
        }
        done => done,
    }
}

/// A path as a part of a URI.
fn escaped(path: &Path) -> String {
    let safe = |byte: u8| byte.is_ascii_alphanumeric() || b"/._-~".contains(&byte);
    let bytes = path.as_os_str().as_encoded_bytes();
    bytes.iter().map(|&byte| if safe(byte) { char::from(byte).to_string() } else { format!("%{byte:02x}") }).collect()
}

pub(crate) fn beside(path: &Path, end: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(end);
    name.into()
}

/// Whether a ledger has a write-ahead log, by the version for readers in its header.
///
/// Not for one that this process writes: closing any handle of a file gives up all POSIX locks on it.
fn is_ahead(path: &Path) -> bool {
    let mut header = [0; 20];
    fs::File::open(path).and_then(|mut file| file.read_exact(&mut header)).is_ok() && header[19] == 2
}

fn copy_rows(from: &Connection, to: &mut Connection) -> rusqlite::Result<()> {
    let names = "select name from sqlite_master where type = 'table' and name not like 'sqlite_%'";
    let tables: Vec<String> = to.prepare(names)?.query_map([], |row| row.get(0))?.collect::<rusqlite::Result<_>>()?;
    let transaction = to.transaction()?;
    for table in tables {
        let mut rows = from.prepare(&format!("select * from {table}"))?;
        let columns = rows.column_count();
        let marks = vec!["?"; columns].join(", ");
        let mut insert = transaction.prepare(&format!("insert into {table} values ({marks})"))?;
        let mut rows = rows.query([])?;
        while let Some(row) = rows.next()? {
            let values = (0..columns).map(|column| row.get::<_, Value>(column));
            insert.execute(params_from_iter(values.collect::<rusqlite::Result<Vec<_>>>()?))?;
        }
    }
    transaction.commit()
}

/// The format of a database; 0 where it is empty.
fn version(connection: &Connection, path: &Path) -> Result<usize, StoreError> {
    let failed = |source| StoreError::database(path, source);
    let mark = || connection.pragma_query_value(None, "application_id", |row| row.get::<_, i64>(0)).map_err(failed);
    if mark()? != APPLICATION {
        if is_empty(connection).map_err(failed)? {
            return Ok(0);
        }
        // Another process may have made the tables between the two looks.
        if mark()? != APPLICATION {
            return Err(StoreError::NotOurs { path: path.into() });
        }
    }
    let version: i64 = connection.pragma_query_value(None, "user_version", |row| row.get(0)).map_err(failed)?;
    let known = i64::try_from(MIGRATIONS.len()).expect("few migrations");
    if version > known {
        return Err(StoreError::NewerVersion { path: path.into(), found: version, known });
    }
    Ok(usize::try_from(version).unwrap_or(0))
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
        assert!(matches!(open(&path, Journal::Ahead), Err(StoreError::NotOurs { .. })));
        assert_eq!(fs::read(&path).expect("it exists"), before);
        fs::write(&path, "no database at all, but long enough to have a header of one hundred bytes".repeat(3))
            .expect("ours");
        assert!(matches!(open(&path, Journal::Ahead), Err(StoreError::NotOurs { .. })));
    }

    #[test]
    fn a_newer_file_is_refused() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let path = folder.path().join("ledger.sqlite");
        open(&path, Journal::Ahead).expect("a new ledger").pragma_update(None, "user_version", 99).expect("SQL");
        assert!(matches!(open(&path, Journal::Ahead), Err(StoreError::NewerVersion { found: 99, .. })));
    }
    #[test]
    fn a_rollback_ledger_serves_two_at_once() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let path = folder.path().join("ledger.sqlite");
        let mode = |connection: &Connection| {
            connection.pragma_query_value(None, "journal_mode", |row| row.get::<_, String>(0)).expect("a mode")
        };
        let ahead = open(&path, Journal::Ahead).expect("a new ledger");
        assert_eq!(mode(&ahead), "wal");
        add(&ahead, "first");
        drop(ahead);
        let one = open(&path, Journal::Rollback).expect("converted");
        let two = open(&path, Journal::Rollback).expect("converted");
        assert_eq!((mode(&one), mode(&two)), ("truncate".into(), "truncate".into()));
        thread::scope(|scope| {
            for connection in [one, two] {
                scope.spawn(move || (0..20).for_each(|_| add(&connection, "more")));
            }
        });
        assert!(!beside(&path, "-wal").exists() && !beside(&path, "-shm").exists());
        let reader = open_to_read(&path).expect("readable");
        assert_eq!(reader.query_row("select count(*) from runs", [], |row| row.get::<_, i64>(0)).expect("SQL"), 41);
        let ahead = open(&path, Journal::Ahead).expect("and back");
        assert_eq!(mode(&ahead), "wal");
    }

    #[test]
    fn an_older_ledger_is_read_without_a_change() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let path = folder.path().join("a ledger?.sqlite");
        let old = Connection::open(&path).expect("a new file");
        old.execute_batch(MIGRATIONS[0]).expect("SQL");
        old.pragma_update(None, "application_id", APPLICATION).expect("SQL");
        old.pragma_update(None, "user_version", 1).expect("SQL");
        add(&old, "first");
        old.execute("insert into attempts values (1, 'a', 1, x'00', 'then', null, null)", []).expect("SQL");
        drop(old);
        let before = fs::read(&path).expect("it exists");
        let reader = open_to_read(&path).expect("readable");
        let facts = |row: &rusqlite::Row<'_>| row.get::<_, Option<String>>(0);
        assert_eq!(reader.query_row("select facts from attempts", [], facts).expect("SQL"), None);
        assert_eq!(fs::read(&path).expect("it exists"), before);
        let writer = open(&path, Journal::Ahead).expect("migrated");
        assert_eq!(writer.query_row("select facts from attempts", [], facts).expect("SQL"), None);
    }

    fn add(connection: &Connection, name: &str) {
        let sql = "insert into runs (experiment, file, command, started) values (?1, '', '', '')";
        connection.execute(sql, [name]).expect("writable");
    }
}
