//! Who is told of a run, as an experiment says it; nothing of it is part of a recipe.
//!
//! Does not know servers.

use indexmap::IndexMap;
use schemars::JsonSchema;
use serde::Deserialize;

/// Who is told of the runs of an experiment.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Tracking {
    /// An MLflow server. MLFLOW_TRACKING_URI alone switches it on, too.
    pub mlflow: Option<Mlflow>,
    /// Files, for people without a server.
    pub file: Option<TrackingFiles>,
}

/// An MLflow server, and what it is told of all runs of the experiment.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Mlflow {
    /// Its address, e.g. `http://localhost:5000`; MLFLOW_TRACKING_URI if left out. User, password and token come from MLflow's own
    /// variables.
    pub uri: Option<String>,
    /// The experiment there, made where it is not there; MLFLOW_EXPERIMENT_NAME if left out, else this experiment's name.
    pub experiment: Option<String>,
    /// Tags of every run.
    pub tags: IndexMap<String, String>,
}

/// Files in which runs are told.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct TrackingFiles {
    /// The folder, relative to the workspace; `tracking` if left out. Each run gets one of its own in it.
    pub folder: Option<String>,
    /// In which form.
    pub format: TrackingFormat,
}

/// The form of files in which runs are told.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum TrackingFormat {
    /// JSON lines: `messages.jsonl`.
    #[default]
    Jsonl,
    /// Tables: `metrics.csv` and `facts.csv`.
    Csv,
}
