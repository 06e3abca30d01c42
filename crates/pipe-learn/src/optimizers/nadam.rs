//! NAdam: Adam that looks ahead.
//! It does not know schedules.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::number::Number;
use super::piece::Piece;
use super::rule::{Excluded, Moment, Rule};
use crate::setting::{SettingError, at_least_0, below_1};

/// Settings of Adam with Nesterov's momentum.
///
/// # Source
/// Dozat 2016, as `torch.optim.NAdam`: momentum of update t is `m(t) = beta1 (1 - 0.96^(t * momentum_decay) / 2)`. Keras'
/// `Nadam` is this with `momentum_decay: 0.004` and `epsilon: 1e-7`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct NAdam {
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
    /// How fast the momentum rises to `beta1`.
    #[schemars(range(min = 0.0))]
    pub momentum_decay: f64,
    /// Times the weight, added to the gradient (not decoupled).
    #[schemars(range(min = 0.0))]
    pub weight_decay: f64,
    /// Parameters without weight decay.
    pub decay_excludes: Vec<Excluded>,
}

impl Default for NAdam {
    fn default() -> Self {
        Self {
            learning_rate: 2e-3,
            beta1: 0.9,
            beta2: 0.999,
            epsilon: 1e-8,
            momentum_decay: 4e-3,
            weight_decay: 0.0,
            decay_excludes: Vec::new(),
        }
    }
}

impl Rule for NAdam {
    const SLOTS: &'static [&'static str] = &["mean", "square"];

    fn check(&self) -> Result<(), SettingError> {
        at_least_0("learning_rate", self.learning_rate)?;
        below_1("beta1", self.beta1)?;
        below_1("beta2", self.beta2)?;
        at_least_0("epsilon", self.epsilon)?;
        at_least_0("momentum_decay", self.momentum_decay)?;
        at_least_0("weight_decay", self.weight_decay)
    }

    fn learning_rate(&self) -> f64 {
        self.learning_rate
    }

    fn excludes(&self) -> &[Excluded] {
        &self.decay_excludes
    }

    fn factor(&self, number: u64) -> f64 {
        self.beta1 * (1.0 - 0.5 * 0.96f64.powf(number as f64 * self.momentum_decay))
    }

    fn step<P: Piece>(&self, moment: Moment, piece: P) -> P::Given {
        let Moment { rate, number, product, .. } = moment;
        let (now, next) = (self.factor(number), self.factor(number + 1));
        let of_gradient = (rate * (1.0 - now) / (1.0 - product)) as f32;
        let of_mean = (rate * next / (1.0 - product * next)) as f32;
        let unbiased = (1.0 - self.beta2.powf(number as f64)) as f32;
        let (beta1, beta2, epsilon) = (self.beta1 as f32, self.beta2 as f32, self.epsilon as f32);
        let decay = moment.decay(self.weight_decay);
        piece.each(|w, g, [m, v]| {
            let g = g + w.clone() * decay;
            let m = m * beta1 + g.clone() * (1.0 - beta1);
            let v = v * beta2 + g.clone() * (1.0 - beta2) * g.clone();
            let root = (v.clone() / unbiased).root() + epsilon;
            (w - (g * of_gradient / root.clone() + m.clone() * of_mean / root), [m, v])
        })
    }
}
