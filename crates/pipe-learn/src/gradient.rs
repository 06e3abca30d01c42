//! Gradients by weight: their mean over batches, and clipping.
//! It does not know losses or optimizers.

use std::borrow::Cow;
use std::collections::BTreeMap;

use burn::Tensor;
use burn::module::{Module, ModuleVisitor, Param};
use burn::tensor::{Device, Gradients};
use rayon::prelude::*;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::flat::{Flat, read};
use crate::networks::Network;
use crate::setting::{SettingError, above_0};
use crate::weights::{Array, Arrays, Path, floats};

/// How large gradients may be.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Clip {
    /// The norm over all gradients together, at most; larger ones are scaled, as `torch.nn.utils.clip_grad_norm_` does.
    #[schemars(range(min = 0.0))]
    pub norm: Option<f64>,
    /// Each number of a gradient, at most and at least (before `norm`), as `torch.nn.utils.clip_grad_value_` does.
    #[schemars(range(min = 0.0))]
    pub value: Option<f64>,
}

impl Clip {
    /// Checks settings.
    ///
    /// # Errors
    /// One is not above 0.
    pub fn check(&self) -> Result<(), SettingError> {
        let fields = [("norm", self.norm), ("value", self.value)];
        fields.into_iter().try_for_each(|(field, value)| value.map_or(Ok(()), |value| above_0(field, value)))
    }
}

/// A gradient, or the mean of those of several batches: on the host, or left on the device that made it.
#[derive(Debug, Clone, Default)]
pub struct Gradient {
    /// The cases that it is the mean over.
    cases: usize,
    values: BTreeMap<String, Flat>,
}

impl Gradient {
    /// Takes gradients as they are, by name of the weight.
    pub fn new(cases: usize, values: BTreeMap<String, Vec<f32>>) -> Self {
        Self { cases, values: values.into_iter().map(|(name, values)| (name, Flat::Host(values))).collect() }
    }

    /// Copies the gradients of a batch of so many cases to the host; waits until they are there.
    pub fn of(network: &Network, gradients: Gradients, cases: usize) -> Self {
        Self::collected(network, gradients, cases, Flat::copied)
    }

    /// Leaves the gradients of a batch of so many cases where they are; waits for nothing.
    pub fn on_device(network: &Network, gradients: Gradients, cases: usize) -> Self {
        Self::collected(network, gradients, cases, Flat::Device)
    }

    fn collected(network: &Network, gradients: Gradients, cases: usize, kept: fn(Tensor<1>) -> Flat) -> Self {
        let mut collect = Collect { path: Path::default(), gradients, kept, values: BTreeMap::new() };
        network.visit(&mut collect);
        Self { cases, values: collect.values }
    }

    /// Moves it to a device.
    #[must_use]
    pub fn on(self, device: &Device) -> Self {
        self.changed(|values| Flat::Device(values.on(device)))
    }

    /// Continues from what [`arrays`](Self::arrays) gave.
    pub(crate) fn resumed(cases: usize, arrays: Arrays) -> Self {
        Self::new(cases, arrays.into_iter().map(|(name, array)| (name, array.values)).collect())
    }

    /// Gives the values as flat arrays; waits for a device.
    pub(crate) fn arrays(&self) -> Arrays {
        let array = |values: Vec<f32>| Array { shape: vec![values.len()], values };
        self.values.keys().cloned().zip(read(self.values.values()).into_iter().map(array)).collect()
    }

    /// Gives the number of cases that it is the mean over.
    pub(crate) fn cases(&self) -> usize {
        self.cases
    }

    /// Gives the gradient of a weight.
    pub(crate) fn of_weight(&self, name: &str) -> Option<&Flat> {
        self.values.get(name)
    }

    /// Takes a further batch into the mean, each case with equal weight. The mean with nothing is the batch itself, to the bit.
    pub fn add(&mut self, batch: Self) {
        if self.cases == 0 {
            *self = batch;
            return;
        }
        self.cases += batch.cases;
        let share = (batch.cases as f64 / self.cases as f64) as f32;
        for (name, new) in batch.values {
            let old = self.values.remove(&name).unwrap_or_else(|| Flat::Host(vec![0.0; new.len()]));
            self.values.insert(name, old.follow(new, share));
        }
    }

    /// Keeps it in its limits, and leaves nothing behind. On a device nothing is read back.
    pub fn taken(&mut self, clip: Option<&Clip>) -> Self {
        let gradient = std::mem::take(self);
        let Some(clip) = clip else { return gradient };
        let gradient = match clip.value {
            None => gradient,
            Some(most) => gradient.changed(|values| match values {
                Flat::Host(values) => Flat::Host(each(values, |value| value.clamp(-(most as f32), most as f32))),
                Flat::Device(values) => Flat::Device(values.clamp(-(most as f32), most as f32)),
            }),
        };
        // The same small constant as in PyTorch.
        let small = 1e-6;
        match (clip.norm, gradient.device()) {
            (None, _) => gradient,
            (Some(most), None) => {
                let factor = (most / (gradient.norm() + small)).min(1.0) as f32;
                gradient.times(factor)
            }
            (Some(most), Some(device)) => {
                let norm = gradient.sum(&device, |values| values.square().sum()).sqrt();
                let factor = ((norm + small as f32).recip() * most as f32).clamp_max(1.0);
                gradient.changed(|values| Flat::Device(values.on(&device) * factor.clone()))
            }
        }
    }

