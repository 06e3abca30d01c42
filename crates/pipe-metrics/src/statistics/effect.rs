//! Sizes of effects: by how much do two systems differ on the same patients?
//!
//! Does not know whether that is significant.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Bootstrap, Estimate, StatisticsError, Zeros, bootstrap, error::paired, median, ranks::ranks};

/// A size of an effect of `one` against `other`, above 0 where `one` is larger.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum EffectSize {
    /// The mean of the differences, in the unit of the values.
    MeanDifference,
    /// The median of the differences, in the unit of the values.
    #[default]
    MedianDifference,
    /// See [`hodges_lehmann`], in the unit of the values.
    HodgesLehmann,
    /// See [`rank_biserial`] with Pratt's zeros, from -1 to 1.
    RankBiserial,
    /// See [`cliffs_delta`], from -1 to 1; does not use that values are paired.
    CliffsDelta,
}

impl EffectSize {
    /// Its name for people.
    pub fn label(self) -> &'static str {
        match self {
            Self::MeanDifference => "mean difference",
            Self::MedianDifference => "median difference",
            Self::HodgesLehmann => "Hodges-Lehmann shift",
            Self::RankBiserial => "rank-biserial correlation",
            Self::CliffsDelta => "Cliff's delta",
        }
    }
}

/// The Hodges-Lehmann estimate of a shift: the median of `(d_i + d_j) / 2` over `i <= j`; none without values.
///
/// Time and room grow with the square of the number of differences.
///
/// # Source
/// Hodges and Lehmann, *Estimates of location based on rank tests*, Ann. Math. Stat. 34 (1963).
pub fn hodges_lehmann(differences: &[f64]) -> Option<f64> {
    let pairs = differences.iter().enumerate();
    let averages = pairs.flat_map(|(at, one)| differences[at..].iter().map(move |other| f64::midpoint(*one, *other)));
    median(&averages.collect::<Vec<_>>())
}

/// The matched-pairs rank-biserial correlation `(R+ - R-) / (R+ + R-)` of differences; 0 where none differs from 0.
///
/// `R+` and `R-` are the rank sums of the Wilcoxon test; zeros are ranked with the others and their ranks left out (Pratt), left out
/// before (wilcox), or their ranks stay in the denominator (zsplit).
///
/// # Source
/// Kerby, *The simple difference formula*, Comprehensive Psychology 3 (2014).
pub fn rank_biserial(differences: &[f64], zeros: Zeros) -> f64 {
    let kept: Vec<f64> = differences.iter().copied().filter(|d| zeros != Zeros::Wilcox || *d != 0.0).collect();
    let ranked = ranks(&kept.iter().map(|difference| difference.abs()).collect::<Vec<_>>());
    let (mut balance, mut total) = (0.0, 0.0);
    for (difference, rank) in kept.iter().zip(ranked.ranks) {
        if *difference != 0.0 {
            balance += rank.copysign(*difference);
        }
        if *difference != 0.0 || zeros == Zeros::Zsplit {
            total += rank;
        }
    }
    if total == 0.0 { 0.0 } else { balance / total }
}

/// Cliff's delta: the share of pairs `(x, y)` with `x > y` less that with `x < y`; none where a list is empty.
///
/// # Source
/// Cliff, *Dominance statistics: ordinal analyses to answer ordinal questions*, Psychological Bulletin 114 (1993).
pub fn cliffs_delta(one: &[f64], other: &[f64]) -> Option<f64> {
    if one.is_empty() || other.is_empty() {
        return None;
    }
    let mut sorted = other.to_vec();
    sorted.sort_by(f64::total_cmp);
    let balance = |x: &f64| {
        let below = sorted.partition_point(|y| y < x);
        let above = sorted.len() - sorted.partition_point(|y| y <= x);
        below as f64 - above as f64
    };
    Some(one.iter().map(balance).sum::<f64>() / (one.len() * other.len()) as f64)
}

/// The size of an effect on paired values.
///
/// # Errors
/// Lists of other lengths, without values, or with values that are not finite.
pub fn effect(kind: EffectSize, one: &[f64], other: &[f64]) -> Result<f64, StatisticsError> {
    paired(one, other)?;
    Ok(of(kind, one, other))
}

/// The size of an effect on paired values, with its interval over pairs: both values of a patient are drawn together.
///
/// # Errors
/// As [`effect`] and [`bootstrap()`].
pub fn effect_with_interval(
    kind: EffectSize,
    one: &[f64],
    other: &[f64],
    plan: &Bootstrap,
) -> Result<Estimate, StatisticsError> {
    paired(one, other)?;
    let drawn = |values: &[f64], indices: &[usize]| indices.iter().map(|at| values[*at]).collect::<Vec<_>>();
    bootstrap(one.len(), |indices| of(kind, &drawn(one, indices), &drawn(other, indices)), plan)
}

fn of(kind: EffectSize, one: &[f64], other: &[f64]) -> f64 {
    let differences: Vec<f64> = one.iter().zip(other).map(|(one, other)| one - other).collect();
    match kind {
        EffectSize::MeanDifference => super::mean(&differences),
        EffectSize::MedianDifference => median(&differences),
        EffectSize::HodgesLehmann => hodges_lehmann(&differences),
        EffectSize::RankBiserial => Some(rank_biserial(&differences, Zeros::Pratt)),
        EffectSize::CliffsDelta => cliffs_delta(one, other),
    }
    .expect("there are values")
}
