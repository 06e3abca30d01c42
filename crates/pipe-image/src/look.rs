//! What a check tells of a data set beside what is plainly wrong: cases that are there twice, patients that look alike, empty masks,
//! sizes and values far from the others'. It does not know files; it sees cases after they were read.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use crate::pack::image_digest;
use crate::split::Fold;
use crate::{Case, Image, Part};

/// Side of the grid that a perceptual hash compares.
const GRID: usize = 16;
/// Words of a perceptual hash: one bit for each neighbour that is brighter.
const WORDS: usize = GRID * GRID / 64;
/// At most so many of 256 bits differ between pictures that look alike. Pictures of different patients that were seen differed by 40
/// and more; a copy that was scaled, or saved as JPEG, by 6 at most.
const ALIKE: u32 = 10;
/// A hash with fewer bits than this, or more than all but this, is of a picture that is nearly flat, and says nothing.
const PLAIN: u32 = 24;
/// So many median absolute deviations from the median make an outlier.
const FAR: f64 = 8.0;
/// More than this share of an image is labelled in few masks that are right.
const FULL: f64 = 0.9;

/// What is kept of a case for comparisons.
#[derive(Debug, Clone, PartialEq)]
pub struct Look {
    id: String,
    patient: String,
    /// Of shape and values of the image, as a pack has it.
    digest: String,
    /// The perceptual hash of the frame that is labelled; nothing of a plain one.
    hash: Option<[u64; WORDS]>,
    pixels: f64,
    mean: f64,
    /// Share of the known pixels of the mask that are labelled, if it has any.
    labelled: Option<f64>,
    /// Whether it has a mask of which nothing is known.
    unknown: bool,
    /// Slices of a volume.
    slices: Option<usize>,
}

/// One thing worth a look.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// What kind.
    pub what: Found,
    /// The cases.
    pub cases: Vec<String>,
    /// In words.
    pub text: String,
}

/// Kinds of findings.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Found {
    /// Two patients have the same image: one of them leaks into the other's fold.
    Twins,
    /// One patient has the same image twice.
    Copies,
    /// Images of two patients look alike.
    Alike,
    /// Masks of which nothing is known: nothing can be learned from such a case, and it is not measured.
    UnknownMasks,
    /// Masks without a label.
    EmptyMasks,
    /// Masks that cover nearly all of their image, and others do not: perhaps they are inverted.
    FullMasks,
    /// Far larger or smaller than the others.
    Size,
    /// Far brighter or darker than the others.
    Values,
    /// Volumes of unequal depth, which cannot be trained on as wholes.
    Depths,
    /// Rows of tables that speak of images which are not there.
    UnusedRows,
    /// Volumes of files whose numbers leave some out: what looks evenly apart may not be.
    Gaps,
}

impl Look {
    /// Looks at a case.
    pub fn at(case: &Case) -> Self {
        let Image { frames, height, width, data, .. } = &case.image;
        let frame = case.label_frame.min(frames.saturating_sub(1));
        let known = case.mask.as_ref().map(|mask| mask.size() - mask.ignored());
        Self {
            id: case.id.clone(),
            patient: case.patient.clone(),
            digest: image_digest(&case.image),
            hash: hash(&case.image, frame),
            pixels: (height * width) as f64,
            mean: data.iter().map(|value| f64::from(*value)).sum::<f64>() / data.len().max(1) as f64,
            labelled: case
                .mask
                .as_ref()
                .zip(known.filter(|known| *known > 0))
                .map(|(mask, known)| mask.any().into_iter().filter(|label| *label != 0).count() as f64 / known as f64),
            unknown: known == Some(0),
            slices: case.mask.as_ref().map(|mask| mask.depth).filter(|depth| *depth > 1),
        }
    }
}

