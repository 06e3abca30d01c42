//! Digests of files outside the store, remembered by (device, inode, size, times).
//!
//! Disposable: a missing or damaged file costs one reading of the data. Does not know what the files are for.
//!
//! * A file is one row, a folder one row with a packed block (`memo.rs`), so that an unchanged folder costs one walk and
//!   one comparison, and its files are not asked for one by one.
//! * A file changed less than two seconds before it was read may change again within one tick of its clock: it is not
//!   remembered. Nor is one that changes while it is read.
//! * A row says when it was made. One from the future was made before the clock was set back; times say nothing then.

use std::{
    fs::{self, File},
    io,
    path::{Path, PathBuf},
    sync::Mutex,
};

use rusqlite::Connection;
use rustix::fs::{Mode, OFlags, openat};

use crate::{
    Digest, Object, Shape, StoreError,
    hashing::{self, Buffer, is_large},
    ledger::Journal,
    memo::{Memo, Remembered},
    stat_rows::{Folder, look_up_file, look_up_folder, now, open, remember_file, remember_folder},
    store::Access,
    tree::{self, Leaf},
    walk::{Found, State, Walk, walk},
};

/// How long ago a file must have changed last for its digest to be remembered, in seconds.
const SETTLED: i64 = 2;
/// The database of digests, opened at the first question.
#[derive(Debug)]
pub(crate) struct StatCache {
    path: PathBuf,
    access: Access,
    journal: Journal,
    connection: Mutex<Option<Connection>>,
}

/// A digest, and whether the file was the same before and after it was read.
type Hashed = (Digest, bool);

impl StatCache {
    pub(crate) fn new(path: PathBuf, access: Access, journal: Journal) -> Self {
        Self { path, access, journal, connection: Mutex::new(None) }
    }

    /// Digest of a file or folder as it is now.
    pub(crate) fn external(&self, path: &Path) -> Result<Object, StoreError> {
        let metadata = fs::metadata(path).map_err(|source| StoreError::io("read", path, source))?;
        let state = State::of(&metadata);
        if metadata.is_file() {
            let digest = self.file(path, &state)?;
            return Ok(Object { digest, shape: Shape::File, bytes: state.bytes });
        }
        if !metadata.is_dir() {
            return Err(StoreError::NotAFile { path: path.into() });
        }
        self.folder(path, &state)
    }

    fn file(&self, path: &Path, state: &State) -> Result<Digest, StoreError> {
        if let Some(digest) = self.ask(|connection| look_up_file(connection, state)).flatten() {
            return Ok(digest);
        }
        let failed = |source| StoreError::io("read", path, source);
        let file = File::open(path).map_err(failed)?;
        let (digest, steady) = hashed(&file, state, &mut Buffer::new()).map_err(failed)?;
        if steady && is_settled(state, now()) {
            self.tell(|connection| remember_file(connection, state, &digest));
        }
        Ok(digest)
    }

    fn folder(&self, path: &Path, root: &State) -> Result<Object, StoreError> {
        let walk = walk(path)?;
        let known = self.ask(|connection| look_up_folder(connection, root)).flatten();
        if let Some(known) = &known
            && known.whole
            && is_same(&walk.files, &known.memo)
        {
            return Ok(known.object);
        }
        let (object, settled) = self.read(path, &walk, known.as_ref().map(|known| &known.memo))?;
        let memo = Memo::of(settled.iter().copied());
        if known.is_none_or(|known| known.memo != memo) {
            let folder = Folder { object, whole: settled.len() == walk.files.len(), memo };
            self.tell(|connection| remember_folder(connection, root, &folder));
        }
        Ok(object)
    }

