//! Number formats inside a network: maps carry one, weights follow it, and what is delicate is computed in 32 bits.
//! It does not know which format a training asks for, nor layers.
//!
//! A cast to the format that a tensor already has is the tensor itself: a network in 32 bits has no casts.

use burn::Tensor;
use burn::tensor::{DType, FloatDType, activation};
use pipe_kernels::ConvOptions;

use super::Pass;
use super::order::is_on_cpu;

/// Gives a tensor in 32 bits.
pub fn full<const D: usize>(x: Tensor<D>) -> Tensor<D> {
    x.cast(FloatDType::F32)
}

/// Gives a tensor in the format of what it meets.
pub(super) fn like<const D: usize, const E: usize>(x: Tensor<D>, met: &Tensor<E>) -> Tensor<D> {
    x.cast(met.dtype())
}

/// Computes in 32 bits, and gives the result in the format that came in.
pub fn in_full<const D: usize>(x: Tensor<D>, compute: impl FnOnce(Tensor<D>) -> Tensor<D>) -> Tensor<D> {
    let format = x.dtype();
    compute(full(x)).cast(format)
}

/// Weighs a map by the sigmoid of `logits`, which may be one a channel or one a pixel; in 32 bits, for the gradient of one of them
/// is a sum over many values.
///
/// # Shapes
/// `x` as it comes out; each side of `logits` is as long, or 1.
pub fn gated<const D: usize>(x: Tensor<D>, logits: Tensor<D>) -> Tensor<D> {
    let weights = activation::sigmoid(full(logits));
    in_full(x, |x| x * weights)
}

/// Convolves images in their own format, with exact products if the pass asks for them.
///
/// # Shapes
/// As [`pipe_kernels::conv2d`].
pub(super) fn conv2d(
    x: Tensor<4>,
    weight: Tensor<4>,
    bias: Option<Tensor<1>>,
    options: ConvOptions<2>,
    pass: &Pass,
) -> Tensor<4> {
    let convolve = if pass.precision().is_exact() { pipe_kernels::conv2d_exact } else { pipe_kernels::conv2d };
    convolved(x, weight, bias, |x, weight, bias| convolve(x, weight, bias, options))
}

/// Convolves sequences or volumes in their own format, with exact products if the pass asks for them.
///
/// # Shapes
/// As [`pipe_kernels::conv3d`].
pub(super) fn conv3d(
    x: Tensor<5>,
    weight: Tensor<5>,
    bias: Option<Tensor<1>>,
    options: ConvOptions<3>,
    pass: &Pass,
) -> Tensor<5> {
    let convolve = if pass.precision().is_exact() { pipe_kernels::conv3d_exact } else { pipe_kernels::conv3d };
    convolved(x, weight, bias, |x, weight, bias| convolve(x, weight, bias, options))
}

fn convolved<const D: usize>(
    x: Tensor<D>,
    weight: Tensor<D>,
    bias: Option<Tensor<1>>,
    convolve: impl FnOnce(Tensor<D>, Tensor<D>, Option<Tensor<1>>) -> Tensor<D>,
) -> Tensor<D> {
    let (weight, bias) = (like(weight, &x), bias.map(|bias| like(bias, &x)));
    let format = x.dtype();
    if format == DType::F32 || !is_on_cpu(&x) {
        return convolve(x, weight, bias);
    }
    // Burn's CPU convolutions of 16 bits are far slower than ours of 32, and those of f16 add up in f16. Products of 16-bit
    // floats are exact in 32 bits, where the matrix units of a GPU add them up, too.
    convolve(full(x), full(weight), bias.map(full)).cast(format)
}
