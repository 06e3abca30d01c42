//! Random numbers that follow from what they are for, so that nobody keeps a generator between two trials.
//!
//! Does not know distributions of samplers.

use rand_pcg::{Pcg64, rand_core::Rng as _};

/// A sequence of random numbers.
pub(crate) struct Draws(Pcg64);

impl Draws {
    /// The sequence of a trial of a study.
    pub(crate) fn of(seed: u64, trial: u64) -> Self {
        // Neighbouring states and streams of the generator begin alike; mixed ones do not.
        let state = u128::from(mixed(seed)) << 64 | u128::from(mixed(seed ^ mixed(trial)));
        Self(Pcg64::new(state, u128::from(mixed(trial))))
    }

    /// Uniform in 0..1, without 1.
    pub(crate) fn unit(&mut self) -> f64 {
        (self.0.next_u64() >> 11) as f64 * (1.0 / (1_u64 << 53) as f64)
    }

    /// Uniform in `0..count`; the bias of the product's high half is below `count / 2^64`.
    pub(crate) fn below(&mut self, count: u64) -> u64 {
        ((u128::from(self.0.next_u64()) * u128::from(count)) >> 64) as u64
    }

    /// Which of some weights, in proportion; they are at least 0, and one is above.
    pub(crate) fn weighted(&mut self, weights: &[f64]) -> usize {
        let mut left = self.unit() * weights.iter().sum::<f64>();
        let last = weights.iter().rposition(|weight| *weight > 0.0).unwrap_or(0);
        for (at, weight) in weights.iter().enumerate().take(last) {
            if left < *weight {
                return at;
            }
            left -= weight;
        }
        last
    }
}

/// The finaliser of SplitMix64 (Steele, Lea and Flood 2014) after one step of its counter: any change of a bit changes half of them.
pub(crate) fn mixed(number: u64) -> u64 {
    let mut z = number.wrapping_add(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The first number of SplitMix64 from 0, as its authors publish it.
    #[test]
    fn mixing_is_that_of_the_paper() {
        assert_eq!(mixed(0), 0xe220_a839_7b1d_cdaf);
    }

    #[test]
    fn equal_origins_give_equal_numbers_and_others_do_not() {
        let three = |seed, trial| {
            let mut draws = Draws::of(seed, trial);
            [draws.unit(), draws.unit(), draws.unit()]
        };
        assert_eq!(three(1, 2), three(1, 2));
        assert_ne!(three(1, 2), three(1, 3));
        assert_ne!(three(1, 2), three(2, 2));
    }

    #[test]
    fn first_numbers_of_neighbouring_trials_are_uniform() {
        let mut counts = [0; 10];
        for trial in 0..10_000 {
            counts[(Draws::of(7, trial).unit() * 10.0) as usize] += 1;
        }
        // Six standard deviations of a binomial count are 180.
        assert!(counts.iter().all(|count: &i32| (count - 1000).abs() < 180), "{counts:?}");
    }

    #[test]
    fn a_weight_of_0_is_never_drawn() {
        let mut draws = Draws::of(0, 0);
        assert!((0..1000).all(|_| draws.weighted(&[0.0, 1.0, 0.0, 2.0, 0.0]) % 2 == 1));
    }
}
