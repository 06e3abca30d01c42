//! First weights of a network, drawn by name from an explicit seed.
//! It does not use Burn's lazy initialisation, whose draws depend on the order of first use.

use crate::networks::{Initialisation, Network};
use crate::random::{generator, number, unit};
use crate::weights::{Learning, Parameter, with_values};

/// Gives a network with first weights: equal seed and names give equal bytes.
pub fn initialised(network: Network, how: Initialisation, seed: u64) -> Network {
    with_values(network, |parameter| values(parameter, how, seed))
}

fn values(Parameter { name, shape, learning, .. }: &Parameter, how: Initialisation, seed: u64) -> Vec<f32> {
    let count = shape.iter().product();
    if *learning == Learning::Averaged || shape.len() == 1 {
        // Scale and running variance start at 1, everything else of one dimension at 0.
        let is_scale = name.ends_with("running_var") || (name.ends_with("weight") && shape.len() == 1);
        return vec![if is_scale { 1.0 } else { 0.0 }; count];
    }
    let kernel: usize = shape[2..].iter().product();
    let (fan_in, fan_out) = ((shape[1] * kernel) as f64, (shape[0] * kernel) as f64);
    let variance = match how {
        Initialisation::He => 2.0 / fan_in,
        Initialisation::Glorot => 2.0 / (fan_in + fan_out),
    };
    // A uniform number from -limit to limit has variance limit^2 / 3.
    let limit = (3.0 * variance).sqrt();
    let mut random = generator(seed, "weights", &[number(name)]);
    (0..count).map(|_| ((2.0 * unit(&mut random) - 1.0) * limit) as f32).collect()
}
