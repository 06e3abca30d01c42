//! Studies and their trials: what a search has decided, so that any process can go on with it.
//!
//! Does not know spaces, samplers or states: points, curves and states are texts. A trial's point is written before anything of it runs,
//! and never changed; its state is that of the last decision about it. Values can be read off results again, decisions cannot.

use rusqlite::{OptionalExtension as _, Row, Transaction};
use serde::Serialize;

use crate::{Digest, RunId, Store, StoreError, fail_point, runs::now, store::Durability};

/// Number of a study.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct StudyId(pub i64);

/// A study that is looked for, or begins.
#[derive(Clone, Copy, Debug)]
pub struct NewStudy<'a> {
    /// Name of the experiment.
    pub experiment: &'a str,
    /// Which part of the experiment it searches for, such as `fold=1`; empty for the whole.
    pub part: &'a str,
    /// What makes it this study and no other.
    pub identity: Digest,
    /// How it searches, as JSON.
    pub definition: &'a str,
}

/// A study as the ledger has it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct StudyRow {
    /// Its number.
    pub id: StudyId,
    /// Name of the experiment.
    pub experiment: String,
    /// Which part of the experiment it searches for.
    pub part: String,
    /// How it searches, as JSON.
    pub definition: String,
    /// When it was begun, RFC 3339.
    pub created: String,
}

/// A trial as the ledger has it.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct TrialRow {
    /// Which trial of the study, from 0.
    pub number: u64,
    /// What it tries, as JSON.
    pub point: String,
    /// `running`, `complete`, `pruned` or `failed`.
    pub state: String,
    /// Its value: that of the objective, or the last one before it was pruned.
    pub value: Option<f64>,
    /// The step at which it was pruned.
    pub step: Option<u64>,
    /// Its values on the way, as JSON.
    pub curve: String,
    /// The values of its folds, as JSON.
    pub folds: String,
    /// Digests of the recipes that its state is about, as JSON.
    pub recipes: String,
    /// Why it was pruned, or has failed.
    pub why: Option<String>,
    /// The run that tries it, or did.
    pub run: RunId,
    /// When it was suggested, RFC 3339.
    pub begun: String,
    /// When it came to its end.
    pub ended: Option<String>,
    /// Seconds that its stages ran.
    pub seconds: f64,
}

impl Store {
    /// The number of a study; a study that nobody has seen begins here.
    ///
    /// # Errors
    /// The ledger cannot be written.
    pub fn study(&self, new: &NewStudy<'_>) -> Result<StudyId, StoreError> {
        if let Some(known) = self.known_study(new)? {
            return Ok(known);
        }
        self.transaction(Durability::Process, |transaction| {
            let sql =
                "insert into studies (experiment, part, identity, definition, created) values (?1, ?2, ?3, ?4, ?5)
                       on conflict do nothing";
            transaction.execute(sql, (new.experiment, new.part, new.identity.bytes(), new.definition, now()))?;
            transaction.query_row(FIND, (new.experiment, new.part, new.identity.bytes()), |row| row.get(0).map(StudyId))
        })
    }

    /// The number of a study; none where nobody has begun it.
    ///
    /// # Errors
    /// The ledger cannot be read.
    pub fn known_study(&self, new: &NewStudy<'_>) -> Result<Option<StudyId>, StoreError> {
        let found = self.ledger().query_row(FIND, (new.experiment, new.part, new.identity.bytes()), |row| row.get(0));
        found.optional().map(|id| id.map(StudyId)).map_err(|source| self.database(source))
    }

