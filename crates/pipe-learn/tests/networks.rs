//! Networks against PyTorch: outputs, gradients and numbers of parameters, filled by the same formula.
//!
//! Knows the public functions and the values in `reference`, whose README tells where they come from.

use std::{collections::BTreeMap, fs};

use burn::Tensor;
use burn::module::{Module, ModuleVisitor, Param};
use burn::tensor::{Device, Gradients, TensorData, activation};
use pipe_learn::networks::{Network, Takes, blocks::Pass};
use pipe_learn::weights::{Parameter, Role, parameters, with_values};
use pipe_learn::{NETWORKS, NetworkConfig, probe};
use serde::{Deserialize, de::DeserializeOwned};
use serde_json::Value;

#[derive(Deserialize)]
struct Case {
    name: String,
    network: Value,
    input: Vec<usize>,
    params: usize,
    output_shape: Vec<usize>,
    mean: f64,
    std: f64,
    min: f64,
    max: f64,
    samples: Vec<f64>,
    last: f64,
    loss: f64,
    gradients: Vec<Gradient>,
}

#[derive(Deserialize)]
struct Gradient {
    shape: Vec<usize>,
    norm: f64,
}

#[derive(Deserialize)]
struct Count {
    network: Value,
    params: usize,
}

fn reference<T: DeserializeOwned>(file: &str) -> T {
    let path = format!("{}/tests/reference/{file}", env!("CARGO_MANIFEST_DIR"));
    let text = fs::read_to_string(path).expect("the file is part of the repository");
    serde_json::from_str(&text).expect("written by networks.py or counts.py")
}

fn config(network: &Value) -> Result<NetworkConfig, String> {
    serde_json::from_value(network.clone()).map_err(|error| format!("{network}: {error}"))
}

fn is_of(network: &Value, name: &str) -> bool {
    network.get(name).is_some()
}

/// Runs `check` on each case of a network and tells of all that failed.
fn each(network: &str, check: impl Fn(&Case) -> Result<(), String>) {
    let cases: Vec<Case> = reference("networks.json");
    let cases: Vec<&Case> = cases.iter().filter(|case| is_of(&case.network, network)).collect();
    assert!(!cases.is_empty(), "no case of {network}");
    let failed = cases.iter().filter_map(|case| Some(format!("{}: {}", case.name, check(case).err()?)));
    let failed: Vec<String> = failed.collect();
    assert!(failed.is_empty(), "{} of {} cases:\n{}", failed.len(), cases.len(), failed.join("\n"));
}

/// Numbers of the output, to within 1e-4 of its deviation.
fn output(case: &Case) -> Result<(), String> {
    let found = probe(&config(&case.network)?, &case.input).map_err(|error| error.to_string())?;
    if (found.params, &found.output_shape) != (case.params, &case.output_shape) {
        let (params, shape) = (found.params, found.output_shape);
        return Err(format!("{params} parameters, {shape:?}; expected {} and {:?}", case.params, case.output_shape));
    }
    let of_found = [&found.samples[..], &[found.last, found.mean, found.std, found.min, found.max]].concat();
    let expected = [&case.samples[..], &[case.last, case.mean, case.std, case.min, case.max]].concat();
    let errors = of_found.iter().zip(&expected).map(|(found, expected)| (found - expected).abs());
    // Of numbers that are not numbers `max` would keep the other one.
    let worst = errors.fold(0.0, |worst: f64, error| if error <= worst { worst } else { error });
    if worst <= 1e-4 * case.std { Ok(()) } else { Err(format!("{of_found:.6?}, expected {expected:.6?}")) }
}

