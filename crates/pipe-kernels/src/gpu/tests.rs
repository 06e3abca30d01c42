//! Every operation of this crate on a GPU against the same on the CPU: outputs and gradients.
//! Where no adapter is found, each test says so and passes.

use std::panic::catch_unwind;

use burn::Tensor;
use burn::tensor::ops::ConvOptions;
use burn::tensor::{DType, Device, DeviceKind, FloatDType, TensorData};

use crate::{
    Corners, batch_norm_relu_train, batch_norm_relu6_train, batch_norm_train, bilinear, conv2d, conv2d_exact, conv3d,
    conv3d_exact, instance_norm, instance_norm_relu,
};

/// Largest difference to the CPU, relative to the largest value: sums are taken in another order.
const TOLERANCE: f32 = 1e-4;

/// A GPU, or what goes for one.
#[expect(clippy::print_stderr, reason = "a skipped test says so")]
fn adapter() -> Option<Device> {
    let probe = || {
        let device = Device::wgpu(DeviceKind::DefaultDevice);
        let _ = Tensor::<1>::ones([1], &device).into_data();
        device
    };
    let device = catch_unwind(probe).ok();
    if device.is_none() {
        eprintln!("skipped: no adapter for wgpu is found");
    }
    device
}

/// Values that look random and are the same everywhere.
fn data<const D: usize>(shape: [usize; D], seed: usize) -> TensorData {
    let count: usize = shape.iter().product();
    let mut state = (seed as u64 + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    let values: Vec<f32> = (0..count)
        .map(|_| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (state >> 40) as f32 / (1_u64 << 23) as f32 - 1.0
        })
        .collect();
    TensorData::new(values, shape)
}

fn leaf<const D: usize>(shape: [usize; D], seed: usize, device: &Device) -> Tensor<D> {
    Tensor::from_data(data(shape, seed), device).require_grad()
}

fn single(data: TensorData) -> Vec<f32> {
    data.convert_dtype(DType::F32).try_to_vec().expect("single precision")
}

/// Output and gradients of a function of three leaves, of which it may leave out the last two.
struct Case<'a, const D: usize, const W: usize> {
    x: [usize; D],
    weight: [usize; W],
    bias: [usize; 1],
    format: FloatDType,
    run: &'a dyn Fn(Tensor<D>, Tensor<W>, Tensor<1>) -> Tensor<D>,
}

impl<const D: usize, const W: usize> Case<'_, D, W> {
    /// On the CPU values are rounded to the format and then taken in single precision.
    fn results(&self, device: &Device, format: FloatDType) -> [Vec<f32>; 4] {
        let device = device.clone().autodiff();
        let (x, weight) = (leaf(self.x, 1, &device), leaf(self.weight, 2, &device));
        let bias = leaf(self.bias, 3, &device);
        let rounded = (x.clone().cast(self.format), weight.clone().cast(self.format));
        let y = (self.run)(rounded.0.cast(format), rounded.1.cast(format), bias.clone());
        let y = y.cast(FloatDType::F32);
        let slope = Tensor::from_data(data(y.dims(), 4), &device);
        let gradients = (y.clone() * slope).sum().backward();
        let none = || vec![0.0];
        [
            single(y.into_data()),
            x.grad(&gradients).map_or_else(none, |gradient| single(gradient.into_data())),
            weight.grad(&gradients).map_or_else(none, |gradient| single(gradient.into_data())),
            bias.grad(&gradients).map_or_else(none, |gradient| single(gradient.into_data())),
        ]
    }

    #[track_caller]
    fn check(&self, gpu: &Device, tolerance: f32) {
        let ours = self.results(gpu, self.format);
        let theirs = self.results(&Device::flex(), FloatDType::F32);
        for (index, (ours, theirs)) in ours.iter().zip(&theirs).enumerate() {
            let scale = theirs.iter().fold(1e-6_f32, |scale, value| scale.max(value.abs()));
            let worst = ours.iter().zip(theirs).fold(0.0_f32, |worst, (a, b)| worst.max((a - b).abs()));
            assert_eq!(ours.len(), theirs.len());
            assert!(ours.iter().all(|value| value.is_finite()), "result {index} of {:?} * {:?}", self.x, self.weight);
            let (x, weight) = (self.x, self.weight);
            assert!(worst < tolerance * scale, "result {index} of {x:?} * {weight:?}: {worst:e} of {scale}");
        }
    }
}

