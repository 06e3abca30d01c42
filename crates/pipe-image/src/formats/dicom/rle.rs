//! RLE Lossless: one segment of packed bytes for each byte of each sample, the highest byte first (PS3.5, annex G).
//! It does not know frames or what samples mean.

use super::damaged;
use crate::formats::read::FormatError;

/// A segment packs at most 128 bytes into two.
pub(super) const MOST_UNPACKED: usize = 64;

/// Gives the samples of a frame side by side, `width` bytes for each.
pub(super) fn unpacked(frame: &[u8], pixels: usize, samples: usize, width: usize) -> Result<Vec<u32>, FormatError> {
    let number =
        |at: usize| frame.get(4 * at..4 * at + 4).map(|four| u32::from_le_bytes([four[0], four[1], four[2], four[3]]));
    let count = number(0).ok_or_else(|| damaged("the RLE header is cut"))? as usize;
    if count != samples * width || count > 15 {
        return Err(damaged(format!("{count} RLE segments where {} belong", samples * width)));
    }
    let mut values = vec![0_u32; pixels * samples];
    for segment in 0..count {
        let start = number(1 + segment).unwrap_or(0) as usize;
        let end = if segment + 1 < count { number(2 + segment).unwrap_or(0) as usize } else { frame.len() };
        let packed = frame.get(start..end).ok_or_else(|| damaged("an RLE segment lies outside of its frame"))?;
        let (sample, shift) = (segment / width, 8 * (width - 1 - segment % width));
        let mut places = values.iter_mut().skip(sample).step_by(samples);
        unpack(packed, |byte| places.next().map(|place| *place |= u32::from(byte) << shift));
        if places.next().is_some() {
            return Err(damaged("an RLE segment ends before its samples do"));
        }
    }
    Ok(values)
}

/// Unpacks runs and literals for as long as bytes are wanted.
fn unpack(packed: &[u8], mut take: impl FnMut(u8) -> Option<()>) {
    let mut at = 0;
    while let Some(head) = packed.get(at) {
        let (bytes, count, next) = match *head {
            128 => (&packed[at..at], 0, at + 1),
            literal @ 0..128 => {
                let end = (at + 2 + usize::from(literal)).min(packed.len());
                (&packed[at + 1..end], 1, end)
            }
            run => (packed.get(at + 1..at + 2).unwrap_or_default(), 257 - usize::from(run), at + 2),
        };
        for byte in bytes {
            for _ in 0..count {
                if take(*byte).is_none() {
                    return;
                }
            }
        }
        at = next;
    }
}
