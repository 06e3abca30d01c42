//! Networks against PyTorch: outputs, gradients and numbers of parameters, filled by the same formula.
//!
//! Knows the public functions and the values in `reference`, whose README tells where they come from.

mod reference;

use std::collections::BTreeMap;

use burn::tensor::Device;
use pipe_learn::networks::blocks::Pass;
use pipe_learn::{LossConfig, NETWORKS, Probe, probe, probe_gradients};
use rand_pcg::Pcg64;
use reference::cases::{Case, Count, Output, config, is_of, reference};
use reference::passes::{described, learned, run, trained};

/// Runs `check` on each case of a network and tells of all that failed.
fn each(file: &str, network: &str, check: impl Fn(&Case) -> Result<(), String>) {
    let cases: Vec<Case> = reference(file);
    let cases: Vec<&Case> = cases.iter().filter(|case| is_of(&case.network, network)).collect();
    assert!(!cases.is_empty(), "no case of {network}");
    let failed = cases.iter().filter_map(|case| Some(format!("{}: {}", case.name, check(case).err()?)));
    let failed: Vec<String> = failed.collect();
    assert!(failed.is_empty(), "{} of {} cases:\n{}", failed.len(), cases.len(), failed.join("\n"));
}

/// Number of parameters, and numbers of the output.
fn output(case: &Case) -> Result<(), String> {
    let found = probe(&config(&case.network)?, &case.input).map_err(|error| error.to_string())?;
    if found.params != case.params {
        return Err(format!("{} parameters, expected {}", found.params, case.params));
    }
    let Probe { output_shape, mean, std, min, max, samples, last, .. } = found;
    Output { output_shape, mean, std, min, max, samples, last }.against(&case.output(), 1e-4)
}

/// The further maps of deep supervision.
fn deep(case: &Case) -> Result<(), String> {
    if case.deep.is_empty() {
        return Ok(());
    }
    let config = config(&case.network)?;
    let pass = &mut Pass::learning(Pcg64::new(1, 1));
    let (_, maps) = run(&config, &case.input, pass, &Device::flex()).map_err(|error| error.to_string())?;
    if maps.deep.len() != case.deep.len() {
        return Err(format!("{} further maps, expected {}", maps.deep.len(), case.deep.len()));
    }
    for (maps, expected) in maps.deep.into_iter().zip(&case.deep) {
        described(&config, maps).against(expected, 1e-4)?;
    }
    Ok(())
}

/// The loss and the norm of each parameter's gradient, of a predicting pass.
fn gradient(case: &Case) -> Result<(), String> {
    let config = config(&case.network)?;
    let loss = if config.classes() == 1 { r#"{"binary_cross_entropy": {}}"# } else { r#"{"cross_entropy": {}}"# };
    let loss: LossConfig = serde_json::from_str(loss).expect("settings in range");
    let found = probe_gradients(&config, &case.input, &loss).map_err(|error| error.to_string())?;
    let gradients = found.gradients.iter().map(|gradient| (&gradient.shape[..], gradient.norm));
    near_gradients(case, found.loss.unwrap_or(f64::NAN), gradients, [2e-3, 1e-5])
}

/// Logits, loss and gradients of a learning pass, whose normalisations take the statistics of the batch.
fn learning(case: &Case) -> Result<(), String> {
    let learned = learned(&config(&case.network)?, &case.input).map_err(|error| error.to_string())?;
    learned.logits.against(&case.output(), 5e-4)?;
    let gradients = learned.gradients.iter().map(|(shape, norm)| (&shape[..], *norm));
    near_gradients(case, learned.loss, gradients, [1e-2, 1e-4])
}

/// Compares norms to within a share of themselves, or of the largest.
fn near_gradients<'a>(
    case: &Case,
    loss: f64,
    found: impl Iterator<Item = (&'a [usize], f64)>,
    [of_itself, of_largest]: [f64; 2],
) -> Result<(), String> {
    let is_near = |found: f64, expected: f64, least: f64| (found - expected).abs() <= of_itself * expected + least;
    if !is_near(loss, case.loss, 1e-5) {
        return Err(format!("loss {loss}, expected {}", case.loss));
    }
    let expected = by_shape(case.gradients.iter().map(|gradient| (&gradient.shape[..], gradient.norm)));
    let found = by_shape(found);
    if !found.keys().eq(expected.keys()) {
        return Err(format!("parameters of shapes {:?}, expected {:?}", found.keys(), expected.keys()));
    }
    let least = of_largest * expected.values().flatten().copied().fold(0.0, f64::max);
    for ((shape, found), expected) in found.iter().zip(expected.values()) {
        if found.len() != expected.len() || !found.iter().zip(expected).all(|(a, b)| is_near(*a, *b, least)) {
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

macro_rules! networks {
    ($($network:ident)*) => {
        const CHECKED: &[&str] = &[$(stringify!($network)),*];
        mod output {
            $(#[test] fn $network() { super::each("networks.json", stringify!($network), super::output); })*
        }
        mod gradient {
            $(#[test] fn $network() { super::each("networks.json", stringify!($network), super::gradient); })*
        }
        mod learning {
            $(#[test] fn $network() { super::each("learning.json", stringify!($network), super::learning); })*
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

#[test]
fn further_maps_of_deep_supervision() {
    for network in ["unet_plus_plus", "nnunet", "nnunet_residual"] {
        each("networks.json", network, deep);
    }
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
