//! What must never reach a training: test cases, by any way.
//!
//! Uses the `folder` layout, whose masks a test can alter one by one.

use std::fs;

use image::{GrayImage, Luma};

use crate::harness::{Workspace, counts};

const FOLDER: &str = "\
extends: pipelines/segmentation.yaml
axes: { fold: [0, 1] }
parameters: { folds: 2 }
data:
  root: data
  layout: { folder: {} }
  size: [32, 32]
  normalise: max
network: { unet: { width: 4, depth: 2 } }
training: { epochs: 2, batch: 2, loss: { dice: {} }, optimizer: { adam: { learning_rate: 1e-2 } } }
";

/// A dark disc on a gray ramp; its mask is the disc.
fn write_case(workspace: &Workspace, name: &str, number: u32) {
    let inside = |x: u32, y: u32| (x as i64 - 10 - i64::from(number)).pow(2) + (y as i64 - 16).pow(2) < 40;
    let picture = GrayImage::from_fn(32, 32, |x, y| Luma([if inside(x, y) { 40 } else { 120 + (x * 3) as u8 }]));
    let mask = GrayImage::from_fn(32, 32, |x, y| Luma([if inside(x, y) { 255 } else { 0 }]));
    for (folder, picture) in [("images", picture), ("masks", mask)] {
        let path = workspace.path(&format!("data/{folder}/{name}.png"));
        fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
        picture.save(path).expect("a PNG");
    }
}

fn workspace() -> Workspace {
    let workspace = Workspace::new();
    workspace.write("folder.yaml", FOLDER);
    for number in 0..8 {
        write_case(&workspace, &format!("case{number}"), number);
    }
    workspace
}

fn digest(workspace: &Workspace, stage: &str) -> String {
    let answer = workspace.pipe(&["status", "folder.yaml", "--format", "json"]);
    let json = answer.json();
    let stages = json["stages"].as_array().expect("a list").clone();
    let found = stages.iter().find(|row| row["stage"] == stage).expect("the stage");
    found["outputs"][0]["digest"].as_str().expect("a digest").to_owned()
}

/// The ids of the test cases of a fold, from `pipe status`' object of the split.
fn test_cases(workspace: &Workspace, fold: usize) -> Vec<String> {
    let answer = workspace.pipe(&["report", "folder.yaml", "--format", "json"]);
    let json = answer.json();
    let cases = json["cases"].as_array().expect("cases").clone();
    let mut ids: Vec<_> = cases
        .iter()
        .filter(|case| case["axes"]["fold"].as_str() == Some(fold.to_string().as_str()))
        .map(|case| case["case"].as_str().expect("an id").to_owned())
        .collect();
    ids.dedup();
    ids
}

#[test]
fn altered_test_masks_leave_the_checkpoint_of_their_fold() {
    let workspace = workspace();
    assert_eq!(workspace.run(&["folder.yaml"]), counts(0, 11));
    let before = [digest(&workspace, "train[fold=0]"), digest(&workspace, "train[fold=1]")];
    let altered = test_cases(&workspace, 0);
    assert_eq!(altered.len(), 4, "half of eight patients: {altered:?}");
    for case in &altered {
        let path = workspace.path(&format!("data/masks/{case}.png"));
        let mut mask = image::open(&path).expect("our own PNG").to_luma8();
        for x in 0..32 {
            mask.put_pixel(x, 1, Luma([255]));
        }
        mask.save(path).expect("a PNG");
    }
    // prepare; both splits; fold 0: evaluate alone; fold 1, which learns from these cases: train, predict, evaluate, export.
    let again = workspace.run(&["folder.yaml"]);
    assert_eq!(again, counts(3, 8), "fold 0 keeps train, predict and export");
    assert_eq!(digest(&workspace, "train[fold=0]"), before[0]);
    assert_ne!(digest(&workspace, "train[fold=1]"), before[1]);
}

