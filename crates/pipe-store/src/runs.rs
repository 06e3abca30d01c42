//! Runs, attempts and the last known state of every stage: what `status`, `runs` and `why` read.
//!
//! Does not decide states; the engine does.

use std::{fmt, fs, path::PathBuf};

use rusqlite::{OptionalExtension as _, Row};
use serde::{Deserialize, Serialize};

use crate::{Digest, Store, StoreError};

/// Number of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct RunId(pub i64);

impl fmt::Display for RunId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// A run that starts.
#[derive(Clone, Debug)]
pub struct NewRun<'a> {
    /// Name of the experiment.
    pub experiment: &'a str,
    /// Its file, relative to the workspace.
    pub file: &'a str,
    /// The command line.
    pub command: &'a str,
    /// Commit of the workspace.
    pub commit: Option<&'a str>,
}

/// How a run ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct RunEnd {
    /// Stages answered from the cache.
    pub cached: u64,
    /// Stages that ran and succeeded.
    pub ran: u64,
    /// Stages that failed.
    pub failed: u64,
    /// Stages that were not tried, because something they need failed.
    pub skipped: u64,
    /// Wall seconds.
    pub seconds: f64,
    /// Whether a signal ended it.
    pub interrupted: bool,
}

/// A run as the ledger has it.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct RunRow {
    /// Its number.
    pub id: RunId,
    /// Name of the experiment.
    pub experiment: String,
    /// Its file.
    pub file: String,
    /// The command line.
    pub command: String,
    /// Start, RFC 3339.
    pub started: String,
    /// Commit of the workspace; none where it was not asked for, or is no git work tree.
    pub commit: Option<String>,
    /// `done`, `failed`, `interrupted`, or none while it runs or after it was killed.
    pub state: Option<String>,
    /// How it ended.
    pub end: RunEnd,
}

/// The last known state of a stage of an experiment.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct StageRow {
    /// The instance, e.g. `train[fold=1]`.
    pub stage: String,
    /// Its recipe.
    pub fingerprint: Digest,
    /// The run that saw it last.
    pub run: RunId,
    /// `cached`, `done`, `failed` or `running`.
    pub state: String,
    /// Why it ran, as JSON.
    pub reason: String,
}

/// One attempt to run a stage.
#[derive(Clone, Debug)]
pub struct Attempt {
    /// The run.
    pub run: RunId,
    /// The stage instance.
    pub stage: String,
    /// Counted from 1 over all runs that share the folder.
    pub number: u32,
    /// Folder of its own: `scratch/`, `log.txt`, `job.json`.
    pub folder: PathBuf,
}

impl Store {
    /// Begins a run.
    ///
    /// # Errors
    /// The ledger cannot be written.
    pub fn begin_run(&self, run: &NewRun<'_>) -> Result<RunId, StoreError> {
        self.insert_run(run, None).map(RunId)
    }

    /// Records a run that found everything cached: one row.
    ///
    /// # Errors
    /// The ledger cannot be written.
    pub fn record_cached_run(&self, run: &NewRun<'_>, end: &RunEnd) -> Result<RunId, StoreError> {
        self.insert_run(run, Some(end)).map(RunId)
    }

    fn insert_run(&self, run: &NewRun<'_>, end: Option<&RunEnd>) -> Result<i64, StoreError> {
        let ledger = self.ledger();
        let insert = || {
            if end.is_some() {
                // Losing the note of a run that made nothing loses no result, so it need not wait for the disk.
                ledger.pragma_update(None, "synchronous", "normal")?;
            }
            ledger
                .prepare_cached(
                    "insert into runs (experiment, file, command, started, commit_id, ended, state, cached, ran, failed, skipped, seconds)
                     values (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)",
                )?
                .execute((
                    run.experiment,
                    run.file,
                    run.command,
                    now(),
                    run.commit,
                    end.map(|_| now()),
                    end.map(|_| "done"),
                    end.map(|end| end.cached.cast_signed()),
                    end.map(|end| end.ran.cast_signed()),
                    end.map(|end| end.failed.cast_signed()),
                    end.map(|end| end.skipped.cast_signed()),
                    end.map(|end| end.seconds),
                ))?;
            if end.is_some() {
                ledger.pragma_update(None, "synchronous", "full")?;
            }
            Ok(ledger.last_insert_rowid())
        };
        insert().map_err(|source| self.database(source))
    }

