//! Every network trains, predicts, is evaluated and exported, on cases whose sides none of its multiples divides.
//!
//! Knows nothing of layers: a network is its name in YAML, and what comes out must be numbers.

use safetensors::{Dtype, SafeTensors};
use serde_json::Value;

use crate::harness::{Workspace, counts};

/// Four patients in two folds, one epoch.
const RECIPE: &str = "\
extends: pipelines/segmentation.yaml
axes: { fold: [0] }
parameters: { folds: 2 }
data:
  layout: { xca_phantom: { patients: 4, sequences_per_patient: 1, size: 64, frames: 3, label_frame: 1, seed: 3 } }
  size: [50, 70]
  frames: 1
  normalise: z_score
training:
  epochs: 1
  batch: 2
  loss: { sum: [{ loss: { dice: {} } }, { loss: { binary_cross_entropy: {} } }] }
  optimizer: { adam: { learning_rate: 1e-3 } }
";

/// Volumes of two classes, whose sides are odd too.
const VOLUMES: &str = "\
extends: pipelines/segmentation.yaml
axes: { fold: [0] }
parameters: { folds: 2 }
data:
  layout: { volume_phantom: { patients: 4, size: 18, depth: 6, classes: 2, seed: 3 } }
  size: [18, 22]
  normalise: z_score
training:
  epochs: 1
  batch: 2
  loss: { sum: [{ loss: { dice: {} } }, { loss: { cross_entropy: {} } }] }
  optimizer: { sgd: { learning_rate: 1e-2, momentum: 0.99, nesterov: true } }
  schedule: { polynomial: {} }
";

/// Narrow networks, each under its name; those of one map.
const NETWORKS: [(&str, &str); 13] = [
    ("unet", "width: 2, depth: 2"),
    ("unet_plus_plus", "width: 2, depth: 2, deep_supervision: true, output: mean"),
    ("attention_unet", "width: 2, depth: 2"),
    ("resunet_plus_plus", "in_channels: 1, widths: [8, 8, 8, 8, 8], reduction: 4, rates: [1, 2]"),
    ("encoder_unet", "encoder: { resnet18: { width: 2 } }, decoder_widths: [8, 6, 4, 4, 2]"),
    (
        "encoder_unet_plus_plus",
        "encoder: { efficientnet_b0: { width: 0.1, depth: 0.3 } }, decoder_widths: [8, 6, 4, 4, 2]",
    ),
    ("deeplabv3", "encoder: { resnet34: { width: 2 } }, width: 4, rates: [1, 2, 3]"),
    ("deeplabv3_plus", "encoder: { mobilenet_v2: { width: 0.1 } }, width: 4, rates: [1, 2, 3], skip_width: 2"),
    ("deeplabv3_plus_eca", "in_channels: 1, out_channels: 1, encoder_width: 0.1, width: 4, skip_width: 2"),
    ("encoder_decoder", "widths: [2, 3, 4], aspp_width: 4, rates: [1, 2]"),
    ("svsnet", "frames: 3, label: { index: 1 }, widths: [2, 3, 4]"),
    ("nnunet", "out_channels: 1, widths: [2, 3, 4]"),
    ("nnunet_residual", "out_channels: 1, widths: [2, 3, 4], blocks: [1, 1, 2]"),
];

fn finite(what: &str, value: f64) {
    assert!(value.is_finite(), "{what} is {value}");
}

