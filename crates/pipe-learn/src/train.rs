//! Training: the loop, in the order things happen.
//! It does not know folds, stages or terminals; whoever calls hears events and finds files.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use pipe_image::Preparation;
use thiserror::Error;

use crate::batch::{Sample, assembled, augmented, order};
use crate::checkpoint::{self, CheckpointError};
use crate::device::Place;
use crate::history::{HistoryRow, best_of, csv};
use crate::init::initialised;
use crate::losses::{LossError, supervised};
use crate::model::{BEST, HISTORY, LAST, ModelCard};
use crate::networks::blocks::Pass;
use crate::networks::{NetworkConfig, NetworkError};
use crate::optimizers::Optimizer;
use crate::probe::trained;
use crate::random::generator;
use crate::recipe::TrainConfig;
use crate::resume::{Loaded, State, best_file};
use crate::running::averaged;
use crate::samples;
use crate::validation::validated;
use crate::weights::{arrays, floats, parameters};

use burn::module::Module;

/// What to train, on what, and where to put it.
#[derive(Debug, Clone, Copy)]
pub struct TrainTask<'a> {
    /// The network.
    pub network: &'a NetworkConfig,
    /// The recipe.
    pub training: &'a TrainConfig,
    /// The seed of first weights, order, augmentation and dropout.
    pub seed: u64,
    /// The device.
    pub place: &'a Place,
    /// The cases to learn from.
    pub train: &'a [Sample],
    /// The cases to choose the best epoch by.
    pub validation: &'a [Sample],
    /// How images were prepared; goes into the model card.
    pub preparation: &'a Preparation,
    /// A folder that outlives the process, for this recipe alone.
    pub resume: &'a Path,
    /// The folder of the result.
    pub output: &'a Path,
}

/// What happens during a training.
#[derive(Debug, Clone, PartialEq)]
pub enum TrainEvent {
    /// It starts, or continues after so many epochs.
    Started {
        /// Epochs done before.
        done: usize,
        /// Epochs in all, at most.
        epochs: usize,
        /// Batches in an epoch.
        batches: usize,
    },
    /// There is a checkpoint, and it cannot be used; the training begins anew.
    CheckpointLost {
        /// Why.
        reason: String,
    },
    /// A batch was learned from.
    Batch {
        /// The epoch, counted from 0.
        epoch: usize,
        /// The batch, counted from 0.
        batch: usize,
        /// Its loss.
        loss: f64,
    },
    /// An epoch is done.
    Epoch {
        /// Its numbers.
        row: HistoryRow,
        /// The epoch with the best Dice so far.
        best: usize,
    },
    /// Dice has not become better for as long as early stopping waits.
    StoppedEarly {
        /// The last epoch.
        epoch: usize,
    },
}

/// A finished training.
#[derive(Debug, Clone, PartialEq)]
pub struct TrainOutcome {
    /// The card of the model.
    pub card: ModelCard,
    /// All epochs.
    pub history: Vec<HistoryRow>,
}

