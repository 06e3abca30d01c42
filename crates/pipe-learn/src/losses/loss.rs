//! The `loss:` choice as it is written in YAML, and its value.
//! It does not know how a single loss is computed.

use burn::Tensor;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::batch::Target;
use crate::head::Head;

use super::{BinaryCrossEntropy, CrossEntropy, Dice};

/// Which loss, with its settings.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum LossConfig {
    /// Soft Dice.
    Dice(Dice),
    /// Cross-entropy over classes that exclude each other.
    CrossEntropy(CrossEntropy),
    /// Cross-entropy of each map alone.
    BinaryCrossEntropy(BinaryCrossEntropy),
    /// A weighted sum of losses.
    Sum(Vec<LossTerm>),
}

/// A part of a weighted sum.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct LossTerm {
    /// What the loss is multiplied by.
    #[serde(default = "one")]
    pub weight: f64,
    /// The loss.
    pub loss: LossConfig,
}

fn one() -> f64 {
    1.0
}

/// A loss that does not fit the network.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum LossError {
    /// Softmax over one map is 1 everywhere.
    #[error("cross_entropy needs a network with at least 2 maps, this one has 1; use binary_cross_entropy")]
    OneMap,
    /// A sum of nothing.
    #[error("`sum` has no losses")]
    EmptySum,
    /// A number out of its range.
    #[error("`{field}` is {value}, expected {expected}")]
    Setting {
        /// The setting.
        field: &'static str,
        /// What it is.
        value: String,
        /// What it may be.
        expected: &'static str,
    },
}

impl LossConfig {
    /// Raised when equal settings give another loss than before.
    pub const VERSION: u32 = 1;

    /// Checks that the loss fits a network with so many maps and a head.
    ///
    /// # Errors
    /// It does not.
    pub fn check(&self, classes: usize, head: Head) -> Result<(), LossError> {
        match self {
            Self::Dice(dice) => dice.check(),
            Self::CrossEntropy(_) if classes < 2 || head != Head::Softmax => Err(LossError::OneMap),
            Self::CrossEntropy(_) | Self::BinaryCrossEntropy(_) => Ok(()),
            Self::Sum(terms) if terms.is_empty() => Err(LossError::EmptySum),
            Self::Sum(terms) => terms.iter().try_for_each(|term| term.loss.check(classes, head)),
        }
    }

    /// Gives the loss of a batch.
    ///
    /// # Shapes
    /// `logits`: `[batch, maps, depth, height, width]`; gives `[1]`.
    pub fn value(&self, logits: Tensor<5>, target: &Target, head: Head) -> Tensor<1> {
        match self {
            Self::Dice(dice) => dice.value(logits, target, head),
            Self::CrossEntropy(entropy) => entropy.value(logits, target),
            Self::BinaryCrossEntropy(entropy) => entropy.value(logits, target),
            Self::Sum(terms) => {
                let value = |term: &LossTerm| term.loss.value(logits.clone(), target, head) * term.weight;
                let mut values = terms.iter().map(value);
                let first = values.next().expect("a sum without losses was refused");
                values.fold(first, |sum, value| sum + value)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use burn::tensor::{Device, TensorData};

    use super::super::{Background, DiceForm, Over};
    use super::*;
    use crate::random::{generator, unit};
    use crate::weights::floats;

    /// Compares every component of the gradient with a central difference.
    #[track_caller]
    fn check(loss: &LossConfig, classes: usize) {
        let shape = [2, classes, 1, 3, 4];
        let count: usize = shape.iter().product();
        let mut random = generator(3, "test", &[]);
        let logits: Vec<f32> = (0..count).map(|_| (4.0 * unit(&mut random) - 2.0) as f32).collect();
        let targets: Vec<f32> = (0..count).map(|i| if (i * 7) % 3 == 0 { 1.0 } else { 0.0 }).collect();
        let device = Device::flex().autodiff();
        let target = Target { maps: Tensor::from_data(TensorData::new(targets, shape), &device), counted: None };
        let head = Head::of(classes);
        let of = |logits: &[f32]| Tensor::<5>::from_data(TensorData::new(logits.to_vec(), shape), &device);
        let value = |logits: &[f32]| f64::from(floats(loss.value(of(logits), &target, head).inner())[0]);

        let x = of(&logits).require_grad();
        let gradients = loss.value(x.clone(), &target, head).backward();
        let gradient = floats(x.grad(&gradients).expect("the loss depends on the logits"));
        for i in 0..count {
            let step = 0.05f32;
            let (mut above, mut below) = (logits.clone(), logits.clone());
            above[i] += step;
            below[i] -= step;
            let difference = (value(&above) - value(&below)) / f64::from(above[i] - below[i]);
            let error = (difference - f64::from(gradient[i])).abs();
            assert!(error < 2e-5 + 2e-3 * difference.abs(), "{loss:?} at {i}: {} against {difference}", gradient[i]);
        }
    }

    #[test]
    fn gradients_are_differences() {
        let published = Dice { smooth: 0.0, epsilon: 1e-5, form: DiceForm::Negative, ..Dice::default() };
        check(&LossConfig::Dice(Dice::default()), 1);
        check(&LossConfig::Dice(published), 1);
        check(&LossConfig::Dice(Dice { over: Over::Sample, background: Background::Counted, ..Dice::default() }), 3);
        check(&LossConfig::BinaryCrossEntropy(BinaryCrossEntropy { positive_weight: 3.0 }), 1);
        check(&LossConfig::CrossEntropy(CrossEntropy {}), 3);
        let term = |weight, loss| LossTerm { weight, loss };
        let dice = LossConfig::Dice(Dice::default());
        let entropy = LossConfig::BinaryCrossEntropy(BinaryCrossEntropy::default());
        check(&LossConfig::Sum(vec![term(0.25, dice), term(2.0, entropy)]), 1);
    }

    #[test]
    fn dice_by_hand() {
        let device = Device::flex();
        // Probabilities 0.5, 0.5, 0.5, 0.5 against 1, 1, 0, 0: intersection 1, sums 2 and 2.
        let maps = Tensor::<5>::from_data(TensorData::new(vec![1f32, 1.0, 0.0, 0.0], [1, 1, 1, 2, 2]), &device);
        let target = Target { maps, counted: None };
        let value = |dice: Dice| floats(dice.value(Tensor::zeros([1, 1, 1, 2, 2], &device), &target, Head::Sigmoid))[0];
        let plain = Dice { smooth: 0.0, epsilon: 0.0, ..Dice::default() };
        assert!((value(plain.clone()) - 0.5).abs() < 1e-6);
        assert!((value(Dice { form: DiceForm::Negative, ..plain.clone() }) + 0.5).abs() < 1e-6);
        assert!((value(Dice { smooth: 1.0, ..plain }) - 0.4).abs() < 1e-6);
    }

    #[test]
    fn one_map_has_no_softmax() {
        let sum = LossConfig::Sum(vec![LossTerm { weight: 1.0, loss: LossConfig::CrossEntropy(CrossEntropy {}) }]);
        assert_eq!(sum.check(1, Head::Sigmoid), Err(LossError::OneMap));
        assert_eq!(LossConfig::Sum(Vec::new()).check(1, Head::Sigmoid), Err(LossError::EmptySum));
    }
}
