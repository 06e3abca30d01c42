//! Random states by purpose: every draw depends on the seed, what it is for and where it stands, never on history.
//! It does not know networks or data; resuming needs no stored state because of that.

use rand::Rng;
use rand_pcg::Pcg64;

/// Gives the random state for one purpose at one place.
pub(crate) fn generator(seed: u64, purpose: &str, place: &[u64]) -> Pcg64 {
    let start = purpose.bytes().fold(mixed(seed), |state, byte| mixed(state ^ u64::from(byte)));
    let low = place.iter().fold(start, |state, part| mixed(state ^ mixed(*part)));
    let high = mixed(low ^ 0x9e37_79b9_7f4a_7c15);
    // The stream is fixed: 2^64 states far apart are enough for all purposes.
    Pcg64::new((u128::from(high) << 64) | u128::from(low), 0x0a02_bdbf_7bb3_c0a7_ac28_fa16_a64a_bf96)
}

/// Gives a number that stands for a text.
pub(crate) fn number(text: &str) -> u64 {
    text.bytes().fold(0xcbf2_9ce4_8422_2325, |state, byte| mixed(state ^ u64::from(byte)))
}

/// Draws from 0 (included) to 1 (excluded).
pub(crate) fn unit(random: &mut Pcg64) -> f64 {
    // 53 bits fill the mantissa exactly.
    (random.next_u64() >> 11) as f64 / (1u64 << 53) as f64
}

/// Gives `0..count` in random order.
pub(crate) fn shuffled(count: usize, random: &mut Pcg64) -> Vec<usize> {
    let mut order: Vec<usize> = (0..count).collect();
    for last in (1..count).rev() {
        let other = below(last + 1, random);
        order.swap(last, other);
    }
    order
}

/// Draws one of `0..count`.
pub(crate) fn below(count: usize, random: &mut Pcg64) -> usize {
    // The high half of the product is uniform up to a bias of count / 2^64.
    ((u128::from(random.next_u64()) * count as u128) >> 64) as usize
}

/// The finaliser of SplitMix64: every bit of the result depends on every bit of the state.
fn mixed(state: u64) -> u64 {
    let state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let state = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let state = (state ^ (state >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    state ^ (state >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn purposes_and_places_differ_and_repeat() {
        let first = |purpose, place: &[u64]| generator(7, purpose, place).next_u64();
        assert_eq!(first("order", &[1]), first("order", &[1]));
        assert_ne!(first("order", &[1]), first("order", &[2]));
        assert_ne!(first("order", &[1]), first("dropout", &[1]));
        assert_ne!(first("order", &[1, 2]), first("order", &[2, 1]));
    }

    #[test]
    fn shuffling_keeps_every_index() {
        let mut order = shuffled(20, &mut generator(1, "order", &[]));
        assert_ne!(order, (0..20).collect::<Vec<_>>());
        order.sort_unstable();
        assert_eq!(order, (0..20).collect::<Vec<_>>());
    }
}
