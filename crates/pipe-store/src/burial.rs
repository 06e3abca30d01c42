//! Runs whose process died: found by their lock, ended in the ledger, tidied up.
//!
//! Does not know why they died.

use std::{
    fs,
    path::{Path, PathBuf},
};

use rusqlite::Transaction;

use crate::{
    Digest, RunId, Store, StoreError,
    attempts::clean,
    lease::{Lock, held},
    runs::now,
    store::Durability,
};

impl Store {
    /// Whether the process of a run lives.
    ///
    /// # Errors
    /// The run's lock cannot be looked at.
    pub fn is_running(&self, run: RunId) -> Result<bool, StoreError> {
        Ok(held(&self.run_lock(run))?.is_some())
    }

    /// Ends the runs whose process died: they get the state `killed`, their open attempts too, and what their stages
    /// were doing is `interrupted`. Where they worked is removed, their logs stay.
    ///
    /// If nothing runs then, what killed processes left in the store is removed as well: half-written objects and the
    /// files of leases. So objects are taken, and leases claimed, only within a run.
    ///
    /// # Errors
    /// The ledger cannot be written.
    pub fn bury(&self) -> Result<Vec<RunId>, StoreError> {
        let mut buried = Vec::new();
        for run in self.open_runs()? {
            // Who holds this lock lives, or buries the run just now.
            let Some(lock) = Lock::take(&self.run_lock(run))? else { continue };
            if self.transaction(Durability::Process, |transaction| end_dead(transaction, run))? {
                for folder in attempts(&self.attempts_folder(run)) {
                    clean(&folder);
                }
                self.drop_checkpoints(run)?;
                buried.push(run);
            }
            drop(lock);
        }
        if !buried.is_empty() {
            self.sweep()?;
        }
        Ok(buried)
    }

    /// Removes the checkpoints of results that a dead run published last thing it did. Those of unfinished work stay.
    fn drop_checkpoints(&self, run: RunId) -> Result<(), StoreError> {
        let published = || {
            let ledger = self.ledger();
            let mut statement =
                ledger.prepare_cached("select fingerprint from attempts where run = ?1 and outcome = 'done'")?;
            let rows = statement.query_map([run.0], |row| row.get(0).map(Digest::from_bytes))?;
            rows.collect::<rusqlite::Result<Vec<_>>>()
        };
        for fingerprint in published().map_err(|source| self.database(source))? {
            let folder = self.resume_path(&fingerprint);
            // Who holds the lease makes the result anew, with checkpoints of its own.
            if folder.exists()
                && let Some(_lock) = Lock::take(&self.lease_file(&fingerprint))?
            {
                drop(fs::remove_dir_all(folder));
            }
        }
        Ok(())
    }

    pub(crate) fn run_lock(&self, run: RunId) -> PathBuf {
        self.leases().join(format!("run-{run}"))
    }

    pub(crate) fn open_runs(&self) -> Result<Vec<RunId>, StoreError> {
        let ledger = self.ledger();
        let find = || {
            let mut statement = ledger.prepare_cached("select id from runs where ended is null order by id")?;
            let rows = statement.query_map([], |row| row.get(0).map(RunId))?;
            rows.collect::<rusqlite::Result<_>>()
        };
        find().map_err(|source| self.database(source))
    }

    /// Removes what killed processes left, unless something runs. Within a transaction, so that no run begins meanwhile.
    fn sweep(&self) -> Result<(), StoreError> {
        self.transaction(Durability::Process, |transaction| {
            let open: i64 =
                transaction.query_row("select count(*) from runs where ended is null", [], |row| row.get(0))?;
            if open > 0 {
                return Ok(());
            }
            let folders = entries(&self.objects().folder).filter(|path| path.is_dir());
            for path in folders.flat_map(|folder| entries(&folder)).chain(entries(&self.objects().folder)) {
                if path.file_name().is_some_and(|name| name.as_encoded_bytes().starts_with(b".tmp-")) {
                    drop(fs::remove_file(path));
                }
            }
            for path in entries(&self.leases()) {
                // Taken, and let go: that removes it.
                drop(Lock::take(&path));
            }
            Ok(())
        })
    }
}

