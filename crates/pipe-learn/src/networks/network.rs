//! A network of any kind, as one module: the training loop is compiled once and has no type parameter.
//! It does not know what its weights are for.

use burn::Tensor;
use burn::module::Module;

use super::blocks::Pass;
use super::{SvsNet, UNet};

/// A network of any kind.
#[derive(Module, Debug)]
#[expect(clippy::large_enum_variant, reason = "there is one network at a time, and the derive wants plain variants")]
pub enum Network {
    /// See [`UNet`].
    UNet(UNet),
    /// See [`SvsNet`].
    SvsNet(SvsNet),
}

impl Network {
    /// Gives logits.
    ///
    /// # Shapes
    /// `[batch, channels, frames, height, width]` to `[batch, classes, height, width]`.
    ///
    /// # Panics
    /// If the input does not fit; ask [`NetworkConfig::check_input`](super::NetworkConfig::check_input) first.
    pub fn forward(&self, x: Tensor<5>, pass: &mut Pass) -> Tensor<4> {
        match self {
            Self::UNet(network) => network.forward(x, pass),
            Self::SvsNet(network) => network.forward(x, pass),
        }
    }
}
