//! Losses: one file each, one variant in [`LossConfig`]; they take logits and targets of 0 and 1.
//! They do not know networks, cases or devices.
//!
//! In all of them, pixels that [`Target::counted`](crate::Target) leaves out have no influence: neither they nor a sample
//! without any other pixel are part of a sum or a mean.

mod binary_cross_entropy;
mod cross_entropy;
mod deep;
mod dice;
mod focal;
mod focal_tversky;
mod jaccard;
mod loss;
mod pixels;
mod regions;
mod soft_cldice;
#[cfg(test)]
mod tests;
mod tversky;

pub use binary_cross_entropy::BinaryCrossEntropy;
pub use cross_entropy::CrossEntropy;
pub use deep::{DeepSupervision, supervised};
pub use dice::{Denominator, Dice, DiceForm};
pub use focal::Focal;
pub use focal_tversky::FocalTversky;
pub use jaccard::Jaccard;
pub use loss::{LOSSES, LossConfig, LossError, LossTerm};
pub use regions::{Absent, Background, Over};
pub use soft_cldice::SoftClDice;
pub use tversky::Tversky;
