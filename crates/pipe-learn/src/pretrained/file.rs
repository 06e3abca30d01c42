//! A file of weights, opened: which arrays it holds is known, and none of them is in memory yet.
//! It does not know networks.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, Read as _};
use std::os::unix::fs::FileExt as _;
use std::path::Path;
use std::sync::Arc;

use half::{bf16, f16};

use super::archive::Parts;
use super::values::View;
use super::{PretrainedError, safetensors, torch};

/// One array of a file.
#[derive(Debug)]
pub(super) struct Held {
    /// The size of each dimension.
    pub shape: Vec<usize>,
    /// The numbers it holds; where they are no floats, what they are instead.
    pub number: Result<Number, String>,
    /// Where they are.
    pub place: Place,
}

/// A kind of float.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Number {
    F16,
    Bf16,
    F32,
    F64,
}

/// Where the bytes of an array are.
#[derive(Debug)]
pub(super) enum Place {
    /// A view of an entry of a PyTorch file.
    View {
        /// The file.
        parts: Arc<Parts>,
        /// The entry.
        entry: String,
        /// Which of its bytes.
        view: View,
    },
    /// At an offset of a file, one after the other.
    At(Arc<File>, u64),
}

/// The arrays of a file by name.
pub(super) type Contents = BTreeMap<String, Held>;

/// Opens a file of any form; of its content, `most` bytes at most are taken for weights.
///
/// # Errors
/// There is no such file, or it is no file of weights, damaged, or not to be trusted.
pub(super) fn opened(path: &Path, most: u64) -> Result<Contents, PretrainedError> {
    let read = |source: io::Error| match source.kind() {
        io::ErrorKind::NotFound => PretrainedError::Missing { path: path.to_owned() },
        _ => PretrainedError::Read { path: path.to_owned(), source },
    };
    let metadata = path.metadata().map_err(read)?;
    if metadata.is_dir() {
        return Err(PretrainedError::Folder { path: path.to_owned() });
    }
    let kind = |found: &str| PretrainedError::Kind { path: path.to_owned(), found: found.to_owned() };
    if !metadata.is_file() {
        return Err(kind("it is no regular file"));
    }
    let mut file = File::open(path).map_err(read)?;
    let mut start = Vec::new();
    (&mut file).take(512).read_to_end(&mut start).map_err(read)?;
    let whole = || {
        if metadata.len() > most {
            let reason = format!("it has {} bytes, and the network's weights justify {most} at most", metadata.len());
            return Err(PretrainedError::TooLarge { path: path.to_owned(), reason });
        }
        fs::read(path).map_err(read)
    };
    let text = String::from_utf8_lossy(&start).trim_start().to_ascii_lowercase();
    match start.as_slice() {
        [] => Err(kind("it is empty")),
        _ if text.starts_with("version https://git-lfs") => {
            Err(kind("it is a pointer of Git LFS, which stands for the real file; get that one with `git lfs pull`"))
        }
        _ if text.starts_with("<!doctype") || text.starts_with("<html") || text.starts_with("<?xml") => {
            Err(kind("it is a web page, as servers send in place of a file that they do not give out"))
        }
        [b'P', b'K', 3 | 5, ..] => torch::zipped(path, whole()?, most),
        [_, _, _, _, _, 0, 0, 0, b'{', ..] => safetensors::contents(path, file, metadata.len()),
        [0x80 | b'(' | b'}' | b']' | b'c', ..] => torch::pickled(path, whole()?),
        _ if path.extension().is_some_and(|extension| extension == "safetensors") => {
            safetensors::contents(path, file, metadata.len())
        }
        [0x89, b'H', b'D', b'F', ..] => Err(kind("it is an HDF5 file, as Keras writes")),
        _ => Err(kind("it starts as neither")),
    }
}

impl Held {
    /// Reads the array, as 32-bit floats.
    ///
    /// # Errors
    /// The file cannot be read, or ends too early.
    pub(super) fn values(&self, number: Number) -> io::Result<Vec<f32>> {
        let damaged = |reason: String| io::Error::new(io::ErrorKind::InvalidData, reason);
        let bytes = match &self.place {
            Place::View { parts, entry, view } => {
                let storage = parts.read(entry).map_err(damaged)?;
                if storage.len() < view.storage.count * view.storage.width {
                    return Err(damaged(format!("its entry `{entry}` has fewer bytes than its arrays")));
                }
                view.gathered(&storage)
            }
            Place::At(file, offset) => {
                let mut bytes = vec![0; self.shape.iter().product::<usize>() * number.size()];
                file.read_exact_at(&mut bytes, *offset)?;
                bytes
            }
        };
        // The two formats are little-endian, and so is every machine that this program is built for.
        Ok(match number {
            Number::F16 => bytes.as_chunks().0.iter().map(|bytes| f16::from_le_bytes(*bytes).to_f32()).collect(),
            Number::Bf16 => bytes.as_chunks().0.iter().map(|bytes| bf16::from_le_bytes(*bytes).to_f32()).collect(),
            Number::F32 => bytes.as_chunks().0.iter().map(|bytes| f32::from_le_bytes(*bytes)).collect(),
            Number::F64 => bytes.as_chunks().0.iter().map(|bytes| f64::from_le_bytes(*bytes) as f32).collect(),
        })
    }
}

impl Number {
    fn size(self) -> usize {
        match self {
            Self::F16 | Self::Bf16 => 2,
            Self::F32 => 4,
            Self::F64 => 8,
        }
    }
}
