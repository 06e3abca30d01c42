//! In which number format a network computes.
//! It does not know devices: what a device cannot do, it does not start.

use std::fmt;

use burn::tensor::FloatDType;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// In which number format convolutions compute and layers hand on what they give.
///
/// Weights, gradients, optimizers, statistics of normalisations and losses are 32-bit floats in all of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Precision {
    /// 32-bit floats, products included.
    Fp32,
    /// 32-bit floats; matrix units of a GPU may round what they multiply to 10 bits of mantissa, as PyTorch lets them in
    /// convolutions by default. On the CPU the same as `fp32`.
    #[default]
    Tf32,
    /// 16 bits with the exponents of 32-bit floats.
    Bf16,
    /// 16 bits with small exponents: the loss is scaled, so that gradients do not vanish.
    F16,
}

impl fmt::Display for Precision {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Fp32 => "fp32",
            Self::Tf32 => "tf32",
            Self::Bf16 => "bf16",
            Self::F16 => "f16",
        })
    }
}

impl Precision {
    /// The format of what layers hand on.
    pub fn of_layers(self) -> FloatDType {
        match self {
            Self::Fp32 | Self::Tf32 => FloatDType::F32,
            Self::Bf16 => FloatDType::BF16,
            Self::F16 => FloatDType::F16,
        }
    }

    /// Whether layers hand on 16 bits.
    pub fn is_short(self) -> bool {
        self.of_layers() != FloatDType::F32
    }

    /// Whether products must not be rounded.
    pub fn is_exact(self) -> bool {
        self == Self::Fp32
    }

    /// Whether it is what a recipe has that does not name one.
    pub fn is_default(&self) -> bool {
        *self == Self::default()
    }
}
