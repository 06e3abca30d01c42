//! One step of a decoder: doubles, joins the skip, and refines.
//! It does not know which skips there are.

use burn::Tensor;
use burn::module::Module;
use burn::tensor::Device;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Corners, Pass, Scse, Sequence, Style, Window, bilinear, nearest_twice};

/// How a decoder without learned up-sampling doubles.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Interpolation {
    /// Each pixel repeated.
    #[default]
    Nearest,
    /// Linear, with the corners of the images on each other.
    Bilinear,
}

impl Interpolation {
    /// Doubles rows and columns.
    ///
    /// # Shapes
    /// `[batch, channels, height, width]` to `[batch, channels, 2 height, 2 width]`.
    pub fn twice(self, x: Tensor<4>, pass: &mut Pass) -> Tensor<4> {
        let [_, _, height, width] = x.dims();
        match self {
            Self::Nearest => nearest_twice(x, pass),
            Self::Bilinear => bilinear(x, [2 * height, 2 * width], Corners::Outer, pass),
        }
    }
}

/// Which attention a step of a decoder has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Attention {
    /// None.
    #[default]
    None,
    /// Over channels and pixels (Roy et al. 2018), before the first convolution and behind the second.
    Scse,
}

/// What the steps of a decoder have in common.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct DecoderStyle {
    /// What follows the convolutions.
    pub style: Style,
    /// How it doubles.
    pub up: Interpolation,
    /// The attention.
    pub attention: Attention,
}

/// Doubles the map, joins it with the skip, and convolves twice.
///
/// # Source
/// The decoder block of segmentation_models.pytorch 0.6 with its names. Concatenation order is (up-sampled, skip). Without
/// a skip the first attention has weights, but is not used.
#[derive(Module, Debug)]
pub struct DecoderBlock {
    conv1: Sequence,
    attention1: Option<Attended>,
    conv2: Sequence,
    attention2: Option<Attended>,
    #[module(skip)]
    style: DecoderStyle,
}

#[derive(Module, Debug)]
struct Attended {
    attention: Scse,
}

impl DecoderBlock {
    /// A block of zeros; `channels` are those of the coarse map, of the skip (0 without one), and of the result.
    pub fn new(channels: [usize; 3], style: DecoderStyle, device: &Device) -> Self {
        let [input, skip, output] = channels;
        let conv = |channels| style.style.sequence(channels, 3, Window::SAME, device);
        let attention = |channels| {
            (style.attention == Attention::Scse).then(|| Attended { attention: Scse::new(channels, device) })
        };
        Self {
            conv1: conv([input + skip, output]),
            attention1: attention(input + skip),
            conv2: conv([output; 2]),
            attention2: attention(output),
            style,
        }
    }

    /// # Shapes
    /// `x`: `[batch, in, height, width]`; `skip` and the result: `[batch, c, 2 height, 2 width]`.
    pub fn forward(&self, x: Tensor<4>, skip: Option<Tensor<4>>, pass: &mut Pass) -> Tensor<4> {
        let DecoderStyle { style, up, .. } = self.style;
        let mut x = up.twice(x, pass);
        if let Some(skip) = skip {
            x = attended(self.attention1.as_ref(), Tensor::cat(vec![x, skip], 1), pass);
        }
        let x = style.run(&self.conv1, x, pass);
        let x = style.run(&self.conv2, x, pass);
        attended(self.attention2.as_ref(), x, pass)
    }
}

fn attended(block: Option<&Attended>, x: Tensor<4>, pass: &mut Pass) -> Tensor<4> {
    match block {
        Some(Attended { attention }) => attention.forward(x, pass),
        None => x,
    }
}
