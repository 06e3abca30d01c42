//! A study under way: its trials as the ledger has them, which of them this run tries, and what they have come to.
//!
//! Does not know stages; a value comes from somewhere.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Instant,
};

use pipe_store::{NewStudy, RunId, Store, StoreError, StudyId, TrialRow};
use serde_json::{Map, Value as Json};

use super::layout::{Folds, Layout, Tried};
use crate::{Curve, Finite, Point, Promotion, State, Study, Sweep, Trial, Verdict};

/// A study under way.
pub(crate) struct Course<'e> {
    pub layout: Layout<'e>,
    pub study: Study,
    /// Its number in the ledger; none before it has a trial.
    pub id: Option<StudyId>,
    /// How many trials there will be.
    pub wanted: u64,
    /// All trials, in the order of their numbers.
    pub trials: Vec<Trial>,
    /// As the ledger has them.
    pub rows: Vec<TrialRow>,
    /// Trials that this run tries.
    pub own: BTreeMap<u64, Own>,
    /// Trials that another process tries.
    pub foreign: BTreeSet<u64>,
    /// Trials that have come to something and are to be tried anew, in their turn.
    pub anew: BTreeSet<u64>,
    /// Stages whose time has been counted.
    pub counted: BTreeSet<String>,
}

/// A trial that this run tries.
#[derive(Clone, Debug, Default)]
pub(crate) struct Own {
    /// The instances that have its values.
    pub targets: Vec<String>,
    /// How many of them have been added to the run.
    pub added: usize,
    /// Values of those that are done; none where a value is no number.
    pub values: BTreeMap<String, Option<Finite>>,
    /// The instance by which it is judged on its way: that of its first fold.
    pub judged: Option<String>,
    /// When running stages of it first said something.
    pub since: BTreeMap<String, Instant>,
    /// Whether observers know of it.
    pub is_told: bool,
    /// Whether the run was told to end it.
    pub is_ending: bool,
    /// Whether what it is judged by has come to its end.
    pub is_heard: bool,
    /// Stages of it that were let start.
    pub begun: Vec<String>,
    /// What it came to before this run; that is found again.
    pub before: Option<State>,
}

/// What to do about trials that have failed before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Failures {
    /// They have failed.
    Stand,
    /// They are tried again.
    AreTriedAgain,
}

const RUNNING: &str = "running";
const COMPLETE: &str = "complete";
const PRUNED: &str = "pruned";
const FAILED: &str = "failed";

impl<'e> Course<'e> {
    pub(crate) fn new(layout: Layout<'e>, study: Study, wanted: u64) -> Self {
        let (own, [foreign, anew], counted) = (BTreeMap::new(), [BTreeSet::new(), BTreeSet::new()], BTreeSet::new());
        Self { layout, study, id: None, wanted, trials: Vec::new(), rows: Vec::new(), own, foreign, anew, counted }
    }

    /// How the ledger finds it.
    pub(crate) fn begin(&mut self, store: &Store, experiment: &str, sweep: &Sweep) -> Result<StudyId, StoreError> {
        if let Some(id) = self.id {
            return Ok(id);
        }
        let (part, definition) = (self.layout.name(), definition(sweep));
        let new = NewStudy { experiment, part: &part, identity: sweep.identity(), definition: &definition };
        let id = store.study(&new)?;
        self.id = Some(id);
        Ok(id)
    }

    /// Reads what the ledger knows.
    pub(crate) fn read(&mut self, store: &Store, experiment: &str, sweep: &Sweep) -> Result<(), StoreError> {
        let (part, definition) = (self.layout.name(), definition(sweep));
        let new = NewStudy { experiment, part: &part, identity: sweep.identity(), definition: &definition };
        self.id = store.known_study(&new)?;
        let Some(id) = self.id else { return Ok(()) };
        for row in store.trials(id)? {
            self.learn(store, row)?;
        }
        Ok(())
    }

    /// Takes over what other processes have noted meanwhile.
    pub(crate) fn look_again(&mut self, store: &Store) -> Result<(), StoreError> {
        let Some(id) = self.id else { return Ok(()) };
        for row in store.trials(id)? {
            if !self.own.contains_key(&row.number) {
                self.learn(store, row)?;
            }
        }
        Ok(())
    }

