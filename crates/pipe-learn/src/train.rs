//! Training: the loop, in the order things happen.
//! It does not know folds, stages or terminals; whoever calls hears events and finds files.

use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use burn::Tensor;
use burn::module::Module;
use burn::tensor::Device;
use pipe_image::Preparation;

use crate::batch::{Batch, Sample};
use crate::beforehand::told;
use crate::continuing::{self, Found};
use crate::device::Place;
use crate::drawing::Drawing;
use crate::event::{TrainEvent, TrainOutcome};
use crate::failure::TrainError;
use crate::gradient::Gradient;
use crate::init::initialised;
use crate::loader::{Loaded, Loader};
use crate::losses::{LossError, supervised};
use crate::networks::blocks::Pass;
use crate::networks::{Network, NetworkConfig};
use crate::pretrained::First;
use crate::published::published;
use crate::random::generator;
use crate::recipe::{LastBatch, TrainConfig};
use crate::resume::{Pauses, State};
use crate::running::averaged;
use crate::samples;
use crate::scaling::Verdict;
use crate::schedule::Point;
use crate::setting::expect;
use crate::tally::{Learned, Tally};
use crate::validation::validated;

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

/// Trains until the last epoch or early stopping, continuing where an earlier attempt stopped.
///
/// Equal tasks give equal files, however often they were interrupted, at whatever batch, and on however many threads.
///
/// * A thread makes batches ready ahead of time, from all epochs in a row.
/// * On a device other than the CPU nothing of a step waits for it: gradients, what the optimizer keeps and averaged weights stay
///   there. Losses are read together now and then, always before a state is written and at the end of an epoch; a loss that is no
///   number ends the training then.
///
/// # Errors
/// The task does not fit together, the loss is not a number, or a file cannot be written.
///
/// # Panics
/// As the thread that makes batches ready did.
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
    let state = thread::scope(|scope| {
        let mut loader = Loader::start(scope, &drawing, labels, done..epochs, state.position.batches);
        while !training.is_over(&state.history) {
            let (epoch, start, mut tally) = (state.history.len(), Instant::now(), Tally::new(place));
            for number in state.position.batches..batches {
                let Loaded { draws, batch } = loader.next();
                let Batch { images, target } = batch.on(&learning);
                let [_, channels, frames, height, width] = images.dims();
                let margin = config.margin([channels, frames, height, width]);

                let random = generator(seed, "dropout", &[epoch as u64, number as u64]);
                let mut pass = Pass::learning(random).in_precision(training.precision);
                let maps = state.network.fitted(images, &margin, &mut pass);
                let deep = training.deep_supervision.as_ref();
                let loss = supervised(&training.loss, &maps, &target, labels.head, deep, &margin)?;
                state.gradient.add(gradient(&state, loss.clone(), draws.len(), place));
                state.network = averaged(state.network, &pass.into_statistics());
                if (number + 1) % training.accumulate == 0 || number + 1 == batches {
                    state = updated(state, training, epoch, number, batches)?;
                }

                // Never before there is a gradient: a step that a reading cuts in two gave wrong ones (`LossConfig::reads_back`).
                tally.take(Learned { number, draws, loss: loss.inner() });
                if tally.is_due() || pauses.is_due() || number + 1 == batches {
                    let learned = tally.read();
                    count(&mut state, task, epoch, &learned)?;
                    pauses.after(&state, resume)?;
                    let tell = |Learned { number: batch, loss, .. }: Learned<f32>| {
                        observer(TrainEvent::Batch { epoch, batch, loss: loss.into() });
                    };
                    learned.into_iter().for_each(tell);
                }
            }
            let (took, waited) = (start.elapsed(), loader.waited());
            let found = validated(&state.kept().valid(), config, training, validation, &place.device);
            if !found.loss.is_finite() {
                let cases = validation.iter().map(|sample| sample.id.clone()).collect();
                return Err(TrainError::NotFinite { loss: found.loss, epoch, batch: None, cases });
            }
            let row = state.position.row(epoch, found);
            let bests = state.end(row.clone(), training);
            // Told before it is on disk: killed in between, the epoch is trained and told again, with the same numbers. The other
            // way round nobody would ever hear them.
            observer(TrainEvent::Epoch { row, best: bests.now, took, waited });
            state.close(bests, resume)?;
        }
        Ok(state)
    })?;
    if state.history.len() < epochs {
        observer(TrainEvent::StoppedEarly { epoch: state.history.len() - 1 });
    }
    published(task, &state)
}

