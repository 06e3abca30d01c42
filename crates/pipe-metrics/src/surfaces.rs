//! Distances between the surfaces of two masks.
//!
//! Does not know what is made of them.

use crate::mask::{Crop, Surfels, border, nearest, places};

/// Distances from the surface of each mask to that of the other; neither is empty.
#[derive(Clone, Debug, PartialEq)]
pub struct Surfaces {
    /// From the surface of the prediction to that of the reference.
    pub of_prediction: Side,
    /// From the surface of the reference to that of the prediction.
    pub of_reference: Side,
}

/// The surface of one mask, element by element.
#[derive(Clone, Debug, PartialEq)]
pub struct Side {
    /// Distance of each element to the nearest of the other surface, in the unit of the spacing.
    pub distances: Vec<f64>,
    /// Size of each element: area in squares of that unit, length in a plane; none where all count alike.
    pub sizes: Option<Vec<f64>>,
}

impl Surfaces {
    /// Between the border pixels of the masks; each counts alike.
    pub(crate) fn of_pixels(crop: &Crop, sides: [f64; 3]) -> Self {
        let maps = [&crop.prediction, &crop.reference].map(|mask| border(mask, crop.shape));
        Self::between([&maps[0], &maps[1]], crop.shape, sides, [None, None])
    }

    /// Between the surface elements of the masks; each counts by its size.
    pub(crate) fn of_surfels(crop: &Crop, sides: [f64; 3]) -> Self {
        let [prediction, reference] =
            [&crop.prediction, &crop.reference].map(|mask| Surfels::of(mask, crop.shape, sides));
        let maps = [&prediction.map[..], &reference.map];
        Self::between(maps, reference.shape, sides, [Some(prediction.areas), Some(reference.areas)])
    }

    fn between(maps: [&[u8]; 2], shape: [usize; 3], sides: [f64; 3], sizes: [Option<Vec<f64>>; 2]) -> Self {
        let side = |from: &[u8], to: &[u8], sizes| Side { distances: nearest(&places(from), to, shape, sides), sizes };
        let [prediction, reference] = sizes;
        Self { of_prediction: side(maps[0], maps[1], prediction), of_reference: side(maps[1], maps[0], reference) }
    }

    /// Both sides.
    pub fn both(&self) -> [&Side; 2] {
        [&self.of_prediction, &self.of_reference]
    }
}
