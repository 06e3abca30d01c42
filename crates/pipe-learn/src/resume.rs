//! Where a training stands, on disk: one file that is replaced as a whole, so that a kill anywhere loses little.
//! It does not know how a batch is learned from. Random states are not in it: they follow from seed, epoch and position.

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};

use crate::checkpoint::{self, CheckpointError};
use crate::device::Place;
use crate::ema::{Average, chosen};
use crate::gradient::Gradient;
use crate::history::{HistoryRow, best_of};
use crate::networks::Network;
use crate::optimizers::Optimizer;
use crate::recipe::TrainConfig;
use crate::scaling::Scaling;
use crate::validation::Validation;
use crate::weights::{Array, Arrays, arrays, with_arrays};

const FILE: &str = "state.safetensors";
const LOSS: &str = "loss";

/// Where a training stands: between two epochs, or within one.
#[derive(Debug, Clone)]
pub(crate) struct State {
    /// The network.
    pub network: Network,
    /// The optimizer.
    pub optimizer: Optimizer,
    /// The averaged weights, if they are averaged.
    pub average: Option<Average>,
    /// Of the batches since the last update.
    pub gradient: Gradient,
    /// The scale of losses, in a number format that needs one.
    pub scaling: Option<Scaling>,
    /// One row for each epoch that is done.
    pub history: Vec<HistoryRow>,
    /// The loss of every batch so far.
    pub losses: Vec<f32>,
    /// Where the epoch under way stands.
    pub position: Position,
}

/// Where an epoch stands.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Position {
    /// Batches that were learned from.
    pub batches: usize,
    /// Cases that were.
    pub cases: usize,
    /// The sum of their losses.
    pub loss: f64,
    /// The learning rate of the epoch's first update.
    pub learning_rate: f64,
}

impl Position {
    /// Counts a batch.
    fn advance(&mut self, loss: f64, cases: usize) {
        self.batches += 1;
        self.cases += cases;
        self.loss += loss * cases as f64;
    }

    /// Gives the row of the epoch.
    pub(crate) fn row(&self, epoch: usize, found: Validation) -> HistoryRow {
        let Validation { loss: validation_loss, dice: validation_dice, class_dice } = found;
        let (learning_rate, train_loss) = (self.learning_rate, self.loss / self.cases as f64);
        HistoryRow { epoch, learning_rate, train_loss, validation_loss, validation_dice, class_dice }
    }
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Note {
    updates: u64,
    gradient_cases: usize,
    position: Position,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    scaling: Option<Scaling>,
    history: Vec<HistoryRow>,
}

/// The best epoch before an epoch has ended, and after.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Bests {
    /// None before the first.
    pub before: Option<usize>,
    /// Itself, or one before it.
    pub now: usize,
}

/// The file of the weights of an epoch that was the best one so far.
pub(crate) fn best_file(epoch: usize) -> String {
    format!("best-{epoch}.safetensors")
}

impl State {
    /// Starts with a network.
    pub(crate) fn new(network: Network, training: &TrainConfig, place: &Place) -> Self {
        let average = training.ema.as_ref().map(|_| Average::of(&network, place));
        let (optimizer, gradient) = (Optimizer::new(training.optimizer.clone()), Gradient::default());
        let scaling = Scaling::of(training.precision);
        let (history, losses, position) = (Vec::new(), Vec::new(), Position::default());
        Self { network, optimizer, average, gradient, scaling, history, losses, position }
    }

    /// Counts a batch.
    pub(crate) fn advance(&mut self, loss: f32, cases: usize) {
        self.position.advance(loss.into(), cases);
        self.losses.push(loss);
    }

    /// Gives the network that is validated and kept.
    pub(crate) fn kept(&self) -> Network {
        chosen(self.network.clone(), self.average.as_ref())
    }

    /// Copies out the weights that are validated and kept; waits for a device.
    pub(crate) fn kept_arrays(&self) -> Arrays {
        self.average.as_ref().map_or_else(|| arrays(&self.network), Average::arrays)
    }

    /// Ends an epoch in memory; gives which one was the best before it, and which one is now.
    pub(crate) fn end(&mut self, row: HistoryRow, training: &TrainConfig) -> Bests {
        let before = best_of(&self.history, training.best).map(|row| row.epoch);
        self.history.push(row);
        self.position = Position::default();
        Bests { before, now: best_of(&self.history, training.best).expect("one was just added").epoch }
    }

    /// Puts an ended epoch on disk: the state, and the kept weights if it is the best epoch so far.
    ///
    /// The best weights go first, under their epoch's name: killed in between, the state still names the best epoch before, and
    /// its file is still there.
    ///
    /// # Errors
    /// A file cannot be written.
    pub(crate) fn close(&self, Bests { before, now }: Bests, folder: &Path) -> Result<(), CheckpointError> {
        if before != Some(now) {
            checkpoint::write(&folder.join(best_file(now)), &self.kept_arrays(), "")?;
        }
        self.write(folder)?;
        if let Some(epoch) = before.filter(|before| *before != now) {
            // One that cannot be removed costs space alone.
            drop(fs::remove_file(folder.join(best_file(epoch))));
        }
        Ok(())
    }

