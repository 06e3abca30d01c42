//! The `coco` layout: stills with polygons in an annotation file, joined through the file name and never through the image id.
//! It does not know what the categories mean.

use std::collections::BTreeMap;
use std::path::Path;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::coco_file::{Annotation, CocoFile, CocoImage};
use super::listing::{self, Kind, Masks, PartFolder, Parts};
use super::polygon;
use super::reading::{self, Agreement};
use super::survey::{Arrangement, Survey};
use crate::case::{Case, CaseFiles, MaskSource, Outline};
use crate::formats::Header;
use crate::pattern::Pattern;
use crate::problem::{DataProblem, What};

/// Stills with one annotation file of polygons; ARCADE is one such data set.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Coco {
    /// The folder of the images, relative to the root or to the folder of the part.
    pub images: String,
    /// The annotation file, or a folder with exactly one `.json` file.
    pub annotations: String,
    /// Which categories count, and as which class.
    pub categories: Categories,
    /// How the patient stands in the file name without extension; null makes every case its own patient.
    pub patient: Option<Pattern>,
    /// Whether images need an entry in the annotation file.
    pub presence: Masks,
    /// What to do about images that the annotation file lists but that are not there.
    pub absent_images: Absent,
    /// The folders of the official parts.
    pub parts: Parts,
}

/// Which categories make which class.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Categories {
    /// Any category is class 1: the union of all objects.
    #[default]
    Any,
    /// These categories, by name, are class 1; others are background.
    Union(Vec<String>),
    /// These categories, by name, are classes 1, 2, 3 ... in this order; others are background, later objects lie on top.
    Classes(Vec<String>),
    /// These categories, by name, are layers that may overlap: for a head with a sigmoid for each of them.
    Layers(Vec<String>),
}

/// What to do about images that are listed but not there.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Absent {
    /// Each is a problem.
    #[default]
    Refuse,
    /// They are left out, for a part of a data set that was copied without its other images.
    Skip,
}

impl Default for Coco {
    fn default() -> Self {
        Self {
            images: "images".to_owned(),
            annotations: "annotations".to_owned(),
            categories: Categories::default(),
            patient: None,
            presence: Masks::default(),
            absent_images: Absent::default(),
            parts: Parts::default(),
        }
    }
}

impl Arrangement for Coco {
    fn survey(&self, root: &Path) -> Survey {
        let (folders, mut problems) = self.parts.folders(root);
        let mut cases = Vec::new();
        for folder in &folders {
            match self.annotation_file(root, folder) {
                Ok((path, file)) => {
                    self.survey_part(root, folder, &path, &file, &mut cases, &mut problems);
                }
                Err(problem) => problems.push(problem),
            }
        }
        if cases.is_empty() && problems.is_empty() {
            problems.push(DataProblem::new(What::NoCases, ".", "the annotation files list no image"));
        }
        Survey { cases, problems, ..Survey::default() }
    }

    fn read(&self, root: &Path, files: &CaseFiles) -> Result<Case, DataProblem> {
        let mut case = reading::read_images(root, files, Agreement::Check)?;
        if let Some(MaskSource::Outlines { outlines, .. }) = &files.mask {
            case.mask = Some(match &self.categories {
                Categories::Layers(names) => polygon::layered(outlines, names.len(), files.height, files.width),
                Categories::Any | Categories::Union(_) | Categories::Classes(_) => {
                    polygon::draw(outlines, files.height, files.width)
                }
            });
        }
        Ok(case)
    }
}

impl Coco {
    fn annotation_file(&self, root: &Path, folder: &PartFolder) -> Result<(String, CocoFile), DataProblem> {
        let mut path = format!("{}{}", folder.prefix, self.annotations);
        if !root.join(&path).exists() {
            return Err(listing::missing_folder(root, folder, &path));
        }
        if root.join(&path).is_dir() {
            let files = listing::files(root, &path, &mut Vec::new());
            let tables: Vec<&String> = files.iter().filter(|file| file.ends_with(".json")).collect();
            let [table] = tables.as_slice() else {
                let reason = format!("it holds {} `.json` files, not one", tables.len());
                return Err(DataProblem::new(What::Annotations, path, reason).hint("name the file in `annotations`"));
            };
            path = format!("{}/{table}", path.trim_end_matches('/'));
        }
        // Twice that of the largest set of polygons in use, LVIS.
        let bytes = listing::text(root, &path, 2 << 30)?;
        match serde_json::from_slice(&bytes) {
            Ok(file) => Ok((path, file)),
            Err(error) if error.is_eof() => Err(DataProblem::new(What::Truncated, path, error.to_string())),
            Err(error) => {
                Err(DataProblem::new(What::Annotations, path, format!("it is not in the COCO form: {error}")))
            }
        }
    }