    fn learn(&mut self, store: &Store, row: TrialRow) -> Result<(), StoreError> {
        let number = row.number;
        // A point that the space lacks is none of this study, whatever wrote it.
        let Some(trial) = self.trial_of(&row) else { return Ok(()) };
        if self.anew.contains(&number) {
            if self.rows[number as usize].run == row.run {
                return Ok(());
            }
            // Another process has tried it anew.
            self.anew.remove(&number);
        }
        self.foreign.remove(&number);
        if row.state == RUNNING && store.is_running(row.run)? {
            self.foreign.insert(number);
        }
        match self.trials.get_mut(number as usize) {
            Some(known) => {
                *known = trial;
                self.rows[number as usize] = row;
            }
            None => {
                self.trials.push(trial);
                self.rows.push(row);
            }
        }
        Ok(())
    }

    fn trial_of(&self, row: &TrialRow) -> Option<Trial> {
        let written: Map<String, Json> = serde_json::from_str(&row.point).ok()?;
        let point = self.study.space().point(&written).ok()?;
        let curve: Curve = serde_json::from_str(&row.curve).unwrap_or_default();
        let value = row.value.and_then(|value| Finite::try_from(value).ok());
        let state = match (row.state.as_str(), value) {
            (COMPLETE, Some(value)) => State::Complete { value },
            (PRUNED, Some(value)) => State::Pruned { step: row.step.unwrap_or_default(), value },
            (RUNNING, _) => State::Running,
            _ => State::Failed,
        };
        Some(Trial { number: row.number, point, state, curve })
    }

    /// Notes what trials have come to.
    pub(crate) fn note(&mut self, store: &Store, run: RunId, number: u64) -> Result<(), StoreError> {
        let (trial, at) = (&self.trials[number as usize], number as usize);
        let row = &mut self.rows[at];
        let (state, value, step) = match trial.state {
            State::Running => (RUNNING, None, None),
            State::Complete { value } => (COMPLETE, Some(value.get()), None),
            State::Pruned { step, value } => (PRUNED, Some(value.get()), Some(step)),
            State::Failed => (FAILED, None, None),
        };
        (row.state, row.value, row.step, row.run) = (state.to_owned(), value, step, run);
        row.curve = serde_json::to_string(&trial.curve).expect("a curve is plain data");
        row.ended = (trial.state != State::Running).then(|| jiff::Timestamp::now().to_string());
        if matches!(trial.state, State::Running | State::Complete { .. }) {
            row.why = None;
        }
        if let Some(own) = self.own.get(&number) {
            let folds: Vec<Option<f64>> =
                own.targets.iter().filter_map(|id| own.values.get(id)).map(|value| value.map(Finite::get)).collect();
            row.folds = serde_json::to_string(&folds).expect("numbers are plain data");
        }
        let Some(id) = self.id else { return Ok(()) };
        store.note_trials(id, [&self.rows[at]])
    }

    /// Notes that a trial has ended, unless another process has taken it up since this one decided to end it.
    pub(crate) fn note_end(&mut self, store: &Store, run: RunId, number: u64) -> Result<(), StoreError> {
        if let (Some(id), true) = (self.id, self.own.get(&number).is_some_and(|own| own.is_ending))
            && store.trial(id, number)?.is_some_and(|row| row.run != run)
        {
            self.foreign.insert(number);
            return Ok(());
        }
        self.note(store, run, number)
    }

    /// The settings of a trial.
    pub(crate) fn tried(&self, number: u64) -> Tried {
        (number, self.trials[number as usize].point.settings(self.study.space()))
    }

    /// What a trial tries, as people read it.
    pub(crate) fn written(&self, number: u64) -> Map<String, Json> {
        self.trials[number as usize].point.written(self.study.space())
    }

    /// The point that the next trial should try; none where there is no further one.
    pub(crate) fn suggest(&self) -> Option<Point> {
        let number = self.trials.len() as u64;
        if number < self.wanted { self.study.suggest(&self.trials, number) } else { None }
    }

    /// A pruned trial that has earned its next rung.
    pub(crate) fn promotion(&self) -> Option<Promotion> {
        self.study.pruner()?.promotion(self.study.goal(), &self.trials)
    }

