//! What can be wrong with a number of a recipe.
//! It does not know which numbers there are.

use std::fmt::Display;

use thiserror::Error;

/// A setting out of its range.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("`{field}` is {value}, expected {expected}")]
pub struct SettingError {
    /// The setting, from the recipe down: `optimizer.sgd.momentum`.
    pub field: String,
    /// What it is.
    pub value: String,
    /// What it may be.
    pub expected: &'static str,
}

impl SettingError {
    /// Puts where the setting stands before its name.
    pub(crate) fn below(self, path: &str) -> Self {
        Self { field: format!("{path}.{}", self.field), ..self }
    }
}

/// Refuses a value that is not as expected.
pub(crate) fn expect(fits: bool, field: &str, value: impl Display, expected: &'static str) -> Result<(), SettingError> {
    if fits {
        return Ok(());
    }
    Err(SettingError { field: field.to_owned(), value: value.to_string(), expected })
}

/// Refuses what is not at least 0 and finite.
pub(crate) fn at_least_0(field: &str, value: f64) -> Result<(), SettingError> {
    expect(value >= 0.0 && value.is_finite(), field, value, "at least 0")
}

/// Refuses what is not above 0 and finite.
pub(crate) fn above_0(field: &str, value: f64) -> Result<(), SettingError> {
    expect(value > 0.0 && value.is_finite(), field, value, "above 0")
}

/// Refuses what is not from 0 (included) to 1 (excluded).
pub(crate) fn below_1(field: &str, value: f64) -> Result<(), SettingError> {
    expect((0.0..1.0).contains(&value), field, value, "at least 0 and below 1")
}

/// Refuses what is not from 0 to 1.
pub(crate) fn share(field: &str, value: f64) -> Result<(), SettingError> {
    expect((0.0..=1.0).contains(&value), field, value, "from 0 to 1")
}

/// Refuses 0 of something.
pub(crate) fn at_least_1(field: &str, value: usize) -> Result<(), SettingError> {
    expect(value > 0, field, value, "at least 1")
}
