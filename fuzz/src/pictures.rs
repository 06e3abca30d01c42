//! Readers of picture files: any bytes give a raster whose parts agree with each other, or an error.
//! They do not write files.

use std::io::Write as _;

use flate2::Compression;
use flate2::write::{DeflateEncoder, GzEncoder};
use pipe_image::formats::{Geometry, Raster, decode};
use pipe_image::{Mask, MaskEncoding};

use super::Target;

/// The names of the targets, which are those of their corpora.
pub const TARGETS: &[Target] = &[
    ("png", png),
    ("jpeg", jpeg),
    ("bmp", bmp),
    ("gif", gif),
    ("pnm", pnm),
    ("tiff", tiff),
    ("nifti", nifti),
    ("nifti_gz", nifti_gz),
    ("dicom", dicom),
    ("dicom_frames", dicom_frames),
    ("encoding", encoding),
    ("any_format", any_format),
];

/// Beyond so many samples, what is made of a raster only costs time.
const FEW: usize = 1 << 16;

/// PNG files.
pub fn png(bytes: &[u8]) {
    starting(bytes, &[b"\x89PNG"]);
}

/// JPEG files.
pub fn jpeg(bytes: &[u8]) {
    starting(bytes, &[b"\xff\xd8\xff"]);
}

/// BMP files.
pub fn bmp(bytes: &[u8]) {
    starting(bytes, &[b"BM"]);
}

/// GIF files.
pub fn gif(bytes: &[u8]) {
    starting(bytes, &[b"GIF8"]);
}

/// PBM, PGM, PPM and PAM files.
pub fn pnm(bytes: &[u8]) {
    starting(bytes, &[b"P"]);
}

/// TIFF files.
pub fn tiff(bytes: &[u8]) {
    starting(bytes, &[b"II", b"MM"]);
}

/// NIfTI files without gzip.
pub fn nifti(bytes: &[u8]) {
    let sizes = [348_u32, 540];
    let starts: Vec<[u8; 4]> = sizes.iter().flat_map(|size| [size.to_le_bytes(), size.to_be_bytes()]).collect();
    starting(bytes, &starts.iter().map(<[u8; 4]>::as_slice).collect::<Vec<_>>());
}

/// NIfTI files in gzip: the bytes are packed, unless they are packed already.
pub fn nifti_gz(bytes: &[u8]) {
    if bytes.starts_with(b"\x1f\x8b") {
        return any_format(bytes);
    }
    let mut packed = GzEncoder::new(Vec::new(), Compression::fast());
    packed.write_all(bytes).expect("memory takes all");
    any_format(&packed.finish().expect("memory takes all"));
}

/// DICOM files with and without what stands before their elements.
pub fn dicom(bytes: &[u8]) {
    if bytes.get(128..132) == Some(b"DICM") || matches!(bytes, [2 | 8, 0, ..]) {
        any_format(bytes);
    }
}

/// Frames within DICOM files: five bytes say how they are coded, the samples of a pixel, their bits, and the size; what follows is
/// the data, as one item for each part between `----`.
pub fn dicom_frames(bytes: &[u8]) {
    let [syntax, kind, height, width, frames, data @ ..] = bytes else { return };
    let syntaxes = ["5", "4.50", "4.51", "4.57", "4.70", "4.90", "4.91", "1.99", "1"];
    let syntax = syntaxes[usize::from(*syntax) % syntaxes.len()];
    let colours: [&[u8]; 6] = [b"MONOCHROME2", b"RGB ", b"YBR_FULL_422", b"YBR_FULL", b"MONOCHROME1 ", b"YBR_RCT "];
    let colours = colours[usize::from(*kind) % colours.len()];
    let samples: u16 = if colours.starts_with(b"MONO") { 1 } else { 3 };
    let bits: u16 = [8, 16, 1, 32][usize::from(*kind) / 8 % 4];
    let mut file = [&[0; 128][..], b"DICM"].concat();
    element(&mut file, 2, 0x10, b"UI", format!("1.2.840.10008.1.2.{syntax}\0").as_bytes());
    let head = file.len();
    let mut short = |tag: u16, value: u16| element(&mut file, 0x28, tag, b"US", &value.to_le_bytes());
    short(2, samples);
    element(&mut file, 0x28, 4, b"CS", colours);
    element(&mut file, 0x28, 8, b"IS", format!("{:<2}", frames % 4 + 1).as_bytes());
    let mut short = |tag: u16, value: u16| element(&mut file, 0x28, tag, b"US", &value.to_le_bytes());
    short(0x10, u16::from(*height) + 1);
    short(0x11, u16::from(*width) + 1);
    short(0x100, bits);
    short(0x101, bits.saturating_sub(u16::from(*kind >> 6)));
    short(0x103, u16::from(*kind >> 5 & 1));
    file.extend([0xe0, 0x7f, 0x10, 0, b'O', b'B', 0, 0]);
    if syntax.starts_with('1') {
        file.extend((data.len() as u32).to_le_bytes());
        file.extend(data);
    } else {
        file.extend([0xff; 4]);
        let empty: &[u8] = &[];
        let mut items = vec![empty];
        let mut rest = data;
        while let Some(at) = rest.windows(4).position(|four| four == b"----") {
            items.push(&rest[..at]);
            rest = &rest[at + 4..];
        }
        items.push(rest);
        for item in items {
            file.extend([0xfe, 0xff, 0, 0xe0]);
            file.extend((item.len() as u32).to_le_bytes());
            file.extend(item);
        }
        file.extend([0xfe, 0xff, 0xdd, 0xe0, 0, 0, 0, 0]);
    }
    if syntax == "1.99" {
        let mut deflated = DeflateEncoder::new(file[..head].to_vec(), Compression::fast());
        deflated.write_all(&file[head..]).expect("memory takes all");
        file = deflated.finish().expect("memory takes all");
    }
    any_format(&file);
}

