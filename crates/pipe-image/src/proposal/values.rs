//! Which encoding fits the values of all mask files of a data set.
//! It does not know which files are masks.

use std::collections::BTreeSet;
use std::path::Path;

use rayon::prelude::*;

use super::character::{self, Character};
use crate::case::{CaseFiles, MaskSource};
use crate::encoding::{Foreground, MaskEncoding};
use crate::formats::{self, Raster};
use crate::number::Probability;

/// More gray values than this are no classes, but shades.
const CLASSES: usize = 64;
/// The same for colours.
const COLOURS: usize = 32;
/// Up to so many values beside black and white may be meant as classes.
const LEVELS: usize = 8;

/// What is found in mask files.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Values {
    /// Gray values or palette indexes, at most one more than count as classes.
    gray: BTreeSet<u16>,
    /// Colours of files in colour, at most one more than count as classes.
    colours: BTreeSet<[u8; 3]>,
    /// Whether a value is no whole number from 0 to 65535.
    others: bool,
    /// Files whose format keeps values only approximately.
    lossy: usize,
    /// How many channels files have that are no picture in gray or colour.
    channels: BTreeSet<usize>,
    /// The largest gray value that is there.
    largest: f32,
    /// The largest value that can be.
    full_scale: f32,
    /// What each file in gray looks like by itself.
    looks: Vec<Character>,
    files: usize,
}

impl Values {
    /// Reads all mask files of some cases; those that cannot be read are told elsewhere.
    pub(super) fn of(root: &Path, cases: &[CaseFiles]) -> Self {
        let files = |case: &CaseFiles| case.mask.as_ref().map(MaskSource::pictures).unwrap_or_default();
        // Slices of a volume name one file many times.
        let files: BTreeSet<String> = cases.iter().flat_map(files).collect();
        let files: Vec<String> = files.into_iter().collect();
        let of =
            |file: &String| formats::open(&root.join(file)).map(|raster| Self::of_raster(&raster)).unwrap_or_default();
        files.par_iter().map(of).reduce(Self::default, Self::with)
    }

    pub(super) fn of_raster(raster: &Raster) -> Self {
        let mut values = Self { files: 1, full_scale: raster.value_full_scale().unwrap_or(0.0), ..Self::default() };
        values.lossy = usize::from(raster.lossy);
        if raster.palette.is_none() && raster.shown() != 1 && raster.shown() != 3 {
            values.channels.insert(raster.channels);
        }
        match raster.indexes() {
            Some(pixels) => {
                let mut indexes = pixels.clone();
                indexes.sort_unstable_by(f32::total_cmp);
                indexes.dedup();
                values.looks.push(Character::of(raster, &pixels, &indexes));
                let whole = |value: &f32| *value >= 0.0 && *value <= f32::from(u16::MAX) && value.fract() == 0.0;
                values.largest = indexes.last().copied().unwrap_or_default();
                values.others = !indexes.iter().all(whole);
                values.gray = indexes.into_iter().filter(whole).map(|value| value as u16).take(CLASSES + 1).collect();
            }
            None => {
                let mut colours = raster.colours();
                colours.sort_unstable();
                colours.dedup();
                values.colours = colours.into_iter().take(COLOURS + 1).collect();
            }
        }
        values
    }

    fn with(mut self, other: Self) -> Self {
        self.gray.extend(other.gray);
        self.colours.extend(other.colours);
        self.channels.extend(other.channels);
        self.looks.extend(other.looks);
        self.others |= other.others;
        self.lossy += other.lossy;
        self.files += other.files;
        self.largest = self.largest.max(other.largest);
        self.full_scale = self.full_scale.max(other.full_scale);
        self
    }
}

