//! The `folder` layout: a folder of images and one of masks, paired by file name, also under train/, val/ and test/.
//! It does not know what an image shows.

use std::collections::BTreeMap;
use std::path::Path;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::listing::{self, Kind, Masks, PartFolder, Parts};
use super::reading::{self, Agreement, MaskReading};
use super::survey::{Arrangement, Survey};
use crate::case::{Case, CaseFiles, MaskSource};
use crate::encoding::MaskEncoding;
use crate::formats::READ;
use crate::pattern::Pattern;
use crate::problem::{DataProblem, What};

/// A folder of images and a folder of masks, paired by name without extension and suffix.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Folder {
    /// The folder of the images, relative to the root or to the folder of the part.
    pub images: String,
    /// The folder of the masks; may be that of the images when `mask_suffix` tells them apart.
    pub masks: String,
    /// What the names of images end with before the extension, for instance `_image`.
    pub image_suffix: String,
    /// What the names of masks end with before the extension, for instance `_mask`.
    pub mask_suffix: String,
    /// How the patient stands in the name without suffix, for instance `{patient}_{rest}`; null makes every case its own patient.
    pub patient: Option<Pattern>,
    /// How mask files write classes down.
    pub encoding: MaskEncoding,
    /// Whether cases need masks.
    pub presence: Masks,
    /// What is done where a mask says that it lies elsewhere than its image.
    pub geometry: Agreement,
    /// The folders of the official parts.
    pub parts: Parts,
}

impl Default for Folder {
    fn default() -> Self {
        Self {
            images: "images".to_owned(),
            masks: "masks".to_owned(),
            image_suffix: String::new(),
            mask_suffix: String::new(),
            patient: None,
            encoding: MaskEncoding::default(),
            presence: Masks::default(),
            geometry: Agreement::default(),
            parts: Parts::default(),
        }
    }
}

impl Arrangement for Folder {
    fn survey(&self, root: &Path) -> Survey {
        let (folders, mut problems) = self.parts.folders(root);
        let mut cases = Vec::new();
        for folder in &folders {
            self.survey_part(root, folder, &mut cases, &mut problems);
        }
        if cases.is_empty() && problems.is_empty() {
            let reason = format!("no {READ} files in `{}`", self.images);
            problems.push(DataProblem::new(What::NoCases, ".", reason).hint(listing::contents(root)));
        }
        Survey { cases, problems, ..Survey::default() }
    }

    fn read(&self, root: &Path, files: &CaseFiles) -> Result<Case, DataProblem> {
        reading::read_case(root, files, MaskReading { encoding: &self.encoding, agreement: self.geometry })
    }
}

impl Folder {
    fn survey_part(
        &self,
        root: &Path,
        folder: &PartFolder,
        cases: &mut Vec<CaseFiles>,
        problems: &mut Vec<DataProblem>,
    ) {
        let together = self.images == self.masks && !self.mask_suffix.is_empty();
        let images = self.named(root, folder, &self.images, problems, |name| {
            let name = name.strip_suffix(self.image_suffix.as_str())?;
            (!together || !name.ends_with(&self.mask_suffix)).then_some(name)
        });
        let masks = if self.presence != Masks::Required && !root.join(&folder.prefix).join(&self.masks).is_dir() {
            BTreeMap::new()
        } else {
            self.named(root, folder, &self.masks, problems, |name| name.strip_suffix(self.mask_suffix.as_str()))
        };
        for (name, mask) in masks.iter().filter(|(name, _)| !images.contains_key(*name)) {
            let reason = format!("no image `{}{name}{}`", self.path(folder, &self.images), self.image_suffix);
            problems
                .push(DataProblem::new(What::MaskWithoutImage, mask, reason).hint("add the image or remove the mask"));
        }
        let counts = |name: &String| self.presence != Masks::LeaveOut || masks.contains_key(name);
        for (name, image) in images.iter().filter(|(name, _)| counts(name)) {
            let id = folder.case_id(name);
            let found = self.case(root, folder, name, image, masks.get(name));
            match found {
                Ok(case) => cases.push(case),
                Err(found) => {
                    problems.extend(found.into_iter().map(|problem| problem.of(id.clone())));
                }
            }
        }
    }

    fn case(
        &self,
        root: &Path,
        folder: &PartFolder,
        name: &str,
        image: &str,
        mask: Option<&String>,
    ) -> Result<CaseFiles, Vec<DataProblem>> {
        let id = folder.case_id(name);
        let mut problems = Vec::new();
        if mask.is_none() && self.presence == Masks::Required {
            let reason = format!("no mask `{}{name}{}`", self.path(folder, &self.masks), self.mask_suffix);
            let hint = "add the mask; `presence: leave_out` leaves such cases out, `optional` keeps them, in no fold";
            problems.push(DataProblem::new(What::ImageWithoutMask, image, reason).hint(hint));
        }
        let patient = listing::patient(self.patient.as_ref(), name, &id, image).unwrap_or_else(|problem| {
            problems.push(problem);
            String::new()
        });
        let size = listing::headers(root, image, mask.map(String::as_str).into_iter(), &mut problems);
        let Some(size) = size.filter(|_| problems.is_empty()) else {
            return Err(problems);
        };
        let mask = mask.cloned().map(MaskSource::File);
        let frames = vec![image.to_owned()];
        Ok(CaseFiles { frames, mask, ..CaseFiles::new(id, patient, folder.part, size) })
    }

    /// Lists the pictures of a folder by name without extension and suffix.
    fn named(
        &self,
        root: &Path,
        folder: &PartFolder,
        below: &str,
        problems: &mut Vec<DataProblem>,
        name_of: impl Fn(&str) -> Option<&str>,
    ) -> BTreeMap<String, String> {
        let prefix = self.path(folder, below);
        let mut named = BTreeMap::new();
        if !root.join(&prefix).is_dir() {
            problems.push(listing::missing_folder(root, folder, &prefix));
            return named;
        }
        for file in listing::files(root, &prefix, problems) {
            let path = format!("{prefix}{file}");
            match (listing::kind(&file), name_of(listing::stem(&file))) {
                (Kind::Other, _) | (_, None) => {}
                (Kind::Unsupported, Some(_)) => problems.push(listing::unsupported(&path)),
                (Kind::Picture, Some(name)) => {
                    if let Some(before) = named.insert(name.to_owned(), path.clone()) {
                        let reason = format!("`{before}` has the same name");
                        problems.push(DataProblem::new(What::DuplicateCase, path, reason).hint("remove one of them"));
                    }
                }
            }
        }
        named
    }

    fn path(&self, folder: &PartFolder, below: &str) -> String {
        let below = below.trim_matches('/');
        if below.is_empty() || below == "." { folder.prefix.clone() } else { format!("{}{below}/", folder.prefix) }
    }
}

#[cfg(test)]
mod tests;
