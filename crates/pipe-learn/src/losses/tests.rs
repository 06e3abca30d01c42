//! Losses against differences, by hand, and what is refused.

use burn::Tensor;
use burn::tensor::{Device, TensorData};

use super::{LOSSES, LossConfig, LossError};
use crate::batch::Target;
use crate::head::Head;
use crate::random::{generator, unit};
use crate::weights::floats;

fn loss(text: &str) -> LossConfig {
    serde_json::from_str(text).expect("settings in range")
}

/// All that a loss is given in a comparison.
struct Case {
    shape: [usize; 5],
    logits: Vec<f32>,
    target: Target,
    head: Head,
    device: Device,
}

impl Case {
    /// Random logits and targets; with `holes`, some pixels do not count, among them all of the last sample.
    fn new(shape: [usize; 5], head: Head, holes: bool) -> Self {
        let [batch, maps, depth, height, width] = shape;
        let size = depth * height * width;
        let mut random = generator(3, "test", &[]);
        let logits: Vec<f32> = (0..batch * maps * size).map(|_| (4.0 * unit(&mut random) - 2.0) as f32).collect();
        let classes: Vec<usize> = (0..batch * size).map(|_| (unit(&mut random) * maps as f64) as usize).collect();
        let targets = (0..batch * maps * size).map(|at| match head {
            Head::Softmax => f32::from(u8::from(classes[at / (maps * size) * size + at % size] == at / size % maps)),
            Head::Sigmoid => f32::from(u8::from(unit(&mut random) < 0.4)),
        });
        let targets: Vec<f32> = targets.collect();
        let device = Device::flex().autodiff();
        let maps = Tensor::from_data(TensorData::new(targets, shape), &device);
        let counted: Vec<f32> =
            (0..batch * size).map(|at| f32::from(u8::from(at % 5 != 2 && at / size < batch - 1))).collect();
        let counted = Tensor::from_data(TensorData::new(counted, [batch, 1, depth, height, width]), &device);
        let target = Target { maps, counted: holes.then_some(counted) };
        Self { shape, logits, target, head, device }
    }

    fn tensor(&self, logits: &[f32]) -> Tensor<5> {
        Tensor::from_data(TensorData::new(logits.to_vec(), self.shape), &self.device)
    }

    fn value(&self, loss: &LossConfig, logits: &[f32]) -> f64 {
        f64::from(floats(loss.value(self.tensor(logits), &self.target, self.head).inner())[0])
    }

    fn gradient(&self, loss: &LossConfig) -> Vec<f32> {
        let x = self.tensor(&self.logits).require_grad();
        let gradients = loss.value(x.clone(), &self.target, self.head).backward();
        floats(x.grad(&gradients).expect("the loss depends on the logits"))
    }
}

/// Compares every component of the gradient with a central difference, with all pixels and with some that do not count.
#[track_caller]
fn check(text: &str, maps: usize, head: Head) {
    check_but(0, text, maps, head);
}

/// The same but for so many components of a hundred at which the loss has a kink nearby, seen from its bend and from two differences.
#[track_caller]
fn check_but(kinks: usize, text: &str, maps: usize, head: Head) {
    let loss = loss(text);
    loss.check(maps, head).expect("it fits");
    for (depth, holes) in [(1, false), (1, true), (3, false)] {
        let case = Case::new([2, maps, depth, 3, 4], head, holes);
        let gradient = case.gradient(&loss);
        let mut kinked = 0;
        for (at, found) in gradient.iter().map(|found| f64::from(*found)).enumerate() {
            let moved = |step: f32| {
                let mut logits = case.logits.clone();
                logits[at] += step;
                (case.value(&loss, &logits), f64::from(logits[at]))
            };
            // Two steps, so that the third derivative does not count.
            let slope = |step: f32| {
                let ((above, x), (below, y)) = (moved(step), moved(-step));
                (above - below) / (x - y)
            };
            let (near, far) = (slope(0.02), slope(0.04));
            let middle = case.value(&loss, &case.logits);
            let bend = (moved(0.02).0 + moved(-0.02).0 - 2.0 * middle).abs() / 0.02;
            if kinks > 0 && (bend > 5e-5 + 0.03 * near.abs() || (near - far).abs() > 1e-5 + 0.004 * near.abs()) {
                kinked += 1;
                continue;
            }
            let difference = (4.0 * near - far) / 3.0;
            let error = (difference - found).abs();
            assert!(
                error < 4e-5 + 3e-3 * difference.abs(),
                "{text} at {at}, depth {depth}: {found} against {difference}"
            );
        }
        assert!(kinked * 100 <= kinks * gradient.len(), "{text}: {kinked} kinks of {}", gradient.len());
        assert!(gradient.iter().any(|found| *found != 0.0), "{text}: no gradient at all");
        if let Some(counted) = case.target.counted.clone().map(floats) {
            let (size, maps) = (depth * 12, maps);
            let is_free = |at: usize| counted[at / (maps * size) * size + at % size] == 0.0;
            let moving = (0..gradient.len()).find(|at| is_free(*at) && gradient[*at] != 0.0);
            assert_eq!(moving, None, "{text}: a pixel that does not count has a gradient");
        }
    }
}

