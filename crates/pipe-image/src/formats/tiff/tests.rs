//! Tests of the reader of TIFF files: files built here, files that another program wrote, damaged ones, and real ones.
//! They do not know more than the two functions that read.

use super::*;
use crate::fixture::{self, bent, real_data, unhex};

/// A page without compression in one strip: tags on top of its size, and its bytes.
struct Flat<'a> {
    size: [u64; 2],
    tags: &'a [(u16, &'a [u64])],
    data: Vec<u8>,
}

const U8: &[(u16, &[u64])] = &[(258, &[8])];

/// Writes a classic file.
fn tiff(big_endian: bool, pages: &[Flat<'_>]) -> Vec<u8> {
    let number = |value: u64, size: usize| {
        let bytes = value.to_be_bytes()[8 - size..].to_vec();
        if big_endian { bytes } else { bytes.into_iter().rev().collect() }
    };
    let mut file = if big_endian { b"MM".to_vec() } else { b"II".to_vec() };
    file.extend([number(42, 2), number(8, 4)].concat());
    for (at, page) in pages.iter().enumerate() {
        let mut tags: std::collections::BTreeMap<u16, Vec<u64>> =
            [(256, vec![page.size[1]]), (257, vec![page.size[0]]), (262, vec![1]), (273, vec![0])].into();
        tags.insert(279, vec![page.data.len() as u64]);
        tags.extend(page.tags.iter().map(|(tag, values)| (*tag, values.to_vec())));
        let list = file.len() + 2 + 12 * tags.len() + 4;
        let length: usize = tags.values().map(|values| 4 * values.len()).filter(|length| *length > 4).sum();
        tags.insert(273, vec![(list + length) as u64]);
        file.extend(number(tags.len() as u64, 2));
        let mut behind: Vec<u8> = Vec::new();
        for (tag, values) in &tags {
            file.extend([number(u64::from(*tag), 2), number(4, 2), number(values.len() as u64, 4)].concat());
            let bytes: Vec<u8> = values.iter().flat_map(|value| number(*value, 4)).collect();
            if bytes.len() > 4 {
                file.extend(number((list + behind.len()) as u64, 4));
                behind.extend(bytes);
            } else {
                file.extend(bytes);
            }
        }
        let next = if at + 1 < pages.len() { list + length + page.data.len() } else { 0 };
        file.extend([number(next as u64, 4), behind, page.data.clone()].concat());
    }
    file
}

fn one(size: [u64; 2], tags: &[(u16, &[u64])], data: &[u8]) -> Vec<u8> {
    tiff(false, &[Flat { size, tags, data: data.to_vec() }])
}

fn read(bytes: &[u8]) -> Raster {
    let raster = decode(bytes).expect("the file is good");
    let head = header(bytes).expect("the file is good");
    assert_eq!(head, Header { slices: raster.slices, height: raster.height, width: raster.width });
    assert_eq!(raster.samples.len(), raster.slices * raster.height * raster.width * raster.channels);
    raster
}

/// Reads one row of gray values.
#[track_caller]
fn check(tags: &[(u16, &[u64])], data: &[u8], full_scale: Option<f32>, expected: &[f32]) {
    let raster = read(&one([1, expected.len() as u64], tags, data));
    assert_eq!((raster.samples.as_slice(), raster.full_scale), (expected, full_scale));
}

#[test]
fn samples_of_all_types_stay_as_they_are() {
    check(&[(258, &[1])], &[0b1010_0000], Some(1.0), &[1.0, 0.0, 1.0]);
    check(&[(258, &[2])], &[0b1101_1000], Some(3.0), &[3.0, 1.0, 2.0]);
    check(&[(258, &[4])], &[0x1f, 0x20], Some(15.0), &[1.0, 15.0, 2.0]);
    check(&[(258, &[12])], &[0x12, 0x3f, 0xff], Some(4095.0), &[291.0, 4095.0]);
    check(U8, &[0, 7, 255], Some(255.0), &[0.0, 7.0, 255.0]);
    check(&[(258, &[16])], &[2, 1, 255, 255], Some(65535.0), &[258.0, 65535.0]);
    check(&[(258, &[32])], &[1, 0, 1, 0], None, &[65537.0]);
    check(&[(258, &[8]), (339, &[2])], &[255, 128, 3], None, &[-1.0, -128.0, 3.0]);
    check(&[(258, &[16]), (339, &[2])], &[0xfe, 0xff], None, &[-2.0]);
    check(&[(258, &[64]), (339, &[2])], &(-7_i64).to_le_bytes(), None, &[-7.0]);
    check(&[(258, &[16]), (339, &[3])], &[0, 0xc0], None, &[-2.0]);
    check(&[(258, &[32]), (339, &[3])], &0.25_f32.to_le_bytes(), None, &[0.25]);
    check(&[(258, &[64]), (339, &[3])], &(-1.5_f64).to_le_bytes(), None, &[-1.5]);
    let data = vec![1, 2, 255, 255];
    let big_endian = tiff(true, &[Flat { size: [1, 2], tags: &[(258, &[16])], data }]);
    assert_eq!(read(&big_endian).samples, [258.0, 65535.0]);
}

#[test]
fn white_as_zero_is_turned_so_that_zero_is_black() {
    check(&[(258, &[8]), (262, &[0])], &[0, 255, 10], Some(255.0), &[255.0, 0.0, 245.0]);
    check(&[(258, &[1]), (262, &[0])], &[0b0100_0000], Some(1.0), &[1.0, 0.0, 1.0]);
}

#[test]
fn palette_indexes_stay_indexes() {
    let colours: Vec<u64> = (0..48).map(|at| at * 257).collect();
    let raster = read(&one([1, 3], &[(258, &[4]), (262, &[3]), (320, &colours)], &[0x0f, 0x10]));
    assert_eq!((raster.samples.as_slice(), raster.full_scale), ([0.0, 15.0, 1.0].as_slice(), Some(15.0)));
    assert_eq!(raster.palette.expect("it has a palette")[1], [1, 17, 33]);
}

#[test]
fn all_channels_stay_and_opacity_is_what_the_file_declares() {
    let with = |extra: &[u64]| {
        let tags: &[(u16, &[u64])] = &[(258, &[8, 8, 8, 8]), (262, &[2]), (277, &[4]), (338, extra)];
        let raster = read(&one([1, 2], tags, &[1, 2, 3, 0, 5, 6, 7, 200]));
        assert_eq!(raster.samples, [1.0, 2.0, 3.0, 0.0, 5.0, 6.0, 7.0, 200.0]);
        raster.alpha
    };
    assert_eq!([with(&[0]), with(&[1]), with(&[2]), with(&[0, 2]), with(&[2, 0])], [false, true, true, true, false]);
    let bare: &[(u16, &[u64])] = &[(258, &[8]), (277, &[4]), (262, &[2])];
    assert!(!read(&one([1, 1], bare, &[1, 2, 3, 4])).alpha);
}

/// What the files below hold, which `tifffile` 2026.3.3 wrote and reads so.
fn pattern(height: usize, width: usize, channels: usize) -> Vec<f32> {
    let value = |at: usize| 9 * (at / channels / width) + 2 * (at / channels % width) + 3 * (at % channels);
    (0..height * width * channels).map(|at| value(at) as f32).collect()
}

const LZW_BIG_ENDIAN_PREDICTOR: &str = "\
    4d4d002a00000008000d010000040000000100000005010100040000000100000004010200030000000100100000010300030000000100\
    0500000106000300000001000100000111000400000002000000aa01150003000000010001000001160004000000010000000301170003\
    000000020013000b011a000500000001000000b2011b000500000001000000ba012800030000000100010000013d000300000001000200\
    0000000000000000d0000000e3000000010000000100000001000000010000000000000000000000000000800020402004120c0004c161\
    5070942e170100800003600014120c028080";

const DEFLATE_FLOAT_PREDICTOR_TILE: &str = "\
    49492a00080000000f000001040001000000050000000101040001000000040000000201030001000000200000000301030001000000b2\
    8000000601030001000000010000001501030001000000010000001a01050001000000c20000001b01050001000000ca00000028010300\
    01000000010000003d01030001000000030000004201040001000000100000004301040001000000100000004401040001000000e00000\
    00450104000100000049000000530103000100000003000000000000000100000001000000010000000100000000000000000000000000\
    00000000789c63b067646038c080000d0d0e0e0d0c440307060606c6fd08fe04050505891f0c4403470606060624fd02020202021b1888\
    06e8fa23040478384a1846c128180544000044660a01";

const PACK_BITS: &str = "\
    49492a00080000000d000001040001000000050000000101040001000000040000000201030003000000aa000000030103000100000005\
    8000000601030001000000020000001101040001000000c000000015010300010000000300000016010400010000000400000017010400\
    01000000400000001a01050001000000b00000001b01050001000000b80000001c01030001000000010000002801030001000000010000\
    0000000000080008000800010000000100000001000000010000000e00030602050804070a06090c080b0e0e090c0f0b0e110d10130f12\
    151114170e12151814171a16191c181b1e1a1d200e1b1e211d20231f2225212427232629";

const LZW_PLANES: &str = "\
    49492a00080000000d000001040001000000050000000101040001000000040000000201030003000000aa000000030103000100000005\
    0000000601030001000000020000001101040003000000b000000015010300010000000300000016010400010000000400000017010300\
    03000000bc0000001a01050001000000c20000001b01050001000000ca0000001c01030001000000020000002801030001000000010000\
    0000000000080008000800e0000000f9000000120100001900190019000100000001000000010000000100000000000000000000000000\
    0000000080000040403020120b0683c22120a058301a0d8743e2111c048000c0a070482c180e0804828150b864361d0f08044241340480\
    018100a060381e11098542e180d0703c201088c4a2714c04";

const BIG_TIFF_TILE: &str = "\
    49492b00080000001000000000000000100000000000000000010400010000000000000005000000000000000101040001000000000000\
    0004000000000000000201030002000000000000001000100000000000030103000100000000000000b280000000000000060103000100\
    000000000000010000000000000015010300010000000000000002000000000000001a010500010000000000000001000000010000001b\
    010500010000000000000001000000010000001c0103000100000000000000010000000000000028010300010000000000000001000000\
    00000000420104000100000000000000100000000000000043010400010000000000000010000000000000004401100001000000000000\
    00600100000000000045011000010000000000000050000000000000005201030001000000000000000000000000000000530103000200\
    00000000000002000200000000000000000000000000789cedcbc70d83400000c1754438cbfd9788c888ccd202f7bff94f66616e656963\
    6d676b2f013a077b2747176737d7a00d9b27e0c2991b5712eea484487890f2e2c987373fbefc89a2e8981de57b27c5";

#[test]
fn files_of_another_program_read_alike() {
    let gray = read(&unhex(LZW_BIG_ENDIAN_PREDICTOR));
    assert_eq!((gray.samples, gray.full_scale), (pattern(4, 5, 1), Some(65535.0)));
    let halves: Vec<f32> = pattern(4, 5, 1).into_iter().map(|value| value / 2.0).collect();
    assert_eq!(read(&unhex(DEFLATE_FLOAT_PREDICTOR_TILE)).samples, halves);
    assert_eq!(read(&unhex(PACK_BITS)).samples, pattern(4, 5, 3));
    assert_eq!(read(&unhex(LZW_PLANES)).samples, pattern(4, 5, 3));
    let signed: Vec<f32> = pattern(4, 5, 2).into_iter().map(|value| value - 20.0).collect();
    let big = read(&unhex(BIG_TIFF_TILE));
    assert_eq!((big.samples, big.channels, big.full_scale, big.alpha), (signed, 2, None, false));
}

#[test]
fn jpeg_inside_is_lossy() {
    let values = [90; 128];
    let jpeg = fixture::jpeg(16, 8, &values, 95);
    let raster = read(&one([8, 16], &[(258, &[8]), (259, &[7])], &jpeg));
    assert!(raster.lossy && raster.samples.iter().all(|value| (value - 90.0).abs() < 3.0), "{raster:?}");
    // The size in the JPEG data must be that of the strip.
    assert!(matches!(decode(&one([8, 8], &[(258, &[8]), (259, &[7])], &jpeg)), Err(FormatError::Damaged { .. })));
}

#[test]
fn pages_are_slices_if_they_agree() {
    let page = |size: [u64; 2], tags, values: &[u8]| Flat { size, tags, data: values.to_vec() };
    let small: &[(u16, &[u64])] = &[(258, &[8]), (254, &[1])];
    let wide: &[(u16, &[u64])] = &[(258, &[16])];
    let two = tiff(false, &[page([1, 2], U8, &[1, 2]), page([1, 1], small, &[9]), page([1, 2], U8, &[3, 4])]);
    let raster = read(&two);
    assert_eq!((raster.slices, raster.samples.as_slice()), (2, [1.0, 2.0, 3.0, 4.0].as_slice()));
    let message = |pages: &[Flat<'_>]| decode(&tiff(false, pages)).expect_err("the pages differ").to_string();
    let sizes = message(&[page([1, 2], U8, &[1, 2]), page([2, 1], U8, &[1, 2])]);
    assert!(sizes.contains("page 2 is 1x2, but the first is 2x1"), "{sizes}");
    let types = message(&[page([1, 2], U8, &[1, 2]), page([1, 2], wide, &[1, 2, 3, 4])]);
    assert!(types.contains("page 2 has other samples"), "{types}");
    let zipped: &[(u16, &[u64])] = &[(258, &[8]), (259, &[8])];
    let broken = message(&[page([1, 2], U8, &[1, 2]), page([1, 2], zipped, &[1, 2])]);
    assert!(broken.contains("damaged: on page 2, "), "{broken}");
    let ring = {
        let mut bytes = one([1, 1], U8, &[1]);
        let next = bytes.len() - 5;
        bytes[next] = 8;
        bytes
    };
    assert!(matches!(decode(&ring), Err(FormatError::Damaged { .. })));
}

#[test]
fn what_is_not_read_says_what_to_do() {
    let message = |tags: &[(u16, &[u64])]| decode(&one([1, 1], tags, &[0; 8])).expect_err("it is not read").to_string();
    assert!(message(&[(258, &[8]), (259, &[50000])]).contains("Zstandard"));
    assert!(message(&[(258, &[8]), (259, &[3])]).contains("fax"));
    assert!(message(&[(258, &[8]), (262, &[5]), (277, &[4])]).contains("save it as RGB"));
    assert!(message(&[(258, &[24])]).contains("24 bits"));
    assert!(message(&[(258, &[5, 6, 5]), (262, &[2]), (277, &[3])]).contains("as many bits"));
    assert!(message(&[(258, &[64]), (339, &[6])]).contains("complex"));
}

#[test]
fn a_file_cut_anywhere_is_truncated() {
    for bytes in [LZW_BIG_ENDIAN_PREDICTOR, PACK_BITS, LZW_PLANES].map(unhex) {
        for length in 4..bytes.len() {
            let found = decode(&bytes[..length]);
            assert!(matches!(found, Err(FormatError::Truncated { .. })), "{length} of {}: {found:?}", bytes.len());
        }
    }
    for bytes in [DEFLATE_FLOAT_PREDICTOR_TILE, BIG_TIFF_TILE].map(unhex) {
        assert!((4..bytes.len()).all(|length| decode(&bytes[..length]).is_err()));
    }
}

#[test]
fn damage_and_lies_do_no_harm() {
    let gray = fixture::jpeg(8, 8, &[90; 64], 95);
    let jpeg = one([8, 8], &[(258, &[8]), (259, &[7])], &gray);
    let all = [LZW_BIG_ENDIAN_PREDICTOR, DEFLATE_FLOAT_PREDICTOR_TILE, PACK_BITS, LZW_PLANES, BIG_TIFF_TILE];
    for bytes in all.map(unhex).into_iter().chain([jpeg]) {
        // What it gives does not matter, only that it does.
        bent(&bytes, 1500, |bytes| drop(decode(bytes)));
    }
    let huge = one([1 << 14, 1 << 14], U8, &[1, 2, 3]);
    assert!(matches!(decode(&huge), Err(FormatError::Truncated { .. })));
    let packed = one([1 << 16, 1 << 16], &[(258, &[32]), (259, &[5])], &[1, 2, 3]);
    assert!(matches!(decode(&packed), Err(FormatError::TooLarge { .. } | FormatError::Truncated { .. })));
}

/// The number of foreground pixels in each channel of the masks, by `tifffile`, in the order of the file names.
const CLASSES: [(&str, [usize; 4]); 32] = [
    ("001", [128052, 7863, 57236, 869]),
    ("005", [126384, 10441, 48628, 468]),
    ("013", [108411, 11455, 68654, 0]),
    ("017", [127334, 20284, 60462, 0]),
    ("025", [159256, 0, 0, 0]),
    ("029", [131287, 0, 0, 0]),
    ("037", [89322, 16720, 111219, 0]),
    ("041", [80588, 13735, 102100, 0]),
    ("049", [57183, 38252, 102107, 0]),
    ("053", [72894, 9916, 104014, 0]),
    ("061", [135347, 0, 0, 0]),
    ("065", [147826, 0, 0, 0]),
    ("073", [108076, 0, 0, 0]),
    ("077", [85423, 12009, 41071, 0]),
    ("085", [61497, 19467, 117136, 0]),
    ("089", [59685, 0, 0, 0]),
    ("097", [68190, 19308, 58158, 288]),
    ("101", [74360, 0, 0, 0]),
    ("109", [95203, 0, 0, 177]),
    ("113", [104871, 17550, 92091, 0]),
    ("121", [130438, 0, 0, 0]),
    ("125", [116459, 0, 0, 2489]),
    ("133", [135803, 994, 3655, 1233]),
    ("137", [146123, 0, 0, 993]),
    ("145", [145664, 0, 0, 1607]),
    ("149", [143370, 0, 0, 838]),
    ("157", [134501, 0, 0, 974]),
    ("161", [106951, 0, 0, 1503]),
    ("169", [72875, 0, 0, 968]),
    ("173", [96889, 0, 0, 698]),
    ("181", [125332, 0, 0, 366]),
    ("185", [153155, 0, 0, 790]),
];

#[test]
fn real_data_all_four_classes_of_the_masks_are_kept() {
    let Some(root) = real_data("oct/danilov_oct_demo/mask") else { return };
    for (name, expected) in CLASSES {
        let bytes = std::fs::read(root.join(format!("001_1_{name}.tiff"))).expect("the file is there");
        let raster = read(&bytes);
        assert_eq!((raster.slices, raster.height, raster.width, raster.channels), (1, 750, 750, 4));
        // The files declare the fourth class as opacity.
        assert!(raster.alpha && raster.full_scale == Some(255.0));
        let mut found = [0; 4];
        for pixel in raster.samples.chunks_exact(4) {
            for (count, value) in found.iter_mut().zip(pixel) {
                *count += usize::from(*value == 255.0);
            }
        }
        assert_eq!(found, expected, "{name}");
        assert!(raster.samples.iter().all(|value| *value == 0.0 || *value == 255.0));
    }
}
