//! The data behind the numbers: sizes, folds, and whether cases or patients are where they must not be.
//!
//! Does not look at pixels: what is known of them are their digests.

use std::collections::{BTreeMap, BTreeSet};

use pipe_image::{Entry, Pack, Part};
use pipe_metrics::statistics::median;
use pipe_report::{Check, DataSummary, DataTable, FoldPart, FoldReport};
use pipe_store::{Record, Store};

use super::{Artifact, Results};
use crate::{failure::Failure, selection::Selection};

/// Names listed in a finding.
const LISTED: usize = 5;

impl Results<'_> {
    /// What results tell of the data set that a node has prepared.
    pub(super) fn data(&self, node: usize, record: &Record, store: &Store) -> Result<DataSummary, Failure> {
        let pack = Pack::open(&Artifact::of(&record.outputs, "dataset", store)?.path)?;
        let mut folds = Vec::new();
        for (at, split) in self.plan.nodes.iter().enumerate() {
            let Some(record) = &self.records[at] else { continue };
            if split.kind.name != "split" || self.feeding(at, "dataset") != Some(node) {
                continue;
            }
            let read = |port: &str| Selection::read(&Artifact::of(&record.outputs, port, store)?.path);
            let (training, images) = (read("training")?, read("images")?);
            folds.push(Sides { stage: split.id.clone(), training, images });
        }
        let entries = pack.entries();
        let count = |name: &str, of: BTreeSet<&str>| (of.len().to_string(), name.to_owned());
        let mut figures = vec![
            (entries.len().to_string(), "cases".to_owned()),
            count("patients", entries.iter().map(|entry| entry.patient.as_str()).collect()),
        ];
        let sites: BTreeSet<&str> = entries.iter().filter_map(|entry| entry.site.as_deref()).collect();
        figures.extend((!sites.is_empty()).then(|| count("sites", sites)));
        if !pack.classes().is_empty() {
            figures.push((pack.classes().len().to_string(), format!("classes: {}", pack.classes().join(", "))));
        }
        Ok(DataSummary {
            stage: self.plan.nodes[node].id.clone(),
            figures,
            sizes: sizes(entries),
            checks: checks(entries, &folds),
            folds: folds.iter().map(Sides::report).collect(),
        })
    }
}

/// What a fold gives to training, and what to its test.
struct Sides {
    stage: String,
    training: Selection,
    images: Selection,
}

impl Sides {
    fn report(&self) -> FoldReport {
        let parts = [
            (Part::Train, &self.training.train),
            (Part::Validation, &self.training.validation),
            (Part::Test, &self.images.test),
        ];
        let part = |(part, cases): (Part, &Vec<crate::selection::Selected>)| FoldPart {
            part: part.to_string(),
            cases: cases.len(),
            patients: cases.iter().map(|case| &case.patient).collect::<BTreeSet<_>>().len(),
            classes: Vec::new(),
        };
        FoldReport {
            stage: self.stage.clone(),
            parts: parts.into_iter().map(part).collect(),
            warnings: Vec::new(),
            leaks: !self.shared().is_empty(),
        }
    }

    fn learned_from(&self) -> impl Iterator<Item = &crate::selection::Selected> {
        self.training.train.iter().chain(&self.training.validation)
    }

    /// Patients on both sides.
    fn shared(&self) -> BTreeSet<&str> {
        let learned: BTreeSet<&str> = self.learned_from().map(|case| case.patient.as_str()).collect();
        self.images.test.iter().map(|case| case.patient.as_str()).filter(|patient| learned.contains(patient)).collect()
    }
}

