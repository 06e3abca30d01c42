//! Parity: one network on two devices, step by step: its maps, its loss, its gradients, and some steps of training.
//! It does not know devices; the CPU in 32 bits is what the other one is held against.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use burn::Tensor;
use burn::module::{ModuleVisitor, Param};
use burn::tensor::{Gradients, TensorData};
use pipe_image::Preparation;
use serde::Serialize;

use crate::batch::{Sample, Target};
use crate::checkpoint::{self, CheckpointError};
use crate::device::{DeviceChoice, Place};
use crate::distance::{Values, deviation, distance, moved, worst_gradient, worst_loss};
use crate::event::TrainEvent;
use crate::failure::TrainError;
use crate::generated::samples;
use crate::init::initialised;
use crate::losses::supervised;
use crate::model::{LAST, STEPS};
use crate::networks::NetworkConfig;
use crate::networks::blocks::Pass;
use crate::precision::Precision;
use crate::probe::{fill, trained, uniform, wanted};
use crate::random::generator;
use crate::recipe::TrainConfig;
use crate::train::{TrainTask, train};
use crate::weights::{Arrays, Parameter, Path as Dotted, arrays, floats, parameters, with_values};

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
/// as much as the others, with whatever sign rounding gave it.
const TOLERANCES: [(&str, [f64; 3]); 7] = [
    ("maps", [1e-4, 2e-2, 1e-1]),
    ("loss", [1e-4, 1e-2, 5e-2]),
    ("gradients", [1e-3, 5e-2, 3e-1]),
    ("gradient of one weight", [2e-2, 5e-1, 1.0]),
    ("losses in training", [1e-3, 5e-2, 1e-1]),
    ("weights after training", [1e-1, 5e-1, 1.0]),
    ("weights after continuing", [1e-2, 5e-2, 3e-1]),
];

/// The seed of everything that is drawn.
const SEED: u64 = 1;

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
    let (expected, found) = (pass(task, &host, Precision::Fp32)?, pass(task, place, training.precision)?);
    let mut errors = vec![
        (deviation(&found.maps, &expected.maps), String::new()),
        ((found.loss - expected.loss).abs() / expected.loss.abs(), String::new()),
        (distance(&found.gradients, &expected.gradients), String::new()),
        worst_gradient(&found.gradients, &expected.gradients),
    ];

    let (expected, found) =
        (trained_for(task, &host, Precision::Fp32, "cpu")?, trained_for(task, place, training.precision, "device")?);
    errors.push(worst_loss(&found.losses, &expected.losses));
    let network = config.build(&host.device)?;
    let first = initialised(network.clone(), config.initialisation(), SEED);
    let first = learned(config, arrays(&first))?;
    let way = |weights: &Values| moved(weights, &first);
    errors.push((distance(&way(&found.weights), &way(&expected.weights)), String::new()));

    let (through, continued) = continued(task)?;
    errors.push((distance(&way(&continued), &way(&through)), String::new()));

    let column = match training.precision {
        Precision::Fp32 => 0,
        Precision::Tf32 | Precision::F16 => 1,
        Precision::Bf16 => 2,
    };
    let figure = |((what, tolerances), (error, at)): ((&'static str, [f64; 3]), (f64, String))| Figure {
        what,
        error,
        tolerance: tolerances[column],
        at,
    };
    Ok(Parity {
        network: config.kind().name,
        parameters: trained(&parameters(&network)),
        input,
        precision: training.precision,
        figures: TOLERANCES.into_iter().zip(errors).map(figure).collect(),
    })
}

/// What one pass gives.
struct Passed {
    maps: Vec<f32>,
    loss: f64,
    gradients: Values,
}

/// Runs the network that the formula of the probe fills: once predicting, once learning.
fn pass(task: &ParityTask<'_>, place: &Place, precision: Precision) -> Result<Passed, TrainError> {
    let ParityTask { network: config, training, input, .. } = *task;
    let [_, channels, frames, height, width] = input;
    let margin = config.margin([channels, frames, height, width]);
    let values = uniform(input.iter().product(), 6, |u| u + 0.5);
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
    let mut collect = Collect { path: Dotted::default(), gradients: loss.backward(), values: Values::new() };
    burn::module::Module::visit(&network, &mut collect);
    Ok(Passed { maps, loss: f64::from(floats(value)[0]), gradients: collect.values })
}

struct Collect {
    path: Dotted,
    gradients: Gradients,
    values: Values,
}

impl ModuleVisitor for Collect {
    fn enter_module(&mut self, name: &str, container: &str) {
        self.path.enter(name, container);
    }

    fn exit_module(&mut self, _: &str, container: &str) {
        self.path.exit(container);
    }

    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        if self.path.role().is_trained()
            && let Some(gradient) = param.val().grad_remove(&mut self.gradients)
        {
            self.values.insert(self.path.name(), floats(gradient));
        }
    }
}

/// What a training leaves.
struct Trained {
    losses: Vec<f64>,
    weights: Values,
}

/// Trains for the steps of the task, an epoch of them.
fn trained_for(task: &ParityTask<'_>, place: &Place, precision: Precision, name: &str) -> Result<Trained, TrainError> {
    let resume = task.folder.join(format!("{name}-resume"));
    let output = task.folder.join(name);
    let recipe = recipe(task, precision, 1, task.steps);
    run(task, place, &recipe, [&resume, &output], &mut |_| Ok(()))?;
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
    run(task, task.place, &recipe, [&resume, &through], &mut |event| match event {
        TrainEvent::Epoch { row, .. } if row.epoch == 0 => copied(&resume, &killed),
        _ => Ok(()),
    })?;
    run(task, task.place, &recipe, [&killed, &again], &mut |_| Ok(()))?;
    Ok((last_weights(task, &through)?, last_weights(task, &again)?))
}

fn recipe(task: &ParityTask<'_>, precision: Precision, epochs: usize, steps: usize) -> TrainConfig {
    let [batch, ..] = task.input;
    let mut recipe = TrainConfig { epochs, batch, precision, ..task.training.clone() };
    recipe.sampling.draws = Some(batch * steps);
    recipe
}

fn run(
    task: &ParityTask<'_>,
    place: &Place,
    training: &TrainConfig,
    [resume, output]: [&PathBuf; 2],
    heard: &mut dyn FnMut(&TrainEvent) -> Result<(), CheckpointError>,
) -> Result<(), TrainError> {
    let ParityTask { network, input: [batch, shape @ ..], .. } = *task;
    for path in [resume, output] {
        fs::create_dir_all(path).map_err(|source| CheckpointError::Write { path: path.clone(), source })?;
    }
    let cases = samples(network, &training.labels(network.classes()), shape, 2 * batch);
    let (train_cases, validation): (&[Sample], &[Sample]) = (&cases, &cases[..1]);
    let mut problem = Ok(());
    let task = TrainTask {
        network,
        training,
        seed: SEED,
        place,
        train: train_cases,
        validation,
        preparation: &Preparation::default(),
        resume,
        pause: Duration::MAX,
        earlier: None,
        output,
        first: None,
        checkpoint: None,
    };
    train(&task, &mut |event| {
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
