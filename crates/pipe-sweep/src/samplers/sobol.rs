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
