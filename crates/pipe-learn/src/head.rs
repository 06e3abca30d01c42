//! The head: what turns logits into probabilities.
//! It does not know losses; those work on logits where that is more exact.

use burn::Tensor;
use burn::tensor::activation;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What turns logits into probabilities.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Head {
    /// Each map alone. One map: the probability of foreground. More maps: of classes that may overlap, without a map of
    /// background, so that the first map is class 1.
    Sigmoid,
    /// One map a class, background first; probabilities add up to 1.
    Softmax,
}

impl Head {
    /// Gives the usual head for a number of maps.
    pub fn of(maps: usize) -> Self {
        if maps == 1 { Self::Sigmoid } else { Self::Softmax }
    }

    /// Gives probabilities.
    ///
    /// # Shapes
    /// `[batch, maps, depth, height, width]`, unchanged.
    pub fn probabilities(self, logits: Tensor<5>) -> Tensor<5> {
        match self {
            Self::Sigmoid => activation::sigmoid(logits),
            Self::Softmax => activation::softmax(logits, 1),
        }
    }
}
