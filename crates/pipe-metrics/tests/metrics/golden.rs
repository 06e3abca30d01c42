//! Reference values on analytic masks, from MedPy 0.5.2, MONAI 1.5.1, surface-distance 0.1, SciPy and scikit-image.

use pipe_metrics::{Counts, LengthUnit, Pair, Spacing};
use serde_json::{Value, json};

use crate::{close, mask, millimetres, score};

/// Two ellipsoids and a stray block.
fn volumes() -> ([Vec<u8>; 2], [usize; 3]) {
    let shape = [24, 32, 32];
    let reference =
        mask(shape, |z, y, x| (z - 12.0).powi(2) / 16.0 + (y - 16.0).powi(2) / 64.0 + (x - 15.0).powi(2) / 49.0 <= 1.0);
    let prediction = mask(shape, |z, y, x| {
        let ellipsoid = (z - 11.0).powi(2) / 25.0 + (y - 17.0).powi(2) / 49.0 + (x - 16.0).powi(2) / 81.0 <= 1.0;
        ellipsoid || ((2.0..4.0).contains(&z) && (2.0..5.0).contains(&y) && (25.0..28.0).contains(&x))
    });
    ([prediction, reference], shape)
}

/// Two sine bands, one with a gap, and a stray disc.
fn bands() -> ([Vec<u8>; 2], [usize; 3]) {
    let shape = [1, 64, 64];
    let reference = mask(shape, |_, y, x| (y - (32.0 + 12.0 * (x / 9.0).sin())).abs() <= 2.0);
    let prediction = mask(shape, |_, y, x| {
        let band = (y - (33.0 + 11.0 * (x / 9.0).sin())).abs() <= 1.5 && !(30.0..34.0).contains(&x);
        band || (y - 8.0).powi(2) + (x - 50.0).powi(2) <= 9.0
    });
    ([prediction, reference], shape)
}

fn nsd(tolerance: f64, definition: &str) -> Value {
    json!({ "nsd": { "tolerance": tolerance, "definition": definition } })
}

#[track_caller]
fn check(pair: &Pair<'_>, expected: &[(Value, f64)]) {
    for (written, value) in expected {
        close(score(written.clone(), pair), *value);
    }
}

#[test]
fn ellipsoids() {
    let ([prediction, reference], shape) = volumes();
    let pair = Pair::new(&prediction, &reference, shape, millimetres([1.0; 3])).expect("two volumes");
    let counts = Counts { true_positive: 812, false_positive: 529, false_negative: 107, true_negative: 23128 };
    assert_eq!(pair.counts(), counts);
    let sizes = pair.surfaces(pipe_metrics::Elements::Pixels, LengthUnit::Millimetre).expect("surfaces");
    assert_eq!(sizes.both().map(|side| side.distances.len()), [496, 378]);
    check(
        &pair,
        &[
            (json!("dice"), 0.718_584_070_796_460_1),
            (json!("iou"), 0.560_773_480_662_983_4),
            (json!("precision"), 0.605_518_269_947_800_1),
            (json!("recall"), 0.883_569_096_844_396_1),
            (json!("specificity"), 0.977_638_753_857_209_3),
            (json!("accuracy"), 0.974_121_093_75),
            (json!("hd"), 14.456_832_294_800_96),
            (json!("hd95"), 3.162_277_660_168_379_5),
            (json!({ "hd95": { "definition": "pooled" } }), 2.828_427_124_746_190_3),
            (json!({ "hd95": { "definition": "surfel" } }), 3.162_277_660_168_379_5),
            (json!("assd"), 1.348_829_456_796_716_7),
            (json!("masd"), 1.302_825_528_421_047),
            (nsd(1.0, "pixel"), 0.557_208_237_986_270_1),
            (nsd(2.0, "pixel"), 0.868_421_052_631_579),
            (nsd(1.0, "surfel"), 0.655_425_021_328_236_1),
            (nsd(2.0, "surfel"), 0.897_340_829_382_039_6),
            (json!("cldice"), 0.833_333_333_333_333_3),
        ],
    );
}

