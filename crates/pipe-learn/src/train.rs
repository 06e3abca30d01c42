//! Training: the loop, in the order things happen.
//! It does not know folds, stages or terminals; whoever calls hears events and finds files.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::time::Duration;

use burn::module::Module;
use burn::tensor::Device;
use pipe_image::Preparation;
use thiserror::Error;

use crate::batch::{Sample, assembled};
use crate::beforehand::told;
use crate::checkpoint::{self, CheckpointError};
use crate::continuing::{self, Found};
use crate::device::Place;
use crate::drawing::Drawing;
use crate::gradient::Gradient;
use crate::history::{HistoryRow, best_of, csv, steps};
use crate::init::initialised;
use crate::losses::{LossError, supervised};
use crate::model::{BEST, HISTORY, LAST, ModelCard, STEPS};
use crate::networks::blocks::Pass;
use crate::networks::{Network, NetworkConfig, NetworkError};
use crate::pretrained::First;
use crate::probe::trained;
use crate::random::generator;
use crate::recipe::{LastBatch, TrainConfig};
use crate::resume::{Pauses, State, best_file};
use crate::running::averaged;
use crate::samples;
use crate::schedule::Point;
use crate::setting::{SettingError, expect};
use crate::validation::validated;
use crate::weights::{arrays, floats, parameters};

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
    /// How often a state within an epoch is written there.
    pub pause: Duration,
    /// The checkpoint of an earlier training to continue.
    pub earlier: Option<&'a Path>,
    /// The folder of the result.
    pub output: &'a Path,
    /// First weights from a file; without, all are drawn from the seed.
    pub first: Option<First<'a>>,
    /// The folder of the checkpoint with which a longer training can continue; none is written without.
    pub checkpoint: Option<&'a Path>,
}

impl TrainTask<'_> {
    /// Gives the device with gradients.
    fn learning(&self) -> Device {
        let device = self.place.device.clone().autodiff();
        if self.training.gradient_checkpointing { device.gradient_checkpointing() } else { device }
    }

    /// Gives the frames, rows and columns that are seen of a case.
    pub(crate) fn seen(&self, sample: &Sample) -> [usize; 3] {
        let [frames, _, height, width] = sample.image.shape();
        self.training.sampling.seen([frames, height, width])
    }
}

