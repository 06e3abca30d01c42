//! A search that takes part in a run: it suggests trials, hears what their stages come to, ends some early, and at the end lets the whole
//! experiment run with the settings of the best.
//!
//! Does not know stage kinds, nor how stages run. In bullets:
//! * What was decided stands in the ledger: points, what was pruned and why. A trial's value is read off its results again by every run, so
//!   that a changed evaluation is seen; a trial that was pruned stays so as long as its recipe is the same.
//! * A trial whose process died is gone on with by the next one that comes; a trial that a living process tries is left to it.
//! * Without a pruner, trials that follow from their number alone are all there from the start. Otherwise a trial is added when a slot is
//!   free and nothing waits for it, so that one run at a time gives the same trials by the same seed.
//! * A pruned trial that has earned its next rung since is taken up again: its stage goes on from its checkpoint.

mod course;
mod layout;
mod next;
mod opening;
mod probe;
mod steering;

use std::collections::VecDeque;

use pipe_engine::{Event, NotGrown, Order, Plan, PlanNode, Registry, TrialState};
use pipe_spec::{Composed, Experiment, Problem, Problems};
use pipe_store::{StoreError, TrialRow};
use serde_json::{Map, Value as Json};

use self::{course::Course, layout::Folds};
pub use self::{course::Failures, layout::INNER, steering::Steered};
use crate::{State, Study, Sweep, Trial};

/// What a search must be told of stages.
#[derive(Clone, Copy, Debug)]
pub struct Kinds {
    /// The kinds.
    pub registry: Registry,
    /// What is wrong with a plan beside its kinds and ports.
    pub wrong: fn(&Plan) -> Vec<Problem>,
    /// The numbers that a stage reports, where they are known before it runs.
    pub reports: fn(&PlanNode) -> Option<Vec<String>>,
    /// Which stages of a plan see cases that a search must not see, in words.
    pub peeks: fn(&Plan, Inner<'_>) -> Vec<String>,
    /// What says which cases there are and how they are divided: equal for all trials; none where a stage says nothing of it.
    pub divides: fn(&PlanNode) -> Option<Json>,
}

/// Whether trials work on inner folds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Inner<'n> {
    /// They do, on those of this stage: nothing outside of these may be seen.
    Folds(&'n str),
    /// They work on folds: what those test must not be seen.
    None,
}

/// Why a search cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum NoSearch {
    /// The experiment is wrong.
    #[error(transparent)]
    Problems(#[from] Problems),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// What the store knows of pruned trials cannot be held against it.
    #[error(transparent)]
    Broken(#[from] pipe_engine::Broken),
}

/// An experiment's search: one study, or one for each outer fold.
pub struct Search<'e> {
    composed: Composed<'e>,
    sweep: Sweep,
    experiment: String,
    courses: Vec<Course<'e>>,
    kinds: Kinds,
    /// How many trials are tried at once.
    jobs: usize,
    /// Whether the whole experiment with the best settings has been added.
    is_final: bool,
    /// Why no further trial is added.
    closed: Option<String>,
    /// Whether somebody was told that no stage says what trials are judged by.
    is_deaf: bool,
    orders: VecDeque<Order>,
    trouble: Option<pipe_engine::EngineError>,
    run: pipe_store::RunId,
}

/// A study as it stands, for those who only look.
#[derive(Clone, Copy, Debug)]
pub struct Standing<'s> {
    /// The study.
    pub study: &'s Study,
    /// Its trials, in the order of their numbers.
    pub trials: &'s [Trial],
    /// As the ledger has them.
    pub rows: &'s [TrialRow],
    /// How many trials there will be.
    pub wanted: u64,
}

impl<'e> Search<'e> {
    /// What the experiment says of its search.
    pub fn sweep(&self) -> &Sweep {
        &self.sweep
    }

    /// The studies by the parts of the experiment that they search for; the part of one for the whole is empty.
    pub fn standings(&self) -> impl Iterator<Item = (String, Standing<'_>)> {
        self.courses.iter().map(|course| {
            let Course { study, trials, rows, wanted, .. } = course;
            (course.layout.name(), Standing { study, trials, rows, wanted: *wanted })
        })
    }

