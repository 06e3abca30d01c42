//! What the losses of single pixels share: means over the pixels that count.
//! It does not know a formula.

use burn::Tensor;
use burn::tensor::activation;

/// The mean of values over maps and the pixels that count; 0 where none counts.
///
/// # Shapes
/// `values`: `[batch, maps, depth, height, width]`, `counted`: `[batch, 1, depth, height, width]`; gives `[1]`.
pub(super) fn mean_over_pixels(values: Tensor<5>, counted: Option<Tensor<5>>) -> Tensor<1> {
    let Some(counted) = counted else { return values.mean() };
    let maps = values.dims()[1];
    // Fewer than one pixel is none.
    let pixels = counted.clone().sum().clamp_min(1.0);
    (values * counted).sum() / (pixels * maps as f64)
}

/// `log(1 + exp(x))` without overflow.
pub(super) fn softplus(x: Tensor<5>) -> Tensor<5> {
    activation::relu(x.clone()) + (-x.abs()).exp().log1p()
}
