//! The skeleton of a volume.
//!
//! Does not know metrics.

/// Thins a volume until nothing more can be taken.
///
/// * In turn from each of six sides, the voxels that have background on that side are looked at.
/// * Those are candidates that are no end of a line, whose removal leaves the Euler characteristic as it is, and whose
///   neighbours hang together without them (they are simple).
/// * Candidates are taken one after the other, if they are still simple then.
/// * A round from all six sides that takes nothing is the last.
///
/// # Shapes
/// `depth * height * width` bytes in C order; anything but 0 is foreground. The result holds 0 and 1.
///
/// # Source
/// Lee, Kashyap and Chu, "Building skeleton models via 3-D medial surface/axis thinning algorithms", CVGIP 56(6), 1994; sides
/// in the order of scikit-image's `skeletonize`, so that centrelines are the same.
///
/// # Panics
/// The mask has another length.
pub(super) fn volume(mask: &[u8], [depth, height, width]: [usize; 3]) -> Vec<u8> {
    assert_eq!(mask.len(), depth * height * width, "a mask of that shape");
    // A border of background, so that every voxel has 26 neighbours.
    let (stride, area) = (width + 2, (height + 2) * (width + 2));
    let inside = |at: usize| {
        let [z, y, x] = [at / (height * width), at / width % height, at % width];
        (z + 1) * area + (y + 1) * stride + x + 1
    };
    let mut image = vec![0_u8; (depth + 2) * area];
    let mut foreground: Vec<usize> = (0..mask.len()).filter(|at| mask[*at] != 0).map(inside).collect();
    foreground.iter().for_each(|at| image[*at] = 1);
    let around = Around::new(stride, area);
    let sides = [-(stride as isize), stride as isize, 1, -1, area as isize, -(area as isize)];
    let mut candidates = Vec::new();
    let mut quiet = 0;
    while quiet < sides.len() {
        quiet = 0;
        for side in sides {
            let open = |at: &usize| image[at.wrapping_add_signed(side)] == 0;
            candidates.clear();
            candidates.extend(foreground.iter().copied().filter(open).filter(|at| {
                let neighbours = around.bits(&image, *at);
                neighbours.count_ones() != 1 && around.keeps_euler(neighbours) && around.hangs_together(neighbours)
            }));
            let before = foreground.len();
            let mut taken = 0;
            for at in &candidates {
                if around.hangs_together(around.bits(&image, *at)) {
                    image[*at] = 0;
                    taken += 1;
                }
            }
            if taken == 0 {
                quiet += 1;
            } else {
                foreground.retain(|at| image[*at] != 0);
                debug_assert_eq!(foreground.len() + taken, before, "each is taken once");
            }
        }
    }
    (0..mask.len()).map(|at| image[inside(at)]).collect()
}

/// The 26 neighbours of a voxel, as bits in C order.
struct Around {
    /// Where each is.
    steps: [isize; 26],
    /// Which others each one touches.
    touching: [u32; 26],
    /// For each corner of the voxel, the seven neighbours that meet there.
    octants: [[usize; 7]; 8],
    /// What an octant adds to the change of the Euler characteristic, in eighths, by which of the seven are there.
    changes: [i8; 128],
}

/// Where a neighbour lies.
type Offset = [isize; 3];

impl Around {
    fn new(stride: usize, area: usize) -> Self {
        let mut offsets: [Offset; 26] = [[0; 3]; 26];
        let all = (0..27).filter(|at| *at != 13);
        for (offset, at) in offsets.iter_mut().zip(all) {
            *offset = [at / 9 - 1, at / 3 % 3 - 1, at % 3 - 1];
        }
        let close = |one: Offset, other: Offset| (0..3).all(|axis| one[axis].abs_diff(other[axis]) <= 1);
        let mut touching = [0; 26];
        for (one, bits) in touching.iter_mut().enumerate() {
            *bits = (0..26).filter(|other| close(offsets[one], offsets[*other])).fold(0, |bits, at| bits | 1 << at);
        }
        let mut octants = [[0; 7]; 8];
        for (corner, octant) in octants.iter_mut().enumerate() {
            let towards: Offset = std::array::from_fn(|axis| if corner >> axis & 1 == 1 { 1 } else { -1 });
            // By the axes along which it is away from the voxel: 1 to 7 as bits.
            for (away, neighbour) in (1..8).zip(octant) {
                let offset: Offset = std::array::from_fn(|axis| if away >> axis & 1 == 1 { towards[axis] } else { 0 });
                *neighbour = offsets.iter().position(|other| *other == offset).expect("one of the 26");
            }
        }
        let mut changes = [0; 128];
        for (present, change) in changes.iter_mut().enumerate() {
            *change = eighths(present << 1 | 1) - eighths(present << 1);
        }
        let steps = offsets.map(|[z, y, x]| z * area as isize + y * stride as isize + x);
        Self { steps, touching, octants, changes }
    }

