//! Convolution in two and three dimensions.
//! Does not know which layer calls it.

use burn::Tensor;
#[cfg(feature = "gpu")]
use burn::backend::DispatchTensor;
use burn::backend::{Dispatch, TensorMetadata};
#[cfg(feature = "gpu")]
use burn::tensor::DType;
use burn::tensor::module;
use burn::tensor::ops::{ConvOptions, PadMode};

use crate::extension::{Kernels, takes};
use crate::geometry::{Channels, Geometry};

/// Convolves a batch of images.
///
/// # Shapes
/// `x [batch, channels_in, height, width]`, `weight [channels_out, channels_in, kernel_height,
/// kernel_width]`, `bias [channels_out]`; gives `[batch, channels_out, out_height, out_width]`.
///
/// # Panics
/// If the shapes do not fit, or the padded input is smaller than the kernel.
#[must_use]
pub fn conv2d(x: Tensor<4>, weight: Tensor<4>, bias: Option<Tensor<1>>, options: ConvOptions<2>) -> Tensor<4> {
    planar(x, weight, bias, options, Products::Fast)
}

/// As [`conv2d`], with products that keep the precision of the tensors on GPUs too.
///
/// There Burn's tuned kernels may round `f32` to TF32. This takes the direct kernels for output and input gradient, and
/// a kernel of this crate for the gradient of the weight, all of which multiply in the tensors' own format; sums are
/// `f32`, except those of the direct kernels for `f16` and `bf16`. On the CPU there is no difference.
///
/// # Panics
/// As [`conv2d`].
#[must_use]
pub fn conv2d_exact(x: Tensor<4>, weight: Tensor<4>, bias: Option<Tensor<1>>, options: ConvOptions<2>) -> Tensor<4> {
    planar(x, weight, bias, options, Products::Exact)
}

/// Convolves a batch of volumes or of image sequences.
///
/// # Shapes
/// `x [batch, channels_in, depth, height, width]`, `weight [channels_out, channels_in,
/// kernel_depth, kernel_height, kernel_width]`, `bias [channels_out]`; gives `[batch, channels_out,
/// out_depth, out_height, out_width]`.
///
/// # Panics
/// If the shapes do not fit, or the padded input is smaller than the kernel.
#[must_use]
pub fn conv3d(x: Tensor<5>, weight: Tensor<5>, bias: Option<Tensor<1>>, options: ConvOptions<3>) -> Tensor<5> {
    volumetric(x, weight, bias, options, Products::Fast)
}

/// As [`conv3d`], with products that keep the precision of the tensors on GPUs too; see [`conv2d_exact`].
///
/// # Panics
/// As [`conv3d`].
#[must_use]
pub fn conv3d_exact(x: Tensor<5>, weight: Tensor<5>, bias: Option<Tensor<1>>, options: ConvOptions<3>) -> Tensor<5> {
    volumetric(x, weight, bias, options, Products::Exact)
}

/// What products on a GPU may cost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Products {
    /// Precision, for speed.
    Fast,
    /// Speed, for precision.
    Exact,
}

fn planar(
    x: Tensor<4>,
    weight: Tensor<4>,
    bias: Option<Tensor<1>>,
    options: ConvOptions<2>,
    products: Products,
) -> Tensor<4> {
    let geometry = Geometry::planar(x.dims(), weight.dims(), &options);
    convolve(x, weight, bias, geometry, products, |x, weight, bias| module::conv2d(x, weight, bias, options))
}

#[cfg_attr(
    not(feature = "gpu"),
    expect(clippy::needless_pass_by_value, reason = "options by value, as conv2d and Burn take them")
)]
fn volumetric(
    x: Tensor<5>,
    weight: Tensor<5>,
    bias: Option<Tensor<1>>,
    options: ConvOptions<3>,
    products: Products,
) -> Tensor<5> {
    let geometry = Geometry::volumetric(x.dims(), weight.dims(), &options);
    convolve(x, weight, bias, geometry, products, |x, weight, bias| {
        #[cfg(feature = "gpu")]
        let (x, pads) = pads_itself(x, &options);
        #[cfg(feature = "gpu")]
        if pads {
            return module::conv3d(x, weight, bias, options);
        }
        let ConvOptions { stride, padding, dilation, groups } = options;
        // Burn's operation knows symmetric padding only.
        let padded = x.pad(padding, PadMode::Constant(0.0));
        module::conv3d(padded, weight, bias, ConvOptions::new(stride, [0; 3], dilation, groups))
    })
}

