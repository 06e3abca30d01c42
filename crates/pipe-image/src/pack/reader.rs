//! Reads a pack through a memory map: opening costs the index, an image costs its own bytes.
//! It does not know what the entries are for.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use memmap2::Mmap;

use super::entry::{Dtype, Entry, Index, PackError};
use super::layout::{ALIGN, END, MAGIC, VERSION, WITHOUT_NAMES, digest};
use super::map::map;
use crate::{Image, Mask};

/// An open pack.
#[derive(Debug)]
pub struct Pack {
    path: PathBuf,
    bytes: Mmap,
    classes: Vec<String>,
    entries: Vec<Entry>,
    by_id: BTreeMap<String, usize>,
}

impl Pack {
    /// Opens a pack and checks that every array lies within the file.
    ///
    /// # Errors
    /// If the file is no pack, of another version, cut, or its index is damaged.
    pub fn open(path: &Path) -> Result<Self, PackError> {
        let bytes = map(path).map_err(|source| PackError::Io { action: "open", path: path.to_owned(), source })?;
        let damaged = |reason: &str| PackError::Damaged { path: path.to_owned(), reason: reason.to_owned() };
        if !bytes.starts_with(&MAGIC) || bytes.len() < ALIGN as usize {
            return Err(PackError::NotAPack { path: path.to_owned() });
        }
        let version = u32::from_le_bytes([bytes[8], bytes[9], bytes[10], bytes[11]]);
        if !(WITHOUT_NAMES..=VERSION).contains(&version) {
            return Err(PackError::Version { path: path.to_owned(), found: version, known: VERSION });
        }
        let index = index(&bytes).ok_or_else(|| damaged("it ends too early, or its index was changed"))?;
        let Index { classes, entries } = match version {
            WITHOUT_NAMES => serde_json::from_slice(index).map(|entries| Index { classes: Vec::new(), entries }),
            _ => serde_json::from_slice(index),
        }
        .map_err(|error| damaged(&error.to_string()))?;
        for entry in &entries {
            let image = entry.values().saturating_mul(entry.dtype.bytes());
            let mask = if entry.mask_digest.is_some() { entry.labels() } else { 0 };
            let fits = |offset: u64, length: usize| offset.saturating_add(length as u64) <= bytes.len() as u64;
            if !fits(entry.image_offset, image) || !fits(entry.mask_offset, mask) {
                return Err(damaged(&format!("the arrays of `{}` lie outside the file", entry.id)));
            }
        }
        let by_id = entries.iter().enumerate().map(|(at, entry)| (entry.id.clone(), at)).collect();
        Ok(Self { path: path.to_owned(), bytes, classes, entries, by_id })
    }

    /// Gives the entries in the order they were written.
    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// Gives the names of the classes from 1, where they have names.
    pub fn classes(&self) -> &[String] {
        &self.classes
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
        let Entry { frames, channels, height, width, .. } = *entry;
        let bytes = self.image_bytes(entry);
        let data = match entry.dtype {
            Dtype::F32 => bytes.chunks_exact(4).map(|b| f32::from_le_bytes([b[0], b[1], b[2], b[3]])).collect(),
            Dtype::F16 => bytes.chunks_exact(2).map(|b| half::f16::from_le_bytes([b[0], b[1]]).to_f32()).collect(),
            Dtype::U8 => bytes.iter().map(|byte| f32::from(*byte)).collect(),
        };
        Image { frames, channels, height, width, data }
    }

    /// Gives the mask of an entry, if it has one.
    ///
    /// # Panics
    /// If there is no such entry.
    pub fn mask(&self, at: usize) -> Option<Mask> {
        let entry = &self.entries[at];
        let labels = entry.mask_digest.as_ref().map(|_| self.mask_bytes(entry).to_vec())?;
        let Entry { layers, depth, height, width, .. } = *entry;
        Some(Mask { layers, depth, height, width, labels })
    }

