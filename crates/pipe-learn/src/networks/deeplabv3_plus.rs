//! DeepLabV3+ on an encoder: a pyramid of dilations on the deepest map, refined with a skip at a quarter of the input.
//! It is another network than `deeplabv3_plus_eca`, which has whole convolutions with bias and attention.

use burn::Tensor;
use burn::module::Module;
use burn::tensor::Device;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::blocks::{
    Aspp, BatchNorm, Bias, Conv2d, Corners, NormOptions, Pass, SeparableConv, Weightless, bilinear, dropout,
    separable_conv, separated, without_depth,
};
use super::deeplabv3::{Head, Numbers};
use super::encoders::{Encoder, EncoderConfig, TAPS};
use super::error::within;
use super::{Forward, Initialisation, Maps, NetworkError, NetworkKind, Settings, Takes};

const NAME: &str = "deeplabv3_plus";
/// The encoder's map at a quarter of the input, counted from the one at a half.
const SKIP: usize = 1;

/// Settings of [`DeepLabV3Plus`]; the defaults are those of segmentation_models.pytorch.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct DeepLabV3PlusConfig {
    /// Channels of the input, times frames.
    #[schemars(range(min = 1, max = 256))]
    pub in_channels: usize,
    /// Maps put out: 1 for foreground against background, else one a class.
    #[schemars(range(min = 1, max = 256))]
    pub out_channels: usize,
    /// What gives the deepest map and the skip.
    pub encoder: EncoderConfig,
    /// By how much the deepest map is smaller than the input: 8 or 16.
    #[schemars(range(min = 8, max = 16))]
    pub output_stride: usize,
    /// Channels of the pyramid's branches and of the decoder.
    #[schemars(range(min = 1, max = 2048))]
    pub width: usize,
    /// Dilations of the pyramid's convolutions.
    pub rates: Vec<usize>,
    /// Whether the pyramid's convolutions are split into one of each channel and one of each pixel; the decoder's are.
    pub separable: bool,
    /// Channels of the skip in the decoder.
    #[schemars(range(min = 1, max = 2048))]
    pub skip_width: usize,
    /// The share of values dropped behind the pyramid.
    #[schemars(range(min = 0.0, max = 0.95))]
    pub dropout: f64,
    /// Size of the head's convolution, an odd number.
    #[schemars(range(min = 1, max = 15))]
    pub head_kernel: usize,
    /// Whether up-sampling lets the corner pixels lie on each other.
    pub align_corners: bool,
    /// Added to the variance by normalisations of pyramid and decoder; those of the encoder keep its own number.
    #[schemars(range(min = 0.0, max = 1.0))]
    pub epsilon: f64,
    /// The share of the newest batch in running statistics of pyramid and decoder; those of the encoder keep their own.
    #[schemars(range(min = 0.0, max = 1.0))]
    pub momentum: f64,
    /// How weights start.
    pub init: Initialisation,
}

impl Default for DeepLabV3PlusConfig {
    fn default() -> Self {
        Self {
            in_channels: 1,
            out_channels: 1,
            encoder: EncoderConfig::default(),
            output_stride: 16,
            width: 256,
            rates: vec![12, 24, 36],
            separable: true,
            skip_width: 48,
            dropout: 0.5,
            head_kernel: 1,
            align_corners: true,
            epsilon: 1e-5,
            momentum: 0.1,
            init: Initialisation::Pytorch,
        }
    }
}

impl Settings for DeepLabV3PlusConfig {
    const KIND: NetworkKind = NetworkKind {
        name: NAME,
        version: 1,
        about: "DeepLabV3+ (Chen et al. 2018) on an encoder, as in segmentation_models.pytorch",
    };
    type Built = DeepLabV3Plus;

    fn check(&self) -> Result<(), NetworkError> {
        self.numbers().check(NAME)?;
        within(NAME, "skip_width", self.skip_width, 1..=2048, "1 to 2048")?;
        self.encoder.check(NAME)
    }

    fn takes(&self) -> Takes {
        Takes::Images(self.in_channels)
    }

