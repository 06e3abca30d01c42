//! Adam.
//! It does not know schedules.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::number::Number;
use super::piece::Piece;
use super::rule::{Excluded, Moment, Rule};
use crate::setting::{SettingError, at_least_0, below_1};

/// Settings of Adam.
///
/// # Source
/// Kingma and Ba 2015, as `torch.optim.Adam`: means without their bias, epsilon outside the root.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Adam {
    /// The base learning rate.
    #[schemars(range(min = 0.0))]
    pub learning_rate: f64,
    /// The share of the old mean of gradients.
    #[schemars(range(min = 0.0, max = 0.999_999))]
    pub beta1: f64,
    /// The share of the old mean of squared gradients.
    #[schemars(range(min = 0.0, max = 0.999_999))]
    pub beta2: f64,
    /// Added to the root below; 1e-8 as PyTorch (Burn's own Adam has 1e-5).
    #[schemars(range(min = 0.0))]
    pub epsilon: f64,
    /// Times the weight, added to the gradient (not decoupled; `adamw` decouples it).
    #[schemars(range(min = 0.0))]
    pub weight_decay: f64,
    /// Parameters without weight decay.
    pub decay_excludes: Vec<Excluded>,
}

impl Default for Adam {
    fn default() -> Self {
        let decay_excludes = Vec::new();
        Self { learning_rate: 1e-3, beta1: 0.9, beta2: 0.999, epsilon: 1e-8, weight_decay: 0.0, decay_excludes }
    }
}

impl Rule for Adam {
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
        let decay = moment.decay(self.weight_decay);
        adam(self.beta1, self.beta2, self.epsilon, moment, piece, |w, g| (w.clone(), g + w * decay))
    }
}

/// One step of Adam: `decayed` changes a weight by itself, and makes what the means take of its gradient.
pub(super) fn adam<P: Piece>(
    beta1: f64,
    beta2: f64,
    epsilon: f64,
    Moment { rate, number, .. }: Moment,
    piece: P,
    decayed: impl Fn(P::Number, P::Number) -> (P::Number, P::Number),
) -> P::Given {
    let number = number as f64;
    let step = (rate / (1.0 - beta1.powf(number))) as f32;
    let root = (1.0 - beta2.powf(number)).sqrt() as f32;
    let (beta1, beta2, epsilon) = (beta1 as f32, beta2 as f32, epsilon as f32);
    piece.each(|w, g, [m, v]| {
        let (w, g) = decayed(w, g);
        let m = m * beta1 + g.clone() * (1.0 - beta1);
        let v = v * beta2 + g.clone() * (1.0 - beta2) * g;
        (w - m.clone() * step / (v.clone().root() / root + epsilon), [m, v])
    })
}
