//! Convolution of each channel with a kernel of its own: forward pass, data gradient and weight gradient.
//! Does not know Burn, and no volumes: slices in, vectors out.
//!
//! * One plane (a channel of a sample) is one block of work, and so is one channel's weights: bytes do not depend on threads.
//! * With a stride, columns of a plane are first sorted by their remainder, so that every tap reads consecutive values.
//! * The taps of a kernel row run together where all of them see the input, alone at the edges.

use std::ops::Range;

use rayon::prelude::*;

use crate::geometry::Geometry;

/// Values of planes that one thread takes at once.
const GRAIN: usize = 1 << 14;
/// Running sums of a weight.
const LANES: usize = 16;

/// How the values of one line are seen by one column of the kernel.
#[derive(Clone, Debug)]
struct Tap {
    /// Outputs that see the input and not its padding.
    inside: Range<usize>,
    /// Where output 0 reads in a sorted line; may lie before it.
    first: isize,
}

impl Tap {
    /// Where the outputs of a range, a part of `inside`, read.
    fn reads(&self, outputs: &Range<usize>) -> Range<usize> {
        let start = self.first.wrapping_add_unsigned(outputs.start).cast_unsigned();
        start..start + outputs.len()
    }
}

/// One convolution over lines and columns, with everything that depends on shapes alone.
struct Plan {
    lines: [usize; 2],
    kernel_lines: usize,
    stride: usize,
    dilation: usize,
    before: isize,
    /// Columns of input and output.
    columns: [usize; 2],
    /// Columns step by this much.
    step: usize,
    /// Length of each part of a sorted line.
    part: usize,
    taps: Vec<Tap>,
    /// Outputs that all taps see the input for.
    common: Range<usize>,
}

impl Plan {
    fn of(geometry: &Geometry) -> Self {
        let Geometry { input, output, kernel, stride, dilation, before, .. } = *geometry;
        Self::new(input, output, kernel, stride, dilation, before.map(usize::cast_signed))
    }

    /// The convolution that the data gradient is at stride 1: of the output gradient with the kernel turned round.
    fn turned(geometry: &Geometry) -> Self {
        let Geometry { input, output, kernel, stride, dilation, before, .. } = *geometry;
        let before = std::array::from_fn(|axis| {
            (dilation[axis] * (kernel[axis] - 1)).cast_signed() - before[axis].cast_signed()
        });
        Self::new(output, input, kernel, stride, dilation, before)
    }

    fn new(
        input: [usize; 3],
        output: [usize; 3],
        kernel: [usize; 3],
        stride: [usize; 3],
        dilation: [usize; 3],
        before: [isize; 3],
    ) -> Self {
        let [_, step_lines, step] = stride;
        let columns = [input[2], output[2]];
        let part = columns[0].div_ceil(step);
        let taps: Vec<Tap> = (0..kernel[2])
            .map(|column| {
                // Output `at` reads column `at * step + offset`.
                let offset = (column * dilation[2]).cast_signed() - before[2];
                let seen = |limit: isize| (limit - offset).max(0).cast_unsigned().div_ceil(step).min(columns[1]);
                let inside = seen(0)..seen(columns[0].cast_signed());
                let (line_part, first) = (offset.rem_euclid(step.cast_signed()), offset.div_euclid(step.cast_signed()));
                Tap { inside, first: line_part * part.cast_signed() + first }
            })
            .collect();
        let start = taps.iter().map(|tap| tap.inside.start).max().unwrap_or(0);
        let end = taps.iter().map(|tap| tap.inside.end).min().unwrap_or(0);
        Self {
            lines: [input[1], output[1]],
            kernel_lines: kernel[1],
            stride: step_lines,
            dilation: dilation[1],
            before: before[1],
            columns,
            step,
            part,
            taps,
            common: start..end.max(start),
        }
    }

    /// Length of a sorted line.
    fn sorted(&self) -> usize {
        self.step * self.part
    }