    fn multiple(&self) -> [usize; 3] {
        [1, self.output_stride, self.output_stride]
    }

    fn classes(&self) -> usize {
        self.out_channels
    }

    fn initialisation(&self) -> Initialisation {
        self.init
    }

    fn build(&self, device: &Device) -> DeepLabV3Plus {
        DeepLabV3Plus::new(self, device)
    }
}

impl DeepLabV3PlusConfig {
    fn numbers(&self) -> Numbers<'_> {
        Numbers {
            channels: [self.in_channels, self.out_channels],
            output_stride: self.output_stride,
            width: self.width,
            rates: &self.rates,
            separable: self.separable,
            dropout: self.dropout,
            head_kernel: self.head_kernel,
            options: NormOptions { epsilon: self.epsilon, momentum: self.momentum },
        }
    }
}

/// An encoder with dilation in place of its last strides, spatial pyramid pooling, a skip, separable convolutions.
///
/// # Source
/// Chen et al.: Encoder-decoder with atrous separable convolution, ECCV 2018, as in segmentation_models.pytorch 0.6,
/// whose names it has. Deviations: any number of dilations; the channels of the skip are a setting.
#[derive(Module, Debug)]
pub struct DeepLabV3Plus {
    encoder: Encoder,
    decoder: Decoder,
    segmentation_head: Head,
    #[module(skip)]
    dropout: f64,
    #[module(skip)]
    corners: Corners,
}

#[derive(Module, Debug)]
struct Decoder {
    aspp: (Aspp, SeparableConv, BatchNorm),
    block1: (Conv2d, BatchNorm, Weightless),
    block2: (SeparableConv, BatchNorm, Weightless),
}

impl DeepLabV3Plus {
    /// A network of zeros.
    pub fn new(config: &DeepLabV3PlusConfig, device: &Device) -> Self {
        let (numbers, width, skip_width) = (config.numbers(), config.width, config.skip_width);
        let encoder = config.encoder.build(config.in_channels, numbers.stride(), device);
        let channels = encoder.channels();
        let norm = |channels| BatchNorm::new(channels, numbers.options, device);
        let separable = |input| separable_conv([input, width], 1, device);
        let narrowed = Conv2d::new([channels[SKIP], skip_width], 1, Bias::Absent, device);
        let decoder = Decoder {
            aspp: (numbers.pyramid(channels[TAPS - 1], device), separable(width), norm(width)),
            block1: (narrowed, norm(skip_width), Weightless),
            block2: (separable(skip_width + width), norm(width), Weightless),
        };
        Self {
            encoder,
            decoder,
            segmentation_head: numbers.head(device),
            dropout: config.dropout,
            corners: Corners::from_flag(config.align_corners),
        }
    }
}

impl Forward for DeepLabV3Plus {
    fn forward(&self, x: Tensor<5>, pass: &mut Pass) -> Maps {
        let [_, _, _, height, width] = x.dims();
        let x = without_depth(x);
        let mut features = self.encoder.features(x, pass);
        let deep = features.pop().expect("an encoder gives maps"); // [batch, c, h / stride, w / stride]
        // The first of the features is the input.
        let skip = features.swap_remove(SKIP + 1); // [batch, c, h / 4, w / 4]
        drop(features);

        let (aspp, conv, norm) = &self.decoder.aspp;
        let x = dropout(aspp.forward(&deep, pass), self.dropout, pass);
        let x = norm.forward_relu(separated(conv, x, pass), pass);
        let x = bilinear(x, [height / 4, width / 4], self.corners, pass);

        let (conv, norm, _) = &self.decoder.block1;
        let skip = norm.forward_relu(conv.forward(skip, pass), pass);
        let (conv, norm, _) = &self.decoder.block2;
        let x = norm.forward_relu(separated(conv, Tensor::cat(vec![x, skip], 1), pass), pass);

        let (head, _) = &self.segmentation_head;
        let x = head.forward(x, pass);
        Maps::of(bilinear(x, [height, width], self.corners, pass))
    }
}
