//! Opens a picture file: which format it really is, its header, its samples, and why it cannot be read.
//! It does not know the role of the file.

use std::fmt;
use std::fs::File;
use std::io::{self, Read as _};
use std::path::Path;

use super::raster::Raster;
use super::{bmp, dicom, gif, gzip, jpeg, nifti, png, pnm, tiff};

/// 16384 x 16384, or 640 x 640 x 655: above most stills and volumes that are read whole (1 GiB as samples); a header that says more must
/// not claim the memory for it.
pub(crate) const MOST_PIXELS: usize = 1 << 28;

/// Above any file of so many pixels: eight bytes for each of four channels.
const MOST_BYTES: u64 = 8 << 30;

/// The formats that are read, for messages.
pub(crate) const READ: &str = "PNG, JPEG, TIFF, BMP, GIF, PGM, PPM, PBM, NIfTI or DICOM";

/// What the first bytes of a file tell.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Header {
    /// The number of slices, pages or frames.
    pub slices: usize,
    /// The number of rows.
    pub height: usize,
    /// The number of columns.
    pub width: usize,
}

impl Header {
    /// Gives the header of a picture.
    pub fn picture(height: usize, width: usize) -> Self {
        Self { slices: 1, height, width }
    }
}

impl fmt::Display for Header {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { slices, height, width } = self;
        write!(formatter, "{width}x{height}")?;
        if *slices == 1 { Ok(()) } else { write!(formatter, "x{slices}") }
    }
}

/// Why a picture cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum FormatError {
    /// The file cannot be opened or read.
    #[error("{}", .0.kind())]
    Io(#[from] io::Error),
    /// The file has no bytes.
    #[error("the file is empty")]
    Empty,
    /// The file ends before the picture does.
    #[error("the file ends after {bytes} bytes, before the {format} picture does")]
    Truncated {
        /// The format that the first bytes announce.
        format: &'static str,
        /// The length of the file.
        bytes: usize,
    },
    /// The bytes are not what the format allows.
    #[error("the {format} data are damaged: {reason}")]
    Damaged {
        /// The format that the first bytes announce.
        format: &'static str,
        /// What the decoder says.
        reason: String,
    },
    /// More pixels than are taken into memory at once: a very large volume, a damaged header, or a trap.
    #[error(
        "the header says {header} pixels, and at most {MOST_PIXELS} (2^28, for instance 640x640x655) are read of one file; crop it, \
         resample it to larger voxels, or cut it into several files"
    )]
    TooLarge {
        /// What it says.
        header: Header,
    },
    /// More bytes than the largest picture takes.
    #[error("the file has {bytes} bytes, more than any picture that is read")]
    TooLong {
        /// The length of the file.
        bytes: u64,
    },
    /// A known format that is not read, or no picture.
    #[error("{found}, not {}", READ)]
    Unsupported {
        /// What the first bytes look like.
        found: &'static str,
    },
    /// A format that is read, but not everything that it allows.
    #[error("this {format} file is not read: {reason}")]
    UnsupportedKind {
        /// The format.
        format: &'static str,
        /// What of it is not read, and what to do.
        reason: String,
    },
}

/// Gives the header of a picture file without decoding it.
///
/// # Errors
/// If the file cannot be read, is of another format, or ends within its header.
pub fn header(path: &Path) -> Result<Header, FormatError> {
    // JPEG headers can follow a thumbnail or colour profile of any length; most fit in the first 64 KiB.
    let mut start = Vec::new();
    let mut file = opened(path)?;
    file.by_ref().take(1 << 16).read_to_end(&mut start)?;
    match header_of(&start) {
        Err(FormatError::Truncated { .. }) => {
            file.read_to_end(&mut start)?;
            header_of(&start)
        }
        found => found,
    }
}

