//! The way back of the gradient of a bilinear interpolation, on a GPU.
//! Does not know the way forth: Burn has it.
//!
//! Each input pixel collects from the outputs that it was mixed into, so that no two units write to one place.

use burn::backend::cubecl::dtype_to_storage_type;
use burn::tensor::Shape;
use burn_cubecl::ops::numeric::empty_device_contiguous_dtype;
use burn_cubecl::ops::permute_nhwc_to_nchw;
use burn_cubecl::tensor::CubeTensor;
use cubecl::calculate_cube_count_elemwise;
use cubecl::prelude::*;
use cubecl::std::FastDivmod;

use super::planes::{Planes, addresses};
use crate::stretch::{Corners, Stretch};

/// First and last output that an input position may be mixed into.
#[cube]
fn reach(at: usize, input: usize, output: usize, #[comptime] corners: Corners) -> (usize, usize) {
    let mut first = 0usize.runtime();
    let mut last = output - 1;
    if input > 1 {
        // A margin of one on both sides takes up what rounding does.
        if comptime!(corners == Corners::Aligned) {
            if at > 0 {
                first = (at - 1) * (output - 1) / (input - 1);
            }
            last = (at + 1) * (output - 1) / (input - 1) + 1;
        } else {
            if at > 0 {
                first = (2 * at - 1) * output / (2 * input);
            }
            if at + 1 < input {
                last = (2 * at + 3) * output / (2 * input) + 1;
            }
        }
    }
    (max(first, 1usize) - 1, min(last, output - 1))
}

/// The share of an input position in an output.
#[cube]
fn share(at: usize, output_at: usize, input: usize, output: usize, #[comptime] corners: Corners) -> f32 {
    let mut position = f32::new(0.0_f32);
    if comptime!(corners == Corners::Aligned) {
        if output > 1 {
            position = f32::cast_from(output_at * (input - 1)) / f32::cast_from(output - 1);
        }
    } else {
        let centre = f32::cast_from(output_at) + f32::new(0.5_f32);
        position = centre * f32::cast_from(input) / f32::cast_from(output) - f32::new(0.5_f32);
    }
    let position = clamp(position, f32::new(0.0_f32), f32::cast_from(input - 1));
    max(f32::new(1.0_f32) - (position - f32::cast_from(at)).abs(), f32::new(0.0_f32))
}

/// Collects, over tensors with channels last.
#[cube(launch, address_type = "dynamic")]
fn collect_kernel<F: Float, N: Size>(
    gradient: &Tensor<Vector<F, N>>,
    into: &mut Tensor<Vector<F, N>>,
    lanes: FastDivmod<usize>,
    columns: FastDivmod<usize>,
    rows: FastDivmod<usize>,
    high: usize,
    wide: usize,
    count: usize,
    #[comptime] corners: Corners,
    #[define(F)] _dtype: ElemType,
) {
    if ABSOLUTE_POS >= count {
        terminate!();
    }
    let width = N::value();
    let (rest, lane) = lanes.div_mod(ABSOLUTE_POS);
    let (rest, column) = columns.div_mod(rest);
    let (sample, row) = rows.div_mod(rest);
    let (first_row, last_row) = reach(row, high, gradient.shape(1), corners);
    let (first_column, last_column) = reach(column, wide, gradient.shape(2), corners);
    let base = sample * gradient.stride(0) + lane * width;
    let mut sum = Vector::<f32, N>::new(0.0_f32);
    for y in first_row..last_row + 1 {
        let part = share(row, y, high, gradient.shape(1), corners);
        for x in first_column..last_column + 1 {
            let part = part * share(column, x, wide, gradient.shape(2), corners);
            let place = base + y * gradient.stride(1) + x * gradient.stride(2);
            sum += Vector::<f32, N>::cast_from(gradient[place / width]) * Vector::new(part);
        }
    }
    into[ABSOLUTE_POS] = Vector::<F, N>::cast_from(sum);
}

/// Computes the gradient of the input, `[samples, channels, input]`, from that of the output.
pub(super) fn gradient(gradient: CubeTensor, stretch: Stretch) -> CubeTensor {
    let gradient = Planes::channels_last(gradient);
    let [samples, channels] = [gradient.meta.shape()[0], gradient.meta.shape()[3]];
    let [high, wide] = stretch.input;
    let shape = Shape::new([samples, high, wide, channels]);
    let (client, device) = (gradient.client.clone(), gradient.device.clone());
    let into = empty_device_contiguous_dtype(client, device, shape, gradient.dtype);
    let strides = gradient.meta.strides();
    let fits = |width: &usize| channels % width == 0 && strides[..3].iter().all(|stride| stride % width == 0);
    let width = [4, 2, 1].into_iter().find(fits).unwrap_or(1);
    let lanes = channels / width;
    let units = samples * high * wide * lanes;
    let dim = CubeDim::new(&into.client, units);
    let dtype = gradient.dtype;
    collect_kernel::launch(
        &into.client,
        calculate_cube_count_elemwise(&into.client, units, dim),
        dim,
        addresses(&[&gradient, &into]),
        width,
        gradient.into_tensor_arg(),
        into.clone().into_tensor_arg(),
        lanes,
        wide,
        high,
        high,
        wide,
        units,
        stretch.corners,
        dtype_to_storage_type(dtype),
    );
    permute_nhwc_to_nchw(into)
}
