//! A search of three trials over two folds at a real server: one complete, one pruned, one failed; then the best of them, as every run.

use std::{collections::BTreeMap, fs, path::Path, time::Duration};

use pipe_engine::{Event, Failure, TrialState};
use pipe_mlflow::{About, EVENTS, Keep, Targets, Tracking, sync};
use pipe_store::{Direction, Store};
use serde_json::{Value, json};

use crate::{
    case::{Case, at, died, stage},
    mlflow::{read, run_of, server},
};

const PLANNED: [&str; 1] = ["prepare"];
const STEPS: u64 = 3;

fn about(case: &Case, uri: &str) -> About {
    let keep = Keep::Model { port: "out".into(), registered: case.experiment.clone() };
    let keep = BTreeMap::from([("export".to_owned(), keep)]);
    About { goal: Some(Direction::Higher), keep, ..case.about(uri) }
}

fn begin(case: &Case, root: &Path, uri: &str) -> Tracking {
    let stages = PLANNED.map(|id| stage(id, &case.experiment));
    let targets = Targets { server: Some(at(uri, &[])), files: None };
    Tracking::begin(root, targets, &about(case, uri), &stages).expect("writable")
}

fn trial(number: u32, state: TrialState, value: Option<f64>) -> Event {
    let settings =
        json!({ "train.optimizer.rate": f64::from(number) / 10.0, "train.network": { "unet": { "width": 8 } } });
    let settings = settings.as_object().expect("a map").clone();
    Event::Trial { trial: format!("trial={number}"), settings, state, value }
}

/// The events of the search; what a stage made is published before it is told.
fn tell(case: &Case, hear: &mut dyn FnMut(Event)) {
    let ids = |number: u32| {
        [0, 1].map(|fold| ["train", "evaluate"].map(|stage| format!("{stage}[trial={number},fold={fold}]"))).concat()
    };
    let start = |hear: &mut dyn FnMut(Event), id: &str| {
        hear(Event::Started { stage: id.into(), attempt: 1, why: Vec::new() });
        for step in 1..=STEPS {
            let value = Some(1.0 / step as f64);
            hear(Event::Metric { stage: id.into(), name: "loss".into(), step, value });
        }
    };
    let make = |hear: &mut dyn FnMut(Event), id: &str| {
        start(hear, id);
        case.publish(id);
        hear(Event::Done { stage: id.into(), seconds: 1.0 });
    };
    hear(Event::Begun { run: case.run.0, stages: PLANNED.len() });
    make(hear, "prepare");
    for number in 0..3 {
        hear(trial(number, TrialState::Running, None));
        hear(Event::Grown { stages: 0, new: ids(number) });
        let ids = ids(number);
        let value = match number {
            0 => {
                ids.iter().for_each(|id| make(hear, id));
                Some(0.5)
            }
            1 => {
                ids[..2].iter().for_each(|id| make(hear, id));
                start(hear, &ids[2]);
                let why = "below the median of those that came as far";
                ids[2..].iter().for_each(|id| hear(Event::Pruned { stage: id.clone(), why: why.into() }));
                Some(0.25)
            }
            _ => {
                start(hear, &ids[0]);
                let failure = Failure { chain: vec!["no memory".into()], last_lines: Vec::new(), log: None };
                hear(Event::Failed { stage: ids[0].clone(), failure });
                ids[1..].iter().for_each(|id| hear(Event::Skipped { stage: id.clone(), because: ids[0].clone() }));
                None
            }
        };
        let state = [TrialState::Complete, TrialState::Pruned, TrialState::Failed][number as usize];
        hear(trial(number, state, value));
    }
    let best = [0, 1].map(|fold| ["train", "evaluate", "export"].map(|stage| format!("{stage}[fold={fold}]"))).concat();
    hear(Event::Grown { stages: 0, new: best.clone() });
    best.iter().for_each(|id| make(hear, id));
}

