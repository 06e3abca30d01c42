//! Stages repeated over a list that another stage makes.
//!
//! Counts what ran by what the stages themselves append to a file.

use std::fs;

use crate::harness::{Workspace, counts};

const EXPERIMENT: &str = "\
parameters: { items: 'a b c' }
stages:
  split:
    kind: command
    with: { shell: \"for i in ${parameters.items}; do echo $i; done > {outputs.cases}\", outputs: { cases: cases.txt } }
  score:
    kind: command
    for: { case: \"${split.cases}\" }
    with: { shell: 'echo ${axis.case} >> {workspace}/ran; echo score ${axis.case} > {outputs.o}', outputs: { o: o.txt } }
  post: { kind: command, needs: score, with: { shell: 'cat {inputs.score} > {outputs.o}', outputs: { o: o.txt } } }
  all: { kind: command, needs: 'post[*]', with: { shell: 'cat {inputs.post} > {outputs.o}', outputs: { o: o.txt } } }
";

fn workspace() -> Workspace {
    let workspace = Workspace::new();
    workspace.write("e.yaml", EXPERIMENT);
    workspace
}

fn ran(workspace: &Workspace) -> Vec<String> {
    let text = fs::read_to_string(workspace.path("ran")).unwrap_or_default();
    let mut lines: Vec<_> = text.lines().map(str::to_owned).collect();
    lines.sort();
    lines
}

/// The text of a stage's output.
fn output(workspace: &Workspace, stage: &str) -> String {
    let answer = workspace.pipe(&["status", "e.yaml", "--format", "json"]).json();
    let stages = answer["stages"].as_array().expect("a list").clone();
    let found = stages.iter().find(|line| line["stage"] == stage).unwrap_or_else(|| panic!("{stage} in {answer}"));
    let digest = found["outputs"][0]["digest"].as_str().expect("a digest");
    let path = workspace.path(&format!("runs/objects/{}/{}", &digest[..2], &digest[2..]));
    fs::read_to_string(path).expect("text")
}

#[test]
fn a_list_is_run_over_when_it_is_known() {
    let workspace = workspace();
    let plan = workspace.pipe(&["plan", "e.yaml"]);
    assert!(plan.stdout.contains("score: known when split has made its list `cases`"), "{}", plan.stdout);
    assert_eq!(workspace.run(&["e.yaml"]), counts(0, 8));
    assert_eq!(ran(&workspace), ["a", "b", "c"]);
    assert_eq!(output(&workspace, "all"), "score a\nscore b\nscore c\n");
    assert_eq!(workspace.run(&["e.yaml"]), counts(8, 0));
}

#[test]
fn a_changed_list_runs_what_is_new() {
    let workspace = workspace();
    workspace.run(&["e.yaml"]);
    // `split` with its other list, `d`, what follows from it, and `all`.
    assert_eq!(workspace.run(&["e.yaml", "-s", "parameters.items='b d a'"]), counts(4, 4));
    assert_eq!(ran(&workspace), ["a", "b", "c", "d"]);
    assert_eq!(workspace.run(&["e.yaml", "-s", "parameters.items=''"]), counts(0, 2));
    assert_eq!(workspace.run(&["e.yaml", "-s", "parameters.items=''", "-j", "1"]), counts(2, 0));
}

#[test]
fn items_can_be_chosen_once_they_are_known() {
    let workspace = workspace();
    let unknown = workspace.pipe(&["run", "e.yaml", "score[case=zz]"]);
    unknown.fails(2, &["there is no stage `score[case=zz]`"]);
    assert!(ran(&workspace).is_empty(), "nothing below the list ran");
    assert_eq!(workspace.run(&["e.yaml", "score[case=b]"]), counts(1, 1));
    assert_eq!(ran(&workspace), ["b"]);
    assert_eq!(workspace.run(&["e.yaml", "--from", "split", "--until", "score"]), counts(2, 2));
}

#[test]
fn lists_of_equal_recipes_are_both_run_over() {
    let workspace = Workspace::new();
    let list = "{ kind: command, with: { shell: 'echo a > {outputs.l}', outputs: { l: l.txt } } }";
    let over = |list: &str, axis: &str| {
        format!(
            "{{ kind: command, for: {{ {axis}: \"${{{list}.l}}\" }}, with: {{ command: ['true'], params: {{ of: {list} }} }} }}"
        )
    };
    let (one, two) = (over("s1", "x"), over("s2", "y"));
    workspace.write("e.yaml", format!("stages:\n  s1: {list}\n  s2: {list}\n  w1: {one}\n  w2: {two}\n"));
    assert_eq!(workspace.run(&["e.yaml", "-j", "4"]), counts(1, 3));
}

#[test]
fn a_run_that_waited_for_the_list_runs_over_it_too() {
    let workspace = workspace();
    let slow = ["e.yaml", "-s", "parameters.items='$(sleep 1; echo a b)'", "--format", "json"];
    let first = workspace.start(&[&["run"], &slow[..]].concat());
    workspace.wait("the list", || workspace.files("runs/attempts").iter().any(|path| path.ends_with("log.txt")));
    let second = workspace.pipe(&[&["run"], &slow[..]].concat());
    assert_eq!(second.code, 0, "{}{}", second.stdout, second.stderr);
    assert!(first.wait_with_output().expect("it ends").status.success());
    assert_eq!(ran(&workspace), ["a", "b"], "each once");
}

#[test]
fn what_is_no_list_fails_what_runs_over_it() {
    for (items, says) in [("'a a'", "there twice"), ("'a/b'", "cannot name an instance"), ("'{}'", "JSON array")] {
        let workspace = workspace();
        let answer = workspace.pipe(&["run", "e.yaml", "--format", "json", "-s", &format!("parameters.items={items}")]);
        answer.fails(1, &["stage `score` failed", says]);
        assert_eq!((answer.json()["failed"].as_u64(), answer.json()["skipped"].as_u64()), (Some(1), Some(2)));
    }
}

#[test]
fn a_list_whose_bytes_are_gone_is_made_again() {
    let workspace = workspace();
    workspace.run(&["e.yaml", "split"]);
    for object in workspace.files("runs/objects") {
        fs::remove_file(object).expect("ours");
    }
    assert_eq!(workspace.run(&["e.yaml"]), counts(0, 8));
}
