//! BMP: palettes of 1 to 8 bits whose indexes stay indexes, also run-length encoded, and colours of 24 and 32 bits.
//! It does not know files, only bytes.
//!
//! The fourth byte of 32-bit pixels is dropped, as it means nothing, unless the header declares it as opacity.

use super::raster::Raster;
use super::read::{FormatError, Header};

const FORMAT: &str = "BMP";
/// The bytes before the header that tells the size.
const START: usize = 14;

/// What the header tells.
#[derive(Debug)]
struct Head {
    header: Header,
    /// The first row of the file is the top one.
    top_down: bool,
    bits: usize,
    packing: Packing,
    /// The bytes of a colour in the palette, and where the palette begins.
    palette: (usize, usize),
    /// How many colours the palette says that it has.
    colours: usize,
    /// Where the pixels begin.
    pixels: usize,
}

#[derive(Debug, Clone, PartialEq)]
enum Packing {
    None,
    RunLength,
    /// The place of red, green, blue, and opacity if there is one, among the bytes of a pixel.
    Places(Vec<usize>),
}

/// Gives the size from the header.
pub(super) fn header(bytes: &[u8]) -> Result<Header, FormatError> {
    Ok(Head::of(bytes)?.header)
}

/// Decodes the picture.
pub(super) fn decode(bytes: &[u8]) -> Result<Raster, FormatError> {
    let head = Head::of(bytes)?;
    let Header { height, width, .. } = head.header;
    let data = bytes.get(head.pixels..).ok_or_else(|| truncated(bytes))?;
    let palette = if head.bits <= 8 { Some(head.palette(bytes)?) } else { None };
    let places = match &head.packing {
        Packing::Places(places) => places.clone(),
        Packing::None | Packing::RunLength if head.bits > 8 => vec![2, 1, 0],
        Packing::None | Packing::RunLength => vec![0],
    };
    let channels = places.len();
    let mut rows: Vec<Vec<f32>> = if head.packing == Packing::RunLength {
        let indexes = run_lengths(data, &head).ok_or_else(|| truncated(bytes))??;
        indexes.chunks_exact(width).map(|row| row.iter().copied().map(f32::from).collect()).collect()
    } else {
        // Rows end with a multiple of four bytes.
        let length = (width * head.bits).div_ceil(32) * 4;
        let data = length.checked_mul(height).and_then(|length| data.get(..length)).ok_or_else(|| truncated(bytes))?;
        data.chunks_exact(length).map(|row| samples(row, &head, &places)).collect()
    };
    if !head.top_down {
        rows.reverse();
    }
    Ok(Raster {
        slices: 1,
        height,
        width,
        channels,
        samples: rows.concat(),
        full_scale: Some(((1_u32 << head.bits.min(8)) - 1) as f32),
        alpha: channels == 4,
        palette,
        ..Raster::default()
    })
}

impl Head {
    fn of(bytes: &[u8]) -> Result<Self, FormatError> {
        let number = |at: usize, length: usize| {
            let field = bytes.get(at..at + length).ok_or_else(|| truncated(bytes));
            field.map(|field| field.iter().rev().fold(0_u32, |number, byte| number << 8 | u32::from(*byte)))
        };
        let (pixels, size) = (number(10, 4)? as usize, number(START, 4)? as usize);
        // The first version has shorter numbers and nothing behind the bits.
        let old = size == 12;
        if !old && !(40..=256).contains(&size) {
            return Err(damaged(format!("a header of {size} bytes does not exist")));
        }
        let (width, height, bits) = if old {
            (number(START + 4, 2)? as i32, i64::from(number(START + 6, 2)?), number(START + 10, 2)?)
        } else {
            (number(START + 4, 4)? as i32, i64::from(number(START + 8, 4)? as i32), number(START + 14, 2)?)
        };
        if width <= 0 || height == 0 {
            return Err(damaged(format!("a size of {width}x{height} does not exist")));
        }
        let (packing, colours) = if old { (0, 0) } else { (number(START + 16, 4)?, number(START + 32, 4)? as usize) };
        let packing = match (packing, bits) {
            (0, 1 | 2 | 4 | 8 | 24 | 32) => Packing::None,
            (1, 8) | (2, 4) if height > 0 => Packing::RunLength,
            (3 | 6, 32) => {
                let opacity = if size >= 56 || packing == 6 { number(START + 52, 4)? } else { 0 };
                let colours = [number(START + 40, 4)?, number(START + 44, 4)?, number(START + 48, 4)?];
                places(colours, opacity)?
            }
            (0 | 3, 16) => return Err(not_read("5 or 6 bits a colour; save it with 24 bits")),
            (4 | 5, _) => return Err(not_read("it holds a JPEG or PNG picture; save it as such")),
            _ => return Err(damaged(format!("compression {packing} of {bits} bits does not exist"))),
        };
        // Colour masks stand between a header of 40 bytes and the palette, but only where there is none.
        let palette = (if old { 3 } else { 4 }, START + size);
        let header = Header::picture(height.unsigned_abs() as usize, width as usize);
        Ok(Self { header, top_down: height < 0, bits: bits as usize, packing, palette, colours, pixels })
    }

