//! Bytes that rot in the store, outputs that are no files, processes that meet: each costs what it must and no more.
//!
//! Looks at results and counts, never at how the engine arranges its folders beyond what README says.

use std::{fs, os::unix::fs::PermissionsExt as _, path::Path};

use crate::harness::{TINY, Workspace, counts};

/// Changes one byte in the middle of a file of the store, which nobody may write.
fn rot(path: &Path) {
    let mut bytes = fs::read(path).expect("an object");
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs::set_permissions(path, fs::Permissions::from_mode(0o644)).expect("ours");
    fs::write(path, bytes).expect("ours");
}

const FOLDER: &str = "\
parameters: { lines: 1 }
stages:
  many: { kind: command, with: { command: [sh, -c, 'mkdir -p {outputs.o}/d; echo one > {outputs.o}/a; echo two > {outputs.o}/d/b'], outputs: { o: folder } } }
  left: { kind: command, needs: many, with: { command: [sh, -c, 'head -n ${parameters.lines} {inputs.many}/d/b > {outputs.o}'], outputs: { o: o.txt } } }
  right: { kind: command, needs: many, with: { command: [sh, -c, 'tail -n ${parameters.lines} {inputs.many}/a > {outputs.o}'], outputs: { o: o.txt } } }
";

#[test]
fn a_rotten_file_of_a_folder_is_made_again_once() {
    let workspace = Workspace::new();
    workspace.write("folder.yaml", FOLDER);
    assert_eq!(workspace.run(&["folder.yaml"]), counts(0, 3));
    let files = workspace.files("runs/objects");
    let rotten = files.iter().find(|path| fs::read(path).is_ok_and(|bytes| bytes == b"two\n")).expect("an object");
    rot(rotten);
    // Nothing needs the bytes: nothing runs.
    assert_eq!(workspace.run(&["folder.yaml"]), counts(3, 0));
    // Both consumers need them; the folder is made again once, to the same bytes.
    assert_eq!(workspace.run(&["folder.yaml", "-s", "parameters.lines=2"]), counts(0, 3));
    assert_eq!(fs::read(rotten).expect("made again"), b"two\n");
    assert_eq!(workspace.run(&["folder.yaml"]), counts(3, 0));
}

#[test]
fn a_missing_list_of_a_folder_is_made_again() {
    let workspace = Workspace::new();
    workspace.write("folder.yaml", FOLDER);
    workspace.run(&["folder.yaml"]);
    for path in workspace.files("runs/objects") {
        if fs::read(&path).is_ok_and(|bytes| bytes.starts_with(b"[")) {
            fs::remove_file(path).expect("ours");
        }
    }
    assert_eq!(workspace.run(&["folder.yaml", "-s", "parameters.lines=2"]), counts(0, 3));
}

#[test]
fn a_lost_result_that_only_the_report_reads_is_made_again() {
    let workspace = Workspace::new();
    workspace.write("tiny.yaml", TINY);
    workspace.run(&["tiny.yaml"]);
    let report = fs::read_to_string(workspace.path("runs/reports/tiny/report.md")).expect("a report");
    for path in workspace.files("runs/objects") {
        if fs::read(&path).is_ok_and(|bytes| bytes.starts_with(b"{\n  \"threshold\"")) {
            fs::remove_file(path).expect("ours");
        }
    }
    fs::remove_dir_all(workspace.path("runs/reports")).expect("ours");
    assert_eq!(workspace.run(&["tiny.yaml"]), counts(9, 2));
    let again = fs::read_to_string(workspace.path("runs/reports/tiny/report.md")).expect("a report");
    let table = |text: &str| text.lines().filter(|line| line.starts_with("| unet")).collect::<Vec<_>>().join("\n");
    assert!(!table(&report).is_empty());
    assert_eq!(table(&report), table(&again));
}

#[test]
fn a_failed_run_leaves_the_last_report_alone() {
    let workspace = Workspace::new();
    workspace.write("tiny.yaml", TINY);
    workspace.run(&["tiny.yaml"]);
    let report = fs::read(workspace.path("runs/reports/tiny/report.html")).expect("a report");
    // A recipe is no file of weights.
    let answer = workspace.pipe(&["run", "tiny.yaml", "-s", "weights={ file: tiny.yaml, part: all }"]);
    assert_eq!(answer.code, 1, "{}", answer.stderr);
    assert_eq!(fs::read(workspace.path("runs/reports/tiny/report.html")).expect("a report"), report);
}

