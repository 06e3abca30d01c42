//! The paired permutation test: does the mean difference depend on which system is which?
//!
//! Does not know what is paired.

use rand_pcg::{Pcg64, rand_core::Rng as _};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Alternative, Null, StatisticsError, Test, error::paired};

/// How many sign changes are looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Permutations {
    /// If there are not more than these, all of them; else these many random ones.
    pub resamples: usize,
    /// Seed of the random ones.
    pub seed: u64,
    /// What is asked.
    pub alternative: Alternative,
}

impl Default for Permutations {
    /// 9,999, so that with the one found p is a multiple of 1/10,000; two-sided.
    fn default() -> Self {
        Self { resamples: 9_999, seed: 0, alternative: Alternative::TwoSided }
    }
}

/// Sums that differ by less, in parts of the sum of sizes, differ by rounding alone.
const ROUNDING: f64 = 1e-13;

/// Tests whether the signs of the differences `one - other` are a matter of chance; the statistic is their mean.
///
/// Under the hypothesis each difference is as likely as its opposite. With at most `resamples` sign patterns of the differences that
/// are not 0 the distribution is exact, else random; the p-value of the latter is `(b + 1) / (m + 1)` for `b` of `m` patterns at least
/// as far out: Phipson and Smyth, *Permutation p-values should never be zero*, Stat. Appl. Genet. Mol. Biol. 9 (2010). Two-sided is
/// twice the smaller side, as `scipy.stats.permutation_test(permutation_type="samples")` has it.
///
/// # Errors
/// Lists of other lengths, without values, or with values that are not finite; no resamples.
pub fn paired_permutation(one: &[f64], other: &[f64], plan: Permutations) -> Result<Test, StatisticsError> {
    paired(one, other)?;
    if plan.resamples == 0 {
        return Err(StatisticsError::NoResamples);
    }
    let all: Vec<f64> = one.iter().zip(other).map(|(one, other)| one - other).collect();
    let found: f64 = all.iter().sum();
    let statistic = found / all.len() as f64;
    let moving: Vec<f64> = all.into_iter().filter(|difference| *difference != 0.0).collect();
    let slack = ROUNDING * moving.iter().map(|difference| difference.abs()).sum::<f64>();
    let mut sides = Sides { low: found + slack, high: found - slack, at_most: 0, at_least: 0 };
    let patterns = 1_usize.checked_shl(moving.len() as u32).filter(|all| *all <= plan.resamples);
    let (extra, total, null) = if let Some(patterns) = patterns {
        every(&moving, 0.0, &mut sides);
        (0, patterns, Null::Exact)
    } else {
        let mut random = Pcg64::new(u128::from(plan.seed), 0x7065_726d_7574_6174_696f_6e73);
        for _ in 0..plan.resamples {
            sides.count(moving.chunks(64).map(|chunk| signed(chunk, random.next_u64())).sum());
        }
        (1, plan.resamples, Null::Resampled(plan.resamples))
    };
    let share = |count: usize| (count + extra) as f64 / (total + extra) as f64;
    Ok(Test { statistic, p: plan.alternative.p(share(sides.at_most), share(sides.at_least)), null })
}

/// How many sums are on either side of the one found.
struct Sides {
    low: f64,
    high: f64,
    at_most: usize,
    at_least: usize,
}

impl Sides {
    fn count(&mut self, sum: f64) {
        self.at_most += usize::from(sum <= self.low);
        self.at_least += usize::from(sum >= self.high);
    }
}

fn every(rest: &[f64], sum: f64, sides: &mut Sides) {
    match rest {
        [] => sides.count(sum),
        [first, rest @ ..] => {
            every(rest, sum + first, sides);
            every(rest, sum - first, sides);
        }
    }
}

fn signed(values: &[f64], bits: u64) -> f64 {
    values.iter().enumerate().map(|(at, value)| if bits >> at & 1 == 1 { *value } else { -value }).sum()
}
