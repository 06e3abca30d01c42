//! The elements of a DICOM file up to its pixels, as ranges of its bytes; every length is held against the bytes before it is believed.
//! It does not know what elements mean, but for those that say where the pixels are and how they are stored.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::error::Error;
use std::io::{Cursor, ErrorKind, Read};
use std::ops::Range;

use dicom_core::{Tag, VR};
use dicom_dictionary_std::{tags, uids};
use dicom_encoding::transfer_syntax::{Endianness, TransferSyntax, TransferSyntaxIndex as _};
use dicom_parser::StatefulDecode as _;
use dicom_parser::dataset::LazyDataToken;
use dicom_parser::dataset::lazy_read::LazyDataSetReader;
use dicom_transfer_syntax_registry::TransferSyntaxRegistry;

use super::{damaged, not_read, truncated};
use crate::formats::read::FormatError;

/// How much of a deflated file may come before its pixels: a hundred times what scanners write there.
const LONGEST_HEAD: usize = 16 << 20;

/// The elements of one file.
pub(super) struct DataSet<'a> {
    /// The bytes of the data set, inflated if they were deflated.
    pub(super) bytes: Cow<'a, [u8]>,
    pub(super) syntax: &'static TransferSyntax,
    pub(super) pixels: Pixels,
    values: BTreeMap<Tag, Range<usize>>,
    /// Values of the functional groups of an enhanced file: of all frames first, then frame by frame.
    grouped: BTreeMap<Tag, Vec<Range<usize>>>,
}

/// Where the pixels are.
#[derive(Debug, Clone)]
pub(super) enum Pixels {
    /// As they are, in this range of bytes, which may end behind the file; in 16-bit words or in bytes.
    Plain { range: Range<usize>, words: bool },
    /// Nowhere: the file is a plan, a report, the index of a folder.
    None,
    /// In items that begin here.
    Encapsulated { start: usize },
}

impl<'a> DataSet<'a> {
    /// Walks through a file up to its pixels.
    pub(super) fn of(bytes: &'a [u8]) -> Result<Self, FormatError> {
        Self::up_to(bytes, LONGEST_HEAD)
    }

    /// Walks through a file up to its pixels, with at most this many bytes of it inflated.
    pub(super) fn up_to(bytes: &'a [u8], most: usize) -> Result<Self, FormatError> {
        let (syntax, start) = if bytes.get(128..132) == Some(b"DICM") {
            meta(bytes, 132)?
        } else {
            bare(bytes).ok_or_else(|| truncated(bytes))?
        };
        let (bytes, start) = match syntax.uid() {
            uids::DEFLATED_EXPLICIT_VR_LITTLE_ENDIAN => (Cow::Owned(inflated(bytes, start, most)?), 0),
            _ => (Cow::Borrowed(bytes), start),
        };
        let Walk { values, grouped, pixels } = walk(&bytes, start, syntax)?;
        Ok(Self { bytes, syntax, pixels, values, grouped })
    }

    /// Whether `bytes` are inflated ones, perhaps not all.
    pub(super) fn is_deflated(&self) -> bool {
        matches!(self.bytes, Cow::Owned(_))
    }

    /// Gives the bytes of an element.
    pub(super) fn bytes_of(&self, tag: Tag) -> Option<&[u8]> {
        self.values.get(&tag).map(|range| &self.bytes[range.clone()])
    }

    /// Gives the text of an element without padding; nothing where it is empty.
    pub(super) fn text(&self, tag: Tag) -> Option<String> {
        self.bytes_of(tag).and_then(text)
    }

    /// Gives the numbers of an element that holds them as text; nothing where there are none.
    pub(super) fn numbers(&self, tag: Tag) -> Option<Vec<f64>> {
        self.bytes_of(tag).and_then(numbers)
    }

    /// Gives the numbers of an element of the functional groups, for all frames or frame by frame.
    pub(super) fn grouped(&self, tag: Tag) -> Vec<Vec<f64>> {
        let ranges = self.grouped.get(&tag).map_or(&[][..], Vec::as_slice);
        ranges.iter().filter_map(|range| numbers(&self.bytes[range.clone()])).collect()
    }

    /// Gives the first number of an element that holds 16-bit integers.
    pub(super) fn short(&self, tag: Tag) -> Option<u16> {
        self.bytes_of(tag)?.get(..2).map(|pair| self.pair([pair[0], pair[1]]))
    }

    /// Joins two bytes in the order of the file.
    pub(super) fn pair(&self, bytes: [u8; 2]) -> u16 {
        match self.syntax.endianness() {
            Endianness::Little => u16::from_le_bytes(bytes),
            Endianness::Big => u16::from_be_bytes(bytes),
        }
    }
}

fn text(bytes: &[u8]) -> Option<String> {
    let text = String::from_utf8_lossy(bytes);
    let text = text.trim_matches([' ', '\0']);
    (!text.is_empty()).then(|| text.to_string())
}

