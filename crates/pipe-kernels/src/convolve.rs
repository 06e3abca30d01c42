//! Forward pass, data gradient, weight gradient and bias gradient of a convolution.
//! Does not know Burn: slices in, vectors out.
//!
//! * All four are products of the weights or of the output gradient with the input's columns.
//! * Work is cut into tiles and channel ranges by shape alone; a value is always summed by one
//!   block, or by partial sums that are added up in order. So bytes do not depend on threads.
//! * Maps too small for a product of their own are joined over the batch: weights are read once.
#![expect(unsafe_code, reason = "blocks of work write disjoint parts of one output")]

use std::ops::Range;

use rayon::prelude::*;

use crate::columns::{gather, scatter};
use crate::geometry::{Geometry, Tile, ranges};
use crate::matrix::{Matrix, Onto, Output, Sizes, product, with_buffers};

/// Blocks of work that a pass should fall into: enough for eight threads, few enough to stay large.
const BLOCKS: usize = 8;
/// Weight gradients up to this length are summed per group of tiles; longer ones per channel range,
/// because a copy a group would cost more memory than it saves time.
const SMALL_WEIGHTS: usize = 1 << 16;

/// Floats in a memory page.
const PAGE: usize = 1024;

/// Computes the output.
pub(crate) fn forward(x: &[f32], weight: &[f32], bias: Option<&[f32]>, geometry: &Geometry) -> Vec<f32> {
    let (out, size, reach) = (geometry.channels_out, geometry.output_size(), geometry.reach());
    let mut y = vec![0.0; geometry.batch * out * size];
    let output = Output::new(&mut y);
    let tiles = geometry.tiles(reach);
    let multiply = |tile: Tile, channels: Range<usize>, columns: Matrix<'_>, joined: &mut [f32]| {
        let sizes = Sizes { rows: channels.len(), inner: reach, columns: geometry.width(tile) };
        let left = Matrix::rows(&weight[channels.start * reach..], reach);
        let start = geometry.start(tile);
        if tile.samples == 1 {
            let first = (tile.sample * out + channels.start) * size + start;
            let mut onto = Onto::Nothing;
            if let Some(bias) = bias {
                onto = Onto::Present;
                for (row, &bias) in bias[channels].iter().enumerate() {
                    let row = first + row * size;
                    // SAFETY: these rows of this tile belong to this block alone.
                    unsafe { output.part(row..row + sizes.columns) }.fill(bias);
                }
            }
            // SAFETY: as above.
            unsafe { output.product(first, size, onto, sizes, left, columns) };
            return;
        }
        product(joined, sizes.columns, Onto::Nothing, sizes, left, columns);
        for (row, channel) in channels.enumerate() {
            let shift = bias.map_or(0.0, |bias| bias[channel]);
            for part in 0..tile.samples {
                let first = ((tile.sample + part) * out + channel) * size;
                // SAFETY: these channels of these samples belong to this block alone.
                let target = unsafe { output.part(first..first + size) };
                let source = &joined[row * sizes.columns + part * size..][..size];
                for (target, source) in target.iter_mut().zip(source) {
                    *target = source + shift;
                }
            }
        }
    };
    if tiles.len() >= BLOCKS || out * reach < SMALL_WEIGHTS {
        tiles.into_par_iter().for_each(|tile| {
            let joined = if tile.samples > 1 { out * geometry.width(tile) } else { 0 };
            let copied = if is_view(geometry, tile) { 0 } else { reach * geometry.apart(tile) };
            with_buffers(copied, joined, |columns, joined| {
                let columns = columns_of(x, geometry, 0..geometry.channels_in, tile, columns);
                multiply(tile, 0..out, columns, joined);
            });
        });
    } else {
        let mut buffer = Vec::new();
        for tile in tiles {
            let width = geometry.width(tile);
            let columns = if is_view(geometry, tile) {
                columns_of(x, geometry, 0..geometry.channels_in, tile, &mut [])
            } else {
                let apart = geometry.apart(tile);
                buffer.resize(reach * apart, 0.0);
                let rows = geometry.kernel_size() * apart;
                let step = geometry.channels_in.div_ceil(BLOCKS);
                buffer.par_chunks_mut(rows * step).enumerate().for_each(|(block, part)| {
                    let first = block * step;
                    gather(x, geometry, first..first + part.len() / rows, tile, part);
                });
                Matrix::rows(&buffer, apart)
            };
            ranges(out, BLOCKS).into_par_iter().for_each(|channels| {
                let joined = if tile.samples > 1 { channels.len() * width } else { 0 };
                with_buffers(0, joined, |_, joined| {
                    multiply(tile, channels, columns, joined);
                });
            });
        }
    }
    y
}

