//! `pipe network check`: how far networks on a device are from the CPU.

use std::process::ExitCode;

use pipe_learn::{NETWORKS, NetworkConfig, Parity, ParityTask, TrainError, narrow, parity, usual_input};
use serde_json::json;

use super::{config, work};
use crate::{
    args::{Check, Format},
    failure::Failure,
    output::{self, Align},
    session::Session,
};

pub(super) fn check(session: &Session, options: &Check) -> Result<ExitCode, Failure> {
    let place = work::place(&options.work.machine)?;
    let mut chosen: Vec<(NetworkConfig, [usize; 5])> = Vec::new();
    for name in &options.networks {
        match NETWORKS.iter().find(|kind| kind.name == name) {
            Some(kind) => chosen.extend(narrow(Some(kind.name))),
            None => {
                let config = config(session, name)?;
                let input = usual_input(&config);
                chosen.push((config, input));
            }
        }
    }
    if options.networks.is_empty() {
        chosen = narrow(None);
    }
    if let Some(input) = &options.input {
        let input = work::input(input)?;
        chosen.iter_mut().for_each(|(_, own)| *own = input);
    }
    // What cannot be is refused before any time is spent.
    let mut tasks = Vec::new();
    for (network, input) in &chosen {
        let [_, shape @ ..] = *input;
        network.check_input(shape)?;
        tasks.push((network, *input, work::training(&options.work, network)?));
    }
    let mut found = Vec::new();
    for (network, input, training) in &tasks {
        let scratch = work::scratch()?;
        let (place, folder, steps) = (&place, scratch.path(), options.steps.get());
        let task = ParityTask { network, training, input: *input, steps, place, folder };
        let parity = parity(&task);
        if options.format == Format::Text {
            output::print(&lines(network, &parity));
        }
        found.push((network.kind().name, parity));
    }
    let holds = found.iter().all(|(_, parity)| parity.as_ref().is_ok_and(Parity::holds));
    if options.format == Format::Json {
        let answer = |(name, parity): &(&str, Result<Parity, TrainError>)| match parity {
            Ok(parity) => json!({ "network": name, "holds": parity.holds(), "parity": parity }),
            Err(error) => json!({ "network": name, "holds": false, "error": words(error) }),
        };
        let networks: Vec<_> = found.iter().map(answer).collect();
        let (device, precision) = (&options.work.machine.device, &options.work.machine.precision);
        output::json(
            &json!({ "device": place.name, "asked": device, "precision": precision, "holds": holds, "networks": networks }),
        );
    } else {
        let device = &place.name;
        let close = if holds { "as near to the CPU as it must be" } else { "NOT as near to the CPU as it must be" };
        output::print(&format!("{device}, {}: {close}\n", options.work.machine.precision));
    }
    Ok(if holds { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn lines(network: &NetworkConfig, parity: &Result<Parity, TrainError>) -> String {
    let parity = match parity {
        Ok(parity) => parity,
        Err(error) => return format!("{}: {}\n\n", network.kind().name, words(error)),
    };
    let (left, right) = (Align::Left, Align::Right);
    let head = [("", left), ("error", right), ("CPU, nudged", right), ("at most", right), ("", left), ("at", left)];
    let row = |figure: &pipe_learn::Figure| {
        let verdict = if figure.holds() { "ok" } else { "BEYOND" };
        vec![
            figure.what.to_owned(),
            format!("{:.1e}", figure.error),
            format!("{:.1e}", figure.nudged),
            format!("{:.0e}", figure.tolerance),
            verdict.to_owned(),
            figure.at.clone(),
        ]
    };
    let rows: Vec<_> = parity.figures.iter().map(row).collect();
    let input: Vec<_> = parity.input.iter().map(ToString::to_string).collect();
    let (name, count) = (parity.network, output::thousands(parity.parameters as u64));
    format!("{name}, {count} parameters, {}\n{}\n", input.join(" x "), output::columns(&head, &rows))
}

/// The error with its causes.
fn words(error: &TrainError) -> String {
    let mut words = error.to_string();
    let mut cause = std::error::Error::source(error);
    while let Some(error) = cause {
        words = format!("{words}: {error}");
        cause = error.source();
    }
    words
}
