//! Tables beside images: CSV with columns by name, or files of one `key: value` a line; read whole.
//! It does not know what a column means.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::join::{Names, names, plain};
use super::unused;
use crate::look::Finding;
use crate::pattern::Pattern;
use crate::problem::{DataProblem, What};

/// The largest table that is read: ten times that of UW-Madison.
const LARGEST: u64 = 512 << 20;
/// The largest file of keys and values.
const LARGEST_PAIRS: u64 = 1 << 20;

/// A table as it was read.
pub(super) struct Table {
    file: String,
    head: csv::StringRecord,
    rows: Vec<csv::StringRecord>,
}

impl Table {
    pub(super) fn read(root: &Path, file: &str) -> Result<Self, DataProblem> {
        let problem = |reason: String| problem(file, reason);
        let path = bounded(root, file, LARGEST, "a table")?;
        let mut reader = csv::ReaderBuilder::new()
            .flexible(true)
            .trim(csv::Trim::All)
            .from_path(path)
            .map_err(|error| problem(error.to_string()))?;
        let head = reader.headers().map_err(|error| problem(error.to_string()))?.clone();
        let rows = reader.records().collect::<Result<_, _>>().map_err(|error| problem(error.to_string()))?;
        Ok(Self { file: file.to_owned(), head, rows })
    }

    /// Reads a file with a key and its value on each line as a table of one row.
    fn pairs(root: &Path, file: &str) -> Result<Self, DataProblem> {
        let problem = |reason: String| problem(file, reason);
        let path = bounded(root, file, LARGEST_PAIRS, "keys and values")?;
        let text = fs::read_to_string(path).map_err(|error| problem(error.to_string()))?;
        let (mut head, mut row) = (csv::StringRecord::new(), csv::StringRecord::new());
        for (number, line) in text.lines().enumerate() {
            let line = line.trim_start_matches('\u{feff}').trim();
            if line.is_empty() || line.starts_with(['#', ';', '[']) {
                continue;
            }
            let Some((key, value)) = line.split_once([':', '=']) else {
                return Err(problem(format!("line {}: `{line}` is no `key: value`", number + 1)));
            };
            head.push_field(key.trim());
            row.push_field(value.trim());
        }
        Ok(Self { file: file.to_owned(), head, rows: vec![row] })
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

/// The path of a file that is there and not too large.
fn bounded(root: &Path, file: &str, most: u64, what: &str) -> Result<PathBuf, DataProblem> {
    let path = root.join(file);
    let size = path.metadata().map_err(|error| problem(file, error.kind().to_string()))?.len();
    if size > most {
        return Err(problem(file, format!("{size} bytes are too many for {what}")));
    }
    Ok(path)
}

fn problem(file: &str, reason: String) -> DataProblem {
    DataProblem::new(What::Annotations, file, reason)
}

/// A table that says more of images: whose row has the names that an image has, gives it the others.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Link {
    /// The file, relative to the root; or a pattern of files, whose names their rows have too: `{part}/{patient}/Info.cfg`.
    pub table: Pattern,
    /// What such a file looks like.
    #[serde(default)]
    pub form: Form,
    /// The column, or key, of each name: `{ patient: patient_id, site: Centre }`.
    pub columns: BTreeMap<String, String>,
    /// Whether images may be missing in it; else one without a row is a problem.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub partial: bool,
}

/// What a table looks like.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Form {
    /// CSV with a head: a row an image, patient or whatever its names say.
    #[default]
    Csv,
    /// `key: value` or `key=value` on each line, a file for each patient or image; lines that begin with `#`, `;` or `[` are left out.
    Pairs,
}

/// A link whose table was read.
pub(super) struct Linked<'a> {
    link: &'a Link,
    /// The names that rows may have.
    known: BTreeSet<&'a str>,
    /// What each row says, with its file and line.
    rows: Vec<(Names, String, u64)>,
    /// By the names that images have: by what they stand for, the row.
    found: BTreeMap<Vec<String>, BTreeMap<Vec<String>, usize>>,
    /// By the same names: what they stand for in images.
    asked: BTreeMap<Vec<String>, BTreeSet<Vec<String>>>,
}

