//! ResNet: residual blocks in four layers, each at half the size of the one before.
//! It does not know which variant it is; numbers of blocks are given to it.

use burn::Tensor;
use burn::module::Module;
use burn::tensor::{Device, activation};

use super::TAPS;
use crate::networks::blocks::{BatchNorm, Bias, Conv2d, NormOptions, Pass, Window, max_pool_three};

/// The numbers of its normalisations, as published.
const NORM: NormOptions = NormOptions { epsilon: 1e-5, momentum: 0.1 };

/// What a [`ResNet`] is made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ResNetPlan {
    /// Channels in.
    pub in_channels: usize,
    /// Channels of the first convolution and of the first layer, before a bottleneck widens them.
    pub width: usize,
    /// The kind of blocks.
    pub residual: Residual,
    /// Blocks of each layer.
    pub blocks: [usize; 4],
    /// Dilations of the third and fourth layer; 1 leaves a layer its stride.
    pub dilations: [usize; 2],
}

/// The kind of residual blocks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Residual {
    /// Two convolutions of size 3.
    Basic,
    /// Sizes 1, 3, 1; the last one gives four times the channels.
    Bottleneck,
}

impl Residual {
    fn expansion(self) -> usize {
        match self {
            Self::Basic => 1,
            Self::Bottleneck => 4,
        }
    }
}

/// The feature part of ResNet, with torchvision's names.
///
/// # Source
/// He et al.: Deep residual learning for image recognition, CVPR 2016, as in torchvision: the stride of a bottleneck is
/// on its convolution of size 3. Dilation is that of segmentation_models.pytorch: every convolution of a dilated layer
/// has it, the first one included.
#[derive(Module, Debug)]
pub struct ResNet {
    conv1: Conv2d,
    bn1: BatchNorm,
    layer1: Vec<Block>,
    layer2: Vec<Block>,
    layer3: Vec<Block>,
    layer4: Vec<Block>,
    #[module(skip)]
    channels: [usize; TAPS],
}

/// Two or three convolutions, added to what came in.
#[derive(Module, Debug)]
struct Block {
    conv1: Conv2d,
    bn1: BatchNorm,
    conv2: Conv2d,
    bn2: BatchNorm,
    /// Of a bottleneck.
    conv3: Option<Conv2d>,
    bn3: Option<BatchNorm>,
    /// Where size or channels change.
    downsample: Option<(Conv2d, BatchNorm)>,
}

/// How one block looks at its input.
#[derive(Debug, Clone, Copy)]
struct Step {
    stride: usize,
    dilation: usize,
}

impl ResNet {
    /// A network of zeros.
    pub fn new(plan: &ResNetPlan, device: &Device) -> Self {
        let ResNetPlan { in_channels, width, residual, blocks, dilations } = *plan;
        let output = |level: usize| (width << level) * residual.expansion();
        let dilations = [1, 1, dilations[0], dilations[1]];
        let layer = |level: usize| {
            let dilation = dilations[level];
            let block = |number: usize| {
                let input = match (level, number) {
                    (0, 0) => width,
                    (_, 0) => output(level - 1),
                    _ => output(level),
                };
                let halves = level > 0 && number == 0 && dilation == 1;
                let step = Step { stride: if halves { 2 } else { 1 }, dilation };
                // A stride that dilation replaces still counts as a change.
                let changes = number == 0 && (level > 0 || input != output(level));
                Block::new([input, width << level], residual, step, changes, device)
            };
            (0..blocks[level]).map(block).collect()
        };
        let halving = Window::SAME.strided([2; 2]);
        Self {
            conv1: Conv2d::with([in_channels, width], [7; 2], halving, Bias::Absent, device),
            bn1: BatchNorm::new(width, NORM, device),
            layer1: layer(0),
            layer2: layer(1),
            layer3: layer(2),
            layer4: layer(3),
            channels: [width, output(0), output(1), output(2), output(3)],
        }
    }

    /// Gives the channels of the maps.
    pub fn channels(&self) -> [usize; TAPS] {
        self.channels
    }

    /// Gives the map of the first convolution and that of each layer.
    ///
    /// # Shapes
    /// `[batch, in, height, width]` to `[batch, c, height / s, width / s]`, rounded up.
    pub fn taps(&self, x: Tensor<4>, pass: &mut Pass) -> [Tensor<4>; TAPS] {
        let layer =
            |blocks: &[Block], x: Tensor<4>, pass: &mut Pass| blocks.iter().fold(x, |x, block| block.forward(x, pass));
        let first = self.bn1.forward_relu(self.conv1.forward(x, pass), pass); // [batch, width, h / 2, w / 2]
        let second = layer(&self.layer1, max_pool_three(first.clone(), pass), pass);
        let third = layer(&self.layer2, second.clone(), pass);
        let fourth = layer(&self.layer3, third.clone(), pass);
        let fifth = layer(&self.layer4, fourth.clone(), pass);
        [first, second, third, fourth, fifth]
    }
}

impl Block {
    /// A block of zeros; `changes` where what came in needs a convolution of its own before it can be added.
    fn new([input, width]: [usize; 2], residual: Residual, step: Step, changes: bool, device: &Device) -> Self {
        let output = width * residual.expansion();
        let plain = Window::SAME.dilated(step.dilation);
        let stepping = plain.strided([step.stride; 2]);
        let conv = |channels, kernel: usize, window| Conv2d::with(channels, [kernel; 2], window, Bias::Absent, device);
        let bn = |channels| BatchNorm::new(channels, NORM, device);
        let (conv1, conv2, conv3) = match residual {
            Residual::Basic => (conv([input, width], 3, stepping), conv([width; 2], 3, plain), None),
            Residual::Bottleneck => {
                let last = conv([width, output], 1, plain);
                (conv([input, width], 1, plain), conv([width; 2], 3, stepping), Some(last))
            }
        };
        Self {
            conv1,
            bn1: bn(width),
            conv2,
            bn2: bn(width),
            bn3: conv3.is_some().then(|| bn(output)),
            conv3,
            downsample: changes.then(|| (conv([input, output], 1, stepping), bn(output))),
        }
    }

    fn forward(&self, x: Tensor<4>, pass: &mut Pass) -> Tensor<4> {
        let y = self.bn1.forward_relu(self.conv1.forward(x.clone(), pass), pass);
        let y = self.conv2.forward(y, pass);
        let y = match (&self.conv3, &self.bn3) {
            (Some(conv3), Some(bn3)) => {
                let y = self.bn2.forward_relu(y, pass);
                bn3.forward(conv3.forward(y, pass), pass)
            }
            _ => self.bn2.forward(y, pass),
        };
        let x = match &self.downsample {
            Some((conv, bn)) => bn.forward(conv.forward(x, pass), pass),
            None => x,
        };
        activation::relu(x + y)
    }
}
