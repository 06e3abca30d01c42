//! The bytes of every frame, and what they unpack to; colours become RGB.
//! It does not know what values mean.

use std::borrow::Cow;
use std::ops::Range;

use dicom_dictionary_std::uids;

use super::dataset::{DataSet, Pixels};
use super::pixels::{Colours, Look};
use super::{damaged, jpeg, jpeg2000, not_read, rle, truncated};
use crate::formats::read::FormatError;

/// Retired, and still what old archives are written in.
const EXPLICIT_VR_BIG_ENDIAN: &str = "1.2.840.10008.1.2.2";

/// How frames are compressed.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Coding {
    Plain,
    Rle,
    LossyJpeg,
    LosslessJpeg,
    LossyJpeg2000,
    LosslessJpeg2000,
}

impl Coding {
    pub(super) fn of(data: &DataSet<'_>) -> Result<Self, FormatError> {
        match data.syntax.uid() {
            uids::IMPLICIT_VR_LITTLE_ENDIAN
            | uids::EXPLICIT_VR_LITTLE_ENDIAN
            | EXPLICIT_VR_BIG_ENDIAN
            | uids::DEFLATED_EXPLICIT_VR_LITTLE_ENDIAN
            | uids::ENCAPSULATED_UNCOMPRESSED_EXPLICIT_VR_LITTLE_ENDIAN => Ok(Self::Plain),
            uids::RLE_LOSSLESS => Ok(Self::Rle),
            uids::JPEG_BASELINE8_BIT | uids::JPEG_EXTENDED12_BIT => Ok(Self::LossyJpeg),
            uids::JPEG_LOSSLESS | uids::JPEG_LOSSLESS_SV1 => Ok(Self::LosslessJpeg),
            uids::JPEG2000 => Ok(Self::LossyJpeg2000),
            uids::JPEG2000_LOSSLESS => Ok(Self::LosslessJpeg2000),
            uid => Err(not_read(format!(
                "its pixels are compressed by {} ({uid}); convert it, say with `gdcmconv --raw`",
                data.syntax.name()
            ))),
        }
    }
}

/// The bytes of every frame.
pub(super) struct Frames<'a> {
    data: &'a DataSet<'a>,
    place: Place,
}

enum Place {
    Plain {
        range: Range<usize>,
        swapped: bool,
    },
    /// The fragments of each frame.
    Items(Vec<Vec<Range<usize>>>),
}

impl<'a> Frames<'a> {
    /// Finds the frames, and holds what they decode to against the bytes that are there.
    pub(super) fn of(data: &'a DataSet<'a>, look: &Look, coding: Coding) -> Result<Self, FormatError> {
        let place = match data.pixels.clone() {
            Pixels::None => return Err(damaged("the pixels are missing")),
            Pixels::Plain { .. } if coding != Coding::Plain => {
                return Err(damaged("compressed pixels are not in items"));
            }
            Pixels::Plain { range, words } => {
                // Some write no padding byte, some write rows more than they say; what is missing is an error.
                if range.len() < look.bytes() {
                    return Err(damaged(format!("the pixels take {} bytes, {} are there", look.bytes(), range.len())));
                }
                if range.start + look.bytes() > data.bytes.len() {
                    return Err(truncated(&data.bytes));
                }
                let range = range.start..range.end.min(data.bytes.len());
                let swapped = words && look.allocated == 8 && data.pair([0, 1]) == 1;
                Place::Plain { range, swapped }
            }
            Pixels::Encapsulated { start } => {
                let frames = fragments(&data.bytes, start, look.header.slices)?;
                for frame in &frames {
                    let bytes: usize = frame.iter().map(ExactSizeIterator::len).sum();
                    let most = match coding {
                        Coding::Plain => 1,
                        Coding::Rle => rle::MOST_UNPACKED,
                        Coding::LossyJpeg | Coding::LosslessJpeg => jpeg::MOST_UNPACKED,
                        Coding::LossyJpeg2000 | Coding::LosslessJpeg2000 => jpeg2000::MOST_UNPACKED,
                    };
                    if bytes.saturating_mul(most) < look.bits().div_ceil(8) {
                        return Err(damaged(format!("{bytes} bytes cannot hold a frame of {}", look.header)));
                    }
                }
                Place::Items(frames)
            }
        };
        Ok(Self { data, place })
    }

