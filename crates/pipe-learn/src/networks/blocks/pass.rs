//! One forward pass: whether it learns, the random state of dropout, and what layers report on the way.
//! It does not know layers; they write into it.

use burn::Tensor;
use burn::module::ParamId;
use rand_pcg::Pcg64;

use crate::precision::Precision;

/// What a forward pass carries through the layers.
#[derive(Debug)]
pub struct Pass {
    /// The random state of dropout; without one the pass does not learn.
    dropout: Option<Pcg64>,
    precision: Precision,
    statistics: Vec<Statistics>,
    steps: Option<Vec<Step>>,
    /// Shape of what the layer that is listed next reads.
    read: Vec<usize>,
}

/// The batch statistics that a normalisation saw, to be mixed into its running statistics.
#[derive(Debug)]
pub struct Statistics {
    /// The parameter that holds the running mean.
    pub running_mean: ParamId,
    /// The parameter that holds the running variance.
    pub running_var: ParamId,
    /// The mean per channel.
    pub mean: Tensor<1>,
    /// The biased variance per channel.
    pub variance: Tensor<1>,
    /// The number of values per channel.
    pub count: usize,
    /// The share of this batch in the new running value.
    pub momentum: f64,
}

/// One layer as it was run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    /// The kind of layer.
    pub kind: &'static str,
    /// The parameter that stands for the layer, if it has any.
    pub weight: Option<ParamId>,
    /// The shape it gave.
    pub shape: Vec<usize>,
    /// The shape it read, where it keeps that for the backward pass; else empty.
    pub read: Vec<usize>,
    /// The number of values that an activation gave after it, where the backward pass needs them beside what the layer gave.
    pub beside: usize,
    /// The number of multiplications with addition.
    pub macs: u64,
}

impl Pass {
    /// A pass that learns: batch statistics, and dropout drawn from `random`.
    pub fn learning(random: Pcg64) -> Self {
        Self { dropout: Some(random), ..Self::predicting() }
    }

    /// A pass that predicts: running statistics, no dropout.
    pub fn predicting() -> Self {
        Self { dropout: None, precision: Precision::default(), statistics: Vec::new(), steps: None, read: Vec::new() }
    }

    /// A predicting pass that lists the layers.
    pub fn listing() -> Self {
        Self { steps: Some(Vec::new()), ..Self::predicting() }
    }

    /// The same pass in a number format.
    pub fn in_precision(self, precision: Precision) -> Self {
        Self { precision, ..self }
    }

    /// Gives the number format of convolutions and of what layers hand on.
    pub fn precision(&self) -> Precision {
        self.precision
    }

    /// Tells whether the pass learns.
    pub fn is_learning(&self) -> bool {
        self.dropout.is_some()
    }

    /// Gives the batch statistics that layers reported.
    pub fn into_statistics(self) -> Vec<Statistics> {
        self.statistics
    }

    /// Gives the layers in the order they ran; empty unless the pass lists.
    pub fn into_steps(self) -> Vec<Step> {
        self.steps.unwrap_or_default()
    }

    pub(super) fn random(&mut self) -> Option<&mut Pcg64> {
        self.dropout.as_mut()
    }

    pub(super) fn report(&mut self, statistics: Statistics) {
        self.statistics.push(statistics);
    }

    /// Notes what the layer that is listed next reads and keeps for the backward pass.
    pub(super) fn reads(&mut self, shape: &[usize]) {
        if self.steps.is_some() {
            self.read = shape.to_vec();
        }
    }

    /// Notes values that are kept for the backward pass beside what the last layer gave.
    pub(super) fn keeps(&mut self, values: usize) {
        if let Some(step) = self.steps.as_mut().and_then(|steps| steps.last_mut()) {
            step.beside += values;
        }
    }

    pub(super) fn list(&mut self, kind: &'static str, weight: Option<ParamId>, shape: &[usize], macs: usize) {
        if let Some(steps) = &mut self.steps {
            let read = std::mem::take(&mut self.read);
            steps.push(Step { kind, weight, shape: shape.to_vec(), read, beside: 0, macs: macs as u64 });
        }
    }
}
