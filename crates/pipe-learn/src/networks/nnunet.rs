//! nnU-Net's plain network: strided convolutions down, transposed ones up, for images and volumes.
//! It does not know how nnU-Net plans; kernels, strides and widths are settings.

use burn::Tensor;
use burn::module::Module;
use burn::tensor::Device;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::blocks::{Activation, Nonlinearity, NormKind, NormOptions, Pass, Style};
use super::error::within;
use super::outline::{Decoder, Outline, Stacked};
use super::{Forward, Initialisation, Maps, NetworkError, NetworkKind, Settings, Takes};

const NAME: &str = "nnunet";

/// Settings of [`NnUNet`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct NnUNetConfig {
    /// 2 for images, 3 for volumes.
    #[schemars(range(min = 2, max = 3))]
    pub dimensions: usize,
    /// Channels of the input; of images, times frames.
    #[schemars(range(min = 1, max = 256))]
    pub in_channels: usize,
    /// Maps put out: 1 for foreground against background, else one a class.
    #[schemars(range(min = 1, max = 256))]
    pub out_channels: usize,
    /// Channels of each stage; if not given, 32 doubled stage by stage, at most 512 (images) or 320 (volumes).
    pub widths: Option<Vec<usize>>,
    /// The number of stages; if not given, as many as `widths`, else 8 (images) or 6 (volumes).
    #[schemars(range(min = 2, max = 10))]
    pub stages: Option<usize>,
    /// Kernels, a list a stage (`[[1, 3, 3], [3, 3, 3], ..]`); if not given, 3 everywhere.
    pub kernels: Option<Vec<Vec<usize>>>,
    /// Strides of the first convolution, a list a stage; if not given, 1 in the first stage and 2 in the others.
    pub strides: Option<Vec<Vec<usize>>>,
    /// Convolutions of a stage of the encoder.
    #[schemars(range(min = 1, max = 8))]
    pub convolutions: usize,
    /// Convolutions of the encoder's stages, a number a stage; overrides `convolutions`.
    pub encoder_convolutions: Option<Vec<usize>>,
    /// Convolutions of a stage of the decoder.
    #[schemars(range(min = 1, max = 8))]
    pub decoder_convolutions: usize,
    /// Normalisation after each convolution.
    pub norm: NormKind,
    /// Added to the variance by normalisations.
    #[schemars(range(min = 0.0, max = 1.0))]
    pub epsilon: f64,
    /// The share of the newest batch in running statistics (PyTorch's sense, 1 minus Keras' momentum).
    #[schemars(range(min = 0.0, max = 1.0))]
    pub momentum: f64,
    /// Whether convolutions before a normalisation and transposed ones have a bias; without normalisation all have one.
    pub bias: bool,
    /// What follows each normalisation.
    pub activation: Activation,
    /// That of `leaky_relu`.
    #[schemars(range(min = 0.0, max = 1.0))]
    pub slope: f64,
    /// Whether coarser stages of the decoder learn, too; their heads exist in any case.
    pub deep_supervision: bool,
    /// How weights start.
    pub init: Initialisation,
}

impl Default for NnUNetConfig {
    fn default() -> Self {
        Self {
            dimensions: 2,
            in_channels: 1,
            out_channels: 2,
            widths: None,
            stages: None,
            kernels: None,
            strides: None,
            convolutions: 2,
            encoder_convolutions: None,
            decoder_convolutions: 2,
            norm: NormKind::Instance,
            epsilon: 1e-5,
            momentum: 0.1,
            bias: true,
            activation: Activation::LeakyRelu,
            slope: 0.01,
            deep_supervision: true,
            init: Initialisation::He,
        }
    }
}

impl NnUNetConfig {
    fn outline(&self) -> Outline<'_> {
        let options = NormOptions { epsilon: self.epsilon, momentum: self.momentum };
        let activation = Nonlinearity { kind: self.activation, slope: self.slope };
        Outline {
            name: NAME,
            dimensions: self.dimensions,
            channels: [self.in_channels, self.out_channels],
            widths: &self.widths,
            stages: self.stages,
            kernels: &self.kernels,
            strides: &self.strides,
            decoder_convolutions: self.decoder_convolutions,
            style: Style::keeping(self.norm, options, self.bias, activation),
            deep_supervision: self.deep_supervision,
        }
    }

    fn convolutions(&self) -> Vec<usize> {
        let equal = || vec![self.convolutions; self.outline().count()];
        self.encoder_convolutions.clone().unwrap_or_else(equal)
    }
}

impl Settings for NnUNetConfig {
    const KIND: NetworkKind = NetworkKind {
        name: NAME,
        version: 1,
        about: "nnU-Net's plain network (Isensee et al. 2021), for images and volumes",
    };
    type Built = NnUNet;

    fn check(&self) -> Result<(), NetworkError> {
        let list = self.encoder_convolutions.as_ref().map(Vec::len);
        self.outline().check(("encoder_convolutions", list))?;
        within(NAME, "convolutions", self.convolutions, 1..=8, "1 to 8")?;
        for count in self.convolutions() {
            within(NAME, "encoder_convolutions", count, 1..=8, "a list of numbers from 1 to 8")?;
        }
        Ok(())
    }

    fn takes(&self) -> Takes {
        self.outline().takes()
    }

    fn multiple(&self) -> [usize; 3] {
        self.outline().multiple()
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

    fn build(&self, device: &Device) -> NnUNet {
        NnUNet::new(self, device)
    }
}

/// An encoder of convolutions with stride, and a decoder with skips and a head on every stage.
///
/// # Source
/// Isensee et al.: nnU-Net, Nature Methods 18:203-211 (2021); `PlainConvUNet` of dynamic_network_architectures, with its
/// names of weights. Concatenation order is (up-sampled, skip).
#[derive(Module, Debug)]
pub struct NnUNet {
    encoder: Encoder,
    decoder: Decoder,
}

#[derive(Module, Debug)]
struct Encoder {
    /// One block a stage; the list of one has its name from the original.
    stages: Vec<Vec<Stacked>>,
}

impl NnUNet {
    /// A network of zeros.
    pub fn new(config: &NnUNetConfig, device: &Device) -> Self {
        let outline = config.outline();
        let (widths, kernels, strides) = (outline.widths(), outline.kernels(), outline.strides());
        let mut input = config.in_channels;
        let stage = |(stage, count): (usize, usize)| {
            let channels = [std::mem::replace(&mut input, widths[stage]), widths[stage]];
            let shape = [kernels[stage], strides[stage]];
            vec![Stacked::new(outline.dimensions(), channels, shape, count, &outline.style, device)]
        };
        let stages = config.convolutions().into_iter().enumerate().map(stage).collect();
        Self { encoder: Encoder { stages }, decoder: outline.decoder(device) }
    }
}

impl Forward for NnUNet {
    fn forward(&self, mut x: Tensor<5>, pass: &mut Pass) -> Maps {
        let mut skips = Vec::with_capacity(self.encoder.stages.len());
        for stage in self.encoder.stages.iter().flatten() {
            x = stage.forward(x, pass);
            skips.push(x.clone());
        }
        self.decoder.forward(skips, pass)
    }
}
