//! What stands behind one number of a table: runs, folds, cases.
//!
//! Does not know what other cells show.

use serde::Serialize;

use super::build::{Results, check, chosen};
use super::column::{CaseScore, Scores};
use super::{ColumnSpec, Evaluated, Origin, TableError, TableSpec};

/// All scores behind a cell, and who made them.
#[derive(Clone, Debug, Serialize)]
pub struct Trace {
    /// The system.
    pub system: String,
    /// The column.
    pub column: String,
    /// The evaluations.
    pub from: Vec<TraceOrigin>,
    /// The cases.
    pub cases: Vec<TraceCase>,
}

/// An evaluation behind a cell.
#[derive(Clone, Debug, Serialize)]
pub struct TraceOrigin {
    /// The fold.
    pub fold: String,
    /// The seed.
    pub seed: String,
    /// Who made it.
    pub origin: Origin,
}

/// A case behind a cell.
#[derive(Clone, Debug, Serialize)]
pub struct TraceCase {
    /// Which evaluation it is of.
    pub from: usize,
    /// The case.
    pub case: String,
    /// Its patient.
    pub patient: String,
    /// What it scores.
    pub value: Option<f64>,
    /// `known`, `imputed` or `excluded`.
    pub state: &'static str,
}

/// Gives all cases behind a cell, which is named `SYSTEM/COLUMN`: the column by its heading, with its unit or without, or by the key
/// of its metric.
///
/// # Errors
/// There is no such cell, or it has no results.
pub fn trace(spec: &TableSpec, results: &Results, asked: &str) -> Result<Trace, TableError> {
    check(spec)?;
    // What stands above a column is the name of its metric, which evaluations know.
    let metric = |row: usize, column: &ColumnSpec| {
        let there = results[row].values().flat_map(|found| &found.there);
        there.map(|one| &one.evaluation).find_map(|one| Some(one.metrics[one.metric(&column.metric)?].clone()))
    };
    let headings = |row: usize, column: &ColumnSpec| -> Vec<String> {
        let by_key = column.heading(&column.metric);
        let printed = metric(row, column).map(|metric| (column.heading(&metric.label), metric.unit));
        let with_unit = printed.iter().map(|(label, unit)| format!("{label} [{unit}]")).collect::<Vec<_>>();
        printed.into_iter().map(|(label, _)| label).chain(with_unit).chain([by_key]).collect()
    };
    let found = spec.rows.iter().enumerate().find_map(|(row, system)| {
        let rest = asked.strip_prefix(&system.system)?.strip_prefix('/')?;
        let named = |column: &&ColumnSpec| headings(row, column).iter().any(|heading| heading == rest);
        // By its metric alone only where that is one column's.
        let of_metric: Vec<&ColumnSpec> = spec.columns.iter().filter(|column| column.metric == rest).collect();
        let only = if let [only] = of_metric[..] { Some(only) } else { None };
        let column = spec.columns.iter().find(named).or(only)?;
        Some((row, column))
    });
    let heading = |row: usize, column: &ColumnSpec| headings(row, column).swap_remove(0);
    let (row, column) = found.ok_or_else(|| TableError::NoCell {
        asked: asked.to_owned(),
        systems: spec.rows.iter().map(|row| row.system.clone()).collect(),
        columns: spec.columns.iter().map(|column| heading(0, column)).collect(),
    })?;
    let system = spec.rows[row].system.clone();
    let there = chosen(spec, row, column, results)?.ok_or_else(|| TableError::NoRun { system: system.clone() })?;
    let scores = Scores::of(&system, column, there)?;
    let case = |score: CaseScore| TraceCase {
        from: score.from,
        case: score.case,
        patient: score.patient,
        value: score.score.value(),
        state: score.score.state(),
    };
    let from =
        |one: &Evaluated| TraceOrigin { fold: one.fold.clone(), seed: one.seed.clone(), origin: one.origin.clone() };
    Ok(Trace {
        system,
        column: heading(row, column),
        from: there.iter().map(from).collect(),
        cases: scores.all.into_iter().map(case).collect(),
    })
}
