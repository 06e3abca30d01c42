//! `pipe data check` and `pipe data stats`: what is proposed mends, what is told of folds holds for the folds that are cut.
//!
//! Uses the `folder` layout with small pictures of waves, which no hash takes for plain.

use std::collections::BTreeSet;
use std::fs;

use image::{GrayImage, Luma};
use serde_json::Value;

use crate::harness::Workspace;

const FOLDER: &str = "\
extends: pipelines/segmentation.yaml
axes: { fold: [0, 1] }
parameters: { folds: 2 }
data:
  root: data
  layout: { folder: { patient: \"{patient}_{frame}\" } }
  size: [32, 32]
network: { unet: { width: 4, depth: 2 } }
training: { epochs: 1, batch: 2, loss: { dice: {} }, optimizer: { adam: { learning_rate: 1e-2 } } }
";

fn save(workspace: &Workspace, path: &str, picture: &GrayImage) {
    let path = workspace.path(path);
    fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
    picture.save(path).expect("a PNG");
}

/// Waves that differ from number to number.
fn waves(number: u32) -> GrayImage {
    let wave = |x: u32, y: u32| {
        let (x, y, step) = (f64::from(x), f64::from(y), f64::from(number));
        120.0 + 50.0 * ((x * (0.2 + step * 0.07)).sin() + (y * (0.15 + step * 0.05) + x * 0.1).cos())
    };
    GrayImage::from_fn(40, 32, |x, y| Luma([wave(x, y) as u8]))
}

/// A mask with a square of this value.
fn square(value: u8) -> GrayImage {
    GrayImage::from_fn(40, 32, |x, y| Luma([if (4..14).contains(&x) && (4..14).contains(&y) { value } else { 0 }]))
}

/// Four patients with two images each.
fn workspace() -> Workspace {
    let workspace = Workspace::new();
    workspace.write("folder.yaml", FOLDER);
    for number in 0..8 {
        let name = format!("{}_{number}", ["a", "b", "c", "d"][number as usize % 4]);
        save(&workspace, &format!("data/images/{name}.png"), &waves(number));
        save(&workspace, &format!("data/masks/{name}.png"), &square(255));
    }
    workspace
}

fn json(workspace: &Workspace, arguments: &[&str]) -> Value {
    let answer = workspace.pipe(&[&["data", "check", "folder.yaml", "--format", "json"], arguments].concat());
    answer.json()
}

#[test]
fn what_is_proposed_mends_when_it_is_written() {
    let workspace = workspace();
    let wrong = ["-s", "++data.layout.folder.encoding={labels: {classes: 2}}"];
    save(&workspace, "data/masks/a_0.png", &square(0));
    save(&workspace, "data/masks/b_1.png", &square(128));
    let answer = workspace.pipe(&[&["data", "check", "folder.yaml"], &wrong[..]].concat());
    let fix = "encoding: { labels: { values: [0, 128, 255], classes: 3 } }";
    answer.fails(1, &["7 problems", &format!("write `{fix}`")]);
    assert!(answer.stdout.contains(&format!("data: {{ layout: {{ folder: {{ {fix} }} }} }}")), "{}", answer.stdout);
    let found = json(&workspace, &wrong);
    let changes = found["proposals"][0]["changes"].as_array().expect("a list");
    let set = |change: &Value| format!("++{}={}", change["path"].as_str().expect("a path"), change["value"]);
    let mut overrides: Vec<String> = changes.iter().map(set).collect();
    let mut arguments: Vec<&str> = wrong.to_vec();
    overrides.iter_mut().for_each(|change| arguments.extend(["-s", change.as_str()]));
    assert_eq!(json(&workspace, &arguments)["problems"].as_array().map(Vec::len), Some(0));
    // As YAML, laid over the file.
    let yaml = found["proposals"][0]["yaml"].as_str().expect("a text");
    workspace.write("mended.yaml", format!("extends: folder.yaml\n{yaml}\n"));
    assert_eq!(workspace.pipe(&["data", "check", "mended.yaml"]).code, 0);
}

#[test]
fn channels_that_differ_are_told_before_a_training() {
    let workspace = workspace();
    let gray = image::DynamicImage::from(waves(3));
    gray.to_rgb8().save(workspace.path("data/images/d_3.png")).expect("a PNG");
    assert_eq!(workspace.pipe(&["data", "check", "folder.yaml"]).code, 0, "colour becomes gray");
    let all = ["data", "check", "folder.yaml", "-s", "++data.channels=all"];
    let says = [
        "d_3: images/d_3.png: channels differ: the case has 3 channels, 7 of 8 cases have 1 (write `channels: \"rgb\"`)",
    ];
    workspace.pipe(&all).fails(1, &says);
    let rgb = ["data", "check", "folder.yaml", "-s", "++data.channels=rgb", "-s", "++network.unet.in_channels=3"];
    let answer = workspace.pipe(&rgb);
    assert_eq!(answer.code, 0, "{}", answer.stderr);
}

#[test]
fn folds_are_checked_for_what_is_on_two_sides() {
    let workspace = workspace();
    let found = json(&workspace, &[]);
    assert_eq!(found["folds"].as_array().map(Vec::len), Some(2), "{found}");
    // The folds that the stage cuts have the same cases.
    workspace.run(&["folder.yaml", "--until", "split"]);
    let mut tested = Vec::new();
    for fold in 0..2 {
        let stage = format!("split[fold={fold}]");
        let truth = workspace.object(&workspace.digest(&["folder.yaml"], &stage, "truth"));
        let truth: Value = serde_json::from_slice(&truth).expect("a selection");
        let cases = truth["test"].as_array().cloned().unwrap_or_default();
        let patients: BTreeSet<String> =
            cases.iter().map(|case| case["patient"].as_str().expect("a patient").to_owned()).collect();
        let part = &found["folds"][fold]["parts"][2];
        assert_eq!(
            (part["cases"].as_u64(), part["patients"].as_u64()),
            (Some(cases.len() as u64), Some(patients.len() as u64))
        );
        tested.push(patients.into_iter().next().expect("two patients are tested"));
    }
    // Two patients that are tested in different folds get one image.
    let of = |patient: &str| format!("data/images/{patient}_{}.png", "abcd".find(patient).expect("one of four"));
    fs::copy(workspace.path(&of(&tested[0])), workspace.path(&of(&tested[1]))).expect("copied");
    let found = json(&workspace, &[]);
    assert_eq!(found["findings"][0]["what"], "twins", "{}", found["findings"]);
    for fold in 0..2 {
        let across = &found["folds"][fold]["across"];
        let parts: BTreeSet<&str> =
            across[0]["cases"].as_array().into_iter().flatten().filter_map(|case| case[0].as_str()).collect();
        assert!(parts.contains("test") && parts.len() == 2, "fold {fold}: {across}");
    }
    let told = workspace.pipe(&["data", "check", "folder.yaml"]);
    assert!(told.code == 0 && told.stdout.contains("have the same image: `"), "{}", told.stdout);
    // Images of one patient, where folds are cut by image.
    let leaky = json(&workspace, &["-s", "+stages.split.with.method.k_fold.leaky=true"]);
    assert!(leaky["folds"][0]["leak"]["seen"].as_u64() > Some(0), "{}", leaky["folds"]);
    // Folds that cannot be cut.
    let answer = workspace.pipe(&["data", "check", "folder.yaml", "-s", "parameters.folds=5"]);
    assert!(answer.code == 1 && answer.stdout.contains("5 folds need at least as many patients"), "{}", answer.stdout);
}

#[test]
fn a_check_leaves_a_page_that_needs_nothing_else() {
    let workspace = workspace();
    save(&workspace, "data/masks/c_2.png", &square(0));
    let printed = json(&workspace, &[]);
    let folder = workspace.path("runs/reports/folder/data");
    let kept: Value = serde_json::from_slice(&fs::read(folder.join("data.json")).expect("written")).expect("JSON");
    assert_eq!(kept, printed);
    let page = fs::read_to_string(folder.join("report.html")).expect("written");
    for part in ["8", "Empty masks", "Cases with each class", "split[fold=1]", "data:image/jpeg;base64,"] {
        assert!(page.contains(part), "{part}");
    }
    assert!(page.matches("<img ").count() >= 9, "eight cases, and the empty mask again");
    assert!(!page.contains("src=\"http") && !page.contains("<script") && !page.contains("href=\"http"));
    // Elsewhere, and with problems.
    fs::remove_file(workspace.path("data/masks/c_2.png")).expect("ours");
    let answer = workspace.pipe(&["data", "check", "folder.yaml", "--report", "elsewhere"]);
    answer.fails(1, &["image without mask"]);
    let page = fs::read_to_string(workspace.path("elsewhere/report.html")).expect("written");
    assert!(page.contains("<h2>Problems</h2>") && page.contains("images/c_2.png"));
}

#[test]
fn statistics_of_a_set_that_was_counted() {
    let workspace = workspace();
    let answer = workspace.pipe(&["data", "stats", "folder.yaml", "--format", "json"]);
    let found = &answer.json()["statistics"];
    assert_eq!([&found["cases"], &found["patients"], &found["sizes"]], [8, 4, 1]);
    assert_eq!([&found["height"]["median"], &found["width"]["maximum"]], [32.0, 40.0]);
    let class = &found["classes"][0];
    assert_eq!([&class["cases"], &class["sizes"]["count"]], [8, 8]);
    assert_eq!([&class["sizes"]["median"], &class["share"]], [100.0, 100.0 / (32.0 * 40.0)]);
    assert_eq!(found["intensity"][0]["foreground"]["count"], 800);
    let text = workspace.pipe(&["data", "stats", "folder.yaml"]).stdout;
    for part in ["folder: 8 cases of 4 patients, 1 size", "all values", "foreground", "class 1", "8 (100 %)"] {
        assert!(text.contains(part), "{part}: {text}");
    }
    workspace.write("data/images/a_0.png", "no picture");
    workspace.pipe(&["data", "stats", "folder.yaml"]).fails(1, &["1 problem", "a_0.png"]);
}
