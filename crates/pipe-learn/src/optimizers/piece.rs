//! Weights with what belongs to them, on which a rule takes its step: a part of a slice on the host, a whole tensor on a device.
//! It does not know rules or networks.

use burn::Tensor;

use super::number::Number;

/// Some weights of one parameter, their gradient, and the arrays that the optimizer keeps beside them.
pub(super) trait Piece {
    /// What a rule computes with.
    type Number: Number;
    /// What comes of a step, if not left where it was.
    type Given;

    /// Takes one step: `change` gives the new weight and arrays of a weight, its gradient and its arrays, in the order of
    /// [`Rule::SLOTS`](super::rule::Rule::SLOTS). Each weight is changed alone, so that pieces and threads do not change the result.
    ///
    /// # Panics
    /// If the optimizer keeps another number of arrays.
    fn each<const K: usize>(
        self,
        change: impl Fn(Self::Number, Self::Number, [Self::Number; K]) -> (Self::Number, [Self::Number; K]),
    ) -> Self::Given;
}

const NAMED: &str = "each optimizer keeps the arrays that it names";

/// A part of the slices of a parameter.
#[derive(Debug)]
pub(super) struct Slices<'a> {
    pub weights: &'a mut [f32],
    pub gradient: &'a [f32],
    pub slots: Vec<&'a mut [f32]>,
}

impl Piece for Slices<'_> {
    type Number = f32;
    type Given = ();

    fn each<const K: usize>(self, change: impl Fn(f32, f32, [f32; K]) -> (f32, [f32; K])) {
        let Self { weights, gradient, slots } = self;
        let slots: [&mut [f32]; K] = slots.try_into().expect(NAMED);
        // Cut to one length, so that the loop has no checks and becomes vector instructions.
        let count = weights.len();
        let (gradient, mut slots) = (&gradient[..count], slots.map(|slot| &mut slot[..count]));
        for at in 0..count {
            let (weight, kept) = change(weights[at], gradient[at], std::array::from_fn(|slot| slots[slot][at]));
            weights[at] = weight;
            for (slot, kept) in slots.iter_mut().zip(kept) {
                slot[at] = kept;
            }
        }
    }
}

/// A whole parameter on a device.
#[derive(Debug)]
pub(super) struct Tensors {
    pub weights: Tensor<1>,
    pub gradient: Tensor<1>,
    pub slots: Vec<Tensor<1>>,
}

impl Piece for Tensors {
    type Number = Tensor<1>;
    /// The new weights and arrays.
    type Given = (Tensor<1>, Vec<Tensor<1>>);

    fn each<const K: usize>(
        self,
        change: impl Fn(Tensor<1>, Tensor<1>, [Tensor<1>; K]) -> (Tensor<1>, [Tensor<1>; K]),
    ) -> Self::Given {
        let (weights, slots) = change(self.weights, self.gradient, self.slots.try_into().expect(NAMED));
        (weights, slots.into())
    }
}
