//! Checkpoints: named arrays in a safetensors file, written so that it is there as a whole or not at all.
//! Does not know what the arrays are for.

use std::borrow::Cow;
use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use safetensors::{Dtype, SafeTensorError, SafeTensors, View};
use thiserror::Error;

use crate::weights::{Array, Arrays};

/// The one entry of the file's free text. One, because the format's map of them has no fixed order.
const NOTE: &str = "pipe";

/// A checkpoint that cannot be read or written.
#[derive(Debug, Error)]
pub enum CheckpointError {
    /// The file cannot be read.
    #[error("cannot read {path}")]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The file cannot be written.
    #[error("cannot write {path}")]
    Write {
        /// The file.
        path: PathBuf,
        /// Why; a full disk is one reason.
        source: io::Error,
    },
    /// The file is no safetensors file.
    #[error("{path} is not a safetensors file")]
    Format {
        /// The file.
        path: PathBuf,
        /// Where it differs.
        source: SafeTensorError,
    },
    /// An array of other numbers than 32-bit floats.
    #[error("{path}: `{name}` holds {found}, expected F32")]
    Type {
        /// The file.
        path: PathBuf,
        /// The array.
        name: String,
        /// What it holds.
        found: String,
    },
}

/// Writes arrays and a note; equal content gives equal bytes.
///
/// # Errors
/// The file cannot be written; what stood there before still stands there.
pub fn write(path: &Path, arrays: &Arrays, note: &str) -> Result<(), CheckpointError> {
    let views = arrays.iter().map(|(name, array)| (name, Floats(array)));
    let bytes = safetensors::serialize(views, Some([(NOTE.to_owned(), note.to_owned())].into()))
        .map_err(|source| CheckpointError::Format { path: path.to_owned(), source })?;
    write_file(path, &bytes)
}

/// Writes a file by way of a temporary one beside it.
///
/// # Errors
/// The file cannot be written; what stood there before still stands there.
pub fn write_file(path: &Path, bytes: &[u8]) -> Result<(), CheckpointError> {
    let temporary = path.with_extension("partial");
    let written = || -> io::Result<()> {
        let mut file = File::create(&temporary)?;
        file.write_all(bytes)?;
        file.sync_all()?;
        fs::rename(&temporary, path)?;
        // The rename itself must outlive a power cut, too.
        path.parent().map_or(Ok(()), |folder| File::open(folder)?.sync_all())
    };
    written().map_err(|source| {
        // Best effort: a left-over is overwritten next time.
        drop(fs::remove_file(&temporary));
        CheckpointError::Write { path: path.to_owned(), source }
    })
}

/// Reads arrays and the note.
///
/// # Errors
/// The file cannot be read or has another form.
pub fn read(path: &Path) -> Result<(Arrays, String), CheckpointError> {
    let bytes = fs::read(path).map_err(|source| CheckpointError::Read { path: path.to_owned(), source })?;
    let format = |source| CheckpointError::Format { path: path.to_owned(), source };
    let (_, header) = SafeTensors::read_metadata(&bytes).map_err(format)?;
    let note = header.metadata().as_ref().and_then(|notes| notes.get(NOTE).cloned()).unwrap_or_default();
    let mut arrays = Arrays::new();
    for (name, view) in SafeTensors::deserialize(&bytes).map_err(format)?.iter() {
        if view.dtype() != Dtype::F32 {
            let (path, found) = (path.to_owned(), format!("{:?}", view.dtype()));
            return Err(CheckpointError::Type { path, name: name.to_owned(), found });
        }
        let (values, _) = view.data().as_chunks::<4>();
        let values = values.iter().map(|bytes| f32::from_le_bytes(*bytes)).collect();
        arrays.insert(name.to_owned(), Array { shape: view.shape().to_vec(), values });
    }
    Ok((arrays, note))
}

/// An array as the format wants it.
struct Floats<'a>(&'a Array);

impl View for Floats<'_> {
    fn dtype(&self) -> Dtype {
        Dtype::F32
    }

    fn shape(&self) -> &[usize] {
        &self.0.shape
    }

    fn data(&self) -> Cow<'_, [u8]> {
        self.0.values.iter().flat_map(|value| value.to_le_bytes()).collect::<Vec<u8>>().into()
    }

    fn data_len(&self) -> usize {
        self.0.values.len() * 4
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read() {
        let folder = tempfile::tempdir().expect("a temporary folder can be made");
        let path = folder.path().join("a.safetensors");
        let mut arrays = Arrays::new();
        arrays.insert("b.weight".into(), Array { shape: vec![2, 1], values: vec![1.5, -0.0] });
        arrays.insert("a/velocity".into(), Array { shape: vec![1], values: vec![f32::MIN_POSITIVE] });
        write(&path, &arrays, "{\"epoch\":3}").expect("the folder is ours");
        assert_eq!(read(&path).expect("it was just written"), (arrays, "{\"epoch\":3}".to_owned()));
        assert_eq!(fs::read_dir(folder.path()).expect("it is there").count(), 1);
        fs::write(&path, b"short").expect("the folder is ours");
        assert!(matches!(read(&path), Err(CheckpointError::Format { .. })));
    }
}