/// A training that cannot start or go on.
#[derive(Debug, Error)]
pub enum TrainError {
    /// The network's settings are wrong.
    #[error(transparent)]
    Network(#[from] NetworkError),
    /// The loss does not fit the network.
    #[error(transparent)]
    Loss(#[from] LossError),
    /// No cases.
    #[error("there are no {part} cases; give the split more patients, or a larger `validation` share")]
    NoCases {
        /// `train` or `validation`.
        part: &'static str,
    },
    /// A training of nothing.
    #[error("`epochs` is 0, expected at least 1")]
    NoEpochs,
    /// A batch of nothing.
    #[error("`batch` is 0, expected at least 1")]
    EmptyBatch,
    /// A case that the network cannot take.
    #[error("case `{case}` does not fit the network")]
    Case {
        /// The case.
        case: String,
        /// Why.
        source: NetworkError,
    },
    /// A case of another size than the first one.
    #[error(
        "case `{case}` is {found:?} (frames, channels, height, width), the others are {expected:?}; prepare all to one size"
    )]
    Size {
        /// The case.
        case: String,
        /// Its shape.
        found: [usize; 4],
        /// The shape of the first case.
        expected: [usize; 4],
    },
    /// A mask that does not lie on its image, or names a class that the network has no map for.
    #[error("the mask of case `{case}` does not fit: {reason}")]
    Mask {
        /// The case.
        case: String,
        /// What is wrong.
        reason: String,
    },
    /// Masks with labels that no map is for.
    #[error("{}", samples::unknown_labels(found, *maps))]
    Labels {
        /// The cases of each label.
        found: BTreeMap<u8, Vec<String>>,
        /// The number of maps.
        maps: usize,
    },
    /// Images with values that are not finite.
    #[error("{}", samples::not_finite(found))]
    Values {
        /// How many such values each case has.
        found: Vec<(String, usize)>,
    },
    /// The loss is not a number.
    #[error("the loss is {loss} in epoch {epoch}, {}, cases {}; try a smaller learning rate", place(*batch), cases.join(", "))]
    NotFinite {
        /// The loss.
        loss: f64,
        /// The epoch, counted from 0.
        epoch: usize,
        /// The batch, counted from 0; none in validation.
        batch: Option<usize>,
        /// The cases of the batch.
        cases: Vec<String>,
    },
    /// A checkpoint cannot be written or read.
    #[error(transparent)]
    Checkpoint(#[from] CheckpointError),
}

fn place(batch: Option<usize>) -> String {
    batch.map_or_else(|| "validation".to_owned(), |batch| format!("batch {batch}"))
}

/// Trains until the last epoch or early stopping, continuing where an earlier attempt stopped.
///
/// Equal tasks give equal files, however often they were interrupted and on however many threads.
///
/// # Errors
/// The task does not fit together, the loss is not a number, or a file cannot be written.
pub fn train(task: &TrainTask<'_>, observer: &mut dyn FnMut(TrainEvent)) -> Result<TrainOutcome, TrainError> {
    check(task)?;
    let TrainTask { network, training, seed, place, train, validation, .. } = *task;
    let classes = network.classes();
    let labels = training.labels(classes);
    let learning = place.device.clone().autodiff();
    let batches = train.len().div_ceil(training.batch);
    let [frames, channels, height, width] = train[0].image.shape();
    let margin = task.network.margin([channels, frames, height, width]);

    let State { mut network, mut optimizer, mut history } = started(task, observer)?;
    observer(TrainEvent::Started { done: history.len(), epochs: training.epochs, batches });
    while history.len() < training.epochs && !is_over(training, &history) {
        let epoch = history.len();
        let share = training.schedule.share(epoch, training.epochs);
        let learning_rate = training.optimizer.rate(optimizer.updates()) * share;
        let mut loss_sum = 0.0;
        for (number, chosen) in order(seed, epoch, train.len()).chunks(training.batch).enumerate() {
            let chosen: Vec<&Sample> = chosen.iter().map(|index| &train[*index]).collect();
            let changed = augmented(&chosen, &training.augment, seed, epoch);
            let batch = assembled(&changed.iter().collect::<Vec<_>>(), &labels, &learning);

            let mut pass = Pass::learning(generator(seed, "dropout", &[epoch as u64, number as u64]));
            let maps = network.fitted(batch.images, &margin, &mut pass);
            let deep = training.deep_supervision.as_ref();
            let loss = supervised(&training.loss, &maps, &batch.target, labels.head, deep, &margin)?;
            let value = f64::from(floats(loss.clone().inner())[0]);
            if !value.is_finite() {
                let cases = chosen.iter().map(|sample| sample.id.clone()).collect();
                return Err(TrainError::NotFinite { loss: value, epoch, batch: Some(number), cases });
            }
            network = optimizer.update(network, loss.backward(), share);
            network = averaged(network, &pass.into_statistics());

            loss_sum += value * chosen.len() as f64;
            observer(TrainEvent::Batch { epoch, batch: number, loss: value });
        }
        let found =
            validated(&network.valid(), &margin, validation, &training.loss, &labels, training.batch, &place.device);
        if !found.loss.is_finite() {
            let cases = validation.iter().map(|sample| sample.id.clone()).collect();
            return Err(TrainError::NotFinite { loss: found.loss, epoch, batch: None, cases });
        }
        let (validation_loss, validation_dice) = (found.loss, found.dice);
        let train_loss = loss_sum / train.len() as f64;
        let row = HistoryRow { epoch, learning_rate, train_loss, validation_loss, validation_dice };
        history.push(row.clone());

        let state = State { network, optimizer, history };
        state.save(task.resume)?;
        State { network, optimizer, history } = state;
        let best = best_of(&history).map_or(epoch, |best| best.epoch);
        observer(TrainEvent::Epoch { row, best });
    }
    if history.len() < training.epochs {
        observer(TrainEvent::StoppedEarly { epoch: history.len() - 1 });
    }
    published(task, &State { network, optimizer, history })
}

/// Continues, or begins with first weights drawn from the seed.
fn started(task: &TrainTask<'_>, observer: &mut dyn FnMut(TrainEvent)) -> Result<State, TrainError> {
    let build = || task.network.build(&task.place.device.clone().autodiff());
    let loaded = match State::load(task.resume, build()?, &task.training.optimizer) {
        Ok(loaded) => loaded,
        // Only time is lost: the same epochs are trained again to the same weights.
        Err(error) => {
            let cause = std::error::Error::source(&error).map(|cause| format!(": {cause}")).unwrap_or_default();
            observer(TrainEvent::CheckpointLost { reason: format!("{error}{cause}") });
            Loaded::Nothing(Box::new(build()?))
        }
    };
    Ok(match loaded {
        Loaded::State(state) => *state,
        Loaded::Nothing(network) => State {
            network: initialised(*network, task.network.initialisation(), task.seed),
            optimizer: Optimizer::new(task.training.optimizer.clone()),
            history: Vec::new(),
        },
    })
}

fn is_over(training: &TrainConfig, history: &[HistoryRow]) -> bool {
    match (&training.early_stopping, best_of(history)) {
        (Some(stopping), Some(best)) => history.len() - 1 - best.epoch >= stopping.patience,
        _ => false,
    }
}

/// Writes the model folder.
fn published(task: &TrainTask<'_>, state: &State) -> Result<TrainOutcome, TrainError> {
    let TrainTask { network, seed, preparation, output, .. } = *task;
    let write = |source| CheckpointError::Write { path: output.to_owned(), source };
    fs::create_dir_all(output).map_err(write)?;
    let best = best_of(&state.history).ok_or(TrainError::NoEpochs)?.clone();
    fs::copy(task.resume.join(best_file(best.epoch)), output.join(BEST)).map_err(write)?;
    checkpoint::write(&output.join(LAST), &arrays(&state.network), "")?;
    checkpoint::write_file(&output.join(HISTORY), csv(&state.history).as_bytes())?;
    let [frames, channels, height, width] = task.train[0].image.shape();
    let card = ModelCard {
        network: network.clone(),
        network_version: network.kind().version,
        head: task.training.labels(network.classes()).head,
        classes: network.classes(),
        parameters: trained(&parameters(&state.network)),
        input: [channels, frames, height, width],
        preparation: preparation.clone(),
        seed,
        epochs: state.history.len(),
        best,
    };
    card.write(output)?;
    Ok(TrainOutcome { card, history: state.history.clone() })
}

/// Refuses what cannot work before any time is spent.
fn check(task: &TrainTask<'_>) -> Result<(), TrainError> {
    let TrainTask { network, training, train, validation, .. } = *task;
    network.check()?;
    training.check_loss(network.classes())?;
    if training.epochs == 0 {
        return Err(TrainError::NoEpochs);
    }
    if training.batch == 0 {
        return Err(TrainError::EmptyBatch);
    }
    for (part, samples) in [("train", train), ("validation", validation)] {
        if samples.is_empty() {
            return Err(TrainError::NoCases { part });
        }
    }
    samples::check(network, &training.labels(network.classes()), &[train, validation])
}
