//! Trainings that begin with the weights of a file: what they take from it, what it means to the cache, and what is refused.
//!
//! The files are those that `crates/pipe-learn/tests/reference` compares with PyTorch.

use std::{fs, path::PathBuf};

use safetensors::SafeTensors;
use serde_json::Value;

use crate::harness::{Workspace, counts};

const RECIPE: &str = "\
extends: pipelines/segmentation.yaml
axes: { fold: [0] }
parameters: { folds: 2 }
data:
  layout: { xca_phantom: { patients: 4, sequences_per_patient: 1, size: 32, frames: 2, label_frame: 1, seed: 3 } }
  size: [32, 32]
  frames: 1
  normalise: max
network: { encoder_unet: { encoder: { resnet18: { width: 3 } }, decoder_widths: [8, 6, 4, 4, 2] } }
weights: { file: weights/first.pth, part: encoder, map: torchvision }
training:
  epochs: 1
  batch: 2
  loss: { dice: {} }
  optimizer: { sgd: { learning_rate: 1e-2 } }
";

fn file(name: &str) -> Vec<u8> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../pipe-learn/tests/reference/weights");
    fs::read(folder.join(name)).expect("committed")
}

fn workspace() -> Workspace {
    let workspace = Workspace::new();
    workspace.write("e.yaml", RECIPE).write("weights/first.pth", file("torchvision_resnet18.pth"));
    workspace
}

/// Statistics and counters are no weights that are learned.
fn learned(name: &str) -> bool {
    !name.contains("running_") && !name.ends_with("num_batches_tracked")
}

fn card(workspace: &Workspace, experiment: &[&str]) -> Value {
    let card = workspace.stored(experiment, "train[fold=0]", "model", "model.json");
    serde_json::from_slice(&card).expect("a card")
}

#[test]
fn every_weight_is_that_of_the_file_before_it_learns() {
    let workspace = workspace();
    let bytes = file("unet.safetensors");
    workspace.write("all.safetensors", &bytes);
    // So small a rate changes no weight of 32 bits; two frames are two channels.
    let all = [
        "e.yaml",
        "-s",
        "network={ unet: { in_channels: 2, out_channels: 3, width: 6, depth: 2 } }",
        "-s",
        "weights={ file: all.safetensors, part: all, map: pipe }",
        "-s",
        "data.frames=2",
        "-s",
        "training.optimizer.sgd.learning_rate=1e-30",
    ];
    assert_eq!(workspace.run(&all), counts(0, 6));
    let model = workspace.stored(&all, "export[fold=0]", "export", "model.safetensors");
    let (model, first) =
        (SafeTensors::deserialize(&model).expect("ours"), SafeTensors::deserialize(&bytes).expect("ours"));
    let mut compared = 0;
    for (name, array) in first.tensors().into_iter().filter(|(name, _)| learned(name)) {
        let Ok(found) = model.tensor(&name) else { panic!("`{name}` is not in {:?}", model.names()) };
        assert_eq!((found.shape(), found.data()), (array.shape(), array.data()), "{name}");
        compared += 1;
    }
    assert!(compared > 20, "{compared}");
    let card = card(&workspace, &all);
    assert_eq!((&card["weights"]["part"], &card["weights"]["others"]), (&"all".into(), &0.into()), "{card}");
}

#[test]
fn an_encoder_begins_with_a_file_and_the_rest_without() {
    let workspace = workspace();
    assert_eq!(workspace.run(&["e.yaml"]), counts(0, 6));
    let with = card(&workspace, &["e.yaml"]);
    let number = |key: &str| with["weights"][key].as_u64().unwrap_or_else(|| panic!("no {key} in {with}"));
    assert!(number("loaded") > 50 && number("others") > 5, "{with}");
    assert_eq!(with["weights"]["map"], "torchvision");
    assert!(!with.to_string().contains("first.pth"), "no path enters a result: {with}");

    // Without the file it is another training, with other weights.
    let without = ["e.yaml", "-s", "weights=null"];
    let from_file = workspace.digest(&["e.yaml"], "train[fold=0]", "model");
    assert_eq!(workspace.run(&without), counts(2, 4));
    assert!(card(&workspace, &without)["weights"].is_null());
    assert_ne!(workspace.digest(&without, "train[fold=0]", "model"), from_file);
}

