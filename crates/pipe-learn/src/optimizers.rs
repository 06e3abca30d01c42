//! Optimizers, ours and by parameter name, so that their state is a flat file and an update one pass over plain floats.
//! They do not know losses or schedules; the loop hands them the share of the learning rate.

use std::collections::BTreeMap;

use burn::Tensor;
use burn::module::{Module, ModuleMapper, Param};
use burn::tensor::Gradients;
use rayon::prelude::*;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::networks::Network;
use crate::weights::{Array, Arrays, Path, replaced};

/// Which optimizer, with its settings.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum OptimizerConfig {
    /// Stochastic gradient descent.
    Sgd(Sgd),
    /// Adam (Kingma and Ba 2015).
    Adam(Adam),
}

/// Settings of stochastic gradient descent; momentum as PyTorch writes it, the rate outside the velocity.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Sgd {
    /// The base learning rate.
    #[schemars(range(min = 0.0))]
    pub learning_rate: f64,
    /// The share of the old velocity.
    #[schemars(range(min = 0.0, max = 1.0))]
    pub momentum: f64,
    /// Whether to look ahead (Nesterov).
    pub nesterov: bool,
    /// Times the weight, added to the gradient of every parameter.
    #[schemars(range(min = 0.0))]
    pub weight_decay: f64,
    /// Keras' `decay`: the rate is divided by 1 + decay * updates. Not weight decay.
    #[schemars(range(min = 0.0))]
    pub decay: f64,
}

impl Default for Sgd {
    fn default() -> Self {
        Self { learning_rate: 0.01, momentum: 0.9, nesterov: true, weight_decay: 0.0, decay: 0.0 }
    }
}

/// Settings of Adam.
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
    /// Times the weight, added to the gradient of every parameter (not decoupled).
    #[schemars(range(min = 0.0))]
    pub weight_decay: f64,
}

impl Default for Adam {
    fn default() -> Self {
        Self { learning_rate: 1e-3, beta1: 0.9, beta2: 0.999, epsilon: 1e-8, weight_decay: 0.0 }
    }
}

impl OptimizerConfig {
    /// Raised when equal settings give other steps than before.
    pub const VERSION: u32 = 1;

    /// Gives the base learning rate after so many updates.
    pub fn rate(&self, updates: u64) -> f64 {
        match self {
            Self::Sgd(sgd) => sgd.learning_rate / (1.0 + sgd.decay * updates as f64),
            Self::Adam(adam) => adam.learning_rate,
        }
    }

    /// Names of the arrays that are kept beside each weight.
    fn state_names(&self) -> &'static [&'static str] {
        match self {
            Self::Sgd(_) => &["velocity"],
            Self::Adam(_) => &["mean", "square"],
        }
    }
}

/// An optimizer at work.
#[derive(Debug, Clone)]
pub struct Optimizer {
    config: OptimizerConfig,
    updates: u64,
    /// By weight, the arrays in the order of `state_names`.
    state: BTreeMap<String, Vec<Vec<f32>>>,
}

impl Optimizer {
    /// Starts.
    pub fn new(config: OptimizerConfig) -> Self {
        Self { config, updates: 0, state: BTreeMap::new() }
    }

    /// Continues from what [`state`](Self::state) gave.
    pub fn resumed(config: OptimizerConfig, updates: u64, mut arrays: Arrays) -> Self {
        let names = config.state_names();
        let ending = format!("/{}", names[0]);
        let weights: Vec<String> =
            arrays.keys().filter_map(|key| key.strip_suffix(&ending)).map(str::to_owned).collect();
        let state = weights
            .into_iter()
            .map(|weight| {
                let take = |name| arrays.remove(&format!("{weight}/{name}")).unwrap_or_default().values;
                let slots = names.iter().map(take).collect();
                (weight, slots)
            })
            .collect();
        Self { config, updates, state }
    }

    /// Gives the number of updates so far.
    pub fn updates(&self) -> u64 {
        self.updates
    }

    /// Gives what is kept between updates, as flat arrays named `WEIGHT/KIND`.
    pub fn state(&self) -> Arrays {
        let names = self.config.state_names();
        let mut arrays = Arrays::new();
        for (weight, slots) in &self.state {
            for (name, values) in names.iter().zip(slots) {
                let array = Array { shape: vec![values.len()], values: values.clone() };
                arrays.insert(format!("{weight}/{name}"), array);
            }
        }
        arrays
    }

    /// Takes one step with `share` of the base learning rate. A weight without a gradient stays.
    pub fn update(&mut self, network: Network, gradients: Gradients, share: f64) -> Network {
        let rate = self.config.rate(self.updates) * share;
        self.updates += 1;
        let step = Step::new(&self.config, rate, self.updates);
        let slots = self.config.state_names().len();
        network.map(&mut Update { path: Path::default(), gradients, step, slots, state: &mut self.state })
    }
}

struct Update<'a> {
    path: Path,
    gradients: Gradients,
    step: Step,
    slots: usize,
    state: &'a mut BTreeMap<String, Vec<Vec<f32>>>,
}

impl ModuleMapper for Update<'_> {
    fn enter_module(&mut self, name: &str, container: &str) {
        self.path.enter(name, container);
    }

    fn exit_module(&mut self, _: &str, container: &str) {
        self.path.exit(container);
    }

    fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        if !self.path.role().is_trained() {
            return param;
        }
        let Some(gradient) = param.val().grad_remove(&mut self.gradients) else {
            return param;
        };
        let gradient = gradient.into_data();
        let gradient = gradient.as_slice::<f32>().expect("gradients are 32-bit floats");
        let mut data = param.val().inner().into_data();
        let weights = data.as_mut_slice::<f32>().expect("weights are 32-bit floats");
        let count = weights.len();
        let slots = self.state.entry(self.path.name()).or_insert_with(|| vec![vec![0.0; count]; self.slots]);
        self.step.apply(weights, gradient, slots);
        replaced(param, data)
    }
}

