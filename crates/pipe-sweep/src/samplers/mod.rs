//! Samplers: a file each, with its settings and its source.
//!
//! A suggestion is a function of the space, the settings, the seed, the trials in order and the number of the trial that asks; no sampler
//! remembers anything. So a study repeats by its seed, and a recorded one can be replayed.

mod ask;
mod error;
mod gaussian_process;
mod grid;
mod list;
mod quasi_random;
mod random;
mod registry;
mod sobol;
mod sobol_numbers;
mod tpe;

pub use error::SamplerError;
pub use gaussian_process::GaussianProcess;
pub use grid::Grid;
pub use list::List;
pub use quasi_random::QuasiRandom;
pub use random::Random;
pub use tpe::Tpe;

pub(crate) use ask::Ask;

// The samplers. A new one is a file, its `mod` line above, and its line here: name in YAML and settings.
registry::samplers! {
    /// All points, in the order of nested loops.
    "grid" Grid,
    /// The points of a list.
    "list" List,
    /// Independent random points.
    "random" Random,
    /// Points that cover the space evenly (Sobol).
    "quasi_random" QuasiRandom,
    /// Points that resemble good trials more than bad ones (tree-structured Parzen estimator).
    "tpe" Tpe,
    /// Points of which most improvement is expected (Gaussian process).
    "gaussian_process" GaussianProcess,
}

#[cfg(test)]
mod tests;
