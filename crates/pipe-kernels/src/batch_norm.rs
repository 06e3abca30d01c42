//! Normalisation with the statistics of the batch, or of each sample.
//! Does not keep running statistics: the caller does.

use burn::Tensor;
use burn::backend::Dispatch;
use burn::tensor::{activation, module};

use crate::extension::{Kernels, Normalization, takes};
use crate::normalize::After;

/// Normalises every channel by its own mean and variance in this batch.
///
/// Gives the output, the mean and the *biased* variance per channel. No gradient flows through
/// the two statistics.
///
/// # Shapes
/// `x [batch, channels, ..]` of any rank from 2, `gamma` and `beta` `[channels]`; gives
/// `[batch, channels, ..]`, `[channels]`, `[channels]`.
///
/// # Panics
/// If the shapes do not fit.
#[must_use]
pub fn batch_norm_train<const D: usize>(
    x: Tensor<D>,
    gamma: Tensor<1>,
    beta: Tensor<1>,
    epsilon: f64,
) -> (Tensor<D>, Tensor<1>, Tensor<1>) {
    normalize(x, gamma, beta, Normalization { epsilon, after: After::Nothing })
}

/// As [`batch_norm_train`], with the rectified linear unit applied to the output in the same pass.
///
/// # Panics
/// If the shapes do not fit.
#[must_use]
pub fn batch_norm_relu_train<const D: usize>(
    x: Tensor<D>,
    gamma: Tensor<1>,
    beta: Tensor<1>,
    epsilon: f64,
) -> (Tensor<D>, Tensor<1>, Tensor<1>) {
    normalize(x, gamma, beta, Normalization { epsilon, after: After::Relu })
}

/// As [`batch_norm_relu_train`], with the output cut at 6 as well.
///
/// # Panics
/// If the shapes do not fit.
#[must_use]
pub fn batch_norm_relu6_train<const D: usize>(
    x: Tensor<D>,
    gamma: Tensor<1>,
    beta: Tensor<1>,
    epsilon: f64,
) -> (Tensor<D>, Tensor<1>, Tensor<1>) {
    normalize(x, gamma, beta, Normalization { epsilon, after: After::Relu6 })
}

/// Normalises every channel of every sample by its own mean and variance.
///
/// # Shapes
/// `x [batch, channels, ..]` of any rank from 2, `gamma` and `beta` `[channels]`; gives `[batch, channels, ..]`.
///
/// # Panics
/// If the shapes do not fit.
#[must_use]
pub fn instance_norm<const D: usize>(x: Tensor<D>, gamma: Tensor<1>, beta: Tensor<1>, epsilon: f64) -> Tensor<D> {
    normalize_samples(x, gamma, beta, Normalization { epsilon, after: After::Nothing })
}

/// As [`instance_norm`], with the rectified linear unit applied to the output in the same pass.
///
/// # Panics
/// If the shapes do not fit.
#[must_use]
pub fn instance_norm_relu<const D: usize>(x: Tensor<D>, gamma: Tensor<1>, beta: Tensor<1>, epsilon: f64) -> Tensor<D> {
    normalize_samples(x, gamma, beta, Normalization { epsilon, after: After::Relu })
}

fn normalize_samples<const D: usize>(
    x: Tensor<D>,
    gamma: Tensor<1>,
    beta: Tensor<1>,
    normalization: Normalization,
) -> Tensor<D> {
    assert!(D >= 2, "instance norm requires an input rank of at least 2");
    let shape: [usize; D] = x.dims();
    let (batch, channels) = (shape[0], shape[1]);
    assert_eq!(gamma.dims(), [channels], "invalid gamma shape");
    assert_eq!(beta.dims(), [channels], "invalid beta shape");
    #[cfg(feature = "gpu")]
    let (x, gamma, beta) = {
        let (x, gamma, beta) = (x.into_dispatch(), gamma.into_dispatch(), beta.into_dispatch());
        if [&x, &gamma, &beta].into_iter().all(crate::extension::on_gpu) {
            let over = crate::gpu::Over::Sample;
            let (y, _, _) = <Dispatch as crate::gpu::Operations>::standardize(x, gamma, beta, normalization, over);
            return Tensor::from_dispatch(y);
        }
        (Tensor::from_dispatch(x), Tensor::from_dispatch(gamma), Tensor::from_dispatch(beta))
    };
    // The batch's kernel, with each sample's channels as channels of their own.
    let mut joined = shape;
    (joined[0], joined[1]) = (1, batch * channels);
    let [gamma, beta] = [gamma, beta].map(|values: Tensor<1>| values.repeat_dim(0, batch));
    let x: Tensor<D> = x;
    let (y, _, _) = normalize(x.reshape(joined), gamma, beta, normalization);
    y.reshape(shape)
}

