//! Reads a pack through a memory map: opening costs the index, an image costs its own bytes.
//! It does not know what the entries are for.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use memmap2::Mmap;

use super::entry::{Dtype, Entry, PackError};
use super::layout::{ALIGN, END, MAGIC, VERSION, digest};
use super::map::map;
use crate::{Image, Mask};

/// An open pack.
#[derive(Debug)]
pub struct Pack {
    path: PathBuf,
    bytes: Mmap,
    entries: Vec<Entry>,
    by_id: BTreeMap<String, usize>,
}

impl Pack {
    /// Opens a pack and checks that every array lies within the file.
    ///
    /// # Errors
    /// If the file is no pack, of another version, cut, or its index is damaged.
    pub fn open(path: &Path) -> Result<Self, PackError> {
        let bytes = map(path).map_err(|source| PackError::Io {
            action: "open",
            path: path.to_owned(),
            source,
        })?;
        let damaged = |reason: &str| PackError::Damaged {
            path: path.to_owned(),
            reason: reason.to_owned(),
        };
        if !bytes.starts_with(&MAGIC) || bytes.len() < ALIGN as usize {
            return Err(PackError::NotAPack {
                path: path.to_owned(),
            });
        }
        let version = u32::from_le_bytes([bytes[8], bytes[9], bytes[10], bytes[11]]);
        if version != VERSION {
            return Err(PackError::Version {
                path: path.to_owned(),
                found: version,
                known: VERSION,
            });
        }
        let index =
            index(&bytes).ok_or_else(|| damaged("it ends too early, or its index was changed"))?;
        let entries: Vec<Entry> =
            serde_json::from_slice(index).map_err(|error| damaged(&error.to_string()))?;
        for entry in &entries {
            let image = entry.values().saturating_mul(entry.dtype.bytes());
            let mask = if entry.mask_digest.is_some() {
                entry.height.saturating_mul(entry.width)
            } else {
                0
            };
            let fits = |offset: u64, length: usize| {
                offset.saturating_add(length as u64) <= bytes.len() as u64
            };
            if !fits(entry.image_offset, image) || !fits(entry.mask_offset, mask) {
                return Err(damaged(&format!(
                    "the arrays of `{}` lie outside the file",
                    entry.id
                )));
            }
        }
        let by_id = entries
            .iter()
            .enumerate()
            .map(|(at, entry)| (entry.id.clone(), at))
            .collect();
        Ok(Self {
            path: path.to_owned(),
            bytes,
            entries,
            by_id,
        })
    }

    /// Gives the entries in the order they were written.
    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// Gives the place of a case.
    pub fn find(&self, id: &str) -> Option<usize> {
        self.by_id.get(id).copied()
    }

    /// Gives the image of an entry as floats.
    ///
    /// # Panics
    /// If there is no such entry.
    pub fn image(&self, at: usize) -> Image {
        let entry = &self.entries[at];
        let Entry {
            frames,
            channels,
            height,
            width,
            ..
        } = *entry;
        let bytes = self.image_bytes(entry);
        let data = match entry.dtype {
            Dtype::F32 => bytes
                .chunks_exact(4)
                .map(|b| f32::from_le_bytes([b[0], b[1], b[2], b[3]]))
                .collect(),
            Dtype::F16 => bytes
                .chunks_exact(2)
                .map(|b| half::f16::from_le_bytes([b[0], b[1]]).to_f32())
                .collect(),
            Dtype::U8 => bytes.iter().map(|byte| f32::from(*byte)).collect(),
        };
        Image {
            frames,
            channels,
            height,
            width,
            data,
        }
    }

    /// Gives the mask of an entry, if it has one.
    ///
    /// # Panics
    /// If there is no such entry.
    pub fn mask(&self, at: usize) -> Option<Mask> {
        let entry = &self.entries[at];
        let labels = entry
            .mask_digest
            .as_ref()
            .map(|_| self.mask_bytes(entry).to_vec())?;
        Some(Mask {
            height: entry.height,
            width: entry.width,
            labels,
        })
    }

    /// Checks the arrays of an entry against its digests.
    ///
    /// # Errors
    /// If the bytes are not those that were written.
    pub fn verify(&self, at: usize) -> Result<(), PackError> {
        let entry = &self.entries[at];
        let Entry {
            frames,
            channels,
            height,
            width,
            dtype,
            ..
        } = *entry;
        let image = digest(
            dtype,
            [frames, channels, height, width],
            self.image_bytes(entry),
        ) == entry.image_digest;
        let mask_digest = entry.mask_digest.as_ref();
        let mask = mask_digest.is_none_or(|known| {
            *known == digest(Dtype::U8, [1, 1, height, width], self.mask_bytes(entry))
        });
        if image && mask {
            return Ok(());
        }
        let reason = format!(
            "the {} of `{}` changed since it was written",
            if image { "mask" } else { "image" },
            entry.id
        );
        Err(PackError::Damaged {
            path: self.path.clone(),
            reason,
        })
    }

    fn image_bytes(&self, entry: &Entry) -> &[u8] {
        &self.bytes[entry.image_offset as usize..][..entry.values() * entry.dtype.bytes()]
    }

    fn mask_bytes(&self, entry: &Entry) -> &[u8] {
        &self.bytes[entry.mask_offset as usize..][..entry.height * entry.width]
    }
}

/// Gives the bytes of the index if the footer is whole and its digest agrees.
fn index(bytes: &[u8]) -> Option<&[u8]> {
    let footer = bytes
        .len()
        .checked_sub(ALIGN as usize)
        .map(|start| &bytes[start..])?;
    let number = |at: usize| {
        footer[at..at + 8]
            .try_into()
            .ok()
            .map(u64::from_le_bytes)
            .and_then(|n| usize::try_from(n).ok())
    };
    if footer[56..] != END {
        return None;
    }
    let index = bytes.get(number(0)?..)?.get(..number(8)?)?;
    (blake3::hash(index).as_bytes() == &footer[16..48]).then_some(index)
}
