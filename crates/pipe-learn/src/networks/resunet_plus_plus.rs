//! ResUNet++: residual blocks with squeeze and excitation, a pyramid of dilations at both ends, attention on the way up.
//! It does not know sequences: frames count as channels.

use burn::Tensor;
use burn::module::Module;
use burn::tensor::Device;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::blocks::{
    BatchNorm, Bias, Conv2d, NormKind, NormOptions, Pass, SqueezeExcitation, UpSampling, Weightless, Window,
    max_pool_half, without_depth,
};
use super::error::within;
use super::{Forward, Initialisation, Maps, NetworkError, NetworkKind, Settings, Takes};

const NAME: &str = "resunet_plus_plus";

/// Settings of [`ResUNetPlusPlus`]; the defaults are the published code.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct ResUNetPlusPlusConfig {
    /// Channels of the input, times frames.
    #[schemars(range(min = 1, max = 256))]
    pub in_channels: usize,
    /// Maps put out: 1 for foreground against background, else one a class.
    #[schemars(range(min = 1, max = 256))]
    pub out_channels: usize,
    /// Channels of the four levels and of the bridge.
    pub widths: [usize; 5],
    /// Dilations of both pyramids.
    pub rates: Vec<usize>,
    /// Squeeze and excitation behind each block.
    pub squeeze: bool,
    /// By how much squeeze and excitation narrows.
    #[schemars(range(min = 1, max = 256))]
    pub reduction: usize,
    /// Attention in the decoder.
    pub attention: bool,
    /// Normalisation: `batch` alone, for it stands before and behind convolutions as published.
    pub norm: NormKind,
    /// Added to the variance by normalisations.
    #[schemars(range(min = 0.0, max = 1.0))]
    pub epsilon: f64,
    /// The share of the newest batch in running statistics (PyTorch's sense, 1 minus Keras' momentum).
    #[schemars(range(min = 0.0, max = 1.0))]
    pub momentum: f64,
    /// Whether convolutions right before a normalisation have a bias; the others always have one.
    pub bias: bool,
    /// How the decoder doubles: `nearest` or `bilinear`.
    pub up: UpSampling,
    /// How weights start.
    pub init: Initialisation,
}

impl Default for ResUNetPlusPlusConfig {
    fn default() -> Self {
        Self {
            in_channels: 3,
            out_channels: 1,
            widths: [16, 32, 64, 128, 256],
            rates: vec![1, 6, 12, 18],
            squeeze: true,
            reduction: 8,
            attention: true,
            norm: NormKind::Batch,
            epsilon: 1e-5,
            momentum: 0.1,
            bias: true,
            up: UpSampling::Nearest,
            init: Initialisation::He,
        }
    }
}

impl Settings for ResUNetPlusPlusConfig {
    const KIND: NetworkKind = NetworkKind {
        name: NAME,
        version: 1,
        about: "ResUNet++ (Jha et al. 2019): residual blocks, squeeze and excitation, pyramids, attention",
    };
    type Built = ResUNetPlusPlus;

    fn check(&self) -> Result<(), NetworkError> {
        let refused = |field, value: &str, expected| {
            Err(NetworkError::Setting { network: NAME, field, value: value.to_owned(), expected })
        };
        within(NAME, "in_channels", self.in_channels, 1..=256, "1 to 256")?;
        within(NAME, "out_channels", self.out_channels, 1..=256, "1 to 256")?;
        within(NAME, "epsilon", self.epsilon, 0.0..=1.0, "0 to 1")?;
        within(NAME, "momentum", self.momentum, 0.0..=1.0, "0 to 1")?;
        within(NAME, "reduction", self.reduction, 1..=256, "1 to 256")?;
        within(NAME, "rates", self.rates.len(), 1..=16, "a list of 1 to 16 dilations")?;
        for rate in &self.rates {
            within(NAME, "rates", *rate, 1..=256, "a list of dilations from 1 to 256")?;
        }
        for width in self.widths {
            within(NAME, "widths", width, 1..=2048, "five numbers from 1 to 2048")?;
        }
        let squeezed = self.widths[..4].iter().chain(&self.widths[1..4]);
        if let Some(width) = squeezed.filter(|width| self.squeeze && **width < self.reduction).min() {
            let reason = format!(
                "squeeze with `reduction: {}` leaves nothing of {width} channels; lower `reduction`, or set `squeeze: false`",
                self.reduction
            );
            return Err(NetworkError::Combination { network: NAME, reason });
        }
        match (self.norm, self.up) {
            (NormKind::Instance, _) => refused("norm", "instance", "`batch`"),
            (NormKind::None, _) => refused("norm", "none", "`batch`"),
            (_, UpSampling::Transposed) => refused("up", "transposed", "`nearest` or `bilinear`"),
            (NormKind::Batch, UpSampling::Nearest | UpSampling::Bilinear) => Ok(()),
        }
    }