    /// Gives the samples of a frame side by side, colours as RGB.
    pub(super) fn samples(&self, look: &Look, coding: Coding, frame: usize) -> Result<Vec<u32>, FormatError> {
        let bytes: &[u8] = &self.data.bytes;
        let (mut samples, ybr) = match &self.place {
            Place::Plain { range, swapped } => (self.plain(look, &bytes[range.clone()], frame, *swapped), false),
            Place::Items(frames) => {
                let coded = match frames[frame].as_slice() {
                    [only] => Cow::Borrowed(&bytes[only.clone()]),
                    parts => Cow::Owned(parts.iter().flat_map(|part| bytes[part.clone()].iter().copied()).collect()),
                };
                match coding {
                    Coding::Plain => (self.plain(look, &coded, 0, false), false),
                    Coding::Rle if look.allocated == 1 => return Err(not_read("its RLE frames have single bits")),
                    Coding::Rle => (rle::unpacked(&coded, look.pixels(), look.samples, look.allocated / 8)?, false),
                    Coding::LossyJpeg | Coding::LosslessJpeg => {
                        let interchange = look.colours == Colours::Rgb && jpeg::is_interchange(&coded);
                        (jpeg::unpacked(&coded, look.header, look.samples)?, interchange)
                    }
                    Coding::LossyJpeg2000 | Coding::LosslessJpeg2000 => {
                        (jpeg2000::unpacked(&coded, look.header, look.samples)?, false)
                    }
                }
            }
        };
        if samples.len() != look.pixels() * look.samples {
            return Err(damaged(format!("frame {} has {} samples", frame + 1, samples.len())));
        }
        if ybr || matches!(look.colours, Colours::Ybr | Colours::Ybr422) {
            samples.chunks_exact_mut(3).for_each(|pixel| to_rgb(pixel, look.highest()));
        }
        Ok(samples)
    }

    /// Gives the samples of an uncompressed frame.
    fn plain(&self, look: &Look, bytes: &[u8], frame: usize, swapped: bool) -> Vec<u32> {
        let count = look.bits() / look.allocated;
        let byte = |at: usize| u32::from(bytes[if swapped { (at ^ 1).min(bytes.len() - 1) } else { at }]);
        let pair = |at: usize| self.data.pair([bytes[2 * at], bytes[2 * at + 1]]);
        let four = |at: usize| match self.data.pair([0, 1]) {
            1 => u32::from(pair(2 * at)) << 16 | u32::from(pair(2 * at + 1)),
            _ => u32::from(pair(2 * at + 1)) << 16 | u32::from(pair(2 * at)),
        };
        let all = frame * count..(frame + 1) * count;
        let samples: Vec<u32> = match look.allocated {
            1 => all.map(|at| byte(at / 8) >> (at % 8) & 1).collect(),
            8 => all.map(byte).collect(),
            16 => all.map(|at| u32::from(pair(at))).collect(),
            _ => all.map(four).collect(),
        };
        if look.colours == Colours::Ybr422 {
            return samples.chunks_exact(4).flat_map(|two| [two[0], two[2], two[3], two[1], two[2], two[3]]).collect();
        }
        if look.planar {
            let (planes, pixels) = (&samples, look.pixels());
            return (0..pixels).flat_map(|at| [planes[at], planes[pixels + at], planes[2 * pixels + at]]).collect();
        }
        samples
    }
}

/// Finds the fragments of each frame.
///
/// * One frame has all of them; as many fragments as frames are one for each.
/// * Otherwise the offset table, the first item, says with which item a frame begins.
fn fragments(bytes: &[u8], start: usize, frames: usize) -> Result<Vec<Vec<Range<usize>>>, FormatError> {
    let mut items = Vec::new();
    let mut at = start;
    loop {
        let head = bytes.get(at..at + 8).ok_or_else(|| truncated(bytes))?;
        let length = u32::from_le_bytes([head[4], head[5], head[6], head[7]]) as usize;
        match head[..4] {
            [0xfe, 0xff, 0, 0xe0] => items.push(at + 8..at + 8 + length),
            [0xfe, 0xff, 0xdd, 0xe0] => break,
            _ => return Err(damaged(format!("no item of pixels begins at byte {at}"))),
        }
        at += 8 + length;
    }
    let Some((table, fragments)) = items.split_first() else { return Err(damaged("the pixels have no items")) };
    if frames == 1 && !fragments.is_empty() {
        return Ok(vec![fragments.to_vec()]);
    }
    if fragments.len() == frames {
        return Ok(fragments.iter().map(|fragment| vec![fragment.clone()]).collect());
    }
    let offset = |four: &[u8]| u32::from_le_bytes([four[0], four[1], four[2], four[3]]) as usize;
    let starts: Vec<usize> = bytes[table.clone()].chunks_exact(4).map(|four| offset(four) + table.end + 8).collect();
    if starts.len() != frames || fragments.len() < frames {
        return Err(damaged(format!("{} fragments and {} offsets for {frames} frames", fragments.len(), starts.len())));
    }
    let mut found = vec![Vec::new(); frames];
    for fragment in fragments {
        let begun = starts.partition_point(|start| *start <= fragment.start);
        let frame = begun.checked_sub(1).ok_or_else(|| damaged("the offset table points behind the first fragment"))?;
        found[frame].push(fragment.clone());
    }
    if found.iter().any(Vec::is_empty) { Err(damaged("the offset table points nowhere")) } else { Ok(found) }
}

/// Turns luminance and chrominance into colours (ITU-R BT.601 over the full range, PS3.3 C.7.6.3.1.2).
fn to_rgb(pixel: &mut [u32], highest: i64) {
    let highest = highest as f64;
    let middle = (highest + 1.0) / 2.0;
    let [light, blue, red] = [f64::from(pixel[0]), f64::from(pixel[1]) - middle, f64::from(pixel[2]) - middle];
    let colours = [light + 1.402 * red, light - 0.344_136 * blue - 0.714_136 * red, light + 1.772 * blue];
    for (sample, colour) in pixel.iter_mut().zip(colours) {
        *sample = colour.round().clamp(0.0, highest) as u32;
    }
}
