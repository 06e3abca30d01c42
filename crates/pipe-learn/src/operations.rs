//! How long each layer of a network takes on a device, forward and back, at the shapes that it has there.
//! It does not know whole steps: layers run alone, one after the other.

use std::collections::BTreeMap;
use std::time::Instant;

use burn::Tensor;
use burn::tensor::{Device, Distribution};
use serde::Serialize;

use crate::device::Place;
use crate::networks::blocks::{
    BatchNorm, Bias, Conv2d, Conv3d, ConvTranspose2d, ConvTranspose3d, Corners, InstanceNorm, NormOptions, Pass, Step,
    Window, bilinear, max_pool_half,
};
use crate::networks::{NetworkConfig, NetworkError};
use crate::precision::Precision;
use crate::probe::maps;
use crate::random::generator;
use crate::weights::parameters;

/// A layer at one shape.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Operation {
    /// Its kind.
    pub kind: &'static str,
    /// What it reads.
    pub input: Vec<usize>,
    /// What it gives.
    pub output: Vec<usize>,
    /// The shape of its weight; empty for none.
    pub weight: Vec<usize>,
    /// Rows, columns and slices from one place it looks at to the next.
    pub stride: Vec<usize>,
    /// Groups of channels.
    pub groups: usize,
}

/// How long it took.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Took {
    /// The layer.
    pub operation: Operation,
    /// How often the network has it.
    pub times: usize,
    /// Milliseconds forward.
    pub forward: f64,
    /// Milliseconds back to what it read.
    pub data: f64,
    /// Milliseconds back to its weights.
    pub weights: f64,
}

/// Seconds that are spent on each figure.
const SPENT: f64 = 0.1;

/// Times the layers of a network, the slowest ones first.
///
/// Left out are attention, dropout and what else is no layer of its own. Dilations are not known here and taken as 1.
///
/// # Errors
/// The settings are out of range or the input does not fit.
pub fn operations(
    config: &NetworkConfig,
    input: [usize; 5],
    precision: Precision,
    place: &Place,
) -> Result<Vec<Took>, NetworkError> {
    let mut all: Vec<Took> = listed(config, input, place)?
        .into_iter()
        .filter_map(|(operation, times)| {
            let [forward, data, weights] = timed(&operation, precision, place)?;
            Some(Took { operation, times, forward, data, weights })
        })
        .collect();
    let whole = |took: &Took| took.times as f64 * (took.forward + took.data + took.weights);
    all.sort_by(|one, other| whole(other).total_cmp(&whole(one)));
    Ok(all)
}

/// The layers with how often each is there.
fn listed(
    config: &NetworkConfig,
    input: [usize; 5],
    place: &Place,
) -> Result<BTreeMap<Operation, usize>, NetworkError> {
    let [batch, shape @ ..] = input;
    config.check_input(shape)?;
    let network = config.build(&place.device)?;
    let weights: BTreeMap<_, _> = parameters(&network).into_iter().map(|found| (found.id, found.shape)).collect();
    let mut pass = Pass::listing();
    // Shapes of one case tell those of a batch.
    let [channels, depth, height, width] = shape;
    drop(maps(config, &network, Tensor::zeros([1, channels, depth, height, width], &place.device), &mut pass));
    let mut before = Vec::new();
    let mut found = BTreeMap::new();
    for step in pass.into_steps() {
        let weight = step.weight.and_then(|id| weights.get(&id)).cloned().unwrap_or_default();
        if let Some(mut operation) = operation(&step, &before, weight) {
            operation.input[0] = batch;
            operation.output[0] = batch;
            *found.entry(operation).or_default() += 1;
        }
        before = step.shape;
    }
    Ok(found)
}

