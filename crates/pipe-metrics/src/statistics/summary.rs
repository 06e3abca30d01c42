//! Mean and spread of values in short.
//!
//! Does not know what the values are.

use serde::{Deserialize, Serialize};

use super::StatisticsError;
use crate::Score;

/// Over what values spread. Spreads over different things are never compared or averaged.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Over {
    /// Over cases: how much cases differ.
    #[default]
    Cases,
    /// Over patients, each the mean of its cases.
    Patients,
    /// Over folds, each the mean of its cases: how much the choice of data matters.
    Folds,
    /// Over seeds, each the mean of its folds: how much chance in training matters.
    Seeds,
}

impl Over {
    /// Its name for people, as in "mean ± SD over cases".
    pub fn label(self) -> &'static str {
        match self {
            Self::Cases => "cases",
            Self::Patients => "patients",
            Self::Folds => "folds",
            Self::Seeds => "seeds",
        }
    }
}

/// Values in short.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Summary {
    /// Over what mean and spread are.
    #[serde(default)]
    pub over: Over,
    /// Arithmetic mean; none without values.
    pub mean: Option<f64>,
    /// Sample standard deviation (divisor n - 1); none with fewer than two values.
    pub sd: Option<f64>,
    /// Median.
    pub median: Option<f64>,
    /// First quartile, see [`quantile`].
    #[serde(default)]
    pub q1: Option<f64>,
    /// Third quartile.
    #[serde(default)]
    pub q3: Option<f64>,
    /// Smallest value.
    pub min: Option<f64>,
    /// Largest value.
    pub max: Option<f64>,
    /// Number of values, imputed ones included.
    pub n: usize,
    /// Number of values that a convention left out.
    pub excluded: usize,
    /// Number of values that a convention put there.
    #[serde(default)]
    pub imputed: usize,
}

impl Summary {
    /// The interquartile range, Q3 - Q1.
    pub fn iqr(&self) -> Option<f64> {
        Some(self.q3? - self.q1?)
    }
}

/// Arithmetic mean; none without values.
pub fn mean(values: &[f64]) -> Option<f64> {
    (!values.is_empty()).then(|| values.iter().sum::<f64>() / values.len() as f64)
}

/// Mean, and sample standard deviation `sqrt(sum (x - mean)^2 / (n - 1))`; that of one value is unknown.
pub fn mean_and_sd(values: &[f64]) -> (Option<f64>, Option<f64>) {
    let Some(mean) = mean(values) else {
        return (None, None);
    };
    let squares: f64 = values.iter().map(|value| (value - mean).powi(2)).sum();
    (Some(mean), (values.len() > 1).then(|| (squares / (values.len() as f64 - 1.0)).sqrt()))
}

/// The quantile of sorted values at `share` from 0 to 1; none without values.
///
/// Linear between the two neighbours of place `share * (n - 1)`: definition 7 of Hyndman and Fan, *Sample quantiles in statistical
/// packages*, The American Statistician 50 (1996), the default of NumPy.
pub fn quantile(sorted: &[f64], share: f64) -> Option<f64> {
    let last = sorted.len().checked_sub(1)?;
    let place = share.clamp(0.0, 1.0) * last as f64;
    let below = place.floor() as usize;
    let (low, high) = (sorted[below], sorted[(below + 1).min(last)]);
    Some(low + (high - low) * (place - below as f64))
}

/// Median: the middle value, or the mean of the two middle ones; none without values.
pub fn median(values: &[f64]) -> Option<f64> {
    let mut values = values.to_vec();
    let middle = values.len() / 2;
    if values.is_empty() {
        return None;
    }
    let even = values.len().is_multiple_of(2);
    let (below, upper, _) = values.select_nth_unstable_by(middle, f64::total_cmp);
    let upper = *upper;
    let lower = below.iter().copied().max_by(f64::total_cmp);
    Some(if even { f64::midpoint(lower.unwrap_or(upper), upper) } else { upper })
}

/// Summarises values over one thing.
///
/// # Errors
/// A value is infinite or not a number; its position counts all scores.
pub fn summarise(scores: &[Score], over: Over) -> Result<Summary, StatisticsError> {
    let bad = |(position, score): (usize, &Score)| {
        let value = score.value().filter(|value| !value.is_finite())?;
        Some(StatisticsError::NotFinite { position, value })
    };
    if let Some(error) = scores.iter().enumerate().find_map(bad) {
        return Err(error);
    }
    let mut known: Vec<f64> = scores.iter().filter_map(|score| score.value()).collect();
    let (mean, sd) = mean_and_sd(&known);
    known.sort_by(f64::total_cmp);
    Ok(Summary {
        over,
        mean,
        sd,
        median: quantile(&known, 0.5),
        q1: quantile(&known, 0.25),
        q3: quantile(&known, 0.75),
        min: known.first().copied(),
        max: known.last().copied(),
        n: known.len(),
        excluded: scores.len() - known.len(),
        imputed: scores.iter().filter(|score| matches!(score, Score::Imputed(_))).count(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn excluded_and_imputed_cases_are_counted() {
        let scores = [Score::Known(1.0), Score::Excluded, Score::Known(2.0), Score::Imputed(4.0), Score::Known(5.0)];
        let summary = summarise(&scores, Over::Cases).expect("finite");
        assert_eq!((summary.mean, summary.median, summary.n), (Some(3.0), Some(3.0), 4));
        assert_eq!((summary.excluded, summary.imputed, summary.over), (1, 1, Over::Cases));
        assert!((summary.sd.expect("four values") - (10.0_f64 / 3.0).sqrt()).abs() < 1e-15);
        assert_eq!(summarise(&[Score::Excluded], Over::Cases).expect("none").mean, None);
        assert_eq!(summarise(&[Score::Known(1.0)], Over::Folds).expect("one").sd, None);
    }

    #[test]
    fn quartiles_are_those_of_numpy() {
        // numpy 2.4.6: numpy.percentile([0.3, 7, 1, 4.5, 2, 9, 9], [25, 50, 75]).
        let values = [0.3, 7.0, 1.0, 4.5, 2.0, 9.0, 9.0].map(Score::Known);
        let summary = summarise(&values, Over::Cases).expect("finite");
        assert_eq!((summary.q1, summary.median, summary.q3), (Some(1.5), Some(4.5), Some(8.0)));
        assert_eq!(summary.iqr(), Some(6.5));
        assert_eq!(median(&[4.0, 1.0, 3.0, 2.0]), Some(2.5));
        assert_eq!(median(&[]), None);
    }

    #[test]
    fn a_value_that_is_no_number_is_an_error() {
        let scores = [Score::Excluded, Score::Known(1.0), Score::Known(f64::NAN)];
        assert!(matches!(summarise(&scores, Over::Cases), Err(StatisticsError::NotFinite { position: 2, .. })));
    }

    #[test]
    fn summaries_without_the_later_fields_are_read() {
        let old = r#"{"mean":0.5,"sd":null,"median":0.5,"min":0.5,"max":0.5,"n":1,"excluded":0}"#;
        let summary: Summary = serde_json::from_str(old).expect("an earlier summary");
        assert_eq!((summary.over, summary.q1, summary.imputed), (Over::Cases, None, 0));
    }
}
