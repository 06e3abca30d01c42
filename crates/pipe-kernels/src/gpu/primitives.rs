//! What the GPU backends compute with kernels of this crate, or with those of Burn's that neither round nor tune.
//! Knows no automatic differentiation.

use burn::backend::fusion::custom::TensorSpec;
use burn::backend::ops::{ConvOptions, ConvTransposeOptions, FloatTensorOps, ModuleOps};
use burn::backend::tensor::FloatTensor;
use burn::backend::{Backend, backend_extension};
use burn::tensor::{DType, Shape, Slice};
use burn_cubecl::CubeBackend;
use burn_cubecl::kernel::conv::{self, ConvStrategy, ConvTranspose2dStrategy};
use burn_cubecl::kernel::slice;
use burn_cubecl::ops::numeric::zeros_client;
use burn_cubecl::tensor::CubeTensor;

use super::{bilinear, sums, weights};
use crate::geometry::Geometry;
use crate::normalize::After;
use crate::stretch::Stretch;

/// What one normalisation spans.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Over {
    /// A channel of all samples.
    Batch,
    /// A channel of one sample.
    Sample,
}

impl Over {
    /// Normalisations of one channel.
    pub(crate) fn problems(self, samples: usize) -> usize {
        match self {
            Self::Batch => 1,
            Self::Sample => samples,
        }
    }
}

/// `[2, problems, channels]`, in single precision.
fn twice(x: &TensorSpec, over: Over) -> TensorSpec {
    TensorSpec::new(Shape::new([2, over.problems(x.shape[0]), x.shape[1]]), DType::F32)
}

/// `[samples, channels, ..]`, of a convolution.
fn shaped(like: &TensorSpec, channels: usize, space: [usize; 3]) -> TensorSpec {
    let rank = like.shape.num_dims();
    let mut shape = vec![like.shape[0], channels];
    shape.extend_from_slice(&space[5 - rank..]);
    TensorSpec::new(Shape::from(shape), like.dtype)
}

/// Kernels of a GPU backend.
#[backend_extension(Cube, Fusion)]
pub(crate) trait Primitives: Backend {
    /// Mean and biased variance, `[2, problems, channels]`.
    #[fusion(meta = |x, over| twice(x, *over))]
    fn moments(x: FloatTensor<Self>, over: Over) -> FloatTensor<Self>;

    /// Sums of a gradient behind a normalisation and of its products with normalised values, `[2, problems, channels]`.
    ///
    /// `mean`, `inverse`, `factor` and `shift` are `[problems, channels]`, in single precision.
    #[fusion(meta = |x, _gradient, _mean, _inverse, _factor, _shift, _after, over| twice(x, *over))]
    fn normalization_sums(
        x: FloatTensor<Self>,
        gradient: FloatTensor<Self>,
        mean: FloatTensor<Self>,
        inverse: FloatTensor<Self>,
        factor: FloatTensor<Self>,
        shift: FloatTensor<Self>,
        after: After,
        over: Over,
    ) -> FloatTensor<Self>;

    /// The gradient of an interpolation's input.
    #[fusion(meta = |gradient, stretch| {
        let [rows, columns] = stretch.input;
        TensorSpec::new(Shape::new([gradient.shape[0], gradient.shape[1], rows, columns]), gradient.dtype)
    })]
    fn stretch_gradient(gradient: FloatTensor<Self>, stretch: Stretch) -> FloatTensor<Self>;

    /// Convolves in the tensors' own precision.
    #[fusion(meta = |x, _weight, geometry, _groups| shaped(x, geometry.channels_out, geometry.output))]
    fn exact(x: FloatTensor<Self>, weight: FloatTensor<Self>, geometry: Geometry, groups: usize) -> FloatTensor<Self>;

    /// The gradient of the input of [`exact`](Self::exact).
    #[fusion(meta = |gradient, _weight, geometry, _groups| shaped(gradient, geometry.channels_in, geometry.input))]
    fn exact_data_gradient(
        gradient: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        geometry: Geometry,
        groups: usize,
    ) -> FloatTensor<Self>;

    /// The gradient of the weight of [`exact`](Self::exact), `[taps, out, in / groups]`, in single precision.
    #[fusion(meta = |_x, _gradient, geometry, groups| TensorSpec::new(
        Shape::new([geometry.kernel_size(), geometry.channels_out, geometry.channels_in / groups]),
        DType::F32,
    ))]
    fn exact_weight_gradient(
        x: FloatTensor<Self>,
        gradient: FloatTensor<Self>,
        geometry: Geometry,
        groups: usize,
    ) -> FloatTensor<Self>;
}

/// The last `N` of three axes.
fn last<const N: usize>(values: [usize; 3]) -> [usize; N] {
    std::array::from_fn(|axis| values[3 - N + axis])
}

