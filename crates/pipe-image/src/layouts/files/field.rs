//! The field of view: pictures that say which pixels of an image show anything.
//! It does not know what is done with the pixels outside.

use std::path::Path;

use super::Files;
use super::join::{self, Names, names};
use super::labels::{Labels, Source};
use crate::case::{CaseFiles, MaskSource};
use crate::encoding::{Foreground, MaskEncoding};
use crate::formats::Header;
use crate::layouts::listing::Masks;
use crate::number::Probability;
use crate::pattern::Pattern;
use crate::problem::{DataProblem, What};
use crate::{Mask, Native};

/// The pictures of fields of view.
#[derive(Default)]
pub(super) struct Fields {
    sources: Vec<Source>,
    /// By image, the places of its pictures.
    own: Vec<Vec<usize>>,
}

impl Fields {
    /// Takes the pictures out of the files of a data set.
    pub(super) fn taken(pattern: Option<&Pattern>, files: &mut Vec<String>) -> Self {
        let Some(pattern) = pattern else { return Self::default() };
        let mut sources = Vec::new();
        files.retain(|file| match names(pattern, file) {
            Some(names) => {
                sources.push(Source { file: file.clone(), names, class: 0, row: None });
                false
            }
            None => true,
        });
        Self { sources, own: Vec::new() }
    }

    /// Joins the pictures with images; those whose names say nothing are of every image.
    pub(super) fn join(&mut self, images: &[&Names]) {
        let names: Vec<&Names> = self.sources.iter().map(|source| &source.names).collect();
        let of_all: Vec<usize> =
            (0..names.len()).filter(|at| !names[*at].keys().any(|name| join::joins(name))).collect();
        self.own = join::joined(images, &names).own;
        self.own.iter_mut().for_each(|own| own.extend(&of_all));
    }

    /// Gives the pictures of an image.
    pub(super) fn of(&self, image: usize) -> Vec<&Source> {
        self.own.get(image).into_iter().flatten().map(|at| &self.sources[*at]).collect()
    }
}

impl Files {
    /// Where the field of view of an image or volume comes from.
    pub(super) fn field(
        &self,
        root: &Path,
        (sources, slices): (&[&Source], &[Names]),
        (image, size): (&str, Header),
        problems: &mut Vec<DataProblem>,
    ) -> Option<MaskSource> {
        let labels = labels(self.field_of_view.as_ref()?, None);
        if sources.is_empty() {
            let hint = "add it; its pattern is `field_of_view`, whose names must be those of the image";
            let problem =
                DataProblem::new(What::ImageWithoutField, image, "no picture of the field of view has its names");
            problems.push(problem.hint(hint));
            return None;
        }
        let of_slices = self.stack.as_ref().is_some_and(|along| sources[0].names.contains_key(along));
        let is_twice = |pair: &[&Source]| !of_slices && !pair[1].names.contains_key("object");
        if let Some(pair) = sources.windows(2).find(|pair| is_twice(pair)) {
            let reason = format!("`{}` is a field of view of the same image", pair[0].file);
            let hint = "name in `field_of_view` what tells them apart, or list one of them under `ignore`";
            problems.push(DataProblem::new(What::DuplicateCase, pair[1].file.clone(), reason).hint(hint));
            return None;
        }
        // Where a slice has none, all of it would lie outside.
        self.source_of(&labels, root, ((sources, Masks::Required), slices), size, problems)
    }

    /// Makes what lies outside of the field of view of a case unknown, where it has one.
    pub(super) fn cut_field(
        &self,
        root: &Path,
        (files, native): (&CaseFiles, &Native),
        mask: &mut Mask,
    ) -> Result<(), DataProblem> {
        let (Some(pattern), Some(source)) = (&self.field_of_view, &files.field) else { return Ok(()) };
        let first = source.pictures().into_iter().next().unwrap_or_default();
        let field = labels(pattern, Some(&first)).read(root, (files, native), source, self.geometry)?;
        if field.size() != mask.size() {
            let reason = format!("it is of {} slices, and the labels of {}", field.depth, mask.depth);
            return Err(DataProblem::new(What::SizesDiffer, first, reason).of(files.id.clone()));
        }
        mask.ignore_outside(&field.labels);
        Ok(())
    }
}

/// How pictures of the field of view are read: anything but 0 is inside; of JPEG files, whose zeros are approximate, what is bright.
fn labels(pattern: &Pattern, file: Option<&str>) -> Labels {
    let is_approximate = file.is_some_and(|file| {
        let lower = file.to_lowercase();
        lower.ends_with(".jpg") || lower.ends_with(".jpeg")
    });
    let threshold = (!is_approximate).then_some(Probability::ZERO);
    let encoding = MaskEncoding::Binary { threshold, foreground: Foreground::Bright };
    Labels::Files { paths: vec![pattern.clone()], encoding }
}
