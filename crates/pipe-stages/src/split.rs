//! `split`: one fold's cases, by patient, as one selection for each consumer.
//!
//! Does not read pixels: ids, patients and digests come from the pack's index.

use std::fs;

use pipe_engine::{Context, Input, Inputs, Output, Ports, Presence, Stage, StageFailure};
use pipe_image::{
    Entry, Pack,
    number::Probability,
    split::{self, Fold, Member, SplitError},
};
use pipe_spec::Location;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    artifacts::{DATASET, IMAGES, TRAINING, TRUTH},
    failure::Failure,
    selection::{Selected, Selection},
};

/// Divides the cases of a data set, patient by patient.
pub struct Split;

/// How the cases are divided, and which fold this is.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SplitWith {
    /// How the cases are divided.
    pub method: Method,
    /// The fold, counted from 0.
    #[serde(default)]
    pub fold: usize,
}

/// How the cases are divided.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Method {
    /// Every patient is tested in exactly one fold.
    KFold {
        /// Number of folds.
        #[schemars(range(min = 2))]
        folds: usize,
        /// Share of a fold's other patients that chooses the checkpoint.
        #[serde(default = "fifth")]
        validation: Probability,
        /// Seed of the shuffle.
        #[serde(default)]
        seed: u64,
    },
    /// The parts that the data set comes with; a missing validation part is carved from the training part.
    Official {
        /// Share of the training patients that chooses the checkpoint, where the data set has no such part.
        #[serde(default = "fifth")]
        validation: Probability,
        /// Seed of the shuffle.
        #[serde(default)]
        seed: u64,
    },
    /// Folds from a file: a JSON list of `{train, validation, test}` with case ids, or CSV `fold,part,case`.
    File {
        /// The file.
        path: Location,
    },
}

fn fifth() -> Probability {
    serde_json::from_str("0.2").expect("0.2 is a probability")
}

impl Stage for Split {
    const NAME: &'static str = "split";
    const VERSION: u32 = 1;
    const ABOUT: &'static str = "divides cases by patient into train, validation and test";
    type With = SplitWith;

    fn ports(_: &SplitWith) -> Ports {
        Ports {
            inputs: Inputs::Typed(vec![Input::counted("dataset", DATASET, Presence::Required)]),
            outputs: vec![
                Output::file("training", TRAINING),
                Output::file("images", IMAGES),
                Output::file("truth", TRUTH),
            ],
        }
    }

    fn check(with: &SplitWith) -> Result<(), (String, String)> {
        match &with.method {
            Method::KFold { folds, .. } if with.fold >= *folds => {
                Err(("fold".to_owned(), Failure::NoFold { fold: with.fold, folds: *folds }.to_string()))
            }
            _ => Ok(()),
        }
    }

    fn run(with: SplitWith, context: &Context) -> Result<(), StageFailure> {
        let written = Pack::open(context.input("dataset")).map_err(Failure::from).and_then(|pack| {
            let fold = fold(&with, pack.entries(), context)?;
            write(&fold, &pack, context)
        });
        written.map_err(StageFailure::of)
    }
}

fn fold(with: &SplitWith, entries: &[Entry], context: &Context) -> Result<Fold, Failure> {
    let members: Vec<_> = entries
        .iter()
        .map(|entry| Member { id: entry.id.clone(), patient: entry.patient.clone(), part: entry.part })
        .collect();
    let mut folds = match &with.method {
        Method::KFold { folds, validation, seed } => split::kfold_by_patient(&members, *folds, *seed, *validation)
            .map_err(|error| Failure::Split(vec![error]))?,
        Method::Official { validation, seed } => {
            vec![split::official(&members, *seed, *validation).map_err(Failure::Split)?]
        }
        Method::File { path } => given(&context.resolve(path), &members)?,
    };
    let count = folds.len();
    if with.fold >= count {
        return Err(Failure::NoFold { fold: with.fold, folds: count });
    }
    Ok(folds.swap_remove(with.fold))
}

fn given(path: &std::path::Path, members: &[Member]) -> Result<Vec<Fold>, Failure> {
    let text = fs::read_to_string(path).map_err(|source| Failure::read(path, source))?;
    let folds = split::from_text(&text).map_err(|error: SplitError| Failure::Split(vec![error]))?;
    split::check_given(&folds, members).map_err(Failure::Split)?;
    Ok(folds)
}

/// What a consumer reads of a case, and therefore depends on.
#[derive(Clone, Copy)]
enum Reads {
    Image,
    Mask,
    Both,
}

fn write(fold: &Fold, pack: &Pack, context: &Context) -> Result<(), Failure> {
    let select = |ids: &[String], reads: Reads| -> Result<Vec<Selected>, Failure> {
        ids.iter()
            .map(|id| {
                let position = pack.find(id).ok_or_else(|| Failure::CaseMissing { case: id.clone() })?;
                let Entry { patient, image_digest, mask_digest, .. } = &pack.entries()[position];
                if mask_digest.is_none() {
                    return Err(Failure::NoMask { case: id.clone() });
                }
                Ok(Selected {
                    id: id.clone(),
                    patient: patient.clone(),
                    image: matches!(reads, Reads::Image | Reads::Both).then(|| image_digest.clone()),
                    mask: mask_digest.clone().filter(|_| matches!(reads, Reads::Mask | Reads::Both)),
                })
            })
            .collect()
    };
    if fold.test.is_empty() {
        return Err(Failure::EmptyPart { part: "test" });
    }
    let training = Selection {
        train: select(&fold.train, Reads::Both)?,
        validation: select(&fold.validation, Reads::Both)?,
        ..Selection::default()
    };
    training.write(context.output("training"))?;
    Selection { test: select(&fold.test, Reads::Image)?, ..Selection::default() }.write(context.output("images"))?;
    Selection { test: select(&fold.test, Reads::Mask)?, ..Selection::default() }.write(context.output("truth"))
}
