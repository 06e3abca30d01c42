//! The last result of a stage, whatever recipe made it; and all results of one recipe.
//!
//! Does not know when such a result may stand.

use std::collections::BTreeMap;

use rusqlite::OptionalExtension as _;

use crate::{Digest, Record, RunId, Store, StoreError, results::record};

impl Store {
    /// The last result that a stage of an experiment had, made or found.
    ///
    /// # Errors
    /// The ledger cannot be read.
    pub fn last_result(&self, experiment: &str, stage: &str) -> Result<Option<Record>, StoreError> {
        // What was found last; else, after a failure of a newer recipe, what was made last.
        let found = self.stage(experiment, stage)?.filter(|row| ["done", "cached"].contains(&row.state.as_str()));
        if let Some(row) = found
            && let Some(record) = self.current(&row.fingerprint)?
        {
            return Ok(Some(record));
        }
        let made = {
            let ledger = self.ledger();
            let find = || {
                ledger
                    .prepare_cached(
                        "select attempts.fingerprint from attempts join runs on runs.id = attempts.run
                         where runs.experiment = ?1 and attempts.stage = ?2 and attempts.outcome = 'done'
                         order by attempts.run desc, attempts.number desc limit 1",
                    )?
                    .query_row((experiment, stage), |row| row.get(0))
                    .optional()
            };
            find().map_err(|source| self.database(source))?
        };
        made.map_or(Ok(None), |bytes| self.current(&Digest::from_bytes(bytes)))
    }

    /// The result that a stage published in a run; the last one where it published several.
    ///
    /// # Errors
    /// The ledger cannot be read.
    pub fn made_in(&self, run: RunId, stage: &str) -> Result<Option<Record>, StoreError> {
        let ledger = self.ledger();
        let find = || {
            ledger
                .prepare_cached(
                    "select artifacts.id, artifacts.fingerprint, outputs, made from attempts
                     join artifacts on artifacts.fingerprint = attempts.fingerprint and made ->> '$.run' = ?1
                     where attempts.run = ?1 and stage = ?2 and outcome = 'done' order by artifacts.id desc limit 1",
                )?
                .query_row((run.0, stage), record)
                .optional()
        };
        find().map_err(|source| self.database(source))
    }

    /// Which result each stage of an experiment had in its last run, before another where one is given; nothing where
    /// no run has noted it.
    ///
    /// # Errors
    /// The ledger cannot be read.
    pub fn last_uses(&self, experiment: &str, before: Option<RunId>) -> Result<BTreeMap<String, i64>, StoreError> {
        let list: Option<String> = {
            let ledger = self.ledger();
            let find = || {
                ledger
                    .prepare_cached(
                        "select artifacts from runs join uses on digest = used
                         where experiment = ?1 and id < ?2 order by id desc limit 1",
                    )?
                    .query_row((experiment, before.map_or(i64::MAX, |run| run.0)), |row| row.get(0))
                    .optional()
            };
            find().map_err(|source| self.database(source))?
        };
        let uses: Vec<(String, i64)> = list.and_then(|list| serde_json::from_str(&list).ok()).unwrap_or_default();
        Ok(uses.into_iter().collect())
    }

    /// The recipe of a result, by its row.
    ///
    /// # Errors
    /// The ledger cannot be read.
    pub fn recipe_of(&self, artifact: i64) -> Result<Option<Digest>, StoreError> {
        let ledger = self.ledger();
        let find = || {
            ledger
                .prepare_cached("select fingerprint from artifacts where id = ?1")?
                .query_row([artifact], |row| row.get(0).map(Digest::from_bytes))
                .optional()
        };
        find().map_err(|source| self.database(source))
    }

    /// All results of a recipe, the newest first.
    ///
    /// # Errors
    /// The ledger cannot be read.
    pub fn results(&self, fingerprint: &Digest) -> Result<Vec<Record>, StoreError> {
        let ledger = self.ledger();
        let find = || {
            let mut statement = ledger.prepare_cached(
                "select id, fingerprint, outputs, made from artifacts where fingerprint = ?1 order by id desc",
            )?;
            let rows = statement.query_map([fingerprint.bytes()], record)?;
            rows.collect::<rusqlite::Result<_>>()
        };
        find().map_err(|source| self.database(source))
    }
}