#[test]
fn an_output_that_is_no_file_fails_its_stage_alone() {
    let workspace = Workspace::new();
    workspace.write(
        "odd.yaml",
        "stages:\n  odd: { kind: command, with: { command: [sh, -c, 'mkdir {outputs.o}; mkfifo {outputs.o}/pipe'], outputs: { o: o } } }\n  \
         even: { kind: command, with: { command: [sh, -c, 'sleep 0.3; echo x > {outputs.o}'], outputs: { o: o.txt } } }\n",
    );
    let answer = workspace.pipe(&["run", "odd.yaml", "--format", "json"]);
    assert_eq!(answer.code, 1, "{}", answer.stderr);
    let found = answer.counts();
    assert_eq!((found.ran, found.failed), (1, 1), "{}", answer.stderr);
    assert!(answer.stderr.contains("neither a file nor a folder"), "{}", answer.stderr);
}

#[test]
fn a_command_that_changes_its_input_fails() {
    let workspace = Workspace::new();
    workspace.write(
        "write.yaml",
        "stages:\n  a: { kind: command, with: { command: [sh, -c, 'echo a > {outputs.o}'], outputs: { o: o.txt } } }\n  \
         b: { kind: command, needs: a, with: { command: [sh, -c, 'chmod u+w {inputs.a}; echo b >> {inputs.a}; echo c > {outputs.o}'], outputs: { o: o.txt } } }\n",
    );
    workspace.pipe(&["run", "write.yaml"]).fails(1, &["changed its input `a`"]);
    // The changed object is no longer taken for what its name says.
    assert_eq!(workspace.pipe(&["run", "write.yaml"]).code, 1);
}

#[test]
fn a_point_that_a_command_reads_is_part_of_its_recipe() {
    let workspace = Workspace::new();
    workspace.write(
        "axes.yaml",
        "axes: { fold: [0, 1] }\nstages:\n  a: { kind: command, with: { command: [sh, -c, 'echo ${axis.fold} > /dev/null; echo > {outputs.o}'], outputs: { o: o.txt } } }\n  \
         b: { kind: command, needs: a, with: { command: [sh, -c, 'grep -A1 axes $PIPE_PARAMS > {outputs.o}'], outputs: { o: o.json } } }\n",
    );
    workspace.run(&["axes.yaml"]);
    let json = workspace.pipe(&["status", "axes.yaml", "--format", "json"]).json();
    let digest = |id: &str| {
        let stages = json["stages"].as_array().expect("a list");
        let found = stages.iter().find(|stage| stage["stage"] == id).expect("the stage");
        found["outputs"][0]["digest"].as_str().expect("a digest").to_owned()
    };
    assert_ne!(digest("b[fold=0]"), digest("b[fold=1]"), "fold 1 was answered with fold 0's result");
}

#[test]
fn runs_that_begin_together_in_a_new_workspace_share_the_work() {
    for _ in 0..5 {
        let workspace = Workspace::new();
        workspace.write("tiny.yaml", TINY);
        let children: Vec<_> = (0..3).map(|_| workspace.start(&["run", "tiny.yaml", "--format", "json"])).collect();
        let answers: Vec<_> = children
            .into_iter()
            .map(|child| crate::harness::Answer::of(child.wait_with_output().expect("it ends")))
            .collect();
        for answer in &answers {
            assert_eq!(answer.code, 0, "{}\n{}", answer.stdout, answer.stderr);
        }
        let ran: u64 = answers.iter().map(|answer| answer.counts().ran).sum();
        assert_eq!(ran, 11, "every stage ran once, in one of them");
    }
}

#[test]
fn numbers_of_other_seeds_are_other_systems() {
    let workspace = Workspace::new();
    let recipe = TINY.replace("axes: { fold: [0, 1] }", "axes: { fold: [0, 1], seed: [1, 2] }");
    workspace.write("seeds.yaml", format!("{recipe}stages: {{ train: {{ with: {{ seed: '${{axis.seed}}' }} }} }}\n"));
    workspace.run(&["seeds.yaml"]);
    let json = workspace.pipe(&["report", "seeds.yaml", "--format", "json"]).json();
    let rows = json["table"].as_array().expect("a table").clone();
    let dice: Vec<_> = rows.iter().filter(|row| row["metric"] == "dice").collect();
    let systems: Vec<_> = dice.iter().map(|row| row["system"].as_str().expect("a name")).collect();
    assert_eq!(systems, ["unet, seed 1", "unet, seed 2"]);
    for row in dice {
        assert_eq!(row["n"], 6, "each case once: {row}");
        assert_eq!(row["per_fold"].as_array().map(Vec::len), Some(2), "{row}");
    }
}