/// The norm of each parameter's gradient, to within 2e-3 or 1e-5 of the largest.
fn gradient(case: &Case) -> Result<(), String> {
    let (loss, found) = learned(&config(&case.network)?, &case.input).map_err(|error| format!("{error:?}"))?;
    if (loss - case.loss).abs() > 1e-3 * case.loss.abs().max(0.01) {
        return Err(format!("loss {loss}, expected {}", case.loss));
    }
    let expected = by_shape(case.gradients.iter().map(|gradient| (&gradient.shape[..], gradient.norm)));
    let found = by_shape(found.iter().map(|(shape, norm)| (&shape[..], *norm)));
    let largest = expected.values().flatten().copied().fold(0.0, f64::max);
    let is_near = |found: &f64, expected: &f64| (found - expected).abs() <= 2e-3 * expected + 1e-5 * largest;
    for (shape, expected) in &expected {
        let found = found.get(shape).map_or(&[][..], Vec::as_slice);
        if found.len() != expected.len() || !found.iter().zip(expected).all(|(a, b)| is_near(a, b)) {
            return Err(format!("gradients of shape {shape:?}: {found:.6?}, expected {expected:.6?}"));
        }
    }
    Ok(())
}

/// Norms in ascending order by shape; sides of 1 are left out, for a convolution of size 1 may be a linear layer.
fn by_shape<'a>(norms: impl Iterator<Item = (&'a [usize], f64)>) -> BTreeMap<Vec<usize>, Vec<f64>> {
    let mut groups: BTreeMap<Vec<usize>, Vec<f64>> = BTreeMap::new();
    for (shape, norm) in norms {
        let sides = shape.iter().copied().filter(|side| *side > 1).collect();
        groups.entry(sides).or_default().push(norm);
    }
    groups.values_mut().for_each(|norms| norms.sort_by(f64::total_cmp));
    groups
}

/// Gives the loss, and the shape and norm of each gradient.
fn learned(
    config: &NetworkConfig,
    input: &[usize],
) -> Result<(f64, Vec<(Vec<usize>, f64)>), Box<dyn std::error::Error>> {
    let device = Device::flex().autodiff();
    let network = with_values(config.build(&device)?, filling);
    let mut shape = [input[0], input[1], 1, input[input.len() - 2], input[input.len() - 1]];
    if let [_, _, depth, _, _] = *input {
        shape[2] = depth;
    }
    let [batch, channels, depth, height, width] = shape;
    let margin = config.margin([channels, depth, height, width]);
    let x = Tensor::from_data(TensorData::new(uniform(shape.iter().product(), 6, |u| u + 0.5), shape), &device);
    let logits = network.fitted(x, &margin, &mut Pass::predicting()).main;
    let maps = config.classes();
    let target_depth = if matches!(config.takes(), Takes::Volumes(_)) { depth } else { 1 };
    let pixels = target_depth * height * width;
    let class = |u: f64| if maps == 1 { f64::from(u8::from(u > 0.0)) } else { ((u + 0.5) * maps as f64).floor() };
    let classes = uniform(batch * pixels, 7, class);
    let is_on = |at: usize| {
        let (case, map, pixel) = (at / (maps * pixels), at / pixels % maps, at % pixels);
        let class = classes[case * pixels + pixel];
        if maps == 1 { class } else { f32::from(u8::from(class == map as f32)) }
    };
    let target: Vec<f32> = (0..batch * maps * pixels).map(is_on).collect();
    let target = Tensor::<5>::from_data(TensorData::new(target, [batch, maps, target_depth, height, width]), &device);
    let all = if maps == 1 {
        logits.clone().clamp_min(0.0) - logits.clone() * target + (-logits.abs()).exp().log1p()
    } else {
        -activation::log_softmax(logits, 1) * target
    };
    let loss = all.sum() / (batch * pixels) as f64;
    let mut gradients = loss.clone().backward();
    let mut norms = Norms { gradients: &mut gradients, found: Vec::new(), trained: trained(&network) };
    network.visit(&mut norms);
    Ok((loss.into_scalar::<f64>(), norms.found))
}

fn trained(network: &Network) -> Vec<Parameter> {
    parameters(network).into_iter().filter(|parameter| parameter.role.is_trained()).collect()
}

