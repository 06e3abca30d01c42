//! NIfTI files built here: every sample type and order, oddities, damage, and what is written read again.
//! It does not know real files (that is `real.rs`).

use std::io::Write as _;

use super::{TooLong, Voxels, write};
use crate::formats::{self, FormatError, Geometry, Header, Raster, Space};

/// What a test file is made of; the fields that tests set have the names of the standard.
#[derive(Clone)]
struct File {
    second: bool,
    big: bool,
    dim: [i64; 8],
    datatype: i16,
    pixdim: [f64; 4],
    scale: [f64; 2],
    units: u8,
    codes: [i16; 2],
    quaternion: [f64; 3],
    srow: [[f64; 4]; 3],
    /// Bytes of extensions.
    extra: usize,
    voxels: Vec<u8>,
}

/// Two columns, three rows, one slice of uint8.
fn small() -> File {
    File {
        second: false,
        big: false,
        dim: [3, 2, 3, 1, 1, 1, 1, 1],
        datatype: 2,
        pixdim: [1.0, 0.5, 2.0, 4.0],
        scale: [0.0, 0.0],
        units: 2,
        codes: [0, 0],
        quaternion: [0.0; 3],
        srow: [[0.0; 4]; 3],
        extra: 0,
        voxels: vec![1, 2, 3, 4, 5, 255],
    }
}

impl File {
    fn bytes(&self) -> Vec<u8> {
        let start = if self.second { 544 } else { 352 } + self.extra;
        let mut bytes = vec![0; start];
        let order = |mut value: Vec<u8>| {
            if self.big {
                value.reverse();
            }
            value
        };
        let mut put = |at: usize, value: Vec<u8>| bytes[at..at + value.len()].copy_from_slice(&order(value));
        let (int, float) = if self.second { (8, 8) } else { (2, 4) };
        let ints = |value: i64| value.to_le_bytes()[..int].to_vec();
        let floats =
            |value: f64| if float == 8 { value.to_le_bytes().to_vec() } else { (value as f32).to_le_bytes().to_vec() };
        let at = if self.second { [0, 16, 12, 104, 176, 352, 400] } else { [0, 40, 70, 76, 112, 256, 280] };
        put(at[0], if self.second { 540_i32 } else { 348 }.to_le_bytes().to_vec());
        (0..8).for_each(|axis| put(at[1] + axis * int, ints(self.dim[axis])));
        put(at[2], self.datatype.to_le_bytes().to_vec());
        (0..4).for_each(|axis| put(at[3] + axis * float, floats(self.pixdim[axis])));
        (0..2).for_each(|which| put(at[4] + which * float, floats(self.scale[which])));
        (0..3).for_each(|which| put(at[5] + which * float, floats(self.quaternion[which])));
        (0..12).for_each(|which| put(at[6] + which * float, floats(self.srow[which / 4][which % 4])));
        if self.second {
            put(168, (start as i64).to_le_bytes().to_vec());
            put(500, i32::from(self.units).to_le_bytes().to_vec());
            (0..2).for_each(|which| put(344 + which * 4, i32::from(self.codes[which]).to_le_bytes().to_vec()));
            bytes[4..12].copy_from_slice(b"n+2\0\r\n\x1a\n");
        } else {
            put(108, floats(start as f64));
            put(123, vec![self.units]);
            (0..2).for_each(|which| put(252 + which * 2, self.codes[which].to_le_bytes().to_vec()));
            bytes[344..348].copy_from_slice(b"n+1\0");
        }
        [bytes, self.voxels.clone()].concat()
    }
}

fn packed(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    encoder.write_all(bytes).expect("writing to memory works");
    encoder.finish().expect("writing to memory works")
}

#[track_caller]
fn read(file: &File) -> Raster {
    let bytes = file.bytes();
    let raster = formats::decode(&bytes).expect("the file is good");
    assert_eq!(formats::decode(&packed(&bytes)).expect("the file is good"), raster);
    raster
}