/// Gives the tensor back, and whether Burn's operation can pad it without a copy: on a GPU, equally on both sides.
#[cfg(feature = "gpu")]
fn pads_itself(x: Tensor<5>, options: &ConvOptions<3>) -> (Tensor<5>, bool) {
    let x = x.into_dispatch();
    let pads = crate::extension::on_gpu(&x) && !options.is_asymmetric();
    (Tensor::from_dispatch(x), pads)
}

/// Convolves by the kernel, or by the plain operation where the kernel does not apply.
fn convolve<const D: usize>(
    x: Tensor<D>,
    weight: Tensor<D>,
    bias: Option<Tensor<1>>,
    geometry: Geometry,
    products: Products,
    plain: impl FnOnce(Tensor<D>, Tensor<D>, Option<Tensor<1>>) -> Tensor<D>,
) -> Tensor<D> {
    let (x, weight) = (x.into_dispatch(), weight.into_dispatch());
    let bias = bias.map(Tensor::into_dispatch);
    #[cfg(feature = "gpu")]
    if [&x, &weight].into_iter().chain(&bias).all(crate::extension::on_gpu) {
        return convolve_on_gpu(x, weight, bias, geometry, products, |x, weight| {
            plain(Tensor::from_dispatch(x), Tensor::from_dispatch(weight), None).into_dispatch()
        });
    }
    #[cfg(not(feature = "gpu"))]
    let _ = products;
    if geometry.channels == Channels::Group || !takes(&x) || !takes(&weight) || !bias.iter().all(takes) {
        return plain(Tensor::from_dispatch(x), Tensor::from_dispatch(weight), bias.map(Tensor::from_dispatch));
    }
    let Some(bias) = bias else {
        return Tensor::from_dispatch(Dispatch::convolve(x, weight, geometry));
    };
    assert_eq!(bias.shape().as_slice(), [geometry.channels_out], "invalid bias shape");
    Tensor::from_dispatch(Dispatch::convolve_biased(x, weight, bias, geometry))
}

/// Products in an output value, from which on tensor cores are worth their while.
#[cfg(feature = "gpu")]
const SHORT: usize = 32;

/// Convolves by the kernels that the precision asks for; the bias is added behind, with a gradient that reads once.
#[cfg(feature = "gpu")]
fn convolve_on_gpu<const D: usize>(
    x: DispatchTensor,
    weight: DispatchTensor,
    bias: Option<DispatchTensor>,
    geometry: Geometry,
    products: Products,
    plain: impl FnOnce(DispatchTensor, DispatchTensor) -> DispatchTensor,
) -> Tensor<D> {
    use crate::gpu::{Operations, Way, skips};
    let groups = geometry.channels_in / weight.shape()[1];
    let (channels, format) = (geometry.channels_out, x.dtype());
    // Burn's direct kernels, which win here, sum in the format of the tensors.
    let widened = format != DType::F32 && geometry.channels != Channels::Own && geometry.reach() / groups < SHORT;
    let cast = |tensor, dtype: DType| Tensor::<D>::from_dispatch(tensor).cast(dtype).into_dispatch();
    let [x, weight] = if widened { [x, weight].map(|tensor| cast(tensor, DType::F32)) } else { [x, weight] };
    let way = match products {
        Products::Exact => Some(Way::Exact),
        // Burn's gradient of the input would be zero (0.22.1).
        Products::Fast if D == 5 && skips(&geometry) => Some(Way::Exact),
        Products::Fast => Way::owns(&geometry, groups).then_some(Way::Own),
    };
    let y = match way {
        Some(way) => <Dispatch as Operations>::correlate(x, weight, geometry, groups, way),
        None => plain(x, weight),
    };
    let y = if widened { cast(y, format) } else { y };
    let Some(bias) = bias else {
        return Tensor::from_dispatch(y);
    };
    assert_eq!(bias.shape().as_slice(), [channels], "invalid bias shape");
    Tensor::from_dispatch(<Dispatch as Operations>::lift(y, bias))
}

