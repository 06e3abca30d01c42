//! Layers over images or volumes, whichever a network was built for: one implementation of a network for both.
//! Tensors have a depth in any case, 1 for images; weights have PyTorch's rank.

use burn::Tensor;
use burn::module::Module;
use burn::tensor::Device;

use super::{
    Bias, Conv2d, Conv3d, ConvTranspose2d, ConvTranspose3d, Nonlinearity, Norm, Pass, Style, Window, in_full,
    with_depth, without_depth,
};

/// Whether a network sees images or volumes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dimensions {
    /// Images.
    Two,
    /// Volumes.
    Three,
}

/// A convolution.
#[derive(Module, Debug)]
pub enum Conv {
    /// Of images.
    Two(Conv2d),
    /// Of volumes.
    Three(Conv3d),
}

impl Conv {
    /// A layer of zeros that keeps the size but for the stride; for images `kernel` and `stride` begin with 1.
    pub fn new(
        dimensions: Dimensions,
        channels: [usize; 2],
        kernel: [usize; 3],
        stride: [usize; 3],
        bias: Bias,
        device: &Device,
    ) -> Self {
        match dimensions {
            Dimensions::Two => {
                let window = Window::SAME.strided(plane(stride));
                Self::Two(Conv2d::with(channels, plane(kernel), window, bias, device))
            }
            Dimensions::Three => {
                Self::Three(Conv3d::with(channels, kernel, Window::SAME.strided(stride), bias, device))
            }
        }
    }

    /// # Shapes
    /// `[batch, in, depth, height, width]` to `[batch, out, depth', height', width']`.
    pub fn forward(&self, x: Tensor<5>, pass: &mut Pass) -> Tensor<5> {
        match self {
            Self::Two(conv) => {
                // Frames of the input count as channels; further down there is one.
                with_depth(conv.forward(without_depth(x), pass))
            }
            Self::Three(conv) => conv.forward(x, pass),
        }
    }
}

/// A transposed convolution whose kernel is as large as its stride.
#[derive(Module, Debug)]
pub enum ConvTranspose {
    /// Of images.
    Two(ConvTranspose2d),
    /// Of volumes.
    Three(ConvTranspose3d),
}

impl ConvTranspose {
    /// A layer of zeros; for images `kernel` begins with 1.
    pub fn new(dimensions: Dimensions, channels: [usize; 2], kernel: [usize; 3], bias: Bias, device: &Device) -> Self {
        match dimensions {
            Dimensions::Two => Self::Two(ConvTranspose2d::with(channels, plane(kernel), bias, device)),
            Dimensions::Three => Self::Three(ConvTranspose3d::with(channels, kernel, bias, device)),
        }
    }

    /// # Shapes
    /// `[batch, in, depth, height, width]` to `[batch, out, kernel depth, kernel height, kernel width]`.
    pub fn forward(&self, x: Tensor<5>, pass: &mut Pass) -> Tensor<5> {
        match self {
            Self::Two(conv) => with_depth(conv.forward(without_depth(x), pass)),
            Self::Three(conv) => conv.forward(x, pass),
        }
    }
}

/// A convolution with normalisation.
#[derive(Module, Debug)]
pub struct ConvNorm {
    conv: Conv,
    norm: Option<Norm>,
}

impl ConvNorm {
    /// A block of zeros that keeps the size but for the stride; `bias` as [`Style::bias`] or another.
    pub fn new(
        dimensions: Dimensions,
        channels: [usize; 2],
        [kernel, stride]: [[usize; 3]; 2],
        bias: Bias,
        style: &Style,
        device: &Device,
    ) -> Self {
        let conv = Conv::new(dimensions, channels, kernel, stride, bias, device);
        Self { conv, norm: style.norm(channels[1], device) }
    }

    /// Convolves and normalises.
    pub fn forward(&self, x: Tensor<5>, pass: &mut Pass) -> Tensor<5> {
        let x = self.conv.forward(x, pass);
        match &self.norm {
            Some(norm) => norm.forward(x, pass),
            None => x,
        }
    }

    /// Convolves, normalises and activates.
    pub fn forward_active(&self, x: Tensor<5>, activation: Nonlinearity, pass: &mut Pass) -> Tensor<5> {
        activation.after(self.norm.as_ref(), self.conv.forward(x, pass), pass)
    }
}

/// The mean of each block of `size`, blocks side by side.
///
/// # Shapes
/// `[batch, channels, depth, height, width]` to `[batch, channels, depth / size, height / size, width / size]`.
pub fn mean_pool(x: Tensor<5>, size: [usize; 3], pass: &mut Pass) -> Tensor<5> {
    let [batch, channels, depth, height, width] = x.dims();
    let [slices, rows, columns] = size;
    let [deep, high, wide] = [depth / slices, height / rows, width / columns];
    let y = in_full(x, |x| {
        let x = x.reshape([batch * channels, depth * height, wide, columns]).mean_dim(3);
        let x = x.reshape([batch * channels, depth * high, rows, wide]).mean_dim(2);
        let x = x.reshape([batch * channels, deep, slices, high * wide]).mean_dim(2);
        x.reshape([batch, channels, deep, high, wide])
    });
    pass.list("mean_pool", None, &y.dims(), 0);
    y
}

/// Leaves the depth out.
fn plane([_, rows, columns]: [usize; 3]) -> [usize; 2] {
    [rows, columns]
}
