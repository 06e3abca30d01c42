//! What is said below a table: of what its numbers are, by which conventions, and how they were tested.
//!
//! Does not compute.

use std::collections::BTreeSet;

use pipe_metrics::{Evaluation, MEAN, Metric, statistics::Correction};

use crate::number::{counted, exact};

use super::build::{PaperCell, PaperTable, Results};
use super::{Evaluated, Of, OverSpec, Show, TableSpec, TestSpec};

/// The notes below a table.
pub(super) fn notes(spec: &TableSpec, results: &Results, table: &PaperTable) -> Vec<String> {
    let mut notes = vec![shown(spec, results, table)];
    notes.extend(classes(spec, results));
    notes.extend(counts(spec, table));
    notes.extend(tested(spec, table));
    notes.extend(said(results, |evaluation| evaluation.empty.sentence(measured(spec, evaluation))));
    notes.extend(excluded(table));
    let thresholds = said(results, |evaluation| exact(evaluation.threshold));
    let thresholds: Vec<_> = thresholds.into_iter().filter(|text| !text.is_empty()).collect();
    if !thresholds.is_empty() {
        notes.push(format!("Pixels are foreground from a probability of {} on.", thresholds.join(" / ")));
    }
    if there(results).any(|one| one.evaluation.leak.is_some()) {
        notes.push(format!("† {}", crate::LEAKY));
    }
    if !table.references.is_empty() {
        notes.push("Published numbers are of other data, splits or definitions, as said beside them; none takes part in a test, and none is marked as best.".to_owned());
    }
    notes
}

fn there(results: &Results) -> impl Iterator<Item = &Evaluated> {
    results.iter().flat_map(|row| row.values()).flat_map(|found| &found.there)
}

/// What is said of each evaluation, once.
fn said(results: &Results, of: impl Fn(&Evaluation) -> String) -> BTreeSet<String> {
    there(results).map(|one| of(&one.evaluation)).collect()
}

/// The metrics of an evaluation that the table has columns of.
fn measured<'e>(spec: &TableSpec, evaluation: &'e Evaluation) -> Vec<&'e Metric> {
    let all = evaluation.recipe.iter().zip(&evaluation.metrics);
    let is_shown = |key: &str| spec.columns.iter().any(|column| column.metric == key);
    all.filter(|(_, named)| is_shown(&named.key)).map(|(metric, _)| metric).collect()
}

fn shown(spec: &TableSpec, results: &Results, table: &PaperTable) -> String {
    // Where seeds repeat trainings, a case has several scores.
    let seeds = results.iter().flat_map(|row| row.values()).any(|found| {
        let seeds: BTreeSet<&str> = found.there.iter().map(|one| one.seed.as_str()).collect();
        seeds.len() > 1
    });
    let over = match (spec.over, seeds) {
        (OverSpec::Cases, false) => "cases",
        (OverSpec::Cases, true) => "cases (of each the mean of its seeds)",
        (OverSpec::Patients, false) => "patients (of each the mean of its cases)",
        (OverSpec::Patients, true) => "patients (of each the mean of its cases, of each case that of its seeds)",
        (OverSpec::Folds, false) => "folds (of each the mean of its cases)",
        (OverSpec::Folds, true) => "folds (of each the mean of its seeds, of each seed that of the fold's cases)",
        (OverSpec::Seeds, _) => "seeds (of each the mean of its folds, of each fold that of its cases)",
    };
    let words = match spec.show {
        Show::MeanSd => format!("Mean ± sample standard deviation over {over}"),
        Show::MeanCi => {
            format!("Mean over {over} with its 95 % confidence interval (BCa, 9,999 resamples of patients)")
        }
        Show::MedianIqr => format!("Median (first to third quartile) over {over}"),
        Show::Mean => format!("Mean over {over}"),
    };
    let of_seeds = if seeds { ", and are means over seeds" } else { "" };
    let pooled = if spec.columns.iter().any(|column| column.of == Of::Pooled) {
        format!("; columns of all pixels count each pixel alike{of_seeds}")
    } else {
        String::new()
    };
    let best = if spec.rows.len() > 1 && table.rows.iter().any(|row| row.cells.iter().flatten().any(|cell| cell.best)) {
        ". Bold: the best of a column"
    } else {
        ""
    };
    format!("{words}{pooled}{best}.")
}