#[track_caller]
fn refused(file: &File) -> FormatError {
    let bytes = file.bytes();
    let error = formats::decode(&bytes).expect_err("it cannot be read");
    let within = formats::decode(&packed(&bytes)).expect_err("it cannot be read");
    assert_eq!(std::mem::discriminant(&error), std::mem::discriminant(&within), "{error}; {within}");
    error
}

/// Reads two samples of a type in both versions and orders.
#[track_caller]
fn check<const N: usize>(datatype: i16, values: [[u8; N]; 2], full_scale: Option<f32>, expected: [f32; 2]) {
    for (second, big) in [(false, false), (false, true), (true, false), (true, true)] {
        let ordered = values.map(|mut value| {
            if big {
                value.reverse();
            }
            value
        });
        let dim = [1, 2, 0, 0, 0, 0, 0, 0];
        let file = File { second, big, dim, datatype, voxels: ordered.as_flattened().to_vec(), ..small() };
        let raster = read(&file);
        assert_eq!(
            (raster.samples.as_slice(), raster.full_scale),
            (expected.as_slice(), full_scale),
            "{second}, {big}"
        );
        // An intercept of 1 over a slope of 2: a scaled sample has no full scale.
        let raster = read(&File { scale: [2.0, 1.0], ..file });
        let scaled = expected.map(|value| (f64::from(value) * 2.0 + 1.0) as f32);
        assert_eq!((raster.samples.as_slice(), raster.full_scale), (scaled.as_slice(), None), "{second}, {big}");
    }
}

#[test]
fn every_number_is_read_in_both_orders() {
    check(2, [7_u8, 255].map(u8::to_le_bytes), Some(255.0), [7.0, 255.0]);
    check(256, [7_i8, -128].map(i8::to_le_bytes), None, [7.0, -128.0]);
    check(512, [7_u16, 65535].map(u16::to_le_bytes), Some(65535.0), [7.0, 65535.0]);
    check(4, [7_i16, -300].map(i16::to_le_bytes), None, [7.0, -300.0]);
    check(768, [7_u32, 1 << 31].map(u32::to_le_bytes), None, [7.0, 2_147_483_648.0]);
    check(8, [7_i32, -70_000].map(i32::to_le_bytes), None, [7.0, -70_000.0]);
    check(1280, [7_u64, 1 << 40].map(u64::to_le_bytes), None, [7.0, 1_099_511_627_776.0]);
    check(1024, [7_i64, -(1 << 40)].map(i64::to_le_bytes), None, [7.0, -1_099_511_627_776.0]);
    check(16, [0.1_f32, -1e30].map(f32::to_le_bytes), None, [0.1, -1e30]);
    check(64, [0.5_f64, -1e30].map(f64::to_le_bytes), None, [0.5, -1e30]);
}

#[test]
fn colours_are_channels() {
    let rgb = File { dim: [2, 2, 1, 0, 0, 0, 0, 0], datatype: 128, scale: [2.0, 1.0], ..small() };
    let raster = read(&rgb);
    assert_eq!((raster.channels, raster.alpha, raster.full_scale), (3, false, Some(255.0)));
    assert_eq!(raster.samples, [1.0, 2.0, 3.0, 4.0, 5.0, 255.0]);
    let rgba = File { dim: [2, 1, 1, 0, 0, 0, 0, 0], datatype: 2304, voxels: vec![9, 8, 7, 6], ..small() };
    let raster = read(&rgba);
    assert_eq!((raster.channels, raster.alpha, raster.samples), (4, true, vec![9.0, 8.0, 7.0, 6.0]));
}

