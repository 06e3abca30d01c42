//! How mask files write classes down: bright and dark, class ids, or colours.
//! It does not know file formats; it is given decoded samples.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::formats::Raster;
use crate::number::Probability;
use crate::{IGNORED, Mask};

/// How mask files write classes down.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum MaskEncoding {
    /// Two classes as bright and dark: 0/255, 0/1, 16 bits, palette, RGB or RGBA, also after JPEG.
    ///
    /// The value of a pixel is its brightest colour channel (alpha is ignored). A file whose largest value is 1 is 0/1; otherwise a
    /// pixel is foreground above half of the full scale, so that JPEG noise does no harm. A lossless file whose values all
    /// lie between 2 and half of the full scale looks like class ids and is refused.
    Binary {
        /// Foreground lies above this fraction of the full scale; without it, by the rule.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        threshold: Option<Probability>,
        /// Which side is foreground.
        #[serde(default)]
        foreground: Foreground,
    },
    /// Class ids as gray values or palette indexes.
    Labels {
        /// The gray values of classes 0, 1, 2 ...; without it, the value is the class.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        values: Option<Vec<u16>>,
        /// The number of classes with background; larger ids are refused, and 255 is never one.
        #[schemars(range(min = 2, max = 256))]
        classes: usize,
        /// The gray value of pixels of which nobody knows what they are: they count in no loss and in no metric.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        ignore: Option<u16>,
    },
    /// One channel a class, by these names in the order of the channels, opacity among them: classes may overlap, and each becomes a
    /// map of its own. A pixel is of the class where the channel lies above half of the full scale.
    Channels(Vec<String>),
    /// One colour a class: the list gives the colours of classes 0, 1, 2 ... as `[red, green, blue]`.
    Colours(Vec<[u8; 3]>),
}

/// Which side of the threshold is foreground.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Foreground {
    /// Bright pixels are foreground.
    #[default]
    Bright,
    /// Dark pixels are foreground.
    Dark,
}

impl Default for MaskEncoding {
    fn default() -> Self {
        Self::Binary { threshold: None, foreground: Foreground::Bright }
    }
}

/// A mask whose values do not fit its encoding.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum EncodingError {
    /// Looks like class ids, not like black and white.
    #[error("the largest value is {largest} of {full_scale}, which looks like class ids and not like black and white")]
    LooksLikeLabels {
        /// The largest value in the file.
        largest: f32,
        /// The largest possible value.
        full_scale: f32,
    },
    /// Values or colours that are no class.
    #[error("{pixels} pixels have values that are no class: {values}")]
    UnknownValues {
        /// How many pixels.
        pixels: usize,
        /// Up to eight of the values.
        values: String,
    },
    /// A value is a class, and means that nobody knows.
    #[error("{value} is a class, and `ignore` too")]
    IgnoredClass {
        /// The value.
        value: u16,
    },
    /// A lossy file cannot hold class ids.
    #[error("a JPEG file cannot hold class ids: its values are approximate")]
    LossyLabels,
    /// More or fewer channels than classes.
    #[error("the file has {found} channels, not {wanted}")]
    OtherChannels {
        /// Those of the file.
        found: usize,
        /// Those that were declared.
        wanted: usize,
    },
    /// A colour file where gray values were declared.
    #[error("the file is in colour, but the encoding is by gray value")]
    ColourLabels,
}

impl EncodingError {
    /// Says what to do about it.
    pub fn hint(&self) -> &'static str {
        match self {
            Self::LooksLikeLabels { .. } => {
                "declare `labels: {classes: N}`, or give `binary: {threshold: 0}` if every value above 0 is foreground"
            }
            Self::UnknownValues { .. } => {
                "compare the declared classes with the values in the file; of a value that means that nobody knows, say `ignore: VALUE`"
            }
            Self::IgnoredClass { .. } => "leave it out of `values`, or set `classes` to that value if it is the last",
            Self::LossyLabels => "use the lossless original of the mask",
            Self::OtherChannels { .. } => "name one class a channel in `channels`",
            Self::ColourLabels => "declare `colours: [[0, 0, 0], ...]`",
        }
    }
}

impl MaskEncoding {
    /// Checks that the encoding does not contradict itself.
    ///
    /// # Errors
    /// The value of pixels that are not known is that of a class.
    pub fn check(&self) -> Result<(), EncodingError> {
        match self {
            Self::Labels { values, classes, ignore: Some(value) } => {
                let is_class = match values {
                    Some(values) => values.contains(value),
                    None => usize::from(*value) < class_ids(*classes),
                };
                if is_class { Err(EncodingError::IgnoredClass { value: *value }) } else { Ok(()) }
            }
            _ => Ok(()),
        }
    }

    /// Gives the number of classes that there can be, without the background.
    pub(crate) fn classes(&self) -> usize {
        match self {
            Self::Binary { .. } => 1,
            Self::Labels { classes, .. } => class_ids(*classes).saturating_sub(1),
            Self::Channels(names) => names.len(),
            Self::Colours(colours) => colours.len().saturating_sub(1),
        }
    }

