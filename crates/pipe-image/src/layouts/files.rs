//! The `files` layout: patterns say which files are images and masks, and what their names tell.
//! It does not know any data set: a data set is a YAML file that fills this in.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::listing::{self, Masks, PartFolder};
use super::reading::{self, Agreement};
use super::survey::{Arrangement, Survey};
use crate::case::{Case, CaseFiles, Part};
use crate::encoding::MaskEncoding;
use crate::formats::dicom::{self, Attribute};
use crate::look::Finding;
use crate::pattern::Pattern;
use crate::problem::{DataProblem, What};

mod crops;
mod field;
mod frames;
mod join;
mod kept;
mod labels;
mod making;
mod neighbours;
mod runs;
mod slices;
mod table;
mod unused;
mod yolo;

pub use crops::Crops;
use field::Fields;
use frames::one_id;
use join::{Found, Joined, Names, names};
pub use kept::{ClassId, Kept};
pub use labels::{ClassFiles, Labels};
use making::unknown;
pub use neighbours::Neighbours;
pub use runs::{Order, Runs};
use table::Linked;
pub use table::{Form, Link};

/// Which files are images and masks, by patterns of their paths.
///
/// A pattern is a path relative to the root with names in braces: `{part}/images/{case}.png`. Each name stands for one or more
/// characters other than `/`; one that stands twice stands for the same text. Images and masks belong together where the names
/// that both patterns have agree; numbers agree by value, so that `1` is `01`. Some names have a meaning:
///
/// | name | what it tells |
/// |---|---|
/// | `{part}` | the official part, by the words of `parts` |
/// | `{patient}` | the patient; else every case is its own patient, or `patient` says it |
/// | `{site}` | the site or scanner |
/// | `{frame}` | files that differ in it alone are the frames of one sequence, in the order of their numbers |
/// | `{channel}` | files that differ in it alone are the channels of one image |
/// | `{object}` | masks that differ in it alone are one mask |
/// | `{any}`, `{any...}` | nothing |
///
/// All others are kept with the case as what they are called: `{day}`, `{series}`, `{slice}`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Files {
    /// Patterns of images; the first that matches a file counts. What a pattern of `masks` matches is no image.
    #[schemars(length(min = 1))]
    pub images: Vec<Pattern>,
    /// Where labels come from; null where there are none.
    #[serde(default)]
    pub masks: Option<Labels>,
    /// The classes that are kept, in this order, each made of one or more of those of the masks; all else is background. Without it all.
    /// Classes that share a part overlap, and so do those of masks whose classes may.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub keep: Vec<Kept>,
    /// Pictures of the field of view, joined by names as masks are, or one for all images: anything but 0 is inside. What lies outside
    /// is no background: it counts in no loss and in no metric.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub field_of_view: Option<Pattern>,
    /// Files that are left out, whatever they match.
    #[serde(default)]
    pub ignore: Vec<Pattern>,
    /// Tables that say more of images than their paths: patients, sites, parts.
    #[serde(default)]
    pub tables: Vec<Link>,
    /// The name of a case, made of the names of its images: `case{case}_day{day}`. Without it all names that tell cases apart,
    /// joined by `_`; the part is put in front.
    #[serde(default)]
    pub case: Option<Pattern>,
    /// The patient, made of the same names.
    #[serde(default)]
    pub patient: Option<Pattern>,
    /// Millimetres between rows and between columns, made of the same names: `["{sy}", "{sx}"]`; with those between slices first,
    /// `["3", "0.5", "0.5"]`, where slices are files.
    #[serde(default)]
    #[schemars(length(min = 2, max = 3))]
    pub spacing: Option<Vec<Pattern>>,
    /// The words that `{part}` stands for; files of other words are left out. Without it `train`, `training`, `val`, `valid`, `validation`,
    /// `test` and `testing` are understood, and other words are a problem.
    #[serde(default)]
    pub parts: BTreeMap<Part, String>,
    /// Whether cases need masks.
    #[serde(default)]
    pub presence: Masks,
    /// The frame that a mask without `{frame}` belongs to.
    #[serde(default)]
    pub labelled: Labelled,
    /// The name that counts slices, where each is a file of its own: images that differ in it alone are one volume, in the order of
    /// their numbers; DICOM files in the order of their positions, whatever they are called. Masks that have the name too are of
    /// single slices.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stack: Option<String>,
    /// Names that headers of DICOM images tell, by keyword: `{ patient: PatientID, series: SeriesInstanceUID }`. They count as if they
    /// stood in the paths of the images.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub headers: BTreeMap<String, Attribute>,
    /// Each slice of a volume is a case of its own, of the patient of the volume.
    #[serde(default)]
    pub slices: bool,
    /// Slices beside a slice, as further frames of it (2.5D).
    #[serde(default)]
    pub neighbours: Option<Neighbours>,
    /// What is done where a mask, or another channel, says that it lies elsewhere than the image.
    #[serde(default)]
    pub geometry: Agreement,
}

