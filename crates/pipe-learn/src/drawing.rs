//! Drawing: the cases of an epoch as [`Sampling`] wants them, cut and changed.
//! It does not know networks.

use std::collections::{BTreeMap, BTreeSet};

use pipe_image::{Image, Mask, Transform, augment};
use rand_pcg::Pcg64;
use rayon::prelude::*;

use crate::batch::Sample;
use crate::labels::Labels;
use crate::random::{below, generator, number, shuffled};
use crate::recipe::{LastBatch, TrainConfig};
use crate::sampling::{Balance, Order, Sampling};

/// A case at its place in an epoch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Draw {
    /// Which case.
    pub case: usize,
    /// The place in the epoch.
    place: usize,
    /// How often the case came in this epoch before.
    before: usize,
    /// Whether it must have foreground.
    forced: bool,
}

/// What cases are drawn from.
#[derive(Debug)]
pub(crate) struct Drawing<'a> {
    samples: &'a [Sample],
    sampling: &'a Sampling,
    augment: &'a [Transform],
    batch: usize,
    last_batch: LastBatch,
    seed: u64,
    labels: Labels,
    /// Cases by class that they have; empty where nothing asks for it.
    having: BTreeMap<usize, Vec<usize>>,
    /// Cases with any foreground; empty where nothing asks for it.
    marked: Vec<usize>,
}

impl<'a> Drawing<'a> {
    /// Looks once through the masks, if anything asks for it.
    pub(crate) fn new(samples: &'a [Sample], training: &'a TrainConfig, labels: Labels, seed: u64) -> Self {
        let TrainConfig { sampling, augment, batch, last_batch, .. } = training;
        let (mut having, mut marked) = (BTreeMap::<usize, Vec<usize>>::new(), Vec::new());
        if sampling.balance.is_some() || sampling.foreground > 0.0 {
            let found: Vec<BTreeSet<usize>> =
                samples.par_iter().map(|sample| classes_of(&sample.mask, &labels)).collect();
            for (case, found) in found.into_iter().enumerate() {
                if found.iter().any(|class| *class > 0) {
                    marked.push(case);
                }
                found.into_iter().for_each(|class| having.entry(class).or_default().push(case));
            }
        }
        Self { samples, sampling, augment, batch: *batch, last_batch: *last_batch, seed, labels, having, marked }
    }

    /// Gives the number of batches in an epoch.
    pub(crate) fn batches(&self) -> usize {
        match self.last_batch {
            LastBatch::Keep => self.draws().div_ceil(self.batch),
            LastBatch::Drop => self.draws() / self.batch,
        }
    }

    fn draws(&self) -> usize {
        self.sampling.draws.unwrap_or(self.samples.len())
    }

    /// Gives the cases of each batch of an epoch.
    pub(crate) fn epoch(&self, epoch: usize) -> Vec<Vec<Draw>> {
        let cases = self.cases(epoch);
        let (mut counts, mut batches) = (BTreeMap::<usize, usize>::new(), Vec::new());
        for (index, chunk) in cases.chunks(self.batch).take(self.batches()).enumerate() {
            let first_forced = self.sampling.first_forced(chunk.len());
            let draw = |(at, case): (usize, &usize)| {
                let (place, forced) = (index * self.batch + at, at >= first_forced && !self.marked.is_empty());
                let is_bare = forced && self.marked.binary_search(case).is_err();
                let case = if is_bare { self.exchanged(epoch, place) } else { *case };
                let count = counts.entry(case).or_default();
                *count += 1;
                Draw { case, place, before: *count - 1, forced }
            };
            batches.push(chunk.iter().enumerate().map(draw).collect());
        }
        batches
    }

    fn cases(&self, epoch: usize) -> Vec<usize> {
        let (draws, count) = (self.draws(), self.samples.len());
        if self.sampling.balance == Some(Balance::Classes) {
            let lists: Vec<&Vec<usize>> = self.having.values().collect();
            let case = |place: usize| {
                let random = &mut self.random("balance", epoch, place);
                let list = lists[below(lists.len(), random)];
                list[below(list.len(), random)]
            };
            return (0..draws).map(case).collect();
        }
        // One endless row of orders, cut into epochs.
        let mut cases = Vec::with_capacity(draws);
        let (mut place, end) = (epoch * draws, (epoch + 1) * draws);
        while place < end {
            let (round, from) = (place / count, place % count);
            let order = match self.sampling.order {
                Order::Shuffled => shuffled(count, &mut generator(self.seed, "order", &[round as u64])),
                Order::InOrder => (0..count).collect(),
            };
            let to = count.min(from + end - place);
            cases.extend_from_slice(&order[from..to]);
            place += to - from;
        }
        cases
    }

    fn exchanged(&self, epoch: usize, place: usize) -> usize {
        self.marked[below(self.marked.len(), &mut self.random("foreground", epoch, place))]
    }

    fn random(&self, purpose: &str, epoch: usize, place: usize) -> Pcg64 {
        generator(self.seed, purpose, &[epoch as u64, place as u64])
    }

    /// Gives the cases as they are seen: cut, then changed.
    pub(crate) fn seen(&self, draws: &[Draw], epoch: usize) -> Vec<Sample> {
        draws.par_iter().map(|draw| self.changed(draw, epoch)).collect()
    }

