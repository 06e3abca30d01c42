//! Reads the pixels of a case whose files are known: frames into one image, the mask by its encoding.
//! It does not know how the files were found.

use std::path::Path;
use std::rc::Rc;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::decoded;
use super::listing::{is_nifti, problem, size_problem};
use super::stack::Stack;
use crate::case::{Case, CaseFiles, MaskSource};
use crate::encoding::MaskEncoding;
use crate::formats::{Geometry, Header, Raster};
use crate::problem::{DataProblem, What};
use crate::{Image, Mask, Native};

/// What is done where files of one case say that their voxels lie in different places. Files that say nothing agree with all.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Agreement {
    /// It is a problem: voxels of a mask that lies elsewhere, or is turned over, label the wrong tissue.
    #[default]
    Check,
    /// Files whose slices, rows or columns run the other way over the same voxels are turned; all else is a problem. So lie NIfTI masks that
    /// were made from DICOM images.
    Turn,
    /// The first file of the image is right, and what the others say is not looked at: for masks that a program wrote without the
    /// affine of their image.
    Ignore,
}

/// Reads the images of a case, without its mask.
///
/// A file that holds several slices gives as many frames, each with the channels of all files of a frame.
pub(super) fn read_images(root: &Path, files: &CaseFiles, agreement: Agreement) -> Result<Case, DataProblem> {
    let mut data = Vec::new();
    let mut first = None;
    let mut native = files.native();
    let channels = files.channels.max(1);
    let slices = if files.shown.is_empty() { files.slices } else { files.shown.len() };
    for frame in files.frames.chunks(channels) {
        let mut parts = Vec::with_capacity(frame.len());
        let mut place: Option<(&str, Option<Geometry>)> = None;
        for file in frame {
            let expected = place.and_then(|(first, geometry)| Some((first, geometry?)));
            let raster = read_raster(root, file, files, &files.shown, (expected, agreement))?;
            place.get_or_insert((file, raster.geometry));
            let planes = raster.planes();
            let wrong = planes.iter().flatten().filter(|value| !value.is_finite()).count();
            if wrong > 0 {
                let reason = format!("{wrong} of its values are not a number, or infinite");
                return Err(DataProblem::new(What::ImageValues, file.clone(), reason)
                    .of(files.id.clone())
                    .hint("say with the tool that wrote it what these pixels are"));
            }
            let found = (planes.len() / slices.max(1), raster.value_full_scale());
            let expected = *first.get_or_insert(found);
            if found != expected {
                let reason = format!("its channels or bits differ from those of {}", files.frames[0]);
                return Err(DataProblem::new(What::SizesDiffer, file.clone(), reason).of(files.id.clone()));
            }
            parts.push(planes);
        }
        if native.file.as_ref() == frame.first() {
            native.geometry = place.and_then(|(_, geometry)| geometry);
        }
        let shown = parts[0].len() / slices.max(1);
        for slice in 0..slices {
            data.extend(parts.iter().flat_map(|planes| &planes[slice * shown..(slice + 1) * shown]).flatten().copied());
        }
    }
    let (shown, full_scale) = first.unwrap_or_default();
    let image = Image {
        frames: files.frames.len() / channels * slices,
        channels: shown * channels,
        height: files.height,
        width: files.width,
        data,
    };
    let told = native.geometry.map(|geometry| geometry.spacing).filter(|[_, row, column]| *row > 0.0 && *column > 0.0);
    let CaseFiles { id, patient, site, part, label_frame, spacing, tags, .. } = files.clone();
    if let (Some(said), Some(told), true) = (spacing, told, agreement != Agreement::Ignore) {
        // What either leaves open cannot differ; names round distances.
        let differs = |(said, told): (f64, f64)| said > 0.0 && told > 0.0 && (said - told).abs() > 0.02 * told;
        if said.into_iter().zip(told).any(differs) {
            let shown = |sides: [f64; 3]| sides.map(|side| format!("{}", (side * 1e4).round() / 1e4)).join(" x ");
            let reason = format!(
                "the file says voxels of {} mm (slices, rows, columns), the layout {}",
                shown(told),
                shown(said)
            );
            return Err(DataProblem::new(What::GeometryDiffers, files.frames[0].clone(), reason)
                .of(files.slice.as_ref().map_or(&files.id, |slice| &slice.volume).clone())
                .hint("leave `spacing` out of the layout; if the file is wrong, set `geometry: ignore`"));
        }
    }
    let below = |slice: f64| if slice > 0.0 { slice } else { told.map_or(0.0, |told| told[0]) };
    let spacing = spacing.map(|[slice, row, column]| [below(slice), row, column]).or(told);
    if files.slices > 1 && native.geometry.is_none() {
        native.geometry = spacing.map(|spacing| Geometry::new(spacing, None));
    }
    let colour = channels == 1 && shown == 3 && !files.frames.iter().any(|file| is_nifti(file));
    Ok(Case { id, patient, site, part, image, colour, full_scale, label_frame, mask: None, spacing, native, tags })
}

