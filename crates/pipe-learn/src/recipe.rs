//! The recipe of a training: everything but the network, the seed and the data.
//! It does not know how it is carried out.

use pipe_image::Transform;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::ema::Ema;
use crate::gradient::Clip;
use crate::head::Head;
use crate::history::{HistoryRow, Metric, best_by};
use crate::labels::Labels;
use crate::losses::{DeepSupervision, LossConfig, LossError};
use crate::networks::NetworkConfig;
use crate::optimizers::OptimizerConfig;
use crate::precision::Precision;
use crate::sampling::Sampling;
use crate::schedule::ScheduleConfig;
use crate::setting::{SettingError, at_least_0, at_least_1, expect};

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
    /// The label of pixels that are not known: they count in no loss and in no validation Dice. What the data set itself says is not
    /// known (`field_of_view`, `ignore`) counts in none of them either way; all else is known by default.
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
    /// In which number format the network computes.
    #[serde(default, skip_serializing_if = "Precision::is_default")]
    pub precision: Precision,
    /// Cases in a batch; the last batch of an epoch may be smaller.
    #[schemars(range(min = 1, max = 4096))]
    pub batch: usize,
    /// What happens to a last batch that is smaller.
    #[serde(default)]
    pub last_batch: LastBatch,
    /// Batches whose gradients make one update: their mean over cases, which a loss that is a mean over cases would have in one
    /// larger batch. A Dice over the whole batch, and batch normalisation, still see one small batch at a time.
    #[serde(default = "one")]
    #[schemars(range(min = 1))]
    pub accumulate: usize,
    /// How large gradients may be; of any size by default.
    #[serde(default)]
    pub clip: Option<Clip>,
    /// A moving average of the weights, which then is validated and kept in place of the weights; none by default.
    #[serde(default)]
    pub ema: Option<Ema>,
    /// Which cases make an epoch, and which part of each; all of each by default.
    #[serde(default)]
    pub sampling: Sampling,
    /// Random changes of each training case, drawn anew in every epoch.
    #[serde(default)]
    pub augment: Vec<Transform>,
    /// By which number of validation the kept epoch is chosen.
    #[serde(default)]
    pub best: Metric,
    /// When to stop before the last epoch; never by default.
    #[serde(default)]
    pub early_stopping: Option<EarlyStopping>,
    /// Computes cheap layers anew on the way back instead of keeping what they gave; weights are equal to the byte. Measured on a
    /// U-Net on the CPU, peak memory changes by -14 % with `silu`, and by +17 % with `relu`, whose kernels keep little anyway.
    #[serde(default)]
    pub gradient_checkpointing: bool,
}

fn one() -> usize {
    1
}

/// What happens to a last batch that is smaller than the others.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum LastBatch {
    /// It is learned from.
    #[default]
    Keep,
    /// It is left out; its cases come in other epochs.
    Drop,
}

/// When to stop before the last epoch.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct EarlyStopping {
    /// Stop after so many epochs without a better number on the validation cases.
    #[schemars(range(min = 1))]
    pub patience: usize,
    /// The number.
    #[serde(default)]
    pub metric: Metric,
    /// By how much it must be better to count.
    #[serde(default)]
    #[schemars(range(min = 0.0))]
    pub minimum_change: f64,
}

impl EarlyStopping {
    /// Tells whether nothing has become better for as long as is waited.
    pub(crate) fn is_over(&self, history: &[HistoryRow]) -> bool {
        best_by(history, self.metric, self.minimum_change)
            .is_some_and(|best| history.len() - 1 - best.epoch >= self.patience)
    }
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

    /// Gives the epochs that the schedule is laid over.
    pub fn horizon(&self) -> usize {
        self.schedule.horizon.unwrap_or(self.epochs)
    }

    /// Checks everything but the loss, which must fit the network.
    ///
    /// # Errors
    /// A setting is out of its range, or names a class that the network has no map for.
    pub fn check(&self, network: &NetworkConfig) -> Result<(), SettingError> {
        let foreground = self.labels(network.classes()).foreground().len();
        at_least_1("epochs", self.epochs)?;
        at_least_1("batch", self.batch)?;
        at_least_1("accumulate", self.accumulate)?;
        self.optimizer.check().map_err(|error| error.below("optimizer"))?;
        self.schedule.check(self.epochs, foreground)?;
        self.clip.as_ref().map_or(Ok(()), |clip| clip.check().map_err(|error| error.below("clip")))?;
        self.ema.as_ref().map_or(Ok(()), |ema| ema.check().map_err(|error| error.below("ema")))?;
        self.sampling.check().map_err(|error| error.below("sampling"))?;
        self.best.check("best", foreground)?;
        if let Some(EarlyStopping { patience, metric, minimum_change }) = &self.early_stopping {
            expect(*patience > 0, "early_stopping.patience", patience, "at least 1")?;
            metric.check("early_stopping.metric", foreground)?;
            at_least_0("early_stopping.minimum_change", *minimum_change)?;
        }
        Ok(())
    }

    /// Tells whether a training with this history is over.
    pub(crate) fn is_over(&self, history: &[HistoryRow]) -> bool {
        history.len() >= self.epochs || self.early_stopping.as_ref().is_some_and(|stopping| stopping.is_over(history))
    }
}
