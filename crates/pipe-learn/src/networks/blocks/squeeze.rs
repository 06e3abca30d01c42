//! Squeeze and excitation: channels weighed by the mean of all of them.
//! It does not know where in a network it stands.

use burn::Tensor;
use burn::module::{Module, Param};
use burn::tensor::{Device, activation};
use pipe_kernels::ConvOptions;

use super::convolution::zeros;
use super::format::conv2d;
use super::{Pass, Weightless, gated, global_mean};

/// Weighs channels: mean of each - fewer - ReLU - as many - sigmoid - multiply; the two layers have no bias.
///
/// # Source
/// Hu et al.: Squeeze-and-excitation networks, CVPR 2018, as in the code of ResUNet++.
#[derive(Module, Debug)]
pub struct SqueezeExcitation {
    net: (Linear, Weightless, Linear),
}

/// A linear layer without bias.
#[derive(Module, Debug)]
struct Linear {
    /// `[out, in]`.
    weight: Param<Tensor<2>>,
}

impl SqueezeExcitation {
    /// A block of zeros; between stand `channels / reduction` channels.
    pub fn new(channels: usize, reduction: usize, device: &Device) -> Self {
        let fewer = channels / reduction;
        let linear = |channels: [usize; 2]| Linear { weight: zeros(channels, device) };
        Self { net: (linear([fewer, channels]), Weightless, linear([channels, fewer])) }
    }

    /// # Shapes
    /// `[batch, channels, height, width]`, unchanged.
    pub fn forward(&self, x: Tensor<4>, pass: &mut Pass) -> Tensor<4> {
        let (down, _, up) = &self.net;
        let fewer = activation::relu(down.forward(global_mean(x.clone()), pass));
        gated(x, up.forward(fewer, pass))
    }
}

impl Linear {
    /// `[batch, in, 1, 1]` to `[batch, out, 1, 1]`.
    fn forward(&self, x: Tensor<4>, pass: &mut Pass) -> Tensor<4> {
        let weight = self.weight.val();
        let [output, input] = weight.dims();
        let [batch, ..] = x.dims();
        let options = ConvOptions::new([1; 2], [0; 2], [1; 2], 1);
        let y = conv2d(x, weight.reshape([output, input, 1, 1]), None, options, pass);
        pass.list("linear", Some(self.weight.id), &[batch, output], batch * output * input);
        y
    }
}
