//! U-Net: an encoder that halves, a decoder that doubles, and a skip at every level.
//! It does not know sequences: frames count as channels.

use burn::Tensor;
use burn::module::Module;
use burn::tensor::{Device, activation};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::blocks::{Bias, Conv2d, ConvTranspose2d, Norm, NormKind, NormOptions, Pass, bilinear_twice, max_pool_half};
use super::error::within;
use super::{Forward, Initialisation, Maps, NetworkError, NetworkKind, Settings, Takes};

const NAME: &str = "unet";

/// Settings of [`UNet`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct UNetConfig {
    /// Channels of the input, times frames.
    #[schemars(range(min = 1, max = 256))]
    pub in_channels: usize,
    /// Maps put out: 1 for foreground against background, else one a class.
    #[schemars(range(min = 1, max = 256))]
    pub out_channels: usize,
    /// Channels of the first level; each level below has twice as many.
    #[schemars(range(min = 1, max = 1024))]
    pub width: usize,
    /// How often the image is halved.
    #[schemars(range(min = 1, max = 8))]
    pub depth: usize,
    /// Normalisation after each convolution.
    pub norm: NormKind,
    /// Added to the variance by normalisations.
    #[schemars(range(min = 0.0, max = 1.0))]
    pub epsilon: f64,
    /// The share of the newest batch in running statistics (PyTorch's sense, 1 minus Keras' momentum).
    #[schemars(range(min = 0.0, max = 1.0))]
    pub momentum: f64,
    /// Whether convolutions before a normalisation have a bias; without normalisation they always have one.
    pub bias: bool,
    /// How the decoder doubles.
    pub up: UpSampling,
    /// How weights start; He by default, as every convolution but the last feeds a ReLU.
    pub init: Initialisation,
}

impl Default for UNetConfig {
    fn default() -> Self {
        Self {
            in_channels: 1,
            out_channels: 1,
            width: 64,
            depth: 4,
            norm: NormKind::Batch,
            epsilon: 1e-5,
            momentum: 0.1,
            bias: true,
            up: UpSampling::Transposed,
            init: Initialisation::He,
        }
    }
}

/// How a decoder doubles the image.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum UpSampling {
    /// A transposed convolution of size 2 that halves the channels.
    #[default]
    Transposed,
    /// Bilinear with aligned corners; the level below already gives half the channels.
    Bilinear,
}

impl Settings for UNetConfig {
    const KIND: NetworkKind = NetworkKind {
        name: NAME,
        version: 1,
        about: "U-Net (Ronneberger et al. 2015), padded so that the size is kept",
    };
    type Built = UNet;

    fn check(&self) -> Result<(), NetworkError> {
        within(NAME, "in_channels", self.in_channels, 1..=256, "1 to 256")?;
        within(NAME, "out_channels", self.out_channels, 1..=256, "1 to 256")?;
        within(NAME, "epsilon", self.epsilon, 0.0..=1.0, "0 to 1")?;
        within(NAME, "momentum", self.momentum, 0.0..=1.0, "0 to 1")?;
        within(NAME, "width", self.width, 1..=1024, "1 to 1024")?;
        within(NAME, "depth", self.depth, 1..=8, "1 to 8")
    }

    fn takes(&self) -> Takes {
        Takes::Images(self.in_channels)
    }

    fn multiple(&self) -> [usize; 3] {
        [1, 1 << self.depth, 1 << self.depth]
    }

    fn classes(&self) -> usize {
        self.out_channels
    }

    fn initialisation(&self) -> Initialisation {
        self.init
    }

    fn build(&self, device: &Device) -> UNet {
        UNet::new(self, device)
    }
}

impl UNetConfig {
    fn level(&self, channels: [usize; 2], middle: usize, device: &Device) -> Level {
        let [input, output] = channels;
        let bias = self.norm.bias(self.bias);
        let options = NormOptions { epsilon: self.epsilon, momentum: self.momentum };
        Level {
            conv1: Conv2d::new([input, middle], 3, bias, device),
            bn1: self.norm.layer(middle, options, device),
            conv2: Conv2d::new([middle, output], 3, bias, device),
            bn2: self.norm.layer(output, options, device),
        }
    }
}

