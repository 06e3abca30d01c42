//! A report as plain data.
//!
//! Does not know where its numbers come from or how it looks.

use indexmap::IndexMap;
use pipe_metrics::Description;
use serde::Serialize;

use crate::{Case, Curve, DataTable, FoldReport, Overlay, Plot, Recipe, Search};

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
    /// Processor seconds, where they were measured.
    pub cpu_seconds: Option<f64>,
    /// Most memory that it held, in bytes, where it was measured.
    pub peak_memory: Option<u64>,
    /// Further facts: versions, threads.
    pub facts: serde_json::Value,
}

/// A prepared data set, as far as its results tell without looking at pixels.
#[derive(Clone, Debug, Serialize)]
pub struct DataSummary {
    /// The stage that prepared it.
    pub stage: String,
    /// The numbers that count most: value and name.
    pub figures: Vec<(String, String)>,
    /// Sizes and spacing over cases.
    pub sizes: DataTable,
    /// Who is where.
    pub folds: Vec<FoldReport>,
    /// What was looked for.
    pub checks: Vec<Check>,
}

/// Something that was looked for in a data set.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Check {
    /// Whether all is well.
    pub is_well: bool,
    /// What was found, in words.
    pub words: String,
}

/// What differs between the recipes of one stage.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Difference {
    /// The stage instance.
    pub stage: String,
    /// What, one a line.
    pub words: Vec<String>,
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
    /// Searches for hyperparameters.
    pub searches: Vec<Search>,
    /// Predictions over their images.
    pub overlays: Vec<Overlay>,
    /// The data behind the numbers.
    pub data: Vec<DataSummary>,
    /// The stages and what flows between them, drawn as SVG; none where nobody has drawn them.
    pub graph: Option<String>,
    /// Where runs are compared: what differs between their recipes.
    pub differences: Vec<Difference>,
    /// Of two runs: the pairs of systems that are compared, differences being the first less the second. Else all with all.
    pub pairs: Option<Vec<[String; 2]>>,
    /// The recipes of its stages, each once.
    pub recipes: Vec<Recipe>,
    /// The command that gives these results.
    pub command: Option<String>,
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

impl Report {
    /// A report that shows nothing yet.
    pub fn named(title: &str, experiment: &str) -> Self {
        Self {
            title: title.to_owned(),
            experiment: experiment.to_owned(),
            description: None,
            metrics: Vec::new(),
            cases: Vec::new(),
            plots: Vec::new(),
            curves: Vec::new(),
            searches: Vec::new(),
            overlays: Vec::new(),
            data: Vec::new(),
            graph: None,
            differences: Vec::new(),
            pairs: None,
            recipes: Vec::new(),
            command: None,
            provenance: Vec::new(),
            notes: Vec::new(),
            missing: Vec::new(),
            leaks: Vec::new(),
            marks: Vec::new(),
        }
    }
}
