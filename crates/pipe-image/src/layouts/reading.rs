//! Reads the pixels of a case whose files are known: frames into one image, the mask by its encoding.
//! It does not know how the files were found.

use std::path::Path;

use super::listing::{problem, size_problem};
use crate::case::{Case, CaseFiles, MaskSource};
use crate::encoding::MaskEncoding;
use crate::formats::{self, Header, Raster};
use crate::problem::{DataProblem, What};
use crate::{Image, Mask};

/// Reads the frames of a case into one image.
pub(super) fn read_frames(root: &Path, files: &CaseFiles) -> Result<(Image, f32), DataProblem> {
    let mut data = Vec::new();
    let mut channels = 0;
    let mut full_scale = 0;
    for file in &files.frames {
        let raster = read_raster(root, file, files)?;
        let planes = raster.planes();
        if data.is_empty() {
            (channels, full_scale) = (planes.len(), raster.value_full_scale());
        } else if (channels, full_scale) != (planes.len(), raster.value_full_scale()) {
            let reason = format!("its channels or bits differ from those of {}", files.frames[0]);
            return Err(DataProblem::new(What::SizesDiffer, file.clone(), reason).of(files.id.clone()));
        }
        data.extend(planes.into_iter().flatten());
    }
    let image = Image { frames: files.frames.len(), channels, height: files.height, width: files.width, data };
    Ok((image, f32::from(full_scale)))
}

fn read_raster(root: &Path, file: &str, files: &CaseFiles) -> Result<Raster, DataProblem> {
    let raster = formats::open(&root.join(file)).map_err(|error| problem(file, &error).of(files.id.clone()))?;
    let (found, expected) =
        (Header { height: raster.height, width: raster.width }, Header { height: files.height, width: files.width });
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
    let (image, full_scale) = read_frames(root, files)?;
    let mask = match &files.mask {
        Some(MaskSource::File(file)) => Some(read_mask(root, file, files, encoding)?),
        Some(MaskSource::Outlines { .. }) | None => None,
    };
    let CaseFiles { id, patient, part, label_frame, .. } = files.clone();
    Ok(Case { id, patient, part, image, full_scale, label_frame, mask, spacing: None })
}
