//! What wrong experiments are told: one file a mistake under `tests/wrong/`, one snapshot each.
//!
//! Knows the public functions alone; stage kinds are the engine's.

use std::{
    fs,
    path::{Path, PathBuf},
};

use pipe_spec::{Colour, Experiment, Library, Lists, Problems, Request, compose, expand};

const PIPELINE: &str = "\
axes: { fold: [0, 1] }
stages:
  prepare: { kind: prepare, with: { root: data } }
  train: { kind: train, needs: prepare, with: { fold: '${axis.fold}', rate: 1e-3 } }
";

fn wrong() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/wrong")
}

fn read(folder: &Path, file: &str, profiles: &[&str], overrides: &[&str]) -> Result<Experiment, Problems> {
    let text = |list: &[&str]| list.iter().map(ToString::to_string).collect::<Vec<_>>();
    let (profiles, overrides) = (text(profiles), text(overrides));
    let library = Library { workspace: folder.to_path_buf(), embedded: &[("pipelines/two.yaml", PIPELINE)] };
    let environment = |name: &str| (name == "HOME_OF_DATA").then(|| "/data".to_owned());
    let request = Request {
        file: &folder.join(file),
        profiles: &profiles,
        sweep: None,
        overrides: &overrides,
        environment: &environment,
    };
    expand(&compose(&library, &request)?, &Lists::new())
}

/// What is said, with the folder's place taken out.
fn said(folder: &Path, file: &str, profiles: &[&str], overrides: &[&str]) -> String {
    let problems = read(folder, file, profiles, overrides).expect_err("it is wrong");
    problems.render(Colour::Never).replace(&format!("{}/", folder.display()), "")
}

#[test]
fn every_wrong_file_is_told_what_is_wrong() {
    let mut names: Vec<_> = fs::read_dir(wrong())
        .expect("the folder is committed")
        .map(|entry| entry.expect("readable").file_name().into_string().expect("plain names"))
        .filter(|name| !name.starts_with("part_"))
        .collect();
    names.sort();
    assert!(names.len() >= 20, "{names:?}");
    for name in names {
        insta::assert_snapshot!(name.trim_end_matches(".yaml"), said(&wrong(), &name, &[], &[]));
    }
}

#[test]
fn wrong_profiles_and_overrides() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    fs::write(
        folder.path().join("e.yaml"),
        "extends: pipelines/two.yaml\nprofiles: { paper: { axes: { fold: [0] } } }\n",
    )
    .expect("writable");
    let cases = [
        ("profile", said(folder.path(), "e.yaml", &["papper"], &[])),
        ("absent", said(folder.path(), "e.yaml", &[], &["stages.train.with.rte=1"])),
        ("grammar", said(folder.path(), "e.yaml", &[], &["stages.train.with.rate"])),
        ("list", said(folder.path(), "e.yaml", &[], &["axes.fold=[0, 1"])),
        ("deleted", said(folder.path(), "e.yaml", &[], &["~stages.trian"])),
        ("added", said(folder.path(), "e.yaml", &[], &["+stages.train.with.rate=1"])),
        ("instance", said(folder.path(), "e.yaml", &[], &["++stages.'train[fold=7]'.with.rate=1"])),
        ("missing", said(folder.path(), "none.yaml", &[], &[])),
    ];
    let text: String = cases.iter().map(|(name, text)| format!("== {name}\n{text}")).collect();
    insta::assert_snapshot!("overrides", text);
}

#[test]
fn not_unicode_and_too_deep() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    fs::write(folder.path().join("latin.yaml"), b"name: \xe9t\xe9\n").expect("writable");
    insta::assert_snapshot!("latin", said(folder.path(), "latin.yaml", &[], &[]));
    let deep = format!("parameters: {}1{}\n", "[".repeat(5000), "]".repeat(5000));
    fs::write(folder.path().join("deep.yaml"), deep).expect("writable");
    assert!(said(folder.path(), "deep.yaml", &[], &[]).contains("pipe::spec::too_deep"));
}

#[test]
fn axes_instances_and_gathering() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let text = "\
extends: pipelines/two.yaml
name: named
stages:
  train[fold=1]: { with: { rate: 5 } }
  all: { kind: gather, needs: 'train[*]' }
  one: { kind: single, needs: 'train[fold=0]' }
profiles: { quick: { name: quick, axes: { fold: [1] }, stages: { one: { needs: prepare } } } }
";
    fs::write(folder.path().join("e.yaml"), text).expect("writable");
    let experiment = read(folder.path(), "e.yaml", &[], &[]).unwrap_or_else(|problems| panic!("{problems}"));
    assert_eq!(experiment.name, "named");
    let ids: Vec<_> = experiment.stages.iter().map(|stage| stage.id.as_str()).collect();
    assert_eq!(ids, ["prepare", "train[fold=0]", "train[fold=1]", "all", "one"]);
    assert_eq!(experiment.stages[1].with.to_json(), serde_json::json!({ "fold": 0, "rate": 1e-3 }));
    assert_eq!(experiment.stages[2].with.to_json(), serde_json::json!({ "fold": 1, "rate": 5 }));
    assert_eq!(experiment.stages[3].needs[0].ids, ["train[fold=0]", "train[fold=1]"]);
    assert_eq!(experiment.stages[4].needs[0].ids, ["train[fold=0]"]);

    let quick = read(folder.path(), "e.yaml", &["quick"], &["~stages.all"]);
    let quick = quick.unwrap_or_else(|problems| panic!("{problems}"));
    assert_eq!(quick.name, "quick");
    let ids: Vec<_> = quick.stages.iter().map(|stage| stage.id.as_str()).collect();
    assert_eq!(ids, ["prepare", "train[fold=1]", "one"]);
}

#[test]
fn a_byte_order_mark_and_carriage_returns_are_accepted() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let text = "\u{feff}extends: pipelines/two.yaml\r\nstages:\r\n  train:\r\n    with: { rate: 2, word: no }\r\n";
    fs::write(folder.path().join("e.yaml"), text).expect("writable");
    let experiment = read(folder.path(), "e.yaml", &[], &[]).unwrap_or_else(|problems| panic!("{problems}"));
    assert_eq!(experiment.stages[1].with.to_json(), serde_json::json!({ "fold": 0, "rate": 2, "word": "no" }));
}

#[test]
fn the_environment_gives_paths_alone() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let text = "data: { root: '${env:HOME_OF_DATA}/xca' }\nstages: { a: { kind: prepare, with: '${data}' } }\n";
    fs::write(folder.path().join("e.yaml"), text).expect("writable");
    let experiment = read(folder.path(), "e.yaml", &[], &[]).unwrap_or_else(|problems| panic!("{problems}"));
    assert_eq!(experiment.stages[0].with.to_json(), serde_json::json!({ "root": "/data/xca" }));
}
