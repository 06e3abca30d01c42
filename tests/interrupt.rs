//! Killing `pipe` anywhere and starting the same command again.
//!
//! Looks at final artifacts, never at how the engine arranges its folders beyond what README says.

use std::{fs, process::Child};

use crate::harness::{TINY, Workspace, counts};

fn kill(child: &mut Child) {
    child.kill().expect("it runs"); // SIGKILL
    child.wait().expect("it was ours");
}

fn signal(child: &Child, signal: &str) {
    let status = std::process::Command::new("kill").args([signal, &child.id().to_string()]).status();
    assert!(status.expect("kill exists").success());
}

const SLOW: &str = "\
stages:
  quick: { kind: command, with: { command: [sh, -c, 'echo quick > {outputs.out}'], outputs: { out: quick.txt } } }
  slow:
    kind: command
    needs: quick
    with:
      command: [sh, -c, 'echo half > {outputs.out}; touch {workspace}/started; sleep ${parameters.seconds}; echo whole >> {outputs.out}']
      outputs: { out: slow.txt }
parameters: { seconds: 30 }
";

#[test]
fn a_killed_command_leaves_nothing_half_written() {
    let workspace = Workspace::new();
    workspace.write("slow.yaml", SLOW);
    let mut child = workspace.start(&["run", "slow.yaml"]);
    workspace.wait("the slow stage", || workspace.path("started").exists());
    kill(&mut child);
    for object in workspace.files("runs/objects") {
        assert_ne!(fs::read_to_string(&object).expect("text"), "half\n", "{}", object.display());
    }
    // The same experiment with a shorter sleep is another recipe for `slow`; `quick` was reported and is kept.
    assert_eq!(workspace.run(&["slow.yaml", "-s", "parameters.seconds=0"]), counts(1, 1));
}

#[test]
fn an_interrupt_ends_children_and_says_so() {
    let workspace = Workspace::new();
    workspace.write("slow.yaml", SLOW.replace("sleep ", "echo $$ > {workspace}/pid; exec sleep "));
    let child = workspace.start(&["run", "slow.yaml"]);
    workspace.wait("the slow stage", || workspace.path("pid").metadata().is_ok_and(|file| file.len() > 1));
    signal(&child, "-INT");
    let output = child.wait_with_output().expect("it ends");
    assert_eq!(output.status.code(), Some(130), "{}", String::from_utf8_lossy(&output.stderr));
    let pid = fs::read_to_string(workspace.path("pid")).expect("written by the stage");
    let state = fs::read_to_string(format!("/proc/{}/stat", pid.trim())).unwrap_or_default();
    assert!(state.is_empty() || state.contains(") Z "), "the child still runs: {state}");
    assert!(workspace.files("runs/objects").len() <= 1, "only `quick` was published");
}

/// Digests of every published model, by stage id, as `pipe status --format json` tells them.
fn models(workspace: &Workspace) -> Vec<(String, String)> {
    let answer = workspace.pipe(&["status", "tiny.yaml", "--format", "json"]);
    assert_eq!(answer.code, 0, "{}", answer.stderr);
    let json = answer.json();
    let stages = json["stages"].as_array().expect("a list").clone();
    stages
        .iter()
        .filter(|stage| stage["stage"].as_str().is_some_and(|id| id.starts_with("train")))
        .map(|stage| {
            let digest = stage["outputs"][0]["digest"].as_str().expect("a digest");
            (stage["stage"].as_str().expect("an id").to_owned(), digest.to_owned())
        })
        .collect()
}

#[test]
fn training_continues_from_its_checkpoint_to_the_same_bytes() {
    const EPOCHS: usize = 60;
    let recipe = TINY.replace("epochs: 3", &format!("epochs: {EPOCHS}"));
    let undisturbed = Workspace::new();
    undisturbed.write("tiny.yaml", &recipe);
    undisturbed.run(&["tiny.yaml", "-j", "1"]);
    assert_eq!(epochs(&undisturbed), 2 * EPOCHS);

    let disturbed = Workspace::new();
    disturbed.write("tiny.yaml", &recipe);
    // Early and late in the first fold, then in the second.
    for wanted in [2, 40, EPOCHS + 2, EPOCHS + 30] {
        let mut child = disturbed.start(&["run", "tiny.yaml", "-j", "1"]);
        disturbed.wait("an epoch", || epochs(&disturbed) >= wanted);
        assert!(child.try_wait().expect("ours").is_none(), "the run ended before it could be killed");
        kill(&mut child);
    }
    disturbed.run(&["tiny.yaml", "-j", "1"]);
    let trained = epochs(&disturbed);
    // A kill costs the epoch it falls into, and no other; between checkpoint and message an epoch is not told.
    assert!((2 * EPOCHS - 4..=2 * EPOCHS + 4).contains(&trained), "{trained} epochs were trained");
    assert_eq!(models(&disturbed), models(&undisturbed));
    assert_eq!(models(&undisturbed).len(), 2);
}

/// How many epochs all runs together have told of.
fn epochs(workspace: &Workspace) -> usize {
    let files = workspace.files("runs/attempts").into_iter().filter(|path| path.ends_with("events.jsonl"));
    let told = |path| fs::read_to_string(path).unwrap_or_default().matches("\"validation_dice\"").count();
    files.map(told).sum()
}

#[test]
fn one_and_two_threads_give_the_same_bytes() {
    let digests = ["1", "2"].map(|workers| {
        let workspace = Workspace::new();
        workspace.write("tiny.yaml", TINY);
        let resources = format!("++stages.train.resources.cpu={workers}");
        workspace.run(&["tiny.yaml", "-j", "1", "-s", &resources]);
        models(&workspace)
    });
    assert_eq!(digests[0], digests[1]);
}
