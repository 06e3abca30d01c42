//! A report as plain data.
//!
//! Does not know where its numbers come from or how it looks.

use indexmap::IndexMap;
use pipe_metrics::Description;
use serde::Serialize;

use crate::{Case, Curve, Overlay, Plot};

/// What every report says of evaluations on folds that were cut by image.
pub const LEAKY: &str = "Leaky: folds were cut by image, so frames of one patient are on both sides, and numbers say little about new patients.";

/// How one result was made.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Provenance {
    /// The stage instance.
    pub stage: String,
    /// Digest of its recipe.
    pub fingerprint: String,
    /// Digests of its outputs, by port.
    pub outputs: IndexMap<String, String>,
    /// When it was made, RFC 3339.
    pub made_at: String,
    /// The run that made it.
    pub run: i64,
    /// Commit of the workspace then.
    pub commit: Option<String>,
    /// The device that computed.
    pub device: String,
    /// Seed of the recipe, where it has one.
    pub seed: Option<u64>,
    /// Seconds it took.
    pub seconds: f64,
    /// Further facts: versions, threads.
    pub facts: serde_json::Value,
}

/// Everything a report shows.
#[derive(Clone, Debug)]
pub struct Report {
    /// Title.
    pub title: String,
    /// Name of the experiment.
    pub experiment: String,
    /// One sentence.
    pub description: Option<String>,
    /// The metrics, in the order of its tables.
    pub metrics: Vec<Description>,
    /// Values by case.
    pub cases: Vec<Case>,
    /// Pictures of all pixels: rates, calibration, classes taken for each other; and values against sizes.
    pub plots: Vec<Plot>,
    /// Loss curves, one a training.
    pub curves: Vec<Curve>,
    /// Predictions over their images.
    pub overlays: Vec<Overlay>,
    /// How each result was made.
    pub provenance: Vec<Provenance>,
    /// The conventions behind the numbers.
    pub notes: Vec<String>,
    /// Stages without a result.
    pub missing: Vec<String>,
    /// Evaluations on folds that were cut by image, and how many patients are on both sides.
    pub leaks: Vec<String>,
    /// Stages whose results stand on a person's word, and what differs: frozen or accepted.
    pub marks: Vec<String>,
}
