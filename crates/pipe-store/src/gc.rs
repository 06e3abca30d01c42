//! What may go: results that no policy wants to keep, and what nobody can use any more.
//!
//! Does not remove anything (`sweep` does). The ledger's rows always stay: a hit needs the row alone, and a stage that
//! needs bytes that went makes them again. In bullets:
//! * What a caller pins and what a run that goes on uses stays, whatever the policies say.
//! * Each policy names the results it would remove; what one of them wants to keep stays.
//! * A file goes when every result that names it goes.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::SystemTime,
};

use serde::Serialize;

use crate::{
    Digest, Policy, RunId, Store, StoreError, Why,
    inventory::{Held, Inventory, Past, Stored},
    policy::doomed,
    sweep::{Garbage, garbage},
};

/// A result whose bytes go.
#[derive(Clone, Debug, Serialize)]
pub struct Doomed {
    /// Row of the ledger.
    pub artifact: i64,
    /// The stage that made it; its kind, where nobody noted the stage.
    pub stage: String,
    /// The experiment that made it.
    pub experiment: String,
    /// The run that made it.
    pub run: RunId,
    /// When, RFC 3339.
    pub made: String,
    /// When it was used last.
    pub used: String,
    /// By which run.
    pub used_by: RunId,
    /// Bytes that go, those shared with other results that go too.
    pub bytes: u64,
    /// One reason a policy.
    pub why: Vec<Why>,
}

/// What a collection would remove, and what it leaves.
#[derive(Debug, Serialize)]
pub struct Collection {
    /// Results, least recently used first.
    pub results: Vec<Doomed>,
    /// What nobody can use any more.
    pub garbage: Vec<Garbage>,
    /// Bytes of the results' files, each counted once.
    pub result_bytes: u64,
    /// Bytes of all that is garbage.
    pub garbage_bytes: u64,
    /// Bytes of objects that stay.
    pub kept_bytes: u64,
    /// Results that a policy would remove, and that a pin or a run that goes on keeps.
    pub protected: usize,
    /// Runs that go on.
    pub live: Vec<RunId>,
    /// Files of the results as they were seen; the lists of folders at the end.
    #[serde(skip)]
    pub(crate) files: Vec<(Digest, Stored)>,
    /// The files of each result.
    #[serde(skip)]
    pub(crate) owners: BTreeMap<i64, Vec<Digest>>,
}

impl Store {
    /// What a policy lets go at this moment; results in `pinned` stay.
    ///
    /// # Errors
    /// The store cannot be read.
    pub fn collection(&self, policy: &Policy, pinned: &BTreeSet<i64>) -> Result<Collection, StoreError> {
        let inventory = Inventory::take(self)?;
        self.collection_of(&inventory, policy, pinned, SystemTime::now())
    }

