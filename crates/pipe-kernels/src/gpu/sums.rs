//! Sums over all values of a channel, on a GPU: moments, and what the gradient of a normalisation needs.
//! Does not know what is normalised.
//!
//! * A cube takes some channels and a part of their values, a second kernel adds up the parts. How the work is cut
//!   depends on shapes alone, so that bytes do not depend on the card's load.
//! * Channels lie next to each other in memory where a convolution made them, and positions elsewhere; units read
//!   along whichever it is.
//! * Deviations are taken from the channel's first value, so that one pass is enough and nothing cancels out.

use burn::backend::cubecl::dtype_to_storage_type;
use burn_cubecl::tensor::CubeTensor;
use cubecl::prelude::*;
use cubecl::std::FastDivmod;

use super::planes::{Nearest, Planes, UNITS, addresses, blank, count, cube, parts};
use super::primitives::Over;
use crate::normalize::After;

/// Rows that a unit should have at least, before work is cut further.
const FEWEST: usize = 16;

/// Values of a channel from the shared sums: each unit holds one, unit rows are added up.
#[cube]
fn gather<N: Size>(sums: &mut Shared<[Vector<f32, N>]>) {
    let unit = UNIT_POS as usize;
    let mut step = CUBE_DIM_Y / 2;
    sync_cube();
    while step > 0 {
        if UNIT_POS_Y < step {
            let other = sums[unit + (step * CUBE_DIM_X) as usize];
            sums[unit] += other;
        }
        step /= 2;
        sync_cube();
    }
}

/// Reads `N` neighbours, or one value `N` times.
#[cube]
fn values<N: Size>(from: &Tensor<f32>, at: usize, #[comptime] nearest: Nearest) -> Vector<f32, N> {
    let mut values = Vector::<f32, N>::empty();
    #[unroll]
    for lane in 0..N::value() {
        let at = if comptime!(nearest == Nearest::Channels) { at + lane } else { at };
        values.insert(lane, from[at]);
    }
    values
}

/// Writes a cube's sums into its place of `[parts, problems, 2, channels]`.
#[cube]
fn store<N: Size>(sums: &Shared<[Vector<f32, N>]>, into: &mut Tensor<f32>, at: usize, #[comptime] nearest: Nearest) {
    let sum = sums[UNIT_POS_X as usize];
    if comptime!(nearest == Nearest::Channels) {
        #[unroll]
        for lane in 0..N::value() {
            into[at + lane] = sum.extract(lane);
        }
    } else {
        let mut all = f32::new(0.0_f32);
        #[unroll]
        for lane in 0..N::value() {
            all += sum.extract(lane);
        }
        into[at] = all;
    }
}

/// Adds up what the units of a cube have, and writes both sums of each channel into its place.
#[cube]
fn leave<N: Size>(
    one: Vector<f32, N>,
    other: Vector<f32, N>,
    into: &mut Tensor<f32>,
    channel: usize,
    channels: usize,
    #[comptime] nearest: Nearest,
    #[comptime] units: usize,
) {
    let mut ones = Shared::new_slice(units);
    let mut others = Shared::new_slice(units);
    ones[UNIT_POS as usize] = one;
    others[UNIT_POS as usize] = other;
    gather::<N>(&mut ones);
    gather::<N>(&mut others);
    if UNIT_POS_Y == 0 && channel < channels {
        let place = (CUBE_POS_Y as usize * CUBE_COUNT_Z as usize + CUBE_POS_Z as usize) * 2 * channels + channel;
        store::<N>(&ones, into, place, nearest);
        store::<N>(&others, into, place + channels, nearest);
    }
}

