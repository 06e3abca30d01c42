//! The store: objects, results and look-ups behind one handle.
//!
//! Does not know when something must run; it answers whether a result is there.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    sync::{Mutex, MutexGuard},
};

use rusqlite::{Connection, OptionalExtension as _, Row, Transaction, TransactionBehavior};

use crate::{
    Claim, Digest, Lease, MetricRow, NewRecord, Object, Record, StoreError, atomic::write_atomic, ledger,
    objects::Objects, stat::StatCache,
};

/// A store under one root folder.
#[derive(Debug)]
pub struct Store {
    root: PathBuf,
    ledger: Mutex<Connection>,
    stat: StatCache,
}

impl Store {
    /// Opens the store under a folder, and makes what is missing.
    ///
    /// # Errors
    /// The ledger is not ours, newer than this program, or cannot be opened.
    pub fn open(root: &Path) -> Result<Self, StoreError> {
        fs::create_dir_all(root).map_err(|source| StoreError::io("create", root, source))?;
        let ledger = ledger::open(&root.join("ledger.sqlite"))?;
        Ok(Self {
            root: root.to_path_buf(),
            ledger: Mutex::new(ledger),
            stat: StatCache::new(root.join("stat.sqlite")),
        })
    }

    /// The folder of the store.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// Whether the disk of the store has hardly a page left: what a stage could not even write a message about.
    pub fn disk_is_full(&self) -> bool {
        const HARDLY: u64 = 64 * 1024;
        rustix::fs::statvfs(&self.root).is_ok_and(|disk| disk.f_bavail.saturating_mul(disk.f_frsize) < HARDLY)
    }