/// Ends a run that is still open; says whether it was.
fn end_dead(transaction: &Transaction<'_>, run: RunId) -> rusqlite::Result<bool> {
    let sql = "update runs set ended = ?2, state = 'killed',
                   ran = (select count(*) from attempts where run = ?1 and outcome = 'done')
               where id = ?1 and ended is null";
    if transaction.execute(sql, (run.0, now()))? == 0 {
        return Ok(false);
    }
    transaction.execute(
        "update attempts set ended = ?2, outcome = 'killed' where run = ?1 and ended is null",
        (run.0, now()),
    )?;
    transaction.execute("update stages set state = 'interrupted' where run = ?1 and state = 'running'", [run.0])?;
    Ok(true)
}

/// The folders of all attempts below the folder of a run, also of those whose row was lost.
fn attempts(run: &Path) -> impl Iterator<Item = PathBuf> {
    entries(run).flat_map(|stage| entries(&stage))
}

fn entries(folder: &Path) -> impl Iterator<Item = PathBuf> + use<> {
    fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Claim, Digest, Holder, RunEnd, fixture};

    #[test]
    fn a_living_run_is_left_alone() {
        let (folder, store) = fixture::store();
        let run = fixture::run(&store);
        let attempt = fixture::attempt(&store, run, "a", "recipe");
        let other = Store::open(folder.path()).expect("the same store");
        assert!(other.is_running(run).expect("readable") && store.is_running(run).expect("readable"));
        assert_eq!(other.bury().expect("writable"), []);
        assert!(attempt.folder.join("scratch").exists());
        store.end_run(run, &RunEnd::default()).expect("writable");
        assert!(!other.is_running(run).expect("readable"));
        assert_eq!(other.bury().expect("writable"), []);
        assert_eq!(other.runs(1).expect("readable")[0].state.as_deref(), Some("done"));
    }

    #[test]
    fn a_dead_run_is_ended_and_tidied_up() {
        let (folder, store) = fixture::store();
        let run = fixture::run(&store);
        let attempt = fixture::attempt(&store, run, "a", "recipe");
        fs::write(attempt.folder.join("log.txt"), "said").expect("writable");
        let orphan = store.attempts_folder(run).join("b/1/scratch");
        fs::create_dir_all(&orphan).expect("writable");
        fs::create_dir_all(folder.path().join("objects/ab")).expect("writable");
        let temporary = ["objects/.tmp-1", "objects/ab/.tmp-2"].map(|name| folder.path().join(name));
        let lease = store.leases().join(Digest::of(b"recipe").to_string());
        temporary.iter().chain([&lease]).for_each(|path| fs::write(path, "half").expect("writable"));
        // Its locks go with the handle, as they do with the process.
        drop(store);
        let store = Store::open(folder.path()).expect("the same store");
        let living = fixture::run(&store);
        let other = Store::open(folder.path()).expect("the same store");
        assert_eq!(other.bury().expect("writable"), [run]);
        assert_eq!(other.bury().expect("writable"), []);
        let rows = other.runs(2).expect("readable");
        assert_eq!((rows[0].state.as_deref(), rows[1].state.as_deref()), (None, Some("killed")));
        assert_eq!(other.stages("e").expect("readable")[0].state, "interrupted");
        let outcome: String =
            other.ledger().query_row("select outcome from attempts", [], |row| row.get(0)).expect("a row");
        assert_eq!(outcome, "killed");
        assert!(!attempt.folder.join("scratch").exists() && attempt.folder.join("log.txt").exists());
        assert!(!orphan.exists());
        assert!(temporary.iter().all(|path| path.exists()), "a living run may be writing them");
        let dead = living;
        drop(store);
        assert_eq!(other.bury().expect("writable"), [dead]);
        assert!(temporary.iter().chain([&lease]).all(|path| !path.exists()));
        assert_eq!(fs::read_dir(other.leases()).expect("a folder").count(), 0);
        let claim = other.claim(&Digest::of(b"recipe"), &Holder::default()).expect("readable");
        assert!(matches!(claim, Claim::Miss(_)));
    }
}
