//! What has come of each part's stages and trials: counted, so that no event makes anybody look at all of them.
//!
//! Does not know what is told of it.

use std::collections::{BTreeMap, BTreeSet};

use pipe_engine::TrialState;

use super::Interrupted;
use crate::message::{Metric, Status};

/// What became of a stage.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum State {
    Running,
    Cached,
    Done,
    Failed,
    /// A search ended it: neither a failure nor a result.
    Pruned,
    Skipped,
}

impl State {
    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Running => "running",
            Self::Cached => "cached",
            Self::Done => "done",
            Self::Failed => "failed",
            Self::Pruned => "pruned",
            Self::Skipped => "skipped",
        }
    }
}

/// Stages by what became of them.
#[derive(Debug, Default)]
pub(super) struct Count {
    pub stages: usize,
    good: usize,
    failed: usize,
    pruned: usize,
}

impl Count {
    /// Stages that have no end yet.
    pub(super) fn left(&self) -> usize {
        self.stages - self.good - self.failed - self.pruned
    }

    pub(super) fn failed(&self) -> usize {
        self.failed
    }

    pub(super) fn pruned(&self) -> usize {
        self.pruned
    }

    /// A stage of them has another state.
    pub(super) fn change(&mut self, before: Option<State>, now: State) {
        if let Some(count) = before.and_then(|before| self.of(before)) {
            *count -= 1;
        }
        if let Some(count) = self.of(now) {
            *count += 1;
        }
    }

    fn of(&mut self, state: State) -> Option<&mut usize> {
        match state {
            State::Running => None,
            State::Cached | State::Done => Some(&mut self.good),
            State::Failed | State::Skipped => Some(&mut self.failed),
            State::Pruned => Some(&mut self.pruned),
        }
    }
}

/// The trials that lie right below a part.
#[derive(Debug, Default)]
pub(super) struct Search {
    pub trials: usize,
    pub complete: usize,
    /// Those that have begun and not ended.
    pub open: usize,
    /// The best value so far.
    pub best: Option<f64>,
}

impl Search {
    /// Whether it came to something, or there is none. What was interrupted may have had more to try.
    pub(super) fn is_over(&self, interrupted: Interrupted) -> bool {
        self.trials == 0 || self.open == 0 && self.complete > 0 && interrupted == Interrupted::No
    }
}

/// What is known of a part so far.
#[derive(Debug, Default)]
pub(super) struct Tally {
    pub begun: bool,
    pub ended: bool,
    /// Whether stages of it became known during the run.
    pub has_grown: bool,
    /// Its own stages.
    pub own: Count,
    /// Of a trial, its stages and those of the parts below it; of the run, all stages but those of trials.
    pub all: Count,
    /// Final numbers by stage.
    pub finals: BTreeMap<String, Vec<Metric>>,
    pub search: Search,
    /// How far it is as a trial; none before anybody said so.
    pub trial: Option<TrialState>,
    /// Whether its settings are told.
    pub has_settings: bool,
    /// The parts of a trial that have begun.
    pub below: BTreeSet<String>,
    /// Cached stages of a trial of which all but that is told when the run ends.
    pub untold: usize,
}

/// How something ends whose stages are not all at their end.
pub(super) fn unfinished(interrupted: Interrupted) -> Status {
    match interrupted {
        Interrupted::Yes => Status::Killed,
        Interrupted::No => Status::Failed,
    }
}

/// How a trial ended; none while it runs.
pub(super) fn end_of(trial: TrialState) -> Option<Status> {
    match trial {
        TrialState::Running => None,
        TrialState::Complete => Some(Status::Finished),
        TrialState::Pruned => Some(Status::Killed),
        TrialState::Failed => Some(Status::Failed),
    }
}
