//! Convolution of each channel with a kernel of its own: forward pass, data gradient and weight gradient.
//! Does not know Burn, and no volumes: slices in, vectors out.
//!
//! * One plane (a channel of a sample) is one block of work, and so is one channel's weights: bytes do not depend on threads.
//! * A plane is first sorted: padded, and rows and columns parted by their remainder to the stride. Then every tap sees
//!   one unbroken stretch of it for all outputs at once, with some positions between the lines that nobody asks for.
//! * Taps that see padding alone are left out, so that large dilations on small maps cost nothing.

use rayon::prelude::*;

use crate::geometry::Geometry;

/// Values of planes that one thread takes at once.
const GRAIN: usize = 1 << 14;
/// Outputs that all taps are added to before the next ones: they stay in a first-level cache.
const BLOCK: usize = 1 << 12;
/// Running sums of a weight.
const LANES: usize = 16;

/// One tap of the kernel.
#[derive(Clone, Copy, Debug)]
struct Tap {
    /// Its weight.
    weight: usize,
    /// Where the first output reads in a sorted plane.
    first: usize,
}

/// Rows, or columns, of one convolution.
struct Axis {
    input: usize,
    stride: usize,
    /// Input position of the sorted plane's first one; before the input where there is padding.
    low: isize,
    /// Length of each part.
    part: usize,
    /// Kernel positions that see the input at all: which, its part, its place there.
    taps: Vec<[usize; 3]>,
}

impl Axis {
    fn new(input: usize, output: usize, [kernel, stride, dilation]: [usize; 3], before: isize) -> Self {
        let offset = |tap: usize| (tap * dilation).cast_signed() - before;
        let sees = |tap: &usize| {
            let first = (-offset(*tap)).max(0).cast_unsigned().div_ceil(stride);
            first < output && (first * stride).cast_signed() + offset(*tap) < input.cast_signed()
        };
        let seeing: Vec<usize> = (0..kernel).filter(sees).collect();
        let low = seeing.iter().map(|tap| offset(*tap)).min().unwrap_or(0);
        let placed = |tap: usize| {
            let behind = (offset(tap) - low).cast_unsigned();
            [tap, behind % stride, behind / stride]
        };
        let taps: Vec<[usize; 3]> = seeing.into_iter().map(placed).collect();
        let part = output + taps.iter().map(|[_, _, place]| *place).max().unwrap_or(0);
        Self { input, stride, low, part, taps }
    }

    /// Gives places in a part and the input positions that stand there.
    fn each(&self, part: usize) -> impl Iterator<Item = (usize, usize)> {
        let start = self.low + part.cast_signed();
        let skipped = (-start).max(0).cast_unsigned().div_ceil(self.stride);
        let first = start + (skipped * self.stride).cast_signed();
        let positions = (first.cast_unsigned()..self.input).step_by(self.stride);
        (skipped..self.part).zip(positions)
    }
}

/// One convolution, with everything that depends on shapes alone.
struct Plan {
    axes: [Axis; 2],
    output: [usize; 2],
    taps: Vec<Tap>,
    /// Outputs, and the positions between their lines.
    length: usize,
}

impl Plan {
    fn of(geometry: &Geometry) -> Self {
        let Geometry { input, output, before, .. } = *geometry;
        Self::new(geometry, input, output, before.map(usize::cast_signed))
    }

    /// The convolution that the data gradient is at stride 1: of the output gradient with the kernel turned round.
    fn turned(geometry: &Geometry) -> Self {
        let Geometry { input, output, kernel, dilation, before, .. } = *geometry;
        let reach = |axis: usize| (dilation[axis] * (kernel[axis] - 1)).cast_signed();
        Self::new(geometry, output, input, std::array::from_fn(|axis| reach(axis) - before[axis].cast_signed()))
    }

    fn new(geometry: &Geometry, input: [usize; 3], output: [usize; 3], before: [isize; 3]) -> Self {
        let Geometry { kernel, stride, dilation, .. } = *geometry;
        let axis = |axis: usize| {
            Axis::new(input[axis], output[axis], [kernel[axis], stride[axis], dilation[axis]], before[axis])
        };
        let (rows, columns) = (axis(1), axis(2));
        let tap = |[row, row_part, line]: [usize; 3], [column, column_part, place]: [usize; 3]| Tap {
            weight: row * kernel[2] + column,
            first: ((row_part * stride[2] + column_part) * rows.part + line) * columns.part + place,
        };
        let taps = rows.taps.iter().flat_map(|row| columns.taps.iter().map(|column| tap(*row, *column))).collect();
        let length = (output[1] - 1) * columns.part + output[2];
        Self { axes: [rows, columns], output: [output[1], output[2]], taps, length }
    }

