//! What one page of a TIFF file is: its size, its samples, and where its strips or tiles lie; or why it is not read.
//! It does not know the other pages, and decodes nothing.

use super::directory::Directory;
use super::{damaged, not_read};
use crate::formats::read::FormatError;

/// The numbers of the tags that are looked at.
mod tag {
    pub(super) const KIND_OF_PAGE: u16 = 254;
    pub(super) const WIDTH: u16 = 256;
    pub(super) const HEIGHT: u16 = 257;
    pub(super) const BITS: u16 = 258;
    pub(super) const COMPRESSION: u16 = 259;
    pub(super) const PHOTOMETRIC: u16 = 262;
    pub(super) const FILL_ORDER: u16 = 266;
    pub(super) const STRIP_OFFSETS: u16 = 273;
    pub(super) const CHANNELS: u16 = 277;
    pub(super) const ROWS_PER_STRIP: u16 = 278;
    pub(super) const STRIP_LENGTHS: u16 = 279;
    pub(super) const PLANAR: u16 = 284;
    pub(super) const PREDICTOR: u16 = 317;
    pub(super) const PALETTE: u16 = 320;
    pub(super) const TILE_WIDTH: u16 = 322;
    pub(super) const TILE_HEIGHT: u16 = 323;
    pub(super) const TILE_OFFSETS: u16 = 324;
    pub(super) const TILE_LENGTHS: u16 = 325;
    pub(super) const EXTRA_SAMPLES: u16 = 338;
    pub(super) const SAMPLE_FORMAT: u16 = 339;
    pub(super) const JPEG_TABLES: u16 = 347;
}

/// How the bits of a sample are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Number {
    /// Without a sign.
    Unsigned,
    /// With a sign, as two's complement.
    Signed,
    /// Floating point.
    Float,
}

/// How the bytes of a strip or tile are packed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Compression {
    /// Bytes of samples, packed without loss.
    Bytes(Packing),
    /// JPEG, with loss.
    Jpeg,
}

/// How bytes are packed without loss.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Packing {
    None,
    Lzw,
    Deflate,
    PackBits,
}

/// What was subtracted before packing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Predictor {
    None,
    /// The sample to the left.
    Horizontal,
    /// The byte to the left, of bytes sorted by their place in the number.
    Float,
}

/// What must be the same for all pages.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Shape {
    pub(super) height: usize,
    pub(super) width: usize,
    pub(super) channels: usize,
    pub(super) bits: u32,
    pub(super) number: Number,
    /// The largest value means black.
    pub(super) inverted: bool,
    /// The last channel is opacity.
    pub(super) alpha: bool,
    pub(super) palette: Option<Vec<[u8; 3]>>,
}

/// How the samples of a page are stored.
#[derive(Debug)]
pub(super) struct Storage<'a> {
    pub(super) compression: Compression,
    pub(super) predictor: Predictor,
    /// Each channel has strips or tiles of its own.
    pub(super) planar: bool,
    /// JPEG data hold luma and chroma, not red, green and blue.
    pub(super) luma_chroma: bool,
    pub(super) jpeg_tables: Option<&'a [u8]>,
    pub(super) tiled: bool,
    /// The size of a tile, or of all strips but the last.
    pub(super) chunk: [usize; 2],
}

/// One page.
#[derive(Debug)]
pub(super) struct Page<'a> {
    /// Its number in the file, with thumbnails, from 1.
    pub(super) number: usize,
    pub(super) directory: Directory<'a>,
    pub(super) shape: Shape,
    pub(super) storage: Storage<'a>,
}

/// Tells whether a page shows another one smaller.
pub(super) fn is_thumbnail(directory: &Directory<'_>) -> Result<bool, FormatError> {
    Ok(directory.number_or(tag::KIND_OF_PAGE, 0)? & 1 == 1)
}

impl<'a> Page<'a> {
    pub(super) fn new(number: usize, directory: Directory<'a>) -> Result<Self, FormatError> {
        let storage = Storage::of(&directory)?;
        let shape = Shape::of(&directory, storage.compression)?;
        match (storage.compression, shape.bits, shape.number) {
            (Compression::Jpeg, 8, Number::Unsigned) if shape.palette.is_none() => {}
            (Compression::Jpeg, ..) => {
                return Err(not_read("JPEG data of other than 8-bit gray or colour; save it uncompressed"));
            }
            _ => {}
        }
        match (storage.predictor, shape.bits, shape.number) {
            (Predictor::None, ..)
            | (Predictor::Horizontal, 8 | 16 | 32 | 64, _)
            | (Predictor::Float, 16 | 32 | 64, Number::Float) => {}
            _ => return Err(not_read("its predictor does not go with its sample type; save it without predictor")),
        }
        // Tiles of 4096 are in use for small pages too; wider ones would only take memory.
        if storage.chunk[1] > shape.width.max(4096) {
            return Err(damaged("its tiles are far wider than the page"));
        }
        if shape.channels > 1 && storage.luma_chroma && storage.planar {
            return Err(not_read("luma and chroma in separate planes; save it as RGB"));
        }
        Ok(Self { number, directory, shape, storage })
    }

