//! Sums of stretches of single-precision values in double precision.
//! Does not know channels or samples.
//!
//! Sixteen running sums each, added up in a fixed order: wide enough for any vector unit, and the
//! bytes are the same whichever one the compiler uses.

const LANES: usize = 16;

/// Sum of the values.
pub(crate) fn sum(values: &[f32]) -> f64 {
    fold(values, values, |value, _| value)
}

/// Sum over the pairs of two stretches.
#[inline]
pub(crate) fn fold(left: &[f32], right: &[f32], term: impl Fn(f64, f64) -> f64) -> f64 {
    let mut lanes = [0.0_f64; LANES];
    let (left, left_rest) = left.as_chunks::<LANES>();
    let (right, right_rest) = right.as_chunks::<LANES>();
    for (left, right) in left.iter().zip(right) {
        for lane in 0..LANES {
            lanes[lane] += term(f64::from(left[lane]), f64::from(right[lane]));
        }
    }
    for (lane, (left, right)) in left_rest.iter().zip(right_rest).enumerate() {
        lanes[lane] += term(f64::from(*left), f64::from(*right));
    }
    lanes.iter().sum()
}
