//! Exact Euclidean distances from some pixels to the nearest of others.
//!
//! Does not know borders or metrics.

/// How many rows may be looked at for each pixel of the grid before all distances within slices are computed at once.
const PATIENCE: usize = 2;

/// For each place in `from`, the distance to the nearest pixel of `to`, a map of 0 and 1 that is not 0 everywhere.
///
/// * In each row, how far the nearest pixel is along the row: two passes.
/// * From a place, rows are looked at outwards, slice by slice, until no row can be nearer than what was found. Surfaces
///   that are compared lie close together as a rule, and few rows are looked at.
/// * Where they do not, and looking becomes dear, distances within slices are computed for all pixels by lower envelopes of
///   parabolas, and only slices are left to be looked at.
///
/// Both ways compare the same sums of squares, so that the result is exact either way.
///
/// # Shapes
/// `to`: `shape` (slices, rows, columns) in C order; `from`: indexes into it. `sides` in the same order.
///
/// # Source
/// Separable squared distances: Meijster, Roerdink and Hesselink, "A general algorithm for computing distance transforms in
/// linear time", 2000; Felzenszwalb and Huttenlocher, "Distance transforms of sampled functions", 2012.
pub(crate) fn nearest(from: &[u32], to: &[u8], shape: [usize; 3], sides: [f64; 3]) -> Vec<f64> {
    let rows = Rows::of(to, shape, sides);
    let mut found = Vec::with_capacity(from.len());
    let mut left = PATIENCE * to.len();
    for place in from {
        match rows.squared(*place as usize, &mut left) {
            Some(squared) => found.push(squared.sqrt()),
            None => {
                let slices = rows.slices();
                found.extend(from[found.len()..].iter().map(|place| rows.through(&slices, *place as usize).sqrt()));
                return found;
            }
        }
    }
    found
}

/// Distances along rows.
struct Rows {
    shape: [usize; 3],
    sides: [f64; 3],
    /// Columns to the nearest pixel of the row; only good in rows that have one.
    along: Vec<u32>,
    /// Whether a row has any.
    has: Vec<bool>,
}

impl Rows {
    fn of(map: &[u8], shape: [usize; 3], sides: [f64; 3]) -> Self {
        let width = shape[2];
        let mut along = vec![0_u32; map.len()];
        let mut has = Vec::with_capacity(shape[0] * shape[1]);
        for (row, along) in map.chunks_exact(width).zip(along.chunks_exact_mut(width)) {
            let Some(first) = row.iter().position(|pixel| *pixel != 0) else {
                has.push(false);
                continue;
            };
            has.push(true);
            let mut far = first as u32 + 1;
            for (pixel, along) in row.iter().zip(&mut *along) {
                // Before the first pixel the distance is too large here, and the way back mends it.
                far = if *pixel != 0 { 0 } else { far + 1 };
                *along = far;
            }
            let mut far = u32::MAX / 2;
            for (pixel, along) in row.iter().zip(along).rev() {
                far = if *pixel != 0 { 0 } else { far + 1 };
                *along = (*along).min(far);
            }
        }
        Self { shape, sides, along, has }
    }

    fn split(&self, place: usize) -> [usize; 3] {
        let [_, height, width] = self.shape;
        [place / (height * width), place / width % height, place % width]
    }

    /// Squared distance from a place; none when `left` rows have been looked at.
    fn squared(&self, place: usize, left: &mut usize) -> Option<f64> {
        let [depth, height, width] = self.shape;
        let [z, y, x] = self.split(place);
        let mut best = f64::INFINITY;
        for dz in 0..depth {
            let across = (dz as f64 * self.sides[0]).powi(2);
            if across >= best {
                break;
            }
            for slice in either(z, dz, depth) {
                for dy in 0..height {
                    let down = across + (dy as f64 * self.sides[1]).powi(2);
                    if down >= best {
                        break;
                    }
                    for row in either(y, dy, height).map(|row| slice * height + row) {
                        *left = left.checked_sub(1)?;
                        if self.has[row] {
                            best = best.min(down + (f64::from(self.along[row * width + x]) * self.sides[2]).powi(2));
                        }
                    }
                }
            }
        }
        Some(best)
    }

    /// Squared distances within slices, for every pixel.
    fn slices(&self) -> Vec<f64> {
        let [_, height, width] = self.shape;
        let mut squared = vec![f64::INFINITY; self.along.len()];
        let mut envelope = Envelope::default();
        let slices = self.along.chunks_exact(height * width).zip(squared.chunks_exact_mut(height * width));
        for ((along, squared), has) in slices.zip(self.has.chunks_exact(height)) {
            let rows: Vec<usize> = (0..height).filter(|row| has[*row]).collect();
            if rows.is_empty() {
                continue;
            }
            for x in 0..width {
                let start = |row: usize| (f64::from(along[row * width + x]) * self.sides[2]).powi(2);
                envelope.build(rows.iter().map(|row| (*row, start(*row))), self.sides[1]);
                envelope.read(height, |row, value| squared[row * width + x] = value);
            }
        }
        squared
    }

    /// Squared distance from a place, of distances within slices.
    fn through(&self, slices: &[f64], place: usize) -> f64 {
        let [depth, height, width] = self.shape;
        let (z, within) = (place / (height * width), place % (height * width));
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

    fn by_hand(from: &[u32], to: &[u8], [_, height, width]: [usize; 3], sides: [f64; 3]) -> Vec<f64> {
        let split = |at: usize| [at / (height * width), at / width % height, at % width];
        let distance = |a: usize, b: usize| {
            let (a, b) = (split(a), split(b));
            (0..3).map(|axis| (a[axis].abs_diff(b[axis]) as f64 * sides[axis]).powi(2)).sum::<f64>().sqrt()
        };
        let set: Vec<usize> = (0..to.len()).filter(|at| to[*at] != 0).collect();
        from.iter()
            .map(|at| set.iter().map(|other| distance(*at as usize, *other)).fold(f64::INFINITY, f64::min))
            .collect()
    }

    #[test]
    fn equal_to_all_pairs() {
        let mut next = numbers(3);
        for (shape, sides) in [
            ([1, 1, 9], [1.0, 1.0, 1.0]),
            ([1, 17, 23], [7.0, 0.5, 0.8]),
            ([9, 12, 11], [2.5, 0.7, 0.7]),
            ([12, 5, 3], [0.3, 1.1, 4.0]),
        ] {
            for every in [3, 40, 300] {
                let size: usize = shape.iter().product();
                let mut to: Vec<u8> = (0..size).map(|_| u8::from(next().is_multiple_of(every))).collect();
                to[size / 2] = 1;
                let from: Vec<u32> = (0..size as u32).collect();
                let expected = by_hand(&from, &to, shape, sides);
                let rows = Rows::of(&to, shape, sides);
                let slices = rows.slices();
                for (place, expected) in expected.iter().enumerate() {
                    let looked = rows.squared(place, &mut usize::MAX.clone()).expect("patience").sqrt();
                    let through = rows.through(&slices, place).sqrt();
                    assert!((looked - expected).abs() < 1e-12, "{shape:?} {place}: {looked}, not {expected}");
                    assert!((through - expected).abs() < 1e-12, "{shape:?} {place}: {through}, not {expected}");
                }
                let found = nearest(&from, &to, shape, sides);
                let apart = found.iter().zip(&expected).map(|(found, expected)| (found - expected).abs());
                assert!(apart.fold(0.0, f64::max) < 1e-12);
            }
        }
    }
}