    /// Multiplies all values.
    #[must_use]
    pub(crate) fn times(self, factor: f32) -> Self {
        self.changed(|values| match values {
            Flat::Host(values) => Flat::Host(each(values, |value| value * factor)),
            Flat::Device(values) => Flat::Device(values * factor),
        })
    }

    /// Gives the root of the sum of all squares; in one order, so that it does not depend on threads. Waits for a device.
    pub fn norm(&self) -> f64 {
        let square = |values: &Cow<'_, [f32]>| values.iter().map(|value| f64::from(*value).powi(2)).sum::<f64>();
        let values: Vec<Cow<'_, [f32]>> = self.values.values().map(Flat::seen).collect();
        values.par_iter().map(square).collect::<Vec<_>>().iter().sum::<f64>().sqrt()
    }

    /// Tells whether every value is a number, neither infinite nor NaN; waits for one number of a device.
    pub(crate) fn is_finite(&self) -> bool {
        match self.device() {
            None => self.values.values().all(|values| match values {
                Flat::Host(values) => values.par_iter().all(|value| value.is_finite()),
                Flat::Device(_) => true,
            }),
            // What is infinite or NaN is NaN when multiplied by 0, and makes the sum so.
            Some(device) => floats(self.sum(&device, |values| (values * 0.0f32).sum()))[0] == 0.0,
        }
    }

    /// Gives the device, if it is on one.
    fn device(&self) -> Option<Device> {
        self.values.values().find_map(Flat::device)
    }

    /// Adds up one number of each weight on a device: `[1]`.
    fn sum(&self, device: &Device, of: impl Fn(Tensor<1>) -> Tensor<1>) -> Tensor<1> {
        Tensor::cat(self.values.values().map(|values| of(values.clone().on(device))).collect(), 0).sum()
    }

    fn changed(self, change: impl Fn(Flat) -> Flat) -> Self {
        let Self { cases, values } = self;
        Self { cases, values: values.into_iter().map(|(name, values)| (name, change(values))).collect() }
    }
}

fn each(mut values: Vec<f32>, change: impl Fn(f32) -> f32 + Sync) -> Vec<f32> {
    values.par_iter_mut().for_each(|value| *value = change(*value));
    values
}

struct Collect {
    path: Path,
    gradients: Gradients,
    kept: fn(Tensor<1>) -> Flat,
    values: BTreeMap<String, Flat>,
}

impl ModuleVisitor for Collect {
    fn enter_module(&mut self, name: &str, container: &str) {
        self.path.enter(name, container);
    }

    fn exit_module(&mut self, _: &str, container: &str) {
        self.path.exit(container);
    }

    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        if !self.path.role().is_trained() {
            return;
        }
        if let Some(gradient) = param.val().grad_remove(&mut self.gradients) {
            let count = gradient.shape().num_elements();
            self.values.insert(self.path.name(), (self.kept)(gradient.reshape([count])));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn gradient(cases: usize, values: &[f32]) -> Gradient {
        Gradient::new(cases, [("a".to_owned(), values.to_vec())].into())
    }

    fn on_device(cases: usize, values: &[f32]) -> Gradient {
        gradient(cases, values).on(&Device::flex())
    }

    #[track_caller]
    fn check(found: &Gradient, cases: usize, values: &[f32]) {
        assert_eq!((found.cases, found.arrays()), (cases, gradient(cases, values).arrays()));
    }

    #[test]
    fn a_mean_counts_cases() {
        for make in [gradient, on_device] {
            let mut mean = Gradient::default();
            mean.add(make(3, &[1.0, 2.0]));
            mean.add(make(1, &[5.0, -2.0]));
            check(&mean, 4, &[2.0, 1.0]);
            check(&mean.taken(None), 4, &[2.0, 1.0]);
            assert!(mean.cases == 0 && mean.values.is_empty());
        }
    }

    #[test]
    fn limits() {
        for make in [gradient, on_device] {
            let clip =
                |norm, value| make(1, &[3.0, -4.0]).taken(Some(&Clip { norm, value })).arrays()["a"].values.clone();
            assert_eq!(clip(Some(10.0), None), [3.0, -4.0]);
            assert_eq!(clip(None, Some(3.5)), [3.0, -3.5]);
            for (found, expected) in clip(Some(1.0), None).into_iter().zip([0.6, -0.8]) {
                assert!((found - expected).abs() < 1e-6, "{found}");
            }
        }
        let error = Clip { norm: Some(0.0), value: None }.check().expect_err("nothing would be learned");
        assert_eq!(error.to_string(), "`norm` is 0, expected above 0");
    }

    #[test]
    fn what_is_not_finite_is_found() {
        for make in [gradient, on_device] {
            assert!(make(1, &[3.0, f32::MAX]).is_finite());
            for wrong in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
                assert!(!make(1, &[3.0, wrong, -1.0]).is_finite(), "{wrong}");
            }
        }
    }
}
