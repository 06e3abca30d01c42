//! Adam.
//! It does not know schedules.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::rule::{Excluded, Moment, Piece, Rule};
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

    fn step(&self, moment: Moment, piece: Piece<'_>) {
        let decay = moment.decay(self.weight_decay);
        adam(self.beta1, self.beta2, self.epsilon, moment, piece, |_, _| (), move |w, g| g + decay * w);
    }
}

/// One step of Adam: `before` changes a weight by itself, `gradient` makes what the means take.
pub(super) fn adam(
    beta1: f64,
    beta2: f64,
    epsilon: f64,
    Moment { rate, number, .. }: Moment,
    Piece { weights, gradient, slots }: Piece<'_>,
    before: impl Fn(&mut f32, f32),
    changed: impl Fn(f32, f32) -> f32,
) {
    let number = number as f64;
    let step = (rate / (1.0 - beta1.powf(number))) as f32;
    let root = (1.0 - beta2.powf(number)).sqrt() as f32;
    let (rate, beta1, beta2, epsilon) = (rate as f32, beta1 as f32, beta2 as f32, epsilon as f32);
    let [mean, square] = Piece::slots(slots);
    for (((w, g), m), v) in weights.iter_mut().zip(gradient).zip(mean).zip(square) {
        before(w, rate);
        let g = changed(*w, *g);
        *m = beta1 * *m + (1.0 - beta1) * g;
        *v = beta2 * *v + (1.0 - beta2) * g * g;
        *w -= step * *m / (v.sqrt() / root + epsilon);
    }
}
