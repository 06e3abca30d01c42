//! Losses: one file each, one variant in [`LossConfig`]; they take logits and one-hot targets.
//! They do not know networks, cases or devices.

mod binary_cross_entropy;
mod cross_entropy;
mod dice;
mod loss;

pub use binary_cross_entropy::BinaryCrossEntropy;
pub use cross_entropy::CrossEntropy;
pub use dice::{Background, Dice, DiceForm, Over};
pub use loss::{LossConfig, LossError, LossTerm};
