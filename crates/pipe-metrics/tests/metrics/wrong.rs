//! Cases that cannot be measured, each refused with a reason.

use pipe_metrics::{CaseError, EmptyMasks, MeasureError, Metric, Needs, Pair, Spacing};
use serde_json::json;

use crate::{metric, millimetres};

#[track_caller]
fn refused<T: std::fmt::Debug>(found: Result<T, CaseError>, reason: &str) {
    let error = found.expect_err("wrong").to_string();
    assert!(error.contains(reason), "{error}");
}

#[test]
fn shapes() {
    let (six, five) = ([1_u8; 6], [1_u8; 5]);
    refused(
        Pair::new(&five, &six, [1, 2, 3], Spacing::PIXELS),
        "the prediction has 5 pixels, the reference has 6 (1 x 2 x 3)",
    );
    refused(Pair::new(&six, &five, [1, 2, 3], Spacing::PIXELS), "the reference has 5 pixels");
    refused(Pair::new(&six, &six, [1, 2, 4], Spacing::PIXELS), "the reference has 6 pixels");
    refused(Pair::new(&[], &[], [1, 0, 3], Spacing::PIXELS), "an image of 1 x 0 x 3 pixels cannot be measured");
    refused(Pair::new(&six, &six, [usize::MAX, 2, 2], Spacing::PIXELS), "cannot be measured");
    let pair = || Pair::new(&six, &six, [1, 2, 3], Spacing::PIXELS).expect("right");
    refused(pair().within(&five), "the field of view has 5 pixels");
    refused(pair().with_probabilities(&[0.5; 5]), "the map of probabilities has 5 pixels");
}

#[test]
fn values() {
    let six = [1_u8; 6];
    let pair = || Pair::new(&six, &six, [1, 2, 3], Spacing::PIXELS).expect("right");
    for wrong in [f32::NAN, f32::INFINITY, -0.1, 1.000_001] {
        let values = [0.0, 0.5, 1.0, wrong, 0.5, 0.5];
        refused(pair().with_probabilities(&values), "the probability of pixel 3 (from 0, in C order) is");
    }
    assert!(pair().with_probabilities(&[-0.0, 1.0, 0.5, 0.1, 0.2, 0.3]).is_ok());
}

#[test]
fn spacings() {
    let six = [1_u8; 6];
    let unknown = millimetres([0.0, 1.0, 1.0]);
    assert!(Pair::new(&six, &six, [1, 2, 3], unknown).is_ok(), "one slice has no neighbours");
    refused(Pair::new(&six, &six, [2, 1, 3], unknown), "the spacing between 2 slices is unknown");
    let nsd = metric(json!({ "nsd": { "tolerance": 2 } }));
    let pair = Pair::new(&six, &six, [1, 2, 3], Spacing::PIXELS).expect("right");
    let error = nsd.score(&pair, EmptyMasks::default()).expect_err("no spacing");
    assert_eq!(error, MeasureError::NoSpacing { metric: "nsd_2mm".into() });
    assert!(error.to_string().contains("`nsd_2mm` is measured in mm"), "{error}");
}

#[test]
fn masks_have_no_probabilities() {
    let six = [1_u8; 6];
    let pair = Pair::new(&six, &six, [1, 2, 3], Spacing::PIXELS).expect("right");
    let all = Metric::all(pipe_metrics::LengthUnit::Pixel, &[Needs::Probabilities]);
    assert_eq!(all.len(), 4);
    for metric in all {
        let error = metric.score(&pair, EmptyMasks::default()).expect_err("masks only");
        assert!(matches!(error, MeasureError::NoProbabilities { .. }), "{error}");
    }
}
