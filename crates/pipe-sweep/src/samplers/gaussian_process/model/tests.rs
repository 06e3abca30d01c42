//! Gradients against differences, and what the process foretells.

use super::*;
use crate::samplers::gaussian_process::improvement::Improvement;

fn space() -> crate::Space {
    serde_json::from_str(
        r#"{
            "x": { "float": { "low": 0, "high": 1 } },
            "y": { "float": { "low": 1, "high": 100, "scale": "log" } },
            "c": { "choice": ["a", "b"] }
        }"#,
    )
    .expect("it is written right")
}

fn points(count: usize) -> Vec<Vec<f64>> {
    (0..count).map(|at| vec![at as f64 * 0.37 % 1.0, at as f64 * 0.61 % 1.0, (at % 2) as f64]).collect()
}

fn value(point: &[f64]) -> f64 {
    (3.0 * point[0]).sin() + point[1] * point[1] - 0.3 * point[2]
}

fn standardised(values: &[f64]) -> Vec<f64> {
    Warp::None.bent(values).values
}

fn model(count: usize) -> Model {
    let values: Vec<f64> = points(count).iter().map(|point| value(point)).collect();
    let space = space();
    Model::fitted(&Encoding::new(&space), points(count), &values)
}

#[track_caller]
fn check(found: f64, wanted: f64, within: f64) {
    assert!((found - wanted).abs() <= within * wanted.abs().max(1.0), "{found} found, {wanted} expected");
}

#[test]
fn the_gradient_of_the_surprise_is_that_of_differences() {
    let values = standardised(&points(12).iter().map(|point| value(point)).collect::<Vec<f64>>());
    let squares = squares(&[true, true, false], &points(12));
    for start in [[0.0, 0.0, 0.0, 0.0, -4.0], [1.0, 2.0, -1.0, 0.5, -2.0]] {
        let (_, gradient) = surprise(&squares, &values, &start).expect("it is positive definite");
        for at in 0..start.len() {
            let moved = |by: f64| {
                let mut moved = start;
                moved[at] += by;
                surprise(&squares, &values, &moved).expect("it is positive definite").0
            };
            check(gradient[at], (moved(1e-5) - moved(-1e-5)) / 2e-5, 1e-6);
        }
    }
}

/// Two points at distance 1 with unit lengths: `(1 + sqrt 5 + 5/3) exp(-sqrt 5)`.
#[test]
fn the_kernel_is_matern() {
    let kernel = Kernel { closeness: vec![1.0], variance: 2.0, noise: 0.0 };
    let root = 5.0_f64.sqrt();
    check(kernel.at(1.0).0, 2.0 * (1.0 + root + 5.0 / 3.0) * (-root).exp(), 1e-15);
    check(kernel.at(0.0).0, 2.0, 1e-15);
    check(kernel.at(0.7).1, (kernel.at(0.7 + 1e-6).0 - kernel.at(0.7 - 1e-6).0) / 2e-6, 1e-8);
}

#[test]
fn what_is_known_is_foretold_and_what_is_between_nearly() {
    let model = model(30);
    let values = standardised(&points(30).iter().map(|point| value(point)).collect::<Vec<f64>>());
    for (point, value) in points(30).iter().zip(&values) {
        check(model.foretell(point).mean, *value, 0.02);
    }
    let all: Vec<f64> = points(30).iter().map(|point| value(point)).collect();
    let mean = all.iter().sum::<f64>() / 30.0;
    let sd = (all.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / 30.0).sqrt();
    let between = [0.45, 0.55, 1.0];
    check(model.foretell(&between).mean, (value(&between) - mean) / sd, 0.05);
}

#[test]
fn slopes_of_the_improvement_are_those_of_differences() {
    let improvement = Improvement::new(model(14));
    for point in [[0.31, 0.77, 0.0], [0.9, 0.05, 1.0], [0.5, 0.5, 1.0]] {
        let (value, slopes) = improvement.with_slopes(&point, &[0, 1]);
        check(value, improvement.at(&point), 1e-12);
        for (at, slope) in slopes.iter().enumerate() {
            let moved = |by: f64| {
                let mut moved = point;
                moved[at] += by;
                improvement.at(&moved)
            };
            check(*slope, (moved(1e-6) - moved(-1e-6)) / 2e-6, 1e-4);
        }
    }
}

#[test]
fn a_believed_point_is_certain_and_changes_no_mean() {
    let mut model = model(10);
    let (there, elsewhere) = (vec![0.42, 0.13, 0.0], [0.5, 0.2, 0.0]);
    let before = (model.foretell(&there), model.foretell(&elsewhere));
    model.believe(there.clone());
    let after = (model.foretell(&there), model.foretell(&elsewhere));
    assert!(after.0.variance < 0.1 * before.0.variance && after.1.variance < before.1.variance);
    check(after.0.mean, before.0.mean, 1e-3);
    check(after.1.mean, before.1.mean, 1e-3);
}

#[test]
fn equal_values_and_equal_points_have_a_model() {
    let space = space();
    let same = vec![vec![0.5, 0.5, 0.0]; 4];
    let model = Model::fitted(&Encoding::new(&space), same, &[1.0; 4]);
    check(model.foretell(&[0.5, 0.5, 0.0]).mean, 0.0, 1e-9);
}
