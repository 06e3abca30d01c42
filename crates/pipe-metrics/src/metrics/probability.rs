//! What probabilities are worth, whatever the threshold.
//!
//! Does not know how pixels are grouped.
//!
//! All look at pixels within the field of view, of one class against everything else; pixels of equal probability are one group,
//! so that nothing depends on their order. Probabilities of a case are taken as they are; of several cases together (pooled) as
//! half-precision numbers, which is what is stored. The convention for empty masks plays no part: a prediction has probabilities
//! everywhere, and where the reference lacks what a formula needs, the case is excluded.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{EmptyMasks, Groups, LengthUnit, OfEmpty, Pair, Pooled, Score};

use super::{
    description::{Description, MeasureError, Needs},
    registry::Measure,
};

/// The score of a formula of the groups; excluded where the formula has no value.
fn score(
    metric: &impl Measure,
    pair: &Pair<'_>,
    of: impl FnOnce(&Groups) -> Option<f64>,
) -> Result<Score, MeasureError> {
    let groups = pair
        .groups()
        .ok_or_else(|| MeasureError::NoProbabilities { metric: metric.description(LengthUnit::Pixel).key })?;
    Ok(of(groups).into())
}

fn pooled(pooled: &Pooled, of: impl FnOnce(&Groups) -> Option<f64>) -> Option<Score> {
    pooled.probabilities.as_ref().map(|counts| of(&counts.groups()).into())
}

/// Area under the ROC curve = share of pairs of a foreground and a background pixel of which the first has the higher
/// probability, ties counted as half; no unit, higher is better, 0 to 1.
///
/// Excluded where the reference has no foreground or no background. Depends on the field of view: background far away is easy.
///
/// # Source
/// Hanley and McNeil, "The meaning and use of the area under a receiver operating characteristic curve", 1982; scikit-learn's
/// `roc_auc_score`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RocAuc {}

impl Measure for RocAuc {
    fn description(&self, _: LengthUnit) -> Description {
        Description::ratio("roc_auc", "ROC AUC")
    }

    fn needs(&self) -> Needs {
        Needs::Probabilities
    }

    fn of_empty(&self) -> OfEmpty {
        OfEmpty::NeedsReference
    }

    fn score(&self, pair: &Pair<'_>, _: EmptyMasks) -> Result<Score, MeasureError> {
        score(self, pair, Groups::roc_auc)
    }

    fn pooled(&self, all: &Pooled, _: EmptyMasks) -> Option<Score> {
        pooled(all, Groups::roc_auc)
    }
}

/// Area under the precision-recall curve as average precision = sum over thresholds of (R_n - R_(n-1)) P_n; no unit, higher is
/// better, 0 to 1.
///
/// Nothing is interpolated. Excluded where the reference has no foreground.
///
/// # Source
/// scikit-learn's `average_precision_score`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PrAuc {}

impl Measure for PrAuc {
    fn description(&self, _: LengthUnit) -> Description {
        Description::ratio("pr_auc", "PR AUC")
    }

    fn needs(&self) -> Needs {
        Needs::Probabilities
    }

    fn of_empty(&self) -> OfEmpty {
        OfEmpty::NeedsReference
    }

    fn score(&self, pair: &Pair<'_>, _: EmptyMasks) -> Result<Score, MeasureError> {
        score(self, pair, Groups::average_precision)
    }

    fn pooled(&self, all: &Pooled, _: EmptyMasks) -> Option<Score> {
        pooled(all, Groups::average_precision)
    }
}

/// Expected calibration error = sum over bins of |bin| / n |share of foreground - mean probability|; no unit, lower is better,
/// 0 to 1.
///
/// Of the probability of the foreground, in bins of equal width: `k / bins < p <= (k + 1) / bins`, the first also 0.
///
/// # Source
/// Naeini, Cooper and Hauskrecht, "Obtaining well calibrated probabilities using Bayesian binning", 2015; MetricsReloaded, which
/// leaves pixels of probability 0 out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Ece {
    /// How many bins.
    #[serde(default = "ten")]
    #[schemars(range(min = 1))]
    pub bins: std::num::NonZeroU16,
}

fn ten() -> std::num::NonZeroU16 {
    std::num::NonZeroU16::new(10).expect("not zero")
}

impl Measure for Ece {
    fn description(&self, _: LengthUnit) -> Description {
        if self.bins == ten() {
            return Description::error("ece", "ECE");
        }
        Description::error(format!("ece_{}", self.bins), format!("ECE ({} bins)", self.bins))
    }

