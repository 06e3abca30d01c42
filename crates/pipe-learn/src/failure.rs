//! Why a training cannot start or go on.
//! It does not know what is told when; `samples` words what is wrong with cases.

use std::collections::BTreeMap;

use thiserror::Error;

use crate::checkpoint::CheckpointError;
use crate::device::DeviceError;
use crate::losses::LossError;
use crate::networks::NetworkError;
use crate::samples;
use crate::setting::SettingError;

/// A training that cannot start or go on.
#[derive(Debug, Error)]
pub enum TrainError {
    /// The network's settings are wrong.
    #[error(transparent)]
    Network(#[from] NetworkError),
    /// The loss does not fit the network.
    #[error(transparent)]
    Loss(#[from] LossError),
    /// No cases.
    #[error("there are no {part} cases; give the split more patients, or a larger `validation` share")]
    NoCases {
        /// `train` or `validation`.
        part: &'static str,
    },
    /// A setting of the recipe is out of its range.
    #[error(transparent)]
    Setting(#[from] SettingError),
    /// The checkpoint that is to be continued is of another network.
    #[error("the checkpoint is of another network ({differences}); continue with its network, or need no checkpoint")]
    OtherNetwork {
        /// What differs.
        differences: String,
    },
    /// A case that the network cannot take.
    #[error("case `{case}` does not fit the network")]
    Case {
        /// The case.
        case: String,
        /// Why.
        source: NetworkError,
    },
    /// A case of another size than the first one.
    #[error(
        "case `{case}` is {found:?} (frames, channels, height, width), the others are {expected:?}; prepare all to one size"
    )]
    Size {
        /// The case.
        case: String,
        /// Its shape.
        found: [usize; 4],
        /// The shape of the first case.
        expected: [usize; 4],
    },
    /// A mask that does not lie on its image, or names a class that the network has no map for.
    #[error("the mask of case `{case}` does not fit: {reason}")]
    Mask {
        /// The case.
        case: String,
        /// What is wrong.
        reason: String,
    },
    /// Masks with labels that no map is for.
    #[error("{}", samples::unknown_labels(found, *maps))]
    Labels {
        /// The cases of each label.
        found: BTreeMap<u8, Vec<String>>,
        /// The number of maps.
        maps: usize,
    },
    /// Images with values that are not finite.
    #[error("{}", samples::not_finite(found))]
    Values {
        /// How many such values each case has.
        found: Vec<(String, usize)>,
    },
    /// The loss is not a number.
    #[error("the loss is {loss} in epoch {epoch}, {}, cases {}; try a smaller learning rate", place(*batch), cases.join(", "))]
    NotFinite {
        /// The loss.
        loss: f64,
        /// The epoch, counted from 0.
        epoch: usize,
        /// The batch, counted from 0; none in validation.
        batch: Option<usize>,
        /// The cases of the batch.
        cases: Vec<String>,
    },
    /// The device cannot compute as the recipe says.
    #[error(transparent)]
    Device(#[from] DeviceError),
    /// Gradients of 16-bit floats are infinite or not a number at any scale.
    #[error(
        "gradients are not finite in epoch {epoch}, batch {batch}, however small the loss is scaled; use `precision: bf16` or \
         a smaller learning rate"
    )]
    Scale {
        /// The epoch, counted from 0.
        epoch: usize,
        /// The batch, counted from 0.
        batch: usize,
    },
    /// A checkpoint cannot be written or read.
    #[error(transparent)]
    Checkpoint(#[from] CheckpointError),
}

fn place(batch: Option<usize>) -> String {
    batch.map_or_else(|| "validation".to_owned(), |batch| format!("batch {batch}"))
}