fn normalize<const D: usize>(
    x: Tensor<D>,
    gamma: Tensor<1>,
    beta: Tensor<1>,
    normalization: Normalization,
) -> (Tensor<D>, Tensor<1>, Tensor<1>) {
    assert!(D >= 2, "batch norm requires an input rank of at least 2");
    let channels = x.dims()[1];
    assert_eq!(gamma.dims(), [channels], "invalid gamma shape");
    assert_eq!(beta.dims(), [channels], "invalid beta shape");
    let (x, gamma, beta) = (x.into_dispatch(), gamma.into_dispatch(), beta.into_dispatch());
    if [&x, &gamma, &beta].into_iter().all(takes) {
        let (y, mean, variance) = Dispatch::normalize(x, gamma, beta, normalization);
        return (Tensor::from_dispatch(y), Tensor::from_dispatch(mean), Tensor::from_dispatch(variance));
    }
    #[cfg(feature = "gpu")]
    if [&x, &gamma, &beta].into_iter().all(crate::extension::on_gpu) {
        let over = crate::gpu::Over::Batch;
        let (y, mean, variance) =
            <Dispatch as crate::gpu::Operations>::standardize(x, gamma, beta, normalization, over);
        let [mean, variance] = [mean, variance].map(|values| Tensor::<2>::from_dispatch(values).reshape([channels]));
        return (Tensor::from_dispatch(y), mean, variance);
    }
    let (gamma, beta) = (Tensor::from_dispatch(gamma), Tensor::from_dispatch(beta));
    let result = module::batch_norm_train(Tensor::from_dispatch(x), gamma, beta, normalization.epsilon);
    let y = match normalization.after {
        After::Nothing => result.output,
        After::Relu => activation::relu(result.output),
        After::Relu6 => activation::relu(result.output).clamp_max(6.0),
    };
    (y, result.mean.detach(), result.variance.detach())
}

#[cfg(test)]
mod tests {
    use burn::tensor::{Device, Distribution, TensorData};
    use rayon::ThreadPoolBuilder;

    use super::*;

    type Norm<const D: usize> = fn(Tensor<D>, Tensor<1>, Tensor<1>, f64) -> (Tensor<D>, Tensor<1>, Tensor<1>);

    fn plain<const D: usize>(
        x: Tensor<D>,
        gamma: Tensor<1>,
        beta: Tensor<1>,
        epsilon: f64,
    ) -> (Tensor<D>, Tensor<1>, Tensor<1>) {
        let result = module::batch_norm_train(x, gamma, beta, epsilon);
        (result.output, result.mean, result.variance)
    }

    fn plain_relu<const D: usize>(
        x: Tensor<D>,
        gamma: Tensor<1>,
        beta: Tensor<1>,
        epsilon: f64,
    ) -> (Tensor<D>, Tensor<1>, Tensor<1>) {
        let (y, mean, variance) = plain(x, gamma, beta, epsilon);
        (activation::relu(y), mean, variance)
    }

    fn plain_relu6<const D: usize>(
        x: Tensor<D>,
        gamma: Tensor<1>,
        beta: Tensor<1>,
        epsilon: f64,
    ) -> (Tensor<D>, Tensor<1>, Tensor<1>) {
        let (y, mean, variance) = plain_relu(x, gamma, beta, epsilon);
        (y.clamp_max(6.0), mean, variance)
    }

