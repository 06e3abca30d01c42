//! The head: what turns logits into probabilities.
//! It does not know losses; those work on logits where that is more exact.

use burn::Tensor;
use burn::tensor::activation;
use serde::{Deserialize, Serialize};

/// What turns logits into probabilities.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Head {
    /// One map: the probability of foreground.
    Sigmoid,
    /// One map a class, background first; probabilities add up to 1.
    Softmax,
}

impl Head {
    /// Gives the head for a number of maps.
    pub fn of(classes: usize) -> Self {
        if classes == 1 { Self::Sigmoid } else { Self::Softmax }
    }

    /// Gives probabilities.
    ///
    /// # Shapes
    /// `[batch, classes, depth, height, width]`, unchanged.
    pub fn probabilities(self, logits: Tensor<5>) -> Tensor<5> {
        match self {
            Self::Sigmoid => activation::sigmoid(logits),
            Self::Softmax => activation::softmax(logits, 1),
        }
    }
}