    /// A new trial as the ledger will have it.
    pub(crate) fn row(&self, number: u64, point: &Point) -> TrialRow {
        let text = || "[]".to_owned();
        TrialRow {
            number,
            point: Json::Object(point.written(self.study.space())).to_string(),
            state: RUNNING.to_owned(),
            value: None,
            step: None,
            curve: "{}".to_owned(),
            folds: text(),
            recipes: text(),
            why: None,
            run: RunId::default(),
            begun: jiff::Timestamp::now().to_string(),
            ended: None,
            seconds: 0.0,
        }
    }

    /// Adds a trial that is known to the ledger.
    pub(crate) fn add(&mut self, point: Point, row: TrialRow) {
        let is_judged = self.study.pruner().is_some();
        let equal = if is_judged { self.study.equal(&point, &self.trials) } else { None };
        // Its stages go on where those of the equal one stand.
        let curve = equal.map(|equal| equal.curve.clone()).unwrap_or_default();
        self.trials.push(Trial { number: row.number, point, state: State::Running, curve });
        self.own.insert(row.number, Own::default());
        self.rows.push(row);
    }

    /// Adds the next trial, which nobody has begun; whether there is one.
    pub(crate) fn foresee(&mut self) -> bool {
        let Some(point) = self.suggest() else { return false };
        let row = self.row(self.trials.len() as u64, &point);
        self.add(point, row);
        true
    }

    /// Takes a value on a trial's way, and judges.
    pub(crate) fn judged(&mut self, number: u64, step: u64, value: f64) -> Verdict {
        let trial = &mut self.trials[number as usize];
        let Ok(value) = Finite::try_from(value) else { return Verdict::Keep };
        if trial.curve.at(step).is_some_and(|known| known != value) {
            // What is done anew, on a device that rounds in another order, counts as it came out now.
            let before: Vec<(u64, Finite)> = trial.curve.values().filter(|(known, _)| *known < step).collect();
            trial.curve = Curve::default();
            before.into_iter().for_each(|(step, value)| trial.curve.add(step, value.get()).expect("each step once"));
        }
        // A step that it came through before its process died is not judged again.
        let is_new = trial.curve.last().is_none_or(|(last, _)| last < step);
        trial.curve.add(step, value.get()).expect("the step has this value or none");
        let trial = &self.trials[number as usize];
        if is_new && trial.state == State::Running { self.study.judge(trial, &self.trials) } else { Verdict::Keep }
    }

    /// The first trial that waits for its turn: its process has died, or it is to be tried anew.
    pub(crate) fn waiting(&self) -> Option<u64> {
        let waits = |trial: &&Trial| {
            let is_orphan = trial.state == State::Running && !self.foreign.contains(&trial.number);
            (is_orphan || self.anew.contains(&trial.number)) && !self.own.contains_key(&trial.number)
        };
        self.trials.iter().find(waits).map(|trial| trial.number)
    }

    /// The trial that waits, now one of this run.
    pub(crate) fn taken_over(&mut self, store: &Store, run: RunId) -> Result<Option<u64>, StoreError> {
        let (Some(number), Some(id)) = (self.waiting(), self.id) else { return Ok(None) };
        let row = &self.rows[number as usize];
        if row.run != run && !store.take_trial(id, number, row.run, run)? {
            self.look_again(store)?;
            return Ok(None);
        }
        if self.anew.contains(&number) && self.trials[number as usize].curve.last().is_none() {
            self.rows[number as usize].seconds = 0.0;
        }
        self.take(number);
        self.rows[number as usize].run = run;
        Ok(Some(number))
    }

    /// Makes a trial one of this run's, as if nothing had come of it.
    pub(crate) fn take(&mut self, number: u64) {
        self.anew.remove(&number);
        self.own.insert(number, Own::default());
        self.trials[number as usize].state = State::Running;
        let row = &mut self.rows[number as usize];
        (row.why, row.ended) = (None, None);
    }

    /// Whether nothing is left to be tried.
    pub(crate) fn is_over(&self) -> bool {
        let all = self.trials.len() as u64 >= self.wanted;
        let is_running = |trial: &Trial| trial.state == State::Running;
        all && self.own.is_empty()
            && self.foreign.is_empty()
            && self.anew.is_empty()
            && !self.trials.iter().any(is_running)
            && self.promotion().is_none()
    }

    /// How much of a new trial is laid out at first.
    pub(crate) fn first(&self) -> Folds {
        if self.study.pruner().is_some() { Folds::First(1) } else { Folds::All }
    }
}

fn definition(sweep: &Sweep) -> String {
    serde_json::to_string(sweep).expect("a search is plain data")
}
