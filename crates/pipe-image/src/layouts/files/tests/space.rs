//! Where voxels lie: kept with a case, and compared between the files of a case.
//! It does not know how files say it.

use super::*;
use crate::formats::{Geometry, Voxels, write_nifti};
use crate::native::Slice;

const AFFINE: [[f64; 4]; 3] = [[-0.5, 0.0, 0.0, 20.0], [0.0, 0.5, 0.0, -7.5], [0.0, 0.0, 3.0, 100.0]];
const IMAGE: Geometry = Geometry::new([3.0, 0.5, 0.5], Some(AFFINE));
const LAYOUT: &str = r#"{"images": ["{case}_{channel:#}.nii.gz"],
    "masks": {"files": {"paths": ["{case}_mask.nii.gz"]}}, "slices": SLICES, "geometry": "GEOMETRY"}"#;

/// A volume of 2 x 2 x 2 voxels whose values count from `first`.
fn volume(first: u8, geometry: Option<&Geometry>) -> Vec<u8> {
    let labels: Vec<u8> = (first..first + 8).collect();
    write_nifti(Voxels::Labels(&labels), [2, 2, 2, 1], geometry).expect("the sides are short")
}

fn mask(geometry: Option<&Geometry>) -> Vec<u8> {
    write_nifti(Voxels::Labels(&[0, 1, 0, 0, 0, 0, 1, 1]), [2, 2, 2, 1], geometry).expect("the sides are short")
}

fn text(slices: &str, geometry: &str) -> String {
    LAYOUT.replace("SLICES", slices).replace("GEOMETRY", geometry)
}

#[test]
fn a_case_knows_its_grid() {
    let data = DataFolder::new();
    data.file("a_0.nii.gz", &volume(0, Some(&IMAGE))).file("a_1.nii.gz", &volume(8, Some(&IMAGE)));
    data.file("a_mask.nii.gz", &mask(Some(&IMAGE)));
    let native = Native { file: Some("a_0.nii.gz".to_owned()), geometry: Some(IMAGE), ..Native::grid([2, 2, 2]) };
    let found = cases(&text("false", "check"), data.path());
    assert_eq!((found[0].image.shape(), found[0].spacing), ([2, 2, 2, 2], Some([3.0, 0.5, 0.5])));
    assert_eq!(found[0].native, native);
    let found = cases(&text("true", "check"), data.path());
    assert_eq!((found.len(), found[1].image.data.clone()), (2, vec![4.0, 5.0, 6.0, 7.0, 12.0, 13.0, 14.0, 15.0]));
    let slice = Some(Slice { volume: "a".to_owned(), at: 1 });
    assert_eq!((found[1].id.as_str(), &found[1].native), ("a_s1", &Native { slice, ..native }));
}

#[test]
fn files_of_a_case_lie_in_one_place() {
    let said = |mask_geometry: Option<&Geometry>, channel: Option<&Geometry>, slices: &str| {
        let data = DataFolder::new();
        data.file("a_0.nii.gz", &volume(0, Some(&IMAGE))).file("a_1.nii.gz", &volume(8, channel));
        data.file("a_mask.nii.gz", &mask(mask_geometry));
        assert_eq!(cases(&text(slices, "ignore"), data.path()).len(), if slices == "true" { 2 } else { 1 });
        let found = layout(&text(slices, "check")).check(data.path()).err().map(|problems| problems.list);
        found.unwrap_or_default().iter().map(ToString::to_string).collect::<Vec<_>>()
    };
    let hint = "(write it anew with the affine of the image; if voxel by voxel they do belong together, set `geometry: ignore` in the \
                layout)";
    // What tells nothing agrees with all.
    for slices in ["true", "false"] {
        assert_eq!(said(Some(&IMAGE), Some(&IMAGE), slices), [""; 0]);
        assert_eq!(said(None, None, slices), [""; 0]);
    }
    let identity = [[-1.0, 0.0, 0.0, 0.0], [0.0, -1.0, 0.0, 0.0], [0.0, 0.0, 1.0, 0.0]];
    let identity = Geometry::new([1.0; 3], Some(identity));
    let expected = format!(
        "a: a_mask.nii.gz: geometry differs: its voxels are 1 x 1 x 1 mm, expected 0.5 x 0.5 x 3, by a_0.nii.gz; its affine is the \
         identity, as a program writes it that has none {hint}"
    );
    // Once for all slices of the volume.
    for slices in ["true", "false"] {
        assert_eq!(said(Some(&identity), Some(&IMAGE), slices).concat(), expected);
    }
    let mut turned = AFFINE;
    (turned[0][0], turned[0][3]) = (0.5, 19.5);
    let turned = Geometry { affine: Some(turned), ..IMAGE };
    let hint = hint.replace(
        "write it anew with the affine of the image",
        "if both affines are right, set `geometry: turn` in the layout",
    );
    let expected = format!(
        "a: a_1.nii.gz: geometry differs: its columns, rows and slices run to RAS, expected LAS, by a_0.nii.gz; both cover the \
         same voxels {hint}"
    );
    assert_eq!(said(Some(&IMAGE), Some(&turned), "false"), [expected]);
}

#[test]
fn real_data_masks_lie_where_their_images_do() {
    let Some(root) = real_data("msd/Task04_Hippocampus") else { return };
    let text = r#"{"images": ["imagesTr/{case}.nii.gz"], "masks": {"files": {"paths": ["labelsTr/{case}.nii.gz"],
        "encoding": {"labels": {"classes": 3}}}}}"#;
    let found = cases(text, &root);
    assert_eq!(found.len(), 260);
    assert!(found.iter().all(|case| case.native.geometry.is_some_and(|geometry| geometry.affine.is_some())));
}
