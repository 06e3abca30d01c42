//! An optimizer at work: what it keeps beside each weight, and the update of a whole network, there where its gradient is.
//! It does not know how a single weight is changed.

use std::collections::BTreeMap;

use burn::Tensor;
use burn::module::{Module, ModuleMapper, Param};
use rayon::prelude::*;

use super::piece::{Slices, Tensors};
use super::rule::Moment;
use super::{Excluded, OptimizerConfig};
use crate::flat::{Flat, read};
use crate::gradient::Gradient;
use crate::networks::Network;
use crate::weights::{Array, Arrays, Like, Path, replaced};

/// Weights in one piece of work: enough to be worth a thread, few enough to spread the large layers.
const PIECE: usize = 1 << 15;

/// An optimizer at work.
#[derive(Debug, Clone)]
pub struct Optimizer {
    config: OptimizerConfig,
    updates: u64,
    /// The product of the rule's factors over all updates.
    product: f64,
    /// By weight, the arrays in the order of `slots`.
    state: BTreeMap<String, Vec<Flat>>,
}

impl Optimizer {
    /// Starts.
    pub fn new(config: OptimizerConfig) -> Self {
        Self { config, updates: 0, product: 1.0, state: BTreeMap::new() }
    }

    /// Continues from what [`state`](Self::state) gave.
    pub fn resumed(config: OptimizerConfig, updates: u64, mut arrays: Arrays) -> Self {
        let names = config.slots();
        let ending = format!("/{}", names[0]);
        let weights: Vec<String> =
            arrays.keys().filter_map(|key| key.strip_suffix(&ending)).map(str::to_owned).collect();
        let state = weights
            .into_iter()
            .map(|weight| {
                let take = |name| Flat::Host(arrays.remove(&format!("{weight}/{name}")).unwrap_or_default().values);
                let slots = names.iter().map(take).collect();
                (weight, slots)
            })
            .collect();
        // In the order of the updates, so that it is the same to the last bit.
        let product = (1..=updates).fold(1.0, |product, number| product * config.factor(number));
        Self { config, updates, product, state }
    }

    /// Gives the number of updates so far.
    pub fn updates(&self) -> u64 {
        self.updates
    }

    /// Gives what is kept between updates, as flat arrays named `WEIGHT/KIND`.
    pub fn state(&self) -> Arrays {
        let kinds = self.config.slots();
        let names = self.state.keys().flat_map(|weight| kinds.iter().map(move |kind| format!("{weight}/{kind}")));
        let array = |values: Vec<f32>| Array { shape: vec![values.len()], values };
        names.zip(read(self.state.values().flatten()).into_iter().map(array)).collect()
    }

    /// Takes one step with `share` of the base learning rate. A weight without a gradient stays.
    ///
    /// With a gradient on a device nothing is read back: weights and what is kept beside them stay there.
    pub fn update(&mut self, network: Network, gradient: &Gradient, share: f64) -> Network {
        let rate = self.config.rate(self.updates) * share;
        self.updates += 1;
        self.product *= self.config.factor(self.updates);
        let moment = Moment { rate, number: self.updates, product: self.product, decays: true };
        network.map(&mut Update {
            path: Path::default(),
            gradient,
            config: &self.config,
            moment,
            state: &mut self.state,
        })
    }
}

struct Update<'a> {
    path: Path,
    gradient: &'a Gradient,
    config: &'a OptimizerConfig,
    moment: Moment,
    state: &'a mut BTreeMap<String, Vec<Flat>>,
}

impl ModuleMapper for Update<'_> {
    fn enter_module(&mut self, name: &str, container: &str) {
        self.path.enter(name, container);
    }

    fn exit_module(&mut self, _: &str, container: &str) {
        self.path.exit(container);
    }

    fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        let (name, role) = (self.path.name(), self.path.role());
        let Some(gradient) = self.gradient.of_weight(&name) else {
            return param;
        };
        let decays = !self.config.excludes().iter().any(|excluded: &Excluded| excluded.has(role));
        let moment = Moment { decays, ..self.moment };
        let kinds = self.config.slots().len();
        let kept = self.state.entry(name).or_default();
        let slots = std::mem::take(kept);
        match gradient {
            Flat::Host(gradient) => {
                let mut data = param.val().inner().into_data();
                let weights = data.as_mut_slice::<f32>().expect("weights are 32-bit floats");
                let mut slots: Vec<Vec<f32>> = slots.into_iter().map(Flat::into_host).collect();
                slots.resize_with(kinds, || vec![0.0; gradient.len()]);
                pieces(weights, gradient, &mut slots).into_par_iter().for_each(|piece| self.config.step(moment, piece));
                *kept = slots.into_iter().map(Flat::Host).collect();
                replaced(param, data)
            }
            Flat::Device(gradient) => param.map(|old| {
                let (device, count, gradient) = (gradient.device(), old.shape().num_elements(), gradient.clone());
                let mut slots: Vec<Tensor<1>> = slots.into_iter().map(|slot| slot.on(&device)).collect();
                slots.resize_with(kinds, || Tensor::zeros([count], &device));
                let like = Like::of(&old);
                let weights = old.inner().reshape([count]);
                let (weights, slots) = self.config.step(moment, Tensors { weights, gradient, slots });
                *kept = slots.into_iter().map(Flat::Device).collect();
                like.laid(weights)
            }),
        }
    }
}

/// Cuts a parameter into pieces of work.
fn pieces<'a>(weights: &'a mut [f32], gradient: &'a [f32], slots: &'a mut [Vec<f32>]) -> Vec<Slices<'a>> {
    let mut slots: Vec<_> = slots.iter_mut().map(|slot| slot.chunks_mut(PIECE)).collect();
    let pieces = weights.chunks_mut(PIECE).zip(gradient.chunks(PIECE));
    pieces
        .map(|(weights, gradient)| Slices {
            weights,
            gradient,
            slots: slots.iter_mut().filter_map(Iterator::next).collect(),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::super::{Adam, Sgd};
    use super::*;

    /// Two steps on one weight that starts at 1, with gradients 0.5 and -0.25.
    #[track_caller]
    fn check(config: &OptimizerConfig, expected: [f64; 2]) {
        let mut weights = [1.0f32];
        let mut slots = vec![vec![0.0f32]; config.slots().len()];
        for (number, (gradient, expected)) in [0.5f32, -0.25].into_iter().zip(expected).enumerate() {
            let rate = config.rate(number as u64);
            let moment = Moment { rate, number: number as u64 + 1, product: 1.0, decays: true };
            for piece in pieces(&mut weights, &[gradient], &mut slots) {
                config.step(moment, piece);
            }
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