    /// Digest of a folder of which not all is remembered, and what may be remembered now.
    fn read<'w>(
        &self,
        path: &Path,
        walk: &'w Walk,
        memo: Option<&Memo>,
    ) -> Result<(Object, Vec<Remembered<'w>>), StoreError> {
        let known = digests(&walk.files, memo);
        let missing: Vec<&Found> =
            walk.files.iter().zip(&known).filter(|(_, known)| known.is_none()).map(|(file, _)| file).collect();
        let mut hashed = hash_all(path, walk, &missing)?.into_iter();
        let now = now();
        let mut leaves = Vec::with_capacity(known.len());
        let mut settled = Vec::with_capacity(known.len());
        for (file, known) in walk.files.iter().zip(known) {
            let (digest, steady) =
                known.map_or_else(|| hashed.next().expect("one a missing file"), |digest| (digest, true));
            let Found { name, state, .. } = file;
            leaves.push(Leaf { path: name.clone(), digest, bytes: state.bytes, executable: state.executable });
            if steady && is_settled(state, now) {
                settled.push(Remembered { name, state: *state, digest });
            }
        }
        Ok((tree::object(&leaves), settled))
    }

    /// Asks the database. Without it everything still works, only slower.
    fn ask<T>(&self, question: impl FnOnce(&Connection) -> rusqlite::Result<T>) -> Option<T> {
        let mut guard = self.connection.lock().expect("no holder panics");
        if guard.is_none() {
            *guard = open(&self.path, self.access, self.journal);
        }
        guard.as_ref().and_then(|connection| question(connection).ok())
    }

    /// Lets the database remember something.
    fn tell(&self, note: impl FnOnce(&Connection) -> rusqlite::Result<()>) {
        if self.access == Access::Write {
            self.ask(note);
        }
    }
}

fn is_settled(state: &State, now: i64) -> bool {
    now.saturating_sub(state.modified.0.max(state.changed.0)) > SETTLED
}

fn is_same(files: &[Found], memo: &Memo) -> bool {
    let mut known = memo.files();
    let same = |file: &Found| known.next().is_some_and(|known| known.name == file.name && known.state == file.state);
    files.iter().all(same) && known.next().is_none()
}

/// The remembered digest of each file that has not changed. Both sides are sorted by name.
fn digests(files: &[Found], memo: Option<&Memo>) -> Vec<Option<Digest>> {
    let mut known = memo.into_iter().flat_map(Memo::files).peekable();
    let digest = |file: &Found| {
        while known.next_if(|known| known.name < file.name.as_str()).is_some() {}
        let known = known.next_if(|known| known.name == file.name)?;
        (known.state == file.state).then_some(known.digest)
    };
    files.iter().map(digest).collect()
}

/// Hashes files on all cores: small ones side by side, large ones one after another.
fn hash_all(path: &Path, walk: &Walk, files: &[&Found]) -> Result<Vec<Hashed>, StoreError> {
    let hash = |buffer: &mut Buffer, file: &&Found| -> Result<Hashed, StoreError> {
        let failed = |source| StoreError::io("read", &path.join(&file.name), source);
        let opened = openat(&walk.root, &file.name, OFlags::RDONLY | OFlags::CLOEXEC, Mode::empty());
        let opened = File::from(opened.map_err(|error| failed(error.into()))?);
        hashed(&opened, &file.state, buffer).map_err(failed)
    };
    let (large, small): (Vec<&Found>, Vec<&Found>) = files.iter().partition(|file| is_large(file.state.bytes));
    let mut small = hashing::for_each(&small, hash)?.into_iter();
    let mut buffer = Buffer::new();
    let mut large = large.iter().map(|file| hash(&mut buffer, file)).collect::<Result<Vec<_>, _>>()?.into_iter();
    let next = |file: &&Found| if is_large(file.state.bytes) { large.next() } else { small.next() };
    Ok(files.iter().filter_map(next).collect())
}

