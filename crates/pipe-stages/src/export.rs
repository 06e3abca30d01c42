//! `export`: a trained network as files that other programs read.
//!
//! Weights are safetensors with PyTorch's names and layout; the preparation stands beside them as JSON, because weights
//! without it are of no use. Does not know any network.

use std::fs;

use pipe_engine::{Context, Input, Inputs, Output, Ports, Presence, Stage, StageFailure};
use pipe_learn::model::{BEST, CARD};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    artifacts::{EXPORT, MODEL},
    failure::Failure,
};

/// Exports one model.
pub struct Export;

/// In which form.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ExportWith {
    /// The form of the weights.
    #[serde(default)]
    pub format: ExportFormat,
}

/// A form of weights.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ExportFormat {
    /// safetensors with PyTorch's names and layout.
    #[default]
    Safetensors,
}

impl Stage for Export {
    const NAME: &'static str = "export";
    const VERSION: u32 = 1;
    const ABOUT: &'static str = "writes weights with PyTorch's names, and the preparation that belongs to them";
    type With = ExportWith;

    fn ports(_: &ExportWith) -> Ports {
        Ports {
            inputs: Inputs::Typed(vec![Input::counted("model", MODEL, Presence::Required)]),
            outputs: vec![Output::folder("export", EXPORT)],
        }
    }

    fn run(_: ExportWith, context: &Context) -> Result<(), StageFailure> {
        export(context).map_err(StageFailure::of)
    }
}

fn export(context: &Context) -> Result<(), Failure> {
    let (model, folder) = (context.input("model"), context.output("export"));
    fs::create_dir_all(folder).map_err(|source| Failure::write(folder, source))?;
    for (from, to) in [(BEST, "model.safetensors"), (CARD, "preparation.json")] {
        let (from, to) = (model.join(from), folder.join(to));
        let bytes = fs::read(&from).map_err(|source| Failure::read(&from, source))?;
        fs::write(&to, bytes).map_err(|source| Failure::write(&to, source))?;
    }
    Ok(())
}