#[test]
fn gradients_of_overlap_are_differences() {
    for (maps, head) in [(1, Head::Sigmoid), (3, Head::Sigmoid), (3, Head::Softmax)] {
        check(r#"{"dice": {}}"#, maps, head);
        check(r#"{"dice": {"smooth": 0, "epsilon": 1e-5, "form": "negative"}}"#, maps, head);
        check(r#"{"dice": {"over": "sample", "background": "counted", "denominator": "squared"}}"#, maps, head);
        check(r#"{"dice": {"over": "batch_and_maps", "background": "counted", "absent": "perfect"}}"#, maps, head);
        check(r#"{"jaccard": {"absent": "skipped", "smooth": 0}}"#, maps, head);
        check(r#"{"tversky": {"over": "sample"}}"#, maps, head);
        check(r#"{"focal_tversky": {"background": "counted"}}"#, maps, head);
    }
    check(r#"{"dice": {"weights": [1, 3]}}"#, 3, Head::Softmax);
    check(r#"{"tversky": {"weights": [1, 3, 0], "over": "sample", "absent": "skipped"}}"#, 3, Head::Sigmoid);
}

#[test]
fn gradients_of_pixels_are_differences() {
    for (maps, head) in [(1, Head::Sigmoid), (3, Head::Sigmoid), (3, Head::Softmax)] {
        check(r#"{"binary_cross_entropy": {"positive_weight": 3.0}}"#, maps, head);
        check(r#"{"focal": {}}"#, maps, head);
        check(r#"{"focal": {"gamma": 0.5, "alpha": 0.25}}"#, maps, head);
    }
    check(r#"{"binary_cross_entropy": {"weights": [1, 2, 0.5]}}"#, 3, Head::Sigmoid);
    check(r#"{"cross_entropy": {}}"#, 3, Head::Softmax);
    check(r#"{"cross_entropy": {"weights": [1, 2, 0.5], "label_smoothing": 0.1}}"#, 3, Head::Softmax);
    check_but(10, r#"{"cross_entropy": {"top_k": 0.3}}"#, 3, Head::Softmax);
    let both =
        r#"{"sum": [{"weight": 0.25, "loss": {"dice": {}}}, {"weight": 2, "loss": {"binary_cross_entropy": {}}}]}"#;
    check(both, 1, Head::Sigmoid);
}

#[test]
fn gradients_of_centerlines_are_differences() {
    for (maps, head) in [(1, Head::Sigmoid), (3, Head::Softmax)] {
        check_but(60, r#"{"soft_cldice": {"iterations": 2}}"#, maps, head);
        check_but(60, r#"{"soft_cldice": {"over": "sample", "background": "counted", "epsilon": 1e-4}}"#, maps, head);
    }
}

#[track_caller]
fn check_value(text: &str, logits: &[f32], targets: &[f32], maps: usize, expected: f64) {
    let device = Device::flex();
    let tensor = |values: &[f32]| {
        let shape = [1, maps, 1, 1, values.len() / maps];
        Tensor::<5>::from_data(TensorData::new(values.to_vec(), shape), &device)
    };
    let target = Target { maps: tensor(targets), counted: None };
    let found = floats(loss(text).value(tensor(logits), &target, Head::Sigmoid))[0];
    assert!((f64::from(found) - expected).abs() < 1e-6, "{text}: {found}");
}

#[test]
fn dice_by_hand() {
    // Probabilities 0.5, 0.5, 0.5, 0.5 against 1, 1, 0, 0: intersection 1, sums 2 and 2, squared 1 and 2.
    let (logits, targets) = ([0.0; 4], [1.0, 1.0, 0.0, 0.0]);
    check_value(r#"{"dice": {"smooth": 0}}"#, &logits, &targets, 1, 0.5);
    check_value(r#"{"dice": {"smooth": 0, "form": "negative"}}"#, &logits, &targets, 1, -0.5);
    check_value(r#"{"dice": {"smooth": 1}}"#, &logits, &targets, 1, 0.4);
    check_value(r#"{"dice": {"smooth": 0, "denominator": "squared"}}"#, &logits, &targets, 1, 1.0 / 3.0);
    check_value(r#"{"jaccard": {"smooth": 0}}"#, &logits, &targets, 1, 2.0 / 3.0);
}

#[test]
fn classes_that_are_not_there() {
    // Two maps: Dice 0.5 in the first, and in the second nothing is there and half is found.
    let (logits, targets) = ([0.0; 8], [1.0, 1.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0]);
    check_value(r#"{"dice": {"smooth": 0}}"#, &logits, &targets, 2, 0.75);
    check_value(r#"{"dice": {"smooth": 0, "absent": "skipped"}}"#, &logits, &targets, 2, 0.5);
    check_value(r#"{"dice": {"smooth": 0, "absent": "perfect"}}"#, &logits, &targets, 2, 0.25);
    check_value(r#"{"dice": {"smooth": 0, "absent": "skipped", "form": "negative"}}"#, &logits, &targets, 2, -0.5);
    check_value(r#"{"dice": {"smooth": 0, "weights": [3, 1]}}"#, &logits, &targets, 2, 0.625);
    // Nothing is there at all, and nothing is found: no loss, and no 0 / 0.
    check_value(r#"{"dice": {"smooth": 0, "absent": "skipped"}}"#, &[-200.0; 4], &[0.0; 4], 1, 0.0);
}

#[test]
fn no_pixel_counts() {
    for text in [
        r#"{"dice": {"smooth": 0}}"#,
        r#"{"tversky": {"over": "sample", "smooth": 0}}"#,
        r#"{"focal": {}}"#,
        r#"{"cross_entropy": {"weights": [1, 2, 3]}}"#,
        r#"{"cross_entropy": {"top_k": 0.1}}"#,
        r#"{"soft_cldice": {}}"#,
    ] {
        let case = Case::new([1, 3, 1, 3, 4], Head::Softmax, true);
        let loss = loss(text);
        assert_eq!(case.value(&loss, &case.logits), 0.0, "{text}");
        assert!(case.gradient(&loss).iter().all(|found| *found == 0.0), "{text}");
    }
}

#[test]
fn what_does_not_fit_is_refused() {
    let check = |text: &str, maps, head| loss(text).check(maps, head);
    let entropy = r#"{"sum": [{"loss": {"cross_entropy": {}}}]}"#;
    assert_eq!(check(entropy, 1, Head::Sigmoid), Err(LossError::OneMap));
    assert_eq!(check(entropy, 2, Head::Sigmoid), Err(LossError::Overlapping));
    assert_eq!(check(r#"{"dice": {}}"#, 1, Head::Softmax), Err(LossError::SoftmaxOfOne));
    assert_eq!(check(r#"{"sum": []}"#, 1, Head::Sigmoid), Err(LossError::EmptySum));
    let weights = r#"{"dice": {"weights": [1, 2, 3]}}"#;
    assert_eq!(check(weights, 3, Head::Softmax), Err(LossError::Weights { found: 3, expected: 2 }));
    assert_eq!(check(weights, 3, Head::Sigmoid), Ok(()));
    assert!(check(r#"{"dice": {"weights": [1, -2, 3]}}"#, 3, Head::Sigmoid).is_err());
    let at_once = r#"{"dice": {"weights": [1, 2], "over": "batch_and_maps"}}"#;
    assert_eq!(check(at_once, 2, Head::Sigmoid), Err(LossError::WeightsOfOne));
    for text in [
        r#"{"focal": {"alpha": 2}}"#,
        r#"{"focal": {"gamma": -1}}"#,
        r#"{"focal_tversky": {"gamma": 0}}"#,
        r#"{"tversky": {"alpha": 0, "beta": 0}}"#,
        r#"{"soft_cldice": {"smooth": 0}}"#,
        r#"{"cross_entropy": {"top_k": 0}}"#,
        r#"{"cross_entropy": {"label_smoothing": 1.5}}"#,
        r#"{"binary_cross_entropy": {"weights": [1]}}"#,
    ] {
        assert!(check(text, 2, Head::Softmax).is_err(), "{text} is not refused");
    }
}

#[test]
fn settings_that_are_as_ever_leave_no_trace() {
    for (text, expected) in [
        (r#"{"cross_entropy": {}}"#, r#"{"cross_entropy":{}}"#),
        (r#"{"binary_cross_entropy": {}}"#, r#"{"binary_cross_entropy":{"positive_weight":1.0}}"#),
        (
            r#"{"dice": {}}"#,
            r#"{"dice":{"over":"batch","smooth":1.0,"epsilon":0.0,"background":"ignored","form":"one_minus"}}"#,
        ),
    ] {
        assert_eq!(serde_json::to_string(&loss(text)).expect("plain data"), expected);
    }
}

#[test]
fn every_loss_is_named() {
    let schema = schemars::schema_for!(LossConfig).to_value();
    let variants = schema["oneOf"].as_array().expect("an enum of settings");
    let names: Vec<&str> = variants
        .iter()
        .flat_map(|variant| variant["required"].as_array())
        .flatten()
        .flat_map(|name| name.as_str())
        .collect();
    let expected: Vec<&str> = LOSSES.iter().copied().chain(["sum"]).collect();
    assert_eq!(names, expected);
}
