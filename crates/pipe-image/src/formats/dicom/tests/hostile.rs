//! Cut, changed and boastful files: refused, without a panic and without the memory that they ask for.

use super::*;

/// Small good files of every way to hold pixels, with sequences on the way to them.
fn good() -> Vec<Vec<u8>> {
    let sequence = |draft: Draft| {
        // An item of undefined length with an element in it, and one of a declared length.
        let inner = Draft { elements: vec![(8, 0x1155, "UI", b"1.2.3\0".to_vec())], ..draft.clone() }.data_set();
        let mut value: Vec<u8> = draft.two(0xfffe).into_iter().chain(draft.two(0xe000)).chain([0xff; 4]).collect();
        value.extend(&inner);
        value.extend(draft.two(0xfffe).into_iter().chain(draft.two(0xe00d)).chain([0; 4]));
        value.extend(draft.two(0xfffe).into_iter().chain(draft.two(0xe000)).chain(draft.four(inner.len() as u32)));
        value.extend(&inner);
        draft.element(8, 0x1140, "SQ", value)
    };
    let placed = |draft: Draft| sequence(draft.placed("1\\2\\3", "1\\0\\0\\0\\1\\0")).text(0x28, 8, "IS", "2");
    let eight = |syntax| {
        let draft = Draft::gray(syntax, 8, 16).short(0x28, 0x100, 8).short(0x28, 0x101, 8).short(0x28, 0x102, 7);
        placed(draft).text(0x28, 8, "IS", "1")
    };
    let jpeg = crate::fixture::jpeg(16, 8, &[9; 128], 80);
    let frame = rle(&[&[254, 1], &[128, 0, 7, 1, 8, 9]]);
    let mut files: Vec<Vec<u8>> = [EXPLICIT, IMPLICIT, BIG, DEFLATED]
        .map(|syntax| placed(Draft::gray(syntax, 2, 3)).words(&[1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12]).file())
        .into();
    files.push(placed(Draft::gray(RLE, 1, 3)).bytes(&items(&[frame.clone(), frame])).file());
    files.push(eight(BASELINE).bytes(&items(&[jpeg])).file());
    files
}

#[test]
fn a_file_cut_anywhere_is_refused() {
    for bytes in good() {
        let whole = decode(&bytes).expect("the whole file is good");
        for length in 0..bytes.len() {
            match decode(&bytes[..length]) {
                // The last byte of a deflated file says no more than that it ends.
                Ok(found) => assert_eq!((length, &found), (bytes.len() - 1, &whole)),
                Err(FormatError::UnsupportedKind { reason, .. }) => panic!("{length} of {}: {reason}", bytes.len()),
                Err(_) => {}
            }
            let _ = header(&bytes[..length]);
        }
    }
}

#[test]
fn changed_bytes_never_panic() {
    good().iter().for_each(|bytes| check_changed(bytes, 2000));
}

/// Changes up to three bytes so many times.
pub(super) fn check_changed(bytes: &[u8], times: usize) {
    let mut state = 1_u64;
    let mut random = |below: usize| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) as usize % below
    };
    for _ in 0..times {
        let mut changed = bytes.to_vec();
        for _ in 0..1 + random(3) {
            let at = random(bytes.len());
            changed[at] = [0, 1, 0x7f, 0x80, 0xfe, 0xff, random(256) as u8][random(7)];
        }
        let _ = (header(&changed), decode(&changed));
    }
}

