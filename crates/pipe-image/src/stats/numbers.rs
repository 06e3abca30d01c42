//! Any number of values in bounded memory: exact mean and deviation, quantiles from bins.
//! It does not know what the values are.

use std::collections::BTreeMap;

use serde::Serialize;

/// More distinct values than this share bins: all values of 16 bits fit.
const BINS: usize = 1 << 16;

/// Values that were seen, in bounded memory.
///
/// As long as there are at most 65,536 distinct values, quantiles are exact. With more, neighbours share bins, so that a quantile is
/// off by a share of itself, below 1 % for values that spread over a factor of a million.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Numbers {
    count: u64,
    mean: f64,
    /// Sum of the squared distances from the mean.
    squares: f64,
    least: f64,
    largest: f64,
    /// How many values each bin holds; bins are in the order of the values.
    bins: BTreeMap<u32, u64>,
    /// How many low bits of a value's key its bin leaves out.
    shift: u32,
}

/// What is told of values.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Summary {
    /// How many.
    pub count: u64,
    /// The least.
    pub minimum: f64,
    /// The value that 0.5 % of them are below.
    pub percentile_00_5: f64,
    /// The same for 1 %.
    pub percentile_01: f64,
    /// The same for 25 %.
    pub percentile_25: f64,
    /// The middle.
    pub median: f64,
    /// The value that 75 % of them are below.
    pub percentile_75: f64,
    /// The same for 99 %.
    pub percentile_99: f64,
    /// The same for 99.5 %.
    pub percentile_99_5: f64,
    /// The largest.
    pub maximum: f64,
    /// The mean.
    pub mean: f64,
    /// The standard deviation, with the number of values as divisor, as NumPy has it.
    pub sd: f64,
}

/// A number that is ordered as the value is.
fn key(value: f32) -> u32 {
    // Zero has two signs, and is one value.
    let bits = (value + 0.0).to_bits();
    if bits >> 31 == 1 { !bits } else { bits | 1 << 31 }
}

/// The value in the middle of a bin.
fn value(bin: u32, shift: u32) -> f64 {
    let key = bin << shift | if shift > 0 { 1 << (shift - 1) } else { 0 };
    f64::from(f32::from_bits(if key >> 31 == 1 { key & !(1 << 31) } else { !key }))
}

impl Numbers {
    /// Counts values; they must be finite.
    pub fn of(mut values: Vec<f32>) -> Self {
        if values.is_empty() {
            return Self::default();
        }
        let count = values.len() as u64;
        let mean = values.iter().map(|value| f64::from(*value)).sum::<f64>() / count as f64;
        let squares = values.iter().map(|value| (f64::from(*value) - mean).powi(2)).sum();
        let small = |value: &f32| *value >= 0.0 && *value < BINS as f32 && value.fract() == 0.0;
        let mut bins = BTreeMap::new();
        if values.iter().all(small) {
            // Pictures: counting is much faster than sorting.
            let mut counts = vec![0_u64; BINS];
            values.iter().for_each(|value| counts[*value as usize] += 1);
            let there = counts.into_iter().enumerate().filter(|(_, count)| *count > 0);
            bins.extend(there.map(|(value, count)| (key(value as f32), count)));
        } else {
            values.sort_unstable_by(f32::total_cmp);
            for run in values.chunk_by(|one, other| one == other) {
                bins.insert(key(run[0]), run.len() as u64);
            }
        }
        let end = |bin: Option<(&u32, &u64)>| bin.map_or(0.0, |(bin, _)| value(*bin, 0));
        let (least, largest) = (end(bins.first_key_value()), end(bins.last_key_value()));
        let mut numbers = Self { count, mean, squares, least, largest, bins, shift: 0 };
        numbers.coarsen();
        numbers
    }

    /// Takes others in.
    pub fn add(&mut self, other: &Self) {
        if other.count == 0 {
            return;
        }
        if self.count == 0 {
            self.clone_from(other);
            return;
        }
        // Chan, Golub, LeVeque 1979: the sum of squares of two sets from those of each.
        let (mine, theirs) = (self.count as f64, other.count as f64);
        let apart = other.mean - self.mean;
        self.mean += apart * theirs / (mine + theirs);
        self.squares += other.squares + apart * apart * mine * theirs / (mine + theirs);
        self.count += other.count;
        self.least = self.least.min(other.least);
        self.largest = self.largest.max(other.largest);
        while self.shift < other.shift {
            self.halve();
        }
        let shift = self.shift - other.shift;
        other.bins.iter().for_each(|(bin, count)| *self.bins.entry(bin >> shift).or_default() += count);
        self.coarsen();
    }

    fn coarsen(&mut self) {
        while self.bins.len() > BINS {
            self.halve();
        }
    }

    fn halve(&mut self) {
        let bins = std::mem::take(&mut self.bins);
        bins.into_iter().for_each(|(bin, count)| *self.bins.entry(bin >> 1).or_default() += count);
        self.shift += 1;
    }

    /// How many values there are.
    pub fn count(&self) -> u64 {
        self.count
    }

