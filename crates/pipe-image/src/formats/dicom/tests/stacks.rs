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

fn names(slices: &[(&str, Draft)]) -> Vec<String> {
    slices.iter().map(|(name, _)| (*name).to_owned()).collect()
}

#[track_caller]
fn refused(slices: &[(&str, Draft)], file: &str, expected: &str) {
    let found = Series::of(folder(slices).path(), &names(slices)).expect_err("it is no volume");
    assert_eq!((found.file(), found.to_string().as_str()), (file, expected));
}

#[test]
fn files_are_put_in_the_order_of_their_positions() {
    let files = [("b/0001", slice(4.0, 1)), ("a", slice(-1.0, 3)), ("c.dcm", slice(1.5, 2))];
    let folder = folder(&files);
    let found = Series::of(folder.path(), &names(&files)).expect("it is a volume");
    assert_eq!(found.files().collect::<Vec<_>>(), ["a", "c.dcm", "b/0001"]);
    assert_eq!(found.header(), Some(Header { slices: 3, height: 1, width: 2 }));
    let affine = Some([[-3.0, 0.0, 0.0, -5.0], [0.0, -2.0, 0.0, -6.0], [0.0, 0.0, 2.5, -1.0]]);
    assert_eq!(found.geometry(), Some(Geometry::new([2.5, 2.0, 3.0], affine)));
}

#[test]
fn headers_tell_attributes() {
    let folder = folder(&[("a", slice(0.0, 7))]);
    folder.file("notes.txt", b"not an image");
    let of = |keyword: &str| Attribute::try_from(keyword.to_owned());
    let wanted = ["SeriesInstanceUID", "PatientID", "StudyDate"].map(|keyword| of(keyword).expect("it is known"));
    let told = attributes(&folder.path().join("a"), &wanted.each_ref()).expect("the file is good");
    assert_eq!(told, Some(vec![Some("1.2.3".to_owned()), Some("anna".to_owned()), None]));
    assert_eq!(attributes(&folder.path().join("notes.txt"), &[]).expect("it can be read"), None);
    assert!(attributes(&folder.path().join("none"), &[]).is_err());
    let unknown = of("PatientId").expect_err("it is written otherwise").to_string();
    assert!(unknown.starts_with("`PatientId` is no attribute of DICOM"), "{unknown}");
}

#[test]
fn without_positions_numbers_give_the_order() {
    let bare = |number: u16| Draft::gray(EXPLICIT, 1, 1).text(0x20, 0x13, "IS", &number.to_string()).words(&[number]);
    let files = [("a", bare(10)), ("b", bare(9))];
    let found = Series::of(folder(&files).path(), &names(&files)).expect("it is a volume");
    assert_eq!(found.files().collect::<Vec<_>>(), ["b", "a"]);
    refused(&[("a", bare(1)), ("b", bare(1))], "b", "it lies at the same position as a");
}

#[test]
fn what_has_no_order_is_told() {
    let bare = |number: &str| Draft::gray(EXPLICIT, 1, 2).text(0x20, 0x13, "IS", number).words(&[1, 0]);
    let lost = "it tells no position, or a damaged one, and a does";
    refused(&[("a", slice(0.0, 1)), ("b", slice(2.5, 2)), ("c", bare("3"))], "c", lost);
    let damaged = slice(5.0, 3).placed("nan\\nan\\nan", "1\\0\\0\\0\\1\\0");
    refused(&[("a", slice(0.0, 1)), ("b", damaged)], "b", lost);
    let unknown = "neither its position nor its InstanceNumber tells where it lies among the other slices";
    refused(&[("a", bare("1")), ("b", Draft::gray(EXPLICIT, 1, 2).words(&[1, 0]))], "b", unknown);
}

#[test]
fn frames_in_no_order_are_refused() {
    let place = |heights: &[f64]| space::Place {
        pixel: Some([2.0, 3.0]),
        slice: Some(2.5),
        orientation: Some([[1.0, 0.0, 0.0], [0.0, 1.0, 0.0]]),
        positions: heights.iter().map(|height| [0.0, 0.0, *height]).collect(),
    };
    for fine in [&[0.0, 2.5, 5.0][..], &[5.0, 2.5, 0.0], &[1.0, 1.0, 1.0], &[1.0]] {
        assert_eq!(place(fine).disorder(fine.len()), None, "{fine:?}");
    }
    // One position for all frames is that of the first.
    assert_eq!(place(&[0.0]).disorder(3), None);
    for wrong in [&[7.5, 0.0, 2.5, 5.0][..], &[0.0, 2.5, 7.5], &[0.0, 0.0, 2.5, 2.5]] {
        let reason = place(wrong).disorder(wrong.len()).expect("no volume");
        assert!(reason.contains("slices are missing, or in no order"), "{reason}");
    }
}

#[test]
fn what_is_no_volume_names_its_files() {
    let four = |third: f64, last: f64| {
        [("a", slice(0.0, 1)), ("b", slice(2.0, 2)), ("c", slice(third, 3)), ("d", slice(last, 4))]
    };
    refused(&four(4.0, 8.0), "d", "it is 4.000 mm from c, and most slices are 2.000 mm apart");
    refused(&four(4.0, 2.0), "d", "it lies at the same position as b");
    let two = |second: Draft| [("a", slice(0.0, 1)), ("b", second)];
    refused(&two(slice(1.0, 2).short(0x28, 0x10, 2)), "b", "a and it differ in their size");
    refused(&two(slice(1.0, 2).text(0x20, 0xe, "UI", "1.2.4")), "b", "a and it differ in their series");
    refused(&two(slice(1.0, 2).text(0x28, 8, "IS", "2")), "b", "it has 2 frames of its own, and is no slice");
    let turned = slice(1.0, 2).placed("5\\6\\1", "0\\1\\0\\1\\0\\0");
    refused(&two(turned), "a", "b and it differ in their orientation");
    let hsv = slice(1.0, 2).text(0x28, 4, "CS", "HSV");
    refused(&two(hsv), "b", "b: this DICOM file is not read: its pixels are `HSV` of 1 samples");
    let folder = folder(&two(slice(1.0, 2)));
    folder.file("b", &slice(1.0, 2).file()[..300]);
    let message = Series::of(folder.path(), &["a", "b"].map(str::to_owned)).expect_err("a file is cut").to_string();
    assert_eq!(message, "b: the file ends after 300 bytes, before the DICOM picture does");
}
