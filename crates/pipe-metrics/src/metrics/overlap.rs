//! Overlap of two masks, from four counts.
//!
//! Does not know how values are aggregated. Pooled values are the formula of the counts of all cases together.
//!
//! TP, FP, FN and TN are pixels within the field of view by what they are in prediction and reference. All are ratios without
//! a unit. A quotient whose denominator is 0 because a mask is empty is what the convention for empty masks says.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    Counts, Emptiness, EmptyMasks, LengthUnit, OfEmpty, Pair, Pooled, Score, empty::Extremes, setting::Positive,
};

use super::{
    description::{Description, MeasureError},
    registry::Measure,
};

fn ratio(part: u64, whole: u64) -> Option<f64> {
    (whole > 0).then(|| part as f64 / whole as f64)
}

/// Metrics that are a formula of the counts: settings, key, label, what they make of empty masks, and the score of counts.
macro_rules! of_counts {
    ($($(#[$about:meta])* $settings:ident $key:literal $label:literal $empty:ident $score:expr;)*) => {$(
        $(#[$about])*
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
        #[serde(deny_unknown_fields)]
        pub struct $settings {}

        impl Measure for $settings {
            fn description(&self, _: LengthUnit) -> Description {
                Description::ratio($key, $label)
            }

            fn of_empty(&self) -> OfEmpty {
                OfEmpty::$empty
            }

            fn score(&self, pair: &Pair<'_>, empty: EmptyMasks) -> Result<Score, MeasureError> {
                let score: fn(Counts, EmptyMasks) -> Score = $score;
                Ok(score(pair.counts(), empty))
            }

            fn pooled(&self, pooled: &Pooled, empty: EmptyMasks) -> Option<Score> {
                let score: fn(Counts, EmptyMasks) -> Score = $score;
                Some(score(pooled.counts, empty))
            }
        }
    )*};
}

/// A ratio of foreground, which empty masks leave to the convention.
fn overlap(counts: Counts, empty: EmptyMasks, part: u64, whole: u64) -> Score {
    empty.settle(counts.emptiness(), Extremes::RATIO, || ratio(part, whole))
}

of_counts! {
    /// Dice = 2 TP / (2 TP + FP + FN); higher is better, 0 to 1.
    ///
    /// # Source
    /// Dice, "Measures of the amount of ecologic association between species", 1945.
    Dice "dice" "Dice" Ratio |counts, empty| {
        let both = 2 * counts.true_positive;
        overlap(counts, empty, both, both + counts.false_positive + counts.false_negative)
    };

    /// Intersection over union = TP / (TP + FP + FN); higher is better, 0 to 1.
    ///
    /// # Source
    /// Jaccard, "The distribution of the flora in the alpine zone", 1912.
    Iou "iou" "IoU" Ratio |counts, empty| {
        overlap(counts, empty, counts.true_positive, counts.predicted() + counts.false_negative)
    };

    /// Precision (positive predictive value) = TP / (TP + FP); higher is better, 0 to 1.
    Precision "precision" "Precision" Ratio |counts, empty| {
        overlap(counts, empty, counts.true_positive, counts.predicted())
    };

    /// Recall (sensitivity, detection rate) = TP / (TP + FN); higher is better, 0 to 1.
    Recall "recall" "Recall" Ratio |counts, empty| {
        overlap(counts, empty, counts.true_positive, counts.referred())
    };

    /// Specificity = TN / (TN + FP); higher is better, 0 to 1.
    ///
    /// Defined for empty masks too; excluded where the reference has no background.
    Specificity "specificity" "Specificity" Defined |counts, _| specificity(counts).into();

    /// Balanced accuracy = (recall + specificity) / 2; higher is better, 0 to 1.
    ///
    /// Recall of an empty reference is what the convention for empty masks says; excluded where the reference has no background.
    BalancedAccuracy "balanced_accuracy" "Balanced accuracy" ThroughRecall |counts, empty| {
        let Some(specificity) = specificity(counts) else {
            return Score::Excluded;
        };
        let half = |recall: f64| f64::midpoint(recall, specificity);
        match overlap(counts, empty, counts.true_positive, counts.referred()) {
            Score::Known(recall) => Score::Known(half(recall)),
            Score::Imputed(recall) => Score::Imputed(half(recall)),
            Score::Excluded => Score::Excluded,
        }
    };

    /// Matthews correlation coefficient = (TP TN - FP FN) / sqrt((TP + FP) (TP + FN) (TN + FP) (TN + FN)); higher is better,
    /// -1 to 1.
    ///
    /// Where one mask is all foreground the formula has no value: excluded if both are, else 0 and imputed, which is what
    /// guessing scores (scikit-learn gives 0).
    ///
    /// # Source
    /// Matthews, "Comparison of the predicted and observed secondary structure of T4 phage lysozyme", 1975.
    Mcc "mcc" "MCC" Ratio |counts, empty| {
        let margins = [counts.predicted(), counts.referred()];
        let background = margins.map(|foreground| counts.all() - foreground);
        if background == [0, 0] {
            return Score::Excluded;
        }
        let extremes = Extremes { best: 1.0, worst: 0.0 };
        let formula = || {
            let product: f64 = margins.iter().chain(&background).map(|margin| (*margin as f64).sqrt()).product();
            let right = counts.true_positive as f64 * counts.true_negative as f64;
            let wrong = counts.false_positive as f64 * counts.false_negative as f64;
            (product > 0.0).then(|| (right - wrong) / product)
        };
        match (empty.settle(counts.emptiness(), extremes, formula), counts.emptiness()) {
            (Score::Excluded, Emptiness::Neither) => Score::Imputed(extremes.worst),
            (score, _) => score,
        }
    };

    /// Volumetric similarity = 1 - |FP - FN| / (2 TP + FP + FN); higher is better, 0 to 1. Position plays no part.
    ///
    /// # Source
    /// Taha and Hanbury, "Metrics for evaluating 3D medical image segmentation", 2015, section 3.2.
    VolumetricSimilarity "volumetric_similarity" "Volumetric similarity" Ratio |counts, empty| {
        let whole = counts.predicted() + counts.referred();
        let apart = counts.false_positive.abs_diff(counts.false_negative);
        overlap(counts, empty, whole - apart, whole)
    };
}

fn specificity(counts: Counts) -> Option<f64> {
    ratio(counts.true_negative, counts.true_negative + counts.false_positive)
}

/// Accuracy = (TP + TN) / (TP + FP + FN + TN); higher is better, 0 to 1.
///
/// Defined for empty masks too.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Accuracy {
    /// What right pixels are divided by.
    #[serde(default, rename = "as", skip_serializing_if = "AccuracyOf::is_pixels")]
    pub of: AccuracyOf,
}

/// What right pixels are divided by.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum AccuracyOf {
    /// The number of pixels.
    #[default]
    Pixels,
    /// Twice the number of pixels: the elements of a one-hot mask of two classes, by which some published code divides, so that a
    /// perfect prediction has one half. To reproduce its numbers beside the right ones.
    OneHotHalved,
}

