//! Cross-entropy over classes that exclude each other.
//! It takes logits, so that no logarithm of a rounded zero occurs.

use burn::Tensor;
use burn::tensor::activation;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::batch::Target;

/// Settings of the cross-entropy: none yet; the mean is over pixels.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CrossEntropy {}

impl CrossEntropy {
    /// # Shapes
    /// `[batch, maps, depth, height, width]` to `[1]`.
    pub(super) fn value(&self, logits: Tensor<5>, target: &Target) -> Tensor<1> {
        let targets = target.maps.clone();
        let classes = logits.dims()[1];
        // The mean divides by classes as well, which is taken back.
        (activation::log_softmax(logits, 1) * targets).mean() * -(classes as f64)
    }
}
