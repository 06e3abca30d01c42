//! Cases whose slices are files of their own: gathered into volumes, with the masks of their slices.
//! It does not know how a volume is read.

use std::collections::BTreeMap;
use std::path::Path;

use super::join::{Found, Names, plain};
use super::labels::{Labels, Source};
use crate::case::{CaseFiles, MaskSource};
use crate::formats::Header;
use crate::layouts::listing::Masks;
use crate::layouts::stack::Stack;
use crate::layouts::survey::natural;
use crate::look::{self, Finding};
use crate::problem::{DataProblem, What};

/// The files of a case, of each volume the first for all.
#[derive(Default)]
pub(super) struct Gathered {
    pub(super) files: Vec<Found>,
    /// By first file, the volumes.
    pub(super) stacks: BTreeMap<String, Stack>,
    /// What the paths of the slices say, in the order of the volume; of the first channel.
    pub(super) slices: Vec<Names>,
}

/// Gathers files into volumes, one a channel, whose slices differ in the name `along`.
///
/// # Errors
/// If files do not make a volume, or volumes of one case have not as many slices.
pub(super) fn gathered(root: &Path, files: &[Found], along: &str) -> Result<Gathered, DataProblem> {
    let mut channels: BTreeMap<&str, Vec<&Found>> = BTreeMap::new();
    for found in files {
        if found.names.contains_key("frame") {
            let reason = "it is a slice of a volume and a frame of a sequence";
            return Err(DataProblem::new(What::Annotations, found.file.clone(), reason)
                .hint("volumes over time are cases of their own: call what counts them otherwise than `{frame}`"));
        }
        let channel = found.names.get("channel").map_or("", String::as_str);
        channels.entry(channel).or_default().push(found);
    }
    let mut gathered = Gathered::default();
    for mut slices in channels.into_values() {
        let value = |found: &Found| found.names.get(along).cloned().unwrap_or_default();
        slices.sort_by(|one, other| natural(&value(one)).cmp(&natural(&value(other))));
        if let Some(pair) = slices.windows(2).find(|pair| plain(&value(pair[0])) == plain(&value(pair[1]))) {
            let reason = format!("`{}` is the same slice by its names", pair[0].file);
            return Err(DataProblem::new(What::DuplicateCase, pair[1].file.clone(), reason)
                .hint("name what tells volumes apart in the pattern, or list one of them under `ignore`"));
        }
        let stack = Stack::of(root, slices.iter().map(|found| found.file.clone()).collect())?;
        let first = slices.iter().find(|found| found.file == stack.files()[0]);
        gathered.files.extend(first.map(|found| Found::clone(found)));
        if gathered.slices.is_empty() {
            let by_file: BTreeMap<&str, &Found> = slices.iter().map(|found| (found.file.as_str(), *found)).collect();
            gathered.slices = stack.files().iter().map(|file| by_file[file.as_str()].names.clone()).collect();
        }
        gathered.stacks.insert(stack.files()[0].clone(), stack);
    }
    Ok(gathered)
}

/// Says where the numbers of slices leave some out; steps of one length, as 1, 3, 5, leave none out. Positions of DICOM files are looked
/// at elsewhere, and names that are no numbers say nothing.
pub(super) fn gap(slices: &[Names], along: &str) -> Option<String> {
    let numbers: Option<Vec<i64>> = slices.iter().map(|names| names.get(along)?.parse().ok()).collect();
    let numbers = numbers.filter(|numbers| numbers.len() > 2)?;
    let steps: Vec<i64> = numbers.windows(2).map(|pair| pair[1] - pair[0]).collect();
    let usual = *steps.iter().min()?;
    let pairs = numbers.windows(2).zip(&steps).filter(|(_, step)| **step != usual);
    let gaps: Vec<String> = pairs.map(|(pair, _)| format!("{} and {}", pair[0], pair[1])).collect();
    let more = if gaps.len() > 3 { ", .." } else { "" };
    (!gaps.is_empty()).then(|| format!("{}{more}", gaps[..gaps.len().min(3)].join(", ")))
}

/// Volumes whose numbers of slices leave some out.
pub(super) fn gaps(cases: &[CaseFiles]) -> Vec<Finding> {
    // Slices that are cases share the volume.
    let volumes: BTreeMap<&str, &String> = cases
        .iter()
        .filter_map(|case| {
            Some((case.slice.as_ref().map_or(&case.id, |slice| &slice.volume).as_str(), case.gaps.as_ref()?))
        })
        .collect();
    let Some((first, between)) = volumes.first_key_value() else { return Vec::new() };
    let which =
        if volumes.len() == 1 { "a volume lacks".to_owned() } else { format!("{} volumes lack", volumes.len()) };
    let text = format!("{which} slices by their numbers: {first} between {between}; are they evenly apart?");
    vec![Finding { what: look::Found::Gaps, cases: volumes.keys().map(|volume| (*volume).to_owned()).collect(), text }]
}

/// Gives the masks of the slices of a volume, each found as that of a picture; nothing where the sources are of the whole volume.
///
/// A source is of the slice that has its value of the name `along`. Slices without a mask are background, unless masks are required.
pub(super) fn masks(
    labels: &Labels,
    root: &Path,
    (along, slices): (&str, &[Names]),
    (sources, presence): (&[&Source], Masks),
    size: Header,
    problems: &mut Vec<DataProblem>,
) -> Option<Vec<Option<MaskSource>>> {
    let (own, whole): (Vec<&Source>, Vec<&Source>) =
        sources.iter().partition(|source| source.names.contains_key(along));
    let first: &Source = own.first()?;
    if let Some(whole) = whole.first() {
        let reason = format!("it labels the whole volume, and `{}` a slice of it", first.file);
        problems.push(
            DataProblem::new(What::DuplicateCase, whole.file.clone(), reason).hint("list one of them under `ignore`"),
        );
        return None;
    }
    let value = |names: &Names| names.get(along).map(|value| plain(value)).unwrap_or_default();
    let mut by_slice: BTreeMap<String, Vec<&Source>> = BTreeMap::new();
    for source in &own {
        by_slice.entry(value(&source.names)).or_default().push(*source);
    }
    let mut blank = Vec::new();
    let mut masks = Vec::with_capacity(slices.len());
    for names in slices {
        let own = by_slice.remove(&value(names)).unwrap_or_default();
        if own.is_empty() {
            blank.push(names.get(along).map_or("", String::as_str));
        }
        masks.push(labels.source(root, &own, Header { slices: 1, ..size }, problems));
    }
    for stray in by_slice.values().flatten().filter(|stray| stray.is_file()) {
        let reason = format!("its volume has no slice of its `{{{along}}}`");
        problems.push(
            DataProblem::new(What::MaskWithoutImage, stray.file.clone(), reason)
                .hint("add the image of this slice, remove the mask, or list it under `ignore`"),
        );
    }
    if presence == Masks::Required && !blank.is_empty() {
        let count = blank.len();
        blank.truncate(5);
        let more = if count > 5 { ", ..." } else { "" };
        let which = if count == 1 {
            "1 slice of its volume has".to_owned()
        } else {
            format!("{count} slices of its volume have")
        };
        let reason = format!("{which} no mask: {}{more}", blank.join(", "));
        problems.push(
            DataProblem::new(What::ImageWithoutMask, first.file.clone(), reason)
                .hint("add them, or set `presence: optional`: then slices without a mask are background"),
        );
    }
    Some(masks)
}
