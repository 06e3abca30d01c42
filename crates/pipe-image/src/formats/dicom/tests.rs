//! What is read of files that are built here: values, geometry, series, and what hostile bytes come to.
//! It does not know real files; `tests/real.rs` does.

mod hostile;
mod real;
mod stacks;

use super::*;
use crate::formats::geometry::Geometry;

pub(crate) const EXPLICIT: &str = "1.2.840.10008.1.2.1";
const IMPLICIT: &str = "1.2.840.10008.1.2";
const BIG: &str = "1.2.840.10008.1.2.2";
const DEFLATED: &str = "1.2.840.10008.1.2.1.99";
const RLE: &str = "1.2.840.10008.1.2.5";
const BASELINE: &str = "1.2.840.10008.1.2.4.50";

type Element = (u16, u16, &'static str, Vec<u8>);

/// A file in the making: its elements in the order in which they were given.
#[derive(Clone)]
pub(crate) struct Draft {
    syntax: &'static str,
    elements: Vec<Element>,
}

impl Draft {
    /// A gray image of 16 bits without its pixels.
    pub(crate) fn gray(syntax: &'static str, height: u16, width: u16) -> Self {
        Self { syntax, elements: Vec::new() }
            .text(8, 0x16, "UI", "1.2.840.10008.5.1.4.1.1.2")
            .text(8, 0x60, "CS", "CT")
            .text(0x20, 0xe, "UI", "1.2.3")
            .short(0x28, 2, 1)
            .text(0x28, 4, "CS", "MONOCHROME2")
            .short(0x28, 0x10, height)
            .short(0x28, 0x11, width)
            .short(0x28, 0x100, 16)
            .short(0x28, 0x101, 16)
            .short(0x28, 0x102, 15)
            .short(0x28, 0x103, 0)
    }

    fn element(mut self, group: u16, element: u16, vr: &'static str, bytes: Vec<u8>) -> Self {
        self.elements.retain(|(one, other, ..)| (*one, *other) != (group, element));
        self.elements.push((group, element, vr, bytes));
        self
    }

    pub(crate) fn text(self, group: u16, element: u16, vr: &'static str, text: &str) -> Self {
        let padded = if text.len() % 2 == 1 { format!("{text} ") } else { text.to_owned() };
        self.element(group, element, vr, padded.into_bytes())
    }

    fn short(self, group: u16, element: u16, value: u16) -> Self {
        let bytes = self.two(value).to_vec();
        self.element(group, element, "US", bytes)
    }

    fn two(&self, value: u16) -> [u8; 2] {
        if self.syntax == BIG { value.to_be_bytes() } else { value.to_le_bytes() }
    }

    fn four(&self, value: u32) -> [u8; 4] {
        if self.syntax == BIG { value.to_be_bytes() } else { value.to_le_bytes() }
    }

    /// Adds pixels of 16 bits.
    pub(crate) fn words(self, values: &[u16]) -> Self {
        let bytes = values.iter().flat_map(|value| self.two(*value)).collect();
        self.element(0x7fe0, 0x10, "OW", bytes)
    }

    fn bytes(self, values: &[u8]) -> Self {
        self.element(0x7fe0, 0x10, "OB", values.to_vec())
    }

    /// Adds a position and an orientation.
    pub(crate) fn placed(self, position: &str, orientation: &str) -> Self {
        self.text(0x20, 0x32, "DS", position).text(0x20, 0x37, "DS", orientation).text(0x28, 0x30, "DS", "2\\3")
    }

    /// Gives the data set alone.
    fn data_set(&self) -> Vec<u8> {
        let mut elements = self.elements.clone();
        elements.sort_by_key(|(group, element, ..)| (*group, *element));
        let mut bytes = Vec::new();
        for (group, element, vr, value) in elements {
            bytes.extend(self.two(group).into_iter().chain(self.two(element)));
            let length = u32::try_from(value.len()).expect("test files are small");
            match (self.syntax, vr) {
                (IMPLICIT, _) => bytes.extend(self.four(length)),
                (_, "OB" | "OW" | "SQ" | "UN") => {
                    bytes.extend(vr.bytes().chain([0, 0]));
                    // Compressed pixels, whose value is a sequence of items.
                    let items = vr == "OB" && value.starts_with(&[0xfe, 0xff]);
                    bytes.extend(if items { [0xff; 4] } else { self.four(length) });
                }
                (_, vr) => bytes.extend(vr.bytes().chain(self.two(length as u16))),
            }
            bytes.extend(value);
        }
        bytes
    }

    /// Gives the whole file.
    pub(crate) fn file(&self) -> Vec<u8> {
        let mut bytes = vec![0; 128];
        bytes.extend(b"DICM");
        let uid = format!("{:\0<1$}", self.syntax, self.syntax.len().next_multiple_of(2));
        bytes.extend([2, 0, 0x10, 0, b'U', b'I', uid.len() as u8, 0]);
        bytes.extend(uid.bytes());
        let data = self.data_set();
        if self.syntax == DEFLATED {
            let mut encoder = flate2::write::DeflateEncoder::new(bytes, flate2::Compression::fast());
            std::io::Write::write_all(&mut encoder, &data).expect("writing to memory works");
            return encoder.finish().expect("writing to memory works");
        }
        bytes.extend(data);
        bytes
    }
}

/// Gives compressed pixels: an empty offset table, a fragment for each frame, the end.
fn items(frames: &[Vec<u8>]) -> Vec<u8> {
    let mut bytes = vec![0xfe, 0xff, 0, 0xe0, 0, 0, 0, 0];
    for frame in frames {
        bytes.extend([0xfe, 0xff, 0, 0xe0]);
        bytes.extend((frame.len() as u32).to_le_bytes());
        bytes.extend(frame);
    }
    bytes.extend([0xfe, 0xff, 0xdd, 0xe0, 0, 0, 0, 0]);
    bytes
}

/// Gives an RLE frame of these packed segments.
fn rle(segments: &[&[u8]]) -> Vec<u8> {
    let mut header = vec![segments.len() as u32];
    let mut at = 64;
    for segment in segments {
        header.push(at);
        at += segment.len() as u32;
    }
    header.resize(16, 0);
    header.iter().flat_map(|number| number.to_le_bytes()).chain(segments.concat()).collect()
}

#[track_caller]
fn check(draft: &Draft, full_scale: Option<f32>, samples: &[f32]) -> Raster {
    let bytes = draft.file();
    let raster = decode(&bytes).expect("the file is good");
    assert_eq!((raster.full_scale, raster.samples.as_slice()), (full_scale, samples));
    let Raster { slices, height, width, .. } = raster;
    assert_eq!(header(&bytes).expect("the header is good"), Header { slices, height, width });
    raster
}

#[track_caller]
fn refused(draft: &Draft, message: &str) {
    assert_eq!(decode(&draft.file()).expect_err("the file is not read").to_string(), message);
}

#[test]
fn samples_are_those_of_every_uncompressed_syntax() {
    for syntax in [EXPLICIT, IMPLICIT, BIG, DEFLATED] {
        let draft = Draft::gray(syntax, 1, 3).words(&[1, 258, 65535]);
        let raster = check(&draft, Some(65535.0), &[1.0, 258.0, 65535.0]);
        assert!(!raster.lossy && raster.geometry.is_none());
    }
    // Bytes in words are swapped by the order of the file, and only there.
    let eight = |syntax| Draft::gray(syntax, 1, 3).short(0x28, 0x100, 8).short(0x28, 0x101, 8).short(0x28, 0x102, 7);
    check(&eight(BIG).element(0x7fe0, 0x10, "OW", vec![2, 1, 0, 3]), Some(255.0), &[1.0, 2.0, 3.0]);
    check(&eight(BIG).bytes(&[1, 2, 3, 0]), Some(255.0), &[1.0, 2.0, 3.0]);
    check(&eight(EXPLICIT).element(0x7fe0, 0x10, "OW", vec![1, 2, 3, 0]), Some(255.0), &[1.0, 2.0, 3.0]);
}

#[test]
fn files_without_preamble_are_told_by_their_first_elements() {
    for syntax in [EXPLICIT, IMPLICIT] {
        let data = Draft::gray(syntax, 1, 2).words(&[7, 8]).data_set();
        assert!(is_dicom(&data), "{syntax}");
        assert_eq!(decode(&data).expect("the file is good").samples, [7.0, 8.0]);
    }
    assert!(!is_dicom(b"<html>") && !is_dicom(&[8, 0, 5, 0]) && !is_dicom(&[8, 0, 5, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9]));
}

#[test]
fn only_stored_bits_count() {
    let twelve =
        |signed| Draft::gray(EXPLICIT, 1, 3).short(0x28, 0x101, 12).short(0x28, 0x102, 11).short(0x28, 0x103, signed);
    check(&twelve(0).words(&[0xf001, 0x0fff, 0x8800]), Some(4095.0), &[1.0, 4095.0, 2048.0]);
    check(&twelve(1).words(&[0xf001, 0x0fff, 0x8800]), None, &[1.0, -1.0, -2048.0]);
    let shifted = twelve(0).short(0x28, 0x102, 15).words(&[0x001f, 0xfff0, 0x8000]);
    check(&shifted, Some(4095.0), &[1.0, 4095.0, 2048.0]);
    let single = Draft::gray(EXPLICIT, 3, 3).short(0x28, 0x100, 1).short(0x28, 0x101, 1).short(0x28, 0x102, 0);
    let two = single.text(0x28, 8, "IS", "2").bytes(&[0b0000_0101, 0b0000_0011, 0b10]);
    let expected: Vec<f32> = [1, 0, 1, 0, 0, 0, 0, 0, 1, 1, 0, 0, 0, 0, 0, 0, 0, 1].map(|bit| bit as f32).to_vec();
    assert_eq!(check(&two, Some(1.0), &expected).slices, 2);
    let four = Draft::gray(EXPLICIT, 1, 1).short(0x28, 0x100, 32).short(0x28, 0x101, 32).short(0x28, 0x102, 31);
    check(&four.words(&[2, 1]), None, &[65538.0]);
}

#[test]
fn slope_and_intercept_are_applied() {
    let scaled = |slope, intercept| {
        let draft = Draft::gray(EXPLICIT, 1, 2).words(&[0, 100]);
        draft.text(0x28, 0x1052, "DS", intercept).text(0x28, 0x1053, "DS", slope)
    };
    check(&scaled("1", "-1024"), None, &[-1024.0, -924.0]);
    check(&scaled("0.5", "3"), None, &[3.0, 53.0]);
    check(&scaled("1.0", "0"), Some(65535.0), &[0.0, 100.0]);
    // A window changes nothing.
    check(
        &scaled("1", "0").text(0x28, 0x1050, "DS", "40").text(0x28, 0x1051, "DS", "400"),
        Some(65535.0),
        &[0.0, 100.0],
    );
}

#[test]
fn monochrome1_is_turned_over_within_its_stored_bits() {
    let draft =
        Draft::gray(EXPLICIT, 1, 2).text(0x28, 4, "CS", "MONOCHROME1").short(0x28, 0x101, 10).short(0x28, 0x102, 9);
    check(&draft.clone().words(&[0, 1000]), Some(1023.0), &[1023.0, 23.0]);
    let scaled = draft.clone().text(0x28, 0x1052, "DS", "200").text(0x28, 0x1053, "DS", "0.5");
    check(&scaled.clone().words(&[0, 1000]), None, &[711.5, 211.5]);
    check(&scaled.text(8, 0x60, "CS", "PT").words(&[0, 1000]), None, &[200.0, 700.0]);
    check(&draft.short(0x28, 0x103, 1).words(&[0, 511]), None, &[-1.0, -512.0]);
}

#[test]
fn colours_become_three_channels() {
    let colours = |interpretation, planar: u16| {
        let draft = Draft::gray(EXPLICIT, 1, 2).short(0x28, 0x100, 8).short(0x28, 0x101, 8).short(0x28, 0x102, 7);
        draft.short(0x28, 2, 3).text(0x28, 4, "CS", interpretation).short(0x28, 6, planar)
    };
    let expected = [255.0, 0.0, 0.0, 1.0, 2.0, 3.0];
    assert_eq!(check(&colours("RGB", 0).bytes(&[255, 0, 0, 1, 2, 3]), Some(255.0), &expected).channels, 3);
    check(&colours("RGB", 1).bytes(&[255, 1, 0, 2, 0, 3]), Some(255.0), &expected);
    // Red, and a gray.
    check(&colours("YBR_FULL", 0).bytes(&[76, 85, 255, 9, 128, 128]), Some(255.0), &[254.0, 0.0, 0.0, 9.0, 9.0, 9.0]);
    check(&colours("YBR_FULL_422", 0).bytes(&[7, 9, 128, 128]), Some(255.0), &[7.0, 7.0, 7.0, 9.0, 9.0, 9.0]);
    let palette = |draft: Draft, element: u16, values: &[u8]| {
        let described: Vec<u8> = [2_u16, 5, 8].iter().flat_map(|value| value.to_le_bytes()).collect();
        draft.element(0x28, 0x1101 + element, "US", described).element(0x28, 0x1201 + element, "OW", values.to_vec())
    };
    let indexed = colours("PALETTE COLOR", 0).short(0x28, 2, 1).bytes(&[6, 0]);
    let indexed = palette(palette(palette(indexed, 0, &[1, 2]), 1, &[3, 4]), 2, &[5, 6]);
    check(&indexed, Some(255.0), &[2.0, 4.0, 6.0, 1.0, 3.0, 5.0]);
    refused(&colours("HSV", 0).bytes(&[0; 6]), "this DICOM file is not read: its pixels are `HSV` of 3 samples");
}

#[test]
fn compressed_frames_are_slices() {
    // A run of three, a no-operation, two literals; high bytes come first.
    let first = rle(&[&[254, 1], &[128, 0, 7, 1, 8, 9]]);
    let second = rle(&[&[254, 0], &[254, 5]]);
    let draft = Draft::gray(RLE, 1, 3).text(0x28, 8, "IS", "2").bytes(&items(&[first, second]));
    check(&draft, Some(65535.0), &[263.0, 264.0, 265.0, 5.0, 5.0, 5.0]);
    let jpeg = crate::fixture::jpeg(16, 8, &[200; 128], 90);
    let eight = Draft::gray(BASELINE, 8, 16).short(0x28, 0x100, 8).short(0x28, 0x101, 8).short(0x28, 0x102, 7);
    let raster =
        decode(&eight.clone().bytes(&items(&[jpeg[..40].to_vec(), jpeg[40..].to_vec()])).file()).expect("it is good");
    assert!(raster.lossy && raster.samples.iter().all(|value| (value - 200.0).abs() < 3.0));
    refused(
        &eight.clone().short(0x28, 0x10, 9).bytes(&items(&[jpeg])),
        "the DICOM data are damaged: a JPEG frame of 16x8 where 16x9 belong",
    );
    refused(
        &Draft { syntax: "1.2.840.10008.1.2.4.80", ..eight.bytes(&items(&[vec![0; 32]])) },
        "this DICOM file is not read: its pixels are compressed by JPEG-LS Lossless Image Compression \
         (1.2.840.10008.1.2.4.80); convert it, say with `gdcmconv --raw`",
    );
}

#[test]
fn the_affine_leads_to_ras() {
    let draft = Draft::gray(EXPLICIT, 1, 1).words(&[0]).placed("10\\20\\30", "0\\1\\0\\0\\0\\-1");
    let geometry = |draft: &Draft| decode(&draft.file()).expect("the file is good").geometry.expect("it has a place");
    // Columns go to the back, rows down, slices to the patient's right; x and y change their signs.
    let lines = |apart: f64| [[0.0, 0.0, apart, -10.0], [-3.0, 0.0, 0.0, -20.0], [0.0, -2.0, 0.0, 30.0]];
    assert_eq!(geometry(&draft), Geometry::new([0.0, 2.0, 3.0], Some(lines(1.0))));
    let thick = draft.text(0x18, 0x50, "DS", "5");
    assert_eq!(geometry(&thick), Geometry::new([5.0, 2.0, 3.0], Some(lines(5.0))));
    let apart = thick.text(0x18, 0x88, "DS", "6.5");
    assert_eq!(geometry(&apart), Geometry::new([6.5, 2.0, 3.0], Some(lines(6.5))));
    let imager = Draft::gray(EXPLICIT, 1, 1).words(&[0]).text(0x18, 0x1164, "DS", "0.2\\0.3");
    assert_eq!(geometry(&imager), Geometry::new([0.0, 0.2, 0.3], None));
}
