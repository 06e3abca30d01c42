//! Soft Dice: overlap of probabilities with the mask.
//! It does not threshold.

use burn::Tensor;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::LossError;
use crate::batch::Target;
use crate::head::Head;

/// Settings of the soft Dice loss, the mean over classes of `1 - (2 sum(p t) + s) / (sum(p) + sum(t) + s + e)`.
///
/// The published SVS-net is `over: batch, smooth: 0, epsilon: 1e-5, form: negative`.
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
}

impl Default for Dice {
    fn default() -> Self {
        Self { over: Over::Batch, smooth: 1.0, epsilon: 0.0, background: Background::Ignored, form: DiceForm::OneMinus }
    }
}

/// What the sums of a Dice run over.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Over {
    /// All pixels of the batch at once.
    #[default]
    Batch,
    /// The pixels of each sample, then the mean over samples.
    Sample,
}

/// Whether the first of several classes counts; a single map is foreground and always does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Background {
    /// It does not.
    #[default]
    Ignored,
    /// It does.
    Counted,
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

impl Dice {
    pub(super) fn check(&self) -> Result<(), LossError> {
        for (field, value) in [("smooth", self.smooth), ("epsilon", self.epsilon)] {
            if !(value >= 0.0 && value.is_finite()) {
                return Err(LossError::Setting { field, value: value.to_string(), expected: "at least 0" });
            }
        }
        Ok(())
    }

    /// # Shapes
    /// `[batch, maps, depth, height, width]` to `[1]`.
    pub(super) fn value(&self, logits: Tensor<5>, target: &Target, head: Head) -> Tensor<1> {
        let targets = target.maps.clone();
        let [batch, classes, depth, height, width] = logits.dims();
        let shape = [batch, classes, depth * height * width];
        let p = head.probabilities(logits).reshape(shape);
        let t = targets.reshape(shape);
        let [both, sum] = [p.clone() * t.clone(), p + t].map(|x| x.sum_dim(2)); // [batch, classes, 1]
        let [both, sum] = match self.over {
            Over::Batch => [both, sum].map(|x| x.sum_dim(0)),
            Over::Sample => [both, sum],
        };
        let dice = (both * 2.0 + self.smooth) / (sum + (self.smooth + self.epsilon));
        let dice =
            if classes > 1 && self.background == Background::Ignored { dice.narrow(1, 1, classes - 1) } else { dice };
        match self.form {
            DiceForm::OneMinus => -dice.mean() + 1.0,
            DiceForm::Negative => -dice.mean(),
        }
    }
}
