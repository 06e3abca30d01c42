//! JPEG 2000 frames within DICOM: bare codestreams, lossless and lossy.
//! It does not know what samples mean.

use hayro_jpeg2000::{ComponentData, DecodeSettings, DecoderContext, Image};

use super::{damaged, not_read};
use crate::formats::read::{FormatError, Header};

/// A blank frame takes next to nothing; this much keeps a small file from asking for much memory.
pub(super) const MOST_UNPACKED: usize = 1 << 14;

/// How a codestream begins: with its size.
const START: [u8; 4] = [0xff, 0x4f, 0xff, 0x51];

/// What a codestream says of its size (ISO 15444-1, A.5.1).
struct Siz {
    height: usize,
    width: usize,
    tiles: usize,
    components: usize,
    /// The bits of a sample.
    bits: u32,
    signed: bool,
}

impl Siz {
    fn of(frame: &[u8]) -> Option<Self> {
        let four =
            |at: usize| frame.get(at..at + 4).map(|four| u32::from_be_bytes([four[0], four[1], four[2], four[3]]));
        if !frame.starts_with(&START) {
            return None;
        }
        let [width, height, left, top, tile_width, tile_height] =
            [four(8)?, four(12)?, four(16)?, four(20)?, four(24)?, four(28)?];
        let components = usize::from(u16::from_be_bytes([*frame.get(40)?, *frame.get(41)?]));
        let depths: Vec<&[u8]> = frame.get(42..42 + 3 * components)?.chunks_exact(3).collect();
        let depth = depths.first()?[0];
        // All components alike, none subsampled, tiles counted from the corner: all that DICOM needs.
        if depths.iter().any(|component| *component != [depth, 1, 1]) || (left, top) != (0, 0) {
            return None;
        }
        let tiles = u64::from(width.div_ceil(tile_width.max(1))) * u64::from(height.div_ceil(tile_height.max(1)));
        Some(Self {
            height: height as usize,
            width: width as usize,
            tiles: usize::try_from(tiles).ok()?,
            components,
            bits: u32::from(depth & 0x7f) + 1,
            signed: depth & 0x80 != 0,
        })
    }
}

/// Gives the samples of a frame side by side, colours as RGB where the codestream turns them.
pub(super) fn unpacked(frame: &[u8], expected: Header, samples: usize) -> Result<Vec<u32>, FormatError> {
    // DICOM wants bare codestreams; some writers leave them in their boxes, which say nothing that DICOM does not.
    let boxed = frame.get(4..8) == Some(b"jP  ");
    let start = if boxed { frame.windows(4).position(|four| four == START) } else { None };
    let frame = &frame[start.unwrap_or(0)..];
    let siz = Siz::of(frame)
        .ok_or_else(|| damaged("a JPEG 2000 frame does not begin as one, or has components that differ"))?;
    if (siz.height, siz.width, siz.components) != (expected.height, expected.width, samples) {
        let (width, height) = (siz.width, siz.height);
        return Err(damaged(format!(
            "a JPEG 2000 frame of {width}x{height} where {}x{} belong",
            expected.width, expected.height
        )));
    }
    // The decoder computes with 24 bits of precision.
    if siz.bits > 16 {
        return Err(not_read(format!("its JPEG 2000 frames have {} bits", siz.bits)));
    }
    // A tile has a header of 14 bytes.
    if siz.tiles > frame.len() / 14 {
        return Err(damaged(format!("{} bytes cannot hold {} JPEG 2000 tiles", frame.len(), siz.tiles)));
    }
    if most_precincts(frame, &siz) > frame.len() {
        return Err(damaged(format!("{} bytes cannot hold so many JPEG 2000 precincts", frame.len())));
    }
    let settings = DecodeSettings { resolve_palette_indices: false, strict: true, target_resolution: None };
    let fault = |error| damaged(format!("a JPEG 2000 frame: {error}"));
    let image = Image::new(frame, &settings).map_err(fault)?;
    let mut context = DecoderContext::default();
    let decoded = image.decode(&mut context).map_err(fault)?;
    let planes: Vec<&[f32]> = decoded.components().iter().map(ComponentData::samples).collect();
    let count = planes.iter().map(|plane| plane.len()).min().unwrap_or(0);
    // The decoder lifts signed samples as if they were unsigned.
    let lift = if siz.signed { 1_i64 << (siz.bits - 1) } else { 0 };
    let (lowest, highest) = (-lift, (1_i64 << siz.bits) - 1 - lift);
    let sample = |value: f32| (value.round() as i64 - lift).clamp(lowest, highest) as u32;
    Ok((0..count).flat_map(|at| planes.iter().map(move |plane| sample(plane[at]))).collect())
}

/// Gives the largest number of precincts that a header of the frame asks for (A.6.1, A.6.2, B.6).
///
/// Every one has a packet of a byte at least, but the decoder takes memory for them before it looks for packets.
fn most_precincts(frame: &[u8], siz: &Siz) -> usize {
    let (mut at, mut part_end, mut most) = (2, frame.len(), 0);
    while let Some([0xff, marker]) = frame.get(at..at + 2) {
        // Data follow, up to the end of the tile part.
        if *marker == 0x93 {
            if part_end <= at {
                break;
            }
            at = part_end;
            continue;
        }
        let Some(length) = frame.get(at + 2..at + 4) else { break };
        let next = at + 2 + usize::from(u16::from_be_bytes([length[0], length[1]]));
        match (marker, frame.get(at + 4..next)) {
            (0x90, Some([_, _, a, b, c, d, ..])) => match u32::from_be_bytes([*a, *b, *c, *d]) {
                0 => part_end = frame.len(),
                length => part_end = at + length as usize,
            },
            (0x52, Some([flags, _, _, _, _, style @ ..])) | (0x53, Some([_, flags, style @ ..])) if flags & 1 == 1 => {
                most = most.max(precincts(style, siz));
            }
            _ => {}
        }
        at = next;
    }
    most
}

/// Gives the number of precincts of all resolutions of a component.
fn precincts(style: &[u8], siz: &Siz) -> usize {
    let [levels, _, _, _, _, sizes @ ..] = style else { return 0 };
    let along = |length: usize, shift: u32| length.div_ceil(1 << shift.min(40)).max(1);
    let count = |(resolution, size): (usize, &u8)| {
        let smaller = u32::from(*levels).saturating_sub(resolution as u32);
        let (width, height) = (along(siz.width, smaller), along(siz.height, smaller));
        along(width, u32::from(size & 15)) * along(height, u32::from(size >> 4))
    };
    sizes.iter().enumerate().take(usize::from(*levels) + 1).map(count).sum()
}
