//! First weights of a network, drawn by name from an explicit seed.
//! It does not use Burn's lazy initialisation, whose draws depend on the order of first use.

use crate::networks::{Initialisation, Network};
use crate::random::{generator, number, unit};
use crate::weights::{Parameter, Role, with_values};

/// Gives a network with first weights: equal seed and names give equal bytes.
pub fn initialised(network: Network, how: Initialisation, seed: u64) -> Network {
    with_values(network, |parameter| values(parameter, how, seed))
}

fn values(Parameter { name, shape, role, .. }: &Parameter, how: Initialisation, seed: u64) -> Vec<f32> {
    let count = shape.iter().product();
    let random = || generator(seed, "weights", &[number(name)]);
    let uniform = |limit: f64| {
        let mut random = random();
        (0..count).map(|_| ((2.0 * unit(&mut random) - 1.0) * limit) as f32).collect()
    };
    match role {
        Role::NormScale | Role::RunningVariance => vec![1.0; count],
        Role::NormShift | Role::RunningMean | Role::Bias => vec![0.0; count],
        Role::Weight | Role::TransposedWeight => {
            let kernel: usize = shape[2..].iter().product();
            let (fan_in, fan_out) = ((shape[1] * kernel) as f64, (shape[0] * kernel) as f64);
            // A uniform number from -limit to limit has variance limit^2 / 3.
            uniform(match how {
                Initialisation::He => (6.0 / fan_in).sqrt(),
                Initialisation::Glorot => (6.0 / (fan_in + fan_out)).sqrt(),
                Initialisation::Pytorch => (1.0 / fan_in).sqrt(),
            })
        }
    }
}