/// The same values with the channels closest in memory, as convolutions leave them.
fn near_channels<const D: usize>(x: Tensor<D>) -> Tensor<D> {
    let there: [isize; D] = std::array::from_fn(|axis| match axis {
        0 => 0,
        axis if axis == D - 1 => 1,
        axis => axis as isize + 1,
    });
    let back: [isize; D] = std::array::from_fn(|axis| match axis {
        0 => 0,
        1 => D as isize - 1,
        axis => axis as isize - 1,
    });
    // A product ends the view, so that the values lie in the order of the axes.
    (x.permute(there) * 1.0).permute(back)
}

type Norm<const D: usize> = fn(Tensor<D>, Tensor<1>, Tensor<1>) -> Tensor<D>;

#[track_caller]
fn norms<const D: usize>(x: [usize; D], format: FloatDType, tolerance: f32) {
    let Some(gpu) = adapter() else { return };
    let kinds: [Norm<D>; 5] = [
        |x, gamma, beta| batch_norm_train(x, gamma, beta, 1e-3).0,
        |x, gamma, beta| batch_norm_relu_train(x, gamma, beta, 1e-3).0,
        |x, gamma, beta| batch_norm_relu6_train(x * 4.0, gamma * 8.0, beta, 1e-3).0,
        |x, gamma, beta| instance_norm(x, gamma, beta, 1e-3),
        |x, gamma, beta| instance_norm_relu(x, gamma, beta, 1e-3),
    ];
    for kind in kinds {
        for near in [false, true] {
            let run = |x: Tensor<D>, gamma: Tensor<1>, beta: Tensor<1>| {
                let x = if near { near_channels(x) } else { x };
                kind(x, gamma.cast(FloatDType::F32), beta)
            };
            Case { x, weight: [x[1]], bias: [x[1]], format, run: &run }.check(&gpu, tolerance);
        }
    }
}

#[test]
fn normalisations_agree_with_the_cpu() {
    norms([4, 3, 8], FloatDType::F32, TOLERANCE);
    norms([2, 3, 5, 7], FloatDType::F32, TOLERANCE);
    norms([3, 16, 32, 33], FloatDType::F32, TOLERANCE);
    norms([2, 40, 4, 9, 8], FloatDType::F32, TOLERANCE);
    norms([3, 1, 8, 1], FloatDType::F32, TOLERANCE);
}

/// Outputs and gradients are rounded to eleven bits.
#[test]
fn half_precision_normalises_in_single_precision() {
    let Some(gpu) = adapter() else { return };
    if gpu.supports_dtype(DType::F16) {
        norms([2, 3, 5, 7], FloatDType::F16, 4e-3);
        norms([3, 16, 32, 33], FloatDType::F16, 4e-3);
    }
}

#[test]
fn statistics_of_batches_far_from_zero_keep_their_digits() {
    let Some(gpu) = adapter() else { return };
    let statistics = |device: &Device| {
        let x = Tensor::<4>::from_data(data([4, 6, 40, 40], 5), device) + 1000.0;
        let (_, mean, variance) = batch_norm_train(x, Tensor::ones([6], device), Tensor::zeros([6], device), 1e-3);
        (single(mean.into_data()), single(variance.into_data()))
    };
    let (ours, theirs) = (statistics(&gpu), statistics(&Device::flex()));
    for (ours, theirs) in ours.0.iter().chain(&ours.1).zip(theirs.0.iter().chain(&theirs.1)) {
        assert!((ours - theirs).abs() < TOLERANCE * theirs.abs(), "{ours} and {theirs}");
    }
}

