//! Cross-entropy over classes that exclude each other.
//! It takes logits, so that no logarithm of a rounded zero occurs.

use burn::Tensor;
use burn::tensor::activation;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Settings of the cross-entropy: none yet; the mean is over pixels.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CrossEntropy {}

impl CrossEntropy {
    /// # Shapes
    /// `[batch, classes, height, width]` twice, to `[1]`.
    pub(super) fn value(&self, logits: Tensor<4>, targets: Tensor<4>) -> Tensor<1> {
        let classes = logits.dims()[1];
        // The mean divides by classes as well, which is taken back.
        (activation::log_softmax(logits, 1) * targets).mean() * -(classes as f64)
    }
}
