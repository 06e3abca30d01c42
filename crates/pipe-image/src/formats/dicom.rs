//! DICOM: one file with one or more frames, in stored values times slope plus intercept (Hounsfield units of a CT).
//! It does not know folders; `series.rs` puts the files of a series together.
//!
//! Values are raw: windows are not applied, nor are lookup tables of the modality. `MONOCHROME1`, where large values are dark, is turned
//! over: a stored value `v` becomes `lowest + highest - v` over the range of its stored bits, before slope and intercept. Not so the
//! activities of PET and the counts of NM: there `MONOCHROME1` only says how to show them.

mod dataset;
mod frames;
mod jpeg;
mod jpeg2000;
mod pixels;
mod rle;
mod series;
mod space;
#[cfg(test)]
pub(crate) mod tests;
mod values;

use super::raster::Raster;
use super::read::{FormatError, Header};
use dataset::DataSet;
use pixels::Look;

pub use series::{Attribute, Series, SeriesError, UnknownAttribute, attributes, is_dicom_file};

const FORMAT: &str = "DICOM";

/// Tells a DICOM file by `DICM` behind the preamble, or by its first elements where the preamble is missing.
pub(super) fn is_dicom(bytes: &[u8]) -> bool {
    bytes.get(128..132) == Some(b"DICM") || dataset::bare(bytes).is_some()
}

/// Gives the size and the number of frames.
pub(super) fn header(bytes: &[u8]) -> Result<Header, FormatError> {
    Ok(Look::of(&DataSet::of(bytes)?)?.header)
}

/// Decodes all frames.
pub(super) fn decode(bytes: &[u8]) -> Result<Raster, FormatError> {
    let mut data = DataSet::of(bytes)?;
    let look = Look::of(&data)?;
    // Only of a deflated file can there be more.
    if let Some(end) = look.end(&data).filter(|end| *end > data.bytes.len() && data.is_deflated()) {
        data = DataSet::up_to(bytes, end)?;
    }
    let mut raster = pixels::raster(&data, &look)?;
    let place = space::Place::of(&data);
    if let Some(reason) = place.disorder(look.header.slices) {
        return Err(not_read(reason));
    }
    raster.geometry = place.geometry(look.header.slices);
    Ok(raster)
}

fn truncated(bytes: &[u8]) -> FormatError {
    FormatError::Truncated { format: FORMAT, bytes: bytes.len() }
}

fn damaged(reason: impl std::fmt::Display) -> FormatError {
    FormatError::Damaged { format: FORMAT, reason: reason.to_string() }
}

fn not_read(reason: impl std::fmt::Display) -> FormatError {
    FormatError::UnsupportedKind { format: FORMAT, reason: reason.to_string() }
}
