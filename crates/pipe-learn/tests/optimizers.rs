//! Every optimizer against PyTorch's, over 20 steps, on the host and as on a device; the values come from reference/optimizers.py.
//!
//! Knows a network only as a place for weights.

use std::collections::BTreeMap;

use burn::tensor::Device;
use pipe_learn::gradient::Gradient;
use pipe_learn::optimizers::Optimizer;
use pipe_learn::weights::{Arrays, Parameter, Role, arrays, parameters, with_values};
use pipe_learn::{Clip, NetworkConfig, OptimizerConfig};
use serde::Deserialize;

#[derive(Deserialize)]
struct Row {
    optimizer: OptimizerConfig,
    clip: Clip,
    /// After steps 5, 10, 15 and 20: for each kind of parameter its first numbers.
    values: Vec<Vec<Vec<f64>>>,
}

const COUNT: usize = 4;

fn first(kind: usize, index: usize) -> f64 {
    (1.1 * kind as f64 + 0.9 * index as f64).cos()
}

fn gradient(step: usize, kind: usize, index: usize) -> f64 {
    0.3 * (0.7 * step as f64 + 1.3 * index as f64 + 2.1 * kind as f64).sin() + 0.05 * (index as f64 - 1.0)
}

/// Numbers of the formula in the first places of a parameter, 0 behind them.
fn filled(size: usize, formula: impl Fn(usize) -> f64) -> Vec<f32> {
    (0..size).map(|index| if index < COUNT { formula(index) as f32 } else { 0.0 }).collect()
}

#[test]
fn steps_are_those_of_pytorch() {
    let rows: Vec<Row> = serde_json::from_str(include_str!("reference/optimizers.json")).expect("rows");
    let config: NetworkConfig = serde_json::from_str(r#"{"unet": {"width": 4, "depth": 1}}"#).expect("in range");
    let built = config.build(&Device::flex().autodiff()).expect("in range");
    let size = |parameter: &Parameter| parameter.shape.iter().product::<usize>();
    let all = parameters(&built);
    let chosen = [Role::Weight, Role::Bias, Role::NormScale].map(|role| {
        let of_role = all.iter().find(|parameter| parameter.role == role && size(parameter) >= COUNT);
        of_role.expect("the network has every kind")
    });
    let kind = |name: &str| chosen.iter().position(|parameter| parameter.name == name);
    assert!(rows.len() >= 15, "{} rows", rows.len());
    for Row { optimizer, clip, values } in rows {
        let mut network = with_values(built.clone(), |parameter| {
            let kind = kind(&parameter.name);
            filled(size(parameter), |index| kind.map_or(0.0, |kind| first(kind, index)))
        });
        let mut at_work = Optimizer::new(optimizer.clone());
        // The same with everything left in tensors, as on a device.
        let (mut left, mut left_at_work) = (network.clone(), at_work.clone());
        for step in 0..20 {
            let of = |(kind, parameter): (usize, &&Parameter)| {
                (parameter.name.clone(), filled(size(parameter), |index| gradient(step, kind, index)))
            };
            let gradients: BTreeMap<String, Vec<f32>> = chosen.iter().enumerate().map(of).collect();
            let gradient = Gradient::new(1, gradients);
            let share = if step >= 10 { 0.5 } else { 1.0 };
            let left_gradient = gradient.clone().on(&Device::flex()).taken(Some(&clip));
            network = at_work.update(network, &gradient.clone().taken(Some(&clip)), share);
            left = left_at_work.update(left, &left_gradient, share);
            if step % 5 != 4 {
                continue;
            }
            if step == 9 {
                // Continued from what is kept, as a checkpoint does.
                at_work = Optimizer::resumed(optimizer.clone(), at_work.updates(), at_work.state());
                left_at_work = Optimizer::resumed(optimizer.clone(), left_at_work.updates(), left_at_work.state());
            }
            let weights = arrays(&network);
            check_equal(&arrays(&left), &weights, &format!("{optimizer:?}, step {step}"));
            check_equal(&left_at_work.state(), &at_work.state(), &format!("{optimizer:?}, step {step}"));
            for (parameter, expected) in chosen.iter().zip(&values[step / 5]) {
                for (found, expected) in weights[&parameter.name].values.iter().zip(expected) {
                    let error = (f64::from(*found) - expected).abs();
                    assert!(error < 1e-5, "{optimizer:?}, step {step}, {}: {found}, {expected}", parameter.name);
                }
            }
        }
    }
}

#[track_caller]
fn check_equal(found: &Arrays, expected: &Arrays, what: &str) {
    assert!(found.keys().eq(expected.keys()), "{what}");
    for (name, expected) in expected {
        assert_eq!(found[name].shape, expected.shape, "{what}, {name}");
        for (found, expected) in found[name].values.iter().zip(&expected.values) {
            assert!((found - expected).abs() < 1e-6, "{what}, {name}: {found}, {expected}");
        }
    }
}

#[test]
fn what_is_out_of_range_is_refused_by_name() {
    #[track_caller]
    fn check(text: &str, expected: &str) {
        let config: OptimizerConfig = serde_json::from_str(text).expect("the form is right");
        assert_eq!(config.check().expect_err("out of range").to_string(), expected);
    }
    check(r#"{"sgd": {"momentum": 1.0}}"#, "`sgd.momentum` is 1, expected at least 0 and below 1");
    check(r#"{"sgd": {"decay": -1.0}}"#, "`sgd.decay` is -1, expected at least 0");
    check(r#"{"adam": {"learning_rate": -0.1}}"#, "`adam.learning_rate` is -0.1, expected at least 0");
    check(r#"{"adamw": {"beta2": 1.5}}"#, "`adamw.beta2` is 1.5, expected at least 0 and below 1");
    check(r#"{"nadam": {"momentum_decay": -2.0}}"#, "`nadam.momentum_decay` is -2, expected at least 0");
    check(r#"{"rms_prop": {"alpha": 1.0}}"#, "`rms_prop.alpha` is 1, expected at least 0 and below 1");
    let error = serde_json::from_str::<OptimizerConfig>(r#"{"adam": {"momentum": 0.9}}"#).expect_err("no such setting");
    assert!(error.to_string().contains("momentum"), "{error}");
}
