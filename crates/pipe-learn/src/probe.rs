//! A probe: a network filled by a formula and run on a formula, so that two implementations can be compared by numbers.
//! It does not know where reference numbers come from.

use std::collections::BTreeMap;

use burn::Tensor;
use burn::module::{Module, ModuleVisitor, Param, ParamId};
use burn::tensor::{Device, Gradients, TensorData};
use serde::Serialize;
use thiserror::Error;

use crate::batch::Target;
use crate::head::Head;
use crate::losses::{LossConfig, LossError};
use crate::networks::blocks::Pass;
use crate::networks::{Network, NetworkConfig, NetworkError, Takes};
use crate::pretrained::Pretrained;
use crate::weights::{Parameter, Role, floats, parameters, with_values};

/// What a filled network gives.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Probe {
    /// The number of trained parameters.
    pub params: usize,
    /// The shape of the output.
    pub output_shape: Vec<usize>,
    /// Mean of the output.
    pub mean: f64,
    /// Standard deviation (n) of the output.
    pub std: f64,
    /// Smallest value.
    pub min: f64,
    /// Largest value.
    pub max: f64,
    /// The values at flat index k * N / 8.
    pub samples: Vec<f64>,
    /// The last value.
    pub last: f64,
    /// The loss of its logits against a target made by the formula, if one was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub loss: Option<f64>,
    /// The gradients of that loss, one for each trained parameter, in the order of the network.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub gradients: Vec<Gradient>,
}

/// The gradient of one parameter.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Gradient {
    /// The parameter.
    pub name: String,
    /// Its shape.
    pub shape: Vec<usize>,
    /// The square root of the sum of squares; 0 where the loss does not depend on the parameter.
    pub norm: f64,
}

