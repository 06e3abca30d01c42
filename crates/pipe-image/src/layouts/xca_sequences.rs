//! The `xca_sequences` layout: frames of X-ray coronary angiographies with one mask a sequence.
//! It does not know how sequences are made or what a vessel is.

use std::collections::BTreeMap;
use std::path::Path;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::listing::{self, Kind, Masks, PartFolder, Parts};
use super::reading::{self, Agreement, MaskReading};
use super::survey::{Arrangement, Survey};
use crate::case::{Case, CaseFiles, MaskSource};
use crate::encoding::MaskEncoding;
use crate::pattern::Pattern;
use crate::problem::{DataProblem, What};

/// Sequences of frames, several image files and one mask each.
///
/// Official parts are read from `train/`, `validation/` and `test/`. Sequence numbers may start anew in each part.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct XcaSequences {
    /// How frames and masks are named.
    pub naming: Naming,
    /// The number of frames: the last ones of longer sequences.
    #[schemars(range(min = 1, max = 64))]
    pub frames: usize,
    /// Which of these frames the mask belongs to, counted from 0: 2 in the official SVS-net code, whose samples have four. Null is the
    /// last one, as in its PyTorch port.
    pub label_frame: Option<usize>,
    /// A table `sequence,patient` relative to the root or to the folder of the part; null reads `patients.csv` if it is there.
    /// Without a table every sequence is its own patient.
    pub patients: Option<String>,
    /// How mask files write classes down.
    pub encoding: MaskEncoding,
    /// Whether sequences need masks.
    pub presence: Masks,
    /// The folders of the official parts.
    pub parts: Parts,
}

/// The patient table that is read without being named.
const PATIENTS: &str = "patients.csv";

/// How frames and masks of a sequence are named; `{sequence}` and `{index}` stand for its name and the number of the frame.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Naming {
    /// `images/image_s{sequence}_i{index}.png` and `labels/label_s{sequence}.png`, as the PyTorch port of SVS-net has it.
    #[default]
    Port,
    /// `ori_{sequence}_{index}.png`, as the official SVS-net code has it, with masks of this name.
    Official {
        /// The pattern of the masks, with `{sequence}`.
        mask: Pattern,
    },
    /// Any other names.
    Patterns {
        /// The pattern of the frames, with `{sequence}` and `{index}`.
        image: Pattern,
        /// The pattern of the masks, with `{sequence}`.
        mask: Pattern,
    },
}

impl Default for XcaSequences {
    fn default() -> Self {
        Self {
            naming: Naming::Port,
            frames: 4,
            label_frame: None,
            patients: None,
            encoding: MaskEncoding::default(),
            presence: Masks::default(),
            parts: Parts::default(),
        }
    }
}

impl Naming {
    fn patterns(&self) -> (Pattern, Pattern) {
        let pattern = |text| Pattern::new(text).expect("the pattern is written here");
        match self {
            Self::Port => (pattern("images/image_s{sequence}_i{index}"), pattern("labels/label_s{sequence}")),
            Self::Official { mask } => (pattern("ori_{sequence}_{index}"), mask.clone()),
            Self::Patterns { image, mask } => (image.clone(), mask.clone()),
        }
    }
}

/// The files of one part by sequence.
#[derive(Default)]
struct Sequences {
    frames: BTreeMap<String, BTreeMap<u64, String>>,
    masks: BTreeMap<String, String>,
}

impl Arrangement for XcaSequences {
    fn survey(&self, root: &Path) -> Survey {
        let (folders, mut problems) = self.parts.folders(root);
        let mut cases = Vec::new();
        for folder in &folders {
            let sequences = self.sequences(root, folder, &mut problems);
            let patients = self.patients(root, folder, &mut problems);
            for (sequence, mask) in sequences.masks.iter().filter(|(name, _)| !sequences.frames.contains_key(*name)) {
                let reason = format!("no frames of sequence `{sequence}`");
                let problem = DataProblem::new(What::MaskWithoutImage, mask, reason);
                problems.push(problem.of(folder.case_id(sequence)).hint("add the frames or remove the mask"));
            }
            for (sequence, frames) in &sequences.frames {
                let mask = sequences.masks.get(sequence);
                match self.case(root, folder, sequence, frames, mask, patients.as_ref()) {
                    Ok(case) => cases.push(case),
                    Err(found) => {
                        problems.extend(found.into_iter().map(|problem| problem.of(folder.case_id(sequence))));
                    }
                }
            }
        }
        if cases.is_empty() && problems.is_empty() {
            let (image, _) = self.naming.patterns();
            let problem = DataProblem::new(What::NoCases, ".", format!("no file matches `{image}`"));
            problems.push(problem.hint(listing::contents(root)));
        }
        Survey { cases, problems, ..Survey::default() }
    }

    fn read(&self, root: &Path, files: &CaseFiles) -> Result<Case, DataProblem> {
        reading::read_case(root, files, MaskReading { encoding: &self.encoding, agreement: Agreement::Check })
    }
}

