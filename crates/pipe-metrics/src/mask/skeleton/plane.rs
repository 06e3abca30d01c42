//! The skeleton of a 2D mask: one pixel wide, connected as the mask is.
//!
//! Does not know metrics.

/// Thins a mask until nothing more can be taken.
///
/// # Shapes
/// `height * width` bytes in C order; anything but 0 is foreground. The result holds 0 and 1.
///
/// # Source
/// Zhang and Suen, "A fast parallel algorithm for thinning digital patterns", CACM 27(3), 1984, with the 25
/// neighbourhoods in which scikit-image's `skeletonize` deviates (right-angled corners, ends of diagonal pairs), so that
/// centreline metrics agree with the values that papers report. Pixels outside the image are background.
///
/// # Panics
/// The mask has another length.
pub(super) fn plane(mask: &[u8], height: usize, width: usize) -> Vec<u8> {
    assert_eq!(mask.len(), height * width, "a mask of that shape");
    // A border of background, so that every pixel has eight neighbours.
    let stride = width + 2;
    let mut image = vec![0_u8; (height + 2) * stride];
    for row in 0..height {
        for column in 0..width {
            image[(row + 1) * stride + column + 1] = u8::from(mask[row * width + column] != 0);
        }
    }
    let table = removals();
    let mut foreground: Vec<usize> = (0..image.len()).filter(|at| image[*at] != 0).collect();
    loop {
        let before = foreground.len();
        for pass in [FIRST, SECOND] {
            let removable = |at: &usize| table[neighbours(&image, *at, stride)] & pass != 0;
            let gone: Vec<usize> = foreground.iter().copied().filter(removable).collect();
            gone.into_iter().for_each(|at| image[at] = 0);
            foreground.retain(|at| image[*at] != 0);
        }
        if foreground.len() == before {
            break;
        }
    }
    (0..height).flat_map(|row| image[(row + 1) * stride + 1..][..width].to_vec()).collect()
}

/// A pixel is taken in the first pass of a round, in the second, in both (the sum), or in none.
const FIRST: u8 = 1;
const SECOND: u8 = 2;

/// Neighbourhoods in which scikit-image deviates from the paper, by when their pixel is taken.
const KEPT: [usize; 2] = [24, 192];
const IN_FIRST: [usize; 10] = [129, 3, 133, 6, 7, 193, 67, 208, 97, 99];
const IN_SECOND: [usize; 9] = [12, 13, 28, 48, 52, 54, 88, 96, 112];
const IN_BOTH: [usize; 4] = [5, 20, 65, 80];

/// The neighbours as bits, clockwise from north: P2 .. P9 of the paper.
fn neighbours(image: &[u8], at: usize, stride: usize) -> usize {
    let around =
        [at - stride, at - stride + 1, at + 1, at + stride + 1, at + stride, at + stride - 1, at - 1, at - stride - 1];
    around.iter().enumerate().fold(0, |bits, (bit, at)| bits | usize::from(image[*at]) << bit)
}

/// For every neighbourhood, when its pixel is taken: conditions (a) to (d) of the paper, then the deviations.
fn removals() -> [u8; 256] {
    let mut table = [0; 256];
    for (bits, when) in table.iter_mut().enumerate() {
        let p = |index: usize| bits >> (index - 2) & 1 == 1;
        let count = (2..=9).filter(|index| p(*index)).count();
        let rises = (2..=9).filter(|index| !p(*index) && p(if *index == 9 { 2 } else { *index + 1 })).count();
        if !(2..=6).contains(&count) || rises != 1 {
            continue;
        }
        let first = !(p(4) && p(6) && (p(2) || p(8)));
        let second = !(p(2) && p(8) && (p(4) || p(6)));
        *when = FIRST * u8::from(first) + SECOND * u8::from(second);
    }
    for (list, when) in [(&KEPT[..], 0), (&IN_FIRST, FIRST), (&IN_SECOND, SECOND), (&IN_BOTH, FIRST + SECOND)] {
        list.iter().for_each(|bits| table[*bits] = when);
    }
    table
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bar_becomes_a_line() {
        let (height, width) = (7, 15);
        let mask: Vec<u8> = (0..height * width)
            .map(|at| u8::from((2..5).contains(&(at / width)) && (1..14).contains(&(at % width))))
            .collect();
        let skeleton = plane(&mask, height, width);
        for column in 4..11 {
            let pixels = (0..height).filter(|row| skeleton[row * width + column] == 1).count();
            assert_eq!(pixels, 1, "column {column}");
        }
        assert_eq!(plane(&skeleton, height, width), skeleton, "a skeleton is its own skeleton");
    }
}
