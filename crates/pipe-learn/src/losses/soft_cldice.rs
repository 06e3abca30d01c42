//! Soft centerline Dice: how much of each centerline lies in the other's mask.
//! It does not threshold, and its centerlines are soft ones, not those of a metric.

use burn::Tensor;
use burn::tensor::activation;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::LossError;
use super::regions::{Absent, Background, Over, Regions, blanked, check_numbers};
use crate::batch::Target;
use crate::head::Head;

/// Settings of the soft clDice loss, the mean over classes of `1 - 2 P R / (P + R + e)` with
/// `P = (sum(S(p) t) + s) / (sum(S(p)) + s)` and `R = (sum(S(t) p) + s) / (sum(S(t)) + s)`.
///
/// `S` is a soft skeleton: with `erode` the least of a pixel and its neighbours along each axis, `dilate` the largest of the
/// 3x3 (3x3x3 where there is depth) pixels around it, and `o(x) = relu(x - dilate(erode(x)))`, it begins as `o(x)`, and in each
/// of `iterations` steps `x = erode(x)` and `S = S + relu(o(x) - S o(x))`. `iterations` should be at least the largest radius in
/// pixels. At the border, neighbours are missing, not 0.
///
/// # Source
/// Shit et al., clDice - a novel topology-preserving loss function for tubular structure segmentation (2021), and the authors'
/// code. The paper's loss is that of Dice and clDice, with `a` up to 0.5: `sum: [{weight: 1 - a, loss: {dice: {}}},
/// {weight: a, loss: {soft_cldice: {}}}]`. Of several classes, the authors' code and MONAI 1.6 sum over all at once (MONAI, in each
/// sample); this sums over each class. MONAI is `over: sample, smooth: 1, epsilon: 1e-4`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct SoftClDice {
    /// How often masks are eroded.
    #[schemars(range(min = 0, max = 100))]
    pub iterations: usize,
    /// `s`: added above and below.
    #[schemars(range(min = 0.0))]
    pub smooth: f64,
    /// `e`: added below the harmonic mean.
    #[schemars(range(min = 0.0))]
    pub epsilon: f64,
    /// What the sums run over.
    pub over: Over,
    /// Whether the first of several classes counts.
    pub background: Background,
}

impl Default for SoftClDice {
    fn default() -> Self {
        Self { iterations: 3, smooth: 1.0, epsilon: 0.0, over: Over::Batch, background: Background::Ignored }
    }
}

impl SoftClDice {
    pub(super) fn check(&self) -> Result<(), LossError> {
        check_numbers(&[("smooth", self.smooth), ("epsilon", self.epsilon)])?;
        if self.smooth == 0.0 {
            // A skeleton is empty more often than a mask is.
            return Err(LossError::Setting { field: "smooth", value: "0".to_owned(), expected: "more than 0" });
        }
        if self.iterations > 100 {
            let value = self.iterations.to_string();
            return Err(LossError::Setting { field: "iterations", value, expected: "at most 100" });
        }
        Ok(())
    }

    /// # Shapes
    /// `[batch, maps, depth, height, width]` to `[1]`.
    pub(super) fn value(&self, logits: Tensor<5>, target: &Target, head: Head) -> Tensor<1> {
        let Self { iterations, smooth, epsilon, over, background } = *self;
        let regions = Regions { over, background, absent: Absent::Counted, weights: None };
        let compared = regions.compared(logits, target, head);
        let (p, t) = (compared.probabilities.clone(), compared.targets.clone());
        let share = |lines: Tensor<5>, mask: Tensor<5>| {
            (regions.sum(lines.clone() * mask) + smooth) / (regions.sum(lines) + smooth)
        };
        let precision = share(skeleton(p.clone(), iterations), t.clone());
        let recall = share(skeleton(t, iterations), p);
        let score = |blank| precision.clone() * recall.clone() * 2.0 / blanked(precision + recall + epsilon, blank);
        -regions.mean_score(&compared, score) + 1.0
    }
}

/// `[batch, maps, depth, height, width]`, unchanged.
fn skeleton(mut x: Tensor<5>, iterations: usize) -> Tensor<5> {
    let mut lines = edges(&x, erode(&x));
    for _ in 0..iterations {
        x = erode(&x);
        let more = edges(&x, erode(&x));
        lines = lines.clone() + activation::relu(more.clone() - lines * more);
    }
    lines
}

/// What opening takes away.
fn edges(x: &Tensor<5>, eroded: Tensor<5>) -> Tensor<5> {
    let opened = axes(x).fold(eroded, |x, axis| largest(x, axis));
    activation::relu(x.clone() - opened)
}

fn erode(x: &Tensor<5>) -> Tensor<5> {
    let least = |axis| -largest(-x.clone(), axis);
    axes(x).map(least).reduce(Tensor::min_pair).expect("there are rows and columns")
}

/// The axes along which pixels have neighbours.
fn axes(x: &Tensor<5>) -> impl Iterator<Item = usize> + use<> {
    if x.dims()[2] > 1 { 2..5 } else { 3..5 }
}

/// The largest of each value and its two neighbours along an axis; at the border, of it and the one.
fn largest(x: Tensor<5>, axis: usize) -> Tensor<5> {
    let length = x.dims()[axis];
    if length == 1 {
        return x;
    }
    let (first, last) = (x.clone().narrow(axis, 0, 1), x.clone().narrow(axis, length - 1, 1));
    let before = Tensor::cat(vec![first, x.clone().narrow(axis, 0, length - 1)], axis);
    let behind = Tensor::cat(vec![x.clone().narrow(axis, 1, length - 1), last], axis);
    x.max_pair(before).max_pair(behind)
}
