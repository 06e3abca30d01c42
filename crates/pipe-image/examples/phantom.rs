//! Writes the default phantom data set into a folder: `cargo run --release -p pipe-image --example phantom FOLDER [SEED]`.
//! It does not know YAML; `pipe data generate` writes the data set of an experiment.

use std::path::PathBuf;

use pipe_image::phantom::{PhantomConfig, PhantomError, write};

fn main() -> Result<(), PhantomError> {
    let mut arguments = std::env::args().skip(1);
    let folder = PathBuf::from(arguments.next().unwrap_or_else(|| "phantom".to_owned()));
    let seed = arguments.next().and_then(|seed| seed.parse().ok()).unwrap_or(0);
    write(&PhantomConfig { seed, ..PhantomConfig::default() }, &folder)
}