/// Computes the gradient of the input from the gradient of the output.
pub(crate) fn data_gradient(gradient: &[f32], weight: &[f32], geometry: &Geometry) -> Vec<f32> {
    let (reach, kernel) = (geometry.reach(), geometry.kernel_size());
    let (inner, size) = (geometry.channels_out, geometry.input_size());
    let pointwise = geometry.output_as_pointwise();
    let mut x = vec![0.0; geometry.batch * geometry.channels_in * size];
    let output = Output::new(&mut x);
    // Tiles of one sample overlap in the input, so one block walks through all tiles of its samples.
    let mut groups: Vec<Vec<Tile>> = Vec::new();
    let rows_at_once = geometry.channels_in.div_ceil(BLOCKS.div_ceil(geometry.batch)) * kernel;
    for tile in geometry.tiles(rows_at_once) {
        match groups.last_mut() {
            Some(group) if group[0].sample == tile.sample => group.push(tile),
            _ => groups.push(vec![tile]),
        }
    }
    let parts = ranges(geometry.channels_in, BLOCKS.div_ceil(groups.len()));
    let blocks: Vec<(&Vec<Tile>, Range<usize>)> =
        groups.iter().flat_map(|group| parts.iter().map(move |channels| (group, channels.clone()))).collect();
    blocks.into_par_iter().for_each(|(group, channels)| {
        let rows = channels.len() * kernel;
        for &tile in group {
            let width = geometry.width(tile);
            let sizes = Sizes { rows, inner, columns: width };
            let left = Matrix::rows(&weight[channels.start * kernel..], reach).transposed();
            let apart = geometry.apart(tile);
            let joined = if is_view(&pointwise, tile) { 0 } else { inner * apart };
            let direct = tile.samples == 1 && geometry.is_pointwise();
            with_buffers(if direct { 0 } else { rows * apart }, joined, |columns, joined| {
                let right = columns_of(gradient, &pointwise, 0..inner, tile, joined);
                if direct {
                    let first = (tile.sample * geometry.channels_in + channels.start) * size;
                    // SAFETY: these channels of this sample belong to this block alone.
                    unsafe {
                        output.product(first + geometry.start(tile), size, Onto::Nothing, sizes, left, right);
                    };
                    return;
                }
                product(columns, apart, Onto::Nothing, sizes, left, right);
                scatter(columns, geometry, channels.clone(), tile, |sample, channel| {
                    let first = (sample * geometry.channels_in + channel) * size;
                    // SAFETY: these channels of these samples belong to this block alone, and
                    // `scatter` drops one plane before it asks for the next.
                    unsafe { output.part(first..first + size) }
                });
            });
        }
    });
    x
}

/// Computes the gradient of the weights from the input and the gradient of the output.
pub(crate) fn weight_gradient(x: &[f32], gradient: &[f32], geometry: &Geometry) -> Vec<f32> {
    let (out, reach, kernel) = (geometry.channels_out, geometry.reach(), geometry.kernel_size());
    let pointwise = geometry.output_as_pointwise();
    let length = out * reach;
    // Adds one tile's share of the weights of some input channels.
    let add = |tile: Tile, channels: Range<usize>, onto: Onto, output: Output<'_>| {
        let width = geometry.width(tile);
        let rows = channels.len() * kernel;
        let sizes = Sizes { rows: out, inner: width, columns: rows };
        let apart = geometry.apart(tile);
        let joined = if is_view(&pointwise, tile) { 0 } else { out * apart };
        let copied = if is_view(geometry, tile) { 0 } else { rows * apart };
        with_buffers(copied, joined, |columns, joined| {
            let left = columns_of(gradient, &pointwise, 0..out, tile, joined);
            let first = channels.start * kernel;
            let right = columns_of(x, geometry, channels, tile, columns).transposed();
            // SAFETY: the caller hands every block its own columns of the weights or its own copy.
            unsafe { output.product(first, reach, onto, sizes, left, right) };
        });
    };
    let onto = |index: usize| {
        if index == 0 { Onto::Nothing } else { Onto::Present }
    };
    if length > SMALL_WEIGHTS {
        let mut weight = vec![0.0; length];
        let output = Output::new(&mut weight);
        let parts = ranges(geometry.channels_in, BLOCKS);
        let tiles = geometry.tiles(parts[0].len() * kernel);
        parts.into_par_iter().for_each(|channels| {
            for (index, &tile) in tiles.iter().enumerate() {
                add(tile, channels.clone(), onto(index), output);
            }
        });
        return weight;
    }
    let tiles = geometry.tiles(reach);
    let groups = ranges(tiles.len(), 2 * BLOCKS);
    let mut sums = vec![0.0; groups.len() * length];
    sums.par_chunks_mut(length).zip(groups).for_each(|(sum, group)| {
        let output = Output::new(sum);
        for (index, &tile) in tiles[group].iter().enumerate() {
            add(tile, 0..geometry.channels_in, onto(index), output);
        }
    });
    let (weight, rest) = sums.split_at_mut(length);
    for sum in rest.chunks_exact(length) {
        for (weight, sum) in weight.iter_mut().zip(sum) {
            *weight += *sum;
        }
    }
    sums.truncate(length);
    sums
}

