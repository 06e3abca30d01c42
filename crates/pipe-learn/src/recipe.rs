//! The recipe of a training: everything but the network, the seed and the data.
//! It does not know how it is carried out.

use pipe_image::Transform;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::head::Head;
use crate::labels::Labels;
use crate::losses::{DeepSupervision, LossConfig, LossError};
use crate::optimizers::OptimizerConfig;
use crate::schedule::ScheduleConfig;

/// How to train.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TrainConfig {
    /// What is made small.
    pub loss: LossConfig,
    /// What turns logits into probabilities: `sigmoid` for one map and `softmax` for more by default. Classes that overlap are
    /// `sigmoid` with several maps.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub head: Option<Head>,
    /// The label of pixels that are not known: they count in no loss and in no validation Dice. All are known by default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ignore_label: Option<u8>,
    /// What the outputs of a network with deep supervision count. By default, `halving` if any is coarser than the main one
    /// (nnU-Net), else `equal` (U-Net++).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deep_supervision: Option<DeepSupervision>,
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

impl TrainConfig {
    /// Gives what labels mean to a network of so many maps.
    pub fn labels(&self, maps: usize) -> Labels {
        Labels { maps, head: self.head.unwrap_or(Head::of(maps)), ignored: self.ignore_label }
    }

    /// Checks that loss and head fit a network of so many maps.
    ///
    /// # Errors
    /// They do not.
    pub fn check_loss(&self, maps: usize) -> Result<(), LossError> {
        self.loss.check(maps, self.labels(maps).head)?;
        self.deep_supervision.as_ref().map_or(Ok(()), DeepSupervision::check)
    }
}
