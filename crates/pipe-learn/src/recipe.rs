//! The recipe of a training: everything but the network, the seed and the data.
//! It does not know how it is carried out.

use pipe_image::Transform;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::losses::LossConfig;
use crate::optimizers::OptimizerConfig;
use crate::schedule::ScheduleConfig;

/// How to train.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TrainConfig {
    /// What is made small.
    pub loss: LossConfig,
    /// How weights change.
    pub optimizer: OptimizerConfig,
    /// How the learning rate changes over epochs.
    #[serde(default)]
    pub schedule: ScheduleConfig,
    /// How often each training case is seen, at most.
    #[schemars(range(min = 1, max = 100_000))]
    pub epochs: usize,
    /// Cases in a batch; the last batch of an epoch may be smaller.
    #[schemars(range(min = 1, max = 4096))]
    pub batch: usize,
    /// Random changes of each training case, drawn anew in every epoch.
    #[serde(default)]
    pub augment: Vec<Transform>,
    /// When to stop before the last epoch; never by default.
    #[serde(default)]
    pub early_stopping: Option<EarlyStopping>,
}

/// When to stop before the last epoch.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct EarlyStopping {
    /// Stop after so many epochs without a better Dice on the validation cases.
    #[schemars(range(min = 1))]
    pub patience: usize,
}
