//! Normalisation by the values' own statistics on a GPU: the way forth and the way back, out of sums and of element-wise
//! operations that Burn joins to one kernel each.
//! Does not know graphs of operations.

use burn::backend::tensor::FloatTensor;
use burn::backend::{Scalar, TensorMetadata, get_or_init_device_settings};
use burn::tensor::{DType, FloatDType, Shape, Slice};

use super::primitives::{Over, Primitives};
use crate::extension::Normalization;
use crate::normalize::After;

/// What the way back needs; all but the input are per problem and channel, in single precision.
pub(super) struct Saved<B: Primitives> {
    x: FloatTensor<B>,
    mean: FloatTensor<B>,
    inverse: FloatTensor<B>,
    factor: FloatTensor<B>,
    shift: FloatTensor<B>,
    after: After,
    over: Over,
}

impl<B: Primitives> Clone for Saved<B> {
    fn clone(&self) -> Self {
        Self {
            x: self.x.clone(),
            mean: self.mean.clone(),
            inverse: self.inverse.clone(),
            factor: self.factor.clone(),
            shift: self.shift.clone(),
            after: self.after,
            over: self.over,
        }
    }
}

impl<B: Primitives> std::fmt::Debug for Saved<B> {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Saved").field("after", &self.after).field("over", &self.over).finish_non_exhaustive()
    }
}

/// What [`forward`] gives.
pub(super) struct Normalized<B: Primitives> {
    pub(super) y: FloatTensor<B>,
    pub(super) mean: FloatTensor<B>,
    pub(super) variance: FloatTensor<B>,
    pub(super) saved: Saved<B>,
}

/// What [`backward`] gives.
pub(super) struct Gradients<B: Primitives> {
    pub(super) x: FloatTensor<B>,
    pub(super) gamma: FloatTensor<B>,
    pub(super) beta: FloatTensor<B>,
}

/// Gives the float type of an element type.
fn float(dtype: DType) -> FloatDType {
    dtype.into()
}

fn single<B: Primitives>(tensor: FloatTensor<B>) -> FloatTensor<B> {
    if tensor.dtype() == DType::F32 { tensor } else { B::float_cast(tensor, FloatDType::F32) }
}

pub(super) fn like<B: Primitives>(tensor: FloatTensor<B>, dtype: DType) -> FloatTensor<B> {
    if tensor.dtype() == dtype { tensor } else { B::float_cast(tensor, float(dtype)) }
}

/// `[problems, channels]` as it is spread over `[samples, channels, ..]`.
fn spread<B: Primitives>(tensor: FloatTensor<B>, rank: usize) -> FloatTensor<B> {
    let shape = tensor.shape();
    let mut across = vec![1; rank];
    (across[0], across[1]) = (shape[0], shape[1]);
    B::float_reshape(tensor, Shape::from(across))
}

/// One of the two that a primitive gives at once.
pub(super) fn half<B: Primitives>(both: FloatTensor<B>, at: usize) -> FloatTensor<B> {
    let shape = both.shape();
    let [problems, channels] = [shape[1], shape[2]];
    let slices = [Slice::from(at..at + 1), Slice::from(0..problems), Slice::from(0..channels)];
    B::float_reshape(B::float_slice(both, &slices), Shape::new([problems, channels]))
}

/// Values that are normalised together.
#[expect(clippy::cast_precision_loss, reason = "a channel has far fewer than 2^52 values")]
pub(super) fn count(shape: &Shape, over: Over) -> f64 {
    (shape.num_elements() / shape[1] / over.problems(shape[0])) as f64
}