#[test]
fn volumes_become_channels() {
    for dim in [[4, 1, 1, 3, 2, 1, 1, 1], [5, 1, 1, 3, 1, 2, 1, 1], [7, 1, 1, 3, 1, 1, 1, 2]] {
        let raster = read(&File { dim, ..small() });
        assert_eq!((raster.slices, raster.height, raster.width, raster.channels), (3, 1, 1, 2));
        assert_eq!(raster.samples, [1.0, 4.0, 2.0, 5.0, 3.0, 255.0]);
    }
    // What lies behind the number of dimensions is not looked at.
    assert_eq!(read(&File { dim: [2, 2, 3, 0, -1, 9, 0, 0], ..small() }).slices, 1);
}

#[test]
fn a_slope_of_zero_or_none_is_no_scale() {
    for slope in [0.0, f64::NAN, f64::INFINITY] {
        let raster = read(&File { scale: [slope, 5.0], ..small() });
        assert_eq!((raster.samples[0], raster.full_scale), (1.0, Some(255.0)));
    }
    assert_eq!(read(&File { scale: [1.0, 0.0], ..small() }).full_scale, Some(255.0));
    let error = refused(&File { scale: [2.0, f64::NAN], ..small() }).to_string();
    assert_eq!(error, "the NIfTI data are damaged: scl_slope is 2, but scl_inter is NaN");
}

#[test]
fn the_sform_precedes_the_qform_and_units_are_millimetres() {
    let srow = [[0.0, 3.0, 0.0, 4.0], [5.0, 0.0, 0.0, 6.0], [0.0, 0.0, 7.0, 8.0]];
    let half_turn = [1.0, 0.0, 0.0];
    let file = File { srow, quaternion: half_turn, pixdim: [-1.0, 0.5, 2.0, -4.0], codes: [1, 2], ..small() };
    let geometry = |file: &File| read(file).geometry.expect("NIfTI has geometry");
    let aligned = Space(2);
    assert_eq!(geometry(&file), Geometry { space: aligned, ..Geometry::new([4.0, 2.0, 0.5], Some(srow)) });
    let qform = [[0.5, 0.0, 0.0, 0.0], [0.0, -2.0, 0.0, 0.0], [0.0, 0.0, 4.0, 0.0]];
    assert_eq!(geometry(&File { codes: [1, 0], ..file.clone() }).affine, Some(qform));
    assert_eq!(geometry(&File { codes: [0, 0], ..file.clone() }), Geometry::new([4.0, 2.0, 0.5], None));
    let metres = geometry(&File { units: 1 + 8, ..file.clone() });
    assert_eq!(
        (metres.spacing, metres.affine.map(|rows| rows[1])),
        ([4000.0, 2000.0, 500.0], Some([5000.0, 0.0, 0.0, 6000.0]))
    );
    assert_eq!(geometry(&File { units: 3, ..file.clone() }).spacing, [4.0, 2.0, 0.5].map(|side| side * 0.001));
    // What 32 bits can hold of 0.1 is 0.10000000149011612.
    let decimal = |units, second| {
        geometry(&File { pixdim: [1.0, 0.1, 0.7, 390.625], units, second, codes: [0, 0], ..small() }).spacing
    };
    assert_eq!([decimal(2, false), decimal(2, true)], [[390.625, 0.7, 0.1]; 2]);
    assert_eq!(decimal(3, false), [0.390_625, 0.000_7, 0.000_1]);
    // A picture says nothing of slices, and a side of 0 says nothing at all.
    let flat = geometry(&File { dim: [2, 2, 3, 1, 1, 1, 1, 1], pixdim: [1.0, 0.0, 2.0, 4.0], ..small() });
    assert_eq!(flat, Geometry::new([0.0, 2.0, 0.0], None));
    assert!(matches!(refused(&File { pixdim: [1.0, f64::NAN, 1.0, 1.0], ..file }), FormatError::Damaged { .. }));
}

