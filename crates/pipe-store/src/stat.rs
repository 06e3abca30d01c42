//! Digests of files outside the store, remembered by (device, inode, size, times).
//!
//! Disposable: a missing or damaged file costs one reading of the data. Does not know what the files are for.

use std::{
    fs::{self, Metadata},
    os::unix::fs::MetadataExt as _,
    path::{Path, PathBuf},
    sync::Mutex,
    thread,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use rusqlite::Connection;

use crate::{
    Digest, Object, Shape, StoreError,
    tree::{self, Leaf},
};

/// A file changed less than this ago may change again within one tick of its clock, so its digest is not remembered.
const SETTLED: Duration = Duration::from_secs(2);

/// The database of digests, opened at the first question.
#[derive(Debug)]
pub(crate) struct StatCache {
    path: PathBuf,
    connection: Mutex<Option<Connection>>,
}

/// What tells one state of a file from another.
type Key = [i64; 7];

impl StatCache {
    pub(crate) fn new(path: PathBuf) -> Self {
        Self { path, connection: Mutex::new(None) }
    }

    /// Digest of a file or folder as it is now.
    pub(crate) fn external(&self, path: &Path) -> Result<Object, StoreError> {
        let metadata = fs::metadata(path).map_err(|source| StoreError::io("read", path, source))?;
        if metadata.is_file() {
            let digest = self.digests(&[(path.to_path_buf(), metadata.clone())])?[0];
            return Ok(Object { digest, shape: Shape::File, bytes: metadata.len() });
        }
        let found = tree::walk(path)?;
        let files: Vec<_> = found.iter().map(|file| (file.path.clone(), file.metadata.clone())).collect();
        let digests = self.digests(&files)?;
        let leaves: Vec<_> = found
            .into_iter()
            .zip(digests)
            .map(|(file, digest)| Leaf {
                path: file.name,
                digest,
                bytes: file.metadata.len(),
                executable: file.metadata.mode() & 0o111 != 0,
            })
            .collect();
        Ok(tree::object(&leaves))
    }

    fn digests(&self, files: &[(PathBuf, Metadata)]) -> Result<Vec<Digest>, StoreError> {
        let mut guard = self.connection.lock().expect("no holder panics");
        // Without the cache everything still works, only slower.
        let connection = match guard.take().or_else(|| open(&self.path)) {
            Some(connection) => guard.insert(connection),
            None => return hash_all(&files.iter().map(|(path, _)| path.as_path()).collect::<Vec<_>>()),
        };
        let known: Vec<_> = files.iter().map(|(_, metadata)| look_up(connection, &key(metadata))).collect();
        let missing: Vec<_> =
            files.iter().zip(&known).filter(|(_, known)| known.is_none()).map(|(file, _)| file).collect();
        let mut hashed = hash_all(&missing.iter().map(|(path, _)| path.as_path()).collect::<Vec<_>>())?.into_iter();
        if !missing.is_empty() {
            drop(remember(connection, &missing, hashed.as_slice()));
        }
        Ok(known.into_iter().map(|known| known.unwrap_or_else(|| hashed.next().expect("one a missing file"))).collect())
    }
}

fn open(path: &Path) -> Option<Connection> {
    let opened = || -> rusqlite::Result<Connection> {
        let connection = Connection::open(path)?;
        connection.busy_timeout(Duration::from_secs(1))?;
        crate::ledger::write_ahead(&connection)?;
        connection.pragma_update(None, "synchronous", "off")?;
        connection.execute_batch(
            "create table if not exists files (
                device integer, inode integer, size integer, mtime integer, mtime_ns integer, ctime integer, ctime_ns integer,
                digest blob not null, primary key (device, inode)) without rowid",
        )?;
        Ok(connection)
    };
    match opened() {
        Err(error)
            if matches!(
                error.sqlite_error_code(),
                Some(rusqlite::ErrorCode::NotADatabase | rusqlite::ErrorCode::DatabaseCorrupt)
            ) =>
        {
            for end in ["", "-wal", "-shm"] {
                let mut name = path.as_os_str().to_owned();
                name.push(end);
                drop(fs::remove_file(name));
            }
            opened().ok()
        }
        answer => answer.ok(),
    }
}

