//! The card of a trained network: what must be known to use its weights.
//! It does not hold weights; they lie beside it in the model folder.

use std::fs;
use std::path::Path;

use pipe_image::Preparation;
use serde::{Deserialize, Serialize};

use crate::checkpoint::{self, CheckpointError};
use crate::head::Head;
use crate::history::HistoryRow;
use crate::networks::NetworkConfig;
use crate::precision::Precision;
use crate::pretrained::WeightsCard;

/// The weights of the epoch with the best Dice on validation cases, in a model folder.
pub const BEST: &str = "best.safetensors";
/// The weights after the last epoch.
pub const LAST: &str = "last.safetensors";
/// The card.
pub const CARD: &str = "model.json";
/// The history.
pub const HISTORY: &str = "history.csv";
/// The loss of every batch.
pub const STEPS: &str = "steps.csv";

/// What must be known to use trained weights.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ModelCard {
    /// The network.
    pub network: NetworkConfig,
    /// Version of the network.
    pub network_version: u32,
    /// What turns its output into probabilities.
    pub head: Head,
    /// The number of maps it puts out.
    pub classes: usize,
    /// Trained parameters.
    pub parameters: usize,
    /// The shape of one image in training: `[channels, frames, height, width]`.
    pub input: [usize; 4],
    /// How images were prepared.
    pub preparation: Preparation,
    /// The file that first weights came from, if any did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub weights: Option<WeightsCard>,
    /// The seed of the training.
    pub seed: u64,
    /// In which number format it was trained.
    #[serde(default, skip_serializing_if = "Precision::is_default")]
    pub precision: Precision,
    /// The epochs that were trained.
    pub epochs: usize,
    /// The epoch of the best weights, with its numbers.
    pub best: HistoryRow,
}

impl ModelCard {
    /// Reads the card of a model folder.
    ///
    /// # Errors
    /// There is none, or it has another form.
    pub fn read(folder: &Path) -> Result<Self, CheckpointError> {
        let path = folder.join(CARD);
        let read = fs::read_to_string(&path);
        let card = read.and_then(|text| serde_json::from_str(&text).map_err(Into::into));
        card.map_err(|source| CheckpointError::Read { path, source })
    }

    /// Writes the card into a model folder.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn write(&self, folder: &Path) -> Result<(), CheckpointError> {
        let text = serde_json::to_string_pretty(self).expect("a card is plain data");
        checkpoint::write_file(&folder.join(CARD), text.as_bytes())
    }
}