/// A probe that cannot be made.
#[derive(Debug, Clone, PartialEq, Error)]
pub enum ProbeError {
    /// The network's settings are out of range or the input does not fit.
    #[error(transparent)]
    Network(#[from] NetworkError),
    /// The loss does not fit the network.
    #[error(transparent)]
    Loss(#[from] LossError),
}

/// Fills a network and its input by the formula and runs it once, predicting.
///
/// An input that the network runs on as it is gets no margin: the U-Net without padding then shows its smaller maps, 388x388
/// of 572x572. SVS-net's output is taken after its sigmoid, as its published code ends with it; those of the others are logits.
///
/// # Errors
/// The settings are out of range or the input does not fit.
pub fn probe(config: &NetworkConfig, input: &[usize]) -> Result<Probe, NetworkError> {
    let (network, logits) = filled(config, input, None, &Device::flex())?;
    Ok(described(config, &network, logits))
}

/// The same with weights of a file in the place of those that the formula gives.
///
/// # Errors
/// The settings are out of range or the input does not fit.
pub fn probe_with(config: &NetworkConfig, input: &[usize], first: &Pretrained) -> Result<Probe, NetworkError> {
    let (network, logits) = filled(config, input, Some(first), &Device::flex())?;
    Ok(described(config, &network, logits))
}

/// The same with a loss and its gradients, which flow from logits; the head is that of the number of maps.
///
/// With `u` the numbers of the formula with seed 7, one a pixel of the batch: the target of one map is 1 where `u > 0`; of more
/// maps, the class of a pixel is `floor((u + 0.5) maps)`.
///
/// # Errors
/// The settings are out of range, the input does not fit, or the loss does not fit the number of maps.
pub fn probe_gradients(config: &NetworkConfig, input: &[usize], loss: &LossConfig) -> Result<Probe, ProbeError> {
    let head = Head::of(config.classes());
    loss.check(config.classes(), head)?;
    let device = Device::flex().autodiff();
    let (network, logits) = filled(config, input, None, &device)?;
    let probe = described(config, &network, logits.clone().inner());
    let target = Target { maps: wanted(logits.dims(), &device), counted: None };
    let value = loss.value(logits, &target, head);
    let found = f64::from(floats(value.clone().inner())[0]);
    let gradients = norms(&network, value.backward());
    Ok(Probe { loss: Some(found), gradients, ..probe })
}

/// Builds and fills a network, and gives its logits.
fn filled(
    config: &NetworkConfig,
    input: &[usize],
    first: Option<&Pretrained>,
    device: &Device,
) -> Result<(Network, Tensor<5>), NetworkError> {
    let shape = sequence_shape(config, input)?;
    let network = with_values(config.build(device)?, fill);
    let network = match first {
        Some(first) => first.laid_into(network),
        None => network,
    };
    let x = TensorData::new(uniform(shape.iter().product(), 6, |u| u + 0.5), shape);
    let logits = maps(config, &network, Tensor::from_data(x, device), &mut Pass::predicting());
    Ok((network, logits))
}

fn described(config: &NetworkConfig, network: &Network, logits: Tensor<5>) -> Probe {
    let y = match config {
        NetworkConfig::SvsNet(_) => Head::of(config.classes()).probabilities(logits),
        _ => logits,
    };
    let output_shape = output_shape(config, y.dims());
    let values: Vec<f64> = floats(y).into_iter().map(f64::from).collect();
    let count = values.len();
    let mean = values.iter().sum::<f64>() / count as f64;
    let variance = values.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / count as f64;
    Probe {
        params: trained(&parameters(network)),
        output_shape,
        mean,
        std: variance.sqrt(),
        min: values.iter().copied().fold(f64::INFINITY, f64::min),
        max: values.iter().copied().fold(f64::NEG_INFINITY, f64::max),
        samples: (0..8).map(|k| values[k * count / 8]).collect(),
        last: values[count - 1],
        loss: None,
        gradients: Vec::new(),
    }
}

/// The target of the formula: `[batch, maps, depth, height, width]`.
pub(crate) fn wanted(shape: [usize; 5], device: &Device) -> Tensor<5> {
    let [batch, maps, depth, height, width] = shape;
    let size = depth * height * width;
    // In 64 bits: a class must not depend on how a product is rounded.
    let classes = hashed(batch * size, 7).map(|u| match maps {
        1 => usize::from(u > 0.0),
        _ => ((u + 0.5) * maps as f64).floor() as usize,
    });
    let classes: Vec<usize> = classes.collect();
    let value = |at: usize| {
        let (sample, map, pixel) = (at / (maps * size), at / size % maps, at % size);
        let class = classes[sample * size + pixel];
        if class == if maps == 1 { 1 } else { map } { 1.0f32 } else { 0.0 }
    };
    let values: Vec<f32> = (0..batch * maps * size).map(value).collect();
    Tensor::from_data(TensorData::new(values, shape), device)
}

/// The norm of the gradient of every trained parameter.
fn norms(network: &Network, gradients: Gradients) -> Vec<Gradient> {
    struct Norms(Gradients, BTreeMap<ParamId, f64>);
    impl ModuleVisitor for Norms {
        fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
            // A parameter that the loss does not depend on has none.
            let values = param.val().grad_remove(&mut self.0).map(floats).unwrap_or_default();
            let squares: f64 = values.into_iter().map(|value| f64::from(value).powi(2)).sum();
            self.1.insert(param.id, squares.sqrt());
        }
    }
    let mut norms = Norms(gradients, BTreeMap::new());
    network.visit(&mut norms);
    let listed = parameters(network).into_iter().filter(|parameter| parameter.role.is_trained());
    let gradient = |Parameter { name, shape, id, .. }| {
        let norm = norms.1.get(&id).copied().unwrap_or_default();
        Gradient { name, shape, norm }
    };
    listed.map(gradient).collect()
}

/// Runs a network on an input as it is, or with its margin where it needs one.
pub(crate) fn maps(config: &NetworkConfig, network: &Network, x: Tensor<5>, pass: &mut Pass) -> Tensor<5> {
    let [_, channels, frames, height, width] = x.dims();
    let shape = [channels, frames, height, width];
    if config.fits(shape) {
        return network.forward(x, pass).main;
    }
    network.fitted(x, &config.margin(shape), pass).main
}

/// The most values of an input: a batch of 64 images of 1024x1024.
const MOST_VALUES: usize = 1 << 26;

/// Reads `[batch, channels, height, width]` or `[batch, channels, frames, height, width]` and checks that it fits.
pub(crate) fn sequence_shape(config: &NetworkConfig, input: &[usize]) -> Result<[usize; 5], NetworkError> {
    let shape = match *input {
        [batch, channels, height, width] => [batch, channels, 1, height, width],
        [batch, channels, frames, height, width] => [batch, channels, frames, height, width],
        _ => {
            return Err(NetworkError::Rank { shape: input.to_vec() });
        }
    };
    let [batch, channels, frames, height, width] = shape;
    if batch == 0 {
        return Err(NetworkError::Rank { shape: input.to_vec() });
    }
    // What no machine holds is refused before anything is asked of it.
    let values = input.iter().try_fold(1_usize, |all, side| all.checked_mul(*side));
    if values.is_none_or(|values| values > MOST_VALUES) {
        return Err(NetworkError::TooLarge { shape: input.to_vec() });
    }
    config.check_input([channels, frames, height, width])?;
    Ok(shape)
}

/// Counts trained parameters.
pub(crate) fn trained(parameters: &[Parameter]) -> usize {
    let trained = parameters.iter().filter(|parameter| parameter.role.is_trained());
    trained.map(|parameter| parameter.shape.iter().product::<usize>()).sum()
}

/// The shape of maps as people write it: without the depth, but for volumes.
pub(crate) fn output_shape(config: &NetworkConfig, [batch, maps, depth, height, width]: [usize; 5]) -> Vec<usize> {
    match config.takes() {
        Takes::Volumes(_) => vec![batch, maps, depth, height, width],
        Takes::Images(_) | Takes::Sequences { .. } => vec![batch, maps, height, width],
    }
}

pub(crate) fn fill(Parameter { shape, role, .. }: &Parameter) -> Vec<f32> {
    let count = shape.iter().product();
    let weights = |fan: usize| {
        let scale = (24.0 / fan as f64).sqrt();
        uniform(count, 0, |u| u * scale)
    };
    match role {
        Role::RunningMean => uniform(count, 3, |u| 0.1 * u),
        Role::RunningVariance => uniform(count, 4, |u| 1.0 + u),
        Role::NormScale => uniform(count, 1, |u| 1.0 + 0.2 * u),
        Role::NormShift => uniform(count, 2, |u| 0.2 * u),
        Role::Bias => uniform(count, 5, |u| 0.1 * u),
        Role::Weight => weights(shape[1..].iter().product()),
        // Laid out [in, out, ..], and the formula divides by `in`.
        Role::TransposedWeight => weights(shape[0]),
    }
}

pub(crate) fn uniform(count: usize, seed: u32, map: impl Fn(f64) -> f64) -> Vec<f32> {
    hashed(count, seed).map(|u| map(u) as f32).collect()
}

/// The numbers of the formula: an integer hash of index, count and seed, from -0.5 to 0.5.
pub(crate) fn hashed(count: usize, seed: u32) -> impl Iterator<Item = f64> {
    let start = seed.wrapping_mul(1_000_003).wrapping_add((count as u32).wrapping_mul(7919));
    (0..count).map(move |index| {
        let mut h = start.wrapping_add(index as u32).wrapping_mul(2_654_435_761);
        h ^= h >> 16;
        h = h.wrapping_mul(0x85eb_ca6b);
        h ^= h >> 13;
        h = h.wrapping_mul(0xc2b2_ae35);
        h ^= h >> 16;
        f64::from(h) / 4_294_967_296.0 - 0.5
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Numbers of a reference implementation in 64 bits: output mean and deviation, three samples, the last value.
    #[track_caller]
    fn check(config: &str, input: &[usize], params: usize, expected: [f64; 6]) {
        let config = serde_json::from_str(config).expect("the settings are right");
        let probe = probe(&config, input).expect("the input fits");
        assert_eq!(probe.params, params);
        assert_eq!(probe.output_shape, [1, 1, input[input.len() - 2], input[input.len() - 1]]);
        let found = [probe.mean, probe.std, probe.samples[0], probe.samples[3], probe.samples[7], probe.last];
        for (found, expected_value) in found.iter().zip(expected) {
            let error = (found - expected_value).abs();
            assert!(error < 1e-4 * probe.std, "{found} against {expected_value}: {error:e} of {}", probe.std);
        }
    }

    #[track_caller]
    fn check_params(config: &str, params: usize) {
        let config: NetworkConfig = serde_json::from_str(config).expect("the settings are right");
        let network = config.build(&Device::flex()).expect("the settings are in range");
        assert_eq!(trained(&parameters(&network)), params);
    }

    #[test]
    fn svsnet_as_the_port() {
        let expected = [
            0.775_371_345_225_423_6,
            0.392_849_988_999_015_1,
            0.000_184_278_569_883_964_47,
            0.999_999_999_999_185_8,
            0.995_867_200_255_458_7,
            0.887_187_105_452_157_4,
        ];
        let config = r#"{"svsnet": {"bias": false, "epsilon": 1e-5, "label": "last"}}"#;
        check(config, &[1, 1, 4, 64, 64], 10_187_345, expected);
    }

    #[test]
    fn svsnet_as_the_figure() {
        let expected = [
            0.737_026_831_812_490_1,
            0.422_465_344_246_542_2,
            0.604_426_696_453_927_2,
            0.999_953_546_688_490_1,
            0.999_871_524_033_69,
            0.841_609_225_064_443,
        ];
        let config = r#"{"svsnet": {"bias": false, "epsilon": 1e-5, "label": "last", "skip_attention": false}}"#;
        check(config, &[1, 1, 4, 64, 64], 10_055_761, expected);
    }

    #[test]
    fn unet_with_normalisation() {
        let expected = [
            -0.550_215_690_438_272_1,
            1.273_903_630_563_425,
            -0.045_594_704_001_510_104,
            -1.097_995_616_810_562_2,
            -0.715_325_550_072_793_1,
            -0.488_754_506_302_155_67,
        ];
        check(r#"{"unet": {"in_channels": 3}}"#, &[1, 3, 64, 64], 31_043_521, expected);
    }

    #[test]
    fn parameter_counts() {
        check_params(r#"{"svsnet": {}}"#, 10_190_873);
        check_params(r#"{"unet": {"norm": "none"}}"#, 31_030_593);
        check_params(r#"{"unet": {"norm": "none", "out_channels": 2}}"#, 31_030_658);
        check_params(r#"{"unet": {"norm": "none", "in_channels": 3, "width": 32}}"#, 7_760_097);
        check_params(r#"{"unet": {"bias": false, "in_channels": 3}}"#, 31_037_633);
    }

    /// Loss and gradients of a small network whose last layer can be followed by hand.
    #[test]
    fn gradients_of_a_probe() {
        let config = r#"{"unet": {"width": 4, "depth": 1, "norm": "none", "out_channels": 2}}"#;
        let config: NetworkConfig = serde_json::from_str(config).expect("the settings are right");
        let loss: LossConfig = serde_json::from_str(r#"{"cross_entropy": {}}"#).expect("the settings are right");
        let probe = probe_gradients(&config, &[1, 1, 8, 8], &loss).expect("it fits");
        let trained: usize = probe.gradients.iter().map(|found| found.shape.iter().product::<usize>()).sum();
        assert_eq!(trained, probe.params);
        assert!(probe.gradients.iter().all(|found| found.norm > 0.0), "{:?}", probe.gradients);
        // The bias of the last layer: mean over pixels of the probability minus the target, a map each.
        let (network, logits) = filled(&config, &[1, 1, 8, 8], None, &Device::flex()).expect("it fits");
        let p = floats(Head::Softmax.probabilities(logits));
        let t = floats(wanted([1, 2, 1, 8, 8], &Device::flex()));
        let mean = |map: usize| (map * 64..(map + 1) * 64).map(|at| f64::from(p[at] - t[at]) / 64.0).sum::<f64>();
        let expected = (mean(0).powi(2) + mean(1).powi(2)).sqrt();
        let last = probe.gradients.last().expect("there are parameters");
        assert_eq!(last.shape, [2]);
        assert!((last.norm - expected).abs() < 1e-6, "{} against {expected}", last.norm);
        let value: f64 = (0..128).map(|at| -f64::from(t[at] * p[at].ln()) / 64.0).sum();
        assert!(probe.loss.is_some_and(|found| (found - value).abs() < 1e-5), "{:?} against {value}", probe.loss);
        assert_eq!(parameters(&network).len(), probe.gradients.len());
        let binary: LossConfig =
            serde_json::from_str(r#"{"dice": {"weights": [1, 2]}}"#).expect("the settings are right");
        assert!(matches!(probe_gradients(&config, &[1, 1, 8, 8], &binary), Err(ProbeError::Loss(_))));
    }

    #[test]
    fn inputs_that_do_not_fit() {
        let config: NetworkConfig = serde_json::from_str(r#"{"svsnet": {}}"#).expect("the settings are right");
        let error = probe(&config, &[1, 1, 4, 32, 64]).expect_err("32 cannot be halved six times");
        assert_eq!(
            error.to_string(),
            "input 32x64 is too small for svsnet: it needs at least 64x64; prepare larger images, or set fewer levels"
        );
        let odd = probe(&config, &[1, 1, 4, 65, 70]).expect("padded and cropped");
        assert_eq!(odd.output_shape, [1, 1, 65, 70]);
        assert!(probe(&config, &[1, 1, 3, 64, 64]).is_err());
        assert!(probe(&config, &[64, 64]).is_err());
    }
}