#[test]
fn a_file_counts_by_its_content() {
    let workspace = workspace();
    assert_eq!(workspace.run(&["e.yaml"]), counts(0, 6));
    fs::rename(workspace.path("weights/first.pth"), workspace.path("moved.pt")).expect("ours");
    let moved = ["e.yaml", "-s", "weights.file=moved.pt"];
    assert_eq!(workspace.run(&moved), counts(6, 0), "the same bytes elsewhere");
    // Other bytes under the known name.
    workspace.write("moved.pt", file("parallel_resnet18_half.pth"));
    let why = workspace.pipe(&["why", "e.yaml", "train", "-s", "weights.file=moved.pt"]);
    assert!(why.code == 0 && why.stdout.contains("weights"), "{}{}", why.stdout, why.stderr);
    assert_eq!(workspace.run(&moved), counts(2, 4), "other bytes are another training");
    // The first bytes again, under a third name.
    workspace.write("third.pth", file("torchvision_resnet18.pth"));
    assert_eq!(workspace.run(&["e.yaml", "-s", "weights.file=third.pth"]), counts(6, 0));
}

/// The run fails with exit code 1, says this, and publishes no model.
#[track_caller]
fn refused(workspace: &Workspace, set: &[&str], says: &[&str]) {
    let mut all = vec!["run", "e.yaml", "train"];
    set.iter().for_each(|set| all.extend(["-s", *set]));
    let answer = workspace.pipe(&all);
    answer.fails(1, says);
    answer.fails(1, &["stage `train[fold=0]` failed"]);
}

#[test]
fn weights_of_another_shape_are_all_named() {
    let workspace = workspace();
    let wide = "network.encoder_unet.encoder={ resnet18: { width: 4 } }";
    refused(
        &workspace,
        &[wide],
        &[
            "first.pth does not fit the network",
            "resnet18 of width 3",
            "shape: `encoder.conv1.weight` is [3, 3, 7, 7] in the file, [4, 1, 7, 7] in the network",
            "shape: `encoder.layer4.1.conv2.weight` is [24, 24, 3, 3] in the file, [32, 32, 3, 3] in the network",
        ],
    );
    let deep = "network.encoder_unet.encoder={ resnet34: { width: 3 } }";
    refused(&workspace, &[deep], &["missing: `encoder.layer3.5.conv2.weight` [12, 12, 3, 3]", "looks like resnet18"]);
}

#[test]
fn a_part_or_names_that_the_file_has_not() {
    let workspace = workspace();
    refused(&workspace, &["weights.part=all"], &["knows the names of encoders alone", "say `part: encoder`"]);
    refused(
        &workspace,
        &["weights.map=nnunet"],
        &[
            "the file has the names of smp, torchvision or timm; say `map: smp`",
            "missing: `encoder.layer4.1.bn2.bias` [24]",
        ],
    );
    let unet = "network={ unet: { width: 4, depth: 2 } }";
    refused(&workspace, &[unet], &["the file looks like resnet18 of width 3", "which the network has no part like"]);
}

#[test]
fn a_file_that_is_none() {
    let workspace = workspace();
    let whole = file("torchvision_resnet18.pth");
    workspace.write("weights/first.pth", &whole[..whole.len() / 2]);
    refused(&workspace, &[], &["first.pth is damaged"]);
    workspace.write("weights/first.pth", "not weights");
    refused(&workspace, &[], &["first.pth holds no weights", ".safetensors"]);
    workspace.write("weights/first.pth", "");
    refused(&workspace, &[], &["first.pth"]);
    refused(&workspace, &["weights.file=weights"], &["weights is a folder, expected a file of weights"]);
    // One that is repaired is taken.
    workspace.write("weights/first.pth", &whole);
    assert_eq!(workspace.run(&["e.yaml", "train"]), counts(2, 1));
}

#[test]
fn a_missing_file_and_unknown_words_are_told_while_planning() {
    let workspace = workspace();
    for command in ["plan", "run"] {
        let answer = workspace.pipe(&[command, "e.yaml", "-s", "weights.file=none.pth"]);
        answer.fails(2, &["none.pth", "does not exist"]);
        let answer =
            workspace.pipe(&[command, "e.yaml", "-s", "weights.part=encoders", "-s", "weights.map=torchvison"]);
        answer.fails(
            2,
            &["encoders", "did you mean `encoder`", "torchvison", "did you mean `torchvision`", "2 problems"],
        );
        let answer = workspace.pipe(&[command, "e.yaml", "-s", "+weights.files=smp"]);
        answer.fails(2, &["unknown key `files`", "did you mean `file`"]);
    }
    assert!(workspace.files("runs/objects").is_empty(), "nothing is published");
}
