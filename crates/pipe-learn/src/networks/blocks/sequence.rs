//! Convolution and normalisation with the names that a PyTorch `Sequential` gives them.
//! It does not know channels or kernels.

use burn::Tensor;
use burn::module::Module;
use burn::tensor::Device;

use super::{Activation, Conv2d, Nonlinearity, Norm, NormKind, NormOptions, Padding, Pass, Style, Window};

/// A convolution and its normalisation: `0` and `1`; an activation stands behind.
pub type Sequence = (Conv2d, Option<Norm>);

/// A place in a sequence that holds no weights, so that what follows has PyTorch's number.
#[derive(Module, Debug)]
pub struct Weightless;

impl Style {
    /// Batch normalisation and rectifier.
    pub fn rectified(options: NormOptions, bias: bool) -> Self {
        let activation = Nonlinearity { kind: Activation::Relu, slope: 0.0 };
        Self { norm: NormKind::Batch, options, bias, activation, padding: Padding::Same }
    }

    /// A convolution with its normalisation, of zeros.
    pub fn sequence(&self, channels: [usize; 2], kernel: usize, window: Window<2>, device: &Device) -> Sequence {
        let conv = Conv2d::with(channels, [kernel; 2], window, self.bias(), device);
        (conv, self.norm(channels[1], device))
    }

    /// Convolves, normalises and activates.
    pub fn run(&self, (conv, norm): &Sequence, x: Tensor<4>, pass: &mut Pass) -> Tensor<4> {
        let x = conv.forward(x, pass);
        self.activation.after(norm.as_ref(), x, pass)
    }
}
