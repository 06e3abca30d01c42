//! Pooling with windows that overlap.
//! It does not know channels: each is pooled alone.

use burn::Tensor;
use burn::tensor::module;
use burn::tensor::ops::MaxPoolOptions;

use super::Pass;

/// Takes the largest of 3x3 blocks whose centres are every second pixel of every second row.
///
/// # Shapes
/// `[batch, channels, height, width]` to `[batch, channels, height / 2, width / 2]`, rounded up.
pub fn max_pool_three(x: Tensor<4>, pass: &mut Pass) -> Tensor<4> {
    let options = MaxPoolOptions { stride: [2; 2], padding: [(1, 1); 2], ..MaxPoolOptions::new([3; 2]) };
    let y = module::max_pool2d(x, options);
    pass.list("max_pool2d", None, &y.dims(), 0);
    y
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::weights::floats;
    use burn::tensor::Device;

    #[test]
    fn largest_of_overlapping_blocks() {
        let x = Tensor::<2>::from_data([[1.0, 2.0, 9.0], [-4.0, 0.0, -1.0], [-7.0, -8.0, -3.0]], &Device::flex());
        let y = max_pool_three(x.reshape([1, 1, 3, 3]), &mut Pass::predicting());
        assert_eq!(y.dims(), [1, 1, 2, 2]);
        assert_eq!(floats(y), [2.0, 9.0, 0.0, 0.0]);
    }
}
