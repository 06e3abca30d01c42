//! Kills a process at every named point of a stage, and looks at what it leaves; and locks among processes.
//!
//! Does not use a process that pretends: the test binary starts itself, and the child dies by SIGKILL.

use std::{
    fs,
    io::{BufRead as _, BufReader},
    os::unix::process::ExitStatusExt as _,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
};

use pipe_store::{
    Attempt, Claim, Digest, Holder, Made, NewAttempt, NewRecord, NewRun, Output, Record, RunEnd, RunId, Shape, Store,
    fail_point, take_slots,
};

const RECIPE: &[u8] = b"recipe";

#[test]
fn a_death_before_the_commit_leaves_a_miss() {
    check("run.begun", false);
    check("attempt.begun", false);
    check("object.written", false);
    check("object.written:2", false);
    check("object.synced", false);
    check("object.renamed", false);
    check("object.renamed:3", false);
    check("publish.objects", false);
    check("publish.row", false);
}

#[test]
fn a_death_after_the_commit_leaves_a_hit() {
    check("publish.committed", true);
    check("publish.cleaned", true);
    check("run.ended", true);
}

#[track_caller]
fn check(point: &str, published: bool) {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let root = folder.path();
    let status = child("child_stage", root).env("PIPE_FAIL_POINT", point).status().expect("this very binary");
    assert_eq!(status.signal(), Some(9), "{point}");

    let store = Store::open(root).expect("whole");
    let buried = store.bury().expect("writable");
    assert_eq!(buried.len(), usize::from(point != "run.ended"), "{point}");
    let fingerprint = Digest::of(RECIPE);
    match store.claim(&fingerprint, &Holder::default()).expect("readable") {
        Claim::Hit(record) => {
            assert!(published, "{point}: nothing was reported");
            assert!(record.outputs.iter().all(|output| store.verify(&output.object)), "{point}");
        }
        Claim::Miss(lease) => {
            assert!(!published, "{point}: a reported result is lost");
            drop(lease);
        }
        Claim::Held { by } => panic!("{point}: {by:?} is dead"),
    }
    let left: Vec<_> = files(root).into_iter().filter(|path| is_rubbish(root, path)).collect();
    assert!(left.is_empty(), "{point}: {left:?}");

    // The same again, as if nothing had happened: the same bytes, and the checkpoint where there is no result.
    let resume = root.join("resume").join(fingerprint.to_string());
    if point == "publish.row" {
        assert!(resume.join("checkpoint").exists(), "{point}");
    }
    let record = stage(&store);
    assert_eq!(record.outputs, expected().outputs, "{point}");
    assert!(record.outputs.iter().all(|output| store.verify(&output.object)), "{point}");
    assert!(!resume.exists(), "{point}");
}

fn is_rubbish(root: &Path, path: &Path) -> bool {
    let text = path.to_string_lossy();
    text.contains("/.tmp-") || text.contains("/scratch/") || path.starts_with(root.join("leases"))
}

/// What an undisturbed run makes.
fn expected() -> Record {
    let folder = tempfile::tempdir().expect("a temporary folder");
    stage(&Store::open(folder.path()).expect("a new store"))
}

/// One stage with two outputs, a file and a folder; answered from the store where it is there.
fn stage(store: &Store) -> Record {
    let new = NewRun { experiment: "e", file: "e.yaml", command: "pipe run e.yaml", commit: None };
    let run = store.begin_run(&new).expect("writable");
    let fingerprint = Digest::of(RECIPE);
    let record = match store.claim(&fingerprint, &Holder::here(run, "e", "a")).expect("readable") {
        Claim::Hit(record) => record,
        Claim::Held { by } => panic!("{by:?} holds it"),
        Claim::Miss(lease) => {
            let (kind, manifest) = ("test", "{}");
            let new = NewAttempt { run, experiment: "e", stage: "a", fingerprint, kind, manifest, reason: "\"new\"" };
            let attempt = store.begin_attempt(&new).expect("writable");
            let resume = store.resume_folder(&fingerprint).expect("writable");
            fs::write(resume.join("checkpoint"), "half").expect("writable");
            let outputs = outputs(store, &attempt);
            fail_point("publish.objects");
            let new = NewRecord { kind, manifest, outputs, metrics: Vec::new(), lineage: Vec::new(), made: made(run) };
            lease.publish(&new, &attempt, &serde_json::json!({})).expect("writable")
        }
    };
    store.end_run(run, &RunEnd::default()).expect("writable");
    record
}