/// The file that others of a case are to lie with, and where that is.
type Expected<'a> = Option<(&'a str, Geometry)>;

/// The axes of a file that must be turned over for its voxels to lie where they are expected, if that is asked for.
fn turned(
    files: &CaseFiles,
    file: &str,
    found: Option<Geometry>,
    (expected, agreement): (Expected<'_>, Agreement),
) -> Result<[bool; 3], DataProblem> {
    let (Some(found), Some((other, expected))) = (found, expected) else { return Ok([false; 3]) };
    let grid = [files.slices, files.height, files.width];
    let Some(difference) = found.disagreement(&expected, grid).filter(|_| agreement != Agreement::Ignore) else {
        return Ok([false; 3]);
    };
    let turned = found.turned(&expected, grid);
    if let Some(axes) = turned.filter(|_| agreement == Agreement::Turn) {
        return Ok(axes);
    }
    let (why, remedy) = if found.is_identity() {
        (
            "; its affine is the identity, as a program writes it that has none",
            "write it anew with the affine of the image",
        )
    } else if turned.is_some() {
        ("; both cover the same voxels", "if both affines are right, set `geometry: turn` in the layout")
    } else {
        ("", "if both affines are right, resample it to the grid of the image")
    };
    let reason = format!("{difference}, by {other}{why}");
    // Slices of one volume have the problem once.
    let case = files.slice.as_ref().map_or(&files.id, |slice| &slice.volume);
    let hint = format!("{remedy}; if voxel by voxel they do belong together, set `geometry: ignore` in the layout");
    Err(DataProblem::new(What::GeometryDiffers, file, reason).of(case.clone()).hint(hint))
}

/// Reads a file of a case, of which it takes some slices, or all.
fn read_raster(
    root: &Path,
    file: &str,
    files: &CaseFiles,
    shown: &[usize],
    how: (Expected<'_>, Agreement),
) -> Result<Rc<Raster>, DataProblem> {
    let wanted = Header { slices: files.slices, height: files.height, width: files.width };
    let whole = match files.stacks.get(file) {
        Some(_) => None,
        None => {
            let raster = decoded::open(&root.join(file), files.shares_files)
                .map_err(|error| problem(file, &error).of(files.id.clone()))?;
            let found = Header { slices: raster.slices, height: raster.height, width: raster.width };
            if found != wanted {
                return Err(size_problem(file, found, &files.frames[0], wanted).of(files.id.clone()));
            }
            Some(raster)
        }
    };
    let geometry = match (&whole, files.stacks.get(file)) {
        (Some(raster), _) => raster.geometry,
        (None, stack) => stack.and_then(Stack::geometry),
    };
    let axes = turned(files, file, geometry, how)?;
    let last = files.slices.saturating_sub(1);
    let order: Vec<usize> = match (shown, axes[0]) {
        ([], true) => (0..files.slices).rev().collect(),
        (shown, true) => shown.iter().map(|at| last - at).collect(),
        (shown, false) => shown.to_vec(),
    };
    let raster = match (whole, files.stacks.get(file)) {
        (None, Some(stack)) => {
            Rc::new(stack.read(root, &order, files.shares_files).map_err(|problem| problem.of(files.id.clone()))?)
        }
        (Some(raster), _) if !order.is_empty() => Rc::new(raster.of_slices(&order)),
        (raster, _) => raster.unwrap_or_default(),
    };
    Ok(if axes[1] || axes[2] { Rc::new(raster.turned([axes[1], axes[2]])) } else { raster })
}

/// How mask files of a layout are read.
#[derive(Debug, Clone, Copy)]
pub(super) struct MaskReading<'a> {
    /// How they write classes down.
    pub(super) encoding: &'a MaskEncoding,
    /// What is done where they lie elsewhere than the image.
    pub(super) agreement: Agreement,
}

/// Reads a mask file of a case whose image lies as `native` says.
pub(super) fn read_mask(
    root: &Path,
    file: &str,
    (files, native): (&CaseFiles, &Native),
    how: MaskReading<'_>,
) -> Result<Mask, DataProblem> {
    let own: Vec<usize> = files.slice.iter().map(|slice| slice.at).collect();
    let expected = native.geometry.map(|geometry| (native.file.as_deref().unwrap_or("the image"), geometry));
    let raster = read_raster(root, file, files, &own, (expected, how.agreement))?;
    how.encoding.decode(&raster).map_err(|error| {
        DataProblem::new(What::MaskValues, file, error.to_string()).of(files.id.clone()).hint(error.hint())
    })
}

/// Reads a case whose mask is a file.
pub(super) fn read_case(root: &Path, files: &CaseFiles, how: MaskReading<'_>) -> Result<Case, DataProblem> {
    let mut case = read_images(root, files, how.agreement)?;
    if let Some(MaskSource::File(file)) = &files.mask {
        let mask = read_mask(root, file, (files, &case.native), how)?;
        if mask.depth > 1 {
            // What a picture of the volume shows.
            case.label_frame = mask.fullest();
        }
        case.mask = Some(mask);
    }
    Ok(case)
}