fn element(file: &mut Vec<u8>, group: u16, tag: u16, kind: &[u8; 2], value: &[u8]) {
    file.extend(group.to_le_bytes());
    file.extend(tag.to_le_bytes());
    file.extend(kind);
    let even = value.len().next_multiple_of(2);
    file.extend((even as u16).to_le_bytes());
    file.extend(value);
    file.resize(file.len() + even - value.len(), b' ');
}

/// Bytes of which nothing is known.
pub fn any_format(bytes: &[u8]) {
    match decode(bytes) {
        Ok(raster) => check(&raster),
        Err(error) => assert!(!error.to_string().is_empty()),
    }
}

/// Samples as no file would give them: the first bytes say their shape and how a mask is made of them.
pub fn encoding(bytes: &[u8]) {
    let [shape @ .., _, _, _, _, _] = &bytes[..bytes.len().min(10)] else { return };
    let [slices, height, width, channels, kind] = shape else { return };
    let [slices, height, width] = [slices % 3 + 1, height % 8 + 1, width % 8 + 1].map(usize::from);
    let palette = (kind & 1 == 1).then(|| bytes.chunks_exact(3).map(|three| [three[0], three[1], three[2]]).collect());
    let channels = if palette.is_some() { 1 } else { usize::from(channels % 5) + 1 };
    let values = bytes[5..].iter().cycle().scan(0_u32, |state, byte| {
        *state = state.wrapping_mul(31).wrapping_add(u32::from(*byte));
        Some(*state)
    });
    let sample = |state: u32| match kind >> 1 & 3 {
        0 => (state & 255) as f32,
        1 => (state & 3) as f32,
        2 => f32::from_bits(state.wrapping_mul(0x9e37_79b9)),
        _ => (state % 300) as f32 - 20.5,
    };
    let samples: Vec<f32> = values.take(slices * height * width * channels).map(sample).collect();
    let full_scale = [Some(255.0), Some(1.0), None, Some(65535.0)][usize::from(*kind >> 3 & 3)];
    let (alpha, lossy) = (kind & 32 != 0 && channels > 1, kind & 64 != 0);
    made(&Raster { slices, height, width, channels, samples, full_scale, alpha, palette, lossy, geometry: None });
}

fn starting(bytes: &[u8], starts: &[&[u8]]) {
    if starts.iter().any(|start| bytes.starts_with(start)) {
        any_format(bytes);
    }
}

/// Checks that the parts of a raster agree with each other.
fn check(raster: &Raster) {
    let Raster { slices, height, width, channels, .. } = *raster;
    assert!(slices * height * width * channels > 0, "an empty raster");
    assert_eq!(
        raster.samples.len(),
        slices * height * width * channels,
        "samples of {slices}x{height}x{width}x{channels}"
    );
    if let Some(full) = raster.full_scale {
        assert!(full >= 1.0, "a full scale of {full}");
        let within = |sample: &f32| (0.0..=full).contains(sample);
        assert!(raster.samples.iter().all(within), "samples beyond the full scale {full}");
    }
    assert!(!raster.alpha || channels > 1, "nothing but opacity");
    assert!(raster.palette.is_none() || channels == 1, "indexes in {channels} channels");
    if let Some(Geometry { spacing, affine, .. }) = raster.geometry {
        assert!(spacing.iter().all(|side| side.is_finite() && *side >= 0.0), "a spacing of {spacing:?}");
        let affine = affine.unwrap_or_default();
        assert!(affine.as_flattened().iter().all(|number| number.is_finite()), "an affine of {affine:?}");
    }
    made(raster);
}

/// Checks what is made of a raster: planes, and masks by every encoding.
fn made(raster: &Raster) {
    if raster.samples.len() > FEW {
        return;
    }
    let size = raster.height * raster.width;
    let planes = raster.planes();
    assert!(planes.len().is_multiple_of(raster.slices) && planes.iter().all(|plane| plane.len() == size), "planes");
    let encodings = [
        r#"{"binary":{}}"#,
        r#"{"binary":{"threshold":0.25,"foreground":"dark"}}"#,
        r#"{"labels":{"classes":4}}"#,
        r#"{"labels":{"values":[0,85,255],"classes":3}}"#,
        r#"{"labels":{"classes":256}}"#,
        r#"{"labels":{"classes":4,"ignore":255}}"#,
        r#"{"channels":["a","b"]}"#,
        r#"{"channels":["a"]}"#,
        r#"{"colours":[[0,0,0],[255,0,0]]}"#,
    ];
    for encoding in encodings {
        let encoding: MaskEncoding = serde_json::from_str(encoding).expect("the encoding is right");
        match encoding.decode(raster) {
            Ok(mask) => check_mask(&mask, [raster.slices, raster.height, raster.width]),
            Err(error) => assert!(!error.to_string().is_empty() && !error.hint().is_empty()),
        }
    }
}

fn check_mask(mask: &Mask, size: [usize; 3]) {
    assert_eq!([mask.depth, mask.height, mask.width], size, "the size of a mask");
    assert_eq!(mask.labels.len(), mask.layers * mask.size(), "the labels of a mask");
    assert!(mask.layers == 1 || mask.labels.iter().all(|label| *label < 2), "layers hold 0 and 1");
}
