//! Parity: one network on two devices, step by step: its maps, its loss, its gradients, and some steps of training.
//! It does not know devices; the CPU in 32 bits is what the other one is held against.

use std::fs;
use std::path::Path;

use burn::Tensor;
use burn::tensor::TensorData;
use serde::Serialize;

use crate::batch::Target;
use crate::checkpoint::{self, CheckpointError};
use crate::device::{DeviceChoice, Place};
use crate::distance::{Values, deviation, distance, moved, worst_gradient, worst_loss};
use crate::event::TrainEvent;
use crate::failure::TrainError;
use crate::generated::{SEED, rounds, samples, tried};
use crate::gradient::Gradient;
use crate::init::initialised;
use crate::losses::supervised;
use crate::model::{LAST, STEPS};
use crate::networks::NetworkConfig;
use crate::networks::blocks::Pass;
use crate::precision::Precision;
use crate::probe::{fill, trained, uniform, wanted};
use crate::random::generator;
use crate::recipe::TrainConfig;
use crate::weights::{Arrays, Parameter, arrays, floats, parameters, with_values};

/// What to hold against the CPU.
#[derive(Debug, Clone, Copy)]
pub struct ParityTask<'a> {
    /// The network.
    pub network: &'a NetworkConfig,
    /// The recipe: its loss, its optimizer, and in which number format the device computes.
    pub training: &'a TrainConfig,
    /// The input, `[batch, channels, depth or frames, height, width]`.
    pub input: [usize; 5],
    /// Steps of training.
    pub steps: usize,
    /// The device.
    pub place: &'a Place,
    /// An empty folder for what trainings write.
    pub folder: &'a Path,
}

/// How far a device is from the CPU.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Parity {
    /// Name of the network.
    pub network: &'static str,
    /// Trained parameters.
    pub parameters: usize,
    /// The input.
    pub input: [usize; 5],
    /// The number format of the device; the CPU computes in 32 bits.
    pub precision: Precision,
    /// The figures.
    pub figures: Vec<Figure>,
}

/// One distance.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Figure {
    /// Of what.
    pub what: &'static str,
    /// How far, as a share of what the CPU gives.
    pub error: f64,
    /// How far the CPU comes from itself when its input is nudged by as much as the number format rounds.
    pub nudged: f64,
    /// How far it may be.
    pub tolerance: f64,
    /// The weight or the step at which it is that far, where only the worst counts.
    pub at: String,
}

impl Figure {
    /// Tells whether it is as near as it must be.
    pub fn holds(&self) -> bool {
        // Not a number is not near.
        self.error <= self.tolerance
    }
}

impl Parity {
    /// Tells whether all figures are as near as they must be.
    pub fn holds(&self) -> bool {
        self.figures.iter().all(Figure::holds)
    }
}

/// Figures in their order, with what each may be in `fp32`, in `tf32` or `f16`, and in `bf16`.
///
/// A product is rounded to 24, 11 and 8 bits, 6e-8, 5e-4 and 4e-3 of it, and a network of 20 to 60 layers adds such errors up. What
/// is trained for some steps is further apart: Adam divides by the size of a gradient, so that one that is nearly nothing counts
/// as much as the others, with whatever sign rounding gave it. How much a network makes of rounding differs, though: a value that
/// is next to nothing passes a rectifier on one device and not on the other, and takes its gradient along. So a figure may also be
/// [`FURTHER`] times as large as what the CPU itself makes of an input that is nudged.
const TOLERANCES: [(&str, [f64; 3]); 7] = [
    ("maps", [1e-4, 2e-2, 1e-1]),
    ("loss", [1e-4, 1e-2, 5e-2]),
    ("gradients", [1e-3, 5e-2, 3e-1]),
    ("gradient of one weight", [2e-2, 5e-1, 1.0]),
    ("losses in training", [1e-3, 5e-2, 1e-1]),
    ("weights after training", [1e-1, 5e-1, 1.0]),
    ("weights after continuing", [1e-2, 5e-2, 3e-1]),
];

/// How many times further than a nudge of its input brings the CPU from itself a device may be: it rounds in every layer.
const FURTHER: f64 = 5.0;

/// By how much an input is nudged, as a share of each second value.
fn nudge(precision: Precision) -> f32 {
    match precision {
        Precision::Fp32 => 1e-6,
        Precision::Tf32 | Precision::F16 => 5e-4,
        Precision::Bf16 => 4e-3,
    }
}

fn nudged(values: &mut [f32], by: f32) {
    values.iter_mut().step_by(2).for_each(|value| *value *= 1.0 + by);
}

