//! `train`: a fold's training and validation cases to a trained network.
//!
//! Does not see test cases: its selection names none.

use std::{collections::BTreeMap, env, fs, time::Duration};

use pipe_engine::{Context, Input, Inputs, Length, Output, Plan, Ports, Presence, Stage, StageFailure};
use pipe_image::{IGNORED, Pack, Preparation};
use pipe_learn::{
    DeviceChoice, First, LossConfig, NetworkConfig, OptimizerConfig, Place, Sample, TrainConfig, TrainEvent, TrainTask,
    best_of,
};
use pipe_spec::Device;
use pipe_store::{Direction, MetricRow};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    artifacts::{CHECKPOINT, DATASET, MODEL, PREPARATION, TRAINING},
    failure::Failure,
    meaning::meaning,
    memory,
    selection::{Selected, Selection, position},
    weights::WeightsFrom,
};

/// What computes: raised when equal recipes would give other weights, e.g. with another version of Burn or of the kernels.
pub(crate) const NUMERICS: &str = "burn 0.22.1, kernels 1";

/// Seconds of training between two states within an epoch, and the variable that says otherwise. It decides what an interruption
/// costs, never a result.
const PAUSE: (u64, &str) = (300, "PIPE_CHECKPOINT_SECONDS");

/// The numbers that a training reports: those of the last epoch, and of the one that it keeps.
pub(crate) const NUMBERS: [&str; 5] =
    ["best_validation_dice", "best_validation_loss", "validation_dice", "validation_loss", "train_loss"];

/// Trains a network on one fold.
///
/// With a `checkpoint` of an earlier training among its needs it goes on from there, if network, seed, cases and recipe are the same
/// but for `epochs` and `early_stopping`; `schedule.horizon` must be the same too, so that the learning rate does not jump.
pub struct Train;

/// What is trained, and how.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TrainWith {
    /// The network.
    pub network: NetworkConfig,
    /// Loss, optimizer, schedule, epochs, augmentation.
    pub training: TrainConfig,
    /// First weights from a file; null draws all from the seed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub weights: Option<WeightsFrom>,
    /// Seed of initialisation, shuffling, augmentation and dropout.
    #[serde(default)]
    pub seed: u64,
}

impl Stage for Train {
    const NAME: &'static str = "train";
    const VERSION: u32 = 2;
    const ABOUT: &'static str =
        "trains a network on the training cases of a fold, and keeps the best epoch on its validation cases";
    const COMPUTES: bool = true;
    type With = TrainWith;

    fn ports(_: &TrainWith) -> Ports {
        Ports {
            inputs: Inputs::Typed(vec![
                Input::carried("dataset", DATASET),
                Input::counted("preparation", PREPARATION, Presence::Required),
                Input::counted("training", TRAINING, Presence::Required),
                Input::counted("checkpoint", CHECKPOINT, Presence::Optional),
            ]),
            outputs: vec![Output::folder("model", MODEL), Output::folder("checkpoint", CHECKPOINT)],
        }
    }

    fn versions(with: &TrainWith) -> BTreeMap<String, String> {
        let kind = with.network.kind();
        BTreeMap::from([
            (format!("network {}", kind.name), kind.version.to_string()),
            ("loss".to_owned(), LossConfig::VERSION.to_string()),
            ("optimizer".to_owned(), OptimizerConfig::VERSION.to_string()),
            ("augmentation".to_owned(), pipe_image::transforms::VERSION.to_string()),
            ("numerics".to_owned(), NUMERICS.to_owned()),
        ])
    }

    fn check(with: &TrainWith) -> Result<(), (String, String)> {
        let loss = with.training.check_loss(with.network.classes());
        loss.map_err(|error| ("training.loss".to_owned(), error.to_string()))?;
        with.training.check(&with.network).map_err(|error| (format!("training.{}", error.field), error.to_string()))?;
        with.network.check().map_err(|error| (format!("network.{}", with.network.kind().name), error.to_string()))
    }

