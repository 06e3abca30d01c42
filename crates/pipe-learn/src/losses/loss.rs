//! The `loss:` choice as it is written in YAML, and its value.
//! It does not know how a single loss is computed.

use burn::Tensor;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::batch::Target;
use crate::head::Head;

use super::{BinaryCrossEntropy, CrossEntropy, Dice, Focal, FocalTversky, Jaccard, SoftClDice, Tversky};

/// Which loss, with its settings.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum LossConfig {
    /// Soft Dice.
    Dice(Dice),
    /// Soft Jaccard, or intersection over union.
    Jaccard(Jaccard),
    /// Tversky: overlap with weights of what is wrong and what is missed.
    Tversky(Tversky),
    /// A power of what is missing of the Tversky index.
    FocalTversky(FocalTversky),
    /// Overlap of soft centerlines with masks.
    #[serde(rename = "soft_cldice")]
    SoftClDice(SoftClDice),
    /// Cross-entropy over classes that exclude each other.
    CrossEntropy(CrossEntropy),
    /// Cross-entropy of each map alone.
    BinaryCrossEntropy(BinaryCrossEntropy),
    /// Cross-entropy in which pixels that are right already count less.
    Focal(Focal),
    /// A weighted sum of losses.
    Sum(Vec<LossTerm>),
}

/// The names of losses that have settings, as they stand in YAML; `sum` is a list of them.
pub const LOSSES: &[&str] =
    &["dice", "jaccard", "tversky", "focal_tversky", "soft_cldice", "cross_entropy", "binary_cross_entropy", "focal"];

/// A part of a weighted sum.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct LossTerm {
    /// What the loss is multiplied by.
    #[serde(default = "one")]
    pub weight: f64,
    /// The loss.
    pub loss: LossConfig,
}

fn one() -> f64 {
    1.0
}

impl LossTerm {
    fn check(&self, maps: usize, head: Head) -> Result<(), LossError> {
        if !self.weight.is_finite() {
            let value = self.weight.to_string();
            return Err(LossError::Setting { field: "weight", value, expected: "a finite number" });
        }
        self.loss.check(maps, head)
    }
}

/// A loss that does not fit the network.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum LossError {
    /// Softmax over one map is 1 everywhere.
    #[error("cross_entropy needs a network with at least 2 maps, this one has 1; use binary_cross_entropy")]
    OneMap,
    /// Softmax over one map is 1 everywhere.
    #[error("`head: softmax` needs a network with at least 2 maps, this one has 1; use `head: sigmoid`")]
    SoftmaxOfOne,
    /// Classes that overlap.
    #[error("cross_entropy is of classes that exclude each other; with `head: sigmoid`, use binary_cross_entropy")]
    Overlapping,
    /// Another number of weights than there are maps that count.
    #[error("there are {found} `weights` for {expected} maps that count")]
    Weights {
        /// How many there are.
        found: usize,
        /// How many there must be.
        expected: usize,
    },
    /// Weights for one sum over all maps.
    #[error("`weights` are of maps, and `over: batch_and_maps` sums over all at once; use `over: batch`")]
    WeightsOfOne,
    /// Another number of weights than of maps of deep supervision.
    #[error(
        "`deep_supervision` has {found} weights, the network gives {expected} outputs in training (its main maps first)"
    )]
    DeepWeights {
        /// How many there are.
        found: usize,
        /// How many there must be.
        expected: usize,
    },
    /// Deep supervision of a network without further heads.
    #[error(
        "the network gives no maps for `deep_supervision`; leave it out, or set `deep_supervision: true` in the network"
    )]
    NothingDeep,
    /// A loss that is read in the middle of a step.
    #[error("`top_k` chooses pixels on the CPU in every step; on a GPU leave it out, or train with `device: cpu`")]
    ReadsBack,
    /// A sum of nothing.
    #[error("`sum` has no losses")]
    EmptySum,
    /// A number out of its range.
    #[error("`{field}` is {value}, expected {expected}")]
    Setting {
        /// The setting.
        field: &'static str,
        /// What it is.
        value: String,
        /// What it may be.
        expected: &'static str,
    },
}

impl LossConfig {
    /// Whether the loss reads values back before there is a gradient. On a GPU a step that is cut in two there has been seen to
    /// give wrong gradients (Burn 0.22.1 with fusion), beside the waiting.
    pub(crate) fn reads_back(&self) -> bool {
        match self {
            Self::CrossEntropy(loss) => loss.top_k.is_some(),
            Self::Sum(terms) => terms.iter().any(|term| term.loss.reads_back()),
            _ => false,
        }
    }

    /// Raised when equal settings give another loss than before.
    pub const VERSION: u32 = 1;

    /// Checks that the loss fits a network with so many maps and a head.
    ///
    /// # Errors
    /// It does not.
    pub fn check(&self, maps: usize, head: Head) -> Result<(), LossError> {
        if head == Head::Softmax && maps < 2 {
            return Err(LossError::SoftmaxOfOne);
        }
        match self {
            Self::Dice(dice) => dice.check(maps, head),
            Self::Jaccard(jaccard) => jaccard.check(maps, head),
            Self::Tversky(tversky) => tversky.check(maps, head),
            Self::FocalTversky(tversky) => tversky.check(maps, head),
            Self::SoftClDice(dice) => dice.check(),
            Self::CrossEntropy(_) if maps < 2 => Err(LossError::OneMap),
            Self::CrossEntropy(_) if head != Head::Softmax => Err(LossError::Overlapping),
            Self::CrossEntropy(entropy) => entropy.check(maps),
            Self::BinaryCrossEntropy(entropy) => entropy.check(maps),
            Self::Focal(focal) => focal.check(),
            Self::Sum(terms) if terms.is_empty() => Err(LossError::EmptySum),
            Self::Sum(terms) => terms.iter().try_for_each(|term| term.check(maps, head)),
        }
    }

    /// Gives the loss of a batch.
    ///
    /// # Shapes
    /// `logits`: `[batch, maps, depth, height, width]`; gives `[1]`.
    pub fn value(&self, logits: Tensor<5>, target: &Target, head: Head) -> Tensor<1> {
        match self {
            Self::Dice(dice) => dice.value(logits, target, head),
            Self::Jaccard(jaccard) => jaccard.value(logits, target, head),
            Self::Tversky(tversky) => tversky.value(logits, target, head),
            Self::FocalTversky(tversky) => tversky.value(logits, target, head),
            Self::SoftClDice(dice) => dice.value(logits, target, head),
            Self::CrossEntropy(entropy) => entropy.value(logits, target),
            Self::BinaryCrossEntropy(entropy) => entropy.value(logits, target),
            Self::Focal(focal) => focal.value(logits, target, head),
            Self::Sum(terms) => {
                let value = |term: &LossTerm| term.loss.value(logits.clone(), target, head) * term.weight;
                let mut values = terms.iter().map(value);
                let first = values.next().expect("a sum without losses was refused");
                values.fold(first, |sum, value| sum + value)
            }
        }
    }
}
