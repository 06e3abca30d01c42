//! Requests and answers of MLflow's REST interface 2.0, as far as they are used.
//!
//! Does not send them. Answers are read leniently: newer servers add fields.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::{
    limits::Batch,
    message::{Dataset, Metric, Status},
    number::Number,
};

#[derive(Serialize)]
pub(crate) struct Pair<'a> {
    pub key: &'a str,
    pub value: &'a str,
}

pub(crate) fn pairs(map: &BTreeMap<String, String>) -> Vec<Pair<'_>> {
    map.iter().map(|(key, value)| Pair { key, value }).collect()
}

#[derive(Serialize)]
pub(crate) struct CreateExperiment<'a> {
    pub name: &'a str,
}

#[derive(Deserialize)]
pub(crate) struct ExperimentId {
    pub experiment_id: String,
}

#[derive(Deserialize)]
pub(crate) struct FoundExperiment {
    pub experiment: Experiment,
}

#[derive(Deserialize)]
pub(crate) struct Experiment {
    pub experiment_id: String,
    #[serde(default)]
    pub lifecycle_stage: String,
}

#[derive(Serialize)]
pub(crate) struct CreateRun<'a> {
    pub experiment_id: &'a str,
    pub run_name: &'a str,
    pub start_time: i64,
    pub tags: Vec<Pair<'a>>,
}

#[derive(Deserialize)]
pub(crate) struct FoundRun {
    pub run: Run,
}

#[derive(Deserialize)]
pub(crate) struct Run {
    pub info: RunInfo,
}

#[derive(Deserialize)]
pub(crate) struct RunInfo {
    pub run_id: String,
    #[serde(default)]
    pub artifact_uri: String,
}

#[derive(Serialize)]
pub(crate) struct Search<'a> {
    pub experiment_ids: [&'a str; 1],
    pub filter: &'a str,
    pub max_results: u32,
}

#[derive(Deserialize)]
pub(crate) struct FoundRuns {
    #[serde(default)]
    pub runs: Vec<Run>,
}

#[derive(Serialize)]
pub(crate) struct RunId<'a> {
    pub run_id: &'a str,
}

#[derive(Serialize)]
pub(crate) struct UpdateRun<'a> {
    pub run_id: &'a str,
    pub status: Status,
    pub end_time: i64,
}

#[derive(Serialize)]
pub(crate) struct LogBatch<'a> {
    pub run_id: &'a str,
    pub metrics: Vec<LoggedMetric<'a>>,
    pub params: Vec<Pair<'a>>,
    pub tags: Vec<Pair<'a>>,
}

#[derive(Serialize)]
pub(crate) struct LoggedMetric<'a> {
    pub key: &'a str,
    pub value: Number,
    pub timestamp: i64,
    pub step: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub model_id: Option<&'a str>,
}

pub(crate) fn metrics<'a>(metrics: &'a [Metric], model_id: Option<&'a str>) -> Vec<LoggedMetric<'a>> {
    let one = |metric: &'a Metric| LoggedMetric {
        key: &metric.key,
        value: metric.value,
        timestamp: metric.timestamp,
        step: metric.step,
        model_id,
    };
    metrics.iter().map(one).collect()
}

impl<'a> LogBatch<'a> {
    pub(crate) fn new(run_id: &'a str, batch: &'a Batch) -> Self {
        Self { run_id, metrics: metrics(&batch.metrics, None), params: pairs(&batch.params), tags: pairs(&batch.tags) }
    }
}

#[derive(Serialize)]
pub(crate) struct SetTag<'a> {
    pub run_id: &'a str,
    pub key: &'a str,
    pub value: &'a str,
}

#[derive(Serialize)]
pub(crate) struct LogInputs<'a> {
    pub run_id: &'a str,
    pub datasets: [DatasetInput<'a>; 1],
}

#[derive(Serialize)]
pub(crate) struct DatasetInput<'a> {
    pub tags: [Pair<'a>; 1],
    pub dataset: WiredDataset<'a>,
}

#[derive(Serialize)]
pub(crate) struct WiredDataset<'a> {
    pub name: &'a str,
    pub digest: &'a str,
    pub source_type: &'a str,
    pub source: &'a str,
    pub profile: &'a str,
}

/// Longest digest of a data set that servers take.
const DIGEST: usize = 36;

impl<'a> LogInputs<'a> {
    pub(crate) fn new(run_id: &'a str, dataset: &'a Dataset) -> Self {
        let wired = WiredDataset {
            name: &dataset.name,
            digest: dataset.digest.get(..DIGEST).unwrap_or(&dataset.digest),
            source_type: "pipe",
            source: &dataset.source,
            profile: &dataset.profile,
        };
        let context = Pair { key: "mlflow.data.context", value: "training" };
        Self { run_id, datasets: [DatasetInput { tags: [context], dataset: wired }] }
    }
}

#[derive(Serialize)]
pub(crate) struct CreateModel<'a> {
    pub experiment_id: &'a str,
    pub name: &'a str,
    pub model_type: &'a str,
    pub source_run_id: &'a str,
    pub params: Vec<Pair<'a>>,
    pub tags: Vec<Pair<'a>>,
}

#[derive(Deserialize)]
pub(crate) struct FoundModel {
    pub model: LoggedModel,
}

#[derive(Deserialize)]
pub(crate) struct FoundModels {
    #[serde(default)]
    pub models: Vec<LoggedModel>,
}

#[derive(Deserialize)]
pub(crate) struct LoggedModel {
    pub info: LoggedModelInfo,
}

#[derive(Deserialize)]
pub(crate) struct LoggedModelInfo {
    pub model_id: String,
    #[serde(default)]
    pub artifact_uri: String,
}

#[derive(Serialize)]
pub(crate) struct FinishModel<'a> {
    pub model_id: &'a str,
    pub status: &'a str,
}

#[derive(Serialize)]
pub(crate) struct LogOutputs<'a> {
    pub run_id: &'a str,
    pub models: [ModelOutput<'a>; 1],
}

#[derive(Serialize)]
pub(crate) struct ModelOutput<'a> {
    pub model_id: &'a str,
    pub step: u64,
}

#[derive(Serialize)]
pub(crate) struct RegisterModel<'a> {
    pub name: &'a str,
}

#[derive(Serialize)]
pub(crate) struct CreateVersion<'a> {
    pub name: &'a str,
    pub source: &'a str,
    pub run_id: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub model_id: Option<&'a str>,
    pub tags: Vec<Pair<'a>>,
}

#[derive(Deserialize)]
pub(crate) struct FoundVersion {
    pub model_version: Version,
}

#[derive(Deserialize)]
pub(crate) struct FoundVersions {
    #[serde(default)]
    pub model_versions: Vec<Version>,
}

#[derive(Deserialize)]
pub(crate) struct Version {
    pub version: String,
    #[serde(default)]
    pub source: String,
}

#[derive(Serialize)]
pub(crate) struct SetAlias<'a> {
    pub name: &'a str,
    pub alias: &'a str,
    pub version: &'a str,
}

/// An answer of which nothing is wanted.
#[derive(Deserialize)]
pub(crate) struct Nothing {}

/// A failure in MLflow's words.
#[derive(Deserialize)]
pub(crate) struct Failure {
    #[serde(default)]
    pub error_code: String,
    #[serde(default)]
    pub message: String,
}
