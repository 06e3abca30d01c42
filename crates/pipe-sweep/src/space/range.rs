//! Ranges of numbers: parsed once, so that whoever has one need not check it.
//!
//! Does not know parameters or samplers.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::error::DomainError;

/// Whole numbers beyond are no longer told apart by floats, in which samplers compute.
const LARGEST: i64 = 1 << 53;

/// How equal steps are laid over a range.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Scaling {
    /// Equal differences are equally far.
    #[default]
    Linear,
    /// Equal ratios are equally far: for what matters by its order of magnitude.
    Log,
}

/// Whole numbers `low`, `low + step`, ... up to `high`.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "WrittenInt", into = "WrittenInt")]
#[schemars(with = "WrittenInt")]
pub struct IntRange {
    low: i64,
    high: i64,
    step: i64,
    scale: Scaling,
}

/// Real numbers from `low` to `high`, or with a step `low`, `low + step`, ...
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "WrittenFloat", into = "WrittenFloat")]
#[schemars(with = "WrittenFloat")]
pub struct FloatRange {
    low: f64,
    high: f64,
    step: Option<f64>,
    scale: Scaling,
}

impl IntRange {
    /// Parses a range of whole numbers; the highest is the last that a step reaches.
    ///
    /// # Errors
    /// Bounds the wrong way round or beyond 2^53, a step below 1, a logarithm of less than 1, steps on a logarithmic scale.
    pub fn new(low: i64, high: i64, step: i64, scale: Scaling) -> Result<Self, DomainError> {
        for (field, value) in [("low", low), ("high", high)] {
            if value.abs_diff(0) > LARGEST.unsigned_abs() {
                return Err(DomainError::TooLarge { field, value });
            }
        }
        if low > high {
            return Err(DomainError::Reversed { low: low as f64, high: high as f64 });
        }
        if step < 1 {
            return Err(DomainError::Step(step as f64));
        }
        if scale == Scaling::Log {
            if low < 1 {
                return Err(DomainError::LogThroughZero { low: low as f64, wanted: "of at least 1" });
            }
            if step > 1 {
                return Err(DomainError::LogStep(step as f64));
            }
        }
        Ok(Self { low, high: low + (high - low) / step * step, step, scale })
    }

    /// The lowest.
    pub fn low(&self) -> i64 {
        self.low
    }

    /// The highest that can be reached.
    pub fn high(&self) -> i64 {
        self.high
    }

    /// From one to the next.
    pub fn step(&self) -> i64 {
        self.step
    }

    /// How equal steps are laid over it.
    pub fn scale(&self) -> Scaling {
        self.scale
    }

    /// How many there are.
    pub fn levels(&self) -> u64 {
        self.high.abs_diff(self.low) / self.step.unsigned_abs() + 1
    }

    /// The one with so many below it; the highest where there are not so many.
    pub fn level(&self, at: u64) -> i64 {
        let at = i64::try_from(at.min(self.levels() - 1)).expect("at most 2^54 levels");
        self.low + at * self.step
    }

    /// Whether a number is one of them.
    pub fn contains(&self, value: i64) -> bool {
        (self.low..=self.high).contains(&value) && (value - self.low) % self.step == 0
    }
}

impl FloatRange {
    /// Parses a range of real numbers; with a step, the highest is the last that it reaches.
    ///
    /// # Errors
    /// Numbers that are not finite, bounds the wrong way round or too far apart, a step of 0 or less, a logarithm of 0 or less, steps on
    /// a logarithmic scale.
    pub fn new(low: f64, high: f64, step: Option<f64>, scale: Scaling) -> Result<Self, DomainError> {
        for (field, value) in [("low", Some(low)), ("high", Some(high)), ("step", step)] {
            if let Some(value) = value.filter(|value| !value.is_finite()) {
                return Err(DomainError::NotFinite { field, value });
            }
        }
        if low > high {
            return Err(DomainError::Reversed { low, high });
        }
        // Samplers compute with multiples of it.
        if high - low > f64::MAX / 1e6 {
            return Err(DomainError::TooWide { low, high });
        }
        if let Some(step) = step.filter(|step| *step <= 0.0) {
            return Err(DomainError::Step(step));
        }
        if scale == Scaling::Log {
            if low <= 0.0 {
                return Err(DomainError::LogThroughZero { low, wanted: "above 0" });
            }
            if let Some(step) = step {
                return Err(DomainError::LogStep(step));
            }
        }
        // Adding 0 makes 0 of -0, which would be another value of the same size.
        let range = Self { low: low + 0.0, high: high + 0.0, step, scale };
        let last = range.levels().map(|levels| range.level(levels - 1));
        Ok(Self { high: last.unwrap_or(range.high), ..range })
    }

