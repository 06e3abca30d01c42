//! Densities by hand, and those of Optuna 5.0 (`_ParzenEstimator.log_pdf` with its defaults).

use super::*;

fn domain(written: &str) -> Domain {
    let written = format!(r#"{{ "x": {written} }}"#);
    let space: crate::Space = serde_json::from_str(&written).expect("it is written right");
    space.parameter(0).1.domain.clone()
}

#[track_caller]
fn check(written: &str, observed: &[f64], at: f64, expected: f64) {
    let domain = domain(written);
    let value = |number: &f64| match &domain {
        Domain::Choice(_) => Value::Choice(*number as usize),
        Domain::Int(_) => Value::Int(*number as i64),
        Domain::Float(_) => Value::Float(*number),
    };
    let observed: Vec<Vec<Value>> = observed.iter().map(|number| vec![value(number)]).collect();
    let found = Mixture::new(&[&domain], &observed, 1.0).log_densities(&[vec![value(&at)]])[0];
    assert!((found - expected).abs() < 1e-10, "{found} found, {expected} expected");
}

const UNIT: &str = r#"{ "float": { "low": 0, "high": 1 } }"#;

/// One observation at 1/4: its deviation is the distance to the further end, 3/4, so that the range lies from -1/3 to 1 deviations
/// about it; the prior's is 1, from -1/2 to 1/2.
#[test]
fn one_observation_by_hand() {
    let density = |z: f64| (-0.5 * z * z).exp() / (2.0 * std::f64::consts::PI).sqrt();
    let own = density(1.0 / 3.0) / 0.75 / (normal_below(1.0) - normal_below(-1.0 / 3.0));
    let prior = density(0.0) / (normal_below(0.5) - normal_below(-0.5));
    check(UNIT, &[0.25], 0.5, (0.5 * own + 0.5 * prior).ln());
}

/// Of three alternatives, two observations of the first and one of the second: four kernels of weight 1/4; an observed alternative has
/// (1 + 1/4) / (1 + 3/4) = 5/7, another 1/7, of the prior each 1/3.
#[test]
fn alternatives_by_hand() {
    let choice = r#"{ "choice": ["a", "b", "c"] }"#;
    let density = |hits: f64| ((hits * 5.0 + (3.0 - hits)) / 7.0 + 1.0 / 3.0) / 4.0;
    check(choice, &[0.0, 0.0, 1.0], 0.0, f64::ln(density(2.0)));
    check(choice, &[0.0, 0.0, 1.0], 1.0, f64::ln(density(1.0)));
    check(choice, &[0.0, 0.0, 1.0], 2.0, f64::ln(density(0.0)));
}

#[test]
fn densities_are_those_of_optuna() {
    check(UNIT, &[0.25], 0.5, 0.052_640_600_684_291_88);
    check(UNIT, &[0.3, 0.2], 0.5, 0.107_795_359_520_277_74);
    check(UNIT, &[0.3, 0.2], 0.25, 0.463_485_206_988_501_26);
    check(UNIT, &[], 0.5, 0.040_977_800_490_949_57);
    check(r#"{ "float": { "low": 1e-4, "high": 1, "scale": "log" } }"#, &[0.01, 0.1], 0.02, -1.901_954_142_866_265_4);
    check(r#"{ "float": { "low": 0, "high": 1, "step": 0.25 } }"#, &[0.25, 0.5], 0.75, -1.698_289_494_896_976_7);
    check(r#"{ "float": { "low": 0, "high": 1, "step": 0.25 } }"#, &[0.25, 0.5], 0.0, -1.698_450_509_669_148_7);
    check(r#"{ "int": { "low": 1, "high": 3 } }"#, &[2.0], 1.0, -1.145_828_532_071_489_2);
    check(r#"{ "int": { "low": 1, "high": 3 } }"#, &[2.0], 2.0, -1.010_383_678_255_960_8);
    check(r#"{ "int": { "low": 1, "high": 64, "scale": "log" } }"#, &[8.0, 8.0, 16.0], 4.0, -2.750_803_782_039_082_7);
    check(r#"{ "int": { "low": 1, "high": 64, "scale": "log" } }"#, &[8.0, 8.0, 16.0], 64.0, -6.378_117_440_484_933);
    check(r#"{ "choice": ["a", "b"] }"#, &[], 1.0, -std::f64::consts::LN_2);
}

/// Forty points in three dimensions, where older ones count less.
#[test]
fn a_joint_density_is_that_of_optuna() {
    let domains =
        [domain(UNIT), domain(r#"{ "int": { "low": 1, "high": 20 } }"#), domain(r#"{ "choice": ["a", "b", "c"] }"#)];
    let domains: Vec<&Domain> = domains.iter().collect();
    let point = |x: f64, n: i64, c: usize| vec![Value::Float(x), Value::Int(n), Value::Choice(c)];
    let observed: Vec<Vec<Value>> =
        (0..40).map(|at| point(at as f64 * 0.37 % 1.0, 1 + at * 7 % 20, at as usize % 3)).collect();
    let found = Mixture::new(&domains, &observed, 1.0).log_densities(&[point(0.4, 5, 1), point(0.99, 20, 2)]);
    for (found, expected) in found.iter().zip([-6.235_610_939_310_158, -6.644_897_794_529_552]) {
        assert!((found - expected).abs() < 1e-10, "{found} found, {expected} expected");
    }
}

#[test]
fn older_observations_count_less() {
    assert_eq!(weights(24), [1.0; 24]);
    let found = weights(28);
    let expected = [1.0 / 28.0, (1.0 / 28.0 + 1.0) / 2.0, 1.0, 1.0];
    assert!(found.iter().zip(expected).all(|(own, wanted)| (own - wanted).abs() < 1e-15), "{found:?}");
    assert_eq!(found.len(), 28);
}

/// The mean of draws is that of the mixture: one kernel about 0.9, cut off at 1, and the prior about 1/2. Six standard errors.
#[test]
fn draws_follow_the_density() {
    let domain = domain(UNIT);
    let mixture = Mixture::new(&[&domain], &[vec![Value::Float(0.9)]], 1.0);
    let mut draws = Draws::of(3, 4);
    let drawn: Vec<f64> = (0..20_000).map(|_| mixture.draw(&mut draws)[0].number()).collect();
    let cells = 1000;
    let at = |cell: usize| (cell as f64 + 0.5) / f64::from(cells as u32);
    let points: Vec<Vec<Value>> = (0..cells).map(|cell| vec![Value::Float(at(cell))]).collect();
    let densities = mixture.log_densities(&points);
    let whole: f64 = densities.iter().map(|log| log.exp() / cells as f64).sum();
    assert!((whole - 1.0).abs() < 1e-4, "{whole}");
    let wanted: f64 = densities.iter().enumerate().map(|(cell, log)| at(cell) * log.exp() / cells as f64).sum();
    let found = drawn.iter().sum::<f64>() / drawn.len() as f64;
    assert!((found - wanted).abs() < 6.0 * 0.29 / 20_000_f64.sqrt(), "{found} found, {wanted} expected");
}
