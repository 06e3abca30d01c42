//! What the convolutions of a network have in common: normalisation, activation, bias.
//! It does not know channels or kernels.

use burn::Tensor;
use burn::module::Module;
use burn::tensor::Device;

use super::{Activation, Conv2d, Norm, NormKind, NormOptions, Pass, Window};

/// A convolution and its normalisation: `0` and `1`, as a PyTorch `Sequential` of them with an activation behind.
pub type ConvNorm = (Conv2d, Option<Norm>);

/// A place in a sequence that holds no weights, so that what follows has PyTorch's number.
#[derive(Module, Debug)]
pub struct Weightless;

/// What follows the convolutions of a network.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Style {
    /// The normalisation.
    pub norm: NormKind,
    /// Its numbers.
    pub options: NormOptions,
    /// Whether convolutions before a normalisation have a bias.
    pub bias: bool,
    /// The activation.
    pub activation: Activation,
    /// The slope of the activation below 0, where it has one.
    pub slope: f64,
}

impl Style {
    /// Batch normalisation and rectifier.
    pub fn rectified(options: NormOptions, bias: bool) -> Self {
        Self { norm: NormKind::Batch, options, bias, activation: Activation::Relu, slope: 0.0 }
    }

    /// A normalisation of `channels`, if there is to be one.
    pub fn norm(&self, channels: usize, device: &Device) -> Option<Norm> {
        self.norm.layer(channels, self.options, device)
    }

    /// A convolution with its normalisation.
    pub fn conv(&self, channels: [usize; 2], kernel: usize, window: Window<2>, device: &Device) -> ConvNorm {
        let conv = Conv2d::with(channels, [kernel; 2], window, self.norm.bias(self.bias), device);
        (conv, self.norm(channels[1], device))
    }

    /// Convolves, normalises and activates.
    pub fn run(&self, (conv, norm): &ConvNorm, x: Tensor<4>, pass: &mut Pass) -> Tensor<4> {
        let x = conv.forward(x, pass);
        self.finish(norm.as_ref(), x, pass)
    }

    /// Normalises, if there is a normalisation, and activates.
    pub fn finish(&self, norm: Option<&Norm>, x: Tensor<4>, pass: &mut Pass) -> Tensor<4> {
        match norm {
            Some(norm) if self.activation == Activation::Relu => norm.forward_relu(x, pass),
            Some(norm) => self.activation.of(norm.forward(x, pass), self.slope),
            None => self.activation.of(x, self.slope),
        }
    }
}
