//! `pipe metrics` and `pipe table` as typed.
//!
//! Does not know metrics or tables.

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use pipe_metrics::{EmptyMasks, Metric};

use super::Format;

/// `pipe metrics`.
#[derive(Debug, Args)]
pub(crate) struct Metrics {
    /// A mask, or a folder of masks; probabilities do as well.
    #[arg(value_name = "PREDICTION")]
    pub prediction: PathBuf,
    /// The mask that is right, or a folder of such, named as the predictions.
    #[arg(value_name = "REFERENCE")]
    pub reference: PathBuf,
    /// Millimetres between slices, rows and columns [default: as the files of the references tell; else lengths are in pixels].
    #[arg(long, value_name = "z,y,x", value_parser = spacing)]
    pub spacing: Option<[f64; 3]>,
    /// What empty masks score: `both=excluded|one`, `one=worst|excluded|excluded_without_reference`, divided by a comma.
    #[arg(long, value_name = "CONVENTION", default_value = "both=excluded,one=worst")]
    pub empty: EmptyMasks,
    /// A metric by its name, or with settings: `{"nsd": {"tolerance": 3}}`; may be repeated [default: all].
    #[arg(long = "metric", short = 'm', value_name = "METRIC", value_parser = metric)]
    pub metrics: Vec<Metric>,
    /// From which probability on a pixel is foreground, where predictions lie between 0 and 1.
    #[arg(long, value_name = "PROBABILITY", value_parser = probability)]
    pub threshold: Option<f64>,
    /// Take everything that is not 0 as one class.
    #[arg(long)]
    pub foreground: bool,
    /// Leave out files that have no partner.
    #[arg(long)]
    pub common: bool,
    /// JSON is all there is; the option is here because every command has it.
    #[arg(long, value_enum, default_value_t = Format::Json, hide = true)]
    pub format: Format,
    /// Compare voxel by voxel also where files say that they lie elsewhere.
    #[arg(long)]
    pub anywhere: bool,
}

/// `pipe table`.
#[derive(Debug, Args)]
pub(crate) struct Table {
    /// Table files: rows, columns, tests, published numbers.
    #[arg(value_name = "TABLE", required = true)]
    pub files: Vec<PathBuf>,
    /// As what it is printed.
    #[arg(long, value_enum, default_value_t = TableFormat::Markdown)]
    pub format: TableFormat,
    /// Write it beside its file instead: `.md`, `.tex`, `.csv`, `.html`.
    #[arg(long, conflicts_with_all = ["check", "trace"])]
    pub write: bool,
    /// Exit with 1 if what is written beside the file is not what the results say now.
    #[arg(long, conflicts_with = "trace")]
    pub check: bool,
    /// First run the experiments that lack a result.
    #[arg(long)]
    pub run_missing: bool,
    /// Show runs, folds and cases behind one number.
    #[arg(long, value_name = "SYSTEM/COLUMN")]
    pub trace: Option<String>,
}

/// As what a table is printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum TableFormat {
    /// For pages and people.
    Markdown,
    /// For papers, with booktabs.
    Latex,
    /// For spreadsheets, a line a cell.
    Csv,
    /// A page of its own.
    Html,
    /// For programs.
    Json,
}

fn spacing(text: &str) -> Result<[f64; 3], String> {
    let sides: Option<Vec<f64>> = text.split(',').map(|side| side.trim().parse().ok()).collect();
    let sides = sides.and_then(|sides| <[f64; 3]>::try_from(sides).ok());
    let right = |sides: &[f64; 3]| sides.iter().all(|side| side.is_finite() && *side > 0.0);
    sides
        .filter(right)
        .ok_or_else(|| "expected three distances above 0 divided by commas, for instance 3,0.5,0.5".to_owned())
}

fn metric(text: &str) -> Result<Metric, String> {
    let written = if text.trim_start().starts_with('{') { text.to_owned() } else { format!("\"{}\"", text.trim()) };
    serde_json::from_str(&written).map_err(|error| {
        let text = error.to_string();
        text.rsplit_once(" at line ").map_or(text.clone(), |(said, _)| said.to_owned())
    })
}

fn probability(text: &str) -> Result<f64, String> {
    let value = text.parse().ok().filter(|value: &f64| (0.0..=1.0).contains(value));
    value.ok_or_else(|| "expected a number from 0 to 1".to_owned())
}
