//! U-Net: an encoder that halves, a decoder that doubles, and a skip at every level.
//! It does not know sequences: frames count as channels.

use burn::Tensor;
use burn::module::Module;
use burn::tensor::Device;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::blocks::{
    Activation, Bias, Conv2d, ConvTranspose2d, DoubleConv2d, Nonlinearity, NormKind, NormOptions, Padding, Pass, Style,
    UpSampling, dropout, max_pool_half, without_depth,
};
use super::error::{doubled, within};
use super::{Fill, Forward, Initialisation, Maps, Margin, NetworkError, NetworkKind, Settings, Takes};

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
    /// Channels of each level and, last, of the bottom; overrides `width` and `depth`.
    pub widths: Option<Vec<usize>>,
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
    /// How the decoder doubles; without weights of its own, the level below already gives half the channels.
    pub up: UpSampling,
    /// Whether convolutions keep the size, or see nothing beyond the edge, as published.
    pub padding: Edge,
    /// The share of values dropped after the bottom level.
    #[schemars(range(min = 0.0, max = 0.95))]
    pub dropout: f64,
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
            widths: None,
            norm: NormKind::Batch,
            epsilon: 1e-5,
            momentum: 0.1,
            bias: true,
            activation: Activation::Relu,
            slope: 0.01,
            up: UpSampling::Transposed,
            padding: Edge::Same,
            dropout: 0.0,
            init: Initialisation::He,
        }
    }
}

/// What the convolutions of size 3 see beyond the edge of an image.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Edge {
    /// Zeros, so that the size is kept.
    #[default]
    Same,
    /// Nothing: each takes a pixel off every side. Images get a mirrored margin, so that maps have their size.
    Valid,
}

impl Settings for UNetConfig {
    const KIND: NetworkKind =
        NetworkKind { name: NAME, version: 1, about: "U-Net (Ronneberger et al. 2015), padded or not" };
    type Built = UNet;

    fn check(&self) -> Result<(), NetworkError> {
        within(NAME, "in_channels", self.in_channels, 1..=256, "1 to 256")?;
        within(NAME, "out_channels", self.out_channels, 1..=256, "1 to 256")?;
        within(NAME, "width", self.width, 1..=1024, "1 to 1024")?;
        within(NAME, "depth", self.depth, 1..=8, "1 to 8")?;
        doubled(NAME, self.width, self.depth)?;
        within(NAME, "dropout", self.dropout, 0.0..=0.95, "0 to 0.95")?;
        self.style().check(NAME)?;
        if let Some(widths) = &self.widths {
            within(NAME, "widths", widths.len(), 2..=9, "a list of 2 to 9 numbers of channels")?;
            for width in widths {
                within(NAME, "widths", *width, 1..=4096, "a list of numbers from 1 to 4096")?;
            }
        }
        if self.halves() && self.levels()[1..].contains(&1) {
            let reason =
                "a level of 1 channel cannot give half of it; set `up: transposed`, or more channels".to_owned();
            return Err(NetworkError::Combination { network: NAME, reason });
        }
        Ok(())
    }

    fn takes(&self) -> Takes {
        Takes::Images(self.in_channels)
    }

    fn multiple(&self) -> [usize; 3] {
        match self.padding {
            Edge::Same => self.smallest(),
            Edge::Valid => [1; 3],
        }
    }

    fn smallest(&self) -> [usize; 3] {
        [1, self.unit(), self.unit()]
    }

    fn needs_two(&self) -> bool {
        self.norm == NormKind::Instance && self.padding == Edge::Same
    }

    fn margin(&self, size: [usize; 3]) -> Margin {
        if self.padding == Edge::Same {
            return Margin::behind(size, self.multiple());
        }
        let eaten = [0, self.eaten(), self.eaten()];
        // What reaches the bottom is `unit` times its size there, and what the encoder eats.
        let whole = |axis: usize| (size[axis] + 2 * eaten[axis] - self.eaten_down()).next_multiple_of(self.unit());
        let behind = |axis: usize| whole(axis) + self.eaten_down() - eaten[axis] - size[axis];
        Margin { before: eaten, behind: [0, behind(1), behind(2)], fill: Fill::Mirror, eaten }
    }