    pub(crate) fn collection_of(
        &self,
        inventory: &Inventory,
        policy: &Policy,
        pinned: &BTreeSet<i64>,
        now: SystemTime,
    ) -> Result<Collection, StoreError> {
        let mut kept = self.in_use(&inventory.live)?;
        kept.extend(current_of_live(inventory));
        kept.extend(pinned);
        let mut doomed = doomed(inventory, policy, &kept, now);
        let is_saved = |held: &&Held| {
            doomed.contains_key(&held.artifact) && kept.contains(&held.artifact) && inventory.bytes(&held.files) > 0
        };
        let protected = inventory.held.iter().filter(is_saved).count();
        doomed.retain(|artifact, _| !kept.contains(artifact));
        let stays = |held: &&Held| !doomed.contains_key(&held.artifact);
        let needed: BTreeSet<_> = inventory.held.iter().filter(stays).flat_map(|held| &held.files).collect();
        let since = inventory.live_since();
        let may_go = |digest: &Digest| {
            let stored = inventory.stored.get(digest)?;
            let is_fresh = since.is_some_and(|since| stored.touched >= since);
            (!needed.contains(digest) && !is_fresh).then_some(*stored)
        };
        let mut files = BTreeMap::new();
        let mut lists = BTreeMap::new();
        let mut results = Vec::new();
        let mut owners = BTreeMap::new();
        for held in &inventory.held {
            let Some(why) = doomed.remove(&held.artifact) else { continue };
            let going: Vec<_> = held.files.iter().filter_map(|digest| Some((*digest, may_go(digest)?))).collect();
            if going.is_empty() {
                continue;
            }
            for (digest, stored) in &going {
                let is_output = held.outputs.iter().any(|output| output.object.digest == *digest);
                if is_output { &mut lists } else { &mut files }.insert(*digest, *stored);
            }
            owners.insert(held.artifact, going.iter().map(|(digest, _)| *digest).collect());
            let bytes = going.iter().map(|(_, stored)| stored.bytes).sum();
            results.push((held.used_by, Doomed::new(held, bytes, why)));
        }
        results.sort_by_key(|(used_by, doomed)| (*used_by, doomed.artifact));
        files.retain(|digest, _| !lists.contains_key(digest));
        let all: Vec<_> = files.into_iter().chain(lists).collect();
        let result_bytes = all.iter().map(|(_, stored)| stored.bytes).sum();
        let garbage = garbage(self, inventory, policy, now)?;
        let objects: u64 = inventory.stored.values().map(|stored| stored.bytes).sum();
        let unnamed: u64 = garbage.iter().filter(|garbage| garbage.is_object()).map(|garbage| garbage.bytes).sum();
        Ok(Collection {
            protected,
            results: results.into_iter().map(|(_, doomed)| doomed).collect(),
            garbage_bytes: garbage.iter().map(|garbage| garbage.bytes).sum(),
            garbage,
            result_bytes,
            kept_bytes: objects.saturating_sub(result_bytes + unnamed),
            live: inventory.live.iter().map(|live| live.run).collect(),
            files: all,
            owners,
        })
    }
}

/// All current results of the experiments that are run just now: what a run will ask for it has not said yet.
fn current_of_live(inventory: &Inventory) -> BTreeSet<i64> {
    let is_live = |past: &&Past| inventory.live.iter().any(|live| live.run == past.run);
    let experiments: BTreeSet<_> = inventory.runs.iter().filter(is_live).map(|past| &past.experiment).collect();
    let stages = inventory.stages.iter().filter(|(experiment, _)| experiments.contains(experiment));
    let prints: BTreeSet<_> = stages.map(|(_, print)| print).collect();
    let is_used = |held: &&Held| held.is_current && prints.contains(&held.fingerprint);
    inventory.held.iter().filter(is_used).map(|held| held.artifact).collect()
}

impl Doomed {
    fn new(held: &Held, bytes: u64, why: Vec<Why>) -> Self {
        let Held { artifact, run, used_by, .. } = *held;
        let Held { stage, experiment, made, used, .. } = held.clone();
        Self { artifact, stage, experiment, run, made, used, used_by, bytes, why }
    }
}

#[cfg(test)]
mod tests {
    use std::{fs, path::PathBuf, time::Duration};

    use super::*;
    use crate::{Bytes, Claim, GarbageKind, Holder, Made, NewRecord, NewRun, Output, RunEnd, fixture};

    /// Runs of one experiment, each with results of its own.
    struct Past {
        _folder: tempfile::TempDir,
        store: Store,
    }

    impl Past {
        fn new() -> Self {
            let folder = tempfile::tempdir().expect("a temporary folder");
            let store = Store::open(folder.path()).expect("a new store");
            Self { _folder: folder, store }
        }

        fn begin(&self) -> RunId {
            let new = NewRun { experiment: "e", file: "e.yaml", command: "pipe run e.yaml", commit: None };
            self.store.begin_run(&new).expect("writable")
        }

        /// Publishes a folder with one file of its own and one of equal bytes everywhere.
        fn publish(&self, run: RunId, stage: &str, at: &str) -> i64 {
            let path = self.store.root().join("out");
            fs::create_dir_all(&path).expect("a folder");
            fs::write(path.join("own"), format!("{stage} {run}")).expect("writable");
            fs::write(path.join("shared"), "shared by all").expect("writable");
            let print = Digest::of(format!("{stage} {run}").as_bytes());
            let attempt = fixture::attempt(&self.store, run, stage, &format!("{stage} {run}"));
            let holder = Holder::here(run, "e", stage);
            let Ok(Claim::Miss(lease)) = self.store.claim_anew(&print, &holder) else { panic!("nobody else") };
            let object = self.store.take(&path, self.store.root()).expect("a folder");
            let made = Made {
                run,
                attempt: attempt.number,
                at: at.into(),
                seconds: 1.0,
                commit: None,
                device: "cpu".into(),
                facts: serde_json::json!({}),
            };
            let outputs = vec![Output { port: "out".into(), kind: "files".into(), object }];
            let new = NewRecord { kind: "test", manifest: "{}", outputs, metrics: vec![], lineage: vec![], made };
            lease.publish(&new, &attempt, &serde_json::Value::Null).expect("writable").id
        }

