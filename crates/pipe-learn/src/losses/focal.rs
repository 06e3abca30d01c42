//! Focal loss: cross-entropy in which pixels that are right already count less.
//! It takes logits, so that no logarithm of a rounded zero occurs.

use burn::Tensor;
use burn::tensor::activation;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::LossError;
use super::pixels::{mean_over_pixels, softplus};
use super::regions::check_numbers;
use crate::batch::Target;
use crate::head::Head;

/// Settings of the focal loss, the mean over pixels of `-a (1 - q)^gamma log(q)` with `q` the probability of what is true.
///
/// With the head `sigmoid`, each map is foreground or not, alone, and the mean is over pixels and maps; with `softmax`, `q` is
/// the probability of the pixel's class, and the mean is over pixels.
///
/// # Source
/// Lin et al., Focal loss for dense object detection (2017), with its `gamma`; its `alpha` is 0.25, here there is none by
/// default. torchvision's `sigmoid_focal_loss` (mean) and segmentation_models.pytorch's `FocalLoss` (binary, multilabel) are this
/// with the head `sigmoid`. MONAI's `FocalLoss(use_softmax=True)` is this with `softmax`, divided by the number of maps, since
/// its mean is over maps, too; segmentation_models.pytorch takes sigmoids of single maps where classes exclude each other.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Focal {
    /// How little pixels count that are right already; 0 is cross-entropy.
    #[schemars(range(min = 0.0))]
    pub gamma: f64,
    /// `a` of foreground, and `1 - a` is that of background; 1 for all without it.
    #[schemars(range(min = 0.0, max = 1.0))]
    pub alpha: Option<f64>,
}

impl Default for Focal {
    fn default() -> Self {
        Self { gamma: 2.0, alpha: None }
    }
}

impl Focal {
    pub(super) fn check(&self) -> Result<(), LossError> {
        check_numbers(&[("gamma", self.gamma)])?;
        match self.alpha {
            Some(alpha) if !(0.0..=1.0).contains(&alpha) => {
                Err(LossError::Setting { field: "alpha", value: alpha.to_string(), expected: "from 0 to 1" })
            }
            _ => Ok(()),
        }
    }

    /// # Shapes
    /// `[batch, maps, depth, height, width]` to `[1]`.
    pub(super) fn value(&self, logits: Tensor<5>, target: &Target, head: Head) -> Tensor<1> {
        let values = match head {
            Head::Sigmoid => self.of_maps(logits, target.maps.clone()),
            Head::Softmax => self.of_classes(logits, target.maps.clone()),
        };
        mean_over_pixels(values, target.counted.clone())
    }

    /// `[batch, maps, ..]` to the same.
    fn of_maps(&self, logits: Tensor<5>, targets: Tensor<5>) -> Tensor<5> {
        // log(q) = -softplus(-z) and log(1 - q) = -softplus(z), with z the logit of what is true.
        let z = logits * (targets.clone() * 2.0 - 1.0);
        let easy = (softplus(z.clone()) * -self.gamma).exp();
        let values = easy * softplus(-z);
        match self.alpha {
            Some(alpha) => values * (targets * (2.0 * alpha - 1.0) + (1.0 - alpha)),
            None => values,
        }
    }

    /// `[batch, maps, ..]` to `[batch, 1, ..]`.
    fn of_classes(&self, logits: Tensor<5>, targets: Tensor<5>) -> Tensor<5> {
        let log = (activation::log_softmax(logits, 1) * targets.clone()).sum_dim(1);
        // The slope of a power below 1 at 0 is infinite; a loss as small as this is none.
        let hard = (-log.clone().exp() + 1.0).clamp_min(1e-7).powf_scalar(self.gamma);
        let values = -log * hard;
        match self.alpha {
            // A pixel without any class has the logarithm 0, whatever stands here.
            Some(alpha) => values * (targets.narrow(1, 0, 1) * (1.0 - 2.0 * alpha) + alpha),
            None => values,
        }
    }
}
