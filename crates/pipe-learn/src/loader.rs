//! Batches made ready ahead of time: a thread draws, changes and lays them out while the network learns from earlier ones.
//! It does not know devices or networks. What it makes follows from seed, epoch and place, so that its haste changes nothing.

use std::ops::Range;
use std::panic::resume_unwind;
use std::sync::mpsc::{Receiver, sync_channel};
use std::thread::{Scope, ScopedJoinHandle};
use std::time::{Duration, Instant};

use crate::batch::{Arranged, arranged};
use crate::drawing::{Draw, Drawing};
use crate::labels::Labels;

/// Batches that lie ready at most: one more hides no more, and each takes memory.
const AHEAD: usize = 2;

/// A batch that is ready.
#[derive(Debug)]
pub(crate) struct Loaded {
    /// Its cases.
    pub draws: Vec<Draw>,
    /// Its images and targets.
    pub batch: Arranged,
}

/// The batches of a training in order.
#[derive(Debug)]
pub(crate) struct Loader<'scope> {
    ready: Receiver<Loaded>,
    /// None after it was joined.
    thread: Option<ScopedJoinHandle<'scope, ()>>,
    waited: Duration,
}

impl<'scope> Loader<'scope> {
    /// Starts to load some epochs, the first one after so many batches.
    ///
    /// It ends with the last epoch, or when nobody wants further batches: the loader is dropped.
    pub(crate) fn start<'env: 'scope>(
        scope: &'scope Scope<'scope, 'env>,
        drawing: &'env Drawing<'_>,
        labels: Labels,
        epochs: Range<usize>,
        done: usize,
    ) -> Self {
        let (give, ready) = sync_channel(AHEAD);
        let load = move || {
            let first = epochs.start;
            for epoch in epochs {
                for draws in drawing.epoch(epoch).into_iter().skip(if epoch == first { done } else { 0 }) {
                    let batch = arranged(&drawing.seen(&draws, epoch), &labels);
                    if give.send(Loaded { draws, batch }).is_err() {
                        return;
                    }
                }
            }
        };
        Self { ready, thread: Some(scope.spawn(load)), waited: Duration::ZERO }
    }

    /// Gives the next batch; waits until it is ready.
    ///
    /// # Panics
    /// As the thread did, if it did; or if all batches have been given.
    pub(crate) fn next(&mut self) -> Loaded {
        let start = Instant::now();
        let loaded = self.ready.recv();
        self.waited += start.elapsed();
        loaded.unwrap_or_else(|_| {
            if let Some(Err(panic)) = self.thread.take().map(ScopedJoinHandle::join) {
                resume_unwind(panic);
            }
            panic!("an epoch has the batches that it was drawn with")
        })
    }

    /// Gives how long batches were waited for since this was asked last.
    pub(crate) fn waited(&mut self) -> Duration {
        std::mem::take(&mut self.waited)
    }
}

#[cfg(test)]
mod tests {
    use std::panic::{AssertUnwindSafe, catch_unwind};
    use std::thread;

    use pipe_image::{Image, Mask};

    use super::*;
    use crate::batch::Sample;
    use crate::recipe::TrainConfig;

    fn recipe() -> TrainConfig {
        let text = r#"{"epochs": 9, "batch": 2, "loss": {"dice": {}}, "optimizer": {"sgd": {}},
            "sampling": {"order": "in_order"}}"#;
        serde_json::from_str(text).expect("settings in range")
    }

    fn sample(width: usize) -> Sample {
        let image = Image { frames: 1, channels: 1, height: 2, width, data: vec![0.5; 2 * width] };
        Sample { id: width.to_string(), image, mask: Mask::plane(2, width, vec![1; 2 * width]) }
    }

    #[test]
    fn batches_come_in_order_and_a_loader_ends_early() {
        let (samples, training) = ([sample(2), sample(2), sample(2)], recipe());
        let drawing = Drawing::new(&samples, &training, training.labels(1), 3);
        let found: Vec<Vec<usize>> = thread::scope(|scope| {
            let mut loader = Loader::start(scope, &drawing, training.labels(1), 2..9, 1);
            let mut cases = || loader.next().draws.iter().map(|draw| draw.case).collect();
            (0..3).map(|_| cases()).collect()
        });
        // The second batch of an epoch, then the next epoch; the other batches are not waited for.
        assert_eq!(found, [vec![2], vec![0, 1], vec![2]]);
    }

    #[test]
    fn a_panic_of_the_thread_is_that_of_the_loop() {
        // Two sizes in one batch, which are refused before a training starts.
        let (samples, training) = ([sample(2), sample(4)], recipe());
        let drawing = Drawing::new(&samples, &training, training.labels(1), 3);
        let ended = thread::scope(|scope| {
            let mut loader = Loader::start(scope, &drawing, training.labels(1), 0..9, 0);
            catch_unwind(AssertUnwindSafe(|| loader.next())).map(|_| ())
        });
        let panic = ended.expect_err("there is no such tensor");
        let text = panic.downcast_ref::<String>().map_or("", String::as_str);
        assert!(!text.is_empty() && !text.contains("an epoch has"), "{text}");
    }
}
