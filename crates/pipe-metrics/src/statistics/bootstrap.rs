//! Bootstrap confidence intervals: what would other patients have given?
//!
//! Does not know the statistic: it is a function of the indices of a resample.

use rand_pcg::{Pcg64, rand_core::Rng as _};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    StatisticsError,
    error::{between, finite},
    mean,
    normal::{normal_below, normal_quantile},
    quantile,
};

/// How an interval is read off the resamples.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum IntervalMethod {
    /// Bias-corrected and accelerated: Efron, *Better bootstrap confidence intervals*, JASA 82 (1987); Efron and Tibshirani, *An
    /// introduction to the bootstrap* (1993), 14.3.
    #[default]
    Bca,
    /// Quantiles of the resamples.
    Percentile,
}

/// How intervals are made.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Bootstrap {
    /// Number of resamples.
    pub resamples: usize,
    /// Share of intervals that cover the truth.
    pub level: f64,
    /// How the interval is read off.
    pub method: IntervalMethod,
    /// Seed of the resamples.
    pub seed: u64,
}

impl Default for Bootstrap {
    /// 95 %, BCa, 9,999 resamples as in SciPy.
    fn default() -> Self {
        Self { resamples: 9_999, level: 0.95, method: IntervalMethod::Bca, seed: 0 }
    }
}

/// A confidence interval, or why there is none.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Interval {
    /// From the first to the second.
    Bounds(f64, f64),
    /// Nothing can be said.
    Undefined(Undefined),
}

impl Interval {
    /// Its ends; none where nothing can be said.
    pub fn bounds(self) -> Option<[f64; 2]> {
        match self {
            Self::Bounds(low, high) => Some([low, high]),
            Self::Undefined(_) => None,
        }
    }
}

/// Why there is no interval.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Undefined {
    /// There are fewer than two values.
    TooFew,
    /// All resamples give the same: either all values are equal, or the statistic does not see that they differ.
    AllEqual,
    /// BCa: all resamples lie on one side of the estimate, so their bias cannot be corrected.
    OneSided,
    /// BCa: leaving out one value never changes the estimate, or so much that the correction has a pole.
    NoAcceleration,
}

impl Undefined {
    /// It in words.
    pub fn label(self) -> &'static str {
        match self {
            Self::TooFew => "fewer than two values",
            Self::AllEqual => "all resamples give the same",
            Self::OneSided => "all resamples lie on one side of the estimate",
            Self::NoAcceleration => "leaving out single values gives no acceleration",
        }
    }
}

/// A number with its confidence interval.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Estimate {
    /// The statistic of all values.
    pub value: f64,
    /// The interval.
    pub interval: Interval,
    /// Share of such intervals that cover the truth.
    pub level: f64,
    /// How it was read off.
    pub method: IntervalMethod,
    /// Number of resamples.
    pub resamples: usize,
    /// Number of values.
    pub n: usize,
}

/// Indices of resamples: each is `n` draws from `0..n` with replacement, the same for the same seed on every machine.
pub fn resamples(n: usize, plan: &Bootstrap) -> impl Iterator<Item = Vec<usize>> + use<> {
    let mut random = Pcg64::new(u128::from(plan.seed), 0x626f_6f74_7374_7261_7000);
    // The high half of the product is uniform up to a bias of n / 2^64.
    let mut below = move || ((u128::from(random.next_u64()) * n as u128) >> 64) as usize;
    (0..plan.resamples).map(move |_| (0..n).map(|_| below()).collect())
}