/// Opens a file that is not too long to be read whole.
pub(super) fn opened(path: &Path) -> Result<File, FormatError> {
    let file = File::open(path)?;
    let bytes = file.metadata()?.len();
    if bytes > MOST_BYTES { Err(FormatError::TooLong { bytes }) } else { Ok(file) }
}

/// Reads a file whole.
pub(super) fn whole(path: &Path) -> Result<Vec<u8>, FormatError> {
    let mut bytes = Vec::new();
    opened(path)?.read_to_end(&mut bytes)?;
    Ok(bytes)
}

fn header_of(bytes: &[u8]) -> Result<Header, FormatError> {
    let header = match Format::of(bytes)? {
        Format::Png => png::header(bytes)?,
        Format::Jpeg => jpeg::header(bytes)?,
        Format::Nifti => nifti::header(bytes)?,
        Format::Tiff => tiff::header(bytes)?,
        Format::Bmp => bmp::header(bytes)?,
        Format::Gif => gif::header(bytes)?,
        Format::Pnm => pnm::header(bytes)?,
        Format::Dicom => dicom::header(bytes)?,
    };
    let Header { slices, height, width } = header;
    if height.saturating_mul(width).saturating_mul(slices) > MOST_PIXELS {
        Err(FormatError::TooLarge { header })
    } else {
        Ok(header)
    }
}

/// Decodes a picture file.
///
/// # Errors
/// If the file cannot be read, is of another format, is damaged, or ends too early.
pub fn open(path: &Path) -> Result<Raster, FormatError> {
    decode(&whole(path)?)
}

/// Decodes a picture.
///
/// # Errors
/// If the bytes are of another format, damaged, or end too early.
pub fn decode(bytes: &[u8]) -> Result<Raster, FormatError> {
    header_of(bytes)?;
    match Format::of(bytes)? {
        Format::Png => png::decode(bytes),
        Format::Jpeg => jpeg::decode(bytes),
        Format::Nifti => nifti::decode(bytes),
        Format::Tiff => tiff::decode(bytes),
        Format::Bmp => bmp::decode(bytes),
        Format::Gif => gif::decode(bytes),
        Format::Pnm => pnm::decode(bytes),
        Format::Dicom => dicom::decode(bytes),
    }
}

enum Format {
    Png,
    Jpeg,
    Nifti,
    Tiff,
    Bmp,
    Gif,
    Pnm,
    Dicom,
}

impl Format {
    fn of(bytes: &[u8]) -> Result<Self, FormatError> {
        if bytes.is_empty() {
            return Err(FormatError::Empty);
        }
        if bytes.starts_with(b"\x89PNG\r\n\x1a\n") {
            return Ok(Self::Png);
        }
        if bytes.starts_with(&[0xff, 0xd8, 0xff]) {
            return Ok(Self::Jpeg);
        }
        // Before TIFF: the preamble of a DICOM file may be the header of a TIFF file.
        if dicom::is_dicom(bytes) {
            return Ok(Self::Dicom);
        }
        if gzip::is_gzip(bytes) && nifti::is_nifti(&gzip::start(bytes, 4)?) || nifti::is_nifti(bytes) {
            return Ok(Self::Nifti);
        }
        if [b"II*\0", b"MM\0*", b"II+\0", b"MM\0+"].iter().any(|magic| bytes.starts_with(*magic)) {
            return Ok(Self::Tiff);
        }
        if bytes.starts_with(b"BM") {
            return Ok(Self::Bmp);
        }
        if bytes.starts_with(b"GIF87a") || bytes.starts_with(b"GIF89a") {
            return Ok(Self::Gif);
        }
        if matches!(bytes, [b'P', b'1'..=b'7', space, ..] if space.is_ascii_whitespace() || *space == b'#') {
            return Ok(Self::Pnm);
        }
        let known: [(&[u8], &str); 9] = [
            (b"RIFF", "a WebP file"),
            (b"\0\0\0\x0cjP  ", "a JPEG 2000 file"),
            (b"\xff\x4f\xff\x51", "a JPEG 2000 file"),
            (b"\0\0\0\x0cJXL ", "a JPEG XL file"),
            (b"\xff\x0a", "a JPEG XL file"),
            (b"NRRD", "an NRRD file"),
            (b"\x1f\x8b", "a gzip file with something else inside"),
            (b"PK\x03\x04", "a zip file"),
            (b"\x89PNG", "a PNG file damaged by a text-mode transfer"),
        ];
        if bytes.get(4..8) == Some(b"ftyp") {
            return Err(FormatError::Unsupported { found: "a HEIC, AVIF or MP4 file" });
        }
        let found = known.iter().find(|(magic, _)| bytes.starts_with(magic)).map_or("no picture", |(_, name)| name);
        Err(FormatError::Unsupported { found })
    }
}