fn sizes(entries: &[Entry]) -> DataTable {
    let mut rows = Vec::new();
    let mut row = |name: &str, values: Vec<f64>| {
        let ends = values.iter().copied().reduce(f64::min).zip(values.iter().copied().reduce(f64::max));
        if let (Some((low, high)), Some(middle)) = (ends, median(&values)) {
            rows.push([name.to_owned()].into_iter().chain([low, middle, high].map(short)).collect());
        }
    };
    let of = |size: fn(&Entry) -> usize| entries.iter().map(|entry| size(entry) as f64).collect::<Vec<_>>();
    row("rows", of(|entry| entry.height));
    row("columns", of(|entry| entry.width));
    if entries.iter().any(|entry| entry.frames > 1) {
        row("slices or frames", of(|entry| entry.frames));
    }
    row("channels", of(|entry| entry.channels));
    let spacing = |axis: usize| -> Vec<f64> {
        let known = entries.iter().filter_map(|entry| entry.spacing);
        known.map(|sides| sides[axis]).filter(|side| *side > 0.0).collect()
    };
    for (axis, name) in ["slice distance [mm]", "row distance [mm]", "column distance [mm]"].into_iter().enumerate() {
        row(name, spacing(axis));
    }
    DataTable { title: "Sizes".into(), head: ["as prepared", "min", "median", "max"].map(str::to_owned).to_vec(), rows }
}

/// A number with at most four digits after the point, and none that say nothing.
fn short(value: f64) -> String {
    let text = format!("{value:.4}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

fn checks(entries: &[Entry], folds: &[Sides]) -> Vec<Check> {
    [patients(folds), twins(entries, folds), masks(entries)].into_iter().chain(partial(entries)).collect()
}

/// The first names of a list.
fn listed<T: ToString>(names: &[T]) -> String {
    let first: Vec<String> = names.iter().take(LISTED).map(ToString::to_string).collect();
    let more = names.len() - first.len();
    if more == 0 { first.join(", ") } else { format!("{} and {more} more", first.join(", ")) }
}

fn patients(folds: &[Sides]) -> Check {
    let leaking: Vec<String> = folds
        .iter()
        .filter(|fold| !fold.shared().is_empty())
        .map(|fold| format!("{} ({} patients)", fold.stage, fold.shared().len()))
        .collect();
    let words = match leaking.len() {
        0 => "No patient is on both sides of a fold.".to_owned(),
        _ => format!("Patients are tested of whom other images were trained on: {}.", listed(&leaking)),
    };
    Check { is_well: leaking.is_empty(), words }
}

/// Cases with equal pixels.
fn twins(entries: &[Entry], folds: &[Sides]) -> Check {
    let mut alike: BTreeMap<&str, Vec<&Entry>> = BTreeMap::new();
    entries.iter().for_each(|entry| alike.entry(&entry.image_digest).or_default().push(entry));
    alike.retain(|_, cases| cases.len() > 1);
    if alike.is_empty() {
        return Check { is_well: true, words: "No two cases have equal pixels.".to_owned() };
    }
    let names = |cases: &Vec<&Entry>| cases.iter().map(|case| case.id.as_str()).collect::<Vec<_>>().join(" = ");
    let groups: Vec<String> = alike.values().map(names).collect();
    let mut across = 0;
    for fold in folds {
        let learned: BTreeSet<&str> = fold.learned_from().map(|case| case.id.as_str()).collect();
        let tested: BTreeSet<&str> = fold.images.test.iter().map(|case| case.id.as_str()).collect();
        let is_across = |cases: &&Vec<&Entry>| {
            cases.iter().any(|case| learned.contains(case.id.as_str()))
                && cases.iter().any(|case| tested.contains(case.id.as_str()))
        };
        across += alike.values().filter(is_across).count();
    }
    let sides =
        if across > 0 { " Such are on both sides of a fold." } else { " None of them are on both sides of a fold." };
    Check { is_well: across == 0, words: format!("Cases with equal pixels: {}.{sides}", listed(&groups)) }
}

fn masks(entries: &[Entry]) -> Check {
    let without: Vec<&str> =
        entries.iter().filter(|entry| entry.mask_digest.is_none()).map(|entry| entry.id.as_str()).collect();
    let words = match without.len() {
        0 => "Every case has a reference mask.".to_owned(),
        n => format!("{n} of {} cases have no reference mask: {}.", entries.len(), listed(&without)),
    };
    Check { is_well: without.is_empty(), words }
}

/// Cases of which some pixels are not known.
fn partial(entries: &[Entry]) -> Option<Check> {
    let found = entries.iter().filter(|entry| entry.ignored > 0).count();
    (found > 0).then(|| Check {
        is_well: true,
        words: format!(
            "In {found} of {} cases some pixels lie outside the field of view or have no label; they count nowhere.",
            entries.len()
        ),
    })
}