#[test]
fn nonsense_is_refused() {
    let reason = |file: &File| refused(file).to_string();
    let damaged = |reason: &str| format!("the NIfTI data are damaged: {reason}");
    let dim = |dim: [i64; 4]| File { dim: [dim[0], dim[1], dim[2], dim[3], 1, 1, 1, 1], second: true, ..small() };
    assert_eq!(reason(&dim([0, 2, 3, 1])), damaged("the number of dimensions is 0, not 1 to 7"));
    assert_eq!(reason(&dim([8, 2, 3, 1])), damaged("the number of dimensions is 8, not 1 to 7"));
    assert_eq!(reason(&dim([3, 2, 0, 1])), damaged("dim[2] is 0"));
    assert_eq!(reason(&dim([3, -2, 3, 1])), damaged("dim[1] is -2"));
    assert!(matches!(refused(&dim([3, i64::MAX, i64::MAX, 3])), FormatError::TooLarge { .. }));
    assert!(matches!(refused(&dim([3, 1 << 10, 1 << 10, 1 << 8])), FormatError::Truncated { .. }));
    let long = File { dim: [4, 1 << 10, 1 << 10, 1 << 7, 3, 1, 1, 1], ..small() };
    let large = "the header says 1024x1024x384 pixels, and at most 268435456 (2^28, for instance 640x640x655) are read of one file; crop it";
    assert!(reason(&long).starts_with(large), "{}", reason(&long));
    let mut within = small().bytes();
    within[108..112].copy_from_slice(&348_f32.to_le_bytes());
    let error = formats::decode(&within).expect_err("the voxels cannot start there").to_string();
    assert_eq!(error, damaged("vox_offset is 348, within the header of 352 bytes"));
    assert!(matches!(refused(&File { datatype: 3, ..small() }), FormatError::Damaged { .. }));
    for datatype in [1, 32, 1536, 1792, 2048] {
        assert!(matches!(refused(&File { datatype, ..small() }), FormatError::UnsupportedKind { .. }));
    }
    let series = File { dim: [5, 1, 1, 1, 2, 3, 1, 1], ..small() };
    assert!(reason(&series).ends_with("is longer than 1 ([2, 3, 1, 1]); save one volume or one series as one file"));
    let mut text = File { second: true, ..small() }.bytes();
    text.remove(8);
    assert_eq!(
        formats::decode(&text).expect_err("\\r is gone").to_string(),
        damaged("a text-mode transfer has changed line ends")
    );
}

#[test]
fn extensions_are_skipped() {
    assert_eq!(read(&File { extra: 16_400, ..small() }).samples[5], 255.0);
    let second = File { second: true, extra: 16, ..small() };
    assert_eq!(read(&second).samples[5], 255.0);
    let mut bytes = second.bytes();
    bytes[168..176].copy_from_slice(&i64::MAX.to_le_bytes());
    assert!(matches!(formats::decode(&bytes), Err(FormatError::Truncated { .. })));
    assert!(matches!(formats::decode(&packed(&bytes)), Err(FormatError::Truncated { .. })));
}

#[test]
fn a_file_cut_anywhere_is_truncated() {
    for second in [false, true] {
        let bytes = File { second, ..small() }.bytes();
        for bytes in [packed(&bytes), bytes] {
            for length in 4..bytes.len() {
                let found = formats::decode(&bytes[..length]);
                assert!(matches!(found, Err(FormatError::Truncated { .. })), "{length} of {}: {found:?}", bytes.len());
            }
        }
    }
}

#[test]
fn changed_bytes_never_panic() {
    use rand::RngExt as _;
    let mut random = rand_pcg::Pcg64Mcg::new(7);
    for second in [false, true] {
        let plain = File { second, codes: [1, 0], dim: [4, 1, 3, 1, 2, 1, 1, 1], ..small() }.bytes();
        for bytes in [packed(&plain), plain] {
            for _ in 0..2000 {
                let mut changed = bytes.clone();
                let at = random.random_range(0..changed.len());
                changed[at] = random.random();
                if let Ok(raster) = formats::decode(&changed) {
                    assert_eq!(raster.samples.len(), raster.slices * raster.height * raster.width * raster.channels);
                }
            }
        }
    }
}

