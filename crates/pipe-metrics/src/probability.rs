//! Pixels by their probability: what curves, areas under them and calibration are made of.
//!
//! Does not know masks of predictions; a threshold made those.

use std::ops::AddAssign;

use serde::{Deserialize, Serialize};
use thiserror::Error;

/// Number of half-precision numbers from 0 to 1.
const VALUES: usize = 0x3C00 + 1;

/// How many pixels have each probability, rounded to half precision (to nearest, ties to even); counts of cases add up.
///
/// Stored probabilities are half-precision numbers, so their pooled curves are exact.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Vec<(u16, u64, u64)>", into = "Vec<(u16, u64, u64)>")]
pub struct ProbabilityCounts {
    /// Foreground and background of the reference, by the bits of the number.
    counts: Vec<[u64; 2]>,
}

/// Counts of a probability that is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("half-precision bits {0:#06x} are no probability")]
pub struct NoProbability(u16);

impl Default for ProbabilityCounts {
    fn default() -> Self {
        Self { counts: vec![[0; 2]; VALUES] }
    }
}

impl ProbabilityCounts {
    /// Counts pixels within a field of view.
    ///
    /// # Panics
    /// The slices have different lengths, or a probability is not from 0 to 1; a [`Pair`](crate::Pair) has checked both.
    pub fn of(probabilities: &[f32], reference: &[u8], field: Option<&[u8]>) -> Self {
        let mut counts = Self::default();
        counts.count(probabilities, reference, field, nearest_half);
        counts
    }

    /// Counts pixels only if no probability has to be rounded.
    fn exact(probabilities: &[f32], reference: &[u8], field: Option<&[u8]>) -> Option<Self> {
        let exact = |value: &f32| half_value(nearest_half(*value)) == f64::from(*value);
        probabilities.iter().all(exact).then(|| Self::of(probabilities, reference, field))
    }

    fn count(&mut self, probabilities: &[f32], reference: &[u8], field: Option<&[u8]>, bits: impl Fn(f32) -> u16) {
        assert_eq!(probabilities.len(), reference.len(), "a probability for each pixel");
        let mut add = |(value, pixel): (&f32, &u8)| self.counts[bits(*value) as usize][usize::from(*pixel == 0)] += 1;
        let pixels = probabilities.iter().zip(reference);
        match field {
            Some(field) => pixels.zip(field).filter(|(_, field)| **field != 0).for_each(|(pixel, _)| add(pixel)),
            None => pixels.for_each(add),
        }
    }

    /// Pixels by probability, ascending.
    pub fn groups(&self) -> Groups {
        let present = (0..).zip(&self.counts).filter(|(_, [positive, negative])| positive + negative > 0);
        let group = |(bits, [positive, negative]): (u16, &[u64; 2])| Group {
            probability: half_value(bits),
            positive: *positive,
            negative: *negative,
        };
        Groups(present.map(group).collect())
    }
}

impl AddAssign<&Self> for ProbabilityCounts {
    fn add_assign(&mut self, other: &Self) {
        for (sum, add) in self.counts.iter_mut().zip(&other.counts) {
            sum[0] += add[0];
            sum[1] += add[1];
        }
    }
}

impl From<ProbabilityCounts> for Vec<(u16, u64, u64)> {
    fn from(counts: ProbabilityCounts) -> Self {
        let present = (0..).zip(counts.counts).filter(|(_, [positive, negative])| positive + negative > 0);
        present.map(|(bits, [positive, negative])| (bits, positive, negative)).collect()
    }
}

impl TryFrom<Vec<(u16, u64, u64)>> for ProbabilityCounts {
    type Error = NoProbability;

    fn try_from(rows: Vec<(u16, u64, u64)>) -> Result<Self, NoProbability> {
        let mut counts = Self::default();
        for (bits, positive, negative) in rows {
            *counts.counts.get_mut(usize::from(bits)).ok_or(NoProbability(bits))? = [positive, negative];
        }
        Ok(counts)
    }
}

/// The smallest normal half-precision number, 2^-14.
const SMALLEST_NORMAL: f32 = 1.0 / 16_384.0;
/// How many of the steps of subnormal numbers make 1: 2^24.
const STEPS: f32 = 16_777_216.0;

/// Bits of the half-precision number nearest to a number from 0 to 1.
fn nearest_half(value: f32) -> u16 {
    if value < SMALLEST_NORMAL {
        return (value * STEPS).round_ties_even() as u16;
    }
    // Thirteen bits of the mantissa are dropped; the exponent is biased by 127 before and by 15 after.
    let bits = value.to_bits();
    let even = bits >> 13 & 1;
    ((bits + 0xFFF + even) >> 13).wrapping_sub(112 << 10) as u16
}