    fn changed(&self, draw: &Draw, epoch: usize) -> Sample {
        let Sample { id, image, mask } = &self.samples[draw.case];
        let whole = [image.frames, image.height, image.width];
        let size = self.sampling.seen(whole);
        let cut = (size != whole).then(|| {
            let random = &mut self.random("patch", epoch, draw.place);
            let centre = if draw.forced { centre(mask, &self.labels, random) } else { None };
            let start = start(centre, whole, size, random);
            (cut_image(image, start, size), cut_mask(mask, start, size, self.labels.ignored.unwrap_or(0)))
        });
        let (image, mask) = cut.as_ref().map_or((image, mask), |(image, mask)| (image, mask));
        let mut place = vec![epoch as u64, number(id)];
        // The second time it is another change.
        place.extend((draw.before > 0).then_some(draw.before as u64));
        let (image, mask) = augment(self.augment, image, mask, &mut generator(self.seed, "augment", &place));
        Sample { id: id.clone(), image, mask }
    }
}

/// The classes that a mask has, counted from 1, and 0 for background.
fn classes_of(mask: &Mask, labels: &Labels) -> BTreeSet<usize> {
    let mut is_bare = vec![true; mask.size()];
    let mut classes = BTreeSet::new();
    for (index, map) in labels.foreground().enumerate() {
        for (is_bare, is_there) in is_bare.iter_mut().zip(labels.of_map(mask, map)) {
            if is_there {
                *is_bare = false;
                classes.insert(index + 1);
            }
        }
    }
    let counted = labels.counted(mask);
    let is_background = |(at, is_bare): (usize, &bool)| *is_bare && counted.as_ref().is_none_or(|counted| counted[at]);
    if is_bare.iter().enumerate().any(is_background) {
        classes.insert(0);
    }
    classes
}

/// Gives where a patch begins; below 0 where the case is smaller.
fn start(centre: Option<[usize; 3]>, whole: [usize; 3], size: [usize; 3], random: &mut Pcg64) -> [isize; 3] {
    let mut start = [0; 3];
    for axis in 0..3 {
        let free = whole[axis] as isize - size[axis] as isize;
        start[axis] = match centre {
            _ if free <= 0 => free / 2,
            Some(centre) => (centre[axis] as isize - size[axis] as isize / 2).clamp(0, free),
            None => below(free as usize + 1, random) as isize,
        };
    }
    start
}

/// Draws a class of the foreground, then one of its voxels.
fn centre(mask: &Mask, labels: &Labels, random: &mut Pcg64) -> Option<[usize; 3]> {
    let there = labels.foreground().filter(|map| labels.of_map(mask, *map).any(|is_there| is_there));
    let maps: Vec<usize> = there.collect();
    let map = *maps.get(below(maps.len().max(1), random))?;
    let voxels = || labels.of_map(mask, map).enumerate().filter(|(_, is_there)| *is_there).map(|(at, _)| at);
    let at = voxels().nth(below(voxels().count(), random))?;
    let plane = mask.height * mask.width;
    Some([at / plane, at % plane / mask.width, at % mask.width])
}

fn cut_image(image: &Image, start: [isize; 3], size: [usize; 3]) -> Image {
    let Image { frames, channels, height, width, data } = image;
    let [depth, rows, columns] = size;
    let mut cut = vec![0.0; depth * channels * rows * columns];
    for channel in 0..*channels {
        let index =
            |frame: usize, row: usize, column: usize| ((frame * channels + channel) * height + row) * width + column;
        let put = |frame: usize, row: usize| ((frame * channels + channel) * rows + row) * columns;
        copy_rows([*frames, *height, *width], start, size, |from, to, length| {
            let (from, to) = (index(from[0], from[1], from[2]), put(to[0], to[1]) + to[2]);
            cut[to..to + length].copy_from_slice(&data[from..from + length]);
        });
    }
    Image { frames: depth, channels: *channels, height: rows, width: columns, data: cut }
}

fn cut_mask(mask: &Mask, start: [isize; 3], size: [usize; 3], around: u8) -> Mask {
    // The mask of a sequence is that of one frame, of which none is cut off.
    let (start, depth) = if mask.depth == 1 { ([0, start[1], start[2]], 1) } else { (start, size[0]) };
    let size = [depth, size[1], size[2]];
    let whole = [mask.depth, mask.height, mask.width];
    let volume = size.iter().product::<usize>();
    let mut labels = vec![around; mask.layers * volume];
    for layer in 0..mask.layers {
        copy_rows(whole, start, size, |from, to, length| {
            let from = layer * mask.size() + (from[0] * whole[1] + from[1]) * whole[2] + from[2];
            let to = layer * volume + (to[0] * size[1] + to[1]) * size[2] + to[2];
            labels[to..to + length].copy_from_slice(&mask.labels[from..from + length]);
        });
    }
    Mask { layers: mask.layers, depth: size[0], height: size[1], width: size[2], labels }
}

/// Calls `copy(from, to, length)` for each row that lies in both.
fn copy_rows(
    whole: [usize; 3],
    start: [isize; 3],
    size: [usize; 3],
    mut copy: impl FnMut([usize; 3], [usize; 3], usize),
) {
    // The part of the patch that lies in the case, along an axis.
    let inside = |axis: usize| {
        let first = (-start[axis]).max(0) as usize;
        first..size[axis].min((whole[axis] as isize - start[axis]).max(0) as usize)
    };
    let from = |axis: usize, at: usize| (start[axis] + at as isize) as usize;
    let columns = inside(2);
    for slice in inside(0) {
        for row in inside(1) {
            let first = [from(0, slice), from(1, row), from(2, columns.start)];
            copy(first, [slice, row, columns.start], columns.len());
        }
    }
}

#[cfg(test)]
#[path = "drawing_tests.rs"]
mod tests;
