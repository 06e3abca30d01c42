//! All that lies in the store, and who made and used it: what housekeeping decides by.
//!
//! Does not decide what goes. Files are listed first, then live runs, then the ledger: what another process publishes
//! meanwhile is either in the ledger, or belongs to a live run, or was touched after it was listed.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs, io,
    os::unix::fs::MetadataExt as _,
    path::Path,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use rusqlite::Row;

use crate::{Digest, LiveRun, Object, Output, RunId, Shape, Store, StoreError};

/// A file below `objects/`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Stored {
    pub inode: u64,
    pub bytes: u64,
    pub modified: SystemTime,
    /// The last change of its contents, name, permissions or links.
    pub touched: SystemTime,
}

/// A result as housekeeping sees it.
#[derive(Clone, Debug)]
pub(crate) struct Held {
    pub artifact: i64,
    pub fingerprint: Digest,
    pub kind: String,
    pub is_current: bool,
    pub run: RunId,
    /// Stage and experiment that made it, as far as the ledger knows.
    pub stage: String,
    pub experiment: String,
    /// RFC 3339.
    pub made: String,
    pub used: String,
    pub used_by: RunId,
    /// Of each output; then all their files.
    pub outputs: Vec<Output>,
    pub files: BTreeSet<Digest>,
}

/// A run as housekeeping sees it.
#[derive(Clone, Debug)]
pub(crate) struct Past {
    pub run: RunId,
    pub experiment: String,
    pub at: String,
    pub used: Option<Digest>,
}

/// The whole store at one moment.
#[derive(Debug)]
pub(crate) struct Inventory {
    pub stored: BTreeMap<Digest, Stored>,
    pub live: Vec<LiveRun>,
    /// By row.
    pub held: Vec<Held>,
    /// Oldest first.
    pub runs: Vec<Past>,
    pub uses: BTreeMap<Digest, Vec<(String, i64)>>,
    /// Experiment, recipe: what the stages of each experiment had last.
    pub stages: Vec<(String, Digest)>,
    /// The files of each output.
    pub files: BTreeMap<Digest, BTreeSet<Digest>>,
    /// Stage and experiment that tried a recipe.
    pub tried: BTreeMap<Digest, (String, String)>,
}

impl Inventory {
    pub(crate) fn take(store: &Store) -> Result<Self, StoreError> {
        let stored = stored(&store.root().join("objects"))?;
        let live = store.live_runs()?;
        let mut inventory = Self {
            stored,
            live,
            held: Vec::new(),
            runs: Vec::new(),
            uses: BTreeMap::new(),
            stages: Vec::new(),
            files: BTreeMap::new(),
            tried: BTreeMap::new(),
        };
        inventory.read(store).map_err(|source| store.database(source))?;
        inventory.note_uses();
        for held in &mut inventory.held {
            for Output { object, .. } in &held.outputs {
                let files = inventory.files.entry(object.digest).or_insert_with(|| {
                    let mut files = BTreeSet::from([object.digest]);
                    if object.shape == Shape::Tree {
                        // Without its list nobody can lay the folder out, so its files are nobody's.
                        let leaves = store.objects().leaves(object).unwrap_or_default();
                        files.extend(leaves.iter().map(|leaf| leaf.digest));
                    }
                    files
                });
                held.files.extend(files.iter());
            }
        }
        Ok(inventory)
    }

