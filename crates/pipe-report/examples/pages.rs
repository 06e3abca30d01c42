//! Writes a report and a page about data with everything they can show, from made-up numbers:
//! `cargo run -p pipe-report --example pages -- FOLDER`.

use std::{f64::consts::PI, fs, path::Path};

use indexmap::IndexMap;
use pipe_metrics::{LengthUnit, Metrics, Score};
use pipe_report::{
    Case, Check, Curve, DataIssue, DataReport, DataSummary, DataTable, Difference, Fix, FoldPart, FoldReport, Overlay,
    Plot, Provenance, Rank, Recipe, Report, Series, Shown, Sight, data_html, html,
};

#[expect(dead_code, reason = "an example has a main function")]
#[path = "searches.rs"]
pub(crate) mod searches;

fn main() {
    let folder = std::env::args().nth(1).expect("FOLDER");
    fs::create_dir_all(&folder).expect("a folder");
    for (name, page) in [("report.html", html(&report())), ("data.html", data_html(&data()))] {
        fs::write(Path::new(&folder).join(name), page).expect("a page that can be written");
    }
}

pub(crate) fn report() -> Report {
    let case = |at: usize, metric: &str| Case {
        system: ["U-Net", "SVS-net"][at % 2].into(),
        axes: IndexMap::from([("fold".into(), (at / 48).to_string())]),
        case: format!("case{:03}", at / 2),
        patient: format!("patient{:02}", at / 6),
        class: "vessel".into(),
        metric: metric.into(),
        value: match at {
            7 => Score::Excluded,
            at => Score::Known(0.8 + 0.03 * (at % 2) as f64 + 0.1 * (at as f64 * 1.7).sin()),
        },
    };
    let described = Metrics::default().descriptions(LengthUnit::Pixel);
    let metrics = ["dice", "iou", "precision", "recall", "cldice"];
    let falling = |to: f64| (0..60).map(|epoch| to + 0.8 * (-f64::from(epoch) / 12.0).exp()).collect::<Vec<_>>();
    let curve = |fold: usize| Curve {
        name: format!("train[fold={fold}]"),
        system: "unet".into(),
        losses: vec![
            Series { name: "training".into(), values: falling(0.15) },
            Series { name: "validation".into(), values: falling(0.22) },
        ],
        scores: vec![Series {
            name: "validation".into(),
            values: falling(0.1).iter().map(|loss| 1.0 - loss).collect(),
        }],
        best: Some(40 + fold),
    };
    let overlay = |(at, rank): (usize, Rank)| {
        let disc = |shift: usize| -> Vec<u8> {
            (0..96 * 96)
                .map(|p| u8::from((p / 96 - 48_i32).pow(2) + (p % 96 - 40 - shift as i32).pow(2) < 600))
                .collect()
        };
        Overlay {
            stage: "evaluate[fold=0]".into(),
            system: "U-Net".into(),
            axes: IndexMap::from([("fold".into(), "0".into())]),
            case: format!("case{at:03}"),
            patient: "patient & more".into(),
            rank,
            metric: "Dice".into(),
            score: 0.9 - 0.2 * at as f64,
            slice: (at == 1).then_some([3, 12]),
            height: 96,
            width: 96,
            image: (0..96 * 96).map(|p| ((f64::from(p % 96) / 96.0 * PI).sin() * 200.0) as u8).collect(),
            reference: disc(0),
            prediction: disc(at * 8)
                .iter()
                .enumerate()
                .map(|(p, class)| class * (1 + u8::from(at > 0 && p / 96 > 55)))
                .collect(),
        }
    };
    let provenance = |stage: &str| Provenance {
        stage: stage.into(),
        fingerprint: "0123456789abcdef".repeat(4),
        outputs: IndexMap::new(),
        made_at: "2026-01-02T03:04:05.678Z".into(),
        run: 3,
        commit: Some("a1b2c3d4e5f60718".into()),
        device: "CPU, 2 threads".into(),
        seed: Some(7),
        seconds: 12.345,
        cpu_seconds: Some(23.4),
        peak_memory: Some(734 << 20),
        facts: serde_json::json!({ "burn": "0.22.1" }),
    };
    Report {
        title: "Vessels in <angiograms>".into(),
        experiment: "vessels".into(),
        description: Some("U-Net against SVS-net, three folds by patient.".into()),
        metrics: described,
        plots: Vec::new(),
        cases: metrics.iter().flat_map(|metric| (0..144).map(move |at| case(at, metric))).collect(),
        curves: (0..3).map(curve).collect(),
        searches: searches::examples().swap_remove(0).1,
        overlays: [Rank::Best, Rank::Median, Rank::Worst].into_iter().enumerate().map(overlay).collect(),
        data: vec![DataSummary {
            stage: "prepare".into(),
            figures: vec![("72".into(), "cases".into()), ("12".into(), "patients".into())],
            sizes: data().tables.remove(0),
            folds: data().folds,
            checks: vec![
                Check { is_well: true, words: "No patient is on two sides of a fold.".into() },
                Check { is_well: false, words: "2 pairs of cases have equal pixels: case003 and case017".into() },
            ],
        }],
        graph: None,
        pairs: Some(vec![["SVS-net".into(), "U-Net".into()]]),
        recipes: vec![Recipe {
            kind: "train",
            system: "U-Net".into(),
            with: serde_json::json!({ "training": { "epochs": 60 } }),
        }],
        command: Some("pipe run vessels.yaml -s training.epochs=60".into()),
        differences: vec![Difference {
            stage: "train[fold=0]".into(),
            words: vec!["`training.epochs`: 30, now 60".into()],
        }],
        provenance: ["split[fold=0]", "train[fold=0]", "evaluate[fold=0]"].map(provenance).to_vec(),
        notes: vec!["Cases whose masks are both empty are excluded, and counted.".into()],
        missing: vec!["train[fold=3]".into()],
        leaks: vec!["evaluate[fold=1]: 3 of 12 tested patients have images in training too".into()],
        marks: vec!["train[fold=2] is frozen".into()],
    }
}

