//! Attention over channels and over pixels at once.
//! It does not know levels of a decoder.
#![expect(non_snake_case, reason = "fields have PyTorch's names")]

use burn::Tensor;
use burn::module::Module;
use burn::tensor::{Device, activation};

use super::{Bias, Conv2d, Pass, Weightless, gated, global_mean};

/// Channels in the middle are so many times fewer.
const REDUCTION: usize = 16;

/// Weighs channels by what the whole map holds, pixels by what all channels hold, and adds both.
///
/// # Source
/// Roy, Navab, Wachinger: Concurrent spatial and channel squeeze & excitation in fully convolutional networks, MICCAI
/// 2018 (scSE), as in segmentation_models.pytorch. Deviation: below 16 channels one is left in the middle, not none.
#[derive(Module, Debug)]
pub struct Scse {
    cSE: (Weightless, Conv2d, Weightless, Conv2d),
    sSE: (Conv2d, Weightless),
}

impl Scse {
    /// A block of zeros.
    pub fn new(channels: usize, device: &Device) -> Self {
        let middle = (channels / REDUCTION).max(1);
        let conv = |channels| Conv2d::new(channels, 1, Bias::Learned, device);
        Self {
            cSE: (Weightless, conv([channels, middle]), Weightless, conv([middle, channels])),
            sSE: (conv([channels, 1]), Weightless),
        }
    }

    /// # Shapes
    /// `[batch, channels, height, width]`, unchanged.
    pub fn forward(&self, x: Tensor<4>, pass: &mut Pass) -> Tensor<4> {
        let (_, squeeze, _, excite) = &self.cSE;
        let channels = activation::relu(squeeze.forward(global_mean(x.clone()), pass));
        let channels = excite.forward(channels, pass); // [batch, channels, 1, 1]
        let pixels = self.sSE.0.forward(x.clone(), pass); // [batch, 1, height, width]
        gated(x.clone(), channels) + gated(x, pixels)
    }
}
