//! Pixels that are not known: outside of fields of view, and labelled so; and classes that are kept.
//! They do not know more than the public functions of the layout give.

use super::*;
use crate::fixture::{gray, jpeg};
use crate::{IGNORED, Look, Measured, findings};

const RETINA: &str = r#"{
    "images": ["{part}/images/{case}_{part}.png"],
    "masks": {"files": {"paths": ["{part}/manual/{case}.png"]}},
    "field_of_view": "{part}/mask/{case}_{part}_mask.png",
    "parts": {"train": "training", "test": "test"}
}"#;

fn retina() -> DataFolder {
    let data = DataFolder::new();
    for (part, case) in [("training", "21"), ("test", "01"), ("test", "2")] {
        data.row(&format!("{part}/images/{case}_{part}.png"), &[9, 8, 7, 6]);
        data.row(&format!("{part}/manual/{case}.png"), &[0, 255, 255, 0]);
    }
    // Numbers agree by value; anything but 0 is inside.
    data.row("training/mask/21_training_mask.png", &[0, 0, 255, 255]);
    data.row("test/mask/1_test_mask.png", &[1, 255, 0, 3]).row("test/mask/02_test_mask.png", &[255; 4]);
    data
}

#[test]
fn what_lies_outside_is_not_known() {
    let data = retina();
    let found = cases(RETINA, data.path());
    let told: Vec<_> = found.iter().map(|case| (case.id.as_str(), labels(case))).collect();
    let expected: [(&str, &[u8]); 3] =
        [("test_01", &[0, 1, IGNORED, 0]), ("test_2", &[0, 1, 1, 0]), ("train_21", &[IGNORED, IGNORED, 1, 0])];
    assert_eq!(told, expected);
    let facts = Measured::of(&found[2]).facts;
    assert_eq!((facts.foreground, facts.ignored, facts.labelled), (Some(0.5), 0.5, Some(1)));
    assert_eq!(facts.classes.into_iter().collect::<Vec<_>>(), [(1, 1)]);
    assert_eq!(Measured::of(&found[1]).facts.ignored, 0.0);
}

#[test]
fn a_missing_or_a_wrong_field_is_named() {
    let data = retina();
    data.row("training/mask/21_training_mask.png", &[0, 255, 255]);
    let wrong = ["training/mask/21_training_mask.png: sizes differ: it is 3x1, but the image is 4x1"];
    assert_eq!(problems(RETINA, &data), wrong);
    data.row("training/mask/21_training_mask.png", &[255; 4]).row("test/mask/002_test_mask.png", &[255; 4]);
    let twice = "test/mask/02_test_mask.png: duplicate case: `test/mask/002_test_mask.png` is a field of view of the same image";
    assert_eq!(problems(RETINA, &data), [twice]);
    for name in ["02", "002"] {
        std::fs::remove_file(data.path().join(format!("test/mask/{name}_test_mask.png"))).expect("it is there");
    }
    let missing = "test/images/2_test.png: image without field of view: no picture of the field of view has its names";
    assert_eq!(problems(RETINA, &data), [missing]);
    data.file("test/mask/02_test_mask.png", b"no picture");
    assert!(problems(RETINA, &data)[0].starts_with("test/mask/02_test_mask.png: "), "{:?}", problems(RETINA, &data));
    // Without a mask there is nothing that it could be taken out of.
    std::fs::remove_file(data.path().join("test/mask/02_test_mask.png")).expect("it is there");
    std::fs::remove_file(data.path().join("test/manual/2.png")).expect("it is there");
    let optional = RETINA.replacen('{', r#"{"presence": "optional", "#, 1);
    assert_eq!(cases(&optional, data.path()).len(), 3);
}

#[test]
fn one_field_for_all_images_and_fields_of_jpeg() {
    let data = DataFolder::new();
    for case in ["a", "b"] {
        data.flat(&format!("{case}.png"), 8, 8, 7).flat(&format!("{case}_mask.png"), 8, 8, 255);
    }
    let mut inside = [0; 64];
    inside[32..].fill(255);
    data.file("roi.jpg", &jpeg(8, 8, &inside, 70));
    let text = r#"{"images": ["{case}.png"], "field_of_view": "roi.jpg",
        "masks": {"files": {"paths": ["{case}_mask.png"]}}}"#;
    for case in cases(text, data.path()) {
        let expected: Vec<u8> = inside.iter().map(|value| if *value == 0 { IGNORED } else { 1 }).collect();
        assert_eq!(labels(&case), expected);
    }
}

