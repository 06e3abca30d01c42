//! The files of a folder as series: grouped, in the order of their positions, put together into one volume.
//! It does not know how a file is decoded, or what a series is for.

use std::collections::BTreeMap;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use dicom_core::Tag;
use dicom_dictionary_std::tags;

use super::dataset::{DataSet, Pixels};
use super::pixels::Look;
use super::space::{Place, dot, is_even};
use super::{FORMAT, is_dicom};
use crate::formats::raster::Raster;
use crate::formats::read::{FormatError, Header, MOST_PIXELS, opened, whole};

/// Positions that are closer than this, in millimetres, are the same.
const SAME: f64 = 1e-3;

/// Whose image a file is; what it does not say is empty.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Instance {
    /// PatientID.
    pub patient: String,
    /// StudyInstanceUID.
    pub study: String,
    /// SeriesInstanceUID.
    pub series: String,
    /// SOPInstanceUID.
    pub uid: String,
    /// InstanceNumber.
    pub number: Option<i64>,
    /// Modality: `CT`, `MR`, `XA`.
    pub modality: String,
}

impl Instance {
    fn of(data: &DataSet<'_>) -> Self {
        let text = |tag: Tag| data.text(tag).unwrap_or_default();
        Self {
            patient: text(tags::PATIENT_ID),
            study: text(tags::STUDY_INSTANCE_UID),
            series: text(tags::SERIES_INSTANCE_UID),
            uid: text(tags::SOP_INSTANCE_UID),
            number: text(tags::INSTANCE_NUMBER).parse().ok(),
            modality: text(tags::MODALITY),
        }
    }
}

/// One file of a series.
#[derive(Debug, Clone, PartialEq)]
pub struct Slice {
    /// The file.
    pub path: PathBuf,
    /// Whose image it is.
    pub instance: Instance,
    /// Its size.
    pub header: Header,
    place: Place,
}

impl Slice {
    /// Gives nothing if the file has no image: plans, reports and indexes lie beside images.
    fn of(path: &Path, bytes: &[u8]) -> Result<Option<Self>, FormatError> {
        let data = DataSet::of(bytes)?;
        if matches!(data.pixels, Pixels::None) {
            return Ok(None);
        }
        let header = Look::of(&data)?.header;
        let (instance, place) = (Instance::of(&data), Place::of(&data));
        Ok(Some(Self { path: path.to_path_buf(), instance, header, place }))
    }

    /// Gives how far along the normal the file lies, in millimetres.
    fn height(&self) -> Option<f64> {
        Some(dot(*self.place.positions.first()?, self.place.normal()?))
    }
}

/// The files of one series, in the order of their positions along the normal of their orientation, or of their numbers.
#[derive(Debug, Clone, PartialEq)]
pub struct Series {
    /// SeriesInstanceUID.
    pub uid: String,
    /// The files.
    pub slices: Vec<Slice>,
}

/// Why the files of a folder are no series, or those of a series no volume.
#[derive(Debug, thiserror::Error)]
pub enum SeriesError {
    /// The folder cannot be read.
    #[error("{}: {}", .folder.display(), .source.kind())]
    Folder {
        /// The folder.
        folder: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// A file cannot be read.
    #[error("{}: {source}", .path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// Why.
        source: FormatError,
    },
    /// Two files lie at the same place, or bear the same number where no place is known.
    #[error("{} and {} lie at the same position: is this one volume?", .first.display(), .second.display())]
    Duplicate {
        /// A file.
        first: PathBuf,
        /// The next.
        second: PathBuf,
    },
    /// Slices are missing, or not evenly apart.
    #[error("{} and {} are {apart:.3} mm apart, the others {usual:.3} mm", .first.display(), .second.display())]
    Gap {
        /// A file.
        first: PathBuf,
        /// The next.
        second: PathBuf,
        /// How far they are apart.
        apart: f64,
        /// How far most are apart.
        usual: f64,
    },
    /// Two files do not fit together.
    #[error("{} and {} differ in their {what}", .first.display(), .second.display())]
    Different {
        /// A file.
        first: PathBuf,
        /// The one that differs.
        second: PathBuf,
        /// In what.
        what: &'static str,
    },
}

/// Tells whose image a file is, without decoding it.
///
/// # Errors
/// If the file is no image that is read.
pub fn instance(path: &Path) -> Result<Instance, FormatError> {
    match slice(path)? {
        Some(slice) => Ok(slice.instance),
        None => Err(FormatError::UnsupportedKind { format: FORMAT, reason: "it is no image".to_string() }),
    }
}

/// Finds the series in a folder and those below it, by SeriesInstanceUID; files that are no DICOM images are passed over.
///
/// # Errors
/// If a folder cannot be read, or a DICOM image is damaged or not read.
pub fn series(folder: &Path) -> Result<Vec<Series>, SeriesError> {
    let mut found: BTreeMap<String, Vec<Slice>> = BTreeMap::new();
    for entry in walkdir::WalkDir::new(folder).sort_by_file_name() {
        let entry =
            entry.map_err(|error| SeriesError::Folder { folder: folder.to_path_buf(), source: error.into() })?;
        if !entry.file_type().is_file() {
            continue;
        }
        match slice(entry.path()) {
            Ok(Some(slice)) => found.entry(slice.instance.series.clone()).or_default().push(slice),
            Ok(None) => {}
            Err(source) => return Err(SeriesError::File { path: entry.path().to_path_buf(), source }),
        }
    }
    let sorted = |(uid, mut slices): (String, Vec<Slice>)| {
        let number = |slice: &Slice| (slice.instance.number, slice.path.clone());
        slices.sort_by_key(number);
        if let Some(heights) = slices.iter().map(Slice::height).collect::<Option<Vec<f64>>>() {
            let mut places: Vec<(f64, Slice)> = heights.into_iter().zip(slices).collect();
            places.sort_by(|one, other| one.0.total_cmp(&other.0));
            slices = places.into_iter().map(|(_, slice)| slice).collect();
        }
        Series { uid, slices }
    };
    Ok(found.into_iter().map(sorted).collect())
}

