//! Why cases cannot be split, in sentences.
//! It does not know how they are split.

use std::path::Path;

use crate::Part;

/// Why cases cannot be split like that.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, thiserror::Error)]
pub enum SplitError {
    /// Fewer than two folds leave nothing to train or nothing to test on.
    #[error("{folds} folds: cross-validation needs at least 2")]
    TooFewFolds {
        /// The folds asked for.
        folds: usize,
    },
    /// More folds than patients leave folds without a test case.
    #[error("{folds} folds need at least as many patients, but the data has {patients}")]
    MoreFoldsThanPatients {
        /// The folds asked for.
        folds: usize,
        /// The patients there are.
        patients: usize,
    },
    /// Validation takes all patients that are not held out.
    #[error("a validation part of {validation} of {rest} patients leaves none to train on")]
    NothingToTrain {
        /// The patients that validation would take.
        validation: usize,
        /// The patients that are not held out.
        rest: usize,
    },
    /// A case whose site is not known.
    #[error("the data does not say which site the case `{case}` is of; name `{{site}}` in its layout")]
    NoSite {
        /// The case.
        case: String,
    },
    /// A case that names and tables do not say something of.
    #[error(
        "nothing says what `{tag}` is of the case `{case}` ({}); name it in a pattern or in `tables`",
        if has.is_empty() { "it has no tags".to_owned() } else { format!("it has {has}") }
    )]
    NoTag {
        /// The case.
        case: String,
        /// What is asked for.
        tag: String,
        /// The names that are known of it.
        has: String,
    },
    /// One site cannot be held against others.
    #[error("leaving one site out needs at least 2 sites, but all cases are of `{site}`")]
    OneSite {
        /// The site.
        site: String,
    },
    /// A patient was seen at two sites.
    #[error("patient `{patient}` is of the sites `{one}` and `{other}`, so leaving one out would leak")]
    TwoSites {
        /// The patient.
        patient: String,
        /// One site.
        one: String,
        /// The other.
        other: String,
    },
    /// The data set has no official part of this name.
    #[error("the data has no official {part} part")]
    NoOfficialPart {
        /// The part.
        part: Part,
    },
    /// A patient on two sides.
    #[error(
        "fold {fold}: patient `{patient}` is in {one} (case `{one_case}`) and in {other} (case `{other_case}`), which leaks"
    )]
    Leakage {
        /// The fold, from 0.
        fold: usize,
        /// The patient.
        patient: String,
        /// One side.
        one: Part,
        /// A case of the patient there.
        one_case: String,
        /// The other side.
        other: Part,
        /// A case of the patient there.
        other_case: String,
    },
    /// A case that the data does not have.
    #[error("fold {fold}: the case `{case}` in {part} is not in the data")]
    UnknownCase {
        /// The fold, from 0.
        fold: usize,
        /// The case.
        case: String,
        /// Where it stands.
        part: Part,
    },
    /// A case that stands twice in a fold.
    #[error("fold {fold}: the case `{case}` stands more than once")]
    RepeatedCase {
        /// The fold, from 0.
        fold: usize,
        /// The case.
        case: String,
    },
    /// A fold without training cases.
    #[error("fold {fold}: there is no case to train on")]
    EmptyTrain {
        /// The fold, from 0.
        fold: usize,
    },
    /// No fold at all.
    #[error("the split has no fold")]
    NoFold,
    /// The text of a split cannot be understood.
    #[error("{reason}")]
    File {
        /// What does not fit, with its place and what to write.
        reason: String,
    },
    /// What is wrong with a split that a file gives.
    #[error("{file}: {error}")]
    InFile {
        /// The file.
        file: String,
        /// What is wrong.
        error: Box<SplitError>,
    },
    /// Inner folds that the patients of an outer fold cannot be dealt into.
    #[error("`nested: {{ folds: {folds} }}`: {}", inner(*.folds, *.outer, *.patients))]
    Inner {
        /// The inner folds asked for.
        folds: usize,
        /// The outer fold, from 0.
        outer: usize,
        /// The patients that it does not test.
        patients: usize,
    },
}

fn inner(folds: usize, outer: usize, patients: usize) -> String {
    match (folds, patients) {
        (0 | 1, _) => "there are at least 2 inner folds".to_owned(),
        (_, 0 | 1) => {
            format!("fold {outer} leaves {patients} of its patients untested, and inner folds need at least 2")
        }
        _ => format!("fold {outer} leaves {patients} patients untested, so there are at most {patients} inner folds"),
    }
}

impl SplitError {
    /// Gives the error with the file that the split stands in.
    #[must_use]
    pub fn in_file(self, file: &Path) -> Self {
        Self::InFile { file: file.display().to_string(), error: Box::new(self) }
    }
}
