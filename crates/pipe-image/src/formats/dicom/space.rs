//! Where the voxels of DICOM frames lie. DICOM counts towards the patient's left and back, RAS+ towards right and front.
//! It does not know pixels.

use dicom_core::Tag;
use dicom_dictionary_std::tags;

use super::dataset::DataSet;
use crate::formats::geometry::Geometry;

/// How much of the usual distance of slices the others may differ by; positions are rounded when they are written.
const UNEVEN: f64 = 0.05;

/// What a file says of where its frames lie.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Place {
    /// Millimetres from row to row and from column to column.
    pub(super) pixel: Option<[f64; 2]>,
    /// Millimetres from slice to slice, or their thickness.
    pub(super) slice: Option<f64>,
    /// The directions in which columns and rows count.
    pub(super) orientation: Option<[Vector; 2]>,
    /// The centre of the first voxel, for each frame or for the only one.
    pub(super) positions: Vec<Vector>,
}

pub(super) type Vector = [f64; 3];

impl Place {
    pub(super) fn of(data: &DataSet<'_>) -> Self {
        let all = |tag: Tag| match data.numbers(tag) {
            Some(numbers) => vec![numbers],
            None => data.grouped(tag),
        };
        let first = |tag: Tag| all(tag).into_iter().next();
        let distance = |tag: Tag| Some(first(tag)?.first()?.abs()).filter(|distance| *distance > 0.0);
        let pair = |tag: Tag| match first(tag)?.as_slice() {
            [row, column] if *row > 0.0 && *column > 0.0 => Some([*row, *column]),
            _ => None,
        };
        let position = |numbers: Vec<f64>| numbers.try_into().ok();
        Self {
            pixel: pair(tags::PIXEL_SPACING).or_else(|| pair(tags::IMAGER_PIXEL_SPACING)),
            slice: distance(tags::SPACING_BETWEEN_SLICES).or_else(|| distance(tags::SLICE_THICKNESS)),
            orientation: first(tags::IMAGE_ORIENTATION_PATIENT).and_then(|numbers| directions(&numbers)),
            positions: all(tags::IMAGE_POSITION_PATIENT).into_iter().filter_map(position).collect(),
        }
    }

    /// Says why frames that lie at several places are no volume; nothing where they lie evenly apart in their order, or all at one place.
    pub(super) fn disorder(&self, frames: usize) -> Option<String> {
        let normal = self.normal().filter(|_| frames > 1 && self.positions.len() == frames)?;
        let heights: Vec<f64> = self.positions.iter().map(|position| dot(*position, normal)).collect();
        let is_one_place = heights.iter().all(|height| (height - heights[0]).abs() <= 1e-3);
        if is_one_place || self.step(&self.positions).is_some() {
            return None;
        }
        let steps = heights.windows(2).map(|pair| pair[1] - pair[0]);
        let (least, most) =
            steps.fold((f64::INFINITY, f64::NEG_INFINITY), |(least, most), step| (step.min(least), step.max(most)));
        Some(format!(
            "its frames are from {least:.2} to {most:.2} mm apart along their normal: slices are missing, or in no order; write them anew, sorted by position"
        ))
    }

    /// Gives the geometry of a file of so many frames.
    pub(super) fn geometry(&self, frames: usize) -> Option<Geometry> {
        let step = if self.positions.len() == frames { self.step(&self.positions) } else { None };
        self.with_step(step)
    }

    /// Gives the geometry of slices that are `step` apart, or as far as the file says.
    ///
    /// Where nothing says how far, the spacing is 0, and the affine takes a millimetre so that it can be inverted.
    pub(super) fn with_step(&self, step: Option<Vector>) -> Option<Geometry> {
        let apart = match (step, self.normal()) {
            (Some(step), Some(normal)) => Some(dot(step, normal).abs()),
            _ => self.slice,
        };
        if self.pixel.is_none() && apart.is_none() {
            return None;
        }
        let [row, column] = self.pixel.unwrap_or([0.0; 2]);
        let affine = match (self.pixel, self.orientation, self.normal(), self.positions.first()) {
            (Some(_), Some([along_row, along_column]), Some(normal), Some(position)) => {
                let step = step.unwrap_or_else(|| normal.map(|part| part * apart.unwrap_or(1.0)));
                let line = |axis: usize| {
                    let turn = if axis < 2 { -1.0 } else { 1.0 };
                    let line = [along_row[axis] * column, along_column[axis] * row, step[axis], position[axis]];
                    // Adding zero turns -0 into 0.
                    line.map(|part| part * turn + 0.0)
                };
                Some([line(0), line(1), line(2)])
            }
            _ => None,
        };
        Some(Geometry::new([apart.unwrap_or(0.0), row, column], affine))
    }

    /// Gives the direction in which slices are stacked.
    pub(super) fn normal(&self) -> Option<Vector> {
        let [[a, b, c], [x, y, z]] = self.orientation?;
        Some([b * z - c * y, c * x - a * z, a * y - b * x])
    }

    /// Gives the step from each position to the next if they are evenly apart.
    pub(super) fn step(&self, positions: &[Vector]) -> Option<Vector> {
        let normal = self.normal()?;
        let (first, last) = (positions.first()?, positions.last()?);
        let steps = positions.len().checked_sub(1).filter(|steps| *steps > 0)? as f64;
        let step = [0, 1, 2].map(|axis| (last[axis] - first[axis]) / steps);
        let usual = dot(step, normal);
        let even = |pair: &[Vector]| is_even(dot(difference(pair[1], pair[0]), normal), usual);
        (usual.abs() > 1e-3 && positions.windows(2).all(even)).then_some(step)
    }
}

/// Whether a distance of slices is the usual one.
pub(super) fn is_even(distance: f64, usual: f64) -> bool {
    (distance - usual).abs() <= UNEVEN * usual.abs()
}

pub(super) fn dot(one: Vector, other: Vector) -> f64 {
    one.iter().zip(other).map(|(one, other)| one * other).sum()
}

fn difference(one: Vector, other: Vector) -> Vector {
    [0, 1, 2].map(|axis| one[axis] - other[axis])
}

/// Gives two directions of length one at a right angle; anything else is no orientation.
fn directions(numbers: &[f64]) -> Option<[Vector; 2]> {
    let [a, b, c, x, y, z] = numbers else { return None };
    let (row, column) = ([*a, *b, *c], [*x, *y, *z]);
    let unit = |vector: Vector| (dot(vector, vector) - 1.0).abs() < 0.01;
    (unit(row) && unit(column) && dot(row, column).abs() < 0.01).then_some([row, column])
}