/// Runs a network on the CPU and on a device, and tells how far apart they are.
///
/// * Maps, as a prediction gives them: the root of the mean squared difference over the standard deviation.
/// * The loss of a learning pass, and its gradients: of all together, and of the weight that is worst.
/// * The losses of some steps of training from the same first weights, the worst one; and the weights after them, over how far
///   they came.
/// * A training on the device that went through, against one that was ended after its first epoch and continued.
///
/// # Errors
/// The input or the recipe does not fit the network, a training fails, or a file cannot be written.
pub fn parity(task: &ParityTask<'_>) -> Result<Parity, TrainError> {
    let ParityTask { network: config, training, input, place, .. } = *task;
    let [_, channels, frames, height, width] = input;
    config.check_input([channels, frames, height, width])?;
    training.check_loss(config.classes())?;
    training.check(config)?;
    let host = DeviceChoice::Cpu.place().expect("there is always a CPU");
    let by = nudge(training.precision);
    let expected = pass(task, &host, Precision::Fp32, 0.0)?;
    let found = pass(task, place, training.precision, 0.0)?;
    let moved_by_rounding = pass(task, &host, Precision::Fp32, by)?;
    let mut errors = [found, moved_by_rounding].map(|found| found.errors(&expected));

    let expected = trained_for(task, &host, Precision::Fp32, "cpu", 0.0)?;
    let found = trained_for(task, place, training.precision, "device", 0.0)?;
    let moved_by_rounding = trained_for(task, &host, Precision::Fp32, "nudged", by)?;
    let network = config.build(&host.device)?;
    let first = initialised(network.clone(), config.initialisation(), SEED);
    let first = learned(config, arrays(&first))?;
    let way = |weights: &Values| moved(weights, &first);
    for (errors, found) in errors.iter_mut().zip([found, moved_by_rounding]) {
        errors.push(worst_loss(&found.losses, &expected.losses));
        errors.push((distance(&way(&found.weights), &way(&expected.weights)), String::new()));
    }
    let (through, continued) = continued(task)?;
    let [mut errors, mut nudged] = errors;
    errors.push((distance(&way(&continued), &way(&through)), String::new()));
    nudged.push((0.0, String::new()));

    let column = match training.precision {
        Precision::Fp32 => 0,
        Precision::Tf32 | Precision::F16 => 1,
        Precision::Bf16 => 2,
    };
    let figures =
        TOLERANCES.into_iter().zip(errors).zip(nudged).map(|(((what, tolerances), (error, at)), (nudged, _))| Figure {
            what,
            error,
            nudged,
            tolerance: tolerances[column].max(FURTHER * nudged),
            at,
        });
    Ok(Parity {
        network: config.kind().name,
        parameters: trained(&parameters(&network)),
        input,
        precision: training.precision,
        figures: figures.collect(),
    })
}

/// What one pass gives.
struct Passed {
    maps: Vec<f32>,
    loss: f64,
    gradients: Values,
}

impl Passed {
    /// How far it is from what is expected, in the order of [`TOLERANCES`], and where.
    fn errors(&self, expected: &Self) -> Vec<(f64, String)> {
        vec![
            (deviation(&self.maps, &expected.maps), String::new()),
            ((self.loss - expected.loss).abs() / expected.loss.abs(), String::new()),
            (distance(&self.gradients, &expected.gradients), String::new()),
            worst_gradient(&self.gradients, &expected.gradients),
        ]
    }
}

/// Runs the network that the formula of the probe fills: once predicting, once learning.
fn pass(task: &ParityTask<'_>, place: &Place, precision: Precision, by: f32) -> Result<Passed, TrainError> {
    let ParityTask { network: config, training, input, .. } = *task;
    let [batch, channels, frames, height, width] = input;
    let margin = config.margin([channels, frames, height, width]);
    let mut values: Vec<f32> = uniform(input.iter().product(), 6, |u| u + 0.5);
    nudged(&mut values, by);
    let x = || TensorData::new(values.clone(), input);

    let network = with_values(config.build(&place.device)?, fill);
    let mut predicting = Pass::predicting().in_precision(precision);
    let maps = floats(network.fitted(Tensor::from_data(x(), &place.device), &margin, &mut predicting).main);

    let device = place.device.clone().autodiff();
    let network = with_values(config.build(&device)?, fill);
    let mut learning = Pass::learning(generator(SEED, "dropout", &[])).in_precision(precision);
    let given = network.fitted(Tensor::from_data(x(), &device), &margin, &mut learning);
    let target = Target { maps: wanted(given.main.dims(), &device), counted: None };
    let (head, deep) = (training.labels(config.classes()).head, training.deep_supervision.as_ref());
    let loss = supervised(&training.loss, &given, &target, head, deep, &margin)?;
    // Read after the gradients, as in training: see `LossConfig::reads_back`.
    let value = loss.clone().inner();
    let gradients = Gradient::of(&network, loss.backward(), batch).arrays();
    let gradients = gradients.into_iter().map(|(name, array)| (name, array.values)).collect();
    Ok(Passed { maps, loss: f64::from(floats(value)[0]), gradients })
}