    /// All studies of an experiment, in the order in which they began.
    ///
    /// # Errors
    /// The ledger cannot be read.
    pub fn studies(&self, experiment: &str) -> Result<Vec<StudyRow>, StoreError> {
        let ledger = self.ledger();
        let find = || {
            let sql = "select id, experiment, part, definition, created from studies where experiment = ?1 order by id";
            let mut statement = ledger.prepare_cached(sql)?;
            let read = |row: &Row<'_>| {
                Ok(StudyRow {
                    id: StudyId(row.get(0)?),
                    experiment: row.get(1)?,
                    part: row.get(2)?,
                    definition: row.get(3)?,
                    created: row.get(4)?,
                })
            };
            statement.query_map([experiment], read)?.collect::<rusqlite::Result<_>>()
        };
        find().map_err(|source| self.database(source))
    }

    /// The trials of a study, in the order of their numbers.
    ///
    /// # Errors
    /// The ledger cannot be read.
    pub fn trials(&self, study: StudyId) -> Result<Vec<TrialRow>, StoreError> {
        let ledger = self.ledger();
        let find = || {
            let mut statement = ledger.prepare_cached(&format!("{TRIAL} where study = ?1 order by number"))?;
            statement.query_map([study.0], read_trial)?.collect::<rusqlite::Result<_>>()
        };
        find().map_err(|source| self.database(source))
    }

    /// One trial of a study.
    ///
    /// # Errors
    /// The ledger cannot be read.
    pub fn trial(&self, study: StudyId, number: u64) -> Result<Option<TrialRow>, StoreError> {
        self.ledger()
            .prepare_cached(&format!("{TRIAL} where study = ?1 and number = ?2"))
            .and_then(|mut statement| statement.query_row((study.0, number.cast_signed()), read_trial).optional())
            .map_err(|source| self.database(source))
    }

    /// Adds trials with these points, the first under this number, for a run that will try them; false, and nothing is added, where another
    /// process has added that number meanwhile.
    ///
    /// # Errors
    /// The ledger cannot be written.
    pub fn add_trials(&self, study: StudyId, run: RunId, first: u64, points: &[String]) -> Result<bool, StoreError> {
        let added = self.transaction(Durability::Process, |transaction| {
            let next: i64 = transaction
                .prepare_cached("select coalesce(max(number) + 1, 0) from trials where study = ?1")?
                .query_row([study.0], |row| row.get(0))?;
            if next != first.cast_signed() {
                return Ok(false);
            }
            let sql = "insert into trials (study, number, point, state, curve, folds, recipes, run, begun, seconds)
                       values (?1, ?2, ?3, 'running', '{}', '[]', '[]', ?4, ?5, 0)";
            let mut insert = transaction.prepare_cached(sql)?;
            for (number, point) in (next..).zip(points) {
                insert.execute((study.0, number, point, run.0, now()))?;
            }
            Ok(true)
        })?;
        fail_point("trials.added");
        Ok(added)
    }

    /// Gives a trial to another run, which will go on with it; false where it is not that of the run which was thought to have it.
    ///
    /// # Errors
    /// The ledger cannot be written.
    pub fn take_trial(&self, study: StudyId, number: u64, from: RunId, to: RunId) -> Result<bool, StoreError> {
        self.transaction(Durability::Process, |transaction| {
            let sql = "update trials set run = ?4, state = 'running', why = null, ended = null
                       where study = ?1 and number = ?2 and run = ?3";
            Ok(transaction.execute(sql, (study.0, number.cast_signed(), from.0, to.0))? == 1)
        })
    }

    /// Notes what has become of trials.
    ///
    /// Their points, and when they were suggested, stay as they are.
    ///
    /// # Errors
    /// The ledger cannot be written.
    pub fn note_trials<'t>(
        &self,
        study: StudyId,
        trials: impl IntoIterator<Item = &'t TrialRow>,
    ) -> Result<(), StoreError> {
        self.transaction(Durability::Process, |transaction| {
            trials.into_iter().try_for_each(|trial| note(transaction, study, trial))
        })?;
        fail_point("trials.noted");
        Ok(())
    }
}

fn note(transaction: &Transaction<'_>, study: StudyId, trial: &TrialRow) -> rusqlite::Result<()> {
    let sql = "update trials set state = ?3, value = ?4, step = ?5, curve = ?6, folds = ?7, recipes = ?8, why = ?9, run = ?10, \
               ended = ?11, seconds = ?12 where study = ?1 and number = ?2";
    let TrialRow { number, state, value, step, curve, folds, recipes, why, run, ended, seconds, .. } = trial;
    let step = step.map(u64::cast_signed);
    transaction
        .prepare_cached(sql)?
        .execute((study.0, number.cast_signed(), state, value, step, curve, folds, recipes, why, run.0, ended, seconds))
        .map(drop)
}

const FIND: &str = "select id from studies where experiment = ?1 and part = ?2 and identity = ?3";