/// Sums and sums of squares of deviations from the channel's first value.
#[cube(launch, address_type = "dynamic")]
fn moments_kernel<F: Float, N: Size>(
    x: &Tensor<Vector<F, N>>,
    into: &mut Tensor<f32>,
    row: FastDivmod<usize>,
    rows: usize,
    part: usize,
    channels: usize,
    #[comptime] nearest: Nearest,
    #[comptime] units: usize,
    #[define(F)] _dtype: ElemType,
) {
    let width = N::value();
    let by_channel = comptime!(if nearest == Nearest::Channels { width } else { 1 });
    let by_row = comptime!(if nearest == Nearest::Channels { 1 } else { width });
    let channel = (CUBE_POS_X * CUBE_DIM_X + UNIT_POS_X) as usize * by_channel;
    let problem = CUBE_POS_Z as usize;
    let base = problem * x.stride(0) + channel * x.stride(1);
    let mut sum = Vector::<f32, N>::new(0.0_f32);
    let mut square = Vector::<f32, N>::new(0.0_f32);
    if channel < channels {
        let first = Vector::<f32, N>::cast_from(x[base / width]);
        let origin =
            if comptime!(nearest == Nearest::Channels) { first } else { Vector::<f32, N>::new(first.extract(0usize)) };
        let start = CUBE_POS_Y as usize * part + UNIT_POS_Y as usize;
        let end = min((CUBE_POS_Y as usize + 1) * part, rows);
        for at in range_stepped(start, end, CUBE_DIM_Y as usize) {
            let (sample, position) = row.div_mod(at);
            let place = base + sample * x.stride(0) + position * by_row * x.stride(2);
            let value = Vector::<f32, N>::cast_from(x[place / width]) - origin;
            sum += value;
            square += value * value;
        }
    }
    leave::<N>(sum, square, into, channel, channels, nearest, units);
}

/// Sums of the gradient where the rectifier let a value pass, and of its products with normalised values.
#[cube(launch, address_type = "dynamic")]
fn gradients_kernel<F: Float, N: Size>(
    x: &Tensor<Vector<F, N>>,
    gradient: &Tensor<Vector<F, N>>,
    mean: &Tensor<f32>,
    inverse: &Tensor<f32>,
    factor: &Tensor<f32>,
    shift: &Tensor<f32>,
    into: &mut Tensor<f32>,
    row: FastDivmod<usize>,
    rows: usize,
    part: usize,
    channels: usize,
    #[comptime] nearest: Nearest,
    #[comptime] after: After,
    #[comptime] units: usize,
    #[define(F)] _dtype: ElemType,
) {
    let width = N::value();
    let by_channel = comptime!(if nearest == Nearest::Channels { width } else { 1 });
    let by_row = comptime!(if nearest == Nearest::Channels { 1 } else { width });
    let channel = (CUBE_POS_X * CUBE_DIM_X + UNIT_POS_X) as usize * by_channel;
    let problem = CUBE_POS_Z as usize;
    let mut sum = Vector::<f32, N>::new(0.0_f32);
    let mut projection = Vector::<f32, N>::new(0.0_f32);
    if channel < channels {
        let own = problem * channels + channel;
        let mean = values::<N>(mean, own, nearest);
        let inverse = values::<N>(inverse, own, nearest);
        let factor = values::<N>(factor, own, nearest);
        let shift = values::<N>(shift, own, nearest);
        let zero = Vector::<f32, N>::new(0.0_f32);
        let base = problem * x.stride(0) + channel * x.stride(1);
        let gradient_base = problem * gradient.stride(0) + channel * gradient.stride(1);
        let start = CUBE_POS_Y as usize * part + UNIT_POS_Y as usize;
        let end = min((CUBE_POS_Y as usize + 1) * part, rows);
        for at in range_stepped(start, end, CUBE_DIM_Y as usize) {
            let (sample, position) = row.div_mod(at);
            let position = position * by_row;
            let place = base + sample * x.stride(0) + position * x.stride(2);
            let value = Vector::<f32, N>::cast_from(x[place / width]);
            let place = gradient_base + sample * gradient.stride(0) + position * gradient.stride(2);
            let mut slope = Vector::<f32, N>::cast_from(gradient[place / width]);
            if comptime!(after != After::Nothing) {
                let result = value * factor + shift;
                slope = select_many(result.less_equal(&zero), zero, slope);
                if comptime!(after == After::Relu6) {
                    let ceiling = Vector::<f32, N>::new(6.0_f32);
                    slope = select_many(result.greater_equal(&ceiling), zero, slope);
                }
            }
            sum += slope;
            projection += slope * (value - mean) * inverse;
        }
    }
    leave::<N>(sum, projection, into, channel, channels, nearest, units);
}