/// The frame of a sequence that its mask belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Labelled {
    /// The first.
    First,
    /// The one in the middle; of two, the later.
    Middle,
    /// The last.
    #[default]
    Last,
}

/// The images of a case.
struct Group {
    names: Names,
    files: Vec<Found>,
}

impl Arrangement for Files {
    fn survey(&self, root: &Path) -> Survey {
        let mut problems = Vec::new();
        if let Some(reason) = self.contradiction() {
            return Survey { problems: vec![DataProblem::new(What::Annotations, ".", reason)], ..Survey::default() };
        }
        let mut files = listing::files(root, "", &mut problems);
        files.retain(|file| !self.ignore.iter().any(|pattern| pattern.find(file).is_some()));
        // These are neither masks nor images, whatever other patterns they match.
        let mut fields = Fields::taken(self.field_of_view.as_ref(), &mut files);
        let mut unread = Vec::new();
        let sources = self.masks.as_ref().map(|masks| masks.sources(root, &files, &mut unread)).unwrap_or_default();
        // `{case}.png` is also what `{case}_mask.png` looks like.
        let masks: BTreeSet<&str> =
            sources.iter().filter(|source| source.is_file()).map(|source| source.file.as_str()).collect();
        let images = files.iter().filter(|file| !masks.contains(file.as_str()));
        let (groups, mut remarks) = self.groups(root, (&files, images), &mut problems);
        if groups.is_empty() && problems.is_empty() {
            let patterns: Vec<_> = self.images.iter().map(|pattern| format!("`{pattern}`")).collect();
            let reason = format!("none of {} files matches {}", files.len(), patterns.join(" or "));
            problems.push(DataProblem::new(What::NoCases, ".", reason).hint(listing::contents(root)));
            return Survey { problems, ..Survey::default() };
        }
        problems.append(&mut unread);
        problems.extend(frames::of_one_kind(&groups));
        let mut used = BTreeSet::new();
        let mut cases = Vec::new();
        let named: Vec<&Names> = groups.values().map(|group| &group.names).collect();
        let Joined { own, unclear } =
            join::joined(&named, &sources.iter().map(|source| &source.names).collect::<Vec<_>>());
        problems.extend(unclear.into_iter().map(|(source, images)| {
            let files = images.map(|image| groups.values().nth(image).map_or("", |group| &group.files[0].file));
            twice_meant(&sources[source].file, files)
        }));
        fields.join(&named);
        for (at, ((id, group), own)) in groups.iter().zip(own).enumerate() {
            used.extend(own.iter().copied());
            let own: Vec<&labels::Source> = own.into_iter().map(|at| &sources[at]).collect();
            match self.case(root, id, group, (&own, &fields.of(at))) {
                Ok(found) => cases.extend(found),
                Err(found) => problems.extend(found.into_iter().map(|problem| problem.of(id.clone()))),
            }
        }
        // Masks of a part that is left out miss no image.
        let counts = |names: &Names| !names.contains_key("part") || self.part(names).is_some();
        let orphans = sources.iter().enumerate().filter(|(at, source)| !used.contains(at) && source.is_file());
        for (_, orphan) in orphans.filter(|(_, source)| counts(&source.names)) {
            let reason = "no image has the names of this mask";
            problems.push(
                DataProblem::new(What::MaskWithoutImage, orphan.file.clone(), reason)
                    .hint("add the image, remove the mask, or list it under `ignore`"),
            );
        }
        let rows = sources.iter().enumerate().filter(|(at, source)| !used.contains(at) && counts(&source.names));
        remarks.extend(unused::rows(rows.filter_map(|(_, source)| {
            let line = source.row.as_ref()?.line;
            Some((source.file.as_str(), line, &source.names))
        })));
        if self.patient.is_some() || named.iter().any(|names| names.contains_key("patient")) {
            join::one_spelling(cases.iter_mut().map(|case| &mut case.patient));
        }
        join::one_spelling(cases.iter_mut().filter_map(|case| case.site.as_mut()));
        remarks.extend(slices::gaps(&cases));
        Survey { cases, problems, remarks }
    }

