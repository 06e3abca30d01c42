//! Test functions with known least values, and their spaces; `tests/compare/samplers.py` has the same.

use serde_json::{Map, Value, json};

/// A function to be minimised.
pub(crate) struct Function {
    /// Its space, as it is written.
    pub(crate) space: fn() -> Value,
    /// Its value at a point.
    pub(crate) value: fn(&Map<String, Value>) -> f64,
}

/// The function of a name.
pub(crate) fn function(name: &str) -> Option<Function> {
    Some(match name {
        "branin" => Function { space: branin_space, value: branin },
        "hartmann6" => Function { space: || cube(6, 0.0, 1.0), value: hartmann6 },
        "rosenbrock5" => Function { space: || cube(5, -5.0, 10.0), value: rosenbrock5 },
        "conditional" => Function { space: conditional_space, value: conditional },
        "mixed" => Function { space: mixed_space, value: mixed },
        _ => return None,
    })
}

fn number(point: &Map<String, Value>, name: &str) -> f64 {
    point[name].as_f64().expect("it is a number")
}

fn vector(point: &Map<String, Value>) -> Vec<f64> {
    (0..point.len()).map(|at| number(point, &format!("x{at}"))).collect()
}

fn cube(dimensions: usize, low: f64, high: f64) -> Value {
    (0..dimensions).map(|at| (format!("x{at}"), json!({ "float": { "low": low, "high": high } }))).collect()
}

fn branin_space() -> Value {
    json!({ "x0": { "float": { "low": -5, "high": 10 } }, "x1": { "float": { "low": 0, "high": 15 } } })
}

/// Least 0.397887.
fn branin(point: &Map<String, Value>) -> f64 {
    use std::f64::consts::PI;
    let (x, y) = (number(point, "x0"), number(point, "x1"));
    let valley = y - 5.1 / (4.0 * PI * PI) * x * x + 5.0 / PI * x - 6.0;
    valley * valley + 10.0 * (1.0 - 1.0 / (8.0 * PI)) * x.cos() + 10.0
}

/// Least -3.32237.
fn hartmann6(point: &Map<String, Value>) -> f64 {
    const A: [[f64; 6]; 4] = [
        [10.0, 3.0, 17.0, 3.5, 1.7, 8.0],
        [0.05, 10.0, 17.0, 0.1, 8.0, 14.0],
        [3.0, 3.5, 1.7, 10.0, 17.0, 8.0],
        [17.0, 8.0, 0.05, 10.0, 0.1, 14.0],
    ];
    const P: [[f64; 6]; 4] = [
        [0.1312, 0.1696, 0.5569, 0.0124, 0.8283, 0.5886],
        [0.2329, 0.4135, 0.8307, 0.3736, 0.1004, 0.9991],
        [0.2348, 0.1451, 0.3522, 0.2883, 0.3047, 0.6650],
        [0.4047, 0.8828, 0.8732, 0.5743, 0.1091, 0.0381],
    ];
    let x = vector(point);
    let term = |at: usize| -> f64 { (0..6).map(|d| A[at][d] * (x[d] - P[at][d]).powi(2)).sum() };
    -[1.0, 1.2, 3.0, 3.2].iter().enumerate().map(|(at, weight)| weight * (-term(at)).exp()).sum::<f64>()
}

/// Least 0.
fn rosenbrock5(point: &Map<String, Value>) -> f64 {
    let x = vector(point);
    x.windows(2).map(|pair| 100.0 * (pair[1] - pair[0] * pair[0]).powi(2) + (1.0 - pair[0]).powi(2)).sum()
}

fn conditional_space() -> Value {
    json!({
        "rate": { "float": { "low": 1e-5, "high": 1.0, "scale": "log" } },
        "network": { "choice": ["unet", "linear"] },
        "width": { "int": { "low": 4, "high": 128, "scale": "log" }, "when": { "parameter": "network", "is": ["unet"] } },
        "block": { "choice": ["plain", "residual"], "when": { "parameter": "network", "is": ["unet"] } },
        "shortcut": { "float": { "low": 0, "high": 1 }, "when": { "parameter": "block", "is": ["residual"] } },
        "decay": { "float": { "low": 0, "high": 2, "step": 0.1 }, "when": { "parameter": "network", "is": ["linear"] } }
    })
}

/// Least 0, for a residual U-Net with rate 0.003, width 40 and shortcut 0.7; the branches depend on the rate in different ways.
fn conditional(point: &Map<String, Value>) -> f64 {
    let rate = number(point, "rate").log10();
    let best = (rate - 0.003_f64.log10()).powi(2) / 4.0;
    match point["network"].as_str() {
        Some("unet") => {
            let width = (number(point, "width") / 40.0).log2().powi(2) / 8.0;
            let block = match point["block"].as_str() {
                Some("residual") => (number(point, "shortcut") - 0.7).powi(2) * 2.0,
                _ => 0.15,
            };
            best + width + block
        }
        _ => best + 0.3 + (rate + 1.0).powi(2) / 4.0 + (number(point, "decay") - 0.4).powi(2) / 2.0,
    }
}

fn mixed_space() -> Value {
    json!({
        "rate": { "float": { "low": 1e-5, "high": 0.1, "scale": "log" } },
        "width": { "int": { "low": 8, "high": 128 } },
        "depth": { "int": { "low": 2, "high": 6 } },
        "momentum": { "float": { "low": 0.5, "high": 0.99 } },
        "loss": { "choice": ["dice", "cross_entropy", "focal"] }
    })
}

/// A bowl, for timing.
fn mixed(point: &Map<String, Value>) -> f64 {
    let loss = if point["loss"] == "dice" { 0.0 } else { 0.2 };
    (number(point, "rate").log10() + 3.0).powi(2) / 4.0
        + (number(point, "width") / 64.0 - 1.0).powi(2)
        + (number(point, "depth") - 4.0).powi(2) / 8.0
        + (number(point, "momentum") - 0.9).powi(2)
        + loss
}
