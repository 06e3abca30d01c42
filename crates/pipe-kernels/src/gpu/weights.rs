//! The gradient of a convolution's weights, on a GPU, in single precision and without tensor cores.
//! Does not know padding behind the input: an output says what it reads.
//!
//! * A unit takes one weight, or, where each channel has a kernel of its own, a channel's whole kernel, and a part of
//!   the output's rows; the parts are added up at the end, in order.
//! * Neighbouring units take neighbouring channels, which lie next to each other in memory.

use burn::backend::cubecl::dtype_to_storage_type;
use burn_cubecl::tensor::CubeTensor;
use cubecl::calculate_cube_count_elemwise;
use cubecl::prelude::*;
use cubecl::zspace::metadata::Metadata;

use super::planes::{Planes, UNITS, addresses, blank, count, parts};
use crate::geometry::{Channels, Geometry};

/// Most weights of one channel that a unit keeps in registers.
pub(super) const MOST_TAPS: usize = 25;
/// Output rows that a unit should take at least.
const FEWEST: usize = 4;

/// One axis of a convolution.
#[derive(CubeLaunch, CubeType, Clone)]
struct Axis {
    kernel: usize,
    stride: usize,
    dilation: usize,
    before: usize,
    input: usize,
    output: usize,
}

/// How the work is cut.
#[derive(CubeLaunch, CubeType, Clone)]
struct Work {
    /// Input channels that a kernel sees.
    seen: usize,
    /// Output channels.
    made: usize,
    /// Output channels of a group.
    grouped: usize,
    rows: usize,
    part: usize,
    units: usize,
    weights: usize,
}

/// Adds up products, over tensors `[samples, depth, height, width, channels]`, into `[parts, taps, out, in]`.
///
/// A unit keeps `taps_high * taps_wide` sums.
#[cube(launch, address_type = "dynamic")]
fn products_kernel<F: Float>(
    x: &Tensor<F>,
    gradient: &Tensor<F>,
    into: &mut Tensor<f32>,
    deep: &Axis,
    high: &Axis,
    wide: &Axis,
    work: &Work,
    #[comptime] taps_high: usize,
    #[comptime] taps_wide: usize,
    #[define(F)] _dtype: ElemType,
) {
    let unit = CUBE_POS_X as usize * CUBE_DIM_X as usize + UNIT_POS_X as usize;
    if unit >= work.units {
        terminate!();
    }
    let rest = unit / work.seen;
    let channel = rest % work.made;
    let tap = rest / work.made;
    let from = channel / work.grouped * work.seen + unit % work.seen;
    let first_x = tap % wide.kernel * wide.dilation;
    let rest = tap / wide.kernel;
    let first_y = rest % high.kernel * high.dilation;
    let first_z = rest / high.kernel * deep.dilation;
    let mut sums = Array::<f32>::new(comptime!(taps_high * taps_wide));
    #[unroll]
    for tap in 0..comptime!(taps_high * taps_wide) {
        sums[tap] = f32::new(0.0_f32);
    }
    let start = CUBE_POS_Y as usize * work.part;
    let end = min(start + work.part, work.rows);
    for row in start..end {
        let rest = row / high.output;
        let line = row % high.output;
        let slice = rest % deep.output;
        let sample = rest / deep.output;
        let z = slice * deep.stride + first_z;
        if z >= deep.before && z < deep.before + deep.input {
            let base = sample * x.stride(0) + (z - deep.before) * x.stride(1) + from * x.stride(4);
            let gradient_base = sample * gradient.stride(0)
                + slice * gradient.stride(1)
                + line * gradient.stride(2)
                + channel * gradient.stride(4);
            for column in 0..wide.output {
                let slope = f32::cast_from(gradient[gradient_base + column * gradient.stride(3)]);
                #[unroll]
                for tap_y in 0..taps_high {
                    let y = line * high.stride + first_y + tap_y * high.dilation;
                    if y >= high.before && y < high.before + high.input {
                        #[unroll]
                        for tap_x in 0..taps_wide {
                            let at = column * wide.stride + first_x + tap_x * wide.dilation;
                            if at >= wide.before && at < wide.before + wide.input {
                                let place = base + (y - high.before) * x.stride(2) + (at - wide.before) * x.stride(3);
                                sums[tap_y * taps_wide + tap_x] += slope * f32::cast_from(x[place]);
                            }
                        }
                    }
                }
            }
        }
    }
    let place = CUBE_POS_Y as usize * work.weights + unit;
    #[unroll]
    for tap in 0..comptime!(taps_high * taps_wide) {
        into[place + tap * work.units] = sums[tap];
    }
}

