//! What nobody can use any more, and the removal of what goes.
//!
//! Does not know policies. Interrupted anywhere it leaves a store in which some bytes are gone, which is what every reader
//! of the store reckons with.

use std::{
    collections::BTreeSet,
    ffi::OsStr,
    fs, io,
    os::unix::fs::MetadataExt as _,
    path::{Path, PathBuf},
    time::{Duration, SystemTime},
};

use serde::{Serialize, Serializer};
use walkdir::WalkDir;

use crate::{
    Collection, Digest, Policy, RunId, Store, StoreError,
    atomic::temporary_name,
    inventory::{Inventory, Stored, entries},
    lease::Lock,
    store::Durability,
};

/// What is younger may belong to a process whose lock this machine does not see.
const YOUNG: Duration = Duration::from_secs(3600);
/// Files removed between two looks at what runs use; no run waits longer for its word than these take.
const BATCH: usize = 64;
/// How names of unfinished files begin.
const TEMPORARY: &str = ".tmp-";

/// What kind of garbage.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum GarbageKind {
    /// An object that no result names.
    Object,
    /// A file that was never finished.
    Temporary,
    /// The working folder of an attempt that ended.
    Scratch,
    /// A checkpoint that no attempt will begin from.
    Checkpoint,
    /// A rotten object, kept aside long enough.
    Quarantined,
}

/// Something that nobody can use any more.
#[derive(Clone, Debug, Serialize)]
pub struct Garbage {
    /// What it is.
    pub kind: GarbageKind,
    /// Where it lies, below the store's folder.
    pub path: PathBuf,
    /// Its size.
    pub bytes: u64,
    /// Stage and experiment of a checkpoint, where they are known.
    pub stage: Option<String>,
    /// The same.
    pub experiment: Option<String>,
    /// Recipe of a checkpoint.
    #[serde(skip)]
    fingerprint: Option<Digest>,
    #[serde(skip)]
    stored: Stored,
}

/// What was removed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Freed {
    /// Files and folders.
    pub removed: u64,
    /// Their bytes.
    pub bytes: u64,
}

impl GarbageKind {
    /// One of it, and many, for people.
    pub fn names(self) -> (&'static str, &'static str) {
        match self {
            Self::Object => ("object that no result names", "objects that no result names"),
            Self::Temporary => ("unfinished file", "unfinished files"),
            Self::Scratch => ("working folder of an ended attempt", "working folders of ended attempts"),
            Self::Checkpoint => ("checkpoint that is not needed", "checkpoints that are not needed"),
            Self::Quarantined => ("object in quarantine", "objects in quarantine"),
        }
    }
}

impl Serialize for GarbageKind {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(match self {
            Self::Object => "object",
            Self::Temporary => "temporary",
            Self::Scratch => "scratch",
            Self::Checkpoint => "checkpoint",
            Self::Quarantined => "quarantined",
        })
    }
}

impl Garbage {
    pub(crate) fn is_object(&self) -> bool {
        self.kind == GarbageKind::Object
    }

    fn new(kind: GarbageKind, path: PathBuf, stored: Stored) -> Self {
        Self { kind, path, bytes: stored.bytes, stored, stage: None, experiment: None, fingerprint: None }
    }
}

