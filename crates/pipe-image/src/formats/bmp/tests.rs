//! Tests of the reader of BMP files, some of which Pillow 13.0.0 wrote and reads so.
//! They do not know more than the two functions that read.

use super::*;
use crate::fixture::{bent, unhex};

const ONE_BIT: &str = "\
    424d4a000000000000003e00000028000000050000000300000001000100000000000c000000c40e0000c40e0000020000000200000000\
    000000ffffff0000000000f800000000000000";

const COLOURS: &str = "\
    424d4e0000000000000036000000280000000300000002000000010018000000000018000000c40e0000c40e000000000000000000000f\
    0c09110e0b13100d0000000603000805020a0704000000";

/// Runs, copied pixels, the end of a row, a jump to the right, the end of the picture.
const RUN_LENGTH: &str = "\
    424d5a00000000000000460000002800000006000000030000000100080001000000140000000000000000000000040000000000000000\
    0000003232320064646400090909000301000302030100000002020002010103030001";

/// Writes a file with a header of 40 bytes, `extra` bytes behind it (colour masks, palette), and pixels.
fn bmp(width: i32, height: i32, bits: u16, packing: u32, extra: &[u8], pixels: &[u8]) -> Vec<u8> {
    let mut file = b"BM\0\0\0\0\0\0\0\0".to_vec();
    file.extend((54 + extra.len() as u32).to_le_bytes());
    file.extend([40_i32, width, height].into_iter().flat_map(i32::to_le_bytes));
    file.extend([1, 0].into_iter().chain(bits.to_le_bytes()));
    file.extend([packing, 0, 0, 0, 0, 0].into_iter().flat_map(u32::to_le_bytes));
    [&file, extra, pixels].concat()
}

#[track_caller]
fn check(bytes: &[u8], shape: [usize; 3], full_scale: f32, expected: &[u8]) -> Raster {
    let raster = decode(bytes).expect("the file is good");
    assert_eq!(header(bytes).expect("the file is good"), Header::picture(raster.height, raster.width));
    assert_eq!(([raster.height, raster.width, raster.channels], raster.full_scale), (shape, Some(full_scale)));
    let expected: Vec<f32> = expected.iter().copied().map(f32::from).collect();
    assert_eq!(raster.samples, expected);
    raster
}

#[test]
fn indexes_stay_indexes() {
    let mask = check(&unhex(ONE_BIT), [3, 5, 1], 1.0, &[0, 0, 0, 0, 0, 1, 1, 1, 1, 1, 0, 0, 0, 0, 0]);
    assert_eq!(mask.palette, Some(vec![[0; 3], [255; 3]]));
    let sixteen = bmp(3, 1, 4, 0, &[7; 64], &[0x1f, 0x20, 0, 0]);
    check(&sixteen, [1, 3, 1], 15.0, &[1, 15, 2]);
    let two = bmp(3, 1, 2, 0, &[7; 16], &[0b1101_1000, 0, 0, 0]);
    check(&two, [1, 3, 1], 3.0, &[3, 1, 2]);
    let runs = check(&unhex(RUN_LENGTH), [3, 6, 1], 255.0, &[0, 0, 0, 3, 3, 3, 2, 2, 0, 0, 0, 0, 1, 1, 1, 2, 3, 1]);
    assert_eq!(runs.palette.map(|palette| palette.len()), Some(4));
    let halves = bmp(6, 2, 4, 2, &[0; 64], &[3, 0x12, 0, 3, 0x21, 0x30, 0, 0, 6, 0x31, 0, 1]);
    check(&halves, [2, 6, 1], 15.0, &[3, 1, 3, 1, 3, 1, 1, 2, 1, 2, 1, 3]);
}

#[test]
fn colours_keep_their_order() {
    let expected = [0, 3, 6, 2, 5, 8, 4, 7, 10, 9, 12, 15, 11, 14, 17, 13, 16, 19];
    assert!(check(&unhex(COLOURS), [2, 3, 3], 255.0, &expected).palette.is_none());
    // From the top down; the fourth byte means nothing.
    check(&bmp(1, -2, 32, 0, &[], &[1, 2, 3, 77, 4, 5, 6, 99]), [2, 1, 3], 255.0, &[3, 2, 1, 6, 5, 4]);
    let masks: Vec<u8> = [0xff_u32, 0xff00, 0xff_0000, 0xff00_0000].into_iter().flat_map(u32::to_le_bytes).collect();
    let opaque = check(&bmp(1, 1, 32, 6, &masks, &[1, 2, 3, 4]), [1, 1, 4], 255.0, &[1, 2, 3, 4]);
    assert!(opaque.alpha);
    assert!(!check(&bmp(1, 1, 32, 3, &masks[..12], &[1, 2, 3, 4]), [1, 1, 3], 255.0, &[1, 2, 3]).alpha);
    let short = bmp(1, 1, 16, 0, &[], &[1, 2, 0, 0]);
    assert!(matches!(decode(&short), Err(FormatError::UnsupportedKind { .. })));
}

#[test]
fn a_file_cut_anywhere_is_truncated() {
    for bytes in [ONE_BIT, COLOURS, RUN_LENGTH].map(unhex) {
        for length in 2..bytes.len() {
            assert!(matches!(decode(&bytes[..length]), Err(FormatError::Truncated { .. })), "{length}");
        }
    }
}

#[test]
fn damage_and_lies_do_no_harm() {
    let tall = bmp(i32::MAX, i32::MAX, 32, 0, &[], &[0; 64]);
    assert!(matches!(decode(&tall), Err(FormatError::Truncated { .. })));
    let jumps = bmp(1 << 14, 1 << 14, 8, 1, &[0; 1024], &[0, 1]);
    assert!(matches!(decode(&jumps), Err(FormatError::Truncated { .. })));
    for bytes in [ONE_BIT, COLOURS, RUN_LENGTH].map(unhex) {
        // What it gives does not matter, only that it does.
        bent(&bytes, 3000, |bytes| drop(decode(bytes)));
    }
}
