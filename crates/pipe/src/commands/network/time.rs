//! `pipe network time`: how fast a network learns and predicts on a device.

use pipe_engine::machine_memory;
use pipe_learn::{NetworkConfig, Place, Spread, TimeError, TimeTask, Timing, TrainConfig};
use pipe_spec::Bytes;
use serde_json::{Value, json};

use super::card::{self, Watch};
use super::{config, work};
use crate::{
    args::{Format, Time},
    failure::Failure,
    output::{self, Align, number, seconds, thousands},
    session::Session,
};

pub(super) fn time(session: &Session, options: &Time) -> Result<(), Failure> {
    let network = config(session, &options.network)?;
    let input = work::input(&options.input)?;
    let [batch, shape @ ..] = input;
    network.check_input(shape)?;
    let training = work::training(&options.work, &network)?;
    let place = work::place(&options.work.machine)?;
    fits(&network, &training, input, &place)?;
    let scratch = work::scratch()?;
    let watch = Watch::new(place.name);
    let task = TimeTask {
        network: &network,
        training: &training,
        input,
        steps: options.steps.get(),
        rounds: options.rounds.get(),
        warm_up: options.warm_up,
        predictions: options.predictions,
        place: &place,
        folder: scratch.path(),
    };
    let timing = pipe_learn::time(&task).map_err(|error| match error {
        TimeError::Train(error) => Failure::from(pipe_stages::Failure::from(error)),
        TimeError::Predict(error) => Failure::from(pipe_stages::Failure::from(error)),
    })?;
    let seen = watch.seen(&timing.rounds);
    let rows = rows(&timing, batch, &seen);
    if options.format == Format::Json {
        let spreads: serde_json::Map<String, Value> =
            rows.iter().map(|row| (row.key.to_owned(), json!(Spread::of(&row.values)))).collect();
        output::json(&json!({
            "device": place.name,
            "asked": options.work.machine.device,
            "steps": options.steps,
            "timing": timing,
            "memory_bytes": seen.memory,
            "memory_of": seen.memory_of,
            "busy": seen.busy,
            "spread": spreads,
        }));
        return Ok(());
    }
    let head = [("", Align::Left), ("median", Align::Right), ("least", Align::Right), ("most", Align::Right)];
    let cells = rows.iter().filter_map(|row| {
        let spread = Spread::of(&row.values)?;
        Some([&[row.words.to_owned()][..], &[spread.median, spread.least, spread.most].map(number)].concat())
    });
    output::print(&output::columns(&head, &cells.collect::<Vec<_>>()));
    let count = thousands(timing.parameters as u64);
    let memory = seen
        .memory
        .map_or("memory unknown".to_owned(), |bytes| format!("{} MiB {}", thousands(bytes >> 20), seen.memory_of));
    let (name, device, start_up) = (timing.network, place.name, seconds(timing.start_up));
    output::print(&format!("{name} on {device}: {count} parameters; {memory}; {start_up} of start-up\n"));
    Ok(())
}

/// Refuses what the machine has not the memory for, before the system ends it without a word.
fn fits(network: &NetworkConfig, training: &TrainConfig, input: [usize; 5], place: &Place) -> Result<(), Failure> {
    let [batch, shape @ ..] = input;
    let has = machine_memory();
    let memory = pipe_learn::footprint(network, shape[0], shape[1])?.memory(
        shape,
        training,
        batch * shape.iter().product::<usize>(),
    );
    if !place.is_host() || memory.of(batch) <= has {
        return Ok(());
    }
    let (needs, has) = (Bytes::new(memory.of(batch)), Bytes::new(has));
    Err(Failure::Argument(format!(
        "`--input`: a step needs about {needs}, this machine has {has}; give a smaller shape"
    )))
}

/// One line of the table.
struct Row {
    key: &'static str,
    words: &'static str,
    values: Vec<f64>,
}

fn rows(timing: &Timing, batch: usize, seen: &card::Seen) -> Vec<Row> {
    let cases = timing.step.iter().map(|step| batch as f64 * 1e3 / step).collect();
    let percent = |values: &[f64]| values.iter().map(|share| share * 100.0).collect();
    vec![
        Row { key: "step_ms", words: "step, ms", values: timing.step.clone() },
        Row { key: "cases_per_second", words: "cases learned a second", values: cases },
        Row { key: "waited_percent", words: "waiting for data, %", values: percent(&timing.waited) },
        Row { key: "busy_percent", words: "GPU busy, %", values: seen.busy.clone() },
        Row {
            key: "batches_predicted",
            words: "images predicted a second, in batches",
            values: timing.batches_predicted.clone(),
        },
        Row { key: "images_predicted", words: "one by one", values: timing.images_predicted.clone() },
    ]
}
