//! A run of two folds: what it is, its results, its events; and what must have come of it at the server.

use std::{collections::BTreeMap, fs, path::Path, process::Command, sync::Arc};

use indexmap::IndexMap;
use pipe_engine::Event;
use pipe_mlflow::{
    About, Dataset, Ended, Ending, FileToKeep, Interrupted, Keep, Server, Stage, Targets, Tracking, revive, sync,
};
use pipe_store::{
    Claim, Digest, Direction, Holder, Made, MetricRow, NewAttempt, NewRecord, NewRun, Output, RunEnd, RunId, Store,
};
use serde_json::{Value, json};

use crate::mlflow::{read, run_of, unique};

pub(crate) const STAGES: [&str; 5] = ["prepare", "train[fold=0]", "train[fold=1]", "export[fold=0]", "export[fold=1]"];

/// What is stored of every result's recipe.
const MANIFEST: &str = r#"{"with":{"epochs":2}}"#;

/// Runs a test of this binary until it dies at a named point; gives what it left once that is delivered, and the server's experiment.
#[track_caller]
pub(crate) fn died(child: &str, point: &str, uri: &str) -> (tempfile::TempDir, String) {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let experiment = unique("death");
    let status = Command::new(std::env::current_exe().expect("this very binary"))
        .args(["--exact", child, "--ignored"])
        .env("PIPE_TEST_ROOT", folder.path())
        .env("PIPE_TEST_EXPERIMENT", &experiment)
        .env("PIPE_FAIL_POINT", point)
        .status()
        .expect("this very binary");
    assert_eq!(std::os::unix::process::ExitStatusExt::signal(&status), Some(9), "{point}");
    let store = Store::open(folder.path()).expect("whole");
    assert_eq!(revive(&store).expect("writable"), 1, "{point}");
    assert_eq!(revive(&store).expect("writable"), 0, "{point}");
    let synced = sync(&store, &at(uri, &[])).expect("writable");
    assert_eq!((&synced.trouble, &synced.warnings), (&None, &Vec::new()), "{point}");
    (folder, experiment)
}

/// A workspace's store, and a server's experiment of its own.
pub(crate) struct Case {
    pub folder: tempfile::TempDir,
    pub experiment: String,
    pub run: RunId,
    pub store: Store,
}

