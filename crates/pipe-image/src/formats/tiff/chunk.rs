//! Unpacks one strip or tile of a TIFF file into samples.
//! It does not know where the strip or tile lies in the page.

use std::io::Read as _;

use half::f16;

use super::directory::Layout;
use super::page::{Compression, Number, Packing, Page, Predictor};
use super::{damaged, not_read};
use crate::formats::jpeg;
use crate::formats::read::FormatError;

/// What a strip or tile holds: `rows` of `columns` pixels of as many samples as lie side by side.
#[derive(Debug, Clone, Copy)]
pub(super) struct Extent {
    pub(super) rows: usize,
    pub(super) columns: usize,
    pub(super) channels: usize,
}

impl Compression {
    /// Gives how many bytes one byte can stand for at most, rounded up.
    ///
    /// LZW: a code of 12 bits for 4096 bytes. Deflate: 1032. JPEG: a bit for a block of 64 samples.
    /// A file that declares more than its bytes can stand for is refused before memory is taken.
    pub(super) fn most(self) -> usize {
        match self {
            Self::Bytes(Packing::None) => 1,
            Self::Bytes(Packing::PackBits) => 64,
            Self::Bytes(Packing::Deflate) => 1040,
            Self::Bytes(Packing::Lzw) | Self::Jpeg => 4096,
        }
    }
}

impl Extent {
    fn samples_of_row(self) -> usize {
        self.columns * self.channels
    }

    /// Gives the bytes of a row: rows begin with a whole byte.
    fn bytes_of_row(self, bits: u32) -> usize {
        (self.samples_of_row() * bits as usize).div_ceil(8)
    }

    /// Tells whether so many bytes can stand for all samples.
    fn fits(self, page: &Page<'_>, bytes: usize) -> bool {
        let declared = self.bytes_of_row(page.shape.bits).saturating_mul(self.rows);
        declared <= bytes.saturating_mul(page.storage.compression.most())
    }
}

/// Gives the samples of a strip or tile.
pub(super) fn samples(page: &Page<'_>, data: &[u8], extent: Extent) -> Result<Vec<f32>, FormatError> {
    let bits = page.shape.bits;
    if !extent.fits(page, data.len()) {
        return Err(short());
    }
    let packing = match page.storage.compression {
        Compression::Jpeg => return jpeg_samples(page, data, extent),
        Compression::Bytes(packing) => packing,
    };
    let row_bytes = extent.bytes_of_row(bits);
    let bytes = unpack(packing, data, row_bytes * extent.rows)?;
    let mut samples = Vec::with_capacity(extent.samples_of_row() * extent.rows);
    for row in bytes.chunks_exact(row_bytes) {
        let mut words = match page.storage.predictor {
            Predictor::Float => words_by_byte(row, bits, extent),
            Predictor::None | Predictor::Horizontal => words(row, bits, extent, page.directory.layout),
        };
        if page.storage.predictor == Predictor::Horizontal {
            for at in extent.channels..words.len() {
                words[at] = words[at].wrapping_add(words[at - extent.channels]) & full(bits);
            }
        }
        samples.extend(words.into_iter().map(|word| value(word, page)));
    }
    Ok(samples)
}

/// Gives exactly `length` bytes.
fn unpack(packing: Packing, data: &[u8], length: usize) -> Result<Vec<u8>, FormatError> {
    match packing {
        Packing::None => data.get(..length).map(<[u8]>::to_vec).ok_or_else(short),
        Packing::Deflate => {
            let mut bytes = vec![0; length];
            let mut decoder = flate2::read::ZlibDecoder::new(data);
            decoder.read_exact(&mut bytes).map_err(damaged)?;
            // The checksum behind the data is looked at when more is asked for.
            decoder.read(&mut [0]).map_err(damaged)?;
            Ok(bytes)
        }
        Packing::PackBits => pack_bits(data, length).ok_or_else(short),
        Packing::Lzw => {
            if matches!(data, [0, second, ..] if second & 1 == 1) {
                return Err(not_read("LZW as written before 1992; save it again"));
            }
            let mut bytes = vec![0; length];
            let mut decoder = weezl::decode::Decoder::with_tiff_size_switch(weezl::BitOrder::Msb, 8);
            let (mut read, mut written) = (0, 0);
            while written < length {
                let result = decoder.decode_bytes(&data[read..], &mut bytes[written..]);
                read += result.consumed_in;
                written += result.consumed_out;
                match result.status.map_err(damaged)? {
                    weezl::LzwStatus::Ok if result.consumed_in + result.consumed_out > 0 => {}
                    _ if written == length => {}
                    weezl::LzwStatus::Ok | weezl::LzwStatus::NoProgress | weezl::LzwStatus::Done => return Err(short()),
                }
            }
            Ok(bytes)
        }
    }
}

