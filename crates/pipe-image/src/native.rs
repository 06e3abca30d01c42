//! The grid of the file that a case comes from, so that what is found in the case can be put back there.
//! It does not know pixels.

use serde::{Deserialize, Serialize};

use crate::formats::Geometry;

/// The grid of the file that a case comes from.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Native {
    /// The file, relative to the root: of a sequence that of the labelled frame, of several channels the first; none for data that are made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub file: Option<String>,
    /// The number of slices or pages of the file; 1 for a picture.
    pub slices: usize,
    /// The number of rows.
    pub height: usize,
    /// The number of columns.
    pub width: usize,
    /// The slice of the file that alone makes the case.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub slice: Option<Slice>,
    /// Where the voxels of the whole file lie, where it tells.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub geometry: Option<Geometry>,
}

/// A slice of a volume.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Slice {
    /// What the case would be called if it were the whole volume.
    pub volume: String,
    /// Its place in the volume, counted from 0.
    pub at: usize,
}

impl Native {
    /// Gives the grid of a file about which nothing else is known.
    pub fn grid([slices, height, width]: [usize; 3]) -> Self {
        Self { file: None, slices, height, width, slice: None, geometry: None }
    }
}
