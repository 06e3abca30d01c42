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

/// A spacing that no image can have.
#[derive(Clone, Copy, Debug, PartialEq, Error)]
#[error("the spacing is {z} x {y} x {x} mm (slices, rows, columns), expected finite numbers above 0", z = .0[0], y = .0[1], x = .0[2])]
pub struct SpacingError(pub [f64; 3]);

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
        if right { Ok(Self { sides, unit: LengthUnit::Millimetre }) } else { Err(SpacingError(sides)) }
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
    fn diagonals() {
        let spacing = Spacing::millimetres([2.0, 0.5, 1.0]).expect("right");
        assert_eq!(spacing.diagonal([1, 6, 4]), 5.0);
        assert_eq!(spacing.diagonal([6, 6, 4]), 13.0);
        assert_eq!(Spacing::PIXELS.diagonal([1, 3, 4]), 5.0);
    }
}