/// What every network that was trained must have left.
#[track_caller]
fn check(recipe: &str, set: &[&str], name: &str, maps: usize) {
    let workspace = Workspace::new();
    workspace.write("e.yaml", recipe);
    let mut all = vec!["e.yaml"];
    set.iter().for_each(|set| all.extend(["-s", *set]));
    assert_eq!(workspace.run(&all), counts(0, 6), "{name}");

    let history = workspace.stored(&all, "train[fold=0]", "model", "history.csv");
    let history = String::from_utf8(history).expect("a table");
    let rows: Vec<Vec<&str>> = history.lines().map(|line| line.split(',').collect()).collect();
    assert_eq!(rows.len(), 2, "one epoch:\n{history}");
    for (column, value) in rows[0].iter().zip(&rows[1]).filter(|(column, _)| !column.starts_with("class")) {
        finite(&format!("{name}: {column}"), value.parse().unwrap_or_else(|_| panic!("{column} in\n{history}")));
    }
    for column in ["train_loss", "validation_loss", "validation_dice"] {
        assert!(rows[0].contains(&column), "{history}");
    }

    let card = workspace.stored(&all, "train[fold=0]", "model", "model.json");
    let card: Value = serde_json::from_slice(&card).expect("a card");
    assert!(card["network"][name].is_object(), "{card}");
    assert_eq!(card["classes"], maps);

    // Two cases are tested, and every metric has a row; Dice and accuracy are defined whatever is predicted.
    let report = workspace.pipe(&[&["report", "--format", "json"], all.as_slice()].concat()).json();
    for metric in ["dice", "accuracy"] {
        let rows = report["table"].as_array().expect("a table");
        let row = rows.iter().find(|row| row["metric"] == metric).unwrap_or_else(|| panic!("no {metric}: {report}"));
        assert_eq!(row["n"], 2, "{row}");
        let mean = row["mean"].as_f64().unwrap_or(f64::NAN);
        assert!((0.0..=1.0).contains(&mean), "{name}: {row}");
    }

    let model = workspace.stored(&all, "export[fold=0]", "export", "model.safetensors");
    let arrays = SafeTensors::deserialize(&model).expect("exported weights");
    assert!(arrays.len() > 4);
    for (parameter, array) in arrays.tensors() {
        if array.dtype() == Dtype::F32 {
            let values =
                array.data().chunks_exact(4).map(|four| f32::from_le_bytes([four[0], four[1], four[2], four[3]]));
            values.for_each(|value| finite(&format!("{name}: {parameter}"), value.into()));
        }
    }
}

#[track_caller]
fn images(name: &str) {
    let (name, settings) = NETWORKS.iter().find(|(known, _)| *known == name).expect("in the list");
    let network = format!("+network={{ {name}: {{ {settings} }} }}");
    // Networks of sequences get all frames.
    let frames = if *name == "svsnet" { "data.frames=null" } else { "data.frames=1" };
    check(RECIPE, &[&network, frames], name, 1);
}

#[test]
fn no_network_is_left_out() {
    let listed = Workspace::new().pipe(&["network", "list", "--format", "json"]).json();
    let listed: Vec<_> = listed["networks"].as_array().into_iter().flatten().map(|kind| kind["name"].clone()).collect();
    for (name, _) in NETWORKS {
        assert!(listed.iter().any(|kind| kind == name), "{name} is not in {listed:?}");
    }
    assert_eq!(listed.len(), NETWORKS.len(), "{listed:?}");
}

#[test]
fn unet() {
    images("unet");
}

#[test]
fn unet_plus_plus() {
    images("unet_plus_plus");
}

#[test]
fn attention_unet() {
    images("attention_unet");
}

#[test]
fn resunet_plus_plus() {
    images("resunet_plus_plus");
}

#[test]
fn encoder_unet() {
    images("encoder_unet");
}

#[test]
fn encoder_unet_plus_plus() {
    images("encoder_unet_plus_plus");
}

#[test]
fn deeplabv3() {
    images("deeplabv3");
}

#[test]
fn deeplabv3_plus() {
    images("deeplabv3_plus");
}

#[test]
fn deeplabv3_plus_eca() {
    images("deeplabv3_plus_eca");
}

#[test]
fn encoder_decoder() {
    images("encoder_decoder");
}

#[test]
fn svsnet() {
    images("svsnet");
}

#[test]
fn nnunet() {
    images("nnunet");
}

#[test]
fn nnunet_residual() {
    images("nnunet_residual");
}

#[test]
fn nnunet_of_volumes_and_classes() {
    let network = "+network={ nnunet: { dimensions: 3, out_channels: 3, widths: [2, 3, 4] } }";
    check(VOLUMES, &[network], "nnunet", 3);
}

#[test]
fn nnunet_residual_of_volumes_with_flat_kernels() {
    let settings = "dimensions: 3, out_channels: 3, widths: [2, 3, 4], blocks: [1, 1, 1]";
    let flat = "kernels: [[1, 3, 3], [3, 3, 3], [3, 3, 3]], strides: [[1, 1, 1], [1, 2, 2], [2, 2, 2]]";
    check(VOLUMES, &[&format!("+network={{ nnunet_residual: {{ {settings}, {flat} }} }}")], "nnunet_residual", 3);
}

#[test]
fn classes_that_exclude_each_other_of_images() {
    // One foreground class in two maps: background and vessel.
    let network = "+network={ unet_plus_plus: { out_channels: 2, width: 2, depth: 2 } }";
    let loss = "training.loss={ sum: [{ loss: { dice: {} } }, { loss: { cross_entropy: {} } }] }";
    check(RECIPE, &[network, loss], "unet_plus_plus", 2);
}
