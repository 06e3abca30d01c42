//! What an optimizer must tell of itself, and what one step is given.
//! It does not know networks.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::piece::Piece;
use crate::setting::SettingError;
use crate::weights::Role;

/// The settings of one optimizer.
pub(super) trait Rule {
    /// Names of the arrays that are kept beside each weight; they start at 0.
    const SLOTS: &'static [&'static str];

    /// Checks settings.
    ///
    /// # Errors
    /// One is out of its range.
    fn check(&self) -> Result<(), SettingError>;

    /// Gives the learning rate that schedules take shares of.
    fn learning_rate(&self) -> f64;

    /// Gives the learning rate after so many updates, before the schedule.
    fn rate(&self, _updates: u64) -> f64 {
        self.learning_rate()
    }

    /// Gives which parameters have no weight decay.
    fn excludes(&self) -> &[Excluded];

    /// Gives what [`Moment::product`] is multiplied by in update `number`, counted from 1.
    fn factor(&self, _number: u64) -> f64 {
        1.0
    }

    /// Takes one step on some weights; written once for plain floats and for tensors.
    fn step<P: Piece>(&self, moment: Moment, piece: P) -> P::Given;
}

/// Parameters without weight decay.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Excluded {
    /// What convolutions and linear layers add.
    Bias,
    /// What normalisations multiply by and add.
    Norm,
}

impl Excluded {
    pub(super) fn has(self, role: Role) -> bool {
        match self {
            Self::Bias => role == Role::Bias,
            Self::Norm => matches!(role, Role::NormScale | Role::NormShift),
        }
    }
}

/// The numbers of one step, alike for all weights.
#[derive(Debug, Clone, Copy)]
pub(super) struct Moment {
    /// The learning rate.
    pub rate: f64,
    /// The update, counted from 1.
    pub number: u64,
    /// The product of all factors so far.
    pub product: f64,
    /// Whether the weights decay.
    pub decays: bool,
}

impl Moment {
    /// Gives the weight decay of these weights.
    pub(super) fn decay(self, weight_decay: f64) -> f32 {
        if self.decays { weight_decay as f32 } else { 0.0 }
    }
}
