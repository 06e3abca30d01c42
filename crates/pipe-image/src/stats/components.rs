//! Connected components of masks: how many there are and how large.
//! It does not know what a class means.

use crate::IGNORED;

/// Gives the label and the size of every component: pixels of one label that touch by sides or corners, 8 neighbours in a plane and 26
/// in a volume, in the order of their first pixels.
///
/// # Shapes
/// `labels` has `depth * height * width` values in C order; 0 is background, and what is [`IGNORED`] is nothing.
pub fn components(labels: &[u8], [depth, height, width]: [usize; 3]) -> Vec<(u8, u64)> {
    let mut left: Vec<u8> = labels.to_vec();
    let mut found = Vec::new();
    let mut open: Vec<usize> = Vec::new();
    for start in 0..left.len() {
        let label = left[start];
        if label == 0 || label == IGNORED {
            continue;
        }
        let mut size = 0;
        left[start] = 0;
        open.push(start);
        while let Some(at) = open.pop() {
            size += 1;
            let (slice, row, column) = (at / (height * width), at / width % height, at % width);
            let around = |at: usize, end: usize| at.saturating_sub(1)..=(at + 1).min(end - 1);
            for slice in around(slice, depth) {
                for row in around(row, height) {
                    for column in around(column, width) {
                        let near = (slice * height + row) * width + column;
                        if left[near] == label {
                            left[near] = 0;
                            open.push(near);
                        }
                    }
                }
            }
        }
        found.push((label, size));
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn corners_touch_and_labels_do_not_mix() {
        let plane = [
            1, 0, 0, 2, 2, //
            0, 1, 0, 1, 2, //
            0, 0, 0, 0, 0, //
            3, 0, 1, 0, 3,
        ];
        assert_eq!(components(&plane, [1, 4, 5]), [(1, 2), (2, 3), (1, 1), (3, 1), (1, 1), (3, 1)]);
        // Two slices: a corner is enough from one to the next.
        let volume = [1, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0];
        assert_eq!(components(&volume, [2, 2, 3]), [(1, 1), (1, 1)]);
        let volume = [1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0];
        assert_eq!(components(&volume, [2, 2, 3]), [(1, 2)]);
        assert_eq!(components(&[], [0, 0, 0]), []);
        assert_eq!(components(&[1, IGNORED, 1], [1, 1, 3]), [(1, 1), (1, 1)]);
    }
}
