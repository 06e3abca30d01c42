//! Focal Tversky: a power of what is missing of the Tversky index.
//! It does not threshold.

use burn::Tensor;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::regions::{Absent, Background, Over};
use super::{LossError, Tversky};
use crate::batch::Target;
use crate::head::Head;

/// Settings of the focal Tversky loss, the mean over classes of `(1 - T)^(1 / gamma)` with the Tversky index `T`.
///
/// # Source
/// Abraham and Khan, A novel focal Tversky loss function with improved attention U-Net for lesion segmentation (2019), with
/// its values as defaults. In that paper, `alpha` is what false negatives count and `beta` what false positives do; here they
/// are as in Salehi's paper and in `tversky`, so that its 0.7 is `beta`. The paper sums over classes where this has the
/// mean. segmentation_models.pytorch's `gamma` is the exponent itself, and of the mean over classes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct FocalTversky {
    /// What false positives count.
    #[schemars(range(min = 0.0))]
    pub alpha: f64,
    /// What false negatives count.
    #[schemars(range(min = 0.0))]
    pub beta: f64,
    /// From 1 to 3 in the paper; larger than 1 makes classes that are hardly found count more.
    #[schemars(range(min = 0.0))]
    pub gamma: f64,
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

impl Default for FocalTversky {
    fn default() -> Self {
        let Tversky { alpha, beta, smooth, epsilon, over, background, absent, weights } = Tversky::default();
        Self { alpha, beta, gamma: 4.0 / 3.0, smooth, epsilon, over, background, absent, weights }
    }
}

impl FocalTversky {
    fn tversky(&self) -> Tversky {
        let Self { alpha, beta, smooth, epsilon, over, background, absent, ref weights, .. } = *self;
        Tversky { alpha, beta, smooth, epsilon, over, background, absent, weights: weights.clone() }
    }

    pub(super) fn check(&self, maps: usize, head: Head) -> Result<(), LossError> {
        if !(self.gamma > 0.0 && self.gamma.is_finite()) {
            return Err(LossError::Setting { field: "gamma", value: self.gamma.to_string(), expected: "more than 0" });
        }
        self.tversky().check(maps, head)
    }

    /// # Shapes
    /// `[batch, maps, depth, height, width]` to `[1]`.
    pub(super) fn value(&self, logits: Tensor<5>, target: &Target, head: Head) -> Tensor<1> {
        self.tversky().powered(1.0 / self.gamma, logits, target, head)
    }
}
