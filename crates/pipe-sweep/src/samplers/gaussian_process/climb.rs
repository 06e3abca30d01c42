//! Climbs the improvement from a point.
//!
//! Does not know how the improvement is computed.

use super::{encoding::Encoding, improvement::Improvement, minimise::minimise};

/// Rounds through all coordinates; two or three are usual.
const ROUNDS: usize = 20;

/// The highest point near another and its value: in turns, numbers follow the slope together, and what has few values, or steps, is tried
/// value by value, until neither gains.
pub(super) fn climb(encoding: &Encoding<'_>, improvement: &Improvement, start: Vec<f64>) -> (f64, Vec<f64>) {
    let mut point = start;
    let mut value = improvement.at(&point);
    for _ in 0..ROUNDS {
        let before = value;
        along_slopes(encoding, improvement, &mut value, &mut point);
        for at in 0..point.len() {
            by_value(encoding, improvement, at, &mut value, &mut point);
        }
        if value <= before + 1e-6 {
            break;
        }
    }
    (value, point)
}

fn along_slopes(encoding: &Encoding<'_>, improvement: &Improvement, value: &mut f64, point: &mut Vec<f64>) {
    let values = encoding.decode(point);
    let smooth: Vec<usize> = (0..point.len()).filter(|at| encoding.is_smooth(*at, &values)).collect();
    if smooth.is_empty() {
        return;
    }
    // In units of its length each coordinate matters as much.
    let lengths: Vec<f64> = smooth.iter().map(|at| improvement.model.length(*at)).collect();
    let bounds: Vec<(f64, f64)> = lengths.iter().map(|length| (0.0, 1.0 / length)).collect();
    let start: Vec<f64> = smooth.iter().zip(&lengths).map(|(at, length)| point[*at] / length).collect();
    let moved = |scaled: &[f64]| {
        let mut moved = point.clone();
        for ((at, length), own) in smooth.iter().zip(&lengths).zip(scaled) {
            moved[*at] = (own * length).clamp(0.0, 1.0);
        }
        moved
    };
    let function = |scaled: &[f64]| {
        let (value, slopes) = improvement.with_slopes(&moved(scaled), &smooth);
        let slopes = slopes.iter().zip(&lengths).map(|(slope, length)| -slope * length).collect();
        value.is_finite().then_some((-value, slopes))
    };
    let Some((_, found)) = minimise(function, &start, &bounds, 1e-2, 100) else { return };
    // Stepped ranges have a value only at their steps.
    let found = encoding.snapped(&moved(&found));
    let gained = improvement.at(&found);
    if gained > *value {
        (*value, *point) = (gained, found);
    }
}

fn by_value(encoding: &Encoding<'_>, improvement: &Improvement, at: usize, value: &mut f64, point: &mut Vec<f64>) {
    if encoding.decode(point)[at].is_none() {
        return;
    }
    for other in encoding.others(at, point[at]) {
        let mut moved = point.clone();
        moved[at] = other;
        let moved = encoding.snapped(&moved);
        let gained = improvement.at(&moved);
        if gained > *value {
            (*value, *point) = (gained, moved);
        }
    }
}