#[cfg(test)]
mod tests {
    use burn::tensor::{Device, Distribution, TensorData};

    use super::*;

    /// Largest difference, relative to the largest value.
    fn distance(fast: &TensorData, plain: &TensorData) -> f32 {
        assert_eq!(fast.shape(), plain.shape());
        let fast = fast.try_to_vec::<f32>().expect("single precision");
        let plain = plain.try_to_vec::<f32>().expect("single precision");
        let scale = plain.iter().fold(1e-6_f32, |scale, value| scale.max(value.abs()));
        fast.iter().zip(&plain).fold(0.0_f32, |worst, (fast, plain)| worst.max((fast - plain).abs())) / scale
    }

    /// Output and gradients of the operands for a fixed random gradient of the output.
    fn everything<const D: usize>(
        operands: &(TensorData, TensorData, Option<TensorData>),
        convolve: impl Fn(Tensor<D>, Tensor<D>, Option<Tensor<1>>) -> Tensor<D>,
        output_gradient: Option<TensorData>,
    ) -> (Vec<TensorData>, TensorData) {
        let device = Device::flex().autodiff();
        let x = Tensor::<D>::from_data(operands.0.clone(), &device).require_grad();
        let weight = Tensor::<D>::from_data(operands.1.clone(), &device).require_grad();
        let bias = operands.2.clone().map(|bias| Tensor::<1>::from_data(bias, &device).require_grad());
        let y = convolve(x.clone(), weight.clone(), bias.clone());
        let gradient = output_gradient.unwrap_or_else(|| y.random_like(Distribution::Default).into_data());
        let gradients = (y.clone() * Tensor::from_data(gradient.clone(), &device)).sum().backward();
        let mut all = vec![y.into_data()];
        all.push(x.grad(&gradients).expect("tracked").into_data());
        all.push(weight.grad(&gradients).expect("tracked").into_data());
        all.extend(bias.map(|bias| bias.grad(&gradients).expect("tracked").into_data()));
        (all, gradient)
    }

    fn operands<const D: usize>(
        x: [usize; D],
        weight: [usize; D],
        biased: usize,
    ) -> (TensorData, TensorData, Option<TensorData>) {
        let device = Device::flex();
        let normal = Distribution::Normal(0.0, 1.0);
        (
            Tensor::<D>::random(x, normal, &device).into_data(),
            Tensor::<D>::random(weight, normal, &device).into_data(),
            (biased > 0).then(|| Tensor::<1>::random([weight[0]], normal, &device).into_data()),
        )
    }

    #[track_caller]
    fn check3(
        x: [usize; 5],
        weight: [usize; 5],
        stride: [usize; 3],
        padding: [(usize, usize); 3],
        dilation: [usize; 3],
    ) {
        let options = ConvOptions::new_with_padding(stride, padding, dilation, 1);
        for biased in [0, 1] {
            let operands = operands(x, weight, biased);
            let (fast, gradient) = everything(&operands, |x, w, b| conv3d(x, w, b, options.clone()), None);
            let plain = |x: Tensor<5>, w, b| {
                let inner = ConvOptions::new(stride, [0; 3], dilation, 1);
                module::conv3d(x.pad(padding, PadMode::Constant(0.0)), w, b, inner)
            };
            let (plain, _) = everything(&operands, plain, Some(gradient));
            for (index, (fast, plain)) in fast.into_iter().zip(plain).enumerate() {
                let distance = distance(&fast, &plain);
                assert!(distance < 1e-5, "result {index} of {x:?} * {weight:?} differs by {distance:e}");
            }
        }
    }

