//! Real NIfTI files against what nibabel 5.4.2 reads from them; `tests/compare/nifti.py` prints the table.
//! It does not know how files are built (that is `tests.rs`).

use std::io::Read as _;
use std::path::Path;

use super::Voxels;
use crate::fixture::real_data;
use crate::formats::gzip::{self, Inside};
use crate::formats::{self, Header, Raster};

/// Which of sform and qform a file is left with.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Codes {
    Both,
    Qform,
    Neither,
}

struct Row {
    file: &'static str,
    codes: Codes,
    /// Columns, rows, slices, volumes.
    shape: [usize; 4],
    spacing: [f64; 3],
    affine: [[f64; 4]; 3],
    sum: f64,
    voxels: [([usize; 4], f64); 3],
}

/// Gives the bytes without gzip, and without the codes that are not wanted.
fn bytes(path: &Path, codes: Codes) -> Vec<u8> {
    let mut bytes = std::fs::read(path).expect("the file is there");
    if codes == Codes::Both {
        return bytes;
    }
    if gzip::is_gzip(&bytes) {
        let mut inside = Vec::new();
        Inside::of(&bytes).read_to_end(&mut inside).expect("the file is good");
        bytes = inside;
    }
    let (qform, size) = if bytes.starts_with(&540_u32.to_le_bytes()) { (344, 4) } else { (252, 2) };
    let from = if codes == Codes::Neither { qform } else { qform + size };
    bytes[from..qform + 2 * size].fill(0);
    bytes
}

#[track_caller]
fn near(found: f64, expected: f64, what: &str) {
    assert!((found - expected).abs() <= 1e-9 * expected.abs().max(1.0), "{what}: {found}, not {expected}");
}

fn sample(raster: &Raster, [i, j, k, t]: [usize; 4]) -> f64 {
    raster.samples[((k * raster.height + j) * raster.width + i) * raster.channels + t].into()
}

#[test]
fn real_data_is_what_nibabel_reads() {
    let Some(root) = real_data("") else { return };
    for Row { file, codes, shape, spacing, affine, sum, voxels } in ROWS {
        let what = format!("{file}, {codes:?}");
        let raster =
            formats::decode(&bytes(&root.join(file), *codes)).unwrap_or_else(|error| panic!("{what}: {error}"));
        assert_eq!([raster.width, raster.height, raster.slices, raster.channels], *shape, "{what}");
        let found = raster.geometry.expect("NIfTI has geometry");
        assert_eq!(found.spacing, *spacing, "{what}");
        // nibabel makes one up where the file tells none.
        assert_eq!(found.affine.is_some(), *codes != Codes::Neither, "{what}");
        let found = found.affine.unwrap_or(*affine);
        for (found, expected) in found.as_flattened().iter().zip(affine.as_flattened()) {
            near(*found, *expected, &what);
        }
        near(raster.samples.iter().copied().map(f64::from).sum(), *sum, &what);
        for (at, value) in voxels {
            assert_eq!(sample(&raster, *at), *value, "{what} at {at:?}");
        }
        let head = formats::header(&root.join(file)).expect("the file was read");
        assert_eq!(head, Header { slices: raster.slices, height: raster.height, width: raster.width });
    }
}

#[test]
fn real_data_stays_the_same_when_written_and_read() {
    let Some(root) = real_data("") else { return };
    for Row { file, shape: [width, height, slices, channels], .. } in ROWS {
        let before = formats::open(&root.join(file)).expect("the file is good");
        let shape = [*slices, *height, *width, *channels];
        let written = super::write(Voxels::Values(&before.samples), shape, before.geometry.as_ref());
        let after = formats::decode(&written.expect("the sides are short")).expect("it was just written");
        assert_eq!(after, Raster { full_scale: None, ..before }, "{file}");
    }
}

#[test]
fn real_data_halves_of_pairs_are_refused() {
    let Some(root) = real_data("fixtures/nibabel") else { return };
    let pair = "this NIfTI file is not read: it is the header of a pair, the voxels are in the .img file beside it; convert the \
                pair to .nii.gz";
    let analyze =
        "this NIfTI file is not read: it is Analyze 7.5, which does not tell left from right; convert it to .nii.gz";
    for (file, expected) in [("nifti1.hdr", pair), ("nifti2.hdr", pair), ("analyze.hdr", analyze)] {
        let error = formats::open(&root.join(file)).expect_err("it has no voxels");
        assert_eq!(error.to_string(), expected, "{file}");
        assert_eq!(formats::header(&root.join(file)).expect_err("it has no voxels").to_string(), expected, "{file}");
    }
}

