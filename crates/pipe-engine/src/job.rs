//! What an attempt is told, as a file: `job.json`.
//!
//! Does not know who runs it.

use std::{collections::BTreeMap, path::PathBuf};

use pipe_spec::Resources;
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

use crate::context::Given;

/// One attempt.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Job {
    pub stage: String,
    pub kind: String,
    pub with: Json,
    pub inputs: BTreeMap<String, Vec<Given>>,
    pub outputs: BTreeMap<String, PathBuf>,
    pub resume: PathBuf,
    /// The checkpoint of an equal but shorter stage.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shorter: Option<PathBuf>,
    pub scratch: PathBuf,
    pub workspace: PathBuf,
    pub resources: Resources,
}

/// Where a worker tells how it ended.
pub(crate) const OUTCOME: &str = "outcome.json";
/// Where an attempt's standard error goes, for commands standard output too.
pub(crate) const LOG: &str = "log.txt";
/// What a command appends to while it runs.
pub(crate) const EVENTS: &str = "events.jsonl";
/// Where the numbers stay that a worker says on its way.
pub(crate) const NUMBERS: &str = "numbers.jsonl";

/// How an attempt ended.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Outcome {
    Done(crate::context::Findings),
    Failed {
        chain: Vec<String>,
        #[serde(default)]
        due_to: crate::DueTo,
    },
}
