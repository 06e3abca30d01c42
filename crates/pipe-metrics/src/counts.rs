//! Pixels by what they are in prediction and reference.
//!
//! Does not know formulas.

use std::ops::AddAssign;

use serde::{Deserialize, Serialize};

use crate::Emptiness;

/// Pixels by what they are in the reference and in the prediction; counts of several cases add up.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counts {
    /// Foreground in both.
    pub true_positive: u64,
    /// Foreground in the prediction alone.
    pub false_positive: u64,
    /// Foreground in the reference alone.
    pub false_negative: u64,
    /// Background in both.
    pub true_negative: u64,
}

impl Counts {
    /// Counts of two masks of equal shape; anything but 0 is foreground.
    ///
    /// # Panics
    /// The masks have different lengths.
    pub fn of(prediction: &[u8], reference: &[u8]) -> Self {
        assert_eq!(prediction.len(), reference.len(), "masks of equal shape");
        // Sums of bytes over short runs stay in vector registers; a run of 255 would not overflow a byte.
        const RUN: usize = 192;
        let (mut both, mut predicted, mut referred) = (0_u64, 0_u64, 0_u64);
        for (p, r) in prediction.chunks(RUN).zip(reference.chunks(RUN)) {
            let (mut b, mut n, mut m) = (0_u8, 0_u8, 0_u8);
            for (p, r) in p.iter().zip(r) {
                let (p, r) = (u8::from(*p != 0), u8::from(*r != 0));
                b += p & r;
                n += p;
                m += r;
            }
            both += u64::from(b);
            predicted += u64::from(n);
            referred += u64::from(m);
        }
        let all = prediction.len() as u64;
        Self {
            true_positive: both,
            false_positive: predicted - both,
            false_negative: referred - both,
            true_negative: all + both - predicted - referred,
        }
    }

    /// Foreground of the prediction.
    pub fn predicted(&self) -> u64 {
        self.true_positive + self.false_positive
    }

    /// Foreground of the reference.
    pub fn referred(&self) -> u64 {
        self.true_positive + self.false_negative
    }

    /// All pixels.
    pub fn all(&self) -> u64 {
        self.predicted() + self.false_negative + self.true_negative
    }

    /// Which of the masks are empty.
    pub fn emptiness(&self) -> Emptiness {
        match (self.predicted(), self.referred()) {
            (0, 0) => Emptiness::Both,
            (0, _) => Emptiness::Prediction,
            (_, 0) => Emptiness::Reference,
            _ => Emptiness::Neither,
        }
    }
}

impl AddAssign for Counts {
    fn add_assign(&mut self, other: Self) {
        self.true_positive += other.true_positive;
        self.false_positive += other.false_positive;
        self.false_negative += other.false_negative;
        self.true_negative += other.true_negative;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_by_hand_and_added() {
        let (prediction, reference) = ([1, 1, 0, 0, 255].repeat(500), [1, 0, 1, 0, 2].repeat(500));
        let mut counts = Counts::of(&prediction, &reference);
        let one = Counts { true_positive: 1000, false_positive: 500, false_negative: 500, true_negative: 500 };
        assert_eq!(counts, one);
        counts += one;
        assert_eq!((counts.true_positive, counts.all()), (2000, 5000));
        assert_eq!(Counts::of(&[0, 0], &[0, 3]).emptiness(), Emptiness::Prediction);
        assert_eq!(Counts::of(&[0, 7], &[0, 0]).emptiness(), Emptiness::Reference);
        assert_eq!(Counts::of(&[], &[]).emptiness(), Emptiness::Both);
    }
}
