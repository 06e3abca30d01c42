//! Real images, where PIPE_TEST_DATA names a folder of samples; skipped with a printed reason without.
//!
//! Asserts what is known of the samples from their own annotation files, never a score.

use std::path::PathBuf;

use crate::harness::{Workspace, counts};

fn samples(name: &str) -> Option<PathBuf> {
    let Some(root) = std::env::var_os("PIPE_TEST_DATA") else {
        eprintln!("skipped: PIPE_TEST_DATA is not set");
        return None;
    };
    let folder = PathBuf::from(root).join(name);
    assert!(folder.is_dir(), "PIPE_TEST_DATA has no {name}");
    Some(folder)
}

fn arcade(workspace: &Workspace) {
    let committed = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../experiments/unet_arcade.yaml");
    workspace.write("unet_arcade.yaml", std::fs::read(committed).expect("committed"));
}

#[test]
fn real_data_arcade_is_checked_and_previewed() {
    let Some(folder) = samples("xca/arcade") else {
        return;
    };
    let workspace = Workspace::new();
    arcade(&workspace);
    let root = format!("data.root={}", folder.display());
    let answer = workspace.pipe(&["data", "check", "unet_arcade.yaml", "-s", &root, "--format", "json"]);
    assert_eq!(answer.code, 0, "{}", answer.stderr);
    let json = answer.json();
    assert_eq!(json["cases"].as_array().map_or(json["cases"].as_u64().unwrap_or(0), |cases| cases.len() as u64), 200);
    let answer =
        workspace.pipe(&["data", "preview", "unet_arcade.yaml", "-s", &root, "-o", "sheet.png", "--cases", "6"]);
    assert_eq!(answer.code, 0, "{}", answer.stderr);
    let sheet = image::open(workspace.path("sheet.png")).expect("a PNG");
    assert!(sheet.width() > 200 && sheet.height() > 100);
}

#[test]
fn real_data_arcade_trains_end_to_end() {
    let Some(folder) = samples("xca/arcade") else {
        return;
    };
    let workspace = Workspace::new();
    arcade(&workspace);
    let root = format!("data.root={}", folder.display());
    // The committed experiment, made small: one fold, one epoch, few and small pictures.
    let small = [
        "unet_arcade.yaml",
        "-s",
        &root,
        "-s",
        "axes.fold=[0]",
        "-s",
        "training.epochs=1",
        "-s",
        "data.size=[32, 32]",
        "-s",
        "network.unet.width=4",
        "-s",
        "network.unet.depth=2",
    ];
    assert_eq!(workspace.run(&small), counts(0, 6));
    assert_eq!(workspace.run(&small), counts(6, 0));
}

#[test]
fn real_data_dermoscopy_by_stem_and_suffix() {
    let Some(folder) = samples("isic/isic2017_test_sample") else {
        return;
    };
    let workspace = Workspace::new();
    workspace.write(
        "isic.yaml",
        "\
extends: pipelines/segmentation.yaml
data:
  root: null
  layout:
    folder: { images: ISIC-2017_Test_v2_Data, masks: ISIC-2017_Test_v2_Part1_GroundTruth, mask_suffix: _segmentation }
  size: [64, 64]
network: { unet: { width: 4, depth: 2 } }
training: { epochs: 1, batch: 2, loss: { dice: {} }, optimizer: { adam: { learning_rate: 1e-2 } } }
",
    );
    let root = format!("data.root={}", folder.display());
    let answer = workspace.pipe(&["data", "check", "isic.yaml", "-s", &root, "--format", "json"]);
    assert_eq!(answer.code, 0, "{}", answer.stderr);
    assert_eq!(answer.json()["cases"].as_array().map(Vec::len), Some(6));
}
