//! File formats, told apart by content and not by extension: PNG, JPEG and DICOM.
//! It does not know cases, layouts or what masks mean.

pub mod dicom;
mod geometry;
mod jpeg;
mod png;
mod raster;
mod read;

pub use geometry::Geometry;
pub use raster::Raster;
pub use read::{FormatError, Header, decode, header, open};
