//! Reads the pixels of a case whose files are known: frames into one image, the mask by its encoding.
//! It does not know how the files were found.

use std::path::Path;

use super::listing::{problem, size_problem};
use crate::case::{Case, CaseFiles, MaskSource};
use crate::encoding::MaskEncoding;
use crate::formats::{self, Geometry, Header, Raster};
use crate::problem::{DataProblem, What};
use crate::{Image, Mask};

/// What the image files of a case hold.
pub(super) struct Frames {
    /// The values.
    pub(super) image: Image,
    /// The largest value that the sample type can hold.
    pub(super) full_scale: Option<f32>,
    /// Where the voxels of the first file lie.
    pub(super) geometry: Option<Geometry>,
}

impl Frames {
    /// Gives the distances of rows and columns, where both are known.
    pub(super) fn spacing(&self) -> Option<[f64; 2]> {
        let [_, row, column] = self.geometry?.spacing;
        (row > 0.0 && column > 0.0).then_some([row, column])
    }
}

/// Reads the frames of a case into one image.
/// A file that holds several slices gives as many frames.
pub(super) fn read_frames(root: &Path, files: &CaseFiles) -> Result<Frames, DataProblem> {
    let mut data = Vec::new();
    let mut first = None;
    for file in &files.frames {
        let raster = read_raster(root, file, files)?;
        let planes = raster.planes();
        let found = (planes.len() / raster.slices.max(1), raster.value_full_scale());
        let (expected, _) = *first.get_or_insert((found, raster.geometry));
        if found != expected {
            let reason = format!("its channels or bits differ from those of {}", files.frames[0]);
            return Err(DataProblem::new(What::SizesDiffer, file.clone(), reason).of(files.id.clone()));
        }
        data.extend(planes.into_iter().flatten());
    }
    let ((channels, full_scale), geometry) = first.unwrap_or_default();
    let frames = files.frames.len() * files.slices;
    let image = Image { frames, channels, height: files.height, width: files.width, data };
    Ok(Frames { image, full_scale, geometry })
}

fn read_raster(root: &Path, file: &str, files: &CaseFiles) -> Result<Raster, DataProblem> {
    let raster = formats::open(&root.join(file)).map_err(|error| problem(file, &error).of(files.id.clone()))?;
    let found = Header { slices: raster.slices, height: raster.height, width: raster.width };
    let expected = Header { slices: files.slices, height: files.height, width: files.width };
    if found == expected {
        Ok(raster)
    } else {
        Err(size_problem(file, found, &files.frames[0], expected).of(files.id.clone()))
    }
}

/// Reads a mask file.
pub(super) fn read_mask(
    root: &Path,
    file: &str,
    files: &CaseFiles,
    encoding: &MaskEncoding,
) -> Result<Mask, DataProblem> {
    let raster = read_raster(root, file, files)?;
    encoding.decode(&raster).map_err(|error| {
        DataProblem::new(What::MaskValues, file, error.to_string()).of(files.id.clone()).hint(error.hint())
    })
}

/// Reads a case whose mask is a file.
pub(super) fn read_case(root: &Path, files: &CaseFiles, encoding: &MaskEncoding) -> Result<Case, DataProblem> {
    let frames = read_frames(root, files)?;
    let spacing = frames.spacing();
    let mask = match &files.mask {
        Some(MaskSource::File(file)) => Some(read_mask(root, file, files, encoding)?),
        Some(MaskSource::Outlines { .. }) | None => None,
    };
    let (Frames { image, full_scale, .. }, CaseFiles { id, patient, part, label_frame, .. }) = (frames, files.clone());
    Ok(Case { id, patient, part, image, full_scale, label_frame, mask, spacing })
}