    #[track_caller]
    fn check2(
        x: [usize; 4],
        weight: [usize; 4],
        stride: [usize; 2],
        padding: [(usize, usize); 2],
        dilation: [usize; 2],
    ) {
        let groups = x[1] / weight[1];
        let options = ConvOptions::new_with_padding(stride, padding, dilation, groups);
        let operands = operands(x, weight, 1);
        let (fast, gradient) = everything(&operands, |x, w, b| conv2d(x, w, b, options.clone()), None);
        let plain = |x: Tensor<4>, w, b| {
            let inner = ConvOptions::new(stride, [0; 2], dilation, groups);
            module::conv2d(x.pad(padding, PadMode::Constant(0.0)), w, b, inner)
        };
        let (plain, _) = everything(&operands, plain, Some(gradient));
        for (index, (fast, plain)) in fast.into_iter().zip(plain).enumerate() {
            let distance = distance(&fast, &plain);
            assert!(distance < 1e-5, "result {index} of {x:?} * {weight:?} differs by {distance:e}");
        }
    }

    #[test]
    fn planar_convolution_agrees_with_the_plain_one() {
        let same = [(1, 1); 2];
        check2([2, 3, 16, 16], [8, 3, 3, 3], [1; 2], same, [1; 2]);
        check2([1, 1, 7, 5], [1, 1, 3, 3], [1; 2], same, [1; 2]);
        check2([3, 16, 64, 64], [24, 16, 3, 3], [1; 2], same, [1; 2]);
        check2([2, 4, 15, 13], [5, 4, 3, 3], [2; 2], same, [1; 2]);
        check2([2, 4, 15, 13], [5, 4, 5, 3], [2, 3], [(2, 1), (0, 2)], [1; 2]);
        check2([2, 4, 20, 21], [5, 4, 3, 3], [1; 2], [(6, 6); 2], [6; 2]);
        check2([2, 4, 20, 21], [5, 4, 3, 3], [2, 1], [(2, 3), (3, 2)], [2, 3]);
        check2([2, 4, 9, 9], [6, 4, 2, 2], [1; 2], [(0, 1); 2], [1; 2]);
        check2([2, 4, 10, 10], [6, 4, 2, 2], [2; 2], [(0, 0); 2], [1; 2]);
        check2([2, 5, 33, 31], [7, 5, 1, 1], [1; 2], [(0, 0); 2], [1; 2]);
        check2([4, 64, 2, 2], [64, 64, 1, 1], [1; 2], [(0, 0); 2], [1; 2]);
        check2([2, 5, 9, 8], [7, 5, 1, 1], [2; 2], [(0, 0); 2], [1; 2]);
        check2([4, 96, 4, 4], [128, 96, 3, 3], [1; 2], same, [1; 2]);
        check2([2, 3, 32, 32], [8, 3, 7, 7], [2; 2], [(3, 3); 2], [1; 2]);
        check2([1, 2, 3, 3], [2, 2, 3, 3], [1; 2], [(5, 4); 2], [1; 2]);
    }

    #[test]
    fn convolution_of_each_channel_agrees_with_the_plain_one() {
        let same = [(1, 1); 2];
        check2([2, 6, 16, 16], [6, 1, 3, 3], [1; 2], same, [1; 2]);
        check2([2, 3, 9, 37], [3, 1, 3, 3], [1; 2], same, [1; 2]);
        check2([2, 3, 16, 15], [3, 1, 3, 3], [2; 2], same, [1; 2]);
        check2([2, 3, 17, 40], [3, 1, 5, 5], [2; 2], [(1, 2); 2], [1; 2]);
        check2([2, 3, 11, 12], [3, 1, 5, 5], [1; 2], [(2, 2); 2], [1; 2]);
        check2([1, 3, 33, 21], [3, 1, 7, 4], [3, 2], [(3, 1), (0, 2)], [1, 2]);
        check2([2, 3, 8, 9], [3, 1, 3, 3], [1; 2], [(2, 2); 2], [2; 2]);
        check2([2, 3, 4, 5], [3, 1, 3, 3], [1; 2], [(6, 6); 2], [6; 2]);
        check2([2, 3, 4, 5], [3, 1, 3, 3], [2, 1], [(6, 6); 2], [6; 2]);
        check2([2, 3, 1, 1], [3, 1, 3, 3], [1; 2], same, [1; 2]);
        check2([2, 3, 6, 7], [3, 1, 1, 1], [2; 2], [(0, 0); 2], [1; 2]);
        check2([2, 3, 6, 7], [3, 1, 2, 2], [2, 1], [(0, 0); 2], [1; 2]);
        check2([1, 2, 3, 3], [2, 1, 3, 3], [1; 2], [(5, 4); 2], [1; 2]);
    }

