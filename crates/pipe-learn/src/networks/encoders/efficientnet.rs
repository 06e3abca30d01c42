//! EfficientNet: inverted residual blocks with squeeze and excitation, scaled in width and depth together.
//! It does not know which variant it is; width, depth and size are given to it.

use burn::Tensor;
use burn::module::Module;
use burn::tensor::{Device, activation};

use super::TAPS;
use super::mobilenet_v2::rounded;
use crate::networks::blocks::{
    BatchNorm, Bias, Conv2d, NormOptions, Padding, Pass, Window, gated, global_mean, in_full, sample_dropout,
};

/// Blocks that follow each other: their number, kernel and expansion, stride of the first, channels they give.
struct Group {
    repeats: usize,
    kernel: usize,
    stride: usize,
    expansion: usize,
    output: usize,
}

/// EfficientNet-B0.
const GROUPS: [Group; 7] = [
    Group { repeats: 1, kernel: 3, stride: 1, expansion: 1, output: 16 },
    Group { repeats: 2, kernel: 3, stride: 2, expansion: 6, output: 24 },
    Group { repeats: 2, kernel: 5, stride: 2, expansion: 6, output: 40 },
    Group { repeats: 3, kernel: 3, stride: 2, expansion: 6, output: 80 },
    Group { repeats: 3, kernel: 5, stride: 1, expansion: 6, output: 112 },
    Group { repeats: 4, kernel: 5, stride: 2, expansion: 6, output: 192 },
    Group { repeats: 1, kernel: 3, stride: 1, expansion: 6, output: 320 },
];
/// The groups that are the last at their size.
const TAPPED: [usize; TAPS - 1] = [1, 2, 4, 6];
/// Where among them is the group with the map at a 16th.
const SIXTEENTH: usize = 2;
/// Channels of the first convolution and of the last.
const FIRST: usize = 32;
const LAST: usize = 1280;
/// The input of a block has so many times the channels of its squeeze.
const SQUEEZE: usize = 4;
/// How often the last block is left out in learning; that of others grows linearly up to it.
const DROPPED: f64 = 0.2;
/// The numbers of its normalisations, as published.
const NORM: NormOptions = NormOptions { epsilon: 1e-3, momentum: 0.01 };

/// What an [`EfficientNet`] is made of.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct EfficientNetPlan {
    /// Channels in.
    pub in_channels: usize,
    /// What the channels are multiplied by.
    pub width: f64,
    /// What the numbers of blocks are multiplied by.
    pub depth: f64,
    /// Rows and columns of the images that the variant was made for; they decide the padding.
    pub image: usize,
    /// The block that gives the map at a 16th.
    pub sixteenth: Sixteenth,
    /// Dilations of the parts at a 16th and at a 32nd of the input; 1 leaves a part its stride.
    pub dilations: [usize; 2],
}

/// Which block of its last group gives the map at a 16th of the input; the part at a 32nd begins behind it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sixteenth {
    /// The first, as segmentation_models.pytorch has it in B0.
    First,
    /// The last, as it has it in B1.
    Last,
}

/// The feature part of EfficientNet, with the names of the PyTorch port by lukemelas, as in segmentation_models.pytorch.
///
/// # Source
/// Tan and Le: EfficientNet, ICML 2019. As in the port: padding is that which TensorFlow's "same" puts around images of
/// the variant's own size, whatever the input; the first block of a group never adds its input, also where channels and
/// size would let it; dilated parts pad evenly. The last convolution has weights, but no decoder uses it.
#[derive(Module, Debug)]
pub struct EfficientNet {
    _conv_stem: Conv2d,
    _bn0: BatchNorm,
    _blocks: Vec<Block>,
    _conv_head: Conv2d,
    _bn1: BatchNorm,
    /// The blocks that give the maps.
    #[module(skip)]
    taps: [usize; TAPS - 1],
    #[module(skip)]
    channels: [usize; TAPS],
}

/// Widens, convolves each channel alone, weighs channels, narrows.
#[derive(Module, Debug)]
struct Block {
    /// Absent where nothing is widened.
    _expand_conv: Option<Conv2d>,
    _bn0: Option<BatchNorm>,
    _depthwise_conv: Conv2d,
    _bn1: BatchNorm,
    _se_reduce: Conv2d,
    _se_expand: Conv2d,
    _project_conv: Conv2d,
    _bn2: BatchNorm,
    #[module(skip)]
    adds_input: bool,
    /// How often the block is left out in learning.
    #[module(skip)]
    dropped: f64,
}

