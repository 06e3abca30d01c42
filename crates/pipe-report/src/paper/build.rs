//! From results to a table: cells, the best of each column, tests, and what must be said below.
//!
//! Does not know how a table is written.

use std::collections::BTreeSet;

use indexmap::IndexMap;
use pipe_metrics::{
    Direction,
    statistics::{
        Paired, Permutations, StatisticsError, WilcoxonOptions, adjusted, pair, paired_permutation, wilcoxon,
    },
};
use serde::Serialize;

use crate::number::fixed;

use super::column::Scores;
use super::mixed::{Reason, mixed};
use super::{ColumnSpec, CompareSpec, Evaluated, Of, OverSpec, RowResults, Show, TableError, TableSpec, TestSpec};

/// A table of a paper.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct PaperTable {
    /// Its caption.
    pub title: String,
    /// The columns.
    pub columns: Vec<Heading>,
    /// The systems.
    pub rows: Vec<PaperRow>,
    /// What others have published.
    pub references: Vec<PaperReference>,
    /// What must be said of the numbers.
    pub notes: Vec<String>,
    /// Stages without a result, by the words behind `pipe run` that make them.
    pub missing: IndexMap<String, Vec<String>>,
}

/// A column's head.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Heading {
    /// What stands above it, with the unit.
    pub label: String,
    /// Its unit; empty for plain ratios.
    pub unit: String,
    /// Which way is better; none without a result.
    pub direction: Option<Direction>,
    /// Digits behind the point.
    pub digits: usize,
}

/// A system.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct PaperRow {
    /// Its name.
    pub system: String,
    /// Signs behind it that notes explain: `†`.
    pub marks: String,
    /// Its cells; none where results are missing.
    pub cells: Vec<Option<PaperCell>>,
}

/// A number with its spread.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct PaperCell {
    /// Mean or median; none where every case is excluded.
    pub value: Option<f64>,
    /// What stands beside it.
    pub spread: Spread,
    /// Whether it is the best of its column.
    pub best: bool,
    /// The test against the baseline.
    pub test: Option<CellTest>,
    /// Cases, patients, folds or seeds with a value.
    pub n: usize,
    /// Those without any value.
    pub without: usize,
    /// Cases that the convention for empty masks excludes; none is named where pixels of all cases are one.
    pub excluded: usize,
    /// Cases to which it gives a value.
    pub imputed: usize,
}

/// How far a value spreads.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Spread {
    /// Nothing is said.
    None,
    /// Sample standard deviation.
    Sd(f64),
    /// From here to there.
    Range(f64, f64),
}

/// A system against the baseline.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct CellTest {
    /// Patients with a value of both.
    pub n: usize,
    /// Patients with a value of one alone.
    pub unpaired: usize,
    /// The p-value.
    pub p: f64,
    /// The p-value adjusted over all systems of the column.
    pub adjusted: f64,
    /// Whether it lies below the level.
    pub significant: bool,
}

/// Published numbers.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct PaperReference {
    /// The system.
    pub system: String,
    /// Where they are published, and in what they differ.
    pub citation: String,
    /// The numbers, by column.
    pub values: Vec<Option<f64>>,
}

/// What rows have: by row and data set.
pub type Results = Vec<IndexMap<String, RowResults>>;