struct Norms<'a> {
    gradients: &'a mut Gradients,
    found: Vec<(Vec<usize>, f64)>,
    trained: Vec<Parameter>,
}

impl ModuleVisitor for Norms<'_> {
    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        if self.trained.iter().any(|trained| trained.id == param.id) {
            let squares = param.val().grad_remove(self.gradients).map_or(0.0, |gradient| {
                let data = gradient.into_data();
                data.as_slice::<f32>().expect("floats").iter().map(|value| f64::from(*value).powi(2)).sum()
            });
            self.found.push((param.dims().to_vec(), f64::sqrt(squares)));
        }
    }
}

fn filling(Parameter { shape, role, .. }: &Parameter) -> Vec<f32> {
    let (count, scale) = (shape.iter().product(), |fan: usize| (24.0 / fan as f64).sqrt());
    match role {
        Role::Weight => uniform(count, 0, |u| u * scale(shape[1..].iter().product())),
        Role::TransposedWeight => uniform(count, 0, |u| u * scale(shape[0])),
        Role::NormScale => uniform(count, 1, |u| 1.0 + 0.2 * u),
        Role::NormShift => uniform(count, 2, |u| 0.2 * u),
        Role::RunningMean => uniform(count, 3, |u| 0.1 * u),
        Role::RunningVariance => uniform(count, 4, |u| 1.0 + u),
        Role::Bias => uniform(count, 5, |u| 0.1 * u),
    }
}

/// The formula of `fill.py`.
fn uniform(count: usize, seed: u32, map: impl Fn(f64) -> f64) -> Vec<f32> {
    let start = seed.wrapping_mul(1_000_003).wrapping_add((count as u32).wrapping_mul(7919));
    let number = |at: u32| {
        let mut h = start.wrapping_add(at).wrapping_mul(2_654_435_761);
        h = (h ^ h >> 16).wrapping_mul(0x85eb_ca6b);
        h = (h ^ h >> 13).wrapping_mul(0xc2b2_ae35);
        f64::from(h ^ h >> 16) / 4_294_967_296.0 - 0.5
    };
    (0..count as u32).map(|at| map(number(at)) as f32).collect()
}

macro_rules! networks {
    ($($network:ident)*) => {
        const CHECKED: &[&str] = &[$(stringify!($network)),*];
        mod output {
            $(#[test] fn $network() { super::each(stringify!($network), super::output); })*
        }
        mod gradient {
            $(#[test] fn $network() { super::each(stringify!($network), super::gradient); })*
        }
        mod count {
            $(#[test] fn $network() { super::counts(stringify!($network)); })*
        }
    };
}

networks! {
    unet unet_plus_plus attention_unet resunet_plus_plus encoder_unet encoder_unet_plus_plus deeplabv3 deeplabv3_plus
    deeplabv3_plus_eca encoder_decoder svsnet nnunet nnunet_residual
}

fn counts(name: &str) {
    let counts: Vec<Count> = reference("counts.json");
    let counts: Vec<&Count> = counts.iter().filter(|count| is_of(&count.network, name)).collect();
    assert!(!counts.is_empty(), "no count of {name}");
    for Count { network, params } in counts {
        let built = config(network).expect("settings in range").build(&Device::flex()).expect("settings in range");
        let found: usize = trained(&built).iter().map(|parameter| parameter.shape.iter().product::<usize>()).sum();
        assert_eq!(found, *params, "{network}");
    }
}

#[test]
fn every_network_and_every_case_is_checked() {
    let unchecked: Vec<_> = NETWORKS.iter().map(|kind| kind.name).filter(|name| !CHECKED.contains(name)).collect();
    assert!(unchecked.is_empty(), "no reference for {unchecked:?}");
    let cases: Vec<Case> = reference("networks.json");
    for Case { name, network, .. } in cases {
        assert!(CHECKED.iter().any(|checked| is_of(&network, checked)), "{name} is of no network");
    }
}
