//! Activations, by name.
//! They do not know layers.

use burn::Tensor;
use burn::tensor::activation;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Norm, Pass, in_full};

/// What follows a convolution and its normalisation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Activation {
    /// max(x, 0).
    #[default]
    Relu,
    /// x, or `slope` x where x is negative.
    LeakyRelu,
    /// x, or exp(x) - 1 where x is negative.
    Elu,
    /// x sigmoid(x), also called swish.
    Silu,
    /// x times the normal distribution's share below x; the exact form.
    Gelu,
}

impl Activation {
    /// Applies it; `slope` is that of [`LeakyRelu`](Self::LeakyRelu).
    pub fn of<const D: usize>(self, x: Tensor<D>, slope: f64) -> Tensor<D> {
        match self {
            Self::Relu => activation::relu(x),
            Self::LeakyRelu => activation::leaky_relu(x, slope),
            // Differences and products of exponentials: 16 bits would lose what is near 0.
            Self::Elu => in_full(x, |x| activation::elu(x, 1.0)),
            Self::Silu => in_full(x, activation::silu),
            Self::Gelu => in_full(x, activation::gelu),
        }
    }
}

/// An activation with its slope.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Nonlinearity {
    /// Which.
    pub kind: Activation,
    /// That of [`Activation::LeakyRelu`].
    pub slope: f64,
}

impl Nonlinearity {
    /// Applies it.
    pub fn of<const D: usize>(self, x: Tensor<D>) -> Tensor<D> {
        self.kind.of(x, self.slope)
    }

    /// Normalises, if there is a normalisation, and applies it.
    pub fn after<const D: usize>(self, norm: Option<&Norm>, x: Tensor<D>, pass: &mut Pass) -> Tensor<D> {
        match (norm, self.kind) {
            (Some(norm), Activation::Relu) => norm.forward_relu(x, pass),
            (Some(norm), _) => {
                let y = self.of(norm.forward(x, pass));
                pass.keeps(y.shape().num_elements());
                y
            }
            (None, _) => self.of(x),
        }
    }
}