    fn takes(&self) -> Takes {
        Takes::Images(self.in_channels)
    }

    fn multiple(&self) -> [usize; 3] {
        [1, 8, 8]
    }

    fn classes(&self) -> usize {
        self.out_channels
    }

    fn initialisation(&self) -> Initialisation {
        self.init
    }

    fn build(&self, device: &Device) -> ResUNetPlusPlus {
        ResUNetPlusPlus::new(self, device)
    }
}

/// Four residual levels, a pyramid as bridge, three decoder levels, a pyramid before the head.
///
/// # Source
/// Jha et al.: ResUNet++, ISM 2019, and its PyTorch code (`resunet++_pytorch.py`), whose names the parts have:
/// `c1` to `c4` down, `b1`, `d1` to `d3` up, `aspp`, `output`. Branches of a pyramid are added up, not stacked;
/// attention multiplies without a sigmoid. Deviations: in names, a pyramid's branches are `convs.N` and its last
/// convolution `project` for `c1` to `c5`, because their number is a setting; the head's sigmoid is applied outside.
#[derive(Module, Debug)]
pub struct ResUNetPlusPlus {
    c1: Residual,
    c2: Residual,
    c3: Residual,
    c4: Residual,
    b1: Pyramid,
    d1: Up,
    d2: Up,
    d3: Up,
    aspp: Pyramid,
    output: Conv2d,
    #[module(skip)]
    up: UpSampling,
}

/// Two convolutions beside a shortcut, and squeeze and excitation of their sum.
#[derive(Module, Debug)]
struct Residual {
    c1: Main,
    c2: (Conv2d, BatchNorm),
    attn: Option<SqueezeExcitation>,
}

#[derive(Module, Debug)]
#[expect(clippy::large_enum_variant, reason = "a few of them a network; modules have no boxes")]
enum Main {
    /// conv - norm - ReLU - conv.
    Stem((Conv2d, BatchNorm, Weightless, Conv2d)),
    /// norm - ReLU - conv - norm - ReLU - conv.
    Block((BatchNorm, Weightless, Conv2d, BatchNorm, Weightless, Conv2d)),
}

/// Dilated convolutions, normalised and added up, and a 1x1 convolution of the sum.
#[derive(Module, Debug)]
struct Pyramid {
    convs: Vec<(Conv2d, BatchNorm)>,
    project: Conv2d,
}

#[derive(Module, Debug)]
struct Up {
    a1: Option<Attention>,
    r1: Residual,
}

/// norm - ReLU - conv of skip (then halved), of the map, and of their sum; the result times the map.
#[derive(Module, Debug)]
struct Attention {
    g_conv: Activated,
    x_conv: Activated,
    gc_conv: Activated,
}

type Activated = (BatchNorm, Weightless, Conv2d);

/// What the parts are made with.
struct Maker<'a> {
    config: &'a ResUNetPlusPlusConfig,
    device: &'a Device,
}

impl Maker<'_> {
    fn norm(&self, channels: usize) -> BatchNorm {
        let options = NormOptions { epsilon: self.config.epsilon, momentum: self.config.momentum };
        BatchNorm::new(channels, options, self.device)
    }

    /// A convolution that a normalisation follows.
    fn conv(&self, channels: [usize; 2], kernel: usize, window: Window<2>) -> Conv2d {
        Conv2d::with(channels, [kernel; 2], window, Bias::from_flag(self.config.bias), self.device)
    }

    /// A convolution that no normalisation follows.
    fn last(&self, channels: [usize; 2], kernel: usize) -> Conv2d {
        Conv2d::new(channels, kernel, Bias::Learned, self.device)
    }

    fn residual(&self, [input, output]: [usize; 2], stride: usize, main: Main) -> Residual {
        let window = Window::SAME.strided([stride; 2]);
        let squeeze = || SqueezeExcitation::new(output, self.config.reduction, self.device);
        Residual {
            c1: main,
            c2: (self.conv([input, output], 1, window), self.norm(output)),
            attn: self.config.squeeze.then(squeeze),
        }
    }

    fn stem(&self, channels: [usize; 2]) -> Residual {
        let [_, output] = channels;
        let first = self.conv(channels, 3, Window::SAME);
        self.residual(channels, 1, Main::Stem((first, self.norm(output), Weightless, self.last([output; 2], 3))))
    }

    fn block(&self, channels: [usize; 2], stride: usize) -> Residual {
        let [input, output] = channels;
        let first = self.conv(channels, 3, Window::SAME.strided([stride; 2]));
        let (norm1, norm2) = (self.norm(input), self.norm(output));
        let main = (norm1, Weightless, first, norm2, Weightless, self.last([output; 2], 3));
        self.residual(channels, stride, Main::Block(main))
    }

    fn pyramid(&self, channels: [usize; 2]) -> Pyramid {
        let [_, output] = channels;
        let branch = |rate: &usize| (self.conv(channels, 3, Window::SAME.dilated(*rate)), self.norm(output));
        let convs = self.config.rates.iter().map(branch).collect();
        Pyramid { convs, project: self.last([output; 2], 1) }
    }

    fn up(&self, skip: usize, channels: [usize; 2]) -> Up {
        let [input, output] = channels;
        let part = |channels: usize| (self.norm(channels), Weightless, self.last([channels, input], 3));
        let attention = || Attention { g_conv: part(skip), x_conv: part(input), gc_conv: part(input) };
        Up { a1: self.config.attention.then(attention), r1: self.block([skip + input, output], 1) }
    }
}

