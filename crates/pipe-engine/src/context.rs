//! What a running stage is given, and how it tells what it does.
//!
//! Does not know the store: inputs and outputs are paths.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs::OpenOptions,
    io::Write as _,
    path::{Path, PathBuf},
    sync::Mutex,
};

use pipe_spec::{Location, Resources};
use pipe_store::{Direction, MetricRow, Object};
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

/// An artifact handed to a stage.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Given {
    /// The stage instance that made it.
    pub stage: String,
    /// Where it lies, read-only.
    pub path: PathBuf,
    /// Its contents.
    pub object: Object,
}

/// How far a stage has come.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Progress {
    /// Units done.
    pub done: u64,
    /// Units in all, where known.
    pub total: Option<u64>,
    /// What is counted.
    pub unit: String,
    /// A few words, e.g. the last loss.
    pub note: String,
}

/// What a stage says while it runs: one JSON line each, a worker on its standard output, a command in the file that
/// PIPE_EVENTS names.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Word {
    Progress(Progress),
    Metric {
        name: String,
        step: u64,
        value: Option<f64>,
    },
    Warning {
        text: String,
    },
    /// A final number, kept with the result.
    Result(MetricRow),
    /// The device is lost: if the attempt fails, that is why.
    LostDevice {
        text: String,
    },
}

/// What a worker leaves behind beside its outputs.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Findings {
    pub metrics: Vec<MetricRow>,
    pub facts: BTreeMap<String, Json>,
    /// The most memory that the worker has held at one time, in bytes. From outside, that of a program that ends at once is not seen.
    #[serde(default)]
    pub peak_memory: Option<u64>,
}

impl Findings {
    /// Takes numbers that were said on the way and not at the end: their last value stands.
    pub(crate) fn keep_last(&mut self, last: BTreeMap<String, Option<f64>>) {
        let known: BTreeSet<String> = self.metrics.iter().map(|row| row.name.clone()).collect();
        let row = |(name, value)| {
            let (unit, direction, case) = (String::new(), Direction::default(), None);
            MetricRow { name, value, unit, direction, case }
        };
        self.metrics.extend(last.into_iter().filter(|(name, _)| !known.contains(name)).map(row));
    }
}

/// Everything a stage may touch.
#[derive(Debug)]
pub struct Context {
    pub(crate) stage: String,
    pub(crate) inputs: BTreeMap<String, Vec<Given>>,
    pub(crate) outputs: BTreeMap<String, PathBuf>,
    pub(crate) resume: PathBuf,
    pub(crate) shorter: Option<PathBuf>,
    pub(crate) scratch: PathBuf,
    pub(crate) workspace: PathBuf,
    pub(crate) resources: Resources,
    pub(crate) findings: Mutex<Findings>,
    /// Where numbers that it says on the way stay.
    pub(crate) numbers: PathBuf,
}

impl Context {
    /// The stage instance, e.g. `train[fold=1]`.
    pub fn stage(&self) -> &str {
        &self.stage
    }

    /// Where a required input lies.
    ///
    /// # Panics
    /// The kind declares no such required port.
    pub fn input(&self, port: &str) -> &Path {
        self.optional_input(port).expect("the plan matched every required port")
    }

    /// Where an optional input lies.
    pub fn optional_input(&self, port: &str) -> Option<&Path> {
        self.inputs.get(port).and_then(|given| given.first()).map(|given| given.path.as_path())
    }

    /// Everything given to a port.
    pub fn inputs(&self, port: &str) -> &[Given] {
        self.inputs.get(port).map_or(&[], Vec::as_slice)
    }

    /// Where an output must be written.
    ///
    /// # Panics
    /// The kind declares no such port.
    pub fn output(&self, port: &str) -> &Path {
        self.outputs.get(port).expect("the kind declares the port")
    }

    /// A folder that outlives the attempt until the stage succeeds: checkpoints.
    pub fn resume(&self) -> &Path {
        &self.resume
    }

    /// The checkpoint of an equal stage that went on for less long, where there is one: see [`crate::Stage::length`].
    pub fn shorter(&self) -> Option<&Path> {
        self.shorter.as_deref()
    }

    /// A folder for this attempt alone.
    pub fn scratch(&self) -> &Path {
        &self.scratch
    }

    /// Where and how fast the stage may run.
    pub fn resources(&self) -> &Resources {
        &self.resources
    }

    /// The full path of a location; relative ones start at the workspace.
    pub fn resolve(&self, location: &Location) -> PathBuf {
        self.workspace.join(location.path())
    }

    /// Tells how far the stage has come.
    pub fn progress(&self, done: u64, total: Option<u64>, unit: &str, note: impl Into<String>) {
        say(&Word::Progress(Progress { done, total, unit: unit.to_owned(), note: note.into() }));
    }

    /// Tells a number of a running stage, e.g. the loss of an epoch.
    pub fn live_metric(&self, name: &str, step: u64, value: f64) {
        let word = Word::Metric { name: name.to_owned(), step, value: Some(value).filter(|value| value.is_finite()) };
        // Before the engine hears it: whoever goes on from a checkpoint after a kill can know what was said until then.
        let file = OpenOptions::new().create(true).append(true).open(&self.numbers);
        drop(file.and_then(|mut file| file.write_all(line(&word).as_bytes())));
        say(&word);
    }

    /// Warns without failing.
    pub fn warn(&self, text: impl Into<String>) {
        say(&Word::Warning { text: text.into() });
    }

    /// Keeps a final number with the result.
    pub fn metric(&self, row: MetricRow) {
        self.findings.lock().expect("no holder panics").metrics.push(row);
    }

    /// Keeps a fact with the result: a device, a version. Facts never decide a result.
    pub fn fact(&self, key: &str, value: impl Into<Json>) {
        self.findings.lock().expect("no holder panics").facts.insert(key.to_owned(), value.into());
    }
}

fn say(word: &Word) {
    // A closed pipe means that the parent died; the worker is about to end too.
    drop(std::io::stdout().lock().write_all(line(word).as_bytes()));
}

fn line(word: &Word) -> String {
    let mut line = serde_json::to_string(word).expect("words are plain data");
    line.push('\n');
    line
}