/// Goes back from the loss of a batch of so many cases.
fn gradient(state: &State, loss: Tensor<1>, cases: usize, place: &Place) -> Gradient {
    let gradients = state.scaling.map_or(loss.clone(), |scaling| scaling.scaled(loss)).backward();
    let gradient = if place.is_host() {
        Gradient::of(&state.network, gradients, cases)
    } else {
        Gradient::on_device(&state.network, gradients, cases)
    };
    match state.scaling {
        Some(scaling) => scaling.unscaled(gradient),
        None => gradient,
    }
}

/// Counts batches whose losses have become known.
fn count(state: &mut State, task: &TrainTask<'_>, epoch: usize, learned: &[Learned<f32>]) -> Result<(), TrainError> {
    for Learned { number, draws, loss } in learned {
        if !loss.is_finite() {
            let cases = draws.iter().map(|draw| task.train[draw.case].id.clone()).collect();
            return Err(TrainError::NotFinite { loss: (*loss).into(), epoch, batch: Some(*number), cases });
        }
        state.advance(*loss, draws.len());
    }
    Ok(())
}

/// Takes one step with the gradient of the last batches.
fn updated(
    mut state: State,
    training: &TrainConfig,
    epoch: usize,
    batch: usize,
    batches: usize,
) -> Result<State, TrainError> {
    let learning_rate = training.optimizer.learning_rate();
    let (update, updates) = (batch / training.accumulate, batches.div_ceil(training.accumulate));
    let (history, horizon) = (&state.history, training.horizon());
    let share = training.schedule.share(Point { history, update, updates, horizon, learning_rate });
    if update == 0 {
        state.position.learning_rate = training.optimizer.rate(state.optimizer.updates()) * share;
    }
    // Before clipping, which would hide what is infinite.
    let verdict = state.scaling.as_mut().map_or(Verdict::Taken, |scaling| scaling.judge(&state.gradient));
    let gradient = state.gradient.taken(training.clip.as_ref());
    match verdict {
        Verdict::Taken => {}
        Verdict::LeftOut => return Ok(state),
        Verdict::Hopeless => return Err(TrainError::Scale { epoch, batch }),
    }
    state.network = state.optimizer.update(state.network, &gradient, share);
    if let (Some(ema), Some(average)) = (&training.ema, &mut state.average) {
        ema.follow(average, &state.network, state.optimizer.updates());
    }
    Ok(state)
}

/// Continues what this attempt or an earlier training left, or begins with first weights drawn from the seed.
fn started(task: &TrainTask<'_>, observer: &mut dyn FnMut(TrainEvent)) -> Result<State, TrainError> {
    let build = || task.network.build(&task.learning());
    match State::load(task.resume, build()?, task.training, task.place) {
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
    Ok(State::new(with_first(task, drawn), task.training, task.place))
}

/// Lays first weights from a file over those that were drawn.
fn with_first(task: &TrainTask<'_>, network: Network) -> Network {
    match task.first {
        Some(first) => first.weights.laid_into(network),
        None => network,
    }
}

/// Refuses what cannot work before any time is spent.
fn check(task: &TrainTask<'_>) -> Result<(), TrainError> {
    let TrainTask { network, training, train, validation, .. } = *task;
    network.check()?;
    training.check_loss(network.classes())?;
    training.check(network)?;
    task.place.computes_in(training.precision)?;
    if training.loss.reads_back() && !task.place.is_host() {
        return Err(LossError::ReadsBack.into());
    }
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
