//! GIF: palette indexes stay indexes, also of interlaced files; frames that cover the whole screen are slices.
//! It does not know files, only bytes.
//!
//! * A transparent index keeps its number in the first frame; in a later one such a pixel shows the frame before.
//! * Frames that cover only a part, or have colours of their own, are not read: what they show depends on the viewer.

use std::ops::Range;

use weezl::BitOrder;
use weezl::decode::Configuration;

use super::raster::Raster;
use super::read::{FormatError, Header};

const FORMAT: &str = "GIF";
const SPLIT: &str = "; save its frames as PNG";

/// What the blocks of a file say.
struct Blocks {
    header: Header,
    frames: Vec<Frame>,
}

struct Frame {
    palette: Range<usize>,
    interlaced: bool,
    /// The index that shows what is behind.
    transparent: Option<u8>,
    /// Whether the frame is still behind the next one.
    stays: bool,
    /// Where the code size stands; the blocks of data follow.
    data: usize,
}

/// Gives the size of the screen and the number of frames.
pub(super) fn header(bytes: &[u8]) -> Result<Header, FormatError> {
    Ok(Blocks::of(bytes)?.header)
}

/// Decodes all frames.
pub(super) fn decode(bytes: &[u8]) -> Result<Raster, FormatError> {
    let Blocks { header, frames } = Blocks::of(bytes)?;
    let Header { slices, height, width } = header;
    let size = height * width;
    // A code of at least 2 bits stands for at most 4096 pixels.
    if size.saturating_mul(slices) > bytes.len().saturating_mul(4 * 4096) {
        return Err(damaged("it is too short for its size"));
    }
    let palette = &bytes[frames[0].palette.clone()];
    let mut samples = Vec::with_capacity(size * slices);
    for (number, frame) in (1..).zip(&frames) {
        if bytes[frame.palette.clone()] != *palette {
            return Err(not_read(format!("frame {number} has other colours than the first{SPLIT}")));
        }
        let indexes = frame.indexes(bytes, header)?;
        if let Some(index) = indexes.iter().find(|index| usize::from(**index) >= palette.len() / 3) {
            return Err(damaged(format!("a pixel has index {index} in a palette of {} colours", palette.len() / 3)));
        }
        let before = samples.len();
        for (at, index) in indexes.into_iter().enumerate() {
            let behind = number > 1 && frame.transparent == Some(index);
            samples.push(if behind { samples[before - size + at] } else { f32::from(index) });
        }
        let replaced = number < slices && !frame.stays && frames[number].transparent.is_some();
        if replaced {
            return Err(not_read(format!("frame {} shows what is left when one is removed{SPLIT}", number + 1)));
        }
    }
    let palette: Vec<[u8; 3]> = palette.chunks_exact(3).map(|colour| [colour[0], colour[1], colour[2]]).collect();
    let full_scale = Some(palette.len() as f32 - 1.0);
    Ok(Raster { slices, height, width, channels: 1, samples, full_scale, palette: Some(palette), ..Raster::default() })
}

