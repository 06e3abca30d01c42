//! The border of a mask: its pixels that touch background.
//!
//! Does not know distances.

/// The pixels of a mask that share a side with background (4 neighbours in a plane, 6 in a volume), as 0 and 1.
///
/// # Shapes
/// A mask of 0 and 1 with a margin of background, as [`Crop`](super::Crop) has; one slice is a plane.
///
/// # Source
/// A mask less its erosion by a cross, with background outside: MedPy's and MONAI's border.
pub(crate) fn border(mask: &[u8], [depth, height, width]: [usize; 3]) -> Vec<u8> {
    let area = height * width;
    let mut border = vec![0_u8; mask.len()];
    let slices = if depth == 1 { 0..1 } else { 1..depth - 1 };
    for z in slices {
        for y in 1..height - 1 {
            let from = z * area + y * width + 1;
            let columns = width - 2;
            let side = |start: usize| &mask[start..start + columns];
            let row = &mut border[from..from + columns];
            let beside =
                side(from - 1).iter().zip(side(from + 1)).zip(side(from - width).iter().zip(side(from + width)));
            for (to, ((left, right), (above, below))) in row.iter_mut().zip(beside) {
                *to = left & right & above & below;
            }
            if depth > 1 {
                for (to, (before, behind)) in row.iter_mut().zip(side(from - area).iter().zip(side(from + area))) {
                    *to &= before & behind;
                }
            }
            for (to, pixel) in row.iter_mut().zip(side(from)) {
                *to = pixel & !*to;
            }
        }
    }
    border
}

/// Where a map of 0 and 1 is not 0.
pub(crate) fn places(map: &[u8]) -> Vec<u32> {
    let mut found = Vec::new();
    let (blocks, rest) = map.as_chunks::<16>();
    for (block, bytes) in blocks.iter().enumerate() {
        if u128::from_ne_bytes(*bytes) != 0 {
            found.extend((0..16).filter(|at| bytes[*at] != 0).map(|at| (block * 16 + at) as u32));
        }
    }
    found.extend((0..rest.len()).filter(|at| rest[*at] != 0).map(|at| (blocks.len() * 16 + at) as u32));
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mask::Crop;

    #[test]
    fn a_block_and_its_border() {
        let mask = vec![1_u8; 3 * 3 * 4];
        let crop = Crop::of(&mask, &mask, [3, 3, 4]).expect("full");
        let map = border(&crop.reference, crop.shape);
        // All but the two voxels in the middle; the edge of the image is border.
        assert_eq!(places(&map).len(), 34);
        let crop = Crop::of(&mask[..12], &mask[..12], [1, 3, 4]).expect("full");
        let map = border(&crop.reference, crop.shape);
        assert_eq!(places(&map).len(), 10);
        assert_eq!(places(&[0, 0, 1].repeat(20)).len(), 20);
    }
}
