//! The result of a training: the model folder, and the checkpoint with which a longer one can continue.
//! It does not know how it was trained.

use std::fs;

use crate::checkpoint::{self, CheckpointError};
use crate::continuing;
use crate::event::TrainOutcome;
use crate::failure::TrainError;
use crate::history::{best_of, csv, steps};
use crate::model::{BEST, HISTORY, LAST, ModelCard, STEPS};
use crate::probe::trained;
use crate::resume::{State, best_file};
use crate::train::TrainTask;
use crate::weights::parameters;

/// Writes the model folder.
///
/// # Errors
/// A file cannot be written.
pub(crate) fn published(task: &TrainTask<'_>, state: &State) -> Result<TrainOutcome, TrainError> {
    let TrainTask { network, seed, preparation, output, .. } = *task;
    let write = |source| CheckpointError::Write { path: output.to_owned(), source };
    fs::create_dir_all(output).map_err(write)?;
    let best = best_of(&state.history, task.training.best).expect("there is at least one epoch").clone();
    fs::copy(task.resume.join(best_file(best.epoch)), output.join(BEST)).map_err(write)?;
    checkpoint::write(&output.join(LAST), &state.kept_arrays(), "")?;
    checkpoint::write_file(&output.join(HISTORY), csv(&state.history).as_bytes())?;
    checkpoint::write_file(&output.join(STEPS), steps(&state.losses).as_bytes())?;
    let [_, channels, ..] = task.train[0].image.shape();
    let [frames, height, width] = task.seen(&task.train[0]);
    let card = ModelCard {
        network: network.clone(),
        network_version: network.kind().version,
        head: task.training.labels(network.classes()).head,
        classes: network.classes(),
        parameters: trained(&parameters(&state.network)),
        input: [channels, frames, height, width],
        preparation: preparation.clone(),
        weights: task.first.map(|first| first.card.clone()),
        seed,
        epochs: state.history.len(),
        best,
    };
    card.write(output)?;
    task.checkpoint.map_or(Ok(()), |folder| continuing::write(task, state, folder))?;
    Ok(TrainOutcome { card, history: state.history.clone() })
}