fn half_value(bits: u16) -> f64 {
    if bits < 0x400 {
        return f64::from(bits) / f64::from(STEPS);
    }
    f64::from(f32::from_bits((u32::from(bits) << 13) + (112 << 23)))
}

/// Pixels of one probability.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Group {
    /// The probability.
    pub probability: f64,
    /// Pixels that are foreground in the reference.
    pub positive: u64,
    /// Pixels that are not.
    pub negative: u64,
}

/// Pixels by probability, ascending; each probability once.
#[derive(Clone, Debug, PartialEq)]
pub struct Groups(pub(crate) Vec<Group>);

impl Groups {
    /// Groups pixels by their very probability, nothing rounded.
    pub(crate) fn of(probabilities: &[f32], reference: &[u8], field: Option<&[u8]>) -> Self {
        if let Some(counts) = ProbabilityCounts::exact(probabilities, reference, field) {
            return counts.groups();
        }
        let inside = |at: &usize| field.is_none_or(|field| field[*at] != 0);
        let pixel = |at: usize| (probabilities[at], u64::from(reference[at] != 0));
        let mut pixels: Vec<(f32, u64)> = (0..reference.len()).filter(inside).map(pixel).collect();
        pixels.sort_unstable_by(|one, other| one.0.total_cmp(&other.0));
        let mut groups: Vec<Group> = Vec::new();
        for (probability, positive) in pixels {
            let probability = f64::from(probability);
            match groups.last_mut() {
                Some(last) if last.probability == probability => {
                    last.positive += positive;
                    last.negative += 1 - positive;
                }
                _ => groups.push(Group { probability, positive, negative: 1 - positive }),
            }
        }
        Self(groups)
    }

    /// The groups.
    pub fn all(&self) -> &[Group] {
        &self.0
    }

    /// Foreground and background pixels.
    pub fn totals(&self) -> [u64; 2] {
        self.0.iter().fold([0, 0], |[positive, negative], group| [positive + group.positive, negative + group.negative])
    }

    /// Number of pixels.
    pub fn pixels(&self) -> u64 {
        self.totals().iter().sum()
    }

    /// Pixels at or above each probability as a threshold, from the highest threshold down.
    pub fn thresholds(&self) -> impl Iterator<Item = Threshold> {
        let mut sums = (0, 0);
        self.0.iter().rev().map(move |group| {
            sums = (sums.0 + group.positive, sums.1 + group.negative);
            Threshold { threshold: group.probability, true_positive: sums.0, false_positive: sums.1 }
        })
    }

    /// The ROC and the precision-recall curve, from the highest threshold down, for plots.
    ///
    /// A threshold is left out where neither recall nor false-positive rate has grown by `step` since the one before; the first
    /// and the last stay. Empty without foreground or without background.
    pub fn curve(&self, step: f64) -> Vec<CurvePoint> {
        let [positive, negative] = self.totals();
        if positive == 0 || negative == 0 {
            return Vec::new();
        }
        let point = |at: Threshold| CurvePoint {
            threshold: at.threshold,
            recall: at.true_positive as f64 / positive as f64,
            false_positive_rate: at.false_positive as f64 / negative as f64,
            precision: at.true_positive as f64 / (at.true_positive + at.false_positive) as f64,
        };
        let mut points: Vec<CurvePoint> = Vec::new();
        for (number, at) in self.thresholds().map(point).enumerate() {
            let grown = |last: &CurvePoint| {
                at.recall - last.recall >= step || at.false_positive_rate - last.false_positive_rate >= step
            };
            if points.last().is_none_or(grown) || number + 1 == self.0.len() {
                points.push(at);
            }
        }
        points
    }

    /// Pixels in bins of equal width, the first from 0 on: bin `k` of `n` holds `k / n < p <= (k + 1) / n`, the first also 0.
    pub fn bins(&self, number: usize) -> Vec<Bin> {
        let edge = |bin: usize| bin as f64 / number as f64;
        let mut bins: Vec<Bin> =
            (0..number).map(|bin| Bin { from: edge(bin), to: edge(bin + 1), ..Bin::default() }).collect();
        let mut at = 0;
        for group in &self.0 {
            while at + 1 < number && group.probability > bins[at].to {
                at += 1;
            }
            let pixels = group.positive + group.negative;
            bins[at].pixels += pixels;
            bins[at].positive += group.positive;
            bins[at].sum += pixels as f64 * group.probability;
        }
        bins
    }
}

