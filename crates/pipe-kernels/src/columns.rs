//! Input values laid out as the columns that a matrix product needs, and the way back.
//! Does not know weights, gradients or threads.
//!
//! Row `(channel, kernel position)`, column `output position`: a convolution is then the product of
//! the weights with these columns, and its data gradient the columns' way back.

use std::ops::Range;

use crate::geometry::{Geometry, Tile};

/// One row of the columns: where the input lines lie that a kernel position sees.
struct Row<'a> {
    geometry: &'a Geometry,
    kernel: [usize; 3],
    /// Output positions along the width that see the input and not its padding.
    inside: Range<usize>,
}

impl<'a> Row<'a> {
    fn new(geometry: &'a Geometry, kernel: [usize; 3]) -> Self {
        let (shift, stride) = (kernel[2] * geometry.dilation[2], geometry.stride[2]);
        let width = geometry.output[2];
        let first = geometry.before[2]
            .saturating_sub(shift)
            .div_ceil(stride)
            .min(width);
        let end = (geometry.input[2] + geometry.before[2])
            .saturating_sub(shift)
            .div_ceil(stride)
            .min(width);
        Self {
            geometry,
            kernel,
            inside: first..end.max(first),
        }
    }

    /// Start of the input line seen by an output line, unless it is padding.
    fn line(&self, line: usize) -> Option<usize> {
        let Geometry { output, input, .. } = self.geometry;
        let depth = self.along(0, line / output[1])?;
        let height = self.along(1, line % output[1])?;
        Some((depth * input[1] + height) * input[2])
    }

    fn along(&self, axis: usize, position: usize) -> Option<usize> {
        let geometry = self.geometry;
        (position * geometry.stride[axis] + self.kernel[axis] * geometry.dilation[axis])
            .checked_sub(geometry.before[axis])
            .filter(|&position| position < geometry.input[axis])
    }

    /// Input position along the width of the first output position inside.
    fn offset(&self) -> usize {
        self.inside.start * self.geometry.stride[2] + self.kernel[2] * self.geometry.dilation[2]
            - self.geometry.before[2]
    }
}

/// Calls `visit(row of the columns, channel, kernel position)` for every row.
fn each_row(
    geometry: &Geometry,
    channels: Range<usize>,
    mut visit: impl FnMut(usize, usize, &Row<'_>),
) {
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
pub(crate) fn gather(
    x: &[f32],
    geometry: &Geometry,
    channels: Range<usize>,
    tile: Tile,
    columns: &mut [f32],
) {
    let (size, width) = (geometry.input_size(), geometry.output[2]);
    let (across, apart) = (geometry.width(tile), geometry.apart(tile));
    let stride = geometry.stride[2];
    each_row(geometry, channels, |index, channel, row| {
        let mut targets = columns[index * apart..][..across].chunks_exact_mut(width);
        let Range { start, end } = row.inside.clone();
        for sample in tile.sample..tile.sample + tile.samples {
            let plane = &x[(sample * geometry.channels_in + channel) * size..][..size];
            for line in tile.line..tile.line + tile.lines {
                let target = targets.next().expect("a tile has one chunk a line");
                let Some(source) = row.line(line).filter(|_| start < end) else {
                    target.fill(0.0);
                    continue;
                };
                let source = &plane[source + row.offset()..];
                target[..start].fill(0.0);
                target[end..].fill(0.0);
                let target = &mut target[start..end];
                if stride == 1 {
                    target.copy_from_slice(&source[..target.len()]);
                } else {
                    for (target, source) in target.iter_mut().zip(source.iter().step_by(stride)) {
                        *target = *source;
                    }
                }
            }
        }
    });
}

/// Adds `columns` (`[channels * kernel, tile]`) onto the input positions that they were seen from.
///
/// `planes(sample, channel)` gives the values of one channel of one sample.
pub(crate) fn scatter<'x>(
    columns: &[f32],
    geometry: &Geometry,
    channels: Range<usize>,
    tile: Tile,
    mut planes: impl FnMut(usize, usize) -> &'x mut [f32],
) {
    let (width, across, apart) = (
        geometry.output[2],
        geometry.width(tile),
        geometry.apart(tile),
    );
    let stride = geometry.stride[2];
    each_row(geometry, channels, |index, channel, row| {
        let mut sources = columns[index * apart..][..across].chunks_exact(width);
        let Range { start, end } = row.inside.clone();
        for sample in tile.sample..tile.sample + tile.samples {
            let plane = planes(sample, channel);
            for line in tile.line..tile.line + tile.lines {
                let source = sources.next().expect("a tile has one chunk a line");
                let Some(target) = row.line(line).filter(|_| start < end) else {
                    continue;
                };
                let target = &mut plane[target + row.offset()..];
                let source = &source[start..end];
                if stride == 1 {
                    for (target, source) in target.iter_mut().zip(source) {
                        *target += *source;
                    }
                } else {
                    for (target, source) in target.iter_mut().step_by(stride).zip(source) {
                        *target += *source;
                    }
                }
            }
        }
    });
}
