//! Residual blocks: two convolutions of size 3 with normalisation, added to what came in.
//! They keep channels and size.

use burn::Tensor;
use burn::module::Module;
use burn::tensor::{Device, activation};

use super::{BatchNorm, Bias, Conv2d, Conv3d, NormOptions, Pass, Window};

/// conv - norm - ReLU - conv - norm, plus the input, ReLU; for sequences.
#[derive(Module, Debug)]
pub struct ResidualBlock3d {
    conv1: Conv3d,
    bn1: BatchNorm,
    conv2: Conv3d,
    bn2: BatchNorm,
}

impl ResidualBlock3d {
    /// A block of zeros.
    pub fn new(channels: usize, bias: Bias, norm: NormOptions, device: &Device) -> Self {
        let conv = || Conv3d::with([channels; 2], [3; 3], Window::SAME, bias, device);
        let bn = || BatchNorm::new(channels, norm, device);
        Self { conv1: conv(), bn1: bn(), conv2: conv(), bn2: bn() }
    }

    /// # Shapes
    /// `[batch, channels, frames, height, width]`, unchanged.
    pub fn forward(&self, x: Tensor<5>, pass: &mut Pass) -> Tensor<5> {
        let y = self.bn1.forward_relu(self.conv1.forward(x.clone(), pass), pass);
        let y = self.bn2.forward(self.conv2.forward(y, pass), pass);
        activation::relu(x + y)
    }
}

/// conv - norm - ReLU - conv - norm, plus the input, ReLU; for images.
#[derive(Module, Debug)]
pub struct ResidualBlock2d {
    conv1: Conv2d,
    bn1: BatchNorm,
    conv2: Conv2d,
    bn2: BatchNorm,
}

impl ResidualBlock2d {
    /// A block of zeros.
    pub fn new(channels: usize, bias: Bias, norm: NormOptions, device: &Device) -> Self {
        let conv = || Conv2d::new([channels; 2], 3, bias, device);
        let bn = || BatchNorm::new(channels, norm, device);
        Self { conv1: conv(), bn1: bn(), conv2: conv(), bn2: bn() }
    }

    /// # Shapes
    /// `[batch, channels, height, width]`, unchanged.
    pub fn forward(&self, x: Tensor<4>, pass: &mut Pass) -> Tensor<4> {
        let y = self.bn1.forward_relu(self.conv1.forward(x.clone(), pass), pass);
        let y = self.bn2.forward(self.conv2.forward(y, pass), pass);
        activation::relu(x + y)
    }
}
