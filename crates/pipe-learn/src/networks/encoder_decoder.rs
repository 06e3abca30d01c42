//! Encoder and decoder without skips by default, with a pyramid of dilations between them.
//! It does not know sequences: frames count as channels.

use burn::Tensor;
use burn::module::Module;
use burn::tensor::Device;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::blocks::{
    Activation, Aspp, AsppPlan, Bias, Branch, Conv2d, ConvTranspose2d, Corners, DoubleConv2d, Nonlinearity, NormKind,
    NormOptions, Pass, Style, UpSampling, bilinear, max_pool_half, without_depth,
};
use super::error::within;
use super::{Forward, Initialisation, Maps, NetworkError, NetworkKind, Settings, Takes};

const NAME: &str = "encoder_decoder";

/// Settings of [`EncoderDecoder`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct EncoderDecoderConfig {
    /// Channels of the input, times frames.
    #[schemars(range(min = 1, max = 256))]
    pub in_channels: usize,
    /// Maps put out: 1 for foreground against background, else one a class.
    #[schemars(range(min = 1, max = 256))]
    pub out_channels: usize,
    /// Channels of the levels; behind each the image is halved.
    pub widths: Vec<usize>,
    /// Channels of the pyramid's branches, and of what it gives.
    #[schemars(range(min = 1, max = 2048))]
    pub aspp_width: usize,
    /// Dilations of the pyramid's convolutions; 1 is a convolution of each pixel.
    pub rates: Vec<usize>,
    /// Whether the mean of the whole map is a further branch of the pyramid.
    pub image_pool: bool,
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
    /// What follows each normalisation.
    pub activation: Activation,
    /// The slope of `leaky_relu` below 0.
    #[schemars(range(min = 0.0, max = 1.0))]
    pub slope: f64,
    /// How the decoder doubles; a transposed convolution keeps the channels.
    pub up: UpSampling,
    /// Whether bilinear up-sampling lets the corner pixels lie on each other.
    pub align_corners: bool,
    /// Whether the decoder sees the encoder's maps of the same size, stacked before its own.
    pub skips: bool,
    /// How weights start.
    pub init: Initialisation,
}

impl Default for EncoderDecoderConfig {
    fn default() -> Self {
        Self {
            in_channels: 1,
            out_channels: 1,
            widths: vec![32, 64, 128, 256],
            aspp_width: 256,
            rates: vec![1, 6, 12, 18],
            image_pool: true,
            norm: NormKind::Batch,
            epsilon: 1e-5,
            momentum: 0.1,
            bias: true,
            activation: Activation::Relu,
            slope: 0.01,
            up: UpSampling::Bilinear,
            align_corners: true,
            skips: false,
            init: Initialisation::He,
        }
    }
}

impl Settings for EncoderDecoderConfig {
    const KIND: NetworkKind = NetworkKind {
        name: NAME,
        version: 1,
        about: "Encoder, pyramid of dilations, decoder; channels and rates are a choice of our own",
    };
    type Built = EncoderDecoder;

    fn check(&self) -> Result<(), NetworkError> {
        within(NAME, "in_channels", self.in_channels, 1..=256, "1 to 256")?;
        within(NAME, "out_channels", self.out_channels, 1..=256, "1 to 256")?;
        within(NAME, "aspp_width", self.aspp_width, 1..=2048, "1 to 2048")?;
        within(NAME, "widths", self.widths.len(), 1..=8, "a list of 1 to 8 numbers of channels")?;
        for width in &self.widths {
            within(NAME, "widths", *width, 1..=2048, "a list of numbers from 1 to 2048")?;
        }
        within(NAME, "rates", self.rates.len(), 1..=16, "a list of 1 to 16 dilations")?;
        for rate in &self.rates {
            within(NAME, "rates", *rate, 1..=256, "a list of dilations from 1 to 256")?;
        }
        self.style().check(NAME)
    }

    fn takes(&self) -> Takes {
        Takes::Images(self.in_channels)
    }

    fn multiple(&self) -> [usize; 3] {
        [1, 1 << self.widths.len(), 1 << self.widths.len()]
    }

    fn needs_two(&self) -> bool {
        self.norm == NormKind::Instance
    }

    fn classes(&self) -> usize {
        self.out_channels
    }

