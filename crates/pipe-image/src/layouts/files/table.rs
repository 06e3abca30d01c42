//! CSV tables beside images: read whole, with their columns by name.
//! It does not know what a column means.

use std::collections::BTreeMap;
use std::path::Path;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::join::{Names, plain};
use crate::problem::{DataProblem, What};

/// The largest table that is read: ten times that of UW-Madison.
const LARGEST: u64 = 512 << 20;

/// A table as it was read.
pub(super) struct Table {
    file: String,
    head: csv::StringRecord,
    rows: Vec<csv::StringRecord>,
}

impl Table {
    pub(super) fn read(root: &Path, file: &str) -> Result<Self, DataProblem> {
        let problem = |reason: String| problem(file, reason);
        let path = root.join(file);
        let size = path.metadata().map_err(|error| problem(error.kind().to_string()))?.len();
        if size > LARGEST {
            return Err(problem(format!("{size} bytes are too many for a table")));
        }
        let mut reader = csv::ReaderBuilder::new()
            .flexible(true)
            .trim(csv::Trim::All)
            .from_path(path)
            .map_err(|error| problem(error.to_string()))?;
        let head = reader.headers().map_err(|error| problem(error.to_string()))?.clone();
        let rows = reader.records().collect::<Result<_, _>>().map_err(|error| problem(error.to_string()))?;
        Ok(Self { file: file.to_owned(), head, rows })
    }

    /// Finds a column by its name.
    pub(super) fn column(&self, name: &str) -> Result<usize, DataProblem> {
        let found = self.head.iter().position(|known| known.trim_start_matches('\u{feff}') == name);
        found.ok_or_else(|| {
            let known = self.head.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ");
            problem(&self.file, format!("it has no column `{name}`")).hint(format!("its columns are {known}"))
        })
    }

    /// Gives the rows with the numbers of their lines.
    pub(super) fn rows(&self) -> impl Iterator<Item = (u64, &csv::StringRecord)> {
        self.rows.iter().map(|row| (row.position().map_or(0, csv::Position::line), row))
    }

    /// The problem of one row.
    pub(super) fn wrong(&self, line: u64, reason: &str) -> DataProblem {
        problem(&self.file, format!("line {line}: {reason}"))
    }
}

fn problem(file: &str, reason: String) -> DataProblem {
    DataProblem::new(What::Annotations, file, reason)
}

/// A table that says more of images: whose row has the names that an image has, gives it the others.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Link {
    /// The CSV file, relative to the root.
    pub table: String,
    /// The column of each name: `{ patient: patient_id, site: Centre }`.
    pub columns: BTreeMap<String, String>,
}

/// A link whose table was read.
pub(super) struct Linked<'a> {
    link: &'a Link,
    rows: Vec<Names>,
    /// By the names that images have: by what they stand for, the row.
    found: BTreeMap<Vec<String>, BTreeMap<Vec<String>, usize>>,
}

impl<'a> Linked<'a> {
    pub(super) fn read(link: &'a Link, root: &Path) -> Result<Self, DataProblem> {
        let table = Table::read(root, &link.table)?;
        let columns: Vec<(&String, usize)> = link
            .columns
            .iter()
            .map(|(name, column)| table.column(column).map(|column| (name, column)))
            .collect::<Result<_, _>>()?;
        let names = |row: &csv::StringRecord| {
            let cell = |(name, column): &(&String, usize)| {
                let value = row.get(*column).unwrap_or("");
                (!value.is_empty()).then(|| ((*name).clone(), value.to_owned()))
            };
            columns.iter().filter_map(cell).collect()
        };
        let rows = table.rows().map(|(_, row)| names(row)).collect();
        Ok(Self { link, rows, found: BTreeMap::new() })
    }

    /// Adds what the table says of an image.
    pub(super) fn add(&mut self, image: &mut Names) {
        let shared: Vec<String> = self.link.columns.keys().filter(|name| image.contains_key(*name)).cloned().collect();
        if shared.is_empty() {
            return;
        }
        let key = |names: &Names| {
            shared.iter().map(|name| names.get(name).map(|value| plain(value))).collect::<Option<Vec<_>>>()
        };
        let rows = &self.rows;
        let by_key = self.found.entry(shared.clone()).or_insert_with(|| {
            // The first row of several counts.
            rows.iter().enumerate().rev().filter_map(|(at, row)| Some((key(row)?, at))).collect()
        });
        let Some(row) = key(image).and_then(|key| by_key.get(&key)) else { return };
        for (name, value) in &rows[*row] {
            image.entry(name.clone()).or_insert_with(|| value.clone());
        }
    }
}
