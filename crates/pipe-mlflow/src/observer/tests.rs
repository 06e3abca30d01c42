//! What is told of runs, event by event.

use std::path::PathBuf;

use pipe_engine::Progress;
use pipe_store::{Digest, Direction, Made, Object, Output, RunId, Shape};
use serde_json::json;

use super::*;
use crate::outline::{
    Params,
    tests::{about, stage},
};

pub(super) fn record(run: i64, text: &str) -> Record {
    let object = Object { digest: Digest::of(text.as_bytes()), shape: Shape::File, bytes: 1 };
    Record {
        id: run,
        fingerprint: Digest::of(text.as_bytes()),
        outputs: vec![Output { port: "table".into(), kind: "files".into(), object }],
        made: Made {
            run: RunId(run),
            attempt: 1,
            at: "2026-01-01T00:00:00Z".into(),
            seconds: 0.5,
            commit: None,
            device: "cpu".into(),
            facts: json!({}),
        },
    }
}

fn row(name: &str, value: f64, case: Option<&str>) -> MetricRow {
    let (unit, direction, case) = (String::new(), Direction::Higher, case.map(str::to_owned));
    MetricRow { name: name.into(), value: Some(value), unit, direction, case }
}

/// Results whose Dice is the value of the stage's fold.
pub(super) fn results(stage: &str, record_: Option<&Record>, placed: &Placed) -> Option<Result> {
    let fold = stage.split("fold=").nth(1).and_then(|rest| rest.trim_end_matches(']').parse().ok()).unwrap_or(9.0);
    let is_evaluation = stage.starts_with("evaluate");
    let metrics =
        if is_evaluation { vec![row("dice", fold, None), row("dice", 0.1, Some("case 1"))] } else { Vec::new() };
    let file = FileToKeep { from: PathBuf::from("objects/ab/cd"), to: "export/model.safetensors".into() };
    let recipe = (placed.params == Params::OfResult).then(|| json!({ "epochs": 2, "of": stage }));
    let files = if placed.keep == Keep::Nothing { Vec::new() } else { vec![file] };
    Some(Result { record: record_.cloned().unwrap_or_else(|| record(7, stage)), metrics, files, recipe })
}

fn observer(stages: &[crate::Stage]) -> Observer {
    Observer::new(Outline::new(&about(&["fold"]), stages))
}

fn two_folds() -> Vec<crate::Stage> {
    let recipe = || json!({ "epochs": 2 });
    ["prepare", "train[fold=0]", "train[fold=1]", "evaluate[fold=0]", "evaluate[fold=1]"]
        .map(|id| stage(id, recipe()))
        .into()
}

pub(super) fn started(stage: &str) -> Event {
    Event::Started { stage: stage.into(), attempt: 1, why: Vec::new() }
}

pub(super) fn done(stage: &str) -> Event {
    Event::Done { stage: stage.into(), seconds: 1.0 }
}

/// One line a message: its part, and what it says in short.
pub(super) fn lines(told: &[Told]) -> Vec<String> {
    let facts = |facts: &BTreeMap<String, String>| {
        facts.iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join(" ")
    };
    let line = |(part, message): &Told| {
        let text = match message {
            Message::Begun { name, parent, at, .. } => format!("begun {name} below {parent:?} at {at}"),
            Message::Params(params) => format!("params {}", facts(params)),
            Message::Tags(tags) => format!("tags {}", facts(tags)),
            Message::Link { tag, run, part, .. } => format!("link {tag} to {run} {part}"),
            Message::Metrics(list) => {
                let one = |metric: &Metric| format!("{}={}@{}", metric.key, metric.value.0, metric.step);
                format!("metrics {}", list.iter().map(one).collect::<Vec<_>>().join(" "))
            }
            Message::Dataset(dataset) => format!("dataset {}", dataset.name),
            Message::File(file) => format!("file {}", file.to),
            Message::Model(model) => {
                format!("model {} {} {} {}", model.name, model.alias, model.metrics.len(), model.files.len())
            }
            Message::Trial(trial) => format!("trial {:?} {:?}", trial.state, trial.value),
            Message::Ended { status, at } => format!("ended {status:?} at {at}"),
        };
        format!("{part}: {text}")
    };
    told.iter().map(line).collect()
}

#[track_caller]
pub(super) fn says(told: &[Told], expected: &[&str]) {
    let lines = lines(told);
    let mut left = lines.iter();
    for line in expected {
        assert!(left.any(|told| told == line), "{line:?} is missing, or not in this place, in\n{}", lines.join("\n"));
    }
}

