//! What happens during a run, as data: the terminal, `events.jsonl` and tracking servers see the same.
//!
//! Does not know who observes.

use serde::{Deserialize, Serialize};

use crate::{Lack, Progress, Reason};

/// Why a stage failed, for people.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Failure {
    /// The error, then each cause.
    pub chain: Vec<String>,
    /// The last lines of the log.
    pub last_lines: Vec<String>,
    /// The whole log.
    pub log: Option<std::path::PathBuf>,
}

/// How far a trial of a search is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TrialState {
    /// Its stages may run.
    Running,
    /// It has a value.
    Complete,
    /// The search has ended it.
    Pruned,
    /// It has no value: a stage failed, or its objective was no number.
    Failed,
}

/// Something that happened.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Event {
    /// The run began.
    Begun {
        /// Its number.
        run: i64,
        /// Number of stages.
        stages: usize,
    },
    /// A stage was answered from the cache.
    Cached {
        /// The instance.
        stage: String,
    },
    /// A stage that could start lacks something.
    Waiting {
        /// The instance.
        stage: String,
        /// What.
        lack: Lack,
    },
    /// A list became known, and with it stages that run over it.
    Grown {
        /// Number of stages now.
        stages: usize,
        /// The new instances.
        new: Vec<String>,
    },
    /// An attempt started.
    Started {
        /// The instance.
        stage: String,
        /// Number of the attempt.
        attempt: u32,
        /// Why it runs.
        why: Vec<Reason>,
    },
    /// A running stage has come this far.
    Progress {
        /// The instance.
        stage: String,
        /// How far.
        progress: Progress,
    },
    /// A number of a running stage.
    Metric {
        /// The instance.
        stage: String,
        /// Its name.
        name: String,
        /// Step, e.g. the epoch.
        step: u64,
        /// Its value; none if not finite.
        value: Option<f64>,
    },
    /// A warning of a running stage, or about its result.
    Warning {
        /// The instance.
        stage: String,
        /// What.
        text: String,
    },
    /// A stage succeeded and its result is published.
    Done {
        /// The instance.
        stage: String,
        /// Seconds of the attempt.
        seconds: f64,
    },
    /// An attempt failed, and the stage is tried again.
    Retry {
        /// The instance.
        stage: String,
        /// Number of the attempt that failed.
        attempt: u32,
        /// How often it is tried again at most.
        of: u32,
        /// Seconds until then.
        seconds: f64,
        /// Why it failed.
        failure: Failure,
    },
    /// An attempt failed because its cards are lost. The run gives them to nobody any more; the stage is tried again on another
    /// card where there is one, and has failed otherwise.
    CardLost {
        /// The instance.
        stage: String,
        /// Number of the attempt that failed.
        attempt: u32,
        /// The ids of the cards.
        cards: Vec<String>,
        /// How many are left to this run.
        left: usize,
        /// Why it failed.
        failure: Failure,
    },
    /// A stage failed.
    Failed {
        /// The instance.
        stage: String,
        /// Why.
        failure: Failure,
    },
    /// A search ended a stage, or kept one from starting: a decision, neither a failure nor a result. What the stage has come to is kept.
    Pruned {
        /// The instance.
        stage: String,
        /// Why.
        why: String,
    },
    /// A trial of a search began, or came to its end.
    Trial {
        /// Its point of the axes, as in the ids of its stages: `trial=7`, in nested searches `fold=1,trial=7`.
        trial: String,
        /// What it tries, by path.
        settings: serde_json::Map<String, serde_json::Value>,
        /// How far it is.
        state: TrialState,
        /// The value of its objective, where it has one.
        value: Option<f64>,
    },
    /// A stage was not tried.
    Skipped {
        /// The instance.
        stage: String,
        /// What it needed and did not get.
        because: String,
    },
    /// A failure kept stages from starting.
    Stopped {
        /// How many.
        left: u64,
    },
}