    /// How many channels lie side by side in a strip or tile.
    pub(super) fn together(&self) -> usize {
        if self.storage.planar { 1 } else { self.shape.channels }
    }

    /// Gives where each strip or tile begins and how many bytes it has.
    pub(super) fn chunks(&self) -> Result<Vec<(usize, usize)>, FormatError> {
        let Shape { height, width, channels, .. } = self.shape;
        let [rows, columns] = self.storage.chunk;
        let planes = if self.storage.planar { channels } else { 1 };
        let count = height.div_ceil(rows) * width.div_ceil(columns) * planes;
        let (offsets, lengths) = if self.storage.tiled {
            (tag::TILE_OFFSETS, tag::TILE_LENGTHS)
        } else {
            (tag::STRIP_OFFSETS, tag::STRIP_LENGTHS)
        };
        let of = |tag| {
            let numbers = self.directory.numbers(tag, count)?.unwrap_or_default();
            if numbers.len() == count {
                Ok(numbers)
            } else {
                Err(damaged(format!("tag {tag} names {} strips or tiles instead of {count}", numbers.len())))
            }
        };
        Ok(of(offsets)?.into_iter().zip(of(lengths)?).map(|(at, length)| (at as usize, length as usize)).collect())
    }
}

impl<'a> Storage<'a> {
    fn of(directory: &Directory<'a>) -> Result<Self, FormatError> {
        let compression = match directory.number_or(tag::COMPRESSION, 1)? {
            1 => Compression::Bytes(Packing::None),
            5 => Compression::Bytes(Packing::Lzw),
            7 => Compression::Jpeg,
            8 | 32946 => Compression::Bytes(Packing::Deflate),
            32773 => Compression::Bytes(Packing::PackBits),
            other => {
                let name = match other {
                    2..=4 => "fax compression",
                    6 => "old-style JPEG compression",
                    34712 | 33003 | 33005 => "JPEG 2000 compression",
                    34887 => "LERC compression",
                    50000 => "Zstandard compression",
                    50001 => "WebP compression",
                    _ => "an unknown compression",
                };
                return Err(not_read(format!("{name} (number {other}); save it with deflate or LZW")));
            }
        };
        let predictor = match directory.number_or(tag::PREDICTOR, 1)? {
            1 => Predictor::None,
            // JPEG data have none, whatever the tag says.
            _ if compression == Compression::Jpeg => Predictor::None,
            // Some programs obey it here and some do not.
            _ if matches!(compression, Compression::Bytes(Packing::None | Packing::PackBits)) => {
                return Err(not_read("a predictor without LZW or deflate; save it without predictor"));
            }
            2 => Predictor::Horizontal,
            3 => Predictor::Float,
            other => return Err(not_read(format!("predictor {other}; save it without predictor"))),
        };
        if directory.number_or(tag::FILL_ORDER, 1)? != 1 {
            return Err(not_read("the bits of its bytes run from the lowest to the highest; save it again"));
        }
        let planar = match directory.number_or(tag::PLANAR, 1)? {
            1 => false,
            2 => true,
            other => return Err(damaged(format!("planar configuration {other} does not exist"))),
        };
        let tiled = directory.number(tag::TILE_WIDTH)?.is_some();
        let side = |tag, standard: u64| match directory.number_or(tag, standard)? {
            0 => Err(damaged("its strips or tiles are empty")),
            side => Ok(side as usize),
        };
        let chunk = if tiled {
            [side(tag::TILE_HEIGHT, 0)?, side(tag::TILE_WIDTH, 0)?]
        } else {
            let height = directory.number_or(tag::HEIGHT, 0)?;
            let rows = side(tag::ROWS_PER_STRIP, height)?.min((height as usize).max(1));
            [rows, side(tag::WIDTH, 0)?]
        };
        Ok(Self {
            compression,
            predictor,
            planar,
            luma_chroma: directory.number_or(tag::PHOTOMETRIC, 1)? == 6,
            jpeg_tables: directory.raw(tag::JPEG_TABLES)?,
            tiled,
            chunk,
        })
    }
}

