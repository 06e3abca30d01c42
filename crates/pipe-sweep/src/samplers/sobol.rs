//! The Sobol sequence, any point of it at once.
//!
//! Does not know parameters.

use super::sobol_numbers::NUMBERS;
use crate::random::mixed;

/// How many dimensions there are; the first has no direction numbers of its own.
pub(super) const DIMENSIONS: usize = NUMBERS.len() + 1;

/// What is done to the points.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Scrambling {
    /// Nothing.
    None,
    /// Nested uniform scrambling: half-intervals, quarters, ... are exchanged at random, which keeps what makes the points even.
    Seed(u64),
}

/// A coordinate of a point, in 0..1.
///
/// In the order of Gray codes as SciPy and most others have it: point `n` is the sum modulo 2 of the direction numbers at the bits of
/// `n ^ (n >> 1)` (Antonov and Saleev 1979).
///
/// # Source
/// Scrambling by hashing: Burley, *Practical hash-based Owen scrambling*, JCGT 9 (2020), with the constants of Vegdahl's revision of
/// the hash by Laine and Karras.
pub(super) fn sobol(number: u32, dimension: usize, scrambling: Scrambling) -> f64 {
    let mut gray = number ^ (number >> 1);
    let mut bits = 0;
    while gray != 0 {
        bits ^= direction(dimension, gray.trailing_zeros());
        gray &= gray - 1;
    }
    let bits = match scrambling {
        Scrambling::None => bits,
        Scrambling::Seed(seed) => scrambled(bits, mixed(seed ^ mixed(dimension as u64)) as u32),
    };
    f64::from(bits) / 4_294_967_296.0
}

/// Direction number `v` of a dimension, as a binary fraction: `m / 2^(v + 1)`, where the first `m` are given and the others follow from
/// the primitive polynomial.
fn direction(dimension: usize, at: u32) -> u32 {
    let at = at as usize;
    let Some(own) = dimension.checked_sub(1) else { return 1 << (31 - at) };
    let (polynomial, first): (u32, &[u32]) = NUMBERS[own];
    let degree = first.len();
    let mut m = [0_u32; 32];
    m[..degree].copy_from_slice(first);
    for next in degree..=at {
        m[next] = m[next - degree];
        for back in 1..=degree {
            if polynomial >> (degree - back) & 1 == 1 {
                m[next] ^= m[next - back] << back;
            }
        }
    }
    m[at] << (31 - at)
}

fn scrambled(bits: u32, seed: u32) -> u32 {
    let mut x = bits.reverse_bits();
    x ^= x.wrapping_mul(0x3d20_adea);
    x = x.wrapping_add(seed);
    x = x.wrapping_mul((seed >> 16) | 1);
    x ^= x.wrapping_mul(0x0552_6c56);
    x ^= x.wrapping_mul(0x53a2_2864);
    x.reverse_bits()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(number: u32, dimension: usize, expected: f64) {
        assert_eq!(sobol(number, dimension, Scrambling::None), expected);
    }

    /// `scipy.stats.qmc.Sobol(256, scramble=False)` of SciPy 1.17.
    #[test]
    fn points_are_those_of_scipy() {
        let first =
            [[0.0; 4], [0.5; 4], [0.75, 0.25, 0.25, 0.25], [0.25, 0.75, 0.75, 0.75], [0.375, 0.375, 0.625, 0.875]];
        for (number, point) in first.iter().enumerate() {
            (0..4).for_each(|dimension| check(number as u32, dimension, point[dimension]));
        }
        check(5, 2, 0.125);
        check(100, 9, 0.695_312_5);
        check(777, 63, 0.426_757_812_5);
        check(1023, 127, 0.700_195_312_5);
        check(600, 255, 0.223_632_812_5);
        check(345, 31, 0.857_421_875);
    }

    #[test]
    fn scrambled_points_fall_into_each_interval_once() {
        for dimension in [0, 1, 17, 255] {
            for seed in [0, 1, 2] {
                let mut cells: Vec<usize> = (0..256)
                    .map(|number| (sobol(number, dimension, Scrambling::Seed(seed)) * 256.0) as usize)
                    .collect();
                cells.sort_unstable();
                assert!(cells.into_iter().eq(0..256), "dimension {dimension}, seed {seed}");
            }
        }
        assert_ne!(sobol(0, 0, Scrambling::Seed(0)), sobol(0, 0, Scrambling::Seed(1)));
    }

    /// In the first two dimensions also all rectangles of area 1/64 have one of 64 points.
    #[test]
    fn scrambled_points_fall_into_each_rectangle_once() {
        for columns in [1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0] {
            let rows = 64.0 / columns;
            let at = |number: u32, dimension: usize| sobol(number, dimension, Scrambling::Seed(9));
            let cell =
                |number: u32| (at(number, 0) * columns) as usize * rows as usize + (at(number, 1) * rows) as usize;
            let mut cells: Vec<usize> = (0..64).map(cell).collect();
            cells.sort_unstable();
            assert!(cells.into_iter().eq(0..64), "{columns} columns");
        }
    }
}
