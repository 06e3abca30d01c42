//! What is told of a training while it runs, and what comes of it.
//! It does not know who listens.

use std::time::Duration;

use crate::history::HistoryRow;
use crate::model::ModelCard;

/// What happens during a training.
#[derive(Debug, Clone, PartialEq)]
pub enum TrainEvent {
    /// It starts, or continues after so many epochs.
    Started {
        /// Epochs done before.
        done: usize,
        /// Batches of the next one done before.
        batch: usize,
        /// Epochs in all, at most.
        epochs: usize,
        /// Batches in an epoch.
        batches: usize,
    },
    /// Images are padded for the network, and its maps cropped again; told after the start.
    Padded {
        /// Slices, rows and columns that are seen of a case.
        from: [usize; 3],
        /// With the margin.
        to: [usize; 3],
    },
    /// The last batch of an epoch is smaller, and is learned from; told after the start.
    LastBatch {
        /// Its cases.
        cases: usize,
        /// Those of the others.
        batch: usize,
    },
    /// That batch has one case, of which a normalisation by the batch sees one value a channel: it gives its shift, whatever came in.
    LonelyCase,
    /// There is a checkpoint, and it cannot be used; the training begins anew.
    CheckpointLost {
        /// Why.
        reason: String,
    },
    /// The checkpoint of an earlier training is of another recipe, so nothing of it is used.
    StartedAnew {
        /// What differs.
        reason: String,
    },
    /// A batch was learned from.
    Batch {
        /// The epoch, counted from 0.
        epoch: usize,
        /// The batch, counted from 0.
        batch: usize,
        /// Its loss.
        loss: f64,
    },
    /// An epoch is done.
    Epoch {
        /// Its numbers.
        row: HistoryRow,
        /// The best epoch so far.
        best: usize,
        /// How long learning from its batches took, without validation and what is written afterwards.
        took: Duration,
        /// How much of that batches were waited for that were not ready yet.
        waited: Duration,
    },
    /// Nothing has become better for as long as early stopping waits.
    StoppedEarly {
        /// The last epoch.
        epoch: usize,
    },
}

/// A finished training.
#[derive(Debug, Clone, PartialEq)]
pub struct TrainOutcome {
    /// The card of the model.
    pub card: ModelCard,
    /// All epochs.
    pub history: Vec<HistoryRow>,
}
