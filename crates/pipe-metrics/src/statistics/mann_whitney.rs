//! The Mann-Whitney U test: do values of one group tend to be larger than those of another?
//!
//! Does not know what the groups are.

use serde::{Deserialize, Serialize};

use super::{
    Alternative, Continuity, Method, Null, StatisticsError, Test,
    error::finite,
    normal::{normal_above, normal_below},
    ranks::ranks,
};

/// The answer.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct MannWhitney {
    /// U of the first group, and its p-value.
    pub test: Test,
    /// U / (n m): the chance that a value of the first group is larger than one of the second, ties counted half (the AUC).
    pub chance: f64,
}

/// Groups of which the smaller one has more values are left to the normal approximation, as in SciPy.
const EXACT: usize = 8;
/// Pairs of values for which the exact distribution is computed at all; its time grows with their square.
const MOST: usize = 10_000;

/// Tests whether values of `one` tend to be larger (or smaller) than those of `other`, which are other cases.
///
/// `U` counts the pairs in which the value of `one` is larger, ties half: `R - n (n + 1) / 2` for the sum `R` of its ranks among all.
/// * Normal: mean `n m / 2`, variance `n m / 12 (N + 1 - ties / (N (N - 1)))`, `N = n + m`, and a continuity correction of 1/2 if asked.
/// * Auto, as SciPy: exact if no values tie and the smaller group has at most 8 values, else normal; normal, too, beyond 10,000 pairs.
///
/// If all values are equal, p is 1.
///
/// # Errors
/// A group without values, or with values that are not finite; an exact test with ties or for more than 10,000 pairs.
///
/// # Source
/// Mann and Whitney, *On a test of whether one of two random variables is stochastically larger than the other*, Ann. Math. Stat. 18
/// (1947).
pub fn mann_whitney(
    one: &[f64],
    other: &[f64],
    alternative: Alternative,
    method: Method,
    continuity: Continuity,
) -> Result<MannWhitney, StatisticsError> {
    if one.is_empty() || other.is_empty() {
        return Err(StatisticsError::Empty);
    }
    finite(one)?;
    finite(other)?;
    let (n, m) = (one.len() as f64, other.len() as f64);
    let ranked = ranks(&one.iter().chain(other).copied().collect::<Vec<_>>());
    let larger = ranked.ranks[..one.len()].iter().sum::<f64>() - n * (n + 1.0) / 2.0;
    let answer =
        |p: f64, null: Null| MannWhitney { test: Test { statistic: larger, p, null }, chance: larger / (n * m) };
    let exact = match method {
        Method::Auto => one.len().min(other.len()) <= EXACT && ranked.ties == 0.0 && one.len() * other.len() <= MOST,
        Method::Exact => true,
        Method::Normal => false,
    };
    if exact {
        if ranked.ties > 0.0 {
            return Err(StatisticsError::TiesInExact);
        }
        if one.len() * other.len() > MOST {
            return Err(StatisticsError::TooManyForExact { n: one.len() * other.len(), most: MOST });
        }
        let chances = chances(one.len(), other.len());
        let found = larger as usize;
        let below = chances[..=found].iter().sum();
        return Ok(answer(alternative.p(below, chances[found..].iter().rev().sum()), Null::Exact));
    }
    let total = n + m;
    let spread = (n * m / 12.0 * (total + 1.0 - ranked.ties / (total * (total - 1.0)))).sqrt();
    // Rounding leaves a spread of equal values a little above 0, or none at all.
    if ranked.ties == total.powi(3) - total {
        return Ok(answer(1.0, Null::Exact));
    }
    let half = if continuity == Continuity::Corrected { 0.5 } else { 0.0 };
    let far = larger - n * m / 2.0;
    let below = normal_below((far + half) / spread);
    Ok(answer(alternative.p(below, normal_above((far - half) / spread)), Null::Normal))
}

/// The chance of each U from 0 to `n m`.
///
/// The largest of all values is of the first group with chance `n / (n + m)`, and then adds `m`. It is the same for exchanged groups,
/// and takes less room with the smaller one second.
fn chances(one: usize, other: usize) -> Vec<f64> {
    let (n, m) = (one.max(other), one.min(other));
    let mut rows: Vec<Vec<f64>> = vec![vec![1.0]; m + 1];
    for i in 1..=n {
        let mut next: Vec<Vec<f64>> = vec![vec![1.0]];
        for j in 1..=m {
            let whole = (i + j) as f64;
            let mut row = vec![0.0; i * j + 1];
            for (at, chance) in rows[j].iter().enumerate() {
                row[at + j] += i as f64 / whole * chance;
            }
            for (at, chance) in next[j - 1].iter().enumerate() {
                row[at] += j as f64 / whole * chance;
            }
            next.push(row);
        }
        rows = next;
    }
    rows.swap_remove(m)
}
