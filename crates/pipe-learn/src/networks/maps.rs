//! What a network puts out: its maps, and the coarser ones of deep supervision.
//! It does not know heads or losses.

use burn::Tensor;

use super::blocks::{full, in_order, with_depth};

/// The output of a forward pass, as logits.
///
/// # Shapes
/// `[batch, maps, depth, height, width]`; networks for images have depth 1.
#[derive(Debug, Clone)]
pub struct Maps {
    /// At the size of the input.
    pub main: Tensor<5>,
    /// Of the further heads, the finest first; filled in a learning pass alone, and in networks that have them.
    pub deep: Vec<Tensor<5>>,
}

impl Maps {
    /// The output of a network for images without further heads: `[batch, maps, height, width]`.
    pub fn of(main: Tensor<4>) -> Self {
        Self { main: with_depth(main), deep: Vec::new() }
    }

    /// The same in 32 bits, as losses and heads need them, and in the order of the dimensions: each term of a loss would bring them
    /// there by itself.
    pub(super) fn in_full(self) -> Self {
        let given = |maps| in_order(full(maps));
        Self { main: given(self.main), deep: self.deep.into_iter().map(given).collect() }
    }
}
