//! RMSprop.
//! It does not know schedules.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::number::Number;
use super::piece::Piece;
use super::rule::{Excluded, Moment, Rule};
use crate::setting::{SettingError, at_least_0, below_1};

/// Settings of RMSprop.
///
/// # Source
/// Hinton 2012, as `torch.optim.RMSprop`: epsilon outside the root, the rate outside the momentum.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct RmsProp {
    /// The base learning rate.
    #[schemars(range(min = 0.0))]
    pub learning_rate: f64,
    /// The share of the old mean of squared gradients.
    #[schemars(range(min = 0.0, max = 0.999_999))]
    pub alpha: f64,
    /// Added to the root below.
    #[schemars(range(min = 0.0))]
    pub epsilon: f64,
    /// The share of the old step in the new one.
    #[schemars(range(min = 0.0, max = 0.999_999))]
    pub momentum: f64,
    /// Whether the root is of the variance of gradients instead of their mean square (Graves 2013).
    pub centred: bool,
    /// Times the weight, added to the gradient.
    #[schemars(range(min = 0.0))]
    pub weight_decay: f64,
    /// Parameters without weight decay.
    pub decay_excludes: Vec<Excluded>,
}

impl Default for RmsProp {
    fn default() -> Self {
        Self {
            learning_rate: 0.01,
            alpha: 0.99,
            epsilon: 1e-8,
            momentum: 0.0,
            centred: false,
            weight_decay: 0.0,
            decay_excludes: Vec::new(),
        }
    }
}

impl Rule for RmsProp {
    const SLOTS: &'static [&'static str] = &["square", "mean", "velocity"];

    fn check(&self) -> Result<(), SettingError> {
        at_least_0("learning_rate", self.learning_rate)?;
        below_1("alpha", self.alpha)?;
        at_least_0("epsilon", self.epsilon)?;
        below_1("momentum", self.momentum)?;
        at_least_0("weight_decay", self.weight_decay)
    }

    fn learning_rate(&self) -> f64 {
        self.learning_rate
    }

    fn excludes(&self) -> &[Excluded] {
        &self.decay_excludes
    }

    fn step<P: Piece>(&self, moment: Moment, piece: P) -> P::Given {
        let (rate, decay) = (moment.rate as f32, moment.decay(self.weight_decay));
        let (alpha, epsilon, momentum) = (self.alpha as f32, self.epsilon as f32, self.momentum as f32);
        piece.each(|w, g, [s, m, v]| {
            let g = g + w.clone() * decay;
            let s = s * alpha + g.clone() * (1.0 - alpha) * g.clone();
            let m = m * alpha + g.clone() * (1.0 - alpha);
            // Rounding can leave a variance of a little less than 0.
            let square = if self.centred { (s.clone() - m.clone() * m.clone()).at_least(0.0) } else { s.clone() };
            let v = v * momentum + g / (square.root() + epsilon);
            (w - v.clone() * rate, [s, m, v])
        })
    }
}
