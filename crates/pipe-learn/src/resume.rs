//! The state between two epochs, on disk: one file that is replaced as a whole, so that a kill anywhere loses one epoch.
//! It does not know how an epoch is trained. Random states are not in it: they follow from seed and epoch.

use std::fs;
use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::checkpoint::{self, CheckpointError};
use crate::history::{HistoryRow, best_of};
use crate::networks::Network;
use crate::optimizers::{Optimizer, OptimizerConfig};
use crate::weights::{Arrays, arrays, with_arrays};

const FILE: &str = "state.safetensors";

/// Where a training stands between two epochs.
#[derive(Debug, Clone)]
pub(crate) struct State {
    /// The network.
    pub network: Network,
    /// The optimizer.
    pub optimizer: Optimizer,
    /// One row for each epoch that is done.
    pub history: Vec<HistoryRow>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Note {
    updates: u64,
    history: Vec<HistoryRow>,
}

/// The file of the weights of an epoch that was the best one so far.
pub(crate) fn best_file(epoch: usize) -> String {
    format!("best-{epoch}.safetensors")
}

impl State {
    /// Writes the state, and the network as the best one if its last epoch was.
    ///
    /// The best weights go first, under their epoch's name: killed in between, the state still names the best epoch before, and
    /// its file is still there.
    ///
    /// # Errors
    /// A file cannot be written.
    pub(crate) fn save(&self, folder: &Path) -> Result<(), CheckpointError> {
        let weights = arrays(&self.network);
        let last = self.history.last().map(|row| row.epoch);
        let best = best_of(&self.history).map(|row| row.epoch);
        if let Some(epoch) = best.filter(|_| best == last) {
            checkpoint::write(&folder.join(best_file(epoch)), &weights, "")?;
        }
        let note = Note { updates: self.optimizer.updates(), history: self.history.clone() };
        let note = serde_json::to_string(&note).expect("a note is plain data");
        let optimizer = self.optimizer.state().into_iter().map(|(name, array)| (format!("optimizer/{name}"), array));
        let network = weights.into_iter().map(|(name, array)| (format!("network/{name}"), array));
        let all: Arrays = network.chain(optimizer).collect();
        checkpoint::write(&folder.join(FILE), &all, &note)?;
        let before = best_of(&self.history[..self.history.len().saturating_sub(1)]).map(|row| row.epoch);
        if let Some(epoch) = before.filter(|_| before != best) {
            // One that cannot be removed costs space alone.
            drop(fs::remove_file(folder.join(best_file(epoch))));
        }
        Ok(())
    }

    /// Continues where a training stopped, if one did in this folder.
    ///
    /// The folder belongs to one recipe, so a state that does not fit the network is damaged, not old.
    ///
    /// # Errors
    /// There is a state and it cannot be used.
    pub(crate) fn load(
        folder: &Path,
        network: Network,
        optimizer: &OptimizerConfig,
    ) -> Result<Loaded, CheckpointError> {
        let path = folder.join(FILE);
        if !fs::exists(&path).unwrap_or(false) {
            return Ok(Loaded::Nothing(Box::new(network)));
        }
        let (all, note) = checkpoint::read(&path)?;
        let damaged = |source| CheckpointError::Read { path: path.clone(), source };
        let note: Note = serde_json::from_str(&note).map_err(|error| damaged(error.into()))?;
        let part = |prefix: &str| -> Arrays {
            let named = all.iter().filter_map(|(name, array)| Some((name.strip_prefix(prefix)?, array)));
            named.map(|(name, array)| (name.to_owned(), array.clone())).collect()
        };
        let network = with_arrays(network, part("network/")).map_err(|error| damaged(std::io::Error::other(error)))?;
        let optimizer = Optimizer::resumed(optimizer.clone(), note.updates, part("optimizer/"));
        Ok(Loaded::State(Box::new(Self { network, optimizer, history: note.history })))
    }
}

/// What a resume folder held.
#[derive(Debug)]
pub(crate) enum Loaded {
    /// A state to continue from.
    State(Box<State>),
    /// Nothing; the network is given back.
    Nothing(Box<Network>),
}
