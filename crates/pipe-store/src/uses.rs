//! What a run used, and what must be kept for a report: lists of results, by their rows in the ledger.
//!
//! Does not know what a report is, nor why a run used a result. Runs that used the same results share one list.

use std::collections::{BTreeMap, BTreeSet};

use rusqlite::OptionalExtension as _;

use crate::{Digest, LiveRun, RunId, Store, StoreError, store::Durability};

impl Store {
    /// Notes which result each stage of a run has.
    ///
    /// May be called again while the run goes on; the last list counts.
    ///
    /// # Errors
    /// The ledger cannot be written.
    pub fn note_uses(&self, run: RunId, uses: &[(String, i64)]) -> Result<(), StoreError> {
        let list = serde_json::to_string(uses).expect("names and numbers are plain data");
        let digest = Digest::of(list.as_bytes());
        let is_live = self.live.lock().expect("no holder panics").contains_key(&run);
        let _gate = if is_live { Some(self.gate_to_use()?) } else { None };
        self.transaction(Durability::Process, |transaction| {
            transaction
                .prepare_cached("insert or ignore into uses (digest, artifacts) values (?1, ?2)")?
                .execute((digest.bytes(), &list))?;
            transaction
                .prepare_cached("update runs set used = ?2 where id = ?1")?
                .execute((run.0, digest.bytes()))
                .map(drop)
        })
    }

    /// Says that a run that goes on will read these results, before it looks whether their bytes are there.
    ///
    /// No collection removes them from now on until the run ends; it may have done so before.
    ///
    /// # Errors
    /// The ledger cannot be written.
    pub fn hold(&self, run: RunId, artifacts: &[i64]) -> Result<(), StoreError> {
        if artifacts.is_empty() {
            return Ok(());
        }
        let _gate = self.gate_to_use()?;
        self.transaction(Durability::Process, |transaction| {
            let mut insert =
                transaction.prepare_cached("insert or ignore into in_use (run, artifact) values (?1, ?2)")?;
            for artifact in artifacts {
                insert.execute((run.0, artifact))?;
            }
            Ok(())
        })
    }

    /// Every result that one of these runs, which go on, has noted, holds or made.
    pub(crate) fn in_use(&self, live: &[LiveRun]) -> Result<BTreeSet<i64>, StoreError> {
        let mut used = BTreeSet::new();
        for LiveRun { run, .. } in live {
            used.extend(self.uses(*run)?.into_iter().map(|(_, artifact)| artifact));
            let ledger = self.ledger();
            let find = || {
                let mut statement = ledger.prepare_cached(
                    "select artifact from in_use where run = ?1
                     union all select id from artifacts where made ->> '$.run' = ?1",
                )?;
                let rows = statement.query_map([run.0], |row| row.get(0))?;
                rows.collect::<rusqlite::Result<Vec<i64>>>()
            };
            used.extend(find().map_err(|source| self.database(source))?);
        }
        Ok(used)
    }

    /// Which result each stage of a run had, in the order of its plan; empty where nobody noted it.
    ///
    /// # Errors
    /// The ledger cannot be read.
    pub fn uses(&self, run: RunId) -> Result<Vec<(String, i64)>, StoreError> {
        let found = self
            .ledger()
            .prepare_cached("select artifacts from runs join uses on uses.digest = runs.used where runs.id = ?1")
            .and_then(|mut statement| statement.query_row([run.0], |row| row.get::<_, String>(0)).optional())
            .map_err(|source| self.database(source))?;
        // A list that cannot be read is a note that was lost.
        Ok(found.and_then(|list| serde_json::from_str(&list).ok()).unwrap_or_default())
    }

    /// Makes these results the only ones that an owner, e.g. `report:unet`, wants to keep.
    ///
    /// # Errors
    /// The ledger cannot be written.
    pub fn pin(&self, owner: &str, artifacts: &[i64]) -> Result<(), StoreError> {
        let mut wanted = artifacts.to_vec();
        wanted.sort_unstable();
        wanted.dedup();
        // Most calls change nothing, and then nothing waits for another writer.
        if self.pinned(owner)? == wanted {
            return Ok(());
        }
        self.transaction(Durability::Process, |transaction| {
            transaction.execute("delete from pins where owner = ?1", [owner])?;
            let mut insert = transaction.prepare_cached("insert into pins (owner, artifact) values (?1, ?2)")?;
            for artifact in &wanted {
                insert.execute((owner, artifact))?;
            }
            Ok(())
        })
    }

    fn pinned(&self, owner: &str) -> Result<Vec<i64>, StoreError> {
        let ledger = self.ledger();
        let find = || {
            let mut statement =
                ledger.prepare_cached("select artifact from pins where owner = ?1 order by artifact")?;
            let rows = statement.query_map([owner], |row| row.get(0))?;
            rows.collect::<rusqlite::Result<_>>()
        };
        find().map_err(|source| self.database(source))
    }

    /// Forgets what an owner wanted to keep.
    ///
    /// # Errors
    /// The ledger cannot be written.
    pub fn unpin(&self, owner: &str) -> Result<(), StoreError> {
        self.pin(owner, &[])
    }

    /// What is pinned, by owner.
    ///
    /// # Errors
    /// The ledger cannot be read.
    pub fn pins(&self) -> Result<BTreeMap<String, Vec<i64>>, StoreError> {
        let ledger = self.ledger();
        let find = || {
            let mut pins: BTreeMap<String, Vec<i64>> = BTreeMap::new();
            let mut statement = ledger.prepare_cached("select owner, artifact from pins order by owner, artifact")?;
            let mut rows = statement.query([])?;
            while let Some(row) = rows.next()? {
                pins.entry(row.get(0)?).or_default().push(row.get(1)?);
            }
            Ok(pins)
        };
        find().map_err(|source| self.database(source))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{NewRun, RunEnd};

    fn store() -> (tempfile::TempDir, Store) {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let store = Store::open(folder.path()).expect("a new store");
        (folder, store)
    }

    #[test]
    fn equal_uses_are_kept_once_and_the_last_note_counts() {
        let (_folder, store) = store();
        let new = NewRun { experiment: "e", file: "e.yaml", command: "pipe run e.yaml", commit: None };
        let runs: Vec<_> =
            (0..3).map(|_| store.record_cached_run(&new, &RunEnd::default()).expect("writable")).collect();
        let uses = [("train[fold=1]".to_owned(), 7), ("evaluate".to_owned(), 8)];
        store.note_uses(runs[0], &uses[..1]).expect("writable");
        for run in &runs[..2] {
            store.note_uses(*run, &uses).expect("writable");
        }
        assert_eq!(store.uses(runs[0]).expect("readable"), uses);
        assert_eq!(store.uses(runs[1]).expect("readable"), uses);
        assert!(store.uses(runs[2]).expect("readable").is_empty());
        let lists: i64 = store.ledger().query_row("select count(*) from uses", [], |row| row.get(0)).expect("SQL");
        assert_eq!(lists, 2);
    }

    #[test]
    fn pins_are_replaced() {
        let (_folder, store) = store();
        store.pin("report:a", &[3, 1, 3]).expect("writable");
        store.pin("report:b", &[1]).expect("writable");
        store.pin("report:a", &[2, 1]).expect("writable");
        assert_eq!(store.pins().expect("readable")["report:a"], [1, 2]);
        store.unpin("report:a").expect("writable");
        assert_eq!(store.pins().expect("readable"), BTreeMap::from([("report:b".to_owned(), vec![1])]));
    }
}
