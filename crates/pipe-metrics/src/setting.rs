//! Numbers with a range: each has one constructor, so that a wrong value is refused where it is written.
//!
//! Does not know metrics.

use std::{borrow::Cow, fmt};

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};

/// A number out of the range of its kind.
#[derive(Clone, Copy, Debug, PartialEq, thiserror::Error)]
#[error("{value} is not {expected}")]
pub struct OutOfRange {
    value: f64,
    expected: &'static str,
}

macro_rules! numbers {
    ($($(#[$about:meta])* $name:ident: $expected:literal, $fits:expr, { $($bound:tt)* };)*) => {$(
        $(#[$about])*
        #[derive(Clone, Copy, Debug, PartialEq, PartialOrd, Serialize, Deserialize)]
        #[serde(try_from = "f64", into = "f64")]
        pub struct $name(f64);

        impl $name {
            /// Gives the number.
            pub fn get(self) -> f64 {
                self.0
            }
        }

        impl TryFrom<f64> for $name {
            type Error = OutOfRange;

            fn try_from(value: f64) -> Result<Self, OutOfRange> {
                let fits: fn(f64) -> bool = $fits;
                if fits(value) { Ok(Self(value)) } else { Err(OutOfRange { value, expected: $expected }) }
            }
        }

        impl From<$name> for f64 {
            fn from(number: $name) -> Self {
                number.0
            }
        }

        /// As keys and labels have it: `2`, `0.5`.
        impl fmt::Display for $name {
            fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(formatter)
            }
        }

        impl JsonSchema for $name {
            fn schema_name() -> Cow<'static, str> {
                stringify!($name).into()
            }

            fn inline_schema() -> bool {
                true
            }

            fn json_schema(_: &mut SchemaGenerator) -> Schema {
                json_schema!({ "type": "number", $($bound)* })
            }
        }
    )*};
}

numbers! {
    /// A finite number of 0 or more.
    NonNegative: "a finite number of at least 0", |value| value.is_finite() && value >= 0.0, { "minimum": 0 };
    /// A finite number above 0.
    Positive: "a finite number above 0", |value| value.is_finite() && value > 0.0, { "exclusiveMinimum": 0 };
    /// A number above 0 and up to 1.
    Share: "above 0 and at most 1", |value| value > 0.0 && value <= 1.0, { "exclusiveMinimum": 0, "maximum": 1 };
}

impl Share {
    /// As a constant.
    ///
    /// # Panics
    /// It is out of range; at compile time.
    pub(crate) const fn of(value: f64) -> Self {
        assert!(value > 0.0 && value <= 1.0);
        Self(value)
    }
}
