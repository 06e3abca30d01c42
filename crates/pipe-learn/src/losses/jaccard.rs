//! Jaccard, or intersection over union: a Tversky index in which all that is wrong counts fully.
//! It does not threshold.

use burn::Tensor;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::regions::{Absent, Background, Over};
use super::{LossError, Tversky};
use crate::batch::Target;
use crate::head::Head;

/// Settings of the Jaccard loss, the mean over classes of `1 - (sum(p t) + s) / (sum(p) + sum(t) - sum(p t) + s + e)`.
///
/// # Source
/// Rahman and Wang, Optimizing intersection-over-union in deep neural networks for image segmentation (2016).
/// segmentation_models.pytorch's `JaccardLoss` is `smooth: 0, background: counted, absent: perfect`; MONAI's
/// `DiceLoss(jaccard=True)` doubles all sums but not what is added.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Jaccard {
    /// `s`: added above and below.
    #[schemars(range(min = 0.0))]
    pub smooth: f64,
    /// `e`: added below only.
    #[schemars(range(min = 0.0))]
    pub epsilon: f64,
    /// What the sums run over.
    pub over: Over,
    /// Whether the first of several classes counts.
    pub background: Background,
    /// What becomes of a class without any pixel in the target.
    pub absent: Absent,
    /// What each class counts in the mean, one number for each map that counts; equal by default.
    pub weights: Option<Vec<f64>>,
}

impl Default for Jaccard {
    fn default() -> Self {
        let Tversky { smooth, epsilon, over, background, absent, weights, .. } = Tversky::default();
        Self { smooth, epsilon, over, background, absent, weights }
    }
}

impl Jaccard {
    fn tversky(&self) -> Tversky {
        let Self { smooth, epsilon, over, background, absent, ref weights } = *self;
        Tversky { alpha: 1.0, beta: 1.0, smooth, epsilon, over, background, absent, weights: weights.clone() }
    }

    pub(super) fn check(&self, maps: usize, head: Head) -> Result<(), LossError> {
        self.tversky().check(maps, head)
    }

    /// # Shapes
    /// `[batch, maps, depth, height, width]` to `[1]`.
    pub(super) fn value(&self, logits: Tensor<5>, target: &Target, head: Head) -> Tensor<1> {
        self.tversky().value(logits, target, head)
    }
}
