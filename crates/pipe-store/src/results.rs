//! Results: look-ups of what a recipe made, and the one transaction that publishes.
//!
//! Does not know when something must run; it answers whether a result is there.

use std::{collections::BTreeMap, fs, path::PathBuf};

use rusqlite::{OptionalExtension as _, Row, Transaction};

use crate::{
    Attempt, Claim, Digest, Direction, Holder, Lease, MetricRow, NewRecord, Record, Store, StoreError, attempts,
    fail_point,
    store::{Durability, json},
};

impl Store {
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
            // One transaction: each of its own would lock the file, look at the log and unlock it.
            let transaction = ledger.unchecked_transaction()?;
            let mut statement = transaction.prepare_cached(
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
    pub fn claim(&self, fingerprint: &Digest, holder: &Holder) -> Result<Claim<'_>, StoreError> {
        if let Some(record) = self.current(fingerprint)? {
            return Ok(Claim::Hit(record));
        }
        match self.claim_anew(fingerprint, holder)? {
            // Another process may have published between the look-up and the lock.
            Claim::Miss(lease) => Ok(self.current(fingerprint)?.map_or(Claim::Miss(lease), Claim::Hit)),
            other => Ok(other),
        }
    }

    /// Gives the right to make a result even if there is one.
    ///
    /// # Errors
    /// The lock cannot be made.
    pub fn claim_anew(&self, fingerprint: &Digest, holder: &Holder) -> Result<Claim<'_>, StoreError> {
        self.writable()?;
        Ok(match Lease::take(self, *fingerprint, holder)? {
            Ok(lease) => Claim::Miss(lease),
            Err(by) => Claim::Held { by },
        })
    }

    /// The stored recipe of a fingerprint, as canonical JSON.
    ///
    /// # Errors
    /// The ledger cannot be read.
    pub fn manifest(&self, fingerprint: &Digest) -> Result<Option<String>, StoreError> {
        let ledger = self.ledger();
        let find = || {
            ledger
                .prepare_cached("select manifest from recipes where fingerprint = ?1")?
                .query_row([fingerprint.bytes()], |row| row.get(0))
                .optional()
        };
        find().map_err(|source| self.database(source))
    }

    /// Recipes of a kind that have a result and whose manifests hold a text.
    ///
    /// # Errors
    /// The ledger cannot be read.
    pub fn recipes_with(&self, kind: &str, text: &str) -> Result<Vec<(Digest, String)>, StoreError> {
        let ledger = self.ledger();
        let find = || {
            let sql = "select recipes.fingerprint, manifest from recipes
                       join artifacts on artifacts.fingerprint = recipes.fingerprint and current = 1
                       where kind = ?1 and instr(manifest, ?2) > 0";
            let mut statement = ledger.prepare_cached(sql)?;
            let rows = statement.query_map((kind, text), |row| Ok((Digest::from_bytes(row.get(0)?), row.get(1)?)))?;
            rows.collect::<rusqlite::Result<_>>()
        };
        find().map_err(|source| self.database(source))
    }

    /// Whether an unfinished attempt of a recipe has left something to go on from.
    pub fn has_checkpoint(&self, fingerprint: &Digest) -> bool {
        fs::read_dir(self.resume_path(fingerprint)).is_ok_and(|mut files| files.next().is_some())
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
                    direction: serde_json::from_value(direction.into()).unwrap_or(Direction::Higher),
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
        let folder = self.resume_path(fingerprint);
        fs::create_dir_all(&folder).map_err(|source| StoreError::io("create", &folder, source))?;
        Ok(folder)
    }

    /// Where checkpoints of a recipe lie, if there are any.
    pub fn resume_path(&self, fingerprint: &Digest) -> PathBuf {
        self.root().join("resume").join(fingerprint.to_string())
    }
}

impl Lease<'_> {
    /// Publishes a result, in the one transaction of a stage that waits for the disk; it becomes the current one of its
    /// recipe, and the attempt is done.
    ///
    /// The lease stays: what belongs to the attempt is cleaned up before the next process may begin.
    ///
    /// # Errors
    /// The ledger cannot be written; nothing is published then.
    pub fn publish(
        &self,
        new: &NewRecord<'_>,
        attempt: &Attempt,
        facts: &serde_json::Value,
    ) -> Result<Record, StoreError> {
        let (store, fingerprint) = (self.store, self.fingerprint);
        let id = store.transaction(Durability::Power, |transaction| {
            attempts::remember(transaction, &fingerprint, new.kind, new.manifest)?;
            let id = insert(transaction, &fingerprint, new)?;
            attempts::end(transaction, attempt, "done", facts)?;
            fail_point("publish.row");
            Ok(id)
        })?;
        fail_point("publish.committed");
        attempt.clean();
        // What cannot be removed is in nobody's way: nobody resumes a recipe that has a result.
        drop(fs::remove_dir_all(store.resume_path(&fingerprint)));
        fail_point("publish.cleaned");
        Ok(Record { id, fingerprint, outputs: new.outputs.clone(), made: new.made.clone() })
    }
}

