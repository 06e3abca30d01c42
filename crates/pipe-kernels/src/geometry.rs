//! Shapes of one convolution, and how its work is cut into blocks.
//! Does not know values: everything here depends on shapes alone, never on the number of threads.

use std::ops::Range;

use burn::tensor::ops::ConvOptions;

/// Floats that a column block should fill: 1 MiB, so that it stays in a second-level cache.
const BLOCK_FLOATS: usize = 1 << 18;
/// Narrowest column block: below this the product reads the weights more often than it pays.
const NARROWEST: usize = 128;
/// Widest column block: beyond this nothing is gained and small layers lose parallel blocks.
const WIDEST: usize = 2048;

/// Floats in a cache line.
const CACHE_LINE: usize = 16;

/// A convolution over `[depth, height, width]`; in two dimensions the depth is 1.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Geometry {
    pub(crate) batch: usize,
    pub(crate) channels_in: usize,
    pub(crate) channels_out: usize,
    pub(crate) input: [usize; 3],
    pub(crate) kernel: [usize; 3],
    pub(crate) output: [usize; 3],
    pub(crate) stride: [usize; 3],
    pub(crate) dilation: [usize; 3],
    pub(crate) before: [usize; 3],
    pub(crate) channels: Channels,
}

/// Which input channels an output channel sees.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Channels {
    /// All of them.
    All,
    /// Its own alone; there are as many output as input channels.
    Own,
    /// Those of its group: no kernel here.
    Group,
}

/// A block of output positions: some lines of one sample, or all lines of several.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Tile {
    pub(crate) sample: usize,
    pub(crate) samples: usize,
    pub(crate) line: usize,
    pub(crate) lines: usize,
}

impl Geometry {
    /// Reads the shapes of a 2D convolution.
    pub(crate) fn planar(x: [usize; 4], weight: [usize; 4], options: &ConvOptions<2>) -> Self {
        Self::volumetric(
            [x[0], x[1], 1, x[2], x[3]],
            [weight[0], weight[1], 1, weight[2], weight[3]],
            &ConvOptions::new_with_padding(
                [1, options.stride[0], options.stride[1]],
                [(0, 0), options.padding[0], options.padding[1]],
                [1, options.dilation[0], options.dilation[1]],
                options.groups,
            ),
        )
    }

    /// Reads the shapes of a 3D convolution.
    pub(crate) fn volumetric(x: [usize; 5], weight: [usize; 5], options: &ConvOptions<3>) -> Self {
        let [batch, channels_in, input @ ..] = x;
        let [channels_out, weight_in, kernel @ ..] = weight;
        assert_eq!(channels_in, weight_in * options.groups, "channels of input and weight differ");
        assert!(x.into_iter().chain(weight).all(|length| length > 0), "empty operand: {x:?} * {weight:?}");
        let output = std::array::from_fn(|axis| {
            let (before, after) = options.padding[axis];
            let reach = options.dilation[axis] * (kernel[axis] - 1) + 1;
            let padded = input[axis] + before + after;
            assert!(padded >= reach, "padded input {padded} is smaller than the kernel's reach {reach}");
            (padded - reach) / options.stride[axis] + 1
        });
        Self {
            batch,
            channels_in,
            channels_out,
            input,
            kernel,
            output,
            stride: options.stride,
            dilation: options.dilation,
            before: options.padding.map(|(before, _)| before),
            channels: match options.groups {
                1 => Channels::All,
                groups if groups == channels_in && channels_out == groups && x[2] * weight[2] == 1 => Channels::Own,
                _ => Channels::Group,
            },
        }
    }

    /// Input values of one channel of one sample.
    pub(crate) fn input_size(&self) -> usize {
        self.input.iter().product()
    }

    /// Output values of one channel of one sample.
    pub(crate) fn output_size(&self) -> usize {
        self.output.iter().product()
    }