/// What the sums of a channel are made into.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Finish {
    /// Mean and variance.
    Moments,
    /// They stay sums.
    Sums,
}

/// Adds up the parts of each channel, a cube per channel.
#[cube(launch, address_type = "dynamic")]
fn finish_kernel<F: Float>(
    parts: &Tensor<f32>,
    x: &Tensor<F>,
    into: &mut Tensor<f32>,
    count: usize,
    channels: usize,
    rows: f32,
    #[comptime] to: Finish,
    #[comptime] units: usize,
    #[define(F)] _dtype: ElemType,
) {
    let channel = CUBE_POS_X as usize;
    let problem = CUBE_POS_Y as usize;
    let problems = CUBE_COUNT_Y as usize;
    let mut first = Shared::new_slice(units);
    let mut second = Shared::new_slice(units);
    let mut one = Vector::<f32, Const<1>>::new(0.0_f32);
    let mut other = Vector::<f32, Const<1>>::new(0.0_f32);
    for part in range_stepped(UNIT_POS_Y as usize, count, CUBE_DIM_Y as usize) {
        let place = (part * problems + problem) * 2 * channels + channel;
        one += Vector::new(parts[place]);
        other += Vector::new(parts[place + channels]);
    }
    first[UNIT_POS as usize] = one;
    second[UNIT_POS as usize] = other;
    gather::<Const<1>>(&mut first);
    gather::<Const<1>>(&mut second);
    if UNIT_POS == 0 {
        let one = first[0].extract(0usize);
        let other = second[0].extract(0usize);
        let place = problem * channels + channel;
        if comptime!(to == Finish::Moments) {
            let origin = f32::cast_from(x[problem * x.stride(0) + channel * x.stride(1)]);
            let away = one / rows;
            into[place] = origin + away;
            into[place + problems * channels] = max(other / rows - away * away, f32::new(0.0_f32));
        } else {
            into[place] = one;
            into[place + problems * channels] = other;
        }
    }
}

/// How one pass over the values is cut.
struct Cut {
    problems: usize,
    row: usize,
    rows: usize,
    part: usize,
    parts: usize,
    channels: usize,
    dim: CubeDim,
    cubes: CubeCount,
}

impl Cut {
    fn of(planes: &Planes, over: Over, width: usize) -> Self {
        let [samples, channels, positions] = planes.sizes();
        let (problems, together) = match over {
            Over::Batch => (1, samples),
            Over::Sample => (samples, 1),
        };
        let (row, lanes) = match planes.nearest {
            Nearest::Channels => (positions, channels / width),
            Nearest::Positions => (positions / width, 1),
        };
        let dim = match planes.nearest {
            Nearest::Channels => cube(lanes),
            Nearest::Positions => CubeDim::new_2d(1, UNITS),
        };
        let across = match planes.nearest {
            Nearest::Channels => lanes.div_ceil(dim.x as usize),
            Nearest::Positions => channels,
        };
        let rows = row * together;
        let wanted = parts(rows, across * problems, dim.y as usize * FEWEST);
        let part = rows.div_ceil(wanted).max(1);
        let parts = rows.div_ceil(part).max(1);
        let cubes = CubeCount::Static(count(across), count(parts), count(problems));
        Self { problems, row, rows, part, parts, channels, dim, cubes }
    }

