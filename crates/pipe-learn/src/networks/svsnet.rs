//! SVS-net: vessels of one frame of an X-ray angiography sequence, from several consecutive frames.
//! It does not know which frame the mask belongs to beyond recording it; the data set decides.

use burn::Tensor;
use burn::module::Module;
use burn::tensor::Device;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::blocks::{
    BatchNorm, Bias, ChannelAttention, ChannelFusion, Conv2d, Conv3d, NormOptions, Padding, Pass, ResidualBlock2d,
    ResidualBlock3d, Window, nearest_twice, spatial_dropout, without_depth,
};
use super::error::within;
use super::{Forward, Initialisation, Maps, NetworkError, NetworkKind, Settings, Takes};

const NAME: &str = "svsnet";

/// Settings of [`SvsNet`]; the defaults are the published code, not the paper's figure.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct SvsNetConfig {
    /// Channels of a frame.
    #[schemars(range(min = 1, max = 16))]
    pub in_channels: usize,
    /// Maps put out: 1 for vessel against background.
    #[schemars(range(min = 1, max = 256))]
    pub out_channels: usize,
    /// The number of consecutive frames.
    #[schemars(range(min = 1, max = 64))]
    pub frames: usize,
    /// The frame that the mask belongs to: the third of four in the published code, the last in the PyTorch port.
    pub label: Label,
    /// Channels of the levels; each further level halves the image once more, the last is the bottleneck.
    pub widths: Vec<usize>,
    /// Whether convolutions before a normalisation have a bias; the PyTorch port has none.
    pub bias: bool,
    /// Added to the variance by normalisations: 1e-3 as Keras; the PyTorch port has 1e-5.
    #[schemars(range(min = 0.0, max = 1.0))]
    pub epsilon: f64,
    /// The share of the newest batch in running statistics: 0.01 is Keras' 0.99.
    #[schemars(range(min = 0.0, max = 1.0))]
    pub momentum: f64,
    /// The share of channels dropped on the way down from the two deepest encoder levels.
    #[schemars(range(min = 0.0, max = 0.95))]
    pub dropout: f64,
    /// Attention on the deepest skip: in the published code, not in the paper's figure.
    pub skip_attention: bool,
    /// Attention where the decoder adds a skip (CAB); without it the skip is added as it is.
    pub fusion_attention: bool,
    /// Where the zero stands that keeps the size under kernels of size 2.
    pub even_kernels: EvenKernels,
    /// How weights start; Glorot by default, as Keras.
    pub init: Initialisation,
}

impl Default for SvsNetConfig {
    fn default() -> Self {
        Self {
            in_channels: 1,
            out_channels: 1,
            frames: 4,
            label: Label::Index(2),
            widths: vec![8, 16, 32, 64, 128, 256, 512],
            bias: true,
            epsilon: 1e-3,
            momentum: 0.01,
            dropout: 0.5,
            skip_attention: true,
            fusion_attention: true,
            even_kernels: EvenKernels::PadBehind,
            init: Initialisation::Glorot,
        }
    }
}

/// The frame that a mask belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Label {
    /// The last frame.
    Last,
    /// A frame by position, counted from 0.
    Index(usize),
}

/// Where the one zero stands that keeps the size under a kernel of size 2.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum EvenKernels {
    /// Below, on the right and after the last frame, as in Keras and the PyTorch port.
    #[default]
    PadBehind,
    /// Above, on the left and before the first frame.
    PadBefore,
}

impl Settings for SvsNetConfig {
    const KIND: NetworkKind = NetworkKind {
        name: NAME,
        version: 1,
        about: "SVS-net (Hao et al. 2020): several frames in, the vessels of one out",
    };
    type Built = SvsNet;

    fn check(&self) -> Result<(), NetworkError> {
        within(NAME, "in_channels", self.in_channels, 1..=16, "1 to 16")?;
        within(NAME, "out_channels", self.out_channels, 1..=256, "1 to 256")?;
        within(NAME, "frames", self.frames, 1..=64, "1 to 64")?;
        within(NAME, "dropout", self.dropout, 0.0..=0.95, "0 to 0.95")?;
        within(NAME, "epsilon", self.epsilon, 0.0..=1.0, "0 to 1")?;
        within(NAME, "momentum", self.momentum, 0.0..=1.0, "0 to 1")?;
        within(NAME, "widths", self.widths.len(), 2..=8, "a list of 2 to 8 numbers of channels")?;
        for width in &self.widths {
            within(NAME, "widths", *width, 1..=2048, "a list of numbers from 1 to 2048")?;
        }
        match self.label {
            Label::Index(index) if index >= self.frames => Err(NetworkError::Setting {
                network: NAME,
                field: "label",
                value: format!("index {index}"),
                expected: "`last` or an index below `frames`",
            }),
            _ => Ok(()),
        }
    }

    fn takes(&self) -> Takes {
        Takes::Sequences { channels: self.in_channels, frames: self.frames }
    }

    fn multiple(&self) -> [usize; 3] {
        let halved = 1 << (self.widths.len() - 1);
        [1, halved, halved]
    }

    fn classes(&self) -> usize {
        self.out_channels
    }

    fn label_frame(&self) -> Option<usize> {
        Some(match self.label {
            Label::Last => self.frames.saturating_sub(1),
            Label::Index(index) => index,
        })
    }