#[test]
fn folds_are_told_below_the_run() {
    let mut observer = observer(&two_folds());
    observer.hear(1, &done("prepare"), &results);
    observer.hear(2, &started("train[fold=0]"), &results);
    for step in 1..=2 {
        let value = (step == 1).then_some(0.5);
        observer.hear(3, &Event::Metric { stage: "train[fold=0]".into(), name: "loss".into(), step, value }, &results);
    }
    let progress = Progress { done: 1, total: None, unit: "epochs".into(), note: String::new() };
    observer.hear(3, &Event::Progress { stage: "train[fold=0]".into(), progress }, &results);
    for stage in ["train[fold=0]", "evaluate[fold=0]", "train[fold=1]", "evaluate[fold=1]"] {
        observer.hear(4, &done(stage), &results);
    }
    observer.end(5, &[], Interrupted::No, &results);
    let told = observer.take();
    let expected = [
        ": begun e #7 below None at 1000",
        ": params evaluate.epochs=2 prepare.epochs=2 train.epochs=2",
        "fold=0: begun fold 0 below Some(\"\") at 2",
        "fold=0: params axis.fold=0 evaluate.epochs=2 train.epochs=2",
        "fold=0: metrics train/loss=0.5@1 train/loss=NaN@2",
        "fold=0: tags pipe.stage.train=done",
        "fold=0: metrics evaluate/dice=0@0",
        "fold=0: ended Finished at 4",
        "fold=1: ended Finished at 4",
        ": metrics evaluate/dice=0.5@0 evaluate/dice_sd=0.7071067811865476@0",
        ": ended Finished at 5",
    ];
    says(&told, &expected);
    // What is known of single cases is in tables.
    assert!(!lines(&told).iter().any(|line| line.contains("0.1")));
}

#[test]
fn a_cached_stage_is_told_once_with_who_made_it() {
    let mut stages = two_folds();
    stages[3].answer = Some(std::sync::Arc::new(record(3, "older")));
    let mut observer = observer(&stages);
    let cached = Event::Cached { stage: "evaluate[fold=0]".into() };
    observer.hear(2, &cached, &results);
    // One that became known during the run has no answer in the outline.
    observer.hear(2, &Event::Cached { stage: "train[fold=0]".into() }, &results);
    let records =
        [("evaluate[fold=0]", 3), ("train[fold=0]", 4)].map(|(id, run)| (id.to_owned(), Some(record(run, id))));
    observer.end(3, &records, Interrupted::No, &results);
    let told = observer.take();
    let expected = [
        "fold=0: tags pipe.stage.evaluate=cached",
        "fold=0: metrics evaluate/dice=0@0",
        "fold=0: link pipe.made_by.evaluate to 3 fold=0",
        "fold=0: link pipe.made_by.train to 4 fold=0",
        "fold=0: ended Finished at 3",
        ": ended Failed at 3",
    ];
    says(&told, &expected);
    let links = lines(&told).iter().filter(|line| line.contains("link")).count();
    assert_eq!(links, 2);
}

#[test]
fn a_failure_has_its_log_and_an_interrupt_is_none() {
    let mut observer = observer(&two_folds());
    let log = Some(PathBuf::from("/runs/attempts/7/train/1/log.txt"));
    let failure = Failure { chain: vec!["it ended with code 7".into(), "why".into()], last_lines: Vec::new(), log };
    observer.hear(1, &Event::Failed { stage: "train[fold=0]".into(), failure }, &results);
    observer.hear(1, &Event::Skipped { stage: "evaluate[fold=0]".into(), because: "train[fold=0]".into() }, &results);
    observer.hear(1, &started("train[fold=1]"), &results);
    observer.end(2, &[], Interrupted::Yes, &results);
    let expected = [
        "fold=0: tags pipe.failure.train=it ended with code 7; why",
        "fold=0: file logs/train.txt",
        "fold=0: ended Failed at 1",
        "fold=1: ended Killed at 2",
        ": ended Failed at 2",
    ];
    says(&observer.take(), &expected);
}

#[test]
fn an_export_is_a_model_with_the_numbers_of_its_part() {
    let mut stages = two_folds();
    stages.push(stage("export[fold=1]", json!({})));
    stages[5].keep = Keep::Model { port: "table".into(), registered: "e".into() };
    let mut observer = observer(&stages);
    observer.hear(1, &done("evaluate[fold=1]"), &results);
    observer.hear(1, &done("export[fold=1]"), &results);
    says(&observer.take(), &["fold=1: model e-fold-1 fold-1 1 1"]);
}

#[test]
fn what_is_made_again_is_told_again() {
    let mut observer = observer(&two_folds());
    observer.hear(1, &done("train[fold=0]"), &results);
    observer.hear(1, &done("evaluate[fold=0]"), &results);
    observer.hear(2, &started("evaluate[fold=0]"), &results);
    observer.hear(3, &done("evaluate[fold=0]"), &results);
    says(
        &observer.take(),
        &["fold=0: ended Finished at 1", "fold=0: metrics evaluate/dice=0@0", "fold=0: ended Finished at 3"],
    );
}

#[test]
fn the_same_events_give_the_same_messages() {
    let tell = || {
        let outline = Outline::new(&about(&["fold"]), &two_folds());
        // As the next process reads it.
        let text = serde_json::to_string(&outline).expect("plain");
        let mut observer = Observer::new(serde_json::from_str(&text).expect("as written"));
        observer.hear(1, &started("train[fold=0]"), &results);
        observer.hear(2, &done("train[fold=0]"), &results);
        observer.take()
    };
    assert_eq!(tell(), tell());
    let mut direct = observer(&two_folds());
    direct.hear(1, &started("train[fold=0]"), &results);
    direct.hear(2, &done("train[fold=0]"), &results);
    assert_eq!(direct.take(), tell());
}
