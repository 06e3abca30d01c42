//! Cross-entropy over classes that exclude each other.
//! It takes logits, so that no logarithm of a rounded zero occurs.

use burn::Tensor;
use burn::tensor::{Int, TensorData, activation};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::LossError;
use super::regions::{check_weights, is_default, row};
use crate::batch::Target;
use crate::weights::floats;

/// Settings of the cross-entropy; the mean is over pixels.
///
/// # Source
/// PyTorch's `CrossEntropyLoss`: with weights, the sum over pixels of weighted values is divided by the sum of the weights of the
/// pixels' classes. `top_k` is nnU-Net's `TopKLoss` (`k=10` is 0.1), whose mean is over weighted values and not divided by weights;
/// pixels that do not count are no part of the share here, there they are values of 0.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct CrossEntropy {
    /// What pixels of each class count, one number a map, background first; equal by default.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub weights: Option<Vec<f64>>,
    /// The share of the target that is spread over all classes alike.
    #[serde(skip_serializing_if = "is_default")]
    #[schemars(range(min = 0.0, max = 1.0))]
    pub label_smoothing: f64,
    /// The share of pixels, those with the largest loss in the batch, that the mean is over; all by default.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0.0, max = 1.0))]
    pub top_k: Option<f64>,
}

impl CrossEntropy {
    pub(super) fn check(&self, maps: usize) -> Result<(), LossError> {
        let Self { weights, label_smoothing, top_k } = self;
        if let Some(weights) = weights {
            check_weights(weights, maps)?;
        }
        let setting =
            |field, value: f64, expected| Err(LossError::Setting { field, value: value.to_string(), expected });
        if !(0.0..=1.0).contains(label_smoothing) {
            return setting("label_smoothing", *label_smoothing, "from 0 to 1");
        }
        match top_k {
            Some(share) if !(*share > 0.0 && *share <= 1.0) => setting("top_k", *share, "more than 0 and at most 1"),
            _ => Ok(()),
        }
    }

    /// # Shapes
    /// `[batch, maps, depth, height, width]` to `[1]`.
    pub(super) fn value(&self, logits: Tensor<5>, target: &Target) -> Tensor<1> {
        let maps = logits.dims()[1];
        let targets = target.maps.clone();
        let log = activation::log_softmax(logits, 1);
        let is_plain = self.weights.is_none() && self.label_smoothing == 0.0 && self.top_k.is_none();
        if is_plain && target.counted.is_none() {
            // The mean divides by maps as well, which is taken back.
            return (log * targets).mean() * -(maps as f64);
        }
        let weights = match &self.weights {
            Some(weights) => row(weights, &log).reshape([1, maps, 1, 1, 1]),
            None => Tensor::ones([1, 1, 1, 1, 1], &log.device()),
        };
        let wanted = targets.clone() * (1.0 - self.label_smoothing) + self.label_smoothing / maps as f64;
        let values = -(log * wanted * weights.clone()).sum_dim(1); // [batch, 1, depth, height, width]
        if let Some(share) = self.top_k {
            return hardest(values, target.counted.clone(), share).mean();
        }
        let share = (targets * weights).sum_dim(1);
        let share = match target.counted.clone() {
            Some(counted) => share * counted,
            None => share,
        };
        let values = match target.counted.clone() {
            Some(counted) => values * counted,
            None => values,
        };
        values.sum() / share.sum().clamp_min(1e-12)
    }
}

/// The share of values that are largest among those that count, at least one of them.
///
/// Which they are is found outside of the device: the order in which equal values come is the same everywhere then.
fn hardest(values: Tensor<5>, counted: Option<Tensor<5>>, share: f64) -> Tensor<1> {
    let numbers = floats(values.clone().detach());
    let mut places: Vec<u32> = match counted.map(floats) {
        Some(counted) => (0..).zip(&counted).filter(|(_, counts)| **counts > 0.0).map(|(place, _)| place).collect(),
        None => (0..).zip(&numbers).map(|(place, _)| place).collect(),
    };
    let kept = ((places.len() as f64 * share) as usize).max(1);
    if kept < places.len() {
        let value = |place: &u32| numbers[*place as usize];
        places.select_nth_unstable_by(kept - 1, |a, b| value(b).total_cmp(&value(a)).then(a.cmp(b)));
        places.truncate(kept);
        places.sort_unstable();
    }
    let device = values.device();
    let count = numbers.len();
    let values = values.reshape([count]);
    if places.is_empty() {
        return values.narrow(0, 0, 1) * 0.0;
    }
    let places: Vec<i64> = places.into_iter().map(i64::from).collect();
    let length = places.len();
    values.select(0, Tensor::<1, Int>::from_data(TensorData::new(places, [length]), &device))
}
