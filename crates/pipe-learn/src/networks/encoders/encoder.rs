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
#[expect(clippy::large_enum_variant, reason = "there is one encoder at a time, and the derive wants plain variants")]
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
    /// `[batch, in, height, width]` to itself and five maps `[batch, c, height / s, width / s]` with s = 2, 4, 8, 16, 32, but
    /// no more than the output stride. Odd sizes are rounded up when they are halved; in EfficientNet mostly down.
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::networks::encoders::{EncoderConfig, OutputStride};
    use burn::tensor::Device;

    #[track_caller]
    fn check(settings: &str, stride: OutputStride, sizes: [[usize; 2]; TAPS]) {
        let device = Device::flex();
        let config: EncoderConfig = serde_json::from_str(settings).expect("the settings are right");
        let encoder = config.build(1, stride, &device);
        let features = encoder.features(Tensor::zeros([1, 1, 64, 32], &device), &mut Pass::predicting());
        let found: Vec<[usize; 4]> = features[1..].iter().map(Tensor::dims).collect();
        let expected =
            encoder.channels().into_iter().zip(sizes).map(|(channels, [rows, columns])| [1, channels, rows, columns]);
        assert_eq!(found, expected.collect::<Vec<_>>(), "{settings}");
        assert_eq!(features[0].dims(), [1, 1, 64, 32]);
    }

    #[test]
    fn sizes_by_output_stride() {
        for encoder in [
            r#"{"resnet18": {"width": 2}}"#,
            r#"{"resnet50": {"width": 1}}"#,
            r#"{"mobilenet_v2": {"width": 0.1}}"#,
            r#"{"efficientnet_b0": {"width": 0.1, "depth": 0.3}}"#,
        ] {
            let fine = [[32, 16], [16, 8], [8, 4]];
            let with = |fourth, fifth| [fine[0], fine[1], fine[2], fourth, fifth];
            check(encoder, OutputStride::ThirtySecond, with([4, 2], [2, 1]));
            check(encoder, OutputStride::Sixteenth, with([4, 2], [4, 2]));
            check(encoder, OutputStride::Eighth, with([8, 4], [8, 4]));
        }
    }
}