/// Computes the gradient of the bias: sums over samples and positions, in order, in double precision.
pub(crate) fn bias_gradient(gradient: &[f32], geometry: &Geometry) -> Vec<f32> {
    let (out, size) = (geometry.channels_out, geometry.output_size());
    (0..out)
        .into_par_iter()
        .map(|channel| {
            let sum: f64 = (0..geometry.batch)
                .map(|sample| crate::sums::sum(&gradient[(sample * out + channel) * size..][..size]))
                .sum();
            #[expect(clippy::cast_possible_truncation, reason = "gradients are single precision")]
            let sum = sum as f32;
            sum
        })
        .collect()
}

/// Whether the columns of a tile are read where they stand in the input.
///
/// Channels a multiple of a memory page apart are copied nevertheless: see [`Geometry::apart`].
fn is_view(geometry: &Geometry, tile: Tile) -> bool {
    tile.samples == 1 && geometry.is_pointwise() && !geometry.input_size().is_multiple_of(PAGE)
}

/// The columns of a tile: a view of the input where that is possible, else a copy in `buffer`.
fn columns_of<'a>(
    x: &'a [f32],
    geometry: &Geometry,
    channels: Range<usize>,
    tile: Tile,
    buffer: &'a mut [f32],
) -> Matrix<'a> {
    if is_view(geometry, tile) {
        let size = geometry.input_size();
        let first = (tile.sample * geometry.channels_in + channels.start) * size + geometry.start(tile);
        return Matrix::rows(&x[first..], size);
    }
    gather(x, geometry, channels, tile, buffer);
    Matrix::rows(buffer, geometry.apart(tile))
}

#[cfg(test)]
mod tests {
    use burn::tensor::ops::ConvOptions;
    use rayon::ThreadPoolBuilder;

    use super::*;

    /// Values without a pattern that a wrong index could hide in.
    fn values(length: usize) -> Vec<f32> {
        let mut state = 1_u32;
        (0..length)
            .map(|_| {
                state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                f32::from(i16::from_ne_bytes([state.to_ne_bytes()[2], state.to_ne_bytes()[3]])) / 32768.0
            })
            .collect()
    }

    #[track_caller]
    fn check(x: [usize; 5], weight: [usize; 5], options: &ConvOptions<3>) {
        let geometry = Geometry::volumetric(x, weight, options);
        let (x, weight) = (values(x.iter().product()), values(weight.iter().product()));
        let gradient = values(geometry.batch * geometry.channels_out * geometry.output_size());
        let bias = values(geometry.channels_out);
        let run = |threads: usize| {
            let pool = ThreadPoolBuilder::new().num_threads(threads).build().expect("a few threads");
            let results = pool.install(|| {
                [
                    forward(&x, &weight, Some(&bias), &geometry),
                    data_gradient(&gradient, &weight, &geometry),
                    weight_gradient(&x, &gradient, &geometry),
                    bias_gradient(&gradient, &geometry),
                ]
            });
            results.map(|result| result.into_iter().map(f32::to_bits).collect::<Vec<_>>())
        };
        let one = run(1);
        for threads in [2, 3] {
            assert!(run(threads) == one, "{threads} threads give other bytes for {geometry:?}");
        }
    }

    #[test]
    fn bytes_do_not_depend_on_the_number_of_threads() {
        let same = ConvOptions::new([1; 3], [1; 3], [1; 3], 1);
        check([3, 8, 4, 32, 32], [16, 8, 3, 3, 3], &same);
        check([4, 64, 4, 2, 2], [128, 64, 3, 3, 3], &same);
        check([4, 128, 4, 1, 1], [96, 128, 3, 3, 3], &same);
        check([2, 32, 1, 48, 48], [24, 32, 1, 1, 1], &ConvOptions::new([1; 3], [0; 3], [1; 3], 1));
        let halving = ConvOptions::new_with_padding([1, 2, 2], [(0, 1), (0, 0), (0, 0)], [1; 3], 1);
        check([2, 16, 4, 33, 32], [32, 16, 2, 2, 2], &halving);
    }
}
