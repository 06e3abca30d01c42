//! Trainings made longer through the checkpoint of a shorter one, and trainings killed in the middle of an epoch: the bytes
//! are those of a training that never stopped.
//!
//! Compares digests of what is stored; what a checkpoint holds is not looked at.

use std::fs;

use crate::harness::{Workspace, counts};

/// Two epochs of four, then all four.
fn recipe() -> String {
    let training = |epochs: usize| {
        format!(
            "{{ epochs: {epochs}, batch: 1, loss: {{ dice: {{}} }}, optimizer: {{ adam: {{ learning_rate: 1e-2 }} }}, \
             schedule: {{ horizon: 4, cosine: {{}} }}, ema: {{ decay: 0.9 }}, augment: [{{ flip_horizontal: {{ p: 0.5 }} }}] }}"
        )
    };
    format!(
        "\
extends: pipelines/segmentation.yaml
axes: {{ fold: [0] }}
parameters: {{ folds: 2 }}
data:
  layout: {{ xca_phantom: {{ patients: 8, sequences_per_patient: 1, size: 32, seed: 3 }} }}
  size: [32, 32]
  frames: 1
  normalise: max
network: {{ unet: {{ width: 4, depth: 2, dropout: 0.2 }} }}
training: {}
stages:
  longer:
    kind: train
    needs: [prepare, split, train.checkpoint]
    with: {{ network: '${{network}}', training: {}, seed: '${{parameters.seed}}' }}
",
        training(2),
        training(4)
    )
}

const WHOLE: [&str; 3] = ["e.yaml", "-s", "training.epochs=4"];

fn workspace() -> Workspace {
    let workspace = Workspace::new();
    workspace.write("e.yaml", recipe());
    workspace
}

/// What a training of four epochs without a stop gives: model and checkpoint.
fn whole() -> [String; 2] {
    let workspace = workspace();
    workspace.run(&[&WHOLE[..], &["train"]].concat());
    ["model", "checkpoint"].map(|port| workspace.digest(&WHOLE, "train[fold=0]", port))
}

fn longer(workspace: &Workspace) -> [String; 2] {
    ["model", "checkpoint"].map(|port| workspace.digest(&["e.yaml"], "longer[fold=0]", port))
}

#[test]
fn a_longer_training_gives_the_bytes_of_one_that_never_stopped() {
    let workspace = workspace();
    let plan = workspace.pipe(&["plan", "e.yaml"]);
    assert!(plan.code == 0 && plan.stdout.contains("longer[fold=0]"), "{}{}", plan.stdout, plan.stderr);
    let graph = workspace.pipe(&["graph", "e.yaml", "--format", "json"]).stdout;
    assert!(graph.contains("checkpoint"), "{graph}");
    assert_eq!(workspace.run(&["e.yaml", "longer"]), counts(0, 4));
    assert_eq!(longer(&workspace), whole());
    let short = workspace.digest(&["e.yaml"], "train[fold=0]", "model");
    assert_ne!(short, whole()[0], "two epochs more change a model");
    // It learned from the second half alone.
    assert_eq!(epochs(&workspace), 4);
    assert_eq!(workspace.run(&["e.yaml", "longer"]), counts(4, 0));
}

#[test]
fn another_checkpoint_is_why_the_longer_training_runs() {
    let workspace = workspace();
    workspace.run(&["e.yaml", "longer"]);
    // Only the shorter training gets other batches.
    let other = ["e.yaml", "-s", "training.batch=2"];
    let waits = workspace.pipe(&[&["why"], &other[..], &["longer"]].concat());
    assert!(waits.stdout.contains("waits for train[fold=0]"), "{}{}", waits.stdout, waits.stderr);
    workspace.run(&[&other[..], &["train"]].concat());
    for command in [&["why", "longer"][..], &["plan"]] {
        let (name, stage) = command.split_at(1);
        let answer = workspace.pipe(&[name, &other[..1], stage, &other[1..]].concat());
        assert!(answer.stdout.contains("input `checkpoint` has other contents"), "{}{}", answer.stdout, answer.stderr);
    }
}

#[test]
fn only_what_the_longer_training_needs_runs_again() {
    let workspace = workspace();
    workspace.run(&["e.yaml", "longer"]);
    // Two more epochs of a horizon of four are none: `longer` alone is another recipe.
    let stopped = ["e.yaml", "longer", "-s", "stages.longer.with.training.epochs=3"];
    assert_eq!(workspace.run(&stopped), counts(3, 1));
    assert_eq!(epochs(&workspace), 5);
}