fn outputs(store: &Store, attempt: &Attempt) -> Vec<Output> {
    let scratch = attempt.folder.join("scratch");
    fs::create_dir(scratch.join("folder")).expect("writable");
    for name in ["file", "folder/one", "folder/two"] {
        fs::write(scratch.join(name), name).expect("writable");
    }
    let output = |name: &str| {
        let object = store.take(&scratch.join(name), &scratch).expect("plain files");
        assert_eq!(object.shape == Shape::File, name == "file");
        Output { port: name.into(), kind: "files".into(), object }
    };
    ["file", "folder"].map(output).into()
}

fn made(run: RunId) -> Made {
    Made {
        run,
        attempt: 1,
        at: "2026-01-01T00:00:00Z".into(),
        seconds: 0.5,
        commit: None,
        device: "cpu".into(),
        facts: serde_json::json!({}),
    }
}

#[test]
fn a_lease_of_another_process_tells_who_and_dies_with_it() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let (mut holder, line) = waiting("child_lease", folder.path());
    assert_eq!(line, "holds");
    let store = Store::open(folder.path()).expect("the same store");
    let fingerprint = Digest::of(RECIPE);
    let Claim::Held { by: Some(by) } = store.claim(&fingerprint, &Holder::default()).expect("readable") else {
        panic!("the child holds it")
    };
    assert_eq!((by.process, by.stage.as_str(), by.run), (holder.id(), "train", RunId(1)));
    assert!(store.is_running(RunId(1)).expect("readable"));
    assert_eq!(store.bury().expect("writable"), []);
    kill(&mut holder);
    assert!(matches!(store.claim(&fingerprint, &Holder::default()).expect("readable"), Claim::Miss(_)));
    assert_eq!(store.bury().expect("writable"), [RunId(1)]);
    assert_eq!(store.runs(1).expect("readable")[0].state.as_deref(), Some("killed"));
}

#[test]
fn slots_of_another_process_die_with_it() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let (mut holder, line) = waiting("child_slots", folder.path());
    assert_eq!(line, "holds");
    let take = || take_slots(folder.path(), "licence", 3, 2).expect("writable");
    assert!(take().is_none());
    kill(&mut holder);
    assert!(take().is_some());
}

/// A test that does nothing but what its parent wants, in the folder its parent names.
fn child(name: &str, root: &Path) -> Command {
    let mut command = Command::new(std::env::current_exe().expect("this test"));
    command.args(["--exact", name, "--ignored", "--nocapture", "--test-threads=1"]);
    command.env("PIPE_STORE_CHILD", root).stdout(Stdio::null()).stderr(Stdio::null());
    command
}

/// A child that has said that it is ready, and waits to be killed.
fn waiting(name: &str, root: &Path) -> (Child, String) {
    let mut started = child(name, root).stdin(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("this very binary");
    let said = BufReader::new(started.stderr.take().expect("piped")).lines().map_while(Result::ok);
    let line = said.into_iter().find(|line| !line.is_empty()).unwrap_or_default();
    (started, line)
}

fn kill(child: &mut Child) {
    child.kill().and_then(|()| child.wait()).expect("our child");
}

/// Where a child works; none where nobody started it as one.
fn root() -> Option<PathBuf> {
    std::env::var_os("PIPE_STORE_CHILD").map(PathBuf::from)
}

#[expect(clippy::print_stderr, reason = "the parent waits for this line")]
fn ready() {
    eprintln!("holds");
    // Until the parent kills it, or dies and closes its end.
    std::io::stdin().lines().for_each(drop);
}

#[test]
#[ignore = "a child of the tests above"]
fn child_stage() {
    let Some(root) = root() else { return };
    stage(&Store::open(&root).expect("a store"));
}

#[test]
#[ignore = "a child of the tests above"]
fn child_lease() {
    let Some(root) = root() else { return };
    let store = Store::open(&root).expect("a store");
    let new = NewRun { experiment: "e", file: "e.yaml", command: "pipe run e.yaml", commit: None };
    let run = store.begin_run(&new).expect("writable");
    let _lease = store.claim(&Digest::of(RECIPE), &Holder::here(run, "e", "train")).expect("new");
    ready();
}

#[test]
#[ignore = "a child of the tests above"]
fn child_slots() {
    let Some(root) = root() else { return };
    let _slots = take_slots(&root, "licence", 3, 2).expect("writable").expect("all are free");
    ready();
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path());
    entries.flat_map(|path| if path.is_dir() { files(&path) } else { vec![path] }).collect()
}
