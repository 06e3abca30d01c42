//! safetensors files: the header alone, arrays stay where they are until they are asked for.
//! It does not know which arrays anybody wants.

use std::fs::File;
use std::os::unix::fs::FileExt as _;
use std::path::Path;
use std::sync::Arc;

use safetensors::Dtype;
use safetensors::tensor::Metadata;

use super::PretrainedError;
use super::archive::LONGEST_PICKLE;
use super::file::{Contents, Held, Number, Place};

/// The bytes before the header: its length.
const LENGTH: u64 = 8;

/// Reads the header of a file of `size` bytes.
///
/// # Errors
/// The header is longer than the file, no header, or names other places than the file has.
pub(super) fn contents(path: &Path, file: File, size: u64) -> Result<Contents, PretrainedError> {
    let damaged = |reason: String| PretrainedError::Damaged { path: path.to_owned(), reason };
    let read = |source| PretrainedError::Read { path: path.to_owned(), source };
    if size < LENGTH {
        return Err(damaged(format!("it has {size} bytes, fewer than a safetensors file starts with")));
    }
    let mut length = [0; LENGTH as usize];
    file.read_exact_at(&mut length, 0).map_err(read)?;
    let length = u64::from_le_bytes(length);
    if length > size - LENGTH {
        return Err(damaged(format!("its header is said to have {length} bytes, the whole file has {size}")));
    }
    if length > LONGEST_PICKLE as u64 {
        let reason = format!("its header has {length} bytes, at most {LONGEST_PICKLE} are read");
        return Err(PretrainedError::TooLarge { path: path.to_owned(), reason });
    }
    let mut header = vec![0; length as usize];
    file.read_exact_at(&mut header, LENGTH).map_err(read)?;
    // Reading it checks that arrays lie one behind the other and have the bytes that their shapes need.
    let header: Metadata =
        serde_json::from_slice(&header).map_err(|error| damaged(format!("its header cannot be read: {error}")))?;
    let start = LENGTH + length;
    let end = start.saturating_add(header.data_len() as u64);
    if end != size {
        let what = if end > size { "it was cut off" } else { "something was put behind it" };
        return Err(damaged(format!("it has {size} bytes, its header speaks of {end}: {what}")));
    }
    let file = Arc::new(file);
    let held = header.tensors().into_iter().map(|(name, info)| {
        let number = match info.dtype {
            Dtype::F16 => Ok(Number::F16),
            Dtype::BF16 => Ok(Number::Bf16),
            Dtype::F32 => Ok(Number::F32),
            Dtype::F64 => Ok(Number::F64),
            other => Err(format!("{other:?}")),
        };
        let place = Place::At(Arc::clone(&file), start + info.data_offsets.0 as u64);
        (name, Held { shape: info.shape.clone(), number, place })
    });
    Ok(held.collect())
}
