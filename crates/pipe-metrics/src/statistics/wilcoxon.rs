//! The Wilcoxon signed-rank test: do paired values differ?
//!
//! Does not know what is paired.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    Alternative, Continuity, Method, Null, StatisticsError, Test,
    error::paired,
    normal::{normal_above, normal_below},
    ranks::ranks,
};

/// What becomes of pairs that do not differ.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Zeros {
    /// They are ranked with the others, and their ranks left out: Pratt, *Remarks on zeros and ties in the Wilcoxon signed rank
    /// procedures*, JASA 54 (1959), with the variance of Cureton, JASA 62 (1967).
    #[default]
    Pratt,
    /// They are left out before ranking: Wilcoxon, *Individual comparisons by ranking methods*, Biometrics Bulletin 1 (1945).
    Wilcox,
    /// They are ranked with the others, and their ranks split between both signs.
    Zsplit,
}

/// How the test is done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct WilcoxonOptions {
    /// What becomes of pairs that do not differ.
    pub zeros: Zeros,
    /// What is asked.
    pub alternative: Alternative,
    /// How the p-value is computed.
    pub method: Method,
    /// Whether the normal approximation has a continuity correction.
    pub continuity: Continuity,
}

impl Default for WilcoxonOptions {
    /// Pratt, two-sided, automatic, uncorrected: all but Pratt as in SciPy.
    fn default() -> Self {
        Self {
            zeros: Zeros::Pratt,
            alternative: Alternative::TwoSided,
            method: Method::Auto,
            continuity: Continuity::Uncorrected,
        }
    }
}

/// The answer.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Wilcoxon {
    /// The statistic, `min(R+, R-)` if two-sided, else `R+`; its p-value.
    pub test: Test,
    /// Sum of the ranks of pairs in which the first is larger.
    pub plus: f64,
    /// Sum of the ranks of pairs in which the first is smaller.
    pub minus: f64,
    /// Pairs.
    pub n: usize,
    /// Pairs that do not differ.
    pub zeros: usize,
}

/// From this many pairs on, zeros and ties are left to the normal approximation; 2^13 sign changes are what SciPy enumerates.
const ENUMERATED: usize = 13;
/// Up to here the exact distribution is used where there are neither zeros nor ties, as in SciPy.
const EXACT: usize = 50;
/// The exact distribution takes time with the cube of the number of pairs.
const MOST: usize = 1000;

/// Tests whether the differences `one - other` are symmetric around 0.
///
/// Differences are ranked by size; `R+` is the sum of the ranks of those above 0, `R-` of those below.
/// * Exact: `R+` over all 2^n equally likely signs, given the ranks (with ties, too; SciPy's `method="exact"` ignores ties).
/// * Normal: `z = (R+ - mean) / se` with `mean = n (n + 1) / 4` and `se^2 = (n (n + 1) (2 n + 1) - ties / 2) / 24`, where Pratt takes
///   away the zeros' part of both, and `ties` is the sum of `t^3 - t` over ties.
/// * Auto, as SciPy 1.17: normal above 50 pairs; else exact without zeros and ties; with them exact up to 13 pairs and normal above.
///
/// If no pair differs, p is 1 and the statistic 0 (Pratt, Wilcox) or half of all ranks (zsplit), whatever the method.
/// Sizes that should be equal but differ by rounding do not tie, as in SciPy.
///
/// # Errors
/// Lists of other lengths, without values, or with values that are not finite; an exact test of more than 1,000 pairs.
pub fn wilcoxon(one: &[f64], other: &[f64], options: WilcoxonOptions) -> Result<Wilcoxon, StatisticsError> {
    paired(one, other)?;
    let all: Vec<f64> = one.iter().zip(other).map(|(one, other)| one - other).collect();
    let n = all.len();
    let zeros = all.iter().filter(|difference| **difference == 0.0).count();
    let kept: Vec<f64> = match options.zeros {
        Zeros::Wilcox => all.into_iter().filter(|difference| *difference != 0.0).collect(),
        Zeros::Pratt | Zeros::Zsplit => all,
    };
    let ranked = ranks(&kept.iter().map(|difference| difference.abs()).collect::<Vec<_>>());
    let of = |wanted: fn(f64) -> bool| -> Vec<f64> {
        kept.iter().zip(&ranked.ranks).filter(|(difference, _)| wanted(**difference)).map(|(_, rank)| *rank).collect()
    };
    let (up, down, level) = (of(|d| d > 0.0), of(|d| d < 0.0), of(|d| d == 0.0));
    let split = if options.zeros == Zeros::Zsplit { level.iter().sum::<f64>() / 2.0 } else { 0.0 };
    let (above, below) = (up.iter().sum::<f64>(), down.iter().sum::<f64>());
    let (plus, minus) = (above + split, below + split);
    let statistic = if options.alternative == Alternative::TwoSided { plus.min(minus) } else { plus };
    let answer = |p: f64, null: Null| Wilcoxon { test: Test { statistic, p, null }, plus, minus, n, zeros };
    if zeros == n {
        return Ok(answer(1.0, Null::Exact));
    }
    let plain = zeros == 0 && ranked.ties == 0.0;
    let exact = match options.method {
        Method::Auto => n <= EXACT && (plain || n <= ENUMERATED),
        Method::Exact => true,
        Method::Normal => false,
    };
    if exact {
        if n > MOST {
            return Err(StatisticsError::TooManyForExact { n, most: MOST });
        }
        let (at_most, at_least) = tails(up.iter().chain(&down), above);
        return Ok(answer(options.alternative.p(at_most, at_least), Null::Exact));
    }
    let (count, level) = (kept.len() as f64, level.len() as f64);
    let (mut mean, mut variance) = (count * (count + 1.0) / 4.0, count * (count + 1.0) * (2.0 * count + 1.0));
    let mut ties = ranked.ties;
    if options.zeros == Zeros::Pratt {
        mean -= level * (level + 1.0) / 4.0;
        variance -= level * (level + 1.0) * (2.0 * level + 1.0);
        ties -= level.powi(3) - level;
    }
    let se = ((variance - ties / 2.0) / 24.0).sqrt();
    let mut z = (plus - mean) / se;
    if options.continuity == Continuity::Corrected {
        z -= 0.5 / se
            * match options.alternative {
                Alternative::Greater => 1.0,
                Alternative::Less => -1.0,
                Alternative::TwoSided if z == 0.0 => 0.0,
                Alternative::TwoSided => z.signum(),
            };
    }
    Ok(answer(options.alternative.p(normal_below(z), normal_above(z)), Null::Normal))
}

/// Probabilities that the sum of ranks with a fair sign each is at most, and at least, what was found.
///
/// Shared ranks are halves, so everything is counted in halves.
fn tails<'r>(ranks: impl Iterator<Item = &'r f64>, found: f64) -> (f64, f64) {
    let steps: Vec<usize> = ranks.map(|rank| (rank * 2.0) as usize).collect();
    let found = (found * 2.0) as usize;
    let mut chances = vec![0.0; steps.iter().sum::<usize>() + 1];
    chances[0] = 1.0;
    let mut top = 0;
    for step in steps {
        top += step;
        for sum in (0..=top).rev() {
            let with = if sum >= step { chances[sum - step] } else { 0.0 };
            chances[sum] = f64::midpoint(chances[sum], with);
        }
    }
    (chances[..=found].iter().sum(), chances[found..].iter().rev().sum())
}
