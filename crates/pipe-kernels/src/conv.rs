//! Convolution in two and three dimensions.
//! Does not know which layer calls it.

use burn::Tensor;
use burn::tensor::module;
use burn::tensor::ops::{ConvOptions, PadMode};

/// Convolves a batch of images.
///
/// # Shapes
/// `x [batch, channels_in, height, width]`, `weight [channels_out, channels_in, kernel_height,
/// kernel_width]`, `bias [channels_out]`; gives `[batch, channels_out, out_height, out_width]`.
///
/// # Panics
/// If the shapes do not fit, or the padded input is smaller than the kernel.
#[must_use]
pub fn conv2d(
    x: Tensor<4>,
    weight: Tensor<4>,
    bias: Option<Tensor<1>>,
    options: ConvOptions<2>,
) -> Tensor<4> {
    module::conv2d(x, weight, bias, options)
}

/// Convolves a batch of volumes or of image sequences.
///
/// # Shapes
/// `x [batch, channels_in, depth, height, width]`, `weight [channels_out, channels_in,
/// kernel_depth, kernel_height, kernel_width]`, `bias [channels_out]`.
///
/// # Panics
/// If the shapes do not fit, or the padded input is smaller than the kernel.
#[must_use]
pub fn conv3d(
    x: Tensor<5>,
    weight: Tensor<5>,
    bias: Option<Tensor<1>>,
    options: ConvOptions<3>,
) -> Tensor<5> {
    let padded = x.pad(options.padding, PadMode::Constant(0.0));
    let options = ConvOptions::new(options.stride, [0; 3], options.dilation, options.groups);
    module::conv3d(padded, weight, bias, options)
}