    /// The lowest.
    pub fn low(&self) -> f64 {
        self.low
    }

    /// The highest that can be reached.
    pub fn high(&self) -> f64 {
        self.high
    }

    /// From one to the next; none where all in between are meant.
    pub fn step(&self) -> Option<f64> {
        self.step
    }

    /// How equal steps are laid over it.
    pub fn scale(&self) -> Scaling {
        self.scale
    }

    /// How many there are; none where they cannot be counted.
    pub fn levels(&self) -> Option<u64> {
        match self.step {
            // 0.3 / 0.1 is a little below 3, and the last step is meant to be there.
            Some(step) => Some(((self.high - self.low) / step + 1e-9).floor() as u64 + 1),
            None if self.low == self.high => Some(1),
            None => None,
        }
    }

    /// The one with so many below it, with no more decimals than `low` and `step` have: 0.3, where 0.1 + 2 * 0.1 is
    /// 0.30000000000000004.
    pub(crate) fn level(&self, at: u64) -> f64 {
        let Some(step) = self.step else { return self.low };
        let value = self.low + at as f64 * step;
        let text = format!("{value:.*}", decimals(self.low).max(decimals(step)));
        text.parse::<f64>().expect("a number with decimals is a number") + 0.0
    }

    /// Whether a number is one of them.
    pub fn contains(&self, value: f64) -> bool {
        self.nearest(value) == Some(value)
    }

    /// The one that a number means: itself, or with a step the one from which only rounding keeps it; none where there is none.
    pub(crate) fn nearest(&self, value: f64) -> Option<f64> {
        let Some(step) = self.step else { return (self.low..=self.high).contains(&value).then_some(value) };
        let level = self.level(((value - self.low) / step).round().max(0.0) as u64);
        (level <= self.high && (level - value).abs() <= 1e-9 * step).then_some(level)
    }
}

fn decimals(number: f64) -> usize {
    let text = number.to_string();
    text.split_once('.').map_or(0, |(_, behind)| behind.len())
}

/// A range of whole numbers, as it is written.
#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "IntRange")]
struct WrittenInt {
    /// The lowest.
    low: i64,
    /// The highest.
    high: i64,
    /// From one to the next.
    #[serde(default = "one", skip_serializing_if = "is_one")]
    #[schemars(range(min = 1))]
    step: i64,
    /// How equal steps are laid over it.
    #[serde(default, skip_serializing_if = "is_linear")]
    scale: Scaling,
}

/// A range of real numbers, as it is written.
#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "FloatRange")]
struct WrittenFloat {
    /// The lowest.
    low: f64,
    /// The highest.
    high: f64,
    /// From one to the next; without it, all in between are meant.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("exclusiveMinimum" = 0))]
    step: Option<f64>,
    /// How equal steps are laid over it.
    #[serde(default, skip_serializing_if = "is_linear")]
    scale: Scaling,
}

fn one() -> i64 {
    1
}

fn is_one(step: &i64) -> bool {
    *step == 1
}

fn is_linear(scale: &Scaling) -> bool {
    *scale == Scaling::Linear
}

impl TryFrom<WrittenInt> for IntRange {
    type Error = DomainError;

    fn try_from(written: WrittenInt) -> Result<Self, DomainError> {
        Self::new(written.low, written.high, written.step, written.scale)
    }
}

impl From<IntRange> for WrittenInt {
    fn from(range: IntRange) -> Self {
        Self { low: range.low, high: range.high, step: range.step, scale: range.scale }
    }
}

impl TryFrom<WrittenFloat> for FloatRange {
    type Error = DomainError;

    fn try_from(written: WrittenFloat) -> Result<Self, DomainError> {
        Self::new(written.low, written.high, written.step, written.scale)
    }
}

impl From<FloatRange> for WrittenFloat {
    fn from(range: FloatRange) -> Self {
        Self { low: range.low, high: range.high, step: range.step, scale: range.scale }
    }
}