    /// Whether nothing is left to be tried.
    pub fn is_over(&self) -> bool {
        let is_decided = |course: &Course<'_>| {
            let is_undecided = |own: &course::Own| own.before.is_none();
            course.trials.len() as u64 >= course.wanted
                && course.foreign.is_empty()
                && !course.own.values().any(is_undecided)
                && course.waiting().is_none()
                && course.promotion().is_none()
        };
        self.courses.iter().all(is_decided)
    }

    /// Whether there will be trials that are not known yet.
    pub fn has_more(&self) -> bool {
        let has_more = |course: &Course<'_>| (course.trials.len() as u64) < course.wanted || course.waiting().is_some();
        self.closed.is_none() && self.courses.iter().any(has_more)
    }

    /// Whether other processes try trials of it.
    pub fn is_elsewhere(&self) -> bool {
        self.courses.iter().any(|course| !course.foreign.is_empty())
    }

    /// Whether a run would do nothing but what is planned.
    pub fn is_settled(&self) -> bool {
        self.is_over() && self.is_final
    }

    /// The trials that this run has to do with, as one experiment with all that their objectives need.
    ///
    /// # Errors
    /// The experiment is wrong.
    pub fn trials(&mut self) -> Result<Option<Experiment>, Problems> {
        let mut whole: Option<Experiment> = None;
        for course in &mut self.courses {
            let numbers: Vec<u64> = course.own.keys().copied().collect();
            if numbers.is_empty() {
                continue;
            }
            let tried: Vec<_> = numbers.iter().map(|number| course.tried(*number)).collect();
            let all = course.layout.laid_out(&tried, Folds::All)?;
            let mut experiment = all.experiment;
            // What is not complete begins as a new trial does.
            let first = course.first();
            let is_begun = |number: &u64| matches!(course.own[number].before, Some(State::Complete { .. }));
            if first != Folds::All && !numbers.iter().all(is_begun) {
                let (begun, new): (Vec<_>, Vec<_>) = tried.into_iter().partition(|(number, _)| is_begun(number));
                experiment = course.layout.laid_out(&new, first)?.experiment;
                if !begun.is_empty() {
                    experiment = joined(experiment, course.layout.laid_out(&begun, Folds::All)?.experiment);
                }
            }
            for (number, targets) in all.targets {
                let own = course.own.get_mut(&number).expect("only own trials were laid out");
                let is_whole = first == Folds::All || matches!(own.before, Some(State::Complete { .. }));
                own.added = if is_whole { targets.len() } else { 1 };
                own.targets = targets;
            }
            let (of, _) = self.sweep.objective.on_the_way();
            for stage in experiment.stages.iter().filter(|stage| stage.stage == of) {
                let Some(own) = course.layout.number(&stage.axes).and_then(|number| course.own.get_mut(&number)) else {
                    continue;
                };
                own.judged.get_or_insert_with(|| stage.id.clone());
            }
            whole = Some(match whole {
                Some(before) => joined(before, experiment),
                None => experiment,
            });
        }
        Ok(whole)
    }

    /// The whole experiment with the best settings so far; none where a study has none.
    ///
    /// # Errors
    /// The experiment is wrong with these settings.
    pub fn best(&self) -> Result<Option<Composed<'e>>, Problems> {
        let settings: Option<Vec<Map<String, Json>>> = self
            .courses
            .iter()
            .map(|course| Some(course.tried(course.study.best(&course.trials)?.0.number).1))
            .collect();
        settings.map(|settings| layout::best(&self.composed, &self.sweep, &settings)).transpose()
    }

    /// Says that the plan has the whole experiment with the best settings.
    pub fn has_best(&mut self) {
        self.is_final = true;
    }

    /// What is to be said of the trials that have come to their ends.
    pub fn results(&self) -> Vec<Event> {
        let all = |(at, course): (usize, &Course<'_>)| {
            let ended = course.trials.iter().filter(|trial| trial.state != State::Running);
            ended.map(|trial| self.told(at, trial.number)).collect::<Vec<_>>()
        };
        self.courses.iter().enumerate().flat_map(all).collect()
    }

    /// What is to be said of a trial.
    fn told(&self, course: usize, number: u64) -> Event {
        let course = &self.courses[course];
        let trial = &course.trials[number as usize];
        let (state, value) = match trial.state {
            State::Running => (TrialState::Running, None),
            State::Complete { value } => (TrialState::Complete, Some(value.get())),
            State::Pruned { value, .. } => (TrialState::Pruned, Some(value.get())),
            State::Failed => (TrialState::Failed, None),
        };
        let (trial, settings) = (course.layout.trial(number), course.written(number));
        Event::Trial { trial, settings, state, value }
    }
}

/// Two experiments of the same stages at different points, as one.
pub fn joined(mut one: Experiment, other: Experiment) -> Experiment {
    let known: std::collections::BTreeSet<String> = one.stages.iter().map(|stage| stage.id.clone()).collect();
    one.stages.extend(other.stages.into_iter().filter(|stage| !known.contains(&stage.id)));
    for (axis, values) in other.axes {
        let own = one.axes.entry(axis).or_default();
        for value in values {
            if !own.contains(&value) {
                own.push(value);
            }
        }
    }
    one
}

fn not_grown(problems: Problems) -> pipe_engine::EngineError {
    pipe_engine::EngineError::Grown(Box::new(NotGrown::Problems(problems)))
}
