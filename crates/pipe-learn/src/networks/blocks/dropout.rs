//! Dropout of whole channels and of single values, drawn from a generator of ours.
//! It does not touch Burn's process-wide random state, so a draw depends on seed, epoch and batch alone.

use burn::Tensor;
use burn::tensor::TensorData;

use super::{Pass, in_full};
use crate::random::unit;

/// Sets whole channels to zero with probability `rate` and scales the others up, in a learning pass only.
///
/// # Shapes
/// `[batch, channels, frames, height, width]`, unchanged.
pub fn spatial_dropout(x: Tensor<5>, rate: f64, pass: &mut Pass) -> Tensor<5> {
    pass.list("spatial_dropout", None, &x.dims(), 0);
    let Some(random) = pass.random().filter(|_| rate > 0.0) else {
        return x;
    };
    let [batch, channels, _, _, _] = x.dims();
    let kept = (1.0 / (1.0 - rate)) as f32;
    let mask: Vec<f32> = (0..batch * channels).map(|_| if unit(random) < rate { 0.0 } else { kept }).collect();
    let mask = Tensor::from_data(TensorData::new(mask, [batch, channels, 1, 1, 1]), &x.device());
    in_full(x, |x| x * mask)
}

/// Sets single values to zero with probability `rate` and scales the others up, in a learning pass only.
pub fn dropout<const D: usize>(x: Tensor<D>, rate: f64, pass: &mut Pass) -> Tensor<D> {
    pass.list("dropout", None, &x.dims(), 0);
    let Some(random) = pass.random().filter(|_| rate > 0.0) else {
        return x;
    };
    let kept = (1.0 / (1.0 - rate)) as f32;
    let shape = x.dims();
    let mask: Vec<f32> = (0..x.shape().num_elements()).map(|_| if unit(random) < rate { 0.0 } else { kept }).collect();
    let mask = Tensor::from_data(TensorData::new(mask, shape), &x.device());
    in_full(x, |x| x * mask)
}

/// Sets whole samples to zero with probability `rate` and scales the others up, in a learning pass only.
///
/// # Shapes
/// `[batch, channels, height, width]`, unchanged.
///
/// # Source
/// Stochastic depth (Huang et al. 2016), called drop connect in EfficientNet's code.
pub fn sample_dropout(x: Tensor<4>, rate: f64, pass: &mut Pass) -> Tensor<4> {
    pass.list("sample_dropout", None, &x.dims(), 0);
    let Some(random) = pass.random().filter(|_| rate > 0.0) else {
        return x;
    };
    let [batch, _, _, _] = x.dims();
    let kept = (1.0 / (1.0 - rate)) as f32;
    let mask: Vec<f32> = (0..batch).map(|_| if unit(random) < rate { 0.0 } else { kept }).collect();
    let mask = Tensor::from_data(TensorData::new(mask, [batch, 1, 1, 1]), &x.device());
    in_full(x, |x| x * mask)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::generator;
    use crate::weights::floats;
    use burn::tensor::Device;

    #[test]
    fn samples_are_dropped_as_a_whole() {
        let x = || Tensor::<4>::ones([64, 2, 1, 1], &Device::flex());
        let y = floats(sample_dropout(x(), 0.5, &mut Pass::learning(generator(1, "dropout", &[]))));
        assert!(y.chunks(2).all(|sample| sample == [0.0; 2] || sample == [2.0; 2]));
        let kept = y.iter().filter(|value| **value > 0.0).count() / 2;
        assert!((16..=48).contains(&kept), "{kept} of 64");
        assert_eq!(floats(sample_dropout(x(), 0.5, &mut Pass::predicting())), [1.0; 128]);
    }
}