        fn run(&self, at: &str) -> i64 {
            let run = self.begin();
            let artifact = self.publish(run, "train", at);
            self.store.note_uses(run, &[("train".into(), artifact)]).expect("writable");
            self.store.end_run(run, &RunEnd::default()).expect("writable");
            artifact
        }

        fn collection(&self, policy: &Policy, pinned: &[i64]) -> Collection {
            self.store.collection(policy, &pinned.iter().copied().collect()).expect("readable")
        }

        #[track_caller]
        fn check(&self, policy: Policy, pinned: &[i64], expected: &[i64]) {
            let mut found: Vec<_> =
                self.collection(&policy, pinned).results.iter().map(|doomed| doomed.artifact).collect();
            found.sort_unstable();
            assert_eq!(found, expected);
        }

        fn present(&self, artifact: i64) -> bool {
            let inventory = Inventory::take(&self.store).expect("readable");
            let held = inventory.held.iter().find(|held| held.artifact == artifact).expect("published");
            self.store.verify(&held.outputs[0].object)
        }

        /// The store some time from now.
        fn later(&self, policy: &Policy, hours: u64) -> Collection {
            let inventory = Inventory::take(&self.store).expect("readable");
            let now = SystemTime::now() + Duration::from_secs(hours * 3600);
            self.store.collection_of(&inventory, policy, &BTreeSet::new(), now).expect("readable")
        }
    }

    const NONE: Policy = Policy { older_than: None, max_size: None, keep_last: None };

    fn older(text: &str) -> Policy {
        Policy { older_than: text.parse().ok(), ..NONE }
    }

    fn size(bytes: u64) -> Policy {
        Policy { max_size: Some(Bytes::from(bytes)), ..NONE }
    }

    fn last(runs: u32) -> Policy {
        Policy { keep_last: Some(runs), ..NONE }
    }

    #[test]
    fn each_policy_and_what_any_of_them_keeps() {
        let past = Past::new();
        let old = "2020-01-01T00:00:00Z";
        let future = "2999-01-01T00:00:00Z";
        let [a, b, c] = [past.run(old), past.run(old), past.run(future)];
        past.check(NONE, &[], &[]);
        // Their runs ended just now, so nothing is old; and nothing has an age below zero.
        past.check(older("1h"), &[], &[]);
        past.check(older("0s"), &[], &[a, b, c]);
        past.check(older("0s"), &[b], &[a, c]);
        past.check(last(1), &[], &[a, b]);
        past.check(last(2), &[], &[a]);
        past.check(last(0), &[], &[a, b, c]);
        let one = past.collection(&older("0s"), &[b, c]).result_bytes;
        let all = past.collection(&older("0s"), &[]).result_bytes;
        past.check(size(all), &[], &[]);
        past.check(size(all - 1), &[], &[a]);
        past.check(size(all - one), &[], &[a]);
        past.check(size(all - one - 1), &[], &[a, b]);
        // What is pinned fills the size first.
        past.check(size(all - one), &[a], &[b]);
        past.check(Policy { keep_last: Some(2), ..size(0) }, &[], &[a]);
        past.check(Policy { keep_last: Some(1), ..older("1h") }, &[], &[]);
        let words: Vec<_> =
            past.collection(&last(1), &[]).results.iter().map(|doomed| doomed.why[0].to_string()).collect();
        assert_eq!(words, ["not used by the last run", "not used by the last run"]);
        assert_eq!(past.collection(&size(0), &[a]).protected, 1);
    }

    #[test]
    fn shared_bytes_stay_and_the_rest_goes_once() {
        let past = Past::new();
        let [a, b] = [past.run("2020-01-01T00:00:00Z"), past.run("2020-01-01T00:00:00Z")];
        let collection = past.collection(&last(1), &[]);
        assert_eq!((collection.results[0].stage.as_str(), collection.results[0].experiment.as_str()), ("train", "e"));
        let freed = past.store.collect(&collection).expect("removable");
        assert_eq!(freed.bytes, collection.result_bytes);
        assert!(!past.present(a) && past.present(b));
        past.check(last(1), &[], &[]);
        let again = past.store.collect(&past.collection(&older("0s"), &[])).expect("removable");
        assert_eq!(again.removed, 3, "the list, the file of its own, and the shared one");
    }

