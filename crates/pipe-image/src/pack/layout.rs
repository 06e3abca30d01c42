//! The bytes of a pack: header, aligned arrays, JSON index, footer.
//! It does not know files; writer and reader agree here.
//!
//! `header (64 bytes) | array, zeros up to 64 bytes | ... | index (JSON: a list of entries; of
//! version 3 a map with the names of classes too) | footer (64 bytes)`. Numbers are
//! little-endian. The footer has the place, length and BLAKE3 of the index, so that a pack that was cut anywhere is no pack.

use crate::Dtype;

/// What a pack starts with.
pub(super) const MAGIC: [u8; 8] = *b"PIPEPACK";
/// What a pack ends with.
pub(super) const END: [u8; 8] = *b"KCAPEPIP";
/// The newest version of the bytes.
pub(super) const VERSION: u32 = 3;
/// The version of packs whose classes have no names: they stay, to the byte, what they were before names could be kept.
pub(super) const WITHOUT_NAMES: u32 = 2;
/// Arrays start at multiples of this: a cache line, and the widest vector register.
pub(super) const ALIGN: u64 = 64;

/// Gives the header.
pub(super) fn header(version: u32) -> [u8; ALIGN as usize] {
    let mut header = [0; ALIGN as usize];
    header[..8].copy_from_slice(&MAGIC);
    header[8..12].copy_from_slice(&version.to_le_bytes());
    header
}

/// Gives the footer for an index.
pub(super) fn footer(offset: u64, index: &[u8]) -> [u8; ALIGN as usize] {
    let mut footer = [0; ALIGN as usize];
    footer[..8].copy_from_slice(&offset.to_le_bytes());
    footer[8..16].copy_from_slice(&(index.len() as u64).to_le_bytes());
    footer[16..48].copy_from_slice(blake3::hash(index).as_bytes());
    footer[56..].copy_from_slice(&END);
    footer
}

/// Gives the digest of an array: its kind and shape count, so that equal bytes of another shape differ.
pub(super) fn digest(dtype: Dtype, shape: [usize; 4], bytes: &[u8]) -> String {
    let mut hasher = blake3::Hasher::new();
    hasher.update(&[dtype.bytes() as u8]);
    shape.iter().for_each(|side| {
        hasher.update(&(*side as u64).to_le_bytes());
    });
    hasher.update(bytes);
    hasher.finalize().to_hex().to_string()
}