/// All garbage of a store at a moment.
pub(crate) fn garbage(
    store: &Store,
    inventory: &Inventory,
    policy: &Policy,
    now: SystemTime,
) -> Result<Vec<Garbage>, StoreError> {
    // What lies ahead of the clock is young.
    let age = |time: SystemTime| now.duration_since(time).unwrap_or(Duration::ZERO);
    let is_left =
        |touched: SystemTime| age(touched) > YOUNG && inventory.live_since().is_none_or(|since| touched < since);
    let is_old = |time: SystemTime| policy.older_than.is_some_and(|limit| age(time) >= limit.duration());
    let mut found = Vec::new();
    let named: BTreeSet<_> = inventory.held.iter().flat_map(|held| &held.files).collect();
    for (digest, stored) in &inventory.stored {
        if !named.contains(digest) && is_left(stored.touched) {
            let path = below(store, &store.object_path(digest));
            found.push(Garbage::new(GarbageKind::Object, path, *stored));
        }
    }
    for folder in ["objects", "reports", "resume"] {
        for entry in walk(&store.root().join(folder)) {
            let is_temporary = entry.file_name().to_str().is_some_and(|name| name.starts_with(TEMPORARY));
            if is_temporary && let Some(stored) = whole(entry.path()).filter(|stored| is_left(stored.touched)) {
                let path = below(store, entry.path());
                found.push(Garbage::new(GarbageKind::Temporary, path, stored));
            }
        }
    }
    found.extend(scratch(store)?);
    let current: BTreeSet<_> =
        inventory.held.iter().filter(|held| held.is_current).map(|held| held.fingerprint).collect();
    for entry in entries(&store.root().join("resume"))? {
        let fingerprint = entry.file_name().to_str().and_then(|name| name.parse::<Digest>().ok());
        let (Some(fingerprint), Some(stored)) = (fingerprint, whole(&entry.path())) else { continue };
        if current.contains(&fingerprint) || is_old(stored.modified) {
            let tried = inventory.tried.get(&fingerprint);
            let path = below(store, &entry.path());
            found.push(Garbage {
                stage: tried.map(|(stage, _)| stage.clone()),
                experiment: tried.map(|(_, experiment)| experiment.clone()),
                fingerprint: Some(fingerprint),
                ..Garbage::new(GarbageKind::Checkpoint, path, stored)
            });
        }
    }
    for entry in entries(&store.root().join("quarantine"))? {
        if let Some(stored) = whole(&entry.path()).filter(|stored| is_old(stored.touched)) {
            let path = below(store, &entry.path());
            found.push(Garbage::new(GarbageKind::Quarantined, path, stored));
        }
    }
    Ok(found)
}

/// Working folders of attempts whose run does not go on.
fn scratch(store: &Store) -> Result<Vec<Garbage>, StoreError> {
    let mut found = Vec::new();
    for run in entries(&store.root().join("attempts"))? {
        let Some(number) = run.file_name().to_str().and_then(|name| name.parse().ok()) else { continue };
        let mut walk = WalkDir::new(run.path()).into_iter();
        while let Some(entry) = walk.next() {
            let Ok(entry) = entry else { continue };
            let parent = entry.path().parent().and_then(Path::file_name).and_then(OsStr::to_str);
            let is_attempt = entry.depth() > 1 && parent.is_some_and(|name| name.parse::<u32>().is_ok());
            if is_attempt && (entry.file_name() == "scratch" || entry.file_name() == "inputs") {
                walk.skip_current_dir();
                found.extend(whole(entry.path()).map(|stored| {
                    let path = below(store, entry.path());
                    (RunId(number), Garbage::new(GarbageKind::Scratch, path, stored))
                }));
            }
        }
    }
    // Asked after the folders were found: a run that goes on said so before its first attempt.
    let live = store.live_runs()?;
    found.retain(|(run, _)| live.iter().all(|live| live.run != *run));
    Ok(found.into_iter().map(|(_, garbage)| garbage).collect())
}

impl Store {
    /// Removes what a collection names, and says what went. Rows of the ledger stay.
    ///
    /// # Errors
    /// Something cannot be removed; what went before is gone, and the store is as good as with the rest.
    pub fn collect(&self, collection: &Collection) -> Result<Freed, StoreError> {
        // A full disk has no room for the note before something is gone.
        let noted = match self.note_collected(collection) {
            Err(StoreError::DiskFull { .. }) => false,
            noted => noted.map(|()| true)?,
        };
        let mut freed = Freed::default();
        for part in collection.files.chunks(BATCH) {
            freed.add_all(&self.remove_unused(collection, part)?);
        }
        for garbage in &collection.garbage {
            let path = self.root().join(&garbage.path);
            let removed = match (garbage.kind, garbage.fingerprint) {
                (GarbageKind::Object, _) => self.remove_unchanged(&path, &garbage.stored)?,
                // Only who holds the lease may touch a checkpoint.
                (_, Some(fingerprint)) => match Lock::take(&self.lease_file(&fingerprint))? {
                    Some(_lock) => remove(&path)?.then_some(garbage.bytes),
                    None => None,
                },
                (_, None) => remove(&path)?.then_some(garbage.bytes),
            };
            freed.add(removed);
        }
        if !noted {
            self.note_collected(collection)?;
        }
        Ok(freed)
    }

