//! Prints milliseconds per operation of the kernels against Burn's own, forward and backward.
//! Does not judge: it is read by people.
#![expect(clippy::print_stdout, reason = "an example that prints its table")]

use std::time::Instant;

use burn::Tensor;
use burn::tensor::ops::{ConvOptions, InterpolateMode, InterpolateOptions, MaxPoolOptions, PadMode};
use burn::tensor::{Device, Distribution, activation, module};
use pipe_kernels::Corners;

/// Best of three runs of forward and of backward, in milliseconds.
fn time<const D: usize>(inputs: &[Tensor<D>; 2], operation: impl Fn(Tensor<D>, Tensor<D>) -> Tensor<D>) -> [f64; 2] {
    let mut best = [f64::INFINITY; 2];
    for _ in 0..3 {
        let [x, weight] = inputs.clone().map(|input| input.detach().require_grad());
        let start = Instant::now();
        let y = operation(x, weight);
        best[0] = best[0].min(start.elapsed().as_secs_f64() * 1e3);
        // A gradient that stands in memory, as one from a next layer does.
        let gradient = y.clone().inner().ones_like() * 0.5;
        let loss = (y * Tensor::from_inner(gradient)).sum();
        let start = Instant::now();
        let gradients = loss.backward();
        best[1] = best[1].min(start.elapsed().as_secs_f64() * 1e3);
        drop(gradients);
    }
    best
}

fn line(name: &str, plain: Option<[f64; 2]>, fast: [f64; 2]) {
    let plain = plain.unwrap_or([f64::NAN; 2]);
    println!(
        "{name:<52} {:>9.2} {:>9.2} {:>9.2} {:>9.2} {:>7.1}",
        plain[0],
        fast[0],
        plain[1],
        fast[1],
        (plain[0] + plain[1]) / (fast[0] + fast[1])
    );
}

fn volumetric(device: &Device, x: [usize; 5], weight: [usize; 5], stride: [usize; 3], padding: [(usize, usize); 3]) {
    let inputs = [x, weight].map(|shape| Tensor::<5>::random(shape, Distribution::Default, device));
    let options = ConvOptions::new_with_padding(stride, padding, [1; 3], 1);
    let fast = time(&inputs, |x, w| pipe_kernels::conv3d(x, w, None, options.clone()));
    let plain = std::env::args().nth(1).is_none().then(|| {
        time(&inputs, |x, w| {
            let x = x.pad(padding, PadMode::Constant(0.0));
            module::conv3d(x, w, None, ConvOptions::new(stride, [0; 3], [1; 3], 1))
        })
    });
    line(&format!("conv3d {x:?} {weight:?}"), plain, fast);
}

fn planar(device: &Device, x: [usize; 4], weight: [usize; 4], stride: usize, pad: usize) {
    let inputs = [x, weight].map(|shape| Tensor::<4>::random(shape, Distribution::Default, device));
    let options = ConvOptions::new([stride; 2], [pad; 2], [1; 2], 1);
    let fast = time(&inputs, |x, w| pipe_kernels::conv2d(x, w, None, options.clone()));
    let plain =
        std::env::args().nth(1).is_none().then(|| time(&inputs, |x, w| module::conv2d(x, w, None, options.clone())));
    line(&format!("conv2d {x:?} {weight:?}"), plain, fast);
}

/// A convolution of each channel.
fn depthwise(device: &Device, x: [usize; 4], kernel: usize, stride: usize, dilation: usize) {
    let weight = [x[1], 1, kernel, kernel];
    let inputs = [x, weight].map(|shape| Tensor::<4>::random(shape, Distribution::Default, device));
    let options = ConvOptions::new([stride; 2], [kernel / 2 * dilation; 2], [dilation; 2], x[1]);
    let fast = time(&inputs, |x, w| pipe_kernels::conv2d(x, w, None, options.clone()));
    let plain =
        std::env::args().nth(1).is_none().then(|| time(&inputs, |x, w| module::conv2d(x, w, None, options.clone())));
    line(&format!("depthwise {x:?} {kernel}x{kernel} stride {stride} dilation {dilation}"), plain, fast);
}

/// A dilated convolution of a pyramid.
fn dilated(device: &Device, x: [usize; 4], channels_out: usize, dilation: usize) {
    let inputs = [x, [channels_out, x[1], 3, 3]].map(|shape| Tensor::<4>::random(shape, Distribution::Default, device));
    let options = ConvOptions::new([1; 2], [dilation; 2], [dilation; 2], 1);
    let fast = time(&inputs, |x, w| pipe_kernels::conv2d(x, w, None, options.clone()));
    let plain =
        std::env::args().nth(1).is_none().then(|| time(&inputs, |x, w| module::conv2d(x, w, None, options.clone())));
    line(&format!("conv2d {x:?} -> {channels_out}, dilation {dilation}"), plain, fast);
}

/// Up-sampling.
fn bilinear(device: &Device, x: [usize; 4], factor: usize) {
    let inputs = [Tensor::<4>::random(x, Distribution::Default, device), Tensor::<4>::zeros([1; 4], device)];
    let size = [x[2] * factor, x[3] * factor];
    let fast = time(&inputs, |x, _| pipe_kernels::bilinear(x, size, Corners::Aligned));
    let options = InterpolateOptions::new(InterpolateMode::Bilinear).with_align_corners(true).with_output_size(size);
    let plain = time(&inputs, |x, _| module::interpolate(x, options.clone()));
    line(&format!("bilinear {x:?} times {factor}"), Some(plain), fast);
}

