//! Centreline Dice, for vessels: whether the centrelines lie in the other mask.
//!
//! Does not know how values are aggregated.

use crate::skeletonize;

/// clDice = 2 Tprec Tsens / (Tprec + Tsens), with Tprec = |S_P and V_L| / |S_P| and Tsens = |S_L and V_P| / |S_L|.
///
/// S is a skeleton, V a mask, P the prediction, L the reference. Both empty: not defined (`None`); one empty: 0.
///
/// # Shapes
/// Masks of `depth * height * width` bytes in C order; skeletons of a volume are those of its slices, each alone.
///
/// # Source
/// Shit et al., "clDice", CVPR 2021, eq. 1 to 3; skeletons as scikit-image's `skeletonize` in 2D.
///
/// # Panics
/// A mask has another length.
pub fn cldice(prediction: &[u8], reference: &[u8], shape: [usize; 3]) -> Option<f64> {
    let any = |mask: &[u8]| mask.iter().any(|pixel| *pixel != 0);
    match (any(prediction), any(reference)) {
        (false, false) => return None,
        (true, true) => {}
        _ => return Some(0.0),
    }
    let precision = share(&skeletons(prediction, shape), reference);
    let sensitivity = share(&skeletons(reference, shape), prediction);
    let sum = precision + sensitivity;
    Some(if sum > 0.0 { 2.0 * precision * sensitivity / sum } else { 0.0 })
}

fn skeletons(mask: &[u8], [_, height, width]: [usize; 3]) -> Vec<u8> {
    mask.chunks_exact((height * width).max(1)).flat_map(|slice| skeletonize(slice, height, width)).collect()
}

/// Share of a skeleton that lies in a mask.
fn share(skeleton: &[u8], mask: &[u8]) -> f64 {
    let all = skeleton.iter().filter(|pixel| **pixel != 0).count();
    let inside = skeleton.iter().zip(mask).filter(|(s, m)| **s != 0 && **m != 0).count();
    // A skeleton keeps at least one pixel of every component, so it is empty only where the mask is.
    if all == 0 { 0.0 } else { inside as f64 / all as f64 }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Value of scikit-image's skeletons for two sine bands and a stray disc on a 64x64 grid.
    #[test]
    fn sine_bands() {
        let (mut prediction, mut reference) = (vec![0_u8; 64 * 64], vec![0_u8; 64 * 64]);
        for at in 0..64 * 64 {
            let (y, x) = ((at / 64) as f64, (at % 64) as f64);
            reference[at] = u8::from((y - (32.0 + 12.0 * (x / 9.0).sin())).abs() <= 2.0);
            let band = (y - (33.0 + 11.0 * (x / 9.0).sin())).abs() <= 1.5 && !(30.0..34.0).contains(&x);
            prediction[at] = u8::from(band || (y - 8.0).powi(2) + (x - 50.0).powi(2) <= 9.0);
        }
        let found = cldice(&prediction, &reference, [1, 64, 64]).expect("both have vessels");
        assert!((found - 0.809_259_943_356_729_5).abs() < 1e-12, "{found}");
        let skeleton = |mask: &[u8]| skeletonize(mask, 64, 64).iter().map(|pixel| u32::from(*pixel)).sum::<u32>();
        assert_eq!((skeleton(&prediction), skeleton(&reference)), (69, 72));
    }

    #[test]
    fn empty_masks() {
        assert_eq!(cldice(&[0; 9], &[0; 9], [1, 3, 3]), None);
        assert_eq!(cldice(&[0; 9], &[1; 9], [1, 3, 3]), Some(0.0));
    }
}