    /// Calls `visit(start in the sorted plane, input line, column part)` for each line of each part.
    fn lines(&self, mut visit: impl FnMut(usize, usize, usize)) {
        let [rows, columns] = &self.axes;
        for row_part in 0..rows.stride {
            for (line, input) in rows.each(row_part) {
                for column_part in 0..columns.stride {
                    let part = row_part * columns.stride + column_part;
                    visit((part * rows.part + line) * columns.part, input, column_part);
                }
            }
        }
    }

    fn sorted_size(&self) -> usize {
        self.axes.iter().map(|axis| axis.part * axis.stride).product()
    }

    /// Sorts a plane.
    fn sort(&self, plane: &[f32], sorted: &mut Vec<f32>) {
        let [_, columns] = &self.axes;
        sorted.clear();
        sorted.resize(self.sorted_size(), 0.0);
        self.lines(|start, line, column_part| {
            let (target, source) = (&mut sorted[start..][..columns.part], &plane[line * columns.input..]);
            if columns.stride == 1 {
                let skipped = (-columns.low).max(0).cast_unsigned();
                let first = columns.low.max(0).cast_unsigned();
                let length = (columns.part - skipped).min(columns.input - first);
                target[skipped..][..length].copy_from_slice(&source[first..][..length]);
            } else {
                columns.each(column_part).for_each(|(place, position)| target[place] = source[position]);
            }
        });
    }

    /// Puts a sorted plane back; what no output saw stays as it was.
    fn unsort(&self, sorted: &[f32], plane: &mut [f32]) {
        let [_, columns] = &self.axes;
        self.lines(|start, line, column_part| {
            let target = &mut plane[line * columns.input..];
            columns.each(column_part).for_each(|(place, position)| target[position] = sorted[start + place]);
        });
    }

    /// Lays a gradient out as the outputs of a sorted plane, with zeros between the lines.
    fn spread(&self, gradient: &[f32], spread: &mut Vec<f32>) {
        let [_, width] = self.output;
        spread.clear();
        spread.resize(self.length, 0.0);
        for (target, line) in spread.chunks_mut(self.axes[1].part).zip(gradient.chunks_exact(width)) {
            target[..width].copy_from_slice(line);
        }
    }

    /// Convolves a sorted plane with a kernel.
    fn convolve(&self, sorted: &[f32], weight: &[f32], bias: f32, results: &mut Vec<f32>, y: &mut [f32]) {
        results.clear();
        results.resize(self.length, bias);
        for (block, results) in results.chunks_mut(BLOCK).enumerate() {
            let length = results.len();
            let source = |tap: &Tap| &sorted[tap.first + block * BLOCK..][..length];
            let (threes, rest) = self.taps.as_chunks::<3>();
            for taps in threes {
                let sources = taps.each_ref().map(source);
                add(results, taps.map(|tap| weight[tap.weight]), sources);
            }
            for tap in rest {
                add(results, [weight[tap.weight]], [source(tap)]);
            }
        }
        let [_, width] = self.output;
        for (line, results) in y.chunks_exact_mut(width).zip(results.chunks(self.axes[1].part)) {
            line.copy_from_slice(&results[..width]);
        }
    }
}

/// Adds weighted stretches to a stretch.
#[inline]
fn add<const N: usize>(target: &mut [f32], weight: [f32; N], sources: [&[f32]; N]) {
    let length = target.len();
    let sources = sources.map(|source| &source[..length]);
    for at in 0..length {
        let mut sum = target[at];
        for tap in 0..N {
            sum += weight[tap] * sources[tap][at];
        }
        target[at] = sum;
    }
}

/// Adds products to running sums.
#[inline]
fn multiply(left: &[f32], right: &[f32], sums: &mut [f32; LANES]) {
    let mut running = *sums;
    let (left, left_rest) = left.as_chunks::<LANES>();
    let (right, right_rest) = right.as_chunks::<LANES>();
    for (left, right) in left.iter().zip(right) {
        for lane in 0..LANES {
            running[lane] += left[lane] * right[lane];
        }
    }
    for (lane, (left, right)) in left_rest.iter().zip(right_rest).enumerate() {
        running[lane] += left * right;
    }
    *sums = running;
}

/// Work buffers of a thread.
#[derive(Default)]
struct Buffers {
    sorted: Vec<f32>,
    flat: Vec<f32>,
    weight: Vec<f32>,
}

