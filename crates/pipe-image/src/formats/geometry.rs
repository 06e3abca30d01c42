//! Where voxels lie in space. It does not know file formats.

use serde::{Deserialize, Serialize};

/// Where voxels lie in space.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Geometry {
    /// Millimetres from one slice, row and column to the next; 0 where a file says nothing of an axis.
    pub spacing: [f64; 3],
    /// What takes a voxel, `(column, row, slice, 1)`, to millimetres towards the patient's right-to-left, posterior-to-anterior and
    /// inferior-to-superior directions (RAS+, as NIfTI and nibabel have it).
    pub affine: Option<[[f64; 4]; 3]>,
}