    /// The value that a share of the values is below, between two values linearly between them, as NumPy has it.
    pub fn quantile(&self, share: f64) -> Option<f64> {
        if self.count == 0 {
            return None;
        }
        let rank = share.clamp(0.0, 1.0) * (self.count - 1) as f64;
        let (mut below, mut low) = (0_u64, None);
        for (bin, count) in &self.bins {
            below += count;
            let here = value(*bin, self.shift).clamp(self.least, self.largest);
            let last = (below - 1) as f64;
            match low {
                None if last >= rank => return Some(here),
                // The rank lies between the last value of this bin and the first of the next.
                None if last + 1.0 > rank => low = Some((here, rank - last)),
                None => {}
                Some((low, share)) => return Some(low + (here - low) * share),
            }
        }
        Some(self.largest)
    }

    /// Whether all are whole numbers, as far as that is kept.
    pub fn are_whole(&self) -> bool {
        self.shift == 0 && self.bins.keys().all(|bin| value(*bin, 0).fract() == 0.0)
    }

    /// How many values lie in each of `count` equal steps from `low` to `high`; those beyond are left out.
    pub fn histogram(&self, low: f64, high: f64, count: usize) -> Vec<u64> {
        let mut steps = vec![0; count];
        let width = (high - low).max(f64::MIN_POSITIVE) / count.max(1) as f64;
        for (bin, number) in &self.bins {
            let here = value(*bin, self.shift);
            if (low..=high).contains(&here) {
                steps[(((here - low) / width) as usize).min(count - 1)] += number;
            }
        }
        steps
    }

    /// What is told of the values; nothing where there are none.
    pub fn summary(&self) -> Option<Summary> {
        let of = |share: f64| self.quantile(share);
        Some(Summary {
            count: self.count,
            minimum: self.least,
            percentile_00_5: of(0.005)?,
            percentile_01: of(0.01)?,
            percentile_25: of(0.25)?,
            median: of(0.5)?,
            percentile_75: of(0.75)?,
            percentile_99: of(0.99)?,
            percentile_99_5: of(0.995)?,
            maximum: self.largest,
            mean: self.mean,
            sd: (self.squares / self.count as f64).sqrt(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn close(found: f64, expected: f64) {
        assert!((found - expected).abs() <= 1e-9 * expected.abs().max(1.0), "{found}, expected {expected}");
    }

    #[test]
    fn quantiles_are_those_of_numpy() {
        // numpy.percentile([0, 1, 2, 2, 10, -3.5], [0, 1, 25, 50, 99, 100]), and .mean(), .std()
        let numbers = Numbers::of(vec![0.0, 1.0, 2.0, 2.0, 10.0, -3.5]);
        let summary = numbers.summary().expect("there are values");
        close(summary.minimum, -3.5);
        close(summary.percentile_01, -3.325);
        close(summary.percentile_25, 0.25);
        close(summary.median, 1.5);
        close(summary.percentile_99, 9.6);
        close(summary.mean, 11.5 / 6.0);
        close(summary.sd, 4.066_290_966_251_951);
        assert!(!numbers.are_whole() && Numbers::of(vec![-2.0, 0.0, 65_536.0]).are_whole());
        assert_eq!(numbers.histogram(0.0, 10.0, 5), [2, 2, 0, 0, 1]);
        assert_eq!(Numbers::default().summary(), None);
    }

    #[test]
    fn parts_come_to_what_the_whole_comes_to() {
        let values: Vec<f32> = (0..5000_u32).map(|at| ((at * 7919) % 4099) as f32 - 1000.0).collect();
        let whole = Numbers::of(values.clone());
        let mut parts = Numbers::default();
        values.chunks(777).for_each(|part| parts.add(&Numbers::of(part.to_vec())));
        assert_eq!((whole.count, &whole.bins, whole.least, whole.largest), (parts.count, &parts.bins, -1000.0, 3098.0));
        close(parts.mean, whole.mean);
        close(parts.squares, whole.squares);
    }

    #[test]
    fn many_values_share_bins_and_stay_near() {
        // 200,000 distinct values from -1 to 10,000.
        let values: Vec<f32> = (0..200_000_u32).map(|at| (at as f32 / 200.0).powi(2) / 100.0 - 1.0).collect();
        let mut numbers = Numbers::default();
        values.chunks(30_000).for_each(|part| numbers.add(&Numbers::of(part.to_vec())));
        assert!(numbers.bins.len() <= BINS && numbers.shift > 0, "{} bins", numbers.bins.len());
        for share in [0.005, 0.01, 0.3, 0.5, 0.9, 0.995] {
            let exact = f64::from(values[(share * 199_999.0) as usize]);
            let found = numbers.quantile(share).expect("there are values");
            assert!((found - exact).abs() <= 0.01 * exact.abs() + 1e-3, "{share}: {found}, exactly {exact}");
        }
        assert_eq!((numbers.quantile(0.0), numbers.least), (Some(-1.0), -1.0));
        assert_eq!(numbers.quantile(1.0), Some(f64::from(values[199_999])));
    }
}
