//! JPEG: gray and colour, 8 bits; a file that ends too early is an error and not a picture with a gray rest.
//! It does not know files, only bytes.

use image::ImageDecoder as _;
use std::io::Cursor;

use super::raster::Raster;
use super::read::{FormatError, Header};

const FORMAT: &str = "JPEG";
/// A block of 64 samples takes a bit at least.
pub(super) const MOST_UNPACKED: usize = 512;

/// Gives the size from the frame header.
pub(super) fn header(bytes: &[u8]) -> Result<Header, FormatError> {
    let mut at = 2;
    loop {
        let (marker, segment) = segment(bytes, at)?;
        // Start-of-frame markers are C0..CF without C4 (Huffman tables), C8 (reserved) and CC (arithmetic tables).
        if matches!(marker, 0xc0..=0xcf) && !matches!(marker, 0xc4 | 0xc8 | 0xcc) {
            let body =
                bytes.get(segment.start..segment.end).filter(|body| body.len() >= 6).ok_or_else(|| truncated(bytes))?;
            let (height, width) = (u16::from_be_bytes([body[1], body[2]]), u16::from_be_bytes([body[3], body[4]]));
            return Ok(Header::picture(usize::from(height), usize::from(width)));
        }
        if matches!(marker, 0xd9 | 0xda) {
            return Err(damaged("the frame header is missing"));
        }
        at = segment.end;
    }
}

/// Decodes the picture.
pub(super) fn decode(bytes: &[u8]) -> Result<Raster, FormatError> {
    complete(bytes)?;
    let decoder = image::codecs::jpeg::JpegDecoder::new(Cursor::new(bytes)).map_err(damaged)?;
    let (width, height) = decoder.dimensions();
    if u64::from(width) * u64::from(height) > bytes.len().saturating_mul(MOST_UNPACKED) as u64 {
        return Err(damaged(format!("{} bytes cannot hold a picture of {width}x{height}", bytes.len())));
    }
    let colour = decoder.color_type();
    let mut buffer = vec![0; usize::try_from(decoder.total_bytes()).map_err(damaged)?];
    decoder.read_image(&mut buffer).map_err(damaged)?;
    Ok(Raster {
        slices: 1,
        height: height as usize,
        width: width as usize,
        channels: usize::from(colour.channel_count()),
        samples: buffer.into_iter().map(f32::from).collect(),
        full_scale: Some(255.0),
        lossy: true,
        ..Raster::default()
    })
}

/// Walks the segments and the entropy-coded data up to the end marker.
///
/// Decoders fill a missing rest with gray and say nothing, so the end is looked for here.
fn complete(bytes: &[u8]) -> Result<(), FormatError> {
    let mut at = 2;
    loop {
        let (marker, segment) = segment(bytes, at)?;
        match marker {
            0xd9 => return Ok(()),
            0xda => at = end_of_scan(bytes, segment.end)?,
            _ => at = segment.end,
        }
    }
}

/// Gives the place of the next marker that is neither a stuffed byte nor a restart.
fn end_of_scan(bytes: &[u8], start: usize) -> Result<usize, FormatError> {
    let mut pairs = bytes.windows(2).enumerate().skip(start);
    let end = pairs.find(|(_, pair)| pair[0] == 0xff && !matches!(pair[1], 0x00 | 0xd0..=0xd7 | 0xff));
    end.map(|(at, _)| at).ok_or_else(|| truncated(bytes))
}

/// Gives the marker at `at` (fill bytes skipped) and the range of its body.
fn segment(bytes: &[u8], at: usize) -> Result<(u8, std::ops::Range<usize>), FormatError> {
    let fill = bytes.get(at..).unwrap_or_default().iter().take_while(|byte| **byte == 0xff).count();
    let marker = *bytes.get(at + fill).ok_or_else(|| truncated(bytes))?;
    if fill == 0 {
        return Err(damaged(format!("no marker at byte {at}")));
    }
    let start = at + fill + 1;
    if matches!(marker, 0x01 | 0xd0..=0xd9) {
        return Ok((marker, start..start));
    }
    let length = bytes.get(start..start + 2).ok_or_else(|| truncated(bytes))?;
    let end = start + usize::from(u16::from_be_bytes([length[0], length[1]])).max(2);
    if end > bytes.len() {
        return Err(truncated(bytes));
    }
    Ok((marker, start + 2..end))
}

fn truncated(bytes: &[u8]) -> FormatError {
    FormatError::Truncated { format: FORMAT, bytes: bytes.len() }
}

fn damaged(reason: impl std::fmt::Display) -> FormatError {
    FormatError::Damaged { format: FORMAT, reason: reason.to_string() }
}
