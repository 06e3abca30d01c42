//! Exact Euclidean distances from some pixels to the nearest of others.
//!
//! Does not know borders or metrics.

use super::{Bits, bits::along};

/// How many rows may be looked at for each pixel of the grid before all distances within slices are computed at once.
const PATIENCE: usize = 2;
/// How many rows around a place are sorted by their distance, beforehand.
const RINGS: isize = 12;

/// For each pixel of `from`, in C order, the distance to the nearest pixel of `to`, a map of equal shape that has some.
///
/// * From a place, rows are looked at from near to far, until no row can be nearer than what was found. Surfaces that are
///   compared lie close together as a rule, and few rows are looked at.
/// * Where they do not, and looking becomes dear, distances within slices are computed for all pixels by lower envelopes of
///   parabolas, and only slices are left to be looked at.
///
/// Both ways compare the same sums of squares, so that the result is exact either way. `sides` are those of a pixel, in the
/// order slices, rows, columns.
///
/// # Source
/// Separable squared distances: Meijster, Roerdink and Hesselink, "A general algorithm for computing distance transforms in
/// linear time", 2000; Felzenszwalb and Huttenlocher, "Distance transforms of sampled functions", 2012.
pub(crate) fn nearest(from: &Bits, to: &Bits, sides: [f64; 3]) -> Vec<f64> {
    let rows = Rows::of(to, sides);
    let mut found = Vec::with_capacity(from.count());
    let mut left = PATIENCE * to.shape.iter().product::<usize>();
    let mut slices = None;
    for row in 0..from.shape[0] * from.shape[1] {
        for (at, word) in from.row(row).iter().enumerate() {
            let mut word = *word;
            while word != 0 {
                let x = at * 64 + word.trailing_zeros() as usize;
                word &= word - 1;
                let squared = match &slices {
                    None if left > 0 => rows.squared(row, x, &mut left),
                    None => rows.through(slices.insert(rows.slices()), row, x),
                    Some(slices) => rows.through(slices, row, x),
                };
                found.push(squared.sqrt());
            }
        }
    }
    found
}

/// A row as seen from another.
struct Step {
    slices: isize,
    rows: isize,
    /// Squared distance between them.
    squared: f64,
}

/// The pixels that distances are to, row by row.
struct Rows<'b> {
    bits: &'b Bits,
    sides: [f64; 3],
    /// Whether a row has any pixel.
    has: Vec<bool>,
    /// Rows around a row, nearest first; all that are nearer than `complete`.
    around: Vec<Step>,
    complete: f64,
}

impl<'b> Rows<'b> {
    fn of(bits: &'b Bits, sides: [f64; 3]) -> Self {
        let [depth, height, _] = bits.shape;
        let has = (0..depth * height).map(|row| bits.row(row).iter().any(|word| *word != 0)).collect();
        let [deep, down] = [depth, height].map(|side| RINGS.min(side as isize - 1));
        let step = |slices: isize, rows: isize| {
            let squared = (slices as f64 * sides[0]).powi(2) + (rows as f64 * sides[1]).powi(2);
            Step { slices, rows, squared }
        };
        let mut around: Vec<Step> =
            (-deep..=deep).flat_map(|slices| (-down..=down).map(move |rows| step(slices, rows))).collect();
        around.sort_by(|one, other| one.squared.total_cmp(&other.squared));
        // Beyond an axis that is listed as a whole there is nothing.
        let end = |listed: isize, all: usize, side: f64| {
            if listed + 1 < all as isize { ((listed + 1) as f64 * side).powi(2) } else { f64::INFINITY }
        };
        let complete = end(deep, depth, sides[0]).min(end(down, height, sides[1]));
        around.retain(|step| step.squared < complete);
        Self { bits, sides, has, around, complete }
    }

