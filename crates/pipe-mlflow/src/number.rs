//! A number as the servers take it: JSON has no NaN and no infinities, so these three are texts.
//!
//! Does not know what is measured.

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// A measured value, finite or not.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Number(pub(crate) f64);

impl Number {
    /// A value that may be missing; what is missing is no number.
    pub(crate) fn of(value: Option<f64>) -> Self {
        Self(value.unwrap_or(f64::NAN))
    }
}

impl PartialEq for Number {
    /// As the servers see it: one NaN is as good as another.
    fn eq(&self, other: &Self) -> bool {
        self.0 == other.0 || (self.0.is_nan() && other.0.is_nan())
    }
}

impl Serialize for Number {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0 {
            value if value.is_finite() => serializer.serialize_f64(value),
            value if value.is_nan() => serializer.serialize_str("NaN"),
            value if value > 0.0 => serializer.serialize_str("Infinity"),
            _ => serializer.serialize_str("-Infinity"),
        }
    }
}

impl<'de> Deserialize<'de> for Number {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor;
        impl de::Visitor<'_> for Visitor {
            type Value = Number;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("a number, or `NaN`, `Infinity`, `-Infinity`")
            }

            fn visit_f64<E: de::Error>(self, value: f64) -> Result<Number, E> {
                Ok(Number(value))
            }

            fn visit_i64<E: de::Error>(self, value: i64) -> Result<Number, E> {
                Ok(Number(value as f64))
            }

            fn visit_u64<E: de::Error>(self, value: u64) -> Result<Number, E> {
                Ok(Number(value as f64))
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<Number, E> {
                let value = match text {
                    "NaN" => f64::NAN,
                    "Infinity" => f64::INFINITY,
                    "-Infinity" => f64::NEG_INFINITY,
                    _ => return Err(E::invalid_value(de::Unexpected::Str(text), &self)),
                };
                Ok(Number(value))
            }
        }
        deserializer.deserialize_any(Visitor)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(value: f64, text: &str) {
        assert_eq!(serde_json::to_string(&Number(value)).expect("plain"), text);
        assert_eq!(serde_json::from_str::<Number>(text).expect("plain"), Number(value));
    }

    #[test]
    fn what_json_lacks_is_a_text() {
        check(0.1, "0.1");
        check(-3.0, "-3.0");
        check(f64::NAN, "\"NaN\"");
        check(f64::INFINITY, "\"Infinity\"");
        check(f64::NEG_INFINITY, "\"-Infinity\"");
        assert_eq!(serde_json::from_str::<Number>("3").expect("whole"), Number(3.0));
        assert!(serde_json::from_str::<Number>("\"nan\"").is_err());
    }
}
