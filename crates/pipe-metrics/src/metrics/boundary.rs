//! Overlap near the borders.
//!
//! Does not know surfaces.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{EmptyMasks, LengthUnit, Pair, Score, empty::Extremes, mask::Crop, setting::Share};

use super::{
    description::{Description, MeasureError},
    registry::Measure,
};

/// Boundary IoU = |Gd and Pd| / |Gd or Pd|, where Gd and Pd are the pixels of reference and prediction that are at most d from
/// background; no unit, higher is better, 0 to 1.
///
/// d is a share of the diagonal of the image in pixels, rounded, at least 1; distances are along the longer side (a pixel's
/// square of 3 x 3 is at 1; a cube in volumes), and spacing plays no part, as in the authors' code. What lies outside the image
/// is background. 0 where one mask is empty.
///
/// # Source
/// Cheng et al., "Boundary IoU: improving object-centric image segmentation evaluation", CVPR 2021, and its `boundary_iou_api`.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct BoundaryIou {
    /// Width of the boundary as a share of the diagonal.
    #[serde(default = "two_percent")]
    pub ratio: Share,
}

const TWO_PERCENT: Share = Share::of(0.02);

fn two_percent() -> Share {
    TWO_PERCENT
}

impl Measure for BoundaryIou {
    fn description(&self, _: LengthUnit) -> Description {
        if self.ratio == TWO_PERCENT {
            return Description::ratio("boundary_iou", "Boundary IoU");
        }
        Description::ratio(format!("boundary_iou_{}", self.ratio), format!("Boundary IoU ({} of diagonal)", self.ratio))
    }

    fn score(&self, pair: &Pair<'_>, empty: EmptyMasks) -> Result<Score, MeasureError> {
        let [depth, height, width] = pair.shape().map(|side| side as f64);
        let deep = if pair.shape()[0] > 1 { depth * depth } else { 0.0 };
        let diagonal = (deep + height * height + width * width).sqrt();
        let width = (self.ratio.get() * diagonal).round_ties_even().max(1.0) as usize;
        Ok(empty.settle(pair.emptiness(), Extremes::RATIO, || pair.crop().map(|crop| overlap(crop, width))))
    }
}

fn overlap(crop: &Crop, width: usize) -> f64 {
    let bands = [&crop.prediction, &crop.reference].map(|mask| {
        let core = eroded(mask, crop.shape, width);
        mask.iter().zip(core).map(|(pixel, core)| pixel & !core).collect::<Vec<u8>>()
    });
    let [mut both, mut either] = [0_u64; 2];
    for (prediction, reference) in bands[0].iter().zip(&bands[1]) {
        both += u64::from(prediction & reference);
        either += u64::from(prediction | reference);
    }
    // Whatever has a mask has a border.
    both as f64 / either as f64
}

/// The pixels of a mask of 0 and 1 that are farther than `width` from background, along every axis alike.
fn eroded(mask: &[u8], [depth, height, width_of_row]: [usize; 3], width: usize) -> Vec<u8> {
    let mut left = mask.to_vec();
    // The square is a row of columns of rows: one axis after the other.
    let axes = [(width_of_row, 1), (height, width_of_row), (depth, width_of_row * height)];
    for (length, stride) in axes.into_iter().filter(|(length, _)| *length > 1) {
        let starts = (0..left.len()).filter(|at| at / stride % length == 0);
        for start in starts.collect::<Vec<_>>() {
            // Background within `width` before or behind: the run of foreground is too short on that side.
            let mut run = 0;
            let mut line: Vec<bool> = (0..length)
                .map(|step| {
                    run = if left[start + step * stride] != 0 { run + 1 } else { 0 };
                    run > width
                })
                .collect();
            run = 0;
            for step in (0..length).rev() {
                run = if left[start + step * stride] != 0 { run + 1 } else { 0 };
                line[step] &= run > width;
            }
            for (step, stays) in line.into_iter().enumerate() {
                left[start + step * stride] = u8::from(stays);
            }
        }
    }
    left
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn erosion_by_squares() {
        let mask: Vec<u8> =
            (0..81).map(|at| u8::from((1..8).contains(&(at / 9)) && (1..8).contains(&(at % 9)))).collect();
        for (width, side) in [(1, 5_u32), (2, 3), (3, 1), (4, 0)] {
            let left: u32 = eroded(&mask, [1, 9, 9], width).into_iter().map(u32::from).sum();
            assert_eq!(left, side * side, "width {width}");
        }
    }
}
