//! MobileNetV2: inverted residual blocks whose middle is a convolution of each channel alone.
//! It does not know which of its outputs a decoder takes; strides and dilations are given to it block by block.

use burn::Tensor;
use burn::module::Module;
use burn::tensor::Device;

use crate::networks::blocks::{BatchNorm, Bias, Conv2d, NormOptions, Pass, Window};

/// Blocks of the network besides the first convolution and the last: channels, repetitions, and stride of the first.
const GROUPS: [(usize, usize, usize); 7] =
    [(16, 1, 1), (24, 2, 2), (32, 3, 2), (64, 4, 2), (96, 3, 1), (160, 3, 2), (320, 1, 1)];
/// Channels of the first convolution.
const FIRST: usize = 32;
/// Channels of the last convolution; narrow networks keep them.
const LAST: usize = 1280;
/// By how much a block widens its input; the first block does not.
const EXPANSION: usize = 6;
/// The first convolution and the 17 blocks.
pub const STEPS: usize = 18;
/// The first block of the part at a 16th of the input, and of that at a 32nd.
const SIXTEENTH: usize = 7;
const THIRTY_SECOND: usize = 14;
/// The numbers of its normalisations, as published.
const NORM: NormOptions = NormOptions { epsilon: 1e-5, momentum: 0.1 };

/// How one block's 3x3 convolution looks at its input.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BlockStep {
    /// Pixels from one output to the next.
    pub stride: usize,
    /// Pixels from one kernel value to the next.
    pub dilation: usize,
}

/// The dilation of a 3x3 convolution whose stride was taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FormerlyStrided {
    /// That of its part, as segmentation_models.pytorch does.
    Whole,
    /// Half of it, as the published DeepLabV3+ on MobileNetV2 does: its input still has the finer grid.
    Half,
}

/// Gives the steps of the first convolution and of all blocks.
///
/// `dilations` are those of the parts at a 16th and at a 32nd of the input; 1 leaves a part its stride, so that
/// `[1, 1]` is the network as published, `[1, 2]` ends at a 16th and `[2, 4]` at an eighth.
pub fn steps(dilations: [usize; 2], formerly_strided: FormerlyStrided) -> [BlockStep; STEPS] {
    let mut strides = [1; STEPS];
    strides[0] = 2;
    let mut block = 1;
    for (_, count, stride) in GROUPS {
        strides[block] = stride;
        block += count;
    }
    std::array::from_fn(|block| {
        let dilation = match block {
            THIRTY_SECOND.. => dilations[1],
            SIXTEENTH.. => dilations[0],
            _ => 1,
        };
        match (strides[block], dilation) {
            (stride, 1) => BlockStep { stride, dilation },
            (2, _) if formerly_strided == FormerlyStrided::Half => BlockStep { stride: 1, dilation: dilation / 2 },
            _ => BlockStep { stride: 1, dilation },
        }
    })
}

/// Whether the network ends with the 1x1 convolution to 1280 channels.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LastConvolution {
    /// It does: 19 features.
    Kept,
    /// It ends with the last block: 18 features.
    Dropped,
}

/// The feature part of MobileNetV2, with torchvision's names.
///
/// # Source
/// Sandler et al.: MobileNetV2, CVPR 2018, as in torchvision: `width` multiplies channels, which are then rounded to
/// multiples of 8; blocks that keep stride and channels add their input. A stride that dilation replaces still counts
/// as a stride there.
#[derive(Module, Debug)]
pub struct MobileNetV2 {
    features: Vec<Feature>,
    #[module(skip)]
    channels: Vec<usize>,
}

#[derive(Module, Debug)]
#[expect(clippy::large_enum_variant, reason = "a few of them a network; modules have no boxes")]
enum Feature {
    /// A convolution, normalised and cut at 0 and 6.
    Convolution((Conv2d, BatchNorm)),
    Block(InvertedResidual),
}

#[derive(Module, Debug)]
struct InvertedResidual {
    conv: Vec<Layer>,
    #[module(skip)]
    adds_input: bool,
}

#[derive(Module, Debug)]
#[expect(clippy::large_enum_variant, reason = "a few of them a network; modules have no boxes")]
enum Layer {
    /// A convolution, normalised and cut at 0 and 6.
    Rectified((Conv2d, BatchNorm)),
    Convolution(Conv2d),
    Norm(BatchNorm),
}

