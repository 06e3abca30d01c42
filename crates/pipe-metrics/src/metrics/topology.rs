//! Whether a prediction has as many parts and loops as its reference.
//!
//! Does not know how components are found.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    EmptyMasks, LengthUnit, OfEmpty, Pair, Score,
    empty::Extremes,
    mask::{Betti, Crop},
};

use super::{
    description::{Description, MeasureError},
    registry::Measure,
};

macro_rules! betti_errors {
    ($($(#[$about:meta])* $settings:ident $key:literal $label:literal $number:ident;)*) => {$(
        $(#[$about])*
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
        #[serde(deny_unknown_fields)]
        pub struct $settings {}

        impl Measure for $settings {
            fn description(&self, _: LengthUnit) -> Description {
                Description::error($key, $label)
            }

            fn of_empty(&self) -> OfEmpty {
                OfEmpty::Count
            }

            fn score(&self, pair: &Pair<'_>, empty: EmptyMasks) -> Result<Score, MeasureError> {
                let error = |crop: &Crop| {
                    let [prediction, reference] = [&crop.prediction, &crop.reference].map(|mask| Betti::of(mask, crop.shape));
                    prediction.$number.abs_diff(reference.$number) as f64
                };
                // An empty mask has no parts and no loops, so the formula holds for it too.
                let extremes = Extremes { best: 0.0, worst: f64::NAN };
                Ok(empty.settle(pair.emptiness(), extremes, || pair.crop().map(error)))
            }
        }
    )*};
}

betti_errors! {
    /// Betti-0 error = |b0(prediction) - b0(reference)|, b0 the number of connected components; no unit, lower is better, from 0.
    ///
    /// Foreground is connected over corners (8 neighbours in a plane, 26 in a volume). An empty mask has none.
    ///
    /// # Source
    /// Hu et al., "Topology-preserving deep image segmentation", 2019, for whole images instead of patches.
    Betti0Error "betti_0_error" "Betti-0 error" components;

    /// Betti-1 error = |b1(prediction) - b1(reference)|, b1 the number of holes in a plane, of tunnels in a volume; no unit, lower
    /// is better, from 0.
    ///
    /// Foreground is connected over corners, background over sides. An empty mask has none.
    ///
    /// # Source
    /// As Betti-0; tunnels from the Euler characteristic: b1 = b0 + b2 - chi, b2 the number of cavities.
    Betti1Error "betti_1_error" "Betti-1 error" loops;
}