    /// The squared distance by a row that is `apart` (squared) away; `best` if that is no farther.
    fn by_row(&self, row: usize, x: usize, apart: f64, best: f64) -> f64 {
        if !self.has[row] {
            return best;
        }
        // Columns that can still be nearer: one too many does no harm.
        let limit = || (((best - apart).sqrt() / self.sides[2]) as usize).saturating_add(2);
        match along(self.bits.row(row), x, limit) {
            Some(columns) => best.min(apart + (columns as f64 * self.sides[2]).powi(2)),
            None => best,
        }
    }

    /// Squared distance from a place, and from `left` one less for each row that was looked at.
    fn squared(&self, row: usize, x: usize, left: &mut usize) -> f64 {
        let [depth, height, _] = self.bits.shape;
        let (z, y) = (row / height, row % height);
        let mut best = f64::INFINITY;
        let mut looked = 0;
        for step in &self.around {
            if step.squared >= best {
                *left = left.saturating_sub(looked);
                return best;
            }
            looked += 1;
            let (z, y) = (z.wrapping_add_signed(step.slices), y.wrapping_add_signed(step.rows));
            if z < depth && y < height {
                best = self.by_row(z * height + y, x, step.squared, best);
            }
        }
        if best > self.complete {
            for dz in 0..depth {
                let across = (dz as f64 * self.sides[0]).powi(2);
                if across >= best {
                    break;
                }
                for slice in either(z, dz, depth) {
                    for dy in 0..height {
                        let apart = across + (dy as f64 * self.sides[1]).powi(2);
                        if apart >= best {
                            break;
                        }
                        for row in either(y, dy, height) {
                            looked += 1;
                            best = self.by_row(slice * height + row, x, apart, best);
                        }
                    }
                }
            }
        }
        *left = left.saturating_sub(looked);
        best
    }

    /// Squared distances within slices, for every pixel.
    fn slices(&self) -> Vec<f64> {
        let [_, height, width] = self.bits.shape;
        let mut squared = vec![f64::INFINITY; self.has.len() * width];
        let mut starts = vec![0.0; height * width];
        let mut envelope = Envelope::default();
        for ((slice, squared), has) in
            squared.chunks_exact_mut(height * width).enumerate().zip(self.has.chunks_exact(height))
        {
            let rows: Vec<usize> = (0..height).filter(|row| has[*row]).collect();
            for row in &rows {
                let words = self.bits.row(slice * height + row);
                for (x, start) in starts[row * width..][..width].iter_mut().enumerate() {
                    let columns = along(words, x, || usize::MAX).expect("a row that has pixels");
                    *start = (columns as f64 * self.sides[2]).powi(2);
                }
            }
            for x in (0..width).filter(|_| !rows.is_empty()) {
                envelope.build(rows.iter().map(|row| (*row, starts[row * width + x])), self.sides[1]);
                envelope.read(height, |row, value| squared[row * width + x] = value);
            }
        }
        squared
    }

    /// Squared distance from a place, of distances within slices.
    fn through(&self, slices: &[f64], row: usize, x: usize) -> f64 {
        let [depth, height, width] = self.bits.shape;
        let (z, within) = (row / height, row % height * width + x);
        let mut best = f64::INFINITY;
        for dz in 0..depth {
            let across = (dz as f64 * self.sides[0]).powi(2);
            if across >= best {
                break;
            }
            for slice in either(z, dz, depth) {
                best = best.min(across + slices[slice * height * width + within]);
            }
        }
        best
    }
}

/// What lies so far from a place on both sides, as far as it exists; one place where that is nowhere.
fn either(at: usize, by: usize, end: usize) -> impl Iterator<Item = usize> {
    let before = at.checked_sub(by);
    let behind = (by > 0 && at + by < end).then_some(at + by);
    before.into_iter().chain(behind)
}

/// The lower envelope of the parabolas `start + (side * (row - vertex))^2`.
#[derive(Default)]
struct Envelope {
    /// Vertex and start of each parabola that is lowest somewhere.
    parabolas: Vec<(usize, f64)>,
    /// From which row on it is lowest.
    from: Vec<f64>,
    side: f64,
}

