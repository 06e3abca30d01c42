//! Declared data sets: every one reads files that are written in exactly its layout, and a new one is one YAML file.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;

use serde_json::Value;

use crate::harness::Workspace;

/// Writes a small tree of each declared data set by the encoders of Python, and says what is in them.
fn trees(folder: &Path) -> Option<Value> {
    let Some(venv) = std::env::var_os("PIPE_VENV") else {
        eprintln!("skipped: PIPE_VENV names no Python; `tests/run` sets it up");
        return None;
    };
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/data_sets.py");
    let output =
        Command::new(Path::new(&venv).join("bin/python")).arg(script).arg(folder).output().expect("Python starts");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    Some(serde_json::from_slice(&output.stdout).expect("the script prints JSON"))
}

fn checked(workspace: &Workspace, name: &str, root: &Path) -> Value {
    let root = root.display().to_string();
    let answer = workspace.pipe(&["data", "check", name, "--root", &root, "--format", "json"]);
    assert_eq!(answer.code, 0, "{name}: {}\n{}", answer.stderr, answer.stdout);
    answer.json()
}

/// Gives the values of a key over all cases.
fn of<'a>(json: &'a Value, key: &str) -> BTreeSet<&'a str> {
    json["cases"].as_array().expect("a list").iter().filter_map(|case| case[key].as_str()).collect()
}

#[test]
fn every_declared_data_set_reads_its_layout() {
    let workspace = Workspace::new();
    let Some(expected) = trees(&workspace.path("trees")) else { return };
    let listed = workspace.pipe(&["data", "list", "--format", "json"]).json();
    let mut wrong = Vec::new();
    for set in listed.as_array().expect("a list") {
        let name = set["name"].as_str().expect("a name");
        for key in ["about", "licence", "citation", "home"] {
            assert!(set["dataset"][key].as_str().is_some_and(|text| !text.is_empty()), "{name} has no {key}");
        }
        let Some(expected) = expected.get(name) else {
            wrong.push(format!("{name}: no tree was written for it"));
            continue;
        };
        let found = checked(&workspace, name, &workspace.path("trees").join(name));
        let cases = found["cases"].as_array().expect("a list");
        let labelled: u64 = cases.iter().filter_map(|case| case["labelled"].as_u64()).sum();
        let parts: Vec<_> = of(&found, "part").into_iter().collect();
        let told = serde_json::json!({ "cases": cases.len(), "patients": of(&found, "patient").len(), "foreground": labelled, "parts": parts });
        if told != *expected {
            wrong.push(format!("{name}: {told}, expected {expected}"));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn classes_of_a_declared_data_set_are_kept_and_merged() {
    let workspace = Workspace::new();
    if trees(&workspace.path("trees")).is_none() {
        return;
    }
    let root = workspace.path("trees/oct_plaque").display().to_string();
    let stats = |classes: &str| {
        let set = format!("++data.layout.files.keep={classes}");
        let answer = workspace.pipe(&["data", "stats", "oct_plaque", "--root", &root, "-s", &set, "--format", "json"]);
        assert_eq!(answer.code, 0, "{}", answer.stderr);
        let classes = answer.json()["statistics"]["classes"].clone();
        let told = |class: &Value| (class["name"].as_str().unwrap_or_default().to_owned(), class["share"].as_f64());
        classes.as_array().expect("a list").iter().map(told).collect::<Vec<_>>()
    };
    let all = stats("[]");
    assert_eq!(all.len(), 4);
    let one = stats("[{ name: vessels, of: [vasa_vasorum] }]");
    assert_eq!(one, [("vessels".to_owned(), all[3].1)]);
    let two = stats("[{ name: plaque, of: [lipid_core, 2] }, { name: lumen, of: [1] }]");
    assert_eq!(two[1], all[0]);
    assert!(two[0].1 >= all[2].1, "{two:?} of {all:?}");
    let set = "++data.layout.files.keep=[{ name: vessels, of: [vasa] }]";
    let answer = workspace.pipe(&["data", "check", "oct_plaque", "--root", &root, "-s", set]);
    answer.fails(1, &["made of `vasa`, and masks have lumen, fibrous_cap, lipid_core, vasa_vasorum"]);
}

#[test]
fn a_data_set_of_the_workspace_is_one_file() {
    let workspace = Workspace::new();
    for number in 1..=4 {
        let picture = |value: u8| image::GrayImage::from_pixel(8, 6, image::Luma([value]));
        for (name, value) in [("scan", 90), ("mask", 255)] {
            let path = workspace.path(&format!("mine/p{number}_{name}.png"));
            std::fs::create_dir_all(path.parent().expect("a folder")).expect("made");
            picture(value).save(path).expect("written");
        }
    }
    let text = "dataset: { about: mine, licence: mine }\ndata:\n  layout:\n    files:\n      images: [\"p{patient}_scan.png\"]\n      masks: { files: { paths: [\"p{patient}_mask.png\"] } }\n";
    workspace.write("pipelines/datasets/mine.yaml", text);
    let shown = workspace.pipe(&["data", "show", "mine"]);
    assert!(shown.code == 0 && shown.stdout.contains("about: mine"), "{}", shown.stdout);
    let root = workspace.path("mine");
    assert_eq!(of(&checked(&workspace, "mine", &root), "patient"), BTreeSet::from(["1", "2", "3", "4"]));
    // The file itself, from anywhere.
    workspace.write("elsewhere/yours.yaml", text.replace("p{patient}_scan", "p{patient}_scen"));
    let root = root.display().to_string();
    let answer = workspace.pipe(&["data", "check", "elsewhere/yours.yaml", "--root", &root]);
    let reason = "no cases: none of 8 files matches `p{patient}_scen.png`";
    assert!(answer.code != 0 && answer.stderr.contains(reason), "{}", answer.stderr);
    let answer = workspace.pipe(&["data", "check", "miene", "--root", &root]);
    assert!(answer.code == 2 && answer.stderr.contains("did you mean `mine`?"), "{}", answer.stderr);
    workspace.write("elsewhere/yours.yaml", text.replace("images:", "imagse:"));
    let answer = workspace.pipe(&["data", "check", "elsewhere/yours.yaml", "--root", &root]);
    assert!(answer.code == 2 && answer.stderr.contains("imagse"), "{}", answer.stderr);
    // In an experiment it is a layer like any other.
    let experiment = "extends: [pipelines/segmentation.yaml, pipelines/datasets/mine.yaml]\ndata: { root: mine }\naxes: { fold: [0] }\nparameters: { folds: 2 }\nnetwork: { unet: { in_channels: 1, out_channels: 1, width: 2, depth: 1 } }\ntraining: { epochs: 1, batch: 2, loss: { dice: {} }, optimizer: { sgd: {} } }\n";
    workspace.write("mine.yaml", experiment);
    let answer = workspace.pipe(&["run", "mine.yaml", "--until", "split"]);
    assert_eq!(answer.code, 0, "{}", answer.stderr);
}
