//! Attention over channels: one weight a channel, from what the whole image holds.
//! It does not know levels of a decoder.

use burn::Tensor;
use burn::module::Module;
use burn::tensor::{Device, activation};

use super::{Bias, Conv2d, Conv3d, Pass, Window, full, gated, global_mean};

/// Weighs the channels of a sequence by their largest values.
///
/// # Source
/// The `enc6` skip in the published code of SVS-net: global maximum - 1x1x1 - ReLU - 1x1x1 - sigmoid - multiply.
#[derive(Module, Debug)]
pub struct ChannelAttention {
    conv1: Conv3d,
    conv2: Conv3d,
}

impl ChannelAttention {
    /// A block of zeros.
    pub fn new(channels: usize, device: &Device) -> Self {
        let conv = || Conv3d::with([channels; 2], [1; 3], Window::SAME, Bias::Learned, device);
        Self { conv1: conv(), conv2: conv() }
    }

    /// # Shapes
    /// `[batch, channels, frames, height, width]`, unchanged.
    pub fn forward(&self, x: Tensor<5>, pass: &mut Pass) -> Tensor<5> {
        let [batch, channels, frames, height, width] = x.dims();
        let largest = x.clone().reshape([batch, channels, frames * height * width]).max_dim(2);
        let largest = full(largest.reshape([batch, channels, 1, 1, 1]));
        let weights = activation::relu(self.conv1.forward(largest, pass));
        gated(x, self.conv2.forward(weights, pass))
    }
}

/// Adds a skip to an up-sampled map, the skip weighed channel by channel.
///
/// # Source
/// The channel attention block (CAB) of SVS-net: concat(low, high) - global mean - 1x1 (2C to C) - ReLU - 1x1 - sigmoid
/// = w; gives low * w + high.
#[derive(Module, Debug)]
pub struct ChannelFusion {
    conv1: Conv2d,
    conv2: Conv2d,
}

impl ChannelFusion {
    /// A block of zeros.
    pub fn new(channels: usize, device: &Device) -> Self {
        let conv1 = Conv2d::new([2 * channels, channels], 1, Bias::Learned, device);
        let conv2 = Conv2d::new([channels; 2], 1, Bias::Learned, device);
        Self { conv1, conv2 }
    }

    /// # Shapes
    /// `low` (the skip) and `high`: `[batch, channels, height, width]`, as is the result.
    pub fn forward(&self, low: Tensor<4>, high: Tensor<4>, pass: &mut Pass) -> Tensor<4> {
        let means = Tensor::cat(vec![global_mean(low.clone()), global_mean(high.clone())], 1); // [batch, 2 channels, 1, 1]
        let weights = activation::relu(self.conv1.forward(means, pass));
        gated(low, self.conv2.forward(weights, pass)) + high
    }
}
