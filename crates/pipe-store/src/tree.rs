//! Contents of a file or of a folder: a folder is the digest of the canonical list of its files.
//!
//! Does not know where objects are kept.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use serde::{Deserialize, Serialize};
use walkdir::WalkDir;

use crate::{Digest, StoreError};

/// Whether contents are those of a file or of a folder.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Shape {
    /// A file; its digest is that of its bytes.
    File,
    /// A folder; its digest is that of the list of its files.
    Tree,
}

/// Contents by name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Object {
    /// Digest of the contents.
    pub digest: Digest,
    /// File or folder.
    pub shape: Shape,
    /// Bytes of all files together.
    pub bytes: u64,
}

/// One file of a folder.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Leaf {
    /// Path relative to the folder, parts divided by `/`.
    pub path: String,
    pub digest: Digest,
    pub bytes: u64,
    pub executable: bool,
}

/// The canonical text of a folder: its files sorted by path. Empty folders do not count.
pub(crate) fn text(leaves: &[Leaf]) -> String {
    serde_json::to_string(leaves).expect("leaves are plain data")
}

pub(crate) fn object(leaves: &[Leaf]) -> Object {
    let bytes = leaves.iter().map(|leaf| leaf.bytes).sum();
    Object { digest: Digest::of(text(leaves).as_bytes()), shape: Shape::Tree, bytes }
}

/// A file below a folder, before it is hashed.
pub(crate) struct Found {
    pub path: PathBuf,
    pub name: String,
    pub metadata: fs::Metadata,
}

/// All files below a folder, sorted by relative path. Links are followed; one that leads nowhere is an error.
pub(crate) fn walk(folder: &Path) -> Result<Vec<Found>, StoreError> {
    let mut found = Vec::new();
    for entry in WalkDir::new(folder).follow_links(true).sort_by_file_name() {
        let entry = entry.map_err(|error| {
            let path = error.path().unwrap_or(folder).to_path_buf();
            StoreError::io("read", &path, error.into_io_error().unwrap_or_else(|| io::Error::other("a cycle of links")))
        })?;
        let metadata = entry.metadata().map_err(|error| {
            StoreError::io("read", entry.path(), error.into_io_error().unwrap_or_else(|| io::Error::other("vanished")))
        })?;
        if metadata.is_dir() {
            continue;
        }
        if !metadata.is_file() {
            return Err(StoreError::NotAFile { path: entry.path().into() });
        }
        let relative = entry.path().strip_prefix(folder).expect("walked below it");
        let parts: Option<Vec<_>> = relative.iter().map(|part| part.to_str()).collect();
        let name = parts.ok_or_else(|| StoreError::Name { path: entry.path().into() })?.join("/");
        found.push(Found { path: entry.into_path(), name, metadata });
    }
    // By the whole name, so that `a-b` and `a/b` sort alike on every system.
    found.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(found)
}
