//! An encoder of any kind, as one module.
//! It does not know which of its maps a decoder takes.

use burn::Tensor;
use burn::module::Module;

use super::{EfficientNet, MobileNetV2, ResNet};
use crate::networks::blocks::Pass;

/// The maps that an encoder gives besides its input: at a half, a 4th, an 8th, a 16th and a 32nd of its size.
pub const TAPS: usize = 5;

/// The features of MobileNetV2 that are its taps: the last at each size.
const MOBILENET_TAPS: [usize; TAPS] = [1, 3, 6, 13, 18];

/// An encoder of any kind.
#[derive(Module, Debug)]
pub enum Encoder {
    /// ResNet.
    ResNet(ResNet),
    /// MobileNetV2.
    MobileNetV2(MobileNetV2),
    /// EfficientNet.
    EfficientNet(EfficientNet),
}

impl Encoder {
    /// Gives the input and the last map at each size, the finest first.
    ///
    /// # Shapes
    /// `[batch, in, height, width]` to itself and five maps `[batch, c, height / s, width / s]`, rounded up, with s = 2, 4, 8, 16, 32;
    /// s ends at the output stride.
    ///
    /// # Source
    /// The stages of segmentation_models.pytorch 0.6.
    pub fn features(&self, x: Tensor<4>, pass: &mut Pass) -> Vec<Tensor<4>> {
        let mut features = vec![x.clone()];
        match self {
            Self::ResNet(encoder) => features.extend(encoder.taps(x, pass)),
            Self::EfficientNet(encoder) => features.extend(encoder.taps(x, pass)),
            Self::MobileNetV2(encoder) => {
                let all = encoder.forward_features(x, pass);
                features.extend(MOBILENET_TAPS.map(|tap| all[tap].clone()));
            }
        }
        features
    }

    /// Gives the channels of the five maps.
    pub fn channels(&self) -> [usize; TAPS] {
        match self {
            Self::ResNet(encoder) => encoder.channels(),
            Self::EfficientNet(encoder) => encoder.channels(),
            Self::MobileNetV2(encoder) => MOBILENET_TAPS.map(|tap| encoder.channels()[tap]),
        }
    }
}