/// Adds up the parts of each weight, in order.
#[cube(launch, address_type = "dynamic")]
fn fold_kernel(parts: &Tensor<f32>, into: &mut Tensor<f32>, count: usize, weights: usize) {
    if ABSOLUTE_POS >= weights {
        terminate!();
    }
    let mut sum = f32::new(0.0_f32);
    for part in 0..count {
        sum += parts[part * weights + ABSOLUTE_POS];
    }
    into[ABSOLUTE_POS] = sum;
}

/// Views an image as a volume of one slice, channels last.
fn volume(tensor: CubeTensor) -> CubeTensor {
    let mut tensor = Planes::channels_last(tensor);
    if tensor.meta.num_dims() == 4 {
        let (shape, strides) = (tensor.meta.shape().to_vec(), tensor.meta.strides().to_vec());
        let deep = [shape[0], 1, shape[1], shape[2], shape[3]];
        let apart = [strides[0], 0, strides[1], strides[2], strides[3]];
        *tensor.meta = Metadata::new(deep, apart);
    }
    tensor
}

/// Computes the gradient of the weights in single precision.
///
/// # Shapes
/// `x [samples, in, ..]`, `gradient [samples, out, ..]`; gives `[taps, out, in / groups]`.
pub(super) fn gradient(x: CubeTensor, gradient: CubeTensor, geometry: &Geometry, groups: usize) -> CubeTensor {
    let (x, gradient) = (volume(x), volume(gradient));
    let (made, seen) = (geometry.channels_out, geometry.channels_in / groups);
    let taps = geometry.kernel_size();
    let weights = taps * made * seen;
    let whole = geometry.channels == Channels::Own && taps <= MOST_TAPS;
    let (taps_high, taps_wide) = if whole { (geometry.kernel[1], geometry.kernel[2]) } else { (1, 1) };
    let units = weights / (taps_high * taps_wide);
    // Few units are no reason to leave most of a warp idle.
    let dim = CubeDim::new_1d(UNITS.min(count(units.next_multiple_of(32))));
    let across = units.div_ceil(dim.x as usize);
    let rows = geometry.batch * geometry.lines();
    let part = rows.div_ceil(parts(rows, across, FEWEST)).max(1);
    let parts = rows.div_ceil(part);
    let sums = blank(&x, [parts, weights]);
    let axis = |at: usize| {
        AxisLaunch::new(
            geometry.kernel[at],
            geometry.stride[at],
            geometry.dilation[at],
            geometry.before[at],
            geometry.input[at],
            geometry.output[at],
        )
    };
    let dtype = dtype_to_storage_type(x.dtype);
    products_kernel::launch(
        &sums.client,
        CubeCount::Static(count(across), count(parts), 1),
        dim,
        addresses(&[&x, &gradient, &sums]),
        x.into_tensor_arg(),
        gradient.into_tensor_arg(),
        sums.clone().into_tensor_arg(),
        axis(0),
        axis(1),
        axis(2),
        WorkLaunch::new(seen, made, made / groups, rows, part, units, weights),
        taps_high,
        taps_wide,
        dtype,
    );
    let into = blank(&sums, [taps, made, seen]);
    let dim = CubeDim::new(&into.client, weights);
    fold_kernel::launch(
        &into.client,
        calculate_cube_count_elemwise(&into.client, weights, dim),
        dim,
        addresses(&[&sums]),
        sums.into_tensor_arg(),
        into.clone().into_tensor_arg(),
        parts,
        weights,
    );
    into
}
