//! Drafts of made-up reports.

use indexmap::IndexMap;
use pipe_metrics::{LengthUnit, Metrics, Score};
use serde_json::json;

use super::*;
use crate::{Case, Check, DataTable, FoldPart, Provenance};

/// One fold or two, with two systems; case `k` of five, two a patient, scores 0.1 more than the one before.
fn report(folds: usize) -> Report {
    let metrics: Metrics = serde_json::from_str(r#"["dice", "hd95"]"#).expect("metrics");
    let case = |fold: usize, at: usize, system: usize, metric: usize| Case {
        system: ["U*Net", "SVS_net"][system].into(),
        axes: IndexMap::from([("fold".into(), fold.to_string())]),
        case: format!("c{fold}{at}"),
        patient: format!("p{fold}{}", at / 2),
        class: "vessel".into(),
        metric: ["dice", "hd95"][metric].into(),
        value: match (fold, at, metric) {
            (0, 4, _) => Score::Excluded,
            (_, _, 0) => Score::Known(0.4 + 0.1 * at as f64 + 0.05 * system as f64),
            _ => Score::Known(9.0 - at as f64 - system as f64),
        },
    };
    let all = (0..folds).flat_map(|fold| (0..5).flat_map(move |at| (0..4).map(move |which| (fold, at, which))));
    Report {
        metrics: metrics.descriptions(LengthUnit::Millimetre),
        cases: all.map(|(fold, at, which)| case(fold, at, which / 2, which % 2)).collect(),
        recipes: recipes(),
        provenance: vec![Provenance {
            stage: "train[fold=0]".into(),
            fingerprint: "ab".repeat(32),
            outputs: IndexMap::new(),
            made_at: "2026-01-01T00:00:00Z".into(),
            run: 1,
            commit: None,
            device: "CPU".into(),
            seed: Some(0),
            seconds: 90.0,
            cpu_seconds: None,
            peak_memory: None,
            facts: json!({}),
        }],
        ..Report::named("Vessels of $5 | more", "vessels")
    }
}

fn recipes() -> Vec<Recipe> {
    let recipe =
        |kind, with| Recipe { kind, system: if kind == "train" { "U*Net".into() } else { String::new() }, with };
    vec![
        recipe(
            "prepare",
            json!({ "root": { "external": "root" }, "layout": { "folder": { "images": "i", "patient": null } }, "size": [64, 48],
                "interpolation": "bilinear", "normalise": { "each_channel": "z_score" }, "frames": 1, "channels": "all" }),
        ),
        recipe("split", json!({ "method": { "k_fold": { "folds": 2, "validation": 0.2, "seed": 0 } }, "fold": 0 })),
        recipe(
            "train",
            json!({ "network": { "unet": { "width": 8 } }, "training": { "epochs": 1, "batch": 2, "loss": { "dice": {} }, "augment": [] } }),
        ),
    ]
}

#[test]
fn a_draft_is_read_by_people() {
    let text = draft(&report(2), &|at| format!("{at}.png"));
    insta::assert_snapshot!(text);
}

#[test]
fn data_that_are_known_are_described() {
    let mut report = report(2);
    let part = |part: &str, cases| FoldPart { part: part.into(), cases, patients: cases / 2, classes: Vec::new() };
    report.data = vec![DataSummary {
        stage: "prepare".into(),
        figures: Vec::new(),
        sizes: DataTable {
            title: "Sizes".into(),
            head: ["as prepared", "min", "median", "max"].map(str::to_owned).to_vec(),
            rows: vec![["rows", "64", "64", "64"].map(str::to_owned).to_vec()],
        },
        folds: vec![FoldReport {
            stage: "split[fold=0]".into(),
            parts: vec![part("train", 8), part("validation", 2), part("test", 4)],
            warnings: Vec::new(),
            leaks: false,
        }],
        checks: vec![Check { is_well: true, words: "No patient is on both sides of a fold.".into() }],
    }];
    let text = draft(&report, &|at| format!("{at}.png"));
    for part in [
        "* No patient is on both sides of a fold.",
        "| rows | 64 | 64 | 64 |",
        "| fold | train: cases | patients | validation: cases | patients | test: cases | patients |",
        &format!("| {} | 8 | 4 | 2 | 1 | 4 | 2 |", plain("split[fold=0]")),
    ] {
        assert!(text.contains(part), "no `{part}` in {text}");
    }
}

#[test]
fn one_is_no_plural() {
    let mut report = report(1);
    report.cases.retain(|case| case.case == "c00");
    let text = draft(&report, &|at| format!("{at}.png"));
    assert!(text.contains("1 test case of 1 patient"), "{text}");
    for wrong in [" 1 folds", " 1 cases", " 1 test cases", "1 patients", "1 epochs", "external", "{"] {
        assert!(!text.contains(wrong), "{wrong} in {text}");
    }
}

#[test]
fn nothing_has_been_found_yet() {
    let mut report = report(1);
    report.cases.clear();
    report.recipes.clear();
    report.missing = vec!["evaluate[fold=0]".into()];
    let text = draft(&report, &|at| format!("{at}.png"));
    let headings: Vec<&str> = text.lines().filter_map(|line| line.strip_prefix("## ")).collect();
    let expected = [
        "Abstract",
        "Introduction",
        "Literature review",
        "Problem formulation",
        "Data set preparation",
        "Model architecture",
        "Implementation",
        "Evaluation",
        "Conclusion",
        "Reproduction",
    ];
    assert_eq!(headings, expected);
    assert!(text.contains("**Incomplete**") && text.contains("nothing has been evaluated yet"), "{text}");
}

#[test]
fn leaky_folds_are_no_test() {
    let mut report = report(2);
    report.leaks = vec!["evaluate[fold=1]: 3 of 12 tested patients have images in training too".into()];
    let text = draft(&report, &|at| format!("{at}.png"));
    assert!(text.contains("Leaky") && !text.contains("Holm"), "{text}");
}
