//! Input values laid out as the columns that a matrix product needs, and the way back.
//! Does not know weights, gradients or threads.
//!
//! Row `(channel, kernel position)`, column `output position`: a convolution is then the product of
//! the weights with these columns, and its data gradient the columns' way back.
//!
//! Where output lines are as long as input lines and nothing is skipped, many lines move as one
//! block, shifted: what wraps around a line's end is padding, and is set to zero line by line.

use std::ops::Range;

use crate::geometry::{Geometry, Tile};

/// One row of the columns: where the input values lie that a kernel position sees.
struct Row<'a> {
    geometry: &'a Geometry,
    kernel: [usize; 3],
    /// Output positions along the width that see the input and not its padding.
    inside: Range<usize>,
    slides: bool,
}

/// Some successive output lines of one sample.
struct Run {
    lines: usize,
    /// Input position that the first output position sees; it may lie outside of its line, and of
    /// the input. None where all lines see padding.
    start: Option<isize>,
}

impl<'a> Row<'a> {
    fn new(geometry: &'a Geometry, kernel: [usize; 3]) -> Self {
        let Geometry { input, output, stride, dilation, before, .. } = geometry;
        let shift = kernel[2] * dilation[2];
        let first = before[2].saturating_sub(shift).div_ceil(stride[2]).min(output[2]);
        let end = (input[2] + before[2]).saturating_sub(shift).div_ceil(stride[2]).min(output[2]);
        Self { geometry, kernel, inside: first..end.max(first), slides: stride[1..] == [1, 1] && input[2] == output[2] }
    }

    /// The longest run from `line` on that ends before `end`.
    fn run(&self, line: usize, end: usize) -> Run {
        let Geometry { input, output, before, dilation, .. } = self.geometry;
        let end = if self.slides { end.min((line / output[1] + 1) * output[1]) } else { line + 1 };
        let padding = |lines| Run { lines, start: None };
        let Some(depth) = self.seen(0, line / output[1]) else {
            return padding(end - line);
        };
        let Some(height) = self.seen(1, line % output[1]) else {
            let above = before[1].saturating_sub(line % output[1] + self.kernel[1] * dilation[1]);
            return padding(if self.slides && above > 0 { above.min(end - line) } else { end - line });
        };
        let start = (depth * input[1] + height) * input[2] + self.kernel[2] * dilation[2];
        Run {
            lines: (end - line).min(input[1] - height),
            start: self.inside.end.gt(&self.inside.start).then_some(start.cast_signed() - before[2].cast_signed()),
        }
    }

    fn seen(&self, axis: usize, position: usize) -> Option<usize> {
        let geometry = self.geometry;
        (position * geometry.stride[axis] + self.kernel[axis] * geometry.dilation[axis])
            .checked_sub(geometry.before[axis])
            .filter(|&position| position < geometry.input[axis])
    }
}

/// The part of a shifted block of `length` values that lies in a plane of `size` values, and where.
fn overlap(start: isize, length: usize, size: usize) -> (Range<usize>, usize) {
    let skipped = start.min(0).unsigned_abs().min(length);
    let first = start.max(0).cast_unsigned();
    let end = (skipped + size.saturating_sub(first)).min(length);
    (skipped..end, first)
}

/// Sets what lies outside of `inside` to zero in every line.
fn clear_edges(values: &mut [f32], width: usize, inside: &Range<usize>) {
    if *inside != (0..width) {
        for line in values.chunks_exact_mut(width) {
            line[..inside.start].fill(0.0);
            line[inside.end..].fill(0.0);
        }
    }
}

/// Calls `visit(row of the columns, channel, kernel position)` for every row.
fn each_row(geometry: &Geometry, channels: Range<usize>, mut visit: impl FnMut(usize, usize, &Row<'_>)) {
    let [depth, height, width] = geometry.kernel;
    let rows: Vec<Row<'_>> = (0..depth)
        .flat_map(|d| (0..height).flat_map(move |h| (0..width).map(move |w| [d, h, w])))
        .map(|kernel| Row::new(geometry, kernel))
        .collect();
    let mut index = 0;
    for channel in channels {
        for row in &rows {
            visit(index, channel, row);
            index += 1;
        }
    }
}

/// Fills `columns` (`[channels * kernel, tile]`, rows [`Geometry::apart`]) from the input.
pub(crate) fn gather(x: &[f32], geometry: &Geometry, channels: Range<usize>, tile: Tile, columns: &mut [f32]) {
    let (size, width) = (geometry.input_size(), geometry.output[2]);
    let (across, apart) = (geometry.width(tile), geometry.apart(tile));
    let (stride, last) = (geometry.stride[2], tile.line + tile.lines);
    each_row(geometry, channels, |index, channel, row| {
        let mut rest = &mut columns[index * apart..][..across];
        let Range { start: left, end: right } = row.inside.clone();
        for sample in tile.sample..tile.sample + tile.samples {
            let plane = &x[(sample * geometry.channels_in + channel) * size..][..size];
            let mut line = tile.line;
            while line < last {
                let Run { lines, start } = row.run(line, last);
                line += lines;
                let (target, behind) = rest.split_at_mut(lines * width);
                rest = behind;
                let Some(start) = start else {
                    target.fill(0.0);
                    continue;
                };
                if row.slides {
                    let (part, first) = overlap(start, target.len(), size);
                    let length = part.len();
                    target[part].copy_from_slice(&plane[first..first + length]);
                } else {
                    let first = start + (left * stride).cast_signed();
                    let source = &plane[first.cast_unsigned()..];
                    for (target, source) in target[left..right].iter_mut().zip(source.iter().step_by(stride)) {
                        *target = *source;
                    }
                }
                clear_edges(target, width, &row.inside);
            }
        }
    });
}

/// Adds `columns` (`[channels * kernel, tile]`, rows [`Geometry::apart`]) onto the input positions
/// that they were seen from. Columns that saw padding are lost.
///
/// `plane(sample, channel)` gives the values of one channel of one sample.
pub(crate) fn scatter<'x>(
    columns: &mut [f32],
    geometry: &Geometry,
    channels: Range<usize>,
    tile: Tile,
    mut plane: impl FnMut(usize, usize) -> &'x mut [f32],
) {
    let (size, width) = (geometry.input_size(), geometry.output[2]);
    let (across, apart) = (geometry.width(tile), geometry.apart(tile));
    let (stride, last) = (geometry.stride[2], tile.line + tile.lines);
    each_row(geometry, channels, |index, channel, row| {
        let mut rest = &mut columns[index * apart..][..across];
        let Range { start: left, end: right } = row.inside.clone();
        for sample in tile.sample..tile.sample + tile.samples {
            let plane = plane(sample, channel);
            let mut line = tile.line;
            while line < last {
                let Run { lines, start } = row.run(line, last);
                line += lines;
                let (source, behind) = rest.split_at_mut(lines * width);
                rest = behind;
                let Some(start) = start else { continue };
                if row.slides {
                    clear_edges(source, width, &row.inside);
                    let (part, first) = overlap(start, source.len(), size);
                    for (target, source) in plane[first..].iter_mut().zip(&source[part]) {
                        *target += *source;
                    }
                } else {
                    let first = start + (left * stride).cast_signed();
                    let target = plane[first.cast_unsigned()..].iter_mut().step_by(stride);
                    for (target, source) in target.zip(&source[left..right]) {
                        *target += *source;
                    }
                }
            }
        }
    });
}
