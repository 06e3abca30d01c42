//! Tables of papers from cached results, and masks of other programs measured alone.
//!
//! Every number is held against the cases that `pipe report` lists.

use std::fs;

use image::{GrayImage, Luma};
use serde_json::Value;

use crate::harness::{Workspace, counts};

const EXPERIMENT: &str = "\
extends: pipelines/segmentation.yaml
axes: { network: [small, large], fold: [0, 1] }
parameters:
  folds: 2
  networks:
    small: { unet: { width: 2, depth: 1 } }
    large: { unet: { width: 4, depth: 2 } }
data:
  root: data
  layout: { folder: {} }
  classes: [disc]
  size: [32, 32]
  normalise: max
network: ${parameters.networks.${axis.network}}
training: { epochs: 3, batch: 2, loss: { dice: {} }, optimizer: { adam: { learning_rate: 1e-2 } } }
stages:
  evaluate: { with: { metrics: [dice, hd95, { nsd: { tolerance: 2, unit: px } }] } }
";

const TABLE: &str = "\
title: Discs
rows:
  - { system: Small, experiment: discs.yaml, where: { network: small } }
  - { system: Large, experiment: discs.yaml, where: { network: large } }
columns: [dice, { metric: hd95, class: disc }, { metric: dice, of: pooled, label: Pooled }]
over: patients
compare: { against: Small }
references: [{ system: Others, citation: 'Doe, 2001', values: { dice: 0.5 } }]
";

/// Two systems, two folds, six discs.
pub(crate) fn workspace() -> Workspace {
    let workspace = Workspace::new();
    workspace.write("discs.yaml", EXPERIMENT);
    workspace.write("tables/discs.yaml", TABLE);
    for number in 0..6_u32 {
        let inside = |x: u32, y: u32| (x as i64 - 10 - i64::from(number)).pow(2) + (y as i64 - 16).pow(2) < 40;
        let picture = GrayImage::from_fn(32, 32, |x, y| Luma([if inside(x, y) { 40 } else { 120 + (x * 3) as u8 }]));
        let mask = GrayImage::from_fn(32, 32, |x, y| Luma([if inside(x, y) { 255 } else { 0 }]));
        for (folder, picture) in [("images", picture), ("masks", mask)] {
            let path = workspace.path(&format!("data/{folder}/case{number}.png"));
            fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
            picture.save(path).expect("a PNG");
        }
    }
    workspace
}

/// Mean of what `pipe report` lists of a network, computed here.
fn mean(report: &Value, network: &str, metric: &str) -> f64 {
    let of = |case: &&Value| {
        let system = case["system"].as_str().unwrap_or_default();
        system.ends_with(network) && case["metric"] == metric && case["class"] == "disc"
    };
    let values: Vec<f64> = report["cases"]
        .as_array()
        .expect("cases")
        .iter()
        .filter(of)
        // A number, or one that the convention for empty masks gave.
        .map(|case| case["value"].as_f64().or(case["value"]["imputed"].as_f64()).expect("a number"))
        .collect();
    assert_eq!(values.len(), 6, "{network} {metric}");
    values.iter().sum::<f64>() / 6.0
}

/// Compiles a table, where there is a LaTeX to do it.
fn compiles(workspace: &Workspace, table: &str) {
    let text = format!(
        "\\documentclass{{article}}\\usepackage[utf8]{{inputenc}}\\usepackage{{booktabs}}\\begin{{document}}\n{table}\\end{{document}}\n"
    );
    workspace.write("table.tex", text);
    let mut latex = std::process::Command::new("pdflatex");
    let latex =
        latex.args(["-interaction=nonstopmode", "-halt-on-error", "table.tex"]).current_dir(workspace.path("."));
    match latex.output() {
        Err(_) => eprintln!("skipped: there is no pdflatex to compile the table with"),
        Ok(output) => assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout)),
    }
}

#[test]
fn a_table_comes_from_the_cache_and_leads_back_to_it() {
    let workspace = workspace();
    let table = ["table", "tables/discs.yaml"];
    let with = |more: &[&str]| workspace.pipe(&[&table[..], more].concat());
    // Nothing has run: the table says what is missing, and how it is made.
    let empty = with(&[]);
    assert_eq!(empty.code, 0, "{}", empty.stderr);
    assert!(empty.stderr.contains("make it by: pipe run discs.yaml"), "{}", empty.stderr);
    assert!(empty.stdout.contains("| Small | – | – | – |") && empty.stdout.contains("Doe, 2001"), "{}", empty.stdout);
    assert_eq!(with(&["--check"]).code, 1);
    let made = with(&["--run-missing", "--format", "json"]);
    assert_eq!(made.code, 0, "{}", made.stderr);
    // Exports are in no table.
    assert_eq!(workspace.run(&["discs.yaml"]), counts(15, 4));
    let found = with(&["--format", "json"]).json();
    let report = workspace.pipe(&["report", "discs.yaml", "--format", "json"]).json();
    for (row, network) in ["small", "large"].into_iter().enumerate() {
        for (column, metric) in ["dice", "hd95"].into_iter().enumerate() {
            let shown = found["rows"][row]["cells"][column]["value"].as_f64().expect("a number");
            assert!((shown - mean(&report, network, metric)).abs() < 1e-12, "{network} {metric}: {shown}");
        }
    }
    assert_eq!(found["columns"][1]["label"], "HD95, disc [px]");
    assert_eq!(found["rows"][1]["cells"][0]["test"]["n"], 6);
    assert!(found["missing"].as_object().expect("a map").is_empty());
    let traced = with(&["--trace", "Large/dice", "--format", "json"]).json();
    let values: Vec<f64> =
        traced["cases"].as_array().expect("cases").iter().filter_map(|case| case["value"].as_f64()).collect();
    let shown = found["rows"][1]["cells"][0]["value"].as_f64().expect("a number");
    assert!((values.iter().sum::<f64>() / values.len() as f64 - shown).abs() < 1e-12);
    assert_eq!(traced["from"][0]["origin"]["run"], 1);
    assert!(with(&["--trace", "Large/dice"]).stdout.contains("evaluate[fold=0,network=large]"));
    // Written tables are as good as their results.
    assert_eq!(with(&["--write"]).code, 0);
    let checked = with(&["--check"]);
    assert_eq!(checked.code, 0, "{}", checked.stdout);
    let latex = fs::read_to_string(workspace.path("tables/discs.tex")).expect("it was written");
    assert!(latex.contains("\\toprule") && latex.contains("\\textbf{"), "{latex}");
    compiles(&workspace, &latex);
    workspace.write("discs.yaml", EXPERIMENT.replace("epochs: 3", "epochs: 4"));
    let stale = with(&["--check"]);
    assert_eq!(stale.code, 1);
    assert!(stale.stdout.contains("tables/discs.md: stale"), "{}", stale.stdout);
}