/// Gives bytes that gzip makes no shorter.
fn noise(count: usize) -> Vec<u8> {
    use rand::RngExt as _;
    let mut random = rand_pcg::Pcg64Mcg::new(3);
    (0..count).map(|_| random.random()).collect()
}

#[test]
fn a_header_needs_only_the_first_bytes() {
    let file = File { dim: [4, 40, 50, 60, 2, 1, 1, 1], voxels: noise(240_000), ..small() };
    let folder = crate::fixture::DataFolder::new();
    folder.file("a.nii", &file.bytes()).file("b.nii.gz", &packed(&file.bytes()));
    for name in ["a.nii", "b.nii.gz"] {
        let path = folder.path().join(name);
        let long = std::fs::metadata(&path).expect("it was written").len() > 1 << 16;
        let head = formats::header(&path).expect("the file is good");
        assert!(long && head == Header { slices: 60, height: 50, width: 40 }, "{name}: {head}");
    }
}

#[track_caller]
fn write_and_read(voxels: Voxels<'_>, shape: [usize; 4], geometry: Option<&Geometry>) -> Raster {
    let bytes = write(voxels, shape, geometry).expect("the sides are short");
    assert_eq!(write(voxels, shape, geometry).expect("the sides are short"), bytes);
    assert_eq!(bytes[..10], [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255], "no name and no time");
    formats::decode(&bytes).expect("it was just written")
}

#[test]
fn what_is_written_is_read_again() {
    let affine = [[0.0, 0.0, 2.0, 7.0], [0.5, 0.0, 0.0, -80.25], [0.0, -1.5, 0.0, 3.0]];
    let geometry = Geometry::new([2.0, 1.5, 0.5], Some(affine));
    let labels = [0, 1, 2, 3, 4, 255];
    let raster = write_and_read(Voxels::Labels(&labels), [3, 2, 1, 1], Some(&geometry));
    assert_eq!((raster.slices, raster.height, raster.width, raster.channels), (3, 2, 1, 1));
    assert_eq!((raster.samples, raster.full_scale), (labels.map(f32::from).to_vec(), Some(255.0)));
    assert_eq!(raster.geometry, Some(geometry));
    let values: Vec<f32> = (0..60_000).map(|at| at as f32 * 0.37 - 3.0).collect();
    let raster = write_and_read(Voxels::Values(&values), [20, 30, 50, 2], Some(&geometry));
    assert_eq!((raster.channels, raster.full_scale, raster.geometry), (2, None, Some(geometry)));
    assert_eq!(raster.samples, values);
    let raster = write_and_read(Voxels::Labels(&labels), [1, 2, 3, 1], None);
    assert_eq!(raster.geometry.map(|geometry| geometry.spacing), Some([1.0; 3]));
    assert_eq!(write(Voxels::Labels(&[0; 40_000]), [1, 1, 40_000, 1], None), Err(TooLong(40_000)));
}

