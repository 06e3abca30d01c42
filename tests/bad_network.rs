//! Networks, losses and schedules that cannot work: what is said, where, and before anything runs wherever it can be known.
//!
//! Every wrong setting stands beside the words that must be said about it.

use std::fs;

use image::{GrayImage, Luma};

use crate::harness::{TINY, Workspace};

fn workspace() -> Workspace {
    let workspace = Workspace::new();
    workspace.write("e.yaml", TINY);
    workspace
}

/// Planning and running refuse it with exit code 2, and nothing is made.
#[track_caller]
fn wrong(set: &[&str], says: &[&str]) {
    let workspace = workspace();
    for command in ["plan", "run"] {
        let mut all = vec![command, "e.yaml"];
        set.iter().for_each(|set| all.extend(["-s", *set]));
        workspace.pipe(&all).fails(2, says);
    }
    assert!(workspace.files("runs/objects").is_empty(), "nothing is published");
}

#[test]
fn unknown_names_suggest_the_nearest() {
    wrong(&["network={ unet_plusplus: {} }"], &["unet_plusplus", "did you mean `unet_plus_plus`"]);
    wrong(&["network={ deeplab_v3: {} }"], &["deeplab_v3", "did you mean `deeplabv3`"]);
    wrong(&["network={ nnunet: { dimension: 3 } }"], &["dimension", "did you mean `dimensions`"]);
    wrong(&["network={ encoder_unet: { encoder: { resnet_34: {} } } }"], &["resnet_34", "did you mean `resnet34`"]);
    wrong(&["network={ unet: { norm: bacth } }"], &["bacth", "did you mean `batch`"]);
    wrong(&["training.loss={ dise: {} }"], &["dise", "did you mean `dice`"]);
    wrong(&["training.optimizer={ adamv: { learning_rate: 1e-3 } }"], &["adamv", "did you mean `adam"]);
    wrong(&["+training.schedule={ cosin: {} }"], &["cosin", "did you mean `cosine`"]);
}

#[test]
fn two_networks_or_none() {
    wrong(&["network={ unet: {}, nnunet: {} }"], &["network"]);
    wrong(&["network={}"], &["network"]);
}

#[test]
fn settings_out_of_their_range() {
    wrong(
        &["network={ deeplabv3_plus: { output_stride: 4 } }"],
        &["output_stride` is the number 4, expected at least 8"],
    );
    wrong(&["network={ deeplabv3_plus: { output_stride: 12 } }"], &["output_stride", "12", "8 or 16"]);
    wrong(&["network={ deeplabv3_plus_eca: { in_channels: 1, output_stride: 4 } }"], &["output_stride", "4", "8"]);
    wrong(&["network={ unet: { width: 0 } }"], &["width", "0", "1"]);
    wrong(&["network={ nnunet: { dimensions: 4 } }"], &["dimensions", "4"]);
    wrong(&["network={ resunet_plus_plus: { in_channels: 1, norm: instance } }"], &["norm", "instance", "`batch`"]);
    wrong(&["network={ unet_plus_plus: { output: mean } }"], &["set `deep_supervision: true`"]);
}

#[test]
fn networks_too_deep_for_the_images() {
    wrong(&["network={ unet: { depth: 6 } }"], &["input 32x32 is too small for unet: it needs at least 64x64"]);
    wrong(&["network={ nnunet: {} }"], &["input 32x32 is too small for nnunet", "set fewer levels"]);
}

#[test]
fn a_loss_that_does_not_fit_the_head() {
    wrong(&["training.loss={ cross_entropy: {} }"], &["training.loss", "needs a network with at least 2 maps"]);
    wrong(&["+training.head=softmax"], &["`head: softmax` needs a network with at least 2 maps"]);
    wrong(
        &[
            "network.unet={ width: 4, depth: 2, out_channels: 3 }",
            "+training.head=sigmoid",
            "training.loss={ cross_entropy: {} }",
        ],
        &["classes that exclude each other", "use binary_cross_entropy"],
    );
    wrong(&["+training.best={ class_dice: 2 }"], &["training.best", "2"]);
}

#[test]
fn deep_supervision_of_a_network_without_heads() {
    // Only a built network tells how many maps it learns from.
    let answer = workspace().pipe(&["run", "e.yaml", "train", "-s", "+training.deep_supervision=halving"]);
    answer.fails(1, &["the network gives no maps for `deep_supervision`; leave it out"]);
}

