//! Attention U-Net: a U-Net whose skips are weighed, place by place, by what the level below has found.
//! It does not know sequences: frames count as channels.

use burn::Tensor;
use burn::module::Module;
use burn::tensor::Device;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::blocks::{
    Activation, Bias, Conv2d, ConvNorm2d, ConvTranspose2d, DoubleConv2d, Nonlinearity, NormKind, NormOptions, Pass,
    Style, UpSampling, gated, max_pool_half, without_depth,
};
use super::error::{doubled, within};
use super::{Forward, Initialisation, Maps, NetworkError, NetworkKind, Settings, Takes};

const NAME: &str = "attention_unet";

/// Settings of [`AttentionUNet`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct AttentionUNetConfig {
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
    /// What follows each normalisation.
    pub activation: Activation,
    /// That of `leaky_relu`.
    #[schemars(range(min = 0.0, max = 1.0))]
    pub slope: f64,
    /// How the decoder doubles; without weights of its own, a convolution of size 3 follows.
    pub up: UpSampling,
    /// Channels of a gate; if not given, half of the skip's.
    #[schemars(range(min = 1, max = 4096))]
    pub gate: Option<usize>,
    /// Whether skips are weighed at all.
    pub attention: bool,
    /// How weights start.
    pub init: Initialisation,
}

impl Default for AttentionUNetConfig {
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
            activation: Activation::Relu,
            slope: 0.01,
            up: UpSampling::Nearest,
            gate: None,
            attention: true,
            init: Initialisation::He,
        }
    }
}

impl Settings for AttentionUNetConfig {
    const KIND: NetworkKind =
        NetworkKind { name: NAME, version: 1, about: "Attention U-Net (Oktay et al. 2018): gates on the skips" };
    type Built = AttentionUNet;

    fn check(&self) -> Result<(), NetworkError> {
        within(NAME, "in_channels", self.in_channels, 1..=256, "1 to 256")?;
        within(NAME, "out_channels", self.out_channels, 1..=256, "1 to 256")?;
        within(NAME, "depth", self.depth, 1..=8, "1 to 8")?;
        within(NAME, "width", self.width, 1..=1024, "1 to 1024")?;
        doubled(NAME, self.width, self.depth)?;
        if let Some(gate) = self.gate {
            within(NAME, "gate", gate, 1..=4096, "1 to 4096")?;
        } else if self.attention {
            within(NAME, "width", self.width, 2..=1024, "2 to 1024, as the first gate has half as many channels")?;
        }
        self.style().check(NAME)
    }

    fn takes(&self) -> Takes {
        Takes::Images(self.in_channels)
    }

    fn multiple(&self) -> [usize; 3] {
        [1, 1 << self.depth, 1 << self.depth]
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

    fn build(&self, device: &Device) -> AttentionUNet {
        AttentionUNet::new(self, device)
    }
}

impl AttentionUNetConfig {
    fn style(&self) -> Style {
        let options = NormOptions { epsilon: self.epsilon, momentum: self.momentum };
        let activation = Nonlinearity { kind: self.activation, slope: self.slope };
        Style::keeping(self.norm, options, self.bias, activation)
    }
}

/// A U-Net with an attention gate on each skip.
///
/// # Source
/// Oktay et al.: Attention U-Net, MIDL 2018, in the form of common PyTorch code (`AttU_Net`), which gates with the
/// up-sampled map, at the size of the skip, where the paper's gate works at half of it; here, too. Concatenation order is
/// (skip, up-sampled).
#[derive(Module, Debug)]
pub struct AttentionUNet {
    /// The last one is the bottom.
    encoder: Vec<DoubleConv2d>,
    /// From the bottom up, as is the rest; empty with up-sampling without weights.
    up: Vec<ConvTranspose2d>,
    /// What follows up-sampling without weights.
    refine: Vec<ConvNorm2d>,
    /// Empty without attention.
    gates: Vec<Gate>,
    decoder: Vec<DoubleConv2d>,
    head: Conv2d,
    #[module(skip)]
    doubling: UpSampling,
    #[module(skip)]
    activation: Nonlinearity,
}

/// Weighs each place of a skip by a number from 0 to 1.
#[derive(Module, Debug)]
struct Gate {
    w_g: ConvNorm2d,
    w_x: ConvNorm2d,
    psi: ConvNorm2d,
    #[module(skip)]
    activation: Nonlinearity,
}

impl Gate {
    fn new(channels: usize, middle: usize, style: &Style, device: &Device) -> Self {
        let conv = |channels| ConvNorm2d::new(channels, 1, style, device);
        let [w_g, w_x] = [[channels, middle]; 2].map(conv);
        Self { w_g, w_x, psi: conv([middle, 1]), activation: style.activation }
    }

