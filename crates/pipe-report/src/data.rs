//! A report about a data set as plain data.
//!
//! Does not know where its numbers come from or how it looks.

use serde::Serialize;

use crate::Plot;

/// Everything that a page about a data set shows.
#[derive(Clone, Debug, Default)]
pub struct DataReport {
    /// Its name.
    pub name: String,
    /// What it shows.
    pub about: Option<String>,
    /// Where it comes from, its licence and such: name and value.
    pub facts: Vec<(String, String)>,
    /// The numbers that count most: value and name.
    pub figures: Vec<(String, String)>,
    /// What is wrong.
    pub problems: Vec<DataIssue>,
    /// What would mend it, or may be meant.
    pub proposals: Vec<Fix>,
    /// What is worth a look.
    pub findings: Vec<Sight>,
    /// How numbers are spread.
    pub plots: Vec<Plot>,
    /// Tables of numbers.
    pub tables: Vec<DataTable>,
    /// The folds of an experiment.
    pub folds: Vec<FoldReport>,
    /// Some cases.
    pub sheet: Vec<Shown>,
    /// Colours of the outlines, as `#rrggbb`, and what they outline.
    pub legend: Vec<(String, String)>,
    /// The conventions behind the numbers.
    pub notes: Vec<String>,
}

/// Something that is wrong.
#[derive(Clone, Debug)]
pub struct DataIssue {
    /// The kind.
    pub what: String,
    /// The case, where known.
    pub case: Option<String>,
    /// The file.
    pub file: String,
    /// Why.
    pub reason: String,
    /// What to do.
    pub hint: String,
}

/// A change of the YAML.
#[derive(Clone, Debug)]
pub struct Fix {
    /// Why.
    pub why: String,
    /// What to write.
    pub yaml: String,
    /// Whether it mends problems; else it is a thought.
    pub mends: bool,
}

/// Something worth a look.
#[derive(Clone, Debug)]
pub struct Sight {
    /// The kind, the heading of its group.
    pub kind: String,
    /// In words.
    pub text: String,
    /// Pictures of cases.
    pub cases: Vec<Shown>,
    /// How many further cases there are.
    pub more: usize,
}

/// A picture of a case.
#[derive(Clone, Debug)]
pub struct Shown {
    /// The case.
    pub case: String,
    /// What else is said of it.
    pub caption: String,
    /// A JPEG; none where it could not be made.
    pub jpeg: Option<Vec<u8>>,
}

/// A table of numbers.
#[derive(Clone, Debug, Serialize)]
pub struct DataTable {
    /// What it tells.
    pub title: String,
    /// Names of the columns; the first is of names, the others of numbers.
    pub head: Vec<String>,
    /// The rows.
    pub rows: Vec<Vec<String>>,
}

/// One fold.
#[derive(Clone, Debug, Serialize)]
pub struct FoldReport {
    /// The stage that cuts it, for instance `split[fold=0]`.
    pub stage: String,
    /// Its parts.
    pub parts: Vec<FoldPart>,
    /// What is wrong with it, or worth a look: whether it is wrong, and the words.
    pub warnings: Vec<(bool, String)>,
    /// Whether patients or images are, or seem to be, on two sides of it.
    pub leaks: bool,
}

/// A part of a fold.
#[derive(Clone, Debug, Serialize)]
pub struct FoldPart {
    /// `train`, `validation` or `test`.
    pub part: String,
    /// How many cases.
    pub cases: usize,
    /// How many patients.
    pub patients: usize,
    /// Of each class, in the order of all classes, how many cases have it.
    pub classes: Vec<(String, usize)>,
}