/// Values of MedPy 0.5.2, surface-distance 0.1 and MetricsReloaded, for voxels of 2.5 x 0.7 x 0.9 mm.
#[test]
fn ellipsoids_of_flat_voxels() {
    let ([prediction, reference], shape) = volumes();
    let pair = Pair::new(&prediction, &reference, shape, millimetres([2.5, 0.7, 0.9])).expect("two volumes");
    check(
        &pair,
        &[
            (json!("hd"), 20.514_872_653_760_246),
            (json!("hd95"), 5.080_354_318_352_215),
            (json!({ "hd95": { "definition": "pooled" } }), 4.259_290_543_093_385),
            (json!({ "hd95": { "definition": "surfel" } }), 5.080_354_318_352_215),
            (json!("assd"), 1.699_799_435_720_547),
            (json!("masd"), 1.615_047_002_437_694_6),
            (nsd(1.0, "pixel"), 0.496_567_505_720_823_8),
            (nsd(1.0, "surfel"), 0.609_180_380_351_655_8),
            (nsd(2.0, "surfel"), 0.802_969_585_994_142_3),
        ],
    );
}

#[test]
fn sine_bands() {
    let ([prediction, reference], shape) = bands();
    // The spacing between slices plays no part in a plane.
    for slices in [0.0, 1.0, 7.0] {
        let pair = Pair::new(&prediction, &reference, shape, millimetres([slices, 0.5, 0.8])).expect("two images");
        check(
            &pair,
            &[
                (json!("dice"), 0.643_776_824_034_334_8),
                (json!("iou"), 0.474_683_544_303_797_44),
                (json!("precision"), 0.717_703_349_282_296_6),
                (json!("recall"), 0.583_657_587_548_638_2),
                (json!("specificity"), 0.984_631_414_430_841_3),
                (json!("accuracy"), 0.959_472_656_25),
                (json!("hd"), 8.062_257_748_298_55),
                (json!("hd95"), 6.611_314_218_347_172),
                (json!({ "hd95": { "definition": "pooled" } }), 4.937_990_787_251_911),
                (json!({ "hd95": { "definition": "surfel" } }), 6.549_045_732_013_177),
                (json!("assd"), 0.749_707_101_486_549_2),
                (json!("masd"), 0.748_840_601_272_009_9),
                (nsd(1.0, "pixel"), 0.907_216_494_845_360_8),
                (nsd(2.0, "pixel"), 0.941_580_756_013_745_7),
                (nsd(1.0, "surfel"), 0.920_854_728_805_928),
                (nsd(2.0, "surfel"), 0.941_089_909_850_896_6),
                (json!("cldice"), 0.809_259_943_356_729_5),
            ],
        );
    }
}

/// In pixels a distance has no size of pixels, and NSD in pixels ignores the spacing that there is.
#[test]
fn pixels() {
    let ([prediction, reference], shape) = bands();
    let spaced = Pair::new(&prediction, &reference, shape, millimetres([1.0, 0.5, 0.8])).expect("two images");
    let unit = Pair::new(&prediction, &reference, shape, millimetres([1.0; 3])).expect("two images");
    let pixels = Pair::new(&prediction, &reference, shape, Spacing::PIXELS).expect("two images");
    for name in ["hd", "hd95", "assd", "masd"] {
        assert_eq!(score(json!(name), &pixels), score(json!(name), &unit));
    }
    for definition in ["pixel", "surfel"] {
        let in_pixels = json!({ "nsd": { "tolerance": 1, "unit": "px", "definition": definition } });
        let expected = score(nsd(1.0, definition), &unit);
        assert_eq!(score(in_pixels.clone(), &spaced), expected);
        assert_eq!(score(in_pixels, &pixels), expected);
        assert_ne!(score(nsd(1.0, definition), &spaced), expected);
    }
}