    /// `below` tells which places of `skip` to keep; both `[batch, c, h, w]`, as is the result.
    fn forward(&self, below: Tensor<4>, skip: Tensor<4>, pass: &mut Pass) -> Tensor<4> {
        let sum = self.w_g.forward(below, pass) + self.w_x.forward(skip.clone(), pass);
        let weights = self.psi.forward(self.activation.of(sum), pass); // [batch, 1, h, w]
        gated(skip, weights)
    }
}

impl AttentionUNet {
    /// A network of zeros.
    pub fn new(config: &AttentionUNetConfig, device: &Device) -> Self {
        let style = config.style();
        let width = |level: usize| config.width << level;
        let levels_up = || (0..config.depth).rev();
        let double = |input, width| DoubleConv2d::new([input, width, width], &style, device);
        let level = |level: usize| double(if level == 0 { config.in_channels } else { width(level - 1) }, width(level));
        let steps = || levels_up().map(|level| [width(level + 1), width(level)]);
        let up: Vec<ConvTranspose2d> = steps().filter_map(|channels| config.up.layer(channels, device)).collect();
        let refined = steps().filter(|_| up.is_empty());
        let refine = refined.map(|channels| ConvNorm2d::new(channels, 3, &style, device)).collect();
        let gate = |level: usize| Gate::new(width(level), config.gate.unwrap_or(width(level) / 2), &style, device);
        Self {
            encoder: (0..=config.depth).map(level).collect(),
            up,
            refine,
            gates: levels_up().filter(|_| config.attention).map(gate).collect(),
            decoder: levels_up().map(|level| double(2 * width(level), width(level))).collect(),
            head: Conv2d::new([width(0), config.out_channels], 1, Bias::Learned, device),
            doubling: config.up,
            activation: style.activation,
        }
    }
}

impl Forward for AttentionUNet {
    fn forward(&self, x: Tensor<5>, pass: &mut Pass) -> Maps {
        let mut x = without_depth(x);
        let mut skips: Vec<Tensor<4>> = Vec::with_capacity(self.encoder.len());
        for (index, level) in self.encoder.iter().enumerate() {
            if index > 0 {
                skips.push(x.clone());
                x = max_pool_half(x, pass); // [batch, c, h / 2, w / 2]
            }
            x = level.forward(x, pass);
        }
        for (step, level) in self.decoder.iter().enumerate() {
            let mut below = self.doubling.twice(self.up.get(step), x, pass); // [batch, c', 2 h, 2 w]
            if let Some(conv) = self.refine.get(step) {
                below = conv.forward_active(below, self.activation, pass); // [batch, c / 2, 2 h, 2 w]
            }
            let skip = skips.pop().expect("there are as many skips as decoder levels");
            let skip = match self.gates.get(step) {
                Some(gate) => gate.forward(below.clone(), skip, pass),
                None => skip,
            };
            x = level.forward(Tensor::cat(vec![skip, below], 1), pass);
        }
        Maps::of(self.head.forward(x, pass))
    }
}