impl<'a> Linked<'a> {
    /// Reads all files of a link, of those that there are.
    pub(super) fn read(link: &'a Link, root: &Path, files: &[String]) -> Result<Self, DataProblem> {
        let says = |name: &str| !name.starts_with("any");
        let matching = |file: &String| {
            let mut own = names(&link.table, file)?;
            own.retain(|name, _| says(name));
            Some((file.clone(), own))
        };
        let mut tables: Vec<(String, Names)> = files.iter().filter_map(matching).collect();
        if tables.is_empty() {
            if link.table.names().next().is_some() {
                return Err(problem(&link.table.to_string(), "no file matches this pattern".to_owned()));
            }
            // Its absence is said by whoever opens it.
            tables.push((link.table.to_string(), Names::new()));
        }
        let mut rows = Vec::new();
        let known =
            link.columns.keys().map(String::as_str).chain(link.table.names().filter(|name| says(name))).collect();
        for (file, own) in tables {
            let table = match link.form {
                Form::Csv => Table::read(root, &file)?,
                Form::Pairs => Table::pairs(root, &file)?,
            };
            let columns: Vec<(&String, usize)> = link
                .columns
                .iter()
                .map(|(name, column)| table.column(column).map(|column| (name, column)))
                .collect::<Result<_, _>>()?;
            let row = |row: &csv::StringRecord| {
                let cell = |(name, column): &(&String, usize)| {
                    let value = row.get(*column).unwrap_or("");
                    (!value.is_empty()).then(|| ((*name).clone(), value.to_owned()))
                };
                let told = own.iter().map(|(name, value)| (name.clone(), value.clone()));
                told.chain(columns.iter().filter_map(cell)).collect::<Names>()
            };
            rows.extend(table.rows().map(|(line, cells)| (row(cells), file.clone(), line)));
        }
        Ok(Self { link, known, rows, found: BTreeMap::new(), asked: BTreeMap::new() })
    }

    /// Adds what the table says of an image, and gives what is wrong with that.
    pub(super) fn add(&mut self, file: &str, image: &mut Names) -> Vec<DataProblem> {
        let shared: Vec<String> =
            self.known.iter().filter(|name| image.contains_key(**name)).map(|name| (*name).to_owned()).collect();
        let table = &self.link.table;
        let missing = |reason: String| {
            let hint = "add the row; if images may be missing in the table, set `partial: true` beside its `columns`";
            vec![DataProblem::new(What::Annotations, file, reason).hint(hint)]
        };
        if shared.is_empty() {
            let known = self.known.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ");
            let reason = format!("its path has none of the names of `{table}`, which are {known}");
            return if self.link.partial { Vec::new() } else { missing(reason) };
        }
        let (rows, mut problems) = (&self.rows, Vec::new());
        let by_key = self.found.entry(shared.clone()).or_insert_with(|| {
            let mut by_key: BTreeMap<Vec<String>, usize> = BTreeMap::new();
            for (at, (row, file, line)) in rows.iter().enumerate() {
                let Some(key) = key(&shared, row) else { continue };
                let first = *by_key.entry(key).or_insert(at);
                let (other, of, before) = &rows[first];
                let differs = |name: &&String| row.get(*name) != other.get(*name) && !shared.contains(name);
                if let Some(name) = row.keys().chain(other.keys()).find(differs) {
                    let shown = |row: &Names| row.get(name).map_or("nothing".to_owned(), |value| format!("`{value}`"));
                    let reason = format!(
                        "line {line} says that `{name}` is {}, line {before} of {of} {}",
                        shown(row),
                        shown(other)
                    );
                    problems.push(problem(file, reason).hint("leave one of the rows"));
                }
            }
            by_key
        });
        let wanted = key(&shared, image);
        self.asked.entry(shared.clone()).or_default().extend(wanted.clone());
        let Some(row) = wanted.and_then(|key| by_key.get(&key)) else {
            if !self.link.partial {
                let said = shared.iter().map(|name| format!("`{name}` {}", image[name])).collect::<Vec<_>>().join(", ");
                problems.extend(missing(format!("no row of `{table}` has {said}")));
            }
            return problems;
        };
        let (names, of, line) = &rows[*row];
        for (name, value) in names {
            image.entry(name.clone()).or_insert_with(|| value.clone());
        }
        // Whose images are taken for patients of their own would be on both sides of a split.
        let empty = ["patient", "site"]
            .into_iter()
            .find(|name| self.link.columns.contains_key(*name) && !image.contains_key(*name));
        problems.extend(
            empty.map(|name| {
                problem(of, format!("line {line} does not say the {name} of {file}")).hint("fill the cell")
            }),
        );
        problems
    }

    /// The rows that no image has, once all images were added.
    pub(super) fn unused(&self) -> Vec<Finding> {
        let is_asked = |row: &Names| {
            self.asked.iter().any(|(shared, asked)| key(shared, row).is_some_and(|key| asked.contains(&key)))
        };
        let (table, rows) = (self.link.table.to_string(), self.rows.iter().filter(|(row, ..)| !is_asked(row)));
        // A file of one row is named by its names.
        let line = |line: u64| if self.link.form == Form::Pairs { 0 } else { line };
        // Where no image has its names, each image says so itself.
        let rows = rows.filter(|_| !self.asked.is_empty());
        unused::rows(rows.map(|(names, _, at)| (table.as_str(), line(*at), names)))
    }
}

/// What some names stand for, numbers by value; nothing where one of them is missing.
fn key(shared: &[String], names: &Names) -> Option<Vec<String>> {
    shared.iter().map(|name| names.get(name).map(|value| plain(value))).collect()
}
