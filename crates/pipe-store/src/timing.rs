//! How long stages took before: what `plan` estimates from.
//!
//! Does not know what would run, nor which kinds take alike.

use std::collections::BTreeMap;

use crate::{Store, StoreError};

/// Results of one stage or kind that count; older ones tell of other recipes and machines.
const LAST: usize = 5;
/// Runs of an experiment that are looked through, newest first; runs that found everything cached do not count.
const RUNS: i64 = 50;
/// Results of all experiments that are looked through for kinds.
const RESULTS: i64 = 1000;

/// Seconds of the last results, by what made them.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Timings {
    instances: BTreeMap<String, f64>,
    stages: BTreeMap<String, f64>,
    kinds: BTreeMap<String, f64>,
}

impl Timings {
    /// Median seconds of an instance, e.g. `train[fold=1]`; of any instance of its stage, where it has none of its own.
    pub fn stage(&self, instance: &str) -> Option<f64> {
        self.instances.get(instance).or_else(|| self.stages.get(stage_of(instance))).copied()
    }

    /// Median seconds of a kind, over all experiments.
    pub fn kind(&self, kind: &str) -> Option<f64> {
        self.kinds.get(kind).copied()
    }
}

impl Store {
    /// How long the stages of an experiment took in its last runs, and each kind in any.
    ///
    /// # Errors
    /// The ledger cannot be read.
    pub fn timings(&self, experiment: &str) -> Result<Timings, StoreError> {
        let ledger = self.ledger();
        let pairs = |sql: &str, parameters: &[&dyn rusqlite::ToSql]| {
            let mut statement = ledger.prepare_cached(sql)?;
            let rows = statement.query_map(parameters, |row| Ok((row.get::<_, String>(0)?, row.get::<_, f64>(1)?)))?;
            rows.collect::<rusqlite::Result<Vec<_>>>()
        };
        let find = || {
            // An attempt made the result whose recipe and run are its own; a forced one replaced an older result.
            let made = pairs(
                "select attempts.stage, json_extract(artifacts.made, '$.seconds') from attempts
                 join artifacts on artifacts.fingerprint = attempts.fingerprint and artifacts.current = 1
                 where attempts.outcome = 'done' and json_extract(artifacts.made, '$.run') = attempts.run
                   and json_extract(artifacts.made, '$.attempt') = attempts.number
                   and attempts.run in (select id from runs where experiment = ?1 and ran is not 0 order by id desc limit ?2)
                 order by attempts.run desc",
                &[&experiment, &RUNS],
            )?;
            let kinds = pairs(
                "select recipes.kind, json_extract(last.made, '$.seconds')
                 from (select fingerprint, made, id from artifacts order by id desc limit ?1) as last
                 join recipes using (fingerprint) order by last.id desc",
                &[&RESULTS],
            )?;
            Ok(Timings {
                instances: medians(made.iter().map(|(stage, seconds)| (stage.as_str(), *seconds))),
                stages: medians(made.iter().map(|(stage, seconds)| (stage_of(stage), *seconds))),
                kinds: medians(kinds.iter().map(|(kind, seconds)| (kind.as_str(), *seconds))),
            })
        };
        find().map_err(|source| self.database(source))
    }
}

/// `train` of `train[fold=1]`.
fn stage_of(instance: &str) -> &str {
    instance.split_once('[').map_or(instance, |(stage, _)| stage)
}

/// The median of the first few seconds of each name.
fn medians<'n>(newest_first: impl Iterator<Item = (&'n str, f64)>) -> BTreeMap<String, f64> {
    let mut all: BTreeMap<&str, Vec<f64>> = BTreeMap::new();
    for (name, seconds) in newest_first {
        let last = all.entry(name).or_default();
        if last.len() < LAST {
            last.push(seconds);
        }
    }
    all.into_iter().map(|(name, seconds)| (name.to_owned(), median(seconds))).collect()
}

fn median(mut seconds: Vec<f64>) -> f64 {
    seconds.sort_by(f64::total_cmp);
    let middle = seconds.len() / 2;
    if seconds.len() % 2 == 1 { seconds[middle] } else { f64::midpoint(seconds[middle - 1], seconds[middle]) }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::{Claim, Digest, Holder, Made, NewAttempt, NewRecord, NewRun, RunEnd};

    #[track_caller]
    fn check(seconds: &[f64], expected: f64) {
        let found = medians(seconds.iter().map(|seconds| ("a", *seconds)));
        assert_eq!(found["a"].to_bits(), expected.to_bits(), "{found:?}");
    }

    #[test]
    fn the_median_of_the_newest() {
        check(&[3.0], 3.0);
        check(&[1.0, 4.0], 2.5);
        check(&[9.0, 1.0, 2.0], 2.0);
        check(&[1.0, 1.0, 1.0, 2.0, 2.0, 100.0, 100.0, 100.0], 1.0);
    }

    /// One run of an experiment in which these stages took these seconds.
    fn run(store: &Store, experiment: &str, stages: &[(&str, &str, f64)]) {
        let new = NewRun { experiment, file: "e.yaml", command: "pipe run e.yaml", commit: None };
        let run = store.begin_run(&new).expect("writable");
        for (stage, kind, seconds) in stages {
            let fingerprint = Digest::of(format!("{stage} {run} {experiment}").as_bytes());
            let new = NewAttempt { run, experiment, stage, fingerprint, kind, manifest: "{}", reason: "\"new\"" };
            let attempt = store.begin_attempt(&new).expect("writable");
            let claim = store.claim(&fingerprint, &Holder::default()).expect("readable");
            let Claim::Miss(lease) = claim else { panic!("a new recipe") };
            let made = Made {
                run,
                attempt: attempt.number,
                at: String::new(),
                seconds: *seconds,
                commit: None,
                device: "cpu".into(),
                facts: serde_json::json!({}),
            };
            let (outputs, metrics, lineage) = (Vec::new(), Vec::new(), Vec::new());
            let result = NewRecord { kind, manifest: "{}", outputs, metrics, lineage, made };
            lease.publish(&result, &attempt, &serde_json::json!({})).expect("writable");
        }
        let ran = stages.len() as u64;
        store.end_run(run, &RunEnd { ran, ..RunEnd::default() }).expect("writable");
    }

    fn seconds(store: &Store, instance: &str) -> Option<f64> {
        store.timings("e").expect("readable").stage(instance)
    }

    #[test]
    fn own_results_before_those_of_the_stage_before_those_of_the_kind() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let store = Store::open(Path::new(folder.path())).expect("a new store");
        assert_eq!(store.timings("e").expect("readable"), Timings::default());
        run(&store, "e", &[("train[fold=0]", "train", 10.0), ("train[fold=1]", "train", 20.0)]);
        run(&store, "e", &[("train[fold=1]", "train", 24.0)]);
        run(&store, "other", &[("train[fold=1]", "train", 100.0), ("sum", "command", 1.0)]);
        assert_eq!(seconds(&store, "train[fold=0]"), Some(10.0));
        assert_eq!(seconds(&store, "train[fold=1]"), Some(22.0));
        assert_eq!(seconds(&store, "train[fold=2]"), Some(20.0), "the median of the stage's other instances");
        assert_eq!(seconds(&store, "sum"), None, "another experiment's stage of that name is another stage");
        let timings = store.timings("e").expect("readable");
        assert_eq!((timings.kind("command"), timings.kind("export")), (Some(1.0), None));
    }
}
