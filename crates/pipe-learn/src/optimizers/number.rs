//! What a rule computes with: one 32-bit float on the host, or all numbers of a weight on a device.
//! It does not know rules. A rule that is written once for both compiles to a loop here and to one fused kernel there.

use std::ops::{Add, Div, Mul, Sub};

use burn::Tensor;

/// A 32-bit float, or a flat tensor of them.
pub(crate) trait Number:
    Clone
    + Add<Output = Self>
    + Sub<Output = Self>
    + Mul<Output = Self>
    + Div<Output = Self>
    + Add<f32, Output = Self>
    + Mul<f32, Output = Self>
    + Div<f32, Output = Self>
{
    /// Gives the square root.
    fn root(self) -> Self;

    /// Gives the number, or `least` where it is below that.
    fn at_least(self, least: f32) -> Self;
}

impl Number for f32 {
    fn root(self) -> Self {
        self.sqrt()
    }

    fn at_least(self, least: f32) -> Self {
        self.max(least)
    }
}

impl Number for Tensor<1> {
    fn root(self) -> Self {
        self.sqrt()
    }

    fn at_least(self, least: f32) -> Self {
        self.clamp_min(least)
    }
}

/// Gives `old` moved by `share` of the way towards `new`.
pub(crate) fn moved<N: Number>(old: N, new: N, share: f32) -> N {
    old.clone() + (new - old) * share
}
