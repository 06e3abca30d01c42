//! Bilinear interpolation of planes to another size, and the way back of its gradient.
//! Does not know Burn: slices in, vectors out.
//!
//! Columns first, then rows: along the columns values are looked up one by one, along the rows whole lines are weighed,
//! and the larger output is then met by the quicker of the two. A plane is one block of work.

use rayon::prelude::*;

/// Where the corners of an interpolation lie.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Corners {
    /// The centres of corner pixels lie on each other (`align_corners=True`).
    Aligned,
    /// The corners of the images lie on each other (`align_corners=False`).
    Outer,
}

impl Corners {
    /// `Aligned` for true.
    #[must_use]
    pub fn from_flag(align_corners: bool) -> Self {
        if align_corners { Self::Aligned } else { Self::Outer }
    }
}

/// Sizes of one interpolation, rows and columns.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Stretch {
    pub(crate) input: [usize; 2],
    pub(crate) output: [usize; 2],
    pub(crate) corners: Corners,
}

/// What one output position is made of.
#[derive(Clone, Copy)]
struct Mix {
    positions: [usize; 2],
    weights: [f32; 2],
}

impl Stretch {
    fn mixes(&self, axis: usize) -> Vec<Mix> {
        let (input, output) = (self.input[axis], self.output[axis]);
        (0..output).map(|at| mix(at, input, output, self.corners)).collect()
    }
}

#[expect(clippy::cast_precision_loss, clippy::cast_possible_truncation, reason = "sides of images are short")]
#[expect(clippy::cast_sign_loss, reason = "positions are not negative")]
fn mix(at: usize, input: usize, output: usize, corners: Corners) -> Mix {
    let position = match corners {
        Corners::Aligned if output == 1 => 0.0,
        Corners::Aligned => at as f64 * (input - 1) as f64 / (output - 1) as f64,
        Corners::Outer => ((at as f64 + 0.5) * input as f64 / output as f64 - 0.5).max(0.0),
    };
    let first = (position as usize).min(input - 1);
    let share = position - first as f64;
    Mix { positions: [first, (first + 1).min(input - 1)], weights: [(1.0 - share) as f32, share as f32] }
}

/// Interpolates each plane.
pub(crate) fn forward(x: &[f32], stretch: &Stretch) -> Vec<f32> {
    let [rows, columns] = stretch.input;
    let [high, wide] = stretch.output;
    let (row_mixes, column_mixes) = (stretch.mixes(0), stretch.mixes(1));
    let mut y = vec![0.0; x.len() / (rows * columns) * high * wide];
    let planes = y.par_chunks_exact_mut(high * wide).zip(x.par_chunks_exact(rows * columns));
    planes.for_each_init(Vec::new, |lines, (target, plane)| {
        lines.resize(rows * wide, 0.0);
        for (line, source) in lines.chunks_exact_mut(wide).zip(plane.chunks_exact(columns)) {
            for (value, Mix { positions: [first, second], weights }) in line.iter_mut().zip(&column_mixes) {
                *value = weights[0] * source[*first] + weights[1] * source[*second];
            }
        }
        for (row, Mix { positions, weights }) in target.chunks_exact_mut(wide).zip(&row_mixes) {
            let [first, second] = positions.map(|line| &lines[line * wide..][..wide]);
            for ((value, first), second) in row.iter_mut().zip(first).zip(second) {
                *value = weights[0] * first + weights[1] * second;
            }
        }
    });
    y
}

/// Computes the gradient of the input from the gradient of the output.
pub(crate) fn backward(gradient: &[f32], stretch: &Stretch) -> Vec<f32> {
    let [rows, columns] = stretch.input;
    let [high, wide] = stretch.output;
    let (row_mixes, column_mixes) = (stretch.mixes(0), stretch.mixes(1));
    let mut x = vec![0.0; gradient.len() / (high * wide) * rows * columns];
    let planes = x.par_chunks_exact_mut(rows * columns).zip(gradient.par_chunks_exact(high * wide));
    planes.for_each_init(Vec::new, |lines: &mut Vec<f32>, (target, plane)| {
        lines.clear();
        lines.resize(rows * wide, 0.0);
        for (row, Mix { positions, weights }) in plane.chunks_exact(wide).zip(&row_mixes) {
            for (position, weight) in positions.iter().zip(weights) {
                let line = &mut lines[position * wide..][..wide];
                line.iter_mut().zip(row).for_each(|(line, value)| *line += weight * value);
            }
        }
        for (target, line) in target.chunks_exact_mut(columns).zip(lines.chunks_exact(wide)) {
            for (value, Mix { positions: [first, second], weights }) in line.iter().zip(&column_mixes) {
                target[*first] += weights[0] * value;
                target[*second] += weights[1] * value;
            }
        }
    });
    x
}
