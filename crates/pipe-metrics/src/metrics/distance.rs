//! Distances between the surfaces of two masks, and how much of the surfaces lies close.
//!
//! Does not know how surfaces are found.
//!
//! Surfaces are the pixels of a mask that share a side with background (MedPy, MONAI, MetricsReloaded), unless a definition says
//! otherwise; what lies outside the image, or outside the field of view, is background, but a volume of one slice is an image, with
//! nothing above and below it. Distances are Euclidean between
//! pixel centres, in the unit of the spacing: mm, or pixels where it is unknown. Where one mask is empty, the worst distance is
//! the diagonal of the image. None has a pooled value.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    EmptyMasks, LengthUnit, OfEmpty, Pair, Score, Side, Surfaces, empty::Extremes, pair::Elements, setting::NonNegative,
};

use super::{
    description::{Description, MeasureError},
    registry::Measure,
};

/// The score of a distance, in the unit of the spacing.
fn distance(pair: &Pair<'_>, empty: EmptyMasks, elements: Elements, of: impl FnOnce(&Surfaces) -> f64) -> Score {
    let spacing = pair.spacing();
    let extremes = Extremes { best: 0.0, worst: spacing.diagonal(pair.shape()) };
    empty.settle(pair.emptiness(), extremes, || pair.surfaces(elements, spacing.unit()).map(of))
}

/// Hausdorff distance = max over both surfaces of the distance to the other; mm, lower is better.
///
/// # Source
/// Huttenlocher, Klanderman and Rucklidge, "Comparing images using the Hausdorff distance", 1993; MedPy's `hd`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Hd {}

impl Measure for Hd {
    fn description(&self, unit: LengthUnit) -> Description {
        Description::distance("hd", "HD", unit)
    }

    fn of_empty(&self) -> OfEmpty {
        OfEmpty::Distance
    }

    fn score(&self, pair: &Pair<'_>, empty: EmptyMasks) -> Result<Score, MeasureError> {
        let farthest = |side: &Side| side.distances.iter().copied().fold(0.0, f64::max);
        let of = |surfaces: &Surfaces| surfaces.both().map(farthest).into_iter().fold(0.0, f64::max);
        Ok(distance(pair, empty, Elements::Pixels, of))
    }
}

/// 95th percentile of surface distances; mm, lower is better.
///
/// Definitions differ by up to 40 % on equal masks, so a definition other than the default is part of the key.
///
/// # Source
/// Percentiles between two elements are interpolated linearly, as `numpy.percentile` does; surfels are not interpolated.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Hd95 {
    /// Which distances the percentile is of.
    #[serde(default)]
    pub definition: Hd95Definition,
}

/// Which distances the percentile is of.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Hd95Definition {
    /// The larger of the percentiles of both directions (MONAI, MetricsReloaded).
    #[default]
    Directed,
    /// The percentile of the distances of both directions together (MedPy).
    Pooled,
    /// The larger of the percentiles of both directions, of surface elements weighted by their size (DeepMind).
    Surfel,
}

impl Measure for Hd95 {
    fn description(&self, unit: LengthUnit) -> Description {
        let (key, label) = match self.definition {
            Hd95Definition::Directed => ("hd95", "HD95"),
            Hd95Definition::Pooled => ("hd95_pooled", "HD95 (pooled)"),
            Hd95Definition::Surfel => ("hd95_surfel", "HD95 (surfels)"),
        };
        Description::distance(key, label, unit)
    }

    fn of_empty(&self) -> OfEmpty {
        OfEmpty::Distance
    }

    fn score(&self, pair: &Pair<'_>, empty: EmptyMasks) -> Result<Score, MeasureError> {
        Ok(match self.definition {
            Hd95Definition::Directed => distance(pair, empty, Elements::Pixels, |surfaces| {
                let [prediction, reference] = surfaces.both().map(|side| percentile_95(side.distances.clone()));
                prediction.max(reference)
            }),
            Hd95Definition::Pooled => distance(pair, empty, Elements::Pixels, |surfaces| {
                percentile_95(surfaces.both().map(|side| side.distances.as_slice()).concat())
            }),
            Hd95Definition::Surfel => distance(pair, empty, Elements::Surfels, |surfaces| {
                let [prediction, reference] = surfaces.both().map(weighted_95);
                prediction.max(reference)
            }),
        })
    }
}

/// The 95th percentile of some distances, interpolated linearly.
fn percentile_95(mut distances: Vec<f64>) -> f64 {
    let place = 0.95 * (distances.len() - 1) as f64;
    let below = place as usize;
    let (_, low, above) = distances.select_nth_unstable_by(below, f64::total_cmp);
    let low = *low;
    let high = above.iter().copied().reduce(f64::min).unwrap_or(low);
    low + (high - low) * (place - below as f64)
}

/// The smallest distance within which 95 % of a surface lie.
fn weighted_95(side: &Side) -> f64 {
    let mut elements: Vec<(f64, f64)> = side.distances.iter().copied().zip(sizes(side)).collect();
    elements.sort_unstable_by(|one, other| one.0.total_cmp(&other.0).then(one.1.total_cmp(&other.1)));
    let all: f64 = elements.iter().map(|element| element.1).sum();
    let mut sum = 0.0;
    let within = elements.iter().find(|element| {
        sum += element.1;
        sum / all >= 0.95
    });
    within.or(elements.last()).map_or(0.0, |element| element.0)
}

