//! A hyperparameter search as plain data, and as tables and pages for people.
//!
//! Does not know samplers and pruners, nor where trials come from.

mod grid;
#[cfg(test)]
pub(crate) mod made_up;
pub(crate) mod page;
pub(crate) mod prose;
#[cfg(test)]
mod tests;
mod views;
mod words;

use serde::{Deserialize, Serialize};

pub use grid::{Align, Table};
pub use page::{search_figures, search_page};
pub use views::{Order, View, csv, json, latex, markdown, text};
pub use words::summary;

/// One search, or one of several, as far as it has come.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Search {
    /// What tells it from other searches of its experiment, such as `fold=1` of nested cross-validation; empty where there is one.
    pub name: String,
    /// Name of what it optimises, e.g. `Dice`.
    pub metric: String,
    /// Unit of the metric; empty for plain ratios.
    pub unit: String,
    /// Which way is better.
    pub goal: SearchGoal,
    /// Over what a trial's value is taken, in words such as `mean over folds`.
    pub over: String,
    /// What chose the points, e.g. `tpe`.
    pub sampler: String,
    /// What ended trials early, where anything did.
    pub pruner: Option<String>,
    /// What the steps of curves are, in the singular: `epoch` or `fold`.
    pub step: String,
    /// Seed of the sampler.
    pub seed: u64,
    /// How many trials there shall be; none where nobody has said.
    pub wanted: Option<u64>,
    /// What is searched.
    pub parameters: Vec<SearchParameter>,
    /// The trials so far, by number.
    pub trials: Vec<SearchTrial>,
    /// Number of the best complete trial, where there is one.
    pub best: Option<u64>,
    /// What readers must know, sentence by sentence, e.g. that the search saw test cases.
    pub notes: Vec<String>,
}

/// Which way a search is better off.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SearchGoal {
    /// More is better.
    Maximise,
    /// Less is better.
    Minimise,
}

/// A parameter that is searched.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SearchParameter {
    /// Where it stands in the experiment, e.g. `train.with.training.optimizer.sgd.lr`.
    pub path: String,
    /// How its values lie.
    pub scale: SearchScale,
    /// Its share of what matters for a good value, from 0 to 1; none where it was not estimated.
    pub importance: Option<f64>,
}

/// How the values of a parameter lie.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SearchScale {
    /// Equal steps add.
    Linear,
    /// Equal steps multiply.
    Log,
    /// There are no steps: all alternatives, in their order.
    Labels(Vec<String>),
}

/// A point that was tried.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SearchTrial {
    /// Its number, from 0.
    pub number: u64,
    /// A value for each parameter, in the order of the search; none for one that is there under a condition that is not met.
    pub values: Vec<Option<SearchValue>>,
    /// How far it has come.
    pub state: SearchState,
    /// What the search optimises, in its unit: of a complete trial its value, of a pruned one the last value that it had.
    pub value: Option<f64>,
    /// Values at steps, by step.
    pub curve: Vec<(u64, f64)>,
    /// The values of its folds, in their order; empty where there is one.
    pub folds: Vec<f64>,
    /// How long it took, in seconds, as far as it is known.
    pub seconds: Option<f64>,
    /// The earlier trial with an equal point, whose results are its own.
    pub equal_to: Option<u64>,
}

/// A value of a parameter.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SearchValue {
    /// A number, whole or not.
    Number(f64),
    /// An alternative.
    Label(String),
}

/// How far a trial has come.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SearchState {
    /// It has been started and has not ended.
    Running,
    /// It has ended, with a value.
    Complete,
    /// A pruner has ended it.
    Pruned {
        /// After which step.
        step: u64,
        /// Why, as a fragment without a full stop; may be empty.
        why: String,
    },
    /// It has no value.
    Failed {
        /// Why, as a fragment without a full stop; may be empty.
        why: String,
    },
}

impl SearchGoal {
    /// Whether one value is better than another; equal ones are not.
    pub fn is_better(self, one: f64, other: f64) -> bool {
        match self {
            Self::Maximise => one > other,
            Self::Minimise => one < other,
        }
    }

    /// Such a search as a verb: `maximises`.
    pub(crate) fn verb(self) -> &'static str {
        match self {
            Self::Maximise => "maximises",
            Self::Minimise => "minimises",
        }
    }
}

impl SearchTrial {
    /// The value of a complete trial; that of a pruned one is no result.
    pub fn result(&self) -> Option<f64> {
        self.value.filter(|value| self.state == SearchState::Complete && value.is_finite())
    }

    /// Its last finite value, whatever its state.
    pub(crate) fn latest(&self) -> Option<f64> {
        let of_curve = || self.curve.iter().rev().map(|(_, value)| *value).find(|value| value.is_finite());
        self.value.filter(|value| value.is_finite()).or_else(of_curve)
    }
}

impl Search {
    /// The best trial and its value.
    pub fn best(&self) -> Option<(&SearchTrial, f64)> {
        let best = self.trials.iter().find(|trial| Some(trial.number) == self.best)?;
        Some((best, best.result()?))
    }

    /// The best value so far after each complete trial, by number.
    pub(crate) fn best_so_far(&self) -> Vec<(u64, f64)> {
        let mut results: Vec<(u64, f64)> =
            self.trials.iter().filter_map(|trial| Some((trial.number, trial.result()?))).collect();
        results.sort_by_key(|(number, _)| *number);
        let mut best = None;
        for (_, value) in &mut results {
            let so_far = best.filter(|best| !self.goal.is_better(*value, *best)).unwrap_or(*value);
            (*value, best) = (so_far, Some(so_far));
        }
        results
    }

    /// Short names of the parameters: of each path the fewest last words that no other parameter ends with.
    pub(crate) fn labels(&self) -> Vec<String> {
        let words: Vec<Vec<&str>> =
            self.parameters.iter().map(|parameter| parameter.path.split('.').collect()).collect();
        let label = |at: usize| {
            let all = &words[at];
            let unique = |count: &usize| {
                let mut others = words.iter().enumerate().filter(|(other, _)| *other != at);
                !others.any(|(_, other)| other.ends_with(&all[all.len() - count..]))
            };
            let count = (1..all.len()).find(unique).unwrap_or(all.len());
            all[all.len() - count..].join(".")
        };
        (0..words.len()).map(label).collect()
    }

    /// Of which cases its values are; of a search of which something must be known, such as that it saw test cases, nothing is claimed.
    pub(crate) fn cases(&self) -> &'static str {
        if self.notes.is_empty() { "validation cases" } else { "cases" }
    }

    /// Name of the metric with its unit.
    pub(crate) fn objective(&self) -> String {
        if self.unit.is_empty() { self.metric.clone() } else { format!("{} [{}]", self.metric, self.unit) }
    }
}
