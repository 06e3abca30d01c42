//! How a metric is called, what it is counted in, and what it needs.
//!
//! Does not know formulas.

use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::LengthUnit;

/// Which way is better.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Direction {
    /// Larger is better.
    Higher,
    /// Smaller is better.
    Lower,
}

/// How files and people call a metric with its settings.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Description {
    /// Its name in files, tables and the ledger: `hd95_pooled`, `nsd_2mm`; no two settings share one.
    pub key: String,
    /// Its name for people: `NSD at 2 mm`.
    pub label: String,
    /// Its unit; empty for plain ratios.
    pub unit: String,
    /// Which way is better.
    pub direction: Direction,
}

impl Description {
    /// Of a ratio, of which more is better.
    pub(crate) fn ratio(key: impl Into<String>, label: impl Into<String>) -> Self {
        Self { key: key.into(), label: label.into(), unit: String::new(), direction: Direction::Higher }
    }

    /// Of an error without a unit, of which less is better.
    pub(crate) fn error(key: impl Into<String>, label: impl Into<String>) -> Self {
        Self { direction: Direction::Lower, ..Self::ratio(key, label) }
    }

    /// Of a distance, of which less is better.
    pub(crate) fn distance(key: impl Into<String>, label: impl Into<String>, unit: LengthUnit) -> Self {
        Self { unit: unit.symbol().to_owned(), ..Self::error(key, label) }
    }
}

/// What a metric is computed from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Needs {
    /// Two masks.
    Masks,
    /// The probabilities of the foreground, and the mask of the reference.
    Probabilities,
}

/// A case that lacks what a metric needs.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum MeasureError {
    /// There are masks only.
    #[error("`{metric}` needs probabilities, and there are masks only")]
    NoProbabilities {
        /// Key of the metric.
        metric: String,
    },
    /// A length in millimetres, and pixels of unknown size.
    #[error(
        "`{metric}` is measured in mm, and the spacing of the image is unknown; give its spacing, or measure in pixels (`unit: px`)"
    )]
    NoSpacing {
        /// Key of the metric.
        metric: String,
    },
}