const TRIAL: &str =
    "select number, point, state, value, step, curve, folds, recipes, why, run, begun, ended, seconds from trials";

fn read_trial(row: &Row<'_>) -> rusqlite::Result<TrialRow> {
    Ok(TrialRow {
        number: row.get::<_, i64>(0)?.cast_unsigned(),
        point: row.get(1)?,
        state: row.get(2)?,
        value: row.get(3)?,
        step: row.get::<_, Option<i64>>(4)?.map(i64::cast_unsigned),
        curve: row.get(5)?,
        folds: row.get(6)?,
        recipes: row.get(7)?,
        why: row.get(8)?,
        run: RunId(row.get(9)?),
        begun: row.get(10)?,
        ended: row.get(11)?,
        seconds: row.get(12)?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture;

    const NEW: NewStudy<'static> =
        NewStudy { experiment: "e", part: "", identity: Digest::from_bytes([7; 32]), definition: "{}" };

    #[test]
    fn a_study_is_found_again_and_another_identity_is_another_study() {
        let (_folder, store) = fixture::store();
        assert_eq!(store.known_study(&NEW).expect("readable"), None);
        let first = store.study(&NEW).expect("writable");
        assert_eq!(store.study(&NEW).expect("writable"), first);
        let other = store.study(&NewStudy { identity: Digest::from_bytes([8; 32]), ..NEW }).expect("writable");
        let part = store.study(&NewStudy { part: "fold=1", ..NEW }).expect("writable");
        assert_eq!(
            store.studies("e").expect("readable").iter().map(|row| row.id).collect::<Vec<_>>(),
            [first, other, part]
        );
        assert_eq!(store.studies("another").expect("readable"), []);
    }

    #[test]
    fn a_number_is_given_out_once() {
        let (_folder, store) = fixture::store();
        let (study, run) = (store.study(&NEW).expect("writable"), fixture::run(&store));
        let points = ["{\"x\":1}".to_owned(), "{\"x\":2}".to_owned()];
        assert!(store.add_trials(study, run, 0, &points).expect("writable"));
        assert!(!store.add_trials(study, run, 0, &points[..1]).expect("writable"));
        assert!(!store.add_trials(study, run, 3, &points[..1]).expect("writable"));
        assert!(store.add_trials(study, run, 2, &points[..1]).expect("writable"));
        let found = store.trials(study).expect("readable");
        assert_eq!(
            found.iter().map(|row| (row.number, row.point.as_str())).collect::<Vec<_>>(),
            [(0, "{\"x\":1}"), (1, "{\"x\":2}"), (2, "{\"x\":1}")]
        );
        assert!(found.iter().all(|row| row.state == "running" && row.run == run && row.ended.is_none()));
    }

    #[test]
    fn what_became_of_a_trial_is_noted_and_its_point_stays() {
        let (_folder, store) = fixture::store();
        let (study, run) = (store.study(&NEW).expect("writable"), fixture::run(&store));
        store.add_trials(study, run, 0, &["{\"x\":1}".to_owned()]).expect("writable");
        let mut trial = store.trial(study, 0).expect("readable").expect("it was added");
        trial.point = "something else".to_owned();
        (trial.state, trial.value, trial.step) = ("pruned".to_owned(), Some(0.25), Some(u64::MAX));
        (trial.curve, trial.why) = ("{\"1\":0.25}".to_owned(), Some("too slow".to_owned()));
        store.note_trials(study, [&trial]).expect("writable");
        let found = store.trial(study, 0).expect("readable").expect("it was added");
        assert_eq!(found, TrialRow { point: "{\"x\":1}".to_owned(), ..trial });
        assert_eq!(store.trial(study, 1).expect("readable"), None);
    }

    #[test]
    fn a_trial_has_one_taker() {
        let (_folder, store) = fixture::store();
        let (study, dead) = (store.study(&NEW).expect("writable"), fixture::run(&store));
        store.add_trials(study, dead, 0, &["{}".to_owned()]).expect("writable");
        let (one, other) = (fixture::run(&store), fixture::run(&store));
        assert!(store.take_trial(study, 0, dead, one).expect("writable"));
        assert!(!store.take_trial(study, 0, dead, other).expect("writable"));
        assert_eq!(store.trial(study, 0).expect("readable").map(|trial| trial.run), Some(one));
    }
}
