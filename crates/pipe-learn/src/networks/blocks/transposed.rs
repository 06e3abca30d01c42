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
use super::order::is_on_cpu;
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
        let y = spread(x, weight.reshape([input, output, rows * columns]), self.bias.as_ref(), pass);
        let y = match is_on_cpu(&y) {
            true => woven(y, [rows, columns]),
            false => woven_by_pixel(y, [rows, columns]),
        };
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
        let y = spread(x, weight.reshape([input, output, slices * rows * columns]), self.bias.as_ref(), pass);
        let y = y.reshape([batch, output, slices, rows, columns, depth, height, width]);
        let y = y.permute([0, 1, 5, 2, 6, 3, 7, 4]);
        let y = y.reshape([batch, output, slices * depth, rows * height, columns * width]);
        pass.list("conv_transpose3d", Some(self.weight.id), &y.dims(), y.shape().num_elements() * input);
        y
    }
}

/// Gives each position its block, as channels: `[batch, in, ..]` and `[in, out, block]` to `[batch, out * block, ..]`.
fn spread(x: Tensor<4>, weight: Tensor<3>, bias: Option<&Param<Tensor<1>>>, pass: &Pass) -> Tensor<4> {
    let [input, output, block] = weight.dims();
    let weight = weight.reshape([input, output * block]).swap_dims(0, 1).reshape([output * block, input, 1, 1]);
    let bias = bias.map(|bias| bias.val().reshape([output, 1]).expand([output, block]).reshape([output * block]));
    conv2d(x, weight, bias, ConvOptions::new([1; 2], [0; 2], [1; 2], 1), pass)
}

/// Lays blocks, which come as channels, side by side: `[batch, out * rows * columns, height, width]` to
/// `[batch, out, rows * height, columns * width]`.
fn woven(y: Tensor<4>, [rows, columns]: [usize; 2]) -> Tensor<4> {
    let [batch, channels, height, width] = y.dims();
    let output = channels / (rows * columns);
    let y = y.reshape([batch, output, rows, columns, height, width]).permute([0, 1, 4, 2, 5, 3]);
    y.reshape([batch, output, rows * height, columns * width])
}

/// The same for memory in which the channels of a pixel lie together, as convolutions of GPUs leave and want it: one copy, where the
/// other way would take one here and one in the convolution that follows.
fn woven_by_pixel(y: Tensor<4>, [rows, columns]: [usize; 2]) -> Tensor<4> {
    let [batch, channels, height, width] = y.dims();
    let output = channels / (rows * columns);
    let y = y.permute([0, 2, 3, 1]).reshape([batch, height, width, output, rows, columns]);
    let y = y.permute([0, 1, 4, 2, 5, 3]).reshape([batch, rows * height, columns * width, output]);
    y.permute([0, 3, 1, 2])
}

#[cfg(test)]
mod tests {
    use super::*;
    use burn::tensor::TensorData;

    #[test]
    fn both_ways_of_weaving_are_the_same() {
        let values = (0..2 * 12 * 3 * 5).map(|number| number as f32).collect::<Vec<_>>();
        let y = Tensor::<4>::from_data(TensorData::new(values, [2, 12, 3, 5]), &Device::flex());
        let [one, other] = [woven(y.clone(), [2, 3]), woven_by_pixel(y, [2, 3])];
        assert_eq!(one.dims(), [2, 2, 6, 15]);
        assert_eq!(one.into_data(), other.into_data());
    }
}
