//! The part of a case in which either mask has anything, with a margin of background.
//!
//! Does not know metrics.

/// Both masks within the smallest box that holds them, as 0 and 1.
///
/// A margin of one pixel of background surrounds the box, so that every pixel of a mask has all its neighbours: what lies
/// outside an image is background, as in MedPy and MONAI. A single slice has a margin within its plane only.
#[derive(Clone, Debug)]
pub(crate) struct Crop {
    /// Slices, rows and columns, margins included.
    pub shape: [usize; 3],
    pub prediction: Vec<u8>,
    pub reference: Vec<u8>,
}

impl Crop {
    /// Both masks within bounds that hold them.
    pub(crate) fn of(prediction: &[u8], reference: &[u8], [depth, height, width]: [usize; 3], bounds: &Bounds) -> Self {
        let deep = usize::from(depth > 1);
        let [inner, low] = [bounds.shape(), bounds.low];
        let outer = [inner[0] + 2 * deep, inner[1] + 2, inner[2] + 2];
        let cut = |mask: &[u8]| {
            let mut cut = vec![0_u8; outer.iter().product()];
            for z in 0..inner[0] {
                for y in 0..inner[1] {
                    let from = ((z + low[0]) * height + y + low[1]) * width + low[2];
                    let to = ((z + deep) * outer[1] + y + 1) * outer[2] + 1;
                    for (to, from) in cut[to..to + inner[2]].iter_mut().zip(&mask[from..from + inner[2]]) {
                        *to = u8::from(*from != 0);
                    }
                }
            }
            cut
        };
        Self { shape: outer, prediction: cut(prediction), reference: cut(reference) }
    }
}

/// The smallest box that holds both masks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Bounds {
    /// First slice, row and column.
    pub low: [usize; 3],
    /// One beyond the last slice, row and column.
    pub high: [usize; 3],
}

impl Bounds {
    /// None where both masks are empty.
    pub(crate) fn of(prediction: &[u8], reference: &[u8], [depth, height, width]: [usize; 3]) -> Option<Self> {
        let (mut low, mut high) = ([usize::MAX; 3], [0; 3]);
        for z in 0..depth {
            for y in 0..height {
                let row = (z * height + y) * width;
                for mask in [prediction, reference] {
                    let row = &mask[row..row + width];
                    if is_empty(row) {
                        continue;
                    }
                    // Only what would widen the box is looked at.
                    let first = row[..low[2].min(width)].iter().position(|pixel| *pixel != 0);
                    let last = row[high[2]..].iter().rposition(|pixel| *pixel != 0);
                    low = [low[0].min(z), low[1].min(y), first.unwrap_or(low[2])];
                    high = [high[0].max(z + 1), high[1].max(y + 1), last.map_or(high[2], |last| high[2] + last + 1)];
                }
            }
        }
        (high[0] > 0).then_some(Self { low, high })
    }

    /// Slices, rows and columns.
    pub(crate) fn shape(&self) -> [usize; 3] {
        std::array::from_fn(|axis| self.high[axis] - self.low[axis])
    }
}

fn is_empty(row: &[u8]) -> bool {
    // Sixteen bytes at a time: most of an image is background.
    let (blocks, rest) = row.as_chunks::<16>();
    blocks.iter().all(|block| u128::from_ne_bytes(*block) == 0) && rest.iter().all(|pixel| *pixel == 0)
}

#[cfg(test)]
impl Crop {
    /// A mask and itself, within its bounds.
    pub(crate) fn of_one(mask: &[u8], shape: [usize; 3]) -> Self {
        Self::of(mask, mask, shape, &Bounds::of(mask, mask, shape).expect("something"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn boxes() {
        let shape = [4, 5, 40];
        let mut prediction = vec![0_u8; 4 * 5 * 40];
        let reference = prediction.clone();
        assert_eq!(Bounds::of(&prediction, &reference, shape), None);
        prediction[(5 + 2) * 40 + 39] = 255;
        prediction[(2 * 5 + 1) * 40 + 17] = 3;
        let bounds = Bounds::of(&prediction, &reference, shape).expect("two pixels");
        assert_eq!(bounds, Bounds { low: [1, 1, 17], high: [3, 3, 40] });
        assert_eq!(Bounds::of(&reference, &prediction, shape), Some(bounds));
        let crop = Crop::of(&prediction, &reference, shape, &bounds);
        assert_eq!(crop.shape, [4, 4, 25]);
        let at: Vec<usize> = (0..crop.prediction.len()).filter(|at| crop.prediction[*at] == 1).collect();
        assert_eq!(at, [(4 + 2) * 25 + 23, (2 * 4 + 1) * 25 + 1]);
        assert!(crop.reference.iter().all(|pixel| *pixel == 0));
        let plane = Crop::of_one(&[0, 1, 0, 0], [1, 2, 2]);
        assert_eq!((plane.shape, plane.prediction[4]), ([1, 3, 3], 1));
    }
}