/// Whether each cell of a grid is brighter than the one before it, row by row.
fn hash(image: &Image, frame: usize) -> Option<[u64; WORDS]> {
    let Image { height, width, channels, .. } = *image;
    if height < GRID || width <= GRID || channels == 0 {
        return None;
    }
    let plane = image.plane(frame, 0);
    let cell = |row: usize, column: usize| {
        let rows = row * height / GRID..(row + 1) * height / GRID;
        let columns = column * width / (GRID + 1)..(column + 1) * width / (GRID + 1);
        let count = (rows.len() * columns.len()).max(1) as f64;
        let of_row = |y: usize| plane[y * width..][columns.clone()].iter().map(|value| f64::from(*value)).sum::<f64>();
        rows.map(of_row).sum::<f64>() / count
    };
    let mut words = [0; WORDS];
    for row in 0..GRID {
        let cells: Vec<f64> = (0..=GRID).map(|column| cell(row, column)).collect();
        for (column, _) in cells.windows(2).enumerate().filter(|(_, pair)| pair[1] > pair[0]) {
            let bit = row * GRID + column;
            words[bit / 64] |= 1_u64 << (bit % 64);
        }
    }
    let set: u32 = words.iter().map(|word| word.count_ones()).sum();
    (PLAIN..=(GRID * GRID) as u32 - PLAIN).contains(&set).then_some(words)
}

/// Finds what is worth a look, the gravest first; `remarks` are what a survey has found.
pub fn findings(looks: &[Look], remarks: Vec<Finding>) -> Vec<Finding> {
    let mut all = same(looks);
    all.extend(alike(looks));
    let unknown: Vec<&Look> = looks.iter().filter(|look| look.unknown).collect();
    if !unknown.is_empty() {
        let text = format!("{} of {} cases have a mask of which nothing is known", unknown.len(), looks.len());
        all.push(finding(Found::UnknownMasks, &unknown, text));
    }
    let empty: Vec<&Look> = looks.iter().filter(|look| look.labelled == Some(0.0)).collect();
    if !empty.is_empty() {
        let text = format!("{} of {} cases have a mask without any label", empty.len(), looks.len());
        all.push(finding(Found::EmptyMasks, &empty, text));
    }
    let full: Vec<&Look> = looks.iter().filter(|look| look.labelled.is_some_and(|share| share > FULL)).collect();
    let (usual, _) = median_and_spread(looks.iter().filter_map(|look| look.labelled).collect());
    if !full.is_empty() && usual < 0.5 {
        let share = FULL * 100.0;
        let text =
            format!("the masks of {} label more than {share} % of the image; are they inverted?", counted(full.len()));
        all.push(finding(Found::FullMasks, &full, text));
    }
    for (what, name, of) in [
        (Found::Size, "pixels", (|look: &Look| look.pixels.ln()) as fn(&Look) -> f64),
        (Found::Values, "mean value", |look: &Look| look.mean),
    ] {
        let (middle, spread) = median_and_spread(looks.iter().map(of).collect());
        // Where more than half are equal, any other is as far as one likes; few of them are worth a look.
        let far = |look: &&Look| of(look) != middle && (of(look) - middle).abs() > FAR * spread;
        let outliers: Vec<&Look> = looks.iter().filter(far).collect();
        let are_few = spread > 0.0 || outliers.len() * 20 <= looks.len();
        if !outliers.is_empty() && are_few {
            let text = format!("the {name} of {} is far from that of the others", counted(outliers.len()));
            all.push(finding(what, &outliers, text));
        }
    }
    all.extend(depths(looks));
    all.extend(remarks);
    all.sort_by_key(|finding| finding.what);
    all
}

/// Volumes of unequal depth: all is well by slices and by patches, which the data does not know.
fn depths(looks: &[Look]) -> Option<Finding> {
    let volumes: BTreeSet<usize> = looks.iter().filter_map(|look| look.slices).collect();
    let (least, most) = (*volumes.first()?, *volumes.last()?);
    let text = format!(
        "volumes have {least} to {most} slices: a training on volumes needs `training: {{ sampling: {{ patch: [slices, rows, columns] }} }}`; \
         `slices: true` in the layout makes a case of each slice"
    );
    (least < most).then_some(Finding { what: Found::Depths, cases: Vec::new(), text })
}

