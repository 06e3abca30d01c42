//! Mean and spread of values over cases or folds.
//!
//! Does not know what the values are.

use serde::{Deserialize, Serialize};

use crate::Score;

/// Values in short.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Summary {
    /// Arithmetic mean; none without values.
    pub mean: Option<f64>,
    /// Sample standard deviation (divisor n - 1); none with fewer than two values.
    pub sd: Option<f64>,
    /// Median.
    pub median: Option<f64>,
    /// Smallest value.
    pub min: Option<f64>,
    /// Largest value.
    pub max: Option<f64>,
    /// Number of values, imputed ones among them.
    pub n: usize,
    /// Number of cases that the convention for empty masks excluded, or for which the metric has no value.
    pub excluded: usize,
    /// Number of values that the convention for empty masks gave.
    #[serde(default)]
    pub imputed: usize,
}

impl Summary {
    /// Whether there were cases and none has a value, as where a class is absent everywhere.
    pub fn excluded_everywhere(&self) -> bool {
        self.n == 0 && self.excluded > 0
    }
}

/// Mean and sample standard deviation (divisor n - 1).
pub fn mean_and_sd(values: &[f64]) -> (Option<f64>, Option<f64>) {
    if values.is_empty() {
        return (None, None);
    }
    let n = values.len() as f64;
    let mean = values.iter().sum::<f64>() / n;
    let squares: f64 = values.iter().map(|value| (value - mean).powi(2)).sum();
    (Some(mean), (values.len() > 1).then(|| (squares / (n - 1.0)).sqrt()))
}

/// Summarises scores of cases, or values of which some are missing (which count as excluded).
pub fn summarise<S: Into<Score>>(scores: impl IntoIterator<Item = S>) -> Summary {
    let scores: Vec<Score> = scores.into_iter().map(Into::into).collect();
    let mut known: Vec<f64> = scores.iter().filter_map(|score| score.value()).collect();
    let (mean, sd) = mean_and_sd(&known);
    known.sort_by(f64::total_cmp);
    let middle = known.len() / 2;
    let median = match known.len() {
        0 => None,
        n if n % 2 == 1 => Some(known[middle]),
        _ => Some(f64::midpoint(known[middle - 1], known[middle])),
    };
    Summary {
        mean,
        sd,
        median,
        min: known.first().copied(),
        max: known.last().copied(),
        n: known.len(),
        excluded: scores.len() - known.len(),
        imputed: scores.iter().filter(|score| matches!(score, Score::Imputed(_))).count(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn excluded_cases_are_counted() {
        let summary = summarise([Some(1.0), None, Some(2.0), Some(4.0), Some(5.0)]);
        assert_eq!((summary.mean, summary.median, summary.n, summary.excluded), (Some(3.0), Some(3.0), 4, 1));
        assert!((summary.sd.expect("four values") - (10.0_f64 / 3.0).sqrt()).abs() < 1e-15);
        let none = summarise([Score::Excluded; 2]);
        assert!(none.excluded_everywhere() && none.mean.is_none());
        assert!(!summarise([Score::Known(0.0), Score::Excluded]).excluded_everywhere());
        let imputed = summarise([Score::Known(1.0), Score::Imputed(3.0)]);
        assert_eq!((imputed.mean, imputed.n, imputed.imputed), (Some(2.0), 2, 1));
        assert_eq!(summarise([Some(1.0)]).sd, None);
    }
}
