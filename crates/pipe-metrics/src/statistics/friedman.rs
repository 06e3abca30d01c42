//! The Friedman test with Nemenyi's critical difference: do several systems differ over several data sets?
//!
//! Does not know systems or data sets.

use serde::{Deserialize, Serialize};

use super::{
    StatisticsError,
    error::{between, finite},
    normal::{chi_squared_above, normal_below},
    ranks::ranks,
};
use crate::Direction;

/// The answer.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Friedman {
    /// Chi-squared with `k - 1` degrees of freedom.
    pub statistic: f64,
    /// Its p-value.
    pub p: f64,
    /// The average rank of each system, 1 for one that is best everywhere.
    pub average_ranks: Vec<f64>,
    /// Number of data sets.
    pub n: usize,
}

/// Tests whether systems differ; `table` has a row for each data set and in it a value for each system.
///
/// `chi^2 = (12 / (n k (k + 1)) sum R_j^2 - 3 n (k + 1)) / (1 - ties / (n k (k^2 - 1)))` for the rank sums `R_j` of `k` systems over `n`
/// data sets. If all systems tie everywhere, the statistic is 0 and p is 1.
///
/// # Errors
/// No rows, rows of other lengths, fewer than three systems, or values that are not finite.
///
/// # Source
/// Friedman, *The use of ranks to avoid the assumption of normality*, JASA 32 (1937); Demsar, *Statistical comparisons of classifiers
/// over multiple data sets*, JMLR 7 (2006).
pub fn friedman(table: &[Vec<f64>], direction: Direction) -> Result<Friedman, StatisticsError> {
    let systems = table.first().ok_or(StatisticsError::Empty)?.len();
    if systems < 3 {
        return Err(StatisticsError::TooFewSystems { found: systems, least: 3 });
    }
    let (n, k) = (table.len() as f64, systems as f64);
    let (mut sums, mut ties) = (vec![0.0; systems], 0.0);
    for row in table {
        if row.len() != systems {
            return Err(StatisticsError::Lengths { one: systems, other: row.len() });
        }
        finite(row)?;
        let ranked = match direction {
            Direction::Higher => ranks(&row.iter().map(|value| -value).collect::<Vec<_>>()),
            Direction::Lower => ranks(row),
        };
        sums.iter_mut().zip(ranked.ranks).for_each(|(sum, rank)| *sum += rank);
        ties += ranked.ties;
    }
    let squares: f64 = sums.iter().map(|sum| sum * sum).sum();
    let untied = 1.0 - ties / (n * k * (k * k - 1.0));
    let plain = 12.0 / (n * k * (k + 1.0)) * squares - 3.0 * n * (k + 1.0);
    let statistic = if untied == 0.0 { 0.0 } else { plain / untied };
    Ok(Friedman {
        statistic,
        p: chi_squared_above(statistic, systems - 1),
        average_ranks: sums.iter().map(|sum| sum / n).collect(),
        n: table.len(),
    })
}

/// How far average ranks must be apart to differ at `significance` (usually 0.05).
///
/// `q sqrt(k (k + 1) / (6 n))`, `q` the quantile of the studentised range of `k` normal values divided by `sqrt 2`.
///
/// # Errors
/// Fewer than two systems, no data sets, or a level that is not between 0 and 1.
///
/// # Source
/// Nemenyi, *Distribution-free multiple comparisons*, PhD thesis, Princeton (1963).
pub fn nemenyi_critical_difference(systems: usize, n: usize, significance: f64) -> Result<f64, StatisticsError> {
    between("the level of significance", significance)?;
    let unit = unit(systems, n)?;
    let (mut low, mut high) = (0.0, 100.0);
    // 60 halvings reach the last bit.
    for _ in 0..60 {
        let middle = f64::midpoint(low, high);
        if range_above(middle, systems) > significance { low = middle } else { high = middle }
    }
    Ok(f64::midpoint(low, high) / std::f64::consts::SQRT_2 * unit)
}

/// The p-value of each pair of systems by their average ranks, `p[i][j]`; 1 on the diagonal.
///
/// # Errors
/// Fewer than two systems, or no data sets.
pub fn nemenyi(found: &Friedman) -> Result<Vec<Vec<f64>>, StatisticsError> {
    let ranks = &found.average_ranks;
    let unit = unit(ranks.len(), found.n)?;
    let p = |one: &f64, other: &f64| range_above((one - other).abs() / unit * std::f64::consts::SQRT_2, ranks.len());
    Ok(ranks.iter().map(|one| ranks.iter().map(|other| p(one, other)).collect()).collect())
}

/// The standard deviation of a difference of average ranks.
fn unit(systems: usize, n: usize) -> Result<f64, StatisticsError> {
    if systems < 2 {
        return Err(StatisticsError::TooFewSystems { found: systems, least: 2 });
    }
    if n == 0 {
        return Err(StatisticsError::Empty);
    }
    let k = systems as f64;
    Ok((k * (k + 1.0) / (6.0 * n as f64)).sqrt())
}

/// The chance that the range of `k` standard normal values is at least `q`:
/// `1 - k` times the integral over z of `phi(z) (P(Z <= z) - P(Z <= z - q))^(k - 1)`.
fn range_above(q: f64, k: usize) -> f64 {
    // The integrand is smooth and ends like a normal density, so that the plain sum is exact to rounding.
    const STEP: f64 = 1.0 / 32.0;
    let density = |z: f64| (-z * z / 2.0).exp() / (2.0 * std::f64::consts::PI).sqrt();
    let at = |step: i32| {
        let z = f64::from(step) * STEP;
        density(z) * (normal_below(z) - normal_below(z - q)).powi(k as i32 - 1)
    };
    (1.0 - k as f64 * STEP * (-288..=288).map(at).sum::<f64>()).clamp(0.0, 1.0)
}
