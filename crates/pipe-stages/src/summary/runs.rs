//! Two past runs side by side, from what they left in the store: their plans are not needed, and may be gone.
//!
//! Does not say why they differ.

use std::collections::{BTreeMap, BTreeSet};

use indexmap::IndexMap;
use pipe_image::Pack;
use pipe_metrics::{Evaluation, Pooled};
use pipe_report::{Difference, Overlay, Rank, Report, SystemPixels, pixel_plots};
use pipe_store::{Output, RunStage, Store};
use serde_json::Value;

use super::{
    Artifact,
    agreed::Agreed,
    attempts::{Attempts, of, seed},
    cases,
    pictures::{Shown, ranked},
    trainings::curve,
};
use crate::{
    artifacts::{DATASET, EVALUATION, MODEL, PREDICTION, TRUTH},
    evaluate::{POOLED, SUMMARY, stored},
    failure::Failure,
};

/// Cases whose pictures are shown: those that changed most.
const CHANGED: usize = 4;

/// A past run, and what each of its stages came to.
pub struct PastRun {
    /// What it is called, e.g. `run 12`.
    pub name: String,
    /// Its stages.
    pub stages: Vec<RunStage>,
}

/// An evaluation of a run.
struct Found<'r> {
    run: usize,
    stage: &'r RunStage,
    system: String,
    /// The system without the name of the run: what the runs have in common.
    point: String,
    folds: IndexMap<String, String>,
    evaluation: Evaluation,
}

/// Gives a report that has the systems of both runs, and pairs those of equal names.
///
/// # Errors
/// An artifact is missing or unreadable.
pub fn side_by_side(runs: &[PastRun; 2], differences: Vec<Difference>, store: &Store) -> Result<Report, Failure> {
    let [one, other] = runs.each_ref().map(|run| run.name.as_str());
    let mut report = Report {
        title: format!("{one} and {other}"),
        experiment: format!("{one} and {other}"),
        description: None,
        metrics: Vec::new(),
        cases: Vec::new(),
        plots: Vec::new(),
        curves: Vec::new(),
        overlays: Vec::new(),
        data: Vec::new(),
        graph: None,
        differences,
        pairs: Vec::new(),
        provenance: Vec::new(),
        notes: Vec::new(),
        missing: Vec::new(),
        leaks: Vec::new(),
        marks: Vec::new(),
    };
    let (mut agreed, mut attempts) = (Agreed::default(), Attempts::default());
    let mut pixels: IndexMap<String, SystemPixels> = IndexMap::new();
    let (mut found, mut unlike) = (Vec::new(), Vec::new());
    for (at, run) in runs.iter().enumerate() {
        let fold_axes = run.fold_axes();
        for stage in &run.stages {
            let Some(made) = &stage.made else {
                report.missing.push(format!("{} of {}", stage.stage, run.name));
                continue;
            };
            let with = with(stage, store)?;
            let name = format!("{} {}", run.name, stage.stage);
            let provenance = of(&name, &stage.fingerprint, &stage.outputs, made);
            let provenance = pipe_report::Provenance { seed: seed(&with), ..provenance };
            report.provenance.push(attempts.measured(provenance, made, store)?);
            let (folds, point) = divided(stage, &fold_axes);
            let system = format!("{}{point}", run.name);
            if let Some(port) = port(stage, MODEL.0) {
                report.curves.push(curve(&name, system, &with, &Artifact::of(&stage.outputs, port, store)?)?);
            } else if port(stage, EVALUATION.0).is_some() {
                let evaluation: Evaluation = stored(&stage.outputs, SUMMARY, store)?;
                let pooled: Vec<Pooled> = stored(&stage.outputs, POOLED, store)?;
                agreed.add(&evaluation);
                if let Some(leak) = &evaluation.leak {
                    report.leaks.push(format!("{name}: {leak}"));
                }
                let leaky = if evaluation.leak.is_some() { " (leaky folds)" } else { "" };
                let system = format!("{system}{leaky}");
                pixels.entry(system.clone()).or_default().add(&evaluation, &pooled);
                report.cases.extend(cases(&system, &folds, &evaluation));
                found.push(Found { run: at, stage, system, point, folds, evaluation });
            }
        }
    }
    for (one, other) in pairs(&found) {
        let pair = [other.system.clone(), one.system.clone()];
        if !report.pairs.contains(&pair) {
            report.pairs.push(pair);
        }
        unlike.extend(not_alike(one, other));
    }
    if !unlike.is_empty() {
        report.differences.insert(0, Difference { stage: "what is compared".into(), words: unlike });
    }
    report.overlays = changed(runs, &found, store)?;
    report.plots = pixel_plots(&pixels);
    if !report.cases.is_empty() {
        report.notes = agreed.notes(report.leaks.is_empty());
    }
    report.metrics = agreed.metrics;
    Ok(report)
}

impl PastRun {
    /// The axes along which this run's folds lie: those of the stages that say which cases are tested.
    fn fold_axes(&self) -> BTreeSet<String> {
        let splits = self.stages.iter().filter(|stage| port(stage, TRUTH.0).is_some());
        splits.flat_map(|stage| axes(&stage.stage).into_keys()).collect()
    }