#[test]
fn bilinear_interpolation_agrees_with_the_cpu() {
    let Some(gpu) = adapter() else { return };
    for corners in [Corners::Aligned, Corners::Outer] {
        for (x, size) in [
            ([2, 3, 8, 8], [16, 16]),
            ([1, 8, 4, 6], [16, 24]),
            ([1, 2, 5, 7], [9, 8]),
            ([2, 2, 1, 1], [4, 5]),
            ([1, 2, 6, 6], [3, 1]),
            ([1, 1, 1, 9], [3, 20]),
            ([1, 4, 17, 3], [1, 64]),
        ] {
            let run = |x: Tensor<4>, _: Tensor<1>, _: Tensor<1>| bilinear(x, size, corners);
            let case = Case { x, weight: [1], bias: [1], format: FloatDType::F32, run: &run };
            case.check(&gpu, TOLERANCE);
        }
    }
}

type Planar = fn(Tensor<4>, Tensor<4>, Option<Tensor<1>>, ConvOptions<2>) -> Tensor<4>;
type Volumetric = fn(Tensor<5>, Tensor<5>, Option<Tensor<1>>, ConvOptions<3>) -> Tensor<5>;

#[track_caller]
fn planar(
    x: [usize; 4],
    weight: [usize; 4],
    stride: [usize; 2],
    padding: [(usize, usize); 2],
    dilation: [usize; 2],
    convolve: Planar,
) {
    let Some(gpu) = adapter() else { return };
    let options = ConvOptions::new_with_padding(stride, padding, dilation, x[1] / weight[1]);
    let run = |x: Tensor<4>, weight: Tensor<4>, bias: Tensor<1>| convolve(x, weight, Some(bias), options.clone());
    let case = Case { x, weight, bias: [weight[0]], format: FloatDType::F32, run: &run };
    case.check(&gpu, TOLERANCE);
}

#[track_caller]
fn volumetric(
    x: [usize; 5],
    weight: [usize; 5],
    stride: [usize; 3],
    padding: [(usize, usize); 3],
    convolve: Volumetric,
) {
    let Some(gpu) = adapter() else { return };
    let options = ConvOptions::new_with_padding(stride, padding, [1; 3], x[1] / weight[1]);
    let run = |x: Tensor<5>, weight: Tensor<5>, bias: Tensor<1>| convolve(x, weight, Some(bias), options.clone());
    let case = Case { x, weight, bias: [weight[0]], format: FloatDType::F32, run: &run };
    case.check(&gpu, TOLERANCE);
}

#[test]
fn exact_convolution_of_images_agrees_with_the_cpu() {
    let same = [(1, 1); 2];
    planar([2, 3, 16, 16], [8, 3, 3, 3], [1; 2], same, [1; 2], conv2d_exact);
    planar([1, 1, 7, 5], [1, 1, 3, 3], [1; 2], same, [1; 2], conv2d_exact);
    planar([2, 4, 15, 13], [5, 4, 3, 3], [2; 2], same, [1; 2], conv2d_exact);
    planar([2, 4, 15, 13], [5, 4, 5, 3], [2, 3], [(2, 1), (0, 2)], [1; 2], conv2d_exact);
    planar([2, 4, 20, 21], [5, 4, 3, 3], [1; 2], [(6, 6); 2], [6; 2], conv2d_exact);
    planar([2, 4, 9, 9], [6, 4, 2, 2], [1; 2], [(0, 1); 2], [1; 2], conv2d_exact);
    planar([2, 5, 33, 31], [7, 5, 1, 1], [1; 2], [(0, 0); 2], [1; 2], conv2d_exact);
    planar([2, 5, 9, 8], [7, 5, 1, 1], [2; 2], [(0, 0); 2], [1; 2], conv2d_exact);
    planar([2, 6, 9, 8], [4, 3, 3, 3], [1; 2], same, [1; 2], conv2d_exact);
    planar([2, 6, 9, 8], [6, 1, 3, 3], [2; 2], same, [1; 2], conv2d_exact);
}

