//! Bilinear interpolation of images.
//! Does not know which layer calls it.

use burn::Tensor;
use burn::backend::Dispatch;
use burn::tensor::module;
use burn::tensor::ops::{InterpolateMode, InterpolateOptions};

use crate::extension::{Kernels, takes};
use crate::stretch::{Corners, Stretch};

/// Interpolates a batch of images to a size, rows and columns.
///
/// # Shapes
/// `x [batch, channels, height, width]`; gives `[batch, channels, size]`.
///
/// # Panics
/// If a side is 0.
#[must_use]
pub fn bilinear(x: Tensor<4>, size: [usize; 2], corners: Corners) -> Tensor<4> {
    let [_, _, height, width] = x.dims();
    assert!([height, width, size[0], size[1]].into_iter().all(|side| side > 0), "an image without pixels");
    let x = x.into_dispatch();
    let stretch = Stretch { input: [height, width], output: size, corners };
    if takes(&x) {
        return Tensor::from_dispatch(Dispatch::stretch(x, stretch));
    }
    #[cfg(feature = "gpu")]
    if crate::extension::on_gpu(&x) {
        return Tensor::from_dispatch(<Dispatch as crate::gpu::Operations>::enlarge(x, stretch));
    }
    let options = InterpolateOptions::new(InterpolateMode::Bilinear);
    let options = options.with_align_corners(corners == Corners::Aligned).with_output_size(size);
    module::interpolate(Tensor::from_dispatch(x), options)
}

#[cfg(test)]
mod tests {
    use burn::tensor::{Device, Distribution, TensorData};

    use super::*;

    fn everything(x: &TensorData, gradient: &TensorData, stretch: impl Fn(Tensor<4>) -> Tensor<4>) -> [Vec<f32>; 2] {
        let device = Device::flex().autodiff();
        let x = Tensor::<4>::from_data(x.clone(), &device).require_grad();
        let y = stretch(x.clone());
        let gradients = (y.clone() * Tensor::from_data(gradient.clone(), &device)).sum().backward();
        let gradient = x.grad(&gradients).expect("tracked");
        [y.into_data(), gradient.into_data()].map(|data| data.try_to_vec().expect("single precision"))
    }

    #[track_caller]
    fn check(x: [usize; 4], size: [usize; 2]) {
        let device = Device::flex();
        let values = Tensor::<4>::random(x, Distribution::Default, &device).into_data();
        let gradient = Tensor::<4>::random([x[0], x[1], size[0], size[1]], Distribution::Default, &device).into_data();
        for corners in [Corners::Aligned, Corners::Outer] {
            let fast = everything(&values, &gradient, |x| bilinear(x, size, corners));
            let options = InterpolateOptions::new(InterpolateMode::Bilinear);
            let options = options.with_align_corners(corners == Corners::Aligned).with_output_size(size);
            let plain = everything(&values, &gradient, |x| module::interpolate(x, options.clone()));
            for (fast, plain) in fast.iter().zip(&plain) {
                let scale = plain.iter().fold(1e-6_f32, |scale, value| scale.max(value.abs()));
                let worst = fast.iter().zip(plain).fold(0.0_f32, |worst, (a, b)| worst.max((a - b).abs()));
                assert_eq!(fast.len(), plain.len());
                assert!(worst < 1e-5 * scale, "{x:?} to {size:?}, {corners:?}: {worst:e} of {scale}");
            }
        }
    }

    #[test]
    fn agrees_with_the_plain_operation() {
        check([2, 3, 8, 8], [16, 16]);
        check([1, 2, 4, 6], [16, 24]);
        check([1, 2, 5, 7], [9, 8]);
        check([2, 2, 1, 1], [4, 5]);
        check([1, 2, 6, 6], [3, 1]);
        check([1, 1, 1, 9], [3, 20]);
    }
}
