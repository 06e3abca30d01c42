//! Measures raw arrays, so that other programs can hold their numbers against these: `measure FOLDER`.
//!
//! FOLDER/cases.json: `{"metrics": [...], "empty": {...}, "cases": [{"name": "a", "shape": [z, y, x], "spacing": [z, y, x],
//! "field": false, "probabilities": false}]}`, metrics as YAML has them, `spacing` null for pixels. Beside it for each case
//! `a.prediction` and `a.reference` (bytes), `a.field` (bytes) and `a.probabilities` (little-endian f32), all in C order.
//! Prints a map from case to key to score.

use std::{collections::BTreeMap, error::Error, fs, io::Write, path::Path};

use pipe_metrics::{EmptyMasks, Metrics, Pair, Score, Spacing};
use serde::Deserialize;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Work {
    metrics: Metrics,
    #[serde(default)]
    empty: EmptyMasks,
    cases: Vec<Case>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    name: String,
    shape: [usize; 3],
    spacing: Option<[f64; 3]>,
    field: bool,
    probabilities: bool,
}

fn main() -> Result<(), Box<dyn Error>> {
    let folder = std::env::args().nth(1).ok_or("usage: measure FOLDER")?;
    let folder = Path::new(&folder);
    let work: Work = serde_json::from_slice(&fs::read(folder.join("cases.json"))?)?;
    let mut all: BTreeMap<&str, BTreeMap<String, Score>> = BTreeMap::new();
    for case in &work.cases {
        let read = |what: &str| fs::read(folder.join(format!("{}.{what}", case.name)));
        let (prediction, reference) = (read("prediction")?, read("reference")?);
        let field = if case.field { Some(read("field")?) } else { None };
        let bytes = if case.probabilities { read("probabilities")? } else { Vec::new() };
        let probabilities: Vec<f32> = bytes.as_chunks::<4>().0.iter().map(|value| f32::from_le_bytes(*value)).collect();
        let spacing = case.spacing.map_or(Ok(Spacing::PIXELS), Spacing::millimetres)?;
        let mut pair = Pair::new(&prediction, &reference, case.shape, spacing)?;
        if let Some(field) = &field {
            pair = pair.within(field)?;
        }
        if case.probabilities {
            pair = pair.with_probabilities(&probabilities)?;
        }
        let keys = work.metrics.descriptions(spacing.unit()).into_iter().map(|metric| metric.key);
        all.insert(&case.name, keys.zip(work.metrics.scores(&pair, work.empty)?).collect());
    }
    serde_json::to_writer(std::io::stdout().lock(), &all)?;
    writeln!(std::io::stdout())?;
    Ok(())
}
