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
use crate::native::Slice;
use crate::pattern::Pattern;
use crate::problem::{DataProblem, What};

mod crops;
mod frames;
mod join;
mod labels;
mod neighbours;
mod runs;
mod table;

pub use crops::Crops;
use frames::{frames, stacked};
use join::{Found, Joined, Names, names};
pub use labels::{ClassFiles, Labels};
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
    /// Millimetres between rows and between columns, made of the same names: `["{sy}", "{sx}"]`.
    #[serde(default)]
    pub spacing: Option<[Pattern; 2]>,
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
        let has = |name: &str| self.images.iter().any(|pattern| pattern.has(name));
        if let Some(reason) = self.neighbours.as_ref().and_then(|neighbours| neighbours.problem(self.slices, has)) {
            return Survey { cases: Vec::new(), problems: vec![DataProblem::new(What::Annotations, ".", reason)] };
        }
        let mut files = listing::files(root, "", &mut problems);
        files.retain(|file| !self.ignore.iter().any(|pattern| pattern.find(file).is_some()));
        let mut unread = Vec::new();
        let sources = self.masks.as_ref().map(|masks| masks.sources(root, &files, &mut unread)).unwrap_or_default();
        // `{case}.png` is also what `{case}_mask.png` looks like.
        let masks: BTreeSet<&str> =
            sources.iter().filter(|source| source.is_file()).map(|source| source.file.as_str()).collect();
        let images = files.iter().filter(|file| !masks.contains(file.as_str()));
        let groups = self.groups(root, (&files, images), &mut problems);
        if groups.is_empty() && problems.is_empty() {
            let patterns: Vec<_> = self.images.iter().map(|pattern| format!("`{pattern}`")).collect();
            let reason = format!("none of {} files matches {}", files.len(), patterns.join(" or "));
            problems.push(DataProblem::new(What::NoCases, ".", reason).hint(listing::contents(root)));
            return Survey { cases: Vec::new(), problems };
        }
        problems.append(&mut unread);
        problems.extend(frames::of_one_kind(&groups));
        let mut used = BTreeSet::new();
        let mut cases = Vec::new();
        let beside = self.beside(&groups);
        let named: Vec<&Names> = groups.values().map(|group| &group.names).collect();
        let Joined { own, unclear } =
            join::joined(&named, &sources.iter().map(|source| &source.names).collect::<Vec<_>>());
        problems.extend(unclear.into_iter().map(|(source, images)| {
            let files = images.map(|image| groups.values().nth(image).map_or("", |group| &group.files[0].file));
            twice_meant(&sources[source].file, files)
        }));
        for ((id, group), own) in groups.iter().zip(own) {
            used.extend(own.iter().copied());
            let own: Vec<&labels::Source> = own.into_iter().map(|at| &sources[at]).collect();
            let stack = beside.get(id.as_str()).map_or(std::slice::from_ref(&group), Vec::as_slice);
            match self.case(root, id, (group, stack), &own) {
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
        if self.patient.is_some() || named.iter().any(|names| names.contains_key("patient")) {
            join::one_spelling(cases.iter_mut().map(|case| &mut case.patient));
        }
        join::one_spelling(cases.iter_mut().filter_map(|case| case.site.as_mut()));
        Survey { cases, problems }
    }

    fn read(&self, root: &Path, files: &CaseFiles) -> Result<Case, DataProblem> {
        let mut case = reading::read_images(root, files, self.geometry)?;
        if let (Some(labels), Some(source)) = (&self.masks, &files.mask) {
            let mask = labels.read(root, (files, &case.native), source, self.geometry)?;
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
    /// Gathers the images of each case.
    fn groups<'a>(
        &self,
        root: &Path,
        (files, images): (&[String], impl Iterator<Item = &'a String>),
        problems: &mut Vec<DataProblem>,
    ) -> BTreeMap<String, Group> {
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
            match self.identity(&found) {
                Ok(id) => {
                    let group = groups.entry(id).or_insert_with(|| Group { names: found.clone(), files: Vec::new() });
                    group.files.push(Found { file: file.clone(), names: found });
                }
                Err(name) => problems.push(unknown(file, &name)),
            }
        }
        groups
    }

    /// The id of the case that an image belongs to; a name that a template needs and the image does not have is the error.
    fn identity(&self, names: &Names) -> Result<String, String> {
        let own = match &self.case {
            Some(case) => case.fill(names)?,
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

    /// By id the images of the slices beside an image, itself in the middle, where slices are files of their own.
    fn beside<'a>(&self, groups: &'a BTreeMap<String, Group>) -> BTreeMap<&'a str, Vec<&'a Group>> {
        let Some(neighbours) = self.neighbours.as_ref().filter(|neighbours| neighbours.along.is_some()) else {
            return BTreeMap::new();
        };
        let tells = |name: &str| name == "part" || self.tells(name);
        let lines = neighbours.lines(groups.iter().map(|(id, group)| (id, &group.names)), tells);
        lines.into_iter().map(|(id, line)| (id, line.into_iter().map(|id| &groups[id]).collect())).collect()
    }

    /// Whether a name tells one case from another; what a table adds does not.
    fn tells(&self, name: &str) -> bool {
        join::tells(name) && self.images.iter().any(|pattern| pattern.has(name))
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

    fn case(
        &self,
        root: &Path,
        id: &str,
        (group, stack): (&Group, &[&Group]),
        sources: &[&labels::Source],
    ) -> Result<Vec<CaseFiles>, Vec<DataProblem>> {
        let mut problems = Vec::new();
        let first = &group.files[0].file;
        let (own, channels) = frames(&group.files).map_err(|problem| vec![problem])?;
        let mut filled = |template: &Pattern| {
            template.fill(&group.names).map_err(|name| problems.push(unknown(first, &name))).unwrap_or_default()
        };
        let patient = match (&self.patient, group.names.get("patient")) {
            (Some(template), _) => filled(template),
            (None, Some(patient)) => patient.clone(),
            (None, None) => id.to_owned(),
        };
        let spacing = self.spacing.as_ref().map(|templates| templates.each_ref().map(&mut filled));
        let spacing = spacing.and_then(|texts| match texts.each_ref().map(|text| text.parse::<f64>()) {
            [Ok(row), Ok(column)] if [row, column].iter().all(|side| *side > 0.0 && side.is_finite()) => {
                Some([row, column])
            }
            _ => {
                let reason = format!("`{}` and `{}` are no distances", texts[0], texts[1]);
                problems.push(DataProblem::new(What::Annotations, first.clone(), reason).hint("see `spacing`"));
                None
            }
        });
        let others = own[1..].iter().map(|found| found.file.as_str());
        let size = listing::headers(root, &own[0].file, others, &mut problems);
        let count = own.len() / channels;
        let numbers: Vec<_> = own.iter().step_by(channels).map(|found| found.names.get("frame")).collect();
        let label_frame = labels::frame(sources, &numbers).unwrap_or_else(|problem| {
            problems.push(problem);
            None
        });
        let label_frame = label_frame.unwrap_or(match self.labelled {
            Labelled::First => 0,
            Labelled::Middle => count / 2,
            Labelled::Last => count - 1,
        });
        let mask = match (&self.masks, size) {
            (Some(labels), Some(size)) => labels.source(root, sources, size, &mut problems),
            _ => None,
        };
        if mask.is_none() && self.presence == Masks::LeaveOut && problems.is_empty() {
            return Ok(Vec::new());
        }
        if mask.is_none() && self.masks.is_some() && self.presence == Masks::Required && problems.is_empty() {
            let reason = "no mask has its names".to_owned();
            let hint = "add the mask; `presence: leave_out` leaves such cases out, `optional` keeps them, in no fold";
            problems.push(DataProblem::new(What::ImageWithoutMask, first.clone(), reason).hint(hint));
        }
        let Some(size) = size.filter(|_| problems.is_empty()) else {
            return Err(problems);
        };
        let slices = size.slices;
        let kept = |(name, _): &(&String, &String)| join::is_tag(name);
        let whole = CaseFiles {
            site: group.names.get("site").cloned(),
            frames: stacked(stack, channels).map_err(|problem| vec![problem])?,
            channels,
            label_frame: match stack.len() {
                1 if slices > 1 => 0,
                1 => label_frame,
                several => several / 2,
            },
            mask,
            spacing,
            shares_files: self.slices || stack.len() > 1,
            tags: group.names.iter().filter(kept).map(|(name, value)| (name.clone(), value.clone())).collect(),
            ..CaseFiles::new(id.to_owned(), patient, self.part(&group.names), size)
        };
        if !self.slices {
            return Ok(vec![whole]);
        }
        let digits = (slices - 1).max(1).ilog10() as usize + 1;
        let slice = |at: usize| {
            let shown = self.neighbours.as_ref().map_or_else(|| vec![at], |beside| beside.places(at, slices));
            let (label_frame, slice) = (shown.len() / 2, Some(Slice { volume: id.to_owned(), at }));
            CaseFiles { id: format!("{id}_s{at:0digits$}"), slice, shown, label_frame, ..whole.clone() }
        };
        Ok((0..slices).map(slice).collect())
    }
}

/// A mask that two images mean only because numbers are compared by value.
fn twice_meant(mask: &str, [one, other]: [&str; 2]) -> DataProblem {
    let reason = format!("`{one}` and `{other}` both mean it, since numbers are compared by value");
    DataProblem::new(What::DuplicateCase, mask, reason).hint("rename one of the images, or list it under `ignore`")
}

fn unknown(file: &str, name: &str) -> DataProblem {
    let reason = format!("neither its path nor a table says what `{{{name}}}` is");
    DataProblem::new(What::UnknownPatient, file, reason).hint("name it in every pattern of `images`, or in `tables`")
}

#[cfg(test)]
mod tests;
