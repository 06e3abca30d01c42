//! Real files against what pydicom 3.0 with pylibjpeg reads of them (slope and intercept applied by hand).

use std::path::Path;

use super::*;
use crate::fixture::real_data;

type Row = (&'static str, [usize; 4], [f64; 3], [f32; 2], f64, [i32; 7]);

/// File, size, spacing, least and largest value, sum, and seven voxels spread evenly over the file.
#[rustfmt::skip]
const EXPECTED: &[Row] = &[
    ("fixtures/dicom-test-files/data/WG04/JPLL/CT1_JPLL", [1, 512, 512, 1], [5.0, 0.661468, 0.661468], [-3024.0, 1254.0], -228407043.0, [-142, -123, -93, -109, 44, 30, -875]),
    ("fixtures/dicom-test-files/data/WG04/JPLL/MR1_JPLL", [1, 512, 512, 1], [0.8, 0.3125, 0.3125], [0.0, 4000.0], 126140037.0, [175, 191, 705, 290, 152, 910, 349]),
    ("fixtures/dicom-test-files/data/WG04/JPLL/XA1_JPLL", [1, 1024, 1024, 1], [0.0, 0.0, 0.0], [0.0, 504.0], 112478027.0, [0, 122, 102, 0, 107, 67, 0]),
    ("fixtures/dicom-test-files/data/WG04/RLE/CT1_RLE", [1, 512, 512, 1], [5.0, 0.661468, 0.661468], [-3024.0, 1254.0], -228407043.0, [-142, -123, -93, -109, 44, 30, -875]),
    ("fixtures/dicom-test-files/data/WG04/RLE/MR1_RLE", [1, 512, 512, 1], [0.8, 0.3125, 0.3125], [0.0, 4000.0], 126140037.0, [175, 191, 705, 290, 152, 910, 349]),
    ("fixtures/dicom-test-files/data/WG04/RLE/XA1_RLE", [1, 1024, 1024, 1], [0.0, 0.0, 0.0], [0.0, 504.0], 112478027.0, [0, 122, 102, 0, 107, 67, 0]),
    ("fixtures/dicom-test-files/data/pydicom/693_UNCI.dcm", [1, 512, 512, 1], [20.0, 0.478516, 0.478516], [-3995.0, 1812.0], -270617240.0, [-1003, -1121, -946, -915, -859, -968, -941]),
    ("fixtures/dicom-test-files/data/pydicom/693_UNCR.dcm", [1, 512, 512, 1], [20.0, 0.478516, 0.478516], [-3024.0, 1468.0], -271466631.0, [-1002, -999, -966, -994, -920, -966, -955]),
    ("fixtures/dicom-test-files/data/pydicom/CT_small.dcm", [1, 128, 128, 1], [5.0, 0.661468, 0.661468], [-896.0, 1167.0], -1950906.0, [-793, 205, -12, -782, 48, 61, 1]),
    ("fixtures/dicom-test-files/data/pydicom/ExplVR_BigEnd.dcm", [1, 60, 80, 3], [0.0, 0.0, 0.0], [0.0, 255.0], 2470716.0, [0, 255, 255, 0, 255, 255, 0]),
    ("fixtures/dicom-test-files/data/pydicom/MR_small.dcm", [1, 64, 64, 1], [0.8, 0.3125, 0.3125], [127.0, 2145.0], 2125338.0, [281, 360, 330, 956, 359, 212, 162]),
    ("fixtures/dicom-test-files/data/pydicom/MR_small_RLE.dcm", [1, 64, 64, 1], [0.8, 0.3125, 0.3125], [127.0, 2145.0], 2125338.0, [281, 360, 330, 956, 359, 212, 162]),
    ("fixtures/dicom-test-files/data/pydicom/MR_small_bigendian.dcm", [1, 64, 64, 1], [0.8, 0.3125, 0.3125], [127.0, 2145.0], 2125338.0, [281, 360, 330, 956, 359, 212, 162]),
    ("fixtures/dicom-test-files/data/pydicom/MR_small_implicit.dcm", [1, 64, 64, 1], [0.8, 0.3125, 0.3125], [127.0, 2145.0], 2125338.0, [281, 360, 330, 956, 359, 212, 162]),
    ("fixtures/dicom-test-files/data/pydicom/SC_rgb.dcm", [1, 100, 100, 3], [0.0, 1.0, 1.0], [0.0, 255.0], 3831000.0, [255, 255, 128, 255, 0, 64, 255]),
    ("fixtures/dicom-test-files/data/pydicom/SC_rgb_16bit.dcm", [1, 100, 100, 3], [0.0, 1.0, 1.0], [0.0, 65535.0], 984567000.0, [65535, 65535, 32896, 65535, 0, 16448, 65535]),
    ("fixtures/dicom-test-files/data/pydicom/SC_rgb_jpeg_gdcm.dcm", [1, 100, 100, 3], [0.0, 1.0, 1.0], [0.0, 255.0], 3831000.0, [255, 255, 128, 255, 0, 64, 255]),
    ("fixtures/dicom-test-files/data/pydicom/SC_rgb_rle.dcm", [1, 100, 100, 3], [0.0, 1.0, 1.0], [0.0, 255.0], 3831000.0, [255, 255, 128, 255, 0, 64, 255]),
    ("fixtures/dicom-test-files/data/pydicom/SC_rgb_rle_16bit.dcm", [1, 100, 100, 3], [0.0, 1.0, 1.0], [0.0, 65535.0], 984567000.0, [65535, 65535, 32896, 65535, 0, 16448, 65535]),
    ("fixtures/dicom-test-files/data/pydicom/emri_small.dcm", [10, 64, 64, 1], [1.2, 0.0, 0.0], [0.0, 467.0], 4493276.0, [284, 105, 111, 355, 17, 181, 51]),
    ("fixtures/dicom-test-files/data/pydicom/emri_small_RLE.dcm", [10, 64, 64, 1], [1.2, 0.0, 0.0], [0.0, 467.0], 4493276.0, [284, 105, 111, 355, 17, 181, 51]),
    ("fixtures/dicom-test-files/data/pydicom/image_dfl.dcm", [1, 512, 512, 1], [0.0, 0.0, 0.0], [0.0, 255.0], 33322688.0, [90, 77, 184, 164, 148, 106, 115]),
    ("fixtures/dicom-test-files/data/pydicom/liver_1frame.dcm", [1, 512, 512, 1], [1.0, 0.810547, 0.810547], [0.0, 1.0], 36233.0, [0, 0, 0, 0, 0, 0, 0]),
    ("fixtures/monai/CT_DICOM/7106", [1, 16, 16, 1], [1.25, 0.488281, 0.488281], [-981.0, 77.0], -158395.0, [35, -857, -949, -944, -961, -788, 16]),
    ("fixtures/monai/CT_DICOM/7136", [1, 16, 16, 1], [1.25, 0.488281, 0.488281], [77.0, 1360.0], 140192.0, [696, 485, 182, 77, 845, 495, 263]),
    ("fixtures/monai/CT_DICOM/7166", [1, 16, 16, 1], [1.25, 0.488281, 0.488281], [991.0, 1489.0], 360990.0, [1396, 1420, 1456, 1420, 1406, 1408, 1423]),
    ("fixtures/monai/CT_DICOM/7196", [1, 16, 16, 1], [1.25, 0.488281, 0.488281], [498.0, 1399.0], 228448.0, [558, 662, 923, 1252, 766, 948, 1122]),
    ("cardiac/sunnybrook_sample/dicoms/SCD0000101/108.dcm", [1, 256, 256, 1], [10.0, 1.367188, 1.367188], [0.0, 737.0], 3955006.0, [0, 0, 9, 0, 95, 0, 0]),
    ("cardiac/sunnybrook_sample/dicoms/SCD0000301/160.dcm", [1, 256, 256, 1], [8.0, 1.2891, 1.2891], [0.0, 749.0], 5190471.0, [15, 33, 22, 0, 63, 362, 83]),
    ("fixtures/dicom-test-files/data/WG04/J2KR/CT1_J2KR", [1, 512, 512, 1], [5.0, 0.661468, 0.661468], [-3024.0, 1254.0], -228407043.0, [-142, -123, -93, -109, 44, 30, -875]),
    ("fixtures/dicom-test-files/data/WG04/J2KR/MR1_J2KR", [1, 512, 512, 1], [0.8, 0.3125, 0.3125], [0.0, 4000.0], 126140037.0, [175, 191, 705, 290, 152, 910, 349]),
    ("fixtures/dicom-test-files/data/WG04/J2KR/XA1_J2KR", [1, 1024, 1024, 1], [0.0, 0.0, 0.0], [0.0, 504.0], 112478027.0, [0, 122, 102, 0, 107, 67, 0]),
    ("fixtures/dicom-test-files/data/pydicom/693_J2KR.dcm", [1, 512, 512, 1], [20.0, 0.478516, 0.478516], [-3024.0, 1468.0], -271466631.0, [-1002, -999, -966, -994, -920, -966, -955]),
    ("fixtures/dicom-test-files/data/pydicom/JPEG2000.dcm", [1, 1024, 256, 1], [0.0, 2.26, 2.26], [-30.0, 245.0], 3527976.0, [0, 71, 30, -8, 23, 57, 0]),
    ("fixtures/dicom-test-files/data/pydicom/MR_small_jp2klossless.dcm", [1, 64, 64, 1], [0.8, 0.3125, 0.3125], [127.0, 2145.0], 2125338.0, [281, 360, 330, 956, 359, 212, 162]),
];

#[test]
fn real_data_values_are_those_of_pydicom() {
    let Some(root) = real_data("") else { return };
    for (file, size, spacing, [least, largest], sum, voxels) in EXPECTED {
        let raster = crate::formats::open(&root.join(file)).unwrap_or_else(|error| panic!("{file}: {error}"));
        let samples = &raster.samples;
        assert_eq!([raster.slices, raster.height, raster.width, raster.channels], *size, "{file}");
        assert_eq!(raster.geometry.map_or([0.0; 3], |geometry| geometry.spacing), *spacing, "{file}");
        let found = samples.iter().fold([f32::MAX, f32::MIN], |[a, b], value| [a.min(*value), b.max(*value)]);
        assert_eq!(found, [*least, *largest], "{file}");
        let total: f64 = samples.iter().copied().map(f64::from).sum();
        // Decoders round lossy files each in their own way.
        assert!(if raster.lossy { (total / sum - 1.0).abs() < 1e-4 } else { total == *sum }, "{file}: {total}");
        let count = samples.len();
        let some: Vec<i32> = (0..7).map(|at| samples[at * count / 7 + count / 14] as i32).collect();
        assert_eq!(some, voxels, "{file}");
    }
}

#[test]
fn real_data_files_are_read_or_refused_for_a_known_reason() {
    let Some(root) = real_data("fixtures") else { return };
    let mut refused = Vec::new();
    let files = ["dicom-test-files/data", "monai/CT_DICOM"]
        .map(|folder| walkdir::WalkDir::new(root.join(folder)).sort_by_file_name());
    for entry in files.into_iter().flatten().filter_map(Result::ok) {
        let name = entry.file_name().to_string_lossy().into_owned();
        if !entry.file_type().is_file() || name.ends_with(".txt") {
            continue;
        }
        match crate::formats::open(entry.path()) {
            Ok(raster) => assert!(!raster.samples.is_empty(), "{name}"),
            Err(error) => refused.push(format!("{name}: {error}")),
        }
    }
    let reasons = [
        ("JLSL", "compressed by JPEG-LS Lossless Image Compression (1.2.840.10008.1.2.4.80)"),
        ("jpeg_ls_lossless", "compressed by JPEG-LS Lossless Image Compression"),
        ("JPEG-lossy.dcm", "not read: its JPEG frames are lossy and have 12 bits"),
        ("ExplVR_LitEndNoMeta.dcm", "not read: it holds no image (modality: RTPLAN)"),
        ("rtplan.dcm", "not read: it holds no image (modality: RTPLAN)"),
        ("rtstruct.dcm", "not read: it holds no image (modality: RTSTRUCT)"),
        ("MR_truncated.dcm", "the file ends after 9630 bytes"),
        // One stray byte stands before its first element.
        ("no_meta.dcm", "no picture"),
    ];
    let known = |line: &String| reasons.iter().any(|(name, reason)| line.contains(name) && line.contains(reason));
    assert!(refused.iter().all(known), "{refused:#?}");
    assert_eq!(refused.len(), 10, "{refused:#?}");
}

/// The files of a folder, relative to it.
fn listed(root: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(root).expect("the folder is there").filter_map(Result::ok);
    let mut names: Vec<String> = entries.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect();
    names.sort();
    names
}

#[test]
fn real_data_series_is_a_volume_without_the_slice_that_lies_apart() {
    let Some(root) = real_data("fixtures/monai/CT_DICOM") else { return };
    let mut files = listed(&root);
    assert_eq!(files.len(), 4);
    let message = Series::of(&root, &files).expect_err("it has a gap").to_string();
    assert_eq!(message, "it is 202.500 mm from 7106, and most slices are 1.250 mm apart");
    files.retain(|file| file != "7106");
    let volume = Series::of(&root, &files).expect("it is a volume");
    assert_eq!(volume.header().map(|header| header.slices), Some(3));
    let geometry = volume.geometry().expect("it has a place");
    assert!((geometry.spacing[0] - 1.25).abs() < 1e-6, "{geometry:?}");
    assert_eq!(geometry.affine.map(|lines| lines.map(|line| line[3])), Some([125.0, 128.100_006, 103.019_997]));
}

#[test]
fn real_data_phases_of_one_slice_are_no_volume_but_slices_are_placed() {
    let Some(root) = real_data("cardiac/sunnybrook_sample/dicoms") else { return };
    let patient = root.join("SCD0000301");
    assert!(matches!(Series::of(&patient, &listed(&patient)), Err(SeriesError::Duplicate { .. })));
    let raster = crate::formats::open(&root.join("SCD0000301/160.dcm")).expect("the file is good");
    let expected =
        [[-0.9181, 0.3967, 5.0473, -6.5717], [-0.9038, -0.3452, -5.2868, 236.674], [-0.0443, -1.177, 3.2518, 88.4211]];
    let affine = raster.geometry.and_then(|geometry| geometry.affine).expect("the file says where it lies");
    for (found, expected) in affine.as_flattened().iter().zip(expected.as_flattened()) {
        assert!((found - expected).abs() < 1e-4, "{affine:?}");
    }
}

#[test]
fn real_data_changed_bytes_never_panic() {
    let Some(root) = real_data("fixtures/dicom-test-files/data/pydicom") else { return };
    let files = [
        ("MR_small_jp2klossless.dcm", 100),
        ("JPEG2000.dcm", 5),
        ("SC_rgb_jpeg_gdcm.dcm", 500),
        ("SC_rgb_rle_16bit.dcm", 500),
        ("JPEG-lossy.dcm", 500),
        ("rtstruct.dcm", 500),
    ];
    for (file, times) in files {
        hostile::check_changed(&std::fs::read(root.join(file)).expect("the file can be read"), times);
    }
}