    /// Writes the state alone.
    ///
    /// # Errors
    /// The file cannot be written.
    pub(crate) fn write(&self, folder: &Path) -> Result<(), CheckpointError> {
        let note = Note {
            updates: self.optimizer.updates(),
            gradient_cases: self.gradient.cases(),
            position: self.position,
            scaling: self.scaling,
            history: self.history.clone(),
        };
        let note = serde_json::to_string(&note).expect("a note is plain data");
        let losses = Array { shape: vec![self.losses.len()], values: self.losses.clone() };
        let mut all = Arrays::new();
        let parts = [
            ("network", arrays(&self.network)),
            ("optimizer", self.optimizer.state()),
            ("average", self.average.as_ref().map(Average::arrays).unwrap_or_default()),
            ("gradient", self.gradient.arrays()),
            ("steps", Arrays::from([(LOSS.to_owned(), losses)])),
        ];
        for (part, arrays) in parts {
            all.extend(arrays.into_iter().map(|(name, array)| (format!("{part}/{name}"), array)));
        }
        checkpoint::write(&folder.join(FILE), &all, &note)
    }

    /// Continues where a training stopped, if one did in this folder; a network as built must be given for it.
    ///
    /// The folder belongs to one recipe, so a state that does not fit the network is damaged, not old.
    ///
    /// # Errors
    /// There is a state and it cannot be used.
    pub(crate) fn load(
        folder: &Path,
        network: Network,
        training: &TrainConfig,
        place: &Place,
    ) -> Result<Option<Self>, CheckpointError> {
        let path = folder.join(FILE);
        if !fs::exists(&path).unwrap_or(false) {
            return Ok(None);
        }
        let (all, note) = checkpoint::read(&path)?;
        let damaged = |source| CheckpointError::Read { path: path.clone(), source };
        let Note { updates, gradient_cases, position, scaling, history } =
            serde_json::from_str(&note).map_err(|error| damaged(error.into()))?;
        let mut parts = [
            ("network/", Arrays::new()),
            ("optimizer/", Arrays::new()),
            ("average/", Arrays::new()),
            ("gradient/", Arrays::new()),
            ("steps/", Arrays::new()),
        ];
        for (name, array) in all {
            if let Some((part, arrays)) = parts.iter_mut().find(|(part, _)| name.starts_with(*part)) {
                arrays.insert(name[part.len()..].to_owned(), array);
            }
        }
        let [network_arrays, optimizer, average, gradient, mut steps] = parts.map(|(_, arrays)| arrays);
        let network = with_arrays(network, network_arrays).map_err(|error| damaged(std::io::Error::other(error)))?;
        Ok(Some(Self {
            network,
            optimizer: Optimizer::resumed(training.optimizer.clone(), updates, optimizer),
            average: training.ema.as_ref().map(|_| Average::resumed(average, place)),
            gradient: Gradient::resumed(gradient_cases, gradient),
            scaling,
            history,
            losses: steps.remove(LOSS).unwrap_or_default().values,
            position,
        }))
    }
}

/// Writes states within an epoch, by time: when it is written never changes a result.
#[derive(Debug)]
pub(crate) struct Pauses {
    every: Duration,
    last: Instant,
}

impl Pauses {
    /// Starts to wait.
    pub(crate) fn new(every: Duration) -> Self {
        Self { every, last: Instant::now() }
    }

    /// Tells whether enough time has passed.
    pub(crate) fn is_due(&self) -> bool {
        self.last.elapsed() >= self.every
    }

    /// Writes the state if enough time has passed.
    ///
    /// # Errors
    /// The file cannot be written.
    pub(crate) fn after(&mut self, state: &State, folder: &Path) -> Result<(), CheckpointError> {
        if self.is_due() {
            state.write(folder)?;
            self.last = Instant::now();
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::device::DeviceChoice;
    use crate::networks::NetworkConfig;
    use crate::scaling::Verdict;

    #[test]
    fn the_scale_of_losses_is_kept() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let place = DeviceChoice::Cpu.place().expect("there is a CPU");
        let network: NetworkConfig = serde_json::from_str(r#"{"unet": {"width": 2, "depth": 1}}"#).expect("in range");
        let network = || network.build(&place.device).expect("in range");
        for precision in ["f16", "bf16"] {
            let text = format!(
                r#"{{"epochs": 1, "batch": 1, "loss": {{"dice": {{}}}}, "optimizer": {{"sgd": {{}}}}, "precision": "{precision}"}}"#
            );
            let training: TrainConfig = serde_json::from_str(&text).expect("settings in range");
            let mut state = State::new(network(), &training, &place);
            if let Some(scaling) = &mut state.scaling {
                assert_eq!(
                    scaling.judge(&Gradient::new(1, [("a".to_owned(), vec![f32::NAN])].into())),
                    Verdict::LeftOut
                );
            }
            assert_eq!(state.scaling.is_some(), precision == "f16");
            state.write(folder.path()).expect("writable");
            let found = State::load(folder.path(), network(), &training, &place).expect("readable").expect("written");
            assert_eq!(found.scaling, state.scaling);
        }
    }
}