/// The findings whose images stand in more than one part of a fold, each with its cases and where they stand.
pub fn across<'a>(findings: &'a [Finding], fold: &Fold) -> Vec<(&'a Finding, Vec<(Part, &'a str)>)> {
    let part_of: BTreeMap<&str, Part> =
        Part::ALL.into_iter().flat_map(|part| fold.part(part).iter().map(move |case| (case.as_str(), part))).collect();
    let images = findings.iter().filter(|finding| matches!(finding.what, Found::Twins | Found::Copies | Found::Alike));
    let placed = images.map(|finding| {
        let place = |case: &'a String| Some((*part_of.get(case.as_str())?, case.as_str()));
        (finding, finding.cases.iter().filter_map(place).collect::<Vec<_>>())
    });
    placed.filter(|(_, cases)| cases.iter().any(|(part, _)| *part != cases[0].0)).collect()
}

fn counted(cases: usize) -> String {
    if cases == 1 { "1 case".to_owned() } else { format!("{cases} cases") }
}

fn finding(what: Found, looks: &[&Look], text: String) -> Finding {
    Finding { what, cases: looks.iter().map(|look| look.id.clone()).collect(), text }
}

/// Images that are there more than once, byte by byte.
fn same(looks: &[Look]) -> Vec<Finding> {
    let mut by_digest: BTreeMap<&str, Vec<&Look>> = BTreeMap::new();
    for look in looks {
        by_digest.entry(&look.digest).or_default().push(look);
    }
    let several = by_digest.into_values().filter(|group| group.len() > 1);
    several
        .map(|group| {
            if let Some(other) = group.iter().find(|look| look.patient != group[0].patient) {
                let text = format!("patients `{}` and `{}` have the same image", group[0].patient, other.patient);
                finding(Found::Twins, &group, text)
            } else {
                let text = format!("patient `{}` has the same image {} times", group[0].patient, group.len());
                finding(Found::Copies, &group, text)
            }
        })
        .collect()
}

/// Images of two patients that look alike: one finding for two patients, however many of their images do.
fn alike(looks: &[Look]) -> Vec<Finding> {
    let hashed: Vec<(&Look, [u64; WORDS])> = looks.iter().filter_map(|look| Some((look, look.hash?))).collect();
    let mut found: BTreeMap<(&str, &str), BTreeMap<usize, &Look>> = BTreeMap::new();
    for (at, (one, one_hash)) in hashed.iter().enumerate() {
        for (behind, (other, other_hash)) in hashed[at + 1..].iter().enumerate() {
            let differ: u32 = one_hash.iter().zip(other_hash).map(|(a, b)| (a ^ b).count_ones()).sum();
            if differ <= ALIKE && one.patient != other.patient && one.digest != other.digest {
                let both = if one.patient < other.patient { [one, other] } else { [other, one] };
                let cases = found.entry((&both[0].patient, &both[1].patient)).or_default();
                cases.extend([(at, *one), (at + 1 + behind, *other)]);
            }
        }
    }
    let text = |(one, other): (&str, &str)| format!("patients `{one}` and `{other}` look alike");
    found
        .into_iter()
        .map(|(patients, cases)| finding(Found::Alike, &cases.into_values().collect::<Vec<_>>(), text(patients)))
        .collect()
}