    /// Gives the class of every pixel, and [`IGNORED`] where it is not known.
    ///
    /// # Errors
    /// If values do not fit the encoding.
    pub fn decode(&self, raster: &Raster) -> Result<Mask, EncodingError> {
        self.check()?;
        let labels = match self {
            Self::Binary { threshold, foreground } => binary(raster, *threshold, *foreground)?,
            Self::Labels { values, classes, ignore } => labels(raster, (values.as_deref(), *classes), *ignore)?,
            Self::Colours(colours) => by_colour(raster, colours)?,
            Self::Channels(names) => return by_channel(raster, names.len()),
        };
        let Raster { slices, height, width, .. } = *raster;
        Ok(Mask { layers: 1, depth: slices, height, width, labels })
    }
}

fn binary(raster: &Raster, threshold: Option<Probability>, foreground: Foreground) -> Result<Vec<u8>, EncodingError> {
    let brightest = raster.brightest();
    let largest = brightest.iter().copied().fold(0.0, f32::max);
    // Values of signed and floating-point samples have no largest but their own.
    let full_scale = raster.value_full_scale().unwrap_or(largest);
    let half = (full_scale / 2.0).floor();
    let limit = match threshold {
        Some(fraction) => (fraction.get() * f64::from(full_scale)) as f32,
        None if raster.lossy => half,
        None if largest <= 1.0 => 0.0,
        None if largest <= half => {
            return Err(EncodingError::LooksLikeLabels { largest, full_scale });
        }
        None => half,
    };
    let is_foreground = |value: f32| match foreground {
        Foreground::Bright => value > limit,
        Foreground::Dark => value <= limit,
    };
    Ok(brightest.into_iter().map(|value| u8::from(is_foreground(value))).collect())
}

/// How many ids classes can have.
fn class_ids(classes: usize) -> usize {
    classes.min(usize::from(IGNORED))
}

fn labels(
    raster: &Raster,
    (values, classes): (Option<&[u16]>, usize),
    ignore: Option<u16>,
) -> Result<Vec<u8>, EncodingError> {
    if raster.lossy {
        return Err(EncodingError::LossyLabels);
    }
    let samples = raster.indexes().ok_or(EncodingError::ColourLabels)?;
    let class = |value: f32| match values {
        Some(values) => values.iter().position(|known| f32::from(*known) == value),
        None => (value >= 0.0 && value.fract() == 0.0).then_some(value as usize),
    };
    let label = |value: f32| match ignore {
        Some(ignored) if f32::from(ignored) == value => Some(usize::from(IGNORED)),
        _ => class(value).filter(|class| *class < class_ids(classes)),
    };
    collect(samples.iter().map(|value| (label(*value), || value.to_string())))
}

fn by_channel(raster: &Raster, wanted: usize) -> Result<Mask, EncodingError> {
    let Raster { slices, height, width, channels, .. } = *raster;
    if channels != wanted {
        return Err(EncodingError::OtherChannels { found: channels, wanted });
    }
    if raster.lossy {
        return Err(EncodingError::LossyLabels);
    }
    let largest = raster.samples.iter().copied().fold(0.0, f32::max);
    let limit = if largest <= 1.0 { 0.0 } else { raster.full_scale.unwrap_or(largest) / 2.0 };
    let of =
        |channel: usize| raster.samples.iter().skip(channel).step_by(channels).map(|value| u8::from(*value > limit));
    Ok(Mask { layers: channels, depth: slices, height, width, labels: (0..channels).flat_map(of).collect() })
}

fn by_colour(raster: &Raster, colours: &[[u8; 3]]) -> Result<Vec<u8>, EncodingError> {
    if raster.lossy {
        return Err(EncodingError::LossyLabels);
    }
    let pixels = raster.colours();
    collect(pixels.iter().map(|pixel| (colours.iter().position(|known| known == pixel), move || format!("{pixel:?}"))))
}

/// Gathers classes, counting the pixels that have none and naming some of their values.
fn collect<F: FnOnce() -> String>(pixels: impl Iterator<Item = (Option<usize>, F)>) -> Result<Vec<u8>, EncodingError> {
    let mut classes = Vec::new();
    let mut unknown = 0;
    let mut values: Vec<String> = Vec::new();
    for (class, value) in pixels {
        if let Some(class) = class.and_then(|class| u8::try_from(class).ok()) {
            classes.push(class);
            continue;
        }
        unknown += 1;
        if values.len() < 8 {
            let value = value();
            if !values.contains(&value) {
                values.push(value);
            }
        }
    }
    if unknown > 0 {
        return Err(EncodingError::UnknownValues { pixels: unknown, values: values.join(", ") });
    }
    Ok(classes)
}

#[cfg(test)]
mod tests;