impl Series {
    /// Checks that the files are the slices of one volume: one frame each, of one size and orientation, evenly apart.
    ///
    /// # Errors
    /// If they are not.
    pub fn check(&self) -> Result<(), SeriesError> {
        let Some(base) = self.slices.first().filter(|_| self.slices.len() > 1) else { return Ok(()) };
        for slice in &self.slices {
            let different =
                |what| SeriesError::Different { first: base.path.clone(), second: slice.path.clone(), what };
            if slice.header != base.header {
                return Err(different("size"));
            }
            if slice.header.slices > 1 {
                return Err(different("position: both have frames of their own"));
            }
            if !close(&slice.place.orientation.map(|two| two.concat()), &base.place.orientation.map(|two| two.concat()))
            {
                return Err(different("orientation"));
            }
            if !close(&slice.place.pixel.map(Vec::from), &base.place.pixel.map(Vec::from)) {
                return Err(different("pixel spacing"));
            }
        }
        self.check_distances()
    }

    fn check_distances(&self) -> Result<(), SeriesError> {
        let pairs = || self.slices.windows(2).map(|pair| (&pair[0], &pair[1]));
        let names = |(first, second): (&Slice, &Slice)| (first.path.clone(), second.path.clone());
        let apart = |(first, second): (&Slice, &Slice)| Some(second.height()? - first.height()?);
        let same = |pair: &(&Slice, &Slice)| match apart(*pair) {
            Some(apart) => apart < SAME,
            None => pair.0.instance.number == pair.1.instance.number,
        };
        if let Some((first, second)) = pairs().find(same).map(names) {
            return Err(SeriesError::Duplicate { first, second });
        }
        let mut sorted: Vec<f64> = pairs().filter_map(apart).collect();
        sorted.sort_by(f64::total_cmp);
        let Some(usual) = sorted.get(sorted.len() / 2).copied() else { return Ok(()) };
        match pairs()
            .find_map(|pair| apart(pair).filter(|apart| !is_even(*apart, usual)).map(|apart| (names(pair), apart)))
        {
            Some(((first, second), apart)) => Err(SeriesError::Gap { first, second, apart, usual }),
            None => Ok(()),
        }
    }

    /// Decodes the files into one volume.
    ///
    /// # Errors
    /// If the files are not the slices of one volume, or one cannot be read.
    pub fn decode(&self) -> Result<Raster, SeriesError> {
        self.check()?;
        let mut volume: Option<Raster> = None;
        let Some(base) = self.slices.first() else { return Ok(Raster::default()) };
        let header = Header { slices: self.slices.len() * base.header.slices, ..base.header };
        if header.height.saturating_mul(header.width).saturating_mul(header.slices) > MOST_PIXELS {
            return Err(SeriesError::File { path: base.path.clone(), source: FormatError::TooLarge { header } });
        }
        for slice in &self.slices {
            let file = |source| SeriesError::File { path: slice.path.clone(), source };
            let raster = whole(&slice.path).and_then(|bytes| super::decode(&bytes));
            let raster = raster.map_err(file)?;
            match &mut volume {
                None => volume = Some(raster),
                // The file may have changed since it was looked at.
                Some(volume)
                    if (volume.height, volume.width, volume.channels)
                        != (raster.height, raster.width, raster.channels) =>
                {
                    let (first, second) = (base.path.clone(), slice.path.clone());
                    return Err(SeriesError::Different { first, second, what: "size or channels" });
                }
                Some(volume) => {
                    volume.slices += raster.slices;
                    volume.samples.extend(raster.samples);
                    volume.full_scale = volume.full_scale.filter(|scale| raster.full_scale == Some(*scale));
                    volume.lossy |= raster.lossy;
                }
            }
        }
        let mut volume = volume.unwrap_or_default();
        if self.slices.len() > 1 {
            let positions: Option<Vec<_>> =
                self.slices.iter().map(|slice| slice.place.positions.first().copied()).collect();
            volume.geometry = base.place.with_step(positions.and_then(|positions| base.place.step(&positions)));
        }
        Ok(volume)
    }
}

/// Whether numbers are the same but for rounding.
fn close(one: &Option<Vec<f64>>, other: &Option<Vec<f64>>) -> bool {
    match (one, other) {
        (Some(one), Some(other)) => one.iter().zip(other).all(|(one, other)| (one - other).abs() < 1e-3),
        (None, None) => true,
        _ => false,
    }
}

/// Reads what stands before the pixels of a file; nothing if it is of another format, or no image.
fn slice(path: &Path) -> Result<Option<Slice>, FormatError> {
    let mut bytes = Vec::new();
    let mut file = opened(path)?;
    // Most have their pixels within the first 64 KiB.
    file.by_ref().take(1 << 16).read_to_end(&mut bytes)?;
    if !is_dicom(&bytes) {
        return Ok(None);
    }
    match Slice::of(path, &bytes) {
        Err(FormatError::Truncated { .. }) => {
            file.read_to_end(&mut bytes)?;
            Slice::of(path, &bytes)
        }
        found => found,
    }
}
