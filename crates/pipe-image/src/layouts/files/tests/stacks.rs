//! Slices with their neighbours, of volumes and of files of single slices; and what names say of them.
//! It does not know how networks see frames.

use super::*;
use crate::formats::dicom::tests::{Draft, EXPLICIT};
use crate::formats::{Geometry, Voxels, write_nifti};
use crate::native::Slice;

#[test]
fn slices_of_a_volume_have_neighbours() {
    let data = DataFolder::new();
    let volume = |values: &[u8]| write_nifti(Voxels::Labels(values), [4, 1, 2, 1], None).expect("the sides are short");
    data.file("p1.nii.gz", &volume(&[0, 1, 10, 11, 20, 21, 30, 31]))
        .file("m1.nii.gz", &volume(&[0, 0, 0, 1, 1, 0, 1, 1]));
    let text = r#"{"images": ["p{case}.nii.gz"], "masks": {"files": {"paths": ["m{case}.nii.gz"]}},
        "slices": true, "neighbours": {"each_side": 1, "stride": 2}}"#;
    let found = cases(text, data.path());
    let shown: Vec<_> = found.iter().map(|case| (case.image.data.clone(), case.label_frame, labels(case))).collect();
    assert_eq!(
        shown,
        [
            (vec![0.0, 1.0, 0.0, 1.0, 20.0, 21.0], 1, [0, 0].as_slice()),
            (vec![0.0, 1.0, 10.0, 11.0, 30.0, 31.0], 1, &[0, 1]),
            (vec![0.0, 1.0, 20.0, 21.0, 30.0, 31.0], 1, &[1, 0]),
            (vec![10.0, 11.0, 30.0, 31.0, 30.0, 31.0], 1, &[1, 1]),
        ]
    );
    assert!(found.iter().all(|case| case.image.shape() == [3, 1, 1, 2]));
}

#[test]
fn files_of_slices_have_neighbours() {
    let data = DataFolder::new();
    for (patient, day, slice) in [(2, 1, 9), (2, 1, 10), (2, 1, 11), (2, 30, 10), (3, 1, 10)] {
        data.row(&format!("case{patient}_day{day}/slice_{slice}_1.5.png"), &[patient, day, slice]);
        if slice != 11 {
            data.row(&format!("case{patient}_day{day}/mask_{slice}.png"), &[0, 0, 255]);
        }
    }
    let text = r#"{"images": ["case{patient}_day{day}/slice_{slice}_{any}.png"], "presence": "leave_out",
        "masks": {"files": {"paths": ["case{patient}_day{day}/mask_{slice}.png"]}},
        "stack": "slice", "slices": true, "neighbours": {"each_side": 1}}"#;
    let found = cases(text, data.path());
    let ids: Vec<_> = found.iter().map(|case| case.id.as_str()).collect();
    assert_eq!(ids, ["2_1_9", "2_1_10", "2_30_10", "3_1_10"]);
    // The slice without a mask is no case, and yet a neighbour; what stands alone is beside itself.
    let of = |at: usize| found[at].image.planes().map(<[f32]>::to_vec).collect::<Vec<_>>();
    assert_eq!(of(0), [[2.0, 1.0, 9.0], [2.0, 1.0, 9.0], [2.0, 1.0, 10.0]]);
    assert_eq!(of(1), [[2.0, 1.0, 9.0], [2.0, 1.0, 10.0], [2.0, 1.0, 11.0]]);
    assert_eq!(of(3), [[3.0, 1.0, 10.0]; 3]);
    assert!(found.iter().all(|case| case.label_frame == 1 && labels(case) == [0, 0, 1]));
    let slice = Some(Slice { volume: "2_1".to_owned(), at: 1 });
    let file = Some("case2_day1/slice_9_1.5.png".to_owned());
    assert_eq!(found[1].native, Native { file, slice, ..Native::grid([3, 1, 3]) });
    let tags: Vec<_> = found[1].tags.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    assert_eq!(tags, [("day", "1"), ("slice", "10")]);
}

