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

/// The committed experiment, made small: one fold, one epoch, few and small pictures; and what else is set.
fn small<'a>(root: &'a str, more: &[&'a str]) -> Vec<&'a str> {
    let mut all = vec!["unet_arcade.yaml"];
    let small = ["axes.fold=[0]", "training.epochs=1", "data.size=[34, 50]"];
    [root].into_iter().chain(small).chain(more.iter().copied()).for_each(|set| all.extend(["-s", set]));
    all
}

#[test]
fn real_data_arcade_trains_overlapping_segments() {
    let Some(folder) = samples("xca/arcade") else {
        return;
    };
    let workspace = Workspace::new();
    arcade(&workspace);
    let root = format!("data.root={}", folder.display());
    // Segments of the left coronary artery; at branches their polygons share pixels.
    let layers = [
        "data.layout.coco.categories={ layers: ['5', '6', '7'] }",
        "network={ nnunet: { out_channels: 3, widths: [4, 6, 8] } }",
        "+training.head=sigmoid",
        "training.loss={ sum: [{ loss: { dice: {} } }, { loss: { binary_cross_entropy: {} } }] }",
    ];
    let all = small(&root, &layers);
    assert_eq!(workspace.run(&all), counts(0, 6));
    let history = workspace.stored(&all, "train[fold=0]", "model", "history.csv");
    let history = String::from_utf8(history).expect("a table");
    let loss: f64 =
        history.lines().nth(1).and_then(|row| row.split(',').nth(2)).and_then(|v| v.parse().ok()).expect("a loss");
    assert!(loss.is_finite() && loss > 0.0, "{history}");
    let card = workspace.stored(&all, "train[fold=0]", "model", "model.json");
    let card: serde_json::Value = serde_json::from_slice(&card).expect("a card");
    assert_eq!((&card["head"], &card["classes"]), (&"sigmoid".into(), &3.into()));
    let report = workspace.pipe(&[&["report", "--format", "json"], all.as_slice()].concat()).json();
    let dice = report["table"].as_array().into_iter().flatten().find(|row| row["metric"] == "dice").expect("Dice");
    assert_eq!(dice["n"], 100, "half of the images are tested: {dice}");
    assert!(dice["mean"].as_f64().is_some_and(|mean| (0.0..=1.0).contains(&mean)), "{dice}");

    // Overlapping classes without a map each, and with a head that excludes.
    let two = small(
        &root,
        &[
            "data.layout.coco.categories={ layers: ['5', '6', '7'] }",
            "network={ unet: { width: 2, depth: 1, out_channels: 2 } }",
            "+training.head=sigmoid",
        ],
    );
    let answer = workspace.pipe(&[&["run"], two.as_slice()].concat());
    assert_ne!(answer.code, 0, "{}", answer.stdout);
    assert!(answer.stderr.contains('3') && answer.stderr.contains('2'), "{}", answer.stderr);
}

#[test]
fn real_data_arcade_trains_classes_that_exclude_each_other() {
    let Some(folder) = samples("xca/arcade") else {
        return;
    };
    let workspace = Workspace::new();
    arcade(&workspace);
    let root = format!("data.root={}", folder.display());
    let classes = [
        "data.layout.coco.categories={ classes: ['5', '6'] }",
        "network={ encoder_unet: { out_channels: 3, encoder: { mobilenet_v2: { width: 0.1 } }, decoder_widths: [8, 6, 4, 4, 2] } }",
        "training.loss={ cross_entropy: {} }",
    ];
    assert_eq!(workspace.run(&small(&root, &classes)), counts(0, 6));
    let few = [classes[0], "network={ unet: { width: 2, depth: 1, out_channels: 2 } }", classes[2]];
    let answer = workspace.pipe(&[&["plan"], small(&root, &few).as_slice()].concat());
    answer.fails(2, &["the data have classes 0 to 2, the network 2 maps; set `out_channels: 3`"]);
}

#[test]
fn real_data_declared_sets_are_read_by_name() {
    let Some(root) = samples("") else {
        return;
    };
    let workspace = Workspace::new();
    // Cases and patients by the sets' own tables and folders; contours are of 96 slices.
    for (name, folder, cases, patients) in [
        ("arcade_syntax", "xca/arcade/syntax", 200, 200),
        ("covid_cxr", "lung/covid19_cxr_segmentations", 38, 38),
        ("dsb_2018", "nuclei/dsb2018_sample", 20, 20),
        ("isbi_2012", "em/isbi2012_membrane", 30, 30),
        ("isic_2017", "isic/isic2017_test_sample", 6, 6),
        ("msd", "msd/Task04_Hippocampus", 260, 260),
        ("oct_plaque", "oct/danilov_oct_demo", 32, 1),
        ("sunnybrook", "cardiac/sunnybrook_sample", 96, 5),
        ("uw_madison", "uwmgi/derived_official_layout/uw-madison-gi-tract-image-segmentation", 14, 5),
    ] {
        let folder = root.join(folder).display().to_string();
        let answer = workspace.pipe(&["data", "check", name, "--root", &folder, "--format", "json"]);
        assert_eq!(answer.code, 0, "{name}: {}", answer.stderr);
        let json = answer.json();
        let found = json["cases"].as_array().expect("a list");
        let people: std::collections::BTreeSet<_> = found.iter().map(|case| case["patient"].as_str()).collect();
        assert_eq!((found.len(), people.len()), (cases, patients), "{name}");
        assert!(found.iter().all(|case| case["labelled"].is_u64()), "{name}: every case has a mask");
    }
}

#[test]
fn real_data_slices_stay_with_their_volume() {
    let Some(folder) = samples("msd/Task04_Hippocampus") else {
        return;
    };
    let workspace = Workspace::new();
    let committed = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../experiments/hippocampus.yaml");
    workspace.write("hippocampus.yaml", std::fs::read(committed).expect("committed"));
    let root = format!("data.root={}", folder.display());
    let answer = workspace.pipe(&["run", "hippocampus.yaml", "-s", &root, "-s", "axes.fold=[0]", "--until", "split"]);
    assert_eq!(answer.code, 0, "{}", answer.stderr);
    let answer = workspace.pipe(&["data", "check", "hippocampus.yaml", "-s", &root, "--format", "json"]);
    let json = answer.json();
    let cases = json["cases"].as_array().expect("a list");
    assert_eq!(cases.len(), 9270);
    let of = |case: &serde_json::Value| case["patient"].as_str().map(str::to_owned).expect("a patient");
    assert!(cases.iter().all(|case| case["id"].as_str().is_some_and(|id| id.starts_with(&of(case)))));
}
