//! How fast a network learns and predicts on a device: the loop of every training, on cases in memory, with a clock beside it.
//! It does not print, and does not know what else the device can tell of itself.

use std::path::Path;
use std::time::{Duration, Instant};

use burn::Tensor;
use serde::Serialize;
use thiserror::Error;

use crate::batch::{Sample, stacked};
use crate::checkpoint;
use crate::device::Place;
use crate::event::TrainEvent;
use crate::failure::TrainError;
use crate::generated::{rounds, samples, tried};
use crate::infer::{Model, PredictError};
use crate::model::LAST;
use crate::networks::NetworkConfig;
use crate::networks::blocks::Pass;
use crate::precision::Precision;
use crate::recipe::TrainConfig;
use crate::weights::with_arrays;

/// What to measure.
#[derive(Debug, Clone, Copy)]
pub struct TimeTask<'a> {
    /// The network.
    pub network: &'a NetworkConfig,
    /// The recipe: loss, optimizer, augmentation, number format.
    pub training: &'a TrainConfig,
    /// The input of a step, `[batch, channels, depth or frames, height, width]`.
    pub input: [usize; 5],
    /// Steps of a round.
    pub steps: usize,
    /// Rounds that are timed.
    pub rounds: usize,
    /// Rounds before them.
    pub warm_up: usize,
    /// Rounds of prediction afterwards.
    pub predictions: usize,
    /// The device.
    pub place: &'a Place,
    /// An empty folder for what the training writes.
    pub folder: &'a Path,
}

/// What was measured.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Timing {
    /// Name of the network.
    pub network: &'static str,
    /// Trained parameters.
    pub parameters: usize,
    /// The input of a step.
    pub input: [usize; 5],
    /// The number format.
    pub precision: Precision,
    /// Milliseconds of a step, the mean of each timed round; a round ends when the device is done.
    pub step: Vec<f64>,
    /// The share of each timed round for which the loop waited for the next batch.
    pub waited: Vec<f64>,
    /// Seconds that the rounds before took longer than those that were timed: kernels are compiled and tried.
    pub start_up: f64,
    /// Images a second of a prediction, batch by batch on the device, of each round.
    pub batches_predicted: Vec<f64>,
    /// Images a second of a prediction as `pipe` makes it: one image, from memory to memory; of each round.
    pub images_predicted: Vec<f64>,
    /// When each timed round went on.
    #[serde(skip)]
    pub rounds: Vec<[Instant; 2]>,
}

