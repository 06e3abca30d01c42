//! Prints milliseconds per operation of the kernels against Burn's own, forward and backward.
//! Does not judge: it is read by people.
#![expect(clippy::print_stdout, reason = "an example that prints its table")]

use std::time::Instant;

use burn::Tensor;
use burn::tensor::ops::{ConvOptions, PadMode};
use burn::tensor::{Device, Distribution, activation, module};

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
    norm(&device, [8, 32, 128, 128]);
    norm(&device, [8, 256, 16, 16]);
}
