//! Binary cross-entropy: each map is foreground or not, alone.
//! It takes logits, so that no logarithm of a rounded zero occurs.

use burn::Tensor;
use burn::tensor::activation;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::batch::Target;

/// Settings of the binary cross-entropy; the mean is over pixels and maps.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct BinaryCrossEntropy {
    /// What a foreground pixel counts against a background pixel.
    #[schemars(range(min = 0.0))]
    pub positive_weight: f64,
}

impl Default for BinaryCrossEntropy {
    fn default() -> Self {
        Self { positive_weight: 1.0 }
    }
}

impl BinaryCrossEntropy {
    /// # Shapes
    /// `[batch, maps, depth, height, width]` to `[1]`.
    pub(super) fn value(&self, logits: Tensor<5>, target: &Target) -> Tensor<1> {
        let targets = target.maps.clone();
        // -log sigmoid(x) = max(-x, 0) + log(1 + exp(-|x|)), and -log(1 - sigmoid(x)) is that plus x.
        let tail = (-logits.clone().abs()).exp().log1p();
        let positive = activation::relu(-logits.clone()) + tail;
        let weight = targets.clone() * (self.positive_weight - 1.0) + 1.0;
        let value = positive * weight + logits * (-targets + 1.0);
        value.mean()
    }
}