impl Case {
    pub(crate) fn new(name: &str) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        Self::at(folder, unique(name))
    }

    fn at(folder: tempfile::TempDir, experiment: String) -> Self {
        Self::in_store(Store::open(folder.path()).expect("a new store"), folder, experiment)
    }

    /// A run of a store that lies anywhere.
    pub(crate) fn in_store(store: Store, folder: tempfile::TempDir, experiment: String) -> Self {
        let new = NewRun { experiment: "e", file: "e.yaml", command: "pipe run e.yaml", commit: None };
        let run = store.begin_run(&new).expect("writable");
        Self { folder, experiment, run, store }
    }

    pub(crate) fn root(&self) -> &Path {
        self.folder.path()
    }

    pub(crate) fn begin(&self, uri: &str, variables: &[(&str, &str)]) -> Tracking {
        let targets = Targets { server: Some(at(uri, variables)), files: None };
        let stages: Vec<_> = STAGES.iter().map(|id| stage(id, &self.experiment)).collect();
        Tracking::begin(self.root(), targets, &self.about(uri), &stages).expect("writable")
    }

    pub(crate) fn about(&self, uri: &str) -> About {
        let dataset =
            Dataset { name: "phantom".into(), digest: String::new(), source: "{}".into(), profile: "{}".into() };
        About {
            run: self.run.0,
            experiment: "e".into(),
            titles: BTreeMap::from([(uri.to_owned(), self.experiment.clone())]),
            at: 1_700_000_000_000,
            tags: BTreeMap::from([("pipe.host".into(), "here".into()), ("mlflow.source.name".into(), "e.yaml".into())]),
            own_tags: BTreeMap::from([(uri.to_owned(), BTreeMap::from([("team".into(), "x".into())]))]),
            axes: vec!["fold".into()],
            datasets: BTreeMap::from([("prepare".into(), dataset)]),
            keep: BTreeMap::new(),
            goal: None,
        }
    }

    /// Publishes what a stage made, as the engine does before it says that the stage is done.
    pub(crate) fn publish(&self, id: &str) {
        let fingerprint = Digest::of(format!("{id}{}", self.run).as_bytes());
        let new = NewAttempt {
            run: self.run,
            experiment: "e",
            stage: id,
            fingerprint,
            kind: "test",
            manifest: MANIFEST,
            reason: "[]",
        };
        let attempt = self.store.begin_attempt(&new).expect("writable");
        let folder = attempt.folder.join("scratch/model");
        fs::create_dir_all(folder.join("below")).expect("writable");
        fs::write(folder.join("weights.bin"), vec![7; 300_000]).expect("writable");
        fs::write(folder.join("below/card.json"), "{}").expect("writable");
        let object = self.store.take(&folder, &attempt.folder).expect("a folder");
        let Claim::Miss(lease) = self.store.claim(&fingerprint, &Holder::default()).expect("writable") else {
            panic!("nobody made it before")
        };
        let dice = if id.contains("fold=0") { 0.25 } else { 0.75 };
        let row = |name: &str, value, case: Option<&str>| MetricRow {
            name: name.into(),
            value,
            unit: String::new(),
            direction: Direction::Higher,
            case: case.map(str::to_owned),
        };
        let made = Made {
            run: self.run,
            attempt: 1,
            at: "2026-01-01T00:00:00Z".into(),
            seconds: 0.5,
            commit: None,
            device: "cpu".into(),
            facts: json!({}),
        };
        let record = NewRecord {
            kind: "test",
            manifest: MANIFEST,
            outputs: vec![Output { port: "out".into(), kind: "files".into(), object }],
            metrics: vec![
                row("dice", Some(dice), None),
                row("hd95", None, None),
                row("dice", Some(0.1), Some("case 1")),
            ],
            lineage: Vec::new(),
            made,
        };
        lease.publish(&record, &attempt, &json!({})).expect("writable");
    }

    /// The events of a whole run.
    pub(crate) fn tell(&self, tracking: &Tracking, steps: u64) {
        tracking.hear(&Event::Begun { run: self.run.0, stages: STAGES.len() });
        for id in STAGES {
            tracking.hear(&Event::Started { stage: id.into(), attempt: 1, why: Vec::new() });
            for step in 1..=if id.starts_with("train") { steps } else { 0 } {
                let value = (step != 3).then_some(1.0 / step as f64);
                tracking.hear(&Event::Metric { stage: id.into(), name: "loss".into(), step, value });
            }
            self.publish(id);
            tracking.hear(&Event::Done { stage: id.into(), seconds: 1.0 });
        }
    }

    pub(crate) fn end(&self, tracking: Tracking) -> Ended {
        self.store.end_run(self.run, &RunEnd::default()).expect("writable");
        tracking.end(self.ending(), self.root())
    }

    fn ending(&self) -> Ending {
        fs::create_dir_all(self.root().join("reports")).expect("writable");
        fs::write(self.root().join("reports/report.html"), "<h1>report</h1>").expect("writable");
        let report = FileToKeep { from: "reports/report.html".into(), to: "report/report 1%.html".into() };
        Ending { at: 1_700_000_100_000, interrupted: Interrupted::No, records: Vec::new(), files: vec![report] }
    }

    pub(crate) fn waiting(&self) -> u64 {
        self.store.spooled().expect("readable").iter().map(|spooled| spooled.waiting).sum()
    }

    /// What came of a whole run of some steps.
    #[track_caller]
    pub(crate) fn check_whole(&self, uri: &str, steps: u64) -> Value {
        let read = read(uri, &self.experiment);
        assert_eq!(read["runs"].as_array().map(Vec::len), Some(3), "{read:#}");
        let whole = run_of(&read, None);
        assert_eq!(
            (&whole["status"], &whole["start"], &whole["end"]),
            (&json!("FINISHED"), &json!(1_700_000_000_000_i64), &json!(1_700_000_100_000_i64))
        );
        assert_eq!(whole["metrics"]["train/dice"][0][1], "0.5", "{whole:#}");
        assert!(
            whole["metrics"]["train/dice_sd"][0][1].as_str().is_some_and(|sd| sd.starts_with("0.3535")),
            "{whole:#}"
        );
        for fold in ["fold=0", "fold=1"] {
            let run = run_of(&read, Some(fold));
            assert_eq!(run["tags"]["mlflow.parentRunId"], whole["id"]);
            assert_eq!(run["status"], "FINISHED");
            let loss = run["metrics"]["train/loss"].as_array().expect("a history");
            let expected: Vec<_> = (1..=steps)
                .map(|step| if step == 3 { "nan".into() } else { format!("{:?}", 1.0 / step as f64) })
                .collect();
            let told: Vec<(u64, &str)> =
                loss.iter().map(|m| (m[0].as_u64().expect("a step"), m[1].as_str().expect("a value"))).collect();
            let python = |text: &str| text.parse::<f64>().expect("a number");
            assert_eq!(told.len(), expected.len(), "each number once");
            for (at, ((step, told), expected)) in told.iter().zip(&expected).enumerate() {
                let (told, expected) = (python(told), python(expected));
                assert!(*step == at as u64 + 1 && (told == expected || told.is_nan() && expected.is_nan()));
            }
        }
        read
    }
}

pub(crate) fn at(uri: &str, variables: &[(&str, &str)]) -> Server {
    let find = |name: &str| variables.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned());
    Server::at(uri, &find).expect("an address")
}

pub(crate) fn stage(id: &str, registered: &str) -> Stage {
    let (stage, axes) = match id.split_once("[fold=") {
        Some((stage, fold)) => (stage, IndexMap::from([("fold".into(), fold.trim_end_matches(']').into())])),
        None => (id, IndexMap::new()),
    };
    let mut recipe = json!({ "network": { "unet": { "width": 8 } }, "long": "x".repeat(7000) });
    if stage == "train" {
        (0..250).for_each(|at| recipe[format!("p{at}")] = at.into());
    }
    let keep = match stage {
        "export" => Keep::Model { port: "out".into(), registered: registered.to_owned() },
        "prepare" => Keep::Files { port: "out".into() },
        _ => Keep::Nothing,
    };
    Stage { id: id.into(), stage: stage.into(), axes, recipe: Arc::new(recipe), answer: None, keep }
}
