//! Centreline Dice, for vessels: whether the centrelines lie in the other mask.
//!
//! Does not know how skeletons are made.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{EmptyMasks, LengthUnit, Pair, Score, empty::Extremes};

use super::{
    description::{Description, MeasureError},
    registry::Measure,
};

/// clDice = 2 Tprec Tsens / (Tprec + Tsens), with Tprec = |S_P and V_L| / |S_P| and Tsens = |S_L and V_P| / |S_L|; no unit,
/// higher is better, 0 to 1.
///
/// S is a skeleton, V a mask, P the prediction, L the reference. Skeletons of images lie in the plane, those of volumes in
/// space; spacing plays no part. 0 where one mask is empty. Excluded where a mask has foreground and its skeleton has none:
/// thinning in space takes compact bodies of even sides altogether, and whoever measures blobs has no use for centrelines.
///
/// # Source
/// Shit et al., "clDice", CVPR 2021, eq. 1 to 3; skeletons as scikit-image's `skeletonize`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ClDice {}

impl Measure for ClDice {
    /// 2: skeletons of volumes were those of their slices.
    const VERSION: u32 = 2;

    fn description(&self, _: LengthUnit) -> Description {
        Description::ratio("cldice", "clDice")
    }

    fn score(&self, pair: &Pair<'_>, empty: EmptyMasks) -> Result<Score, MeasureError> {
        let formula = || {
            let (skeletons, crop) = (pair.skeletons()?, pair.crop()?);
            let precision = share(&skeletons.prediction, &crop.reference)?;
            let sensitivity = share(&skeletons.reference, &crop.prediction)?;
            let sum = precision + sensitivity;
            Some(if sum > 0.0 { 2.0 * precision * sensitivity / sum } else { 0.0 })
        };
        Ok(empty.settle(pair.emptiness(), Extremes::RATIO, formula))
    }
}

/// Share of a skeleton that lies in a mask; none of an empty skeleton.
fn share(skeleton: &[u8], mask: &[u8]) -> Option<f64> {
    let all: u64 = skeleton.iter().map(|pixel| u64::from(*pixel)).sum();
    let inside: u64 = skeleton.iter().zip(mask).map(|(skeleton, mask)| u64::from(skeleton & mask)).sum();
    (all > 0).then(|| inside as f64 / all as f64)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Spacing;

    /// scikit-image's thinning leaves nothing of a cube of even sides, and three voxels of one of odd sides.
    #[test]
    fn cubes() {
        for (side, expected) in
            [(2, Score::Excluded), (3, Score::Known(1.0)), (4, Score::Excluded), (5, Score::Known(1.0))]
        {
            let mask = vec![1; side * side * side];
            let pair = Pair::new(&mask, &mask, [side; 3], Spacing::PIXELS).expect("a cube");
            assert_eq!(ClDice {}.score(&pair, EmptyMasks::default()), Ok(expected), "side {side}");
        }
    }
}
