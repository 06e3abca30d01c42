//! What is wrong with a data set: every problem names its case, its file, the reason and what to do.
//! It does not know how problems are shown; a list of them is an ordinary error.

use std::fmt;

use serde::Serialize;

/// One thing that is wrong with one case or file.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, thiserror::Error)]
#[error("{}{file}: {what}: {reason}{}", case_prefix(.case), hint_suffix(.hint))]
pub struct DataProblem {
    /// The case, where one is known.
    pub case: Option<String>,
    /// The file or folder, relative to the root of the data set.
    pub file: String,
    /// The kind of problem.
    pub what: What,
    /// Why, in a few words.
    pub reason: String,
    /// What to do about it; may be empty.
    pub hint: String,
}

/// The kinds of problems.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum What {
    /// The folder of the data, or one that the layout names, is not there.
    MissingFolder,
    /// The folder is there but holds no case.
    NoCases,
    /// An image without a mask.
    ImageWithoutMask,
    /// An image without its field of view.
    ImageWithoutField,
    /// A mask without an image.
    MaskWithoutImage,
    /// A file that cannot be opened, is no image, or whose content is damaged.
    Unreadable,
    /// A file that ends too early.
    Truncated,
    /// A file of a format that is not read.
    UnsupportedFormat,
    /// Two files of a case that should be equally large are not.
    SizesDiffer,
    /// Two files of a case whose voxels do not lie in the same place.
    GeometryDiffers,
    /// Cases that do not have the same channels once they are prepared.
    ChannelsDiffer,
    /// An image with values that no network can take.
    ImageValues,
    /// A mask whose values do not fit the declared encoding.
    MaskValues,
    /// A sequence with too few frames or a gap.
    MissingFrame,
    /// Two cases of one name.
    DuplicateCase,
    /// A case whose patient is not known.
    UnknownPatient,
    /// An annotation or table file that contradicts itself or the images.
    Annotations,
}

impl fmt::Display for What {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::MissingFolder => "missing folder",
            Self::NoCases => "no cases",
            Self::ImageWithoutMask => "image without mask",
            Self::ImageWithoutField => "image without field of view",
            Self::MaskWithoutImage => "mask without image",
            Self::Unreadable => "unreadable",
            Self::Truncated => "truncated",
            Self::UnsupportedFormat => "format not supported",
            Self::SizesDiffer => "sizes differ",
            Self::GeometryDiffers => "geometry differs",
            Self::ChannelsDiffer => "channels differ",
            Self::ImageValues => "image values",
            Self::MaskValues => "mask values",
            Self::MissingFrame => "missing frame",
            Self::DuplicateCase => "duplicate case",
            Self::UnknownPatient => "unknown patient",
            Self::Annotations => "annotations",
        })
    }
}

fn case_prefix(case: &Option<String>) -> String {
    case.as_ref().map(|case| format!("{case}: ")).unwrap_or_default()
}

fn hint_suffix(hint: &str) -> String {
    if hint.is_empty() { String::new() } else { format!(" ({hint})") }
}

impl DataProblem {
    /// Makes a problem of a file that belongs to no case yet.
    pub fn new(what: What, file: impl Into<String>, reason: impl Into<String>) -> Self {
        Self { case: None, file: file.into(), what, reason: reason.into(), hint: String::new() }
    }

    /// Gives the problem with what to do about it.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = hint.into();
        self
    }

    /// Gives the problem with the case it belongs to.
    #[must_use]
    pub fn of(mut self, case: impl Into<String>) -> Self {
        self.case = Some(case.into());
        self
    }
}

/// All problems of a data set, sorted by file; never empty when it is an error.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct DataProblems {
    /// The problems.
    pub list: Vec<DataProblem>,
}

impl DataProblems {
    /// Makes the error out of a list, sorted so that it reads the same at any thread count.
    pub fn sorted(mut list: Vec<DataProblem>) -> Self {
        list.sort_by(|a, b| (&a.file, &a.case, a.what, &a.reason).cmp(&(&b.file, &b.case, b.what, &b.reason)));
        list.dedup();
        Self { list }
    }
}

/// How many problems a message shows: a screen.
const SHOWN: usize = 40;

impl fmt::Display for DataProblems {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let count = self.list.len();
        write!(formatter, "{count} {} in the data", if count == 1 { "problem" } else { "problems" })?;
        self.list.iter().take(SHOWN).try_for_each(|problem| write!(formatter, "\n  {problem}"))?;
        if count > SHOWN {
            write!(formatter, "\n  and {} more; `pipe data check --format json` lists all", count - SHOWN)?;
        }
        Ok(())
    }
}

impl std::error::Error for DataProblems {}