fn sizes(side: &Side) -> impl Iterator<Item = f64> {
    let count = if side.sizes.is_none() { side.distances.len() } else { 0 };
    side.sizes.iter().flatten().copied().chain(std::iter::repeat_n(1.0, count))
}

/// Average symmetric surface distance = sum of the distances of both surfaces / number of their pixels; mm, lower is better.
///
/// # Source
/// MedPy's `assd` (0.5.2), MONAI's symmetric surface distance, MetricsReloaded's ASSD.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Assd {}

impl Measure for Assd {
    fn description(&self, unit: LengthUnit) -> Description {
        Description::distance("assd", "ASSD", unit)
    }

    fn of_empty(&self) -> OfEmpty {
        OfEmpty::Distance
    }

    fn score(&self, pair: &Pair<'_>, empty: EmptyMasks) -> Result<Score, MeasureError> {
        Ok(distance(pair, empty, Elements::Pixels, |surfaces| {
            let sum = |side: &Side| side.distances.iter().sum::<f64>();
            let count = |side: &Side| side.distances.len() as f64;
            let [prediction, reference] = surfaces.both();
            (sum(prediction) + sum(reference)) / (count(prediction) + count(reference))
        }))
    }
}

/// Mean average surface distance = mean of the two directed mean surface distances; mm, lower is better.
///
/// Unlike ASSD, both surfaces count alike however long they are.
///
/// # Source
/// MetricsReloaded's MASD.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Masd {}

impl Measure for Masd {
    fn description(&self, unit: LengthUnit) -> Description {
        Description::distance("masd", "MASD", unit)
    }

    fn of_empty(&self) -> OfEmpty {
        OfEmpty::Distance
    }

    fn score(&self, pair: &Pair<'_>, empty: EmptyMasks) -> Result<Score, MeasureError> {
        Ok(distance(pair, empty, Elements::Pixels, |surfaces| {
            let mean = |side: &Side| side.distances.iter().sum::<f64>() / side.distances.len() as f64;
            let [prediction, reference] = surfaces.both().map(mean);
            f64::midpoint(prediction, reference)
        }))
    }
}

/// Normalised surface distance (surface Dice) = share of both surfaces that lies within a tolerance of the other; no unit,
/// higher is better, 0 to 1.
///
/// By default border pixels count alike, as in all distances here; `surfel` weights surface elements by their size, as the
/// paper does. 0 where one mask is empty.
///
/// # Source
/// Nikolov et al., "Clinically applicable segmentation of head and neck anatomy for radiotherapy", 2021; pixel counts as MONAI
/// and MetricsReloaded.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Nsd {
    /// The largest distance that is no error, e.g. how far two experts differ; for each structure another.
    pub tolerance: NonNegative,
    /// Unit of the tolerance; with `px`, the spacing of the image plays no part.
    #[serde(default = "millimetres")]
    pub unit: LengthUnit,
    /// What counts as surface.
    #[serde(default)]
    pub definition: NsdDefinition,
}

fn millimetres() -> LengthUnit {
    LengthUnit::Millimetre
}

/// What counts as surface.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum NsdDefinition {
    /// Border pixels, each alike (MONAI, MetricsReloaded).
    #[default]
    Pixel,
    /// Surface elements between pixels, weighted by their size (DeepMind, the paper).
    Surfel,
}

impl Measure for Nsd {
    fn description(&self, _: LengthUnit) -> Description {
        let unit = self.unit.symbol();
        let (key, label) = match self.definition {
            NsdDefinition::Pixel => ("", ""),
            NsdDefinition::Surfel => ("_surfel", " (surfels)"),
        };
        Description::ratio(
            format!("nsd_{}{unit}{key}", self.tolerance),
            format!("NSD at {} {unit}{label}", self.tolerance),
        )
    }

    fn score(&self, pair: &Pair<'_>, empty: EmptyMasks) -> Result<Score, MeasureError> {
        if self.unit == LengthUnit::Millimetre && pair.spacing().unit() == LengthUnit::Pixel {
            return Err(MeasureError::NoSpacing { metric: self.description(self.unit).key });
        }
        let elements = match self.definition {
            NsdDefinition::Pixel => Elements::Pixels,
            NsdDefinition::Surfel => Elements::Surfels,
        };
        let within = |surfaces: &Surfaces| {
            let (mut close, mut all) = (0.0, 0.0);
            for side in surfaces.both() {
                for (distance, size) in side.distances.iter().zip(sizes(side)) {
                    close += if *distance <= self.tolerance.get() { size } else { 0.0 };
                    all += size;
                }
            }
            close / all
        };
        let formula = || pair.surfaces(elements, self.unit).map_or(Some(0.0), |surfaces| Some(within(surfaces)));
        Ok(empty.settle(pair.emptiness(), Extremes::RATIO, formula))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles() {
        assert_eq!(percentile_95(vec![3.0]), 3.0);
        assert!((percentile_95((0..=100).rev().map(f64::from).collect()) - 95.0).abs() < 1e-12);
        assert!((percentile_95(vec![1.0, 2.0]) - 1.95).abs() < 1e-12);
        let side = Side { distances: vec![2.0, 0.0, 1.0], sizes: Some(vec![0.05, 0.9, 0.05]) };
        assert_eq!(weighted_95(&side), 1.0);
    }
}
