//! Tests of `encoding`.
//! They do not know more than its public functions give.

use png::{BitDepth, ColorType};

use super::*;
use crate::fixture::{encoded, gray, jpeg};
use crate::formats;

#[track_caller]
fn check(encoding: &MaskEncoding, bytes: &[u8], expected: &[u8]) {
    let raster = formats::decode(bytes).expect("the picture is good");
    assert_eq!(encoding.decode(&raster).map(|mask| mask.labels).as_deref(), Ok(expected));
}

#[track_caller]
fn refused(encoding: &MaskEncoding, bytes: &[u8]) -> EncodingError {
    encoding.decode(&formats::decode(bytes).expect("the picture is good")).expect_err("the values do not fit")
}

#[test]
fn bright_and_dark_come_in_many_forms() {
    let binary = MaskEncoding::default();
    check(&binary, &gray(4, 1, &[0, 255, 127, 128]), &[0, 1, 0, 1]);
    check(&binary, &gray(3, 1, &[0, 1, 0]), &[0, 1, 0]);
    check(&binary, &gray(2, 1, &[0, 0]), &[0, 0]);
    check(&binary, &encoded(2, 1, ColorType::Grayscale, BitDepth::One, None, &[0b0100_0000]), &[0, 1]);
    check(&binary, &encoded(2, 1, ColorType::Grayscale, BitDepth::Sixteen, None, &[0, 0, 255, 255]), &[0, 1]);
    check(&binary, &encoded(2, 1, ColorType::Rgb, BitDepth::Eight, None, &[0, 0, 0, 255, 0, 0]), &[0, 1]);
    // An opaque background: alpha is no part of the mask.
    check(
        &binary,
        &encoded(2, 1, ColorType::Rgba, BitDepth::Eight, None, &[0, 0, 0, 255, 255, 255, 255, 255]),
        &[0, 1],
    );
    let palette: &[u8] = &[0, 0, 0, 128, 0, 0];
    check(&binary, &encoded(3, 1, ColorType::Indexed, BitDepth::Eight, Some(palette), &[0, 1, 0]), &[0, 1, 0]);
    let white_first: &[u8] = &[255, 255, 255, 0, 0, 0];
    check(&binary, &encoded(2, 1, ColorType::Indexed, BitDepth::Eight, Some(white_first), &[0, 1]), &[1, 0]);
}

#[test]
fn jpeg_noise_does_no_harm() {
    let clean: Vec<u8> = (0..32 * 32usize).map(|at| if at / 32 + at % 32 > 30 { 255 } else { 0 }).collect();
    let expected: Vec<u8> = clean.iter().map(|value| value / 255).collect();
    let noisy = jpeg(32, 32, &clean, 60);
    let raster = formats::decode(&noisy).expect("the picture is good");
    assert!(raster.samples.iter().any(|value| *value != 0.0 && *value != 255.0), "the test needs noise");
    check(&MaskEncoding::default(), &noisy, &expected);
    check(&MaskEncoding::default(), &jpeg(8, 8, &[3; 64], 60), &[0; 64]);
}

#[test]
fn class_ids_are_not_taken_for_darkness() {
    let error = refused(&MaskEncoding::default(), &gray(3, 1, &[0, 1, 2]));
    assert_eq!(error, EncodingError::LooksLikeLabels { largest: 2.0, full_scale: 255.0 });
    let threshold = Some(Probability::ZERO);
    check(&MaskEncoding::Binary { threshold, foreground: Foreground::Bright }, &gray(3, 1, &[0, 1, 2]), &[0, 1, 1]);
    let dark = MaskEncoding::Binary { threshold: None, foreground: Foreground::Dark };
    check(&dark, &gray(2, 1, &[0, 255]), &[1, 0]);
}

#[test]
fn label_maps_and_colours_are_exact() {
    let labels = MaskEncoding::Labels { values: None, classes: 3, ignore: None };
    check(&labels, &gray(3, 1, &[0, 1, 2]), &[0, 1, 2]);
    let palette: &[u8] = &[0, 0, 0, 9, 9, 9, 1, 2, 3];
    check(&labels, &encoded(3, 1, ColorType::Indexed, BitDepth::Eight, Some(palette), &[2, 1, 0]), &[2, 1, 0]);
    let error = refused(&labels, &gray(4, 1, &[0, 3, 4, 3]));
    assert_eq!(error, EncodingError::UnknownValues { pixels: 3, values: "3, 4".to_owned() });
    assert_eq!(refused(&labels, &jpeg(8, 8, &[1; 64], 90)), EncodingError::LossyLabels);
    let values = MaskEncoding::Labels { values: Some(vec![0, 85, 170]), classes: 3, ignore: None };
    check(&values, &gray(3, 1, &[170, 0, 85]), &[2, 0, 1]);
    let colours = MaskEncoding::Colours(vec![[0, 0, 0], [0, 255, 0]]);
    check(&colours, &encoded(2, 1, ColorType::Rgb, BitDepth::Eight, None, &[0, 255, 0, 0, 0, 0]), &[1, 0]);
    let red = encoded(1, 1, ColorType::Rgb, BitDepth::Eight, None, &[255, 0, 0]);
    assert_eq!(refused(&labels, &red), EncodingError::ColourLabels);
    assert!(matches!(refused(&colours, &red), EncodingError::UnknownValues { pixels: 1, .. }));
}

#[test]
fn what_nobody_knows_is_ignored() {
    let ids = |classes, ignore| MaskEncoding::Labels { values: None, classes, ignore };
    check(&ids(3, Some(255)), &gray(4, 1, &[0, 1, 255, 2]), &[0, 1, IGNORED, 2]);
    // nnU-Net has it behind the last class.
    check(&ids(3, Some(3)), &gray(4, 1, &[0, 1, 3, 2]), &[0, 1, IGNORED, 2]);
    let values = |ignore| MaskEncoding::Labels { values: Some(vec![0, 85, 170]), classes: 3, ignore: Some(ignore) };
    check(&values(7), &gray(4, 1, &[0, 85, 7, 170]), &[0, 1, IGNORED, 2]);
    assert_eq!(refused(&values(85), &gray(1, 1, &[0])), EncodingError::IgnoredClass { value: 85 });
    assert_eq!(refused(&ids(256, Some(4)), &gray(1, 1, &[0])), EncodingError::IgnoredClass { value: 4 });
    // 255 is no class, however many there are.
    check(&ids(256, Some(255)), &gray(3, 1, &[0, 254, 255]), &[0, 254, IGNORED]);
    let error = refused(&ids(256, None), &gray(2, 1, &[0, 255]));
    assert_eq!(error, EncodingError::UnknownValues { pixels: 1, values: "255".to_owned() });
    assert!(error.hint().contains("`ignore: VALUE`"));
    let text = serde_json::to_string(&ids(3, None)).expect("plain data");
    assert_eq!(text, r#"{"labels":{"classes":3}}"#, "recipes without it stay what they were");
}
