//! Checks of the cases of a training, before any time is spent.
//! It does not know losses or epochs.

use std::collections::BTreeMap;

use crate::batch::Sample;
use crate::failure::TrainError;
use crate::labels::Labels;
use crate::networks::{NetworkConfig, Takes};
use crate::sampling::Sampling;

/// Checks that all cases fit the network and (without patches) each other, that there is a map for each label, and that values are
/// numbers.
pub(crate) fn check(
    network: &NetworkConfig,
    labels: &Labels,
    sampling: &Sampling,
    parts: &[&[Sample]],
) -> Result<(), TrainError> {
    let samples = || parts.iter().copied().flatten();
    let Some(first) = samples().next() else { return Ok(()) };
    let expected = first.image.shape();
    for Sample { id, image, mask } in samples() {
        let [frames, channels, height, width] = image.shape();
        let wrong = |reason| Err(TrainError::Mask { case: id.clone(), reason });
        if sampling.patch.as_ref().is_some_and(|patch| patch.len() == 3)
            && !matches!(network.takes(), Takes::Volumes(_))
        {
            return wrong("it is no volume, and `sampling.patch` has three numbers".to_owned());
        }
        let [deep, high, wide] = sampling.seen([frames, height, width]);
        let fits = network.check_input([channels, deep, high, wide]);
        let fits = fits.and_then(|()| network.check_input([channels, frames, height, width]));
        fits.map_err(|source| TrainError::Case { case: id.clone(), source })?;
        if image.shape() != expected && sampling.patch.is_none() {
            return Err(TrainError::Size { case: id.clone(), found: image.shape(), expected });
        }
        if (mask.height, mask.width) != (height, width) {
            return wrong(format!("it is {}x{}, the image {height}x{width}", mask.height, mask.width));
        }
        let depth = if matches!(network.takes(), Takes::Volumes(_)) { frames } else { 1 };
        if mask.depth != depth {
            return wrong(format!("it has {} slices, the network gives {depth}", mask.depth));
        }
        if let Some(reason) = labels.layers_problem(mask) {
            return wrong(reason);
        }
    }
    let mut unknown: BTreeMap<u8, Vec<String>> = BTreeMap::new();
    for Sample { id, mask, .. } in samples() {
        for label in labels.unknown(mask) {
            unknown.entry(label).or_default().push(id.clone());
        }
    }
    if !unknown.is_empty() {
        return Err(TrainError::Labels { found: unknown, maps: labels.maps });
    }
    let count = |sample: &Sample| sample.image.data.iter().filter(|value| !value.is_finite()).count();
    let found: Vec<_> =
        samples().map(|sample| (sample.id.clone(), count(sample))).filter(|(_, count)| *count > 0).collect();
    if found.is_empty() { Ok(()) } else { Err(TrainError::Values { found }) }
}

pub(crate) fn unknown_labels(found: &BTreeMap<u8, Vec<String>>, maps: usize) -> String {
    let line = |(label, cases): (&u8, &Vec<String>)| {
        format!("label {label} in {} {}", if cases.len() == 1 { "case" } else { "cases" }, cases.join(", "))
    };
    let lines: Vec<_> = found.iter().map(line).collect();
    format!(
        "masks have labels that none of the network's {maps} maps is for: {}; give the network more maps, map the labels to \
         classes, or name one label of pixels that are not known in `ignore_label`",
        lines.join("; ")
    )
}

pub(crate) fn not_finite(found: &[(String, usize)]) -> String {
    let line = |(case, count): &(String, usize)| format!("case {case}: {count}");
    let lines: Vec<_> = found.iter().map(line).collect();
    format!(
        "images have values that are NaN or infinite (how many): {}; repair or leave out these images",
        lines.join(", ")
    )
}