    /// Without a horizon the learning rate follows from the epochs, so that a longer training is another one from its start.
    fn length(with: &TrainWith) -> Option<Length> {
        with.training.schedule.horizon?;
        let told_by = &["training.epochs", "training.early_stopping"];
        Some(Length { steps: with.training.epochs as u64, told_by, checkpoint: "checkpoint" })
    }

    fn advice(plan: &Plan, node: usize, limit: u64) -> Option<String> {
        memory::advice(plan, node, limit)
    }

    fn meaning(with: &TrainWith, context: &Context, failure: StageFailure) -> StageFailure {
        meaning(failure, context, Some(with))
    }

    fn run(with: TrainWith, context: &Context) -> Result<(), StageFailure> {
        train(&with, context).map_err(StageFailure::of)
    }
}

fn train(with: &TrainWith, context: &Context) -> Result<(), Failure> {
    let place = place(context)?;
    if place.is_host() && with.training.precision.is_short() {
        context.warn("the CPU computes in 32 bits and rounds to `precision` behind each layer: slower than `fp32`, with no less memory");
    }
    let pack = Pack::open(context.input("dataset"))?;
    let selection = Selection::read(context.input("training"))?;
    let path = context.input("preparation");
    let text = fs::read(path).map_err(|source| Failure::read(path, source))?;
    let preparation: Preparation =
        serde_json::from_slice(&text).map_err(|source| Failure::Format { path: path.into(), source })?;
    if let Some(case) = selection.train.first() {
        let labelled = pack.entries()[position(&pack, case)?].label_frame;
        if let Some(expected) = with.network.label_frame().filter(|expected| *expected != labelled) {
            context.warn(format!(
                "masks belong to frame {labelled}, the network's `label` says frame {expected} (counted from 0); \
                 it trains on the masks there are"
            ));
        }
    }
    let first = with.weights.as_ref().map(|weights| weights.read(&with.network, context)).transpose()?;
    let (training, [train, validation]) = known(with, &pack, [&selection.train, &selection.validation])?;
    let task = TrainTask {
        network: &with.network,
        training: &training,
        seed: with.seed,
        place: &place,
        train: &train,
        validation: &validation,
        preparation: &preparation,
        resume: context.resume(),
        pause: pause(),
        earlier: context.optional_input("checkpoint").or(context.shorter()),
        output: context.output("model"),
        first: first.as_ref().map(|(weights, card)| First { weights, card }),
        checkpoint: Some(context.output("checkpoint")),
    };
    let (mut all, mut note) = (1, String::new());
    let mut batches = 1;
    let outcome = pipe_learn::train(&task, &mut |event| {
        match event {
        TrainEvent::Started { done, batch, epochs, batches: each } => {
            (all, batches) = (epochs * each, each);
            context.progress((done * each + batch) as u64, Some(all as u64), "batches", "");
        }
        TrainEvent::Padded { from, to } => {
            let text = format!("images of {} are padded to {} and cropped again", sides(from), sides(to));
            context.fact("padding", text.as_str());
            context.progress(0, None, "batches", text.as_str());
            note = text;
        }
        TrainEvent::LastBatch { cases, batch } => {
            let text = format!("the last batch of an epoch has {cases} of {batch} cases");
            context.fact("last_batch", text.as_str());
            note = if note.is_empty() { text } else { format!("{note}; {text}") };
            context.progress(0, None, "batches", note.as_str());
        }
        TrainEvent::LonelyCase => context.warn(
            "the last batch of an epoch has one case, of which a batch normalisation sees one value a channel: it learns nothing \
             there; set `last_batch: drop`, or another `batch`",
        ),
        TrainEvent::Batch { epoch, batch, .. } => {
            context.progress((epoch * batches + batch + 1) as u64, Some(all as u64), "batches", note.as_str());
        }
        TrainEvent::Epoch { row, best, .. } => {
            note = format!(
                "epoch {}: Dice {:.4}, loss {:.4}, best {best}",
                row.epoch, row.validation_dice, row.train_loss
            );
            for (name, value) in [
                ("train_loss", row.train_loss),
                ("validation_loss", row.validation_loss),
                ("validation_dice", row.validation_dice),
            ] {
                context.live_metric(name, row.epoch as u64, value);
            }
        }
        TrainEvent::CheckpointLost { reason } => {
            context.warn(format!("the checkpoint cannot be used, so the training begins anew: {reason}"));
        }
        TrainEvent::StartedAnew { reason } => {
            context.warn(format!("the training begins anew, because the checkpoint is of another one: {reason}"));
        }
        TrainEvent::StoppedEarly { epoch } => context.warn(format!("stopped early after epoch {epoch}")),
    }
    })?;
    // What searches are after, and what an earlier or later epoch does not change.
    if let Some(kept) = best_of(&outcome.history, with.training.best) {
        for (name, value, direction) in [
            ("best_validation_dice", kept.validation_dice, Direction::Higher),
            ("best_validation_loss", kept.validation_loss, Direction::Lower),
        ] {
            let (name, unit) = (name.to_owned(), String::new());
            context.metric(MetricRow { name, value: Some(value), unit, direction, case: None });
        }
    }
    Ok(())
}