#[test]
fn fields_cut_layers_and_slices() {
    let data = DataFolder::new();
    for slice in 1..=2 {
        data.row(&format!("v/{slice}.png"), &[5, 6, 7]);
        data.row(&format!("v/{slice}_a.png"), &[255, 255, 0]).row(&format!("v/{slice}_b.png"), &[0, 255, 255]);
        data.row(&format!("v/{slice}_roi.png"), if slice == 1 { &[255, 0, 255] } else { &[255, 255, 0] });
    }
    let text = r#"{"images": ["{case}/{slice}.png"], "stack": "slice", "field_of_view": "{case}/{slice}_roi.png",
        "masks": {"classes": {"classes": [{"name": "a", "paths": ["{case}/{slice}_a.png"]}, {"name": "b", "paths": ["{case}/{slice}_b.png"]}]}}}"#;
    let i = IGNORED;
    let expected = [1, i, 0, 1, 1, i, 0, i, 1, 0, 1, i];
    assert_eq!(labels(&cases(text, data.path())[0]), expected);
    let slices = text.replacen('{', r#"{"slices": true, "#, 1);
    let found = cases(&slices, data.path());
    assert_eq!([labels(&found[0]), labels(&found[1])], [[1, i, 0, 0, i, 1], [1, 1, i, 0, 1, i]]);
    std::fs::remove_file(data.path().join("v/2_roi.png")).expect("it is there");
    assert!(problems(text, &data)[0].starts_with("v/1_roi.png: image without"), "{:?}", problems(text, &data));
}

#[test]
fn labels_say_what_nobody_knows() {
    let data = DataFolder::new();
    data.row("a.png", &[1, 2, 3, 4]).row("a_scribble.png", &[255, 0, 1, 255]);
    data.row("b.png", &[4, 3, 2, 1]).row("b_scribble.png", &[255; 4]);
    let text = |classes: usize, ignore: u16| {
        format!(
            r#"{{"images": ["{{case}}.png"], "masks": {{"files": {{"paths": ["{{case}}_scribble.png"],
                "encoding": {{"labels": {{"classes": {classes}, "ignore": {ignore}}}}}}}}}}}"#
        )
    };
    let found = cases(&text(2, 255), data.path());
    assert_eq!(labels(&found[0]), [IGNORED, 0, 1, IGNORED]);
    let looks: Vec<Look> = found.iter().map(Look::at).collect();
    let told: Vec<_> = findings(&looks, Vec::new()).into_iter().map(|finding| (finding.text, finding.cases)).collect();
    assert_eq!(told, [("1 of 2 cases have a mask of which nothing is known".to_owned(), vec!["b".to_owned()])]);
    let facts = Measured::of(&found[1]).facts;
    assert_eq!((facts.foreground, facts.ignored), (Some(0.0), 1.0));
    let wrong = ".: annotations: 1 is a class, and `ignore` too; leave it out of `values`, or set `classes` to that value if it is the last";
    assert_eq!(problems(&text(2, 1), &data), [wrong]);
    let all = problems(&text(2, 7), &data);
    assert_eq!(all[0], "a_scribble.png: mask values: 2 pixels have values that are no class: 255");
}

#[test]
fn objects_know_what_others_do_not() {
    let data = DataFolder::new();
    data.row("a.png", &[1; 4]).row("a_1.png", &[1, 255, 0, 255]).row("a_2.png", &[255, 1, 0, 0]);
    let text = r#"{"images": ["{case}.png"], "masks": {"files": {"paths": ["{case}_{object}.png"],
        "encoding": {"labels": {"classes": 2, "ignore": 255}}}}}"#;
    assert_eq!(labels(&cases(text, data.path())[0]), [1, 1, 0, IGNORED]);
}

#[test]
fn classes_are_kept_of_any_masks() {
    let data = DataFolder::new();
    data.row("a.png", &[1; 4]).file("a_mask.png", &gray(4, 1, &[0, 1, 2, 3]));
    let text = r#"{"images": ["{case}.png"], "keep": [{"name": "tumour", "of": [2, 3]}],
        "masks": {"files": {"paths": ["{case}_mask.png"], "encoding": {"labels": {"classes": 4}}}}}"#;
    assert_eq!(labels(&cases(text, data.path())[0]), [0, 0, 1, 1]);
    assert_eq!(crate::class_names(&layout(text)), ["tumour"]);
    let wrong = text.replace("[2, 3]", "[4]");
    let reason = ".: annotations: the class `tumour` of `keep` is made of `4`, and masks have 1 to 3";
    assert_eq!(problems(&wrong, &data), [reason]);
}
