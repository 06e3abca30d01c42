//! What the values of a mask file mean, where nobody has said it.
//!
//! Does not know which file is compared with which.

use std::collections::BTreeSet;
use std::path::Path;

use pipe_image::formats::{self, FormatError, Geometry, Raster};
use thiserror::Error;

use super::ComparisonError;

/// More values than this are no classes.
const CLASSES: usize = 64;

/// The values of a file.
pub(super) struct Pixels {
    values: Vec<f32>,
    /// Slices, rows, columns.
    pub(super) shape: [usize; 3],
    pub(super) geometry: Option<Geometry>,
    /// Whether numbers lie between 0 and 1.
    fractions: bool,
}

/// Why a file is no mask.
#[derive(Debug, Error)]
pub enum PixelsError {
    /// It cannot be read.
    #[error(transparent)]
    Format(#[from] FormatError),
    /// Pixels have several values.
    #[error("it is in colour, or has several channels; a mask has one number a pixel")]
    Colour,
    /// A number that is neither a class nor a probability.
    #[error("it has the value {0}, which is no class and no probability")]
    Value(f32),
    /// A format that changes values.
    #[error("it is a JPEG file, whose values are not those of a mask; convert the original to PNG")]
    Lossy,
}

impl Pixels {
    pub(super) fn read(path: &Path) -> Result<Self, PixelsError> {
        let raster = formats::open(path)?;
        if raster.lossy {
            return Err(PixelsError::Lossy);
        }
        let values = raster.indexes().ok_or(PixelsError::Colour)?;
        if let Some(value) = values.iter().find(|value| !value.is_finite() || **value < 0.0) {
            return Err(PixelsError::Value(*value));
        }
        let fraction = values.iter().copied().find(|value| value.fract() != 0.0);
        if let Some(value) = fraction
            && let Some(beyond) = values.iter().find(|value| **value > 1.0)
        {
            return Err(PixelsError::Value(if value > 1.0 { value } else { *beyond }));
        }
        let shape = [raster.slices, raster.height, raster.width];
        Ok(Self { values, shape, geometry: raster.geometry, fractions: fraction.is_some() })
    }

    /// Reverses the order of slices, rows, columns.
    pub(super) fn turn(&mut self, [slices, rows, columns]: [bool; 3]) {
        let [depth, height, width] = self.shape;
        let samples = std::mem::take(&mut self.values);
        let mut raster = Raster { slices: depth, height, width, channels: 1, samples, ..Raster::default() };
        if slices {
            raster = raster.of_slices(&(0..depth).rev().collect::<Vec<_>>());
        }
        self.values = raster.turned([rows, columns]).samples;
    }

    /// The values as probabilities; a mask of 0 and 1 among probabilities is certain.
    pub(super) fn probabilities(&self) -> Option<&[f32]> {
        self.values.iter().all(|value| (0.0..=1.0).contains(value)).then_some(&self.values[..])
    }

    /// The class of each pixel.
    pub(super) fn labels(&self, classes: &ClassValues, threshold: f64) -> Vec<u8> {
        if self.fractions {
            return self.values.iter().map(|value| u8::from(f64::from(*value) >= threshold)).collect();
        }
        match classes {
            ClassValues::Foreground => self.values.iter().map(|value| u8::from(*value != 0.0)).collect(),
            ClassValues::Listed(listed) => {
                let label =
                    |value: &f32| listed.iter().position(|known| *known as f32 == *value).map_or(0, |at| at + 1);
                self.values.iter().map(|value| u8::try_from(label(value)).unwrap_or(u8::MAX)).collect()
            }
        }
    }
}

/// The values of all files of a side.
#[derive(Clone, Debug, Default)]
pub(super) struct Vocabulary {
    /// Those beside 0, as far as they are few.
    values: BTreeSet<u32>,
    many: bool,
    fractions: bool,
}

/// What values stand for.
pub(super) enum ClassValues {
    /// All that is not 0 is one class.
    Foreground,
    /// Classes from 1 in this order.
    Listed(Vec<u32>),
}

impl ClassValues {
    pub(super) fn count(&self) -> usize {
        match self {
            Self::Foreground => 1,
            Self::Listed(values) => values.len(),
        }
    }

    /// What the classes are called: by their values.
    pub(super) fn names(&self) -> Vec<String> {
        match self {
            Self::Foreground => Vec::new(),
            Self::Listed(values) => values.iter().map(ToString::to_string).collect(),
        }
    }
}

impl Vocabulary {
    pub(super) fn of(pixels: &Pixels) -> Self {
        let mut found = Self { fractions: pixels.fractions, ..Self::default() };
        if pixels.fractions {
            return found;
        }
        let mut last = 0.0;
        for value in &pixels.values {
            // Neighbours are mostly equal.
            if *value != last && *value != 0.0 && !found.many {
                found.values.insert(*value as u32);
                found.many = found.values.len() > CLASSES;
            }
            last = *value;
        }
        found
    }

    pub(super) fn with(mut self, other: Self) -> Self {
        self.values.extend(other.values);
        let many = self.many || other.many || self.values.len() > CLASSES;
        Self { many, fractions: self.fractions || other.fractions, values: self.values }
    }

    pub(super) fn is_probability(&self) -> bool {
        self.fractions
    }

    /// What the values of predictions and references stand for.
    pub(super) fn classes(
        prediction: &Self,
        reference: &Self,
        foreground: bool,
    ) -> Result<ClassValues, ComparisonError> {
        if reference.fractions && !foreground {
            return Err(ComparisonError::SoftReference);
        }
        let one = |side: &Self| (!side.many && side.values.len() <= 1).then(|| side.values.first().copied());
        // Bright, in 8 or in 16 bits, is what 1 is.
        let is_bright = |value: u32| [1, 255, 65_535].contains(&value);
        let is_one = match (one(prediction), one(reference)) {
            (Some(Some(one)), Some(Some(other))) => one == other || (is_bright(one) && is_bright(other)),
            (Some(_), Some(_)) => true,
            _ => false,
        };
        if foreground || is_one {
            return Ok(ClassValues::Foreground);
        }
        if prediction.many || reference.many {
            return Err(ComparisonError::Many);
        }
        let shown = |side: &Self| {
            let mut values: Vec<String> = side.values.iter().take(8).map(ToString::to_string).collect();
            if side.values.len() > 8 {
                values.push("...".to_owned());
            }
            if side.fractions { "between 0 and 1".to_owned() } else { values.join(", ") }
        };
        let apart = || ComparisonError::Vocabulary { prediction: shown(prediction), reference: shown(reference) };
        let common = prediction.values.intersection(&reference.values).count();
        // A side without any foreground says nothing of values.
        let either_empty = prediction.values.is_empty() || reference.values.is_empty();
        if prediction.fractions || (common == 0 && !either_empty) {
            return Err(apart());
        }
        Ok(ClassValues::Listed(prediction.values.union(&reference.values).copied().collect()))
    }
}