    pub(crate) fn ledger(&self) -> MutexGuard<'_, Connection> {
        self.ledger.lock().expect("no holder panics")
    }

    pub(crate) fn database(&self, source: rusqlite::Error) -> StoreError {
        StoreError::database(&self.root.join("ledger.sqlite"), source)
    }

    fn objects(&self) -> Objects {
        Objects { folder: self.root.join("objects") }
    }

    /// Stores a file or folder under its digest; the original stays.
    ///
    /// # Errors
    /// It cannot be read or the store cannot be written; nothing half-written stays.
    pub fn put(&self, path: &Path) -> Result<Object, StoreError> {
        self.objects().put(path)
    }

    /// Where a file object lies; read-only.
    pub fn object_path(&self, digest: &Digest) -> PathBuf {
        self.objects().path(digest)
    }

    /// Lays an object's contents at a path, read-only.
    ///
    /// # Errors
    /// The object is missing, or the path cannot be written.
    pub fn materialise(&self, object: &Object, to: &Path) -> Result<(), StoreError> {
        self.objects().materialise(object, to)
    }

    /// Whether an object's bytes are there, judged by size.
    pub fn present(&self, object: &Object) -> bool {
        self.objects().present(object)
    }

    /// Whether an object's bytes are there and unchanged, judged by reading them.
    pub fn verify(&self, object: &Object) -> bool {
        self.objects().verify(object)
    }

    /// Removes what is left of an object whose bytes changed, so that storing it again heals it.
    ///
    /// # Errors
    /// It cannot be removed.
    pub fn remove_damaged(&self, object: &Object) -> Result<(), StoreError> {
        self.objects().remove_damaged(object)
    }

    /// Digest of a file or folder outside the store, as it is now.
    ///
    /// # Errors
    /// It cannot be read.
    pub fn external(&self, path: &Path) -> Result<Object, StoreError> {
        self.stat.external(path)
    }

    /// The current result of a recipe.
    ///
    /// # Errors
    /// The ledger cannot be read.
    pub fn current(&self, fingerprint: &Digest) -> Result<Option<Record>, StoreError> {
        Ok(self.current_many(std::slice::from_ref(fingerprint))?.swap_remove(0))
    }

    /// The current results of many recipes, in their order.
    ///
    /// # Errors
    /// The ledger cannot be read.
    pub fn current_many(&self, fingerprints: &[Digest]) -> Result<Vec<Option<Record>>, StoreError> {
        let ledger = self.ledger();
        let find = || {
            let mut statement = ledger.prepare_cached(
                "select id, fingerprint, outputs, made from artifacts where fingerprint = ?1 and current = 1",
            )?;
            fingerprints
                .iter()
                .map(|print| statement.query_row([print.bytes()], record).optional())
                .collect::<rusqlite::Result<_>>()
        };
        find().map_err(|source| self.database(source))
    }

    /// Looks a recipe up; where its result is missing, gives the right to make it.
    ///
    /// # Errors
    /// The ledger cannot be read or the lock not be made.
    pub fn claim(&self, fingerprint: &Digest) -> Result<Claim<'_>, StoreError> {
        if let Some(record) = self.current(fingerprint)? {
            return Ok(Claim::Hit(record));
        }
        match self.claim_anew(fingerprint)? {
            // Another process may have published between the look-up and the lock.
            Claim::Miss(lease) => Ok(self.current(fingerprint)?.map_or(Claim::Miss(lease), Claim::Hit)),
            other => Ok(other),
        }
    }

    /// Gives the right to make a result even if there is one.
    ///
    /// # Errors
    /// The lock cannot be made.
    pub fn claim_anew(&self, fingerprint: &Digest) -> Result<Claim<'_>, StoreError> {
        let path = self.root.join("leases").join(fingerprint.to_string());
        Ok(match Lease::take(self, *fingerprint, &path)? {
            Ok(lease) => Claim::Miss(lease),
            Err(by) => Claim::Held { by },
        })
    }

    pub(crate) fn insert(&self, fingerprint: Digest, new: &NewRecord<'_>) -> Result<Record, StoreError> {
        let mut ledger = self.ledger();
        let mut insert = || -> rusqlite::Result<Record> {
            let transaction = ledger.transaction_with_behavior(TransactionBehavior::Immediate)?;
            transaction.execute(
                "insert or ignore into recipes (fingerprint, kind, manifest) values (?1, ?2, ?3)",
                (fingerprint.bytes(), new.kind, new.manifest),
            )?;
            transaction.execute("update artifacts set current = 0 where fingerprint = ?1", [fingerprint.bytes()])?;
            transaction.execute(
                "insert into artifacts (fingerprint, current, outputs, lineage, made) values (?1, 1, ?2, ?3, ?4)",
                (fingerprint.bytes(), json(&new.outputs), json(&new.lineage), json(&new.made)),
            )?;
            let id = transaction.last_insert_rowid();
            insert_metrics(&transaction, id, &new.metrics)?;
            transaction.commit()?;
            Ok(Record { id, fingerprint, outputs: new.outputs.clone(), made: new.made.clone() })
        };
        insert().map_err(|source| self.database(source))
    }

    /// Keeps a recipe before it has a result, so that a later one can be held against it.
    ///
    /// # Errors
    /// The ledger cannot be written.
    pub fn remember_recipe(&self, fingerprint: &Digest, kind: &str, manifest: &str) -> Result<(), StoreError> {
        self.ledger()
            .execute(
                "insert or ignore into recipes (fingerprint, kind, manifest) values (?1, ?2, ?3)",
                (fingerprint.bytes(), kind, manifest),
            )
            .map(drop)
            .map_err(|source| self.database(source))
    }

    /// The stored recipe of a fingerprint, as canonical JSON.
    ///
    /// # Errors
    /// The ledger cannot be read.
    pub fn manifest(&self, fingerprint: &Digest) -> Result<Option<String>, StoreError> {
        self.ledger()
            .query_row("select manifest from recipes where fingerprint = ?1", [fingerprint.bytes()], |row| row.get(0))
            .optional()
            .map_err(|source| self.database(source))
    }

    /// The metrics of a result.
    ///
    /// # Errors
    /// The ledger cannot be read.
    pub fn metrics(&self, record: i64) -> Result<Vec<MetricRow>, StoreError> {
        let ledger = self.ledger();
        let find = || {
            let mut statement = ledger
                .prepare_cached("select name, value, unit, direction, case_id from metrics where artifact = ?1")?;
            let rows = statement.query_map([record], |row| {
                let direction: String = row.get(3)?;
                Ok(MetricRow {
                    name: row.get(0)?,
                    value: row.get(1)?,
                    unit: row.get(2)?,
                    direction: serde_json::from_value(direction.into()).unwrap_or(crate::Direction::Higher),
                    case: row.get(4)?,
                })
            })?;
            rows.collect::<rusqlite::Result<_>>()
        };
        find().map_err(|source| self.database(source))
    }

    /// How many results each stage kind has, by name.
    ///
    /// # Errors
    /// The ledger cannot be read.
    pub fn kinds(&self) -> Result<BTreeMap<String, u64>, StoreError> {
        let ledger = self.ledger();
        let find = || {
            let mut statement = ledger.prepare_cached(
                "select kind, count(*) from artifacts join recipes using (fingerprint) group by kind order by kind",
            )?;
            let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get::<_, i64>(1)?.cast_unsigned())))?;
            rows.collect::<rusqlite::Result<_>>()
        };
        find().map_err(|source| self.database(source))
    }

    /// The folder in which a recipe's checkpoints lie between attempts.
    ///
    /// # Errors
    /// It cannot be made.
    pub fn resume_folder(&self, fingerprint: &Digest) -> Result<PathBuf, StoreError> {
        let folder = self.root.join("resume").join(fingerprint.to_string());
        fs::create_dir_all(&folder).map_err(|source| StoreError::io("create", &folder, source))?;
        Ok(folder)
    }

    /// Removes a recipe's checkpoints, once its result is published.
    ///
    /// # Errors
    /// They cannot be removed.
    pub fn drop_resume(&self, fingerprint: &Digest) -> Result<(), StoreError> {
        let folder = self.root.join("resume").join(fingerprint.to_string());
        match fs::remove_dir_all(&folder) {
            Err(source) if source.kind() != std::io::ErrorKind::NotFound => {
                Err(StoreError::io("remove", &folder, source))
            }
            _ => Ok(()),
        }
    }

    /// Writes a file below the store's folder, whole or not at all.
    ///
    /// # Errors
    /// It cannot be written.
    pub fn write(&self, path: &Path, contents: &[u8]) -> Result<(), StoreError> {
        write_atomic(path, contents)
    }
}