    #[test]
    fn volumetric_convolution_agrees_with_the_plain_one() {
        let same = [(1, 1); 3];
        check3([2, 3, 4, 16, 16], [8, 3, 3, 3, 3], [1; 3], same, [1; 3]);
        check3([2, 8, 4, 8, 8], [16, 8, 2, 2, 2], [1, 2, 2], [(0, 1), (0, 0), (0, 0)], [1; 3]);
        check3([2, 8, 4, 9, 7], [16, 8, 2, 2, 2], [1, 2, 2], [(0, 1); 3], [1; 3]);
        check3([3, 8, 4, 6, 6], [12, 8, 4, 1, 1], [1; 3], [(0, 0); 3], [1; 3]);
        check3([4, 64, 4, 1, 1], [96, 64, 3, 3, 3], [1; 3], same, [1; 3]);
        check3([2, 64, 4, 2, 2], [64, 64, 3, 3, 3], [1; 3], same, [1; 3]);
        check3([1, 4, 5, 6, 7], [3, 4, 3, 2, 1], [2, 1, 3], [(0, 2), (1, 0), (2, 1)], [2, 1, 1]);
        check3([2, 4, 4, 5, 5], [3, 4, 1, 1, 1], [1; 3], [(0, 0); 3], [1; 3]);
    }

    #[test]
    fn operands_in_another_order_in_memory_are_read_rightly() {
        let device = Device::flex();
        let x = Tensor::<4>::random([2, 6, 5, 4], Distribution::Default, &device);
        let weight = Tensor::<4>::random([3, 5, 2, 4], Distribution::Default, &device);
        let options = ConvOptions::new([1; 2], [1; 2], [1; 2], 1);
        let swapped = (x.swap_dims(1, 2), weight.swap_dims(2, 3));
        let fast = conv2d(swapped.0.clone(), swapped.1.clone(), None, options.clone());
        let plain = module::conv2d(swapped.0, swapped.1, None, options);
        assert!(distance(&fast.into_data(), &plain.into_data()) < 1e-5);
    }

    #[test]
    fn on_the_cpu_exact_convolutions_are_the_same() {
        let device = Device::flex();
        let x = Tensor::<4>::random([2, 3, 9, 8], Distribution::Default, &device);
        let weight = Tensor::<4>::random([5, 3, 3, 3], Distribution::Default, &device);
        let options = ConvOptions::new([1; 2], [1; 2], [1; 2], 1);
        let exact = conv2d_exact(x.clone(), weight.clone(), None, options.clone());
        exact.into_data().assert_eq(&conv2d(x, weight, None, options).into_data(), true);
    }

    #[test]
    fn grouped_convolution_takes_the_plain_operation() {
        let device = Device::flex();
        let x = Tensor::<5>::random([2, 4, 3, 5, 4], Distribution::Default, &device);
        let weight = Tensor::<5>::random([4, 1, 2, 3, 3], Distribution::Default, &device);
        let options = ConvOptions::new_with_padding([1; 3], [(0, 1), (1, 1), (1, 1)], [1; 3], 4);
        assert_eq!(conv3d(x, weight, None, options).dims(), [2, 4, 3, 5, 4]);
    }

    #[test]
    #[should_panic(expected = "smaller than the kernel")]
    fn an_input_smaller_than_the_kernel_is_refused() {
        let device = Device::flex();
        let x = Tensor::<4>::zeros([1, 1, 2, 2], &device);
        let weight = Tensor::<4>::zeros([1, 1, 3, 3], &device);
        let _ = conv2d(x, weight, None, ConvOptions::new([1; 2], [0; 2], [1; 2], 1));
    }
}
