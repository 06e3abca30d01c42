//! From the files of one case and the sources of its labels to the case, or to its slices as cases.
//! It does not know how files were found, or which belong together.

use std::path::Path;

use super::frames::frames;
use super::join::{self, Names};
use super::labels::{self, Labels};
use super::slices::{self, Gathered};
use super::{Files, Group, Labelled};
use crate::case::{CaseFiles, MaskSource};
use crate::formats::Header;
use crate::layouts::listing::{self, Masks};
use crate::layouts::stack::Stack;
use crate::native::Slice;
use crate::pattern::Pattern;
use crate::problem::{DataProblem, What};

impl Files {
    /// Gives the case of some images, or its slices as cases.
    pub(super) fn case(
        &self,
        root: &Path,
        id: &str,
        group: &Group,
        (sources, fields): (&[&labels::Source], &[&labels::Source]),
    ) -> Result<Vec<CaseFiles>, Vec<DataProblem>> {
        let mut problems = Vec::new();
        let gathered = match &self.stack {
            Some(along) => slices::gathered(root, &group.files, along).map_err(|problem| vec![problem])?,
            None => Gathered { files: group.files.clone(), ..Gathered::default() },
        };
        let Gathered { files, stacks, slices: of_slices } = gathered;
        let (own, channels) = frames(&files).map_err(|problem| vec![problem])?;
        let first = &own[0].file;
        let mut filled = |template: &Pattern| {
            template.fill(&group.names).map_err(|name| problems.push(unknown(first, &name))).unwrap_or_default()
        };
        let patient = match (&self.patient, group.names.get("patient")) {
            (Some(template), _) => filled(template),
            (None, Some(patient)) => patient.clone(),
            (None, None) => id.to_owned(),
        };
        let spacing: Option<Vec<String>> =
            self.spacing.as_ref().map(|templates| templates.iter().map(&mut filled).collect());
        let spacing = spacing.and_then(|texts| {
            let sides: Vec<f64> = texts.iter().filter_map(|text| text.parse().ok()).collect();
            match sides.as_slice() {
                sides if sides.iter().any(|side| *side <= 0.0 || !side.is_finite()) => None,
                [row, column] if texts.len() == 2 => Some([0.0, *row, *column]),
                [slice, row, column] => Some([*slice, *row, *column]),
                _ => None,
            }
            .or_else(|| {
                let quoted: Vec<_> = texts.iter().map(|text| format!("`{text}`")).collect();
                let reason = format!("{} are no distances", quoted.join(" and "));
                problems.push(DataProblem::new(What::Annotations, first.clone(), reason).hint("see `spacing`"));
                None
            })
        });
        let header = |file: &str| match stacks.get(file) {
            Some(stack) => Ok(stack.header()),
            None => listing::header(root, file),
        };
        let others = own[1..].iter().map(|found| found.file.as_str());
        let size = listing::one_size(header, first, others, &mut problems);
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
        let mask = size.zip(self.masks.as_ref()).and_then(|(size, masks)| {
            let sources = (sources, self.presence);
            self.source_of(masks, root, (sources, &of_slices), size, &mut problems)
        });
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
        // Without a mask there is nothing that it could be taken out of.
        let field = match &mask {
            Some(_) => self.field(root, (fields, &of_slices), (first, size), &mut problems),
            None => None,
        };
        if !problems.is_empty() {
            return Err(problems);
        }
        let whole = CaseFiles {
            site: group.names.get("site").cloned(),
            frames: own.iter().map(|found| found.file.clone()).collect(),
            channels,
            label_frame: if size.slices > 1 { 0 } else { label_frame },
            mask,
            field,
            spacing,
            shares_files: self.slices,
            tags: join::tags(&group.names),
            gaps: if stacks.values().any(Stack::is_placed) {
                None
            } else {
                slices::gap(&of_slices, self.stack.as_deref().unwrap_or_default())
            },
            stacks,
            ..CaseFiles::new(id.to_owned(), patient, self.part(&group.names), size)
        };
        if self.slices { self.slice_by_slice(&whole, &of_slices) } else { Ok(vec![whole]) }
    }

    /// Where the mask, or the field of view, of an image or volume comes from.
    pub(super) fn source_of(
        &self,
        labels: &Labels,
        root: &Path,
        ((sources, presence), slices): ((&[&labels::Source], Masks), &[Names]),
        size: Header,
        problems: &mut Vec<DataProblem>,
    ) -> Option<MaskSource> {
        let along = self.stack.as_deref().unwrap_or_default();
        match slices::masks(labels, root, (along, slices), (sources, presence), size, problems) {
            Some(masks) => masks.iter().any(Option::is_some).then_some(MaskSource::Slices(masks)),
            None => labels.source(root, sources, size, problems),
        }
    }

    /// Gives the slices of a volume as cases of their own.
    fn slice_by_slice(&self, whole: &CaseFiles, names: &[Names]) -> Result<Vec<CaseFiles>, Vec<DataProblem>> {
        let count = whole.slices;
        let digits = (count - 1).max(1).ilog10() as usize + 1;
        // Without a template, and with one that has the name that counts them, slices are called what their files are called.
        let is_named = match (&self.stack, &self.case) {
            (Some(stack), Some(case)) => case.has(stack),
            (stack, None) => stack.is_some(),
            (None, Some(_)) => false,
        };
        let slice = |at: usize| {
            let named = names.get(at).filter(|_| is_named);
            let id = match named.map(|names| self.identity(names)) {
                Some(Ok(id)) => id,
                Some(Err(name)) => return Err(vec![unknown(&whole.frames[0], &name)]),
                None => format!("{}_s{at:0digits$}", whole.id),
            };
            let own = |source: &Option<MaskSource>| match source {
                Some(MaskSource::Slices(slices)) => slices[at].clone().map(|own| MaskSource::Slices(vec![Some(own)])),
                source => source.clone(),
            };
            let (mask, field) = (own(&whole.mask), own(&whole.field));
            let shown = self.neighbours.as_ref().map_or_else(|| vec![at], |beside| beside.places(at, count));
            let mut tags = whole.tags.clone();
            tags.extend(names.get(at).map(join::tags).unwrap_or_default());
            let (label_frame, slice) = (shown.len() / 2, Some(Slice { volume: whole.id.clone(), at }));
            Ok(CaseFiles { id, slice, shown, label_frame, mask, field, tags, ..whole.clone() })
        };
        let is_kept = |case: &CaseFiles| case.mask.is_some() || self.presence != Masks::LeaveOut;
        let cases = (0..count).map(slice).filter(|case| case.as_ref().map_or(true, is_kept));
        cases.collect()
    }
}

pub(super) fn unknown(file: &str, name: &str) -> DataProblem {
    let reason = format!("neither its path nor a table says what `{{{name}}}` is");
    DataProblem::new(What::UnknownPatient, file, reason).hint("name it in every pattern of `images`, or in `tables`")
}