/// `32x30`, or `12x32x30` of volumes.
fn sides([depth, height, width]: [usize; 3]) -> String {
    if depth == 1 { format!("{height}x{width}") } else { format!("{depth}x{height}x{width}") }
}

fn pause() -> Duration {
    let (seconds, variable) = PAUSE;
    Duration::from_secs(env::var(variable).ok().and_then(|text| text.parse().ok()).unwrap_or(seconds))
}

/// The device of a name.
pub fn device_choice(device: Device) -> DeviceChoice {
    match device {
        Device::Auto => DeviceChoice::Auto,
        Device::Cpu => DeviceChoice::Cpu,
        Device::Cuda(place) => DeviceChoice::Cuda(place.unwrap_or(0)),
        Device::Wgpu => DeviceChoice::Wgpu,
    }
}

/// The device that a stage's resources ask for, noted with its result.
pub(crate) fn place(context: &Context) -> Result<Place, Failure> {
    let choice = device_choice(context.resources().device);
    if let (DeviceChoice::Cuda(number), Some(visible)) = (choice, pipe_engine::cards_visible())
        && number >= visible
    {
        return Err(Failure::NoCard { device: choice.to_string(), visible });
    }
    let place = choice.place()?;
    context.fact("device", place.name);
    if let Some(because) = &place.because {
        context.fact("no_gpu", because.as_str());
        // Where the program knows no GPUs at all, the CPU is no surprise.
        if pipe_learn::device::HAS_CUDA {
            context.warn(format!("computes on the CPU: {because}"));
        }
    }
    context.fact("threads", context.resources().cpu);
    context.fact("numerics", NUMERICS);
    Ok(place)
}

/// The recipe, and the cases that it learns from and validates on. Where the data set knows pixels of which nobody knows what they are,
/// the recipe ignores their label, and what it ignores itself gets the same.
fn known(with: &TrainWith, pack: &Pack, parts: [&[Selected]; 2]) -> Result<(TrainConfig, [Vec<Sample>; 2]), Failure> {
    let mut training = with.training.clone();
    let [mut train, mut validation] = [samples(pack, parts[0])?, samples(pack, parts[1])?];
    let is_partial = |case: &&Selected| pack.find(&case.id).is_some_and(|at| pack.entries()[at].ignored > 0);
    if parts.into_iter().flatten().any(|case| is_partial(&case)) {
        let own = training.ignore_label.replace(IGNORED);
        for sample in train.iter_mut().chain(&mut validation) {
            let ignored = sample.mask.labels.iter_mut().filter(|label| Some(**label) == own);
            ignored.for_each(|label| *label = IGNORED);
        }
    }
    Ok((training, [train, validation]))
}

fn samples(pack: &Pack, selected: &[Selected]) -> Result<Vec<Sample>, Failure> {
    selected
        .iter()
        .map(|case| {
            let at = position(pack, case)?;
            let mask = pack.mask(at).ok_or_else(|| Failure::NoMask { case: case.id.clone() })?;
            Ok(Sample { id: case.id.clone(), image: pack.image(at), mask })
        })
        .collect()
}