    /// The input line that an output line sees with a line of the kernel.
    fn seen(&self, output: usize, kernel: usize) -> Option<usize> {
        let line = (output * self.stride + kernel * self.dilation).cast_signed() - self.before;
        (0..self.lines[0].cast_signed()).contains(&line).then_some(line.cast_unsigned())
    }

    /// Calls `visit(output line, kernel line, input line)` for all that meet.
    fn each(&self, mut visit: impl FnMut(usize, usize, usize)) {
        for output in 0..self.lines[1] {
            for kernel in 0..self.kernel_lines {
                if let Some(input) = self.seen(output, kernel) {
                    visit(output, kernel, input);
                }
            }
        }
    }

    /// What a tap sees besides the outputs that all taps see.
    fn edges(&self, tap: &Tap) -> [Range<usize>; 2] {
        let (Range { start, end }, common) = (tap.inside.clone(), &self.common);
        [start..common.start.min(end), common.end..end.max(common.end)]
    }

    /// Sorts the columns of a plane by their remainder; without a stride the plane is sorted as it is.
    fn sort<'a>(&self, plane: &'a [f32], buffer: &'a mut Vec<f32>) -> &'a [f32] {
        if self.step == 1 {
            return plane;
        }
        buffer.resize(self.lines[0] * self.sorted(), 0.0);
        for (line, sorted) in plane.chunks_exact(self.columns[0]).zip(buffer.chunks_exact_mut(self.sorted())) {
            for (remainder, part) in sorted.chunks_exact_mut(self.part).enumerate() {
                let values = line.iter().skip(remainder).step_by(self.step);
                part.iter_mut().zip(values).for_each(|(target, value)| *target = *value);
            }
        }
        buffer
    }

    /// Puts sorted columns back.
    fn unsort(&self, buffer: &[f32], plane: &mut [f32]) {
        for (line, sorted) in plane.chunks_exact_mut(self.columns[0]).zip(buffer.chunks_exact(self.sorted())) {
            for (remainder, part) in sorted.chunks_exact(self.part).enumerate() {
                let targets = line.iter_mut().skip(remainder).step_by(self.step);
                targets.zip(part).for_each(|(target, value)| *target = *value);
            }
        }
    }

    /// Adds the convolution of a sorted plane with a kernel to `y`.
    fn convolve(&self, x: &[f32], weight: &[f32], y: &mut [f32]) {
        let (columns, width) = (self.taps.len(), self.columns[1]);
        self.each(|output, kernel, input| {
            let line = &x[input * self.sorted()..][..self.sorted()];
            let target = &mut y[output * width..][..width];
            let weight = &weight[kernel * columns..][..columns];
            for (tap, &weight) in self.taps.iter().zip(weight) {
                for edge in self.edges(tap).into_iter().filter(|edge| !edge.is_empty()) {
                    let source = &line[tap.reads(&edge)];
                    add(&mut target[edge], [weight], [source]);
                }
            }
            let mut taps = self.taps.as_slice();
            let mut weight = weight;
            let target = &mut target[self.common.clone()];
            while !taps.is_empty() && !target.is_empty() {
                let source = |tap: usize| &line[taps[tap].reads(&self.common)];
                let done = match taps.len() {
                    5.. => {
                        add(target, first(weight), std::array::from_fn::<_, 5, _>(source));
                        5
                    }
                    3.. => {
                        add(target, first(weight), std::array::from_fn::<_, 3, _>(source));
                        3
                    }
                    _ => {
                        add(target, first(weight), [source(0)]);
                        1
                    }
                };
                (taps, weight) = (&taps[done..], &weight[done..]);
            }
        });
    }

    /// Adds the way back of a gradient through a kernel to a sorted plane.
    fn scatter(&self, gradient: &[f32], weight: &[f32], x: &mut [f32]) {
        let (columns, width) = (self.taps.len(), self.columns[1]);
        self.each(|output, kernel, input| {
            let line = &mut x[input * self.sorted()..][..self.sorted()];
            let gradient = &gradient[output * width..][..width];
            for (tap, &weight) in self.taps.iter().zip(&weight[kernel * columns..]) {
                if !tap.inside.is_empty() {
                    add(&mut line[tap.reads(&tap.inside)], [weight], [&gradient[tap.inside.clone()]]);
                }
            }
        });
    }