/// Makes the table of what is there.
///
/// # Errors
/// The table asks for what its rows do not have, or rows cannot be compared.
pub fn paper_table(spec: &TableSpec, results: &Results) -> Result<PaperTable, TableError> {
    check(spec)?;
    let mut notes: Vec<String> = spec.note.iter().cloned().collect();
    let marks = mixed(spec, results)?;
    let mut missing: IndexMap<String, Vec<String>> = IndexMap::new();
    for (row, found) in spec.rows.iter().zip(results) {
        for (data, run) in row.experiments() {
            let stages = found.get(&data).map(|found| found.missing.clone()).unwrap_or_default();
            if !stages.is_empty() {
                missing.entry(run.arguments()).or_default().extend(stages);
            }
        }
    }
    let mut table = PaperTable {
        title: spec.title.clone(),
        columns: Vec::new(),
        rows: spec
            .rows
            .iter()
            .map(|row| PaperRow { system: row.system.clone(), marks: String::new(), cells: Vec::new() })
            .collect(),
        references: Vec::new(),
        notes: Vec::new(),
        missing,
    };
    for column in &spec.columns {
        let scores = scores(spec, column, results)?;
        add_column(spec, (column, marks.is_empty()), &scores, &mut table)?;
    }
    references(spec, &mut table)?;
    add_marks(spec, results, &marks, &mut table);
    notes.extend(super::words::notes(spec, results, &table));
    if !marks.is_empty() {
        notes.push("Rows cannot be compared, so none is the best of a column, and none is tested.".to_owned());
    }
    notes.extend(marks.into_iter().map(|reason| format!("‡ {}.", reason.words(["“", "”"]))));
    table.notes = notes;
    Ok(table)
}

pub(super) fn check(spec: &TableSpec) -> Result<(), TableError> {
    let mut systems = BTreeSet::new();
    for row in &spec.rows {
        let system = row.system.clone();
        match (&row.experiment, row.runs.is_empty()) {
            (None, true) => return Err(TableError::NoRun { system }),
            (Some(_), false) => return Err(TableError::TwoRuns { system }),
            _ => {}
        }
        if !systems.insert(&row.system) {
            return Err(TableError::Twice { system });
        }
    }
    if let Some(CompareSpec { against, .. }) =
        spec.compare.as_ref().filter(|compare| !systems.contains(&compare.against))
    {
        let known = spec.rows.iter().map(|row| row.system.clone()).collect();
        return Err(TableError::NoBaseline { against: against.clone(), known });
    }
    let over_patients = matches!(spec.over, OverSpec::Cases | OverSpec::Patients);
    if spec.show == Show::MeanCi && !over_patients { Err(TableError::IntervalOver) } else { Ok(()) }
}

/// The results of a row that a column speaks of; none where some are missing.
pub(super) fn chosen<'r>(
    spec: &TableSpec,
    row: usize,
    column: &ColumnSpec,
    results: &'r Results,
) -> Result<Option<&'r [Evaluated]>, TableError> {
    let all = &results[row];
    let found = match &column.data {
        Some(data) => all.get(data),
        None if all.len() == 1 => all.values().next(),
        None => None,
    };
    let found = found.ok_or_else(|| TableError::NoData {
        column: column.heading(&column.metric),
        data: column.data.clone().unwrap_or_else(|| "of no name".to_owned()),
        system: spec.rows[row].system.clone(),
        known: all
            .keys()
            .map(|name| if name.is_empty() { "one without a name".to_owned() } else { format!("`{name}`") })
            .collect::<Vec<_>>()
            .join(", "),
    })?;
    if found.there.is_empty() && found.missing.is_empty() {
        return Err(TableError::NoRun { system: spec.rows[row].system.clone() });
    }
    Ok((found.missing.is_empty()).then_some(&found.there[..]))
}

fn scores(spec: &TableSpec, column: &ColumnSpec, results: &Results) -> Result<Vec<Option<Scores>>, TableError> {
    let of = |(at, row): (usize, &super::RowSpec)| {
        let there = chosen(spec, at, column, results)?;
        there.map(|there| Scores::of(&row.system, column, there)).transpose()
    };
    spec.rows.iter().enumerate().map(of).collect()
}