/// The median, and the median distance from it.
fn median_and_spread(mut values: Vec<f64>) -> (f64, f64) {
    if values.is_empty() {
        return (0.0, 0.0);
    }
    let middle = |values: &mut Vec<f64>| {
        values.sort_by(f64::total_cmp);
        values[values.len() / 2]
    };
    let median = middle(&mut values);
    let mut distances: Vec<f64> = values.iter().map(|value| (value - median).abs()).collect();
    (median, middle(&mut distances))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Mask, fixture, formats};

    /// A picture of waves that differ from number to number.
    fn case(id: &str, patient: &str, number: usize, labelled: bool) -> Case {
        let (height, width) = (40, 60);
        let wave = |at: usize| {
            let (y, x) = ((at / width) as f32, (at % width) as f32);
            100.0
                + 40.0
                    * ((x * (0.2 + number as f32 * 0.07)).sin() + (y * (0.15 + number as f32 * 0.05) + x * 0.1).cos())
        };
        let image = Image { frames: 1, channels: 1, height, width, data: (0..height * width).map(wave).collect() };
        let mut mask = Mask::empty(height, width);
        mask.labels[0] = u8::from(labelled);
        fixture::case([id, patient], image, Some(mask))
    }

    #[test]
    fn what_is_twice_or_looks_alike_is_found() {
        let mut cases: Vec<Case> = (0..9).map(|n| case(&format!("c{n}"), &format!("p{n}"), n, n != 4)).collect();
        assert_eq!(
            findings(&cases.iter().map(Look::at).collect::<Vec<_>>(), Vec::new()).len(),
            1,
            "an empty mask alone"
        );
        cases.push(case("copy", "p0", 0, true));
        cases.push(case("twin", "stranger", 1, true));
        // The same picture, saved by a program that rounds.
        let mut saved = case("saved", "other", 2, true);
        let bytes: Vec<u8> = saved.image.data.iter().map(|value| *value as u8).collect();
        let raster = formats::decode(&fixture::jpeg(60, 40, &bytes, 70)).expect("the picture is good");
        saved.image.data = raster.samples;
        cases.push(saved);
        let found = findings(&cases.iter().map(Look::at).collect::<Vec<_>>(), Vec::new());
        let told: Vec<_> = found.iter().map(|finding| (finding.what, finding.cases.join(" "))).collect();
        let expected = [
            (Found::Twins, "c1 twin"),
            (Found::Copies, "c0 copy"),
            (Found::Alike, "c2 saved"),
            (Found::EmptyMasks, "c4"),
        ];
        assert_eq!(told, expected.map(|(what, cases)| (what, cases.to_owned())));
    }

    #[test]
    fn twins_count_where_they_stand_on_two_sides() {
        let twins =
            Finding { what: Found::Twins, cases: vec!["a".into(), "b".into(), "c".into()], text: String::new() };
        let empty = Finding { what: Found::EmptyMasks, ..twins.clone() };
        let fold = |train: &[&str], test: &[&str]| Fold {
            train: train.iter().map(ToString::to_string).collect(),
            test: test.iter().map(ToString::to_string).collect(),
            ..Fold::default()
        };
        let all = [twins, empty];
        let found = across(&all, &fold(&["a", "d"], &["c", "e"]));
        assert_eq!(found.len(), 1, "an empty mask leaks nothing");
        assert_eq!(found[0].1, [(Part::Train, "a"), (Part::Test, "c")]);
        assert!(across(&all, &fold(&["a", "b", "c"], &["e"])).is_empty());
        assert!(across(&all, &fold(&["a"], &["e"])).is_empty());
    }

    #[test]
    fn outliers_are_far_from_the_others() {
        let mut cases: Vec<Case> = (0..9).map(|n| case(&format!("c{n}"), &format!("p{n}"), n, true)).collect();
        cases[3].image.data.iter_mut().for_each(|value| *value *= 60.0);
        let found = findings(&cases.iter().map(Look::at).collect::<Vec<_>>(), Vec::new());
        assert_eq!(
            found.iter().map(|finding| (finding.what, finding.cases.len())).collect::<Vec<_>>(),
            [(Found::Values, 1)]
        );
        assert!(!found.iter().any(|finding| finding.what == Found::Depths));
        assert_eq!(median_and_spread(vec![3.0, 1.0, 2.0, 100.0, 2.5]), (2.5, 0.5));
    }

    #[test]
    fn volumes_of_unequal_depth_are_told() {
        let volume = |slices: usize| {
            let image = Image { frames: slices, channels: 1, height: 2, width: 2, data: vec![1.0; slices * 4] };
            let mask = Mask { depth: slices, labels: vec![1; slices * 4], ..Mask::empty(2, 2) };
            Look::at(&fixture::case([&format!("v{slices}"), &format!("p{slices}")], image, Some(mask)))
        };
        let told = |looks: &[Look]| {
            let found = findings(looks, Vec::new());
            found.into_iter().find(|finding| finding.what == Found::Depths).map(|finding| finding.text)
        };
        assert_eq!(told(&[volume(3), volume(3)]), None);
        let text = told(&[volume(9), volume(3), volume(4)]).expect("they differ");
        assert!(text.starts_with("volumes have 3 to 9 slices: ") && text.contains("sampling: { patch: "), "{text}");
    }
}