fn json(value: &impl serde::Serialize) -> String {
    serde_json::to_string(value).expect("records are plain data")
}

fn insert_metrics(transaction: &Transaction<'_>, artifact: i64, metrics: &[MetricRow]) -> rusqlite::Result<()> {
    let mut statement = transaction.prepare_cached(
        "insert into metrics (artifact, name, value, unit, direction, case_id) values (?1, ?2, ?3, ?4, ?5, ?6)",
    )?;
    for MetricRow { name, value, unit, direction, case } in metrics {
        let direction = serde_json::to_value(direction).ok();
        let direction = direction.as_ref().and_then(serde_json::Value::as_str).unwrap_or_default();
        statement.execute((artifact, name, value, unit, direction, case))?;
    }
    Ok(())
}

fn record(row: &Row<'_>) -> rusqlite::Result<Record> {
    let parse = |column: usize, error| {
        rusqlite::Error::FromSqlConversionFailure(column, rusqlite::types::Type::Text, Box::new(error))
    };
    let outputs: String = row.get(2)?;
    let made: String = row.get(3)?;
    Ok(Record {
        id: row.get(0)?,
        fingerprint: Digest::from_bytes(row.get(1)?),
        outputs: serde_json::from_str(&outputs).map_err(|error| parse(2, error))?,
        made: serde_json::from_str(&made).map_err(|error| parse(3, error))?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Made, Output, RunId};

    fn store() -> (tempfile::TempDir, Store) {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let store = Store::open(folder.path()).expect("a new store");
        (folder, store)
    }

    fn new(store: &Store, text: &str) -> NewRecord<'static> {
        let path = store.root().join("text");
        fs::write(&path, text).expect("writable");
        let object = store.put(&path).expect("a file");
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

    #[test]
    fn a_lease_publishes_and_then_it_is_a_hit() {
        let (_folder, store) = store();
        let print = Digest::of(b"recipe");
        let Claim::Miss(lease) = store.claim(&print).expect("a new store") else { panic!("nothing is there yet") };
        assert!(matches!(store.claim(&print).expect("readable"), Claim::Held { by } if by == Some(std::process::id())));
        let record = lease.publish(&new(&store, "one")).expect("writable");
        let Claim::Hit(found) = store.claim(&print).expect("readable") else { panic!("it was published") };
        assert_eq!(found, record);
        assert_eq!(store.manifest(&print).expect("readable").as_deref(), Some("{}"));
    }

    #[test]
    fn a_result_made_anew_becomes_current() {
        let (_folder, store) = store();
        let print = Digest::of(b"recipe");
        for text in ["one", "two"] {
            let Claim::Miss(lease) = store.claim_anew(&print).expect("a new store") else { panic!("nobody else") };
            lease.publish(&new(&store, text)).expect("writable");
        }
        let current = store.current(&print).expect("readable").expect("published");
        assert_eq!(current.outputs[0].object.digest, Digest::of(b"two"));
    }

    #[test]
    fn a_dropped_lease_lets_the_next_in() {
        let (_folder, store) = store();
        let print = Digest::of(b"recipe");
        drop(store.claim(&print).expect("a new store"));
        assert!(matches!(store.claim(&print).expect("readable"), Claim::Miss(_)));
    }
}
