//! File formats, told apart by content and not by extension: PNG, JPEG, TIFF, BMP, GIF, PNM, NIfTI and DICOM.
//! It does not know cases, layouts or what masks mean.

mod bmp;
pub mod dicom;
mod geometry;
mod gif;
mod gzip;
mod jpeg;
mod nifti;
mod png;
mod pnm;
mod raster;
mod read;
mod tiff;

pub use geometry::{Disagreement, Geometry, Space};
pub use nifti::{TooLong, Voxels, write as write_nifti};
pub use png::write as write_png;
pub use raster::Raster;
pub use read::{FormatError, Header, decode, header, open};
pub(crate) use read::{MOST_PIXELS, READ};
