//! Efficient channel attention: each channel is weighed by what its neighbours among the channels hold.
//! It does not know where in a network it stands.

use burn::Tensor;
use burn::module::{Module, Param};
use burn::tensor::Device;
use pipe_kernels::ConvOptions;

use super::convolution::zeros;
use super::format::conv2d;
use super::{Pass, gated, global_mean};

/// Weighs channels: mean of each - convolution over neighbouring channels, without bias - sigmoid - multiply.
///
/// # Source
/// Wang et al.: ECA-Net, CVPR 2020. Without a given kernel its length follows from the channels C: the whole part of
/// (log2 C + 1) / 2, one more where that is even.
#[derive(Module, Debug)]
pub struct Eca {
    conv: AcrossChannels,
}

/// A convolution along the channels.
#[derive(Module, Debug)]
struct AcrossChannels {
    /// `[1, 1, kernel]`, as PyTorch's `Conv1d`.
    weight: Param<Tensor<3>>,
}

impl Eca {
    /// A block of zeros; `kernel` is odd, and by the channels where there is none.
    pub fn new(channels: usize, kernel: Option<usize>, device: &Device) -> Self {
        let kernel = kernel.unwrap_or_else(|| kernel_by(channels));
        Self { conv: AcrossChannels { weight: zeros([1, 1, kernel], device) } }
    }

    /// # Shapes
    /// `[batch, channels, height, width]`, unchanged.
    pub fn forward(&self, x: Tensor<4>, pass: &mut Pass) -> Tensor<4> {
        let [batch, channels, _, _] = x.dims();
        let weight = self.conv.weight.val();
        let [_, _, kernel] = weight.dims();
        let means = global_mean(x.clone()).reshape([batch, 1, 1, channels]);
        let options = ConvOptions::new([1; 2], [0, kernel / 2], [1; 2], 1);
        let weights = conv2d(means, weight.reshape([1, 1, 1, kernel]), None, options, pass);
        pass.list("conv1d", Some(self.conv.weight.id), &[batch, 1, channels], batch * channels * kernel);
        gated(x, weights.reshape([batch, channels, 1, 1]))
    }
}

fn kernel_by(channels: usize) -> usize {
    let kernel = ((channels as f64).log2() + 1.0) / 2.0;
    kernel as usize | 1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kernels_by_channels() {
        let found = [1, 8, 24, 56, 320, 1280, 4096].map(kernel_by);
        assert_eq!(found, [1, 3, 3, 3, 5, 5, 7]);
    }
}