    fn needs(&self) -> Needs {
        Needs::Probabilities
    }

    fn of_empty(&self) -> OfEmpty {
        OfEmpty::Defined
    }

    fn score(&self, pair: &Pair<'_>, _: EmptyMasks) -> Result<Score, MeasureError> {
        score(self, pair, |groups| groups.calibration_error(usize::from(self.bins.get())))
    }

    fn pooled(&self, all: &Pooled, _: EmptyMasks) -> Option<Score> {
        pooled(all, |groups| groups.calibration_error(usize::from(self.bins.get())))
    }
}

/// Brier score = mean of (probability - reference)^2 over pixels, the reference as 0 or 1; no unit, lower is better, 0 to 1.
///
/// # Source
/// Brier, "Verification of forecasts expressed in terms of probability", 1950, for one class (half of its two-class form);
/// scikit-learn's `brier_score_loss`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Brier {}

impl Measure for Brier {
    fn description(&self, _: LengthUnit) -> Description {
        Description::error("brier", "Brier score")
    }

    fn needs(&self) -> Needs {
        Needs::Probabilities
    }

    fn of_empty(&self) -> OfEmpty {
        OfEmpty::Defined
    }

    fn score(&self, pair: &Pair<'_>, _: EmptyMasks) -> Result<Score, MeasureError> {
        score(self, pair, Groups::brier)
    }

    fn pooled(&self, all: &Pooled, _: EmptyMasks) -> Option<Score> {
        pooled(all, Groups::brier)
    }
}

impl Groups {
    /// Area under the ROC curve; none without foreground or without background.
    pub fn roc_auc(&self) -> Option<f64> {
        let [positive, negative] = self.totals();
        let mut below = 0_u64;
        let mut pairs = 0.0;
        for group in self.all() {
            pairs += group.positive as f64 * (below as f64 + group.negative as f64 / 2.0);
            below += group.negative;
        }
        (positive > 0 && negative > 0).then(|| pairs / positive as f64 / negative as f64)
    }

    /// Average precision; none without foreground.
    pub fn average_precision(&self) -> Option<f64> {
        let [positive, _] = self.totals();
        let mut before = 0;
        let mut sum = 0.0;
        for threshold in self.thresholds() {
            let found = threshold.true_positive;
            sum += (found - before) as f64 * found as f64 / (found + threshold.false_positive) as f64;
            before = found;
        }
        (positive > 0).then(|| sum / positive as f64)
    }

    /// Expected calibration error over so many bins; none without pixels.
    pub fn calibration_error(&self, bins: usize) -> Option<f64> {
        let apart: f64 = self.bins(bins).iter().map(|bin| (bin.positive as f64 - bin.sum).abs()).sum();
        let pixels = self.pixels();
        (pixels > 0).then(|| apart / pixels as f64)
    }

    /// Brier score; none without pixels.
    pub fn brier(&self) -> Option<f64> {
        let error = |group: &crate::Group| {
            let missing = 1.0 - group.probability;
            group.positive as f64 * missing * missing + group.negative as f64 * group.probability * group.probability
        };
        let pixels = self.pixels();
        (pixels > 0).then(|| self.all().iter().map(error).sum::<f64>() / pixels as f64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// By hand: of four pairs the foreground wins three; precision is 1, 1/2, 2/3 at the thresholds.
    #[test]
    fn by_hand() {
        let groups = Groups::of(&[0.9, 0.6, 0.4, 0.1], &[1, 0, 1, 0], None);
        let close = |found: Option<f64>, expected: f64| assert!((found.expect("pixels") - expected).abs() < 1e-7);
        close(groups.roc_auc(), 0.75);
        close(groups.average_precision(), 0.5 + 0.5 * 2.0 / 3.0);
        close(groups.brier(), (0.01 + 0.36 + 0.36 + 0.01) / 4.0);
        close(groups.calibration_error(2), ((1.0_f64 - 0.5).abs() + (1.0_f64 - 1.5).abs()) / 4.0);
        let ties = Groups::of(&[0.5; 4], &[1, 0, 1, 0], None);
        close(ties.roc_auc(), 0.5);
        close(ties.average_precision(), 0.5);
        assert_eq!(Groups::of(&[0.5; 2], &[0, 0], None).roc_auc(), None);
        assert_eq!(Groups::of(&[0.5; 2], &[0, 0], None).average_precision(), None);
        assert_eq!(Groups::of(&[0.5; 2], &[1, 1], None).roc_auc(), None);
        assert_eq!(Groups::of(&[], &[], None).brier(), None);
    }
}
