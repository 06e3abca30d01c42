//! Losses and branches on a GPU through Vulkan against those of the CPU; skipped where no adapter answers.
//! They get maps as a convolution of a GPU leaves them, with the channels of a pixel together.

use burn::Tensor;
use burn::tensor::{Device, TensorData};

use crate::networks::blocks::{in_order, with_depth, without_depth};
use crate::weights::floats;
use crate::{DeviceChoice, Head, LossConfig, Target};

/// Values from -2 to 2 without a pattern: equal ones would leave it to rounding which of them a maximum takes.
fn values(count: usize) -> Vec<f32> {
    let mut state = 1_u64;
    let mut next = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 40) as f32 / (1_u64 << 22) as f32 - 2.0
    };
    (0..count).map(|_| next()).collect()
}

/// A loss and its gradient.
fn found(loss: &LossConfig, head: Head, device: &Device) -> (f32, Vec<f32>) {
    let device = device.clone().autodiff();
    let [batch, maps, height, width] = [4, 3, 32, 32];
    let count = batch * maps * height * width;
    let x = Tensor::<5>::from_data(TensorData::new(values(count), [batch, 1, height, width, maps]), &device);
    let x = x.require_grad();
    let logits = in_order(x.clone().permute([0, 4, 1, 2, 3]) * 1.5);
    let pixels = height * width;
    let is_of_map = |i: usize| (i % pixels + i / (maps * pixels)) % maps == i / pixels % maps;
    let target = (0..count).map(|i| f32::from(u8::from(is_of_map(i)))).collect::<Vec<_>>();
    let target = TensorData::new(target, [batch, maps, 1, height, width]);
    let target = Target { maps: Tensor::from_data(target, &device), counted: None };
    let value = loss.value(logits, &target, head);
    let gradient = x.grad(&value.clone().backward()).expect("the loss depends on its maps");
    (floats(value.inner())[0], floats(gradient))
}

#[test]
fn losses_agree_with_the_cpu() {
    let Ok(place) = DeviceChoice::Wgpu.place() else { return };
    let sum = |other: &str| format!(r#"{{"sum": [{{"loss": {{"dice": {{}}}}}}, {{"loss": {{"{other}": {{}}}}}}]}}"#);
    let mut cases = vec![(sum("cross_entropy"), Head::Softmax), (sum("binary_cross_entropy"), Head::Sigmoid)];
    for name in ["dice", "jaccard", "tversky", "focal_tversky", "focal"] {
        cases.extend([Head::Softmax, Head::Sigmoid].map(|head| (format!(r#"{{"{name}": {{}}}}"#), head)));
    }
    cases.extend([Head::Softmax, Head::Sigmoid].map(|head| (r#"{"soft_cldice": {}}"#.to_owned(), head)));
    cases.push((r#"{"cross_entropy": {}}"#.to_owned(), Head::Softmax));
    let mut wrong = Vec::new();
    for (text, head) in cases {
        let loss: LossConfig = serde_json::from_str(&text).expect("a loss");
        let ((expected, gradient), (value, on_gpu)) =
            (found(&loss, head, &Device::flex()), found(&loss, head, &place.device));
        let norm = |values: &mut dyn Iterator<Item = f32>| values.map(|value| value * value).sum::<f32>().sqrt();
        let off = norm(&mut gradient.iter().zip(&on_gpu).map(|(a, b)| a - b)) / norm(&mut gradient.iter().copied());
        if (value - expected).abs() > 1e-5 * expected.abs() || off.is_nan() || off > 1e-4 {
            wrong.push(format!("{text} {head:?}: {value} of {expected}, gradient off by {off}"));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

/// A map without a depth in one of four orders of memory, and what it was made of.
fn map([batch, channels, height, width]: [usize; 4], order: usize, device: &Device) -> (Tensor<4>, Tensor<4>) {
    let (above, beside) = if order > 1 { (height + 2, width + 1) } else { (height, width) };
    let shape =
        if order.is_multiple_of(2) { [batch, channels, above, beside] } else { [batch, above, beside, channels] };
    let leaf = Tensor::from_data(TensorData::new(values(shape.iter().product()), shape), device).require_grad();
    let x = if order.is_multiple_of(2) { leaf.clone() } else { leaf.clone().permute([0, 3, 1, 2]) };
    (x.slice([0..batch, 0..channels, above - height..above, beside - width..beside]), leaf)
}

/// Branches meet as in a residual block: one scaled and shifted by channel, masked by the other's sign.
fn branches(shape: [usize; 4], orders: [usize; 2], device: &Device) -> Vec<f32> {
    let device = device.clone().autodiff();
    let [(x, x_leaf), (y, y_leaf)] = orders.map(|order| map(shape, order, &device));
    let (x, y) = (with_depth(x), with_depth(y));
    let [batch, channels, ..] = shape;
    let factors = Tensor::from_data(TensorData::new(values(batch * channels), [batch, channels, 1, 1, 1]), &device);
    let scaled = x * factors.clone() + factors;
    let dead = scaled.clone().lower_equal_elem(0.0);
    let met = without_depth(y.clone().mask_fill(dead, 0.0) * scaled.clone() + scaled);
    let met = met * without_depth(y);
    let gradients = met.clone().sum().backward();
    let slopes = [x_leaf, y_leaf].map(|leaf| floats(leaf.grad(&gradients).expect("both are met")));
    [floats(met.inner()), slopes.concat()].concat()
}

#[test]
fn branches_in_any_order_of_memory_agree_with_the_cpu() {
    let Ok(place) = DeviceChoice::Wgpu.place() else { return };
    let mut wrong = Vec::new();
    for shape in [[4, 16, 16, 16], [2, 1, 8, 8], [1, 8, 1, 4], [3, 6, 5, 7]] {
        for orders in (0..16).map(|number| [number / 4, number % 4]) {
            let (ours, theirs) = (branches(shape, orders, &place.device), branches(shape, orders, &Device::flex()));
            let worst = ours.iter().zip(&theirs).fold(0.0_f32, |worst, (a, b)| worst.max((a - b).abs()));
            if ours.len() != theirs.len() || worst.is_nan() || worst > 1e-3 {
                wrong.push(format!("{shape:?} {orders:?}: {worst}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}
