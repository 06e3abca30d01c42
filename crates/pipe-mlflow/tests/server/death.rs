//! A process that is killed at every named point of its tracking, and what the next one makes of what it left.

use std::{fs, path::Path};

use pipe_engine::Event;
use pipe_mlflow::{Targets, Tracking};
use pipe_store::Store;
use serde_json::json;

use crate::{
    case::{Case, STAGES, at, died, stage},
    mlflow::{read, run_of, server},
};

#[test]
fn a_death_at_any_point_loses_and_doubles_nothing() {
    let Some(uri) = server() else { return };
    for point in [
        "spool.rows:2",
        "spool.committed:2",
        "place.accepted:2",
        "deliver.accepted:1",
        "deliver.accepted:4",
        "deliver.noted:3",
    ] {
        let (folder, experiment) = died("death::child_run", point, &uri);

        let read = read(&uri, &experiment);
        let events = fs::read_to_string(folder.path().join("attempts/1/events.jsonl")).expect("written before");
        let written = events.lines().filter(|line| line.contains("\"metric\"")).count();
        let parts: std::collections::BTreeSet<_> =
            read["runs"].as_array().expect("a list").iter().map(|run| run["tags"]["pipe.part"].as_str()).collect();
        assert_eq!(parts.len(), read["runs"].as_array().map_or(0, Vec::len), "{point}: a part has two runs: {read:#}");
        let told: usize = read["runs"]
            .as_array()
            .into_iter()
            .flatten()
            .filter_map(|run| run["metrics"]["train/loss"].as_array())
            .map(Vec::len)
            .sum();
        assert_eq!(told, written, "{point}: each number that was written down once");
        assert_eq!(run_of(&read, None)["status"], "KILLED", "{point}");
    }
}

#[test]
#[ignore = "started by another test"]
fn child_run() {
    let (Ok(root), Ok(experiment)) = (std::env::var("PIPE_TEST_ROOT"), std::env::var("PIPE_TEST_EXPERIMENT")) else {
        return;
    };
    let uri = server().expect("the parent has one");
    let folder = tempfile::tempdir().expect("unused");
    let case = Case::in_store(Store::open(Path::new(&root)).expect("a new store"), folder, experiment);
    let run = case.run;
    let stages: Vec<_> = STAGES.iter().map(|id| stage(id, &case.experiment)).collect();
    let targets = Targets { server: Some(at(&uri, &[])), files: None };
    let tracking = Tracking::begin(Path::new(&root), targets, &case.about(&uri), &stages).expect("writable");
    let path = Path::new(&root).join("attempts").join(run.to_string()).join(pipe_mlflow::EVENTS);
    fs::create_dir_all(path.parent().expect("below the store")).expect("writable");
    let mut file = fs::File::create(path).expect("writable");
    let mut tell = |event: Event| {
        let line = json!({ "at": "2026-01-01T00:00:00Z", "event": event });
        std::io::Write::write_all(&mut file, format!("{line}\n").as_bytes()).expect("writable");
        tracking.hear(&event);
    };
    tell(Event::Begun { run: run.0, stages: STAGES.len() });
    for id in ["train[fold=0]", "train[fold=1]"] {
        tell(Event::Started { stage: id.into(), attempt: 1, why: Vec::new() });
        for step in 1..=500 {
            tell(Event::Metric { stage: id.into(), name: "loss".into(), step, value: Some(step as f64) });
            std::thread::sleep(std::time::Duration::from_millis(2));
        }
    }
    std::thread::sleep(std::time::Duration::from_secs(60));
    panic!("nobody killed this process");
}
