//! Which suffixes and folders would bring images and masks together.
//! It does not open files.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use serde_json::Value;

use super::Proposal;
use crate::layouts::{Folder, Layout};
use crate::problem::{DataProblem, What};

/// What folders of masks are called.
const MASKS: [&str; 12] = [
    "mask",
    "masks",
    "label",
    "labels",
    "gt",
    "ground_truth",
    "groundtruth",
    "annotation",
    "annotations",
    "segmentation",
    "segmentations",
    "manual",
];
/// What folders of images are called.
const IMAGES: [&str; 8] = ["image", "images", "img", "imgs", "input", "inputs", "original", "frames"];
/// So many names are tried for the rule that they follow.
const TRIED: usize = 200;

pub(super) fn proposals(layout: &Layout, root: &Path, problems: &[DataProblem]) -> Vec<Proposal> {
    let Layout::Folder(folder) = layout else { return Vec::new() };
    let mut all = folders(folder, root, problems);
    all.extend(suffixes(folder, problems));
    all
}

/// Folders that are there instead of those which are not.
fn folders(folder: &Folder, root: &Path, problems: &[DataProblem]) -> Vec<Proposal> {
    let missing = |below: &str| {
        let is_it = |problem: &&DataProblem| {
            problem.what == What::MissingFolder && problem.file.trim_end_matches('/').ends_with(below.trim_matches('/'))
        };
        problems.iter().find(is_it)
    };
    let propose = |(key, below, known): (&str, &str, &[&str])| {
        let file = missing(below)?.file.trim_end_matches('/');
        let above = root.join(file.strip_suffix(below.trim_matches('/'))?);
        let entries = std::fs::read_dir(above).ok()?.filter_map(Result::ok).filter(|entry| entry.path().is_dir());
        let names: BTreeSet<String> = entries.filter_map(|entry| entry.file_name().into_string().ok()).collect();
        let fits = |name: &&String| known.contains(&name.to_lowercase().as_str());
        let [one] = names.iter().filter(fits).collect::<Vec<_>>()[..] else { return None };
        let why = format!("there is no folder `{below}`, but one that is called `{one}`");
        let path = format!("data.layout.folder.{key}");
        Some(Proposal::new(Some(What::MissingFolder), why, vec![(path, Value::from(one.as_str()))]))
    };
    [("images", folder.images.as_str(), &IMAGES[..]), ("masks", &folder.masks, &MASKS)]
        .into_iter()
        .filter_map(propose)
        .collect()
}

/// What the names of images and masks end with, where that would pair those which have no partner.
fn suffixes(folder: &Folder, problems: &[DataProblem]) -> Option<Proposal> {
    let stems = |what: What| -> BTreeSet<&str> {
        let alone = problems.iter().filter(|problem| problem.what == what);
        alone.map(|problem| stem(&problem.file)).collect()
    };
    let (images, masks) = (stems(What::ImageWithoutMask), stems(What::MaskWithoutImage));
    let mut votes: BTreeMap<(&str, &str), usize> = BTreeMap::new();
    for mask in masks.iter().take(TRIED) {
        for (at, _) in mask.char_indices().skip(1).filter(|(at, _)| images.contains(&mask[..*at])) {
            *votes.entry(("", &mask[at..])).or_default() += 1;
        }
        // Both may have one: the longest beginning that an image shares.
        let near = images.range(..*mask).next_back().into_iter().chain(images.range(*mask..).next());
        for image in near {
            let shared = mask.char_indices().zip(image.chars()).take_while(|((_, one), other)| one == other);
            let end = shared.last().map_or(0, |((at, one), _)| at + one.len_utf8());
            // What stands between the words belongs to the suffix.
            let end = mask[..end].trim_end_matches(['_', '-', ' ', '.']).len();
            if end > 0 {
                *votes.entry((&image[end..], &mask[end..])).or_default() += 1;
            }
        }
    }
    let paired = |(image_suffix, mask_suffix): &(&str, &str)| {
        let has_image = |mask: &&str| {
            let base = mask.strip_suffix(mask_suffix).unwrap_or_default();
            !base.is_empty() && images.contains(format!("{base}{image_suffix}").as_str())
        };
        masks.iter().filter(|mask| has_image(mask)).count()
    };
    let mut voted: Vec<_> = votes.into_iter().collect();
    voted.sort_by(|one, other| other.1.cmp(&one.1).then_with(|| one.0.cmp(&other.0)));
    let best =
        voted.into_iter().take(8).map(|(suffixes, _)| (paired(&suffixes), suffixes)).max_by_key(|(count, _)| *count);
    let (count, (image_suffix, mask_suffix)) = best?;
    if count < 2 || count * 2 < images.len().min(masks.len()) {
        return None;
    }
    let ends = |suffix: &str| if suffix.is_empty() { "nothing".to_owned() } else { format!("`{suffix}`") };
    let why = format!(
        "{count} of {} images without a mask have one if names of images end with {} and those of masks with {}",
        images.len(),
        ends(image_suffix),
        ends(mask_suffix)
    );
    let set = [("image_suffix", image_suffix, &folder.image_suffix), ("mask_suffix", mask_suffix, &folder.mask_suffix)];
    let differs = set.into_iter().filter(|(_, suffix, present)| suffix != present);
    let changes = differs.map(|(key, suffix, _)| (format!("data.layout.folder.{key}"), Value::from(suffix))).collect();
    Some(Proposal::new(Some(What::ImageWithoutMask), why, changes))
}

/// The name of a file without folders and extension.
fn stem(file: &str) -> &str {
    let name = file.rsplit('/').next().unwrap_or(file);
    let name = name.strip_suffix(".gz").unwrap_or(name);
    name.rsplit_once('.').map_or(name, |(stem, _)| stem)
}