    /// The artifact of some type that feeds a stage: that of the one stage which lies at the same point of all its own axes, the
    /// most of them.
    fn feeding(&self, stage: &RunStage, kind: &str) -> Option<(&[Output], &str)> {
        let own = axes(&stage.stage);
        let feeds = self.stages.iter().filter_map(|other| {
            let axes = axes(&other.stage);
            let is_above = axes.iter().all(|(axis, value)| own.get(axis) == Some(value));
            Some((axes.len(), other, port(other, kind).filter(|_| is_above)?))
        });
        let mut feeds: Vec<_> = feeds.collect();
        feeds.sort_by_key(|(axes, ..)| std::cmp::Reverse(*axes));
        match feeds.as_slice() {
            // Of several none is known to be the right one.
            [(most, ..), (second, ..), ..] if most == second => None,
            [(_, other, port), ..] => Some((&other.outputs, port)),
            [] => None,
        }
    }
}

/// The output of some type.
fn port<'s>(stage: &'s RunStage, kind: &str) -> Option<&'s str> {
    stage.outputs.iter().find(|output| output.kind == kind).map(|output| output.port.as_str())
}

/// The axes in the name of an instance; no value has a comma, an equals sign or a bracket.
fn axes(instance: &str) -> IndexMap<String, String> {
    let inside = instance.split_once('[').map_or("", |(_, axes)| axes.trim_end_matches(']'));
    let axis = |axis: &str| axis.split_once('=').map(|(name, value)| (name.to_owned(), value.to_owned()));
    inside.split(',').filter_map(axis).collect()
}

/// A stage's point on the axes of folds, and on the others in words.
fn divided(stage: &RunStage, fold_axes: &BTreeSet<String>) -> (IndexMap<String, String>, String) {
    let (folds, others): (IndexMap<_, _>, IndexMap<_, _>) =
        axes(&stage.stage).into_iter().partition(|(axis, _)| fold_axes.contains(axis));
    let point = others.iter().map(|(axis, value)| format!(", {axis} {value}")).collect();
    (folds, point)
}

/// The settings of a stage's recipe; none where a ledger lost them.
fn with(stage: &RunStage, store: &Store) -> Result<Value, Failure> {
    let manifest = store.manifest(&stage.fingerprint)?;
    let manifest: Option<Value> = manifest.and_then(|text| serde_json::from_str(&text).ok());
    Ok(manifest.and_then(|mut manifest| manifest.get_mut("with").map(Value::take)).unwrap_or_default())
}

/// Evaluations of both runs at equal points.
fn pairs<'f, 'r>(found: &'f [Found<'r>]) -> impl Iterator<Item = (&'f Found<'r>, &'f Found<'r>)> {
    let of = |run: usize| found.iter().filter(move |found| found.run == run);
    let is_alike = |one: &Found<'_>, other: &Found<'_>| one.point == other.point && one.folds == other.folds;
    of(0).filter_map(move |one| Some((one, of(1).find(|other| is_alike(one, other))?)))
}

/// What keeps two evaluations from being compared without a second thought.
fn not_alike(one: &Found<'_>, other: &Found<'_>) -> Option<String> {
    let cases = |found: &Found<'_>| -> BTreeSet<String> {
        found.evaluation.cases.iter().map(|case| case.case.clone()).collect()
    };
    let (before, after) = (cases(one), cases(other));
    let (gone, new) = (before.difference(&after).count(), after.difference(&before).count());
    if gone + new > 0 {
        return Some(format!(
            "{} tests {gone} cases that {} does not, which tests {new} others",
            one.stage.stage, other.system
        ));
    }
    if one.evaluation.truth != other.evaluation.truth {
        return Some(format!("the reference masks of {} are not those of {}", one.stage.stage, other.system));
    }
    (one.evaluation.recipe != other.evaluation.recipe)
        .then(|| format!("{} of {} and of {} measure by other conventions", one.stage.stage, one.system, other.system))
}

/// The cases whose Dice changed most, as both runs predict them.
fn changed(runs: &[PastRun; 2], found: &[Found<'_>], store: &Store) -> Result<Vec<Overlay>, Failure> {
    let mut changes = Vec::new();
    for (one, other) in pairs(found) {
        let before: BTreeMap<&str, f64> =
            ranked(&one.evaluation).into_iter().map(|(dice, case)| (case, dice)).collect();
        for (after, case) in ranked(&other.evaluation) {
            if let Some(before) = before.get(case) {
                changes.push((after - before, (one, *before), (other, after), case));
            }
        }
    }
    changes.sort_by(|one, other| other.0.abs().total_cmp(&one.0.abs()).then_with(|| one.3.cmp(other.3)));
    changes.retain(|(change, ..)| *change != 0.0);
    let mut overlays = Vec::new();
    for (_, before, after, case) in changes.into_iter().take(CHANGED) {
        for (found, dice) in [before, after] {
            let pack = |kind: &str| -> Result<Option<Pack>, Failure> {
                let Some((outputs, port)) = runs[found.run].feeding(found.stage, kind) else { return Ok(None) };
                Ok(Some(Pack::open(&Artifact::of(outputs, port, store)?.path)?))
            };
            let (Some(data), Some(predictions)) = (pack(DATASET.0)?, pack(PREDICTION.0)?) else { continue };
            let (stage, system) = (found.stage.stage.as_str(), found.system.as_str());
            let shown = Shown {
                stage,
                system,
                axes: &found.folds,
                evaluation: &found.evaluation,
                data: &data,
                predictions: &predictions,
            };
            overlays.extend(shown.overlay(Rank::Changed, (dice, case)));
        }
    }
    Ok(overlays)
}
