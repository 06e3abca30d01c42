//! AdamW: Adam whose weights shrink by themselves.
//! It does not know schedules.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::adam::adam;
use super::piece::Piece;
use super::rule::{Excluded, Moment, Rule};
use crate::setting::{SettingError, at_least_0, below_1};

/// Settings of Adam with decoupled weight decay.
///
/// # Source
/// Loshchilov and Hutter 2019, as `torch.optim.AdamW`: `w *= 1 - rate * weight_decay`, then a step of Adam.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct AdamW {
    /// The base learning rate.
    #[schemars(range(min = 0.0))]
    pub learning_rate: f64,
    /// The share of the old mean of gradients.
    #[schemars(range(min = 0.0, max = 0.999_999))]
    pub beta1: f64,
    /// The share of the old mean of squared gradients.
    #[schemars(range(min = 0.0, max = 0.999_999))]
    pub beta2: f64,
    /// Added to the root below.
    #[schemars(range(min = 0.0))]
    pub epsilon: f64,
    /// Times the rate, the share that a weight loses in each update.
    #[schemars(range(min = 0.0))]
    pub weight_decay: f64,
    /// Parameters without weight decay.
    pub decay_excludes: Vec<Excluded>,
}

impl Default for AdamW {
    fn default() -> Self {
        let decay_excludes = Vec::new();
        Self { learning_rate: 1e-3, beta1: 0.9, beta2: 0.999, epsilon: 1e-8, weight_decay: 0.01, decay_excludes }
    }
}

impl Rule for AdamW {
    const SLOTS: &'static [&'static str] = &["mean", "square"];

    fn check(&self) -> Result<(), SettingError> {
        at_least_0("learning_rate", self.learning_rate)?;
        below_1("beta1", self.beta1)?;
        below_1("beta2", self.beta2)?;
        at_least_0("epsilon", self.epsilon)?;
        at_least_0("weight_decay", self.weight_decay)
    }

    fn learning_rate(&self) -> f64 {
        self.learning_rate
    }

    fn excludes(&self) -> &[Excluded] {
        &self.decay_excludes
    }

    fn step<P: Piece>(&self, moment: Moment, piece: P) -> P::Given {
        let kept = 1.0 - moment.rate as f32 * moment.decay(self.weight_decay);
        adam(self.beta1, self.beta2, self.epsilon, moment, piece, |w, g| (w * kept, g))
    }
}
