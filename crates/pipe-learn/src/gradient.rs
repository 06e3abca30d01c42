//! Gradients as plain floats by weight: their mean over batches, and clipping.
//! It does not know losses or optimizers.

use std::collections::BTreeMap;

use burn::Tensor;
use burn::module::{Module, ModuleVisitor, Param};
use burn::tensor::Gradients;
use rayon::prelude::*;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

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

/// A gradient, or the mean of those of several batches.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Gradient {
    /// The cases that it is the mean over.
    cases: usize,
    values: BTreeMap<String, Vec<f32>>,
}

impl Gradient {
    /// Takes gradients as they are, by name of the weight.
    pub fn new(cases: usize, values: BTreeMap<String, Vec<f32>>) -> Self {
        Self { cases, values }
    }

    /// Takes the gradients of a batch of so many cases.
    pub fn of(network: &Network, gradients: Gradients, cases: usize) -> Self {
        let mut collect = Collect { path: Path::default(), gradients, values: BTreeMap::new() };
        network.visit(&mut collect);
        Self { cases, values: collect.values }
    }

    /// Continues from what [`arrays`](Self::arrays) gave.
    pub(crate) fn resumed(cases: usize, arrays: Arrays) -> Self {
        Self { cases, values: arrays.into_iter().map(|(name, array)| (name, array.values)).collect() }
    }

    /// Gives the values as flat arrays.
    pub(crate) fn arrays(&self) -> Arrays {
        let array = |values: &Vec<f32>| Array { shape: vec![values.len()], values: values.clone() };
        self.values.iter().map(|(name, values)| (name.clone(), array(values))).collect()
    }

    /// Gives the number of cases that it is the mean over.
    pub(crate) fn cases(&self) -> usize {
        self.cases
    }

    /// Gives the gradient of a weight.
    pub(crate) fn of_weight(&self, name: &str) -> Option<&[f32]> {
        self.values.get(name).map(Vec::as_slice)
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
            let old = self.values.entry(name).or_insert_with(|| vec![0.0; new.len()]);
            old.par_iter_mut().zip(&new).for_each(|(old, new)| *old += share * (new - *old));
        }
    }

    /// Keeps it in its limits, and leaves nothing behind.
    pub fn taken(&mut self, clip: Option<&Clip>) -> Self {
        let mut gradient = std::mem::take(self);
        let Some(clip) = clip else { return gradient };
        if let Some(most) = clip.value {
            gradient.change(|value| value.clamp(-(most as f32), most as f32));
        }
        if let Some(most) = clip.norm {
            // The same small constant as in PyTorch.
            let factor = (most / (gradient.norm() + 1e-6)).min(1.0) as f32;
            gradient.change(|value| value * factor);
        }
        gradient
    }

    /// Gives the root of the sum of all squares; in one order, so that it does not depend on threads.
    pub fn norm(&self) -> f64 {
        let square = |values: &Vec<f32>| values.iter().map(|value| f64::from(*value).powi(2)).sum::<f64>();
        self.values
            .values()
            .collect::<Vec<_>>()
            .into_par_iter()
            .map(square)
            .collect::<Vec<_>>()
            .iter()
            .sum::<f64>()
            .sqrt()
    }

    fn change(&mut self, change: impl Fn(f32) -> f32 + Sync) {
        self.values.values_mut().for_each(|values| values.par_iter_mut().for_each(|value| *value = change(*value)));
    }
}

struct Collect {
    path: Path,
    gradients: Gradients,
    values: BTreeMap<String, Vec<f32>>,
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
            self.values.insert(self.path.name(), floats(gradient));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn gradient(cases: usize, values: &[f32]) -> Gradient {
        Gradient { cases, values: [("a".to_owned(), values.to_vec())].into() }
    }

    #[test]
    fn a_mean_counts_cases() {
        let mut mean = Gradient::default();
        mean.add(gradient(3, &[1.0, 2.0]));
        mean.add(gradient(1, &[5.0, -2.0]));
        assert_eq!(mean, gradient(4, &[2.0, 1.0]));
        assert_eq!(mean.taken(None), gradient(4, &[2.0, 1.0]));
        assert_eq!(mean, Gradient::default());
    }

    #[test]
    fn limits() {
        let clip = |norm, value| gradient(1, &[3.0, -4.0]).taken(Some(&Clip { norm, value })).values["a"].clone();
        assert_eq!(clip(Some(10.0), None), [3.0, -4.0]);
        assert_eq!(clip(None, Some(3.5)), [3.0, -3.5]);
        for (found, expected) in clip(Some(1.0), None).into_iter().zip([0.6, -0.8]) {
            assert!((found - expected).abs() < 1e-6, "{found}");
        }
        let error = Clip { norm: Some(0.0), value: None }.check().expect_err("nothing would be learned");
        assert_eq!(error.to_string(), "`norm` is 0, expected above 0");
    }
}
