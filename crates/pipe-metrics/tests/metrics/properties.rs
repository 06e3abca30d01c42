//! What must hold for any masks.

use pipe_metrics::{Direction, LengthUnit, Pair, Score, Spacing};
use serde_json::json;

use crate::{blobs, close, every_metric, millimetres, score};

const SHAPES: [[usize; 3]; 2] = [[1, 31, 27], [13, 21, 17]];

#[track_caller]
fn pair<'m>(masks: &'m [Vec<u8>; 2], shape: [usize; 3], spacing: Spacing) -> Pair<'m> {
    Pair::new(&masks[0], &masks[1], shape, spacing).expect("two masks")
}

#[track_caller]
fn value(name: &str, pair: &Pair<'_>) -> f64 {
    score(json!(name), pair).value().expect("a value")
}

#[test]
fn a_mask_is_itself() {
    for shape in SHAPES {
        let [mask, _] = blobs(shape);
        let pair = Pair::new(&mask, &mask, shape, millimetres([2.0, 0.7, 0.9])).expect("two masks");
        for metric in every_metric() {
            let described = metric.description(LengthUnit::Millimetre);
            let best = if described.direction == Direction::Higher { 1.0 } else { 0.0 };
            let found = metric.score(&pair, Default::default()).expect("masks");
            assert_eq!(found, Score::Known(best), "{}", described.key);
        }
    }
}

#[test]
fn sides_may_be_swapped() {
    for shape in SHAPES {
        let masks = blobs(shape);
        let spacing = millimetres([2.0, 0.7, 0.9]);
        let (one, other) =
            (pair(&masks, shape, spacing), Pair::new(&masks[1], &masks[0], shape, spacing).expect("masks"));
        let one_sided =
            ["precision", "recall", "specificity", "balanced_accuracy", "f_beta", "relative_volume_difference"];
        for metric in every_metric() {
            let name = metric.name();
            if one_sided.contains(&name) || name.starts_with("lesion_") && name != "lesion_f1" {
                continue;
            }
            let found = [&one, &other].map(|pair| metric.score(pair, Default::default()).expect("masks"));
            close(found[0], found[1].value().expect("a value"));
        }
        assert_eq!(value("precision", &one), value("recall", &other));
        assert_eq!(value("lesion_precision", &one), value("lesion_recall", &other));
    }
}

#[test]
fn lengths_follow_the_spacing() {
    for shape in SHAPES {
        let masks = blobs(shape);
        let (small, large) = (millimetres([2.0, 0.75, 0.5]), millimetres([6.0, 2.25, 1.5]));
        let (small, large) = (pair(&masks, shape, small), pair(&masks, shape, large));
        for metric in every_metric() {
            let described = metric.description(LengthUnit::Millimetre);
            let [small, large] = [&small, &large].map(|pair| metric.score(pair, Default::default()).expect("masks"));
            if described.unit == "mm" {
                close(large, 3.0 * small.value().expect("a value"));
            } else if metric.name() != "nsd" {
                assert_eq!(small, large, "{}", described.key);
            }
        }
        for definition in ["pixel", "surfel"] {
            let nsd = |tolerance: f64| json!({ "nsd": { "tolerance": tolerance, "definition": definition } });
            close(score(nsd(3.0), &large), score(nsd(1.0), &small).value().expect("a value"));
        }
    }
}

/// Background around an image changes nothing but what counts background: its edge was border before.
#[test]
fn background_around_changes_nothing() {
    for shape in SHAPES {
        let [deep, height, width] = shape;
        let deep = if deep == 1 { 0 } else { 3 };
        let outer = [shape[0] + 2 * deep, height + 9, width + 5];
        let full: [Vec<u8>; 2] = {
            let [prediction, _] = blobs(shape);
            [prediction, vec![1; shape.iter().product()]]
        };
        for masks in [blobs(shape), full] {
            let moved = masks.clone().map(|mask| {
                let mut moved = vec![0_u8; outer.iter().product()];
                for (row, pixels) in mask.chunks_exact(width).enumerate() {
                    let (z, y) = (row / height + deep, row % height + 4);
                    moved[(z * outer[1] + y) * outer[2] + 2..][..width].copy_from_slice(pixels);
                }
                moved
            });
            let spacing = millimetres([2.0, 0.7, 0.9]);
            let (inner, outer) = (pair(&masks, shape, spacing), pair(&moved, outer, spacing));
            for metric in every_metric() {
                if ["specificity", "accuracy", "balanced_accuracy", "mcc", "boundary_iou"].contains(&metric.name()) {
                    continue;
                }
                let found = [&inner, &outer].map(|pair| metric.score(pair, Default::default()).expect("masks"));
                assert_eq!(found[0], found[1], "{}", metric.name());
            }
        }
    }
}

