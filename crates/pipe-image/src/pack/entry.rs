//! One entry of a pack, and what can go wrong with packs.
//! It does not know bytes.

use std::collections::BTreeMap;
use std::io;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::{Native, Part};

/// Who and what an entry is.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct EntryMeta {
    /// The case.
    pub id: String,
    /// The patient.
    pub patient: String,
    /// The site or scanner, if known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub site: Option<String>,
    /// The official part, if any.
    pub part: Option<Part>,
    /// The frame that the mask belongs to, counted from 0.
    pub label_frame: usize,
    /// Millimetres from slice to slice, row to row and column to column at the prepared size, where known; 0 for slices where unknown.
    pub spacing: Option<[f64; 3]>,
    /// The file that the case comes from, and where its voxels lie.
    pub native: Native,
    /// What else names and tables say of the case.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub tags: BTreeMap<String, String>,
    /// What the channels of a prediction are to each other.
    #[serde(default, skip_serializing_if = "Maps::is_exclusive")]
    pub maps: Maps,
}

/// What the channels of a prediction are to each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Maps {
    /// Classes that exclude each other, the background first; a single one is the foreground. Images have this too.
    #[default]
    Exclusive,
    /// Classes that may overlap, without the background.
    Overlapping,
}

impl Maps {
    // The form in which serde asks.
    fn is_exclusive(&self) -> bool {
        *self == Self::Exclusive
    }
}

/// The index of a pack that names its classes.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Index {
    /// The names of the classes of masks, from 1.
    pub(super) classes: Vec<String>,
    pub(super) entries: Vec<Entry>,
}

/// An entry of a pack as its index has it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Entry {
    /// The case.
    pub id: String,
    /// The patient.
    pub patient: String,
    /// The site or scanner, if known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub site: Option<String>,
    /// The official part, if any.
    pub part: Option<Part>,
    /// The number of frames of the image.
    pub frames: usize,
    /// The number of channels; for predictions the number of classes.
    pub channels: usize,
    /// The number of rows of image and mask.
    pub height: usize,
    /// The number of columns of image and mask.
    pub width: usize,
    /// The frame that the mask belongs to, counted from 0.
    pub label_frame: usize,
    /// The number of layers of the mask, which may overlap.
    #[serde(default = "one", skip_serializing_if = "is_one")]
    pub layers: usize,
    /// The number of slices of the mask: 1, or that of frames for a volume.
    #[serde(default = "one", skip_serializing_if = "is_one")]
    pub depth: usize,
    /// Millimetres from slice to slice, row to row and column to column at this size, where known; 0 for slices where unknown.
    pub spacing: Option<[f64; 3]>,
    /// The file that the case comes from, and where its voxels lie.
    pub native: Native,
    /// What else names and tables say of the case.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub tags: BTreeMap<String, String>,
    /// What the channels of a prediction are to each other.
    #[serde(default, skip_serializing_if = "Maps::is_exclusive")]
    pub maps: Maps,
    /// How the image values are stored.
    pub dtype: Dtype,
    /// BLAKE3 of shape and stored bytes of the image, 64 hexadecimal digits.
    pub image_digest: String,
    /// The number of pixels or voxels of the mask that are [`IGNORED`](crate::IGNORED).
    #[serde(default, skip_serializing_if = "is_zero")]
    pub ignored: usize,
    /// BLAKE3 of shape and bytes of the mask, if there is one.
    pub mask_digest: Option<String>,
    /// Where the image starts in the file.
    pub(super) image_offset: u64,
    /// Where the mask starts in the file; 0 without one.
    pub(super) mask_offset: u64,
}

fn one() -> usize {
    1
}

// The form in which serde asks.
fn is_one(number: &usize) -> bool {
    *number == 1
}

// The form in which serde asks.
fn is_zero(number: &usize) -> bool {
    *number == 0
}

impl Entry {
    /// Gives the number of labels of the mask.
    pub(super) fn labels(&self) -> usize {
        [self.depth, self.height, self.width].iter().fold(self.layers, |all, side| all.saturating_mul(*side))
    }

    /// Gives who and what the entry is, for instance to write a prediction about it.
    pub fn meta(&self) -> EntryMeta {
        EntryMeta {
            id: self.id.clone(),
            patient: self.patient.clone(),
            site: self.site.clone(),
            part: self.part,
            label_frame: self.label_frame,
            spacing: self.spacing,
            native: self.native.clone(),
            tags: self.tags.clone(),
            maps: self.maps,
        }
    }

    /// Gives the digest of all that is known of the case besides its pixels: BLAKE3, 64 hexadecimal digits.
    pub fn about(&self) -> String {
        let known = (&self.id, &self.patient, &self.site, &self.part, &self.spacing, &self.native, &self.tags);
        blake3::hash(&serde_json::to_vec(&known).expect("it is plain data")).to_hex().to_string()
    }

    /// Gives the number of values of the image.
    pub(super) fn values(&self) -> usize {
        [self.channels, self.height, self.width].iter().fold(self.frames, |all, side| all.saturating_mul(*side))
    }
}

/// How image values are stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Dtype {
    /// 32-bit floats.
    F32,
    /// 16-bit floats, for probabilities.
    F16,
    /// Bytes, for values that are whole numbers from 0 to 255.
    U8,
}

impl Dtype {
    /// Gives the number of bytes of a value.
    pub fn bytes(self) -> usize {
        match self {
            Self::F32 => 4,
            Self::F16 => 2,
            Self::U8 => 1,
        }
    }
}

/// What can go wrong with a pack.
#[derive(Debug, thiserror::Error)]
pub enum PackError {
    /// The file cannot be read or written.
    #[error("cannot {action} the pack {}", path.display())]
    Io {
        /// What was tried: "create", "write", "open".
        action: &'static str,
        /// The pack.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// The file is no pack.
    #[error("{} is no pack", path.display())]
    NotAPack {
        /// The file.
        path: PathBuf,
    },
    /// The pack has a version that is not known.
    #[error("the pack {} has version {found}, known is {known}", path.display())]
    Version {
        /// The pack.
        path: PathBuf,
        /// Its version.
        found: u32,
        /// The version that is read and written here.
        known: u32,
    },
    /// The pack ends too early or its index does not fit its content.
    #[error("the pack {} is damaged: {reason}", path.display())]
    Damaged {
        /// The pack.
        path: PathBuf,
        /// What does not fit.
        reason: String,
    },
    /// Two entries have one name.
    #[error("the case `{id}` is in the pack already")]
    Duplicate {
        /// The case.
        id: String,
    },
    /// Image and mask are not equally large, or an array does not have the values its shape says.
    #[error("the arrays of the case `{id}` do not fit together: {reason}")]
    Shape {
        /// The case.
        id: String,
        /// What does not fit.
        reason: String,
    },
}
