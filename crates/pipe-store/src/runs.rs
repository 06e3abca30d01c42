//! Runs and the last known state of every stage: what `status`, `runs` and `why` read.
//!
//! Does not decide states; the engine does.

use std::fmt;

use rusqlite::{OptionalExtension as _, Row, Transaction};
use serde::{Deserialize, Serialize};

use crate::{Digest, Store, StoreError, fail_point, lease::Lock, store::Durability};

/// Number of a run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
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
    /// Stages that a search ended, or kept from starting.
    #[serde(default)]
    pub pruned: u64,
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
    /// `done`, `failed`, `interrupted`, `killed`, or none while it runs, and after its death until somebody buries it.
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
    /// `cached`, `running`, or how its attempt ended: `done`, `failed`, `interrupted`.
    pub state: String,
    /// Why it ran, as JSON.
    pub reason: String,
}

impl Store {
    /// Begins a run, and holds its lock until it ends or this process does.
    ///
    /// # Errors
    /// The ledger cannot be written.
    pub fn begin_run(&self, run: &NewRun<'_>) -> Result<RunId, StoreError> {
        let mut lock = None;
        // Locked before others see the row, so that nobody takes a run that begins for a dead one.
        let id = self.transaction(Durability::Process, |transaction| {
            let id = insert_run(transaction, run, None)?;
            lock = Some(Lock::take_own(&self.run_lock(id)));
            Ok(id)
        })?;
        let lock = lock.expect("the transaction did its work")?;
        self.live.lock().expect("no holder panics").insert(id, lock);
        fail_point("run.begun");
        Ok(id)
    }

    /// Records a run that found everything cached: one row.
    ///
    /// # Errors
    /// The ledger cannot be written.
    pub fn record_cached_run(&self, run: &NewRun<'_>, end: &RunEnd) -> Result<RunId, StoreError> {
        self.transaction(Durability::Process, |transaction| insert_run(transaction, run, Some(end)))
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
        let RunEnd { cached, ran, failed, skipped, pruned, seconds, .. } = *end;
        self.transaction(Durability::Process, |transaction| {
            transaction
                .execute(
                    "update runs set ended = ?2, state = ?3, cached = ?4, ran = ?5, failed = ?6, skipped = ?7, seconds = ?8,
                     pruned = ?9 where id = ?1",
                    (
                        run.0,
                        now(),
                        state,
                        cached.cast_signed(),
                        ran.cast_signed(),
                        failed.cast_signed(),
                        skipped.cast_signed(),
                        seconds,
                        pruned.cast_signed(),
                    ),
                )
                .map(drop)
        })?;
        self.live.lock().expect("no holder panics").remove(&run);
        fail_point("run.ended");
        Ok(())
    }

    /// Notes the state of stages of an experiment.
    ///
    /// # Errors
    /// The ledger cannot be written.
    pub fn note_stages(&self, experiment: &str, rows: &[StageRow]) -> Result<(), StoreError> {
        if rows.is_empty() {
            return Ok(());
        }
        self.transaction(Durability::Process, |transaction| {
            let mut statement = transaction.prepare_cached(
                "insert or replace into stages (experiment, stage, fingerprint, run, state, reason) values (?1, ?2, ?3, ?4, ?5, ?6)",
            )?;
            for row in rows {
                statement
                    .execute((experiment, &row.stage, row.fingerprint.bytes(), row.run.0, &row.state, &row.reason))?;
            }
            Ok(())
        })
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
                "select id, experiment, file, command, started, commit_id, state, cached, ran, failed, skipped, seconds, pruned
                 from runs order by id desc limit ?1",
            )?;
            let rows = statement.query_map([i64::try_from(limit).unwrap_or(i64::MAX)], run_row)?;
            rows.collect::<rusqlite::Result<_>>()
        };
        find().map_err(|source| self.database(source))
    }
}

fn insert_run(transaction: &Transaction<'_>, run: &NewRun<'_>, end: Option<&RunEnd>) -> rusqlite::Result<RunId> {
    transaction
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
    Ok(RunId(transaction.last_insert_rowid()))
}

/// This moment, RFC 3339.
pub(crate) fn now() -> String {
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

/// A run by the columns in the order of [`RunRow`] and [`RunEnd`].
pub(crate) fn run_row(row: &Row<'_>) -> rusqlite::Result<RunRow> {
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
            pruned: count(12)?,
            seconds: row.get::<_, Option<f64>>(11)?.unwrap_or(0.0),
            interrupted: state.as_deref() == Some("interrupted"),
        },
        state,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture;

    #[test]
    fn runs_and_stages() {
        let (_folder, store) = fixture::store();
        let run = fixture::run(&store);
        assert_eq!(store.runs(5).expect("readable")[0].state, None);
        let row = StageRow {
            stage: "train[fold=1]".into(),
            fingerprint: Digest::of(b"recipe"),
            run,
            state: "done".into(),
            reason: "{}".into(),
        };
        store.note_stages("e", std::slice::from_ref(&row)).expect("writable");
        assert_eq!(store.stages("e").expect("readable"), vec![row]);
        store.end_run(run, &RunEnd { ran: 1, failed: 1, ..RunEnd::default() }).expect("writable");
        assert_eq!(store.runs(5).expect("readable")[0].state.as_deref(), Some("failed"));
        let new = NewRun { experiment: "e", file: "e.yaml", command: "pipe run e.yaml", commit: None };
        store.record_cached_run(&new, &RunEnd { cached: 3, ..RunEnd::default() }).expect("writable");
        let rows = store.runs(1).expect("readable");
        assert_eq!((rows[0].state.as_deref(), rows[0].end.cached), (Some("done"), 3));
    }
}