    /// Weights between one input and one output channel.
    pub(crate) fn kernel_size(&self) -> usize {
        self.kernel.iter().product()
    }

    /// Values that one output value is a weighted sum of.
    pub(crate) fn reach(&self) -> usize {
        self.channels_in * self.kernel_size()
    }

    /// Lines of output width in one sample.
    pub(crate) fn lines(&self) -> usize {
        self.output[0] * self.output[1]
    }

    /// Whether every output value sees one position only, its own: input and columns are then equal.
    pub(crate) fn is_pointwise(&self) -> bool {
        self.kernel == [1; 3] && self.stride == [1; 3] && self.input == self.output
    }

    /// The convolution of kernel 1 whose input has this one's output shape.
    pub(crate) fn output_as_pointwise(&self) -> Self {
        Self {
            channels_in: self.channels_out,
            input: self.output,
            kernel: [1; 3],
            stride: [1; 3],
            dilation: [1; 3],
            before: [0; 3],
            ..self.clone()
        }
    }

    /// Cuts all output positions into tiles for column blocks of `rows` rows.
    pub(crate) fn tiles(&self, rows: usize) -> Vec<Tile> {
        let target = (BLOCK_FLOATS / rows.max(1)).clamp(NARROWEST, WIDEST);
        let (size, lines) = (self.output_size(), self.lines());
        if size * 2 <= target {
            let samples = (target / size).min(self.batch);
            return (0..self.batch)
                .step_by(samples)
                .map(|sample| Tile { sample, samples: samples.min(self.batch - sample), line: 0, lines })
                .collect();
        }
        let parts = size.div_ceil(target).min(lines);
        let step = lines.div_ceil(parts);
        (0..self.batch)
            .flat_map(|sample| {
                (0..lines).step_by(step).map(move |line| Tile {
                    sample,
                    samples: 1,
                    line,
                    lines: step.min(lines - line),
                })
            })
            .collect()
    }

    /// Columns of a tile.
    pub(crate) fn width(&self, tile: Tile) -> usize {
        tile.samples * tile.lines * self.output[2]
    }

    /// Distance between the rows of a tile's columns: an odd number of cache lines, because rows that
    /// lie a power of two apart push each other out of the cache (measured: three times slower).
    pub(crate) fn apart(&self, tile: Tile) -> usize {
        (self.width(tile).div_ceil(CACHE_LINE) | 1) * CACHE_LINE
    }

    /// First output position of a tile within a sample's channel.
    pub(crate) fn start(&self, tile: Tile) -> usize {
        tile.line * self.output[2]
    }
}

/// Cuts `count` things into at most `parts` ranges of equal length, the last one shorter.
pub(crate) fn ranges(count: usize, parts: usize) -> Vec<Range<usize>> {
    let step = count.div_ceil(parts.max(1)).max(1);
    (0..count).step_by(step).map(|start| start..count.min(start + step)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(x: [usize; 5], weight: [usize; 5], options: &ConvOptions<3>, output: [usize; 3]) {
        let geometry = Geometry::volumetric(x, weight, options);
        assert_eq!(geometry.output, output);
        for rows in [1, 100, 10_000] {
            let covered: usize = geometry.tiles(rows).into_iter().map(|tile| geometry.width(tile)).sum();
            assert_eq!(covered, geometry.batch * geometry.output_size());
        }
    }

    #[test]
    fn tiles_cover_every_output_position_once() {
        let same = ConvOptions::new([1; 3], [1; 3], [1; 3], 1);
        check([2, 8, 4, 64, 64], [16, 8, 3, 3, 3], &same, [4, 64, 64]);
        check([5, 8, 4, 3, 1], [16, 8, 3, 3, 3], &same, [4, 3, 1]);
        let halving = ConvOptions::new_with_padding([1, 2, 2], [(0, 1); 3], [1; 3], 1);
        check([3, 8, 4, 9, 8], [16, 8, 2, 2, 2], &halving, [4, 5, 4]);
    }
}
