//! Tests of `xca_sequences`.
//! They do not know more than its public functions give.

use super::*;
use crate::fixture::DataFolder;
use crate::{Layout, Part};

fn sequence(data: &DataFolder, prefix: &str, name: &str, frames: std::ops::Range<u8>) {
    for index in frames {
        data.flat(&format!("{prefix}images/image_s{name}_i{index}.png"), 4, 4, index);
    }
    data.flat(&format!("{prefix}labels/label_s{name}.png"), 4, 4, 255);
}

fn port() -> Layout {
    Layout::XcaSequences(XcaSequences::default())
}

/// Gives `file: kind` of every problem.
fn problems(layout: &Layout, data: &DataFolder) -> Vec<String> {
    let problems = layout.check(data.path()).expect_err("the data set is wrong").list;
    problems.iter().map(|problem| format!("{}: {}", problem.file, problem.what)).collect()
}

#[test]
fn the_last_frames_count_and_the_mask_is_of_the_last() {
    let data = DataFolder::new();
    sequence(&data, "", "10", 0..12);
    sequence(&data, "", "9", 0..4);
    let cases = port().scan(data.path()).expect("the data set is good");
    let ids: Vec<&str> = cases.iter().map(|case| case.id.as_str()).collect();
    assert_eq!(ids, ["9", "10"]);
    let case = port().read(data.path(), &cases[1]).expect("the case is good");
    assert_eq!(case.image.shape(), [4, 1, 4, 4]);
    let firsts: Vec<f32> = (0..4).map(|frame| case.image.plane(frame, 0)[0]).collect();
    assert_eq!(firsts, [8.0, 9.0, 10.0, 11.0]);
    assert_eq!(case.mask.expect("it has a mask").foreground(), 16);
}

#[test]
fn parts_may_number_sequences_alike() {
    let data = DataFolder::new();
    for part in ["train", "validation", "test"] {
        sequence(&data, &format!("{part}/"), "1", 0..6);
    }
    data.file("patients.csv", b"sequence,patient\ntrain_1,a\nvalidation_1, b\n1,c\n");
    let cases = port().check(data.path()).expect("the data set is good");
    let found: Vec<(&str, Option<Part>)> = cases.iter().map(|case| (case.patient.as_str(), case.part)).collect();
    assert_eq!(found, [("c", Some(Part::Test)), ("a", Some(Part::Train)), ("b", Some(Part::Validation))]);
}

#[test]
fn official_names_with_masks_by_a_pattern() {
    let data = DataFolder::new();
    for index in 1..=4 {
        data.flat(&format!("ori_7_{index}.png"), 4, 4, index);
    }
    data.flat("gt/7.png", 4, 4, 0);
    let mask = Pattern::new("gt/{sequence}.png").expect("the pattern is good");
    let layout = Layout::XcaSequences(XcaSequences { naming: Naming::Official { mask }, ..XcaSequences::default() });
    let cases = layout.check(data.path()).expect("the data set is good");
    assert_eq!((cases.len(), cases[0].frames.len(), cases[0].id.as_str()), (1, 4, "7"));
}

#[test]
fn every_problem_is_named_at_once() {
    let data = DataFolder::new();
    sequence(&data, "", "1", 0..4);
    sequence(&data, "", "2", 0..3);
    sequence(&data, "", "3", 0..4);
    sequence(&data, "", "4", 0..6);
    sequence(&data, "", "5", 0..0);
    sequence(&data, "", "6", 0..4);
    std::fs::remove_file(data.path().join("labels/label_s3.png")).expect("it was written");
    std::fs::remove_file(data.path().join("images/image_s4_i4.png")).expect("it was written");
    data.flat("images/image_s6_i1.png", 5, 4, 1);
    data.file("patients.csv", b"sequence,patient\n1,a\n2,b\n3,c\n4,d\n5,e\n");
    let expected = [
        "images/image_s2_i0.png: missing frame",
        "images/image_s3_i0.png: image without mask",
        "images/image_s4_i5.png: missing frame",
        "images/image_s6_i0.png: unknown patient",
        "images/image_s6_i1.png: sizes differ",
        "labels/label_s5.png: mask without image",
    ];
    assert_eq!(problems(&port(), &data), expected);
}

#[test]
fn a_damaged_patient_table_is_named() {
    let data = DataFolder::new();
    sequence(&data, "", "1", 0..4);
    data.file("patients.csv", b"sequence,patient\n1,a\n1,b\n2,\n");
    assert_eq!(problems(&port(), &data), ["patients.csv: annotations", "patients.csv: annotations"]);
    data.file("patients.csv", b"name;who\n1;a\n");
    assert_eq!(problems(&port(), &data)[1], "patients.csv: annotations");
}

#[test]
fn a_patient_table_that_is_named_must_be_there() {
    let data = DataFolder::new();
    sequence(&data, "", "1", 0..4);
    assert!(port().scan(data.path()).is_ok());
    let patients = Some("who.csv".to_owned());
    let layout = Layout::XcaSequences(XcaSequences { patients, ..XcaSequences::default() });
    assert_eq!(problems(&layout, &data), ["who.csv: annotations"]);
}

#[test]
fn an_empty_folder_says_what_was_looked_for() {
    let data = DataFolder::new();
    let list = port().scan(data.path()).expect_err("there is nothing").list;
    assert_eq!(list[0].what, What::NoCases);
    assert!(list[0].reason.contains("image_s{sequence}_i{index}"), "{}", list[0]);
}
