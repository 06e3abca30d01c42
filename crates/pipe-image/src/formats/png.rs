//! PNG: 1 to 16 bits, gray, palette, RGB, with and without alpha, samples untouched.
//! It does not know files, only bytes.

use std::io::Cursor;

use super::raster::Raster;
use super::read::{FormatError, Header};

const FORMAT: &str = "PNG";
/// Deflate's shortest code, 2 bits, stands for 258 bytes.
const MOST_UNPACKED: usize = 258 * 8 / 2;

/// Gives the size from the header chunk.
pub(super) fn header(bytes: &[u8]) -> Result<Header, FormatError> {
    let number = |at: usize| bytes.get(at..at + 4).and_then(|bytes| bytes.try_into().ok()).map(u32::from_be_bytes);
    match (bytes.get(12..16), number(16), number(20)) {
        (Some(b"IHDR"), Some(width), Some(height)) if width > 0 && height > 0 => {
            Ok(Header::picture(height as usize, width as usize))
        }
        (Some(b"IHDR"), None, _) | (Some(b"IHDR"), _, None) | (None, _, _) => {
            Err(FormatError::Truncated { format: FORMAT, bytes: bytes.len() })
        }
        _ => Err(damaged("the header chunk is missing or empty")),
    }
}

/// Decodes the picture.
pub(super) fn decode(bytes: &[u8]) -> Result<Raster, FormatError> {
    let data = complete(bytes)?;
    // IDENTITY: no expansion of palette or bit depth; labels live in the indexes.
    let mut decoder = png::Decoder::new(Cursor::new(bytes));
    decoder.set_transformations(png::Transformations::IDENTITY);
    let mut reader = decoder.read_info().map_err(damaged)?;
    let length = reader.output_buffer_size().ok_or_else(|| damaged("the picture does not fit into memory"))?;
    if length > data.saturating_mul(MOST_UNPACKED) {
        return Err(damaged(format!("{data} bytes of pixels cannot hold as many as its header says")));
    }
    let mut buffer = vec![0; length];
    let frame = reader.next_frame(&mut buffer).map_err(damaged)?;
    let info = reader.info();
    let (width, height) = (info.width as usize, info.height as usize);
    let channels = frame.color_type.samples();
    let bits = frame.bit_depth as u32;
    let full_scale = Some(((1_u32 << bits) - 1) as f32);
    let samples = buffer
        .chunks_exact(frame.line_size)
        .take(height)
        .flat_map(|line| unpack(line, bits, width * channels))
        .map(f32::from)
        .collect();
    let palette = info
        .palette
        .as_ref()
        .map(|palette| palette.chunks_exact(3).map(|colour| [colour[0], colour[1], colour[2]]).collect());
    let palette = if frame.color_type == png::ColorType::Indexed { palette } else { None };
    let alpha = matches!(frame.color_type, png::ColorType::GrayscaleAlpha | png::ColorType::Rgba);
    Ok(Raster { slices: 1, height, width, channels, samples, full_scale, alpha, palette, ..Raster::default() })
}

/// Gives a gray PNG file of 8 bits: class ids as they are.
///
/// # Panics
/// If there is not one label a pixel.
pub fn write(labels: &[u8], height: usize, width: usize) -> Vec<u8> {
    let mut bytes = Vec::new();
    let side = |pixels: usize| u32::try_from(pixels).expect("pictures have sides below 2^32");
    let mut encoder = png::Encoder::new(&mut bytes, side(width), side(height));
    encoder.set_color(png::ColorType::Grayscale);
    encoder.set_depth(png::BitDepth::Eight);
    let mut writer = encoder.write_header().expect("writing to memory does not fail");
    writer.write_image_data(labels).expect("there is a label for each pixel");
    writer.finish().expect("writing to memory does not fail");
    bytes
}

/// Spreads packed samples of a line, most significant bits first.
fn unpack(line: &[u8], bits: u32, count: usize) -> Vec<u16> {
    match bits {
        16 => line.chunks_exact(2).take(count).map(|pair| u16::from_be_bytes([pair[0], pair[1]])).collect(),
        8 => line.iter().take(count).map(|byte| u16::from(*byte)).collect(),
        _ => {
            let mask = (1u16 << bits) - 1;
            let spread = |byte: u8| (0..8 / bits).rev().map(move |at| (u16::from(byte) >> (at * bits)) & mask);
            line.iter().flat_map(|byte| spread(*byte)).take(count).collect()
        }
    }
}

/// Walks the chunks up to the end chunk, so that a short file is told from a damaged one; gives how many bytes of pixels there are.
fn complete(bytes: &[u8]) -> Result<usize, FormatError> {
    let truncated = || FormatError::Truncated { format: FORMAT, bytes: bytes.len() };
    let (mut at, mut data) = (8, 0);
    loop {
        let head = bytes.get(at..at + 8).ok_or_else(truncated)?;
        let length = u32::from_be_bytes([head[0], head[1], head[2], head[3]]) as usize;
        let end = at + 12 + length;
        if end > bytes.len() {
            return Err(truncated());
        }
        match &head[4..8] {
            b"IEND" => return Ok(data),
            b"IDAT" => data += length,
            _ => {}
        }
        at = end;
    }
}

fn damaged(reason: impl std::fmt::Display) -> FormatError {
    FormatError::Damaged { format: FORMAT, reason: reason.to_string() }
}
