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
    cases, evaluated,
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
    let title = format!("{one} and {other}");
    let mut report = Report { differences, ..Report::named(&title, &title) };
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
            if lacks(stage, store) {
                report.missing.push(format!("{} of {}, whose bytes are gone", stage.stage, run.name));
                continue;
            }
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
                let keys = agreed.add(&evaluation);
                if let Some(leak) = &evaluation.leak {
                    report.leaks.push(format!("{name}: {leak}"));
                }
                let system = evaluated(system, &evaluation);
                pixels.entry(system.clone()).or_default().add(&evaluation, &pooled);
                report.cases.extend(cases((&system, &keys), &folds, &evaluation));
                found.push(Found { run: at, stage, system, point, folds, evaluation });
            }
        }
    }
    let mut alike: Vec<[String; 2]> = Vec::new();
    for [one, other] in points(&found) {
        let pair = [&other, &one].map(|found| found[0].system.clone());
        unlike.extend(not_alike(&one, &other));
        alike.push(pair);
    }
    if alike.is_empty() && !found.is_empty() {
        unlike.push("no evaluation of one run lies at the axes of one of the other, so none are compared".to_owned());
    }
    report.pairs = Some(alike);
    if !unlike.is_empty() {
        report.differences.insert(0, Difference { stage: "what is compared".into(), words: unlike });
    }
    report.overlays = changed(runs, &found, store);
    report.plots = pixel_plots(&pixels);
    if !report.cases.is_empty() {
        report.notes = agreed.notes(report.leaks.is_empty());
    }
    report.metrics = agreed.metrics;
    Ok(report)
}

impl PastRun {
    /// The axes along which this run's folds lie: those of the stages that say which cases are tested. An axis of the data is another recipe.
    fn fold_axes(&self) -> BTreeSet<String> {
        let of = |kind: &'static str| {
            let stages = self.stages.iter().filter(move |stage| port(stage, kind).is_some());
            stages.flat_map(|stage| axes(&stage.stage).into_keys()).collect::<BTreeSet<_>>()
        };
        of(TRUTH.0).difference(&of(DATASET.0)).cloned().collect()
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

/// The evaluations of both runs that differ by folds alone, system by system.
fn points<'f, 'r>(found: &'f [Found<'r>]) -> Vec<[Vec<&'f Found<'r>>; 2]> {
    let mut points: IndexMap<&str, [Vec<&Found<'_>>; 2]> = IndexMap::new();
    for one in found {
        points.entry(&one.point).or_default()[one.run].push(one);
    }
    points.into_values().filter(|runs| runs.iter().all(|of| !of.is_empty())).collect()
}

/// What keeps the evaluations of two systems from being compared without a second thought.
fn not_alike(ones: &[&Found<'_>], others: &[&Found<'_>]) -> Vec<String> {
    let (one, other) = (ones[0], others[0]);
    let cases = |found: &[&Found<'_>]| -> BTreeSet<String> {
        found.iter().flat_map(|found| found.evaluation.cases.iter().map(|case| case.case.clone())).collect()
    };
    let (before, after) = (cases(ones), cases(others));
    let (gone, new) = (before.difference(&after).count(), after.difference(&before).count());
    let mut why = Vec::new();
    if gone + new > 0 {
        let (both, first, second) = (before.intersection(&after).count(), before.len(), after.len());
        why.push(format!(
            "{} tests {first} cases and {} tests {second}: tables show all of them, tests and lists the {both} that both have",
            one.system, other.system
        ));
    }
    let truth = |found: &[&Found<'_>]| -> BTreeSet<Option<String>> {
        found.iter().map(|found| found.evaluation.truth.clone()).collect()
    };
    if gone + new == 0 && ones.len() == others.len() && truth(ones) != truth(others) {
        why.push(format!("the reference masks of {} and {} are not the same", one.system, other.system));
    }
    let (before, after) = (&one.evaluation, &other.evaluation);
    if before.unit != after.unit {
        why.push(format!("lengths of {} and {} are in different units", one.system, other.system));
    }
    if before.empty != after.empty {
        let [before, after] = [before, after].map(|evaluation| evaluation.empty.sentence(evaluation.recipe.iter()));
        why.push(format!("{} counts empty masks otherwise ({before}) than {} ({after})", one.system, other.system));
    }
    if before.threshold != after.threshold {
        why.push(format!(
            "{} takes pixels from {} on, {} from {}",
            one.system,
            threshold(before),
            other.system,
            threshold(after)
        ));
    }
    why
}

/// The threshold in words.
fn threshold(evaluation: &Evaluation) -> String {
    evaluation.threshold.map_or_else(|| "the likeliest class".to_owned(), |threshold| threshold.to_string())
}

/// Whether bytes of a result were removed.
fn lacks(stage: &RunStage, store: &Store) -> bool {
    let is_read = |output: &&Output| [MODEL.0, EVALUATION.0].contains(&output.kind.as_str());
    stage.outputs.iter().filter(is_read).any(|output| !store.verify(&output.object))
}

/// Evaluations of both runs at equal points of all axes.
fn pairs<'f, 'r>(found: &'f [Found<'r>]) -> impl Iterator<Item = (&'f Found<'r>, &'f Found<'r>)> {
    let of = |run: usize| found.iter().filter(move |found| found.run == run);
    let is_alike = |one: &Found<'_>, other: &Found<'_>| one.point == other.point && one.folds == other.folds;
    of(0).filter_map(move |one| Some((one, of(1).find(|other| is_alike(one, other))?)))
}

/// The cases whose score changed most, as both runs predict them.
fn changed(runs: &[PastRun; 2], found: &[Found<'_>], store: &Store) -> Vec<Overlay> {
    let mut changes = Vec::new();
    for (one, other) in pairs(found) {
        let before: BTreeMap<&str, f64> =
            ranked(&one.evaluation).into_iter().map(|(score, case)| (case, score)).collect();
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
        for (found, score) in [before, after] {
            let pack = |kind: &str| {
                let (outputs, port) = runs[found.run].feeding(found.stage, kind)?;
                // A picture of what was removed is left out; numbers are there without.
                Pack::open(&Artifact::of(outputs, port, store).ok()?.path).ok()
            };
            let (Some(data), Some(predictions)) = (pack(DATASET.0), pack(PREDICTION.0)) else { continue };
            let (stage, system) = (found.stage.stage.as_str(), found.system.as_str());
            let shown = Shown {
                stage,
                system,
                axes: &found.folds,
                evaluation: &found.evaluation,
                data: &data,
                predictions: &predictions,
            };
            overlays.extend(shown.overlay(Rank::Changed, (score, case)));
        }
    }
    overlays
}