    fn initialisation(&self) -> Initialisation {
        self.init
    }

    fn build(&self, device: &Device) -> EncoderDecoder {
        EncoderDecoder::new(self, device)
    }
}

impl EncoderDecoderConfig {
    fn style(&self) -> Style {
        let options = NormOptions { epsilon: self.epsilon, momentum: self.momentum };
        let activation = Nonlinearity { kind: self.activation, slope: self.slope };
        Style::keeping(self.norm, options, self.bias, activation)
    }
}

/// Levels of two convolutions that are halved, spatial pyramid pooling, levels of two convolutions after doubling.
///
/// # Source
/// A choice of our own. Of the encoder-decoder for cardiac MRI that this stands for, only a description is public: a
/// plain encoder, atrous spatial pyramid pooling "in the encoder", normalisation by batches on all layers, a decoder
/// that doubles. Channels, dilations, numbers of levels and of convolutions are not said there. The pyramid is that of
/// Chen et al. (2017).
#[derive(Module, Debug)]
pub struct EncoderDecoder {
    encoder: Vec<DoubleConv2d>,
    aspp: Aspp,
    /// From the bottom up; empty where doubling has no weights.
    up: Vec<ConvTranspose2d>,
    /// From the bottom up.
    decoder: Vec<DoubleConv2d>,
    head: Conv2d,
    #[module(skip)]
    doubling: UpSampling,
    #[module(skip)]
    corners: Corners,
    #[module(skip)]
    skips: bool,
}

impl EncoderDecoder {
    /// A network of zeros.
    pub fn new(config: &EncoderDecoderConfig, device: &Device) -> Self {
        let (widths, style) = (&config.widths, config.style());
        let level = |input, output| DoubleConv2d::new([input, output, output], &style, device);
        let inputs = std::iter::once(&config.in_channels).chain(widths);
        let branch = |rate: &usize| if *rate == 1 { Branch::Point } else { Branch::Dilated(*rate) };
        let plan = AsppPlan {
            input: widths[widths.len() - 1],
            width: config.aspp_width,
            branches: config.rates.iter().map(branch).collect(),
            image_pool: config.image_pool,
            style,
        };
        let below = std::iter::once(&config.aspp_width).chain(widths.iter().rev());
        let up_levels = || below.clone().zip(widths.iter().rev());
        let decoder = |(below, width): (&usize, &usize)| level(below + if config.skips { *width } else { 0 }, *width);
        Self {
            encoder: inputs.zip(widths).map(|(input, output)| level(*input, *output)).collect(),
            aspp: Aspp::new(&plan, device),
            up: up_levels().filter_map(|(below, _)| config.up.layer([*below; 2], device)).collect(),
            decoder: up_levels().map(decoder).collect(),
            head: Conv2d::new([widths[0], config.out_channels], 1, Bias::Learned, device),
            doubling: config.up,
            corners: Corners::from_flag(config.align_corners),
            skips: config.skips,
        }
    }

    /// Doubles rows and columns on the way to a decoder level.
    fn doubled(&self, level: usize, x: Tensor<4>, pass: &mut Pass) -> Tensor<4> {
        let [_, _, height, width] = x.dims();
        match self.doubling {
            UpSampling::Bilinear => bilinear(x, [2 * height, 2 * width], self.corners, pass),
            UpSampling::Transposed | UpSampling::Nearest => self.doubling.twice(self.up.get(level), x, pass),
        }
    }
}

impl Forward for EncoderDecoder {
    fn forward(&self, x: Tensor<5>, pass: &mut Pass) -> Maps {
        let mut x = without_depth(x);
        let mut skips = Vec::new();
        for level in &self.encoder {
            let full = level.forward(x, pass);
            x = max_pool_half(full.clone(), pass); // [batch, c, h / 2, w / 2]
            if self.skips {
                skips.push(full);
            }
        }
        x = self.aspp.forward(&x, pass);
        for (index, level) in self.decoder.iter().enumerate() {
            x = self.doubled(index, x, pass); // [batch, c, 2 h, 2 w]
            if let Some(skip) = skips.pop() {
                x = Tensor::cat(vec![skip, x], 1);
            }
            x = level.forward(x, pass);
        }
        Maps::of(self.head.forward(x, pass))
    }
}