#[test]
fn what_is_declared_is_held_against_what_is_there() {
    let cases = [
        Draft::gray(EXPLICIT, 16384, 16384).words(&[1, 2]),
        Draft::gray(RLE, 16384, 16384).bytes(&items(&[rle(&[&[254, 1], &[254, 1]])])),
        Draft::gray(BASELINE, 16384, 16384).bytes(&items(&[vec![0xff, 0xd8, 0xff, 0xe0]])),
        Draft::gray(RLE, 1, 1).text(0x28, 8, "IS", "200000000").bytes(&items(&[vec![0; 64]])),
    ];
    for draft in cases {
        assert!(matches!(decode(&draft.file()), Err(FormatError::Damaged { .. })), "{:?}", decode(&draft.file()));
    }
    for frames in ["-1", "0", "1e9", "99999999999999999999"] {
        let draft = Draft::gray(EXPLICIT, 1, 1).text(0x28, 8, "IS", frames).words(&[1]);
        assert!(matches!(decode(&draft.file()), Err(FormatError::Damaged { .. })), "{frames}");
    }
    let many = Draft::gray(EXPLICIT, 60000, 60000).words(&[1]);
    assert!(matches!(decode(&many.file()), Err(FormatError::TooLarge { .. })));
    // A value of 4 GiB in a file of a few bytes.
    let mut long = Draft::gray(EXPLICIT, 1, 1).element(0x11, 1, "UN", vec![1; 8]).words(&[1]).file();
    let at = long.windows(4).position(|four| four == [0x11, 0, 1, 0]).expect("the element is there");
    long[at + 8..at + 12].copy_from_slice(&0xffff_fff0_u32.to_le_bytes());
    assert!(matches!(decode(&long), Err(FormatError::Truncated { .. })));
}

#[test]
fn a_deflated_file_is_inflated_as_far_as_its_pixels_reach() {
    let trap = Draft::gray(DEFLATED, 1, 1).words(&vec![0; 20 << 20]).file();
    assert!(trap.len() < 1 << 20);
    assert_eq!(decode(&trap).expect("what follows the pixel is not read").samples, [0.0]);
    let endless = Draft::gray(DEFLATED, 1, 1).element(0x11, 1, "UN", vec![0; 40 << 20]).words(&[1]).file();
    assert!(matches!(decode(&endless), Err(FormatError::Truncated { .. })));
    let large = Draft::gray(DEFLATED, 4096, 4096).words(&vec![7; 1 << 24]).file();
    assert_eq!(decode(&large).expect("the file is good").samples.len(), 1 << 24);
}

#[test]
fn nesting_and_stray_ends_are_harmless() {
    let nested = |piece: &[u8], times: usize| {
        let start = Draft::gray(EXPLICIT, 1, 1).words(&[1]).file();
        let at = start.windows(4).position(|four| four == [0x28, 0, 2, 0]).expect("the element is there");
        [&start[..at], &piece.repeat(times), &start[at..]].concat()
    };
    let item = [0xfe, 0xff, 0, 0xe0, 0xff, 0xff, 0xff, 0xff];
    let sequence = [&[0x20, 0, 0x11, 0x11, b'S', b'Q', 0, 0, 0xff, 0xff, 0xff, 0xff][..], &item].concat();
    assert!(decode(&nested(&sequence, 100_000)).is_err());
    let (item_end, sequence_end) = ([0xfe, 0xff, 0xd, 0xe0, 0, 0, 0, 0], [0xfe, 0xff, 0xdd, 0xe0, 0, 0, 0, 0]);
    for pieces in [
        vec![&item_end[..], &item],
        vec![&sequence, &item_end, &item_end, &item],
        vec![&sequence_end, &item_end, &item],
    ] {
        assert!(decode(&nested(&pieces.concat(), 1)).is_err());
    }
}

#[test]
fn headers_of_jpeg_2000_cannot_ask_for_more_than_their_frame_holds() {
    // SOC and SIZ of 4096x4096 samples of 16 bits, then COD with precincts of one sample.
    let stream = |tile: u32, precinct: u8| {
        let mut bytes = vec![0xff, 0x4f, 0xff, 0x51, 0, 41, 0, 0];
        bytes.extend([4096, 4096, 0, 0, tile, tile, 0, 0_u32].iter().flat_map(|number| number.to_be_bytes()));
        bytes.extend([0, 1, 15, 1, 1, 0xff, 0x52, 0, 13, 1, 0, 0, 1, 0, 0, 4, 4, 0, 1, precinct]);
        bytes.resize(8192, 0);
        bytes
    };
    let refusal = |frame: Vec<u8>| {
        let draft = Draft::gray("1.2.840.10008.1.2.4.90", 4096, 4096).bytes(&items(&[frame]));
        decode(&draft.file()).expect_err("the frame is not read").to_string()
    };
    let damaged = |reason: &str| format!("the DICOM data are damaged: 8192 bytes cannot hold {reason}");
    assert_eq!(refusal(stream(4096, 0)), damaged("so many JPEG 2000 precincts"));
    assert_eq!(refusal(stream(1, 0xff)), damaged("16777216 JPEG 2000 tiles"));
}
