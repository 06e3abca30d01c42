//! Where voxels lie in space, and how two files that should lie in the same place differ. It does not know file formats.

use std::fmt;

use serde::{Deserialize, Serialize};

/// How far voxels of two files of one case may be apart, as a part of a voxel's side: files round positions to some digits.
const APART: f64 = 0.1;
/// How much a distance of voxels may differ, as a part of it.
const UNEQUAL: f64 = 1e-3;

/// Where voxels lie in space.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Geometry {
    /// Millimetres from one slice, row and column to the next; 0 where a file says nothing of an axis.
    pub spacing: [f64; 3],
    /// What takes a voxel, `(column, row, slice, 1)`, to millimetres towards the patient's right-to-left, posterior-to-anterior and
    /// inferior-to-superior directions (RAS+, as NIfTI and nibabel have it); none where a file does not tell.
    pub affine: Option<[[f64; 4]; 3]>,
    /// What the affine leads to.
    #[serde(default, skip_serializing_if = "Space::is_scanner")]
    pub space: Space,
}

/// What an affine leads to, by NIfTI's code: 1 the scanner, 2 another file, 3 the atlas of Talairach, 4 MNI 152, 5 another template.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Space(pub i16);

impl Space {
    /// The scanner's own coordinates, as all formats but NIfTI have them.
    pub const SCANNER: Self = Self(1);

    /// Whether it is the scanner's.
    fn is_scanner(&self) -> bool {
        *self == Self::SCANNER
    }
}

impl Default for Space {
    fn default() -> Self {
        Self::SCANNER
    }
}

/// How the voxels of two files lie that should lie in the same place.
#[derive(Debug, Clone, PartialEq)]
pub enum Disagreement {
    /// They have other sides.
    Spacing {
        /// Millimetres from slice to slice, row to row and column to column of the one file.
        found: [f64; 3],
        /// Those of the other.
        expected: [f64; 3],
    },
    /// Columns, rows or slices run in other directions of the body.
    Orientation {
        /// Where columns, rows and slices run to in the one file, `LPS`.
        found: String,
        /// And in the other.
        expected: String,
    },
    /// The grids are turned or moved against each other.
    Place {
        /// How far the corners are apart at most, in millimetres.
        millimetres: f64,
    },
}

impl fmt::Display for Disagreement {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let side = |value: &f64| format!("{}", (value * 1e4).round() / 1e4);
        let sides = |of: &[f64; 3]| of.iter().rev().map(side).collect::<Vec<_>>().join(" x ");
        match self {
            Self::Spacing { found, expected } => {
                write!(formatter, "its voxels are {} mm, expected {}", sides(found), sides(expected))
            }
            Self::Orientation { found, expected } => {
                write!(formatter, "its columns, rows and slices run to {found}, expected {expected}")
            }
            Self::Place { millimetres } => write!(formatter, "its voxels lie up to {millimetres:.1} mm away"),
        }
    }
}

impl Geometry {
    /// Gives what is told in the scanner's coordinates.
    pub const fn new(spacing: [f64; 3], affine: Option<[[f64; 4]; 3]>) -> Self {
        Self { spacing, affine, space: Space::SCANNER }
    }

    /// Gives the directions of the body that columns, rows and slices run to, `RAS`, where the file tells.
    pub fn orientation(&self) -> Option<String> {
        let affine = self.affine?;
        let direction = |axis: usize| {
            let along = affine.map(|row| row[axis]);
            let largest = (1..3).fold(0, |best, at| if along[at].abs() > along[best].abs() { at } else { best });
            [['R', 'L'], ['A', 'P'], ['S', 'I']][largest][usize::from(along[largest] < 0.0)]
        };
        Some((0..3).map(direction).collect())
    }

    /// Tells whether nothing but the identity is told: what a program writes that was given arrays alone.
    pub fn is_identity(&self) -> bool {
        let identity = |affine: [[f64; 4]; 3]| {
            affine.iter().enumerate().all(|(row, values)| {
                values.iter().enumerate().all(|(column, value)| value.abs() == f64::from(u8::from(row == column)))
            })
        };
        self.affine.is_some_and(identity)
    }

    /// Gives where the voxels of one slice lie, counted from 0.
    pub fn of_slice(&self, at: usize) -> Self {
        let moved = |[column, row, slice, place]: [f64; 4]| [column, row, slice, place + slice * at as f64];
        Self { affine: self.affine.map(|affine| affine.map(moved)), ..*self }
    }

    /// Gives where the voxels of a grid (slices, rows, columns) lie once the order of some of its axes is reversed.
    pub fn reversed(&self, axes: [bool; 3], grid: [usize; 3]) -> Self {
        let line = |mut line: [f64; 4]| {
            for axis in (0..3).filter(|axis| axes[*axis]) {
                let column = 2 - axis;
                line[3] += line[column] * grid[axis].saturating_sub(1) as f64;
                line[column] = -line[column];
            }
            line
        };
        Self { affine: self.affine.map(|affine| affine.map(line)), ..*self }
    }

    /// Gives the axes (slices, rows, columns) of a grid whose order must be reversed for its voxels to lie as `expected`; nothing where
    /// that does not do.
    pub fn turned(&self, expected: &Self, grid: [usize; 3]) -> Option<[bool; 3]> {
        let axes = (0..8_u8).map(|bits| [0, 1, 2].map(|axis| bits & (1 << axis) != 0));
        axes.into_iter().find(|axes| self.reversed(*axes, grid).disagreement(expected, grid).is_none())
    }

