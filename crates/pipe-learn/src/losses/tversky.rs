//! Tversky: overlap in which what is found wrongly and what is missed count differently.
//! It does not threshold.

use burn::Tensor;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::LossError;
use super::regions::{Absent, Background, Compared, Over, Regions, blanked, check_numbers};
use crate::batch::Target;
use crate::head::Head;

/// Settings of the Tversky loss, the mean over classes of `1 - (TP + s) / (TP + alpha FP + beta FN + s + e)` with
/// `TP = sum(p t)`, `FP = sum(p (1 - t))`, `FN = sum((1 - p) t)`.
///
/// # Source
/// Salehi et al., Tversky loss function for image segmentation using 3D fully convolutional deep networks (2017), with its
/// values as defaults. Of MONAI (`smooth` above and below, `over: sample`) and segmentation_models.pytorch (`smooth: 0,
/// absent: perfect`) it is the formula; both have 0.5 and 0.5 by default, which is Dice. `smooth` counts fully here,
/// in Dice it counts half, because Dice's sums are twice as large.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Tversky {
    /// What false positives count.
    #[schemars(range(min = 0.0))]
    pub alpha: f64,
    /// What false negatives count.
    #[schemars(range(min = 0.0))]
    pub beta: f64,
    /// `s`: added above and below.
    #[schemars(range(min = 0.0))]
    pub smooth: f64,
    /// `e`: added below only.
    #[schemars(range(min = 0.0))]
    pub epsilon: f64,
    /// What the sums run over.
    pub over: Over,
    /// Whether the first of several classes counts.
    pub background: Background,
    /// What becomes of a class without any pixel in the target.
    pub absent: Absent,
    /// What each class counts in the mean, one number for each map that counts; equal by default.
    pub weights: Option<Vec<f64>>,
}

impl Default for Tversky {
    fn default() -> Self {
        Self {
            alpha: 0.3,
            beta: 0.7,
            smooth: 1.0,
            epsilon: 0.0,
            over: Over::Batch,
            background: Background::Ignored,
            absent: Absent::Counted,
            weights: None,
        }
    }
}

impl Tversky {
    fn regions(&self) -> Regions<'_> {
        let Self { over, background, absent, weights, .. } = self;
        Regions { over: *over, background: *background, absent: *absent, weights: weights.as_deref() }
    }

    pub(super) fn check(&self, maps: usize, head: Head) -> Result<(), LossError> {
        let Self { alpha, beta, smooth, epsilon, .. } = *self;
        check_numbers(&[("alpha", alpha), ("beta", beta), ("smooth", smooth), ("epsilon", epsilon)])?;
        if alpha + beta == 0.0 {
            let value = "0, and `beta`, too,".to_owned();
            return Err(LossError::Setting { field: "alpha", value, expected: "one of them above 0" });
        }
        self.regions().check(maps, head)
    }

    /// What is to be divided by what, for [`Regions::mean_score`].
    fn index(&self, compared: &Compared) -> impl FnOnce(Option<Tensor<3>>) -> Tensor<3> + use<> {
        let regions = self.regions();
        let (p, t) = (compared.probabilities.clone(), compared.targets.clone());
        let both = regions.sum(p.clone() * t.clone());
        // Pixels that do not count are 0 in both, so that nothing of them is wrong or missed.
        let wrong = regions.sum(p.clone() * (-t.clone() + 1.0));
        let missed = regions.sum((-p + 1.0) * t);
        let Self { alpha, beta, smooth, epsilon, .. } = *self;
        move |blank| {
            let below = both.clone() + wrong * alpha + missed * beta + (smooth + epsilon);
            (both + smooth) / blanked(below, blank)
        }
    }

    /// # Shapes
    /// `[batch, maps, depth, height, width]` to `[1]`.
    pub(super) fn value(&self, logits: Tensor<5>, target: &Target, head: Head) -> Tensor<1> {
        let regions = self.regions();
        let compared = regions.compared(logits, target, head);
        -regions.mean_score(&compared, self.index(&compared)) + 1.0
    }

    /// The mean of a power of what is missing.
    pub(super) fn powered(&self, exponent: f64, logits: Tensor<5>, target: &Target, head: Head) -> Tensor<1> {
        let regions = self.regions();
        let compared = regions.compared(logits, target, head);
        // The slope of a root at 0 is infinite; a loss as small as this is none.
        let power = |missing: Tensor<3>| missing.clamp_min(1e-7).powf_scalar(exponent);
        regions.mean_loss(&compared, self.index(&compared), power)
    }
}
