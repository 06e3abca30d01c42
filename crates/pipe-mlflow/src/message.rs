//! What is told of a run, as data: the same messages go to servers and to files.
//!
//! Does not know who is told. A message is about one *part* of a run: the run itself, or the stages of one point of its axes.

use std::{collections::BTreeMap, path::PathBuf};

use pipe_engine::TrialState;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value as Json};

use crate::number::Number;

/// Something to tell of a part of a run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Message {
    /// It began. The first message of each part.
    Begun {
        /// The server's experiment it belongs to.
        experiment: String,
        /// Its name for people.
        name: String,
        /// The part it belongs to, for a part of a run.
        parent: Option<String>,
        /// Unix time in milliseconds.
        at: i64,
        /// What is known of it from the beginning.
        tags: BTreeMap<String, String>,
    },
    /// Resolved parameters; a value never changes.
    Params(BTreeMap<String, String>),
    /// Facts; the last word counts.
    Tags(BTreeMap<String, String>),
    /// A fact that names another part of a run, perhaps of an earlier one.
    Link {
        /// Name of the fact.
        tag: String,
        /// The run.
        run: i64,
        /// Its part.
        part: String,
        /// What is said where the server was never told of that part.
        otherwise: String,
    },
    /// Numbers.
    Metrics(Vec<Metric>),
    /// A data set that it read.
    Dataset(Dataset),
    /// A file to keep.
    File(FileToKeep),
    /// A trained model, with a place in the registry.
    Model(Model),
    /// It is a trial of a search, and has come this far. For files alone: servers get parameters, facts and a number of it.
    Trial(Trial),
    /// It ended.
    Ended {
        /// How.
        status: Status,
        /// Unix time in milliseconds.
        at: i64,
    },
}

/// How a part of a run ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub(crate) enum Status {
    /// All of it succeeded.
    Finished,
    /// A stage failed, or was not tried because another one failed.
    Failed,
    /// It was interrupted, its process died, or a search ended it.
    Killed,
}

/// How far a trial of a search is.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Trial {
    /// How far.
    pub state: TrialState,
    /// The value of its objective, where it has one.
    pub value: Option<f64>,
    /// What it tries, by path.
    pub settings: Map<String, Json>,
    /// Unix time in milliseconds.
    pub at: i64,
}

/// One number at one step.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Metric {
    /// Its name.
    pub key: String,
    /// Its value.
    pub value: Number,
    /// Unix time in milliseconds.
    pub timestamp: i64,
    /// The step, e.g. the epoch; 0 for a final number.
    pub step: u64,
}

/// A data set by its contents.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Dataset {
    /// Its name.
    pub name: String,
    /// Digest of its contents.
    pub digest: String,
    /// Where it comes from, as JSON; no path of this machine.
    pub source: String,
    /// What is known of it, as JSON.
    pub profile: String,
}

/// A file to keep.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileToKeep {
    /// Where it lies, relative to the store.
    pub from: PathBuf,
    /// Its name there, with folders.
    pub to: String,
}

/// A trained model as files.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Model {
    /// Its name.
    pub name: String,
    /// The name under which the registry has its versions.
    pub registered: String,
    /// What the newest of them is called.
    pub alias: String,
    /// Its facts.
    pub tags: BTreeMap<String, String>,
    /// Its parameters.
    pub params: BTreeMap<String, String>,
    /// Its final numbers.
    pub metrics: Vec<Metric>,
    /// Its files.
    pub files: Vec<FileToKeep>,
}
