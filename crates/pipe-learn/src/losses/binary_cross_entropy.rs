//! Binary cross-entropy: each map is foreground or not, alone.
//! It takes logits, so that no logarithm of a rounded zero occurs.

use burn::Tensor;
use burn::tensor::activation;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::LossError;
use super::pixels::mean_over_pixels;
use super::regions::{check_numbers, check_weights, row};
use crate::batch::Target;

/// Settings of the binary cross-entropy; the mean is over pixels and maps.
///
/// # Source
/// PyTorch's `BCEWithLogitsLoss` with `positive_weight` as `pos_weight` and `weights` as `weight`, which the mean is not
/// divided by.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct BinaryCrossEntropy {
    /// What a foreground pixel counts against a background pixel.
    #[schemars(range(min = 0.0))]
    pub positive_weight: f64,
    /// What each map is multiplied by, one number a map; 1 by default.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub weights: Option<Vec<f64>>,
}

impl Default for BinaryCrossEntropy {
    fn default() -> Self {
        Self { positive_weight: 1.0, weights: None }
    }
}

impl BinaryCrossEntropy {
    pub(super) fn check(&self, maps: usize) -> Result<(), LossError> {
        check_numbers(&[("positive_weight", self.positive_weight)])?;
        self.weights.as_ref().map_or(Ok(()), |weights| check_weights(weights, maps))
    }

    /// # Shapes
    /// `[batch, maps, depth, height, width]` to `[1]`.
    pub(super) fn value(&self, logits: Tensor<5>, target: &Target) -> Tensor<1> {
        let targets = target.maps.clone();
        // -log sigmoid(x) = max(-x, 0) + log(1 + exp(-|x|)), and -log(1 - sigmoid(x)) is that plus x.
        let tail = (-logits.clone().abs()).exp().log1p();
        let positive = activation::relu(-logits.clone()) + tail;
        let weight = targets.clone() * (self.positive_weight - 1.0) + 1.0;
        let value = positive * weight + logits * (-targets + 1.0);
        let value = match &self.weights {
            Some(weights) => {
                let weights = row(weights, &value).reshape([1, weights.len(), 1, 1, 1]);
                value * weights
            }
            None => value,
        };
        mean_over_pixels(value, target.counted.clone())
    }
}
