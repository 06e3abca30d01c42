//! Parts, loops and cavities of a mask.
//!
//! Does not know metrics.

use super::{Components, Connectivity};

/// Betti numbers of a mask whose pixels are closed squares or cubes, so that they touch over corners.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Betti {
    /// Connected components.
    pub components: u64,
    /// Holes of a plane, tunnels of a volume.
    pub loops: u64,
    /// Cavities of a volume.
    pub cavities: u64,
}

impl Betti {
    /// Those of a mask of 0 and 1 with a margin of background, as [`Crop`](super::Crop) has; one slice is a plane.
    pub(crate) fn of(mask: &[u8], shape: [usize; 3]) -> Self {
        let components = Components::of(mask, shape, Connectivity::Full).count() as u64;
        let outside: Vec<u8> = mask.iter().map(|pixel| 1 - pixel).collect();
        // The margin makes one component of all background that is open to the outside.
        let enclosed = Components::of(&outside, shape, Connectivity::Faces).count() as u64 - 1;
        if shape[0] == 1 {
            return Self { components, loops: enclosed, cavities: 0 };
        }
        let loops = components as i64 + enclosed as i64 - euler(mask, shape);
        Self { components, loops: loops.unsigned_abs(), cavities: enclosed }
    }
}

/// Euler characteristic of a volume of closed cubes: corners - edges + faces - cubes.
fn euler(mask: &[u8], [depth, height, width]: [usize; 3]) -> i64 {
    let at = |z: usize, y: usize, x: usize| mask[(z * height + y) * width + x];
    let mut sum = 0;
    // Each cell is counted at the voxel block whose last voxel is this one: the block spans the axes the cell does not.
    for z in 1..depth {
        for y in 1..height {
            for x in 1..width {
                let mut block = 0_u8;
                for corner in 0..8 {
                    block |= at(z - (corner >> 2 & 1), y - (corner >> 1 & 1), x - (corner & 1)) << corner;
                }
                if block == 0 {
                    continue;
                }
                for span in 0_usize..8 {
                    let cells = (0..8).filter(|corner: &usize| corner & !span == 0);
                    let any = cells.fold(0, |any, corner| any | block >> corner & 1);
                    // Spanning all three axes is a corner (dimension 0), spanning none a cube.
                    let sign = if span.count_ones() % 2 == 1 { 1 } else { -1 };
                    sum += sign * i64::from(any);
                }
            }
        }
    }
    sum
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mask::Crop;

    #[track_caller]
    fn check(shape: [usize; 3], inside: impl Fn([usize; 3]) -> bool, expected: [u64; 3]) {
        let [depth, height, width] = shape;
        let at = |at: usize| [at / (height * width), at / width % height, at % width];
        let mask: Vec<u8> = (0..depth * height * width).map(|place| u8::from(inside(at(place)))).collect();
        let crop = Crop::of_one(&mask, shape);
        let [components, loops, cavities] = expected;
        assert_eq!(Betti::of(&crop.reference, crop.shape), Betti { components, loops, cavities });
    }

    #[test]
    fn planes_and_volumes() {
        check([1, 5, 5], |[_, y, x]| y == 0 || y == 4 || x == 0 || x == 4, [1, 1, 0]);
        check([1, 5, 5], |[_, y, x]| (y + x) % 2 == 0, [1, 4, 0]);
        check([3, 5, 5], |[_, y, x]| y == 0 || y == 4 || x == 0 || x == 4, [1, 1, 0]);
        check([5, 5, 5], |place| place.iter().any(|side| *side == 0 || *side == 4), [1, 0, 1]);
        check([5, 5, 5], |place| place.iter().filter(|side| **side == 0 || **side == 4).count() >= 2, [1, 5, 0]);
        check([3, 3, 9], |[_, _, x]| x % 3 == 0, [3, 0, 0]);
    }
}
