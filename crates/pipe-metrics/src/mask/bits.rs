//! Masks as bits, 64 pixels of a row in a word: what borders and distances are computed on.
//!
//! Does not know metrics.

use super::Bounds;

/// A mask, one bit a pixel; each row begins with a word of its own, and bits beyond a row are 0.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Bits {
    /// Slices, rows and columns.
    pub shape: [usize; 3],
    /// Words a row.
    stride: usize,
    words: Vec<u64>,
}

impl Bits {
    /// The pixels of a mask that are not 0, within bounds.
    pub(crate) fn within(mask: &[u8], [_, height, width]: [usize; 3], bounds: &Bounds) -> Self {
        let mut bits = Self::empty(bounds.shape());
        let [from, to] = [bounds.low[2], bounds.high[2]];
        let rows = (bounds.low[0]..bounds.high[0]).flat_map(|z| (bounds.low[1]..bounds.high[1]).map(move |y| (z, y)));
        for ((z, y), words) in rows.zip(bits.words.chunks_exact_mut(bits.stride)) {
            let row = &mask[(z * height + y) * width..][from..to];
            for (word, pixels) in words.iter_mut().zip(row.chunks(64)) {
                *word = packed(pixels);
            }
        }
        bits
    }

    /// The places of a map that are not 0.
    pub(crate) fn of(map: &[u8], shape: [usize; 3]) -> Self {
        Self::within(map, shape, &Bounds { low: [0; 3], high: shape })
    }

    fn empty(shape: [usize; 3]) -> Self {
        let stride = shape[2].div_ceil(64);
        Self { shape, stride, words: vec![0; shape[0] * shape[1] * stride] }
    }

    /// The words of a row; rows are numbered through all slices.
    pub(crate) fn row(&self, row: usize) -> &[u64] {
        &self.words[row * self.stride..][..self.stride]
    }

    /// How many pixels there are.
    pub(crate) fn count(&self) -> usize {
        self.words.iter().map(|word| word.count_ones() as usize).sum()
    }

    /// The pixels of the mask that share a side with background (4 neighbours in a plane, 6 in a volume); what lies outside is
    /// background.
    ///
    /// # Source
    /// A mask less its erosion by a cross, with background outside: MedPy's and MONAI's border.
    pub(crate) fn border(&self) -> Self {
        let [depth, height, _] = self.shape;
        let mut border = Self::empty(self.shape);
        let outside = vec![0; self.stride];
        for z in 0..depth {
            for y in 0..height {
                let row = z * height + y;
                let beside = |there: bool, row: usize| if there { self.row(row) } else { &outside[..] };
                let [above, below] = [beside(y > 0, row.wrapping_sub(1)), beside(y + 1 < height, row + 1)];
                // A plane has no neighbours in z.
                let [before, behind] = match depth {
                    1 => [self.row(row); 2],
                    _ => [beside(z > 0, row.wrapping_sub(height)), beside(z + 1 < depth, row + height)],
                };
                let own = self.row(row);
                let to = &mut border.words[row * self.stride..][..self.stride];
                for at in 0..own.len() {
                    let left = own[at] << 1 | at.checked_sub(1).map_or(0, |at| own[at] >> 63);
                    let right = own[at] >> 1 | own.get(at + 1).map_or(0, |next| next << 63);
                    to[at] = own[at] & !(left & right & above[at] & below[at] & before[at] & behind[at]);
                }
            }
        }
        border
    }
}

/// Up to 64 pixels as bits, the first lowest.
fn packed(pixels: &[u8]) -> u64 {
    let mut word = 0;
    for (at, eight) in pixels.chunks(8).enumerate() {
        let mut bytes = [0; 8];
        bytes[..eight.len()].copy_from_slice(eight);
        let bytes = u64::from_le_bytes(bytes);
        if bytes != 0 {
            // The highest bit of each byte says whether any of its bits is set; a product brings the eight of them together.
            let filled = ((bytes & 0x7F7F_7F7F_7F7F_7F7F) + 0x7F7F_7F7F_7F7F_7F7F) | bytes;
            let any = (filled >> 7) & 0x0101_0101_0101_0101;
            word |= (any.wrapping_mul(0x0102_0408_1020_4080) >> 56) << (8 * at);
        }
    }
    word
}

/// Columns from `x` to the nearest bit of a row; none, or too many, where that is `limit` or farther.
///
/// Most bits are found in the word of `x`, and the limit is asked for only where they are not.
pub(crate) fn along(row: &[u64], x: usize, limit: impl FnOnce() -> usize) -> Option<usize> {
    let (word, bit) = (x / 64, x % 64);
    let right = row[word] >> bit;
    let left = row[word] << (63 - bit);
    // 64 where there is none on a side.
    let near = right.trailing_zeros().min(left.leading_zeros()) as usize;
    // How far the next word is on either side.
    let mut far = bit + 1;
    if near < 64 && near <= far.min(64 - bit) {
        return Some(near);
    }
    let limit = limit();
    let mut best = if near < 64 { near.min(limit) } else { limit };
    for word in row[..word].iter().rev() {
        if far >= best {
            break;
        }
        if *word != 0 {
            best = best.min(far + word.leading_zeros() as usize);
            break;
        }
        far += 64;
    }
    far = 64 - bit;
    for word in &row[word + 1..] {
        if far >= best {
            break;
        }
        if *word != 0 {
            best = best.min(far + word.trailing_zeros() as usize);
            break;
        }
        far += 64;
    }
    (best < limit).then_some(best)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packed_as_they_stand() {
        let pixels: Vec<u8> = (0..77_u8).map(|at| if at % 3 == 1 { at * 3 + 1 } else { 0 }).collect();
        let bits = Bits::of(&pixels, [1, 1, 77]);
        for (at, pixel) in pixels.iter().enumerate() {
            assert_eq!(bits.row(0)[at / 64] >> (at % 64) & 1 == 1, *pixel != 0, "{at}");
        }
        assert_eq!(bits.row(0)[1] >> 13, 0);
        assert_eq!(bits.count(), pixels.iter().filter(|pixel| **pixel != 0).count());
        for value in [1, 0x80, 0x7F, 0xFF] {
            assert_eq!(packed(&[0, value, 0, value]), 0b1010);
        }
    }

    #[test]
    fn borders() {
        let full = Bits::of(&[1; 36], [3, 3, 4]);
        // All but the two voxels in the middle; the edge of the image is border.
        assert_eq!(full.border().count(), 34);
        assert_eq!(Bits::of(&[1; 12], [1, 3, 4]).border().count(), 10);
        // Across words.
        assert_eq!(Bits::of(&[1; 3 * 130], [1, 3, 130]).border().count(), 3 * 130 - 128);
    }

    #[test]
    fn nearest_of_a_row() {
        let mut row = vec![0_u8; 300];
        for at in [3, 63, 64, 200] {
            row[at] = 1;
        }
        let bits = Bits::of(&row, [1, 1, 300]);
        for x in 0..300 {
            let expected = [3_usize, 63, 64, 200].iter().map(|at| at.abs_diff(x)).min().expect("four");
            assert_eq!(along(bits.row(0), x, || 1000), Some(expected), "{x}");
            assert!(along(bits.row(0), x, || expected).is_none_or(|found| found == expected), "{x}");
        }
    }
}
