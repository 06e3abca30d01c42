//! Slices with their neighbours, of volumes and of files of single slices; and what names say of them.
//! It does not know how networks see frames.

use super::*;
use crate::formats::{Voxels, write_nifti};

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
        "neighbours": {"each_side": 1, "along": "slice"}}"#;
    let found = cases(text, data.path());
    let ids: Vec<_> = found.iter().map(|case| case.id.as_str()).collect();
    assert_eq!(ids, ["2_1_9", "2_1_10", "2_30_10", "3_1_10"]);
    // The slice without a mask is no case, and yet a neighbour; what stands alone is beside itself.
    let of = |at: usize| found[at].image.planes().map(<[f32]>::to_vec).collect::<Vec<_>>();
    assert_eq!(of(0), [[2.0, 1.0, 9.0], [2.0, 1.0, 9.0], [2.0, 1.0, 10.0]]);
    assert_eq!(of(1), [[2.0, 1.0, 9.0], [2.0, 1.0, 10.0], [2.0, 1.0, 11.0]]);
    assert_eq!(of(3), [[3.0, 1.0, 10.0]; 3]);
    assert!(found.iter().all(|case| case.label_frame == 1 && labels(case) == [0, 0, 1]));
    assert_eq!(found[1].native.file.as_deref(), Some("case2_day1/slice_10_1.5.png"));
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
    let frames = with("{case}_{slice}_{frame}.png", r#"{"each_side": 1, "along": "slice"}"#);
    assert!(
        frames.iter().all(|problem| problem.contains("missing frame: it has 2 files and 1 channels")),
        "{frames:?}"
    );
    let channels = with("{case}_{slice}_{channel}.png", r#"{"each_side": 1, "along": "slice"}"#);
    assert!(channels.iter().any(|problem| problem.contains("2 channels, the slice beside it 1")), "{channels:?}");
}