fn add_column(
    spec: &TableSpec,
    (column, comparable): (&ColumnSpec, bool),
    scores: &[Option<Scores>],
    table: &mut PaperTable,
) -> Result<(), TableError> {
    let metric = scores.iter().flatten().map(|scores| &scores.metric).next();
    let unit = metric.map(|metric| metric.unit.clone()).unwrap_or_default();
    let label = column.heading(metric.map_or(&column.metric, |metric| &metric.label));
    let digits = spec.digits.unwrap_or(if unit.is_empty() { 3 } else { 2 });
    let failed = |system: &str, why: StatisticsError| TableError::Statistics {
        system: system.to_owned(),
        column: label.clone(),
        why,
    };
    for (row, scores) in table.rows.iter_mut().zip(scores) {
        let cell = scores.as_ref().map(|scores| cell(spec, column, scores)).transpose();
        row.cells.push(cell.map_err(|why| failed(&row.system, why))?);
    }
    let at = table.columns.len();
    if let Some(metric) = metric.filter(|_| comparable) {
        mark_best(&mut table.rows, at, metric.direction, digits);
    }
    if let (Some(compare), Of::Cases, true) = (&spec.compare, column.of, comparable) {
        test(compare, &mut table.rows, at, scores).map_err(|(system, why)| failed(&system, why))?;
    }
    let label = if unit.is_empty() { label } else { format!("{label} [{unit}]") };
    table.columns.push(Heading { label, unit, direction: metric.map(|metric| metric.direction), digits });
    Ok(())
}

fn cell(spec: &TableSpec, column: &ColumnSpec, scores: &Scores) -> Result<PaperCell, StatisticsError> {
    let summary = scores.summary(column.of, spec.over)?;
    let (value, spread) = match spec.show {
        // Over nothing but seeds could it spread.
        _ if column.of == Of::Pooled => (summary.mean, Spread::None),
        Show::Mean => (summary.mean, Spread::None),
        Show::MeanSd => (summary.mean, summary.sd.map_or(Spread::None, Spread::Sd)),
        Show::MedianIqr => {
            let range = summary.q1.zip(summary.q3).filter(|_| summary.n > 1);
            (summary.median, range.map_or(Spread::None, |(low, high)| Spread::Range(low, high)))
        }
        Show::MeanCi if summary.n == 0 => (summary.mean, Spread::None),
        Show::MeanCi => {
            let estimate = scores.interval(spec.over)?;
            (summary.mean, estimate.interval.bounds().map_or(Spread::None, |[low, high]| Spread::Range(low, high)))
        }
    };
    let [excluded, imputed] = if column.of == Of::Pooled { [0, 0] } else { scores.by_convention() };
    let (n, without) = (summary.n, summary.excluded);
    Ok(PaperCell { value, spread, best: false, test: None, n, without, excluded, imputed })
}

/// Marks the best of two or more, and whatever is printed as it is: a difference that cannot be read is none.
fn mark_best(rows: &mut [PaperRow], at: usize, direction: Direction, digits: usize) {
    let value = |row: &PaperRow| row.cells[at].as_ref().and_then(|cell| cell.value);
    let values: Vec<f64> = rows.iter().filter_map(value).collect();
    let better = |one: f64, other: f64| match direction {
        Direction::Higher => one.max(other),
        Direction::Lower => one.min(other),
    };
    let Some(best) = values.iter().copied().reduce(better).filter(|_| values.len() > 1) else { return };
    let best = fixed(Some(best), digits);
    for cell in rows.iter_mut().filter_map(|row| row.cells[at].as_mut()) {
        cell.best = cell.value.is_some() && fixed(cell.value, digits) == best;
    }
}