#[test]
fn another_horizon_begins_anew_and_says_so() {
    let workspace = workspace();
    workspace.run(&["e.yaml", "train"]);
    let other = ["run", "e.yaml", "longer", "-s", "stages.longer.with.training.schedule.horizon=5"];
    let answer = workspace.pipe(&other);
    assert_eq!(answer.code, 0, "{}", answer.stderr);
    let says = "the training begins anew, because the checkpoint is of another one: \
                `training.schedule.horizon` is 5, was 4";
    assert!(answer.stderr.contains(says), "{}", answer.stderr);
    assert_eq!(epochs(&workspace), 2 + 4);
}

#[test]
fn every_difference_is_told_when_it_begins_anew() {
    let workspace = workspace();
    workspace.run(&["e.yaml", "train"]);
    let set = ["-s", "stages.longer.with.seed=7", "-s", "stages.longer.with.training.batch=2"];
    let answer = workspace.pipe(&[&["run", "e.yaml", "longer"], &set[..]].concat());
    assert_eq!(answer.code, 0, "{}", answer.stderr);
    for part in ["`seed` is 7, was 0", "`training.batch` is 2, was 1"] {
        assert!(answer.stderr.contains(part), "{part} is not in {}", answer.stderr);
    }
}

#[test]
fn a_checkpoint_of_another_network_fails() {
    let workspace = workspace();
    let set = "stages.longer.with.network={ unet: { width: 5, depth: 2, dropout: 0.2 } }";
    let answer = workspace.pipe(&["run", "e.yaml", "longer", "-s", set]);
    answer
        .fails(1, &["the checkpoint is of another network", "`network.unet.width` is 5, was 4", "need no checkpoint"]);
    answer.fails(1, &["stage `longer[fold=0]` failed"]);
}

/// How many epochs all runs together have told of.
fn epochs(workspace: &Workspace) -> usize {
    told(workspace, "\"validation_dice\"")
}

fn told(workspace: &Workspace, part: &str) -> usize {
    let files = workspace.files("runs/attempts").into_iter().filter(|path| path.ends_with("events.jsonl"));
    files.map(|path| fs::read_to_string(path).unwrap_or_default().matches(part).count()).sum()
}

#[test]
fn killed_in_the_middle_of_an_epoch_it_loses_no_batch_that_was_kept() {
    // Three training cases, one a batch: an epoch is three batches.
    let workspace = workspace();
    workspace.run(&["e.yaml", "split"]);
    let epochs = ["-s", "training.epochs=100", "-s", "training.schedule.horizon=100"];
    let run = [&["run", "e.yaml", "train"], &epochs[..]].concat();
    for (kill, wanted) in [5, 61, 122].into_iter().enumerate() {
        let mut child = workspace.command(&run).env("PIPE_CHECKPOINT_SECONDS", "0").spawn().expect("pipe starts");
        workspace.wait("some batches", || told(&workspace, "\"batches\"") >= wanted);
        assert!(child.try_wait().expect("ours").is_none(), "it ended before kill {kill}");
        child.kill().expect("it runs"); // SIGKILL
        child.wait().expect("ours");
    }
    let killed = told(&workspace, "\"batches\"");
    workspace.run(&run[1..]);
    assert!(told(&workspace, "\"batches\"") > killed);
    let alone = self::workspace();
    alone.run(&run[1..]);
    let experiment = [&["e.yaml"], &epochs[..]].concat();
    for port in ["model", "checkpoint"] {
        let of = |workspace: &Workspace| workspace.digest(&experiment, "train[fold=0]", port);
        assert_eq!(of(&workspace), of(&alone), "{port}");
    }
}

#[test]
fn more_epochs_go_on_from_the_checkpoint_of_fewer_without_being_told() {
    let workspace = workspace();
    workspace.run(&["e.yaml", "train"]);
    workspace.run(&[&WHOLE[..], &["train"]].concat());
    let ours = ["model", "checkpoint"].map(|port| workspace.digest(&WHOLE, "train[fold=0]", port));
    assert_eq!(ours, whole());
    // The last run says from where it went on, and told no number of the epochs that were there.
    let events = fs::read_to_string(workspace.path("runs/attempts/2/events.jsonl")).expect("a run has them");
    let first = events.lines().find(|line| line.contains("validation_dice")).expect("it told its numbers");
    assert!(first.contains("\"step\":2"), "{first}");
    let run = fs::read_to_string(workspace.path("runs/attempts/2/run.json")).expect("a run has it");
    assert!(run.contains("\"continues\""), "{run}");
    // Without a horizon the learning rate follows from the epochs: nothing to go on from.
    let without = ["e.yaml", "-s", "~training.schedule.horizon"];
    workspace.run(&[&without[..], &["train"]].concat());
    let answer = workspace.pipe(&[&["run"], &without[..], &["train", "-s", "training.epochs=3"]].concat());
    assert_eq!((answer.code, answer.stderr.contains("begins anew")), (0, false), "{}", answer.stderr);
}
