//! What tests of significance have in common: what is asked, how it is answered, the answer.
//!
//! Does not know a test.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What is held against the hypothesis that two systems do not differ.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Alternative {
    /// They differ.
    #[default]
    TwoSided,
    /// The first has smaller values.
    Less,
    /// The first has larger values.
    Greater,
}

impl Alternative {
    /// The p-value of probabilities at or below, and at or above, what was found.
    ///
    /// Two-sided: twice the smaller one, at most 1.
    pub(super) fn p(self, below: f64, above: f64) -> f64 {
        match self {
            Self::TwoSided => 2.0 * below.min(above),
            Self::Less => below,
            Self::Greater => above,
        }
        .min(1.0)
    }
}

/// How a p-value is computed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Method {
    /// Exact for few values, else normal; where the line is says the test.
    #[default]
    Auto,
    /// By the exact distribution.
    Exact,
    /// By the normal distribution that many values tend to.
    Normal,
}

/// Whether a normal approximation allows for a statistic that takes only steps.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Continuity {
    /// The statistic is moved half a step towards its mean.
    Corrected,
    /// It is taken as it is.
    Uncorrected,
}

/// The distribution that a p-value is from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Null {
    /// The exact one.
    Exact,
    /// The normal approximation.
    Normal,
    /// Random resamples, this many.
    Resampled(usize),
}

/// The answer of a test.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Test {
    /// The statistic; each test says which.
    pub statistic: f64,
    /// The p-value: how likely a statistic at least as far out is if the systems do not differ.
    pub p: f64,
    /// Where the p-value is from.
    pub null: Null,
}
