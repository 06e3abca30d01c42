//! What a report shows besides its numbers, and two runs side by side.

use serde_json::Value;

use crate::{
    harness::{TINY, Workspace},
    tables::workspace as discs,
};

/// A page as text.
fn page(workspace: &Workspace, path: &str) -> String {
    std::fs::read_to_string(workspace.path(path)).expect("a page")
}

#[test]
fn a_report_shows_data_stages_and_worst_cases() {
    let workspace = Workspace::new();
    workspace.write("tiny.yaml", TINY);
    workspace.run(&["tiny.yaml"]);
    let json = workspace.pipe(&["report", "tiny.yaml", "--format", "json"]).json();
    let data = &json["data"][0];
    assert_eq!(data["figures"][0], serde_json::json!(["6", "cases"]), "{data}");
    let checks = data["checks"].as_array().expect("checks");
    assert!(checks.len() == 3 && checks.iter().all(|check| check["is_well"] == true), "{data}");
    let tested: u64 = data["folds"]
        .as_array()
        .expect("folds")
        .iter()
        .map(|fold| fold["parts"][2]["cases"].as_u64().expect("a count"))
        .sum();
    assert_eq!((data["folds"].as_array().map(Vec::len), tested), (Some(2), 6), "{data}");
    let costs = json["costs"].as_array().expect("costs");
    let train = costs.iter().find(|cost| cost["stage"] == "train").expect("training costs");
    assert_eq!(train["results"], 2, "{train}");
    assert!(train["peak_memory"].as_u64() > Some(1 << 20) && train["cpu_seconds"].as_f64() > Some(0.0), "{train}");
    let html = page(&workspace, "runs/reports/tiny/report.html");
    for part in [">train x2<", "2 trainings one by one", "Worst cases", "href=\"#case-", "No patient is on both sides"]
    {
        assert!(html.contains(part), "no `{part}`");
    }
    // Without the other fold the drawing says so.
    let workspace = Workspace::new();
    workspace.write("tiny.yaml", TINY);
    workspace.run(&["tiny.yaml", "evaluate[fold=0]"]);
    assert_eq!(workspace.pipe(&["report", "tiny.yaml"]).code, 0);
    let html = page(&workspace, "runs/reports/tiny/report.html");
    assert!(html.contains("<title>train[fold=1]</title>") && html.contains("would run"), "the stage that is missing");
}

#[test]
fn an_axis_of_the_data_is_a_system_and_no_fold() {
    let workspace = Workspace::new();
    let sizes = TINY
        .replace("axes: { fold: [0, 1] }", "axes: { fold: [0, 1], size: [16, 32] }")
        .replace("size: [32, 32]", "size: [\"${axis.size}\", \"${axis.size}\"]");
    workspace.write("sizes.yaml", sizes);
    workspace.run(&["sizes.yaml"]);
    let json = workspace.pipe(&["report", "sizes.yaml", "--format", "json"]).json();
    let rows = json["table"].as_array().expect("a table");
    let dice: Vec<_> = rows.iter().filter(|row| row["metric"] == "dice").collect();
    let systems: Vec<_> = dice.iter().map(|row| row["system"].as_str().expect("a name")).collect();
    assert_eq!(systems, ["unet, size 16", "unet, size 32"]);
    for row in dice {
        assert_eq!((row["n"].as_u64(), row["per_fold"].as_array().map(Vec::len)), (Some(6), Some(2)), "{row}");
    }
}

#[test]
fn equal_images_on_both_sides_of_a_fold_are_said() {
    let workspace = discs();
    workspace.run(&["discs.yaml"]);
    let checks = |workspace: &Workspace| {
        workspace.pipe(&["report", "discs.yaml", "--format", "json"]).json()["data"][0]["checks"].clone()
    };
    assert_eq!(
        checks(&workspace)[1],
        serde_json::json!({ "is_well": true, "words": "No two cases have equal pixels." })
    );
    // Every second case is a copy of the first: with two folds, some are on both sides.
    for copy in ["case2", "case4", "case5"] {
        std::fs::copy(workspace.path("data/images/case0.png"), workspace.path(&format!("data/images/{copy}.png")))
            .expect("a copy");
    }
    workspace.run(&["discs.yaml"]);
    let found = &checks(&workspace)[1];
    assert_eq!(
        *found,
        serde_json::json!({
            "is_well": false,
            "words": "Cases with equal pixels: case0 = case2 = case4 = case5. Such are on both sides of a fold."
        })
    );
}

#[test]
fn two_runs_side_by_side() {
    let workspace = Workspace::new();
    workspace.write("tiny.yaml", TINY);
    workspace.run(&["tiny.yaml"]);
    let mean = |json: &Value, system: &str| {
        let rows = json["table"].as_array().expect("a table").clone();
        let row =
            rows.into_iter().find(|row| row["metric"] == "dice" && (system.is_empty() || row["system"] == system));
        row.expect("a row")["mean"].as_f64().expect("a mean")
    };
    let before = mean(&workspace.pipe(&["report", "tiny.yaml", "--format", "json"]).json(), "");
    let changed = ["tiny.yaml", "-s", "training.epochs=4"];
    workspace.run(&changed);
    let after =
        mean(&workspace.pipe(&["report", "tiny.yaml", "-s", "training.epochs=4", "--format", "json"]).json(), "");
    // What ran does not matter any more: the ledger knows.
    std::fs::remove_file(workspace.path("tiny.yaml")).expect("a file");
    let answer = workspace.pipe(&["report", "compare", "1", "last", "--format", "json"]);
    let json = answer.json();
    assert_eq!((mean(&json, "run 1"), mean(&json, "run 2")), (before, after), "{}", answer.stderr);
    let differences = json["differences"].to_string();
    assert!(differences.contains("training.epochs") && differences.contains("train (2 instances)"), "{differences}");
    let test = json["tests"].as_array().expect("tests").iter().find(|test| test["metric"] == "dice").expect("of Dice");
    assert_eq!((&test["systems"], &test["patients"]), (&serde_json::json!(["run 2", "run 1"]), &serde_json::json!(6)));
    let answer = workspace.pipe(&["report", "compare", "1", "2"]);
    assert!(
        answer.code == 0 && answer.stdout.contains("training.epochs") && answer.stdout.contains("run 2"),
        "{}{}",
        answer.stdout,
        answer.stderr
    );
    let html = page(&workspace, "runs/reports/compared/1-2/report.html");
    for part in
        ["run 1 and run 2", "run 2 against run 1, case by case", "What differs", "run 2 − run 1", "run 1 train[fold=0]"]
    {
        assert!(html.contains(part), "no `{part}`");
    }
}

#[test]
fn runs_that_cannot_be_compared() {
    let workspace = Workspace::new();
    workspace.write("tiny.yaml", TINY);
    workspace.run(&["tiny.yaml", "prepare"]);
    workspace.run(&["tiny.yaml", "split"]);
    #[track_caller]
    fn check(workspace: &Workspace, runs: &[&str], expected: &str) {
        let answer = workspace.pipe(&[&["report", "compare"], runs].concat());
        assert!(answer.code == 2 && answer.stderr.contains(expected), "{runs:?}: {}", answer.stderr);
    }
    check(&workspace, &["1", "2"], "has evaluated anything");
    check(&workspace, &["1", "last~1"], "is compared with itself");
    check(&workspace, &["1", "7"], "there is no run `7`");
    check(&workspace, &["1"], "2 values required");
    check(&workspace, &["x", "y"], "last~2");
}
