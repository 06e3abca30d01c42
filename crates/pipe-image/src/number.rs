//! Numbers with a range: each has one constructor, so that a wrong value is refused where it is written.
//! It does not know which field it stands in; the reader of the configuration adds that.

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};

/// A number that lies outside the range of its kind.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[error("{value} is not {expected}")]
pub struct OutOfRange {
    value: String,
    expected: &'static str,
}

/// A probability, from 0 to 1.
#[derive(Debug, Clone, Copy, PartialEq, PartialOrd, Serialize, Deserialize)]
#[serde(try_from = "f64", into = "f64")]
pub struct Probability(f64);

impl Probability {
    /// Never.
    pub const ZERO: Self = Self(0.0);
    /// Every other time.
    pub const HALF: Self = Self(0.5);
    /// Always.
    pub const ONE: Self = Self(1.0);

    /// Gives the number.
    pub fn get(self) -> f64 {
        self.0
    }
}

impl TryFrom<f64> for Probability {
    type Error = OutOfRange;

    fn try_from(value: f64) -> Result<Self, OutOfRange> {
        if (0.0..=1.0).contains(&value) {
            Ok(Self(value))
        } else {
            Err(OutOfRange { value: value.to_string(), expected: "between 0 and 1" })
        }
    }
}

impl From<Probability> for f64 {
    fn from(probability: Probability) -> Self {
        probability.0
    }
}

/// A pair `[low, high]` of positive numbers, low first.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "[f64; 2]", into = "[f64; 2]")]
pub struct PositiveRange([f64; 2]);

impl PositiveRange {
    /// Gives `(low, high)`.
    pub fn get(self) -> (f64, f64) {
        (self.0[0], self.0[1])
    }
}

impl TryFrom<[f64; 2]> for PositiveRange {
    type Error = OutOfRange;

    fn try_from(value: [f64; 2]) -> Result<Self, OutOfRange> {
        let [low, high] = value;
        if low > 0.0 && high >= low && high.is_finite() {
            Ok(Self(value))
        } else {
            Err(OutOfRange { value: format!("[{low}, {high}]"), expected: "a pair [low, high] with 0 < low <= high" })
        }
    }
}

impl From<PositiveRange> for [f64; 2] {
    fn from(range: PositiveRange) -> Self {
        range.0
    }
}

/// A size in pixels, `[height, width]`, both at least 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "[usize; 2]", into = "[usize; 2]")]
pub struct Size {
    /// The number of rows.
    pub height: usize,
    /// The number of columns.
    pub width: usize,
}

impl TryFrom<[usize; 2]> for Size {
    type Error = OutOfRange;

    fn try_from(value: [usize; 2]) -> Result<Self, OutOfRange> {
        let [height, width] = value;
        if (1..=16384).contains(&height) && (1..=16384).contains(&width) {
            Ok(Self { height, width })
        } else {
            Err(OutOfRange {
                value: format!("[{height}, {width}]"),
                expected: "a size [height, width] from 1 to 16384",
            })
        }
    }
}

impl From<Size> for [usize; 2] {
    fn from(size: Size) -> Self {
        [size.height, size.width]
    }
}

impl JsonSchema for Probability {
    fn schema_name() -> Cow<'static, str> {
        "Probability".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({"description": "A probability, from 0 to 1.", "type": "number", "minimum": 0, "maximum": 1})
    }
}

impl JsonSchema for PositiveRange {
    fn schema_name() -> Cow<'static, str> {
        "PositiveRange".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "description": "A pair [low, high] of positive numbers, low first.",
            "type": "array", "minItems": 2, "maxItems": 2,
            "items": {"type": "number", "exclusiveMinimum": 0}
        })
    }
}

impl JsonSchema for Size {
    fn schema_name() -> Cow<'static, str> {
        "Size".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        // The limit keeps a typing slip from asking for all memory.
        json_schema!({
            "description": "A size in pixels, [height, width].",
            "type": "array", "minItems": 2, "maxItems": 2,
            "items": {"type": "integer", "minimum": 1, "maximum": 16384}
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_are_checked_where_they_are_written() {
        assert!(serde_json::from_str::<Probability>("0.5").is_ok());
        assert!(serde_json::from_str::<Probability>("1.5").is_err());
        assert!(serde_json::from_str::<PositiveRange>("[0.5, 2]").is_ok());
        assert!(serde_json::from_str::<PositiveRange>("[2, 0.5]").is_err());
        assert!(serde_json::from_str::<Size>("[64, 0]").is_err());
    }
}