/// The numbers of one step, alike for all weights.
#[derive(Debug, Clone, Copy)]
enum Step {
    Sgd { rate: f32, momentum: f32, nesterov: bool, weight_decay: f32 },
    Adam { rate: f32, beta1: f32, beta2: f32, epsilon: f32, weight_decay: f32, root: f32 },
}

/// Weights in one piece of work: enough to be worth a thread, few enough to spread the large layers.
const PIECE: usize = 1 << 15;

impl Step {
    fn new(config: &OptimizerConfig, rate: f64, number: u64) -> Self {
        match config {
            OptimizerConfig::Sgd(sgd) => Self::Sgd {
                rate: rate as f32,
                momentum: sgd.momentum as f32,
                nesterov: sgd.nesterov,
                weight_decay: sgd.weight_decay as f32,
            },
            OptimizerConfig::Adam(adam) => {
                let number = number as f64;
                Self::Adam {
                    rate: (rate / (1.0 - adam.beta1.powf(number))) as f32,
                    beta1: adam.beta1 as f32,
                    beta2: adam.beta2 as f32,
                    epsilon: adam.epsilon as f32,
                    weight_decay: adam.weight_decay as f32,
                    root: (1.0 - adam.beta2.powf(number)).sqrt() as f32,
                }
            }
        }
    }

    /// Every weight is changed alone, so pieces and threads do not change the result.
    fn apply(self, weights: &mut [f32], gradient: &[f32], slots: &mut [Vec<f32>]) {
        match (self, slots) {
            (Self::Sgd { rate, momentum, nesterov, weight_decay }, [velocity]) => {
                let pieces = weights.par_chunks_mut(PIECE).zip(gradient.par_chunks(PIECE));
                pieces.zip(velocity.par_chunks_mut(PIECE)).for_each(|((weights, gradient), velocity)| {
                    for ((w, g), v) in weights.iter_mut().zip(gradient).zip(velocity) {
                        let g = g + weight_decay * *w;
                        *v = momentum * *v + g;
                        *w -= rate * if nesterov { g + momentum * *v } else { *v };
                    }
                });
            }
            (Self::Adam { rate, beta1, beta2, epsilon, weight_decay, root }, [mean, square]) => {
                let pieces = weights.par_chunks_mut(PIECE).zip(gradient.par_chunks(PIECE));
                let state = mean.par_chunks_mut(PIECE).zip(square.par_chunks_mut(PIECE));
                pieces.zip(state).for_each(|((weights, gradient), (mean, square))| {
                    for (((w, g), m), v) in weights.iter_mut().zip(gradient).zip(mean).zip(square) {
                        let g = g + weight_decay * *w;
                        *m = beta1 * *m + (1.0 - beta1) * g;
                        *v = beta2 * *v + (1.0 - beta2) * g * g;
                        *w -= rate * *m / (v.sqrt() / root + epsilon);
                    }
                });
            }
            _ => unreachable!("each optimizer keeps the arrays that it names"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Two steps on one weight that starts at 1, with gradients 0.5 and -0.25.
    #[track_caller]
    fn check(config: &OptimizerConfig, expected: [f64; 2]) {
        let mut weights = [1.0f32];
        let mut slots = vec![vec![0.0f32]; config.state_names().len()];
        for (number, (gradient, expected)) in [0.5f32, -0.25].into_iter().zip(expected).enumerate() {
            let step = Step::new(config, config.rate(number as u64), number as u64 + 1);
            step.apply(&mut weights, &[gradient], &mut slots);
            let error = (f64::from(weights[0]) - expected).abs();
            assert!(error < 1e-6, "step {number}: {} against {expected}", weights[0]);
        }
    }

    #[test]
    fn steps_by_hand() {
        let plain = Sgd { learning_rate: 0.1, momentum: 0.9, nesterov: false, ..Sgd::default() };
        // v = 0.5, then 0.9 * 0.5 - 0.25 = 0.2.
        check(&OptimizerConfig::Sgd(plain.clone()), [0.95, 0.93]);
        // 0.5 + 0.9 * 0.5 = 0.95, then -0.25 + 0.9 * 0.2 = -0.07.
        check(&OptimizerConfig::Sgd(Sgd { nesterov: true, ..plain.clone() }), [0.905, 0.912]);
        // The second rate is 0.1 / 2.
        check(&OptimizerConfig::Sgd(Sgd { decay: 1.0, ..plain.clone() }), [0.95, 0.94]);
        // g = 0.5 + 0.1; v = 0.6; then g = -0.25 + 0.094, v = 0.54 - 0.156 = 0.384.
        check(&OptimizerConfig::Sgd(Sgd { weight_decay: 0.1, ..plain }), [0.94, 0.9016]);
        // The first step of Adam is the rate. Then m = 0.02 / 0.19, v = 0.00031225 / 0.001999 (bias taken out).
        let second = 0.9 - 0.1 * (0.02 / 0.19) / (0.000_312_25f64 / 0.001_999).sqrt();
        check(&OptimizerConfig::Adam(Adam { learning_rate: 0.1, ..Adam::default() }), [0.9, second]);
    }
}