impl MobileNetV2 {
    /// A network of zeros.
    pub fn new(
        in_channels: usize,
        width: f64,
        steps: [BlockStep; STEPS],
        last: LastConvolution,
        device: &Device,
    ) -> Self {
        let scaled = |channels: usize| rounded(channels as f64 * width);
        let mut input = scaled(FIRST);
        let mut features = vec![Feature::Convolution(unit([in_channels, input], 3, window(steps[0]), device))];
        let mut channels = vec![input];
        for (group, (output, count, stride)) in GROUPS.into_iter().enumerate() {
            let output = scaled(output);
            for repetition in 0..count {
                let hidden = if group == 0 { input } else { input * EXPANSION };
                let step = window(steps[features.len()]);
                let mut conv = Vec::new();
                if hidden != input {
                    conv.push(Layer::Rectified(unit([input, hidden], 1, Window::SAME, device)));
                }
                conv.push(Layer::Rectified(unit([hidden; 2], 3, step.grouped(hidden), device)));
                conv.push(Layer::Convolution(Conv2d::new([hidden, output], 1, Bias::Absent, device)));
                conv.push(Layer::Norm(BatchNorm::new(output, NORM, device)));
                let keeps_size = repetition > 0 || stride == 1;
                features.push(Feature::Block(InvertedResidual { conv, adds_input: keeps_size && input == output }));
                channels.push(output);
                input = output;
            }
        }
        if last == LastConvolution::Kept {
            let output = rounded(LAST as f64 * width.max(1.0));
            features.push(Feature::Convolution(unit([input, output], 1, Window::SAME, device)));
            channels.push(output);
        }
        Self { features, channels }
    }

    /// Gives the channels of each feature.
    pub fn channels(&self) -> &[usize] {
        &self.channels
    }

    /// Gives the output of every feature: of the first convolution, of the 17 blocks, of the last convolution if kept.
    ///
    /// # Shapes
    /// `[batch, in, height, width]` to `[batch, c, height / s, width / s]`, rounded up.
    pub fn forward_features(&self, x: Tensor<4>, pass: &mut Pass) -> Vec<Tensor<4>> {
        let mut x = x;
        let mut features = Vec::with_capacity(self.features.len());
        for feature in &self.features {
            x = match feature {
                Feature::Convolution(layers) => rectified(layers, x, pass),
                Feature::Block(block) => block.forward(x, pass),
            };
            features.push(x.clone());
        }
        features
    }
}

impl InvertedResidual {
    fn forward(&self, x: Tensor<4>, pass: &mut Pass) -> Tensor<4> {
        let mut y = x.clone();
        for layer in &self.conv {
            y = match layer {
                Layer::Rectified(layers) => rectified(layers, y, pass),
                Layer::Convolution(conv) => conv.forward(y, pass),
                Layer::Norm(norm) => norm.forward(y, pass),
            };
        }
        if self.adds_input { x + y } else { y }
    }
}

fn unit(channels: [usize; 2], kernel: usize, window: Window<2>, device: &Device) -> (Conv2d, BatchNorm) {
    let conv = Conv2d::with(channels, [kernel; 2], window, Bias::Absent, device);
    (conv, BatchNorm::new(channels[1], NORM, device))
}

fn window(BlockStep { stride, dilation }: BlockStep) -> Window<2> {
    Window::SAME.strided([stride; 2]).dilated(dilation)
}

/// Convolves, normalises, and cuts at 0 and 6.
fn rectified((conv, norm): &(Conv2d, BatchNorm), x: Tensor<4>, pass: &mut Pass) -> Tensor<4> {
    norm.forward_relu6(conv.forward(x, pass), pass)
}

/// The next multiple of 8 to a number of channels, not below nine tenths of it.
pub(super) fn rounded(channels: f64) -> usize {
    let near = (((channels + 4.0) as usize) / 8 * 8).max(8);
    if (near as f64) < 0.9 * channels { near + 8 } else { near }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(dilations: [usize; 2], formerly_strided: FormerlyStrided, expected: [(usize, usize); 6]) {
        let steps = steps(dilations, formerly_strided);
        let found = [0, 2, 7, 8, 14, 15].map(|block| (steps[block].stride, steps[block].dilation));
        assert_eq!(found, expected);
    }

    #[test]
    fn steps_by_dilation() {
        use FormerlyStrided::{Half, Whole};
        check([1, 1], Half, [(2, 1), (2, 1), (2, 1), (1, 1), (2, 1), (1, 1)]);
        check([1, 2], Half, [(2, 1), (2, 1), (2, 1), (1, 1), (1, 1), (1, 2)]);
        check([1, 2], Whole, [(2, 1), (2, 1), (2, 1), (1, 1), (1, 2), (1, 2)]);
        check([2, 4], Half, [(2, 1), (2, 1), (1, 1), (1, 2), (1, 2), (1, 4)]);
        check([2, 4], Whole, [(2, 1), (2, 1), (1, 2), (1, 2), (1, 4), (1, 4)]);
    }

    #[test]
    fn channels_are_rounded_as_torchvision_does() {
        let found = [16.0, 8.0, 5.6, 11.2, 12.0, 33.6, 320.0].map(rounded);
        assert_eq!(found, [16, 8, 8, 16, 16, 32, 320]);
    }

    #[test]
    fn features_of_an_odd_size() {
        let device = Device::flex();
        let plain = steps([1, 1], FormerlyStrided::Whole);
        let network = MobileNetV2::new(1, 0.25, plain, LastConvolution::Kept, &device);
        let x = Tensor::zeros([1, 1, 33, 47], &device);
        let features = network.forward_features(x, &mut Pass::predicting());
        let channels: Vec<usize> = features.iter().map(|feature| feature.dims()[1]).collect();
        assert_eq!(channels, network.channels());
        assert_eq!(features[0].dims(), [1, 8, 17, 24]);
        assert_eq!(features[18].dims(), [1, 1280, 2, 2]);
    }
}
