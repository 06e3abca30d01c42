//! `pipe runs diff`: what differs between the recipes of two runs, stage by stage.
//!
//! Does not look at metrics; `compare` does.

use pipe_engine::{Reason, explain};
use pipe_store::{Digest, RunStage, Store};
use serde::Serialize;
use serde_json::{Value as Json, json};

use super::which;
use crate::{
    args::{Format, Which},
    failure::Failure,
    output,
};

/// What differs in one stage.
#[derive(Serialize)]
pub(crate) struct Changed {
    pub stage: String,
    why: Vec<Reason>,
    pub words: Vec<String>,
}

/// What differs between two runs.
pub(crate) struct Differences {
    /// Stages that both have.
    both: u64,
    /// Those of them that differ.
    pub changed: Vec<Changed>,
    pub only_old: Vec<String>,
    pub only_new: Vec<String>,
}

/// Holds the stages of two runs against each other.
pub(crate) fn differences(store: &Store, before: &[RunStage], after: &[RunStage]) -> Result<Differences, Failure> {
    let without = |these: &[RunStage], those: &[RunStage]| -> Vec<String> {
        let missing = these.iter().filter(|stage| those.iter().all(|other| other.stage != stage.stage));
        missing.map(|stage| stage.stage.clone()).collect()
    };
    let mut both = 0;
    let mut changed = Vec::new();
    for stage in after {
        let Some(earlier) = before.iter().find(|earlier| earlier.stage == stage.stage) else { continue };
        both += 1;
        let why = if earlier.fingerprint == stage.fingerprint {
            Vec::new()
        } else {
            explain(&manifest(store, &earlier.fingerprint)?, &manifest(store, &stage.fingerprint)?)
        };
        let mut words: Vec<_> = why.iter().map(ToString::to_string).collect();
        words.extend(made_again(earlier, stage));
        if !words.is_empty() {
            changed.push(Changed { stage: stage.stage.clone(), why, words });
        }
    }
    Ok(Differences { both, changed, only_old: without(before, after), only_new: without(after, before) })
}

pub(crate) fn diff(store: &Store, which: [Which; 2], format: Format) -> Result<(), Failure> {
    let [old, new] = [which::find(store, which[0])?, which::find(store, which[1])?];
    let [before, after] = [store.run_stages(old.id)?, store.run_stages(new.id)?];
    let Differences { both, changed: differences, only_old, only_new } = differences(store, &before, &after)?;
    if format == Format::Json {
        output::json(&json!({
            "old": old, "new": new, "differences": differences, "only_old": only_old, "only_new": only_new,
        }));
        return Ok(());
    }
    let mut text = format!(
        "run {} ({}) and run {} ({}): {} in both, {} of them differ\n",
        old.id,
        old.experiment,
        new.id,
        new.experiment,
        output::count(both, "stage", "stages"),
        differences.len(),
    );
    for difference in &differences {
        text.push_str(&format!("\n{}\n", difference.stage));
        difference.words.iter().for_each(|word| text.push_str(&format!("  - {word}\n")));
    }
    for (run, only) in [(old.id, only_old), (new.id, only_new)] {
        if !only.is_empty() {
            text.push_str(&format!("\nonly in run {run}\n"));
            only.iter().for_each(|stage| text.push_str(&format!("  - {stage}\n")));
        }
    }
    output::print(&text);
    Ok(())
}

/// The stored recipe; nothing where a ledger lost it.
fn manifest(store: &Store, fingerprint: &Digest) -> Result<Json, Failure> {
    Ok(store.manifest(fingerprint)?.and_then(|text| serde_json::from_str(&text).ok()).unwrap_or_default())
}

/// What happened to a stage whose recipe did not change.
fn made_again(old: &RunStage, new: &RunStage) -> Option<String> {
    if old.fingerprint != new.fingerprint || old.artifact == new.artifact {
        return None;
    }
    Some(match (&old.made, &new.made) {
        (Some(_), Some(made)) if old.outputs == new.outputs => {
            format!("equal recipe, made again by run {} to equal bytes", made.run)
        }
        (Some(_), Some(made)) => format!("equal recipe, made again by run {} to other bytes", made.run),
        (None, Some(_)) => "equal recipe, which had no result before".to_owned(),
        (_, None) => "equal recipe, which has no result now".to_owned(),
    })
}