fn numbers(bytes: &[u8]) -> Option<Vec<f64>> {
    let parsed = |part: &str| part.trim().parse().ok().filter(|number: &f64| number.is_finite());
    text(bytes)?.split('\\').map(parsed).collect()
}

/// Reads the file meta information: the transfer syntax, and where the data set begins.
fn meta(bytes: &[u8], start: usize) -> Result<(&'static TransferSyntax, usize), FormatError> {
    let mut at = start;
    let mut syntax = None;
    // Group 2 is written in Explicit VR Little Endian whatever follows it, without sequences.
    while let Some([2, 0, element, above, first, second]) = bytes.get(at..at + 6) {
        let long = VR::from_binary([*first, *second]).is_some_and(is_long);
        let length: Option<(usize, usize)> = if long {
            bytes
                .get(at + 8..at + 12)
                .map(|length| (12, u32::from_le_bytes([length[0], length[1], length[2], length[3]]) as usize))
        } else {
            bytes.get(at + 6..at + 8).map(|length| (8, usize::from(u16::from_le_bytes([length[0], length[1]]))))
        };
        let (head, length) = length.ok_or_else(|| truncated(bytes))?;
        let value = bytes.get(at + head..).and_then(|rest| rest.get(..length)).ok_or_else(|| truncated(bytes))?;
        if Tag(2, u16::from_le_bytes([*element, *above])) == tags::TRANSFER_SYNTAX_UID {
            syntax = text(value);
        }
        at += head + length;
    }
    match syntax {
        Some(uid) => match TransferSyntaxRegistry.get(&uid) {
            Some(syntax) => Ok((syntax, at)),
            None => Err(not_read(format!("its transfer syntax {uid} is not a standard one"))),
        },
        None if bytes.len() < at + 6 => Err(truncated(bytes)),
        // Files without it exist; their elements tell.
        None => {
            bare(&bytes[at..]).map(|(syntax, _)| (syntax, at)).ok_or_else(|| damaged("the transfer syntax is missing"))
        }
    }
}

/// The kinds of values whose length has four bytes.
fn is_long(vr: VR) -> bool {
    use VR::{OB, OD, OF, OL, OV, OW, SQ, SV, UC, UN, UR, UT, UV};
    matches!(vr, OB | OD | OF | OL | OV | OW | SQ | SV | UC | UN | UR | UT | UV)
}

/// Tells a data set without anything before it by its first two elements, and gives its transfer syntax and where it begins.
pub(super) fn bare(bytes: &[u8]) -> Option<(&'static TransferSyntax, usize)> {
    if bytes.starts_with(&[2, 0, 0, 0, b'U', b'L', 4, 0]) {
        return meta(bytes, 0).ok();
    }
    let short = |at: usize| bytes.get(at..at + 2).map(|pair| u16::from_le_bytes([pair[0], pair[1]]));
    let tag = |at: usize| Some((short(at)?, short(at + 2)?));
    // What comes first is group 8: its length, the character set, the kind of image, or the ids of the instance.
    if !matches!(tag(0)?, (8, 0 | 1 | 5 | 8 | 0x12 | 0x13 | 0x14 | 0x16 | 0x18)) {
        return None;
    }
    let vr = VR::from_binary([*bytes.get(4)?, *bytes.get(5)?]).filter(|vr| !is_long(*vr));
    let (uid, length) = match vr {
        Some(_) => (uids::EXPLICIT_VR_LITTLE_ENDIAN, short(6)?),
        None if short(6)? == 0 => (uids::IMPLICIT_VR_LITTLE_ENDIAN, short(4)?),
        None => return None,
    };
    let (group, _) = tag(8 + usize::from(length)).filter(|next| Some(*next) > tag(0))?;
    if group > 0x10 {
        return None;
    }
    TransferSyntaxRegistry.get(uid).map(|syntax| (syntax, 0))
}

/// Inflates what begins at `start`, up to `most` bytes; what a cut file still holds is given.
fn inflated(bytes: &[u8], start: usize, most: usize) -> Result<Vec<u8>, FormatError> {
    let mut whole = Vec::new();
    let deflated = bytes.get(start..).unwrap_or_default();
    match flate2::read::DeflateDecoder::new(deflated).take(most as u64).read_to_end(&mut whole) {
        Err(error) if error.kind() != ErrorKind::UnexpectedEof => Err(damaged(error)),
        _ => Ok(whole),
    }
}

struct Walk {
    values: BTreeMap<Tag, Range<usize>>,
    grouped: BTreeMap<Tag, Vec<Range<usize>>>,
    pixels: Pixels,
}

#[derive(PartialEq)]
enum Open {
    Sequence,
    Item,
}

