//! Batch normalisation with the statistics of the batch.
//! Does not keep running statistics: the caller does.

use burn::Tensor;
use burn::tensor::{activation, module};

/// Normalises every channel by its own mean and variance in this batch.
///
/// Gives the output, the mean and the *biased* variance per channel. No gradient flows through
/// the two statistics.
///
/// # Shapes
/// `x [batch, channels, ..]` of any rank from 2, `gamma` and `beta` `[channels]`; gives
/// `[batch, channels, ..]`, `[channels]`, `[channels]`.
#[must_use]
pub fn batch_norm_train<const D: usize>(
    x: Tensor<D>,
    gamma: Tensor<1>,
    beta: Tensor<1>,
    epsilon: f64,
) -> (Tensor<D>, Tensor<1>, Tensor<1>) {
    let result = module::batch_norm_train(x, gamma, beta, epsilon);
    (
        result.output,
        result.mean.detach(),
        result.variance.detach(),
    )
}

/// As [`batch_norm_train`], with the rectified linear unit applied to the output in the same pass.
#[must_use]
pub fn batch_norm_relu_train<const D: usize>(
    x: Tensor<D>,
    gamma: Tensor<1>,
    beta: Tensor<1>,
    epsilon: f64,
) -> (Tensor<D>, Tensor<1>, Tensor<1>) {
    let (y, mean, variance) = batch_norm_train(x, gamma, beta, epsilon);
    (activation::relu(y), mean, variance)
}
