//! The cache's truth table, by executed counts.
//!
//! Does not look at what stages compute, only at which ran.

use std::fs;

use crate::harness::{TINY, Workspace, counts};

/// Two commands in a chain: the second sees only a part of what the first writes.
const CHAIN: &str = "\
stages:
  first:
    kind: command
    with:
      command: [sh, -c, 'head -c 4 \"$PIPE_INPUT_TEXT\" > {outputs.out}']
      inputs: { text: text.txt }
      outputs: { out: out.txt }
  second:
    kind: command
    needs: first
    with:
      command: [sh, -c, 'wc -c < {inputs.first} > {outputs.out}']
      outputs: { out: count.txt }
";

fn chain() -> Workspace {
    let workspace = Workspace::new();
    workspace.write("chain.yaml", CHAIN).write("text.txt", "abcdefgh");
    assert_eq!(workspace.run(&["chain.yaml"]), counts(0, 2));
    workspace
}

#[track_caller]
fn check(change: impl FnOnce(&Workspace), arguments: &[&str], cached: u64, ran: u64) {
    let workspace = chain();
    change(&workspace);
    let mut all = vec!["chain.yaml"];
    all.extend(arguments);
    assert_eq!(workspace.run(&all), counts(cached, ran));
}

#[test]
fn nothing_changed() {
    check(|_| (), &[], 2, 0);
}

#[test]
fn a_comment_and_another_key_order() {
    let reordered = "\
# a comment
stages:
  second:
    needs: first
    with:
      outputs: { out: count.txt }
      command: [sh, -c, 'wc -c < {inputs.first} > {outputs.out}'] # another
    kind: command
  first:
    with:
      outputs: { out: out.txt }
      inputs: { text: text.txt }
      command: [sh, -c, 'head -c 4 \"$PIPE_INPUT_TEXT\" > {outputs.out}']
    kind: command
";
    check(
        |workspace| {
            workspace.write("chain.yaml", reordered);
        },
        &[],
        2,
        0,
    );
}

#[test]
fn resources() {
    check(|_| (), &["-s", "+stages.first.resources.cpu=2", "-s", "+stages.second.resources.priority=1"], 2, 0);
}

#[test]
fn a_touched_file() {
    check(
        |workspace| {
            let file = fs::File::options().append(true).open(workspace.path("text.txt")).expect("it exists");
            file.set_modified(std::time::SystemTime::now()).expect("our own file");
        },
        &[],
        2,
        0,
    );
}

#[test]
fn a_rewritten_file_with_equal_bytes() {
    check(
        |workspace| {
            fs::remove_file(workspace.path("text.txt")).expect("it exists");
            workspace.write("text.txt", "abcdefgh");
        },
        &[],
        2,
        0,
    );
}

#[test]
fn moved_data() {
    let arguments = ["-s", "stages.first.with.inputs.text=elsewhere/other.txt"];
    check(
        |workspace| {
            workspace.write("elsewhere/other.txt", "abcdefgh");
        },
        &arguments,
        2,
        0,
    );
}

#[test]
fn an_upstream_rerun_to_equal_bytes() {
    check(
        |workspace| {
            workspace.write("text.txt", "abcdXXXX");
        },
        &[],
        1,
        1,
    );
}

#[test]
fn changed_contents() {
    // The first output changes, the second reruns to a result of its own.
    check(
        |workspace| {
            workspace.write("text.txt", "XXXX");
        },
        &[],
        0,
        2,
    );
}

#[test]
fn a_moved_workspace() {
    let workspace = chain();
    let elsewhere = tempfile::tempdir().expect("a temporary folder");
    let moved = elsewhere.path().join("moved");
    fs::rename(workspace.root(), &moved).expect("the same file system");
    let output = std::process::Command::new(env!("CARGO_BIN_EXE_pipe"))
        .args(["run", "chain.yaml", "--format", "json"])
        .current_dir(&moved)
        .output()
        .expect("pipe starts");
    assert_eq!(crate::harness::Answer::of(output).counts(), counts(2, 0));
}

#[test]
fn a_forced_stage_is_followed_only_where_its_bytes_differ() {
    let workspace = chain();
    assert_eq!(workspace.run(&["chain.yaml", "--force", "first"]), counts(1, 1));
}

#[test]
fn the_recipe_of_an_experiment() {
    let workspace = Workspace::new();
    workspace.write("tiny.yaml", TINY);
    // prepare; split, train, predict, evaluate and export in two folds.
    assert_eq!(workspace.run(&["tiny.yaml"]), counts(0, 11));
    assert_eq!(workspace.run(&["tiny.yaml"]), counts(11, 0));
    let threshold = ["tiny.yaml", "-s", "stages.evaluate.with.threshold=0.4"];
    assert_eq!(workspace.run(&threshold), counts(9, 2), "a threshold costs the evaluations alone");
    let report = fs::read_to_string(workspace.path("runs/reports/tiny/report.md")).expect("a report");
    assert!(report.contains("0.4"), "the report is rendered anew:\n{report}");
    // A fold's own seed redoes that fold's train, predict, evaluate and export.
    let seed = ["tiny.yaml", "-s", "++stages.'train[fold=1]'.with.seed=7"];
    assert_eq!(workspace.run(&seed), counts(7, 4), "one fold's seed is that fold alone");
}
