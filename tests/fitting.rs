//! Trainings that do not fit the data that feed them are refused while planning; what is merely worth knowing is noted once.
//!
//! Nothing is trained here.

use crate::harness::{TINY, Workspace};

fn workspace() -> Workspace {
    let workspace = Workspace::new();
    workspace.write("e.yaml", TINY);
    workspace
}

/// Both commands refuse it, with the place, and make nothing.
#[track_caller]
fn refused(set: &[&str], says: &[&str]) {
    let workspace = workspace();
    for command in ["plan", "run"] {
        let mut all = vec![command, "e.yaml"];
        set.iter().for_each(|set| all.extend(["-s", *set]));
        let answer = workspace.pipe(&all);
        answer.fails(2, says);
        answer.fails(2, &["pipe::plan::fit", "stages.train.with.network", "1 problem\n"]);
    }
}

#[test]
fn channels_and_frames_must_be_those_of_the_network() {
    refused(&["+data.channels=rgb"], &["unet takes 1 channels (times frames), the input has 3"]);
    refused(&["data.frames=3"], &["unet takes 1 channels (times frames), the input has 3"]);
    refused(&["network={svsnet: {frames: 4, widths: [4, 8]}}"], &["svsnet takes 4 frames, the input has 1"]);
}

#[test]
fn images_must_be_large_enough() {
    refused(&["network.unet.depth=6"], &["input 32x32 is too small for unet: it needs at least 64x64"]);
}

#[test]
fn padding_is_noted_once_for_all_folds() {
    let note = "note: images of 30x30 are padded to 32x32 for unet and cropped again\n";
    let padded = workspace().pipe(&["plan", "e.yaml", "-s", "data.size=[30, 30]"]);
    assert_eq!((padded.code, padded.stdout.matches(note).count()), (0, 1), "{}{}", padded.stdout, padded.stderr);
    let json = workspace().pipe(&["plan", "e.yaml", "-s", "data.size=[30, 30]", "--format", "json"]).json();
    assert_eq!(json["notes"].as_array().map(Vec::len), Some(1), "{json}");
    for quiet in ["data.size=[32, 32]", "data.size=null"] {
        let plan = workspace().pipe(&["plan", "e.yaml", "-s", quiet]);
        assert!(plan.code == 0 && !plan.stdout.contains("note:"), "{quiet}: {}{}", plan.stdout, plan.stderr);
    }
}

#[test]
fn a_lone_value_a_channel_is_refused() {
    let network = "network={encoder_decoder: {widths: [2, 4], aspp_width: 4}}";
    for command in ["plan", "run"] {
        let answer = workspace().pipe(&[command, "e.yaml", "-s", network, "-s", "training.batch=1"]);
        answer.fails(2, &["pipe::plan::fit", "`stages.train.with.training`: `batch` is 1, expected at least 2"]);
    }
    // A U-Net has several values at the bottom.
    let plan = workspace().pipe(&["plan", "e.yaml", "-s", "training.batch=1"]);
    assert_eq!(plan.code, 0, "{}", plan.stderr);
    // Two cases are enough where a network has a mean over the whole image.
    let plan = workspace().pipe(&["plan", "e.yaml", "-s", network]);
    assert_eq!(plan.code, 0, "{}", plan.stderr);
}

#[test]
fn memory_is_told_of_each_training() {
    let workspace = workspace();
    let memory = |set: &str| {
        let json = workspace.pipe(&["plan", "e.yaml", "-s", set, "--format", "json"]).json();
        let stages = json["stages"].as_array().cloned().unwrap_or_default();
        stages.iter().filter_map(|stage| stage["estimate_memory"].as_u64()).collect::<Vec<_>>()
    };
    let small = memory("training.batch=2");
    assert!(small.len() == 2 && small[0] == small[1], "{small:?}");
    let (large, larger) = (memory("data.size=[256, 256]"), memory("training.batch=64"));
    assert!(large[0] > small[0] && larger[0] > small[0], "{small:?} {large:?} {larger:?}");
    assert_eq!(memory("data.size=null"), Vec::<u64>::new());
    let text = workspace.pipe(&["plan", "e.yaml"]).stdout;
    assert_eq!(text.matches(" MiB").count(), 2, "{text}");
    assert!(!workspace.pipe(&["plan", "e.yaml", "-s", "data.size=null"]).stdout.contains("memory"));
}