    /// Ends a run.
    ///
    /// # Errors
    /// The ledger cannot be written.
    pub fn end_run(&self, run: RunId, end: &RunEnd) -> Result<(), StoreError> {
        let state = match end {
            RunEnd { interrupted: true, .. } => "interrupted",
            RunEnd { failed: 1.., .. } => "failed",
            _ => "done",
        };
        let RunEnd { cached, ran, failed, skipped, seconds, .. } = *end;
        self.ledger()
            .execute(
                "update runs set ended = ?2, state = ?3, cached = ?4, ran = ?5, failed = ?6, skipped = ?7, seconds = ?8 where id = ?1",
                (run.0, now(), state, cached.cast_signed(), ran.cast_signed(), failed.cast_signed(), skipped.cast_signed(), seconds),
            )
            .map(drop)
            .map_err(|source| self.database(source))
    }

    /// Notes the state of stages of an experiment.
    ///
    /// # Errors
    /// The ledger cannot be written.
    pub fn note_stages(&self, experiment: &str, rows: &[StageRow]) -> Result<(), StoreError> {
        let mut ledger = self.ledger();
        let mut note = || {
            let transaction = ledger.transaction()?;
            for row in rows {
                transaction
                    .prepare_cached(
                        "insert or replace into stages (experiment, stage, fingerprint, run, state, reason) values (?1, ?2, ?3, ?4, ?5, ?6)",
                    )?
                    .execute((experiment, &row.stage, row.fingerprint.bytes(), row.run.0, &row.state, &row.reason))?;
            }
            transaction.commit()
        };
        note().map_err(|source| self.database(source))
    }

    /// The last known state of an experiment's stages, by name.
    ///
    /// # Errors
    /// The ledger cannot be read.
    pub fn stages(&self, experiment: &str) -> Result<Vec<StageRow>, StoreError> {
        let ledger = self.ledger();
        let find = || {
            let mut statement = ledger.prepare_cached(
                "select stage, fingerprint, run, state, reason from stages where experiment = ?1 order by stage",
            )?;
            let rows = statement.query_map([experiment], stage_row)?;
            rows.collect::<rusqlite::Result<_>>()
        };
        find().map_err(|source| self.database(source))
    }

    /// The last known state of one stage.
    ///
    /// # Errors
    /// The ledger cannot be read.
    pub fn stage(&self, experiment: &str, stage: &str) -> Result<Option<StageRow>, StoreError> {
        let ledger = self.ledger();
        let find = || {
            ledger
                .prepare_cached(
                    "select stage, fingerprint, run, state, reason from stages where experiment = ?1 and stage = ?2",
                )?
                .query_row((experiment, stage), stage_row)
                .optional()
        };
        find().map_err(|source| self.database(source))
    }

    /// The newest runs, newest first.
    ///
    /// # Errors
    /// The ledger cannot be read.
    pub fn runs(&self, limit: usize) -> Result<Vec<RunRow>, StoreError> {
        let ledger = self.ledger();
        let find = || {
            let mut statement = ledger.prepare_cached(
                "select id, experiment, file, command, started, commit_id, state, cached, ran, failed, skipped, seconds
                 from runs order by id desc limit ?1",
            )?;
            let rows = statement.query_map([i64::try_from(limit).unwrap_or(i64::MAX)], run_row)?;
            rows.collect::<rusqlite::Result<_>>()
        };
        find().map_err(|source| self.database(source))
    }

