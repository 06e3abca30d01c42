//! Tests of the reader of PBM, PGM, PPM and PAM files.
//! They do not know more than the two functions that read.

use super::*;
use crate::fixture::bent;

#[track_caller]
fn check(bytes: &[u8], shape: [usize; 3], full_scale: f32, expected: &[f32]) {
    let raster = decode(bytes).expect("the file is good");
    assert_eq!(header(bytes).expect("the file is good"), Header::picture(raster.height, raster.width));
    assert_eq!(([raster.height, raster.width, raster.channels], raster.full_scale), (shape, Some(full_scale)));
    assert_eq!(raster.samples, expected);
}

const PAM: &[u8] =
    b"P7\nWIDTH 1\n# two\nHEIGHT 2\nDEPTH 2\nMAXVAL 9\nTUPLTYPE GRAYSCALE_ALPHA\nENDHDR\n\x01\x02\x03\x09";

#[test]
fn all_kinds_read() {
    check(b"P1\n# comment\n4 2\n1010\n0 1 1#x\n 1", [2, 4, 1], 1.0, &[0.0, 1.0, 0.0, 1.0, 1.0, 0.0, 0.0, 0.0]);
    check(b"P2 3 1#c\n300\n0 7\t300", [1, 3, 1], 300.0, &[0.0, 7.0, 300.0]);
    check(b"P3 1 1 255 1 2 3\n", [1, 1, 3], 255.0, &[1.0, 2.0, 3.0]);
    check(b"P4\n9 1\n\xaa\x80", [1, 9, 1], 1.0, &[0.0, 1.0, 0.0, 1.0, 0.0, 1.0, 0.0, 1.0, 0.0]);
    // Samples that look like white space or a comment.
    check(b"P5 3 1 255\n #\n", [1, 3, 1], 255.0, &[32.0, 35.0, 10.0]);
    check(b"P5\n2 1\n4095\n\x0f\xff\0\x01", [1, 2, 1], 4095.0, &[4095.0, 1.0]);
    check(b"P6 1 2 255\n\x01\x02\x03\x04\x05\x06", [2, 1, 3], 255.0, &[1.0, 2.0, 3.0, 4.0, 5.0, 6.0]);
    check(PAM, [2, 1, 2], 9.0, &[1.0, 2.0, 3.0, 9.0]);
    assert!(decode(PAM).expect("the file is good").alpha);
}

#[test]
fn nonsense_is_damaged() {
    for bytes in [
        &b"P5 2 1 7\n\x01\x08"[..],
        b"P5 0 1 7\n\x01",
        b"P5 2 1 70000\n\x01\x01",
        b"P2 2 1 7\nx 1",
        b"P1 2 1\n2 1",
        b"P7 FOO 1\n",
        b"P5 x",
        b"P5 1 1 -5 1",
    ] {
        let found = decode(bytes);
        assert!(matches!(found, Err(FormatError::Damaged { .. } | FormatError::Truncated { .. })), "{found:?}");
    }
    // Channels and their names, which fuzzing found to be nothing but opacity.
    let pam = |depth: usize, tuple: &str| {
        let head = format!("P7\nWIDTH 1\nHEIGHT 1\nTUPLTYPE {tuple}\nDEPTH {depth}\nMAXVAL 255\nENDHDR\n");
        decode(&[head.as_bytes(), &vec![7; depth]].concat())
            .map(|raster| raster.alpha)
            .map_err(|error| error.to_string())
    };
    assert_eq!([pam(4, "RGB_ALPHA"), pam(2, "GRAYSCALE_ALPHA"), pam(5, "MINE_ALPHA")], [const { Ok(true) }; 3]);
    assert_eq!([pam(3, "RGB"), pam(1, "GRAYSCALE"), pam(5, "MINE")], [const { Ok(false) }; 3]);
    let told = Err("the PNM data are damaged: it has 1 channels, which is not `RGB_ALPHA`".to_owned());
    assert_eq!(pam(1, "RGB_ALPHA"), told);
    assert!(pam(1, "MINE_ALPHA").is_err() && pam(4, "RGB").is_err());
    assert!(matches!(decode(b"P5 1 1 9\n\x01P5 1 1 9\n\x01"), Err(FormatError::UnsupportedKind { .. })));
}

#[test]
fn a_file_cut_anywhere_is_truncated() {
    // The last number of a text may be cut without a trace.
    let text = b"P2 3 1 300 10 20 7";
    for bytes in
        [&text[..], b"P1\n3 1\n101", b"P4\n9 2\n\xaa\x80\xaa\x80", b"P6 1 2 255\n\x01\x02\x03\x04\x05\x06", PAM]
    {
        for length in 3..bytes.len() {
            assert!(matches!(decode(&bytes[..length]), Err(FormatError::Truncated { .. })), "{length}");
        }
    }
}

#[test]
fn damage_and_lies_do_no_harm() {
    for huge in [&b"P5 999999999 999999999 255\n\0"[..], b"P1 999999999 999999999\n0", b"P6 65536 65536 65535\n\0"] {
        assert!(matches!(decode(huge), Err(FormatError::Truncated { .. })));
    }
    for bytes in [&b"P2 3 1 300 10 20 7"[..], b"P1\n3 1\n101", b"P4\n9 2\n\xaa\x80\xaa\x80", PAM] {
        // The first two bytes bring a file here. What it gives does not matter, only that it does.
        bent(&bytes[2..], 3000, |rest| drop(decode(&[&bytes[..2], rest].concat())));
    }
}
