//! Lesions found, lesion by lesion, whatever their size.
//!
//! Does not know how components are found.
//!
//! A lesion is a connected component of a mask. What counts as found, and which pixels are connected, are settings.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    EmptyMasks, LengthUnit, Pair, Score,
    empty::Extremes,
    mask::{Components, Connectivity},
    setting::Share,
};

use super::{
    description::{Description, MeasureError},
    registry::Measure,
};

/// When a lesion is found.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Overlap {
    /// It shares a pixel with a lesion of the other mask; one lesion may find several.
    #[default]
    Any,
    /// It has at least this intersection over union with a lesion of the other mask; pairs are one to one, best pairs first.
    Iou(Share),
}

/// How many lesions there are, and how many of them are found.
struct Found {
    predicted: usize,
    /// Predicted lesions that are real.
    real: usize,
    referred: usize,
    /// Lesions of the reference that are found.
    found: usize,
}

impl Found {
    fn of([prediction, reference]: &[Components; 2], overlap: Overlap) -> Self {
        let mut shared: BTreeMap<(u32, u32), u64> = BTreeMap::new();
        for pair in prediction.labels.iter().copied().zip(reference.labels.iter().copied()) {
            if pair.0 != 0 && pair.1 != 0 {
                *shared.entry(pair).or_default() += 1;
            }
        }
        let ious = shared.iter().map(|(pair, both)| {
            let all = prediction.sizes[pair.0 as usize] + reference.sizes[pair.1 as usize] - both;
            (*both as f64 / all as f64, *pair)
        });
        let (mut predicted, mut referred) = (vec![false; prediction.sizes.len()], vec![false; reference.sizes.len()]);
        let mut pairs: Vec<(f64, (u32, u32))> = match overlap {
            Overlap::Any => ious.collect(),
            Overlap::Iou(least) => ious.filter(|(iou, _)| *iou >= least.get()).collect(),
        };
        pairs.sort_by(|one, other| other.0.total_cmp(&one.0).then(one.1.cmp(&other.1)));
        for (_, (one, other)) in pairs {
            let taken = predicted[one as usize] || referred[other as usize];
            if overlap == Overlap::Any || !taken {
                (predicted[one as usize], referred[other as usize]) = (true, true);
            }
        }
        let count = |found: Vec<bool>| found.into_iter().filter(|found| *found).count();
        Self {
            predicted: prediction.count(),
            real: count(predicted),
            referred: reference.count(),
            found: count(referred),
        }
    }

    fn precision(&self) -> f64 {
        self.real as f64 / self.predicted as f64
    }

    fn recall(&self) -> f64 {
        self.found as f64 / self.referred as f64
    }

    fn f1(&self) -> f64 {
        let (precision, recall) = (self.precision(), self.recall());
        if precision + recall > 0.0 { 2.0 * precision * recall / (precision + recall) } else { 0.0 }
    }
}

macro_rules! lesion_metrics {
    ($($(#[$about:meta])* $settings:ident $key:literal $label:literal $of:expr;)*) => {$(
        $(#[$about])*
        #[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
        #[serde(deny_unknown_fields)]
        pub struct $settings {
            /// Which pixels belong to one lesion.
            #[serde(default)]
            pub connectivity: Connectivity,
            /// When a lesion is found.
            #[serde(default)]
            pub overlap: Overlap,
        }

        impl Measure for $settings {
            fn description(&self, _: LengthUnit) -> Description {
                let (mut key, mut label) = ($key.to_owned(), $label.to_owned());
                if let Overlap::Iou(least) = self.overlap {
                    key += &format!("_iou{least}");
                    label += &format!(" (IoU at least {least})");
                }
                if self.connectivity == Connectivity::Faces {
                    key += "_faces";
                    label += " (connected by faces)";
                }
                Description::ratio(key, label)
            }

            fn score(&self, pair: &Pair<'_>, empty: EmptyMasks) -> Result<Score, MeasureError> {
                let of: fn(&Found) -> f64 = $of;
                // Of one empty mask all lesions are missed, or none is real.
                let formula = || match pair.emptiness() {
                    crate::Emptiness::Neither => {
                        pair.components(self.connectivity).map(|both| of(&Found::of(both, self.overlap)))
                    }
                    _ => None,
                };
                Ok(empty.settle(pair.emptiness(), Extremes::RATIO, formula))
            }
        }
    )*};
}

lesion_metrics! {
    /// Lesion-wise precision = predicted lesions that overlap with a lesion / predicted lesions; no unit, higher is better, 0 to 1.
    LesionPrecision "lesion_precision" "Lesion-wise precision" Found::precision;

    /// Lesion-wise recall = lesions that overlap with a predicted one / lesions; no unit, higher is better, 0 to 1.
    LesionRecall "lesion_recall" "Lesion-wise recall" Found::recall;

    /// Lesion-wise F1 = harmonic mean of lesion-wise precision and recall; no unit, higher is better, 0 to 1.
    LesionF1 "lesion_f1" "Lesion-wise F1" Found::f1;
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Spacing;

    #[track_caller]
    fn check(metric: LesionF1, expected: [f64; 3]) {
        let mask = |text: &str| text.bytes().map(|byte| u8::from(byte == b'#')).collect::<Vec<_>>();
        // One lesion found by two, one missed, one that is none.
        let reference = mask("####....##..........");
        let prediction = mask("#.##..........##....");
        let pair = Pair::new(&prediction, &reference, [1, 1, 20], Spacing::PIXELS).expect("one row");
        let LesionF1 { connectivity, overlap } = metric;
        let found = [
            LesionPrecision { connectivity, overlap }.score(&pair, EmptyMasks::default()),
            LesionRecall { connectivity, overlap }.score(&pair, EmptyMasks::default()),
            metric.score(&pair, EmptyMasks::default()),
        ];
        for (found, expected) in found.into_iter().zip(expected) {
            let found = found.expect("masks").value().expect("both have lesions");
            assert!((found - expected).abs() < 1e-12, "{found}, not {expected}");
        }
    }

    #[test]
    fn by_any_pixel_and_one_to_one() {
        check(LesionF1::default(), [2.0 / 3.0, 0.5, 4.0 / 7.0]);
        let iou = |least: f64| Overlap::Iou(least.try_into().expect("a share"));
        check(LesionF1 { overlap: iou(0.25), ..LesionF1::default() }, [1.0 / 3.0, 0.5, 0.4]);
        check(LesionF1 { overlap: iou(0.6), ..LesionF1::default() }, [0.0, 0.0, 0.0]);
    }
}
