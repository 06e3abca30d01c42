//! Distances between the surfaces of two masks.
//!
//! Does not know what is made of them.

use crate::mask::{Bits, Crop, Surfels, nearest};

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
    pub(crate) fn of_pixels([prediction, reference]: [&Bits; 2], sides: [f64; 3]) -> Self {
        Self::between([prediction.border(), reference.border()], sides, [None, None])
    }

    /// Between the surface elements of the masks; each counts by its size.
    pub(crate) fn of_surfels(crop: &Crop, sides: [f64; 3]) -> Self {
        let surfels = [&crop.prediction, &crop.reference].map(|mask| Surfels::of(mask, crop.shape, sides));
        let maps = [&surfels[0], &surfels[1]].map(|surfels| Bits::of(&surfels.map, surfels.shape));
        Self::between(maps, sides, surfels.map(|surfels| Some(surfels.areas)))
    }

    fn between([prediction, reference]: [Bits; 2], sides: [f64; 3], [areas, others]: [Option<Vec<f64>>; 2]) -> Self {
        Self {
            of_prediction: Side { distances: nearest(&prediction, &reference, sides), sizes: areas },
            of_reference: Side { distances: nearest(&reference, &prediction, sides), sizes: others },
        }
    }

    /// Both sides.
    pub fn both(&self) -> [&Side; 2] {
        [&self.of_prediction, &self.of_reference]
    }
}