    fn read(&self, root: &Path, files: &CaseFiles) -> Result<Case, DataProblem> {
        let mut case = reading::read_images(root, files, self.geometry)?;
        if let (Some(labels), Some(source)) = (&self.masks, &files.mask) {
            let mut mask = labels.read(root, (files, &case.native), source, self.geometry)?;
            if !self.keep.is_empty() {
                mask = kept::kept(&self.keep, labels, &mask);
            }
            self.cut_field(root, (files, &case.native), &mut mask)?;
            if mask.depth > 1 {
                // What a picture of the volume shows.
                case.label_frame = mask.fullest();
            }
            case.mask = Some(mask);
        }
        Ok(case)
    }
}

impl Files {
    /// Says what is wrong with the settings, whatever the files are.
    fn contradiction(&self) -> Option<String> {
        let absent =
            |name: &&String| !self.headers.contains_key(*name) && !self.images.iter().all(|pattern| pattern.has(name));
        if let Some(Err(error)) = self.masks.as_ref().and_then(Labels::encoding).map(MaskEncoding::check) {
            return Some(format!("{error}; {}", error.hint()));
        }
        if let Some(reason) = kept::contradiction(&self.keep, self.masks.as_ref()) {
            return Some(reason);
        }
        if self.spacing.as_ref().is_some_and(|sides| !(2..=3).contains(&sides.len())) {
            return Some("`spacing` is two distances, of rows and of columns, or three, of slices first".to_owned());
        }
        match self.stack.as_ref().filter(absent) {
            Some(name) => Some(format!("`stack` is `{name}`, and a pattern of `images` has no such name")),
            None => self.neighbours.as_ref().and_then(|neighbours| neighbours.problem(self.slices)),
        }
    }

    /// Gathers the images of each case; gives what tables say of other images, too.
    fn groups<'a>(
        &self,
        root: &Path,
        (files, images): (&[String], impl Iterator<Item = &'a String>),
        problems: &mut Vec<DataProblem>,
    ) -> (BTreeMap<String, Group>, Vec<Finding>) {
        let mut groups: BTreeMap<String, Group> = BTreeMap::new();
        let mut linked: Vec<Linked<'_>> = Vec::new();
        for link in &self.tables {
            match Linked::read(link, root, files) {
                Ok(table) => linked.push(table),
                Err(problem) => problems.push(problem),
            }
        }
        let mut strange = BTreeSet::new();
        for file in images {
            let Some(mut found) = self.images.iter().find_map(|pattern| names(pattern, file)) else { continue };
            if let Err(problem) = self.add_headers(root, file, &mut found) {
                problems.push(problem);
                continue;
            }
            problems.extend(linked.iter_mut().flat_map(|linked| linked.add(file, &mut found)));
            if let Some(word) = found.get("part").filter(|_| self.part(&found).is_none()) {
                if self.parts.is_empty() && strange.insert(word.clone()) {
                    let reason = format!("`{word}` stands where `{{part}}` is, and is no part that is known");
                    problems.push(
                        DataProblem::new(What::Annotations, file.clone(), reason)
                            .hint("say in `parts` which words are train, validation and test"),
                    );
                }
                continue;
            }
            let shared = self.shared(&found);
            match self.identity(&shared) {
                Ok(id) => {
                    let group =
                        groups.entry(id.clone()).or_insert_with(|| Group { names: shared.clone(), files: Vec::new() });
                    if self.made_of(&group.names) == self.made_of(&shared) {
                        group.files.push(Found { file: file.clone(), names: found });
                    } else {
                        problems.push(one_id(&id, file, &group.files[0].file));
                    }
                }
                Err(name) => problems.push(unknown(file, &name)),
            }
        }
        (groups, linked.iter().flat_map(Linked::unused).collect())
    }