/// The encoding that fits all values, and why; `wrong` where the present one has refused a file. Without a fit, nothing.
pub(super) fn mend(encoding: &MaskEncoding, found: &Values, wrong: bool) -> Option<(MaskEncoding, String)> {
    let binary = MaskEncoding::default();
    let Values { gray, colours, others, lossy, channels, looks, files, .. } = found;
    if *lossy > 0 {
        let why = format!(
            "{lossy} of {files} mask files are JPEG, whose values are approximate: only bright and dark can be told apart"
        );
        return wrong.then_some((binary, why));
    }
    if let (Some(channels), true) = (channels.first(), channels.len() == 1 && gray.is_empty()) {
        let names = (1..=*channels).map(|class| format!("class_{class}")).collect();
        return wrong
            .then(|| (MaskEncoding::Channels(names), format!("mask files have {channels} channels; name them")));
    }
    if !colours.is_empty() {
        return (colours.len() <= COLOURS).then(|| by_colour(colours, gray)).flatten().filter(|(proposed, _)| {
            // Bright and dark in one colour each are what `binary` reads.
            wrong || (matches!(encoding, MaskEncoding::Binary { .. }) && proposed_classes(proposed) > 2)
        });
    }
    if *others || gray.len() < 2 {
        return None;
    }
    let above = |share: f64| {
        let threshold = Probability::try_from((share * 1e4).round() / 1e4).ok();
        MaskEncoding::Binary { threshold, foreground: Foreground::Bright }
    };
    let by_rule = matches!(encoding, MaskEncoding::Binary { threshold: None, .. });
    if let Some(noisy) = character::noisy(looks) {
        let why = format!(
            "{noisy} of {files} mask files are black and white with noise, as JPEG leaves it: their values lie near 0 and near {}",
            found.full_scale
        );
        return wrong.then(|| (above(0.5), why));
    }
    if let Some([ones, full]) = character::two_scales(looks) {
        let why = format!(
            "{ones} of {files} mask files have the values 0 and 1, {full} have 0 and {}: `binary` reads both",
            found.full_scale
        );
        return wrong.then_some((binary, why));
    }
    if let Some(most) = character::objects(looks, CLASSES) {
        let classes = match most {
            ..256 => format!("; if they are classes, write `labels: {{ classes: {} }}`", most + 1),
            _ => String::new(),
        };
        let why = format!(
            "mask files count 0, 1, 2 .. up to {most}, which looks like numbers of objects and not like classes: all above 0 is \
             foreground{classes}"
        );
        return (wrong || by_rule).then(|| (above(0.0), why));
    }
    let values: Vec<u16> = gray.iter().copied().collect();
    let listed = values.iter().take(12).map(u16::to_string).collect::<Vec<_>>().join(", ");
    if gray.len() > CLASSES {
        // Shades: a cut at half of the brightest that there is.
        let share = f64::from(found.largest / 2.0 / found.full_scale.max(found.largest));
        let why = format!("masks have more than {CLASSES} gray values, so these are shades and no classes");
        return wrong.then(|| (above(share), why));
    }
    if !wrong {
        // `binary` has taken everything; a few levels between its two may be classes.
        let between = gray.len() - usize::from(gray.contains(&0)) - usize::from(gray.contains(&255));
        let bright = gray.contains(&255) && (1..=LEVELS).contains(&between);
        let why = format!(
            "masks have the values {listed}, of which `binary` makes two classes; if each is a class of its own, say so"
        );
        return bright.then(|| (listed_values(&values), why));
    }
    let why = format!("the values in all {files} mask files are {listed}");
    let counts_up = values.iter().enumerate().all(|(at, value)| at == usize::from(*value));
    let classes = values.len();
    // A file of 0 and 255 alone has it for a class.
    let is_full = looks.contains(&Character::Full);
    if let Some(classes) = before_ignored(&values).filter(|_| !is_full) {
        let why = format!(
            "{why}: classes that count up, and {} for what nobody knows; if it is a class, list it under `values`",
            u8::MAX
        );
        return Some((MaskEncoding::Labels { values: None, classes, ignore: Some(u8::MAX.into()) }, why));
    }
    let counted = MaskEncoding::Labels { values: None, classes, ignore: None };
    Some((if counts_up { counted } else { listed_values(&values) }, why))
}

fn listed_values(values: &[u16]) -> MaskEncoding {
    // Class 0 is the background, and most often nothing is 0.
    MaskEncoding::Labels { values: Some(values.to_vec()), classes: values.len(), ignore: None }
}

/// How many values count 0, 1 ... before a single 255, which then most often means that nobody knows.
fn before_ignored(values: &[u16]) -> Option<usize> {
    let (last, others) = values.split_last()?;
    let counts_up = others.iter().enumerate().all(|(at, value)| at == usize::from(*value));
    (*last == u16::from(u8::MAX) && counts_up && (2..usize::from(u8::MAX)).contains(&others.len()))
        .then_some(others.len())
}

fn by_colour(colours: &BTreeSet<[u8; 3]>, gray: &BTreeSet<u16>) -> Option<(MaskEncoding, String)> {
    // Files of one colour, black for instance, are gray.
    let grays = gray.iter().filter_map(|value| u8::try_from(*value).ok()).map(|value| [value; 3]);
    let mut all: Vec<[u8; 3]> = colours.iter().copied().chain(grays).collect();
    all.sort_unstable();
    all.dedup();
    let why = format!("masks have {} colours; put them in the order of your classes, the background first", all.len());
    (all.len() >= 2).then_some((MaskEncoding::Colours(all), why))
}

fn proposed_classes(encoding: &MaskEncoding) -> usize {
    if let MaskEncoding::Colours(colours) = encoding { colours.len() } else { 0 }
}
