//! Masks of a folder against masks of another: for predictions that something else has made.
//!
//! Does not know stages, experiments or the store.

mod files;
mod pixels;

use std::path::{Path, PathBuf};

use pipe_image::formats::{self, Geometry, Header};
use pipe_metrics::{
    Case, Classes, EmptyMasks, Evaluation, LengthUnit, Measured, Metric, Metrics, MetricsError, Needs, Protocol,
    Spacing,
};
use rayon::prelude::*;
use thiserror::Error;

pub use files::PairingError;
use files::{Pair, pairs};
pub use pixels::PixelsError;
use pixels::{Pixels, Vocabulary};

/// How masks are compared.
#[derive(Clone, Debug, Default)]
pub struct Comparing {
    /// The metrics; none takes all that can be computed.
    pub metrics: Vec<Metric>,
    /// What empty masks score.
    pub empty: EmptyMasks,
    /// Millimetres between slices, rows and columns; none takes those of the reference's file.
    pub spacing: Option<[f64; 3]>,
    /// From which probability on a pixel of a prediction is foreground, where predictions are probabilities; a half if none.
    pub threshold: Option<f64>,
    /// Whether everything that is not 0 is one class.
    pub foreground: bool,
    /// Whether files without a partner are left out; else they are an error.
    pub common: bool,
    /// Whether files that say that they lie elsewhere are compared all the same, voxel by voxel.
    pub anywhere: bool,
}

/// Why masks were not compared.
#[derive(Debug, Error)]
pub enum ComparisonError {
    /// Files of the two sides do not belong together.
    #[error(transparent)]
    Pairing(#[from] PairingError),
    /// A file cannot be read as a mask.
    #[error("{}: {source}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// Why.
        source: PixelsError,
    },
    /// The two sides number their classes otherwise.
    #[error(
        "predictions have the values {prediction}, references {reference}: classes must have the same values on both sides; `--foreground` takes all that is not 0 as one class"
    )]
    Vocabulary {
        /// Values of the predictions.
        prediction: String,
        /// Values of the references.
        reference: String,
    },
    /// References are probabilities.
    #[error(
        "references lie between 0 and 1; they are masks, and predictions may be probabilities: are the two swapped? `--foreground` takes all that is not 0 as one class"
    )]
    SoftReference,
    /// More values than classes.
    #[error(
        "files have more than 64 values: numbers of objects, or a photograph? `--foreground` takes all that is not 0 as one class"
    )]
    Many,
    /// A prediction of another size.
    #[error("{}: it is {found} (columns, rows, slices), but {} is {expected}", path.display(), other.display())]
    Size {
        /// The prediction.
        path: PathBuf,
        /// Its size.
        found: String,
        /// The reference.
        other: PathBuf,
        /// Its size.
        expected: String,
    },
    /// A prediction that says that it lies elsewhere.
    #[error("{}: {difference}, by {}; `--anywhere` compares them voxel by voxel", path.display(), other.display())]
    Elsewhere {
        /// The prediction.
        path: PathBuf,
        /// In what they differ.
        difference: String,
        /// The reference.
        other: PathBuf,
    },
    /// Some references tell their spacing, and others do not.
    #[error("{} tells no spacing, and {} does; give one for all by `--spacing z,y,x`", without.display(), with.display())]
    Spacing {
        /// A reference with a spacing.
        with: PathBuf,
        /// One without.
        without: PathBuf,
    },
    /// A pair that cannot be measured.
    #[error("{}: {reason}", path.display())]
    Measure {
        /// The prediction.
        path: PathBuf,
        /// Why.
        reason: String,
    },
    /// The list of metrics means nothing.
    #[error(transparent)]
    Metrics(#[from] MetricsError),
}

