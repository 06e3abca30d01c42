//! `pipe network operations`: how long each layer of a network takes on a device.

use pipe_learn::{NetworkConfig, Took};
use serde_json::json;

use super::work;
use crate::{
    args::{Format, Machine},
    failure::Failure,
    output::{self, Align, number},
};

pub(super) fn operations(
    network: &NetworkConfig,
    input: &[usize],
    machine: &Machine,
    format: Format,
) -> Result<(), Failure> {
    let input = work::input(input)?;
    let precision = work::precision(machine)?;
    let place = work::place(machine)?;
    let found = pipe_learn::operations(network, input, precision, &place)?;
    if format == Format::Json {
        output::json(&json!({ "device": place.name, "precision": precision, "operations": found }));
        return Ok(());
    }
    let head = [
        ("layer", Align::Left),
        ("input", Align::Right),
        ("weight", Align::Right),
        ("times", Align::Right),
        ("forward, ms", Align::Right),
        ("back to data", Align::Right),
        ("to weights", Align::Right),
        ("all times", Align::Right),
    ];
    let shape = |shape: &[usize]| shape.iter().map(ToString::to_string).collect::<Vec<_>>().join("x");
    let whole = |took: &Took| took.times as f64 * (took.forward + took.data + took.weights);
    let row = |took: &Took| {
        let Took { operation, times, forward, data, weights } = took;
        vec![
            operation.kind.to_owned(),
            shape(&operation.input),
            shape(&operation.weight),
            times.to_string(),
            number(*forward),
            number(*data),
            number(*weights),
            number(whole(took)),
        ]
    };
    output::print(&output::columns(&head, &found.iter().map(row).collect::<Vec<_>>()));
    output::print(&format!("all: {} ms\n", number(found.iter().map(whole).sum())));
    Ok(())
}
