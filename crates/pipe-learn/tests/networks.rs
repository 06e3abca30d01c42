//! Networks against PyTorch: outputs, gradients and numbers of parameters, filled by the same formula.
//!
//! Knows the public functions and the values in `reference`, whose README tells where they come from.

mod reference;

use std::collections::BTreeMap;
use std::error::Error;

use burn::Tensor;
use burn::module::{Module, ModuleVisitor, Param};
use burn::tensor::{Device, Gradients, TensorData, activation};
use pipe_learn::networks::{Network, Takes, blocks::Pass};
use pipe_learn::weights::{Parameter, parameters, with_values};
use pipe_learn::{NETWORKS, NetworkConfig, probe};
use reference::cases::{Case, Count, config, is_of, reference};
use reference::formula;

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
    if !found.keys().eq(expected.keys()) {
        return Err(format!("parameters of shapes {:?}, expected {:?}", found.keys(), expected.keys()));
    }
    for ((shape, found), expected) in found.iter().zip(expected.values()) {
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
fn learned(config: &NetworkConfig, input: &[usize]) -> Result<(f64, Vec<(Vec<usize>, f64)>), Box<dyn Error>> {
    let device = Device::flex().autodiff();
    let network = with_values(config.build(&device)?, formula::filling);
    let mut shape = [input[0], input[1], 1, input[input.len() - 2], input[input.len() - 1]];
    if let [_, _, depth, _, _] = *input {
        shape[2] = depth;
    }
    let [batch, channels, depth, height, width] = shape;
    let margin = config.margin([channels, depth, height, width]);
    let x = Tensor::from_data(TensorData::new(formula::image(shape.iter().product()), shape), &device);
    let logits = network.fitted(x, &margin, &mut Pass::predicting()).main;
    let maps = config.classes();
    let depth = if matches!(config.takes(), Takes::Volumes(_)) { depth } else { 1 };
    let pixels = depth * height * width;
    let target = TensorData::new(formula::target(batch, maps, pixels), [batch, maps, depth, height, width]);
    let target = Tensor::<5>::from_data(target, &device);
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
