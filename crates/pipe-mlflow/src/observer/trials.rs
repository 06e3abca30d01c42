//! What is told of the trials of a search.
//!
//! Does not know how trials are chosen or judged. A trial may be heard of before its stages or after them. Its run has what it tries as
//! parameters, by path; how far it is as a fact; the value of its objective, and the means over its parts. Best values go to the part in
//! which the search is.

use pipe_engine::TrialState;
use pipe_store::Direction;
use serde_json::{Map, Value as Json};

use super::{Observer, tally::end_of};
use crate::{
    flatten::flatten,
    limits::tag,
    message::{Message, Metric, Trial},
    number::Number,
};

/// The number that a trial's run has of its objective.
const OBJECTIVE: &str = "objective";
/// Its best value so far; the step is the trial's number.
const BEST: &str = "best_objective";
/// How far a trial is.
const STATE: &str = "pipe.trial.state";

impl Observer {
    /// A trial began or ended.
    pub(super) fn trial(
        &mut self,
        at: i64,
        trial: &str,
        settings: &Map<String, Json>,
        state: TrialState,
        value: Option<f64>,
    ) {
        let Some(part) = self.outline.trial(trial) else { return };
        self.settings(at, &part, settings);
        self.tell(&part, Message::Trial(Trial { state, value, settings: settings.clone(), at }));
        self.tell(&part, Message::Tags([(STATE.to_owned(), tag(word(state)))].into()));
        let before = self.tally(&part).trial.replace(state);
        let parent = self.outline.parts[&part].parent.clone();
        let search = &mut self.tally(&parent).search;
        search.trials += usize::from(before.is_none());
        search.complete -= usize::from(before == Some(TrialState::Complete));
        search.complete += usize::from(state == TrialState::Complete);
        if end_of(state).is_none() {
            return self.reopen(&part);
        }
        if let Some(value) = value {
            self.number(&part, OBJECTIVE, value, 0, at);
            if state == TrialState::Complete {
                self.best(&part, &parent, value, at);
            }
        }
        self.settle(&part, at);
    }

    /// Begins a trial's part with its settings, or tells them as soon as they are known.
    fn settings(&mut self, at: i64, part: &str, settings: &Map<String, Json>) {
        let mut flat = Vec::new();
        settings.iter().for_each(|(path, value)| flatten(path, value, &mut flat));
        let tally = self.tally(part);
        if flat.is_empty() || std::mem::replace(&mut tally.has_settings, true) {
            return self.begin(part, at);
        }
        let has_begun = tally.begun;
        self.outline.parts[part].params.extend(flat.iter().cloned());
        self.begin(part, at);
        if has_begun {
            self.tell_params(part, flat);
        }
    }

    fn best(&mut self, part: &str, parent: &str, value: f64, at: i64) {
        let Some(goal) = self.outline.about.goal else { return };
        let number = self.outline.parts[part].point.last().and_then(|(_, number)| number.parse().ok());
        let search = &mut self.tally(parent).search;
        let is_better = search.best.is_none_or(|best| match goal {
            Direction::Higher => value > best,
            Direction::Lower => value < best,
        });
        if is_better {
            search.best = Some(value);
            self.number(parent, BEST, value, number.unwrap_or_default(), at);
        }
    }

    fn number(&mut self, part: &str, name: &str, value: f64, step: u64, at: i64) {
        let metric = Metric { key: name.to_owned(), value: Number(value), timestamp: at, step };
        self.tell(part, Message::Metrics(vec![metric]));
    }
}

fn word(state: TrialState) -> &'static str {
    match state {
        TrialState::Running => "running",
        TrialState::Complete => "complete",
        TrialState::Pruned => "pruned",
        TrialState::Failed => "failed",
    }
}
