//! The tables in which digests of files outside the store are remembered.
//!
//! Does not know when a digest may be remembered (`stat.rs`).

use std::{
    fs,
    path::Path,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use rusqlite::{Connection, OptionalExtension as _};

use crate::{
    Digest, Object, Shape,
    ledger::{self, Journal},
    memo::{self, Memo},
    store::Access,
    walk::State,
};

/// Raised with each change of the tables; a database of another format is made anew.
const FORMAT: i64 = 2;
/// How long another process is waited for: longer, and reading the data were no slower.
const BUSY: Duration = Duration::from_secs(1);

/// What is remembered of a folder.
#[derive(Debug)]
pub(crate) struct Folder {
    pub object: Object,
    /// Whether all its files are in the memo, so that `object` stands for it.
    pub whole: bool,
    pub memo: Memo,
}

/// Opens the database, made anew where it is damaged; none where that cannot be done.
pub(crate) fn open(path: &Path, access: Access, journal: Journal) -> Option<Connection> {
    if access == Access::Read {
        return path.exists().then(|| ledger::open_file_to_read(path).ok()).flatten();
    }
    let opened = || -> rusqlite::Result<Connection> {
        let connection = Connection::open(path)?;
        connection.busy_timeout(BUSY)?;
        journal.set(&connection)?;
        connection.pragma_update(None, "synchronous", "off")?;
        let format = || connection.pragma_query_value(None, "user_version", |row| row.get::<_, i64>(0));
        if format()? != FORMAT {
            connection.execute_batch("begin immediate")?;
            if format()? != FORMAT {
                connection.execute_batch(&format!(
                    "drop table if exists files;
                     drop table if exists folders;
                     create table files (
                         device integer, inode integer, state blob not null, seen integer not null, digest blob not null,
                         primary key (device, inode)) without rowid;
                     create table folders (
                         device integer, inode integer, seen integer not null, digest blob not null,
                         bytes integer not null, whole integer not null, memo blob not null,
                         primary key (device, inode));
                     pragma user_version = {FORMAT}"
                ))?;
            }
            connection.execute_batch("commit")?;
        }
        Ok(connection)
    };
    match opened() {
        Err(error)
            if matches!(
                error.sqlite_error_code(),
                Some(rusqlite::ErrorCode::NotADatabase | rusqlite::ErrorCode::DatabaseCorrupt)
            ) =>
        {
            for end in ["", "-wal", "-shm", "-journal"] {
                drop(fs::remove_file(ledger::beside(path, end)));
            }
            opened().ok()
        }
        answer => answer.ok(),
    }
}

pub(crate) fn look_up_file(connection: &Connection, state: &State) -> rusqlite::Result<Option<Digest>> {
    let mut statement = connection
        .prepare_cached("select digest from files where device = ?1 and inode = ?2 and state = ?3 and seen <= ?4")?;
    let [device, inode] = place(state);
    let row = (device, inode, packed(state), now());
    statement.query_row(row, |row| row.get(0).map(Digest::from_bytes)).optional()
}

pub(crate) fn remember_file(connection: &Connection, state: &State, digest: &Digest) -> rusqlite::Result<()> {
    let [device, inode] = place(state);
    let row = (device, inode, packed(state), now(), digest.bytes());
    connection.prepare_cached("insert or replace into files values (?1, ?2, ?3, ?4, ?5)")?.execute(row).map(drop)
}

fn packed(state: &State) -> Vec<u8> {
    let mut bytes = Vec::new();
    memo::pack(state, &mut bytes);
    bytes
}

pub(crate) fn look_up_folder(connection: &Connection, root: &State) -> rusqlite::Result<Option<Folder>> {
    let mut statement = connection.prepare_cached(
        "select digest, bytes, whole, memo from folders where device = ?1 and inode = ?2 and seen <= ?3",
    )?;
    let [device, inode] = place(root);
    let folder = statement.query_row((device, inode, now()), |row| {
        let (digest, bytes) = (Digest::from_bytes(row.get(0)?), row.get::<_, i64>(1)?.cast_unsigned());
        let object = Object { digest, shape: Shape::Tree, bytes };
        Ok(Folder { object, whole: row.get(2)?, memo: Memo::from_bytes(row.get(3)?) })
    });
    folder.optional()
}

pub(crate) fn remember_folder(connection: &Connection, root: &State, folder: &Folder) -> rusqlite::Result<()> {
    let [device, inode] = place(root);
    let Folder { object, whole, memo } = folder;
    connection
        .prepare_cached("insert or replace into folders values (?1, ?2, ?3, ?4, ?5, ?6, ?7)")?
        .execute((device, inode, now(), object.digest.bytes(), object.bytes.cast_signed(), whole, memo.bytes()))
        .map(drop)
}

fn place(state: &State) -> [i64; 2] {
    [state.device.cast_signed(), state.inode.cast_signed()]
}

/// This moment, in seconds.
pub(crate) fn now() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_secs()).unwrap_or(i64::MAX)
}
