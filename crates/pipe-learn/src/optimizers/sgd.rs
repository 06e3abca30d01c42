//! Stochastic gradient descent.
//! It does not know schedules.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::piece::Piece;
use super::rule::{Excluded, Moment, Rule};
use crate::setting::{SettingError, at_least_0, below_1};

/// Settings of stochastic gradient descent; momentum as PyTorch writes it, the rate outside the velocity.
///
/// # Source
/// `torch.optim.SGD` (without dampening): `v = m v + g`, `w -= r v`, with Nesterov `w -= r (g + m v)`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Sgd {
    /// The base learning rate.
    #[schemars(range(min = 0.0))]
    pub learning_rate: f64,
    /// The share of the old velocity.
    #[schemars(range(min = 0.0, max = 0.999_999))]
    pub momentum: f64,
    /// Whether to look ahead (Nesterov).
    pub nesterov: bool,
    /// Times the weight, added to the gradient.
    #[schemars(range(min = 0.0))]
    pub weight_decay: f64,
    /// Parameters without weight decay.
    pub decay_excludes: Vec<Excluded>,
    /// Keras' `decay`: the rate is divided by 1 + decay * updates. Not weight decay.
    #[schemars(range(min = 0.0))]
    pub decay: f64,
}

impl Default for Sgd {
    fn default() -> Self {
        let decay_excludes = Vec::new();
        Self { learning_rate: 0.01, momentum: 0.9, nesterov: true, weight_decay: 0.0, decay_excludes, decay: 0.0 }
    }
}

impl Rule for Sgd {
    const SLOTS: &'static [&'static str] = &["velocity"];

    fn check(&self) -> Result<(), SettingError> {
        at_least_0("learning_rate", self.learning_rate)?;
        below_1("momentum", self.momentum)?;
        at_least_0("weight_decay", self.weight_decay)?;
        at_least_0("decay", self.decay)
    }

    fn learning_rate(&self) -> f64 {
        self.learning_rate
    }

    fn rate(&self, updates: u64) -> f64 {
        self.learning_rate / (1.0 + self.decay * updates as f64)
    }

    fn excludes(&self) -> &[Excluded] {
        &self.decay_excludes
    }

    fn step<P: Piece>(&self, moment: Moment, piece: P) -> P::Given {
        let (rate, momentum, decay) = (moment.rate as f32, self.momentum as f32, moment.decay(self.weight_decay));
        piece.each(|w, g, [v]| {
            let g = g + w.clone() * decay;
            let v = v * momentum + g.clone();
            let step = if self.nesterov { g + v.clone() * momentum } else { v.clone() };
            (w - step * rate, [v])
        })
    }
}