/// What happens during a training.
#[derive(Debug, Clone, PartialEq)]
pub enum TrainEvent {
    /// It starts, or continues after so many epochs.
    Started {
        /// Epochs done before.
        done: usize,
        /// Batches of the next one done before.
        batch: usize,
        /// Epochs in all, at most.
        epochs: usize,
        /// Batches in an epoch.
        batches: usize,
    },
    /// Images are padded for the network, and its maps cropped again; told after the start.
    Padded {
        /// Slices, rows and columns that are seen of a case.
        from: [usize; 3],
        /// With the margin.
        to: [usize; 3],
    },
    /// The last batch of an epoch is smaller, and is learned from; told after the start.
    LastBatch {
        /// Its cases.
        cases: usize,
        /// Those of the others.
        batch: usize,
    },
    /// That batch has one case, of which a normalisation by the batch sees one value a channel: it gives its shift, whatever came in.
    LonelyCase,
    /// There is a checkpoint, and it cannot be used; the training begins anew.
    CheckpointLost {
        /// Why.
        reason: String,
    },
    /// The checkpoint of an earlier training is of another recipe, so nothing of it is used.
    StartedAnew {
        /// What differs.
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
        /// The best epoch so far.
        best: usize,
    },
    /// Nothing has become better for as long as early stopping waits.
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
    /// A setting of the recipe is out of its range.
    #[error(transparent)]
    Setting(#[from] SettingError),
    /// The checkpoint that is to be continued is of another network.
    #[error("the checkpoint is of another network ({differences}); continue with its network, or need no checkpoint")]
    OtherNetwork {
        /// What differs.
        differences: String,
    },
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
/// Equal tasks give equal files, however often they were interrupted, at whatever batch, and on however many threads.
///
/// # Errors
/// The task does not fit together, the loss is not a number, or a file cannot be written.
pub fn train(task: &TrainTask<'_>, observer: &mut dyn FnMut(TrainEvent)) -> Result<TrainOutcome, TrainError> {
    check(task)?;
    let TrainTask { network: config, training, seed, place, train, validation, resume, .. } = *task;
    let labels = training.labels(config.classes());
    let learning = task.learning();
    let drawing = Drawing::new(train, training, labels, seed);
    let batches = drawing.batches();
    let mut pauses = Pauses::new(task.pause);

    let mut state = started(task, observer)?;
    let (done, epochs) = (state.history.len(), training.epochs);
    observer(TrainEvent::Started { done, batch: state.position.batches, epochs, batches });
    told(task, observer)?;
    while !training.is_over(&state.history) {
        let epoch = state.history.len();
        for (number, draws) in drawing.epoch(epoch).iter().enumerate().skip(state.position.batches) {
            let cases = || draws.iter().map(|draw| train[draw.case].id.clone()).collect();
            let seen = drawing.seen(draws, epoch);
            let batch = assembled(&seen.iter().collect::<Vec<_>>(), &labels, &learning);
            let [_, channels, frames, height, width] = batch.images.dims();
            let margin = config.margin([channels, frames, height, width]);
            let random = generator(seed, "dropout", &[epoch as u64, number as u64]);
            let mut pass = Pass::learning(random).in_precision(training.precision);
            let maps = state.network.fitted(batch.images, &margin, &mut pass);
            let deep = training.deep_supervision.as_ref();
            let loss = supervised(&training.loss, &maps, &batch.target, labels.head, deep, &margin)?;
            let value = floats(loss.clone().inner())[0];
            if !value.is_finite() {
                let (loss, batch) = (value.into(), Some(number));
                return Err(TrainError::NotFinite { loss, epoch, batch, cases: cases() });
            }
            state.gradient.add(Gradient::of(&state.network, loss.backward(), draws.len()));
            state.network = averaged(state.network, &pass.into_statistics());
            if (number + 1) % training.accumulate == 0 || number + 1 == batches {
                state = updated(state, training, number / training.accumulate, batches);
            }

            state.advance(value, draws.len());
            pauses.after(&state, resume)?;
            observer(TrainEvent::Batch { epoch, batch: number, loss: value.into() });
        }
        let kept = state.kept().valid();
        let found = validated(&kept, config, validation, training, &labels, &place.device);
        if !found.loss.is_finite() {
            let cases = validation.iter().map(|sample| sample.id.clone()).collect();
            return Err(TrainError::NotFinite { loss: found.loss, epoch, batch: None, cases });
        }
        let row = state.position.row(epoch, found);
        state.close(row.clone(), training, resume)?;
        let best = best_of(&state.history, training.best).map_or(epoch, |best| best.epoch);
        observer(TrainEvent::Epoch { row, best });
    }
    if state.history.len() < epochs {
        observer(TrainEvent::StoppedEarly { epoch: state.history.len() - 1 });
    }
    published(task, &state)
}

/// Takes one step with the gradient of the last batches.
fn updated(mut state: State, training: &TrainConfig, update: usize, batches: usize) -> State {
    let learning_rate = training.optimizer.learning_rate();
    let (updates, horizon) = (batches.div_ceil(training.accumulate), training.horizon());
    let share = training.schedule.share(Point { history: &state.history, update, updates, horizon, learning_rate });
    if update == 0 {
        state.position.learning_rate = training.optimizer.rate(state.optimizer.updates()) * share;
    }
    let gradient = state.gradient.taken(training.clip.as_ref());
    state.network = state.optimizer.update(state.network, &gradient, share);
    if let (Some(ema), Some(average)) = (&training.ema, &mut state.average) {
        ema.follow(average, &state.network, state.optimizer.updates());
    }
    state
}

/// Continues what this attempt or an earlier training left, or begins with first weights drawn from the seed.
fn started(task: &TrainTask<'_>, observer: &mut dyn FnMut(TrainEvent)) -> Result<State, TrainError> {
    let build = || task.network.build(&task.learning());
    match State::load(task.resume, build()?, task.training) {
        Ok(Some(state)) => return Ok(state),
        Ok(None) => {}
        // Only time is lost: the same epochs are trained again to the same weights.
        Err(error) => {
            let cause = std::error::Error::source(&error).map(|cause| format!(": {cause}")).unwrap_or_default();
            observer(TrainEvent::CheckpointLost { reason: format!("{error}{cause}") });
        }
    }
    if let Some(folder) = task.earlier {
        match continuing::read(task, folder, build()?)? {
            Found::State(state) => return Ok(*state),
            Found::Another(reason) => observer(TrainEvent::StartedAnew { reason }),
        }
    }
    let drawn = initialised(build()?, task.network.initialisation(), task.seed);
    Ok(State::new(with_first(task, drawn), task.training))
}

/// Lays first weights from a file over those that were drawn.
fn with_first(task: &TrainTask<'_>, network: Network) -> Network {
    match task.first {
        Some(first) => first.weights.laid_into(network),
        None => network,
    }
}

/// Writes the model folder.
fn published(task: &TrainTask<'_>, state: &State) -> Result<TrainOutcome, TrainError> {
    let TrainTask { network, seed, preparation, output, .. } = *task;
    let write = |source| CheckpointError::Write { path: output.to_owned(), source };
    fs::create_dir_all(output).map_err(write)?;
    let best = best_of(&state.history, task.training.best).expect("there is at least one epoch").clone();
    fs::copy(task.resume.join(best_file(best.epoch)), output.join(BEST)).map_err(write)?;
    let weights = state.average.clone().unwrap_or_else(|| arrays(&state.network));
    checkpoint::write(&output.join(LAST), &weights, "")?;
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
        precision: task.training.precision,
        epochs: state.history.len(),
        best,
    };
    card.write(output)?;
    task.checkpoint.map_or(Ok(()), |folder| continuing::write(task, state, folder))?;
    Ok(TrainOutcome { card, history: state.history.clone() })
}

/// Refuses what cannot work before any time is spent.
fn check(task: &TrainTask<'_>) -> Result<(), TrainError> {
    let TrainTask { network, training, train, validation, .. } = *task;
    network.check()?;
    training.check_loss(network.classes())?;
    training.check(network)?;
    for (part, samples) in [("train", train), ("validation", validation)] {
        if samples.is_empty() {
            return Err(TrainError::NoCases { part });
        }
    }
    let (draws, batch) = (training.sampling.draws.unwrap_or(train.len()), training.batch);
    let any = training.last_batch == LastBatch::Keep || draws >= batch;
    expect(any, "batch", batch, "no more than the cases of an epoch together with `last_batch: drop`")?;
    samples::check(network, &training.labels(network.classes()), &training.sampling, &[train, validation])
}