#[test]
fn wrong_tables_say_what_to_write() {
    let workspace = workspace();
    let refused = |table: &str, words: &[&str]| {
        workspace.write("tables/wrong.yaml", table);
        workspace.pipe(&["table", "tables/wrong.yaml"]).fails(2, words);
    };
    refused(&TABLE.replace("network: small", "net: small"), &["row `Small`", "no axis `net`", "there are network"]);
    refused(&TABLE.replace("network: small", "network: tiny"), &["has no value `tiny`; there are large, small"]);
    refused(
        &TABLE.replace(", where: { network: small }", ""),
        &["`discs` has several systems: network large; network small", "where: { network: large }"],
    );
    refused(&TABLE.replace("experiment: discs.yaml, where: { network: small }", "runs: {}"), &["`Small` names no run"]);
    refused(&TABLE.replace("title: Discs", "caption: Discs"), &["caption", "title"]);
    refused(&TABLE.replace("over: patients", "over: pixels"), &["pixels", "cases"]);
    refused(&TABLE.replace("{ against: Small }", "{ against: Tiny }"), &["no row is called `Tiny`"]);
    workspace
        .write("nothing.yaml", "stages: { prepare: { kind: prepare, with: { root: data, layout: { folder: {} } } } }");
    refused(&TABLE.replace("discs.yaml", "nothing.yaml"), &["has no stage of the kind `evaluate`"]);
    workspace.pipe(&["table", "tables/none.yaml"]).fails(2, &["tables/none.yaml"]);
}

#[test]
fn masks_of_other_programs_are_measured_alone() {
    let workspace = workspace();
    let masks = workspace.path("data/masks");
    fs::create_dir_all(workspace.path("found")).expect("a folder");
    for number in 0..6 {
        let name = format!("case{number}.png");
        let mut mask = image::open(masks.join(&name)).expect("our own PNG").to_luma8();
        // As some programs write masks; one pixel too many.
        mask.pixels_mut().for_each(|pixel| pixel.0[0] /= 255);
        mask.put_pixel(31, 31, Luma([1]));
        mask.save(workspace.path("found").join(&name)).expect("a PNG");
    }
    let found = workspace.pipe(&["metrics", "found", "data/masks", "--spacing", "1,2,0.5"]).json();
    let pixels =
        image::open(masks.join("case0.png")).expect("our own PNG").to_luma8().pixels().filter(|p| p.0[0] > 0).count();
    let dice = 2.0 * pixels as f64 / (2 * pixels + 1) as f64;
    let shown = found["cases"]["case0"]["foreground"]["dice"].as_f64().expect("a number");
    assert!((shown - dice).abs() < 1e-12, "{shown} is not {dice}");
    assert_eq!((&found["unit"], &found["summary"]["foreground"]["recall"]["mean"]), (&"mm".into(), &1.0.into()));
    assert!(found["summary"]["foreground"]["dice"]["pooled"].as_f64().is_some_and(|value| value < 1.0));
    let one = workspace.pipe(&[
        "metrics",
        "found/case0.png",
        "data/masks/case0.png",
        "-m",
        "dice",
        "-m",
        r#"{"nsd": {"tolerance": 1, "unit": "px"}}"#,
    ]);
    let metrics = one.json()["metrics"].as_array().expect("a list").len();
    assert_eq!(metrics, 2);
    let wrong = |arguments: &[&str], code: i32, words: &[&str]| {
        workspace.pipe(&[&["metrics", "found/case0.png"], arguments].concat()).fails(code, words);
    };
    wrong(&["data/masks/case9.png"], 1, &["case9.png"]);
    wrong(&["data/masks"], 1, &["is a folder and", "is a file"]);
    wrong(&["data/images/case0.png"], 1, &["classes must have the same values", "--foreground"]);
    wrong(&["data/masks/case0.png", "-m", "dise"], 2, &["dise"]);
    wrong(&["data/masks/case0.png", "--spacing", "1,2"], 2, &["three distances"]);
    wrong(&["data/masks/case0.png", "--empty", "medpy"], 2, &["no convention for empty masks"]);
    wrong(&["data/masks/case0.png", "-m", "roc_auc"], 1, &["`roc_auc` needs probabilities"]);
}
