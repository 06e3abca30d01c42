//! SIGKILL at every named point of publishing, and power lost there: the same command then continues.
//!
//! `PIPE_FAIL_POINT=NAME` or `NAME:N` makes `pipe` kill itself at the first or N-th passage of a point. Does not kill at
//! random moments; `kills` does.

use std::{
    collections::BTreeSet,
    fs,
    os::unix::{fs::PermissionsExt as _, process::ExitStatusExt as _},
    path::{Path, PathBuf},
    process::Output,
};

use crate::{
    harness::{Workspace, counts},
    kills::{Artifacts, Told},
};

const FIRST: &str = "\
stages:
  first:
    kind: command
    with:
      command: [sh, -c, 'echo one > {outputs.out}; seq 2000 >> {outputs.out}']
      outputs: { out: first.txt }
";
const REST: &str = "  second:
    kind: command
    needs: first
    with:
      command: [sh, -c, 'mkdir -p {outputs.out}/deep; head -n 3 {inputs.first} > {outputs.out}/head; seq 5000 > {outputs.out}/deep/numbers']
      outputs: { out: second }
  third:
    kind: command
    needs: [first, second]
    with:
      command: [sh, -c, 'cat {inputs.second}/head {inputs.first} > {outputs.out}; tail -n 1 {inputs.second}/deep/numbers > {outputs.last}']
      outputs: { out: third.txt, last: last.txt }
";
const ALL: &[&str] = &["p.yaml", "-j", "1"];

fn workspace() -> Workspace {
    let workspace = Workspace::new();
    workspace.write("p.yaml", format!("{FIRST}{REST}")).write("first.yaml", FIRST);
    workspace
}

fn undisturbed() -> Artifacts {
    let workspace = workspace();
    assert_eq!(workspace.run(ALL), counts(0, 3));
    Artifacts::of(&workspace, &["p.yaml"])
}

/// Runs until `pipe` kills itself at the point; what it had told until then.
#[track_caller]
fn until(workspace: &Workspace, point: &str) -> Told {
    let mut command = workspace.command(&[&["run", "--format", "json"], ALL].concat());
    let output = command.env("PIPE_FAIL_POINT", point).output().expect("pipe starts");
    let Output { status, stdout, stderr } = output;
    let stderr = String::from_utf8_lossy(&stderr);
    assert_eq!(status.signal(), Some(9), "`{point}` was not reached: {status}\n{stderr}");
    Told::of(String::from_utf8_lossy(&stdout).lines())
}

/// The same command again: it ends well, redoes nothing that was reported, and comes to the undisturbed artifacts.
#[track_caller]
fn continues(workspace: &Workspace, before: &Told, expected: &Artifacts, point: &str) {
    let answer = workspace.pipe(&[&["run", "--format", "json"], ALL].concat());
    assert_eq!(answer.code, 0, "after `{point}`: {}\n{}", answer.stdout, answer.stderr);
    let told = Told::of(answer.stdout.lines());
    let again: BTreeSet<_> = told.started.intersection(&before.reported).collect();
    assert!(again.is_empty(), "after `{point}`, {again:?} ran again");
    Artifacts::of(workspace, &["p.yaml"]).same(expected);
    assert_eq!(workspace.run(ALL), counts(3, 0), "after `{point}`");
}

#[test]
fn a_kill_at_every_point_of_publishing() {
    // With the passages at which to die: first, and later. A run begins and ends once.
    let points: &[(&str, &[u32])] = &[
        ("run.begun", &[1]),
        ("attempt.begun", &[1, 2, 3]),
        ("object.written", &[1, 3]),
        ("object.synced", &[1, 3]),
        ("object.renamed", &[1, 3]),
        ("publish.objects", &[1, 2, 3]),
        ("publish.row", &[1, 2, 3]),
        ("publish.committed", &[1, 2, 3]),
        ("publish.cleaned", &[1, 3]),
        ("run.ended", &[1]),
    ];
    let expected = undisturbed();
    for (name, passages) in points {
        for passage in *passages {
            let point = if *passage == 1 { (*name).to_owned() } else { format!("{name}:{passage}") };
            let workspace = workspace();
            let told = until(&workspace, &point);
            continues(&workspace, &told, &expected, &point);
        }
    }
}

#[test]
fn a_kill_at_one_point_after_the_other_in_one_store() {
    // Every attempt dies where the one before did not, until none does.
    let expected = undisturbed();
    let workspace = workspace();
    let mut told = Told::default();
    for point in ["run.begun", "attempt.begun", "object.written", "object.renamed", "publish.objects", "publish.row"] {
        let now = until(&workspace, point);
        assert!(now.reported.is_empty(), "`{point}` lies before anything is done");
    }
    for point in ["publish.committed", "publish.cleaned", "object.synced:2", "publish.row"] {
        let now = until(&workspace, point);
        let again: Vec<_> = now.started.intersection(&told.reported).collect();
        assert!(again.is_empty(), "before `{point}`, {again:?} ran again");
        told.reported.extend(now.reported);
    }
    continues(&workspace, &told, &expected, "all of them");
}

/// Changes a file of the store, which nobody may write.
fn damage(path: &Path, change: impl FnOnce(&Path, Vec<u8>)) {
    let bytes = fs::read(path).expect("an object");
    fs::set_permissions(path, fs::Permissions::from_mode(0o644)).expect("ours");
    change(path, bytes);
}

#[track_caller]
fn power_loss(point: &str, change: impl Fn(&Path, Vec<u8>)) {
    let expected = undisturbed();
    let workspace = workspace();
    assert_eq!(workspace.run(&["first.yaml"]), counts(0, 1));
    let published: BTreeSet<PathBuf> = workspace.files("runs/objects").into_iter().collect();
    // The second stage's objects lie there by their names, and no row says so yet.
    let told = until(&workspace, point);
    let fresh: Vec<_> = workspace.files("runs/objects").into_iter().filter(|path| !published.contains(path)).collect();
    assert!(!fresh.is_empty(), "`{point}` lies after the first object of a stage");
    for path in &fresh {
        damage(path, &change);
    }
    let folder = fresh[0].parent().expect("objects have a folder");
    fs::write(folder.join(".tmp-0123456789abcdef-0"), "hal").expect("writable");
    // What was appended to the log of the ledger and not synced comes back as anything.
    let log = workspace.path("runs/ledger.sqlite-wal");
    let mut bytes = fs::read(&log).unwrap_or_default();
    bytes.extend([0xa5; 5000]);
    fs::write(&log, bytes).expect("writable");
    continues(&workspace, &told, &expected, point);
}

#[test]
fn power_lost_before_the_row_cuts_the_objects() {
    power_loss("publish.objects", |path, bytes| fs::write(path, &bytes[..bytes.len() / 2]).expect("ours"));
}

#[test]
fn power_lost_before_the_row_empties_the_objects() {
    power_loss("publish.row", |path, _| fs::write(path, "").expect("ours"));
}

#[test]
fn power_lost_before_the_row_forgets_the_objects() {
    power_loss("publish.row", |path, _| fs::remove_file(path).expect("ours"));
}

#[test]
fn power_lost_after_a_rename_turns_an_object_into_zeros() {
    // The length was written and the blocks were not: what some file systems leave.
    power_loss("object.renamed", |path, bytes| fs::write(path, vec![0; bytes.len()]).expect("ours"));
}