    /// Adds products of a sorted plane and a gradient to the running sums of each weight.
    fn correlate(&self, x: &[f32], gradient: &[f32], sums: &mut [[f32; LANES]]) {
        let (columns, width) = (self.taps.len(), self.columns[1]);
        self.each(|output, kernel, input| {
            let line = &x[input * self.sorted()..][..self.sorted()];
            let gradient = &gradient[output * width..][..width];
            for (tap, sums) in self.taps.iter().zip(&mut sums[kernel * columns..]) {
                if !tap.inside.is_empty() {
                    multiply(&line[tap.reads(&tap.inside)], &gradient[tap.inside.clone()], sums);
                }
            }
        });
    }
}

fn first<const N: usize>(weight: &[f32]) -> [f32; N] {
    std::array::from_fn(|at| weight[at])
}

/// Adds weighted lines to a line.
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

/// Computes the output.
pub(crate) fn forward(x: &[f32], weight: &[f32], bias: Option<&[f32]>, geometry: &Geometry) -> Vec<f32> {
    let plan = Plan::of(geometry);
    let mut y = vec![0.0; geometry.batch * geometry.channels_out * geometry.output_size()];
    let (size, kernel) = (geometry.input_size(), geometry.kernel_size());
    planes(&mut y, geometry.output_size(), |index, target, buffer| {
        let channel = index % geometry.channels_in;
        if let Some(bias) = bias {
            target.fill(bias[channel]);
        }
        let x = plan.sort(&x[index * size..][..size], buffer);
        plan.convolve(x, &weight[channel * kernel..][..kernel], target);
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
        planes(&mut x, geometry.input_size(), |index, target, buffer| {
            let (gradient, weight) = parts(index);
            buffer.clear();
            buffer.extend(weight.iter().rev());
            plan.convolve(gradient, buffer, target);
        });
        return x;
    }
    let plan = Plan::of(geometry);
    planes(&mut x, geometry.input_size(), |index, target, buffer| {
        let (gradient, weight) = parts(index);
        if plan.step == 1 {
            return plan.scatter(gradient, weight, target);
        }
        buffer.clear();
        buffer.resize(plan.lines[0] * plan.sorted(), 0.0);
        plan.scatter(gradient, weight, buffer);
        plan.unsort(buffer, target);
    });
    x
}

/// Computes the gradient of the weights from the input and the gradient of the output.
pub(crate) fn weight_gradient(x: &[f32], gradient: &[f32], geometry: &Geometry) -> Vec<f32> {
    let plan = Plan::of(geometry);
    let (size, output) = (geometry.input_size(), geometry.output_size());
    let kernel = geometry.kernel_size();
    let mut weight = vec![0.0; geometry.channels_in * kernel];
    weight.par_chunks_mut(kernel).enumerate().for_each_init(Vec::new, |buffer, (channel, weight)| {
        let mut sums = vec![[0.0; LANES]; kernel];
        for sample in 0..geometry.batch {
            let plane = sample * geometry.channels_in + channel;
            let x = plan.sort(&x[plane * size..][..size], buffer);
            plan.correlate(x, &gradient[plane * output..][..output], &mut sums);
        }
        for (weight, sums) in weight.iter_mut().zip(sums) {
            *weight = sums.iter().sum();
        }
    });
    weight
}

/// Calls `fill(index, plane, work buffer)` for each plane of `size` values.
fn planes(values: &mut [f32], size: usize, fill: impl Fn(usize, &mut [f32], &mut Vec<f32>) + Sync) {
    let grain = (GRAIN / size).max(1);
    let planes = values.par_chunks_exact_mut(size).enumerate().with_min_len(grain);
    planes.for_each_init(Vec::new, |buffer, (index, plane)| fill(index, plane, buffer));
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
