//! Halving and doubling of images without parameters.
//! It does not know channels: each is resampled alone.

use burn::Tensor;
use burn::tensor::ops::MaxPoolOptions;
use burn::tensor::{Device, module};
pub use pipe_kernels::Corners;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{ConvTranspose2d, Pass, full, in_full};

/// Takes the largest of each 2x2 block.
///
/// # Shapes
/// `[batch, channels, height, width]` to `[batch, channels, height / 2, width / 2]`.
pub fn max_pool_half(x: Tensor<4>, pass: &mut Pass) -> Tensor<4> {
    let y = module::max_pool2d(x, MaxPoolOptions { stride: [2; 2], ..MaxPoolOptions::new([2; 2]) });
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

/// Interpolates linearly to a size.
///
/// # Shapes
/// `[batch, channels, height, width]` to `[batch, channels, size]`.
pub fn bilinear(x: Tensor<4>, size: [usize; 2], corners: Corners, pass: &mut Pass) -> Tensor<4> {
    let [_, _, height, width] = x.dims();
    let y = if [height, width] == size { x } else { in_full(x, |x| pipe_kernels::bilinear(x, size, corners)) };
    pass.list("bilinear_upsample", None, &y.dims(), 0);
    y
}

/// Interpolates linearly with corners aligned, as the U-Net with bilinear up-sampling of common PyTorch code does.
///
/// # Shapes
/// `[batch, channels, height, width]` to `[batch, channels, 2 height, 2 width]`.
pub fn bilinear_twice(x: Tensor<4>, pass: &mut Pass) -> Tensor<4> {
    let [_, _, height, width] = x.dims();
    bilinear(x, [2 * height, 2 * width], Corners::Aligned, pass)
}

/// How a decoder doubles the image.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum UpSampling {
    /// A transposed convolution of size 2 that gives the channels of the finer level.
    #[default]
    Transposed,
    /// Bilinear with aligned corners.
    Bilinear,
    /// Each pixel repeated in a 2x2 block.
    Nearest,
}

impl UpSampling {
    /// A layer of zeros, if there are weights.
    pub fn layer(self, channels: [usize; 2], device: &Device) -> Option<ConvTranspose2d> {
        (self == Self::Transposed).then(|| ConvTranspose2d::new(channels, device))
    }

    /// Doubles rows and columns; `layer` is what [`layer`](Self::layer) gave.
    ///
    /// # Shapes
    /// `[batch, channels, height, width]` to `[batch, channels', 2 height, 2 width]`.
    pub fn twice(self, layer: Option<&ConvTranspose2d>, x: Tensor<4>, pass: &mut Pass) -> Tensor<4> {
        match (layer, self) {
            (Some(layer), _) => layer.forward(x, pass),
            (None, Self::Nearest) => nearest_twice(x, pass),
            (None, Self::Transposed | Self::Bilinear) => bilinear_twice(x, pass),
        }
    }
}

/// The mean of each channel, in 32 bits whatever the format of the map: a sum over many pixels needs them.
///
/// # Shapes
/// `[batch, channels, height, width]` to `[batch, channels, 1, 1]`.
pub fn global_mean(x: Tensor<4>) -> Tensor<4> {
    let [batch, channels, height, width] = x.dims();
    full(x).reshape([batch, channels, height * width]).mean_dim(2).reshape([batch, channels, 1, 1])
}