    #[test]
    fn a_run_that_goes_on_keeps_what_it_uses_and_what_came_since() {
        let past = Past::new();
        // The last one is what the experiment has now: the run may ask for it.
        let [a, b, last] = ["2020-01-01T00:00:00Z"; 3].map(|at| past.run(at));
        let run = past.begin();
        past.store.note_uses(run, &[("train".into(), a)]).expect("writable");
        let c = past.publish(run, "test", "2020-01-01T00:00:00Z");
        let collection = past.collection(&size(0), &[]);
        assert_eq!(collection.live, [run]);
        past.store.collect(&collection).expect("removable");
        assert!(past.present(a) && past.present(c) && past.present(last) && !past.present(b));
    }

    #[test]
    fn what_a_run_says_after_the_look_is_heard() {
        let past = Past::new();
        let [a, b] = [past.run("2020-01-01T00:00:00Z"), past.run("2020-01-01T00:00:00Z")];
        let collection = past.collection(&size(0), &[]);
        let run = past.begin();
        past.store.hold(run, &[b]).expect("writable");
        past.store.collect(&collection).expect("removable");
        assert!(past.present(b) && !past.present(a));
        // What a run held that has ended holds nobody back.
        past.store.die(run);
        past.store.collect(&past.collection(&size(0), &[])).expect("removable");
        assert!(!past.present(b));
    }

    #[test]
    fn what_is_touched_after_the_look_stays() {
        let past = Past::new();
        let [a, _] = [past.run("2020-01-01T00:00:00Z"), past.run("2020-01-01T00:00:00Z")];
        let collection = past.collection(&last(1), &[]);
        let out = past.store.root().join("out");
        fs::create_dir_all(&out).expect("a folder");
        fs::write(out.join("own"), "train 1").expect("writable");
        fs::write(out.join("shared"), "shared by all").expect("writable");
        past.store.take(&out, past.store.root()).expect("a folder");
        past.store.collect(&collection).expect("removable");
        assert!(past.present(a), "another process was about to publish these bytes");
    }

    #[test]
    fn garbage_goes_when_it_is_not_young() {
        let past = Past::new();
        past.run("2020-01-01T00:00:00Z");
        let root = past.store.root().to_path_buf();
        let run = past.begin();
        let (stray, half) = (root.join("stray"), root.join("objects/.tmp-0-0"));
        fs::write(&stray, "named by no result").expect("writable");
        let digest = past.store.take(&stray, &root).expect("a file").digest;
        fs::write(&half, "half").expect("writable");
        let print = Digest::of(b"killed");
        let attempt = fixture::attempt(&past.store, run, "train", "killed");
        let checkpoint = past.store.resume_folder(&Digest::of(b"train 1")).expect("writable");
        let wanted = past.store.resume_folder(&print).expect("writable");
        let kinds = |collection: &Collection| -> BTreeSet<_> {
            collection.garbage.iter().map(|garbage| garbage.kind).collect()
        };
        use GarbageKind::{Checkpoint, Object, Scratch, Temporary};
        assert_eq!(kinds(&past.later(&NONE, 2)), BTreeSet::from([Checkpoint]), "a run goes on");
        past.store.die(run);
        assert_eq!(kinds(&past.collection(&NONE, &[])), BTreeSet::from([Checkpoint, Scratch]), "the rest is young");
        let collection = past.later(&NONE, 2);
        assert_eq!(kinds(&collection), BTreeSet::from([Checkpoint, Object, Scratch, Temporary]));
        past.store.collect(&collection).expect("removable");
        let gone: [PathBuf; 4] = [past.store.object_path(&digest), half, attempt.folder.join("scratch"), checkpoint];
        assert!(gone.iter().all(|path| !path.exists()), "{gone:?}");
        assert!(wanted.exists() && attempt.folder.exists());
        past.store.collect(&past.later(&older("1h"), 2)).expect("removable");
        assert!(!wanted.exists());
    }
}
