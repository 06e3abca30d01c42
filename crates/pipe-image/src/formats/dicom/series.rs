//! Files as one series: in the order of their positions, checked to be the slices of one volume; and what their headers say in words.
//! It does not know pixels, or what a series is for.

use std::io::Read as _;
use std::path::Path;

use dicom_core::Tag;
use dicom_core::dictionary::{DataDictionary as _, DataDictionaryEntry as _};
use dicom_dictionary_std::{StandardDataDictionary, tags};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::dataset::{DataSet, Pixels};
use super::pixels::Look;
use super::space::{Place, dot, is_even};
use super::{is_dicom, not_read};
use crate::formats::geometry::Geometry;
use crate::formats::read::{FormatError, Header, opened};

/// Positions that are closer than this, in millimetres, are the same.
const SAME: f64 = 1e-3;
/// How many bytes hold the elements of most files up to their pixels.
const HEAD: u64 = 1 << 16;

/// An attribute of the standard by its keyword: `PatientID`, `SeriesNumber`, `StudyDate`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "String", into = "String")]
#[schemars(with = "String")]
pub struct Attribute {
    keyword: String,
    tag: Tag,
}

/// A word that is no keyword of the standard.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{word}` is no attribute of DICOM; keywords are written as in the standard: `PatientID`, `SeriesNumber`, `StudyDate`"
)]
pub struct UnknownAttribute {
    word: String,
}

impl TryFrom<String> for Attribute {
    type Error = UnknownAttribute;

    fn try_from(keyword: String) -> Result<Self, UnknownAttribute> {
        match StandardDataDictionary.by_name(&keyword) {
            Some(entry) => Ok(Self { tag: entry.tag(), keyword }),
            None => Err(UnknownAttribute { word: keyword }),
        }
    }
}

impl From<Attribute> for String {
    fn from(attribute: Attribute) -> Self {
        attribute.keyword
    }
}

impl Attribute {
    /// Gives the keyword.
    pub fn keyword(&self) -> &str {
        &self.keyword
    }
}

/// Gives what a file says of attributes, as text, in their order; nothing for those that it does not have, or leaves empty. Nothing at
/// all of a file that is not DICOM.
///
/// # Errors
/// If the file cannot be read.
pub fn attributes(path: &Path, attributes: &[&Attribute]) -> Result<Option<Vec<Option<String>>>, FormatError> {
    with_head(path, |bytes| {
        let data = DataSet::of(bytes)?;
        Ok(attributes.iter().map(|attribute| data.text(attribute.tag)).collect())
    })
}

/// Tells whether a file is DICOM, by its first bytes.
///
/// # Errors
/// If the file cannot be read.
pub fn is_dicom_file(path: &Path) -> Result<bool, FormatError> {
    let mut start = Vec::new();
    opened(path)?.take(1 << 10).read_to_end(&mut start)?;
    Ok(is_dicom(&start))
}

/// One file of a series.
#[derive(Debug, Clone, PartialEq)]
struct Slice {
    file: String,
    /// SeriesInstanceUID; empty where the file does not say.
    series: String,
    /// InstanceNumber.
    number: Option<i64>,
    header: Header,
    place: Place,
}

impl Slice {
    fn of(root: &Path, file: &str) -> Result<Self, FormatError> {
        let found = with_head(&root.join(file), |bytes| {
            let data = DataSet::of(bytes)?;
            if matches!(data.pixels, Pixels::None) {
                return Err(not_read("it is no image"));
            }
            let header = Look::of(&data)?.header;
            let text = |tag: Tag| data.text(tag).unwrap_or_default();
            let (series, number) = (text(tags::SERIES_INSTANCE_UID), text(tags::INSTANCE_NUMBER).parse().ok());
            Ok(Self { file: file.to_owned(), series, number, header, place: Place::of(&data) })
        })?;
        found.ok_or(FormatError::Unsupported { found: "no DICOM file" })
    }

