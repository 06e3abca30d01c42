//! On what and how a network is tried: device, number format and recipe, as they were typed.

use pipe_learn::{NetworkConfig, Place, Precision, TrainConfig};
use pipe_spec::{Problem, Problems, Sources, bind, did_you_mean, parse};
use pipe_stages::device_choice;
use serde_json::{Value, json};

use crate::{
    args::{Machine, Work},
    failure::Failure,
};

/// The device that was typed.
pub(super) fn place(machine: &Machine) -> Result<Place, Failure> {
    let place = device_choice(machine.device).place()?;
    place.computes_in(precision(machine)?)?;
    Ok(place)
}

/// The recipe for a network: what was typed, laid over Dice with cross-entropy and Adam.
///
/// Batches and epochs are left to whoever tries.
pub(super) fn training(work: &Work, network: &NetworkConfig) -> Result<TrainConfig, Failure> {
    let cross_entropy = if network.classes() == 1 { "binary_cross_entropy" } else { "cross_entropy" };
    let mut recipe = json!({
        "loss": { "sum": [{ "loss": { "dice": {} } }, { "loss": { cross_entropy: {} } }] },
        "optimizer": { "adam": {} },
        "epochs": 1,
        "batch": 1,
        "precision": precision(&work.machine)?,
    });
    let mut sources = Sources::default();
    let node = work.training.as_ref().map(|text| parse(&mut sources, "--training", text.as_bytes())).transpose();
    let refuse = |list| Failure::from(Problems { sources: sources.clone(), list });
    if let Some(node) = node.map_err(refuse)? {
        if node.map().is_none() {
            let words = "a recipe is keys and values, as in `{optimizer: {sgd: {}}}`";
            return Err(refuse(vec![Problem::new("pipe::spec::training", Some(node.span()), words)]));
        }
        let laid: serde_json::Map<String, Value> = bind(&node, "").map_err(refuse)?;
        laid.into_iter().for_each(|(key, value)| recipe[key] = value);
    }
    let recipe: TrainConfig =
        serde_json::from_value(recipe).map_err(|error| Failure::Argument(format!("`--training`: {error}")))?;
    let wrong = |error: &dyn std::fmt::Display| Failure::Argument(format!("`--training`: {error}"));
    recipe.check_loss(network.classes()).map_err(|error| wrong(&error))?;
    recipe.check(network).map_err(|error| wrong(&error))?;
    Ok(recipe)
}

/// The number format that was typed.
pub(super) fn precision(machine: &Machine) -> Result<Precision, Failure> {
    let text = &machine.precision;
    serde_json::from_value(json!(text)).map_err(|_| {
        let near = did_you_mean(text, ["fp32", "tf32", "bf16", "f16"]);
        Failure::Argument(format!("`--precision`: `{text}` is no number format; {near}"))
    })
}

/// `[batch, channels, depth or frames, height, width]` of `N,C,H,W` or `N,C,T,H,W`.
pub(super) fn input(input: &[usize]) -> Result<[usize; 5], Failure> {
    let shape = match *input {
        [batch, channels, height, width] => [batch, channels, 1, height, width],
        [batch, channels, frames, height, width] => [batch, channels, frames, height, width],
        _ => return Err(pipe_learn::NetworkError::Rank { shape: input.to_vec() }.into()),
    };
    Ok(shape)
}

/// A folder for what a try writes, which goes with it.
pub(super) fn scratch() -> Result<tempfile::TempDir, Failure> {
    tempfile::tempdir().map_err(|source| Failure::file("make a folder in", std::env::temp_dir(), source))
}