/// What a threshold makes foreground.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Threshold {
    /// Pixels at or above it are foreground.
    pub threshold: f64,
    /// Of those, how many the reference has too.
    pub true_positive: u64,
    /// Of those, how many it has not.
    pub false_positive: u64,
}

/// A point of the ROC and of the precision-recall curve.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct CurvePoint {
    /// Pixels at or above it are foreground.
    pub threshold: f64,
    /// Share of the foreground that is found (true-positive rate).
    pub recall: f64,
    /// Share of the background that is taken for foreground.
    pub false_positive_rate: f64,
    /// Share of what is found that is right.
    pub precision: f64,
}

/// Pixels whose probabilities are close: a point of the reliability curve.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Bin {
    /// Probabilities above this (0 itself is in the first bin).
    pub from: f64,
    /// Probabilities up to this.
    pub to: f64,
    /// How many pixels.
    pub pixels: u64,
    /// How many of them are foreground in the reference.
    pub positive: u64,
    /// Sum of their probabilities.
    pub sum: f64,
}

impl Bin {
    /// Mean probability; none in an empty bin.
    pub fn confidence(&self) -> Option<f64> {
        (self.pixels > 0).then(|| self.sum / self.pixels as f64)
    }

    /// Share of pixels that are foreground; none in an empty bin.
    pub fn frequency(&self) -> Option<f64> {
        (self.pixels > 0).then(|| self.positive as f64 / self.pixels as f64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn half_precision() {
        for (value, bits) in
            [(0.0, 0), (-0.0, 0), (1.0, 0x3C00), (0.5, 0x3800), (SMALLEST_NORMAL, 0x400), (1.0 / STEPS, 1)]
        {
            assert_eq!(nearest_half(value), bits, "{value}");
        }
        // Between two numbers the even one is nearest, just above the middle the upper one.
        assert_eq!((nearest_half(1.0 - 1.0 / 4096.0), nearest_half(0.500_244_14)), (0x3C00, 0x3800));
        assert_eq!(nearest_half(0.500_244_2), 0x3801);
        for bits in 0..VALUES as u16 {
            assert_eq!(nearest_half(half_value(bits) as f32), bits);
        }
    }

    #[test]
    fn exact_and_counted_groups() {
        let reference = [1, 0, 2, 0, 0];
        let exact = Groups::of(&[0.1, 0.1, 0.7, 0.2, 0.9], &reference, Some(&[1, 1, 1, 1, 0]));
        let probability = |at: usize| exact.0[at].probability as f32;
        assert_eq!([probability(0), probability(1), probability(2)], [0.1, 0.2, 0.7]);
        assert_eq!(exact.totals(), [2, 2]);
        let halves = [0.25, 0.25, 0.75, 0.5, 1.0];
        let counted = Groups::of(&halves, &reference, None);
        let mut sum = ProbabilityCounts::of(&halves[..2], &reference[..2], None);
        sum += &ProbabilityCounts::of(&halves[2..], &reference[2..], None);
        assert_eq!(sum.groups(), counted);
        let text = serde_json::to_string(&sum).expect("plain data");
        assert_eq!(serde_json::from_str::<ProbabilityCounts>(&text).expect("its own"), sum);
        assert!(serde_json::from_str::<ProbabilityCounts>("[[15361, 1, 1]]").is_err());
    }

    #[test]
    fn curves() {
        let groups = Groups::of(&[0.9, 0.6, 0.4, 0.1], &[1, 0, 1, 0], None);
        let points = |step: f64| -> Vec<[f64; 3]> {
            groups.curve(step).iter().map(|point| [point.recall, point.false_positive_rate, point.precision]).collect()
        };
        assert_eq!(points(0.0), [[0.5, 0.0, 1.0], [0.5, 0.5, 0.5], [1.0, 0.5, 2.0 / 3.0], [1.0, 1.0, 0.5]]);
        assert_eq!(points(0.9), [[0.5, 0.0, 1.0], [1.0, 1.0, 0.5]]);
        assert!(Groups::of(&[0.5], &[1], None).curve(0.0).is_empty());
    }

    #[test]
    fn edges_of_bins() {
        let groups = Groups::of(&[0.0, 0.25, 0.26, 0.5, 1.0], &[0, 0, 1, 0, 1], None);
        let bins = groups.bins(4);
        assert_eq!(bins.iter().map(|bin| bin.pixels).collect::<Vec<_>>(), [2, 2, 0, 1]);
        assert_eq!((bins[1].frequency(), bins[2].confidence()), (Some(0.5), None));
    }
}
