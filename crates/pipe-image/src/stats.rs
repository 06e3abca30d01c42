//! What a researcher wants to know of a data set before training: how many, how large, how bright, which classes.
//! It sees one case at a time and keeps a few numbers of each, so that the size of a data set does not matter.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use crate::case::Part;
use crate::{Case, Image, Mask};

mod components;
mod names;
mod numbers;

pub use components::components;
pub use names::class_names;
pub use numbers::{Numbers, Summary};

/// What is kept of a case.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Facts {
    /// The case.
    pub id: String,
    /// The patient.
    pub patient: String,
    /// The site, if known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub site: Option<String>,
    /// The official part, if any.
    pub part: Option<Part>,
    /// What else names and tables say.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub tags: BTreeMap<String, String>,
    /// Frames, or slices of a volume.
    pub frames: usize,
    /// The frame that the mask belongs to; of a volume the one with the most foreground.
    pub label_frame: usize,
    /// Channels of each frame.
    pub channels: usize,
    /// Rows.
    pub height: usize,
    /// Columns.
    pub width: usize,
    /// Millimetres from slice to slice, row to row, column to column, where known; 0 for slices where unknown.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub spacing: Option<[f64; 3]>,
    /// Where columns, rows and slices run to, `RAS`, where known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub orientation: Option<String>,
    /// The mean of all values.
    pub mean: f64,
    /// Share of the image that the least box holds around all that is not 0 in every channel.
    pub cropped: f64,
    /// Share of the known pixels of the mask that are no background; none without a mask.
    pub foreground: Option<f64>,
    /// Share of the mask's pixels of which nobody knows what they are: outside of the field of view, or left out.
    #[serde(skip_serializing_if = "is_zero")]
    pub ignored: f64,
    /// How many labels these are; of classes that overlap a pixel has several.
    pub labelled: Option<usize>,
    /// Pixels of each class that is there, the background left out.
    pub classes: BTreeMap<u8, u64>,
}

// The form in which serde asks.
#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands a reference")]
fn is_zero(share: &f64) -> bool {
    *share == 0.0
}

/// A case, measured.
#[derive(Debug, Clone)]
pub struct Measured {
    /// What is kept of it.
    pub facts: Facts,
    /// Values of each channel: all, and those below the mask's foreground.
    channels: Vec<[Numbers; 2]>,
    /// Sizes of the components of each class.
    components: BTreeMap<u8, Vec<f32>>,
    /// Pixels of the mask that are known.
    masked: u64,
}

impl Measured {
    /// Measures a case.
    pub fn of(case: &Case) -> Self {
        let Image { frames, channels, height, width, .. } = case.image;
        let any = case.mask.as_ref().map(|mask| (mask.any(), mask.depth));
        let of_channel = |channel: usize| {
            let all = (0..frames).flat_map(|frame| case.image.plane(frame, channel)).copied().collect();
            let below = any.iter().flat_map(|(any, depth)| below(case, (any, *depth), channel)).collect();
            [Numbers::of(all), Numbers::of(below)]
        };
        let mut classes: BTreeMap<u8, u64> = BTreeMap::new();
        let mut found: BTreeMap<u8, Vec<f32>> = BTreeMap::new();
        for (label, size) in case.mask.iter().flat_map(of_mask) {
            *classes.entry(label).or_default() += size;
            found.entry(label).or_default().push(size as f32);
        }
        let values = case.image.data.len().max(1) as f64;
        let [size, ignored] = case.mask.as_ref().map_or([0; 2], |mask| [mask.size(), mask.ignored()]);
        let share = |(any, _): &(Vec<u8>, usize)| {
            any.iter().filter(|label| **label != 0).count() as f64 / (size - ignored).max(1) as f64
        };
        let facts = Facts {
            id: case.id.clone(),
            patient: case.patient.clone(),
            site: case.site.clone(),
            part: case.part,
            tags: case.tags.clone(),
            frames,
            label_frame: case.label_frame,
            channels,
            height,
            width,
            spacing: case.spacing,
            orientation: case.native.geometry.and_then(|geometry| geometry.orientation()),
            mean: case.image.data.iter().map(|value| f64::from(*value)).sum::<f64>() / values,
            cropped: cropped(&case.image),
            foreground: any.as_ref().map(share),
            ignored: ignored as f64 / size.max(1) as f64,
            labelled: case.mask.as_ref().map(Mask::foreground),
            classes,
        };
        let masked = (size - ignored) as u64;
        Self { facts, channels: (0..channels).map(of_channel).collect(), components: found, masked }
    }
}

