//! Reads the pixels of a case whose files are known: frames into one image, the mask by its encoding.
//! It does not know how the files were found.

use std::cell::RefCell;
use std::path::{Path, PathBuf};
use std::rc::Rc;

use super::listing::{problem, size_problem};
use crate::case::{Case, CaseFiles, MaskSource};
use crate::encoding::MaskEncoding;
use crate::formats::{self, FormatError, Header, Raster};
use crate::problem::{DataProblem, What};
use crate::{Image, Mask};

/// Reads the images of a case, without its mask.
///
/// A file that holds several slices gives as many frames, each with the channels of all files of a frame.
pub(super) fn read_images(root: &Path, files: &CaseFiles) -> Result<Case, DataProblem> {
    let mut data = Vec::new();
    let mut first = None;
    let slices = if files.slice.is_some() { 1 } else { files.slices };
    for frame in files.frames.chunks(files.channels.max(1)) {
        let mut parts = Vec::with_capacity(frame.len());
        for file in frame {
            let raster = read_raster(root, file, files)?;
            let planes = raster.planes();
            let wrong = planes.iter().flatten().filter(|value| !value.is_finite()).count();
            if wrong > 0 {
                let reason = format!("{wrong} of its values are not a number, or infinite");
                return Err(DataProblem::new(What::ImageValues, file.clone(), reason)
                    .of(files.id.clone())
                    .hint("say with the tool that wrote it what these pixels are"));
            }
            let found = (planes.len() / slices.max(1), raster.value_full_scale());
            let (expected, _) = *first.get_or_insert((found, raster.geometry));
            if found != expected {
                let reason = format!("its channels or bits differ from those of {}", files.frames[0]);
                return Err(DataProblem::new(What::SizesDiffer, file.clone(), reason).of(files.id.clone()));
            }
            parts.push(planes);
        }
        let shown = parts[0].len() / slices.max(1);
        for slice in 0..slices {
            data.extend(parts.iter().flat_map(|planes| &planes[slice * shown..(slice + 1) * shown]).flatten().copied());
        }
    }
    let ((shown, full_scale), geometry) = first.unwrap_or_default();
    let channels = files.channels.max(1);
    let image = Image {
        frames: files.frames.len() / channels * slices,
        channels: shown * channels,
        height: files.height,
        width: files.width,
        data,
    };
    let told = geometry
        .map(|geometry| geometry.spacing)
        .and_then(|[_, row, column]| (row > 0.0 && column > 0.0).then_some([row, column]));
    let CaseFiles { id, patient, site, part, label_frame, spacing, .. } = files.clone();
    Ok(Case { id, patient, site, part, image, full_scale, label_frame, mask: None, spacing: spacing.or(told) })
}

/// Reads a file of a case, of which it takes one slice if the case is one.
fn read_raster(root: &Path, file: &str, files: &CaseFiles) -> Result<Rc<Raster>, DataProblem> {
    let raster =
        opened(&root.join(file), files.slice.is_some()).map_err(|error| problem(file, &error).of(files.id.clone()))?;
    let found = Header { slices: raster.slices, height: raster.height, width: raster.width };
    let expected = Header { slices: files.slices, height: files.height, width: files.width };
    if found != expected {
        return Err(size_problem(file, found, &files.frames[0], expected).of(files.id.clone()));
    }
    let Some(at) = files.slice else { return Ok(raster) };
    let size = raster.height * raster.width * raster.channels;
    let samples = raster.samples[at * size..(at + 1) * size].to_vec();
    let Raster { height, width, channels, full_scale, alpha, lossy, geometry, .. } = *raster;
    let palette = raster.palette.clone();
    Ok(Rc::new(Raster { slices: 1, height, width, channels, samples, full_scale, alpha, palette, lossy, geometry }))
}

thread_local! {
    /// The last volumes whose slices are cases: neighbouring cases are of one, and it is decoded whole.
    static VOLUMES: RefCell<Vec<(PathBuf, Rc<Raster>)>> = const { RefCell::new(Vec::new()) };
}

/// Decodes a file, or takes it from those that were decoded last.
fn opened(path: &Path, keep: bool) -> Result<Rc<Raster>, FormatError> {
    /// An image and its mask.
    const KEPT: usize = 2;
    if !keep {
        return formats::open(path).map(Rc::new);
    }
    let known =
        VOLUMES.with_borrow(|kept| kept.iter().find(|(known, _)| known == path).map(|(_, raster)| raster.clone()));
    if let Some(raster) = known {
        return Ok(raster);
    }
    let raster = Rc::new(formats::open(path)?);
    VOLUMES.with_borrow_mut(|kept| {
        kept.truncate(KEPT - 1);
        kept.insert(0, (path.to_owned(), raster.clone()));
    });
    Ok(raster)
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
    let mut case = read_images(root, files)?;
    if let Some(MaskSource::File(file)) = &files.mask {
        case.mask = Some(read_mask(root, file, files, encoding)?);
    }
    Ok(case)
}
