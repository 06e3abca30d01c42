//! A network of any kind, as one module: the training loop is compiled once and has no type parameter.
//! It does not know what its weights are for.

use burn::Tensor;

use super::blocks::Pass;
use super::{Maps, Margin, Network};

impl Network {
    /// Gives logits of an input of any size, in 32 bits whatever the precision of the pass: puts `margin` around it and takes it
    /// off the maps again.
    ///
    /// # Shapes
    /// `[batch, channels, depth or frames, height, width]` to `[batch, maps, depth, height, width]`. Maps of deep supervision
    /// keep the size that they have.
    pub fn fitted(&self, x: Tensor<5>, margin: &Margin, pass: &mut Pass) -> Maps {
        let [_, _, depth, height, width] = x.dims();
        let Maps { main, deep } = self.forward(margin.around(x), pass);
        Maps { main: margin.off(main, [depth, height, width]), deep }
    }
}