impl Envelope {
    fn build(&mut self, starts: impl Iterator<Item = (usize, f64)>, side: f64) {
        self.parabolas.clear();
        self.from.clear();
        self.side = side;
        let square = side * side;
        for (vertex, start) in starts {
            let mut from = f64::NEG_INFINITY;
            while let Some((last, low)) = self.parabolas.last() {
                let (v, l) = (vertex as f64, *last as f64);
                from = ((start - low) / square + v * v - l * l) / (2.0 * (v - l));
                if from > *self.from.last().expect("one for each parabola") {
                    break;
                }
                self.parabolas.pop();
                self.from.pop();
                from = f64::NEG_INFINITY;
            }
            self.parabolas.push((vertex, start));
            self.from.push(from);
        }
    }

    fn read(&self, height: usize, mut to: impl FnMut(usize, f64)) {
        let mut at = 0;
        for row in 0..height {
            while at + 1 < self.from.len() && self.from[at + 1] <= row as f64 {
                at += 1;
            }
            let value = |(vertex, start): (usize, f64)| start + (row.abs_diff(vertex) as f64 * self.side).powi(2);
            // Where two parabolas cross at a row, rounding may name the wrong one of them.
            let near = [at.checked_sub(1), Some(at), (at + 1 < self.parabolas.len()).then_some(at + 1)];
            to(row, near.into_iter().flatten().map(|at| value(self.parabolas[at])).fold(f64::INFINITY, f64::min));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A repeatable stream of numbers.
    fn numbers(seed: u64) -> impl FnMut() -> u64 {
        let mut state = seed;
        move || {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            state >> 33
        }
    }

    fn by_hand(to: &[u8], [_, height, width]: [usize; 3], sides: [f64; 3]) -> Vec<f64> {
        let split = |at: usize| [at / (height * width), at / width % height, at % width];
        let distance = |a: usize, b: usize| {
            let (a, b) = (split(a), split(b));
            (0..3).map(|axis| (a[axis].abs_diff(b[axis]) as f64 * sides[axis]).powi(2)).sum::<f64>().sqrt()
        };
        let set: Vec<usize> = (0..to.len()).filter(|at| to[*at] != 0).collect();
        (0..to.len()).map(|at| set.iter().map(|other| distance(at, *other)).fold(f64::INFINITY, f64::min)).collect()
    }

    #[test]
    fn equal_to_all_pairs() {
        let mut next = numbers(3);
        for (shape, sides) in [
            ([1, 1, 9], [1.0, 1.0, 1.0]),
            ([1, 17, 23], [7.0, 0.5, 0.8]),
            ([1, 3, 150], [1.0, 9.0, 0.5]),
            ([1, 40, 70], [1.0, 0.1, 0.7]),
            ([9, 12, 11], [2.5, 0.7, 0.7]),
            ([30, 5, 3], [0.3, 1.1, 4.0]),
        ] {
            for every in [3, 40, 300, 10_000] {
                let size: usize = shape.iter().product();
                let mut to: Vec<u8> = (0..size).map(|_| u8::from(next().is_multiple_of(every))).collect();
                to[next() as usize % size] = 1;
                let expected = by_hand(&to, shape, sides);
                let to = Bits::of(&to, shape);
                let rows = Rows::of(&to, sides);
                let slices = rows.slices();
                for (place, expected) in expected.iter().enumerate() {
                    let (row, x) = (place / shape[2], place % shape[2]);
                    let looked = rows.squared(row, x, &mut usize::MAX.clone()).sqrt();
                    let through = rows.through(&slices, row, x).sqrt();
                    assert!((looked - expected).abs() < 1e-12, "{shape:?} {place}: {looked}, not {expected}");
                    assert!((through - expected).abs() < 1e-12, "{shape:?} {place}: {through}, not {expected}");
                }
                let found = nearest(&Bits::of(&vec![1; size], shape), &to, sides);
                assert_eq!(found.len(), size);
                let apart = found.iter().zip(&expected).map(|(found, expected)| (found - expected).abs());
                assert!(apart.fold(0.0, f64::max) < 1e-12);
            }
        }
    }
}
