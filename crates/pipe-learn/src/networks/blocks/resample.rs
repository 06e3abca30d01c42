//! Halving and doubling of images without parameters.
//! It does not know channels: each is resampled alone.

use burn::Tensor;
use burn::tensor::module;
use burn::tensor::ops::{InterpolateMode, InterpolateOptions};

use super::Pass;

/// Takes the largest of each 2x2 block.
///
/// # Shapes
/// `[batch, channels, height, width]` to `[batch, channels, height / 2, width / 2]`.
pub fn max_pool_half(x: Tensor<4>, pass: &mut Pass) -> Tensor<4> {
    let [batch, channels, height, width] = x.dims();
    // Largest over two columns, then over two rows; far quicker than a general pooling with indices.
    let x = x.reshape([batch, channels, height, width / 2, 2]).max_dim(4);
    let x = x.reshape([batch, channels, height / 2, 2, width / 2]).max_dim(3);
    let y = x.reshape([batch, channels, height / 2, width / 2]);
    pass.list("max_pool2d", None, &y.dims(), 0);
    y
}

/// Repeats each pixel in a 2x2 block.
///
/// # Shapes
/// `[batch, channels, height, width]` to `[batch, channels, 2 height, 2 width]`.
pub fn nearest_twice(x: Tensor<4>, pass: &mut Pass) -> Tensor<4> {
    let [batch, channels, height, width] = x.dims();
    let x = x.reshape([batch, channels, height, 1, width, 1]);
    let x = x.expand([batch, channels, height, 2, width, 2]);
    let y = x.reshape([batch, channels, 2 * height, 2 * width]);
    pass.list("nearest_upsample", None, &y.dims(), 0);
    y
}

/// Interpolates linearly with corners aligned, as the U-Net with bilinear up-sampling of common PyTorch code does.
///
/// # Shapes
/// `[batch, channels, height, width]` to `[batch, channels, 2 height, 2 width]`.
pub fn bilinear_twice(x: Tensor<4>, pass: &mut Pass) -> Tensor<4> {
    let [_, _, height, width] = x.dims();
    let options = InterpolateOptions::new(InterpolateMode::Bilinear).with_align_corners(true);
    let y = module::interpolate(x, options.with_output_size([2 * height, 2 * width]));
    pass.list("bilinear_upsample", None, &y.dims(), 0);
    y
}