    /// Gives the colours of the palette, which may be fewer than there are indexes.
    fn palette(&self, bytes: &[u8]) -> Result<Vec<[u8; 3]>, FormatError> {
        let most = 1 << self.bits;
        let (length, at) = self.palette;
        let colours = if self.colours == 0 { most } else { self.colours.min(most) };
        let end = at + colours * length;
        let colours = bytes.get(at..end).ok_or_else(|| truncated(bytes))?;
        if end > self.pixels {
            return Err(damaged("its palette runs into its pixels"));
        }
        Ok(colours.chunks_exact(length).map(|colour| [colour[2], colour[1], colour[0]]).collect())
    }
}

/// Gives which bytes hold the colours.
fn places(colours: [u32; 3], opacity: u32) -> Result<Packing, FormatError> {
    let all = if opacity == 0 { colours.to_vec() } else { [&colours[..], &[opacity]].concat() };
    let place = |mask: &u32| (0..4).find(|at| *mask == 0xff_u32 << (8 * at));
    let places: Option<Vec<usize>> = all.iter().map(place).collect();
    places.map(Packing::Places).ok_or_else(|| not_read("colours of other than 8 bits; save it with 24 bits"))
}

fn samples(row: &[u8], head: &Head, places: &[usize]) -> Vec<f32> {
    let width = head.header.width;
    if head.bits > 8 {
        let pixels = row.chunks_exact(head.bits / 8).take(width);
        return pixels.flat_map(|pixel| places.iter().map(|place| f32::from(pixel[*place]))).collect();
    }
    let (bits, each) = (head.bits, 8 / head.bits);
    let index = |at: usize| row[at / each] >> (8 - bits - at % each * bits) & (0xff >> (8 - bits));
    (0..width).map(|at| f32::from(index(at))).collect()
}

/// Gives the indexes of run-length encoded rows, the bottom one first; nothing when the bytes end before the end mark.
///
/// Pixels that are jumped over have index 0.
fn run_lengths(data: &[u8], head: &Head) -> Option<Result<Vec<u8>, FormatError>> {
    let Header { height, width, .. } = head.header;
    let outside = || Some(Err(damaged("a run of pixels leaves the picture")));
    // Two bytes give at most 255 pixels or end a row. Jumps can leave out more, but no program draws whole pictures so.
    if height * width > data.len().saturating_mul(4096) {
        return None;
    }
    let mut indexes = vec![0; height * width];
    let (mut at, mut x, mut y) = (0, 0, 0);
    loop {
        let (count, second) = (usize::from(*data.get(at)?), *data.get(at + 1)?);
        at += 2;
        // Four bits: two pixels a byte, the upper half first.
        let half = |byte: u8, number: usize| match (head.bits, number % 2) {
            (4, 0) => byte >> 4,
            (4, _) => byte & 15,
            _ => byte,
        };
        let run: Vec<u8> = match (count, second) {
            (0, 0) => {
                (x, y) = (0, y + 1);
                continue;
            }
            (0, 1) => return Some(Ok(indexes)),
            (0, 2) => {
                (x, y) = (x + usize::from(*data.get(at)?), y + usize::from(*data.get(at + 1)?));
                at += 2;
                continue;
            }
            (0, copied) => {
                let copied = usize::from(copied);
                let length = (copied * head.bits).div_ceil(8);
                let bytes = data.get(at..at + length)?;
                at += length.next_multiple_of(2);
                (0..copied).map(|number| half(bytes[number * head.bits / 8], number)).collect()
            }
            (count, byte) => (0..count).map(|number| half(byte, number)).collect(),
        };
        if y >= height || x + run.len() > width {
            return outside();
        }
        indexes[y * width + x..y * width + x + run.len()].copy_from_slice(&run);
        x += run.len();
    }
}

fn truncated(bytes: &[u8]) -> FormatError {
    FormatError::Truncated { format: FORMAT, bytes: bytes.len() }
}

fn damaged(reason: impl std::fmt::Display) -> FormatError {
    FormatError::Damaged { format: FORMAT, reason: reason.to_string() }
}

fn not_read(reason: impl Into<String>) -> FormatError {
    FormatError::UnsupportedKind { format: FORMAT, reason: reason.into() }
}

#[cfg(test)]
mod tests;
