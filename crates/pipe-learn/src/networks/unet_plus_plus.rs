//! U-Net++: a triangle of nodes between encoder and decoder, and a head on each node of the finest level.
//! It does not know sequences: frames count as channels.

use burn::Tensor;
use burn::module::Module;
use burn::tensor::{Device, activation};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::blocks::{
    Activation, Bias, Conv2d, ConvTranspose2d, DoubleConv2d, Nonlinearity, NormKind, NormOptions, Pass, Style,
    UpSampling, full, max_pool_half, with_depth, without_depth,
};
use super::error::{doubled, within};
use super::{Forward, Initialisation, Maps, NetworkError, NetworkKind, Settings, Takes};

const NAME: &str = "unet_plus_plus";

/// Settings of [`UNetPlusPlus`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct UNetPlusPlusConfig {
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
    /// How nodes of the level below are doubled; without weights of its own, all of their channels are handed on.
    pub up: UpSampling,
    /// A head on each node of the finest level instead of on the last one alone; all of them learn.
    pub deep_supervision: bool,
    /// Which head gives the maps; `mean` and `{ head: .. }` want `deep_supervision`.
    pub output: Output,
    /// How weights start.
    pub init: Initialisation,
}

impl Default for UNetPlusPlusConfig {
    fn default() -> Self {
        Self {
            in_channels: 1,
            out_channels: 1,
            width: 32,
            depth: 4,
            norm: NormKind::None,
            epsilon: 1e-5,
            momentum: 0.1,
            bias: true,
            activation: Activation::Relu,
            slope: 0.01,
            up: UpSampling::Transposed,
            deep_supervision: false,
            output: Output::Last,
            init: Initialisation::He,
        }
    }
}

/// Which head gives the maps.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Output {
    /// The last, which sees the deepest level.
    #[default]
    Last,
    /// The mean of the probabilities of all, given back as logits.
    Mean,
    /// One of them, counted from 1; nodes that it does not need are not run.
    Head(usize),
}

impl Settings for UNetPlusPlusConfig {
    const KIND: NetworkKind =
        NetworkKind { name: NAME, version: 1, about: "U-Net++ (Zhou et al. 2018), with deep supervision and pruning" };
    type Built = UNetPlusPlus;

    fn check(&self) -> Result<(), NetworkError> {
        within(NAME, "in_channels", self.in_channels, 1..=256, "1 to 256")?;
        within(NAME, "out_channels", self.out_channels, 1..=256, "1 to 256")?;
        within(NAME, "width", self.width, 1..=1024, "1 to 1024")?;
        within(NAME, "depth", self.depth, 1..=8, "1 to 8")?;
        doubled(NAME, self.width, self.depth)?;
        self.style().check(NAME)?;
        if let Output::Head(head) = self.output {
            within(NAME, "output", head, 1..=self.depth, "a head from 1 to `depth`")?;
        }
        let lacks_heads = self.output != Output::Last && self.output != Output::Head(self.depth);
        if lacks_heads && !self.deep_supervision {
            let reason = "this `output` needs a head on each node; set `deep_supervision: true`".to_owned();
            return Err(NetworkError::Combination { network: NAME, reason });
        }
        Ok(())
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

    fn build(&self, device: &Device) -> UNetPlusPlus {
        UNetPlusPlus::new(self, device)
    }
}

impl UNetPlusPlusConfig {
    fn style(&self) -> Style {
        let options = NormOptions { epsilon: self.epsilon, momentum: self.momentum };
        let activation = Nonlinearity { kind: self.activation, slope: self.slope };
        Style::keeping(self.norm, options, self.bias, activation)
    }
}

/// Nodes X(i, j), i levels deep and j steps along its level: X(i, 0) is the encoder, X(0, j) have heads.
///
/// X(i, j) sees all nodes before it on its level, and the doubled X(i + 1, j - 1).
///
/// # Source
/// Zhou et al.: UNet++, DLMIA 2018. With `norm: batch, up: bilinear` that of common PyTorch code. Deviation: heads give
/// logits. All nodes and heads have weights, whichever are run. Concatenation order is (level, up-sampled).
#[derive(Module, Debug)]
pub struct UNetPlusPlus {
    /// By i, then j.
    nodes: Vec<Vec<DoubleConv2d>>,
    /// By i, then j - 1; empty with up-sampling without weights.
    up: Vec<Vec<ConvTranspose2d>>,
    /// That of X(0, j) at j - 1; the last one alone without deep supervision.
    heads: Vec<Conv2d>,
    #[module(skip)]
    doubling: UpSampling,
    #[module(skip)]
    output: Output,
}

impl UNetPlusPlus {
    /// A network of zeros.
    pub fn new(config: &UNetPlusPlusConfig, device: &Device) -> Self {
        let (depth, style) = (config.depth, config.style());
        let width = |level: usize| config.width << level;
        let below = |level: usize| width(if config.up == UpSampling::Transposed { level } else { level + 1 });
        let node = |level: usize, step: usize| {
            let input = match (level, step) {
                (0, 0) => config.in_channels,
                (_, 0) => width(level - 1),
                _ => step * width(level) + below(level),
            };
            DoubleConv2d::new([input, width(level), width(level)], &style, device)
        };
        let up = |level: usize| config.up.layer([width(level + 1), width(level)], device);
        let heads = if config.deep_supervision { depth } else { 1 };
        let head = |_| Conv2d::new([width(0), config.out_channels], 1, Bias::Learned, device);
        Self {
            nodes: (0..=depth).map(|level| (0..=depth - level).map(|step| node(level, step)).collect()).collect(),
            up: (0..depth).map(|level| (level..depth).filter_map(|_| up(level)).collect()).collect(),
            heads: (0..heads).map(head).collect(),
            doubling: config.up,
            output: config.output,
        }
    }

