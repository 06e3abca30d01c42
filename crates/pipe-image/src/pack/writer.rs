//! Writes a pack: equal entries in equal order give equal bytes.
//! It does not know when a pack is complete in the eyes of others; the caller writes to a scratch file.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::{BufWriter, Write as _};
use std::path::{Path, PathBuf};

use super::entry::{Dtype, Entry, EntryMeta, Index, PackError};
use super::layout::{ALIGN, VERSION, WITHOUT_NAMES, digest, footer, header};
use crate::{Image, Mask};

/// A pack that is being written; without [`PackWriter::finish`] the file is no pack.
#[derive(Debug)]
pub struct PackWriter {
    path: PathBuf,
    file: BufWriter<File>,
    at: u64,
    classes: Vec<String>,
    entries: Vec<Entry>,
    ids: BTreeSet<String>,
}

impl PackWriter {
    /// Starts a pack; a file of that name is replaced. `classes` are the names of those from 1, where they have names.
    ///
    /// # Errors
    /// If the file cannot be created.
    pub fn create(path: &Path, classes: &[String]) -> Result<Self, PackError> {
        let file =
            File::create(path).map_err(|source| PackError::Io { action: "create", path: path.to_owned(), source })?;
        let (entries, ids) = (Vec::new(), BTreeSet::new());
        let mut writer =
            Self { path: path.to_owned(), file: BufWriter::new(file), at: 0, classes: classes.to_vec(), entries, ids };
        writer.write(&header(if classes.is_empty() { WITHOUT_NAMES } else { VERSION }))?;
        Ok(writer)
    }

    /// Adds an entry.
    ///
    /// # Errors
    /// If the case is there already, the arrays do not fit together, or the disk is full.
    pub fn push(&mut self, meta: EntryMeta, image: &Image, dtype: Dtype, mask: Option<&Mask>) -> Result<(), PackError> {
        let EntryMeta { id, patient, site, part, label_frame, spacing, native, tags, maps } = meta;
        let shape = image.shape();
        let [frames, channels, height, width] = shape;
        if image.data.len() != shape.iter().product::<usize>() {
            let reason = format!("{} values for the shape {shape:?}", image.data.len());
            return Err(PackError::Shape { id, reason });
        }
        let fits = |mask: &&Mask| {
            (mask.height, mask.width, mask.labels.len()) == (height, width, mask.layers * mask.size())
                && (mask.depth == 1 || mask.depth == frames)
        };
        if let Some(mask) = mask.filter(|mask| !fits(mask)) {
            let Mask { depth, height: rows, width: columns, .. } = mask;
            let reason = format!("the image is {width}x{height}x{frames}, the mask {columns}x{rows}x{depth}");
            return Err(PackError::Shape { id, reason });
        }
        let (layers, depth) = mask.map_or((1, 1), |mask| (mask.layers, mask.depth));
        if !self.ids.insert(id.clone()) {
            return Err(PackError::Duplicate { id });
        }
        let bytes = encode(&image.data, dtype);
        let image_offset = self.array(&bytes)?;
        let mask_offset = mask.map(|mask| self.array(&mask.labels)).transpose()?.unwrap_or(0);
        let mask_digest = mask.map(|mask| digest(Dtype::U8, [depth, layers, height, width], &mask.labels));
        let image_digest = digest(dtype, shape, &bytes);
        self.entries.push(Entry {
            id,
            patient,
            site,
            part,
            label_frame,
            layers,
            depth,
            frames,
            channels,
            height,
            width,
            spacing,
            native,
            tags,
            maps,
            dtype,
            ignored: mask.map_or(0, Mask::ignored),
            image_digest,
            mask_digest,
            image_offset,
            mask_offset,
        });
        Ok(())
    }

    /// Writes index and footer and waits until the bytes are on the disk.
    ///
    /// # Errors
    /// If the disk is full.
    pub fn finish(mut self) -> Result<(), PackError> {
        let (classes, entries) = (std::mem::take(&mut self.classes), std::mem::take(&mut self.entries));
        let index = if classes.is_empty() {
            serde_json::to_vec(&entries)
        } else {
            serde_json::to_vec(&Index { classes, entries })
        };
        let index = index.expect("entries are plain data");
        let offset = self.at;
        self.write(&index)?;
        self.write(&footer(offset, &index))?;
        let failed = |source| PackError::Io { action: "write", path: self.path.clone(), source };
        self.file.flush().map_err(failed)?;
        self.file.get_ref().sync_all().map_err(failed)
    }

    /// Writes an array at an aligned place and gives that place.
    fn array(&mut self, bytes: &[u8]) -> Result<u64, PackError> {
        let offset = self.at;
        self.write(bytes)?;
        let padding = self.at.next_multiple_of(ALIGN) - self.at;
        self.write(&[0; ALIGN as usize][..padding as usize])?;
        Ok(offset)
    }

    fn write(&mut self, bytes: &[u8]) -> Result<(), PackError> {
        let failed = |source| PackError::Io { action: "write", path: self.path.clone(), source };
        self.file.write_all(bytes).map_err(failed)?;
        self.at += bytes.len() as u64;
        Ok(())
    }
}

/// Gives the digest that an image has in a pack of 32-bit floats.
pub(crate) fn image_digest(image: &Image) -> String {
    digest(Dtype::F32, image.shape(), &encode(&image.data, Dtype::F32))
}

fn encode(values: &[f32], dtype: Dtype) -> Vec<u8> {
    match dtype {
        Dtype::F32 => values.iter().flat_map(|value| value.to_le_bytes()).collect(),
        Dtype::F16 => values.iter().flat_map(|value| half::f16::from_f32(*value).to_le_bytes()).collect(),
        // `as` saturates and takes NaN to 0; values are whole by the contract of this kind.
        Dtype::U8 => values.iter().map(|value| value.round() as u8).collect(),
    }
}
