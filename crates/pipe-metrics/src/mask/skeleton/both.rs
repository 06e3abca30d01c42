//! Skeletons of planes and of volumes, by one name.
//!
//! Does not know metrics.

use super::{plane::plane, volume::volume};
use crate::mask::Crop;

/// Thins a mask until nothing more can be taken.
///
/// # Shapes
/// `depth * height * width` bytes in C order; anything but 0 is foreground. The result holds 0 and 1.
///
/// # Source
/// As scikit-image's `skeletonize`: Zhang and Suen 1984 for one slice, Lee, Kashyap and Chu 1994 for volumes. What lies
/// outside the image is background.
///
/// # Panics
/// The mask has another length.
pub fn skeletonize(mask: &[u8], shape: [usize; 3]) -> Vec<u8> {
    let [depth, height, width] = shape;
    if depth == 1 { plane(mask, height, width) } else { volume(mask, shape) }
}

/// The skeletons of both masks of a crop, in its shape.
#[derive(Clone, Debug)]
pub(crate) struct Skeletons {
    pub prediction: Vec<u8>,
    pub reference: Vec<u8>,
}

impl Skeletons {
    pub(crate) fn of(crop: &Crop) -> Self {
        let [prediction, reference] = [&crop.prediction, &crop.reference].map(|mask| skeletonize(mask, crop.shape));
        Self { prediction, reference }
    }
}
