//! Which stages run: targets, from, until, only, force; failures; frozen and accepted results.
//!
//! Looks at counts and messages.

use crate::harness::{Workspace, counts};

const CHAIN: &str = "\
axes: { fold: [0, 1] }
parameters: { x: 1 }
stages:
  prep: { kind: command, with: { shell: 'echo ${parameters.x} > {outputs.o}', outputs: { o: o.txt } } }
  train:
    kind: command
    needs: prep
    with: { shell: 'cat {inputs.prep} > {outputs.o}; echo fold ${axis.fold} >> {outputs.o}', outputs: { o: o.txt } }
  test: { kind: command, needs: train, with: { shell: 'cat {inputs.train} > {outputs.o}', outputs: { o: o.txt } } }
  sum: { kind: command, needs: 'test[*]', with: { shell: 'cat {inputs.test} > {outputs.o}', outputs: { o: o.txt } } }
";

fn chain() -> Workspace {
    let workspace = Workspace::new();
    workspace.write("e.yaml", CHAIN);
    workspace
}

#[test]
fn targets_and_all_they_need() {
    let workspace = chain();
    assert_eq!(workspace.run(&["e.yaml", "train[fold=1]"]), counts(0, 2));
    assert_eq!(workspace.run(&["e.yaml", "--until", "te*"]), counts(2, 3));
    assert_eq!(workspace.run(&["e.yaml"]), counts(5, 1));
    workspace.pipe(&["run", "e.yaml", "tain"]).fails(2, &["there is no stage `tain`", "did you mean `train`"]);
    workspace.pipe(&["run", "e.yaml", "train[fold=7]"]).fails(2, &["there is no stage `train[fold=7]`"]);
    workspace.pipe(&["run", "e.yaml", "train[fold"]).fails(2, &["names no stage"]);
}

#[test]
fn from_and_only_leave_what_is_above_alone() {
    let workspace = chain();
    workspace.pipe(&["run", "e.yaml", "--only", "train"]).fails(2, &["`prep` has no result", "not chosen"]);
    workspace.run(&["e.yaml", "prep"]);
    assert_eq!(workspace.run(&["e.yaml", "--only", "train[fold=0]"]), counts(1, 1));
    assert_eq!(workspace.run(&["e.yaml", "--from", "train", "--until", "test"]), counts(2, 3));
    workspace.pipe(&["run", "e.yaml", "--from", "test", "-s", "parameters.x=2"]).fails(2, &["`prep` has no result"]);
    // What is forced is chosen by that.
    assert_eq!(workspace.run(&["e.yaml", "--from", "sum", "--force", "prep"]), counts(4, 2));
}

const FAILING: &str = "\
stages:
  good: { kind: command, with: { shell: 'sleep 0.2; echo > {outputs.o}', outputs: { o: o.txt } } }
  bad: { kind: command, with: { command: ['false'] }, resources: { priority: 9 } }
  below: { kind: command, needs: bad, with: { command: ['true'] } }
  after: { kind: command, needs: good, with: { command: ['true'] } }
";

#[test]
fn a_failure_stops_what_has_not_started_unless_told_to_go_on() {
    let workspace = Workspace::new();
    workspace.write("e.yaml", FAILING);
    let answer = workspace.pipe(&["run", "e.yaml", "-j", "1", "--format", "json"]);
    answer.fails(1, &["stage `bad` failed"]);
    let count = |answer: &crate::harness::Answer, key: &str| answer.json()[key].as_u64();
    assert_eq!([count(&answer, "ran"), count(&answer, "skipped")], [Some(0), Some(3)]);
    let answer = workspace.pipe(&["run", "e.yaml", "-j", "1", "--keep-going", "--format", "json"]);
    assert_eq!([count(&answer, "ran"), count(&answer, "skipped")], [Some(2), Some(1)]);
}

#[test]
fn frozen_results_stand() {
    let workspace = chain();
    let frozen = ["e.yaml", "-s", "++stages.train.frozen=true"];
    workspace.pipe(&[&["run"], &frozen[..]].concat()).fails(2, &["`train[fold=0]` is frozen, but it has no result"]);
    workspace.run(&["e.yaml"]);
    let other = [&frozen[..], &["-s", "parameters.x=2"]].concat();
    assert_eq!(workspace.run(&other), counts(5, 1), "`prep` alone");
    let plan = workspace.pipe(&[&["plan"], &other[..]].concat());
    assert!(plan.stdout.contains("`train[fold=0]` is frozen"), "{}", plan.stdout);
    assert_eq!(workspace.run(&["e.yaml", "-s", "parameters.x=2"]), counts(1, 5), "thawed");
}

#[test]
fn accepted_results_stand_for_the_present_recipe() {
    let workspace = chain();
    workspace.run(&["e.yaml"]);
    let changed = ["e.yaml", "-s", "++stages.train.with.params.note=2"];
    workspace.pipe(&["accept", "e.yaml", "never"]).fails(2, &["there is no stage `never`"]);
    let accepted = workspace.pipe(&[&["accept"], &changed[..], &["train"]].concat());
    assert_eq!(accepted.code, 0, "{}", accepted.stderr);
    assert!(accepted.stdout.contains("train[fold=1]: accepted"), "{}", accepted.stdout);
    assert!(accepted.stdout.contains("with.params.note: nothing -> 2"), "{}", accepted.stdout);
    assert_eq!(workspace.run(&changed), counts(6, 0));
    let why = workspace.pipe(&[&["why"], &changed[..], &["train[fold=0]"]].concat());
    assert!(why.stdout.contains("was accepted for another recipe"), "{}", why.stdout);
    // What stands above has none: nothing is known to be accepted.
    let above = ["accept", "e.yaml", "-s", "parameters.x=3", "train"];
    workspace.pipe(&above).fails(2, &["not known before `prep` has a result"]);
}