#[track_caller]
fn check_tree(read: &Value) {
    let whole = run_of(read, None);
    for run in read["runs"].as_array().expect("a list") {
        let Some(part) = run["tags"]["pipe.part"].as_str() else { continue };
        let parent = match part.strip_prefix("trial=").and_then(|rest| rest.split_once(',')) {
            Some((number, _)) => run_of(read, Some(&format!("trial={number}"))),
            None => whole,
        };
        assert_eq!(run["tags"]["mlflow.parentRunId"], parent["id"], "{part}");
    }
}

#[test]
fn a_search_arrives_as_a_tree_of_runs() {
    let Some(uri) = server() else { return };
    let case = Case::new("search");
    let tracking = begin(&case, case.root(), &uri);
    tell(&case, &mut |event| tracking.hear(&event));
    case.end(tracking);
    // On a machine that has other things to do, the run may not have waited for all of it.
    let synced = sync(&case.store, &at(&uri, &[])).expect("writable");
    assert_eq!((synced.trouble, synced.warnings, case.waiting()), (None, Vec::new(), 0));
    let read = read(&uri, &case.experiment);
    assert_eq!(read["runs"].as_array().map(Vec::len), Some(1 + 3 + 6 + 2));
    check_tree(&read);

    let trials = [("FINISHED", "complete", "0.5"), ("KILLED", "pruned", "0.25"), ("FAILED", "failed", "")];
    for (number, (status, state, value)) in trials.into_iter().enumerate() {
        let run = run_of(&read, Some(&format!("trial={number}")));
        assert_eq!((&run["status"], &run["name"]), (&json!(status), &json!(format!("trial {number}"))));
        let tags = &run["tags"];
        assert_eq!([&tags["pipe.trial"], &tags["pipe.trial.state"]], [&json!(number.to_string()), &json!(state)]);
        let rate = (number as f64 / 10.0).to_string();
        let rate = if number == 0 { "0.0".to_owned() } else { rate };
        let params = json!({
            "axis.trial": number.to_string(), "train.optimizer.rate": rate, "train.network.unet.width": "8",
        });
        assert_eq!(run["params"], params);
        assert_eq!(run["metrics"]["objective"][0][1].as_str().unwrap_or_default(), value);
    }
    let complete = &run_of(&read, Some("trial=0"))["metrics"];
    assert_eq!(complete["evaluate/dice"][0][1], "0.5", "{complete:#}");
    assert!(complete["evaluate/dice_sd"][0][1].as_str().is_some_and(|sd| sd.starts_with("0.3535")), "{complete:#}");

    let pruned = run_of(&read, Some("trial=1,fold=1"));
    assert_eq!((&pruned["status"], &pruned["name"]), (&json!("KILLED"), &json!("trial 1, fold 1")));
    let tags = &pruned["tags"];
    assert_eq!(tags["pipe.pruned.train"], "below the median of those that came as far");
    assert_eq!(
        [&tags["pipe.stage.train"], &tags["pipe.stage.evaluate"], &tags["pipe.trial"]],
        ["pruned", "pruned", "1"]
    );
    assert_eq!(pruned["metrics"]["train/loss"].as_array().map(Vec::len), Some(STEPS as usize));
    assert_eq!(pruned["params"], json!({ "axis.trial": "1", "axis.fold": "1" }));
    assert_eq!(run_of(&read, Some("trial=1,fold=0"))["status"], "FINISHED");
    assert_eq!(run_of(&read, Some("trial=2,fold=1"))["status"], "FAILED");

    let best = run_of(&read, Some("fold=1"));
    let params = json!({ "axis.fold": "1", "train.epochs": "2", "evaluate.epochs": "2", "export.epochs": "2" });
    assert_eq!((&best["status"], &best["params"]), (&json!("FINISHED"), &params));
    let models: Vec<_> = read["models"].as_array().expect("a list").iter().map(|model| &model["run"]).collect();
    assert!(models.len() == 2 && models.contains(&&best["id"]), "nothing of trials is kept: {models:?}");

    let whole = run_of(&read, None);
    assert_eq!((&whole["status"], &whole["params"]["train.epochs"]), (&json!("FINISHED"), &json!("2")));
    let history = whole["metrics"]["best_objective"].as_array().expect("a history");
    assert_eq!((history.len(), &history[0][0], &history[0][1]), (1, &json!(0), &json!("0.5")));
    assert!(
        whole["metrics"].as_object().is_some_and(|all| all.keys().all(|name| !name.contains("trial"))),
        "{whole:#}"
    );
}