impl XcaSequences {
    fn sequences(&self, root: &Path, folder: &PartFolder, problems: &mut Vec<DataProblem>) -> Sequences {
        let (image_pattern, mask_pattern) = self.naming.patterns();
        let mut sequences = Sequences::default();
        let files = listing::files(root, &folder.prefix, problems);
        for file in files.iter().filter(|file| listing::kind(file) != Kind::Other) {
            let path = format!("{}{file}", folder.prefix);
            let frame = image_pattern
                .find_file(file)
                .and_then(|mut found| Some((found.remove("sequence")?, found.remove("index")?)));
            let mask = mask_pattern.find_file(file).and_then(|mut found| found.remove("sequence"));
            if (frame.is_some() || mask.is_some()) && listing::kind(file) == Kind::Unsupported {
                problems.push(listing::unsupported(&path));
                continue;
            }
            let before = match (frame, mask) {
                (_, Some(sequence)) => sequences.masks.insert(sequence, path.clone()),
                (Some((sequence, index)), None) => match index.parse() {
                    Ok(index) => sequences.frames.entry(sequence).or_default().insert(index, path.clone()),
                    Err(_) => None,
                },
                (None, None) => None,
            };
            if let Some(before) = before {
                let reason = format!("`{before}` is the same frame or mask");
                problems.push(DataProblem::new(What::DuplicateCase, path, reason).hint("remove one of them"));
            }
        }
        sequences
    }

    fn case(
        &self,
        root: &Path,
        folder: &PartFolder,
        sequence: &str,
        frames: &BTreeMap<u64, String>,
        mask: Option<&String>,
        patients: Option<&BTreeMap<String, String>>,
    ) -> Result<CaseFiles, Vec<DataProblem>> {
        let id = folder.case_id(sequence);
        let mut problems = Vec::new();
        let last: Vec<(u64, &String)> =
            frames.iter().rev().take(self.frames).map(|(index, file)| (*index, file)).rev().collect();
        let first_file = last[0].1;
        if mask.is_none() && self.presence == Masks::Required {
            let hint =
                "add the mask; `presence: leave_out` leaves such sequences out, `optional` keeps them, in no fold";
            let reason = format!("no mask for sequence `{sequence}`");
            problems.push(DataProblem::new(What::ImageWithoutMask, first_file, reason).hint(hint));
        }
        if let Some(label) = self.label_frame.filter(|label| *label >= self.frames) {
            let reason = format!("`label_frame` is {label}, but a sequence has {} frames", self.frames);
            problems.push(DataProblem::new(What::MissingFrame, first_file, reason).hint("count from 0"));
        }
        if last.len() < self.frames {
            let reason = format!("sequence `{sequence}` has {} of {} frames", last.len(), self.frames);
            problems.push(
                DataProblem::new(What::MissingFrame, first_file, reason).hint("add the frames, or set `frames` lower"),
            );
        }
        for pair in last.windows(2).filter(|pair| pair[1].0 != pair[0].0 + 1) {
            let reason = format!("frame {} of sequence `{sequence}` is missing before it", pair[1].0 - 1);
            problems
                .push(DataProblem::new(What::MissingFrame, pair[1].1, reason).hint("frames must follow each other"));
        }
        let patient = match patients {
            None => id.clone(),
            Some(patients) => patients.get(&id).or_else(|| patients.get(sequence)).cloned().unwrap_or_else(|| {
                let reason = format!("sequence `{sequence}` is not in the patient table");
                problems.push(
                    DataProblem::new(What::UnknownPatient, first_file, reason).hint("add a line `sequence,patient`"),
                );
                String::new()
            }),
        };
        let others = last[1..].iter().map(|(_, file)| file.as_str()).chain(mask.map(String::as_str));
        let size = listing::headers(root, first_file, others, &mut problems);
        let Some(size) = size.filter(|_| problems.is_empty()) else {
            return Err(problems);
        };
        let label_frame = self.label_frame.unwrap_or(self.frames - 1);
        let frames = last.into_iter().map(|(_, file)| file.clone()).collect();
        let mask = mask.cloned().map(MaskSource::File);
        Ok(CaseFiles { frames, label_frame, mask, ..CaseFiles::new(id, patient, folder.part, size) })
    }

    /// Reads the patient table of the part, or that of the root.
    fn patients(
        &self,
        root: &Path,
        folder: &PartFolder,
        problems: &mut Vec<DataProblem>,
    ) -> Option<BTreeMap<String, String>> {
        let name = self.patients.as_deref().unwrap_or(PATIENTS);
        let places = [format!("{}{name}", folder.prefix), name.to_owned()];
        let Some(file) = places.iter().find(|file| root.join(file).is_file()) else {
            if self.patients.is_some() {
                let problem = DataProblem::new(What::Annotations, name, "it does not exist");
                problems.push(problem.hint("remove `patients` if every sequence is its own patient"));
            }
            return None;
        };
        let mut damaged = |reason: String| {
            let problem = DataProblem::new(What::Annotations, file, reason);
            problems.push(problem.hint("the table has the columns `sequence` and `patient`, one line a sequence"));
        };
        let mut patients = BTreeMap::new();
        let mut reader = match csv::ReaderBuilder::new().trim(csv::Trim::All).from_path(root.join(file)) {
            Ok(reader) => reader,
            Err(error) => {
                damaged(error.to_string());
                return Some(patients);
            }
        };
        for row in reader.deserialize::<PatientRow>() {
            match row {
                Ok(PatientRow { sequence, patient }) if sequence.is_empty() || patient.is_empty() => {
                    damaged(format!("a line with sequence `{sequence}` and patient `{patient}`"));
                }
                Ok(PatientRow { sequence, patient }) => {
                    if patients.get(&sequence).is_some_and(|known| *known != patient) {
                        damaged(format!("sequence `{sequence}` has two patients"));
                    }
                    patients.insert(sequence, patient);
                }
                Err(error) => damaged(error.to_string()),
            }
        }
        Some(patients)
    }
}

#[derive(Deserialize)]
struct PatientRow {
    sequence: String,
    patient: String,
}

#[cfg(test)]
mod tests;