#[cfg(test)]
mod tests {
    use ::png::{BitDepth, ColorType};

    use super::*;
    use crate::fixture::{encoded, gray, jpeg, real_data};

    #[track_caller]
    fn check(bytes: &[u8], channels: usize, full_scale: f32, samples: &[f32]) {
        let raster = decode(bytes).expect("the picture is good");
        assert_eq!(
            (raster.channels, raster.full_scale, raster.samples.as_slice()),
            (channels, Some(full_scale), samples)
        );
        let head = header_of(bytes).expect("the header is good");
        assert_eq!(head, Header { slices: raster.slices, height: raster.height, width: raster.width });
    }

    #[test]
    fn samples_stay_as_they_are() {
        check(&gray(3, 1, &[0, 7, 255]), 1, 255.0, &[0.0, 7.0, 255.0]);
        check(
            &encoded(2, 1, ColorType::Grayscale, BitDepth::Sixteen, None, &[1, 2, 255, 255]),
            1,
            65535.0,
            &[258.0, 65535.0],
        );
        check(
            &encoded(3, 2, ColorType::Grayscale, BitDepth::One, None, &[0b1010_0000, 0b0110_0000]),
            1,
            1.0,
            &[1.0, 0.0, 1.0, 0.0, 1.0, 1.0],
        );
        check(&encoded(3, 1, ColorType::Grayscale, BitDepth::Two, None, &[0b1101_1000]), 1, 3.0, &[3.0, 1.0, 2.0]);
        check(&encoded(1, 1, ColorType::Rgba, BitDepth::Eight, None, &[1, 2, 3, 0]), 4, 255.0, &[1.0, 2.0, 3.0, 0.0]);
        let palette: &[u8] = &[0, 0, 0, 255, 0, 0];
        let indexed = encoded(2, 1, ColorType::Indexed, BitDepth::Four, Some(palette), &[0x10]);
        check(&indexed, 1, 15.0, &[1.0, 0.0]);
        let raster = decode(&indexed).expect("the picture is good");
        assert_eq!(raster.colours(), [[255, 0, 0], [0, 0, 0]]);
        assert_eq!(raster.planes().len(), 3);
    }

    #[test]
    fn jpeg_is_told_by_content() {
        let bytes = jpeg(16, 8, &[200; 128], 90);
        let raster = decode(&bytes).expect("the picture is good");
        assert!(raster.lossy && raster.samples.iter().all(|value| (value - 200.0).abs() < 3.0));
        assert_eq!(header_of(&bytes).expect("the header is good"), Header::picture(8, 16));
    }

