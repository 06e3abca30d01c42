//! A trial: one point, tried.
//!
//! Does not know who tries it.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::{Finite, NotFinite, Point};

/// Which way is better.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Goal {
    /// Less is better.
    #[serde(alias = "minimize")]
    Minimise,
    /// More is better.
    #[serde(alias = "maximize")]
    Maximise,
}

impl Goal {
    /// The value with the sign that makes less better.
    pub(crate) fn loss(self, value: Finite) -> f64 {
        match self {
            Self::Minimise => value.get(),
            Self::Maximise => -value.get(),
        }
    }

    /// Whether one value is better than another; equal ones are not.
    pub fn is_better(self, one: Finite, other: Finite) -> bool {
        self.loss(one) < self.loss(other)
    }
}

/// How far a trial has come.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// It has been started and has not ended.
    Running,
    /// It has ended, with a value.
    Complete {
        /// What the search is after.
        value: Finite,
    },
    /// A pruner has ended it.
    Pruned {
        /// At which step.
        step: u64,
        /// Its last value.
        value: Finite,
    },
    /// It has no value: its stage failed, or the objective was not finite.
    Failed,
}

/// Values at steps, as they became known. A step is what a pruner counts: epochs, or folds.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Curve {
    values: BTreeMap<u64, Finite>,
}

/// A value that cannot follow a curve.
#[derive(Clone, Copy, Debug, PartialEq, Error)]
pub enum CurveError {
    /// It is no value.
    #[error(transparent)]
    NotFinite(#[from] NotFinite),
    /// Another value of a step that has one.
    #[error("step {step} has the value {earlier}, not {value}; report each step once")]
    Other {
        /// The step.
        step: u64,
        /// The value that it has.
        earlier: f64,
        /// The value that it should have.
        value: f64,
    },
}

impl Curve {
    /// Adds the value of a step; the same value again changes nothing.
    ///
    /// # Errors
    /// The value is not finite, or the step has another.
    pub fn add(&mut self, step: u64, value: f64) -> Result<(), CurveError> {
        let value = Finite::try_from(value)?;
        match self.values.get(&step) {
            Some(earlier) if *earlier != value => {
                Err(CurveError::Other { step, earlier: earlier.get(), value: value.get() })
            }
            _ => {
                self.values.insert(step, value);
                Ok(())
            }
        }
    }

    /// Steps and values, by step.
    pub fn values(&self) -> impl DoubleEndedIterator<Item = (u64, Finite)> {
        self.values.iter().map(|(step, value)| (*step, *value))
    }

    /// The value of a step.
    pub fn at(&self, step: u64) -> Option<Finite> {
        self.values.get(&step).copied()
    }

    /// The first value that is known once so many steps are done.
    pub fn from(&self, step: u64) -> Option<(u64, Finite)> {
        self.values.range(step..).next().map(|(step, value)| (*step, *value))
    }

    /// The last step and its value.
    pub fn last(&self) -> Option<(u64, Finite)> {
        self.values().next_back()
    }

    /// The best value up to a step.
    pub fn best(&self, goal: Goal, step: u64) -> Option<Finite> {
        let values = self.values.range(..=step).map(|(_, value)| *value);
        values.reduce(|best, value| if goal.is_better(value, best) { value } else { best })
    }
}

/// One point, tried.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Trial {
    /// Which trial of the study, from 0.
    pub number: u64,
    /// What it tries.
    pub point: Point,
    /// How far it has come.
    pub state: State,
    /// Values on the way.
    #[serde(default)]
    pub curve: Curve,
}

impl Trial {
    /// Its value; none unless it is complete.
    pub fn value(&self) -> Option<Finite> {
        match self.state {
            State::Complete { value } => Some(value),
            State::Running | State::Pruned { .. } | State::Failed => None,
        }
    }
}