#[test]
fn axes_are_alike() {
    let shape = SHAPES[1];
    let [depth, height, width] = shape;
    let masks = blobs(shape);
    let turned = masks.clone().map(|mask| {
        let at = |x: usize, z: usize, y: usize| mask[(z * height + y) * width + x];
        let rows = (0..width).flat_map(|x| (0..depth).map(move |z| (x, z)));
        rows.flat_map(|(x, z)| (0..height).map(move |y| at(x, z, y))).collect::<Vec<u8>>()
    });
    let straight = pair(&masks, shape, millimetres([2.0, 0.7, 0.9]));
    let turned = pair(&turned, [width, depth, height], millimetres([0.9, 2.0, 0.7]));
    for metric in every_metric() {
        // Thinning goes round the sides in a fixed order.
        if metric.name() != "cldice" {
            let found = [&straight, &turned].map(|pair| metric.score(pair, Default::default()).expect("masks"));
            close(found[0], found[1].value().expect("a value"));
        }
    }
}

#[test]
fn any_value_but_zero_is_foreground() {
    for shape in SHAPES {
        let masks = blobs(shape);
        let bright = masks.clone().map(|mask| mask.into_iter().map(|pixel| pixel * 255).collect::<Vec<u8>>());
        let (dark, bright) = (pair(&masks, shape, Spacing::PIXELS), pair(&bright, shape, Spacing::PIXELS));
        for metric in every_metric().into_iter().filter(|metric| metric.name() != "nsd") {
            let found = [&dark, &bright].map(|pair| metric.score(pair, Default::default()).expect("masks"));
            assert_eq!(found[0], found[1], "{}", metric.name());
        }
    }
}

/// Whatever lies outside the field of view, every metric sees background there and counts nothing.
#[test]
fn nothing_outside_the_field_counts() {
    for shape in SHAPES {
        let masks = blobs(shape);
        let size = masks[0].len();
        let field: Vec<u8> = (0..size).map(|at| u8::from(at % shape[2] > 3 && at / shape[2] % shape[1] < 15)).collect();
        let cut =
            masks.clone().map(|mask| mask.iter().zip(&field).map(|(pixel, field)| pixel * field).collect::<Vec<u8>>());
        let noise = |mask: &[u8], by: usize| -> Vec<u8> {
            let outside = |at: usize| if field[at] == 0 { u8::from(at.is_multiple_of(by)) } else { mask[at] };
            (0..size).map(outside).collect()
        };
        let noisy = [noise(&masks[0], 2), noise(&masks[1], 3)];
        let spacing = millimetres([2.0, 0.7, 0.9]);
        let (cut, noisy) = (pair(&cut, shape, spacing), pair(&noisy, shape, spacing).within(&field).expect("a field"));
        let inside: u64 = field.iter().map(|pixel| u64::from(*pixel)).sum();
        assert_eq!(noisy.counts().all(), inside);
        let counts = noisy.counts();
        assert_eq!(value("accuracy", &noisy), (counts.true_positive + counts.true_negative) as f64 / inside as f64);
        for metric in every_metric() {
            if ["specificity", "accuracy", "balanced_accuracy", "mcc"].contains(&metric.name()) {
                continue;
            }
            let found = [&cut, &noisy].map(|pair| metric.score(pair, Default::default()).expect("masks"));
            assert_eq!(found[0], found[1], "{}", metric.name());
        }
    }
}

/// Pooled values are those of one large case, and those of parts merged in any order.
#[test]
fn pooled_is_one_large_case() {
    let halves = [0.25, 0.5, 0.75, 1.0, 0.0, 0.125];
    let first = ([1, 0, 1, 1, 0, 0], [1, 1, 0, 1, 0, 0]);
    let second = ([0, 0, 1, 0, 0, 0], [0, 0, 1, 0, 0, 1]);
    let case = |masks: &'static ([u8; 6], [u8; 6]), values: &'static [f32; 6]| {
        let pair = Pair::new(&masks.0, &masks.1, [1, 2, 3], Spacing::PIXELS).expect("masks");
        pair.with_probabilities(values).expect("probabilities")
    };
    let leak = |masks: ([u8; 6], [u8; 6])| -> &'static ([u8; 6], [u8; 6]) { Box::leak(Box::new(masks)) };
    let values: &'static [f32; 6] = Box::leak(Box::new(halves));
    let (first, second) = (leak(first), leak(second));
    let large = ([first.0, second.0].concat(), [first.1, second.1].concat(), [halves, halves].concat());
    let large = Pair::new(&large.0, &large.1, [1, 4, 3], Spacing::PIXELS)
        .and_then(|pair| pair.with_probabilities(Box::leak(large.2.clone().into_boxed_slice())));
    let large = large.expect("a case");
    let (mut together, mut parts) = (pipe_metrics::Pooled::default(), pipe_metrics::Pooled::default());
    for pair in [case(first, values), case(second, values)] {
        together.add(&pair);
        let mut part = pipe_metrics::Pooled::default();
        part.add(&pair);
        parts.merge(&part);
    }
    assert_eq!(together, parts);
    let needs = [pipe_metrics::Needs::Masks, pipe_metrics::Needs::Probabilities];
    let mut with = 0;
    for metric in pipe_metrics::Metric::all(LengthUnit::Pixel, &needs) {
        if let Some(pooled) = metric.pooled(&together, Default::default()) {
            assert_eq!(pooled, metric.score(&large, Default::default()).expect("a case"), "{}", metric.name());
            with += 1;
        }
    }
    assert_eq!(with, 16, "twelve overlaps, four from probabilities");
}
