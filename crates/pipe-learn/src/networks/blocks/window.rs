//! How a convolution looks at its input: stride, dilation, groups, padding.
//! It does not know channels or weights.

/// How a convolution over `D` axes looks at its input.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Window<const D: usize> {
    /// Positions from one output to the next.
    pub stride: [usize; D],
    /// Positions from one kernel value to the next.
    pub dilation: [usize; D],
    /// What stands beyond the edge.
    pub padding: Padding,
    /// Parts that the channels fall into; each output channel sees its own part alone.
    pub groups: usize,
}

/// What stands beyond the edge of an input: zeros, so many of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Padding {
    /// As many as keep the size at stride 1, whatever the stride; the odd one (even kernels) is put behind, as Keras does.
    Same,
    /// As many as make the output `ceil(input / stride)` long, the odd one before: TensorFlow's "same" the other way round.
    BySizeBefore,
    /// As many as make the output of an image with so many rows and columns `ceil(input / stride)` long, the odd one behind:
    /// TensorFlow's "same", fixed for one size whatever the input is.
    SameFor(usize),
    /// None.
    Valid,
}

impl<const D: usize> Window<D> {
    /// Stride 1, size kept.
    pub const SAME: Self = Self { stride: [1; D], dilation: [1; D], padding: Padding::Same, groups: 1 };
    /// Stride 1, no padding.
    pub const VALID: Self = Self { padding: Padding::Valid, ..Self::SAME };

    /// With another stride.
    pub fn strided(self, stride: [usize; D]) -> Self {
        Self { stride, ..self }
    }

    /// With another dilation.
    pub fn dilated(self, dilation: usize) -> Self {
        Self { dilation: [dilation; D], ..self }
    }

    /// With channels in `groups` parts.
    pub fn grouped(self, groups: usize) -> Self {
        Self { groups, ..self }
    }

    /// With another padding.
    pub fn padded(self, padding: Padding) -> Self {
        Self { padding, ..self }
    }

    /// Zeros before and behind on each axis.
    pub(super) fn zeros(&self, size: [usize; D], kernel: [usize; D]) -> [(usize, usize); D] {
        std::array::from_fn(|axis| {
            let reach = self.dilation[axis] * (kernel[axis] - 1);
            let for_size = |size: usize| {
                let outputs = size.div_ceil(self.stride[axis]);
                ((outputs - 1) * self.stride[axis] + reach + 1).saturating_sub(size)
            };
            let all = match self.padding {
                Padding::Same => reach,
                Padding::BySizeBefore => for_size(size[axis]),
                Padding::SameFor(size) => for_size(size),
                Padding::Valid => 0,
            };
            let less = all / 2;
            if self.padding == Padding::BySizeBefore { (all - less, less) } else { (less, all - less) }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(window: Window<1>, size: usize, kernel: usize, expected: (usize, usize)) {
        assert_eq!(window.zeros([size], [kernel]), [expected]);
    }

    #[test]
    fn zeros_beyond_the_edge() {
        check(Window::SAME, 10, 3, (1, 1));
        check(Window::SAME, 10, 2, (0, 1));
        check(Window::SAME.padded(Padding::BySizeBefore), 10, 2, (1, 0));
        check(Window::SAME.padded(Padding::BySizeBefore), 10, 3, (1, 1));
        check(Window::SAME.strided([2]).padded(Padding::BySizeBefore), 10, 2, (0, 0));
        check(Window::SAME.dilated(6), 10, 3, (6, 6));
        check(Window::SAME.strided([2]), 10, 3, (1, 1));
        check(Window::SAME.strided([2]).padded(Padding::SameFor(10)), 32, 3, (0, 1));
        check(Window::SAME.strided([2]).padded(Padding::SameFor(9)), 32, 3, (1, 1));
        check(Window::SAME.strided([2]).padded(Padding::SameFor(10)), 32, 1, (0, 0));
        check(Window::VALID, 10, 3, (0, 0));
    }
}