/// A convolution as Burn is told it; behind the input there is as much padding as before it, or as is read.
pub(super) fn options<const N: usize>(geometry: &Geometry, groups: usize) -> ConvOptions<N> {
    let padding = std::array::from_fn(|axis| {
        let axis = 3 - N + axis;
        let (input, before, stride) = (geometry.input[axis], geometry.before[axis], geometry.stride[axis]);
        let reach = geometry.dilation[axis] * (geometry.kernel[axis] - 1) + 1;
        if input + 2 * before >= reach && (input + 2 * before - reach) / stride + 1 == geometry.output[axis] {
            return (before, before);
        }
        let read = (geometry.output[axis] - 1) * stride + reach;
        (before, read.saturating_sub(input + before))
    });
    ConvOptions::new_with_padding(last(geometry.stride), padding, last(geometry.dilation), groups)
}

/// Whether a convolution leaves positions of its input out, between one output and the next.
pub(crate) fn skips(geometry: &Geometry) -> bool {
    (0..3).any(|axis| geometry.stride[axis] > geometry.kernel[axis] * geometry.dilation[axis])
}

/// A convolution of volumes that leaves nothing out, because its kernel got zeros behind: Burn's transposed convolution in three
/// dimensions takes the outputs of one that does for none (0.22.1).
fn filled(weight: CubeTensor, geometry: &Geometry) -> (CubeTensor, Geometry) {
    let kernel: [usize; 3] =
        std::array::from_fn(|axis| geometry.kernel[axis].max(geometry.stride[axis].div_ceil(geometry.dilation[axis])));
    let [made, seen] = [weight.meta.shape()[0], weight.meta.shape()[1]];
    let whole = zeros_client(
        weight.client.clone(),
        weight.device.clone(),
        Shape::new([made, seen, kernel[0], kernel[1], kernel[2]]),
        weight.dtype,
    );
    let [deep, high, wide] = geometry.kernel;
    let place = [0..made, 0..seen, 0..deep, 0..high, 0..wide].map(Slice::from);
    (CubeBackend::float_slice_assign(whole, &place, weight), Geometry { kernel, ..geometry.clone() })
}

/// The gradient of the input of a convolution: the transposed convolution, without padding, cut to size. Burn's own knows but one
/// padding an axis.
fn data_gradient(gradient: CubeTensor, weight: CubeTensor, geometry: &Geometry, groups: usize) -> CubeTensor {
    if gradient.meta.num_dims() == 5 && skips(geometry) {
        let (weight, geometry) = filled(weight, geometry);
        return data_gradient(gradient, weight, &geometry, groups);
    }
    // What lies behind the last output's reach gets a gradient of zero.
    let behind = std::array::from_fn(|axis| {
        let reach = geometry.dilation[axis] * (geometry.kernel[axis] - 1) + 1;
        let read = (geometry.output[axis] - 1) * geometry.stride[axis] + reach;
        (geometry.input[axis] + geometry.before[axis]).saturating_sub(read)
    });
    let (stride, dilation) = (geometry.stride, geometry.dilation);
    let rank = gradient.meta.num_dims();
    let padded = if rank == 4 {
        let options = ConvTransposeOptions::new(last(stride), [0; 2], last(behind), last(dilation), groups);
        conv::conv_transpose2d(gradient, weight, None, options, ConvTranspose2dStrategy::Direct)
            .expect("the direct kernel takes every shape")
    } else {
        // In three dimensions there is one kernel, which is direct.
        let options = ConvTransposeOptions::new(stride, [0; 3], behind, dilation, groups);
        CubeBackend::conv_transpose3d(gradient, weight, None, options)
    };
    let space = geometry.before.iter().zip(geometry.input).map(|(before, size)| *before..before + size);
    let parts: Vec<_> = [0..geometry.batch, 0..geometry.channels_in].into_iter().chain(space.skip(5 - rank)).collect();
    slice(padded, &parts)
}

impl Primitives for CubeBackend {
    fn moments(x: CubeTensor, over: Over) -> CubeTensor {
        sums::moments(x, over)
    }

    fn normalization_sums(
        x: CubeTensor,
        gradient: CubeTensor,
        mean: CubeTensor,
        inverse: CubeTensor,
        factor: CubeTensor,
        shift: CubeTensor,
        after: After,
        over: Over,
    ) -> CubeTensor {
        sums::gradients(x, gradient, sums::Normalized { mean, inverse, factor, shift, after }, over)
    }

    fn stretch_gradient(gradient: CubeTensor, stretch: Stretch) -> CubeTensor {
        bilinear::gradient(gradient, stretch)
    }

    fn exact(x: CubeTensor, weight: CubeTensor, geometry: Geometry, groups: usize) -> CubeTensor {
        let direct = ConvStrategy::Direct;
        if x.meta.num_dims() == 4 {
            conv::conv_forward::<2>(x, weight, None, options(&geometry, groups), direct)
        } else {
            conv::conv_forward::<3>(x, weight, None, options(&geometry, groups), direct)
        }
        .expect("the direct kernel takes every shape")
    }

    fn exact_data_gradient(gradient: CubeTensor, weight: CubeTensor, geometry: Geometry, groups: usize) -> CubeTensor {
        data_gradient(gradient, weight, &geometry, groups)
    }

    fn exact_weight_gradient(x: CubeTensor, gradient: CubeTensor, geometry: Geometry, groups: usize) -> CubeTensor {
        weights::gradient(x, gradient, &geometry, groups)
    }
}