#[test]
fn what_a_file_says_of_space_comes_back_in_millimetres() {
    let srow = [[-0.002, 0.0, 0.0, 0.09], [0.0, 0.002, 0.0, -0.126], [0.0, 0.0, 0.003, -0.072]];
    let metres = File { srow, codes: [1, 4], units: 1, pixdim: [1.0, 0.002, 0.002, 0.003], second: true, ..small() };
    let microns = File {
        srow: srow.map(|row| row.map(|value| value * 1e6)),
        units: 3,
        pixdim: [1.0, 2e3, 2e3, 3e3],
        ..metres.clone()
    };
    for file in [metres, microns] {
        let geometry = read(&file).geometry.expect("NIfTI has geometry");
        let bytes = write(Voxels::Labels(&[1; 6]), [1, 3, 2, 1], Some(&geometry)).expect("the sides are short");
        let written = super::gzip::start(&bytes, 1 << 10).expect("it was just written");
        assert_eq!((written[123], &written[252..256]), (2, [4, 0, 4, 0].as_slice()));
        let again = formats::decode(&bytes).expect("it was just written").geometry.expect("NIfTI has geometry");
        assert_eq!(again.space, Space(4));
        let apart = |one: &[f64], other: &[f64]| one.iter().zip(other).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max);
        let expected = [[-2.0, 0.0, 0.0, 90.0], [0.0, 2.0, 0.0, -126.0], [0.0, 0.0, 3.0, -72.0]];
        let affine = again.affine.expect("it has one");
        assert!(apart(affine.as_flattened(), expected.as_flattened()) < 1e-5, "{affine:?}");
        assert!(apart(&again.spacing, &[3.0, 2.0, 2.0]) < 1e-6, "{:?}", again.spacing);
    }
}

/// Gives the file without gzip and without its sform, so that the qform is read.
fn only_qform(geometry: &Geometry) -> (i16, Option<[[f64; 4]; 3]>) {
    let bytes = write(Voxels::Labels(&[1]), [1, 1, 1, 1], Some(geometry)).expect("the sides are short");
    let mut bytes = super::gzip::start(&bytes, 1 << 10).expect("it was just written");
    bytes[254] = 0;
    let raster = formats::decode(&bytes).expect("the file is good");
    (i16::from_le_bytes([bytes[252], bytes[253]]), raster.geometry.and_then(|geometry| geometry.affine))
}

#[test]
fn the_written_qform_is_the_affine() {
    // Turns of every kind, so that each of the four numbers is the largest once, and mirrored ones.
    for (turn, mirror) in (0..64).flat_map(|turn| [(turn, 1.0), (turn, -1.0)]) {
        let [one, two, three] = [0.1, 1.7, 3.0].map(|step| f64::from(turn) * step);
        let (a, b, c) = (one.sin_cos(), two.sin_cos(), three.sin_cos());
        let axes = [
            [b.1 * c.1, a.0 * b.0 * c.1 - a.1 * c.0, a.1 * b.0 * c.1 + a.0 * c.0],
            [b.1 * c.0, a.0 * b.0 * c.0 + a.1 * c.1, a.1 * b.0 * c.0 - a.0 * c.1],
            [-b.0, a.0 * b.1, a.1 * b.1],
        ];
        let affine = axes.map(|row| [row[0] * 0.7, row[1] * 0.9, row[2] * 3.0 * mirror, 10.0 * row[0]]);
        let geometry = Geometry::new([3.0, 0.9, 0.7], Some(affine));
        let (code, found) = only_qform(&geometry);
        let found = found.expect("NIfTI has an affine");
        let apart = found.as_flattened().iter().zip(affine.as_flattened()).map(|(one, two)| (one - two).abs());
        let apart = apart.fold(0.0, f64::max);
        assert!(code == 1 && apart < 1e-5, "{turn}, {mirror}: {found:?}, not {affine:?}");
    }
    // Shear, and lengths other than the spacing, cannot be said by a turn.
    let sheared = Some([[1.0, 0.1, 0.0, 0.0], [0.0, 1.0, 0.0, 0.0], [0.0, 0.0, 1.0, 0.0]]);
    let plain = Some([[1.0, 0.0, 0.0, 0.0], [0.0, 1.0, 0.0, 0.0], [0.0, 0.0, 1.0, 0.0]]);
    assert_eq!(only_qform(&Geometry::new([1.0; 3], sheared)).0, 0);
    assert_eq!(only_qform(&Geometry::new([1.0, 1.0, 2.0], plain)).0, 0);
    // Where the spacing says nothing, the affine does.
    assert_eq!(only_qform(&Geometry::new([0.0, 1.0, 1.0], plain)).0, 1);
}