    fn fits(&self, size: [usize; 3]) -> bool {
        let fits = |long: usize| {
            let at_bottom = long.saturating_sub(self.eaten_down());
            long > 2 * self.eaten() && at_bottom.is_multiple_of(self.unit())
        };
        match self.padding {
            Edge::Same => self.margin(size).is_empty(),
            Edge::Valid => fits(size[1]) && fits(size[2]),
        }
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
    /// Channels of each level and of the bottom.
    fn levels(&self) -> Vec<usize> {
        let doubled = || (0..=self.depth).map(|level| self.width << level).collect();
        self.widths.clone().unwrap_or_else(doubled)
    }

    /// Whether a level gives half of its channels to the one above, because up-sampling does not halve them.
    fn halves(&self) -> bool {
        self.up != UpSampling::Transposed
    }

    /// Pixels of the input across one of the bottom.
    fn unit(&self) -> usize {
        1 << self.widths.as_ref().map_or(self.depth, |widths| widths.len() - 1)
    }

    /// Pixels that unpadded convolutions of the encoder take off the input in all, both sides together.
    fn eaten_down(&self) -> usize {
        4 * (self.unit() - 1)
    }

    /// Pixels that all unpadded convolutions take off each side: two a convolution pair and level, on the way down and up.
    fn eaten(&self) -> usize {
        4 * (self.unit() - 1) + 2 * self.unit()
    }

    fn style(&self) -> Style {
        Style {
            norm: self.norm,
            options: NormOptions { epsilon: self.epsilon, momentum: self.momentum },
            bias: self.bias,
            activation: Nonlinearity { kind: self.activation, slope: self.slope },
            padding: match self.padding {
                Edge::Same => Padding::Same,
                Edge::Valid => Padding::Valid,
            },
        }
    }
}

/// Encoder and decoder with skips.
///
/// # Source
/// Ronneberger, Fischer, Brox: U-Net, MICCAI 2015; with `norm: none, padding: valid` the published network, 572x572 to
/// 388x388, with `dropout: 0.5` also its dropout (there before the last pooling, too). Deviations by default: "same"
/// padding, so that the mask has the size of the image; batch normalisation. Concatenation order is (skip, up-sampled).
#[derive(Module, Debug)]
pub struct UNet {
    encoder: Vec<DoubleConv2d>,
    bottom: DoubleConv2d,
    /// From the bottom up; empty with up-sampling without weights.
    up: Vec<ConvTranspose2d>,
    /// From the bottom up.
    decoder: Vec<DoubleConv2d>,
    head: Conv2d,
    #[module(skip)]
    doubling: UpSampling,
    #[module(skip)]
    dropout: f64,
}

impl UNet {
    /// A network of zeros.
    pub fn new(config: &UNetConfig, device: &Device) -> Self {
        let (widths, style) = (config.levels(), config.style());
        let depth = widths.len() - 1;
        let double = |channels| DoubleConv2d::new(channels, &style, device);
        // With up-sampling without weights nothing halves the channels on the way up, so the level below does.
        let given = |level: usize| if config.halves() && level > 0 { widths[level] / 2 } else { widths[level] };
        let inputs = [config.in_channels].into_iter().chain(widths.iter().copied());
        let encoder = inputs.zip(&widths[..depth]).map(|(input, width)| double([input, *width, *width])).collect();
        let bottom = double([widths[depth - 1], given(depth), given(depth)]);
        let levels_up = (0..depth).rev();
        let up =
            levels_up.clone().filter_map(|level| config.up.layer([widths[level + 1], widths[level]], device)).collect();
        let decoder = levels_up.map(|level| {
            let below = if config.halves() { given(level + 1) } else { widths[level] };
            double([widths[level] + below, widths[level], given(level)])
        });
        let decoder = decoder.collect();
        let head = Conv2d::new([widths[0], config.out_channels], 1, Bias::Learned, device);
        Self { encoder, bottom, up, decoder, head, doubling: config.up, dropout: config.dropout }
    }
}

impl Forward for UNet {
    fn forward(&self, x: Tensor<5>, pass: &mut Pass) -> Maps {
        let mut x = without_depth(x);
        let mut skips = Vec::with_capacity(self.encoder.len());
        for level in &self.encoder {
            let skip = level.forward(x, pass);
            x = max_pool_half(skip.clone(), pass); // [batch, c, h / 2, w / 2]
            skips.push(skip);
        }
        x = self.bottom.forward(x, pass);
        if self.dropout > 0.0 {
            x = dropout(x, self.dropout, pass);
        }
        for (step, level) in self.decoder.iter().enumerate() {
            let up = self.doubling.twice(self.up.get(step), x, pass); // [batch, c, 2 h, 2 w]
            let skip = skips.pop().expect("there are as many encoder as decoder levels");
            x = level.forward(Tensor::cat(vec![centre(skip, &up), up], 1), pass);
        }
        Maps::of(self.head.forward(x, pass))
    }
}

/// Cuts the centre out, as large as `like`; all of it with padded convolutions.
fn centre(x: Tensor<4>, like: &Tensor<4>) -> Tensor<4> {
    let ([_, _, rows, columns], [_, _, height, width]) = (x.dims(), like.dims());
    if [rows, columns] == [height, width] {
        return x;
    }
    x.narrow(2, (rows - height) / 2, height).narrow(3, (columns - width) / 2, width)
}