    /// Gives how far along the normal the file lies, in millimetres.
    fn height(&self) -> Option<f64> {
        Some(dot(*self.place.positions.first()?, self.place.normal()?))
    }
}

/// The slices of one volume, each a file, in the order of their positions along the normal of their orientation; of their numbers where
/// they tell no positions.
#[derive(Debug, Clone, PartialEq)]
pub struct Series {
    slices: Vec<Slice>,
}

/// Why files are not the slices of one volume. Files are named relative to their root.
#[derive(Debug, thiserror::Error)]
pub enum SeriesError {
    /// A file cannot be read.
    #[error("{file}: {source}")]
    File {
        /// The file.
        file: String,
        /// Why.
        source: FormatError,
    },
    /// Two files lie at the same place, or bear the same number where no place is known.
    #[error("it lies at the same position as {first}")]
    Duplicate {
        /// A file.
        first: String,
        /// The next.
        second: String,
    },
    /// Slices are missing, or not evenly apart.
    #[error("it is {apart:.3} mm from {first}, and most slices are {usual:.3} mm apart")]
    Gap {
        /// A file.
        first: String,
        /// The next.
        second: String,
        /// How far they are apart.
        apart: f64,
        /// How far most are apart.
        usual: f64,
    },
    /// Two files do not fit together.
    #[error("{first} and it differ in their {what}")]
    Different {
        /// A file.
        first: String,
        /// The one that differs.
        second: String,
        /// In what.
        what: &'static str,
    },
    /// A file tells no position, and others do.
    #[error("it tells no position, or a damaged one, and {other} does")]
    NoPlace {
        /// The file.
        file: String,
        /// One that does.
        other: String,
    },
    /// Nothing tells in which order files are.
    #[error("neither its position nor its InstanceNumber tells where it lies among the other slices")]
    NoOrder {
        /// The file.
        file: String,
    },
    /// A file has several frames.
    #[error("it has {frames} frames of its own, and is no slice")]
    Frames {
        /// The file.
        file: String,
        /// How many.
        frames: usize,
    },
}

impl SeriesError {
    /// Gives the file that is wrong, of two the second.
    pub fn file(&self) -> &str {
        match self {
            Self::File { file, .. }
            | Self::Frames { file, .. }
            | Self::NoPlace { file, .. }
            | Self::NoOrder { file } => file,
            Self::Duplicate { second, .. } | Self::Gap { second, .. } | Self::Different { second, .. } => second,
        }
    }

    /// Says what to do.
    pub fn hint(&self) -> &'static str {
        match self {
            Self::File { .. } => "copy or download the file again, or list it under `ignore`",
            Self::Duplicate { .. } => {
                "name what tells volumes apart (a series, a phase) in the pattern or in `headers`: `series: SeriesInstanceUID`"
            }
            Self::Gap { .. } => {
                "add the slices that are missing, or list those that lie apart (a localiser) under `ignore`"
            }
            Self::Different { .. } => {
                "name what tells the series apart in the pattern or in `headers`: `series: SeriesInstanceUID`"
            }
            Self::NoPlace { .. } => "copy or download the file again, or list it under `ignore`",
            Self::NoOrder { .. } => {
                "write the series anew with ImagePositionPatient and ImageOrientationPatient; the order of names would be a guess"
            }
            Self::Frames { .. } => "files that are volumes by themselves need no `stack`",
        }
    }
}