/// What a training leaves.
struct Trained {
    losses: Vec<f64>,
    weights: Values,
}

/// Trains for the steps of the task, an epoch of them.
fn trained_for(
    task: &ParityTask<'_>,
    place: &Place,
    precision: Precision,
    name: &str,
    by: f32,
) -> Result<Trained, TrainError> {
    let resume = task.folder.join(format!("{name}-resume"));
    let output = task.folder.join(name);
    let recipe = recipe(task, precision, 1, task.steps);
    run(task, place, &recipe, [&resume, &output], by, &mut |_| Ok(()))?;
    let path = output.join(STEPS);
    let text = fs::read_to_string(&path).map_err(|source| CheckpointError::Read { path, source })?;
    // The last column of each line after the head.
    let loss = |line: &str| line.rsplit(',').next().and_then(|loss| loss.parse().ok()).unwrap_or(f64::NAN);
    Ok(Trained { losses: text.lines().skip(1).map(loss).collect(), weights: last_weights(task, &output)? })
}

/// Trains for two epochs, and once more from what lay there when the first one was done, as if it had been killed then.
fn continued(task: &ParityTask<'_>) -> Result<(Values, Values), TrainError> {
    let recipe = recipe(task, task.training.precision, 2, 2);
    let [resume, killed, through, again] =
        ["through-resume", "killed", "through", "continued"].map(|name| task.folder.join(name));
    run(task, task.place, &recipe, [&resume, &through], 0.0, &mut |event| match event {
        // The first epoch is on disk before the second one learns.
        TrainEvent::Batch { epoch: 1, batch: 0, .. } => copied(&resume, &killed),
        _ => Ok(()),
    })?;
    run(task, task.place, &recipe, [&killed, &again], 0.0, &mut |_| Ok(()))?;
    Ok((last_weights(task, &through)?, last_weights(task, &again)?))
}

fn recipe(task: &ParityTask<'_>, precision: Precision, epochs: usize, steps: usize) -> TrainConfig {
    let [batch, ..] = task.input;
    TrainConfig { precision, ..rounds(task.training, epochs, steps, batch) }
}

fn run(
    task: &ParityTask<'_>,
    place: &Place,
    training: &TrainConfig,
    folders: [&Path; 2],
    by: f32,
    heard: &mut dyn FnMut(&TrainEvent) -> Result<(), CheckpointError>,
) -> Result<(), TrainError> {
    let ParityTask { network, input: [batch, shape @ ..], .. } = *task;
    let mut cases = samples(network, &training.labels(network.classes()), shape, 2 * batch);
    cases.iter_mut().for_each(|case| nudged(&mut case.image.data, by));
    let mut problem = Ok(());
    tried(network, training, place, &cases, folders, &mut |event| {
        if problem.is_ok() {
            problem = heard(&event);
        }
    })?;
    Ok(problem?)
}

fn copied(from: &Path, to: &Path) -> Result<(), CheckpointError> {
    let copy = || {
        for entry in fs::read_dir(from)? {
            let entry = entry?;
            fs::copy(entry.path(), to.join(entry.file_name()))?;
        }
        Ok(())
    };
    fs::create_dir_all(to)
        .and_then(|()| copy())
        .map_err(|source| CheckpointError::Write { path: to.to_owned(), source })
}

fn last_weights(task: &ParityTask<'_>, folder: &Path) -> Result<Values, TrainError> {
    learned(task.network, checkpoint::read(&folder.join(LAST))?.0)
}

/// Leaves out running statistics.
fn learned(config: &NetworkConfig, mut arrays: Arrays) -> Result<Values, TrainError> {
    let host = DeviceChoice::Cpu.place().expect("there is always a CPU");
    let listed = parameters(&config.build(&host.device)?).into_iter().filter(|parameter| parameter.role.is_trained());
    Ok(listed.filter_map(|Parameter { name, .. }| arrays.remove(&name).map(|array| (name, array.values))).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::narrow::narrow;

    #[test]
    fn the_cpu_is_as_the_cpu() {
        let recipe = r#"{"loss": {"dice": {}}, "optimizer": {"adam": {}}, "epochs": 1, "batch": 1}"#;
        let training: TrainConfig = serde_json::from_str(recipe).expect("a recipe");
        let place = DeviceChoice::Cpu.place().expect("there is always a CPU");
        let folder = tempfile::tempdir().expect("a temporary folder can be made");
        let (network, _) = narrow(Some("encoder_decoder")).swap_remove(0);
        let (input, folder) = ([2, 1, 1, 16, 16], folder.path());
        let task = ParityTask { network: &network, training: &training, input, steps: 3, place: &place, folder };
        let parity = parity(&task).expect("the input fits");
        assert_eq!(parity.figures.iter().map(|figure| figure.error).collect::<Vec<_>>(), [0.0; 7]);
        assert!(parity.holds());
    }
}