/// The layer of a step, if it is one that can run alone; `before` is what the layer before it gave.
fn operation(step: &Step, before: &[usize], weight: Vec<usize>) -> Option<Operation> {
    let input = match step.kind {
        "conv2d" | "conv3d" => step.read.clone(),
        "conv_transpose2d" | "conv_transpose3d" => {
            let space = step.shape[2..].iter().zip(&weight[2..]).map(|(side, kernel)| side / kernel);
            [step.shape[0], weight[0]].into_iter().chain(space).collect()
        }
        "batch_norm" | "instance_norm" => step.shape.clone(),
        "max_pool2d" | "bilinear_upsample" => before.to_vec(),
        _ => return None,
    };
    let is_convolution = step.kind.starts_with("conv") && !step.kind.starts_with("conv_transpose");
    let groups = if is_convolution { input[1] / weight[1] } else { 1 };
    let stride = input[2..].iter().zip(&step.shape[2..]).map(|(read, given)| read.div_ceil(*given)).collect();
    let kind = match step.kind {
        "conv2d" if groups > 1 => "depthwise",
        kind => kind,
    };
    (input.len() == step.shape.len()).then(|| Operation {
        kind,
        input,
        output: step.shape.clone(),
        weight,
        stride,
        groups,
    })
}

/// A layer on a device.
type Layer<const D: usize> = Box<dyn Fn(Tensor<D>, &mut Pass) -> Tensor<D>>;

/// Milliseconds forward, back to what was read, and back to the weights; none for what cannot run alone.
fn timed(operation: &Operation, precision: Precision, place: &Place) -> Option<[f64; 3]> {
    let Operation { kind, output, weight, stride, groups, .. } = operation;
    if let Ok(shape) = <[usize; 4]>::try_from(operation.input.as_slice()) {
        let [_, channels, _, _] = shape;
        let [height, width] = [output[2], output[3]];
        let build = |device: &Device| -> Option<Layer<4>> {
            Some(match *kind {
                "conv2d" | "depthwise" => {
                    let window = Window::SAME.strided([stride[0], stride[1]]).grouped(*groups);
                    let kernel = [weight[2], weight[3]];
                    let layer = Conv2d::with([channels, weight[0]], kernel, window, Bias::Absent, device);
                    Box::new(move |x, pass| layer.forward(x, pass))
                }
                "conv_transpose2d" => {
                    let kernel = [weight[2], weight[3]];
                    let layer = ConvTranspose2d::with([channels, weight[1]], kernel, Bias::Learned, device);
                    Box::new(move |x, pass| layer.forward(x, pass))
                }
                "max_pool2d" if stride[..] == [2, 2] => Box::new(max_pool_half),
                "bilinear_upsample" => Box::new(move |x, pass| bilinear(x, [height, width], Corners::Aligned, pass)),
                _ => return norm(kind, channels, device),
            })
        };
        return clocked(shape, precision, place, &build, !weight.is_empty());
    }
    let shape = <[usize; 5]>::try_from(operation.input.as_slice()).ok()?;
    let [_, channels, ..] = shape;
    let build = |device: &Device| -> Option<Layer<5>> {
        Some(match *kind {
            "conv3d" => {
                let window = Window::SAME.strided([stride[0], stride[1], stride[2]]);
                // A kernel over all frames gives one of them.
                let is_whole = weight[2] == shape[2] && output[2] == 1;
                let window = if is_whole { Window::VALID } else { window };
                let kernel = [weight[2], weight[3], weight[4]];
                let layer = Conv3d::with([channels, weight[0]], kernel, window, Bias::Absent, device);
                Box::new(move |x, pass| layer.forward(x, pass))
            }
            "conv_transpose3d" => {
                let kernel = [weight[2], weight[3], weight[4]];
                let layer = ConvTranspose3d::with([channels, weight[1]], kernel, Bias::Learned, device);
                Box::new(move |x, pass| layer.forward(x, pass))
            }
            _ => return norm(kind, channels, device),
        })
    };
    clocked(shape, precision, place, &build, !weight.is_empty())
}

