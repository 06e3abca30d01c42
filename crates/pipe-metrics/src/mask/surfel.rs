//! Surface elements between pixels: where they are, and how large.
//!
//! Does not know metrics.

use super::surfel_table::{areas, lengths};

/// The surface elements of a mask: they stand on the corners of pixels, so there is one more of them along each axis.
#[derive(Clone, Debug)]
pub(crate) struct Surfels {
    /// Corners along each axis.
    pub shape: [usize; 3],
    /// 1 at corners that have pixels of the mask and background around them.
    pub map: Vec<u8>,
    /// Area of the element at each of them (length in a plane), in C order.
    pub areas: Vec<f64>,
}

impl Surfels {
    /// Those of a mask of 0 and 1 with a margin of background, as [`Crop`](super::Crop) has; one slice is a plane.
    pub(crate) fn of(mask: &[u8], shape: [usize; 3], [side_z, side_y, side_x]: [f64; 3]) -> Self {
        let [depth, height, width] = shape;
        let plane = depth == 1;
        let corners = [if plane { 1 } else { depth - 1 }, height - 1, width - 1];
        let by_code = if plane { lengths([side_y, side_x]) } else { areas([side_z, side_y, side_x]) };
        let full = by_code.len() - 1;
        let mut map = vec![0_u8; corners.iter().product()];
        let mut areas = Vec::new();
        // Two columns of a code at a time: the code of the next corner has the right half of this one on its left.
        let half = |z: usize, y: usize, x: usize| {
            let at = |z: usize, y: usize| usize::from(mask[(z * height + y) * width + x]);
            let near = at(z, y) << 2 | at(z, y + 1);
            if plane { near } else { near << 4 | at(z + 1, y) << 2 | at(z + 1, y + 1) }
        };
        let mut to = map.iter_mut();
        for z in 0..corners[0] {
            for y in 0..corners[1] {
                let mut left = half(z, y, 0);
                for (x, to) in (1..width).zip(to.by_ref()) {
                    let right = half(z, y, x);
                    let code = left << 1 | right;
                    if code != 0 && code != full {
                        *to = 1;
                        areas.push(by_code[code]);
                    }
                    left = right;
                }
            }
        }
        Self { shape: corners, map, areas }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mask::Crop;

    #[test]
    fn a_square_and_a_cube() {
        let mask = [1_u8; 64];
        let crop = Crop::of_one(&mask[..16], [1, 4, 4]);
        let surfels = Surfels::of(&crop.reference, crop.shape, [9.0, 1.0, 1.0]);
        assert_eq!((surfels.shape, surfels.areas.len()), ([1, 5, 5], 16));
        // Four sides of three, and four corners cut off.
        assert!((surfels.areas.iter().sum::<f64>() - (12.0 + 4.0 * 0.5_f64.sqrt())).abs() < 1e-12);
        let crop = Crop::of_one(&mask, [4, 4, 4]);
        let surfels = Surfels::of(&crop.reference, crop.shape, [1.0; 3]);
        assert_eq!((surfels.shape, surfels.areas.len()), ([5, 5, 5], 125 - 27));
    }
}
