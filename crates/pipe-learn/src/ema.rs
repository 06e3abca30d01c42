//! The exponential moving average of a network's weights.
//! It does not know what changes the weights.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::device::Place;
use crate::flat::Flat;
use crate::networks::Network;
use crate::setting::{SettingError, below_1};
use crate::weights::{Array, Arrays, Weight, arrays, read, weights, with_weights};

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
    pub(crate) fn follow(&self, average: &mut Average, network: &Network, updates: u64) {
        let risen = if self.warm_up { (1.0 + updates as f64) / (10.0 + updates as f64) } else { 1.0 };
        let share = (1.0 - self.decay.min(risen)) as f32;
        for (name, new) in average.kept.of(network) {
            let old = average.weights.get_mut(&name).expect(SAME);
            let values = std::mem::replace(&mut old.values, Flat::Host(Vec::new()));
            old.values = values.follow(new.values, share);
        }
    }
}

const SAME: &str = "an average has the weights of its network";

/// Averaged weights and running statistics: on the host, or on the network's device, where nothing waits for them.
#[derive(Debug, Clone)]
pub(crate) struct Average {
    kept: Kept,
    weights: BTreeMap<String, Weight>,
}

/// Where an average is kept.
#[derive(Debug, Clone, Copy)]
enum Kept {
    Host,
    Device,
}

impl Kept {
    fn at(place: &Place) -> Self {
        if place.is_host() { Self::Host } else { Self::Device }
    }

    /// Gives the weights of a network there.
    fn of(self, network: &Network) -> BTreeMap<String, Weight> {
        match self {
            Self::Host => on_host(arrays(network)),
            Self::Device => weights(network),
        }
    }
}

fn on_host(arrays: Arrays) -> BTreeMap<String, Weight> {
    let weight = |Array { shape, values }| Weight { shape, values: Flat::Host(values) };
    arrays.into_iter().map(|(name, array)| (name, weight(array))).collect()
}

impl Average {
    /// Starts with the weights of a network.
    pub(crate) fn of(network: &Network, place: &Place) -> Self {
        let kept = Kept::at(place);
        Self { kept, weights: kept.of(network) }
    }

    /// Continues from what [`arrays`](Self::arrays) gave.
    pub(crate) fn resumed(arrays: Arrays, place: &Place) -> Self {
        Self { kept: Kept::at(place), weights: on_host(arrays) }
    }

    /// Copies it out; waits for a device.
    pub(crate) fn arrays(&self) -> Arrays {
        read(&self.weights)
    }
}

/// Gives a network with the averaged weights, or with its own where there is no average.
pub(crate) fn chosen(network: Network, average: Option<&Average>) -> Network {
    match average {
        None => network,
        Some(average) => with_weights(network, average.weights.clone()).expect(SAME),
    }
}
