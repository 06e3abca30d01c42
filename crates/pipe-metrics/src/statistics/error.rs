//! Why values allow no statistics.
//!
//! Does not know where the values come from.

use thiserror::Error;

/// Values that a statistic is not defined for.
#[derive(Clone, Debug, PartialEq, Error)]
pub enum StatisticsError {
    /// A value is infinite or not a number.
    #[error("value {position} is {value}; only finite numbers have statistics")]
    NotFinite {
        /// Which one, from 0.
        position: usize,
        /// The value.
        value: f64,
    },
    /// A case of a patient is infinite or not a number.
    #[error("a value of patient `{patient}` is {value}; only finite numbers have statistics")]
    PatientNotFinite {
        /// The patient.
        patient: String,
        /// The value.
        value: f64,
    },
    /// Paired values are not equally many.
    #[error("{one} values cannot be paired with {other}")]
    Lengths {
        /// How many the first list has.
        one: usize,
        /// How many the second one has.
        other: usize,
    },
    /// There is no value.
    #[error("there are no values")]
    Empty,
    /// No patient has a value in both systems.
    #[error("no patient has a value in both systems ({one} in the first, {other} in the second)")]
    NoPairs {
        /// Patients with a value in the first system.
        one: usize,
        /// Patients with a value in the second one.
        other: usize,
    },
    /// A probability or level is not between 0 and 1.
    #[error("{what} is {value}; it lies between 0 and 1")]
    NotAProbability {
        /// What it is.
        what: &'static str,
        /// The number.
        value: f64,
    },
    /// Too few systems to compare.
    #[error("{found} systems are compared; this needs at least {least}")]
    TooFewSystems {
        /// How many there are.
        found: usize,
        /// How many are needed.
        least: usize,
    },
    /// An exact distribution that would take too long.
    #[error("{n} values are too many for an exact test, which takes at most {most}; use `normal`")]
    TooManyForExact {
        /// How many there are.
        n: usize,
        /// How many are allowed.
        most: usize,
    },
    /// An exact distribution that is not known with ties.
    #[error("values are tied, and the exact distribution is for values that all differ; use `normal`")]
    TiesInExact,
    /// No resamples are asked for.
    #[error("the number of resamples is 0")]
    NoResamples,
}

/// The first value that is not finite, as an error.
pub(super) fn finite(values: &[f64]) -> Result<(), StatisticsError> {
    match values.iter().position(|value| !value.is_finite()) {
        Some(position) => Err(StatisticsError::NotFinite { position, value: values[position] }),
        None => Ok(()),
    }
}

/// Two lists of finite values, equally many and at least one.
pub(super) fn paired(one: &[f64], other: &[f64]) -> Result<(), StatisticsError> {
    if one.len() != other.len() {
        return Err(StatisticsError::Lengths { one: one.len(), other: other.len() });
    }
    if one.is_empty() {
        return Err(StatisticsError::Empty);
    }
    finite(one)?;
    finite(other)
}

/// A number strictly between 0 and 1.
pub(super) fn between(what: &'static str, value: f64) -> Result<(), StatisticsError> {
    if value > 0.0 && value < 1.0 { Ok(()) } else { Err(StatisticsError::NotAProbability { what, value }) }
}