/// Computes the output.
pub(crate) fn forward(x: &[f32], weight: &[f32], bias: Option<&[f32]>, geometry: &Geometry) -> Vec<f32> {
    let plan = Plan::of(geometry);
    let mut y = vec![0.0; geometry.batch * geometry.channels_out * geometry.output_size()];
    let (size, kernel) = (geometry.input_size(), geometry.kernel_size());
    planes(&mut y, geometry.output_size(), |index, target, Buffers { sorted, flat, .. }| {
        let channel = index % geometry.channels_in;
        plan.sort(&x[index * size..][..size], sorted);
        let bias = bias.map_or(0.0, |bias| bias[channel]);
        plan.convolve(sorted, &weight[channel * kernel..][..kernel], bias, flat, target);
    });
    y
}

/// Computes the gradient of the input from the gradient of the output.
pub(crate) fn data_gradient(gradient: &[f32], weight: &[f32], geometry: &Geometry) -> Vec<f32> {
    let mut x = vec![0.0; geometry.batch * geometry.channels_in * geometry.input_size()];
    let (size, kernel) = (geometry.output_size(), geometry.kernel_size());
    let parts = |index: usize| {
        let channel = index % geometry.channels_in;
        (&gradient[index * size..][..size], &weight[channel * kernel..][..kernel])
    };
    if geometry.stride == [1; 3] {
        let plan = Plan::turned(geometry);
        planes(&mut x, geometry.input_size(), |index, target, Buffers { sorted, flat, weight: turned }| {
            let (gradient, weight) = parts(index);
            turned.clear();
            turned.extend(weight.iter().rev());
            plan.sort(gradient, sorted);
            plan.convolve(sorted, turned, 0.0, flat, target);
        });
        return x;
    }
    let plan = Plan::of(geometry);
    planes(&mut x, geometry.input_size(), |index, target, Buffers { sorted, flat, .. }| {
        let (gradient, weight) = parts(index);
        plan.spread(gradient, flat);
        sorted.clear();
        sorted.resize(plan.sorted_size(), 0.0);
        for tap in &plan.taps {
            add(&mut sorted[tap.first..][..plan.length], [weight[tap.weight]], [flat]);
        }
        plan.unsort(sorted, target);
    });
    x
}

/// Computes the gradient of the weights from the input and the gradient of the output.
pub(crate) fn weight_gradient(x: &[f32], gradient: &[f32], geometry: &Geometry) -> Vec<f32> {
    let plan = Plan::of(geometry);
    let (size, output) = (geometry.input_size(), geometry.output_size());
    let kernel = geometry.kernel_size();
    let mut weight = vec![0.0; geometry.channels_in * kernel];
    let channels = weight.par_chunks_exact_mut(kernel).enumerate();
    channels.for_each_init(Buffers::default, |Buffers { sorted, flat, .. }, (channel, weight)| {
        let mut sums = vec![[0.0; LANES]; plan.taps.len()];
        for sample in 0..geometry.batch {
            let plane = sample * geometry.channels_in + channel;
            plan.sort(&x[plane * size..][..size], sorted);
            plan.spread(&gradient[plane * output..][..output], flat);
            for (tap, sums) in plan.taps.iter().zip(&mut sums) {
                multiply(&sorted[tap.first..][..plan.length], flat, sums);
            }
        }
        for (tap, sums) in plan.taps.iter().zip(sums) {
            weight[tap.weight] = sums.iter().sum();
        }
    });
    weight
}

/// Calls `fill(index, plane, work buffers)` for each plane of `size` values.
fn planes(values: &mut [f32], size: usize, fill: impl Fn(usize, &mut [f32], &mut Buffers) + Sync) {
    let grain = (GRAIN / size).max(1);
    let planes = values.par_chunks_exact_mut(size).enumerate().with_min_len(grain);
    planes.for_each_init(Buffers::default, |buffers, (index, plane)| fill(index, plane, buffers));
}

#[cfg(test)]
mod tests {
    use burn::tensor::ops::ConvOptions;
    use rayon::ThreadPoolBuilder;

    use super::*;

    #[test]
    fn bytes_do_not_depend_on_the_number_of_threads() {
        let geometry = Geometry::planar([3, 24, 41, 39], [24, 1, 5, 5], &ConvOptions::new([2; 2], [2; 2], [1; 2], 24));
        let values = |length: usize| -> Vec<f32> { (0..length).map(|at| (at as f32 * 0.7).sin()).collect() };
        let (x, weight) = (values(3 * 24 * 41 * 39), values(24 * 25));
        let gradient = values(3 * 24 * geometry.output_size());
        let run = |threads: usize| {
            let pool = ThreadPoolBuilder::new().num_threads(threads).build().expect("a few threads");
            pool.install(|| {
                let y = forward(&x, &weight, None, &geometry);
                [y, data_gradient(&gradient, &weight, &geometry), weight_gradient(&x, &gradient, &geometry)]
            })
        };
        let one = run(1);
        for threads in [2, 3] {
            assert!(run(threads) == one, "{threads} threads give other bytes");
        }
    }
}