    fn survey_part(
        &self,
        root: &Path,
        folder: &PartFolder,
        path: &str,
        file: &CocoFile,
        cases: &mut Vec<CaseFiles>,
        problems: &mut Vec<DataProblem>,
    ) {
        let classes = self.classes(path, file, problems);
        let prefix = format!("{}{}/", folder.prefix, self.images.trim_matches('/'));
        if !root.join(&prefix).is_dir() {
            problems.push(listing::missing_folder(root, folder, &prefix));
            return;
        }
        let mut present: BTreeMap<String, String> = BTreeMap::new();
        for name in listing::files(root, &prefix, problems) {
            match listing::kind(&name) {
                Kind::Other => {}
                Kind::Unsupported => {
                    problems.push(listing::unsupported(&format!("{prefix}{name}")));
                }
                Kind::Picture => drop(present.insert(name.clone(), format!("{prefix}{name}"))),
            }
        }
        let mut annotations: BTreeMap<i64, Vec<&Annotation>> = BTreeMap::new();
        file.annotations.iter().for_each(|annotation| {
            annotations.entry(annotation.image_id).or_default().push(annotation);
        });
        for image in &file.images {
            let objects = annotations.remove(&image.id).unwrap_or_default();
            // Some writers put a folder before the name; the name alone tells the file.
            let name = image.file_name.rsplit('/').next().unwrap_or(&image.file_name);
            let found = present.remove(&image.file_name).or_else(|| present.remove(name));
            let Some(found) = found else {
                if self.absent_images == Absent::Refuse {
                    let hint = "add the image, or set `absent_images: skip` for a part of a data set";
                    let problem =
                        DataProblem::new(What::MaskWithoutImage, format!("{prefix}{name}"), format!("{path} lists it"));
                    problems.push(problem.of(folder.case_id(listing::stem(name))).hint(hint));
                }
                continue;
            };
            let source = Source { path, name, image: found };
            match self.case(root, folder, &source, image, &objects, &classes) {
                Ok(case) => cases.push(case),
                Err(found) => {
                    problems.extend(found.into_iter().map(|problem| problem.of(folder.case_id(listing::stem(name)))));
                }
            }
        }
        for (image_id, objects) in annotations {
            let reason =
                format!("{} annotations are of image id {image_id}, which `images` does not list", objects.len());
            problems.push(DataProblem::new(What::Annotations, path, reason));
        }
        for (name, image) in present {
            let id = folder.case_id(listing::stem(&name));
            if self.presence == Masks::LeaveOut {
                continue;
            }
            if self.presence == Masks::Required {
                let hint = "set `presence: optional` for images without annotations";
                problems.push(
                    DataProblem::new(What::ImageWithoutMask, image, format!("{path} does not list it"))
                        .of(id)
                        .hint(hint),
                );
                continue;
            }
            match unlisted(root, self, folder, &name, &image) {
                Ok(case) => cases.push(case),
                Err(problem) => problems.push(problem.of(id)),
            }
        }
    }

    fn case(
        &self,
        root: &Path,
        folder: &PartFolder,
        source: &Source<'_>,
        image: &CocoImage,
        objects: &[&Annotation],
        classes: &BTreeMap<i64, u8>,
    ) -> Result<CaseFiles, Vec<DataProblem>> {
        let mut problems = Vec::new();
        let mut outlines = Vec::new();
        for object in objects {
            let Some(class) = self.class(object, classes) else {
                continue;
            };
            match object.area((image.width as u64).saturating_mul(image.height as u64)) {
                Ok(area) => outlines.push(Outline { class, area }),
                Err(error) => {
                    let reason = format!("annotation {} of {}: {error}", object.id, source.name);
                    problems.push(DataProblem::new(What::Annotations, source.path, reason));
                }
            }
        }
        let (listed, found) = (Header::picture(image.height, image.width), listing::header(root, &source.image));
        match found {
            Ok(found) if found != listed => {
                problems.push(listing::size_problem(&source.image, found, source.path, listed));
            }
            Ok(_) => {}
            Err(problem) => problems.push(problem),
        }
        let name = listing::stem(source.name);
        let id = folder.case_id(name);
        let patient = listing::patient(self.patient.as_ref(), name, &id, &source.image).unwrap_or_else(|problem| {
            problems.push(problem);
            String::new()
        });
        if !problems.is_empty() {
            return Err(problems);
        }
        let mask = Some(MaskSource::Outlines { file: source.path.to_owned(), outlines });
        let frames = vec![source.image.clone()];
        Ok(CaseFiles { frames, mask, ..CaseFiles::new(id, patient, folder.part, listed) })
    }

    fn class(&self, object: &Annotation, classes: &BTreeMap<i64, u8>) -> Option<u8> {
        match self.categories {
            Categories::Any => Some(1),
            Categories::Union(_) | Categories::Classes(_) | Categories::Layers(_) => {
                classes.get(&object.category_id).copied()
            }
        }
    }

    /// Gives the class of each category id that counts, with a problem for each name that the file does not have.
    fn classes(&self, path: &str, file: &CocoFile, problems: &mut Vec<DataProblem>) -> BTreeMap<i64, u8> {
        let names = match &self.categories {
            Categories::Any => return BTreeMap::new(),
            Categories::Union(names) | Categories::Classes(names) | Categories::Layers(names) => names,
        };
        let mut classes = BTreeMap::new();
        for (name, class) in names.iter().zip(1..=u8::MAX) {
            let class = if matches!(self.categories, Categories::Union(_)) { 1 } else { class };
            match file.categories.iter().find(|category| category.name == *name) {
                Some(category) => drop(classes.insert(category.id, class)),
                None => {
                    let known: Vec<&str> = file.categories.iter().map(|category| category.name.as_str()).collect();
                    let problem = DataProblem::new(What::Annotations, path, format!("there is no category `{name}`"));
                    problems.push(problem.hint(format!("known are {}", known.join(", "))));
                }
            }
        }
        classes
    }
}

/// Where a case comes from.
struct Source<'a> {
    path: &'a str,
    name: &'a str,
    image: String,
}

/// Makes a case without a mask.
fn unlisted(
    root: &Path,
    layout: &Coco,
    folder: &PartFolder,
    name: &str,
    image: &str,
) -> Result<CaseFiles, DataProblem> {
    let id = folder.case_id(listing::stem(name));
    let patient = listing::patient(layout.patient.as_ref(), listing::stem(name), &id, image)?;
    let size = listing::header(root, image)?;
    Ok(CaseFiles { frames: vec![image.to_owned()], ..CaseFiles::new(id, patient, folder.part, size) })
}

#[cfg(test)]
mod tests;
