//! Small stores for the tests of this crate.
//!
//! Does not exist outside tests.

use std::fs;

use tempfile::TempDir;

use crate::{Attempt, Digest, Made, NewAttempt, NewRecord, NewRun, Output, RunId, Store};

/// A new store in a folder of its own.
pub(crate) fn store() -> (TempDir, Store) {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let store = Store::open(folder.path()).expect("a new store");
    (folder, store)
}

/// A run of the experiment `e` that has begun.
pub(crate) fn run(store: &Store) -> RunId {
    let new = NewRun { experiment: "e", file: "e.yaml", command: "pipe run e.yaml", commit: None };
    store.begin_run(&new).expect("writable")
}

impl Store {
    /// Lets the lock of a run go, as the death of its process does.
    pub(crate) fn die(&self, run: RunId) {
        self.live.lock().expect("no holder panics").remove(&run);
    }
}

/// An attempt that has begun; its recipe is a text.
pub(crate) fn attempt(store: &Store, run: RunId, stage: &str, recipe: &str) -> Attempt {
    let fingerprint = Digest::of(recipe.as_bytes());
    let manifest = format!("\"{recipe}\"");
    let new =
        NewAttempt { run, experiment: "e", stage, fingerprint, kind: "test", manifest: &manifest, reason: "\"new\"" };
    store.begin_attempt(&new).expect("writable")
}

/// A result with one output, which holds a text.
pub(crate) fn new_record(store: &Store, text: &str) -> NewRecord<'static> {
    let path = store.root().join("text");
    fs::write(&path, text).expect("writable");
    let object = store.take(&path, store.root()).expect("a file");
    NewRecord {
        kind: "test",
        manifest: "{}",
        outputs: vec![Output { port: "out".into(), kind: "files".into(), object }],
        metrics: Vec::new(),
        lineage: Vec::new(),
        made: Made {
            run: RunId(1),
            attempt: 1,
            at: "2026-01-01T00:00:00Z".into(),
            seconds: 0.5,
            commit: None,
            device: "cpu".into(),
            facts: serde_json::json!({}),
        },
    }
}