    /// Says how voxels of a grid (slices, rows, columns) lie otherwise than `expected`; nothing where they lie there, and where one of
    /// the two does not tell.
    pub fn disagreement(&self, expected: &Self, grid: [usize; 3]) -> Option<Disagreement> {
        let (Some(own), Some(other)) = (self.affine, expected.affine) else {
            let unequal = |axis: usize| {
                let (found, expected) = (self.spacing[axis], expected.spacing[axis]);
                found > 0.0 && expected > 0.0 && (found - expected).abs() > UNEQUAL * expected
            };
            let told = |geometry: &Self| geometry.affine.is_some() || geometry.spacing != [1.0; 3];
            return (told(self) && told(expected) && (0..3).any(unequal))
                .then_some(Disagreement::Spacing { found: self.spacing, expected: expected.spacing });
        };
        let length =
            |affine: &[[f64; 4]; 3], axis: usize| affine.iter().map(|row| row[axis].powi(2)).sum::<f64>().sqrt();
        let sides = |affine: &[[f64; 4]; 3]| [2, 1, 0].map(|axis| length(affine, axis));
        let [slices, height, width] = grid.map(|count| count.saturating_sub(1) as f64);
        let apart = |corner: usize| {
            let at = |bit: usize, last: f64| if corner & (1 << bit) == 0 { 0.0 } else { last };
            let place = [at(0, width), at(1, height), at(2, slices), 1.0];
            let along =
                |axis: usize| place.iter().enumerate().map(|(i, at)| (own[axis][i] - other[axis][i]) * at).sum::<f64>();
            (0..3).map(|axis| along(axis).powi(2)).sum::<f64>().sqrt()
        };
        let millimetres = (0..8).map(apart).fold(0.0, f64::max);
        let (found, expected_sides) = (sides(&own), sides(&other));
        if millimetres <= APART * expected_sides.iter().copied().fold(f64::INFINITY, f64::min) {
            return None;
        }
        let unequal = |(found, expected): (&f64, &f64)| (found - expected).abs() > UNEQUAL * expected;
        if found.iter().zip(&expected_sides).any(unequal) {
            return Some(Disagreement::Spacing { found, expected: expected_sides });
        }
        match (self.orientation(), expected.orientation()) {
            (Some(found), Some(expected)) if found != expected => Some(Disagreement::Orientation { found, expected }),
            _ => Some(Disagreement::Place { millimetres }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const IMAGE: Geometry =
        Geometry::new([3.0, 0.5, 0.5], Some([[-0.5, 0.0, 0.0, 20.0], [0.0, 0.5, 0.0, -7.0], [0.0, 0.0, 3.0, 100.0]]));

    #[track_caller]
    fn check(found: Geometry, expected: Option<&str>) {
        let said = found.disagreement(&IMAGE, [10, 64, 64]).map(|difference| difference.to_string());
        assert_eq!(said.as_deref(), expected);
    }

    #[test]
    fn axes_in_another_order_are_found() {
        let grid = [10, 64, 32];
        for bits in 0..8_u8 {
            let axes = [0, 1, 2].map(|axis| bits & (1 << axis) != 0);
            let other = IMAGE.reversed(axes, grid);
            assert_eq!(other.turned(&IMAGE, grid), Some(axes));
            assert_eq!(other.reversed(axes, grid), IMAGE);
        }
        let mut moved = IMAGE.reversed([true, false, false], grid);
        moved.affine.as_mut().expect("it has one")[1][3] += 5.0;
        assert_eq!(moved.turned(&IMAGE, grid), None);
    }

    #[test]
    fn what_lies_elsewhere_is_told() {
        let with = |change: &dyn Fn(&mut [[f64; 4]; 3])| {
            let mut affine = IMAGE.affine.expect("it has one");
            change(&mut affine);
            Geometry { affine: Some(affine), ..IMAGE }
        };
        check(IMAGE, None);
        check(with(&|affine| affine[0][3] += 0.01), None);
        check(with(&|affine| affine[0][3] += 0.3), Some("its voxels lie up to 0.3 mm away"));
        check(with(&|affine| affine[2][2] = 3.3), Some("its voxels are 0.5 x 0.5 x 3.3 mm, expected 0.5 x 0.5 x 3"));
        let turned = with(&|affine| (affine[0][0], affine[0][3]) = (0.5, -11.5));
        check(turned, Some("its columns, rows and slices run to RAS, expected LAS"));
        let identity = with(&|affine| *affine = [[1.0, 0.0, 0.0, 0.0], [0.0, 1.0, 0.0, 0.0], [0.0, 0.0, 1.0, 0.0]]);
        check(identity, Some("its voxels are 1 x 1 x 1 mm, expected 0.5 x 0.5 x 3"));
        assert!(identity.is_identity() && !IMAGE.is_identity());
        // A file that tells no axes: its distances count, but for those that a program writes that knows none.
        check(Geometry::new([1.0; 3], None), None);
        check(Geometry::new([3.0, 0.5, 0.5], None), None);
        check(Geometry::new([0.0, 0.5, 0.5], None), None);
        let other = Geometry::new([2.0, 0.5, 0.5], None);
        check(other, Some("its voxels are 0.5 x 0.5 x 2 mm, expected 0.5 x 0.5 x 3"));
    }

    #[test]
    fn axes_have_names() {
        assert_eq!(IMAGE.orientation().as_deref(), Some("LAS"));
        let sagittal = [[0.0, 0.0, 2.0, 0.0], [-1.0, 0.0, 0.0, 0.0], [0.0, 1.0, 0.1, 0.0]];
        assert_eq!(Geometry::new([1.0; 3], Some(sagittal)).orientation().as_deref(), Some("PSR"));
        assert_eq!(Geometry::new([1.0; 3], None).orientation(), None);
    }
}