/// The label and the size of every component; layers are classes of their own.
fn of_mask(mask: &Mask) -> Vec<(u8, u64)> {
    let shape = [mask.depth, mask.height, mask.width];
    if mask.layers == 1 {
        return components(&mask.labels, shape);
    }
    let layer = |(at, labels): (usize, &[u8])| {
        let class = u8::try_from(at + 1).unwrap_or(u8::MAX);
        components(labels, shape).into_iter().map(move |(_, size)| (class, size)).collect::<Vec<_>>()
    };
    mask.labels.chunks_exact(mask.size().max(1)).enumerate().flat_map(layer).collect()
}

/// The values of a channel where the mask is no background.
fn below<'a>(case: &'a Case, (any, depth): (&'a [u8], usize), channel: usize) -> impl Iterator<Item = f32> + 'a {
    let area = case.image.height * case.image.width;
    let frame_of = move |slice: usize| if depth > 1 { slice } else { case.label_frame };
    let slices =
        any.chunks_exact(area.max(1)).enumerate().filter(move |(slice, _)| frame_of(*slice) < case.image.frames);
    slices.flat_map(move |(slice, labels)| {
        let plane = case.image.plane(frame_of(slice), channel);
        plane.iter().zip(labels).filter(|(_, label)| **label != 0).map(|(value, _)| *value)
    })
}

/// The share of the image in the least box around all values that are not 0.
fn cropped(image: &Image) -> f64 {
    let (rows, mut low, mut high) = (image.height, [usize::MAX; 3], [0; 3]);
    for (at, line) in image.data.chunks_exact(image.width.max(1)).enumerate() {
        let there = |value: &f32| *value != 0.0;
        let (Some(first), Some(last)) = (line.iter().position(there), line.iter().rposition(there)) else { continue };
        let (frame, row) = (at / (rows * image.channels), at % rows);
        for (axis, (first, last)) in [(frame, frame), (row, row), (first, last)].into_iter().enumerate() {
            low[axis] = low[axis].min(first);
            high[axis] = high[axis].max(last + 1);
        }
    }
    let inside: usize = (0..3).map(|axis| high[axis].saturating_sub(low[axis])).product();
    inside as f64 / (image.frames * rows * image.width).max(1) as f64
}

/// How a number is spread over cases.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Spread {
    /// The least.
    pub minimum: f64,
    /// The middle.
    pub median: f64,
    /// The largest.
    pub maximum: f64,
    /// How many different ones there are.
    pub distinct: usize,
}

impl Spread {
    /// Of some numbers; nothing where there are none.
    pub fn of(numbers: impl Iterator<Item = f64>) -> Option<Self> {
        let mut all: Vec<f64> = numbers.collect();
        all.sort_by(f64::total_cmp);
        let (minimum, maximum) = (*all.first()?, *all.last()?);
        let median = f64::midpoint(all[(all.len() - 1) / 2], all[all.len() / 2]);
        all.dedup();
        Some(Self { minimum, median, maximum, distinct: all.len() })
    }
}

/// A data set, as far as it was seen.
#[derive(Debug, Default)]
pub struct Census {
    cases: Vec<Facts>,
    channels: Vec<[Numbers; 2]>,
    components: BTreeMap<u8, Components>,
    masked: u64,
}

/// The components of one class.
#[derive(Debug, Default)]
struct Components {
    sizes: Numbers,
    /// How many each case has.
    counts: Vec<f64>,
}

/// What is told of a data set.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Statistics {
    /// Cases.
    pub cases: usize,
    /// Patients.
    pub patients: usize,
    /// Cases of a patient.
    pub cases_a_patient: Option<Spread>,
    /// Cases of each site; empty where sites are not known.
    pub sites: BTreeMap<String, usize>,
    /// Cases of each official part.
    pub parts: BTreeMap<Part, usize>,
    /// Cases without a mask.
    pub without_mask: usize,
    /// Cases whose mask has no label.
    pub empty_masks: usize,
    /// Rows.
    pub height: Option<Spread>,
    /// Columns.
    pub width: Option<Spread>,
    /// Frames, or slices of volumes.
    pub frames: Option<Spread>,
    /// Channels.
    pub channels: Option<Spread>,
    /// Different sizes.
    pub sizes: usize,
    /// Millimetres between slices, between rows and between columns, of the cases that tell.
    pub spacing: [Option<Spread>; 3],
    /// Cases of each orientation: where columns, rows and slices run to, `RAS`.
    pub orientations: BTreeMap<String, usize>,
    /// Cases that tell their spacing.
    pub with_spacing: usize,
    /// Share of each image that is left when what is 0 around it is cut off, as nnU-Net does.
    pub cropped: Option<Spread>,
    /// Share of known mask pixels that are no background.
    pub foreground: Option<Spread>,
    /// Share of mask pixels that are not known; none where all are.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ignored: Option<Spread>,
    /// Values of each channel, as the files have them.
    pub intensity: Vec<Intensity>,
    /// Classes without the background.
    pub classes: Vec<ClassStatistics>,
}

/// Values of one channel.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Intensity {
    /// All of them.
    pub all: Option<Summary>,
    /// Those where the mask is no background.
    pub foreground: Option<Summary>,
}

