//! Tests of `coco`.
//! They do not know more than its public functions give.

use super::*;
use crate::Layout;
use crate::fixture::{DataFolder, real_data};

/// Image ids are crossed on purpose: 1.png has id 2.
const FILE: &str = r#"{
    "images": [{"id": 2, "file_name": "1.png", "width": 6, "height": 5}, {"id": 1, "file_name": "2.png", "width": 6, "height": 5}],
    "categories": [{"id": 1, "name": "5"}, {"id": 26, "name": "stenosis"}],
    "annotations": [
        {"id": 1, "image_id": 2, "category_id": 1, "segmentation": [[1, 1, 4, 1, 4, 3, 1, 3]], "bbox": [1, 1, 3, 2]},
        {"id": 2, "image_id": 2, "category_id": 26, "segmentation": [[3, 1, 6, 1, 6, 3, 3, 3]]}
    ]}"#;

fn foreground(categories: Categories) -> Vec<usize> {
    let data = DataFolder::new();
    data.flat("val/images/1.png", 6, 5, 9)
        .flat("val/images/2.png", 6, 5, 9)
        .file("val/annotations/val.json", FILE.as_bytes());
    let layout = Layout::Coco(Coco { categories, ..Coco::default() });
    let cases = layout.scan(data.path()).expect("the data set is good");
    let read = |files| layout.read(data.path(), files).expect("the case is good").mask.expect("it has a mask");
    cases.iter().map(read).map(|mask| mask.labels.iter().map(|label| usize::from(*label)).sum()).collect()
}

#[test]
fn masks_are_joined_by_file_name() {
    assert_eq!(foreground(Categories::Any), [10, 0]);
    assert_eq!(foreground(Categories::Union(vec!["5".to_owned()])), [6, 0]);
    // Two columns of class 1 with two rows each, three of class 2 on top.
    assert_eq!(foreground(Categories::Classes(vec!["5".to_owned(), "stenosis".to_owned()])), [4 + 2 * 6, 0]);
}

#[test]
fn every_problem_is_named_at_once() {
    let data = DataFolder::new();
    data.flat("images/1.png", 7, 5, 9).flat("images/3.png", 6, 5, 9);
    let file = FILE.replace(r#""image_id": 2, "category_id": 26"#, r#""image_id": 9, "category_id": 26"#);
    data.file("annotations/all.json", file.as_bytes());
    let categories = Categories::Union(vec!["5".to_owned(), "6".to_owned()]);
    let layout = Layout::Coco(Coco { categories, ..Coco::default() });
    let list = layout.check(data.path()).expect_err("the data set is wrong").list;
    let found: Vec<String> = list.iter().map(|problem| format!("{}: {}", problem.file, problem.what)).collect();
    let expected = [
        "annotations/all.json: annotations",
        "annotations/all.json: annotations",
        "images/1.png: sizes differ",
        "images/2.png: mask without image",
        "images/3.png: image without mask",
    ];
    assert_eq!(found, expected);
}

#[test]
fn damaged_annotations_are_named() {
    let data = DataFolder::new();
    let layout = Layout::Coco(Coco::default());
    let what = |data: &DataFolder| layout.check(data.path()).expect_err("the data set is wrong").list[0].what;
    data.flat("images/1.png", 6, 5, 9);
    assert_eq!(what(&data), What::MissingFolder);
    data.file("annotations/all.json", &FILE.as_bytes()[..200]);
    assert_eq!(what(&data), What::Truncated);
    data.file("annotations/all.json", b"[]");
    assert_eq!(what(&data), What::Annotations);
    data.file("annotations/all.json", FILE.as_bytes()).file("annotations/more.json", b"{}");
    assert_eq!(what(&data), What::Annotations);
}

#[test]
fn real_data_arcade_vessels_are_read() {
    let Some(root) = real_data("xca/arcade/syntax") else {
        return;
    };
    let layout = Layout::Coco(Coco::default());
    let mut fractions = Vec::new();
    let pixels = |case: Case| case.mask.map_or(0, |mask| mask.foreground()) as f64 / (512.0 * 512.0);
    layout.load(&root, pixels, |_, fraction| fractions.push(fraction)).expect("the sample is good");
    assert_eq!(fractions.len(), 200);
    let mean = fractions.iter().sum::<f64>() / 200.0;
    assert!((0.02..0.06).contains(&mean) && fractions.iter().all(|fraction| *fraction > 0.0), "mean {mean}");
}

#[test]
fn real_data_arcade_lists_images_that_were_not_copied() {
    let Some(root) = real_data("xca/arcade/stenosis") else {
        return;
    };
    let list = Layout::Coco(Coco::default()).scan(&root).expect_err("39 of 200 images are there").list;
    assert_eq!(list.len(), 161);
    let cases = Layout::Coco(Coco { absent_images: Absent::Skip, ..Coco::default() }).scan(&root);
    assert_eq!(cases.expect("absent images are skipped").len(), 39);
}
