//! Times metrics on raw masks, one thread: `metrics_speed FOLDER`.
//!
//! FOLDER/cases.json: `{"cases": [{"name": "a", "shape": [z, y, x], "spacing": [z, y, x], "masks": 1}]}`, beside it `a.prediction`
//! and `a.reference` with so many masks each, as bytes. Every case is timed on its own. Prints a map from case to CPU
//! seconds for HD95 + ASSD + NSD and for all overlaps, each the median of several calls, and the seconds that reading both masks once
//! takes (the speed of memory).

use std::{collections::BTreeMap, error::Error, fs, hint::black_box, io::Write, path::Path, time::Instant};

use pipe_metrics::{EmptyMasks, Metrics, Pair, Spacing};
use serde::{Deserialize, Serialize};
use serde_json::json;

#[derive(Deserialize)]
struct Work {
    cases: Vec<Case>,
}

#[derive(Deserialize)]
struct Case {
    name: String,
    shape: [usize; 3],
    spacing: [f64; 3],
    /// How many masks of this shape the files hold, one after the other.
    masks: usize,
}

/// Seconds for all masks of a case.
#[derive(Serialize)]
struct Taken {
    distances: f64,
    overlaps: f64,
    reading: f64,
}

fn main() -> Result<(), Box<dyn Error>> {
    let folder = std::env::args().nth(1).ok_or("usage: metrics_speed FOLDER")?;
    let folder = Path::new(&folder);
    let work: Work = serde_json::from_slice(&fs::read(folder.join("cases.json"))?)?;
    let distances: Metrics = serde_json::from_value(json!(["hd95", "assd", { "nsd": { "tolerance": 2 } }]))?;
    let overlaps: Metrics = serde_json::from_value(json!([
        "dice", "iou", "precision", "recall", "specificity", "accuracy", "balanced_accuracy", { "f_beta": { "beta": 2 } },
        "mcc", "volumetric_similarity", "relative_volume_difference"
    ]))?;
    let mut all: BTreeMap<&str, Taken> = BTreeMap::new();
    for case in &work.cases {
        let read = |what: &str| fs::read(folder.join(format!("{}.{what}", case.name)));
        let (prediction, reference) = (read("prediction")?, read("reference")?);
        let size: usize = case.shape.iter().product();
        let spacing = Spacing::millimetres(case.spacing)?;
        // Pairs are made anew each time, so that nothing is left from the call before.
        let pairs = || {
            let masks = prediction.chunks_exact(size).zip(reference.chunks_exact(size)).take(case.masks);
            masks.map(|(prediction, reference)| Pair::new(prediction, reference, case.shape, spacing))
        };
        let measured = |metrics: &Metrics| -> Result<f64, Box<dyn Error>> {
            for pair in pairs() {
                black_box(metrics.scores(&pair?, EmptyMasks::default())?);
            }
            Ok(0.0)
        };
        let both = || {
            let sum = |mask: &[u8]| mask.iter().fold(0_u8, |sum, pixel| sum ^ pixel);
            Ok(f64::from(black_box(sum(black_box(&prediction)) ^ sum(black_box(&reference)))))
        };
        let taken = Taken {
            distances: seconds(|| measured(&distances))?,
            overlaps: seconds(|| measured(&overlaps))?,
            reading: seconds(both)?,
        };
        all.insert(&case.name, taken);
    }
    serde_json::to_writer(std::io::stdout().lock(), &all)?;
    writeln!(std::io::stdout())?;
    Ok(())
}

/// Seconds of CPU of a call: the median of five rounds of many calls, for the clock of the system ticks in milliseconds.
fn seconds(call: impl Fn() -> Result<f64, Box<dyn Error>>) -> Result<f64, Box<dyn Error>> {
    let mut rounds = Vec::new();
    for _ in 0..5 {
        let (before, start, mut calls) = (on_cpu()?, Instant::now(), 0.0);
        while start.elapsed().as_secs_f64() < 0.2 {
            call()?;
            calls += 1.0;
        }
        rounds.push((on_cpu()? - before) / calls);
    }
    rounds.sort_by(f64::total_cmp);
    Ok(rounds[2])
}

/// Seconds that this thread has been on a CPU; other work on the machine does not count (Linux).
fn on_cpu() -> Result<f64, Box<dyn Error>> {
    let text = fs::read_to_string("/proc/thread-self/schedstat")?;
    let nanoseconds: f64 = text.split_whitespace().next().ok_or("an empty schedstat")?.parse()?;
    Ok(nanoseconds * 1e-9)
}