    /// X(0, 1) to X(0, last): nodes are run diagonal by diagonal, each one step further along the finest level.
    fn finest(&self, x: Tensor<4>, last: usize, pass: &mut Pass) -> Vec<Tensor<4>> {
        let mut levels: Vec<Vec<Tensor<4>>> = Vec::with_capacity(last + 1);
        let mut coarser = x;
        for diagonal in 0..=last {
            if let Some(above) = levels.last() {
                coarser = max_pool_half(above[0].clone(), pass); // [batch, c, h / 2, w / 2]
            }
            let mut node = self.nodes[diagonal][0].forward(coarser.clone(), pass);
            levels.push(vec![node.clone()]);
            for step in 1..=diagonal {
                let level = diagonal - step;
                let up = self.up.get(level).and_then(|up| up.get(step - 1));
                let up = self.doubling.twice(up, node, pass); // [batch, c', 2 h, 2 w]
                let seen = levels[level].iter().cloned().chain([up]).collect();
                node = self.nodes[level][step].forward(Tensor::cat(seen, 1), pass);
                levels[level].push(node.clone());
            }
        }
        levels.swap_remove(0).split_off(1)
    }
}

impl Forward for UNetPlusPlus {
    /// In a learning pass all heads are run: the further ones are `deep`, that of the deepest node first.
    fn forward(&self, x: Tensor<5>, pass: &mut Pass) -> Maps {
        let x = without_depth(x);
        let depth = self.nodes.len() - 1;
        let learns = pass.is_learning();
        let last = match self.output {
            Output::Head(head) if !learns => head,
            _ => depth,
        };
        let finest = self.finest(x, last, pass);
        if self.heads.len() == 1 {
            // Of depth 1, or the last alone.
            return Maps::of(self.heads[0].forward(finest[depth - 1].clone(), pass));
        }
        let mut runs = |step: usize| {
            let head = &self.heads[step - 1];
            // The mean of heads is taken over logarithms, which need 32 bits.
            with_depth(full(head.forward(finest[step - 1].clone(), pass)))
        };
        match self.output {
            Output::Mean => {
                let maps: Vec<Tensor<5>> = (1..=depth).rev().map(runs).collect();
                Maps { main: mean(&maps), deep: if learns { maps } else { Vec::new() } }
            }
            Output::Last | Output::Head(_) => {
                let main = if let Output::Head(head) = self.output { head } else { depth };
                let further = (1..=depth).rev().filter(|step| learns && *step != main);
                Maps { main: runs(main), deep: further.map(runs).collect() }
            }
        }
    }
}

/// The mean of the probabilities that logits stand for, as logits: of a sigmoid for one map, of a softmax for more.
fn mean(maps: &[Tensor<5>]) -> Tensor<5> {
    let logarithms = |of: &dyn Fn(Tensor<5>) -> Tensor<5>| maps.iter().cloned().map(of).collect();
    if maps[0].dims()[1] == 1 {
        let for_it = sum_in_logarithms(logarithms(&activation::log_sigmoid));
        return for_it - sum_in_logarithms(logarithms(&|x| activation::log_sigmoid(-x)));
    }
    sum_in_logarithms(logarithms(&|x| activation::log_softmax(x, 1))) - (maps.len() as f64).ln()
}

/// The logarithm of a sum of what the terms are logarithms of; never of zero, however far they lie from each other.
fn sum_in_logarithms(terms: Vec<Tensor<5>>) -> Tensor<5> {
    let largest = terms.iter().cloned().reduce(Tensor::max_pair).expect("there is a head");
    // A constant that goes in and out again has no gradient.
    let largest = largest.detach();
    let terms = terms.into_iter().map(|term| (term - largest.clone()).exp());
    terms.reduce(|sum, term| sum + term).expect("there is a head").log() + largest
}