/// Tests every system against the baseline, patient by patient.
fn test(
    compare: &CompareSpec,
    rows: &mut [PaperRow],
    at: usize,
    scores: &[Option<Scores>],
) -> Result<(), (String, StatisticsError)> {
    let base = rows.iter().position(|row| row.system == compare.against);
    let Some(baseline) = base.and_then(|base| scores[base].as_ref()) else { return Ok(()) };
    let of_base = baseline.patients().map_err(|why| (compare.against.clone(), why))?;
    let mut found: Vec<(usize, usize, usize, f64)> = Vec::new();
    for (row, scores) in scores.iter().enumerate().filter(|(row, _)| Some(*row) != base) {
        let Some(scores) = scores else { continue };
        let said = |why| (rows[row].system.clone(), why);
        let pairs = match pair(&scores.patients().map_err(said)?, &of_base) {
            Ok(pairs) => pairs,
            // Nothing in common: there is nothing to test, and the table says of how many patients each number is.
            Err(StatisticsError::NoPairs { .. }) => continue,
            Err(why) => return Err(said(why)),
        };
        let p = p_value(compare.test, &pairs).map_err(said)?;
        found.push((row, pairs.one.len(), pairs.unpaired.len(), p));
    }
    let family: Vec<f64> = found.iter().map(|(.., p)| *p).collect();
    let adjusted = adjusted(&family, compare.correction).map_err(|why| (compare.against.clone(), why))?;
    for ((row, n, unpaired, p), adjusted) in found.into_iter().zip(adjusted) {
        if let Some(cell) = rows[row].cells[at].as_mut() {
            cell.test = Some(CellTest { n, unpaired, p, adjusted, significant: adjusted < compare.alpha });
        }
    }
    Ok(())
}

fn p_value(test: TestSpec, pairs: &Paired) -> Result<f64, StatisticsError> {
    let (one, other) = (&pairs.one[..], &pairs.other[..]);
    Ok(match test {
        TestSpec::Wilcoxon => wilcoxon(one, other, WilcoxonOptions::default())?.test.p,
        TestSpec::Permutation => paired_permutation(one, other, Permutations::default())?.p,
    })
}

fn add_marks(spec: &TableSpec, results: &Results, reasons: &[Reason], table: &mut PaperTable) {
    for ((row, found), shown) in spec.rows.iter().zip(results).zip(&mut table.rows) {
        let leaks = found.values().flat_map(|found| &found.there).any(|one| one.evaluation.leak.is_some());
        if leaks {
            shown.marks.push('†');
        }
        if reasons.iter().any(|reason| reason.systems.contains(&row.system)) {
            shown.marks.push('‡');
        }
    }
}

fn references(spec: &TableSpec, table: &mut PaperTable) -> Result<(), TableError> {
    for reference in &spec.references {
        let mut values = vec![None; spec.columns.len()];
        for (name, value) in &reference.values {
            let bare = |label: &str| label.rsplit_once(" [").map_or(label.to_owned(), |(label, _)| label.to_owned());
            let is_meant = |(at, column): (usize, &ColumnSpec)| {
                column.label.as_ref() == Some(name) || bare(&table.columns[at].label) == *name
            };
            let by_label = spec.columns.iter().enumerate().position(is_meant);
            let by_key = || spec.columns.iter().position(|column| column.heading(&column.metric) == *name);
            let of_metric: Vec<usize> =
                (0..spec.columns.len()).filter(|at| spec.columns[*at].metric == *name).collect();
            let known = |at: &usize| bare(&table.columns[*at].label);
            let at = match (by_label.or_else(by_key), &of_metric[..]) {
                (Some(at), _) => at,
                (None, [at]) => *at,
                (None, []) => {
                    return Err(TableError::NoColumn {
                        system: reference.system.clone(),
                        value: name.clone(),
                        known: (0..table.columns.len()).map(|at| known(&at)).collect(),
                    });
                }
                (None, several) => {
                    return Err(TableError::SeveralColumns {
                        system: reference.system.clone(),
                        value: name.clone(),
                        columns: several.iter().map(known).collect(),
                    });
                }
            };
            values[at] = Some(*value);
        }
        let note = reference.note.as_ref().map(|note| format!("; {note}")).unwrap_or_default();
        let citation = format!("{}{note}", reference.citation);
        table.references.push(PaperReference { system: reference.system.clone(), citation, values });
    }
    Ok(())
}