impl EfficientNet {
    /// A network of zeros.
    pub fn new(plan: &EfficientNetPlan, device: &Device) -> Self {
        let EfficientNetPlan { in_channels, width, depth, image, sixteenth, dilations } = *plan;
        let scaled = |channels: usize| rounded(channels as f64 * width);
        let repeats = GROUPS.map(|group| (depth * group.repeats as f64).ceil() as usize);
        let all: usize = repeats.iter().sum();
        let mut taps = TAPPED.map(|group| repeats[..=group].iter().sum::<usize>() - 1);
        if sixteenth == Sixteenth::First {
            taps[SIXTEENTH] = repeats[..TAPPED[SIXTEENTH]].iter().sum();
        }
        let first = scaled(FIRST);
        let halving = Window::SAME.strided([2; 2]).padded(Padding::SameFor(image));
        let mut size = image.div_ceil(2);
        let mut input = first;
        let mut blocks = Vec::with_capacity(all);
        for (number, group) in GROUPS.iter().enumerate() {
            let output = scaled(group.output);
            for repeat in 0..repeats[number] {
                let stride = if repeat == 0 { group.stride } else { 1 };
                let dilation = match blocks.len() {
                    block if block > taps[SIXTEENTH] => dilations[1],
                    block if block > taps[SIXTEENTH - 1] => dilations[0],
                    _ => 1,
                };
                let window = match dilation {
                    1 => Window::SAME.strided([stride; 2]).padded(Padding::SameFor(size)),
                    _ => Window::SAME.dilated(dilation),
                };
                let dropped = DROPPED * blocks.len() as f64 / all as f64;
                let block = Block::new([input, output], group, window, device);
                blocks.push(Block { adds_input: repeat > 0, dropped, ..block });
                size = size.div_ceil(stride);
                input = output;
            }
        }
        let last = scaled(LAST);
        let tapped = TAPPED.map(|group| scaled(GROUPS[group].output));
        Self {
            _conv_stem: Conv2d::with([in_channels, first], [3; 2], halving, Bias::Absent, device),
            _bn0: BatchNorm::new(first, NORM, device),
            _blocks: blocks,
            _conv_head: Conv2d::new([input, last], 1, Bias::Absent, device),
            _bn1: BatchNorm::new(last, NORM, device),
            taps,
            channels: [first, tapped[0], tapped[1], tapped[2], tapped[3]],
        }
    }

    /// Gives the channels of the maps.
    pub fn channels(&self) -> [usize; TAPS] {
        self.channels
    }

    /// Gives the map of the first convolution and the last map at each size below.
    ///
    /// # Shapes
    /// `[batch, in, height, width]` to `[batch, c, height / s, width / s]`.
    pub fn taps(&self, x: Tensor<4>, pass: &mut Pass) -> Vec<Tensor<4>> {
        let mut x = active(&self._conv_stem, &self._bn0, x, pass); // [batch, c, h / 2, w / 2]
        let mut taps = vec![x.clone()];
        for (number, block) in self._blocks.iter().enumerate() {
            x = block.forward(x, pass);
            if self.taps.contains(&number) {
                taps.push(x.clone());
            }
        }
        taps
    }
}

impl Block {
    /// A block of zeros that does not add its input.
    fn new([input, output]: [usize; 2], group: &Group, window: Window<2>, device: &Device) -> Self {
        let wide = input * group.expansion;
        let squeezed = (input / SQUEEZE).max(1);
        let point = |channels, bias| Conv2d::new(channels, 1, bias, device);
        let expands = group.expansion > 1;
        let each = Conv2d::with([wide; 2], [group.kernel; 2], window.grouped(wide), Bias::Absent, device);
        Self {
            _expand_conv: expands.then(|| point([input, wide], Bias::Absent)),
            _bn0: expands.then(|| BatchNorm::new(wide, NORM, device)),
            _depthwise_conv: each,
            _bn1: BatchNorm::new(wide, NORM, device),
            _se_reduce: point([wide, squeezed], Bias::Learned),
            _se_expand: point([squeezed, wide], Bias::Learned),
            _project_conv: point([wide, output], Bias::Absent),
            _bn2: BatchNorm::new(output, NORM, device),
            adds_input: false,
            dropped: 0.0,
        }
    }

    fn forward(&self, x: Tensor<4>, pass: &mut Pass) -> Tensor<4> {
        let y = match (&self._expand_conv, &self._bn0) {
            (Some(conv), Some(norm)) => active(conv, norm, x.clone(), pass),
            _ => x.clone(),
        };
        let y = active(&self._depthwise_conv, &self._bn1, y, pass); // [batch, wide, h / stride, w / stride]
        let weights = activation::silu(self._se_reduce.forward(global_mean(y.clone()), pass));
        let weights = self._se_expand.forward(weights, pass); // [batch, wide, 1, 1]
        let y = self._bn2.forward(self._project_conv.forward(gated(y, weights), pass), pass);
        if self.adds_input { x + sample_dropout(y, self.dropped, pass) } else { y }
    }
}

/// Convolves, normalises, and applies SiLU.
fn active(conv: &Conv2d, norm: &BatchNorm, x: Tensor<4>, pass: &mut Pass) -> Tensor<4> {
    in_full(norm.forward(conv.forward(x, pass), pass), activation::silu)
}