    /// Checks the arrays of an entry against its digests.
    ///
    /// # Errors
    /// If the bytes are not those that were written.
    pub fn verify(&self, at: usize) -> Result<(), PackError> {
        let entry = &self.entries[at];
        let Entry { frames, channels, layers, depth, height, width, dtype, .. } = *entry;
        let image = digest(dtype, [frames, channels, height, width], self.image_bytes(entry)) == entry.image_digest;
        let mask_digest = entry.mask_digest.as_ref();
        let mask = mask_digest
            .is_none_or(|known| *known == digest(Dtype::U8, [depth, layers, height, width], self.mask_bytes(entry)));
        if image && mask {
            return Ok(());
        }
        let reason =
            format!("the {} of `{}` changed since it was written", if image { "mask" } else { "image" }, entry.id);
        Err(PackError::Damaged { path: self.path.clone(), reason })
    }

    fn image_bytes(&self, entry: &Entry) -> &[u8] {
        &self.bytes[entry.image_offset as usize..][..entry.values() * entry.dtype.bytes()]
    }

    fn mask_bytes(&self, entry: &Entry) -> &[u8] {
        &self.bytes[entry.mask_offset as usize..][..entry.labels()]
    }
}

/// Gives the bytes of the index if the footer is whole and its digest agrees.
fn index(bytes: &[u8]) -> Option<&[u8]> {
    let footer = bytes.len().checked_sub(ALIGN as usize).map(|start| &bytes[start..])?;
    let number =
        |at: usize| footer[at..at + 8].try_into().ok().map(u64::from_le_bytes).and_then(|n| usize::try_from(n).ok());
    if footer[56..] != END {
        return None;
    }
    let index = bytes.get(number(0)?..)?.get(..number(8)?)?;
    (blake3::hash(index).as_bytes() == &footer[16..48]).then_some(index)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::formats::{Geometry, Space};
    use crate::{EntryMeta, Maps, Native, PackWriter, Part, Slice};

    fn meta(id: &str) -> EntryMeta {
        EntryMeta {
            id: id.to_owned(),
            patient: "p".to_owned(),
            site: None,
            part: Some(Part::Test),
            label_frame: 1,
            spacing: Some([2.5, 0.1, 0.3]),
            native: Native {
                file: Some("a/b.nii.gz".to_owned()),
                slice: Some(Slice { volume: "v".to_owned(), at: 3 }),
                geometry: Some(Geometry {
                    space: Space(4),
                    spacing: [2.5, 0.1, 1.0 / 3.0],
                    affine: Some([[0.1, 0.2, -0.3, 1e-9], [1.0 / 3.0, 7.0, 0.0, 1e5], [0.0, 0.0, 1.0, -80.25]]),
                }),
                ..Native::grid([9, 7, 5])
            },
            tags: BTreeMap::from([("day".to_owned(), "20".to_owned())]),
            maps: Maps::Exclusive,
        }
    }

    fn image() -> Image {
        let data = (0..24u8).map(|value| f32::from(value) / 3.0).collect();
        Image { frames: 2, channels: 3, height: 2, width: 2, data }
    }

    fn written(path: &Path) -> Result<(), PackError> {
        written_with(path, &[])
    }

    fn written_with(path: &Path, classes: &[String]) -> Result<(), PackError> {
        let mask = Mask { layers: 1, depth: 1, height: 2, width: 2, labels: vec![0, 1, 2, 1] };
        let mut writer = PackWriter::create(path, classes)?;
        writer.push(meta("a"), &image(), Dtype::F32, Some(&mask))?;
        writer.push(meta("b"), &image(), Dtype::F16, None)?;
        writer.push(
            meta("c"),
            &Image { data: vec![0.0, 255.0, 3.0, 1.0], ..Image::filled([1, 1, 2, 2], 0.0) },
            Dtype::U8,
            None,
        )?;
        assert!(matches!(writer.push(meta("a"), &image(), Dtype::F32, None), Err(PackError::Duplicate { .. })));
        assert!(matches!(
            writer.push(meta("d"), &image(), Dtype::F32, Some(&Mask::empty(1, 2))),
            Err(PackError::Shape { .. })
        ));
        writer.finish()
    }

    #[test]
    fn what_was_written_is_read() {
        let folder = tempfile::tempdir().expect("there is room");
        let (one, two) = (folder.path().join("one"), folder.path().join("two"));
        written(&one).expect("the disk has room");
        written(&two).expect("the disk has room");
        assert_eq!(std::fs::read(&one).expect("it exists"), std::fs::read(&two).expect("it exists"), "equal bytes");
        let pack = Pack::open(&one).expect("the pack is whole");
        assert_eq!(pack.entries().len(), 3);
        assert_eq!((pack.find("b"), pack.find("x")), (Some(1), None));
        assert_eq!(pack.image(0), image());
        assert_eq!(pack.mask(0).expect("it has a mask").labels, [0, 1, 2, 1]);
        assert!(pack.image(1).data.iter().zip(image().data).all(|(half, full)| (half - full).abs() < 4e-3));
        assert_eq!((pack.image(2).data, pack.mask(2)), (vec![0.0, 255.0, 3.0, 1.0], None));
        assert_eq!(pack.entries()[0].meta(), meta("a"));
        assert!(pack.entries().iter().all(|entry| entry.ignored == 0));
        assert_ne!(pack.entries()[0].about(), pack.entries()[1].about());
        assert_ne!(pack.entries()[0].image_digest, pack.entries()[1].image_digest);
        (0..3).for_each(|at| pack.verify(at).expect("nothing changed"));
        assert!(pack.classes().is_empty());
        let names = ["anterior", "posterior"].map(str::to_owned);
        written_with(&two, &names).expect("the disk has room");
        let named = Pack::open(&two).expect("the pack is whole");
        assert_eq!((named.classes(), named.entries()), (names.as_slice(), pack.entries()));
    }

    #[test]
    fn entries_say_what_is_not_known() {
        let folder = tempfile::tempdir().expect("there is room");
        let path = folder.path().join("pack");
        let mut writer = PackWriter::create(&path, &[]).expect("there is room");
        let mask = Mask { layers: 2, depth: 1, height: 2, width: 2, labels: vec![1, 255, 0, 255, 0, 255, 1, 255] };
        writer.push(meta("a"), &image(), Dtype::F32, Some(&mask)).expect("they fit");
        writer.finish().expect("there is room");
        let pack = Pack::open(&path).expect("it is whole");
        assert_eq!((pack.entries()[0].ignored, pack.mask(0)), (2, Some(mask)));
    }

    #[test]
    fn damage_is_seen() {
        let folder = tempfile::tempdir().expect("there is room");
        let path = folder.path().join("pack");
        written(&path).expect("the disk has room");
        let bytes = std::fs::read(&path).expect("it exists");
        let open = |bytes: &[u8]| {
            let path = folder.path().join("changed");
            std::fs::write(&path, bytes).expect("the disk has room");
            Pack::open(&path)
        };
        for length in [64, 200, bytes.len() - 64, bytes.len() - 1] {
            assert!(matches!(open(&bytes[..length]), Err(PackError::Damaged { .. })), "cut to {length}");
        }
        assert!(matches!(open(b"something else"), Err(PackError::NotAPack { .. })));
        assert!(matches!(open(b""), Err(PackError::NotAPack { .. } | PackError::Io { .. })));
        let mut newer = bytes.clone();
        newer[8] = 9;
        assert!(matches!(open(&newer), Err(PackError::Version { found: 9, .. })));
        let mut rotten = bytes.clone();
        rotten[70] ^= 1;
        let pack = open(&rotten).expect("only values changed");
        assert!(matches!(pack.verify(0), Err(PackError::Damaged { .. })) && pack.verify(1).is_ok());
        assert!(matches!(Pack::open(&folder.path().join("none")), Err(PackError::Io { .. })));
    }
}
