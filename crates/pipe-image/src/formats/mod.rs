//! File formats, told apart by content and not by extension: PNG, JPEG and NIfTI.
//! It does not know cases, layouts or what masks mean.

mod geometry;
mod gzip;
mod jpeg;
mod nifti;
mod png;
mod raster;
mod read;

pub use geometry::Geometry;
pub use nifti::{TooLong, Voxels, write as write_nifti};
pub use raster::Raster;
pub use read::{FormatError, Header, decode, header, open};
