//! Losses against the values of other libraries, see `reference/losses.py`.
//!
//! Knows the public functions alone.

use std::collections::BTreeMap;

use burn::Tensor;
use burn::tensor::{Device, TensorData};
use pipe_learn::{Head, LossConfig, Target};
use serde::Deserialize;

/// 32 bits against 64.
const TOLERANCE: f64 = 1e-5;

#[derive(Deserialize)]
struct Reference {
    inputs: BTreeMap<String, Input>,
    cases: Vec<Case>,
}

#[derive(Deserialize)]
struct Input {
    head: Head,
    shape: [usize; 5],
    logits: Vec<f32>,
    targets: Vec<f32>,
    counted: Option<Vec<f32>>,
}

#[derive(Deserialize)]
struct Case {
    library: String,
    input: String,
    loss: LossConfig,
    value: f64,
    /// The norm of the gradient with respect to logits.
    gradient: f64,
}

impl Case {
    /// What is wrong, if anything.
    fn difference(&self, input: &Input) -> Option<String> {
        let device = Device::flex().autodiff();
        let tensor = |values: &[f32], shape| Tensor::<5>::from_data(TensorData::new(values.to_vec(), shape), &device);
        let [batch, maps, depth, height, width] = input.shape;
        let counted = input.counted.as_ref().map(|counted| tensor(counted, [batch, 1, depth, height, width]));
        let target = Target { maps: tensor(&input.targets, input.shape), counted };
        let x = tensor(&input.logits, input.shape).require_grad();
        let Self { library, input: name, loss, .. } = self;
        if let Err(error) = loss.check(maps, input.head) {
            return Some(format!("{library}, {name}: {error}"));
        }
        let value = loss.value(x.clone(), &target, input.head);
        let found = f64::from(value.clone().inner().into_scalar::<f32>());
        let gradient = x.grad(&value.backward()).map_or(0.0, |gradient| {
            let values = gradient.into_data().to_vec::<f32>().expect("32-bit floats");
            values.iter().map(|value| f64::from(*value).powi(2)).sum::<f64>().sqrt()
        });
        let is_near = |found: f64, expected: f64| (found - expected).abs() < TOLERANCE * expected.abs().max(1.0);
        let text = || {
            let expected = format!("{} and slope {}", self.value, self.gradient);
            format!("{library}, {name}, {loss:?}: {found} and slope {gradient} against {expected}")
        };
        (!is_near(found, self.value) || !is_near(gradient, self.gradient)).then(text)
    }
}

#[test]
fn values_and_slopes_are_those_of_other_libraries() {
    let reference: Reference =
        serde_json::from_str(include_str!("reference/losses.json")).expect("the script has written it");
    let wrong: Vec<String> =
        reference.cases.iter().filter_map(|case| case.difference(&reference.inputs[&case.input])).collect();
    assert!(wrong.is_empty(), "{} of {} differ:\n{}", wrong.len(), reference.cases.len(), wrong.join("\n"));
    assert!(reference.cases.len() > 45, "{} cases", reference.cases.len());
}
