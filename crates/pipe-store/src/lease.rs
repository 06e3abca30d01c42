//! The right to compute one fingerprint: a lock of the operating system, which dies with its process.
//!
//! Does not know what is computed. A lease file is there only while it is held, or after its holder was killed: the
//! holder removes it before it lets go, and who locks a file makes sure that the path still leads to it.

use std::{
    fs::{self, File, TryLockError},
    io::{self, Read as _},
    os::unix::fs::{FileExt as _, MetadataExt as _},
    path::{Path, PathBuf},
    process,
    sync::LazyLock,
    thread,
    time::Duration,
};

use serde::{Deserialize, Serialize};

use crate::{Digest, Record, RunId, Store, StoreError, runs::now};

/// How long one look at a lock may disturb who wants to take it.
const LOOK: Duration = Duration::from_micros(300);

/// How often a lock file that is removed just then is opened anew.
const TRIES: u32 = 1000;

/// What a cache look-up answers.
#[derive(Debug)]
pub enum Claim<'s> {
    /// The result is there.
    Hit(Record),
    /// It is not, and the caller has the right to make it.
    Miss(Lease<'s>),
    /// Another process is making it.
    Held {
        /// Who, where it could be read.
        by: Option<Holder>,
    },
}

/// Who computes something.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Holder {
    /// Its process; 0 where it could not be read.
    pub process: u32,
    /// The machine it runs on.
    pub host: String,
    /// Its run.
    pub run: RunId,
    /// Name of the experiment.
    pub experiment: String,
    /// The stage instance.
    pub stage: String,
    /// Since when, RFC 3339.
    pub since: String,
}

impl Holder {
    /// This process, from now on.
    pub fn here(run: RunId, experiment: &str, stage: &str) -> Self {
        static HOST: LazyLock<String> =
            LazyLock::new(|| fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default().trim().to_owned());
        let (experiment, stage) = (experiment.to_owned(), stage.to_owned());
        Self { process: process::id(), host: HOST.clone(), run, experiment, stage, since: now() }
    }
}

/// The right to publish the result of one recipe.
#[derive(Debug)]
pub struct Lease<'s> {
    pub(crate) store: &'s Store,
    pub(crate) fingerprint: Digest,
    left_by: Option<Holder>,
    // Held for its lock alone; dropping it lets the next process in.
    _lock: Lock,
}

impl<'s> Lease<'s> {
    /// Takes the lock, or tells who holds it.
    pub(crate) fn take(
        store: &'s Store,
        fingerprint: Digest,
        holder: &Holder,
    ) -> Result<Result<Self, Option<Holder>>, StoreError> {
        let path = store.lease_file(&fingerprint);
        let failed = |source| StoreError::io("lock", &path, source);
        let Some(lock) = Lock::take(&path)? else {
            // The holder may be writing just now; the answer is only for people.
            return Ok(Err(fs::read(&path).ok().and_then(|text| serde_json::from_slice(&text).ok())));
        };
        // Who let go by itself removed the file.
        let left = fs::read(&path).map_err(failed)?;
        let left_by = (!left.is_empty()).then(|| serde_json::from_slice(&left).unwrap_or_default());
        let text = serde_json::to_vec(holder).expect("a holder is plain data");
        // Cut to its length, never to nothing: what was cut to nothing and written again, ext4 writes to the disk on closing.
        lock.file.write_all_at(&text, 0).and_then(|()| lock.file.set_len(text.len() as u64)).map_err(failed)?;
        Ok(Ok(Self { store, fingerprint, left_by, _lock: lock }))
    }

    /// The recipe this lease is for.
    pub fn fingerprint(&self) -> Digest {
        self.fingerprint
    }

    /// Who held it before and was killed; the empty holder where its name cannot be read.
    pub fn left_by(&self) -> Option<&Holder> {
        self.left_by.as_ref()
    }
}

impl Store {
    /// Who computes a recipe just now; a process that left no readable name is the empty holder.
    ///
    /// # Errors
    /// The lock cannot be looked at.
    pub fn holder(&self, fingerprint: &Digest) -> Result<Option<Holder>, StoreError> {
        let path = self.lease_file(fingerprint);
        let Some(mut file) = held(&path)? else { return Ok(None) };
        let mut text = Vec::new();
        file.read_to_end(&mut text).map_err(|source| StoreError::io("read", &path, source))?;
        Ok(Some(serde_json::from_slice(&text).unwrap_or_default()))
    }

    pub(crate) fn lease_file(&self, fingerprint: &Digest) -> PathBuf {
        self.leases().join(fingerprint.to_string())
    }

    pub(crate) fn leases(&self) -> PathBuf {
        self.root().join("leases")
    }
}

/// A locked file, removed when it is let go.
#[derive(Debug)]
pub(crate) struct Lock {
    file: File,
    path: PathBuf,
}

impl Lock {
    /// Locks a file, which is made if it is not there; none where another holds it.
    pub(crate) fn take(path: &Path) -> Result<Option<Self>, StoreError> {
        let failed = |source| StoreError::io("lock", path, source);
        let mut looked = false;
        for _ in 0..TRIES {
            let opened = File::options().read(true).write(true).create(true).truncate(false).open(path);
            let file = match opened {
                Err(error) if error.kind() == io::ErrorKind::NotFound => {
                    fs::create_dir_all(path.parent().expect("locks have a folder")).map_err(failed)?;
                    continue;
                }
                opened => opened.map_err(failed)?,
            };
            match file.try_lock() {
                Ok(()) if is_at(&file, path) => return Ok(Some(Self { file, path: path.to_path_buf() })),
                // Its last holder removed it meanwhile: a lock on it keeps nobody out.
                Ok(()) => {}
                // Somebody who only looks holds a lock for a moment, too.
                Err(TryLockError::WouldBlock) if !looked => {
                    looked = true;
                    thread::sleep(LOOK);
                }
                Err(TryLockError::WouldBlock) => return Ok(None),
                Err(TryLockError::Error(source)) => return Err(failed(source)),
            }
        }
        Err(failed(io::Error::other("its file system gives a file another number each time")))
    }

