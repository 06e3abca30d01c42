//! Folders of files: grouped, sorted, put together, refused where they are no volume.

use super::*;
use crate::fixture::DataFolder;

fn slice(at: f64, number: u16) -> Draft {
    let draft = Draft::gray(EXPLICIT, 1, 2).placed(&format!("5\\6\\{at}"), "1\\0\\0\\0\\1\\0");
    draft.text(0x20, 0x13, "IS", &number.to_string()).text(0x10, 0x20, "LO", "anna").words(&[number, 0])
}

fn folder(slices: &[(&str, Draft)]) -> DataFolder {
    let folder = DataFolder::new();
    for (name, draft) in slices {
        folder.file(name, &draft.file());
    }
    folder
}

#[track_caller]
fn refused(slices: &[(&str, Draft)], expected: &str) {
    let folder = folder(slices);
    let found = series(folder.path()).expect("the folder is good");
    let message = found[0].decode().expect_err("it is no volume").to_string();
    assert_eq!(message.replace(&format!("{}/", folder.path().display()), ""), expected);
}

#[test]
fn files_are_grouped_sorted_and_put_together() {
    let other = slice(0.0, 1).text(0x20, 0xe, "UI", "1.2.4");
    let files = [("b/0001", slice(4.0, 1)), ("a", slice(-1.0, 3)), ("c.dcm", slice(1.5, 2)), ("other", other)];
    let folder = folder(&files);
    folder.file("notes.txt", b"not an image").file("empty", b"");
    let plan =
        Draft { syntax: EXPLICIT, elements: Vec::new() }.text(8, 0x60, "CS", "RTPLAN").text(0x300a, 2, "SH", "plan");
    folder.file("plan", &plan.file());
    let index = Draft { syntax: EXPLICIT, elements: Vec::new() }.text(4, 0x1130, "CS", "FILES");
    folder.file("DICOMDIR", &index.file());
    let found = series(folder.path()).expect("the folder is good");
    assert_eq!(found.iter().map(|series| series.uid.as_str()).collect::<Vec<_>>(), ["1.2.3", "1.2.4"]);
    let numbers: Vec<_> = found[0].slices.iter().map(|slice| slice.instance.number).collect();
    assert_eq!(numbers, [Some(3), Some(2), Some(1)]);
    let volume = found[0].decode().expect("it is a volume");
    assert_eq!((volume.slices, volume.samples), (3, vec![3.0, 0.0, 2.0, 0.0, 1.0, 0.0]));
    let affine = Some([[-3.0, 0.0, 0.0, -5.0], [0.0, -2.0, 0.0, -6.0], [0.0, 0.0, 2.5, -1.0]]);
    assert_eq!(volume.geometry, Some(Geometry { spacing: [2.5, 2.0, 3.0], affine }));
    let known = instance(&folder.path().join("a")).expect("the file is good");
    assert_eq!((known.patient.as_str(), known.series.as_str(), known.modality.as_str()), ("anna", "1.2.3", "CT"));
    assert!(instance(&folder.path().join("notes.txt")).is_err());
}

#[test]
fn without_positions_numbers_give_the_order() {
    let bare = |number: u16| Draft::gray(EXPLICIT, 1, 1).text(0x20, 0x13, "IS", &number.to_string()).words(&[number]);
    let folder = folder(&[("a", bare(10)), ("b", bare(9))]);
    let found = series(folder.path()).expect("the folder is good");
    assert_eq!(found[0].decode().expect("it is a volume").samples, [9.0, 10.0]);
    refused(&[("a", bare(1)), ("b", bare(1))], "a and b lie at the same position: is this one volume?");
}

#[test]
fn what_is_no_volume_names_its_files() {
    let four = |third: f64, last: f64| {
        [("a", slice(0.0, 1)), ("b", slice(2.0, 2)), ("c", slice(third, 3)), ("d", slice(last, 4))]
    };
    refused(&four(4.0, 8.0), "c and d are 4.000 mm apart, the others 2.000 mm");
    refused(&four(4.0, 2.0), "b and d lie at the same position: is this one volume?");
    refused(&[("a", slice(0.0, 1)), ("b", slice(1.0, 2).short(0x28, 0x10, 2))], "a and b differ in their size");
    let turned = slice(1.0, 2).placed("5\\6\\1", "0\\1\\0\\1\\0\\0");
    refused(&[("a", slice(0.0, 1)), ("b", turned)], "b and a differ in their orientation");
    let folder = folder(&[("a", slice(0.0, 1)), ("b", slice(1.0, 2).text(0x28, 4, "CS", "HSV"))]);
    let message = series(folder.path()).expect_err("a file is not read").to_string();
    assert!(message.ends_with("b: this DICOM file is not read: its pixels are `HSV` of 1 samples"), "{message}");
    folder.file("b", &slice(1.0, 2).file()[..300]);
    let message = series(folder.path()).expect_err("a file is cut").to_string();
    assert!(message.ends_with("b: the file ends after 300 bytes, before the DICOM picture does"), "{message}");
}