    fn everything<const D: usize>(operands: &[TensorData; 4], norm: Norm<D>) -> Vec<Vec<f32>> {
        let device = Device::flex().autodiff();
        let [x, gamma, beta, gradient] = operands.clone();
        let x = Tensor::<D>::from_data(x, &device).require_grad();
        let gamma = Tensor::<1>::from_data(gamma, &device).require_grad();
        let beta = Tensor::<1>::from_data(beta, &device).require_grad();
        let (y, mean, variance) = norm(x.clone(), gamma.clone(), beta.clone(), 1e-3);
        let gradients = (y.clone() * Tensor::from_data(gradient, &device)).sum().backward();
        [
            y.into_data(),
            mean.into_data(),
            variance.into_data(),
            x.grad(&gradients).expect("tracked").into_data(),
            gamma.grad(&gradients).expect("tracked").into_data(),
            beta.grad(&gradients).expect("tracked").into_data(),
        ]
        .map(|data| data.try_to_vec::<f32>().expect("single precision"))
        .to_vec()
    }

    fn operands<const D: usize>(shape: [usize; D]) -> [TensorData; 4] {
        let device = Device::flex();
        let normal = Distribution::Normal(0.5, 2.0);
        [
            Tensor::<D>::random(shape, normal, &device).into_data(),
            Tensor::<1>::random([shape[1]], normal, &device).into_data(),
            Tensor::<1>::random([shape[1]], normal, &device).into_data(),
            Tensor::<D>::random(shape, normal, &device).into_data(),
        ]
    }

    #[track_caller]
    fn check<const D: usize>(shape: [usize; D]) {
        let operands = operands(shape);
        let pairs: [(Norm<D>, Norm<D>); 3] =
            [(batch_norm_train, plain), (batch_norm_relu_train, plain_relu), (batch_norm_relu6_train, plain_relu6)];
        for (fast, plain) in pairs {
            for (index, (fast, plain)) in
                everything(&operands, fast).iter().zip(everything(&operands, plain)).enumerate()
            {
                let scale = plain.iter().fold(1e-6_f32, |scale, value| scale.max(value.abs()));
                for (fast, plain) in fast.iter().zip(&plain) {
                    assert!((fast - plain).abs() < 1e-5 * scale, "result {index} of {shape:?}: {fast} and {plain}");
                }
            }
        }
    }

    #[test]
    fn agrees_with_the_plain_operation() {
        check([4, 3]);
        check([2, 3, 5, 7]);
        check([4, 16, 32, 33]);
        check([2, 8, 4, 9, 16]);
        check([3, 1, 8]);
    }

    #[test]
    fn a_sample_alone_is_normalised_as_in_its_batch() {
        let device = Device::flex();
        let [x, gamma, beta, _] = operands([3, 5, 6, 7]);
        let x = Tensor::<4>::from_data(x, &device);
        let (gamma, beta) = (Tensor::from_data(gamma, &device), Tensor::from_data(beta, &device));
        let whole = instance_norm_relu(x.clone(), gamma.clone(), beta.clone(), 1e-3);
        for sample in 0..3 {
            let alone = x.clone().narrow(0, sample, 1);
            let (alone, _, _) = batch_norm_relu_train(alone, gamma.clone(), beta.clone(), 1e-3);
            whole.clone().narrow(0, sample, 1).into_data().assert_eq(&alone.into_data(), true);
        }
    }

    #[test]
    fn bytes_do_not_depend_on_the_number_of_threads() {
        let operands = operands([3, 7, 4, 31, 17]);
        let run = |threads: usize| {
            let pool = ThreadPoolBuilder::new().num_threads(threads).build().expect("a few threads");
            let (x, gamma, beta) = (&operands[0], &operands[1], &operands[2]);
            let slice = |data: &TensorData| data.try_to_vec::<f32>().expect("single precision");
            let (x, gamma, beta, gradient) = (slice(x), slice(gamma), slice(beta), slice(&operands[3]));
            pool.install(|| {
                let forward = crate::normalize::forward(&x, &gamma, &beta, 3, 1e-3, After::Relu);
                let statistics = crate::normalize::Statistics {
                    gamma: &gamma,
                    beta: &beta,
                    mean: &forward.mean,
                    variance: &forward.variance,
                };
                let backward = crate::normalize::backward(&x, &gradient, &statistics, 3, 1e-3, After::Relu);
                [forward.output, forward.mean, backward.x, backward.gamma, backward.beta]
                    .map(|values| values.into_iter().map(f32::to_bits).collect::<Vec<_>>())
            })
        };
        let one = run(1);
        assert!(run(2) == one && run(3) == one, "bytes differ");
    }
}
