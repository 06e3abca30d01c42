//! What a table is made of: evaluations of systems, and who made them.
//!
//! Does not know the store.

use pipe_metrics::{Evaluation, Pooled};
use serde::Serialize;

/// One evaluation behind a row: one fold of one seed.
#[derive(Clone, Debug)]
pub struct Evaluated {
    /// The fold, as its axes say it; empty without axes.
    pub fold: String,
    /// The seed; empty where there is one alone.
    pub seed: String,
    /// What was found.
    pub evaluation: Evaluation,
    /// Sums over its pixels, by class, where a column asks for them.
    pub pooled: Option<Vec<Pooled>>,
    /// Who made it.
    pub origin: Origin,
}

/// Where an evaluation comes from.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Origin {
    /// The experiment.
    pub experiment: String,
    /// The stage instance.
    pub stage: String,
    /// The run that made it.
    pub run: i64,
    /// Digest of its recipe.
    pub fingerprint: String,
    /// Digest of its bytes.
    pub artifact: String,
    /// When it was made, RFC 3339.
    pub made_at: String,
    /// Commit of the workspace then.
    pub commit: Option<String>,
    /// The device that computed.
    pub device: String,
}

/// The results of a row on a data set.
#[derive(Clone, Debug, Default)]
pub struct RowResults {
    /// The evaluations that are there.
    pub there: Vec<Evaluated>,
    /// Stages whose results are not.
    pub missing: Vec<String>,
}