impl ResUNetPlusPlus {
    /// A network of zeros.
    pub fn new(config: &ResUNetPlusPlusConfig, device: &Device) -> Self {
        let make = Maker { config, device };
        let [a, b, c, d, e] = config.widths;
        Self {
            c1: make.stem([config.in_channels, a]),
            c2: make.block([a, b], 2),
            c3: make.block([b, c], 2),
            c4: make.block([c, d], 2),
            b1: make.pyramid([d, e]),
            d1: make.up(c, [e, d]),
            d2: make.up(b, [d, c]),
            d3: make.up(a, [c, b]),
            aspp: make.pyramid([b, a]),
            output: make.last([a, config.out_channels], 1),
            up: config.up,
        }
    }
}

impl Residual {
    fn forward(&self, x: Tensor<4>, pass: &mut Pass) -> Tensor<4> {
        let main = match &self.c1 {
            Main::Stem((conv1, norm, _, conv2)) => {
                let y = norm.forward_relu(conv1.forward(x.clone(), pass), pass);
                conv2.forward(y, pass)
            }
            Main::Block((norm1, _, conv1, norm2, _, conv2)) => {
                let y = conv1.forward(norm1.forward_relu(x.clone(), pass), pass);
                conv2.forward(norm2.forward_relu(y, pass), pass)
            }
        };
        let (conv, norm) = &self.c2;
        let y = main + norm.forward(conv.forward(x, pass), pass);
        match &self.attn {
            Some(squeeze) => squeeze.forward(y, pass),
            None => y,
        }
    }
}

impl Pyramid {
    fn forward(&self, x: &Tensor<4>, pass: &mut Pass) -> Tensor<4> {
        let branches = self.convs.iter().map(|(conv, norm)| norm.forward(conv.forward(x.clone(), pass), pass));
        let sum = branches.reduce(|sum, branch| sum + branch).expect("settings ask for a rate at least");
        self.project.forward(sum, pass)
    }
}

impl Attention {
    fn forward(&self, skip: Tensor<4>, x: Tensor<4>, pass: &mut Pass) -> Tensor<4> {
        let skip = max_pool_half(activated(&self.g_conv, skip, pass), pass); // [batch, c, h / 2, w / 2]
        let seen = activated(&self.x_conv, x.clone(), pass);
        activated(&self.gc_conv, skip + seen, pass) * x
    }
}

fn activated((norm, _, conv): &Activated, x: Tensor<4>, pass: &mut Pass) -> Tensor<4> {
    let x = norm.forward_relu(x, pass);
    conv.forward(x, pass)
}

impl Forward for ResUNetPlusPlus {
    fn forward(&self, x: Tensor<5>, pass: &mut Pass) -> Maps {
        let c1 = self.c1.forward(without_depth(x), pass);
        let c2 = self.c2.forward(c1.clone(), pass); // [batch, b, h / 2, w / 2]
        let c3 = self.c3.forward(c2.clone(), pass); // [batch, c, h / 4, w / 4]
        let c4 = self.c4.forward(c3.clone(), pass); // [batch, d, h / 8, w / 8]
        let mut x = self.b1.forward(&c4, pass);
        for (level, skip) in [(&self.d1, c3), (&self.d2, c2), (&self.d3, c1)] {
            if let Some(attention) = &level.a1 {
                x = attention.forward(skip.clone(), x, pass);
            }
            let up = self.up.twice(None, x, pass); // [batch, c, 2 h, 2 w]
            x = level.r1.forward(Tensor::cat(vec![up, skip], 1), pass);
        }
        let x = self.aspp.forward(&x, pass);
        Maps::of(self.output.forward(x, pass))
    }
}
