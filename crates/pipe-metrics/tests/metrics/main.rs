//! The metrics from outside: reference values, properties, empty masks, wrong input.

mod empty;
mod golden;
mod properties;
mod wrong;

use pipe_metrics::{EmptyMasks, LengthUnit, Metric, Needs, Pair, Score, Spacing};
use serde_json::{Value, json};

/// A metric as YAML has it.
#[track_caller]
fn metric(written: Value) -> Metric {
    serde_json::from_value(written).expect("a metric")
}

#[track_caller]
fn score(written: Value, pair: &Pair<'_>) -> Score {
    metric(written).score(pair, EmptyMasks::default()).expect("a case that can be measured")
}

#[track_caller]
fn close(found: Score, expected: f64) {
    let Score::Known(value) = found else { panic!("{found:?} instead of {expected}") };
    assert!((value - expected).abs() < 1e-9 * expected.abs().max(1.0), "{value} is not {expected}");
}

fn millimetres(sides: [f64; 3]) -> Spacing {
    Spacing::millimetres(sides).expect("a spacing")
}

/// Every metric of masks by every definition, and some with further settings.
fn every_metric() -> Vec<Metric> {
    let mut all = Metric::all(LengthUnit::Millimetre, &[Needs::Masks]);
    let further = [
        json!({ "nsd": { "tolerance": 1.5, "definition": "surfel" } }),
        json!({ "nsd": { "tolerance": 1, "unit": "px" } }),
        json!({ "lesion_f1": { "connectivity": "faces", "overlap": { "iou": 0.3 } } }),
    ];
    all.extend(further.into_iter().map(metric));
    all
}

/// A mask from a rule over slice, row and column.
fn mask([depth, height, width]: [usize; 3], inside: impl Fn(f64, f64, f64) -> bool) -> Vec<u8> {
    let place = |at: usize| [at / (height * width), at / width % height, at % width].map(|side| side as f64);
    let pixel = |at: usize| {
        let [z, y, x] = place(at);
        u8::from(inside(z, y, x))
    };
    (0..depth * height * width).map(pixel).collect()
}

/// Two blobs that overlap, in a volume or in a plane.
fn blobs(shape: [usize; 3]) -> [Vec<u8>; 2] {
    let [z, y, x] = shape.map(|side| (side as f64 - 1.0) / 2.0);
    let ball = move |by: f64, radius: f64| {
        mask(shape, move |a, b, c| {
            ((a - z) / (z + 1.0)).powi(2) + ((b - y - by) / y).powi(2) + ((c - x) / x).powi(2) <= radius
        })
    };
    [ball(2.0, 0.4), ball(-1.0, 0.3)]
}