/// Compares two files, or all files of two folders that have the same names but for what follows the last dot.
///
/// Files are of any format that data sets are read from. What their values mean is read off all files of a side: numbers are classes;
/// where each side knows one value beside 0, that is the foreground, whatever the value; numbers between 0 and 1 are probabilities.
/// Files whose affines say that their axes run the other way over the same voxels are compared place by place.
///
/// # Errors
/// Files without a partner, that cannot be read, or that do not fit together.
pub fn compare(prediction: &Path, reference: &Path, how: &Comparing) -> Result<Evaluation, ComparisonError> {
    let pairs = pairs(prediction, reference, how.common)?;
    pairs.par_iter().try_for_each(headers_agree)?;
    let look = |path: &Path| -> Result<(Vocabulary, bool), ComparisonError> {
        let pixels = read(path)?;
        let is_spaced = how.spacing.is_some() || spacing(&pixels).is_some();
        Ok((Vocabulary::of(&pixels), is_spaced))
    };
    let looks: Vec<_> = pairs
        .par_iter()
        .map(|pair| Ok((look(&pair.prediction)?, look(&pair.reference)?)))
        .collect::<Result<_, ComparisonError>>()?;
    let all = |vocabularies: Vec<Vocabulary>| vocabularies.into_iter().reduce(Vocabulary::with).unwrap_or_default();
    let (predicted, referred): (Vec<_>, Vec<_>) = looks.into_iter().unzip();
    let is_spaced: Vec<bool> = referred.iter().map(|(_, spaced)| *spaced).collect();
    let with = is_spaced.iter().position(|spaced| *spaced);
    if let (Some(with), Some(without)) = (with, is_spaced.iter().position(|spaced| !spaced)) {
        let [with, without] = [with, without].map(|at| pairs[at].reference.clone());
        return Err(ComparisonError::Spacing { with, without });
    }
    let unit = if with.is_some() { LengthUnit::Millimetre } else { LengthUnit::Pixel };
    let predicted = all(predicted.into_iter().map(|(values, _)| values).collect());
    let referred = all(referred.into_iter().map(|(values, _)| values).collect());
    let classes = Vocabulary::classes(&predicted, &referred, how.foreground)?;
    let needs: &[Needs] =
        if predicted.is_probability() { &[Needs::Masks, Needs::Probabilities] } else { &[Needs::Masks] };
    let metrics = if how.metrics.is_empty() { Metric::all(unit, needs) } else { how.metrics.clone() };
    let protocol = Protocol { metrics: Metrics::try_from(metrics)?, empty: how.empty, any: true };
    let measured = pairs
        .par_iter()
        .map(|pair| {
            let measured = measure(pair, (&classes, predicted.is_probability()), &protocol, how)?;
            Ok((pair.name.clone(), pair.name.clone(), measured))
        })
        .collect::<Result<Vec<_>, ComparisonError>>()?;
    let (mut evaluation, _) = Evaluation::of(&protocol, unit, &classes.names(), measured);
    evaluation.threshold = predicted.is_probability().then(|| how.threshold.unwrap_or(0.5));
    Ok(evaluation)
}

/// Compares sizes by headers alone: no volume is decoded only to be refused. What a header does not tell, decoding does.
fn headers_agree(pair: &Pair) -> Result<(), ComparisonError> {
    match (formats::header(&pair.prediction), formats::header(&pair.reference)) {
        (Ok(found), Ok(expected)) => same_size(pair, found, expected),
        _ => Ok(()),
    }
}

fn same_size(pair: &Pair, found: Header, expected: Header) -> Result<(), ComparisonError> {
    if found == expected {
        return Ok(());
    }
    let (path, other) = (pair.prediction.clone(), pair.reference.clone());
    Err(ComparisonError::Size { path, found: found.to_string(), other, expected: expected.to_string() })
}

fn read(path: &Path) -> Result<Pixels, ComparisonError> {
    Pixels::read(path).map_err(|source| ComparisonError::File { path: path.into(), source })
}

/// The spacing that a file tells of all its axes.
fn spacing(pixels: &Pixels) -> Option<[f64; 3]> {
    let [slice, row, column] = pixels.geometry?.spacing;
    (row > 0.0 && column > 0.0 && (slice > 0.0 || pixels.shape[0] == 1)).then_some([slice, row, column])
}

fn measure(
    pair: &Pair,
    (classes, needs_probabilities): (&pixels::ClassValues, bool),
    protocol: &Protocol,
    how: &Comparing,
) -> Result<Measured, ComparisonError> {
    let (mut prediction, reference) = (read(&pair.prediction)?, read(&pair.reference)?);
    let (path, other) = (pair.prediction.clone(), pair.reference.clone());
    let size = |pixels: &Pixels| Header { slices: pixels.shape[0], height: pixels.shape[1], width: pixels.shape[2] };
    same_size(pair, size(&prediction), size(&reference))?;
    let elsewhere = |found: &Geometry, expected: &Geometry| found.disagreement(expected, reference.shape);
    if let (Some(found), Some(expected), false) = (&prediction.geometry, &reference.geometry, how.anywhere)
        && let Some(difference) = elsewhere(found, expected)
    {
        // The same voxels in another order are no difference.
        let Some(axes) = found.turned(expected, reference.shape) else {
            return Err(ComparisonError::Elsewhere { path, difference: difference.to_string(), other });
        };
        prediction.turn(axes);
    }
    let refused = |reason: String| ComparisonError::Measure { path: path.clone(), reason };
    let spacing = match how.spacing.or_else(|| spacing(&reference)) {
        Some(sides) => Spacing::millimetres(sides).map_err(|error| refused(error.to_string()))?,
        None => Spacing::PIXELS,
    };
    let threshold = how.threshold.unwrap_or(0.5);
    let (predicted, referred) = (prediction.labels(classes, threshold), reference.labels(classes, threshold));
    let case = Case::new(
        Classes::Labels(&predicted),
        Classes::Labels(&referred),
        classes.count() + 1,
        reference.shape,
        spacing,
    );
    let probabilities = prediction.probabilities().filter(|_| needs_probabilities);
    let case = case.and_then(|case| match probabilities {
        Some(probabilities) => case.with_probabilities(probabilities),
        None => Ok(case),
    });
    let case = case.map_err(|error| refused(error.to_string()))?;
    protocol.measure(&case).map_err(|error| refused(error.to_string()))
}

#[cfg(test)]
mod tests;