    /// One read transaction: all of it as it was at one moment.
    fn read(&mut self, store: &Store) -> rusqlite::Result<()> {
        let mut ledger = store.ledger();
        let ledger = ledger.transaction()?;
        let digest = |row: &Row<'_>, column| row.get(column).map(Digest::from_bytes);
        let mut statement =
            ledger.prepare("select id, experiment, coalesce(ended, started), used from runs order by id")?;
        let rows = statement.query_map([], |row| {
            let used: Option<[u8; 32]> = row.get(3)?;
            let run = RunId(row.get(0)?);
            Ok(Past { run, experiment: row.get(1)?, at: row.get(2)?, used: used.map(Digest::from_bytes) })
        })?;
        self.runs = rows.collect::<rusqlite::Result<_>>()?;
        let experiments: BTreeMap<_, _> = self.runs.iter().map(|past| (past.run, &past.experiment)).collect();
        let experiment = |run| experiments.get(&run).map_or_else(String::new, |name| (*name).clone());
        let mut statement = ledger.prepare("select digest, artifacts from uses")?;
        let rows = statement.query_map([], |row| Ok((digest(row, 0)?, row.get::<_, String>(1)?)))?;
        for row in rows {
            let (digest, list) = row?;
            self.uses.insert(digest, serde_json::from_str(&list).unwrap_or_default());
        }
        let mut stages = BTreeMap::new();
        let mut statement = ledger.prepare("select run, stage, fingerprint from attempts order by run")?;
        let rows =
            statement.query_map([], |row| Ok((RunId(row.get(0)?), row.get::<_, String>(1)?, digest(row, 2)?)))?;
        for row in rows {
            let (run, stage, print) = row?;
            self.tried.insert(print, (stage.clone(), experiment(run)));
            stages.insert((run, print), stage);
        }
        let mut statement = ledger.prepare("select experiment, fingerprint from stages")?;
        let rows = statement.query_map([], |row| Ok((row.get(0)?, digest(row, 1)?)))?;
        self.stages = rows.collect::<rusqlite::Result<_>>()?;
        let mut statement = ledger.prepare(
            "select id, fingerprint, kind, current, outputs, made ->> '$.run', made ->> '$.at'
             from artifacts join recipes using (fingerprint) order by id",
        )?;
        let rows = statement.query_map([], |row| {
            let (fingerprint, run) = (digest(row, 1)?, RunId(row.get(5)?));
            let (kind, outputs): (String, String) = (row.get(2)?, row.get(4)?);
            let made: String = row.get(6)?;
            Ok(Held {
                artifact: row.get(0)?,
                fingerprint,
                is_current: row.get(3)?,
                run,
                stage: stages.get(&(run, fingerprint)).unwrap_or(&kind).clone(),
                kind,
                experiment: experiment(run),
                used: made.clone(),
                made,
                used_by: run,
                outputs: serde_json::from_str(&outputs).map_err(|error| {
                    rusqlite::Error::FromSqlConversionFailure(4, rusqlite::types::Type::Text, Box::new(error))
                })?,
                files: BTreeSet::new(),
            })
        })?;
        self.held = rows.collect::<rusqlite::Result<_>>()?;
        Ok(())
    }

    /// The last use of every result. Numbers of runs grow, whatever the clock does.
    fn note_uses(&mut self) {
        let last: BTreeMap<Digest, &Past> = self.runs.iter().filter_map(|past| Some((past.used?, past))).collect();
        let mut lists: Vec<_> = last.into_iter().collect();
        lists.sort_by_key(|(_, past)| past.run);
        for (list, past) in lists {
            for (_, artifact) in self.uses.get(&list).into_iter().flatten() {
                if let Ok(at) = self.held.binary_search_by_key(artifact, |held| held.artifact)
                    && past.run >= self.held[at].used_by
                {
                    self.held[at].used_by = past.run;
                    self.held[at].used.clone_from(&past.at);
                }
            }
        }
    }

    /// Start of the first run that goes on: what was touched since may be about to be published.
    pub(crate) fn live_since(&self) -> Option<SystemTime> {
        self.live.iter().map(|live| live.since).min()
    }

    /// The files of an output: those of a folder, and the list of them.
    pub(crate) fn files_of(&self, object: &Object) -> &BTreeSet<Digest> {
        &self.files[&object.digest]
    }

    /// Bytes of some files that are there.
    pub(crate) fn bytes<'d>(&self, files: impl IntoIterator<Item = &'d Digest>) -> u64 {
        files.into_iter().filter_map(|digest| self.stored.get(digest)).map(|stored| stored.bytes).sum()
    }
}

/// The files of an object store. What is no object is left out.
fn stored(folder: &Path) -> Result<BTreeMap<Digest, Stored>, StoreError> {
    let mut all = BTreeMap::new();
    for shelf in entries(folder)? {
        let Some(begin) = shelf.file_name().to_str().map(str::to_owned).filter(|name| name.len() == 2) else {
            continue;
        };
        if !shelf.path().is_dir() {
            continue;
        }
        for entry in entries(&shelf.path())? {
            let name = entry.file_name();
            let digest = name.to_str().and_then(|end| format!("{begin}{end}").parse().ok());
            // A file that vanishes meanwhile is no file.
            let (Some(digest), Ok(metadata)) = (digest, entry.metadata()) else { continue };
            if metadata.is_file() {
                all.insert(digest, Stored::of(&metadata));
            }
        }
    }
    Ok(all)
}

/// What a folder holds; one that is not there holds nothing.
pub(crate) fn entries(folder: &Path) -> Result<Vec<fs::DirEntry>, StoreError> {
    match fs::read_dir(folder) {
        Err(source) if source.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
        read => read.and_then(Iterator::collect).map_err(|source| StoreError::io("read", folder, source)),
    }
}

impl Stored {
    pub(crate) fn of(metadata: &fs::Metadata) -> Self {
        let time = |seconds: i64, nanoseconds: i64| {
            UNIX_EPOCH + Duration::new(seconds.try_into().unwrap_or(0), nanoseconds.try_into().unwrap_or(0))
        };
        let modified = time(metadata.mtime(), metadata.mtime_nsec());
        let changed = time(metadata.ctime(), metadata.ctime_nsec());
        Self { inode: metadata.ino(), bytes: metadata.len(), modified, touched: modified.max(changed) }
    }
}