impl AccuracyOf {
    // The form in which serde asks.
    fn is_pixels(&self) -> bool {
        *self == Self::Pixels
    }
}

impl Accuracy {
    fn of_counts(self, counts: Counts) -> Score {
        let elements = match self.of {
            AccuracyOf::Pixels => counts.all(),
            AccuracyOf::OneHotHalved => 2 * counts.all(),
        };
        ratio(counts.true_positive + counts.true_negative, elements).into()
    }
}

impl Measure for Accuracy {
    fn description(&self, _: LengthUnit) -> Description {
        match self.of {
            AccuracyOf::Pixels => Description::ratio("accuracy", "Accuracy"),
            AccuracyOf::OneHotHalved => {
                Description::ratio("accuracy_one_hot_halved", "Accuracy of one-hot masks (halved)")
            }
        }
    }

    fn of_empty(&self) -> OfEmpty {
        OfEmpty::Defined
    }

    fn score(&self, pair: &Pair<'_>, _: EmptyMasks) -> Result<Score, MeasureError> {
        Ok(self.of_counts(pair.counts()))
    }

    fn pooled(&self, pooled: &Pooled, _: EmptyMasks) -> Option<Score> {
        Some(self.of_counts(pooled.counts))
    }
}

/// F-beta = (1 + beta^2) TP / ((1 + beta^2) TP + beta^2 FN + FP); higher is better, 0 to 1.
///
/// Recall counts beta times as much as precision; at 1 it is Dice.
///
/// # Source
/// Van Rijsbergen, "Information retrieval", 1979.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct FBeta {
    /// How many times as much recall counts as precision.
    pub beta: Positive,
}

impl FBeta {
    fn of(self, counts: Counts, empty: EmptyMasks) -> Score {
        let square = self.beta.get().powi(2);
        let both = (1.0 + square) * counts.true_positive as f64;
        let whole = both + square * counts.false_negative as f64 + counts.false_positive as f64;
        empty.settle(counts.emptiness(), Extremes::RATIO, || (whole > 0.0).then(|| both / whole))
    }
}

impl Measure for FBeta {
    fn description(&self, _: LengthUnit) -> Description {
        Description::ratio(format!("f{}", self.beta), format!("F{}", self.beta))
    }

    fn score(&self, pair: &Pair<'_>, empty: EmptyMasks) -> Result<Score, MeasureError> {
        Ok(self.of(pair.counts(), empty))
    }

    fn pooled(&self, pooled: &Pooled, empty: EmptyMasks) -> Option<Score> {
        Some(self.of(pooled.counts, empty))
    }
}

/// Relative volume difference = |V(prediction) - V(reference)| / V(reference), with volumes as pixels; lower is better, from 0.
///
/// Without its sign, so that means over cases do not hide errors of both signs. There is no worst value: a case whose reference
/// alone is empty is excluded; where both are empty the convention decides, with 0 as the best.
///
/// # Source
/// MetricsReloaded's `absolute_volume_difference_ratio`; the size of MedPy's `ravd`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RelativeVolumeDifference {}

impl RelativeVolumeDifference {
    fn of(counts: Counts, empty: EmptyMasks) -> Score {
        let (predicted, referred) = (counts.predicted(), counts.referred());
        if referred == 0 && predicted > 0 {
            return Score::Excluded;
        }
        let extremes = Extremes { best: 0.0, worst: 1.0 };
        empty.settle(counts.emptiness(), extremes, || ratio(predicted.abs_diff(referred), referred))
    }
}

impl Measure for RelativeVolumeDifference {
    fn description(&self, _: LengthUnit) -> Description {
        Description::error("relative_volume_difference", "Relative volume difference")
    }

    fn of_empty(&self) -> OfEmpty {
        OfEmpty::Relative
    }

    fn score(&self, pair: &Pair<'_>, empty: EmptyMasks) -> Result<Score, MeasureError> {
        Ok(Self::of(pair.counts(), empty))
    }

    fn pooled(&self, pooled: &Pooled, empty: EmptyMasks) -> Option<Score> {
        Some(Self::of(pooled.counts, empty))
    }
}
