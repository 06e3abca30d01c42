//! What is said below a table: of what its numbers are, by which conventions, and how they were tested.
//!
//! Does not compute.

use std::collections::BTreeSet;

use pipe_metrics::{Evaluation, statistics::Correction};

use super::build::{PaperTable, Results};
use super::{Of, OverSpec, Show, TableSpec, TestSpec};

/// The notes below a table.
pub(super) fn notes(spec: &TableSpec, results: &Results, table: &PaperTable) -> Vec<String> {
    let mut notes = vec![shown(spec, table)];
    notes.extend(counts(spec, table));
    notes.extend(tested(spec, table));
    let there = || results.iter().flat_map(|row| row.values()).flat_map(|found| &found.there);
    let said = |of: fn(&Evaluation) -> String| there().map(|one| of(&one.evaluation)).collect::<BTreeSet<_>>();
    notes.extend(said(|evaluation| evaluation.empty.to_string()));
    notes.extend(excluded(table));
    let thresholds = said(|evaluation| evaluation.threshold.map(|threshold| threshold.to_string()).unwrap_or_default());
    let thresholds: Vec<_> = thresholds.into_iter().filter(|text| !text.is_empty()).collect();
    if !thresholds.is_empty() {
        notes.push(format!("Pixels are foreground from a probability of {} on.", thresholds.join(" / ")));
    }
    if there().any(|one| one.evaluation.leak.is_some()) {
        notes.push(format!("† {}", crate::LEAKY));
    }
    if !table.references.is_empty() {
        notes.push("Published numbers are of other data, splits or definitions, as said beside them; none takes part in a test, and none is marked as best.".to_owned());
    }
    notes
}

fn shown(spec: &TableSpec, table: &PaperTable) -> String {
    let over = match spec.over {
        OverSpec::Cases => "cases",
        OverSpec::Patients => "patients (of each the mean of its cases)",
        OverSpec::Folds => "folds (of each the mean of its cases)",
        OverSpec::Seeds => "seeds (of each the mean of its folds)",
    };
    let words = match spec.show {
        Show::MeanSd => format!("Mean ± sample standard deviation over {over}"),
        Show::MeanCi => {
            format!("Mean over {over} with its 95 % confidence interval (BCa, 9,999 resamples of patients)")
        }
        Show::MedianIqr => format!("Median (first to third quartile) over {over}"),
        Show::Mean => format!("Mean over {over}"),
    };
    let pooled = if spec.columns.iter().any(|column| column.of == Of::Pooled) {
        "; columns of all pixels count each pixel alike, and show the mean over seeds alone"
    } else {
        ""
    };
    let best = if spec.rows.len() > 1 && table.rows.iter().any(|row| row.cells.iter().flatten().any(|cell| cell.best)) {
        ". Bold: the best of a column"
    } else {
        ""
    };
    format!("{words}{pooled}{best}.")
}

/// Of how many each row is, where all cells of it agree.
fn counts(spec: &TableSpec, table: &PaperTable) -> Option<String> {
    let what = match spec.over {
        OverSpec::Cases => "cases",
        OverSpec::Patients => "patients",
        OverSpec::Folds => "folds",
        OverSpec::Seeds => "seeds",
    };
    let cells = table.rows.iter().flat_map(|row| row.cells.iter().zip(&spec.columns));
    let all: BTreeSet<usize> = cells
        .filter(|(_, column)| column.of == Of::Cases)
        .filter_map(|(cell, _)| cell.as_ref().map(|cell| cell.n + cell.excluded))
        .collect();
    match (all.first(), all.last()) {
        (Some(least), Some(most)) if least == most => Some(format!("All numbers are of {most} {what}.")),
        (Some(least), Some(most)) => Some(format!("Numbers are of {least} to {most} {what}.")),
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
    let patients = if least == most { format!("{most}") } else { format!("{least} to {most}") };
    let unpaired: usize = tests.iter().map(|test| test.unpaired).max().unwrap_or_default();
    let unpaired = if unpaired > 0 {
        format!("; up to {unpaired} patients have a value of one system alone and take no part")
    } else {
        String::new()
    };
    let adjusted = match table.rows.len() - 1 {
        1 => String::new(),
        systems => format!(", adjusted after {correction} over the {systems} systems of a column"),
    };
    Some(format!(
        "* differs from {}: p < {} by {test}, two-sided, of {patients} patients' values{adjusted}{unpaired}.",
        compare.against, compare.alpha
    ))
}

/// How many cases a convention excluded or gave a value.
fn excluded(table: &PaperTable) -> Vec<String> {
    let mut said = Vec::new();
    for row in &table.rows {
        let mut parts = Vec::new();
        for (heading, cell) in table.columns.iter().zip(&row.cells) {
            let Some(cell) = cell else { continue };
            let counts = [(cell.excluded, "excluded"), (cell.imputed, "imputed")];
            let counts: Vec<_> =
                counts.iter().filter(|(count, _)| *count > 0).map(|(count, what)| format!("{count} {what}")).collect();
            if !counts.is_empty() {
                parts.push(format!("{} {}", heading.label, counts.join(", ")));
            }
        }
        if !parts.is_empty() {
            said.push(format!("{}: {}.", row.system, parts.join("; ")));
        }
    }
    said
}