    /// Before the first byte goes, so that missing bytes can be told from lost ones.
    fn note_collected(&self, collection: &Collection) -> Result<(), StoreError> {
        let at = jiff::Timestamp::now().to_string();
        self.transaction(Durability::Process, |transaction| {
            // What an ended run held holds nobody back.
            transaction.execute("delete from in_use where run in (select id from runs where ended is not null)", [])?;
            let mut insert =
                transaction.prepare_cached("insert or replace into collected (artifact, at) values (?1, ?2)")?;
            for doomed in &collection.results {
                insert.execute((doomed.artifact, &at))?;
            }
            Ok(())
        })
    }

    /// Removes some files, but none of a result that a run has said meanwhile it uses; gives the sizes of what went.
    fn remove_unused(&self, collection: &Collection, part: &[(Digest, Stored)]) -> Result<Vec<u64>, StoreError> {
        let _gate = self.gate_to_remove()?;
        let used = self.in_use(&self.live_runs()?)?;
        let owners = collection.owners.iter().filter(|(artifact, _)| used.contains(artifact));
        let spared: BTreeSet<_> = owners.flat_map(|(_, files)| files).collect();
        let files = part.iter().filter(|(digest, _)| !spared.contains(digest));
        let remove = |(digest, stored): &(Digest, Stored)| self.remove_unchanged(&self.object_path(digest), stored);
        files.filter_map(|file| remove(file).transpose()).collect()
    }

    /// Removes an object unless it was touched since it was looked at: then another process is about to publish it.
    ///
    /// Renamed first: who finds it missing stores it anew, and who touched it before the rename is seen after it.
    fn remove_unchanged(&self, path: &Path, seen: &Stored) -> Result<Option<u64>, StoreError> {
        let aside = self.root().join("objects").join(temporary_name());
        let failed = |source| StoreError::io("remove", path, source);
        match fs::rename(path, &aside) {
            Err(source) if source.kind() == io::ErrorKind::NotFound => return Ok(None),
            renamed => renamed.map_err(failed)?,
        }
        let stored = fs::metadata(&aside).map(|file| Stored::of(&file)).map_err(failed)?;
        if (stored.inode, stored.modified) != (seen.inode, seen.modified) {
            fs::rename(&aside, path).map_err(failed)?;
            return Ok(None);
        }
        fs::remove_file(&aside).map_err(failed)?;
        Ok(Some(stored.bytes))
    }
}

impl Freed {
    fn add_all(&mut self, sizes: &[u64]) {
        self.removed += sizes.len() as u64;
        self.bytes += sizes.iter().sum::<u64>();
    }

    fn add(&mut self, bytes: Option<u64>) {
        if let Some(bytes) = bytes {
            self.removed += 1;
            self.bytes += bytes;
        }
    }
}

/// Removes a file or folder; false if it was gone already.
fn remove(path: &Path) -> Result<bool, StoreError> {
    let removed = if path.is_dir() && !path.is_symlink() { fs::remove_dir_all(path) } else { fs::remove_file(path) };
    match removed {
        Err(source) if source.kind() == io::ErrorKind::NotFound => Ok(false),
        removed => removed.map(|()| true).map_err(|source| StoreError::io("remove", path, source)),
    }
}

fn below(store: &Store, path: &Path) -> PathBuf {
    path.strip_prefix(store.root()).unwrap_or(path).to_path_buf()
}

fn walk(folder: &Path) -> impl Iterator<Item = walkdir::DirEntry> {
    WalkDir::new(folder).min_depth(1).into_iter().flatten()
}

/// Size and last changes of a file or of all below a folder; none if it is gone. Links count as themselves.
pub(crate) fn whole(path: &Path) -> Option<Stored> {
    let mut all: Option<Stored> = None;
    for entry in WalkDir::new(path).into_iter().flatten() {
        let Ok(metadata) = entry.metadata() else { continue };
        let one = Stored::of(&metadata);
        // Bytes that another name holds too are not freed with this one.
        let bytes = if metadata.is_file() && metadata.nlink() == 1 { one.bytes } else { 0 };
        let before = all.unwrap_or(Stored { bytes: 0, ..one });
        all = Some(Stored {
            inode: before.inode,
            bytes: before.bytes + bytes,
            modified: before.modified.max(one.modified),
            touched: before.touched.max(one.touched),
        });
    }
    all
}