#[test]
fn exact_convolution_of_volumes_agrees_with_the_cpu() {
    volumetric([2, 3, 4, 8, 8], [8, 3, 3, 3, 3], [1; 3], [(1, 1); 3], conv3d_exact);
    volumetric([2, 8, 4, 8, 8], [4, 8, 2, 2, 2], [1, 2, 2], [(0, 1), (0, 0), (0, 0)], conv3d_exact);
    volumetric([1, 4, 5, 6, 7], [3, 4, 3, 2, 1], [2, 1, 3], [(0, 2), (1, 0), (2, 1)], conv3d_exact);
}

#[test]
fn convolution_of_each_channel_agrees_with_the_cpu() {
    let same = [(1, 1); 2];
    planar([2, 6, 16, 16], [6, 1, 3, 3], [1; 2], same, [1; 2], conv2d);
    planar([2, 3, 9, 37], [3, 1, 3, 3], [1; 2], same, [1; 2], conv2d);
    planar([2, 3, 16, 15], [3, 1, 3, 3], [2; 2], same, [1; 2], conv2d);
    planar([2, 3, 17, 40], [3, 1, 5, 5], [2; 2], [(1, 2); 2], [1; 2], conv2d);
    planar([1, 3, 33, 21], [3, 1, 7, 4], [3, 2], [(3, 1), (0, 2)], [1, 2], conv2d);
    planar([2, 3, 14, 15], [3, 1, 3, 3], [1; 2], [(6, 6); 2], [6; 2], conv2d);
    planar([2, 3, 6, 7], [3, 1, 1, 1], [2; 2], [(0, 0); 2], [1; 2], conv2d);
}

#[test]
fn convolutions_of_few_weights_agree_with_the_cpu() {
    planar([2, 3, 16, 16], [8, 3, 3, 3], [1; 2], [(1, 1); 2], [1; 2], conv2d);
    planar([2, 8, 9, 8], [2, 8, 1, 1], [1; 2], [(0, 0); 2], [1; 2], conv2d);
    volumetric([2, 1, 4, 8, 8], [8, 1, 3, 3, 3], [1; 3], [(1, 1); 3], conv3d);
    volumetric([2, 4, 4, 8, 8], [4, 1, 3, 3, 3], [1; 3], [(1, 1); 3], conv3d);
}

#[test]
fn half_precision_sums_short_products_in_single_precision() {
    let Some(gpu) = adapter() else { return };
    if gpu.supports_dtype(DType::F16) {
        let options = ConvOptions::new([1; 2], [1; 2], [1; 2], 1);
        let run = |x: Tensor<4>, weight: Tensor<4>, bias: Tensor<1>| {
            let bias = bias.cast(x.dtype());
            conv2d(x, weight, Some(bias), options.clone())
        };
        let (x, weight) = ([2, 3, 16, 16], [8, 3, 3, 3]);
        Case { x, weight, bias: [8], format: FloatDType::F16, run: &run }.check(&gpu, 4e-3);
    }
}

#[test]
fn fast_convolutions_agree_with_the_cpu() {
    planar([2, 16, 16, 16], [24, 16, 3, 3], [1; 2], [(1, 1); 2], [1; 2], conv2d);
    planar([2, 48, 9, 8], [56, 48, 1, 1], [1; 2], [(0, 0); 2], [1; 2], conv2d);
    volumetric([2, 12, 4, 8, 8], [8, 12, 3, 3, 3], [1; 3], [(1, 1); 3], conv3d);
    volumetric([2, 4, 4, 8, 8], [8, 4, 2, 2, 2], [1, 2, 2], [(0, 1), (0, 0), (0, 0)], conv3d);
    volumetric([2, 12, 4, 9, 8], [8, 12, 3, 2, 1], [1, 3, 2], [(1, 1), (0, 1), (0, 0)], conv3d);
}