impl Shape {
    fn of(directory: &Directory<'_>, compression: Compression) -> Result<Self, FormatError> {
        let side = |tag| match directory.number(tag)? {
            // Sides of more than 32 bits are in no file, and would overflow sums below.
            Some(side @ 1..=0xffff_ffff) => Ok(side as usize),
            _ => Err(damaged("the size of a page is missing or nonsense")),
        };
        let (height, width) = (side(tag::HEIGHT)?, side(tag::WIDTH)?);
        let channels = match directory.number_or(tag::CHANNELS, 1)? {
            channels @ 1..=0xffff => channels as usize,
            other => return Err(damaged(format!("a pixel of {other} samples does not exist"))),
        };
        let bits = same(directory.numbers(tag::BITS, channels)?.as_deref(), 1, "as many bits")? as u32;
        let format = same(directory.numbers(tag::SAMPLE_FORMAT, channels)?.as_deref(), 1, "the same type")?;
        let number = match (format, bits) {
            // Files of the first years leave the type open, and mean unsigned numbers.
            (1 | 4, 1..=16 | 32 | 64) => Number::Unsigned,
            (2, 8 | 16 | 32 | 64) => Number::Signed,
            (3, 16 | 32 | 64) => Number::Float,
            (1..=4, _) => return Err(not_read(format!("samples of {bits} bits; save them with 8, 16 or 32 bits"))),
            (5 | 6, _) => return Err(not_read("complex numbers; save real and imaginary part apart")),
            _ => return Err(damaged(format!("sample format {format} does not exist"))),
        };
        let extra = directory.numbers(tag::EXTRA_SAMPLES, channels)?.unwrap_or_default();
        let alpha = channels > 1 && matches!(extra.last(), Some(1 | 2));
        let photometric = directory.number_or(tag::PHOTOMETRIC, 1)?;
        match photometric {
            0 if number != Number::Unsigned => {
                return Err(not_read(
                    "signed or floating-point samples with white as zero; save it with black as zero",
                ));
            }
            0..=2 | 4 => {}
            3 if channels == 1 && number == Number::Unsigned && bits <= 16 => {}
            6 if compression == Compression::Jpeg && channels == 3 => {}
            3 => return Err(not_read("a palette with other than one unsigned sample a pixel; save it as RGB")),
            5 => return Err(not_read("printing inks (CMYK); save it as RGB")),
            6 => return Err(not_read("luma and chroma (YCbCr) without JPEG; save it as RGB")),
            8..=10 => return Err(not_read("colours as L*a*b*; save it as RGB")),
            other => return Err(not_read(format!("photometric interpretation {other}; save it as gray or RGB"))),
        }
        let palette = if photometric == 3 { Some(palette(directory, bits)?) } else { None };
        Ok(Self { height, width, channels, bits, number, inverted: photometric == 0, alpha, palette })
    }

    /// Gives the samples of a page; nothing when there are too many to be counted.
    pub(super) fn samples(&self) -> Option<usize> {
        self.height.checked_mul(self.width)?.checked_mul(self.channels)
    }
}

/// Gives the one value that all samples of a pixel share.
fn same(values: Option<&[u64]>, standard: u64, what: &str) -> Result<u64, FormatError> {
    match values {
        None => Ok(standard),
        Some([first, rest @ ..]) if rest.iter().all(|value| value == first) => Ok(*first),
        Some(_) => Err(not_read(format!("the samples of a pixel do not have {what}; save it as gray or RGB"))),
    }
}

/// Gives the colours of a palette, of which a file has all reds, all greens, and all blues.
fn palette(directory: &Directory<'_>, bits: u32) -> Result<Vec<[u8; 3]>, FormatError> {
    let colours = 1 << bits;
    let numbers = directory.numbers(tag::PALETTE, 3 * colours)?.unwrap_or_default();
    if numbers.len() < 3 * colours {
        return Err(damaged(format!("its palette has {} numbers instead of {}", numbers.len(), 3 * colours)));
    }
    // Colours have 16 bits; some programs write 8, which would all be black.
    let shift = if numbers.iter().all(|number| *number < 256) { 0 } else { 8 };
    let of = |channel: usize, at: usize| (numbers[channel * colours + at] >> shift) as u8;
    Ok((0..colours).map(|at| [of(0, at), of(1, at), of(2, at)]).collect())
}
