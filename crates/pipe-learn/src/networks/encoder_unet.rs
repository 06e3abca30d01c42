//! U-Net on an encoder made for classification: its maps are the skips.
//! It does not know encoders; any of them fits.

use burn::Tensor;
use burn::module::Module;
use burn::tensor::Device;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::blocks::{
    Attention, Bias, Conv2d, DecoderBlock, DecoderStyle, Interpolation, NormKind, NormOptions, Pass, Style, Weightless,
    without_depth,
};
use super::encoders::{Encoder, EncoderConfig, OutputStride, TAPS};
use super::error::within;
use super::{Forward, Initialisation, Maps, NetworkError, NetworkKind, Settings, Takes};

const NAME: &str = "encoder_unet";

/// Settings of [`EncoderUNet`], and of [`EncoderUNetPlusPlus`](super::EncoderUNetPlusPlus).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct EncoderUNetConfig {
    /// Channels of the input, times frames.
    #[schemars(range(min = 1, max = 256))]
    pub in_channels: usize,
    /// Maps put out: 1 for foreground against background, else one a class.
    #[schemars(range(min = 1, max = 256))]
    pub out_channels: usize,
    /// The encoder.
    pub encoder: EncoderConfig,
    /// Channels of the decoder's steps, the deepest first.
    pub decoder_widths: [usize; TAPS],
    /// Normalisation in the decoder: `batch` or `none`.
    pub norm: NormKind,
    /// Added to the variance by normalisations of the decoder; those of the encoder keep their own.
    #[schemars(range(min = 0.0, max = 1.0))]
    pub epsilon: f64,
    /// The share of the newest batch in running statistics of the decoder (PyTorch's sense, 1 minus Keras' momentum).
    #[schemars(range(min = 0.0, max = 1.0))]
    pub momentum: f64,
    /// Attention in the decoder's steps.
    pub attention: Attention,
    /// How the decoder doubles.
    pub up: Interpolation,
    /// Size of the last convolution, an odd number.
    #[schemars(range(min = 1, max = 15))]
    pub head_kernel: usize,
    /// How weights start.
    pub init: Initialisation,
}

impl Default for EncoderUNetConfig {
    fn default() -> Self {
        Self {
            in_channels: 1,
            out_channels: 1,
            encoder: EncoderConfig::default(),
            decoder_widths: [256, 128, 64, 32, 16],
            norm: NormKind::Batch,
            epsilon: 1e-5,
            momentum: 0.1,
            attention: Attention::None,
            up: Interpolation::Nearest,
            head_kernel: 3,
            init: Initialisation::Pytorch,
        }
    }
}

/// What the encoder halves five times, the decoder doubles five times.
pub(super) const MULTIPLE: [usize; 3] = [1, 1 << TAPS, 1 << TAPS];

impl EncoderUNetConfig {
    /// Checks settings, for a network of this name.
    pub(super) fn check_as(&self, network: &'static str) -> Result<(), NetworkError> {
        let refused = |field, value: &str, expected| {
            Err(NetworkError::Setting { network, field, value: value.to_owned(), expected })
        };
        within(network, "in_channels", self.in_channels, 1..=256, "1 to 256")?;
        within(network, "out_channels", self.out_channels, 1..=256, "1 to 256")?;
        within(network, "epsilon", self.epsilon, 0.0..=1.0, "0 to 1")?;
        within(network, "momentum", self.momentum, 0.0..=1.0, "0 to 1")?;
        self.encoder.check(network)?;
        for width in self.decoder_widths {
            within(network, "decoder_widths", width, 1..=2048, "five numbers from 1 to 2048")?;
        }
        if self.norm == NormKind::Instance {
            return refused("norm", "instance", "`batch` or `none`");
        }
        if self.head_kernel.is_multiple_of(2) || self.head_kernel > 15 {
            return refused("head_kernel", &self.head_kernel.to_string(), "an odd number from 1 to 15");
        }
        Ok(())
    }

    /// Gives the encoder of zeros.
    pub(super) fn encoder(&self, device: &Device) -> Encoder {
        self.encoder.build(self.in_channels, OutputStride::ThirtySecond, device)
    }

    /// Gives what the decoder's steps have in common.
    pub(super) fn decoder_style(&self) -> DecoderStyle {
        let options = NormOptions { epsilon: self.epsilon, momentum: self.momentum };
        let style = Style { norm: self.norm, ..Style::rectified(options, false) };
        DecoderStyle { style, up: self.up, attention: self.attention }
    }

    /// Gives the last convolution.
    pub(super) fn head(&self, device: &Device) -> Head {
        let channels = [self.decoder_widths[TAPS - 1], self.out_channels];
        (Conv2d::new(channels, self.head_kernel, Bias::Learned, device), Weightless)
    }
}

/// The last convolution, `segmentation_head.0`.
pub(super) type Head = (Conv2d, Weightless);

impl Settings for EncoderUNetConfig {
    const KIND: NetworkKind = NetworkKind {
        name: NAME,
        version: 1,
        about: "U-Net on an encoder made for classification (ResNet and others)",
    };
    type Built = EncoderUNet;

    fn check(&self) -> Result<(), NetworkError> {
        self.check_as(NAME)
    }

    fn takes(&self) -> Takes {
        Takes::Images(self.in_channels)
    }

    fn multiple(&self) -> [usize; 3] {
        MULTIPLE
    }

    fn classes(&self) -> usize {
        self.out_channels
    }

    fn initialisation(&self) -> Initialisation {
        self.init
    }

    fn build(&self, device: &Device) -> EncoderUNet {
        EncoderUNet::new(self, device)
    }
}

/// An encoder, and a decoder with a skip at every size but the input's.
///
/// # Source
/// `Unet` of segmentation_models.pytorch 0.6, with its names of weights. Its weights start otherwise there: with He's
/// draw in the decoder, Glorot's in the head, and an encoder trained on photographs by default.
#[derive(Module, Debug)]
pub struct EncoderUNet {
    encoder: Encoder,
    decoder: Decoder,
    segmentation_head: Head,
}

#[derive(Module, Debug)]
struct Decoder {
    /// From the bottom up; the last one has no skip.
    blocks: Vec<DecoderBlock>,
}

impl EncoderUNet {
    /// A network of zeros.
    pub fn new(config: &EncoderUNetConfig, device: &Device) -> Self {
        let encoder = config.encoder(device);
        let mut skips = encoder.channels();
        skips.reverse();
        let mut input = skips[0];
        let mut block = |(step, output): (usize, usize)| {
            let skip = skips.get(step + 1).copied().unwrap_or(0);
            let block = DecoderBlock::new([input, skip, output], config.decoder_style(), device);
            input = output;
            block
        };
        let blocks = config.decoder_widths.into_iter().enumerate().map(&mut block).collect();
        Self { encoder, decoder: Decoder { blocks }, segmentation_head: config.head(device) }
    }
}

impl Forward for EncoderUNet {
    fn forward(&self, x: Tensor<5>, pass: &mut Pass) -> Maps {
        let mut skips = self.encoder.features(without_depth(x), pass);
        // The input itself is no skip.
        skips.remove(0);
        let deepest = skips.pop().expect("an encoder gives five maps");
        let x = self.decoder.blocks.iter().fold(deepest, |x, block| block.forward(x, skips.pop(), pass));
        Maps::of(self.segmentation_head.0.forward(x, pass))
    }
}