/// A network that cannot be measured.
#[derive(Debug, Error)]
pub enum TimeError {
    /// It does not train.
    #[error(transparent)]
    Train(#[from] TrainError),
    /// It does not predict.
    #[error(transparent)]
    Predict(#[from] PredictError),
}

/// A middle and the values around it.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Spread {
    /// The middle one; of an even number the mean of the middle two.
    pub median: f64,
    /// The smallest.
    pub least: f64,
    /// The largest.
    pub most: f64,
}

impl Spread {
    /// Gives the spread of values; none where there are none.
    pub fn of(values: &[f64]) -> Option<Self> {
        let mut sorted = values.to_vec();
        sorted.sort_by(f64::total_cmp);
        let (least, most) = (*sorted.first()?, *sorted.last()?);
        let middle = sorted.len() / 2;
        let median = if sorted.len() % 2 == 1 { sorted[middle] } else { (sorted[middle - 1] + sorted[middle]) / 2.0 };
        Some(Self { median, least, most })
    }
}

/// One round of the training.
#[derive(Debug, Clone, Copy)]
struct Round {
    began: Instant,
    took: Duration,
    waited: Duration,
}

/// Trains for some rounds, and predicts with what was trained.
///
/// # Errors
/// The input or the recipe does not fit the network, the training fails, or a file cannot be written or read.
pub fn time(task: &TimeTask<'_>) -> Result<Timing, TimeError> {
    let TimeTask { network: config, training, input, steps, warm_up, place, folder, .. } = *task;
    let [batch, shape @ ..] = input;
    config.check_input(shape).map_err(TrainError::from)?;
    let output = folder.join("model");
    let cases = samples(config, &training.labels(config.classes()), shape, 2 * batch);
    let (parameters, clock) = learned(task, &cases, &output)?;
    let (before, timed) = clock.split_at(warm_up.min(clock.len()));
    let milliseconds = |round: &Round| round.took.as_secs_f64() * 1e3 / steps as f64;
    let step: Vec<f64> = timed.iter().map(milliseconds).collect();
    let usual = Spread::of(&step).map_or(0.0, |step| step.median);
    let start_up = before.iter().map(|round| (milliseconds(round) - usual) * steps as f64 / 1e3).sum::<f64>();
    let share = |round: &Round| round.waited.as_secs_f64() / round.took.as_secs_f64().max(f64::MIN_POSITIVE);
    Ok(Timing {
        network: config.kind().name,
        parameters,
        input,
        precision: training.precision,
        waited: timed.iter().map(share).collect(),
        start_up: start_up.max(0.0),
        batches_predicted: batches_predicted(task, &cases[..batch], &output)?,
        images_predicted: images_predicted(task, &cases, &Model::open(&output, place)?)?,
        rounds: timed.iter().map(|round| [round.began, round.began + round.took]).collect(),
        step,
    })
}

/// Trains, an epoch a round, and gives the number of parameters.
fn learned(task: &TimeTask<'_>, cases: &[Sample], output: &Path) -> Result<(usize, Vec<Round>), TrainError> {
    let TimeTask { network, place, folder, input: [batch, ..], steps, warm_up, .. } = *task;
    let training = rounds(task.training, warm_up + task.rounds, steps, batch);
    let mut began = Instant::now();
    let mut clock = Vec::new();
    let folders = [&folder.join("resume"), output];
    let outcome = tried(network, &training, place, cases, folders, &mut |event| match event {
        TrainEvent::Started { .. } => began = Instant::now(),
        TrainEvent::Epoch { took, waited, .. } => {
            clock.push(Round { began, took, waited });
            began = Instant::now();
        }
        _ => {}
    })?;
    Ok((outcome.card.parameters, clock))
}

/// Predicts one batch again and again, without taking anything off the device.
fn batches_predicted(task: &TimeTask<'_>, cases: &[Sample], output: &Path) -> Result<Vec<f64>, PredictError> {
    let TimeTask { network: config, training, input: [batch, shape @ ..], steps, predictions, place, .. } = *task;
    if predictions == 0 {
        return Ok(Vec::new());
    }
    let network = with_arrays(config.build(&place.device)?, checkpoint::read(&output.join(LAST))?.0)?;
    let (margin, head) = (config.margin(shape), training.labels(config.classes()).head);
    let images: Vec<_> = cases.iter().map(|case| &case.image).collect();
    let images = stacked(&images, &place.device);
    let predicted = |count: usize| {
        for _ in 0..count {
            let mut pass = Pass::predicting().in_precision(training.precision);
            drop(head.probabilities(network.fitted(images.clone(), &margin, &mut pass).main));
        }
        done(&images);
    };
    // Kernels are compiled and tried.
    predicted(2);
    let round = |_| {
        let began = Instant::now();
        predicted(steps);
        (batch * steps) as f64 / began.elapsed().as_secs_f64()
    };
    Ok((0..predictions).map(round).collect())
}

/// Waits until the device has done all it was given.
fn done(on: &Tensor<5>) {
    // What cannot be waited for fails at the next thing that is read.
    drop(on.device().sync());
}

fn images_predicted(task: &TimeTask<'_>, cases: &[Sample], model: &Model) -> Result<Vec<f64>, PredictError> {
    let TimeTask { steps, predictions, .. } = *task;
    if predictions == 0 {
        return Ok(Vec::new());
    }
    model.probabilities(&cases[0].image)?;
    let round = |_| {
        let began = Instant::now();
        for case in cases.iter().cycle().take(steps) {
            model.probabilities(&case.image)?;
        }
        Ok(steps as f64 / began.elapsed().as_secs_f64())
    };
    (0..predictions).map(round).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::device::DeviceChoice;
    use crate::narrow::narrow;

    #[test]
    fn rounds_and_their_middle() {
        let recipe = r#"{"loss": {"dice": {}}, "optimizer": {"sgd": {}}, "epochs": 1, "batch": 1}"#;
        let training: TrainConfig = serde_json::from_str(recipe).expect("a recipe");
        let place = DeviceChoice::Cpu.place().expect("there is always a CPU");
        let folder = tempfile::tempdir().expect("a temporary folder can be made");
        let (network, _) = narrow(Some("unet")).swap_remove(0);
        let task = TimeTask {
            network: &network,
            training: &training,
            input: [2, 1, 1, 16, 16],
            steps: 2,
            rounds: 3,
            warm_up: 1,
            predictions: 2,
            place: &place,
            folder: folder.path(),
        };
        let timing = time(&task).expect("the input fits");
        assert_eq!([timing.step.len(), timing.waited.len(), timing.rounds.len()], [3; 3]);
        assert_eq!([timing.batches_predicted.len(), timing.images_predicted.len()], [2; 2]);
        assert!(timing.step.iter().chain(&timing.images_predicted).all(|value| *value > 0.0), "{timing:?}");
        assert!(timing.waited.iter().all(|share| (0.0..=1.0).contains(share)), "{timing:?}");
    }

    #[test]
    fn a_middle_of_values() {
        assert_eq!(Spread::of(&[3.0, 1.0, 2.0]), Some(Spread { median: 2.0, least: 1.0, most: 3.0 }));
        assert_eq!(Spread::of(&[4.0, 1.0]).map(|spread| spread.median), Some(2.5));
        assert_eq!(Spread::of(&[]), None);
    }
}
