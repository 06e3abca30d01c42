//! Transposed convolutions whose kernel is as large as their stride.
//! They do not know what is done with the finer map.
//!
//! Each position becomes a block of its own, so a layer is a 1x1 convolution to as many times the channels as a block has
//! positions, and a rearrangement.

use burn::Tensor;
use burn::module::{Module, Param};
use burn::tensor::Device;
use pipe_kernels::ConvOptions;

use super::convolution::zeros;
use super::format::conv2d;
use super::{Bias, Pass};

/// A transposed convolution of images.
#[derive(Module, Debug)]
pub struct ConvTranspose2d {
    /// `[in, out, kernel, kernel]`, as PyTorch lays it out.
    weight: Param<Tensor<4>>,
    /// `[out]`.
    bias: Option<Param<Tensor<1>>>,
}

impl ConvTranspose2d {
    /// A layer of zeros that doubles rows and columns.
    pub fn new(channels: [usize; 2], device: &Device) -> Self {
        Self::with(channels, [2; 2], Bias::Learned, device)
    }

    /// A layer of zeros that makes blocks of `kernel`.
    pub fn with(channels: [usize; 2], kernel: [usize; 2], bias: Bias, device: &Device) -> Self {
        let ([input, output], [rows, columns]) = (channels, kernel);
        Self { weight: zeros([input, output, rows, columns], device), bias: bias.zeros(output, device) }
    }

    /// # Shapes
    /// `[batch, in, height, width]` to `[batch, out, kernel height, kernel width]`.
    pub fn forward(&self, x: Tensor<4>, pass: &mut Pass) -> Tensor<4> {
        let weight = self.weight.val();
        let [input, output, rows, columns] = weight.dims();
        let [batch, _, height, width] = x.dims();
        let y = spread(x, weight.reshape([input, output, rows * columns]), self.bias.as_ref());
        let y = y.reshape([batch, output, rows, columns, height, width]).permute([0, 1, 4, 2, 5, 3]);
        let y = y.reshape([batch, output, rows * height, columns * width]);
        pass.list("conv_transpose2d", Some(self.weight.id), &y.dims(), y.shape().num_elements() * input);
        y
    }
}

/// A transposed convolution of volumes.
#[derive(Module, Debug)]
pub struct ConvTranspose3d {
    /// `[in, out, kernel, kernel, kernel]`, as PyTorch lays it out.
    weight: Param<Tensor<5>>,
    /// `[out]`.
    bias: Option<Param<Tensor<1>>>,
}

impl ConvTranspose3d {
    /// A layer of zeros that makes blocks of `kernel`.
    pub fn with(channels: [usize; 2], kernel: [usize; 3], bias: Bias, device: &Device) -> Self {
        let ([input, output], [slices, rows, columns]) = (channels, kernel);
        Self { weight: zeros([input, output, slices, rows, columns], device), bias: bias.zeros(output, device) }
    }

    /// # Shapes
    /// `[batch, in, depth, height, width]` to `[batch, out, kernel depth, kernel height, kernel width]`.
    pub fn forward(&self, x: Tensor<5>, pass: &mut Pass) -> Tensor<5> {
        let weight = self.weight.val();
        let [input, output, slices, rows, columns] = weight.dims();
        let [batch, _, depth, height, width] = x.dims();
        let x = x.reshape([batch, input, depth * height, width]);
        let y = spread(x, weight.reshape([input, output, slices * rows * columns]), self.bias.as_ref());
        let y = y.reshape([batch, output, slices, rows, columns, depth, height, width]);
        let y = y.permute([0, 1, 5, 2, 6, 3, 7, 4]);
        let y = y.reshape([batch, output, slices * depth, rows * height, columns * width]);
        pass.list("conv_transpose3d", Some(self.weight.id), &y.dims(), y.shape().num_elements() * input);
        y
    }
}

/// Gives each position its block, as channels: `[batch, in, ..]` and `[in, out, block]` to `[batch, out * block, ..]`.
fn spread(x: Tensor<4>, weight: Tensor<3>, bias: Option<&Param<Tensor<1>>>) -> Tensor<4> {
    let [input, output, block] = weight.dims();
    let weight = weight.reshape([input, output * block]).swap_dims(0, 1).reshape([output * block, input, 1, 1]);
    let bias = bias.map(|bias| bias.val().reshape([output, 1]).expand([output, block]).reshape([output * block]));
    conv2d(x, weight, bias, ConvOptions::new([1; 2], [0; 2], [1; 2], 1))
}