/// What columns without a class are of, where there are several.
fn classes(spec: &TableSpec, results: &Results) -> Option<String> {
    let is_mean = |column: &&super::ColumnSpec| column.class.as_deref().is_none_or(|class| class == MEAN);
    let [cases, pooled] =
        [Of::Cases, Of::Pooled].map(|of| spec.columns.iter().filter(is_mean).any(|column| column.of == of));
    let several = there(results).any(|one| one.evaluation.single_classes() > 1);
    let of = match (several, cases, pooled) {
        (false, ..) | (_, false, false) => return None,
        (_, true, false) => "of each case the mean over the classes that have a value in it",
        (_, false, true) => "each class is pooled over its pixels, and the mean is over the classes that have a value",
        (_, true, true) => {
            "of each case the mean over the classes that have a value in it; of all pixels, each class is pooled over its pixels, and the mean is over the classes that have a value"
        }
    };
    Some(format!("Where no class is named: {of}; background is never among them."))
}

/// Of how many the numbers are.
fn counts(spec: &TableSpec, table: &PaperTable) -> Option<String> {
    let what = match spec.over {
        OverSpec::Cases => "case",
        OverSpec::Patients => "patient",
        OverSpec::Folds => "fold",
        OverSpec::Seeds => "seed",
    };
    let cells = table.rows.iter().flat_map(|row| row.cells.iter().zip(&spec.columns));
    let all: BTreeSet<usize> = cells
        .filter(|(_, column)| column.of == Of::Cases)
        .filter_map(|(cell, _)| cell.as_ref().map(|cell| cell.n + cell.without))
        .collect();
    match (all.first(), all.last()) {
        (Some(least), Some(most)) if least == most => Some(format!("All numbers are of {}.", counted(*most, what))),
        (Some(least), Some(most)) => Some(format!("Numbers are of {least} to {}.", counted(*most, what))),
        _ => None,
    }
}

fn tested(spec: &TableSpec, table: &PaperTable) -> Option<String> {
    let compare = spec.compare.as_ref()?;
    let tests: Vec<_> =
        table.rows.iter().flat_map(|row| row.cells.iter().flatten()).filter_map(|cell| cell.test.as_ref()).collect();
    let (least, most) = (tests.iter().map(|test| test.n).min()?, tests.iter().map(|test| test.n).max()?);
    let test = match compare.test {
        TestSpec::Wilcoxon => "Wilcoxon's signed-rank test (zeros by Pratt)",
        TestSpec::Permutation => "a permutation test of signs",
    };
    let correction = match compare.correction {
        Correction::Holm => "Holm",
        Correction::BenjaminiHochberg => "Benjamini and Hochberg",
    };
    let patients = match (least, most) {
        (1, 1) => "1 patient's value".to_owned(),
        _ if least == most => format!("{most} patients' values"),
        _ => format!("{least} to {most} patients' values"),
    };
    let unpaired: usize = tests.iter().map(|test| test.unpaired).max().unwrap_or_default();
    let unpaired = if unpaired > 0 {
        let have = if unpaired == 1 { "has" } else { "have" };
        format!("; up to {} {have} a value of one system alone, without a part in it", counted(unpaired, "patient"))
    } else {
        String::new()
    };
    let family =
        |at: usize| table.rows.iter().filter(move |row| row.cells[at].as_ref().is_some_and(|cell| cell.test.is_some()));
    let adjusted = match (0..table.columns.len()).map(|at| family(at).count()).max().unwrap_or_default() {
        0 | 1 => String::new(),
        systems => format!(", adjusted after {correction} over the {systems} systems of a column"),
    };
    Some(format!(
        "* differs from {}: p < {} by {test}, two-sided, of {patients}{adjusted}{unpaired}.",
        compare.against,
        exact(Some(compare.alpha))
    ))
}

/// How many cases a convention excluded or gave a value.
fn excluded(table: &PaperTable) -> Vec<String> {
    let mut said = Vec::new();
    for row in &table.rows {
        let mut parts = Vec::new();
        for (heading, cell) in table.columns.iter().zip(&row.cells) {
            let Some(cell) = cell else { continue };
            let counts = by_convention(cell);
            if !counts.is_empty() {
                parts.push(format!("{} {counts}", heading.label));
            }
        }
        if !parts.is_empty() {
            said.push(format!("{}: {}.", row.system, parts.join("; ")));
        }
    }
    said
}

/// `1 case excluded, 2 imputed`; nothing where there is none.
pub(super) fn by_convention(cell: &PaperCell) -> String {
    match (cell.excluded, cell.imputed) {
        (0, 0) => String::new(),
        (excluded, 0) => format!("{} excluded", counted(excluded, "case")),
        (0, imputed) => format!("{} imputed", counted(imputed, "case")),
        (excluded, imputed) => format!("{} excluded, {imputed} imputed", counted(excluded, "case")),
    }
}