#[test]
fn a_death_amid_a_search_loses_and_doubles_nothing() {
    let Some(uri) = server() else { return };
    for point in ["spool.rows:8", "spool.committed:12", "place.accepted:5", "deliver.accepted:12"] {
        let (folder, experiment) = died("search::child_search", point, &uri);

        let text = fs::read_to_string(folder.path().join("attempts/1").join(EVENTS)).expect("written before");
        // The last line may be torn.
        let lines = text.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
        let events: Vec<Event> =
            lines.map(|mut line| serde_json::from_value(line["event"].take()).expect("an event")).collect();
        let read = read(&uri, &experiment);
        check_tree(&read);
        assert_eq!(run_of(&read, None)["status"], "KILLED", "{point}");
        let mut expected = BTreeMap::new();
        for event in &events {
            if let Event::Trial { trial, state, value, .. } = event {
                let status = match state {
                    TrialState::Complete => "FINISHED",
                    TrialState::Running | TrialState::Pruned => "KILLED",
                    TrialState::Failed => "FAILED",
                };
                expected.insert(trial.as_str(), (status, usize::from(value.is_some())));
            }
        }
        assert!(!expected.is_empty(), "{point}: it died before the search");
        for (part, (status, values)) in expected {
            let run = run_of(&read, Some(part));
            assert_eq!(run["status"], status, "{point}: {part}");
            assert_eq!(run["metrics"]["objective"].as_array().map_or(0, Vec::len), values, "{point}: {part}");
            assert_eq!(run["params"].as_object().map(serde_json::Map::len), Some(3), "{point}: {part}");
        }
        let written = events.iter().filter(|event| matches!(event, Event::Metric { .. })).count();
        let runs = read["runs"].as_array().expect("a list");
        let losses = |run: &Value| {
            ["train/loss", "evaluate/loss", "prepare/loss"]
                .map(|name| run["metrics"][name].as_array().map_or(0, Vec::len))
                .iter()
                .sum::<usize>()
        };
        assert_eq!(runs.iter().map(losses).sum::<usize>(), written, "{point}: each number once");
    }
}

#[test]
#[ignore = "started by another test"]
fn child_search() {
    let (Ok(root), Ok(experiment)) = (std::env::var("PIPE_TEST_ROOT"), std::env::var("PIPE_TEST_EXPERIMENT")) else {
        return;
    };
    let uri = server().expect("the parent has one");
    let folder = tempfile::tempdir().expect("unused");
    let case = Case::in_store(Store::open(Path::new(&root)).expect("a new store"), folder, experiment);
    let tracking = begin(&case, Path::new(&root), &uri);
    let path = Path::new(&root).join("attempts").join(case.run.to_string()).join(EVENTS);
    fs::create_dir_all(path.parent().expect("below the store")).expect("writable");
    let mut file = fs::File::create(path).expect("writable");
    tell(&case, &mut |event| {
        let line = json!({ "at": "2026-01-01T00:00:00Z", "event": event });
        std::io::Write::write_all(&mut file, format!("{line}\n").as_bytes()).expect("writable");
        tracking.hear(&event);
        std::thread::sleep(Duration::from_millis(40));
    });
    std::thread::sleep(Duration::from_secs(60));
    panic!("nobody killed this process");
}
