//! nnU-Net's network with a residual encoder, for images and volumes.
//! It does not know how nnU-Net plans; kernels, strides and widths are settings.

use burn::Tensor;
use burn::module::Module;
use burn::tensor::Device;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::blocks::{Activation, Bias, ConvNorm, Nonlinearity, NormKind, NormOptions, Pass, Style, mean_pool};
use super::error::within;
use super::outline::{Decoder, Outline, Stacked};
use super::{Forward, Initialisation, Maps, NetworkError, NetworkKind, Settings, Takes};

const NAME: &str = "nnunet_residual";
/// Residual blocks of the first stages in nnU-Net's presets; further stages have as many as the last.
const BLOCKS: [usize; 6] = [1, 3, 4, 6, 6, 6];

/// Settings of [`ResidualNnUNet`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct ResidualNnUNetConfig {
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
    /// Residual blocks of the encoder's stages, a number a stage; if not given, 1, 3, 4, and then 6.
    pub blocks: Option<Vec<usize>>,
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

impl Default for ResidualNnUNetConfig {
    fn default() -> Self {
        Self {
            dimensions: 2,
            in_channels: 1,
            out_channels: 2,
            widths: None,
            stages: None,
            kernels: None,
            strides: None,
            blocks: None,
            decoder_convolutions: 1,
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

impl ResidualNnUNetConfig {
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

    fn blocks(&self) -> Vec<usize> {
        let usual = |stage: usize| BLOCKS[stage.min(BLOCKS.len() - 1)];
        self.blocks.clone().unwrap_or_else(|| (0..self.outline().count()).map(usual).collect())
    }
}

impl Settings for ResidualNnUNetConfig {
    const KIND: NetworkKind = NetworkKind {
        name: NAME,
        version: 1,
        about: "nnU-Net's network with a residual encoder (Isensee et al. 2024), for images and volumes",
    };
    type Built = ResidualNnUNet;

    fn check(&self) -> Result<(), NetworkError> {
        self.outline().check(("blocks", self.blocks.as_ref().map(Vec::len)))?;
        for count in self.blocks() {
            within(NAME, "blocks", count, 1..=16, "a list of numbers from 1 to 16")?;
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

    fn build(&self, device: &Device) -> ResidualNnUNet {
        ResidualNnUNet::new(self, device)
    }
}

/// An encoder of residual blocks, and a decoder with skips and a head on every stage.
///
/// # Source
/// Isensee et al.: nnU-Net Revisited, MICCAI 2024; `ResidualEncoderUNet` of dynamic_network_architectures, with its names
/// of weights. Concatenation order is (up-sampled, skip).
#[derive(Module, Debug)]
pub struct ResidualNnUNet {
    encoder: Encoder,
    decoder: Decoder,
}

#[derive(Module, Debug)]
struct Encoder {
    stem: Stacked,
    stages: Vec<Stage>,
}

#[derive(Module, Debug)]
struct Stage {
    blocks: Vec<Block>,
}

/// conv - norm - act - conv - norm, plus what `skip` makes of the input, act.
///
/// # Source
/// He et al.: Bag of Tricks for Image Classification, CVPR 2019 (ResNet-D): the skip takes means before its convolution.
#[derive(Module, Debug)]
struct Block {
    conv1: ConvNorm,
    conv2: ConvNorm,
    skip: Vec<Shortcut>,
    #[module(skip)]
    activation: Nonlinearity,
}

/// A step of a block's skip; none keeps the input.
#[derive(Module, Debug)]
#[expect(clippy::large_enum_variant, reason = "a module cannot be boxed, and a network has few blocks")]
enum Shortcut {
    Pool(Pool),
    Project(ConvNorm),
}

#[derive(Module, Debug)]
struct Pool {
    #[module(skip)]
    size: [usize; 3],
}

impl Block {
    fn new(outline: &Outline<'_>, channels: [usize; 2], [kernel, stride]: [[usize; 3]; 2], device: &Device) -> Self {
        let (style, [input, output]) = (&outline.style, channels);
        let conv = |channels, shape, bias| ConvNorm::new(outline.dimensions(), channels, shape, bias, style, device);
        let pool = (stride != [1; 3]).then_some(Shortcut::Pool(Pool { size: stride }));
        let project = || Shortcut::Project(conv(channels, [[1; 3]; 2], Bias::Absent));
        Self {
            conv1: conv(channels, [kernel, stride], style.bias()),
            conv2: conv([output; 2], [kernel, [1; 3]], style.bias()),
            skip: pool.into_iter().chain((input != output).then(project)).collect(),
            activation: style.activation,
        }
    }

    fn forward(&self, x: Tensor<5>, pass: &mut Pass) -> Tensor<5> {
        let y = self.conv1.forward_active(x.clone(), self.activation, pass);
        let y = self.conv2.forward(y, pass);
        let kept = self.skip.iter().fold(x, |x, step| match step {
            Shortcut::Pool(Pool { size }) => mean_pool(x, *size, pass),
            Shortcut::Project(conv) => conv.forward(x, pass),
        });
        self.activation.of(y + kept)
    }
}

impl ResidualNnUNet {
    /// A network of zeros.
    pub fn new(config: &ResidualNnUNetConfig, device: &Device) -> Self {
        let outline = config.outline();
        let (widths, kernels, strides) = (outline.widths(), outline.kernels(), outline.strides());
        let ends = [config.in_channels, widths[0]];
        let stem = Stacked::new(outline.dimensions(), ends, [kernels[0], [1; 3]], 1, &outline.style, device);
        let mut input = widths[0];
        let mut block = |stage: usize, index: usize| {
            let channels = [std::mem::replace(&mut input, widths[stage]), widths[stage]];
            let stride = if index == 0 { strides[stage] } else { [1; 3] };
            Block::new(&outline, channels, [kernels[stage], stride], device)
        };
        let stages = config.blocks().into_iter().enumerate();
        let stages =
            stages.map(|(stage, count)| Stage { blocks: (0..count).map(|index| block(stage, index)).collect() });
        Self { encoder: Encoder { stem, stages: stages.collect() }, decoder: outline.decoder(device) }
    }
}

impl Forward for ResidualNnUNet {
    fn forward(&self, x: Tensor<5>, pass: &mut Pass) -> Maps {
        let mut x = self.encoder.stem.forward(x, pass);
        let mut skips = Vec::with_capacity(self.encoder.stages.len());
        for stage in &self.encoder.stages {
            x = stage.blocks.iter().fold(x, |x, block| block.forward(x, pass));
            skips.push(x.clone());
        }
        self.decoder.forward(skips, pass)
    }
}