    #[test]
    fn a_file_cut_anywhere_is_truncated() {
        let noise: Vec<u8> = (0..64 * 64u32).map(|at| (at.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
        for bytes in [gray(64, 64, &noise), jpeg(64, 64, &noise, 80)] {
            for length in [12, 30, bytes.len() / 2, bytes.len() * 9 / 10, bytes.len() - 1] {
                let found = decode(&bytes[..length]);
                assert!(matches!(found, Err(FormatError::Truncated { .. })), "{length} of {}: {found:?}", bytes.len());
            }
        }
    }

    #[test]
    fn what_is_no_picture_says_what_it_looks_like() {
        assert!(matches!(decode(b""), Err(FormatError::Empty)));
        let message = |bytes: &[u8]| decode(bytes).expect_err("it is no picture").to_string();
        assert_eq!(message(b"RIFFrest"), format!("a WebP file, not {READ}"));
        assert_eq!(message(b"<html>"), format!("no picture, not {READ}"));
        let long = tempfile::NamedTempFile::new().expect("there is room");
        // Only its length is on the disk.
        long.as_file().set_len(MOST_BYTES + 1).expect("a file may have a hole");
        assert!(matches!(open(long.path()), Err(FormatError::TooLong { .. })));
        assert!(matches!(header(long.path()), Err(FormatError::TooLong { .. })));
        let mut huge = gray(8, 8, &[3; 64]);
        huge[16] = 0x40;
        assert!(matches!(decode(&huge), Err(FormatError::TooLarge { .. })));
        let mut damaged = gray(8, 8, &[3; 64]);
        let middle = damaged.len() - 20;
        damaged[middle] ^= 0xff;
        assert!(matches!(decode(&damaged), Err(FormatError::Damaged { .. })), "{}", message(&damaged));
    }

    #[test]
    fn sizes_are_held_against_what_bytes_can_hold() {
        // 16-bit colours with opacity, for which a decoder would take 2 GiB.
        let mut boastful = encoded(1, 1, ColorType::Rgba, BitDepth::Sixteen, None, &[0; 8]);
        boastful[16..24].copy_from_slice(&[0, 0, 0x40, 0, 0, 0, 0x40, 0]);
        let mut checksum = flate2::Crc::new();
        checksum.update(&boastful[12..29]);
        boastful[29..33].copy_from_slice(&checksum.sum().to_be_bytes());
        let mut vast = jpeg(8, 8, &[3; 64], 80);
        let frame = vast.windows(2).position(|pair| pair == [0xff, 0xc0]).expect("it has a frame");
        vast[frame + 5..frame + 9].copy_from_slice(&[0x3f, 0xff, 0x3f, 0xff]);
        for bytes in [boastful, vast] {
            let message = decode(&bytes).expect_err("it is short").to_string();
            assert!(message.contains("cannot hold"), "{message}");
        }
    }

    #[test]
    fn real_data_pictures_of_every_folder_are_whole() {
        let Some(root) = real_data("") else { return };
        let mut kinds = std::collections::BTreeMap::new();
        let mut read = std::collections::BTreeMap::new();
        let pictures = |path: &Path| path.extension().is_some_and(|extension| extension == "png" || extension == "jpg");
        for entry in walkdir::WalkDir::new(root).sort_by_file_name().into_iter().filter_map(Result::ok) {
            // Four of each folder: the others differ in nothing but pixels, and 12 Mpixel take seconds without optimisation.
            let small = entry.metadata().is_ok_and(|metadata| metadata.len() < 400_000);
            if entry.file_type().is_file() && small && pictures(entry.path()) {
                let count = read.entry(entry.path().parent().map(Path::to_path_buf)).or_insert(0);
                *count += 1;
                if *count > 4 {
                    continue;
                }
                let raster = open(entry.path()).unwrap_or_else(|error| panic!("{}: {error}", entry.path().display()));
                let head = header(entry.path()).expect("the picture was read");
                assert_eq!(head, Header { slices: raster.slices, height: raster.height, width: raster.width });
                *kinds
                    .entry((raster.channels, raster.full_scale.map(|scale| scale as u32), raster.lossy))
                    .or_insert(0) += 1;
            }
        }
        assert!(
            kinds.contains_key(&(1, Some(65535), false)) && kinds.contains_key(&(4, Some(255), false)),
            "{kinds:?}"
        );
    }
}
