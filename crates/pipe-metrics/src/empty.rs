//! What empty masks score: one convention, said aloud.
//!
//! Does not know metrics, only whether they are ratios or distances.

use std::str::FromStr;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::Score;

/// What a case scores whose prediction, reference, or both are empty.
///
/// Where the formula has a value all the same (Dice is 0 where one mask is empty, accuracy is what it is), that value is
/// known, unless the convention excludes the case; a value that only the convention gives is imputed and counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct EmptyMasks {
    /// Where prediction and reference are both empty.
    #[serde(default)]
    pub both: BothEmpty,
    /// Where one of them is.
    #[serde(default)]
    pub one: OneEmpty,
}

/// What a case scores where both masks are empty.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum BothEmpty {
    /// Nothing: the case is excluded and counted (nnU-Net; MedPy and MONAI give NaN).
    #[default]
    Excluded,
    /// The best there is: 1, and 0 as a distance (segmentation_models.pytorch, MetricsReloaded).
    One,
}

/// What a case scores where one mask is empty and the other is not.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum OneEmpty {
    /// The worst there is: 0, and the diagonal of the image as a distance (BraTS).
    #[default]
    Worst,
    /// Nothing: the case is excluded and counted; a model that misses a structure then looks better (MONAI's HD95).
    Excluded,
    /// Nothing where the reference is empty, the worst where the prediction is (MONAI's Dice).
    ExcludedWithoutReference,
}

/// Which masks of a case are empty.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Emptiness {
    /// None is.
    Neither,
    /// Both are.
    Both,
    /// The prediction is.
    Prediction,
    /// The reference is.
    Reference,
}

/// What a metric makes of empty masks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OfEmpty {
    /// A ratio that the convention decides on: 1 where both are empty, 0 where one is.
    Ratio,
    /// A distance that it decides on: 0 where both are empty, the diagonal of the image where one is.
    Distance,
    /// An error that it decides on where both are empty; where one is, the formula holds.
    Count,
    /// An error relative to the reference: as a count, but nothing where the reference alone is empty.
    Relative,
    /// A mean of recall, of which the convention decides, and of what is defined.
    ThroughRecall,
    /// Nothing where the reference is empty, whatever the convention says.
    NeedsReference,
    /// A value all the same, whatever the convention says.
    Defined,
}

/// Best and worst value of a metric.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Extremes {
    pub best: f64,
    pub worst: f64,
}

impl Extremes {
    /// Of a ratio.
    pub(crate) const RATIO: Self = Self { best: 1.0, worst: 0.0 };
}

impl EmptyMasks {
    /// The score of a case, where `formula` gives what the formula gives, if anything.
    pub(crate) fn settle(
        self,
        emptiness: Emptiness,
        extremes: Extremes,
        formula: impl FnOnce() -> Option<f64>,
    ) -> Score {
        let excluded = match emptiness {
            Emptiness::Neither => return formula().into(),
            Emptiness::Both => match self.both {
                BothEmpty::Excluded => return Score::Excluded,
                BothEmpty::One => return Score::Imputed(extremes.best),
            },
            Emptiness::Prediction => self.one == OneEmpty::Excluded,
            Emptiness::Reference => self.one != OneEmpty::Worst,
        };
        match (excluded, formula()) {
            (true, _) => Score::Excluded,
            (false, Some(value)) => Score::Known(value),
            (false, None) => Score::Imputed(extremes.worst),
        }
    }
}

/// A convention that nobody knows.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error(
    "`{0}` is no convention for empty masks; write e.g. `both=one,one=excluded` (both: excluded or one; one: worst, excluded or excluded_without_reference)"
)]
pub struct UnknownConvention(String);

/// As command lines have it: `both=one,one=excluded`; what is not said has its default.
impl FromStr for EmptyMasks {
    type Err = UnknownConvention;

    fn from_str(text: &str) -> Result<Self, UnknownConvention> {
        let mut found = Self::default();
        for part in text.split(',').map(str::trim).filter(|part| !part.is_empty()) {
            match part.split_once('=').map(|(key, value)| (key.trim(), value.trim())) {
                Some(("both", "excluded")) => found.both = BothEmpty::Excluded,
                Some(("both", "one")) => found.both = BothEmpty::One,
                Some(("one", "worst")) => found.one = OneEmpty::Worst,
                Some(("one", "excluded")) => found.one = OneEmpty::Excluded,
                Some(("one", "excluded_without_reference")) => found.one = OneEmpty::ExcludedWithoutReference,
                _ => return Err(UnknownConvention(text.to_owned())),
            }
        }
        Ok(found)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settle(convention: &str, emptiness: Emptiness, formula: Option<f64>) -> Score {
        let convention: EmptyMasks = convention.parse().expect("a convention");
        convention.settle(emptiness, Extremes { best: 0.0, worst: 374.0 }, || formula)
    }

    #[test]
    fn conventions() {
        use Emptiness::{Both, Neither, Prediction, Reference};
        use Score::{Excluded, Imputed, Known};
        assert_eq!(settle("", Neither, Some(2.0)), Known(2.0));
        assert_eq!(settle("", Both, None), Excluded);
        assert_eq!(settle("both=one", Both, None), Imputed(0.0));
        assert_eq!(settle("", Reference, None), Imputed(374.0));
        assert_eq!(settle("", Prediction, Some(0.0)), Known(0.0));
        assert_eq!(settle("one=excluded", Prediction, Some(0.0)), Excluded);
        assert_eq!(settle("both=one, one=excluded_without_reference", Reference, None), Excluded);
        assert_eq!(settle("one=excluded_without_reference", Prediction, None), Imputed(374.0));
    }

    #[test]
    fn wrong_conventions() {
        for text in ["medpy", "both", "both=two", "one=one"] {
            assert!(text.parse::<EmptyMasks>().is_err(), "{text}");
        }
        assert!(serde_json::from_str::<EmptyMasks>(r#"{"bth": "one"}"#).is_err());
        let found: EmptyMasks = serde_json::from_str(r#"{"both": "one"}"#).expect("right");
        assert_eq!(found, EmptyMasks { both: BothEmpty::One, one: OneEmpty::Worst });
    }
}
