//! Convolutions over images, image sequences and volumes.
//! They do not know normalisation or activation.

use burn::Tensor;
use burn::module::{Module, Param};
use burn::tensor::Device;
use pipe_kernels::ConvOptions;

use super::format::{conv2d, conv3d};
use super::{Padding, Pass, Window, with_depth, without_depth};

/// A convolution of images.
#[derive(Module, Debug)]
pub struct Conv2d {
    /// `[out, in / groups, kernel, kernel]`.
    weight: Param<Tensor<4>>,
    /// `[out]`.
    bias: Option<Param<Tensor<1>>>,
    #[module(skip)]
    window: Window<2>,
}

impl Conv2d {
    /// A layer of zeros that keeps the size.
    pub fn new(channels: [usize; 2], kernel: usize, with: Bias, device: &Device) -> Self {
        Self::with(channels, [kernel; 2], Window::SAME, with, device)
    }

    /// A layer of zeros.
    pub fn with(channels: [usize; 2], kernel: [usize; 2], window: Window<2>, bias: Bias, device: &Device) -> Self {
        let [input, output] = channels;
        let weight = zeros([output, input / window.groups, kernel[0], kernel[1]], device);
        Self { weight, bias: bias.zeros(output, device), window }
    }

    /// Gives the channels in and out.
    pub fn channels(&self) -> [usize; 2] {
        let [output, input, _, _] = self.weight.dims();
        [input * self.window.groups, output]
    }

    /// # Shapes
    /// `[batch, in, height, width]` to `[batch, out, height', width']`.
    pub fn forward(&self, x: Tensor<4>, pass: &mut Pass) -> Tensor<4> {
        let weight = self.weight.val();
        let [_, input, rows, columns] = weight.dims();
        let Window { stride, dilation, groups, .. } = self.window;
        let [_, _, height, width] = x.dims();
        pass.reads(&x.dims());
        let padding = self.window.zeros([height, width], [rows, columns]);
        let options = ConvOptions::new_with_padding(stride, padding, dilation, groups);
        let y = conv2d(x, weight, self.bias.as_ref().map(Param::val), options, pass);
        let macs = y.shape().num_elements() * input * rows * columns;
        pass.list("conv2d", Some(self.weight.id), &y.dims(), macs);
        y
    }
}

/// Whether a convolution adds a learned constant per channel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Bias {
    /// It does.
    Learned,
    /// It does not.
    Absent,
}

impl Bias {
    /// `Learned` for true.
    pub fn from_flag(flag: bool) -> Self {
        if flag { Self::Learned } else { Self::Absent }
    }

    pub(super) fn zeros(self, channels: usize, device: &Device) -> Option<Param<Tensor<1>>> {
        (self == Self::Learned).then(|| zeros([channels], device))
    }
}

/// A convolution of image sequences or volumes.
#[derive(Module, Debug)]
pub struct Conv3d {
    /// `[out, in / groups, frames, height, width]`.
    weight: Param<Tensor<5>>,
    /// `[out]`.
    bias: Option<Param<Tensor<1>>>,
    #[module(skip)]
    window: Window<3>,
}

impl Conv3d {
    /// A layer of zeros; `kernel` is `[frames, height, width]`.
    pub fn with(channels: [usize; 2], kernel: [usize; 3], window: Window<3>, bias: Bias, device: &Device) -> Self {
        let [input, output] = channels;
        let [frames, height, width] = kernel;
        let weight = zeros([output, input / window.groups, frames, height, width], device);
        Self { weight, bias: bias.zeros(output, device), window }
    }

    /// # Shapes
    /// `[batch, in, frames, height, width]` to `[batch, out, frames', height', width']`.
    pub fn forward(&self, x: Tensor<5>, pass: &mut Pass) -> Tensor<5> {
        let weight = self.weight.val();
        let [output, input, frames, height, width] = weight.dims();
        let bias = self.bias.as_ref().map(Param::val);
        let [batch, channels, time, rows, columns] = x.dims();
        pass.reads(&x.dims());
        let one_pixel =
            [height, width] == [1; 2] && self.window == Window { padding: self.window.padding, ..Window::SAME };
        let all_frames = frames == time && self.window.padding == Padding::Valid;
        let y = if one_pixel && (frames == 1 || all_frames) {
            // No neighbour is looked at, so the sequence is an image with frames as channels (or as rows).
            let (x, kept) = if frames == 1 {
                let rows_of_all =
                    if time == 1 { without_depth(x) } else { x.reshape([batch, channels, time * rows, columns]) };
                (rows_of_all, time)
            } else {
                (without_depth(x), 1)
            };
            let weight = weight.reshape([output, input * frames, 1, 1]);
            let y = conv2d(x, weight, bias, ConvOptions::new([1; 2], [0; 2], [1; 2], 1), pass);
            if kept == 1 { with_depth(y) } else { y.reshape([batch, output, kept, rows, columns]) }
        } else {
            let Window { stride, dilation, groups, .. } = self.window;
            let padding = self.window.zeros([time, rows, columns], [frames, height, width]);
            conv3d(x, weight, bias, ConvOptions::new_with_padding(stride, padding, dilation, groups), pass)
        };
        let macs = y.shape().num_elements() * input * frames * height * width;
        pass.list("conv3d", Some(self.weight.id), &y.dims(), macs);
        y
    }
}

pub(super) fn zeros<const D: usize>(shape: [usize; D], device: &Device) -> Param<Tensor<D>> {
    Param::from_tensor(Tensor::zeros(shape, device))
}