impl Series {
    /// Reads the headers of files, and puts these in order.
    ///
    /// # Errors
    /// If one cannot be read, or they are not the slices of one volume: of one series, size, orientation and pixel spacing, a frame
    /// each, evenly apart.
    pub fn of(root: &Path, files: &[String]) -> Result<Self, SeriesError> {
        let slice =
            |file: &String| Slice::of(root, file).map_err(|source| SeriesError::File { file: file.clone(), source });
        let mut slices = files.iter().map(slice).collect::<Result<Vec<_>, _>>()?;
        in_some_order(&slices)?;
        slices.sort_by(|one, other| (one.number, &one.file).cmp(&(other.number, &other.file)));
        if let Some(heights) = slices.iter().map(Slice::height).collect::<Option<Vec<f64>>>() {
            let mut places: Vec<(f64, Slice)> = heights.into_iter().zip(slices).collect();
            places.sort_by(|one, other| one.0.total_cmp(&other.0));
            slices = places.into_iter().map(|(_, slice)| slice).collect();
        }
        let series = Self { slices };
        series.check()?;
        Ok(series)
    }

    /// Gives the files in their order.
    pub fn files(&self) -> impl Iterator<Item = &str> {
        self.slices.iter().map(|slice| slice.file.as_str())
    }

    /// Gives the size of the volume; nothing of no files.
    pub fn header(&self) -> Option<Header> {
        self.slices.first().map(|first| Header { slices: self.slices.len(), ..first.header })
    }

    /// Gives where the voxels of the volume lie, where the files tell.
    pub fn geometry(&self) -> Option<Geometry> {
        let base = self.slices.first()?;
        let positions: Option<Vec<_>> =
            self.slices.iter().map(|slice| slice.place.positions.first().copied()).collect();
        base.place.with_step(positions.and_then(|positions| base.place.step(&positions)))
    }

    fn check(&self) -> Result<(), SeriesError> {
        let Some(base) = self.slices.first() else { return Ok(()) };
        let orientation = |slice: &Slice| slice.place.orientation.map(|two| two.concat());
        for slice in &self.slices {
            let different =
                |what| SeriesError::Different { first: base.file.clone(), second: slice.file.clone(), what };
            if slice.header.slices > 1 {
                return Err(SeriesError::Frames { file: slice.file.clone(), frames: slice.header.slices });
            }
            if slice.series != base.series {
                return Err(different("series"));
            }
            if slice.header != base.header {
                return Err(different("size"));
            }
            if !close(&orientation(slice), &orientation(base)) {
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
        let names = |(first, second): (&Slice, &Slice)| (first.file.clone(), second.file.clone());
        let apart = |(first, second): (&Slice, &Slice)| Some(second.height()? - first.height()?);
        let same = |pair: &(&Slice, &Slice)| match apart(*pair) {
            Some(apart) => apart < SAME,
            None => pair.0.number == pair.1.number && pair.0.number.is_some(),
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
}

/// Checks that all files tell where they lie, or none does and all have numbers.
fn in_some_order(slices: &[Slice]) -> Result<(), SeriesError> {
    let placed = slices.iter().find(|slice| slice.height().is_some());
    let lost = slices.iter().find(|slice| slice.height().is_none());
    match (placed, lost) {
        (Some(placed), Some(lost)) => Err(SeriesError::NoPlace { file: lost.file.clone(), other: placed.file.clone() }),
        (None, Some(_)) if slices.len() > 1 => match slices.iter().find(|slice| slice.number.is_none()) {
            Some(lost) => Err(SeriesError::NoOrder { file: lost.file.clone() }),
            None => Ok(()),
        },
        _ => Ok(()),
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

/// Gives `work` what stands before the pixels of a file, and more where that is not enough; nothing if it is of another format.
fn with_head<T>(path: &Path, mut work: impl FnMut(&[u8]) -> Result<T, FormatError>) -> Result<Option<T>, FormatError> {
    let mut bytes = Vec::new();
    let mut file = opened(path)?;
    file.by_ref().take(HEAD).read_to_end(&mut bytes)?;
    if !is_dicom(&bytes) {
        return Ok(None);
    }
    match work(&bytes) {
        Err(FormatError::Truncated { .. }) => {
            file.read_to_end(&mut bytes)?;
            work(&bytes).map(Some)
        }
        found => found.map(Some),
    }
}
