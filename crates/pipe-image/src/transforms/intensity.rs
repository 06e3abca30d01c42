//! Changes of values that leave every pixel where it is.
//! It does not know masks.

use rand_pcg::Pcg64;

use super::apply::{between, unit};

/// Gives `value * factor + offset`, kept within `clip`.
pub(super) fn linear(data: &mut [f32], factor: f64, offset: f64, clip: Option<[f64; 2]>) {
    let (factor, offset) = (factor as f32, offset as f32);
    let (low, high) = clip.map_or((f32::NEG_INFINITY, f32::INFINITY), |[low, high]| (low as f32, high as f32));
    data.iter_mut().for_each(|value| *value = (*value * factor + offset).max(low).min(high));
}

/// Raises values to a power on the scale from the least to the largest value.
pub(super) fn gamma(data: &mut [f32], exponent: f64) {
    let low = data.iter().copied().fold(f32::INFINITY, f32::min);
    let high = data.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    if high > low {
        let range = high - low;
        data.iter_mut().for_each(|value| {
            *value = ((*value - low) / range).powf(exponent as f32) * range + low;
        });
    }
}

/// Adds normal noise (Box-Muller).
pub(super) fn noise(data: &mut [f32], most: f64, rng: &mut Pcg64) {
    let deviation = between(rng, 0.0, most);
    for pair in data.chunks_mut(2) {
        // 1 - u lies in (0, 1], so that the logarithm is finite.
        let radius = (-2.0 * (1.0 - unit(rng)).ln()).sqrt() * deviation;
        let (sin, cos) = (std::f64::consts::TAU * unit(rng)).sin_cos();
        pair.iter_mut().zip([cos, sin]).for_each(|(value, part)| *value += (radius * part) as f32);
    }
}
