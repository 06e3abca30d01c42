//! The exponential moving average of a network's weights.
//! It does not know what changes the weights.

use rayon::prelude::*;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::networks::Network;
use crate::setting::{SettingError, below_1};
use crate::weights::{Arrays, arrays, with_arrays};

/// How weights are averaged: after each update, `average = d * average + (1 - d) * weights`.
///
/// Running statistics of normalisations are averaged in the same way, so that they fit the averaged weights (as in timm's
/// `ModelEmaV2`; `torch.optim.swa_utils.AveragedModel` with `use_buffers=True`).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Ema {
    /// The share of the old average, `d`.
    #[schemars(range(min = 0.0, max = 0.999_999_9))]
    pub decay: f64,
    /// Whether `d` rises to `decay`: at most `(1 + n) / (10 + n)` after n updates, so that first weights are soon forgotten.
    pub warm_up: bool,
}

impl Default for Ema {
    fn default() -> Self {
        Self { decay: 0.999, warm_up: true }
    }
}

impl Ema {
    /// Checks settings.
    ///
    /// # Errors
    /// The decay is out of its range.
    pub fn check(&self) -> Result<(), SettingError> {
        below_1("decay", self.decay)
    }

    /// Takes weights into an average after so many updates.
    pub(crate) fn follow(&self, average: &mut Arrays, network: &Network, updates: u64) {
        let risen = if self.warm_up { (1.0 + updates as f64) / (10.0 + updates as f64) } else { 1.0 };
        let share = (1.0 - self.decay.min(risen)) as f32;
        for (name, new) in arrays(network) {
            let old = &mut average.get_mut(&name).expect("an average has the weights of its network").values;
            old.par_iter_mut().zip(&new.values).for_each(|(old, new)| *old += share * (new - *old));
        }
    }
}

/// Gives a network with the averaged weights, or with its own where there is no average.
pub(crate) fn chosen(network: Network, average: Option<&Arrays>) -> Network {
    match average {
        None => network,
        Some(average) => with_arrays(network, average.clone()).expect("an average has the weights of its network"),
    }
}
