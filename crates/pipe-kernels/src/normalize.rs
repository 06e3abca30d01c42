//! Batch normalisation of each channel by its own mean and variance, forward and backward.
//! Does not know Burn: slices in, vectors out.
//!
//! A channel is one block of work, summed over samples and positions in order, in double precision.
#![expect(unsafe_code, reason = "channels write disjoint parts of one output")]

use rayon::prelude::*;

use crate::matrix::Output;
use crate::sums::fold;

/// What follows the normalisation in the same pass.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum After {
    /// Nothing.
    Nothing,
    /// The rectified linear unit.
    Relu,
    /// The same, cut at 6.
    Relu6,
}

impl After {
    /// The smallest and the largest value that leave it.
    fn limits(self) -> (f32, f32) {
        match self {
            Self::Nothing => (f32::NEG_INFINITY, f32::INFINITY),
            Self::Relu => (0.0, f32::INFINITY),
            Self::Relu6 => (0.0, 6.0),
        }
    }
}

/// Result of [`forward`].
pub(crate) struct Normalized {
    pub(crate) output: Vec<f32>,
    pub(crate) mean: Vec<f32>,
    pub(crate) variance: Vec<f32>,
}

/// What [`backward`] needs besides input and gradient.
pub(crate) struct Statistics<'a> {
    pub(crate) gamma: &'a [f32],
    pub(crate) beta: &'a [f32],
    pub(crate) mean: &'a [f32],
    pub(crate) variance: &'a [f32],
}

/// Result of [`backward`].
pub(crate) struct NormalizedGradients {
    pub(crate) x: Vec<f32>,
    pub(crate) gamma: Vec<f32>,
    pub(crate) beta: Vec<f32>,
}

/// Where one channel's values lie: a stretch in every sample.
#[derive(Clone, Copy)]
struct Stretches {
    batch: usize,
    channels: usize,
    size: usize,
}

impl Stretches {
    fn of(length: usize, batch: usize, channels: usize) -> Self {
        Self { batch, channels, size: length / (batch * channels) }
    }

    fn channel(self, channel: usize) -> impl Iterator<Item = std::ops::Range<usize>> {
        (0..self.batch).map(move |sample| {
            let first = (sample * self.channels + channel) * self.size;
            first..first + self.size
        })
    }

    #[expect(clippy::cast_precision_loss, reason = "a channel has far fewer than 2^52 values")]
    fn count(self) -> f64 {
        (self.batch * self.size) as f64
    }
}

#[expect(clippy::cast_possible_truncation, reason = "results are single precision")]
fn single(value: f64) -> f32 {
    value as f32
}

/// `y = gamma * (x - mean) / sqrt(variance + epsilon) + beta`, as one factor and one shift.
fn factor_and_shift(gamma: f32, beta: f32, mean: f64, variance: f64, epsilon: f64) -> (f32, f32) {
    let factor = f64::from(gamma) / (variance + epsilon).sqrt();
    (single(factor), single(f64::from(beta) - mean * factor))
}

/// Normalises; the variance is the biased one.
pub(crate) fn forward(x: &[f32], gamma: &[f32], beta: &[f32], batch: usize, epsilon: f64, after: After) -> Normalized {
    let stretches = Stretches::of(x.len(), batch, gamma.len());
    let mut y = vec![0.0; x.len()];
    let output = Output::new(&mut y);
    let (mean, variance) = (0..gamma.len())
        .into_par_iter()
        .map(|channel| {
            let parts = || stretches.channel(channel).map(|part| &x[part]);
            let mean = parts().map(crate::sums::sum).sum::<f64>() / stretches.count();
            let squares = |part: &[f32]| fold(part, part, |value, _| (value - mean) * (value - mean));
            let variance = parts().map(squares).sum::<f64>() / stretches.count();
            // The statistics as stored, so that the backward pass sees the same factor.
            let (mean, variance) = (single(mean), single(variance));
            let (factor, shift) =
                factor_and_shift(gamma[channel], beta[channel], mean.into(), variance.into(), epsilon);
            let (floor, ceiling) = after.limits();
            for part in stretches.channel(channel) {
                // SAFETY: a channel's stretches belong to its block alone.
                let target = unsafe { output.part(part.clone()) };
                for (target, value) in target.iter_mut().zip(&x[part]) {
                    let value = value * factor + shift;
                    // Neither `max` nor `min`: a NaN must stay one, so that training stops at it.
                    let value = if value < floor { floor } else { value };
                    *target = if value > ceiling { ceiling } else { value };
                }
            }
            (mean, variance)
        })
        .unzip();
    Normalized { output: y, mean, variance }
}

/// Computes the gradients of input, gamma and beta.
pub(crate) fn backward(
    x: &[f32],
    gradient: &[f32],
    statistics: &Statistics<'_>,
    batch: usize,
    epsilon: f64,
    after: After,
) -> NormalizedGradients {
    let Statistics { gamma, beta, mean, variance } = *statistics;
    let stretches = Stretches::of(x.len(), batch, gamma.len());
    let mut x_gradient = vec![0.0; x.len()];
    let output = Output::new(&mut x_gradient);
    let (gamma_gradient, beta_gradient) = (0..gamma.len())
        .into_par_iter()
        .map(|channel| {
            let (mean, variance) = (f64::from(mean[channel]), f64::from(variance[channel]));
            let (factor, shift) = factor_and_shift(gamma[channel], beta[channel], mean, variance, epsilon);
            let inverse = 1.0 / (variance + epsilon).sqrt();
            // The rectifier passes a gradient where it changed nothing.
            let (floor, ceiling) = after.limits();
            let (mut sum, mut projection) = (0.0, 0.0);
            for part in stretches.channel(channel) {
                // SAFETY: a channel's stretches belong to its block alone.
                let target = unsafe { output.part(part.clone()) };
                for ((target, value), gradient) in target.iter_mut().zip(&x[part.clone()]).zip(&gradient[part.clone()])
                {
                    let value = value * factor + shift;
                    *target = if value > floor && value < ceiling { *gradient } else { 0.0 };
                }
                sum += crate::sums::sum(target);
                projection += fold(target, &x[part], |gradient, value| gradient * (value - mean));
            }
            projection *= inverse;
            // dx = factor * (g - sum / n - normalised * projection / n), as factor * g + slope * x + offset.
            let (sum_share, share) = (sum / stretches.count(), projection * inverse / stretches.count());
            let exact = f64::from(gamma[channel]) * inverse;
            let slope = single(-exact * share);
            let offset = single(exact * (share * mean - sum_share));
            let factor = single(exact);
            for part in stretches.channel(channel) {
                // SAFETY: as above.
                let target = unsafe { output.part(part.clone()) };
                for (target, value) in target.iter_mut().zip(&x[part]) {
                    *target = factor * *target + (slope * value + offset);
                }
            }
            (single(projection), single(sum))
        })
        .unzip();
    NormalizedGradients { x: x_gradient, gamma: gamma_gradient, beta: beta_gradient }
}
