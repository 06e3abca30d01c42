//! How the values of a map lie in memory: with the channels of a pixel together, as a GPU's convolutions leave them, or in the
//! order of its dimensions. It does not know number formats, nor layers.
//!
//! A dimension of length 1 has a stride, too, though nothing is ever reached by it. Burn takes it for the next one's when it
//! inserts such a dimension; its fused kernels then read that map value by value, others in fours, and where the map is the one
//! by which they count, they read the others in the wrong places (Burn 0.22.1: wrong sums of branches and wrong gradients behind
//! normalisations). So dimensions of length 1 come and go here alone, by ways that leave them the stride of a whole image.

use burn::Tensor;
use burn::tensor::Device;

/// Gives a tensor whose values lie in the order of its dimensions.
pub fn in_order<const D: usize>(x: Tensor<D>) -> Tensor<D> {
    if is_on_cpu(&x) {
        return x;
    }
    let shape: [usize; D] = x.dims();
    x.reshape([shape.iter().product::<usize>()]).reshape(shape)
}

/// Gives an image a depth of 1.
///
/// # Shapes
/// `[batch, channels, height, width]` to `[batch, channels, 1, height, width]`.
pub fn with_depth(x: Tensor<4>) -> Tensor<5> {
    let [batch, channels, height, width] = x.dims();
    if channels == 1 || is_on_cpu(&x) {
        return in_order(x).reshape([batch, channels, 1, height, width]);
    }
    x.permute([0, 2, 3, 1]).reshape([batch, 1, height, width, channels]).permute([0, 4, 1, 2, 3])
}

/// Takes frames for channels, the frames of a channel side by side.
///
/// # Shapes
/// `[batch, channels, frames, height, width]` to `[batch, channels * frames, height, width]`.
pub fn without_depth(x: Tensor<5>) -> Tensor<4> {
    let [batch, channels, frames, height, width] = x.dims();
    if channels == 1 || frames > 1 || is_on_cpu(&x) {
        return x.reshape([batch, channels * frames, height, width]);
    }
    x.permute([0, 2, 3, 4, 1]).reshape([batch, height, width, channels]).permute([0, 3, 1, 2])
}

/// Whether a tensor lies on the CPU, whose kernels take 32 bits and hold images with their channels apart.
pub(super) fn is_on_cpu<const D: usize>(x: &Tensor<D>) -> bool {
    x.device() == Device::flex()
}