const ROWS: &[Row] = &[
    Row {
        file: "fixtures/nibabel/anatomical.nii",
        codes: Codes::Both,
        shape: [33, 41, 25, 1],
        spacing: [2.0, 2.0, 2.0],
        affine: [[-2.0, 0.0, 0.0, 32.0], [0.0, 2.0, 0.0, -40.0], [0.0, 0.0, 2.0, -16.0]],
        sum: 284166082.0,
        voxels: [([17, 23, 0, 0], 30393.0), ([11, 13, 8, 0], 10168.0), ([32, 40, 24, 0], 2971.0)],
    },
    Row {
        file: "fixtures/nibabel/example4d.nii.gz",
        codes: Codes::Both,
        shape: [128, 96, 24, 2],
        spacing: [2.199999, 2.0, 2.0],
        affine: [
            [-2.0, 6.714715653593746e-19, 9.081024511081715e-18, 117.8551025390625],
            [-6.714715653593746e-19, 1.9737114906311035, -0.35552823543548584, -35.72294235229492],
            [8.25548088896093e-18, 0.3232076168060303, 2.171081781387329, -7.248798370361328],
        ],
        sum: 101985356.0,
        voxels: [([64, 49, 0, 0], 1162.0), ([42, 32, 8, 0], 474.0), ([127, 95, 23, 1], 0.0)],
    },
    Row {
        file: "fixtures/nibabel/example4d.nii.gz",
        codes: Codes::Qform,
        shape: [128, 96, 24, 2],
        spacing: [2.199999, 2.0, 2.0],
        affine: [
            [-2.0, 7.754818083349146e-26, -6.938240866840628e-27, 117.8551025390625],
            [7.754818083349146e-26, 1.9737114380100416, -0.3555282251099068, -35.72294235229492],
            [6.307494294641728e-27, 0.3232076104740321, 2.1710816877290404, -7.248798370361328],
        ],
        sum: 101985356.0,
        voxels: [([64, 49, 0, 0], 1162.0), ([42, 32, 8, 0], 474.0), ([127, 95, 23, 1], 0.0)],
    },
    Row {
        file: "fixtures/nibabel/example_nifti2.nii.gz",
        codes: Codes::Both,
        shape: [32, 20, 12, 2],
        spacing: [2.199999, 2.0, 2.0],
        affine: [
            [-2.0, 6.714715653593746e-19, 9.081024511081715e-18, 117.8551025390625],
            [-6.714715653593746e-19, 1.9737114906311035, -0.35552823543548584, -35.72294235229492],
            [8.25548088896093e-18, 0.3232076168060303, 2.171081781387329, -7.248798370361328],
        ],
        sum: 6926802.0,
        voxels: [([17, 16, 4, 1], 757.0), ([10, 6, 4, 0], 420.0), ([31, 19, 11, 1], 457.0)],
    },
    Row {
        file: "fixtures/nibabel/example_nifti2.nii.gz",
        codes: Codes::Qform,
        shape: [32, 20, 12, 2],
        spacing: [2.199999, 2.0, 2.0],
        affine: [
            [-1.999999995978187, 1.0282396754185892e-05, 0.00013905980362440367, 117.8551025390625],
            [-1.0282396754185892e-05, 1.9737114380364735, -0.3555282247524397, -35.72294235229492],
            [0.00012641805535562603, 0.32320761014906196, 2.1710816833341227, -7.248798370361328],
        ],
        sum: 6926802.0,
        voxels: [([17, 16, 4, 1], 757.0), ([10, 6, 4, 0], 420.0), ([31, 19, 11, 1], 457.0)],
    },
    Row {
        file: "fixtures/nibabel/example_nifti2.nii.gz",
        codes: Codes::Neither,
        shape: [32, 20, 12, 2],
        spacing: [2.199999, 2.0, 2.0],
        affine: [[-2.0, 0.0, 0.0, 31.0], [0.0, 2.0, 0.0, -19.0], [0.0, 0.0, 2.1999990940093994, -12.099995017051697]],
        sum: 6926802.0,
        voxels: [([17, 16, 4, 1], 757.0), ([10, 6, 4, 0], 420.0), ([31, 19, 11, 1], 457.0)],
    },
    Row {
        file: "fixtures/nibabel/functional.nii",
        codes: Codes::Both,
        shape: [17, 21, 3, 20],
        spacing: [8.0, 4.0, 4.0],
        affine: [[-4.0, 0.0, 0.0, 32.0], [0.0, 4.0, 0.0, -40.0], [0.0, 0.0, 8.0, 0.0]],
        sum: 77913290.39703369,
        voxels: [
            ([7, 12, 1, 12], 5571.6220703125),
            ([5, 7, 1, 6], 3869.912841796875),
            ([16, 20, 2, 19], 3129.341064453125),
        ],
    },
    Row {
        file: "fixtures/nibabel/functional.nii",
        codes: Codes::Qform,
        shape: [17, 21, 3, 20],
        spacing: [8.0, 4.0, 4.0],
        affine: [[-4.0, 0.0, 0.0, 32.0], [0.0, 4.0, 0.0, -40.0], [0.0, 0.0, 8.0, 0.0]],
        sum: 77913290.39703369,
        voxels: [
            ([7, 12, 1, 12], 5571.6220703125),
            ([5, 7, 1, 6], 3869.912841796875),
            ([16, 20, 2, 19], 3129.341064453125),
        ],
    },
    Row {
        file: "fixtures/nibabel/reoriented_anat_moved.nii",
        codes: Codes::Both,
        shape: [21, 26, 22, 1],
        spacing: [4.0, 4.0, 4.0],
        affine: [
            [4.0, 0.0, 0.0, -35.29789733886719],
            [0.0, 4.0, 0.0, -47.97758483886719],
            [0.0, 0.0, 4.0, -27.599409103393555],
        ],
        sum: 32739769.449157715,
        voxels: [([12, 15, 4, 0], 21199.935546875), ([7, 8, 7, 0], 10534.6240234375), ([20, 25, 21, 0], 0.0)],
    },
    Row {
        file: "fixtures/nibabel/standard.nii.gz",
        codes: Codes::Both,
        shape: [4, 5, 7, 1],
        spacing: [2.0, 3.0, 1.0],
        affine: [[1.0, 0.0, 0.0, 0.0], [0.0, 3.0, 0.0, 0.0], [0.0, 0.0, 2.0, 0.0]],
        sum: 7650.0,
        voxels: [([0, 0, 1, 0], 255.0), ([1, 1, 2, 0], 0.0), ([3, 4, 6, 0], 255.0)],
    },
    Row {
        file: "fixtures/nibabel/standard.nii.gz",
        codes: Codes::Neither,
        shape: [4, 5, 7, 1],
        spacing: [2.0, 3.0, 1.0],
        affine: [[-1.0, 0.0, 0.0, 1.5], [0.0, 3.0, 0.0, -6.0], [0.0, 0.0, 2.0, -6.0]],
        sum: 7650.0,
        voxels: [([0, 0, 1, 0], 255.0), ([1, 1, 2, 0], 0.0), ([3, 4, 6, 0], 255.0)],
    },
    Row {
        file: "fixtures/monai/anatomical_label.nii.gz",
        codes: Codes::Both,
        shape: [33, 41, 25, 1],
        spacing: [2.0, 2.0, 2.0],
        affine: [[-2.0, 0.0, 0.0, 32.0], [0.0, 2.0, 0.0, -40.0], [0.0, 0.0, 2.0, -16.0]],
        sum: 330.0,
        voxels: [([7, 4, 12, 0], 1.0), ([11, 13, 8, 0], 0.0), ([32, 40, 24, 0], 0.0)],
    },
    Row {
        file: "fixtures/monai/reoriented_anat_moved_label.nii.gz",
        codes: Codes::Both,
        shape: [21, 26, 22, 1],
        spacing: [4.0, 4.0, 4.0],
        affine: [
            [4.0, 0.0, 0.0, -35.29789733886719],
            [0.0, 4.0, 0.0, -47.97758483886719],
            [0.0, 0.0, 4.0, -27.599411010742188],
        ],
        sum: 75.0,
        voxels: [([5, 18, 9, 0], 1.0), ([7, 8, 7, 0], 0.0), ([20, 25, 21, 0], 0.0)],
    },
    Row {
        file: "msd/Task04_Hippocampus/imagesTr/hippocampus_001.nii.gz",
        codes: Codes::Both,
        shape: [35, 51, 35, 1],
        spacing: [1.0, 1.0, 1.0],
        affine: [[1.0, 0.0, 0.0, 1.0], [0.0, 1.0, 0.0, 1.0], [0.0, 0.0, 1.0, 1.0]],
        sum: 3968524.0,
        voxels: [([34, 50, 3, 0], 139.0), ([11, 17, 11, 0], 39.0), ([34, 50, 34, 0], 12.0)],
    },
    Row {
        file: "msd/Task04_Hippocampus/imagesTr/hippocampus_003.nii.gz",
        codes: Codes::Both,
        shape: [34, 52, 35, 1],
        spacing: [1.0, 1.0, 1.0],
        affine: [[1.0, 0.0, 0.0, 1.0], [0.0, 1.0, 0.0, 1.0], [0.0, 0.0, 1.0, 1.0]],
        sum: 29866089.86869049,
        voxels: [
            ([29, 49, 5, 0], 2776.880126953125),
            ([11, 17, 11, 0], 262.1946716308594),
            ([33, 51, 34, 0], 381.37408447265625),
        ],
    },
    Row {
        file: "msd/Task04_Hippocampus/labelsTr/hippocampus_003.nii.gz",
        codes: Codes::Both,
        shape: [34, 52, 35, 1],
        spacing: [1.0, 1.0, 1.0],
        affine: [[1.0, 0.0, 0.0, 1.0], [0.0, 1.0, 0.0, 1.0], [0.0, 0.0, 1.0, 1.0]],
        sum: 5156.0,
        voxels: [([6, 18, 17, 0], 2.0), ([11, 17, 11, 0], 0.0), ([33, 51, 34, 0], 0.0)],
    },
    Row {
        file: "msd/Task04_Hippocampus/labelsTr/hippocampus_243.nii.gz",
        codes: Codes::Both,
        shape: [34, 53, 24, 1],
        spacing: [1.0, 1.0, 1.0],
        affine: [[1.0, 0.0, 0.0, 1.0], [0.0, 1.0, 0.0, 1.0], [0.0, 0.0, 1.0, 1.0]],
        sum: 4491.0,
        voxels: [([5, 24, 10, 0], 2.0), ([11, 17, 8, 0], 2.0), ([33, 52, 23, 0], 0.0)],
    },
];