    fn initialisation(&self) -> Initialisation {
        self.init
    }

    fn build(&self, device: &Device) -> SvsNet {
        SvsNet::new(self, device)
    }
}

/// A 3D encoder, a weighted sum of the frames on every skip, and a 2D decoder with channel attention.
///
/// # Source
/// Hao et al.: Sequential vessel segmentation via deep channel attention network, Neural Networks 128:172-187 (2020).
/// Follows the published Keras code (`get_unet3D_new_4_fram_2_new`) and its saved architecture, which agree. The
/// paper's figure has no attention on the deepest skip (`skip_attention: false`); the PyTorch port has no bias before
/// normalisation and PyTorch's epsilon (`bias: false, epsilon: 1e-5, label: last`). Kernels of size 2 pad behind only,
/// as Keras does, unless `even_kernels` says otherwise. `fusion_attention: false` adds skips as they are. Deviation: the head's sigmoid is applied outside, so the network gives logits.
#[derive(Module, Debug)]
pub struct SvsNet {
    conv0: Conv3d,
    encoder: Vec<ResidualBlock3d>,
    down: Vec<Down>,
    skip_attention: Option<ChannelAttention>,
    skip: Vec<Conv3d>,
    bottleneck: Conv3d,
    /// From the bottom up.
    decoder: Vec<Up>,
    head: Conv2d,
    #[module(skip)]
    dropout: f64,
}

/// Halves rows and columns.
#[derive(Module, Debug)]
struct Down {
    conv: Conv3d,
    bn: BatchNorm,
}

/// Doubles, adds the skip, and refines.
#[derive(Module, Debug)]
struct Up {
    conv: Conv2d,
    bn: BatchNorm,
    attention: Option<ChannelFusion>,
    block: ResidualBlock2d,
}

impl SvsNet {
    /// A network of zeros.
    pub fn new(config: &SvsNetConfig, device: &Device) -> Self {
        let widths = &config.widths;
        let levels = widths.len() - 1;
        let bias = Bias::from_flag(config.bias);
        let norm = NormOptions { epsilon: config.epsilon, momentum: config.momentum };
        let steps = || widths.windows(2).map(|pair| (pair[0], pair[1]));
        let all_frames =
            |channels: usize| Conv3d::with([channels; 2], [config.frames, 1, 1], Window::VALID, Bias::Learned, device);
        let padding = match config.even_kernels {
            EvenKernels::PadBehind => Padding::Same,
            EvenKernels::PadBefore => Padding::BySizeBefore,
        };
        let halving = Window::SAME.strided([1, 2, 2]).padded(padding);
        let down = |(input, output)| Down {
            conv: Conv3d::with([input, output], [2; 3], halving, bias, device),
            bn: BatchNorm::new(output, norm, device),
        };
        let up = |(output, input)| Up {
            conv: Conv2d::with([input, output], [2; 2], Window::SAME.padded(padding), bias, device),
            bn: BatchNorm::new(output, norm, device),
            attention: config.fusion_attention.then(|| ChannelFusion::new(output, device)),
            block: ResidualBlock2d::new(output, bias, norm, device),
        };
        Self {
            conv0: Conv3d::with([config.in_channels, widths[0]], [1; 3], Window::SAME, Bias::Learned, device),
            encoder: widths[..levels].iter().map(|width| ResidualBlock3d::new(*width, bias, norm, device)).collect(),
            down: steps().map(down).collect(),
            skip_attention: config.skip_attention.then(|| ChannelAttention::new(widths[levels - 1], device)),
            skip: widths[..levels].iter().map(|width| all_frames(*width)).collect(),
            bottleneck: all_frames(widths[levels]),
            decoder: steps().rev().map(up).collect(),
            head: Conv2d::new([widths[0], config.out_channels], 1, Bias::Learned, device),
            dropout: config.dropout,
        }
    }
}

impl Forward for SvsNet {
    fn forward(&self, x: Tensor<5>, pass: &mut Pass) -> Maps {
        let levels = self.encoder.len();
        let mut x = self.conv0.forward(x, pass);
        let mut skips = Vec::with_capacity(levels);
        for (level, ((block, down), skip)) in self.encoder.iter().zip(&self.down).zip(&self.skip).enumerate() {
            x = block.forward(x, pass);
            let kept = match &self.skip_attention {
                Some(attention) if level + 1 == levels => attention.forward(x.clone(), pass),
                _ => x.clone(),
            };
            skips.push(without_depth(skip.forward(kept, pass))); // [batch, c, h, w]
            if level + 2 >= levels {
                x = spatial_dropout(x, self.dropout, pass);
            }
            x = down.bn.forward_relu(down.conv.forward(x, pass), pass); // [batch, 2 c, frames, h / 2, w / 2]
        }
        let mut x = without_depth(self.bottleneck.forward(x, pass));
        for up in &self.decoder {
            let high = up.conv.forward(nearest_twice(x, pass), pass); // [batch, c / 2, 2 h, 2 w]
            let high = up.bn.forward_relu(high, pass);
            let low = skips.pop().expect("there are as many skips as decoder levels");
            let sum = match &up.attention {
                Some(attention) => attention.forward(low, high, pass),
                None => low + high,
            };
            x = up.block.forward(sum, pass);
        }
        Maps::of(self.head.forward(x, pass))
    }
}
