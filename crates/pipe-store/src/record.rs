//! What the ledger keeps of a result.
//!
//! Does not know SQL.

use serde::{Deserialize, Serialize};

use crate::{Digest, Object, RunId};

/// One output of a stage.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Output {
    /// Name of the port.
    pub port: String,
    /// Type of the artifact.
    pub kind: String,
    /// The contents.
    pub object: Object,
}

/// When, where and by what a result was made. None of it decides the result.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Made {
    /// The run that made it.
    pub run: RunId,
    /// Number of the attempt.
    pub attempt: u32,
    /// Time of publication, RFC 3339.
    pub at: String,
    /// Seconds the attempt took.
    pub seconds: f64,
    /// Commit of the workspace, where it is a git work tree; with `+` at the end if it had changes.
    pub commit: Option<String>,
    /// Device that computed.
    pub device: String,
    /// Further facts: versions, threads.
    pub facts: serde_json::Value,
}

/// A published result.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Record {
    /// Row of the ledger.
    pub id: i64,
    /// Digest of the recipe.
    pub fingerprint: Digest,
    /// The outputs, in the order of their ports.
    pub outputs: Vec<Output>,
    /// How it was made.
    pub made: Made,
}

/// A result about to be published.
#[derive(Clone, Debug)]
pub struct NewRecord<'a> {
    /// Stage kind, e.g. `train`.
    pub kind: &'a str,
    /// Canonical JSON of the recipe.
    pub manifest: &'a str,
    /// The outputs.
    pub outputs: Vec<Output>,
    /// Final metrics.
    pub metrics: Vec<MetricRow>,
    /// Digests of all input artifacts, carried ones too.
    pub lineage: Vec<Digest>,
    /// How it was made.
    pub made: Made,
}

/// Whether a larger value is better.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Direction {
    /// Larger is better.
    #[default]
    Higher,
    /// Smaller is better.
    Lower,
}

/// One number of a result.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct MetricRow {
    /// Name, e.g. `dice`.
    pub name: String,
    /// The value; none where a convention excludes the case.
    pub value: Option<f64>,
    /// Unit; empty for plain numbers.
    #[serde(default)]
    pub unit: String,
    /// Which way is better.
    #[serde(default)]
    pub direction: Direction,
    /// The case, for a number of one case.
    pub case: Option<String>,
}