    fn bits(&self, image: &[u8], at: usize) -> u32 {
        let neighbour = |step: isize| u32::from(image[at.wrapping_add_signed(step)]);
        self.steps.iter().enumerate().fold(0, |bits, (bit, step)| bits | neighbour(*step) << bit)
    }

    /// Whether the Euler characteristic stays as it is without the voxel.
    fn keeps_euler(&self, neighbours: u32) -> bool {
        let present = |octant: &[usize; 7]| {
            octant.iter().enumerate().fold(0, |bits, (bit, at)| bits | (neighbours >> at & 1) << bit) as usize
        };
        self.octants.iter().map(|octant| i32::from(self.changes[present(octant)])).sum::<i32>() == 0
    }

    /// Whether the neighbours are one component, or none, without the voxel.
    fn hangs_together(&self, neighbours: u32) -> bool {
        let mut reached = neighbours & neighbours.wrapping_neg();
        let mut fresh = reached;
        while fresh != 0 {
            let at = fresh.trailing_zeros() as usize;
            fresh &= fresh - 1;
            let further = self.touching[at] & neighbours & !reached;
            reached |= further;
            fresh |= further;
        }
        reached == neighbours
    }
}

/// Euler characteristic, in eighths, that eight voxels around a corner have there, each a closed cube (26-connectivity).
///
/// The corner counts once, its six edges belong to two corners each, its twelve faces to four, its eight cubes to eight.
fn eighths(present: usize) -> i8 {
    // Voxels are the corners of a cube here: 0 to 7, a bit for each axis.
    let any = |voxels: &[usize]| i8::from(voxels.iter().any(|voxel| present >> voxel & 1 == 1));
    let corner = any(&[0, 1, 2, 3, 4, 5, 6, 7]);
    let mut edges = 0;
    let mut faces = 0;
    for axis in [1, 2, 4] {
        // An edge along an axis has the four voxels of one side around it, a face across it two of them.
        let beside = (0..8).filter(|voxel| voxel & axis == 0);
        for side in [0, axis] {
            let four: Vec<usize> = beside.clone().map(|voxel| voxel | side).collect();
            edges += any(&four);
        }
        faces += beside.map(|voxel| any(&[voxel, voxel | axis])).sum::<i8>();
    }
    let cubes = present.count_ones() as i8;
    8 * corner - 4 * edges + 2 * faces - cubes
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mask::{Components, Connectivity};

    #[test]
    fn euler_table_of_the_paper() {
        // Alone; with one neighbour across a face, an edge, the corner; with two and three across faces; with all.
        let change = |present: usize| eighths(present << 1 | 1) - eighths(present << 1);
        let found = [0, 0b1, 0b100, 0b100_0000, 0b11, 0b1011, 0b111_1111].map(change);
        assert_eq!(found, [1, -1, -3, -7, 1, -1, -1]);
    }

    #[test]
    fn a_bar_becomes_a_line() {
        let shape = [9, 9, 20];
        let inside =
            |at: usize| (2..7).contains(&(at / 180)) && (2..7).contains(&(at / 20 % 9)) && (1..19).contains(&(at % 20));
        let mask: Vec<u8> = (0..9 * 9 * 20).map(|at| u8::from(inside(at))).collect();
        let skeleton = volume(&mask, shape);
        for column in 6..14 {
            let voxels: Vec<usize> = (0..81).filter(|row| skeleton[row * 20 + column] == 1).collect();
            assert_eq!(voxels, [4 * 9 + 4], "column {column}");
        }
        assert_eq!(Components::of(&skeleton, shape, Connectivity::Full).count(), 1);
        assert_eq!(volume(&skeleton, shape), skeleton, "a skeleton is its own skeleton");
    }

    #[test]
    fn single_voxels_stay() {
        let mut mask = vec![0_u8; 27];
        mask[13] = 1;
        assert_eq!(volume(&mask, [3, 3, 3]), mask);
        assert_eq!(volume(&[0; 27], [3, 3, 3]), [0; 27]);
    }
}
