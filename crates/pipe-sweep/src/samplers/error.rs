//! What a sampler cannot search.

use thiserror::Error;

use crate::PointError;

/// A sampler and a space that do not fit.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum SamplerError {
    /// A grid over all real numbers.
    #[error(
        "the grid is infinite: `{0}` is a float without steps; write its `step`, list a `choice`, or take the sampler `quasi_random`"
    )]
    Infinite(String),
    /// A grid with more points than can be counted.
    #[error("the grid has more than 2^63 points; take larger steps, or the sampler `quasi_random`")]
    TooMany,
    /// A list of nothing.
    #[error("the list has no points; write at least one under `points`")]
    NoPoints,
    /// A point that is not one of the space.
    #[error("point {at} of the list: {error}")]
    NoPoint {
        /// Which, from 1.
        at: usize,
        /// What is wrong.
        error: PointError,
    },
    /// A point twice.
    #[error("points {earlier} and {later} of the list are equal; leave one out")]
    Twice {
        /// The first, from 1.
        earlier: usize,
        /// The other.
        later: usize,
    },
    /// More parameters than a sequence has dimensions.
    #[error(
        "the space has {parameters} parameters, and a Sobol sequence {dimensions} dimensions here; take the sampler `random` or `tpe`"
    )]
    Dimensions {
        /// Of the space.
        parameters: usize,
        /// Of the sequence.
        dimensions: usize,
    },
}