/// Normalises, scales and shifts; `gamma` and `beta` are `[channels]`.
pub(super) fn forward<B: Primitives>(
    x: FloatTensor<B>,
    gamma: FloatTensor<B>,
    beta: FloatTensor<B>,
    Normalization { epsilon, after }: Normalization,
    over: Over,
) -> Normalized<B> {
    let (shape, dtype) = (x.shape(), x.dtype());
    let (rank, channels) = (shape.num_dims(), shape[1]);
    let moments = B::moments(x.clone(), over);
    let (mean, variance) = (half::<B>(moments.clone(), 0), half::<B>(moments, 1));
    let [gamma, beta] = [gamma, beta].map(|values| B::float_reshape(single::<B>(values), Shape::new([1, channels])));
    let inverse = B::float_recip(B::float_sqrt(B::float_add_scalar(variance.clone(), Scalar::Float(epsilon))));
    let factor = B::float_mul(inverse.clone(), gamma);
    let shift = B::float_sub(beta, B::float_mul(mean.clone(), factor.clone()));
    let y = B::float_add(
        B::float_mul(single::<B>(x.clone()), spread::<B>(factor.clone(), rank)),
        spread::<B>(shift.clone(), rank),
    );
    let y = like::<B>(rectified::<B>(y, after), dtype);
    let saved = Saved { x, mean: mean.clone(), inverse, factor, shift, after, over };
    Normalized { y, mean, variance, saved }
}

/// Rectifies, and keeps a NaN, so that training stops at it.
fn rectified<B: Primitives>(y: FloatTensor<B>, after: After) -> FloatTensor<B> {
    if after == After::Nothing {
        return y;
    }
    let mask = get_or_init_device_settings::<B>(&y.device()).bool_dtype;
    let dead = B::float_lower_elem(y.clone(), Scalar::Float(0.0), mask);
    let y = B::float_mask_fill(y, dead, Scalar::Float(0.0));
    if after == After::Relu {
        return y;
    }
    let cut = B::float_greater_elem(y.clone(), Scalar::Float(6.0), mask);
    B::float_mask_fill(y, cut, Scalar::Float(6.0))
}

/// Computes the gradients from that of the output.
pub(super) fn backward<B: Primitives>(gradient: FloatTensor<B>, saved: Saved<B>) -> Gradients<B> {
    let Saved { x, mean, inverse, factor, shift, after, over } = saved;
    let (shape, dtype) = (x.shape(), x.dtype());
    let (rank, channels) = (shape.num_dims(), shape[1]);
    let count = Scalar::Float(1.0 / count(&shape, over));
    let gradient = like::<B>(gradient, dtype);
    let sums = B::normalization_sums(
        x.clone(),
        gradient.clone(),
        mean.clone(),
        inverse.clone(),
        factor.clone(),
        shift.clone(),
        after,
        over,
    );
    let (sum, projection) = (half::<B>(sums.clone(), 0), half::<B>(sums, 1));
    let x = single::<B>(x);
    let mut slope = single::<B>(gradient);
    if after != After::Nothing {
        let mask = get_or_init_device_settings::<B>(&slope.device()).bool_dtype;
        let y = B::float_add(B::float_mul(x.clone(), spread::<B>(factor.clone(), rank)), spread::<B>(shift, rank));
        let dead = B::float_lower_equal_elem(y.clone(), Scalar::Float(0.0), mask);
        slope = B::float_mask_fill(slope, dead, Scalar::Float(0.0));
        if after == After::Relu6 {
            let cut = B::float_greater_equal_elem(y, Scalar::Float(6.0), mask);
            slope = B::float_mask_fill(slope, cut, Scalar::Float(0.0));
        }
    }
    // dx = factor * (g - sum / n - normalised * projection / n), as factor * g + incline * x + offset.
    let share = B::float_mul(B::float_mul_scalar(projection.clone(), count), inverse);
    let incline = B::float_neg(B::float_mul(factor.clone(), share.clone()));
    let away = B::float_sub(B::float_mul(share, mean), B::float_mul_scalar(sum.clone(), count));
    let offset = B::float_mul(factor.clone(), away);
    let input = B::float_add(
        B::float_mul(slope, spread::<B>(factor, rank)),
        B::float_add(B::float_mul(x, spread::<B>(incline, rank)), spread::<B>(offset, rank)),
    );
    let own = |sums: FloatTensor<B>| {
        let sums = if over == Over::Sample { B::float_sum_dim(sums, 0) } else { sums };
        B::float_reshape(sums, Shape::new([channels]))
    };
    Gradients { x: like::<B>(input, dtype), gamma: own(projection), beta: own(sum) }
}
