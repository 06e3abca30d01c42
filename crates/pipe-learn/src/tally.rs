//! Losses of batches that were learned from: read at once on the host, late and together from a device, which does not wait then.
//! It does not know what is done with them; when they are read never changes a result.

use std::time::{Duration, Instant};

use burn::Tensor;

use crate::device::Place;
use crate::drawing::Draw;
use crate::flat::together;

/// How long losses of a device are left unread: short enough for progress, long enough that waiting costs no time worth naming.
const EVERY: Duration = Duration::from_millis(250);
/// Batches that are left unread at most, so that the host does not run far ahead of a device.
const MOST: usize = 32;

/// Batches that were learned from, with losses not yet read.
#[derive(Debug)]
pub(crate) struct Tally {
    most: usize,
    since: Instant,
    waiting: Vec<Learned<Tensor<1>>>,
}

/// A batch that was learned from.
#[derive(Debug, Clone)]
pub(crate) struct Learned<L> {
    /// Its place in the epoch.
    pub number: usize,
    /// Its cases.
    pub draws: Vec<Draw>,
    /// Its loss.
    pub loss: L,
}

impl Tally {
    /// Starts with nothing to read.
    pub(crate) fn new(place: &Place) -> Self {
        Self { most: if place.is_host() { 1 } else { MOST }, since: Instant::now(), waiting: Vec::new() }
    }

    /// Takes a batch in, without its loss being read.
    pub(crate) fn take(&mut self, batch: Learned<Tensor<1>>) {
        self.waiting.push(batch);
    }

    /// Tells whether it is time to read.
    pub(crate) fn is_due(&self) -> bool {
        self.waiting.len() >= self.most || self.since.elapsed() >= EVERY
    }

    /// Gives all batches since the last time, in order, with their losses; waits for a device once.
    pub(crate) fn read(&mut self) -> Vec<Learned<f32>> {
        let waiting = std::mem::take(&mut self.waiting);
        let losses = together(waiting.iter().map(|batch| batch.loss.clone()).collect());
        self.since = Instant::now();
        let read = waiting.into_iter().zip(losses);
        read.map(|(Learned { number, draws, .. }, loss)| Learned { number, draws, loss: loss[0] }).collect()
    }
}
