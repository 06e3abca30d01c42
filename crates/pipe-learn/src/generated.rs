//! Cases made by a formula: a disc on noise for each, so that a network can be tried where there is no data set.
//! It does not know what is looked for in a try.

use std::fs;
use std::path::Path;
use std::time::Duration;

use pipe_image::{Image, Mask, Preparation};

use crate::batch::Sample;
use crate::checkpoint::CheckpointError;
use crate::device::Place;
use crate::event::{TrainEvent, TrainOutcome};
use crate::failure::TrainError;
use crate::labels::Labels;
use crate::networks::{NetworkConfig, Takes};
use crate::probe::hashed;
use crate::recipe::TrainConfig;
use crate::train::{TrainTask, train};

/// The seed of everything that a try draws.
pub(crate) const SEED: u64 = 1;

/// Gives the recipe of a try: so many epochs of so many steps, each of a whole batch.
pub(crate) fn rounds(training: &TrainConfig, epochs: usize, steps: usize, batch: usize) -> TrainConfig {
    let mut recipe = TrainConfig { epochs, batch, ..training.clone() };
    recipe.sampling.draws = Some(batch * steps);
    recipe
}

/// Trains on such cases by the loop of every training, one of them for validation; makes both folders.
pub(crate) fn tried(
    network: &NetworkConfig,
    training: &TrainConfig,
    place: &Place,
    cases: &[Sample],
    [resume, output]: [&Path; 2],
    observer: &mut dyn FnMut(TrainEvent),
) -> Result<TrainOutcome, TrainError> {
    for path in [resume, output] {
        fs::create_dir_all(path).map_err(|source| CheckpointError::Write { path: path.to_owned(), source })?;
    }
    let task = TrainTask {
        network,
        training,
        seed: SEED,
        place,
        train: cases,
        validation: &cases[..1],
        preparation: &Preparation::default(),
        resume,
        pause: Duration::MAX,
        earlier: None,
        output,
        first: None,
        checkpoint: None,
    };
    train(&task, observer)
}

/// Gives cases of one shape, `[channels, depth or frames, height, width]`; the discs of a network of classes take turns.
pub(crate) fn samples(config: &NetworkConfig, labels: &Labels, shape: [usize; 4], count: usize) -> Vec<Sample> {
    (0..count).map(|number| sample(config, labels, shape, number)).collect()
}

fn sample(config: &NetworkConfig, labels: &Labels, shape: [usize; 4], number: usize) -> Sample {
    let [channels, frames, height, width] = shape;
    let label = foreground(labels, number);
    // Somewhere in the middle, another place in each case.
    let place = |side: usize, turn: usize| side as f64 * (0.35 + 0.1 * ((number + turn) % 4) as f64);
    let (row, column, radius) = (place(height, 0), place(width, 1), height.min(width) as f64 / 5.0);
    let is_in = |y: usize, x: usize| (y as f64 - row).hypot(x as f64 - column) < radius;
    let size = height * width;
    let disc: Vec<bool> = (0..size).map(|at| is_in(at / width, at % width)).collect();
    let noise = hashed(frames * channels * size, number as u32 + 8);
    let data = noise.enumerate().map(|(at, u)| (u + if disc[at % size] { 0.8 } else { 0.0 }) as f32).collect();
    let depth = if matches!(config.takes(), Takes::Volumes(_)) { frames } else { 1 };
    let labels = (0..depth * size).map(|at| if disc[at % size] { label } else { 0 }).collect();
    Sample {
        id: format!("case{number}"),
        image: Image { frames, channels, height, width, data },
        mask: Mask { layers: 1, depth, height, width, labels },
    }
}

/// A label that there is a map for.
fn foreground(labels: &Labels, number: usize) -> u8 {
    let classes = labels.foreground().len().min(200);
    (1 + number % classes.max(1)) as u8
}