fn short() -> FormatError {
    damaged("a strip or tile ends before its rows do")
}

/// Runs and copies: a length below 128 copies that many bytes and one more, one above repeats the next byte.
fn pack_bits(data: &[u8], length: usize) -> Option<Vec<u8>> {
    let mut bytes = Vec::with_capacity(length);
    let mut at = 0;
    while bytes.len() < length {
        let head = usize::from(*data.get(at)?);
        match head {
            0..=127 => {
                bytes.extend_from_slice(data.get(at + 1..at + 2 + head)?);
                at += 2 + head;
            }
            128 => at += 1,
            _ => {
                bytes.extend(std::iter::repeat_n(*data.get(at + 1)?, 257 - head));
                at += 2;
            }
        }
    }
    bytes.truncate(length);
    Some(bytes)
}

fn full(bits: u32) -> u64 {
    u64::MAX >> (64 - bits)
}

/// Gives the bits of every sample of a row, as the file has them.
fn words(row: &[u8], bits: u32, extent: Extent, layout: Layout) -> Vec<u64> {
    let count = extent.samples_of_row();
    if bits.is_multiple_of(8) {
        return row.chunks_exact(bits as usize / 8).take(count).map(|bytes| layout.number(bytes)).collect();
    }
    // Samples that are no whole bytes follow each other from the highest bit down, in both byte orders.
    let bit = |at: usize| u64::from(row[at / 8] >> (7 - at % 8) & 1);
    let bits = bits as usize;
    (0..count).map(|sample| (sample * bits..(sample + 1) * bits).fold(0, |word, at| word << 1 | bit(at))).collect()
}

/// Gives the bits of every sample of a row whose bytes were sorted, highest first, and then subtracted from each other.
fn words_by_byte(row: &[u8], bits: u32, extent: Extent) -> Vec<u64> {
    let mut bytes = row.to_vec();
    for at in extent.channels..bytes.len() {
        bytes[at] = bytes[at].wrapping_add(bytes[at - extent.channels]);
    }
    let (count, size) = (extent.samples_of_row(), bits as usize / 8);
    (0..count).map(|at| (0..size).fold(0, |word, byte| word << 8 | u64::from(bytes[byte * count + at]))).collect()
}

fn value(word: u64, page: &Page<'_>) -> f32 {
    let bits = page.shape.bits;
    match page.shape.number {
        Number::Unsigned if page.shape.inverted => (full(bits) - word) as f32,
        Number::Unsigned => word as f32,
        Number::Signed => ((word << (64 - bits)) as i64 >> (64 - bits)) as f32,
        Number::Float => match bits {
            16 => f16::from_bits(word as u16).to_f32(),
            32 => f32::from_bits(word as u32),
            _ => f64::from_bits(word) as f32,
        },
    }
}

/// Completes a JPEG stream, whose tables stand once for all strips or tiles, and decodes it.
fn jpeg_samples(page: &Page<'_>, data: &[u8], extent: Extent) -> Result<Vec<f32>, FormatError> {
    if !data.starts_with(&[0xff, 0xd8]) {
        return Err(damaged("a strip or tile does not begin as JPEG data do"));
    }
    // Without this marker decoders take three channels for luma and chroma.
    let transform = u8::from(page.storage.luma_chroma);
    let adobe = [&[0xff, 0xee, 0, 14][..], b"Adobe", &[0, 100, 0, 0, 0, 0, transform]].concat();
    let tables = page.storage.jpeg_tables.unwrap_or_default();
    let tables = tables.strip_prefix(&[0xff, 0xd8]).unwrap_or_default();
    let tables = tables.strip_suffix(&[0xff, 0xd9]).unwrap_or(tables);
    let marker = if extent.channels == 3 { adobe.as_slice() } else { &[] };
    let stream = [&[0xff, 0xd8], marker, tables, &data[2..]].concat();
    // The size in the stream decides what memory is taken.
    let size = jpeg::header(&stream).map_err(|error| inside(&error))?;
    if size.width != extent.columns || size.height < extent.rows || size.height > page.storage.chunk[0] {
        let Extent { rows, columns, .. } = extent;
        return Err(damaged(format!("JPEG data of {size} pixels in a strip or tile of {columns}x{rows}")));
    }
    let mut raster = jpeg::decode(&stream).map_err(|error| inside(&error))?;
    if raster.channels != extent.channels {
        return Err(damaged(format!("JPEG data of {} instead of {} channels", raster.channels, extent.channels)));
    }
    raster.samples.truncate(extent.rows * extent.samples_of_row());
    if page.shape.inverted {
        raster.samples.iter_mut().for_each(|value| *value = 255.0 - *value);
    }
    Ok(raster.samples)
}

/// An error in a strip or tile is one of the whole file, which itself is complete.
fn inside(error: &FormatError) -> FormatError {
    damaged(format!("a strip or tile: {error}"))
}