    /// Locks a file that nobody else may want to hold, but somebody may be looking at.
    pub(crate) fn take_own(path: &Path) -> Result<Self, StoreError> {
        let taken = (0..TRIES).find_map(|_| Self::take(path).transpose());
        taken.unwrap_or_else(|| Err(StoreError::io("lock", path, io::ErrorKind::WouldBlock.into())))
    }
}

impl Drop for Lock {
    fn drop(&mut self) {
        // While it is still held, so that nobody can have locked what is removed.
        if is_at(&self.file, &self.path) {
            drop(fs::remove_file(&self.path));
        }
        let_go(&self.file);
    }
}

/// Unlocks a file at once. Closing it would do so only when a child that is being started has closed its copy as well.
pub(crate) fn let_go(file: &File) {
    // Fails only for what is no lock of ours.
    drop(file.unlock());
}

/// The file, if another process, or another handle of this one, has it locked. Takes nothing from anybody.
pub(crate) fn held(path: &Path) -> Result<Option<File>, StoreError> {
    let failed = |source| StoreError::io("look at the lock", path, source);
    let file = match File::open(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        opened => opened.map_err(failed)?,
    };
    match file.try_lock_shared() {
        Ok(()) => {
            let_go(&file);
            Ok(None)
        }
        Err(TryLockError::WouldBlock) => Ok(Some(file)),
        Err(TryLockError::Error(source)) => Err(failed(source)),
    }
}

fn is_at(file: &File, path: &Path) -> bool {
    let place = |metadata: fs::Metadata| (metadata.dev(), metadata.ino());
    file.metadata().ok().map(place) == fs::metadata(path).ok().map(place)
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};

    use super::*;
    use crate::fixture;

    #[test]
    fn a_waiter_is_told_who() {
        let (_folder, store) = fixture::store();
        let print = Digest::of(b"recipe");
        let holder = Holder::here(RunId(7), "e", "train[fold=1]");
        assert_eq!(store.holder(&print).expect("readable"), None);
        let Claim::Miss(lease) = store.claim(&print, &holder).expect("new") else { panic!("nothing is there yet") };
        let Claim::Held { by } = store.claim(&print, &holder).expect("readable") else { panic!("it is held") };
        assert_eq!(by.as_ref(), Some(&holder));
        assert_eq!(store.holder(&print).expect("readable"), by);
        fs::write(store.lease_file(&print), "garbage").expect("ours");
        assert!(matches!(store.claim(&print, &holder).expect("readable"), Claim::Held { by: None }));
        assert_eq!(store.holder(&print).expect("readable"), Some(Holder::default()));
        assert_eq!(lease.left_by(), None);
        drop(lease);
        assert_eq!(store.holder(&print).expect("readable"), None);
        assert_eq!(fs::read_dir(store.leases()).expect("a folder").count(), 0, "no file stays");
        let Claim::Miss(lease) = store.claim(&print, &holder).expect("readable") else { panic!("nobody holds it") };
        assert_eq!(lease.left_by(), None, "its last holder let go");
    }

    #[test]
    fn what_a_killed_holder_left_is_taken_over() {
        let (_folder, store) = fixture::store();
        let print = Digest::of(b"recipe");
        fs::create_dir_all(store.leases()).expect("writable");
        fs::write(store.lease_file(&print), r#"{ "process": 1 }"#).expect("writable");
        assert_eq!(store.holder(&print).expect("readable"), None);
        let taken = |store: &Store| match store.claim(&print, &Holder::default()).expect("readable") {
            Claim::Miss(lease) => lease.left_by().cloned(),
            other => panic!("it is free: {other:?}"),
        };
        assert_eq!(taken(&store), Some(Holder { process: 1, ..Holder::default() }));
        assert_eq!(taken(&store), None, "let go by who took it over");
        fs::write(store.lease_file(&print), "garbage").expect("writable");
        assert_eq!(taken(&store), Some(Holder::default()));
    }

    #[test]
    fn only_one_holds_it_however_many_come_and_go() {
        let (folder, _store) = fixture::store();
        let stores: Vec<_> = (0..4).map(|_| Store::open(folder.path()).expect("the same store")).collect();
        let (inside, taken) = (AtomicU32::new(0), AtomicU32::new(0));
        let work = |store: &Store| {
            for _ in 0..300 {
                drop(store.holder(&Digest::of(b"recipe")).expect("readable"));
                if let Claim::Miss(lease) = store.claim_anew(&Digest::of(b"recipe"), &Holder::default()).expect("new") {
                    assert_eq!(inside.fetch_add(1, Ordering::SeqCst), 0, "two hold one lease");
                    thread::yield_now();
                    inside.fetch_sub(1, Ordering::SeqCst);
                    taken.fetch_add(1, Ordering::SeqCst);
                    drop(lease);
                }
            }
        };
        thread::scope(|scope| stores.iter().for_each(|store| drop(scope.spawn(|| work(store)))));
        assert!(taken.load(Ordering::SeqCst) > 0);
    }
}