pub(crate) fn data() -> DataReport {
    let shown = |case: &str| Shown { case: case.into(), caption: "patient 3".into(), jpeg: None };
    let issue = |at: usize| DataIssue {
        what: if at < 2 { "size" } else { "mask values" }.into(),
        case: at.is_multiple_of(2).then(|| format!("case{at}")),
        file: format!("masks/case{at}.png"),
        reason: "the mask holds 3, and classes are `0` and `1`".into(),
        hint: "write `encoding: { labels: { values: [0, 3], classes: 2 } }`".into(),
    };
    let part = |(at, name): (usize, &str)| FoldPart {
        part: name.into(),
        cases: [70, 10, 20][at],
        patients: [14, 2, 4][at],
        classes: vec![("lumen".into(), [70, 10, 20][at]), ("plaque".into(), [31, 4, 9][at])],
    };
    let parts = || ["train", "validation", "test"].into_iter().enumerate().map(part).collect();
    let fold = |at: usize| FoldReport {
        stage: format!("split[fold={at}]"),
        parts: if at == 2 { Vec::new() } else { parts() },
        leaks: false,
        warnings: if at == 1 { vec![(false, "`plaque` is rare in validation".into())] } else { Vec::new() },
    };
    let sight = |cases: Vec<Shown>| Sight { kind: "The same image".into(), text: "twins".into(), cases, more: 2 };
    DataReport {
        name: "plaques".into(),
        about: Some("OCT frames with lumen and plaque.".into()),
        facts: vec![("licence".into(), "CC BY 4.0".into()), ("source".into(), "made up".into())],
        figures: vec![("100".into(), "cases".into()), ("20".into(), "patients".into())],
        problems: (0..12).map(issue).collect(),
        proposals: vec![Fix { why: "All masks hold `3`.".into(), yaml: "data:\n  encoding: {}".into(), mends: true }],
        findings: vec![sight(vec![shown("a"), shown("b")]), sight(vec![shown("c")])],
        plots: vec![Plot::Histogram { title: "Rows".into(), values: (0..200).map(|at| f64::from(at % 37)).collect() }],
        tables: vec![DataTable {
            title: "Sizes".into(),
            head: vec![String::new(), "min".into(), "max".into()],
            rows: vec![vec!["rows".into(), "352".into(), "1024".into()]],
        }],
        folds: (0..3).map(fold).collect(),
        sheet: ["a", "b", "c"].map(shown).to_vec(),
        legend: vec![("#e69f00".into(), "lumen".into()), ("#56b4e9".into(), "plaque".into())],
        notes: vec!["Sizes are in pixels.".into()],
    }
}
