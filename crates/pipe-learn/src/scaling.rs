//! The scale of a loss in 16-bit floats: large enough that small gradients do not vanish, small enough that none is infinite.
//! It does not know networks or what a step changes.

use burn::Tensor;
use serde::{Deserialize, Serialize};

use crate::gradient::Gradient;
use crate::precision::Precision;

/// The first scale.
const FIRST: f32 = 65536.0;
/// Steps without a gradient that is infinite or NaN, after which the scale is doubled.
const GROWS_AFTER: u32 = 2000;
/// The least scale: the smallest normal number of the format. What is infinite even then does not come of the scale.
const LEAST: f32 = 1.0 / 16384.0;

/// What losses are multiplied by before the backward pass, and gradients divided by in 32 bits after it.
///
/// A step whose gradients are not finite is left out, and the scale is halved. What the forward passes of that step told
/// normalisations stays in their running statistics, as in PyTorch. Scales are powers of 2, so that nothing is rounded.
///
/// # Source
/// Micikevicius et al. 2018, with the numbers of `torch.amp.GradScaler`: 65536 at first, doubled after 2000 steps, else halved.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Scaling {
    scale: f32,
    /// Steps that were taken since the scale changed.
    taken: u32,
}

/// What becomes of a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// It is taken.
    Taken,
    /// It is left out: the scale was too large.
    LeftOut,
    /// No scale is small enough.
    Hopeless,
}

impl Scaling {
    /// Starts, for a number format that needs it.
    pub(crate) fn of(precision: Precision) -> Option<Self> {
        (precision == Precision::F16).then_some(Self { scale: FIRST, taken: 0 })
    }

    /// Gives the loss to go back from.
    pub(crate) fn scaled(self, loss: Tensor<1>) -> Tensor<1> {
        loss * self.scale
    }

    /// Gives the gradient of the loss as it was.
    pub(crate) fn unscaled(self, gradient: Gradient) -> Gradient {
        gradient.times(1.0 / self.scale)
    }

    /// Judges a step by its gradient, and changes the scale; waits for one number of a device.
    pub(crate) fn judge(&mut self, gradient: &Gradient) -> Verdict {
        if gradient.is_finite() {
            self.taken += 1;
            if self.taken == GROWS_AFTER {
                // The largest power of 2 stays.
                *self =
                    Self { scale: if self.scale < f32::MAX / 2.0 { self.scale * 2.0 } else { self.scale }, taken: 0 };
            }
            return Verdict::Taken;
        }
        *self = Self { scale: self.scale / 2.0, taken: 0 };
        if self.scale < LEAST { Verdict::Hopeless } else { Verdict::LeftOut }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scales_as_pytorch() {
        assert_eq!(Scaling::of(Precision::Bf16), None);
        let mut scaling = Scaling::of(Precision::F16).expect("it needs one");
        let gradient = |value: f32| Gradient::new(1, [("a".to_owned(), vec![value])].into());
        assert_eq!(scaling.judge(&gradient(f32::INFINITY)), Verdict::LeftOut);
        assert_eq!(scaling, Scaling { scale: 32768.0, taken: 0 });
        for taken in 1..2000 {
            assert_eq!(scaling.judge(&gradient(1.0)), Verdict::Taken);
            assert_eq!(scaling, Scaling { scale: 32768.0, taken });
        }
        assert_eq!(scaling.judge(&gradient(1.0)), Verdict::Taken);
        assert_eq!(scaling, Scaling { scale: 65536.0, taken: 0 });
        let left_out = std::iter::repeat_with(|| scaling.judge(&gradient(f32::NAN)));
        // From 2^16 to 2^-14.
        assert_eq!(left_out.take_while(|verdict| *verdict == Verdict::LeftOut).count(), 30);
        assert_eq!(scaling.judge(&gradient(f32::NAN)), Verdict::Hopeless);
    }

    #[test]
    fn scaled_and_unscaled_is_the_same_to_the_bit() {
        let scaling = Scaling::of(Precision::F16).expect("it needs one");
        let gradient = Gradient::new(1, [("a".to_owned(), vec![0.1 * 65536.0, -3.0 * 65536.0])].into());
        assert_eq!(scaling.unscaled(gradient).arrays()["a"].values, [0.1, -3.0]);
    }
}
