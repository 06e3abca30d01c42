//! The transforms that a configuration can name.
//! It does not know how they are carried out.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::number::{PositiveRange, Probability};

/// One random change of an image and its mask, applied with probability `p`.
///
/// Lengths are fractions of the side, angles are degrees; amounts are uniform in `[-x, x]` or in the given range.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Transform {
    /// Left and right change places.
    FlipHorizontal {
        /// How often.
        #[serde(default = "half")]
        p: Probability,
    },
    /// Top and bottom change places.
    FlipVertical {
        /// How often.
        #[serde(default = "half")]
        p: Probability,
    },
    /// Turned about the centre.
    Rotate {
        /// At most this far, either way.
        #[schemars(range(min = 0.0, max = 180.0))]
        degrees: f64,
        /// How often.
        #[serde(default = "half")]
        p: Probability,
    },
    /// Made larger or smaller about the centre.
    Scale {
        /// The factor; above 1 enlarges.
        range: PositiveRange,
        /// One factor for both axes, or one each.
        #[serde(default)]
        along: Along,
        /// How often.
        #[serde(default = "half")]
        p: Probability,
    },
    /// A window at a random place, enlarged to the full size.
    Crop {
        /// The side of the window as a fraction of the full side, at most 1.
        range: PositiveRange,
        /// How often.
        #[serde(default = "half")]
        p: Probability,
    },
    /// Moved along both axes.
    Shift {
        /// At most this fraction of the side, either way.
        #[schemars(range(min = 0.0, max = 1.0))]
        fraction: f64,
        /// How often.
        #[serde(default = "half")]
        p: Probability,
    },
    /// Slanted along the rows.
    Shear {
        /// At most this angle, either way.
        #[schemars(range(min = 0.0, max = 80.0))]
        degrees: f64,
        /// How often.
        #[serde(default = "half")]
        p: Probability,
    },
    /// Values made larger or smaller: `value * factor + offset`, one of each for the whole image.
    Intensity {
        /// The offset is at most this, either way.
        #[serde(default)]
        shift: f64,
        /// The factor; null leaves it at 1.
        #[serde(default)]
        factor: Option<PositiveRange>,
        /// Values are kept within `[low, high]`; null leaves them.
        #[serde(default)]
        clip: Option<[f64; 2]>,
        /// How often.
        #[serde(default = "half")]
        p: Probability,
    },
    /// Values raised to a power, on the scale from the least to the largest value of the image.
    Gamma {
        /// The exponent.
        range: PositiveRange,
        /// How often.
        #[serde(default = "half")]
        p: Probability,
    },
    /// Independent normal noise added to every value.
    Noise {
        /// The standard deviation is at most this.
        #[schemars(range(min = 0.0))]
        deviation: f64,
        /// How often.
        #[serde(default = "half")]
        p: Probability,
    },
    /// All of these, each by its own probability, or none of them.
    Sometimes {
        /// How often.
        p: Probability,
        /// What is applied then.
        transforms: Vec<Transform>,
    },
}

/// Whether a scale is the same along rows and columns.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Along {
    /// One factor for both axes.
    #[default]
    Both,
    /// A factor for each axis.
    Each,
}

fn half() -> Probability {
    Probability::HALF
}
