//! The committed example of a program in another language: parameters, progress, metrics, final numbers, discovered inputs.
//!
//! Runs the real `python3`; without one it skips and says so.

use std::{fs, path::Path, process::Command};

use serde_json::Value;

use crate::harness::{Workspace, counts};

const EXPERIMENT: &str = "experiments/python_stage.yaml";

/// A workspace with the committed files.
fn workspace() -> Option<Workspace> {
    if Command::new("python3").arg("--version").output().is_err() {
        eprintln!("skipped: no python3");
        return None;
    }
    let workspace = Workspace::new();
    let committed = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    for name in [EXPERIMENT, "experiments/scripts/vessel_statistics.py", "experiments/scripts/pack.py"] {
        workspace.write(name, fs::read(committed.join(name)).expect("it is committed"));
    }
    Some(workspace)
}

/// The text of an output of `statistics`.
#[track_caller]
fn output(workspace: &Workspace, port: &str) -> String {
    let json = workspace.pipe(&["status", EXPERIMENT, "--format", "json"]).json();
    let stages = json["stages"].as_array().expect("a list");
    let stage = stages.iter().find(|stage| stage["stage"] == "statistics").expect("it is in the experiment");
    let outputs = stage["outputs"].as_array().expect("a list");
    let found = outputs.iter().find(|output| output["port"] == port).unwrap_or_else(|| panic!("no {port}: {stage}"));
    let (folder, name) = found["digest"].as_str().expect("a digest").split_at(2);
    fs::read_to_string(workspace.path("runs/objects").join(folder).join(name)).expect("a text file")
}

#[test]
fn a_python_stage_reads_parameters_and_tells_numbers() {
    let Some(workspace) = workspace() else { return };
    let answer = workspace.pipe(&["run", EXPERIMENT, "--format", "json"]);
    assert_eq!(answer.code, 0, "{}\n{}", answer.stdout, answer.stderr);
    assert_eq!(answer.counts(), counts(0, 2));

    // One row a case, and a summary of the same numbers.
    let table = output(&workspace, "table");
    let widths: Vec<f64> = table
        .lines()
        .skip(1)
        .map(|row| row.rsplit(',').next().expect("three columns").parse().expect("a number"))
        .collect();
    assert_eq!(widths.len(), 4, "{table}");
    assert!(widths.iter().all(|width| (1.0..8.0).contains(width)), "vessels of a phantom of 64 pixels: {table}");
    let summary: Value = serde_json::from_str(&output(&workspace, "summary")).expect("JSON");
    let mean = summary["mean_width"].as_f64().expect("a number");
    assert!((mean - widths.iter().sum::<f64>() / 4.0).abs() < 1e-3, "{summary}\n{table}");

    // What it told while it ran came through, with the stage it came from.
    let events: Vec<Value> = answer.stdout.lines().filter_map(|line| serde_json::from_str(line).ok()).collect();
    let told = |kind: &'static str| {
        events.iter().filter_map(move |event| event.get(kind)).filter(|what| what["stage"] == "statistics")
    };
    let steps: Vec<_> = told("metric").map(|metric| (metric["step"].as_u64(), metric["value"].as_f64())).collect();
    let expected: Vec<_> = widths.iter().enumerate().map(|(at, width)| (Some(at as u64 + 1), Some(*width))).collect();
    assert_eq!(steps, expected);
    assert!(told("progress").next().is_some(), "{}", answer.stdout);

    // Final numbers are kept with the result.
    let shown = workspace.pipe(&["runs", "show", "last", "--format", "json"]);
    assert_eq!(shown.code, 0, "{}", shown.stderr);
    let shown = shown.json();
    let stage = shown["stages"].as_array().expect("a list").iter().find(|stage| stage["stage"] == "statistics");
    let metrics = stage.expect("it ran")["metrics"].as_array().expect("a list").clone();
    let kept = metrics.iter().find(|metric| metric["name"] == "mean_width").unwrap_or_else(|| panic!("{metrics:?}"));
    assert!((kept["value"].as_f64().expect("a number") - mean).abs() < 1e-3, "{kept}");
    assert_eq!(kept["unit"], "px");
}

#[test]
fn a_python_stage_runs_again_for_what_it_reads_and_nothing_else() {
    let Some(workspace) = workspace() else { return };
    assert_eq!(workspace.run(&[EXPERIMENT]), counts(0, 2));
    assert_eq!(workspace.run(&[EXPERIMENT]), counts(2, 0));
    assert_eq!(output(&workspace, "summary").matches("\"thin\": 0").count(), 1);

    let wider = "stages.statistics.with.params.thin=9";
    assert_eq!(workspace.run(&[EXPERIMENT, "-s", wider]), counts(1, 1), "a parameter is part of the recipe");

    // The module is no declared input: the depfile names it.
    let module = workspace.path("experiments/scripts/pack.py");
    let text = fs::read_to_string(&module).expect("committed");
    fs::write(&module, text + "# a comment at the end\n").expect("ours");
    assert_eq!(workspace.run(&[EXPERIMENT]), counts(1, 1), "a module that the script imports is read by it");
    assert_eq!(workspace.run(&[EXPERIMENT]), counts(2, 0));
    assert!(!workspace.path("experiments/scripts/__pycache__").exists(), "the stage's own environment says so");
}
