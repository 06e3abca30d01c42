//! `train`: a fold's training and validation cases to a trained network.
//!
//! Does not see test cases: its selection names none.

use std::{collections::BTreeMap, fs};

use pipe_engine::{Context, Input, Inputs, Output, Ports, Presence, Stage, StageFailure};
use pipe_image::{Pack, Preparation};
use pipe_learn::{LossConfig, NetworkConfig, OptimizerConfig, Place, Sample, TrainConfig, TrainEvent, TrainTask};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    artifacts::{DATASET, MODEL, PREPARATION, TRAINING},
    failure::Failure,
    selection::{Selected, Selection, position},
};

/// What computes: raised when equal recipes would give other weights, e.g. with another version of Burn or of the kernels.
pub(crate) const NUMERICS: &str = "burn 0.22.1, kernels 1";

/// Trains a network on one fold.
pub struct Train;

/// What is trained, and how.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TrainWith {
    /// The network.
    pub network: NetworkConfig,
    /// Loss, optimizer, schedule, epochs, augmentation.
    pub training: TrainConfig,
    /// Seed of initialisation, shuffling, augmentation and dropout.
    #[serde(default)]
    pub seed: u64,
}

impl Stage for Train {
    const NAME: &'static str = "train";
    const VERSION: u32 = 1;
    const ABOUT: &'static str =
        "trains a network on the training cases of a fold, and keeps the best epoch on its validation cases";
    type With = TrainWith;

    fn ports(_: &TrainWith) -> Ports {
        Ports {
            inputs: Inputs::Typed(vec![
                Input::carried("dataset", DATASET),
                Input::counted("preparation", PREPARATION, Presence::Required),
                Input::counted("training", TRAINING, Presence::Required),
            ]),
            outputs: vec![Output::folder("model", MODEL)],
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
        with.network.check().map_err(|error| (format!("network.{}", with.network.kind().name), error.to_string()))
    }

    fn run(with: TrainWith, context: &Context) -> Result<(), StageFailure> {
        train(&with, context).map_err(StageFailure::of)
    }
}

fn train(with: &TrainWith, context: &Context) -> Result<(), Failure> {
    let place = place(context)?;
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
    let task = TrainTask {
        network: &with.network,
        training: &with.training,
        seed: with.seed,
        place: &place,
        train: &samples(&pack, &selection.train)?,
        validation: &samples(&pack, &selection.validation)?,
        preparation: &preparation,
        resume: context.resume(),
        output: context.output("model"),
    };
    let (mut all, mut note) = (1, String::new());
    let mut batches = 1;
    pipe_learn::train(&task, &mut |event| match event {
        TrainEvent::Started { done, epochs, batches: each } => {
            (all, batches) = (epochs * each, each);
            context.progress((done * each) as u64, Some(all as u64), "batches", "");
        }
        TrainEvent::Batch { epoch, batch, .. } => {
            context.progress((epoch * batches + batch + 1) as u64, Some(all as u64), "batches", note.as_str());
        }
        TrainEvent::Epoch { row, best } => {
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
        TrainEvent::StoppedEarly { epoch } => context.warn(format!("stopped early after epoch {epoch}")),
    })?;
    Ok(())
}

/// The device that a stage's resources ask for, noted with its result.
pub(crate) fn place(context: &Context) -> Result<Place, Failure> {
    let place = context.resources().device.parse::<pipe_learn::DeviceChoice>()?.place()?;
    context.fact("device", place.name);
    context.fact("threads", context.resources().cpu);
    context.fact("numerics", NUMERICS);
    Ok(place)
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
