//! How far apart pixels are, and in which unit.
//!
//! Does not know masks.

use serde::{Deserialize, Serialize};
use thiserror::Error;

/// A unit of length.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub enum LengthUnit {
    /// Millimetres.
    #[serde(rename = "mm")]
    Millimetre,
    /// Pixels, where no file says how large they are.
    #[serde(rename = "px")]
    Pixel,
}

impl LengthUnit {
    /// Its symbol.
    pub fn symbol(self) -> &'static str {
        match self {
            Self::Millimetre => "mm",
            Self::Pixel => "px",
        }
    }
}

/// Distances from slice to slice, row to row and column to column.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Spacing {
    sides: [f64; 3],
    unit: LengthUnit,
}

/// A spacing that no image can have, or two that are not those of one image.
#[derive(Clone, Copy, Debug, PartialEq, Error)]
pub enum SpacingError {
    /// Not finite, or not above 0.
    #[error("the spacing is {} mm (slices, rows, columns), expected finite numbers above 0", shown(.0))]
    Wrong([f64; 3]),
    /// Prediction and reference that were resampled differently.
    #[error(
        "the spacing of the prediction is {} mm (slices, rows, columns), that of its reference {} mm; bring both to one grid first",
        shown(prediction),
        shown(reference)
    )]
    Apart {
        /// That of the prediction.
        prediction: [f64; 3],
        /// That of the reference.
        reference: [f64; 3],
    },
}

fn shown([z, y, x]: &[f64; 3]) -> String {
    format!("{z} x {y} x {x}")
}

/// How far two spacings may differ, as a share: headers round, some to single precision and some to three digits.
const ROUNDED: f64 = 1e-3;

impl Spacing {
    /// Pixels of unknown size: every distance is counted in pixels.
    pub const PIXELS: Self = Self { sides: [1.0; 3], unit: LengthUnit::Pixel };

    /// A spacing in millimetres, in the order z, y, x (slices, rows, columns); SimpleITK has the opposite order.
    ///
    /// 0 between slices stands for unknown, and is good for a single slice only.
    ///
    /// # Errors
    /// One of them is not finite, or is not above 0.
    pub fn millimetres(sides: [f64; 3]) -> Result<Self, SpacingError> {
        let [slices, plane @ ..] = sides;
        let right = slices.is_finite() && slices >= 0.0 && plane.iter().all(|side| side.is_finite() && *side > 0.0);
        if right { Ok(Self { sides, unit: LengthUnit::Millimetre }) } else { Err(SpacingError::Wrong(sides)) }
    }

    /// The spacing of a prediction and its reference: that of the reference, unless only the prediction's is known.
    ///
    /// What is unknown between slices (0) in one of them is taken from the other.
    ///
    /// # Errors
    /// Both are known, and differ by more than rounding.
    pub fn shared(prediction: Self, reference: Self) -> Result<Self, SpacingError> {
        match (prediction.unit, reference.unit) {
            (LengthUnit::Millimetre, LengthUnit::Millimetre) => {}
            (LengthUnit::Millimetre, LengthUnit::Pixel) => return Ok(prediction),
            (LengthUnit::Pixel, _) => return Ok(reference),
        }
        let close =
            |(one, other): (f64, f64)| one == 0.0 || other == 0.0 || (one - other).abs() <= ROUNDED * one.max(other);
        let [one, other] = [prediction.sides, reference.sides];
        if !one.into_iter().zip(other).all(close) {
            return Err(SpacingError::Apart { prediction: one, reference: other });
        }
        let slices = if other[0] == 0.0 { one[0] } else { other[0] };
        Ok(Self { sides: [slices, other[1], other[2]], ..reference })
    }

    /// z, y, x.
    pub fn sides(self) -> [f64; 3] {
        self.sides
    }

    /// What the sides are counted in.
    pub fn unit(self) -> LengthUnit {
        self.unit
    }

    /// The longest distance in an image: from corner to corner of its outermost pixels, their own extent included.
    ///
    /// A single slice has no extent in z.
    pub fn diagonal(self, [depth, height, width]: [usize; 3]) -> f64 {
        let [z, y, x] = self.sides;
        let across = if depth > 1 { z * depth as f64 } else { 0.0 };
        (across.powi(2) + (y * height as f64).powi(2) + (x * width as f64).powi(2)).sqrt()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wrong_spacings() {
        for sides in [[1.0, 0.0, 1.0], [1.0, 1.0, -1.0], [f64::NAN, 1.0, 1.0], [1.0, f64::INFINITY, 1.0], [-1.0; 3]] {
            let error = Spacing::millimetres(sides).expect_err("no spacing");
            assert!(error.to_string().contains("expected finite numbers above 0"), "{error}");
        }
    }

    #[test]
    fn spacings_of_one_image() {
        let spacing = |sides| Spacing::millimetres(sides).expect("right");
        let (known, rounded) = (spacing([2.5, 0.7, 0.7]), spacing([2.5, 0.700_1, 0.7]));
        assert_eq!(Spacing::shared(rounded, known), Ok(known));
        assert_eq!(Spacing::shared(known, Spacing::PIXELS), Ok(known));
        assert_eq!(Spacing::shared(Spacing::PIXELS, known), Ok(known));
        assert_eq!(Spacing::shared(Spacing::PIXELS, Spacing::PIXELS), Ok(Spacing::PIXELS));
        assert_eq!(Spacing::shared(known, spacing([0.0, 0.7, 0.7])), Ok(known));
        let turned = Spacing::shared(spacing([0.7, 0.7, 2.5]), known).expect_err("z and x swapped").to_string();
        assert!(
            turned.contains("prediction is 0.7 x 0.7 x 2.5 mm") && turned.contains("reference 2.5 x 0.7 x 0.7"),
            "{turned}"
        );
    }

    #[test]
    fn diagonals() {
        let spacing = Spacing::millimetres([2.0, 0.5, 1.0]).expect("right");
        assert_eq!(spacing.diagonal([1, 6, 4]), 5.0);
        assert_eq!(spacing.diagonal([6, 6, 4]), 13.0);
        assert_eq!(Spacing::PIXELS.diagonal([1, 3, 4]), 5.0);
    }
}
