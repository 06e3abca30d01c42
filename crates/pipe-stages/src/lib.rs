//! The built-in stage kinds: the only crate that sees both the engine and the science.
//!
//! One file a kind; [`STAGES`] lists them. A kind turns its `with` and its input artifacts into output artifacts by
//! calling the science crates; it decides nothing about when or whether it runs.

mod artifacts;
mod comparison;
mod evaluate;
mod export;
mod failure;
mod fitting;
mod masks;
mod meaning;
mod memory;
mod peeks;
mod predict;
mod prepare;
mod selection;
mod split;
mod summary;
mod tables;
mod train;
mod weights;

pub use artifacts::{
    CHECKPOINT, DATASET, EVALUATION, EXPORT, IMAGES, MASKS, MODEL, PREDICTION, PREPARATION, TRAINING, TRUTH,
};
pub use comparison::{Comparing, ComparisonError, PairingError, PixelsError, compare};
pub use evaluate::Evaluate;
pub use export::Export;
pub use failure::Failure;
pub use fitting::{Fitting, fitting};
pub use masks::Masks;
pub use meaning::{lost_device, out_of_memory};
pub use memory::memory;
pub use peeks::{Forbidden, divides, peeks, reports};
pub use predict::Predict;
pub use prepare::{DataConfig, DataLayout, Prepare};
pub use selection::{Selected, Selection};
pub use split::{Cut, Method, Split, SplitWith, Stratify};
pub use summary::{PastRun, Results, results, side_by_side};
pub use tables::RowError;
pub use train::{Train, device_choice};
pub use weights::WeightsFrom;

use pipe_engine::StageKind;

/// The built-in stage kinds. A new kind is one file, its `mod` line and its line here.
pub const STAGES: &[StageKind] = &[
    StageKind::of::<Prepare>(),
    StageKind::of::<Split>(),
    StageKind::of::<Train>(),
    StageKind::of::<Predict>(),
    StageKind::of::<Evaluate>(),
    StageKind::of::<Masks>(),
    StageKind::of::<Export>(),
    pipe_engine::COMMAND,
];