/// A normalisation as networks have it, which is the same for images and volumes.
fn norm<const D: usize>(kind: &str, channels: usize, device: &Device) -> Option<Layer<D>> {
    let options = NormOptions { epsilon: 1e-5, momentum: 0.1 };
    match kind {
        "batch_norm" => {
            let layer = BatchNorm::new(channels, options, device);
            Some(Box::new(move |x, pass| layer.forward_relu(x, pass)))
        }
        "instance_norm" => {
            let layer = InstanceNorm::new(channels, options, device);
            Some(Box::new(move |x, pass| layer.forward(x, pass)))
        }
        _ => None,
    }
}

/// Times a layer: forward; forward and back to its weights; forward and back to both.
fn clocked<const D: usize>(
    shape: [usize; D],
    precision: Precision,
    place: &Place,
    build: &dyn Fn(&Device) -> Option<Layer<D>>,
    has_weights: bool,
) -> Option<[f64; 3]> {
    let pass = || Pass::learning(generator(1, "dropout", &[])).in_precision(precision);
    let x = |device: &Device| {
        Tensor::<D>::random(shape, Distribution::Uniform(-1.0, 1.0), device).cast(precision.of_layers())
    };
    let (plain, learning) = (place.device.clone(), place.device.clone().autodiff());
    let (layer, values) = (build(&plain)?, x(&plain));
    let forward = milliseconds(place, &mut || drop(layer(values.clone(), &mut pass())));
    let (layer, values) = (build(&learning)?, x(&learning));
    let back = |values: Tensor<D>| drop(layer(values, &mut pass()).sum().backward());
    let both = milliseconds(place, &mut || back(values.clone().require_grad()));
    let weights = if has_weights { milliseconds(place, &mut || back(values.clone())) } else { forward };
    Some([forward, (both - weights).max(0.0), (weights - forward).max(0.0)])
}

fn milliseconds(place: &Place, work: &mut dyn FnMut()) -> f64 {
    let mut timed = |count: usize| {
        let began = Instant::now();
        (0..count).for_each(|_| work());
        // What cannot be waited for fails at the next thing that is read.
        drop(place.device.sync());
        began.elapsed().as_secs_f64() / count as f64
    };
    // Kernels are compiled and tried.
    timed(2);
    let once = timed(1);
    timed(((SPENT / once.max(1e-6)) as usize).clamp(1, 50)) * 1e3
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::device::DeviceChoice;
    use crate::narrow::narrow;

    #[test]
    fn layers_of_a_small_network() {
        let config: NetworkConfig =
            serde_json::from_str(r#"{"unet": {"width": 2, "depth": 1}}"#).expect("the settings are right");
        let place = DeviceChoice::Cpu.place().expect("there is always a CPU");
        let found = listed(&config, [3, 1, 1, 8, 8], &place).expect("the input fits");
        let count =
            |kind: &str| -> usize { found.iter().filter(|(one, _)| one.kind == kind).map(|(_, times)| times).sum() };
        let kinds = ["conv2d", "batch_norm", "max_pool2d", "conv_transpose2d"];
        assert_eq!(kinds.map(count), [7, 6, 1, 1]);
        assert!(found.keys().all(|operation| operation.input[0] == 3 && operation.output[0] == 3));
        let up = found.keys().find(|operation| operation.kind == "conv_transpose2d").expect("it is there");
        assert_eq!((&up.input[..], &up.output[..]), (&[3, 4, 4, 4][..], &[3, 2, 8, 8][..]));
    }

    #[test]
    fn every_kind_of_layer_runs() {
        let place = DeviceChoice::Cpu.place().expect("there is always a CPU");
        for name in ["deeplabv3_plus", "svsnet", "nnunet"] {
            let (config, [_, channels, depth, ..]) = narrow(Some(name)).pop().expect("it is in the list");
            let found = listed(&config, [2, channels, depth, 32, 32], &place).expect("the input fits");
            let runs = |operation: &&Operation| timed(operation, Precision::Fp32, &place).is_some();
            // One of each kind, or the test would take minutes.
            let kinds: BTreeMap<_, _> = found.keys().map(|operation| (operation.kind, operation)).collect();
            assert_eq!(
                kinds.values().copied().filter(|operation| runs(operation)).count(),
                kinds.len(),
                "{name}: {kinds:?}"
            );
        }
    }
}