/// Pooling of 2x2 blocks: Burn's own beside two reductions, as networks here do it; no kernel.
fn max_pool(device: &Device, x: [usize; 4]) {
    let inputs = [Tensor::<4>::random(x, Distribution::Default, device), Tensor::<4>::zeros([1; 4], device)];
    let [batch, channels, height, width] = x;
    let fast = time(&inputs, |x, _| {
        let x = x.reshape([batch, channels, height, width / 2, 2]).max_dim(4);
        let x = x.reshape([batch, channels, height / 2, 2, width / 2]).max_dim(3);
        x.reshape([batch, channels, height / 2, width / 2])
    });
    let options = MaxPoolOptions { stride: [2; 2], ..MaxPoolOptions::new([2; 2]) };
    let plain = time(&inputs, |x, _| module::max_pool2d(x, options.clone()));
    line(&format!("max pool {x:?}"), Some(plain), fast);
}

fn norm(device: &Device, x: [usize; 4]) {
    let gamma = Tensor::<1>::ones([x[1]], device);
    let inputs = [Tensor::<4>::random(x, Distribution::Default, device), Tensor::<4>::zeros([1; 4], device)];
    let fast = time(&inputs, |x, _| pipe_kernels::batch_norm_relu_train(x, gamma.clone(), gamma.clone(), 1e-3).0);
    let plain =
        time(&inputs, |x, _| activation::relu(module::batch_norm_train(x, gamma.clone(), gamma.clone(), 1e-3).output));
    line(&format!("batch norm + relu {x:?}"), Some(plain), fast);
}

fn main() {
    let device = Device::flex().autodiff();
    println!(
        "{:<52} {:>9} {:>9} {:>9} {:>9} {:>7}",
        "milliseconds; plain is Burn's own", "fwd plain", "fwd fast", "bwd plain", "bwd fast", "ratio"
    );
    let same = [(1, 1); 3];
    for [channels_in, channels_out, edge] in
        [[1, 8, 64], [8, 8, 64], [16, 16, 32], [32, 32, 16], [64, 64, 8], [128, 128, 4], [256, 256, 2], [512, 512, 1]]
    {
        volumetric(&device, [4, channels_in, 4, edge, edge], [channels_out, channels_in, 3, 3, 3], [1; 3], same);
    }
    volumetric(&device, [4, 8, 4, 64, 64], [16, 8, 2, 2, 2], [1, 2, 2], [(0, 1), (0, 0), (0, 0)]);
    volumetric(&device, [4, 64, 4, 8, 8], [128, 64, 2, 2, 2], [1, 2, 2], [(0, 1), (0, 0), (0, 0)]);
    volumetric(&device, [4, 32, 4, 16, 16], [32, 32, 4, 1, 1], [1; 3], [(0, 0); 3]);
    for [batch, channels_in, channels_out, edge] in [
        [4, 16, 16, 128],
        [4, 32, 32, 64],
        [8, 32, 32, 128],
        [8, 64, 64, 64],
        [8, 256, 256, 16],
        [8, 512, 512, 8],
        [4, 512, 512, 4],
        [4, 32, 32, 256],
    ] {
        planar(&device, [batch, channels_in, edge, edge], [channels_out, channels_in, 3, 3], 1, 1);
    }
    planar(&device, [8, 64, 64, 64], [32, 64, 1, 1], 1, 0);
    planar(&device, [4, 512, 4, 4], [512, 512, 1, 1], 1, 0);
    planar(&device, [8, 64, 64, 64], [64, 64, 2, 2], 2, 0);
    // Of MobileNetV2 and EfficientNet on 8 images of 256x256, and of the pyramids behind them.
    depthwise(&device, [8, 32, 128, 128], 3, 1, 1);
    depthwise(&device, [8, 96, 128, 128], 3, 2, 1);
    depthwise(&device, [8, 144, 64, 64], 3, 1, 1);
    depthwise(&device, [8, 144, 64, 64], 5, 2, 1);
    depthwise(&device, [8, 384, 16, 16], 3, 1, 1);
    depthwise(&device, [8, 672, 16, 16], 5, 1, 1);
    depthwise(&device, [8, 960, 16, 16], 3, 1, 2);
    depthwise(&device, [8, 320, 16, 16], 3, 1, 12);
    planar(&device, [8, 3, 256, 256], [32, 3, 3, 3], 2, 1);
    planar(&device, [8, 3, 256, 256], [64, 3, 7, 7], 2, 3);
    planar(&device, [8, 64, 64, 64], [128, 64, 3, 3], 2, 1);
    planar(&device, [8, 16, 128, 128], [96, 16, 1, 1], 1, 0);
    planar(&device, [8, 960, 16, 16], [320, 960, 1, 1], 1, 0);
    dilated(&device, [8, 320, 16, 16], 256, 6);
    dilated(&device, [8, 320, 16, 16], 256, 18);
    bilinear(&device, [8, 256, 16, 16], 4);
    bilinear(&device, [8, 32, 64, 64], 2);
    bilinear(&device, [8, 2, 64, 64], 4);
    max_pool(&device, [8, 32, 128, 128]);
    norm(&device, [8, 32, 128, 128]);
    norm(&device, [8, 256, 16, 16]);
}
