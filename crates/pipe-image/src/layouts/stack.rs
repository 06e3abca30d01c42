//! Files that are the slices of one volume: put in order, looked at, read as if they were one file.
//! It does not know how they were found, or what they show.

use std::path::Path;

use serde::Serialize;

use super::decoded;
use super::listing::{self, problem, size_problem};
use crate::formats::dicom::{self, SeriesError};
use crate::formats::{FormatError, Geometry, Header, MOST_PIXELS, Raster};
use crate::problem::{DataProblem, What};

/// Files of one slice each, in the order in which they make a volume.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Stack {
    files: Vec<String>,
    #[serde(skip)]
    header: Header,
    /// Where the voxels of the volume lie, as far as the headers tell.
    #[serde(skip_serializing_if = "Option::is_none")]
    geometry: Option<Geometry>,
}

impl Stack {
    /// Puts files together that are given in the order of their names. The positions that DICOM files tell come before names.
    ///
    /// # Errors
    /// If one cannot be read, or they do not fit together.
    pub(super) fn of(root: &Path, files: Vec<String>) -> Result<Self, DataProblem> {
        let is_dicom = |file: &String| dicom::is_dicom_file(&root.join(file)).map_err(|error| problem(file, &error));
        let kinds: Vec<bool> = files.iter().map(is_dicom).collect::<Result<_, _>>()?;
        let stack = if kinds.iter().all(|dicom| *dicom) {
            let series = dicom::Series::of(root, &files).map_err(|error| apart(&error))?;
            let header = series.header().unwrap_or_default();
            Self { files: series.files().map(str::to_owned).collect(), header, geometry: series.geometry() }
        } else {
            let header = listing::header(root, &files[0])?;
            for file in &files {
                let found = listing::header(root, file)?;
                if found.slices > 1 {
                    let reason = format!("it has {} slices or pages of its own, and is no slice", found.slices);
                    return Err(DataProblem::new(What::SizesDiffer, file, reason)
                        .hint("files that are volumes by themselves need no `stack`"));
                }
                if found != header {
                    return Err(size_problem(file, found, &files[0], header));
                }
            }
            let header = Header { slices: files.len(), ..header };
            Self { files, header, geometry: None }
        };
        let header = stack.header;
        if header.height.saturating_mul(header.width).saturating_mul(header.slices) > MOST_PIXELS {
            return Err(problem(&stack.files[0], &FormatError::TooLarge { header }));
        }
        Ok(stack)
    }

    /// Gives the files in their order; there is at least one.
    pub(super) fn files(&self) -> &[String] {
        &self.files
    }

    /// Gives the size of the volume.
    pub(super) fn header(&self) -> Header {
        self.header
    }

    /// Whether its files tell where they lie.
    pub(super) fn is_placed(&self) -> bool {
        self.geometry.is_some_and(|geometry| geometry.affine.is_some())
    }

    /// Gives where the voxels of the volume lie, as far as the headers tell.
    pub(super) fn geometry(&self) -> Option<Geometry> {
        self.geometry
    }

    /// Reads some slices, or all where none are named; the geometry is that of the whole volume.
    ///
    /// # Errors
    /// If a file cannot be read, or is not what its header was.
    pub(super) fn read(&self, root: &Path, shown: &[usize], shared: bool) -> Result<Raster, DataProblem> {
        let all: Vec<usize> = (0..self.files.len()).collect();
        let mut volume: Option<Raster> = None;
        for at in if shown.is_empty() { &all } else { shown } {
            let file = &self.files[*at];
            let raster = decoded::open(&root.join(file), shared).map_err(|error| problem(file, &error))?;
            let found = Header { slices: raster.slices, height: raster.height, width: raster.width };
            let expected = Header { slices: 1, ..self.header };
            if found != expected {
                return Err(size_problem(file, found, &self.files[0], expected));
            }
            match &mut volume {
                None => {
                    // A slice does not tell how far the next one is.
                    let plane = |geometry: Geometry| {
                        let [_, row, column] = geometry.spacing;
                        Geometry::new([0.0, row, column], None)
                    };
                    let geometry = self.geometry.or(raster.geometry.map(plane));
                    volume = Some(Raster { geometry, ..Raster::clone(&raster) });
                }
                Some(volume) => {
                    let kind = |of: &Raster| (of.channels, of.alpha, of.palette.clone());
                    if kind(volume) != kind(&raster) {
                        let reason = format!("its channels or colours differ from those of {}", self.files[0]);
                        return Err(DataProblem::new(What::SizesDiffer, file, reason));
                    }
                    volume.slices += 1;
                    volume.samples.extend_from_slice(&raster.samples);
                    volume.full_scale = volume.full_scale.filter(|scale| raster.full_scale == Some(*scale));
                    volume.lossy |= raster.lossy;
                }
            }
        }
        Ok(volume.unwrap_or_default())
    }
}

/// The problem of files that are not the slices of one volume.
fn apart(error: &SeriesError) -> DataProblem {
    let what = match error {
        SeriesError::File { file, source } => return problem(file, source),
        SeriesError::Duplicate { .. } => What::DuplicateCase,
        SeriesError::Gap { .. } | SeriesError::NoOrder { .. } => What::MissingFrame,
        SeriesError::Different { what: "size", .. } | SeriesError::Frames { .. } => What::SizesDiffer,
        SeriesError::Different { .. } | SeriesError::NoPlace { .. } => What::GeometryDiffers,
    };
    DataProblem::new(what, error.file(), error.to_string()).hint(error.hint())
}
