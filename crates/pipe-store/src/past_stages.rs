//! What each stage of a past run came to: its result, its metrics and its attempts.
//!
//! Does not know how it is shown.

use std::{collections::BTreeMap, path::PathBuf};

use rusqlite::{OptionalExtension as _, Row};
use serde::Serialize;
use serde_json::Value as Json;

use crate::{Digest, Made, MetricRow, Output, RunId, Store, StoreError, folder_name};

/// One attempt of a run.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct AttemptRow {
    /// The stage instance.
    pub stage: String,
    /// Its number.
    pub number: u32,
    /// Digest of the recipe.
    pub fingerprint: Digest,
    /// Start, RFC 3339.
    pub started: String,
    /// End, RFC 3339.
    pub ended: Option<String>,
    /// `done`, `failed`, `interrupted`; none while it runs, or where `pipe` was killed.
    pub outcome: Option<String>,
    /// What was measured.
    pub facts: Json,
    /// The folder of its log.
    pub folder: PathBuf,
}

/// What a stage came to in a run.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct RunStage {
    /// The stage instance.
    pub stage: String,
    /// `cached`, `ran`, or how its last attempt ended.
    pub state: String,
    /// Digest of the recipe.
    pub fingerprint: Digest,
    /// Row of the result; none where it has none.
    pub artifact: Option<i64>,
    /// When, where and by what the result was made.
    pub made: Option<Made>,
    /// The result's outputs.
    pub outputs: Vec<Output>,
    /// The result's metrics, those of single cases left out.
    pub metrics: Vec<MetricRow>,
    /// Attempts in this run, oldest first.
    pub attempts: Vec<AttemptRow>,
}

impl AttemptRow {
    /// Wall seconds, where they are known.
    pub fn seconds(&self) -> Option<f64> {
        let at = |text: &str| text.parse::<jiff::Timestamp>().ok();
        let lasted =
            || Some((at(self.ended.as_ref()?)?.as_duration() - at(&self.started)?.as_duration()).as_secs_f64());
        // Of a clock that went backwards meanwhile nothing can be learnt.
        self.facts["seconds"].as_f64().or_else(|| lasted().filter(|seconds| *seconds >= 0.0))
    }

    /// What it printed.
    pub fn log(&self) -> PathBuf {
        self.folder.join("log.txt")
    }

    /// Processor seconds, where they were measured.
    pub fn cpu_seconds(&self) -> Option<f64> {
        self.facts["cpu_seconds"].as_f64()
    }

    /// Peak memory in bytes, where it was measured.
    pub fn peak_memory(&self) -> Option<u64> {
        self.facts["peak_memory"].as_u64()
    }
}

impl Store {
    /// All attempts of a run, by stage and number.
    ///
    /// # Errors
    /// The ledger cannot be read.
    pub fn attempts(&self, run: RunId) -> Result<Vec<AttemptRow>, StoreError> {
        let ledger = self.ledger();
        let folder = self.attempts_folder(run);
        let find = || {
            let mut statement = ledger.prepare_cached(
                "select stage, number, fingerprint, started, ended, outcome, facts from attempts
                 where run = ?1 order by stage, number",
            )?;
            let rows = statement.query_map([run.0], |row| {
                let facts: Option<String> = row.get(6)?;
                let (stage, number): (String, u32) = (row.get(0)?, row.get(1)?);
                Ok(AttemptRow {
                    folder: folder.join(folder_name(&stage)).join(number.to_string()),
                    stage,
                    number,
                    fingerprint: Digest::from_bytes(row.get(2)?),
                    started: row.get(3)?,
                    ended: row.get(4)?,
                    outcome: row.get(5)?,
                    facts: facts.and_then(|facts| serde_json::from_str(&facts).ok()).unwrap_or_default(),
                })
            })?;
            rows.collect::<rusqlite::Result<_>>()
        };
        find().map_err(|source| self.database(source))
    }

    /// What every stage of a run came to: those with a result in the order of the plan, then those without.
    ///
    /// # Errors
    /// The ledger cannot be read.
    pub fn run_stages(&self, run: RunId) -> Result<Vec<RunStage>, StoreError> {
        let mut attempts: BTreeMap<String, Vec<AttemptRow>> = BTreeMap::new();
        for attempt in self.attempts(run)? {
            attempts.entry(attempt.stage.clone()).or_default().push(attempt);
        }
        let mut stages = Vec::new();
        for (stage, artifact) in self.uses(run)? {
            let Some((fingerprint, outputs, made)) = self.result(artifact)? else { continue };
            let tried = attempts
                .get(&stage)
                .is_some_and(|list| made.run == run && list.iter().any(|attempt| attempt.fingerprint == fingerprint));
            let state = if tried { "ran" } else { "cached" };
            let attempts = attempts.remove(&stage).unwrap_or_default();
            let metrics = self.means_of(artifact)?;
            let (artifact, made, state) = (Some(artifact), Some(made), state.to_owned());
            stages.push(RunStage { stage, state, fingerprint, artifact, made, outputs, metrics, attempts });
        }
        let mut rest: Vec<_> = attempts.into_iter().collect();
        rest.sort_by(|(_, a), (_, b)| a[0].started.cmp(&b[0].started));
        for (stage, attempts) in rest {
            let last = attempts.last().expect("a list begins with its first attempt");
            let state = match last.outcome.as_deref() {
                // A run that was killed could not note what it used.
                Some("done") => "ran",
                Some(outcome) => outcome,
                None => "unfinished",
            };
            let (state, fingerprint) = (state.to_owned(), last.fingerprint);
            let artifact = self.made_by(run, &fingerprint)?;
            let found = artifact.map(|artifact| self.result(artifact)).transpose()?.flatten();
            let (outputs, made) = found.map_or((Vec::new(), None), |(_, outputs, made)| (outputs, Some(made)));
            let metrics = artifact.map(|artifact| self.means_of(artifact)).transpose()?.unwrap_or_default();
            stages.push(RunStage { stage, state, fingerprint, artifact, made, outputs, metrics, attempts });
        }
        Ok(stages)
    }

