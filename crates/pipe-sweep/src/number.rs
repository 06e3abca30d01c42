//! Numbers that stand for something: each has one constructor.
//!
//! Does not know trials.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A value of an objective: never NaN, never infinite.
#[derive(Clone, Copy, Debug, PartialEq, PartialOrd, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "f64", into = "f64")]
#[schemars(with = "f64")]
pub struct Finite(f64);

/// A number that is no value.
#[derive(Clone, Copy, Debug, PartialEq, thiserror::Error)]
#[error("{0} is no value; a trial whose objective is not finite has failed")]
pub struct NotFinite(f64);

impl Finite {
    /// Gives the number.
    pub fn get(self) -> f64 {
        self.0
    }
}

impl TryFrom<f64> for Finite {
    type Error = NotFinite;

    fn try_from(number: f64) -> Result<Self, NotFinite> {
        // Adding 0 makes 0 of -0.
        if number.is_finite() { Ok(Self(number + 0.0)) } else { Err(NotFinite(number)) }
    }
}

impl From<Finite> for f64 {
    fn from(number: Finite) -> Self {
        number.0
    }
}

/// How many times fewer trials each rung keeps: at least 2.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "u32", into = "u32")]
#[schemars(with = "u32", extend("minimum" = 2))]
pub struct Factor(u32);

/// A factor that would keep all trials, or none.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a factor of {0} would leave out no trial; write at least 2")]
pub struct NoFactor(u32);

impl Factor {
    /// Of the papers on successive halving and Hyperband.
    pub(crate) const THREE: Self = Self(3);
    /// Of the paper on ASHA.
    pub(crate) const FOUR: Self = Self(4);

    /// Gives the number.
    pub fn get(self) -> u32 {
        self.0
    }
}

impl TryFrom<u32> for Factor {
    type Error = NoFactor;

    fn try_from(factor: u32) -> Result<Self, NoFactor> {
        if factor >= 2 { Ok(Self(factor)) } else { Err(NoFactor(factor)) }
    }
}

impl From<Factor> for u32 {
    fn from(factor: Factor) -> Self {
        factor.0
    }
}