fn hashed(file: &File, before: &State, buffer: &mut Buffer) -> io::Result<Hashed> {
    let digest = if is_large(before.bytes) {
        Digest::of_open(file, buffer)?
    } else {
        hashing::digest(file, before.bytes, buffer)?
    };
    Ok((digest, State::of(&file.metadata()?) == *before))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cache() -> (tempfile::TempDir, StatCache) {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let cache = open_cache(folder.path());
        (folder, cache)
    }

    fn open_cache(folder: &Path) -> StatCache {
        StatCache::new(folder.join("stat.sqlite"), Access::Write, Journal::Ahead)
    }

    /// Makes files that have not changed for long.
    fn settled(folder: &Path, files: &[(&str, &str)]) {
        for (name, text) in files {
            let path = folder.join(name);
            fs::create_dir_all(path.parent().expect("a folder")).expect("writable");
            fs::write(path, text).expect("writable");
        }
        // The time of the last change of anything cannot be set, only waited for.
        std::thread::sleep(std::time::Duration::from_millis(3100));
    }

    fn rows(cache: &StatCache, table: &str) -> i64 {
        let sql = format!("select count(*) from {table}");
        cache.ask(|connection| connection.query_row(&sql, [], |row| row.get(0))).expect("a database")
    }

    #[test]
    fn an_edit_of_equal_size_within_a_tick_is_seen() {
        let (folder, cache) = cache();
        let path = folder.path().join("file");
        fs::write(&path, "aaaa").expect("writable");
        let time = fs::metadata(&path).and_then(|file| file.modified()).expect("a time");
        let before = cache.external(&path).expect("readable");
        fs::write(&path, "bbbb").expect("writable");
        File::options().append(true).open(&path).and_then(|file| file.set_modified(time)).expect("ours");
        assert_ne!(cache.external(&path).expect("readable").digest, before.digest);
        assert_eq!(rows(&cache, "files"), 0);
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
        assert_eq!(rows(&cache, "files"), 0);
    }

    #[test]
    fn what_is_settled_is_remembered_and_every_change_is_seen() {
        let (folder, cache) = cache();
        let data = folder.path().join("data");
        let names = ["a", "b", "below/c", "d"];
        settled(&data, &names.map(|name| (name, name)));
        let fresh = || {
            let other = tempfile::tempdir().expect("a temporary folder");
            open_cache(other.path()).external(&data).expect("readable")
        };
        let before = cache.external(&data).expect("readable");
        assert_eq!((before, rows(&cache, "folders")), (fresh(), 1));
        cache.external(&data.join("a")).expect("readable");
        assert_eq!(rows(&cache, "files"), 1);
        // A digest that is told and not read: the memo alone answers for what has not changed.
        let lie = |cache: &StatCache| {
            let root = State::of(&fs::metadata(&data).expect("it exists"));
            let mut known = look_up_folder(cache.connection.lock().expect("free").as_ref().expect("open"), &root)
                .expect("readable")
                .expect("remembered");
            assert!(known.whole);
            known.object.digest = Digest::of(b"remembered");
            cache.tell(|connection| remember_folder(connection, &root, &known));
            known.object.digest
        };
        let lied = lie(&cache);
        assert_eq!(cache.external(&data).expect("readable").digest, lied);
        assert_eq!(open_cache(folder.path()).external(&data).expect("readable").digest, lied);
        // The clock was set back: rows from the future say nothing.
        cache.tell(|connection| connection.execute("update folders set seen = seen + 1000", []).map(drop));
        assert_eq!(cache.external(&data).expect("readable"), before);
        lie(&cache);
        fs::write(data.join("below/c"), "C").expect("writable");
        let after = cache.external(&data).expect("readable");
        assert!(after == fresh() && after != before);
        assert_eq!(cache.external(&data).expect("readable"), after, "one file is not settled yet");
        fs::remove_file(data.join("b")).expect("ours");
        fs::write(data.join("aa"), "new").expect("writable");
        assert_eq!(cache.external(&data).expect("readable"), fresh());
    }

    #[test]
    fn a_reader_uses_what_is_remembered_and_writes_nothing() {
        let (folder, cache) = cache();
        let data = folder.path().join("data");
        settled(&data, &[("a", "a")]);
        let before = cache.external(&data).expect("readable");
        drop(cache);
        let names = || fs::read_dir(folder.path()).expect("a folder").count();
        let count = names();
        let reader = StatCache::new(folder.path().join("stat.sqlite"), Access::Read, Journal::Ahead);
        assert_eq!(reader.external(&data).expect("readable"), before);
        assert_eq!((rows(&reader, "folders"), names()), (1, count));
    }
    #[test]
    fn two_may_use_it_at_once() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let data = folder.path().join("data");
        let files: Vec<_> = (0..40).map(|number| number.to_string()).collect();
        settled(&data, &files.iter().map(|name| (name.as_str(), name.as_str())).collect::<Vec<_>>());
        let work = || {
            let cache = open_cache(folder.path());
            for name in &files {
                cache.external(&data.join(name)).expect("readable");
            }
            cache.external(&data).expect("readable")
        };
        let found = std::thread::scope(|scope| {
            [scope.spawn(work), scope.spawn(work)].map(|worker| worker.join().expect("no panic"))
        });
        assert_eq!(found[0], found[1]);
        let cache = open_cache(folder.path());
        assert_eq!((rows(&cache, "files"), rows(&cache, "folders")), (40, 1));
    }
}
