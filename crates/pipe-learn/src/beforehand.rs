//! What is told of a training before it starts, because only its cases show it.
//! It does not look into cases: their number and size are enough.

use crate::event::TrainEvent;
use crate::failure::TrainError;
use crate::memory::{ONE_VALUE, footprint};
use crate::recipe::LastBatch;
use crate::setting::expect;
use crate::train::TrainTask;

/// Tells what only the cases show, and refuses batches that a normalisation cannot learn from.
pub(crate) fn told(task: &TrainTask<'_>, observer: &mut dyn FnMut(TrainEvent)) -> Result<(), TrainError> {
    let TrainTask { network, training, train, .. } = *task;
    let [_, channels, ..] = train[0].image.shape();
    let from = task.seen(&train[0]);
    let shape = [channels, from[0], from[1], from[2]];
    let margin = network.margin(shape);
    if !margin.is_empty() {
        let to = std::array::from_fn(|axis| from[axis] + margin.before[axis] + margin.behind[axis]);
        observer(TrainEvent::Padded { from, to });
    }
    let (draws, batch) = (training.sampling.draws.unwrap_or(train.len()), training.batch);
    let last = if training.last_batch == LastBatch::Keep { draws % batch } else { 0 };
    if last > 0 {
        observer(TrainEvent::LastBatch { cases: last, batch });
    }
    if batch == 1 || last == 1 {
        let sees_one = footprint(network, channels, from[0])?.least_normalised(shape) == Some(1);
        expect(!(sees_one && batch == 1), "batch", batch, ONE_VALUE)?;
        if sees_one {
            observer(TrainEvent::LonelyCase);
        }
    }
    Ok(())
}