    /// Begins an attempt in a new folder of its own.
    ///
    /// # Errors
    /// The folder or the row cannot be made.
    pub fn begin_attempt(&self, run: RunId, stage: &str, fingerprint: &Digest) -> Result<Attempt, StoreError> {
        let parent = self.root().join("attempts").join(run.to_string()).join(stage);
        let mut number = 1;
        let folder = loop {
            let folder = parent.join(number.to_string());
            if !folder.exists() {
                break folder;
            }
            number += 1;
        };
        let scratch = folder.join("scratch");
        fs::create_dir_all(&scratch).map_err(|source| StoreError::io("create", &scratch, source))?;
        self.ledger()
            .execute(
                "insert or replace into attempts (run, stage, number, fingerprint, started) values (?1, ?2, ?3, ?4, ?5)",
                (run.0, stage, number, fingerprint.bytes(), now()),
            )
            .map_err(|source| self.database(source))?;
        Ok(Attempt { run, stage: stage.to_owned(), number, folder })
    }

    /// Ends an attempt; its scratch folder is removed, its log stays.
    ///
    /// # Errors
    /// The ledger cannot be written.
    pub fn end_attempt(&self, attempt: &Attempt, outcome: &str) -> Result<(), StoreError> {
        // Files that are still held open elsewhere may stay; they are in nobody's way.
        drop(fs::remove_dir_all(attempt.folder.join("scratch")));
        drop(fs::remove_dir_all(attempt.folder.join("inputs")));
        self.ledger()
            .execute(
                "update attempts set ended = ?4, outcome = ?5 where run = ?1 and stage = ?2 and number = ?3",
                (attempt.run.0, &attempt.stage, attempt.number, now(), outcome),
            )
            .map(drop)
            .map_err(|source| self.database(source))
    }
}

fn now() -> String {
    jiff::Timestamp::now().to_string()
}

fn stage_row(row: &Row<'_>) -> rusqlite::Result<StageRow> {
    Ok(StageRow {
        stage: row.get(0)?,
        fingerprint: Digest::from_bytes(row.get(1)?),
        run: RunId(row.get(2)?),
        state: row.get(3)?,
        reason: row.get(4)?,
    })
}

fn run_row(row: &Row<'_>) -> rusqlite::Result<RunRow> {
    let count = |column: usize| row.get::<_, Option<i64>>(column).map(|count| count.unwrap_or(0).cast_unsigned());
    let state: Option<String> = row.get(6)?;
    Ok(RunRow {
        id: RunId(row.get(0)?),
        experiment: row.get(1)?,
        file: row.get(2)?,
        command: row.get(3)?,
        started: row.get(4)?,
        commit: row.get(5)?,
        end: RunEnd {
            cached: count(7)?,
            ran: count(8)?,
            failed: count(9)?,
            skipped: count(10)?,
            seconds: row.get::<_, Option<f64>>(11)?.unwrap_or(0.0),
            interrupted: state.as_deref() == Some("interrupted"),
        },
        state,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn runs_stages_and_attempts() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let store = Store::open(folder.path()).expect("a new store");
        let new = NewRun { experiment: "e", file: "e.yaml", command: "pipe run e.yaml", commit: None };
        let run = store.begin_run(&new).expect("writable");
        let print = Digest::of(b"recipe");
        let first = store.begin_attempt(run, "train[fold=1]", &print).expect("writable");
        let second = store.begin_attempt(run, "train[fold=1]", &print).expect("writable");
        assert_eq!((first.number, second.number), (1, 2));
        assert!(second.folder.join("scratch").is_dir());
        store.end_attempt(&second, "done").expect("writable");
        assert!(!second.folder.join("scratch").exists() && second.folder.exists());
        let row = StageRow {
            stage: "train[fold=1]".into(),
            fingerprint: print,
            run,
            state: "done".into(),
            reason: "{}".into(),
        };
        store.note_stages("e", std::slice::from_ref(&row)).expect("writable");
        assert_eq!(store.stages("e").expect("readable"), vec![row]);
        store.end_run(run, &RunEnd { ran: 1, failed: 1, ..RunEnd::default() }).expect("writable");
        assert_eq!(store.runs(5).expect("readable")[0].state.as_deref(), Some("failed"));
    }
}
