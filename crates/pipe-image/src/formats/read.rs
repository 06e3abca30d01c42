//! Opens a picture file: which format it really is, its header, its samples, and why it cannot be read.
//! It does not know the role of the file.

use std::io;
use std::path::Path;

use super::raster::Raster;
use super::{jpeg, png};

/// What the first bytes of a picture tell.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Header {
    /// The number of rows.
    pub height: usize,
    /// The number of columns.
    pub width: usize,
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
    /// A known format that is not read, or no picture.
    #[error("{found}, not PNG or JPEG")]
    Unsupported {
        /// What the first bytes look like.
        found: &'static str,
    },
}

/// Gives the header of a picture file without decoding it.
///
/// # Errors
/// If the file cannot be read, is of another format, or ends within its header.
pub fn header(path: &Path) -> Result<Header, FormatError> {
    use std::io::Read as _;
    // JPEG headers can follow a thumbnail or colour profile of any length; most fit in the first 64 KiB.
    let mut start = Vec::new();
    let mut file = std::fs::File::open(path)?;
    file.by_ref().take(1 << 16).read_to_end(&mut start)?;
    match header_of(&start) {
        Err(FormatError::Truncated { .. }) => {
            file.read_to_end(&mut start)?;
            header_of(&start)
        }
        found => found,
    }
}

fn header_of(bytes: &[u8]) -> Result<Header, FormatError> {
    match Format::of(bytes)? {
        Format::Png => png::header(bytes),
        Format::Jpeg => jpeg::header(bytes),
    }
}

/// Decodes a picture file.
///
/// # Errors
/// If the file cannot be read, is of another format, is damaged, or ends too early.
pub fn open(path: &Path) -> Result<Raster, FormatError> {
    decode(&std::fs::read(path)?)
}

/// Decodes a picture.
///
/// # Errors
/// If the bytes are of another format, damaged, or end too early.
pub fn decode(bytes: &[u8]) -> Result<Raster, FormatError> {
    match Format::of(bytes)? {
        Format::Png => png::decode(bytes),
        Format::Jpeg => jpeg::decode(bytes),
    }
}

enum Format {
    Png,
    Jpeg,
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
        let known: [(&[u8], &str); 9] = [
            (b"II*\0", "a TIFF file"),
            (b"MM\0*", "a TIFF file"),
            (b"BM", "a BMP file"),
            (b"GIF8", "a GIF file"),
            (b"P2", "a PGM file"),
            (b"P5", "a PGM file"),
            (b"RIFF", "a WebP file"),
            (b"\x1f\x8b", "a gzip file"),
            (b"\x89PNG", "a PNG file damaged by a text-mode transfer"),
        ];
        let found = known
            .iter()
            .find(|(magic, _)| bytes.starts_with(magic))
            .map_or("no picture", |(_, name)| name);
        Err(FormatError::Unsupported { found })
    }
}
