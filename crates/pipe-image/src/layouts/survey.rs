//! The layouts as one choice, and what they all can do: list cases, check them, read them.
//! It does not know the naming rules of any single layout.

use std::path::Path;

use rayon::prelude::*;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::coco::Coco;
use super::files::Files;
use super::folder::Folder;
use super::volume_phantom::VolumePhantom;
use super::xca_sequences::XcaSequences;
use crate::case::{Case, CaseFiles};
use crate::look::Finding;
use crate::problem::{DataProblem, DataProblems, What};

/// How the files of a data set are arranged.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Layout {
    /// Sequences of an X-ray coronary angiography with one mask a sequence.
    XcaSequences(XcaSequences),
    /// Stills with one annotation file of polygons in the COCO form.
    Coco(Coco),
    /// A folder of images and a folder of masks, paired by name.
    Folder(Folder),
    /// Files by patterns of their paths.
    Files(Box<Files>),
    /// Volumes made by seed; nothing is read.
    VolumePhantom(VolumePhantom),
}

/// What a layout finds in a folder: cases, and everything that is wrong.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Survey {
    /// The cases that are complete, in natural order of their ids.
    pub cases: Vec<CaseFiles>,
    /// All problems, also those that a scan can see in incomplete cases.
    pub problems: Vec<DataProblem>,
    /// What is worth a look though nothing is wrong with a case.
    pub remarks: Vec<Finding>,
}

/// What every layout can do.
pub(super) trait Arrangement {
    /// Lists cases and problems by names and headers, without decoding pixels.
    fn survey(&self, root: &Path) -> Survey;
    /// Reads the pixels of a case.
    fn read(&self, root: &Path, files: &CaseFiles) -> Result<Case, DataProblem>;
}

impl Layout {
    fn arrangement(&self) -> &dyn Arrangement {
        match self {
            Self::XcaSequences(layout) => layout,
            Self::Coco(layout) => layout,
            Self::Folder(layout) => layout,
            Self::Files(layout) => layout.as_ref(),
            Self::VolumePhantom(layout) => layout,
        }
    }

    /// Gives the name that the configuration uses.
    pub fn name(&self) -> &'static str {
        match self {
            Self::XcaSequences(_) => "xca_sequences",
            Self::Coco(_) => "coco",
            Self::Folder(_) => "folder",
            Self::Files(_) => "files",
            Self::VolumePhantom(_) => "volume_phantom",
        }
    }

    /// Lists the cases of a data set and everything that names and headers tell to be wrong.
    pub fn survey(&self, root: &Path) -> Survey {
        if !root.is_dir() {
            let reason = if root.exists() { "it is a file" } else { "it does not exist" };
            let problem = DataProblem::new(What::MissingFolder, root.display().to_string(), reason);
            return Survey {
                problems: vec![problem.hint("give the folder that holds the data set")],
                ..Survey::default()
            };
        }
        let mut survey = self.arrangement().survey(root);
        survey.cases.sort_by(|a, b| natural(&a.id).cmp(&natural(&b.id)).then_with(|| a.id.cmp(&b.id)));
        for pair in survey.cases.windows(2).filter(|pair| pair[0].id == pair[1].id) {
            let reason = format!("`{}` has the same case id", pair[0].frames[0]);
            let problem = DataProblem::new(What::DuplicateCase, pair[1].frames[0].clone(), reason);
            survey.problems.push(problem.of(pair[1].id.clone()).hint("rename one of them"));
        }
        survey
    }

    /// Lists the cases of a data set.
    ///
    /// # Errors
    /// With all problems that names and headers tell.
    pub fn scan(&self, root: &Path) -> Result<Vec<CaseFiles>, DataProblems> {
        let Survey { cases, problems, .. } = self.survey(root);
        if problems.is_empty() { Ok(cases) } else { Err(DataProblems::sorted(problems)) }
    }

    /// Lists the cases of a data set after decoding every file.
    ///
    /// # Errors
    /// With all problems of all cases.
    pub fn check(&self, root: &Path) -> Result<Vec<CaseFiles>, DataProblems> {
        let mut cases = Vec::new();
        self.load(root, |_| (), |files, ()| cases.push(files.clone()))?;
        Ok(cases)
    }

    /// Reads one case.
    ///
    /// # Errors
    /// If one of its files cannot be decoded or does not fit.
    pub fn read(&self, root: &Path, files: &CaseFiles) -> Result<Case, DataProblem> {
        self.arrangement().read(root, files)
    }

    /// Reads all cases: `work` runs on many cases at once, `sink` gets the results in the order of the cases.
    ///
    /// A group of cases is in memory at a time. After the first problem nothing goes to `sink` any more, but all files are read, so
    /// that every problem is found.
    ///
    /// # Errors
    /// With all problems of the data set.
    pub fn load<T: Send>(
        &self,
        root: &Path,
        work: impl Fn(Case) -> T + Sync,
        mut sink: impl FnMut(&CaseFiles, T),
    ) -> Result<(), DataProblems> {
        let survey = self.survey(root);
        let mut good = survey.problems.is_empty();
        let problems = self.read_all(root, survey, work, |files, result| match result {
            Ok(value) if good => sink(files, value),
            Ok(_) => {}
            Err(_) => good = false,
        });
        if problems.is_empty() { Ok(()) } else { Err(DataProblems::sorted(problems)) }
    }

    /// Reads all cases that a survey found, as [`Self::load`] does; `sink` gets every case that is good, and the problem of every other.
    /// Gives all problems, those of the survey first.
    pub fn read_all<T: Send>(
        &self,
        root: &Path,
        survey: Survey,
        work: impl Fn(Case) -> T + Sync,
        mut sink: impl FnMut(&CaseFiles, Result<T, &DataProblem>),
    ) -> Vec<DataProblem> {
        // Twice a common core count: enough to keep cores busy, small enough for 512x512 sequences.
        const GROUP: usize = 16;
        let Survey { cases, mut problems, .. } = survey;
        for group in cases.chunks(GROUP) {
            let results: Vec<_> = group.par_iter().map(|files| self.read(root, files).map(&work)).collect();
            for (files, result) in group.iter().zip(results) {
                match result {
                    Ok(value) => sink(files, Ok(value)),
                    Err(problem) => {
                        sink(files, Err(&problem));
                        problems.push(problem);
                    }
                }
            }
        }
        problems
    }
}

/// Splits a name into text and numbers, so that `s2` comes before `s10`.
pub(super) fn natural(name: &str) -> Vec<(u128, &str)> {
    let mut pieces = Vec::new();
    let mut rest = name;
    while !rest.is_empty() {
        let text = rest.find(|c: char| c.is_ascii_digit()).unwrap_or(rest.len());
        let digits = rest[text..].find(|c: char| !c.is_ascii_digit()).map_or(rest.len(), |end| text + end);
        pieces.push((0, &rest[..text]));
        pieces.push((rest[text..digits].parse().unwrap_or(u128::MAX), ""));
        rest = &rest[digits..];
    }
    pieces
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_sort_by_value() {
        let mut names = ["s10", "s2", "a", "s2b", "10", "9"];
        names.sort_by(|a, b| natural(a).cmp(&natural(b)));
        assert_eq!(names, ["9", "10", "a", "s2", "s2b", "s10"]);
    }
}