/// What is told of a class.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ClassStatistics {
    /// Its id.
    pub class: u8,
    /// Its name, where the layout tells.
    pub name: Option<String>,
    /// Cases that have it.
    pub cases: usize,
    /// Its share of all mask pixels that are known.
    pub share: f64,
    /// Its components in the cases that have it.
    pub components: Option<Spread>,
    /// Pixels of a component.
    pub sizes: Option<Summary>,
}

impl Census {
    /// Takes a case in.
    pub fn add(&mut self, case: Measured) {
        let Measured { facts, channels, components, masked } = case;
        if self.channels.len() < channels.len() {
            self.channels.resize_with(channels.len(), Default::default);
        }
        for (mine, theirs) in self.channels.iter_mut().zip(&channels) {
            mine.iter_mut().zip(theirs).for_each(|(mine, theirs)| mine.add(theirs));
        }
        for (class, sizes) in components {
            let known = self.components.entry(class).or_default();
            known.counts.push(sizes.len() as f64);
            known.sizes.add(&Numbers::of(sizes));
        }
        self.masked += masked;
        self.cases.push(facts);
    }

    /// The cases that were taken in, in their order.
    pub fn cases(&self) -> &[Facts] {
        &self.cases
    }

    /// The values of each channel: all of them, and those where the mask is no background.
    pub fn values(&self) -> &[[Numbers; 2]] {
        &self.channels
    }

    /// What is told; `names` are those of the classes from 1 on, and a class that has a name but no pixel is told too.
    pub fn statistics(&self, names: &[String]) -> Statistics {
        let cases = &self.cases;
        let over = |of: fn(&Facts) -> f64| Spread::of(cases.iter().map(of));
        let mut patients: BTreeMap<&str, usize> = BTreeMap::new();
        let (mut sites, mut parts, mut orientations) = (BTreeMap::new(), BTreeMap::new(), BTreeMap::new());
        for case in cases {
            *patients.entry(&case.patient).or_default() += 1;
            case.site.iter().for_each(|site| *sites.entry(site.clone()).or_default() += 1);
            case.part.iter().for_each(|part| *parts.entry(*part).or_default() += 1);
            case.orientation.iter().for_each(|axes| *orientations.entry(axes.clone()).or_default() += 1);
        }
        let sizes: BTreeSet<_> = cases.iter().map(|case| (case.frames, case.height, case.width)).collect();
        let spaced: Vec<[f64; 3]> = cases.iter().filter_map(|case| case.spacing).collect();
        let axis = |axis: usize| Spread::of(spaced.iter().map(|spacing| spacing[axis]).filter(|side| *side > 0.0));
        let named = (1..=names.len()).filter_map(|class| u8::try_from(class).ok());
        let classes: BTreeSet<u8> = self.components.keys().copied().chain(named).collect();
        Statistics {
            cases: cases.len(),
            patients: patients.len(),
            cases_a_patient: Spread::of(patients.values().map(|count| *count as f64)),
            sites,
            parts,
            without_mask: cases.iter().filter(|case| case.foreground.is_none()).count(),
            empty_masks: cases.iter().filter(|case| case.labelled == Some(0) && case.ignored < 1.0).count(),
            height: over(|case| case.height as f64),
            width: over(|case| case.width as f64),
            frames: over(|case| case.frames as f64),
            channels: over(|case| case.channels as f64),
            sizes: sizes.len(),
            spacing: [0, 1, 2].map(axis),
            orientations,
            with_spacing: spaced.len(),
            cropped: over(|case| case.cropped),
            foreground: Spread::of(cases.iter().filter_map(|case| case.foreground)),
            ignored: Spread::of(cases.iter().filter(|case| case.foreground.is_some()).map(|case| case.ignored))
                .filter(|share| share.maximum > 0.0),
            intensity: self.channels.iter().map(Intensity::of).collect(),
            classes: classes.into_iter().map(|class| self.class(class, names)).collect(),
        }
    }

    fn class(&self, class: u8, names: &[String]) -> ClassStatistics {
        let pixels: u64 = self.cases.iter().filter_map(|case| case.classes.get(&class)).sum();
        let components = self.components.get(&class);
        ClassStatistics {
            class,
            name: usize::from(class).checked_sub(1).and_then(|at| names.get(at)).cloned(),
            cases: self.cases.iter().filter(|case| case.classes.contains_key(&class)).count(),
            share: pixels as f64 / self.masked.max(1) as f64,
            components: components.and_then(|found| Spread::of(found.counts.iter().copied())),
            sizes: components.and_then(|found| found.sizes.summary()),
        }
    }
}

impl Intensity {
    fn of([all, foreground]: &[Numbers; 2]) -> Self {
        Self { all: all.summary(), foreground: foreground.summary() }
    }
}

#[cfg(test)]
mod tests;
