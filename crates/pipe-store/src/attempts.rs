//! Attempts: each has a number, a folder of its own and a row, and ends as published or as something else.
//!
//! Does not know how an attempt is run, nor what a result is; `results.rs` publishes.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use rusqlite::Transaction;

use crate::{
    Digest, RunId, Store, StoreError, fail_point,
    runs::now,
    store::{Durability, json},
};

/// Longest name of a folder: file systems end at 255 bytes, encrypting ones at 143.
const LONGEST: usize = 140;

/// An attempt that starts.
#[derive(Clone, Debug)]
pub struct NewAttempt<'a> {
    /// The run.
    pub run: RunId,
    /// Name of the experiment.
    pub experiment: &'a str,
    /// The stage instance, e.g. `train[fold=1]`.
    pub stage: &'a str,
    /// Digest of the recipe.
    pub fingerprint: Digest,
    /// Stage kind, e.g. `train`.
    pub kind: &'a str,
    /// Canonical JSON of the recipe.
    pub manifest: &'a str,
    /// Why it runs, as JSON.
    pub reason: &'a str,
}

/// One attempt to run a stage.
#[derive(Clone, Debug)]
pub struct Attempt {
    /// The run.
    pub run: RunId,
    /// Name of the experiment.
    pub experiment: String,
    /// The stage instance.
    pub stage: String,
    /// Digest of the recipe.
    pub fingerprint: Digest,
    /// Counted from 1 over all attempts that share the parent folder.
    pub number: u32,
    /// Folder of its own: `scratch/`, `log.txt`, `job.json`.
    pub folder: PathBuf,
}

/// A name for a folder that stands for an id of any length and any characters.
///
/// An id that is a good name is its own; another keeps what is readable of it and gets a part of its digest.
pub fn folder_name(id: &str) -> String {
    let good = |c: char| !c.is_control() && !matches!(c, '/' | '\\');
    let hidden = id.is_empty() || id.starts_with('.');
    if !hidden && id.len() <= LONGEST && id.chars().all(good) {
        return id.to_owned();
    }
    let digest = Digest::of(id.as_bytes()).to_string();
    let mut name: String = id.chars().map(|c| if good(c) { c } else { '_' }).collect();
    if hidden {
        name.insert(0, '_');
    }
    name.truncate(name.floor_char_boundary(LONGEST - 17));
    format!("{name}-{}", &digest[..16])
}

impl Store {
    /// Begins an attempt in a new folder of its own; its recipe is kept, so that a later one can be held against it.
    ///
    /// # Errors
    /// The folder or the rows cannot be made.
    pub fn begin_attempt(&self, new: &NewAttempt<'_>) -> Result<Attempt, StoreError> {
        self.writable()?;
        let NewAttempt { run, experiment, stage, fingerprint, kind, manifest, reason } = *new;
        let (number, folder) = own_folder(&self.attempts_folder(run).join(folder_name(stage)))?;
        let begun = self.transaction(Durability::Process, |transaction| {
            remember(transaction, &fingerprint, kind, manifest)?;
            transaction
                .prepare_cached(
                    "insert or replace into attempts (run, stage, number, fingerprint, started) values (?1, ?2, ?3, ?4, ?5)",
                )?
                .execute((run.0, stage, number, fingerprint.bytes(), now()))?;
            transaction
                .prepare_cached(
                    "insert or replace into stages (experiment, stage, fingerprint, run, state, reason)
                     values (?1, ?2, ?3, ?4, 'running', ?5)",
                )?
                .execute((experiment, stage, fingerprint.bytes(), run.0, reason))?;
            Ok(())
        });
        if let Err(error) = begun {
            drop(fs::remove_dir_all(&folder));
            return Err(error);
        }
        fail_point("attempt.begun");
        let (experiment, stage) = (experiment.to_owned(), stage.to_owned());
        Ok(Attempt { run, experiment, stage, fingerprint, number, folder })
    }

    /// Ends an attempt that published nothing; its scratch folder is removed, its log stays.
    ///
    /// # Errors
    /// The ledger cannot be written.
    pub fn end_attempt(&self, attempt: &Attempt, outcome: &str, facts: &serde_json::Value) -> Result<(), StoreError> {
        attempt.clean();
        self.transaction(Durability::Process, |transaction| end(transaction, attempt, outcome, facts))
    }

    /// The folders of all attempts of a recipe, the earliest first, and whether they published a result. Some may be gone.
    ///
    /// # Errors
    /// The ledger cannot be read.
    pub fn attempts_of(&self, fingerprint: &Digest) -> Result<Vec<(PathBuf, bool)>, StoreError> {
        let ledger = self.ledger();
        let find = || {
            let mut statement = ledger.prepare_cached(
                "select run, stage, number, coalesce(outcome, '') = 'done' from attempts where fingerprint = ?1
                 order by run, started",
            )?;
            let rows = statement.query_map([fingerprint.bytes()], |row| {
                let (run, stage, number): (i64, String, u32) = (row.get(0)?, row.get(1)?, row.get(2)?);
                let folder = self.attempts_folder(RunId(run)).join(folder_name(&stage)).join(number.to_string());
                Ok((folder, row.get(3)?))
            })?;
            rows.collect::<rusqlite::Result<_>>()
        };
        find().map_err(|source| self.database(source))
    }

    /// The folder of all attempts of a run.
    pub(crate) fn attempts_folder(&self, run: RunId) -> PathBuf {
        self.root().join("attempts").join(run.to_string())
    }
}

impl Attempt {
    /// Removes what the attempt worked in.
    pub(crate) fn clean(&self) {
        clean(&self.folder);
    }
}