#[test]
fn schedules_that_contradict_themselves() {
    wrong(
        &["+training.schedule={ cosine: {}, polynomial: {} }"],
        &["polynomial and cosine", "one shape", "set the other one to null"],
    );
    wrong(&["+training.schedule={ horizon: 2, cosine: {} }"], &["schedule.horizon", "2", "at least `epochs`"]);
    wrong(&["+training.schedule={ step: { every: 0 } }"], &["every", "0"]);
    wrong(&["+training.schedule={ plateau: { factor: 1.5 } }"], &["factor", "1.5", "below 1"]);
}

#[test]
fn a_loss_of_the_command_line() {
    let workspace = workspace();
    let probe = |loss: &str| {
        let all = ["network", "probe", "unet", "--input", "1,1,16,16", "--loss", loss];
        workspace.pipe(&all)
    };
    probe("dise").fails(2, &["`dise` is no loss", "did you mean `dice`"]);
    probe("{dice: {smoth: 1}}").fails(2, &["smoth", "did you mean `smooth`"]);
    probe("{dice").fails(2, &["--loss"]);
    probe("cross_entropy").fails(2, &["`--loss`", "needs a network with at least 2 maps"]);
}

#[test]
fn labels_beyond_the_classes() {
    let workspace = Workspace::new();
    let recipe = "\
extends: pipelines/segmentation.yaml
axes: { fold: [0] }
parameters: { folds: 2 }
data: { root: data, layout: { folder: { encoding: { labels: { classes: 5 } } } }, size: [16, 16] }
network: { unet: { width: 2, depth: 1, out_channels: 2 } }
training: { epochs: 1, batch: 2, loss: { dice: {} }, optimizer: { adam: { learning_rate: 1e-2 } } }
";
    workspace.write("e.yaml", recipe);
    for (name, label) in [("a", 1), ("b", 2), ("c", 3), ("d", 4)] {
        picture(&workspace, &format!("data/images/{name}.png"), [200, 100]);
        picture(&workspace, &format!("data/masks/{name}.png"), [label, 0]);
    }
    let answer = workspace.pipe(&["run", "e.yaml"]);
    answer.fails(1, &["labels that none of the network's 2 maps is for", "`ignore_label`", "label "]);
}

#[test]
fn images_of_one_value_are_numbers_after_all() {
    // Files are PNG or JPEG, whose values are whole numbers: none can carry NaN. What could make one is a division by nothing.
    let workspace = Workspace::new();
    let recipe = "\
extends: pipelines/segmentation.yaml
axes: { fold: [0] }
parameters: { folds: 2 }
data: { root: data, layout: { folder: {} }, size: [16, 16] }
network: { unet: { width: 2, depth: 1 } }
training: { epochs: 1, batch: 2, loss: { dice: {} }, optimizer: { adam: { learning_rate: 1e-2 } } }
";
    workspace.write("e.yaml", recipe);
    for name in ["a", "b", "c", "d"] {
        picture(&workspace, &format!("data/images/{name}.png"), [0, 0]);
        picture(&workspace, &format!("data/masks/{name}.png"), [255, 0]);
    }
    for normalise in ["max", "z_score", "unit", "none"] {
        let answer = workspace.pipe(&["run", "e.yaml", "-s", &format!("+data.normalise={normalise}")]);
        assert_eq!(answer.code, 0, "{normalise}: {}", answer.stderr);
    }
}

/// A picture of two halves.
fn picture(workspace: &Workspace, name: &str, [left, right]: [u8; 2]) {
    let path = workspace.path(name);
    fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
    GrayImage::from_fn(16, 16, |x, _| Luma([if x < 8 { left } else { right }])).save(path).expect("a picture");
}

#[test]
fn a_network_of_images_on_volumes() {
    let volumes = "data={ layout: { volume_phantom: { patients: 4, size: 16, depth: 4 } }, size: [16, 16] }";
    let network = "network={ unet: { in_channels: 4, out_channels: 3, width: 2, depth: 1 } }";
    // As channels, its slices would fit; its masks do not.
    let answer = workspace().pipe(&["run", "e.yaml", "-s", volumes, "-s", network, "-s", "axes.fold=[0]"]);
    answer.fails(1, &["does not fit: it has 4 slices, the network gives 1"]);
    wrong(
        &[volumes, "network={ nnunet: { dimensions: 3, widths: [2, 3] } }"],
        &["the data have classes 0 to 2, the network 2 maps; set `out_channels: 3`"],
    );
}
