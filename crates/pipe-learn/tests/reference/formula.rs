//! Values that need no file: weights, input and target by an integer hash. `fill.py` is the same in Python.
//! Does not know networks.

use pipe_learn::weights::{Parameter, Role};

/// Gives the values of a parameter or running statistic.
pub(crate) fn filling(Parameter { shape, role, .. }: &Parameter) -> Vec<f32> {
    let (count, scale) = (shape.iter().product(), |fan: usize| (24.0 / fan as f64).sqrt());
    match role {
        Role::Weight => uniform(count, 0, |u| u * scale(shape[1..].iter().product())),
        Role::TransposedWeight => uniform(count, 0, |u| u * scale(shape[0])),
        Role::NormScale => uniform(count, 1, |u| 1.0 + 0.2 * u),
        Role::NormShift => uniform(count, 2, |u| 0.2 * u),
        Role::RunningMean => uniform(count, 3, |u| 0.1 * u),
        Role::RunningVariance => uniform(count, 4, |u| 1.0 + u),
        Role::Bias => uniform(count, 5, |u| 0.1 * u),
    }
}

/// Gives an input of so many values.
pub(crate) fn image(count: usize) -> Vec<f32> {
    uniform(count, 6, |u| u + 0.5)
}

/// Gives target maps of 0 and 1, `[batch, maps, pixels]`.
pub(crate) fn target(batch: usize, maps: usize, pixels: usize) -> Vec<f32> {
    let class = |u: f64| if maps == 1 { f64::from(u8::from(u > 0.0)) } else { ((u + 0.5) * maps as f64).floor() };
    let classes = uniform(batch * pixels, 7, class);
    let value = |at: usize| {
        let (case, map, pixel) = (at / (maps * pixels), at / pixels % maps, at % pixels);
        let class = classes[case * pixels + pixel];
        if maps == 1 { class } else { f32::from(u8::from(class == map as f32)) }
    };
    (0..batch * maps * pixels).map(value).collect()
}

/// Numbers from -0.5 to 0.5, each `map`ped.
fn uniform(count: usize, seed: u32, map: impl Fn(f64) -> f64) -> Vec<f32> {
    let start = seed.wrapping_mul(1_000_003).wrapping_add((count as u32).wrapping_mul(7919));
    let number = |at: u32| {
        let mut h = start.wrapping_add(at).wrapping_mul(2_654_435_761);
        h = (h ^ h >> 16).wrapping_mul(0x85eb_ca6b);
        h = (h ^ h >> 13).wrapping_mul(0xc2b2_ae35);
        f64::from(h ^ h >> 16) / 4_294_967_296.0 - 0.5
    };
    (0..count as u32).map(|at| map(number(at)) as f32).collect()
}