    /// Adds what the header of a file tells.
    fn add_headers(&self, root: &Path, file: &str, found: &mut Names) -> Result<(), DataProblem> {
        if self.headers.is_empty() {
            return Ok(());
        }
        let wanted: Vec<&Attribute> = self.headers.values().collect();
        let told = dicom::attributes(&root.join(file), &wanted).map_err(|error| listing::problem(file, &error))?;
        let told = told.ok_or_else(|| {
            DataProblem::new(What::UnsupportedFormat, file, "it is no DICOM file, and `headers` are of those")
                .hint("list it under `ignore`")
        })?;
        for ((name, attribute), value) in self.headers.iter().zip(told) {
            let Some(value) = value else {
                let reason = format!("its header says no {}, which is to be `{{{name}}}`", attribute.keyword());
                let hint = "leave the name out of `headers`, or list the file under `ignore`";
                return Err(DataProblem::new(What::Annotations, file, reason).hint(hint));
            };
            found.insert(name.clone(), value);
        }
        Ok(())
    }

    /// What the slices of a volume have in common.
    fn shared(&self, names: &Names) -> Names {
        let is_shared = |(name, _): &(&String, &String)| self.stack.as_ref() != Some(*name);
        names.iter().filter(is_shared).map(|(name, value)| (name.clone(), value.clone())).collect()
    }

    /// The id of the case that an image belongs to; a name that a template needs and the image does not have is the error.
    fn identity(&self, names: &Names) -> Result<String, String> {
        let own = match &self.case {
            Some(case) => match self.stack.as_ref().filter(|stack| case.has(stack) && !names.contains_key(*stack)) {
                // The volume is called what its slices are called, but for what counts them.
                Some(stack) => {
                    let mut names = names.clone();
                    names.insert(stack.clone(), String::new());
                    case.fill(&names)?.trim_matches(['_', '-', '.', ' ', '/']).to_owned()
                }
                None => case.fill(names)?,
            },
            None => {
                let tells = |(name, value): (&String, &String)| self.tells(name).then(|| value.clone());
                // In the order of the pattern, not of the alphabet.
                let mut order: Vec<_> = names.iter().collect();
                let text = self.images.iter().map(ToString::to_string).collect::<String>();
                order.sort_by_key(|(name, _)| text.find(&format!("{{{name}}}")));
                order.into_iter().filter_map(tells).collect::<Vec<_>>().join("_")
            }
        };
        let folder = PartFolder { part: self.part(names), prefix: String::new() };
        Ok(folder.case_id(if own.is_empty() { "case" } else { &own }))
    }

    /// What the id of a case is made of: `a_b` of `c` is not `a` of `b_c`.
    fn made_of<'a>(&self, names: &'a Names) -> Vec<(&'a String, &'a String)> {
        let counts = |name: &str| self.case.as_ref().map_or_else(|| self.tells(name), |case| case.has(name));
        names.iter().filter(|(name, _)| counts(name)).collect()
    }

    /// Whether a name tells one case from another; what a table adds does not.
    fn tells(&self, name: &str) -> bool {
        let is_own = |pattern: &Pattern| pattern.has(name);
        join::tells(name) && (self.images.iter().any(is_own) || self.headers.contains_key(name))
    }

    fn part(&self, names: &Names) -> Option<Part> {
        let word = names.get("part")?;
        if !self.parts.is_empty() {
            return self.parts.iter().find(|(_, known)| *known == word).map(|(part, _)| *part);
        }
        match word.to_lowercase().as_str() {
            "train" | "training" => Some(Part::Train),
            "val" | "valid" | "validation" => Some(Part::Validation),
            "test" | "testing" => Some(Part::Test),
            _ => None,
        }
    }
}

/// A mask that two images mean only because numbers are compared by value.
fn twice_meant(mask: &str, [one, other]: [&str; 2]) -> DataProblem {
    let reason = format!("`{one}` and `{other}` both mean it, since numbers are compared by value");
    DataProblem::new(What::DuplicateCase, mask, reason).hint("rename one of the images, or list it under `ignore`")
}

#[cfg(test)]
mod tests;