#[test]
fn a_split_file_with_a_patient_on_both_sides_is_refused() {
    let workspace = workspace();
    workspace
        .write("split.json", r#"[{"train": ["case0", "case1"], "validation": ["case2"], "test": ["case1", "case3"]}]"#);
    let method = "stages.split.with.method={file: {path: split.json}}";
    let answer = workspace.pipe(&["run", "folder.yaml", "-s", method, "-s", "axes.fold=[0]"]);
    answer.fails(1, &["case1", "train", "test"]);
}

#[test]
fn more_folds_than_patients_are_refused() {
    let workspace = workspace();
    let answer = workspace.pipe(&["run", "folder.yaml", "-s", "parameters.folds=9"]);
    answer.fails(1, &["9", "8"]);
}

/// Four patients with three images each.
fn of_patients() -> Workspace {
    let workspace = Workspace::new();
    workspace.write("folder.yaml", FOLDER.replace("folder: {}", "folder: { patient: \"{patient}_{frame}\" }"));
    for (number, patient) in (0..12).zip(["a", "b", "c", "d"].iter().cycle()) {
        write_case(&workspace, &format!("{patient}_{number}"), number);
    }
    workspace
}

#[test]
fn folds_cut_by_image_say_so_wherever_they_count() {
    let workspace = of_patients();
    let leaky = ["-s", "+stages.split.with.method.k_fold.leaky=true", "-s", "axes.fold=[0]"];
    let says = ["frames of one patient are on both sides", "tested patients have images in training too"];
    let answer = workspace.pipe(&[&["run", "folder.yaml"], &leaky[..]].concat());
    assert_eq!(answer.code, 0, "{}", answer.stderr);
    let read =
        |file: &str| fs::read_to_string(workspace.path(&format!("runs/reports/folder/{file}"))).expect("written");
    let texts = [answer.stdout, workspace.pipe(&[&["report", "folder.yaml"], &leaky[..]].concat()).stdout];
    for text in texts.iter().chain(&[read("report.html"), read("report.md")]) {
        assert!(says.iter().all(|words| text.contains(words)) && text.contains("unet (leaky folds)"), "{text}");
        assert!(!text.contains("patients that no training"), "{text}");
    }
    assert!(read("cases.csv").lines().skip(1).all(|line| line.starts_with("unet (leaky folds),")));
    let json = workspace.pipe(&[&["report", "folder.yaml", "--format", "json"], &leaky[..]].concat()).json();
    assert!(json["leaks"][0].as_str().is_some_and(|leak| leak.contains(says[1])), "{json}");
    let plan = workspace.pipe(&[&["plan", "folder.yaml"], &leaky[..]].concat());
    assert!(plan.stdout.contains("cut by image"), "{}", plan.stdout);
    let shown = workspace.pipe(&["runs", "show", "last"]).stdout;
    assert!(shown.contains("leaky_dice"), "{shown}");
    // Without the word nothing of the kind happens.
    workspace.run(&["folder.yaml"]);
    let shown = workspace.pipe(&["runs", "show", "last"]).stdout;
    assert!(shown.contains("dice") && !shown.contains("leaky"), "{shown}");
    let plain = workspace.pipe(&["report", "folder.yaml", "--format", "json"]).json();
    assert_eq!(plain["leaks"].as_array().map(Vec::len), Some(0), "{plain}");
    assert!(!read("report.html").contains("frames of one patient are on both sides"));
    let leaky = "stages.split.with.method={official: {leaky: true}}";
    workspace.pipe(&["plan", "folder.yaml", "-s", leaky]).fails(2, &["leaky"]);
}

#[test]
fn inner_folds_hold_no_patient_that_their_fold_tests() {
    let workspace = of_patients();
    workspace.write(
        "nested.yaml",
        "extends: folder.yaml
axes: { fold: [0, 1, 2, 3], inner: [0, 1, 2] }
parameters: { folds: 4 }
stages:
  split: { with: { method: { k_fold: { nested: { folds: 3 } } } } }
  inner: { kind: split, needs: prepare, with: { method: \"${stages.split.with.method}\", fold: \"${axis.fold}\", inner: \"${axis.inner}\" } }
",
    );
    // One preparation, four folds, twelve inner ones.
    assert_eq!(workspace.run(&["nested.yaml", "--until", "inner", "--until", "split"]), counts(0, 17));
    let patients = |stage: &str, port: &str, part: &str| -> std::collections::BTreeSet<String> {
        let selection = workspace.object(&workspace.digest(&["nested.yaml"], stage, port));
        let selection: serde_json::Value = serde_json::from_slice(&selection).expect("a selection");
        let cases = selection[part].as_array().cloned().unwrap_or_default();
        cases.iter().map(|case| case["patient"].as_str().expect("a patient").to_owned()).collect()
    };
    for fold in 0..4 {
        let tested = patients(&format!("split[fold={fold}]"), "truth", "test");
        assert_eq!(tested.len(), 1);
        let mut inner_tested = std::collections::BTreeSet::new();
        for inner in 0..3 {
            let stage = format!("inner[fold={fold},inner={inner}]");
            let [train, validation, test] = [("training", "train"), ("training", "validation"), ("truth", "test")]
                .map(|(port, part)| patients(&stage, port, part));
            let all: std::collections::BTreeSet<String> =
                [&train, &validation, &test].into_iter().flatten().cloned().collect();
            assert_eq!((all.len(), train.len(), test.len()), (3, 1, 1), "{stage}: {all:?}");
            assert!(all.is_disjoint(&tested), "{stage}: {all:?}, {tested:?}");
            inner_tested.extend(test);
        }
        assert_eq!(inner_tested.len(), 3, "each of the others is tested once");
    }
    workspace.pipe(&["plan", "nested.yaml", "-s", "axes.inner=[3]"]).fails(2, &["fold 3 of 3"]);
    let outer = ["plan", "nested.yaml", "-s", "~stages.split.with.method.k_fold.nested"];
    workspace.pipe(&outer).fails(2, &["no folds within folds"]);
}