#[test]
fn neighbours_that_cannot_be_are_told() {
    let data = DataFolder::new();
    data.row("a_1_0.png", &[1]).row("a_1_1.png", &[1]).row("a_2_0.png", &[1]);
    let with = |images: &str, neighbours: &str| {
        problems(&format!(r#"{{"images": ["{images}"], "neighbours": {neighbours}}}"#), &data)
    };
    let plain = with("{case}_{slice}_{any}.png", r#"{"each_side": 1}"#);
    assert!(plain[0].starts_with(".: annotations: `neighbours` are of slices: set `slices: true`"), "{plain:?}");
}

/// A DICOM slice of one row at a height, whose pixels are a value and 0.
fn dicom(patient: &str, series: &str, height: i32, value: u16) -> Vec<u8> {
    let draft = Draft::gray(EXPLICIT, 1, 2).text(0x10, 0x20, "LO", patient).text(0x20, 0xe, "UI", series);
    draft.placed(&format!("5\\6\\{height}"), "1\\0\\0\\0\\1\\0").words(&[value, 0]).file()
}

/// The affine of such slices, 4 mm apart from -8.
const AFFINE: [[f64; 4]; 3] = [[-3.0, 0.0, 0.0, -5.0], [0.0, -2.0, 0.0, -6.0], [0.0, 0.0, 4.0, -8.0]];
const GRID: Geometry = Geometry::new([4.0, 2.0, 3.0], Some(AFFINE));

#[test]
fn dicom_files_become_volumes_by_position() {
    let data = DataFolder::new();
    // Names and numbers say another order than positions.
    for (name, height, value) in [("x", -4, 20), ("y", 0, 30), ("z", -8, 10)] {
        data.file(&format!("scans/{name}"), &dicom("anna", "1.2.3", height, value));
    }
    for (name, height, value) in [("a", 4, 2), ("b", 0, 1)] {
        data.file(&format!("scans/{name}"), &dicom("ben", "1.2.4", height, value));
    }
    let mask = |labels: &[u8], geometry| {
        write_nifti(Voxels::Labels(labels), [labels.len() / 2, 1, 2, 1], Some(geometry)).expect("the sides are short")
    };
    let ben = Geometry { affine: Some([AFFINE[0], AFFINE[1], [0.0, 0.0, 4.0, 0.0]]), ..GRID };
    data.file("masks/anna.nii.gz", &mask(&[0, 0, 1, 1, 0, 1], &GRID))
        .file("masks/ben.nii.gz", &mask(&[0, 1, 1, 1], &ben));
    let text = |more: &str| {
        format!(
            r#"{{"images": ["scans/{{file}}"], "stack": "file", "headers": {{"patient": "PatientID"}}, "case": "{{patient}}",
            "masks": {{"files": {{"paths": ["masks/{{patient}}.nii.gz"]}}}}{more}}}"#
        )
    };
    let found = cases(&text(""), data.path());
    let seen = |case: &Case| (case.id.clone(), case.patient.clone(), case.image.data.clone(), labels(case).to_vec());
    assert_eq!(
        seen(&found[0]),
        ("anna".into(), "anna".into(), vec![10.0, 0.0, 20.0, 0.0, 30.0, 0.0], vec![0, 0, 1, 1, 0, 1])
    );
    assert_eq!(found[1].image.data, [1.0, 0.0, 2.0, 0.0]);
    let native = Native { file: Some("scans/z".into()), geometry: Some(GRID), ..Native::grid([3, 1, 2]) };
    assert_eq!((&found[0].native, found[0].spacing, found[0].label_frame), (&native, Some([4.0, 2.0, 3.0]), 1));
    // As slices, with neighbours in the order of their positions.
    let found = cases(&text(r#", "slices": true, "neighbours": {"each_side": 1}"#), data.path());
    assert_eq!((found.len(), found[1].id.as_str(), labels(&found[1])), (5, "anna_s1", [1, 1].as_slice()));
    assert_eq!(found[2].image.data, [20.0, 0.0, 30.0, 0.0, 30.0, 0.0]);
    let slice = Some(Slice { volume: "anna".to_owned(), at: 1 });
    assert_eq!(found[1].native, Native { slice, ..native });
    // A mask as dcm2niix makes it: slices from below, rows from behind.
    let turned = GRID.reversed([true, true, false], [3, 1, 2]);
    data.file("masks/anna.nii.gz", &mask(&[0, 1, 1, 1, 0, 0], &turned));
    let wrong = problems(&text(""), &data);
    assert_eq!(
        wrong,
        [
            "masks/anna.nii.gz: geometry differs: its columns, rows and slices run to LAI, expected LPS, by scans/z; both cover the same \
          voxels"
        ]
    );
    for (slices, expected) in
        [("false", vec![vec![0, 0, 1, 1, 0, 1]]), ("true", vec![vec![0, 0], vec![1, 1], vec![0, 1]])]
    {
        let found = cases(&text(&format!(r#", "geometry": "turn", "slices": {slices}"#)), data.path());
        let found: Vec<_> =
            found.iter().filter(|case| case.patient == "anna").map(|case| labels(case).to_vec()).collect();
        assert_eq!(found, expected, "slices: {slices}");
    }
    // One series more of the same patient.
    data.file("scans/w", &dicom("anna", "1.2.9", 4, 7));
    let wrong = problems(&text(""), &data);
    assert_eq!(wrong[0], "scans/w: geometry differs: scans/z and it differ in their series");
    data.file("scans/w", &dicom("", "1.2.9", 4, 7)).file("scans/notes.txt", b"notes");
    let wrong = problems(&text(r#", "geometry": "turn""#), &data);
    assert_eq!(
        wrong,
        [
            "scans/notes.txt: format not supported: it is no DICOM file, and `headers` are of those",
            "scans/w: annotations: its header says no PatientID, which is to be `{patient}`"
        ]
    );
}

#[test]
fn masks_of_slices_become_those_of_volumes() {
    let data = DataFolder::new();
    for slice in [2, 10, 1] {
        data.row(&format!("p/slice{slice}.png"), &[slice, 0]);
    }
    data.row("p/liver_010.png", &[0, 255]).row("p/liver_002.png", &[255, 0]).row("p/tumour_2.png", &[255, 255]);
    let text = |presence: &str, slices: bool| {
        format!(
            r#"{{"images": ["{{patient}}/slice{{slice}}.png"], "stack": "slice", "presence": "{presence}", "slices": {slices},
            "spacing": ["3", "0.5", "0.25"],
            "masks": {{"classes": {{"classes": [
                {{"name": "liver", "paths": ["{{patient}}/liver_{{slice}}.png"]}},
                {{"name": "tumour", "paths": ["{{patient}}/tumour_{{slice}}.png"]}}]}}}}}}"#
        )
    };
    let found = cases(&text("optional", false), data.path());
    let mask = found[0].mask.as_ref().expect("it has one");
    assert_eq!(
        (found[0].id.as_str(), found[0].image.data.as_slice()),
        ("p", [1.0, 0.0, 2.0, 0.0, 10.0, 0.0].as_slice())
    );
    assert_eq!((mask.layers, mask.depth), (2, 3));
    let sides = [3.0, 0.5, 0.25];
    assert_eq!(
        (found[0].spacing, found[0].native.geometry.map(|geometry| geometry.spacing)),
        (Some(sides), Some(sides))
    );
    assert_eq!(mask.labels, [0, 0, 1, 0, 0, 1, 0, 0, 1, 1, 0, 0]);
    let found = cases(&text("leave_out", true), data.path());
    let seen: Vec<_> = found.iter().map(|case| (case.id.as_str(), labels(case).to_vec())).collect();
    assert_eq!(seen, [("p_2", vec![1, 0, 1, 1]), ("p_10", vec![0, 1, 0, 0])]);
    assert_eq!(
        problems(&text("required", false), &data),
        ["p/liver_002.png: image without mask: 1 slice of its volume has no mask: 1"]
    );
    data.row("p/liver_7.png", &[0, 1]).row("p/slice002.png", &[1, 1]);
    assert_eq!(
        problems(&text("optional", false), &data),
        ["p/slice2.png: duplicate case: `p/slice002.png` is the same slice by its names"]
    );
    std::fs::remove_file(data.path().join("p/slice002.png")).expect("it is there");
    assert_eq!(
        problems(&text("optional", false), &data),
        ["p/liver_7.png: mask without image: its volume has no slice of its `{slice}`"]
    );
}

#[test]
fn numbers_that_are_left_out_are_worth_a_look() {
    let remarks = |numbers: &[u8]| {
        let data = DataFolder::new();
        for number in numbers {
            data.row(&format!("a_{number:02}.png"), &[*number]);
        }
        let text = r#"{"images": ["{case}_{slice}.png"], "stack": "slice"}"#;
        layout(text).survey(data.path()).remarks.into_iter().map(|finding| finding.text).collect::<Vec<_>>()
    };
    assert_eq!(remarks(&[1, 2, 3, 4]), [""; 0]);
    assert_eq!(remarks(&[1, 3, 5, 7]), [""; 0]);
    assert_eq!(
        remarks(&[1, 2, 3, 7, 8, 12]),
        ["a volume lacks slices by their numbers: a between 3 and 7, 8 and 12; are they evenly apart?"]
    );
}

#[test]
fn headers_can_count_slices_and_files_know_their_spacing() {
    let data = DataFolder::new();
    for (name, height) in [("x", 4), ("y", 0), ("z", 8)] {
        data.file(name, &dicom("anna", "1.2.3", height, 1));
    }
    let text = |more: &str| {
        format!(
            r#"{{"images": ["{{any}}"], "stack": "place", "headers": {{"patient": "PatientID", "place": "ImagePositionPatient"}}{more}}}"#
        )
    };
    let found = cases(&text(""), data.path());
    assert_eq!((found.len(), found[0].image.frames, found[0].id.as_str()), (1, 3, "anna"));
    let wrong = problems(&text(r#", "spacing": ["9", "2", "3"]"#), &data);
    assert_eq!(
        wrong,
        ["y: geometry differs: the file says voxels of 4 x 2 x 3 mm (slices, rows, columns), the layout 9 x 2 x 3"]
    );
    assert_eq!(cases(&text(r#", "spacing": ["2", "3"]"#), data.path())[0].spacing, Some([4.0, 2.0, 3.0]));
}

#[test]
fn slices_that_do_not_make_a_volume_are_told() {
    let said = |images: &str, files: &[(&str, &[u8])], more: &str| {
        let data = DataFolder::new();
        for (name, row) in files {
            data.row(name, row);
        }
        problems(&format!(r#"{{"images": ["{images}"], "stack": "slice"{more}}}"#), &data)
    };
    let spacing = said("{case}_{slice}.png", &[("a_1.png", &[1])], r#", "spacing": ["0", "1", "1"]"#);
    assert_eq!(spacing, ["a_1.png: annotations: `0` and `1` and `1` are no distances"]);
    let spacing = said("{case}_{slice}.png", &[("a_1.png", &[1])], r#", "spacing": ["1"]"#);
    assert_eq!(
        spacing,
        [".: annotations: `spacing` is two distances, of rows and of columns, or three, of slices first"]
    );
    let two: &[(&str, &[u8])] = &[("a_1.png", &[1, 2]), ("a_2.png", &[1, 2])];
    let other = said("{case}_{z}.png", two, "");
    assert_eq!(other, [".: annotations: `stack` is `slice`, and a pattern of `images` has no such name"]);
    let sizes = said("{case}_{slice}.png", &[("a_1.png", &[1, 2]), ("a_2.png", &[1])], "");
    assert_eq!(sizes, ["a_2.png: sizes differ: it is 1x1, but a_1.png is 2x1"]);
    let frames = said("{case}_{slice}_{frame}.png", &[("a_1_1.png", &[1])], "");
    assert_eq!(frames, ["a_1_1.png: annotations: it is a slice of a volume and a frame of a sequence"]);
    let channels: &[(&str, &[u8])] = &[("a_1_0.png", &[1]), ("a_1_1.png", &[1]), ("a_2_0.png", &[1])];
    let channels = said("{case}_{slice}_{channel}.png", channels, "");
    assert_eq!(channels, ["a_1_1.png: sizes differ: it is 1x1, but a_1_0.png is 1x1x2"]);
}
