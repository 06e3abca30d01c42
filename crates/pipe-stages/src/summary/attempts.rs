//! How a result was made: what its record says, and what was measured of the attempt that made it.
//!
//! Does not measure.

use std::collections::BTreeMap;

use indexmap::IndexMap;
use pipe_report::Provenance;
use pipe_store::{Digest, Made, Output, Record, RunId, Store};
use serde_json::Value;

use crate::failure::Failure;

/// Processor seconds and peak memory of an attempt.
type Measured = (Option<f64>, Option<u64>);

/// What was measured of attempts, run by run, each run read once.
#[derive(Default)]
pub(super) struct Attempts {
    runs: BTreeMap<i64, BTreeMap<(String, u32), Measured>>,
}

impl Attempts {
    /// Adds what was measured of the attempt that made a result.
    pub(super) fn measured(&mut self, of: Provenance, made: &Made, store: &Store) -> Result<Provenance, Failure> {
        let run = match self.runs.entry(made.run.0) {
            std::collections::btree_map::Entry::Occupied(known) => known.into_mut(),
            std::collections::btree_map::Entry::Vacant(new) => new.insert(read(made.run, store)?),
        };
        // The stage may have another name in the run that made it; its recipe is the same.
        let (cpu_seconds, peak_memory) = run.get(&(of.fingerprint.clone(), made.attempt)).copied().unwrap_or_default();
        Ok(Provenance { cpu_seconds, peak_memory, ..of })
    }
}

fn read(run: RunId, store: &Store) -> Result<BTreeMap<(String, u32), Measured>, Failure> {
    let attempts = store.attempts(run)?.into_iter();
    Ok(attempts
        .map(|attempt| {
            // One that was over before anybody looked was seen with nothing.
            let measured = (attempt.cpu_seconds(), attempt.peak_memory().filter(|bytes| *bytes > 0));
            ((attempt.fingerprint.to_string(), attempt.number), measured)
        })
        .collect())
}

/// How a result was made, as its record says.
pub(super) fn provenance(stage: &str, record: &Record) -> Provenance {
    of(stage, &record.fingerprint, &record.outputs, &record.made)
}

/// How a result was made, of which this is known.
pub(super) fn of(stage: &str, fingerprint: &Digest, outputs: &[Output], made: &Made) -> Provenance {
    let outputs: IndexMap<_, _> =
        outputs.iter().map(|output| (output.port.clone(), output.object.digest.to_string())).collect();
    Provenance {
        stage: stage.to_owned(),
        fingerprint: fingerprint.to_string(),
        outputs,
        made_at: made.at.clone(),
        run: made.run.0,
        commit: made.commit.clone(),
        device: made.device.clone(),
        seed: None,
        seconds: made.seconds,
        cpu_seconds: None,
        peak_memory: None,
        facts: made.facts.clone(),
    }
}

/// The seed of a recipe.
pub(super) fn seed(with: &Value) -> Option<u64> {
    with.get("seed").and_then(Value::as_u64)
}
