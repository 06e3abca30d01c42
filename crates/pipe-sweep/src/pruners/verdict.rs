//! What pruners say.
//!
//! Does not know how they come to it.

use serde::{Deserialize, Serialize};
use thiserror::Error;

/// Whether a trial goes on.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// It goes on.
    Keep,
    /// It ends here.
    Prune {
        /// Why, with the numbers that decided.
        why: Reason,
    },
}

/// Why a trial is pruned.
#[derive(Clone, Debug, PartialEq, Error, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reason {
    /// By the median pruner.
    #[error(
        "its best value up to step {step}, {best}, is worse than {median}, the median of {trials} complete trials there"
    )]
    WorseThanMedian {
        /// The trial's last step.
        step: u64,
        /// Its best value so far.
        best: f64,
        /// The median of the others.
        median: f64,
        /// How many others have a value there.
        trials: usize,
    },
    /// At a rung.
    #[error(
        "with {value} at step {step} it is number {rank} of {trials} trials at rung {resource}, of which {kept} go on to {next}"
    )]
    NotPromoted {
        /// The step at which it reached the rung.
        step: u64,
        /// Its value there.
        value: f64,
        /// The rung.
        resource: u64,
        /// The next rung.
        next: u64,
        /// Its place among the trials at the rung, from 1.
        rank: usize,
        /// How many trials are there, with itself.
        trials: usize,
        /// How many of them go on.
        kept: usize,
    },
    /// By patience.
    #[error(
        "for {values} values up to step {step} it has not improved by more than {least} on its best, {best} at step {best_step}"
    )]
    NoImprovement {
        /// The trial's last step.
        step: u64,
        /// Its best value.
        best: f64,
        /// When it had it.
        best_step: u64,
        /// How many values have come since.
        values: usize,
        /// What an improvement must be more than.
        least: f64,
    },
}

/// Settings of a pruner that do not fit each other.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum PrunerError {
    /// No room for a rung.
    #[error(
        "no trial would be judged: `min_resource: {min}` times `factor: {factor}` is above `max_resource: {max}`; write a `max_resource` of at least {needed}"
    )]
    NoRung {
        /// The first rung.
        min: u64,
        /// The whole length.
        max: u64,
        /// How many times fewer trials each rung keeps.
        factor: u32,
        /// The least length with a rung.
        needed: u64,
    },
}