/// Encoder and decoder with skips.
///
/// # Source
/// Ronneberger, Fischer, Brox: U-Net, MICCAI 2015. Deviations: "same" padding, so that the mask has the size of the
/// image; batch normalisation by choice; no dropout. Concatenation order is (skip, up-sampled).
#[derive(Module, Debug)]
pub struct UNet {
    encoder: Vec<Level>,
    bottom: Level,
    /// From the bottom up; empty with bilinear up-sampling.
    up: Vec<ConvTranspose2d>,
    /// From the bottom up.
    decoder: Vec<Level>,
    head: Conv2d,
}

/// Two convolutions of size 3.
#[derive(Module, Debug)]
struct Level {
    conv1: Conv2d,
    bn1: Option<Norm>,
    conv2: Conv2d,
    bn2: Option<Norm>,
}

impl Level {
    fn forward(&self, x: Tensor<4>, pass: &mut Pass) -> Tensor<4> {
        let x = rectified(self.conv1.forward(x, pass), self.bn1.as_ref(), pass);
        rectified(self.conv2.forward(x, pass), self.bn2.as_ref(), pass)
    }
}

fn rectified(x: Tensor<4>, norm: Option<&Norm>, pass: &mut Pass) -> Tensor<4> {
    match norm {
        Some(norm) => norm.forward_relu(x, pass),
        None => activation::relu(x),
    }
}

impl UNet {
    /// A network of zeros.
    pub fn new(config: &UNetConfig, device: &Device) -> Self {
        let depth = config.depth;
        let width = |level: usize| config.width << level;
        let encoder = (0..depth)
            .map(|level| {
                let input = if level == 0 { config.in_channels } else { width(level - 1) };
                config.level([input, width(level)], width(level), device)
            })
            .collect();
        let bilinear = config.up == UpSampling::Bilinear;
        // With bilinear up-sampling nothing halves the channels on the way up, so the level below does.
        let bottom_width = if bilinear { width(depth - 1) } else { width(depth) };
        let bottom = config.level([width(depth - 1), bottom_width], bottom_width, device);
        let levels_up = (0..depth).rev();
        let up = levels_up
            .clone()
            .filter(|_| !bilinear)
            .map(|level| ConvTranspose2d::new([width(level + 1), width(level)], device))
            .collect();
        let decoder = levels_up
            .map(|level| {
                let middle = width(level);
                let output = if bilinear && level > 0 { width(level - 1) } else { middle };
                config.level([2 * width(level), output], middle, device)
            })
            .collect();
        let head = Conv2d::new([width(0), config.out_channels], 1, Bias::Learned, device);
        Self { encoder, bottom, up, decoder, head }
    }
}

impl Forward for UNet {
    fn forward(&self, x: Tensor<5>, pass: &mut Pass) -> Maps {
        let [batch, channels, frames, height, width] = x.dims();
        let mut x = x.reshape([batch, channels * frames, height, width]);
        let mut skips = Vec::with_capacity(self.encoder.len());
        for level in &self.encoder {
            let skip = level.forward(x, pass);
            x = max_pool_half(skip.clone(), pass); // [batch, c, h / 2, w / 2]
            skips.push(skip);
        }
        x = self.bottom.forward(x, pass);
        for (step, level) in self.decoder.iter().enumerate() {
            let up = match self.up.get(step) {
                Some(up) => up.forward(x, pass),
                None => bilinear_twice(x, pass),
            }; // [batch, c, 2 h, 2 w]
            let skip = skips.pop().expect("there are as many encoder as decoder levels");
            x = level.forward(Tensor::cat(vec![skip, up], 1), pass);
        }
        Maps::of(self.head.forward(x, pass))
    }
}