/// Walks from element to element.
///
/// * The reader gives headers only, and keeps a list of open sequences instead of calling itself, so nesting costs no stack.
/// * It trusts what closes an item or a sequence; a list beside its own finds what closes nothing, on which it would panic.
/// * Values are stepped over once their length fits the bytes that are left.
fn walk(bytes: &[u8], start: usize, syntax: &TransferSyntax) -> Result<Walk, FormatError> {
    let mut source = Cursor::new(bytes);
    source.set_position(start as u64);
    let mut reader = LazyDataSetReader::new_with_ts(source, syntax).map_err(damaged)?;
    let (mut values, mut grouped) = (BTreeMap::new(), BTreeMap::<Tag, Vec<Range<usize>>>::new());
    let mut open: Vec<Open> = Vec::new();
    let mut root = Tag(0, 0);
    loop {
        let Some(token) = reader.advance() else {
            let pixels = without_pixels(bytes, &open, &values)?;
            return Ok(Walk { values, grouped, pixels });
        };
        match token.map_err(|error| fault(bytes, &error))? {
            LazyDataToken::ElementHeader(_) => {}
            LazyDataToken::LazyValue { header, decoder } => {
                let at = usize::try_from(decoder.position()).map_err(damaged)?;
                let length = header.len.get().ok_or_else(|| damaged("a value has no length"))?;
                let range = at..at.saturating_add(length as usize);
                if open.is_empty() && header.tag == tags::PIXEL_DATA {
                    let pixels = Pixels::Plain { range, words: header.vr == VR::OW };
                    return Ok(Walk { values, grouped, pixels });
                }
                if range.end > bytes.len() {
                    return Err(truncated(bytes));
                }
                decoder.skip_bytes(length).map_err(damaged)?;
                if open.is_empty() {
                    values.insert(header.tag, range);
                } else if is_grouped(root, header.tag) {
                    grouped.entry(header.tag).or_default().push(range);
                }
            }
            LazyDataToken::LazyItemValue { len, decoder } => {
                if decoder.position() + u64::from(len) > bytes.len() as u64 {
                    return Err(truncated(bytes));
                }
                decoder.skip_bytes(len).map_err(damaged)?;
            }
            LazyDataToken::PixelSequenceStart if open.is_empty() => {
                let start = usize::try_from(reader.into_decoder().position()).map_err(damaged)?;
                return Ok(Walk { values, grouped, pixels: Pixels::Encapsulated { start } });
            }
            LazyDataToken::PixelSequenceStart => open.push(Open::Sequence),
            LazyDataToken::SequenceStart { tag, .. } => {
                if open.is_empty() {
                    root = tag;
                }
                open.push(Open::Sequence);
            }
            LazyDataToken::ItemStart { .. } => open.push(Open::Item),
            LazyDataToken::ItemEnd if open.pop() == Some(Open::Item) => {}
            LazyDataToken::SequenceEnd if open.pop() == Some(Open::Sequence) => {}
            _ => return Err(damaged("a sequence ends that has not begun")),
        }
    }
}

/// The elements of the functional groups that say where a frame lies and what its values mean.
fn is_grouped(root: Tag, tag: Tag) -> bool {
    let groups = [tags::SHARED_FUNCTIONAL_GROUPS_SEQUENCE, tags::PER_FRAME_FUNCTIONAL_GROUPS_SEQUENCE];
    let wanted = [
        tags::PIXEL_SPACING,
        tags::SLICE_THICKNESS,
        tags::SPACING_BETWEEN_SLICES,
        tags::IMAGE_ORIENTATION_PATIENT,
        tags::IMAGE_POSITION_PATIENT,
        tags::RESCALE_SLOPE,
        tags::RESCALE_INTERCEPT,
    ];
    groups.contains(&root) && wanted.contains(&tag)
}

/// Tells a data set that is cut before its pixels from one that never had any: a plan, a report, the index of a folder.
fn without_pixels(bytes: &[u8], open: &[Open], values: &BTreeMap<Tag, Range<usize>>) -> Result<Pixels, FormatError> {
    if [tags::FLOAT_PIXEL_DATA, tags::DOUBLE_FLOAT_PIXEL_DATA].iter().any(|tag| values.contains_key(tag)) {
        return Err(not_read("its pixels are floating-point numbers"));
    }
    let last = values.keys().next_back().copied().unwrap_or(Tag(0, 0));
    // Only indexes have elements of group 4, and nothing behind it.
    let index = values.keys().any(|tag| tag.0 == 4);
    if !open.is_empty() || values.contains_key(&tags::ROWS) || (last < tags::ROWS && !index) {
        return Err(truncated(bytes));
    }
    Ok(Pixels::None)
}

/// Tells an end that came too early from nonsense.
fn fault(bytes: &[u8], error: &(dyn Error + 'static)) -> FormatError {
    let mut cause = error;
    loop {
        if cause.downcast_ref::<std::io::Error>().is_some_and(|error| error.kind() == ErrorKind::UnexpectedEof) {
            return truncated(bytes);
        }
        match cause.source() {
            Some(source) => cause = source,
            None => return damaged(cause),
        }
    }
}
