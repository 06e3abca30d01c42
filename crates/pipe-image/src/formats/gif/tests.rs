//! Tests of the reader of GIF files, which Pillow 13.0.0 wrote and reads so.
//! They do not know more than the two functions that read.

use super::*;
use crate::fixture::{bent, unhex};

/// 11 rows of 3 pixels.
const ONE: &str = "\
    47494638376103000b00810000000000fbfbfbff00000000092c0000000003000b00000818000104102050c0c00107050c00a010c0c200\
    0f0b163c1810003b";

/// Two frames of 11 rows of 3 pixels; index 0 of the second is not transparent.
const TWO: &str = "\
    47494638376103000b00810000000000fbfbfbff000000000921f90404000000002c0000000003000b00000818000104102050c0c00107\
    050c00a010c0c2000f0b163c18100021f90404000000002c0000000003000b0081000000fbfbfbff00000000090818000708082030c040\
    0007030018a070c042010f0b163c1810003b";

const INTERLACED: &str = "\
    47494638376110001000810000000000fbfbfbff00000000092c00000000100010004008590001080410a060000108050c5838c0e0c184\
    0c070c1ce830a14286020b5a8c385123428e140d7ec418d2e34589251f8eec2812e2c28a2e174e2499b1e547932751d6d449d0e6c98d34\
    7b164c0954e648994405085599736040003b";

const ROWS: [[u8; 3]; 11] = [
    [0, 1, 2],
    [0, 1, 2],
    [1, 2, 3],
    [1, 2, 3],
    [2, 3, 0],
    [2, 3, 0],
    [3, 0, 1],
    [3, 0, 1],
    [0, 1, 2],
    [0, 1, 2],
    [1, 2, 3],
];

fn read(bytes: &[u8]) -> Raster {
    let raster = decode(bytes).expect("the file is good");
    let head = header(bytes).expect("the file is good");
    assert_eq!(head, Header { slices: raster.slices, height: raster.height, width: raster.width });
    raster
}

fn rows() -> Vec<f32> {
    ROWS.iter().flatten().copied().map(f32::from).collect()
}

#[test]
fn indexes_stay_indexes() {
    let raster = read(&unhex(ONE));
    assert_eq!((raster.height, raster.width, raster.channels, raster.full_scale), (11, 3, 1, Some(3.0)));
    assert_eq!(raster.samples, rows());
    assert_eq!(raster.palette, Some(vec![[0, 0, 0], [251, 251, 251], [255, 0, 0], [0, 0, 9]]));
}

#[test]
fn interlaced_rows_come_to_their_places() {
    let raster = read(&unhex(INTERLACED));
    let first: Vec<f32> = raster.samples.iter().step_by(16).copied().collect();
    assert_eq!(first, [0, 1, 2, 3, 0, 1, 2, 3, 1, 2, 3, 0, 1, 2, 3, 0].map(|index| index as f32));
}

#[test]
fn frames_are_slices_if_they_cover_the_screen() {
    let bytes = unhex(TWO);
    let raster = read(&bytes);
    let turned: Vec<f32> = rows().into_iter().map(|index| 3.0 - index).collect();
    assert_eq!((raster.slices, raster.samples), (2, [rows(), turned.clone()].concat()));
    // A transparent index of the second frame shows the first.
    let control = bytes.windows(2).rposition(|pair| pair == [0x21, 0xf9]).expect("there are two");
    let mut clear = bytes.clone();
    (clear[control + 3], clear[control + 6]) = (5, 2);
    let shown: Vec<f32> =
        rows().iter().zip(turned).map(|(behind, own)| if own == 2.0 { *behind } else { own }).collect();
    assert_eq!(read(&clear).samples[33..], shown);
    let message = |bytes: &[u8]| decode(bytes).expect_err("it is not read").to_string();
    // The first frame is removed before the second is shown.
    clear[26 + 2] = 8;
    assert!(message(&clear).contains("frame 2 shows what is left"), "{}", message(&clear));
    let descriptor = bytes.iter().rposition(|byte| *byte == 0x2c).expect("there are two");
    let mut part = bytes.clone();
    part[descriptor + 1] = 1;
    assert!(message(&part).contains("frame 2 covers only a part"), "{}", message(&part));
    let mut colours = bytes;
    colours[descriptor + 10] = 9;
    assert!(message(&colours).contains("frame 2 has other colours"), "{}", message(&colours));
}

#[test]
fn a_file_cut_anywhere_is_truncated() {
    for bytes in [ONE, TWO, INTERLACED].map(unhex) {
        for length in 6..bytes.len() {
            assert!(matches!(decode(&bytes[..length]), Err(FormatError::Truncated { .. })), "{length}");
        }
    }
}

#[test]
fn damage_and_lies_do_no_harm() {
    for bytes in [ONE, TWO, INTERLACED].map(unhex) {
        // What it gives does not matter, only that it does.
        bent(&bytes, 3000, |bytes| drop(decode(bytes)));
    }
    // A screen and a frame of 65535 x 65535.
    let mut huge = unhex(ONE);
    let descriptor = huge.iter().rposition(|byte| *byte == 0x2c).expect("there is a frame");
    for at in [6, descriptor + 5] {
        huge[at..at + 4].fill(255);
    }
    assert!(matches!(decode(&huge), Err(FormatError::Damaged { .. })));
}

#[test]
fn indexes_beyond_the_palette_are_damage() {
    let mut bytes = unhex(ONE);
    // Two of its four colours go.
    bytes[10] = 0x80;
    bytes.drain(19..25);
    let message = decode(&bytes).expect_err("indexes 2 and 3 have no colour").to_string();
    assert!(message.contains("a pixel has index 2 in a palette of 2 colours"), "{message}");
}
