//! What the convolutions of one network have in common, and the block of two that most networks are made of.
//! They do not know levels.

use burn::Tensor;
use burn::module::Module;
use burn::tensor::Device;

use super::{Bias, Conv2d, Nonlinearity, Norm, NormKind, NormOptions, Padding, Pass, Window};
use crate::networks::NetworkError;
use crate::networks::error::within;

/// How the convolutions of a network are normalised, activated and padded.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Style {
    /// What follows a convolution.
    pub norm: NormKind,
    /// Its numbers.
    pub options: NormOptions,
    /// Whether a convolution before a normalisation has a bias.
    pub bias: bool,
    /// What follows the normalisation.
    pub activation: Nonlinearity,
    /// What stands beyond the edge.
    pub padding: Padding,
}

impl Style {
    /// Of a network that keeps the size of its maps in convolutions.
    pub fn keeping(norm: NormKind, options: NormOptions, bias: bool, activation: Nonlinearity) -> Self {
        Self { norm, options, bias, activation, padding: Padding::Same }
    }

    /// Whether a convolution that this style's normalisation follows has a bias.
    pub fn bias(&self) -> Bias {
        self.norm.bias(self.bias)
    }

    /// Checks the numbers.
    ///
    /// # Errors
    /// One is out of its range.
    pub fn check(&self, network: &'static str) -> Result<(), NetworkError> {
        within(network, "epsilon", self.options.epsilon, 0.0..=1.0, "0 to 1")?;
        within(network, "momentum", self.options.momentum, 0.0..=1.0, "0 to 1")?;
        within(network, "slope", self.activation.slope, 0.0..=1.0, "0 to 1")
    }

    /// The normalisation, if there is one.
    pub fn norm(&self, channels: usize, device: &Device) -> Option<Norm> {
        self.norm.layer(channels, self.options, device)
    }
}

/// Convolution, normalisation, activation; for images.
#[derive(Module, Debug)]
pub struct ConvNorm2d {
    conv: Conv2d,
    bn: Option<Norm>,
}

impl ConvNorm2d {
    /// A block of zeros that keeps the size.
    pub fn new(channels: [usize; 2], kernel: usize, style: &Style, device: &Device) -> Self {
        let conv = Conv2d::new(channels, kernel, style.bias(), device);
        Self { conv, bn: style.norm(channels[1], device) }
    }

    /// Convolves and normalises.
    pub fn forward(&self, x: Tensor<4>, pass: &mut Pass) -> Tensor<4> {
        let x = self.conv.forward(x, pass);
        match &self.bn {
            Some(norm) => norm.forward(x, pass),
            None => x,
        }
    }

    /// Convolves, normalises and activates.
    pub fn forward_active(&self, x: Tensor<4>, activation: Nonlinearity, pass: &mut Pass) -> Tensor<4> {
        activation.after(self.bn.as_ref(), self.conv.forward(x, pass), pass)
    }
}

/// Two convolutions of size 3, each with normalisation and activation; for images.
#[derive(Module, Debug)]
pub struct DoubleConv2d {
    conv1: Conv2d,
    bn1: Option<Norm>,
    conv2: Conv2d,
    bn2: Option<Norm>,
    #[module(skip)]
    activation: Nonlinearity,
}

impl DoubleConv2d {
    /// A block of zeros; `channels` are those of input, between and output.
    pub fn new(channels: [usize; 3], style: &Style, device: &Device) -> Self {
        let [input, middle, output] = channels;
        let window = Window::SAME.padded(style.padding);
        let conv = |channels| Conv2d::with(channels, [3; 2], window, style.bias(), device);
        Self {
            conv1: conv([input, middle]),
            bn1: style.norm(middle, device),
            conv2: conv([middle, output]),
            bn2: style.norm(output, device),
            activation: style.activation,
        }
    }

    /// # Shapes
    /// `[batch, in, height, width]` to `[batch, out, height, width]`, or 4 less in height and width without padding.
    pub fn forward(&self, x: Tensor<4>, pass: &mut Pass) -> Tensor<4> {
        let x = self.activation.after(self.bn1.as_ref(), self.conv1.forward(x, pass), pass);
        self.activation.after(self.bn2.as_ref(), self.conv2.forward(x, pass), pass)
    }
}