impl Blocks {
    /// Walks the blocks up to the end mark.
    fn of(bytes: &[u8]) -> Result<Self, FormatError> {
        let field = |at: usize, length: usize| bytes.get(at..at + length).ok_or_else(|| truncated(bytes));
        let number = |at: usize| field(at, 2).map(|bytes| usize::from(u16::from_le_bytes([bytes[0], bytes[1]])));
        let (width, height) = (number(6)?, number(8)?);
        if width == 0 || height == 0 {
            return Err(damaged(format!("a size of {width}x{height} does not exist")));
        }
        // The lowest bits tell the number of colours, the highest whether there are any here.
        let colours = |flags: u8, at: usize| {
            let length = 3 << ((flags & 7) + 1);
            (flags & 0x80 != 0).then_some(at..at + length)
        };
        let common = colours(field(10, 1)?[0], 13);
        let mut at = common.as_ref().map_or(13, |range| range.end);
        let mut frames = Vec::new();
        let (mut transparent, mut stays) = (None, true);
        loop {
            match field(at, 1)?[0] {
                0x3b if frames.is_empty() => return Err(damaged("it has no frame")),
                0x3b => return Ok(Self { header: Header { slices: frames.len(), height, width }, frames }),
                0x21 => {
                    // Graphic control: how the next frame is shown.
                    if let [0xf9, 4, flags, _, _, index] = *field(at + 1, 6)? {
                        transparent = (flags & 1 == 1).then_some(index);
                        stays = flags >> 2 & 7 <= 1;
                    }
                    at = end_of_blocks(bytes, at + 2)?;
                }
                0x2c => {
                    let flags = field(at + 9, 1)?[0];
                    let own = colours(flags, at + 10);
                    let data = own.as_ref().map_or(at + 10, |range| range.end);
                    let place = (number(at + 1)?, number(at + 3)?, number(at + 5)?, number(at + 7)?);
                    if place != (0, 0, width, height) {
                        let covers = "covers only a part of the picture, or more than it";
                        return Err(not_read(format!("frame {} {covers}{SPLIT}", frames.len() + 1)));
                    }
                    let palette = own.or(common.clone());
                    let palette = palette.ok_or_else(|| not_read(format!("it has no palette{SPLIT}")))?;
                    frames.push(Frame { palette, interlaced: flags & 0x40 != 0, transparent, stays, data });
                    (transparent, stays) = (None, true);
                    at = end_of_blocks(bytes, data + 1)?;
                }
                other => return Err(damaged(format!("a block of type {other} does not exist"))),
            }
        }
    }
}

/// Gives what follows the blocks of data at `at`; each begins with its length, and an empty one ends them.
fn end_of_blocks(bytes: &[u8], mut at: usize) -> Result<usize, FormatError> {
    loop {
        match *bytes.get(at).ok_or_else(|| truncated(bytes))? {
            0 => return Ok(at + 1),
            length => at += 1 + usize::from(length),
        }
    }
}

impl Frame {
    /// Gives the indexes of all pixels, row by row.
    fn indexes(&self, bytes: &[u8], header: Header) -> Result<Vec<u8>, FormatError> {
        let Header { height, width, .. } = header;
        let code_size = bytes[self.data];
        if !(1..=8).contains(&code_size) {
            return Err(damaged(format!("codes of {code_size} bits do not exist")));
        }
        let mut decoder = Configuration::new(BitOrder::Lsb, code_size).with_yield_on_full_buffer(true).build();
        let mut stored = vec![0; height * width];
        let (mut at, mut written) = (self.data + 1, 0);
        while written < stored.len() && bytes[at] != 0 {
            let mut block = &bytes[at + 1..at + 1 + usize::from(bytes[at])];
            at += 1 + block.len();
            while !block.is_empty() && written < stored.len() {
                let result = decoder.decode_bytes(block, &mut stored[written..]);
                result.status.map_err(damaged)?;
                if result.consumed_in + result.consumed_out == 0 {
                    return Err(damaged("a frame ends before its rows do"));
                }
                block = &block[result.consumed_in..];
                written += result.consumed_out;
            }
        }
        if written < stored.len() {
            return Err(damaged("a frame ends before its rows do"));
        }
        if !self.interlaced {
            return Ok(stored);
        }
        // Every eighth row from 0, then from 4, every fourth from 2, every second from 1.
        let passes = [(0, 8), (4, 8), (2, 4), (1, 2)];
        let order = passes.into_iter().flat_map(|(first, step)| (first..height).step_by(step));
        let mut indexes = vec![0; height * width];
        for (row, line) in order.zip(stored.chunks_exact(width)) {
            indexes[row * width..(row + 1) * width].copy_from_slice(line);
        }
        Ok(indexes)
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
