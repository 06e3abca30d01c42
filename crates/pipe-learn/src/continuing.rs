//! Longer trainings: a checkpoint as a result, and whether another training may continue it.
//! It does not know how a state is laid out.

use std::fs;
use std::path::Path;

use rayon::prelude::*;
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

use crate::batch::Sample;
use crate::checkpoint::{self, CheckpointError};
use crate::failure::TrainError;
use crate::history::best_of;
use crate::losses::LossConfig;
use crate::networks::Network;
use crate::optimizers::OptimizerConfig;
use crate::random::number;
use crate::resume::{State, best_file};
use crate::train::TrainTask;

const RECIPE: &str = "recipe.json";

/// What must be equal so that continuing gives the bytes of a training that was never interrupted.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Recipe {
    network: Json,
    seed: u64,
    /// Where first weights came from, if from a file.
    weights: Json,
    /// Without epochs and early stopping, and with the horizon spelled out.
    training: Json,
    /// Versions of what the recipe names.
    versions: Json,
    /// A number that stands for all training and validation cases.
    cases: String,
}

/// What a checkpoint is for a training.
#[derive(Debug)]
pub(crate) enum Found {
    /// Where to continue.
    State(Box<State>),
    /// It is of another training: why.
    Another(String),
}

/// Writes the state, the best weights and what they were made from.
///
/// # Errors
/// A file cannot be written.
pub(crate) fn write(task: &TrainTask<'_>, state: &State, folder: &Path) -> Result<(), CheckpointError> {
    let failed = |source| CheckpointError::Write { path: folder.to_owned(), source };
    fs::create_dir_all(folder).map_err(failed)?;
    state.write(folder)?;
    if let Some(best) = best_of(&state.history, task.training.best) {
        let name = best_file(best.epoch);
        fs::copy(task.resume.join(&name), folder.join(&name)).map_err(failed)?;
    }
    let text = serde_json::to_string_pretty(&recipe(task)).expect("a recipe is plain data");
    checkpoint::write_file(&folder.join(RECIPE), text.as_bytes())
}

/// Reads a checkpoint, and puts its best weights where a training of this task finds them.
///
/// # Errors
/// It is of another network, or cannot be read.
pub(crate) fn read(task: &TrainTask<'_>, folder: &Path, network: Network) -> Result<Found, TrainError> {
    let path = folder.join(RECIPE);
    let text = fs::read_to_string(&path).and_then(|text| serde_json::from_str(&text).map_err(Into::into));
    let old: Recipe = text.map_err(|source| CheckpointError::Read { path, source })?;
    let new = recipe(task);
    let mut differences = Vec::new();
    compare("network", &new.network, &old.network, &mut differences);
    if !differences.is_empty() {
        return Err(TrainError::OtherNetwork { differences: differences.join("; ") });
    }
    compare("seed", &new.seed.into(), &old.seed.into(), &mut differences);
    compare("weights", &new.weights, &old.weights, &mut differences);
    compare("training", &new.training, &old.training, &mut differences);
    compare("versions", &new.versions, &old.versions, &mut differences);
    if new.cases != old.cases {
        differences.push("the training or validation cases are others".to_owned());
    }
    if !differences.is_empty() {
        return Ok(Found::Another(differences.join("; ")));
    }
    let Some(state) = State::load(folder, network, task.training, task.place)? else {
        let source = std::io::ErrorKind::NotFound.into();
        return Err(CheckpointError::Read { path: folder.to_owned(), source }.into());
    };
    let (done, epochs) = (state.history.len(), task.training.epochs);
    if done > epochs {
        return Ok(Found::Another(format!("it has {done} epochs, `epochs` is {epochs}")));
    }
    if let Some(best) = best_of(&state.history, task.training.best) {
        let (from, to) = (folder.join(best_file(best.epoch)), task.resume.join(best_file(best.epoch)));
        let bytes = fs::read(&from).map_err(|source| CheckpointError::Read { path: from, source })?;
        checkpoint::write_file(&to, &bytes)?;
    }
    Ok(Found::State(Box::new(state)))
}

fn recipe(task: &TrainTask<'_>) -> Recipe {
    let mut training = json(task.training);
    if let Json::Object(fields) = &mut training {
        fields.shift_remove("epochs");
        fields.shift_remove("early_stopping");
        if let Some(Json::Object(schedule)) = fields.get_mut("schedule") {
            schedule.insert("horizon".to_owned(), task.training.horizon().into());
        }
    }
    Recipe {
        network: json(task.network),
        seed: task.seed,
        weights: json(&task.first.map(|first| first.card)),
        training,
        versions: serde_json::json!({
            "network": task.network.kind().version,
            "loss": LossConfig::VERSION,
            "optimizer": OptimizerConfig::VERSION,
            "augmentation": pipe_image::transforms::VERSION,
        }),
        cases: format!("{:016x}", cases(task)),
    }
}

fn json(value: &impl Serialize) -> Json {
    serde_json::to_value(value).expect("settings are plain data")
}

/// Names what differs, by path.
fn compare(path: &str, new: &Json, old: &Json, differences: &mut Vec<String>) {
    match (new, old) {
        (Json::Object(new), Json::Object(old)) => {
            let keys = new.keys().chain(old.keys().filter(|key| !new.contains_key(*key)));
            for key in keys {
                let of = |map: &serde_json::Map<String, Json>| map.get(key).cloned().unwrap_or_default();
                compare(&format!("{path}.{key}"), &of(new), &of(old), differences);
            }
        }
        _ if new != old => differences.push(format!("`{path}` is {new}, was {old}")),
        _ => {}
    }
}

fn cases(task: &TrainTask<'_>) -> u64 {
    let of = |sample: &Sample| {
        let words = sample.image.data.iter().map(|value| u64::from(value.to_bits()));
        let words = words.chain(sample.mask.labels.iter().map(|label| u64::from(*label)));
        words.fold(number(&sample.id), |state, word| (state ^ word).wrapping_mul(0x0000_0100_0000_01b3).rotate_left(29))
    };
    let numbers: Vec<u64> = task.train.par_iter().chain(task.validation).map(of).collect();
    number(&format!("{} {numbers:?}", task.train.len()))
}