fn insert(transaction: &Transaction<'_>, fingerprint: &Digest, new: &NewRecord<'_>) -> rusqlite::Result<i64> {
    transaction
        .prepare_cached("update artifacts set current = 0 where fingerprint = ?1 and current = 1")?
        .execute([fingerprint.bytes()])?;
    transaction
        .prepare_cached(
            "insert into artifacts (fingerprint, current, outputs, lineage, made) values (?1, 1, ?2, ?3, ?4)",
        )?
        .execute((fingerprint.bytes(), json(&new.outputs), json(&new.lineage), json(&new.made)))?;
    let id = transaction.last_insert_rowid();
    let mut statement = transaction.prepare_cached(
        "insert into metrics (artifact, name, value, unit, direction, case_id) values (?1, ?2, ?3, ?4, ?5, ?6)",
    )?;
    for MetricRow { name, value, unit, direction, case } in &new.metrics {
        let direction = serde_json::to_value(direction).ok();
        let direction = direction.as_ref().and_then(serde_json::Value::as_str).unwrap_or_default();
        statement.execute((id, name, value, unit, direction, case))?;
    }
    Ok(id)
}

pub(crate) fn record(row: &Row<'_>) -> rusqlite::Result<Record> {
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
    use crate::{
        fixture::{attempt, new_record, run, store},
        ledger::Journal,
    };

    #[test]
    fn a_lease_publishes_and_then_it_is_a_hit() {
        let (_folder, store) = store();
        let attempt = attempt(&store, run(&store), "a", "recipe");
        let print = attempt.fingerprint;
        let holder = Holder::here(attempt.run, "e", "a");
        let resume = store.resume_folder(&print).expect("writable");
        let Claim::Miss(lease) = store.claim(&print, &holder).expect("a new store") else { panic!("nothing yet") };
        let facts = serde_json::json!({ "peak_bytes": 17 });
        let record = lease.publish(&new_record(&store, "one"), &attempt, &facts).expect("writable");
        let Claim::Hit(found) = store.claim(&print, &holder).expect("readable") else { panic!("it was published") };
        assert_eq!(found, record);
        assert_eq!(store.stage("e", "a").expect("readable").expect("noted").state, "done");
        assert!(!resume.exists() && !attempt.folder.join("scratch").exists() && attempt.folder.exists());
        let row: (String, String) = store
            .ledger()
            .query_row("select outcome, facts from attempts", [], |row| Ok((row.get(0)?, row.get(1)?)))
            .expect("a row");
        assert_eq!(row, ("done".into(), r#"{"peak_bytes":17}"#.into()));
    }

    #[test]
    fn a_result_made_anew_becomes_current() {
        let (_folder, store) = store();
        let run = run(&store);
        for text in ["one", "two"] {
            let attempt = attempt(&store, run, "a", "recipe");
            let claim = store.claim_anew(&attempt.fingerprint, &Holder::default()).expect("a new store");
            let Claim::Miss(lease) = claim else { panic!("nobody else") };
            lease.publish(&new_record(&store, text), &attempt, &serde_json::Value::Null).expect("writable");
        }
        let current = store.current(&Digest::of(b"recipe")).expect("readable").expect("published");
        assert_eq!(current.outputs[0].object.digest, Digest::of(b"two"));
    }

    #[test]
    fn a_published_row_waits_for_the_disk_and_others_do_not() {
        let (_folder, store) = store();
        let level = |ledger: &rusqlite::Connection| {
            ledger.pragma_query_value(None, "synchronous", |row| row.get::<_, i64>(0)).expect("a level")
        };
        let inside =
            |durability| store.transaction(durability, |transaction| Ok(level(transaction))).expect("writable");
        assert_eq!(inside(Durability::Power), 2);
        // Full again where a rollback journal could not do without.
        assert_eq!(inside(Durability::Process), if store.journal == Journal::Ahead { 1 } else { 2 });
    }
}
