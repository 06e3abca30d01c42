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

/// Gives all cases behind a cell, which is named `SYSTEM/COLUMN`, the column by its heading or its metric.
///
/// # Errors
/// There is no such cell, or it has no results.
pub fn trace(spec: &TableSpec, results: &Results, asked: &str) -> Result<Trace, TableError> {
    check(spec)?;
    let heading = |column: &ColumnSpec| column.heading(&column.metric);
    let found = spec.rows.iter().enumerate().find_map(|(row, system)| {
        let rest = asked.strip_prefix(&system.system)?.strip_prefix('/')?;
        let named = |column: &&ColumnSpec| heading(column) == rest || column.label.as_deref() == Some(rest);
        let column =
            spec.columns.iter().find(named).or_else(|| spec.columns.iter().find(|column| column.metric == rest))?;
        Some((row, column))
    });
    let (row, column) = found.ok_or_else(|| TableError::NoCell {
        asked: asked.to_owned(),
        systems: spec.rows.iter().map(|row| row.system.clone()).collect(),
        columns: spec.columns.iter().map(heading).collect(),
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
        column: heading(column),
        from: there.iter().map(from).collect(),
        cases: scores.all.into_iter().map(case).collect(),
    })
}
