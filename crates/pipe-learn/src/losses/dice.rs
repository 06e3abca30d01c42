//! Soft Dice: overlap of probabilities with the mask.
//! It does not threshold.

use burn::Tensor;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::LossError;
use super::regions::{Absent, Background, Over, Regions, blanked, check_numbers, is_default};
use crate::batch::Target;
use crate::head::Head;

/// Settings of the soft Dice loss, the mean over classes of `1 - (2 sum(p t) + s) / (sum(p) + sum(t) + s + e)`.
///
/// # Source
/// Milletari et al., V-Net (2016), has squared sums below. The same numbers as elsewhere:
/// * SVS-net: `over: batch, smooth: 0, epsilon: 1e-5, form: negative`;
/// * nnU-Net: `smooth: 1e-5, form: negative`, `over: sample` where its plan says so;
/// * MONAI's `DiceLoss` with `smooth_nr` and `smooth_dr` 1e-5: `over: sample, smooth: 1e-5, background: counted`; its class
///   weights multiply without being divided by their sum;
/// * segmentation_models.pytorch: `smooth: 0, background: counted, absent: perfect`; a `smooth` of 1 there is 2 here, and it
///   bounds what it divides by from below (1e-7) where this adds `epsilon`;
/// * the PyTorch U-Net of milesial, of several classes: `over: batch_and_maps, smooth: 1e-6, background: counted`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Dice {
    /// What the sums run over.
    pub over: Over,
    /// `s`: added above and below; an empty prediction of an empty mask then is perfect.
    #[schemars(range(min = 0.0))]
    pub smooth: f64,
    /// `e`: added below only.
    #[schemars(range(min = 0.0))]
    pub epsilon: f64,
    /// Whether the first of several classes counts.
    pub background: Background,
    /// One minus Dice, or minus Dice.
    pub form: DiceForm,
    /// What is summed below.
    #[serde(skip_serializing_if = "is_default")]
    pub denominator: Denominator,
    /// What becomes of a class without any pixel in the target.
    #[serde(skip_serializing_if = "is_default")]
    pub absent: Absent,
    /// What each class counts in the mean, one number for each map that counts; equal by default.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub weights: Option<Vec<f64>>,
}

impl Default for Dice {
    fn default() -> Self {
        Self {
            over: Over::Batch,
            smooth: 1.0,
            epsilon: 0.0,
            background: Background::Ignored,
            form: DiceForm::OneMinus,
            denominator: Denominator::Plain,
            absent: Absent::Counted,
            weights: None,
        }
    }
}

/// The sign and offset of a Dice loss; gradients are the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum DiceForm {
    /// `1 - Dice`, from 0 to 1.
    #[default]
    OneMinus,
    /// `-Dice`, from -1 to 0.
    Negative,
}

/// What a Dice sums below.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Denominator {
    /// `sum(p) + sum(t)`.
    #[default]
    Plain,
    /// `sum(p^2) + sum(t^2)`, as V-Net.
    Squared,
}

impl Dice {
    fn regions(&self) -> Regions<'_> {
        let Self { over, background, absent, weights, .. } = self;
        Regions { over: *over, background: *background, absent: *absent, weights: weights.as_deref() }
    }

    pub(super) fn check(&self, maps: usize, head: Head) -> Result<(), LossError> {
        check_numbers(&[("smooth", self.smooth), ("epsilon", self.epsilon)])?;
        self.regions().check(maps, head)
    }

    /// # Shapes
    /// `[batch, maps, depth, height, width]` to `[1]`.
    pub(super) fn value(&self, logits: Tensor<5>, target: &Target, head: Head) -> Tensor<1> {
        let regions = self.regions();
        let compared = regions.compared(logits, target, head);
        let (p, t) = (compared.probabilities.clone(), compared.targets.clone());
        let both = regions.sum(p.clone() * t.clone());
        let sum = match self.denominator {
            Denominator::Plain => regions.sum(p + t),
            Denominator::Squared => regions.sum(p.square() + t.square()),
        };
        let dice = |blank| (both * 2.0 + self.smooth) / blanked(sum + (self.smooth + self.epsilon), blank);
        let dice = regions.mean_score(&compared, dice);
        match self.form {
            DiceForm::OneMinus => -dice + 1.0,
            DiceForm::Negative => -dice,
        }
    }
}