/// The interval of a statistic of `n` values, given as a function of their indices; draw from patients, not from slices.
///
/// # Errors
/// No values, no resamples, a level that is not between 0 and 1, or a statistic that is not finite.
pub fn bootstrap(n: usize, statistic: impl Fn(&[usize]) -> f64, plan: &Bootstrap) -> Result<Estimate, StatisticsError> {
    between("the level of an interval", plan.level)?;
    if n == 0 {
        return Err(StatisticsError::Empty);
    }
    if plan.resamples == 0 {
        return Err(StatisticsError::NoResamples);
    }
    let whole: Vec<usize> = (0..n).collect();
    let value = statistic(&whole);
    finite(&[value])?;
    let estimate =
        |interval| Estimate { value, interval, level: plan.level, method: plan.method, resamples: plan.resamples, n };
    if n < 2 {
        return Ok(estimate(Interval::Undefined(Undefined::TooFew)));
    }
    let drawn: Vec<f64> = resamples(n, plan).map(|indices| statistic(&indices)).collect();
    let without = |left_out: usize| {
        let rest: Vec<usize> = whole.iter().copied().filter(|at| *at != left_out).collect();
        statistic(&rest)
    };
    let jackknife: Vec<f64> = match plan.method {
        IntervalMethod::Bca => whole.iter().map(|at| without(*at)).collect(),
        IntervalMethod::Percentile => Vec::new(),
    };
    Ok(estimate(interval(value, &drawn, &jackknife, plan.level, plan.method)?))
}

/// The interval of an estimate from its resamples and, for BCa, from the estimates without each one value.
///
/// With `a = (1 - level) / 2`: the quantiles `a` and `1 - a` of the resamples (percentile), or `P(Z <= z0 + y / (1 - c y))` for
/// `y = z0 -+ z(a)` (BCa), where `z0` is the normal quantile of the share of resamples below the estimate, ties half, and
/// `c = sum u^3 / (6 (sum u^2)^(3/2))` for `u` = mean of the leave-one-out estimates less each. Quantiles are linear. The definition is
/// that of `scipy.stats.bootstrap`.
///
/// # Errors
/// No resamples, a level that is not between 0 and 1, or a number that is not finite.
pub fn interval(
    estimate: f64,
    drawn: &[f64],
    jackknife: &[f64],
    level: f64,
    method: IntervalMethod,
) -> Result<Interval, StatisticsError> {
    between("the level of an interval", level)?;
    finite(drawn)?;
    finite(jackknife)?;
    let mut sorted = drawn.to_vec();
    sorted.sort_by(f64::total_cmp);
    let (Some(first), Some(last)) = (sorted.first(), sorted.last()) else {
        return Err(StatisticsError::NoResamples);
    };
    // Equal values have means that differ in the last bits.
    if last - first <= 1e-14 * first.abs().max(last.abs()) {
        return Ok(Interval::Undefined(Undefined::AllEqual));
    }
    let outside = (1.0 - level) / 2.0;
    let shares = match method {
        IntervalMethod::Percentile => [outside, 1.0 - outside],
        IntervalMethod::Bca => match corrected(estimate, &sorted, jackknife, outside) {
            Ok(shares) => shares,
            Err(why) => return Ok(Interval::Undefined(why)),
        },
    };
    let [low, high] = shares.map(|share| quantile(&sorted, share).expect("there are resamples"));
    Ok(Interval::Bounds(low, high))
}

/// The shares at which BCa reads off the sorted resamples.
fn corrected(estimate: f64, sorted: &[f64], jackknife: &[f64], outside: f64) -> Result<[f64; 2], Undefined> {
    // Sums in another order differ in the last bits, and ties count half.
    let rounding = 1e-12 * (sorted[sorted.len() - 1] - sorted[0]);
    let below = sorted.partition_point(|value| *value < estimate - rounding);
    let up_to = sorted.partition_point(|value| *value <= estimate + rounding);
    let share = (below + up_to) as f64 / (2 * sorted.len()) as f64;
    if share == 0.0 || share == 1.0 {
        return Err(Undefined::OneSided);
    }
    let bias = normal_quantile(share);
    let centre = mean(jackknife).ok_or(Undefined::NoAcceleration)?;
    let n = jackknife.len() as f64;
    let power = |k: i32| jackknife.iter().map(|value| ((n - 1.0) * (centre - value)).powi(k)).sum::<f64>() / n.powi(k);
    let acceleration = power(3) / power(2).powf(1.5) / 6.0;
    let z = normal_quantile(outside);
    let shares = [z, -z].map(|z| {
        let y = bias + z;
        normal_below(bias + y / (1.0 - acceleration * y))
    });
    if shares.iter().any(|share| share.is_nan()) { Err(Undefined::NoAcceleration) } else { Ok(shares) }
}