fn key(metadata: &Metadata) -> Key {
    [
        metadata.dev().cast_signed(),
        metadata.ino().cast_signed(),
        metadata.size().cast_signed(),
        metadata.mtime(),
        metadata.mtime_nsec(),
        metadata.ctime(),
        metadata.ctime_nsec(),
    ]
}

fn look_up(connection: &Connection, key: &Key) -> Option<Digest> {
    let mut statement = connection
        .prepare_cached(
            "select digest from files where device = ?1 and inode = ?2 and size = ?3
             and mtime = ?4 and mtime_ns = ?5 and ctime = ?6 and ctime_ns = ?7",
        )
        .ok()?;
    let bytes: [u8; 32] = statement.query_row(*key, |row| row.get(0)).ok()?;
    Some(Digest::from_bytes(bytes))
}

/// Remembers digests of files whose last change is long enough ago, and which did not change while they were read.
fn remember(connection: &mut Connection, files: &[&(PathBuf, Metadata)], digests: &[Digest]) -> rusqlite::Result<()> {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let transaction = connection.transaction()?;
    for ((path, before), digest) in files.iter().zip(digests) {
        let changed = Duration::from_secs(before.mtime().max(before.ctime()).try_into().unwrap_or(0));
        let same = fs::metadata(path).is_ok_and(|after| key(&after) == key(before));
        if same && now.saturating_sub(changed) > SETTLED {
            let [device, inode, size, mtime, mtime_ns, ctime, ctime_ns] = key(before);
            transaction
                .prepare_cached("insert or replace into files values (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)")?
                .execute((device, inode, size, mtime, mtime_ns, ctime, ctime_ns, digest.bytes()))?;
        }
    }
    transaction.commit()
}

/// Hashes files on all cores.
fn hash_all(paths: &[&Path]) -> Result<Vec<Digest>, StoreError> {
    let threads = thread::available_parallelism().map_or(1, usize::from).min(paths.len()).max(1);
    let share = paths.len().div_ceil(threads).max(1);
    let hash = |part: &[&Path]| -> Result<Vec<Digest>, StoreError> {
        let digest = |path: &&Path| Digest::of_file(path).map_err(|source| StoreError::io("read", path, source));
        part.iter().map(digest).collect()
    };
    let parts = thread::scope(|scope| {
        let workers: Vec<_> = paths.chunks(share).map(|part| scope.spawn(move || hash(part))).collect();
        workers.into_iter().map(|worker| worker.join().expect("hashing does not panic")).collect::<Result<Vec<_>, _>>()
    })?;
    Ok(parts.concat())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cache() -> (tempfile::TempDir, StatCache) {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let cache = StatCache::new(folder.path().join("stat.sqlite"));
        (folder, cache)
    }

    #[test]
    fn an_edit_of_equal_size_within_a_tick_is_seen() {
        let (folder, cache) = cache();
        let path = folder.path().join("file");
        fs::write(&path, "aaaa").expect("writable");
        let time = fs::metadata(&path).and_then(|file| file.modified()).expect("a time");
        let before = cache.external(&path).expect("readable");
        fs::write(&path, "bbbb").expect("writable");
        fs::File::options().append(true).open(&path).and_then(|file| file.set_modified(time)).expect("ours");
        assert_ne!(cache.external(&path).expect("readable").digest, before.digest);
    }

    #[test]
    fn a_folder_is_its_files_wherever_it_lies() {
        let (folder, cache) = cache();
        let one = folder.path().join("one");
        fs::create_dir_all(one.join("empty")).expect("a folder");
        fs::write(one.join("a"), "a").expect("writable");
        let before = cache.external(&one).expect("readable");
        let two = folder.path().join("two");
        fs::rename(&one, &two).expect("same file system");
        assert_eq!(cache.external(&two).expect("readable"), before);
        fs::write(two.join("a"), "b").expect("writable");
        assert_ne!(cache.external(&two).expect("readable"), before);
    }

    #[test]
    fn a_damaged_database_is_replaced() {
        let (folder, cache) = cache();
        fs::write(folder.path().join("stat.sqlite"), "garbage ".repeat(100)).expect("writable");
        let path = folder.path().join("file");
        fs::write(&path, "a").expect("writable");
        assert_eq!(cache.external(&path).expect("readable").digest, Digest::of(b"a"));
    }
}