    /// Adds up what the parts gave, `[parts, problems, 2, channels]`, to `[2, problems, channels]`.
    #[expect(clippy::cast_precision_loss, reason = "a channel has far fewer than 2^24 values that would matter")]
    fn finish(&self, sums: CubeTensor, x: &Planes, values: usize, to: Finish) -> CubeTensor {
        let into = blank(&sums, [2, self.problems, self.channels]);
        finish_kernel::launch(
            &into.client,
            CubeCount::Static(count(self.channels), count(self.problems), 1),
            CubeDim::new_2d(1, UNITS),
            addresses(&[&sums, &x.tensor]),
            sums.into_tensor_arg(),
            x.tensor.clone().into_tensor_arg(),
            into.clone().into_tensor_arg(),
            self.parts,
            self.channels,
            values as f32,
            to,
            UNITS as usize,
            dtype_to_storage_type(x.tensor.dtype),
        );
        into
    }
}

/// Mean and biased variance of each channel.
///
/// # Shapes
/// `x [samples, channels, ..]`; gives `[2, problems, channels]`, where problems are 1 or the samples.
pub(super) fn moments(x: CubeTensor, over: Over) -> CubeTensor {
    let planes = Planes::of(x);
    let width = planes.width();
    let cut = Cut::of(&planes, over, width);
    let sums = blank(&planes.tensor, [cut.parts, cut.problems, 2, cut.channels]);
    moments_kernel::launch(
        &sums.client,
        cut.cubes.clone(),
        cut.dim,
        addresses(&[&planes.tensor, &sums]),
        width,
        planes.tensor.clone().into_tensor_arg(),
        sums.clone().into_tensor_arg(),
        cut.row,
        cut.rows,
        cut.part,
        cut.channels,
        planes.nearest,
        UNITS as usize,
        dtype_to_storage_type(planes.tensor.dtype),
    );
    let [samples, _, positions] = planes.sizes();
    let values = positions * if over == Over::Batch { samples } else { 1 };
    cut.finish(sums, &planes, values, Finish::Moments)
}

/// A normalisation whose gradient is asked for: per problem and channel.
pub(super) struct Normalized {
    pub(super) mean: CubeTensor,
    pub(super) inverse: CubeTensor,
    pub(super) factor: CubeTensor,
    pub(super) shift: CubeTensor,
    pub(super) after: After,
}

/// Sums of the gradient, and of its products with normalised values.
///
/// # Shapes
/// `x` and `gradient` `[samples, channels, ..]`; gives `[2, problems, channels]`.
pub(super) fn gradients(x: CubeTensor, gradient: CubeTensor, of: Normalized, over: Over) -> CubeTensor {
    let (mut x, mut gradient) = (Planes::of(x), Planes::of(gradient));
    if x.nearest != gradient.nearest {
        (x, gradient) = (x.by_channel(), gradient.by_channel());
    }
    let width = x.width().min(gradient.width());
    let cut = Cut::of(&x, over, width);
    let sums = blank(&x.tensor, [cut.parts, cut.problems, 2, cut.channels]);
    gradients_kernel::launch(
        &sums.client,
        cut.cubes.clone(),
        cut.dim,
        addresses(&[&x.tensor, &gradient.tensor, &sums]),
        width,
        x.tensor.clone().into_tensor_arg(),
        gradient.tensor.clone().into_tensor_arg(),
        of.mean.into_tensor_arg(),
        of.inverse.into_tensor_arg(),
        of.factor.into_tensor_arg(),
        of.shift.into_tensor_arg(),
        sums.clone().into_tensor_arg(),
        cut.row,
        cut.rows,
        cut.part,
        cut.channels,
        x.nearest,
        of.after,
        UNITS as usize,
        dtype_to_storage_type(x.tensor.dtype),
    );
    cut.finish(sums, &x, 1, Finish::Sums)
}
