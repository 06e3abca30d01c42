//! Times metrics on raw masks, one thread: `metrics_speed FOLDER`.
//!
//! FOLDER/cases.json and its masks are as `measure` reads them; every case is timed on its own. Prints a map from case to seconds
//! for HD95 + ASSD + NSD and for all overlaps, each the median of several calls, and the seconds that reading both masks once
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

/// Median seconds of a call, over at least seven of them.
fn seconds(call: impl Fn() -> Result<f64, Box<dyn Error>>) -> Result<f64, Box<dyn Error>> {
    let mut taken = Vec::new();
    let start = Instant::now();
    while taken.len() < 7 || (start.elapsed().as_secs_f64() < 0.5 && taken.len() < 200) {
        let start = Instant::now();
        call()?;
        taken.push(start.elapsed().as_secs_f64());
    }
    taken.sort_by(f64::total_cmp);
    Ok(taken[taken.len() / 2])
}
