//! The skeleton of a TIFF file: its directories of tags, little and big endian, classic and BigTIFF.
//! It does not know what a tag means.

use std::collections::{BTreeMap, BTreeSet};

use super::{damaged, truncated};
use crate::formats::read::FormatError;

/// How the numbers of a file are written down.
#[derive(Debug, Clone, Copy)]
pub(super) struct Layout {
    /// The most significant byte comes first.
    pub(super) big_endian: bool,
    /// Offsets have 64 bits.
    big: bool,
}

/// The tags of one page.
#[derive(Debug)]
pub(super) struct Directory<'a> {
    pub(super) bytes: &'a [u8],
    pub(super) layout: Layout,
    /// Type, count, and where the values begin.
    entries: BTreeMap<u16, (u16, u64, usize)>,
}

impl Layout {
    /// Reads `bytes` as one unsigned number of up to eight bytes.
    pub(super) fn number(self, bytes: &[u8]) -> u64 {
        let join = |number: u64, byte: &u8| number << 8 | u64::from(*byte);
        if self.big_endian { bytes.iter().fold(0, join) } else { bytes.iter().rev().fold(0, join) }
    }
}

/// Gives the directories of a file, in order.
pub(super) fn directories(bytes: &[u8]) -> Result<Vec<Directory<'_>>, FormatError> {
    let (layout, mut at) = start(bytes)?;
    let field = |at: usize, length: usize| {
        at.checked_add(length).and_then(|end| bytes.get(at..end)).ok_or_else(|| truncated(bytes))
    };
    let (count_size, entry_size, offset_size) = if layout.big { (8, 20, 8) } else { (2, 12, 4) };
    let mut seen = BTreeSet::new();
    let mut found = Vec::new();
    let mut listed = 0;
    while at != 0 {
        if !seen.insert(at) {
            return Err(damaged("the list of its pages runs in a circle"));
        }
        let count = layout.number(field(at, count_size)?) as usize;
        let length = count.checked_mul(entry_size).ok_or_else(|| truncated(bytes))?;
        let list = field(at + count_size, length)?;
        // Lists that lie over each other would make the work grow with the square of the file.
        listed += length;
        if listed > bytes.len() {
            return Err(damaged("the lists of tags of its pages overlap"));
        }
        let value_at = at + count_size + entry_size - offset_size;
        let mut entries = BTreeMap::new();
        for (place, entry) in list.chunks_exact(entry_size).enumerate() {
            let tag = layout.number(&entry[..2]) as u16;
            let kind = layout.number(&entry[2..4]) as u16;
            let number = layout.number(&entry[4..entry_size - offset_size]);
            let inside = number.saturating_mul(size(kind) as u64) <= offset_size as u64;
            let value = if inside {
                value_at + place * entry_size
            } else {
                layout.number(&entry[entry_size - offset_size..]) as usize
            };
            entries.insert(tag, (kind, number, value));
        }
        found.push(Directory { bytes, layout, entries });
        at = layout.number(field(at + count_size + length, offset_size)?) as usize;
    }
    Ok(found)
}

/// Gives how numbers are written, and where the first directory begins.
fn start(bytes: &[u8]) -> Result<(Layout, usize), FormatError> {
    let head = bytes.get(..8).ok_or_else(|| truncated(bytes))?;
    let big_endian = head.starts_with(b"MM");
    let classic = Layout { big_endian, big: false };
    if classic.number(&head[2..4]) == 42 {
        return Ok((classic, classic.number(&head[4..]) as usize));
    }
    let offset = bytes.get(8..16).ok_or_else(|| truncated(bytes))?;
    if classic.number(&head[4..6]) != 8 || classic.number(&head[6..8]) != 0 {
        return Err(damaged("its offsets do not have eight bytes, though it says that it is a BigTIFF file"));
    }
    Ok((Layout { big_endian, big: true }, classic.number(offset) as usize))
}

/// Gives the bytes of a value of this type; 0 for one that does not exist.
fn size(kind: u16) -> usize {
    match kind {
        1 | 2 | 6 | 7 => 1,
        3 | 8 => 2,
        4 | 9 | 11 | 13 => 4,
        5 | 10 | 12 | 16 | 17 | 18 => 8,
        _ => 0,
    }
}

impl<'a> Directory<'a> {
    /// Gives the bytes of a tag as they stand.
    pub(super) fn raw(&self, tag: u16) -> Result<Option<&'a [u8]>, FormatError> {
        let Some(&(kind, count, at)) = self.entries.get(&tag) else {
            return Ok(None);
        };
        let length = usize::try_from(count).ok().and_then(|count| count.checked_mul(size(kind)));
        let end = length.and_then(|length| at.checked_add(length)).ok_or_else(|| truncated(self.bytes))?;
        self.bytes.get(at..end).map(Some).ok_or_else(|| truncated(self.bytes))
    }

    /// Gives the first `most` unsigned numbers of a tag; nothing when the tag is not there.
    pub(super) fn numbers(&self, tag: u16, most: usize) -> Result<Option<Vec<u64>>, FormatError> {
        let (Some(raw), Some((kind, ..))) = (self.raw(tag)?, self.entries.get(&tag)) else {
            return Ok(None);
        };
        match kind {
            1 | 3 | 4 | 13 | 16 | 18 => {
                let values = raw.chunks_exact(size(*kind)).take(most);
                Ok(Some(values.map(|bytes| self.layout.number(bytes)).collect()))
            }
            _ => Err(damaged(format!("tag {tag} holds no unsigned numbers"))),
        }
    }

    /// Gives the first number of a tag; nothing when the tag is not there.
    pub(super) fn number(&self, tag: u16) -> Result<Option<u64>, FormatError> {
        match self.numbers(tag, 1)?.as_deref() {
            None => Ok(None),
            Some([number, ..]) => Ok(Some(*number)),
            Some([]) => Err(damaged(format!("tag {tag} has no value"))),
        }
    }

    /// Gives the first number of a tag, or what the standard says where it is not there.
    pub(super) fn number_or(&self, tag: u16, standard: u64) -> Result<u64, FormatError> {
        Ok(self.number(tag)?.unwrap_or(standard))
    }
}