/// Removes what an attempt worked in. Files that are still held open elsewhere may stay; they are in nobody's way.
pub(crate) fn clean(folder: &Path) {
    drop(fs::remove_dir_all(folder.join("scratch")));
    drop(fs::remove_dir_all(folder.join("inputs")));
}

pub(crate) fn remember(
    transaction: &Transaction<'_>,
    fingerprint: &Digest,
    kind: &str,
    manifest: &str,
) -> rusqlite::Result<()> {
    transaction
        .prepare_cached("insert or ignore into recipes (fingerprint, kind, manifest) values (?1, ?2, ?3)")?
        .execute((fingerprint.bytes(), kind, manifest))
        .map(drop)
}

/// Notes how an attempt ended. A stage that a later run has noted meanwhile keeps what that run said.
pub(crate) fn end(
    transaction: &Transaction<'_>,
    attempt: &Attempt,
    outcome: &str,
    facts: &serde_json::Value,
) -> rusqlite::Result<()> {
    let Attempt { run, stage, number, experiment, .. } = attempt;
    transaction
        .prepare_cached(
            "update attempts set ended = ?4, outcome = ?5, facts = ?6 where run = ?1 and stage = ?2 and number = ?3",
        )?
        .execute((run.0, stage, number, now(), outcome, json(facts)))?;
    transaction
        .prepare_cached("update stages set state = ?4 where experiment = ?1 and stage = ?2 and run = ?3")?
        .execute((experiment, stage, run.0, outcome))?;
    Ok(())
}

/// The first number that nobody has, and its folder with an empty scratch folder in it.
fn own_folder(parent: &Path) -> Result<(u32, PathBuf), StoreError> {
    let failed = |folder: &Path, source| StoreError::io("create", folder, source);
    let mut number = 1;
    loop {
        let folder = parent.join(number.to_string());
        match fs::create_dir(&folder) {
            Ok(()) => {
                let scratch = folder.join("scratch");
                fs::create_dir(&scratch).map_err(|source| failed(&scratch, source))?;
                return Ok((number, folder));
            }
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => number += 1,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                fs::create_dir_all(parent).map_err(|source| failed(parent, source))?;
            }
            Err(source) => return Err(failed(&folder, source)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture;

    #[test]
    fn numbers_count_up_and_logs_stay() {
        let (_folder, store) = fixture::store();
        let run = fixture::run(&store);
        let stage = "train[fold=1]";
        let first = fixture::attempt(&store, run, stage, "recipe");
        let second = fixture::attempt(&store, run, stage, "recipe");
        assert_eq!((first.number, second.number), (1, 2));
        assert_eq!(store.stages("e").expect("readable")[0].state, "running");
        assert_eq!(store.manifest(&first.fingerprint).expect("readable").as_deref(), Some("\"recipe\""));
        assert!(second.folder.join("scratch").is_dir());
        fs::write(second.folder.join("log.txt"), "said").expect("writable");
        store.end_attempt(&second, "failed", &serde_json::json!({ "exit": 1 })).expect("writable");
        assert!(!second.folder.join("scratch").exists() && second.folder.join("log.txt").exists());
        assert_eq!(store.stages("e").expect("readable")[0].state, "failed");
        let facts: String = store
            .ledger()
            .query_row("select facts from attempts where number = 2 and outcome = 'failed'", [], |row| row.get(0))
            .expect("a row");
        assert_eq!(facts, r#"{"exit":1}"#);
    }

    #[test]
    fn a_later_run_keeps_its_word() {
        let (_folder, store) = fixture::store();
        let (old, new) = (fixture::run(&store), fixture::run(&store));
        let first = fixture::attempt(&store, old, "a", "recipe");
        fixture::attempt(&store, new, "a", "another");
        store.end_attempt(&first, "failed", &serde_json::Value::Null).expect("writable");
        let row = store.stage("e", "a").expect("readable").expect("noted");
        assert_eq!((row.run, row.state.as_str()), (new, "running"));
    }

    #[test]
    fn two_threads_never_share_a_folder() {
        let (_folder, store) = fixture::store();
        let run = fixture::run(&store);
        let mut folders: Vec<_> = std::thread::scope(|scope| {
            let begin = || (0..20).map(|_| fixture::attempt(&store, run, "a", "recipe").folder).collect::<Vec<_>>();
            let workers = [scope.spawn(begin), scope.spawn(begin)];
            workers.into_iter().flat_map(|worker| worker.join().expect("no panic")).collect()
        });
        folders.sort();
        folders.dedup();
        assert_eq!(folders.len(), 40);
    }

    #[track_caller]
    fn check_kept(id: &str) {
        assert_eq!(folder_name(id), id);
    }

    #[track_caller]
    fn check_changed(id: &str) -> String {
        let name = folder_name(id);
        assert!(name != id && !name.starts_with('.') && name.len() <= LONGEST && !name.contains(['/', '\n', '\0']));
        fs::create_dir(tempfile::tempdir().expect("a temporary folder").path().join(&name)).expect("a valid name");
        name
    }

    #[test]
    fn every_id_has_a_folder_of_its_own() {
        check_kept("train[fold=1]");
        check_kept("évaluer[fold=1,seed=2]");
        check_changed("");
        check_changed("..");
        let slash = check_changed("train[file=a/b]");
        let line = check_changed("train[file=a\nb]");
        assert_ne!(slash, line);
        assert_ne!(check_changed(&"x".repeat(300)), check_changed(&"x".repeat(301)));
        check_changed(&"é".repeat(100));
    }
}