    /// The result of a recipe that a run made.
    fn made_by(&self, run: RunId, fingerprint: &Digest) -> Result<Option<i64>, StoreError> {
        self.ledger()
            .prepare_cached(
                "select id from artifacts where made ->> '$.run' = ?1 and fingerprint = ?2 order by id desc limit 1",
            )
            .and_then(|mut find| find.query_row((run.0, fingerprint.bytes()), |row| row.get(0)).optional())
            .map_err(|source| self.database(source))
    }

    fn result(&self, artifact: i64) -> Result<Option<(Digest, Vec<Output>, Made)>, StoreError> {
        let ledger = self.ledger();
        let find = || -> rusqlite::Result<_> {
            let mut statement =
                ledger.prepare_cached("select fingerprint, outputs, made from artifacts where id = ?1")?;
            let texts = |row: &Row<'_>| -> rusqlite::Result<([u8; 32], String, String)> {
                Ok((row.get(0)?, row.get(1)?, row.get(2)?))
            };
            statement.query_row([artifact], texts).optional()
        };
        let found = find().map_err(|source| self.database(source))?;
        Ok(found.and_then(|(print, outputs, made)| {
            let outputs = serde_json::from_str(&outputs).ok()?;
            Some((Digest::from_bytes(print), outputs, serde_json::from_str(&made).ok()?))
        }))
    }

    /// The metrics of a result that are no single case's.
    fn means_of(&self, artifact: i64) -> Result<Vec<MetricRow>, StoreError> {
        let mut metrics = self.metrics(artifact)?;
        metrics.retain(|metric| metric.case.is_none());
        Ok(metrics)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Claim, Direction, Holder, NewRecord, NewRun, fixture};

    #[test]
    fn cached_ran_and_failed() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let store = Store::open(folder.path()).expect("a new store");
        let new = NewRun { experiment: "e", file: "e.yaml", command: "pipe run e.yaml", commit: None };
        let runs = [store.begin_run(&new).expect("writable"), store.begin_run(&new).expect("writable")];
        let good = Digest::of(b"good");
        let attempt = fixture::attempt(&store, runs[0], "train", "good");
        let holder = Holder::here(runs[0], "e", "train");
        let Ok(Claim::Miss(lease)) = store.claim(&good, &holder) else { panic!("a new recipe") };
        let metric = |case: Option<&str>| MetricRow {
            name: "dice".into(),
            value: Some(0.5),
            unit: String::new(),
            direction: Direction::Higher,
            case: case.map(str::to_owned),
        };
        let made = Made {
            run: runs[0],
            attempt: 1,
            at: "2026-01-01T00:00:00Z".into(),
            seconds: 1.0,
            commit: None,
            device: "cpu".into(),
            facts: Json::Null,
        };
        let metrics = vec![metric(None), metric(Some("case"))];
        let new = NewRecord { kind: "train", manifest: "{}", outputs: vec![], metrics, lineage: vec![], made };
        let record = lease.publish(&new, &attempt, &Json::Null).expect("writable");
        for number in [1, 2] {
            let attempt = fixture::attempt(&store, runs[1], "test", "bad");
            let outcome = if number == 1 { "interrupted" } else { "failed" };
            store.end_attempt(&attempt, outcome, &Json::Null).expect("writable");
        }
        let seen = |run| {
            let stages = store.run_stages(run).expect("readable");
            let seen = |stage: RunStage| (stage.stage, stage.state, stage.attempts.len(), stage.metrics.len());
            stages.into_iter().map(seen).collect::<Vec<_>>()
        };
        let row = |stage: &str, state: &str, attempts, metrics| (stage.to_owned(), state.to_owned(), attempts, metrics);
        assert_eq!(seen(runs[0]), [row("train", "ran", 1, 1)], "killed before it noted what it used");
        store.note_uses(runs[0], &[("train".into(), record.id)]).expect("writable");
        assert_eq!(seen(runs[0]), [row("train", "ran", 1, 1)]);
        store.note_uses(runs[1], &[("train".into(), record.id)]).expect("writable");
        assert_eq!(seen(runs[1]), [row("train", "cached", 0, 1), row("test", "failed", 2, 0)]);
    }

    #[test]
    fn a_clock_that_went_backwards_tells_nothing() {
        let attempt = |started: &str, ended: &str, facts| AttemptRow {
            stage: "train".into(),
            number: 1,
            fingerprint: Digest::of(b""),
            started: started.into(),
            ended: Some(ended.into()),
            outcome: None,
            facts,
            folder: PathBuf::new(),
        };
        let (early, late) = ("2026-01-01T00:00:00Z", "2026-01-01T00:00:02.5Z");
        assert_eq!(attempt(early, late, Json::Null).seconds(), Some(2.5));
        assert_eq!(attempt(late, early, Json::Null).seconds(), None);
        let measured = attempt(late, early, serde_json::json!({ "seconds": 1.5, "peak_memory": 7 }));
        assert_eq!((measured.seconds(), measured.cpu_seconds(), measured.peak_memory()), (Some(1.5), None, Some(7)));
    }
}
