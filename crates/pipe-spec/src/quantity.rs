//! Sizes and times as people write them: `8GiB`, `500ms`, `1h30m`.
//!
//! Does not know what is measured.

use std::{borrow::Cow, fmt, str::FromStr, time::Duration};

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;
use thiserror::Error;

/// A number of bytes, at least a MiB; in YAML `8GiB`, `512 MB`, or a plain number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "Json", into = "u64")]
pub struct Bytes(u64);

/// A length of time; in YAML `90s`, `500ms`, `1h30m`, or a plain number of seconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "Json", into = "f64")]
pub struct Time(Duration);

/// A text that is no quantity.
#[derive(Debug, Error)]
#[error("`{text}` is not {wanted}")]
pub struct NotAQuantity {
    text: String,
    pub(crate) wanted: Cow<'static, str>,
}

impl NotAQuantity {
    pub(crate) fn of(text: &str, wanted: &'static str) -> Self {
        Self { text: text.to_owned(), wanted: wanted.into() }
    }
}

const BYTES: &[(&str, f64)] = &[
    ("", 1.0),
    ("B", 1.0),
    ("K", 1024.0),
    ("M", 1_048_576.0),
    ("G", 1_073_741_824.0),
    ("T", 1_099_511_627_776.0),
    ("KiB", 1024.0),
    ("MiB", 1_048_576.0),
    ("GiB", 1_073_741_824.0),
    ("TiB", 1_099_511_627_776.0),
    ("kB", 1e3),
    ("KB", 1e3),
    ("MB", 1e6),
    ("GB", 1e9),
    ("TB", 1e12),
];

const SECONDS: &[(&str, f64)] = &[("", 1.0), ("ms", 1e-3), ("s", 1.0), ("m", 60.0), ("h", 3600.0), ("d", 86_400.0)];

impl Bytes {
    /// Nothing runs in less: `60` is a `60GiB` whose unit was forgotten.
    const LEAST: f64 = 1_048_576.0;

    /// How schemas mark a size.
    pub(crate) const FORMAT: &'static str = "bytes";

    /// A number of bytes.
    pub const fn new(bytes: u64) -> Self {
        Self(bytes)
    }

    /// The number.
    pub const fn get(self) -> u64 {
        self.0
    }
}

impl Time {
    /// How schemas mark a time.
    pub(crate) const FORMAT: &'static str = "time";

    /// The length.
    pub const fn get(self) -> Duration {
        self.0
    }
}

/// The parts of a text: numbers, each with its unit.
fn parts<'t>(text: &'t str, units: &[(&str, f64)]) -> Option<Vec<(f64, &'t str)>> {
    let (mut parts, mut rest) = (Vec::new(), text.trim());
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(rest.len());
        let number: f64 = rest[..digits].parse().ok()?;
        rest = rest[digits..].trim_start();
        let letters = rest.find(|c: char| !c.is_ascii_alphabetic()).unwrap_or(rest.len());
        let unit = &rest[..letters];
        let (_, factor) = units.iter().find(|(name, _)| *name == unit)?;
        parts.push((number * factor, unit));
        rest = rest[letters..].trim_start();
    }
    Some(parts)
}

impl FromStr for Bytes {
    type Err = NotAQuantity;

    fn from_str(text: &str) -> Result<Self, NotAQuantity> {
        match parts(text, BYTES).as_deref() {
            Some([(bytes, _)]) if *bytes >= Self::LEAST && *bytes < 1e18 => Ok(Self(bytes.round() as u64)),
            Some([(bytes, "")]) if *bytes >= 1.0 && *bytes < Self::LEAST => {
                let number = text.trim();
                let wanted =
                    format!("a size with a unit, {number}GiB or {number}MiB (without one it is {number} bytes)");
                Err(NotAQuantity { text: text.to_owned(), wanted: wanted.into() })
            }
            Some([(bytes, _)]) if *bytes > 0.0 && *bytes < Self::LEAST => Err(NotAQuantity::of(text, "at least 1MiB")),
            _ => Err(NotAQuantity::of(text, "a size such as 8GiB, 512MB or 1.5T")),
        }
    }
}

impl FromStr for Time {
    type Err = NotAQuantity;

    fn from_str(text: &str) -> Result<Self, NotAQuantity> {
        let wrong = || NotAQuantity::of(text, "a time such as 90s, 500ms, 1h30m or 2d");
        let parts = parts(text, SECONDS).ok_or_else(wrong)?;
        // A number without unit stands alone: `1h30` says neither minutes nor seconds.
        let is_clear = parts.len() == 1 || parts.iter().all(|(_, unit)| !unit.is_empty());
        let seconds: f64 = parts.iter().map(|(seconds, _)| seconds).sum();
        if parts.is_empty() || !is_clear || seconds > 1e9 {
            return Err(wrong());
        }
        Ok(Self(Duration::from_secs_f64(seconds)))
    }
}

fn text_of(value: &Json) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

impl TryFrom<Json> for Bytes {
    type Error = NotAQuantity;

    fn try_from(value: Json) -> Result<Self, NotAQuantity> {
        text_of(&value).parse()
    }
}

impl TryFrom<Json> for Time {
    type Error = NotAQuantity;

    fn try_from(value: Json) -> Result<Self, NotAQuantity> {
        text_of(&value).parse()
    }
}

impl From<Bytes> for u64 {
    fn from(bytes: Bytes) -> Self {
        bytes.0
    }
}

impl From<Time> for f64 {
    fn from(time: Time) -> Self {
        time.0.as_secs_f64()
    }
}

impl fmt::Display for Bytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (unit, factor) = [("TiB", 40), ("GiB", 30), ("MiB", 20), ("KiB", 10)]
            .into_iter()
            .find(|(_, bits)| self.0 >> bits > 0)
            .map_or(("B", 1.0), |(unit, bits)| (unit, (1_u64 << bits) as f64));
        let number = (self.0 as f64 / factor * 10.0).round() / 10.0;
        write!(f, "{number} {unit}")
    }
}

impl fmt::Display for Time {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = self.0.as_secs_f64();
        match self.0.as_secs() {
            0..60 => write!(f, "{seconds} s"),
            60..3600 => write!(f, "{:.1} min", seconds / 60.0),
            _ => write!(f, "{:.1} h", seconds / 3600.0),
        }
    }
}

macro_rules! quantity_schema {
    ($type:ident, $about:literal) => {
        impl JsonSchema for $type {
            fn schema_name() -> std::borrow::Cow<'static, str> {
                stringify!($type).into()
            }

            fn inline_schema() -> bool {
                true
            }

            fn json_schema(_: &mut SchemaGenerator) -> Schema {
                json_schema!({ "type": ["string", "number"], "format": $type::FORMAT, "minimum": 0, "description": $about })
            }
        }
    };
}
quantity_schema!(Bytes, "A size: `8GiB`, `512MB`, or bytes.");
quantity_schema!(Time, "A time: `90s`, `500ms`, `1h30m`, or seconds.");

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn bytes(text: &str, expected: Option<u64>) {
        assert_eq!(text.parse::<Bytes>().ok().map(Bytes::get), expected, "{text}");
    }

    #[track_caller]
    fn time(text: &str, expected: Option<u64>) {
        assert_eq!(text.parse::<Time>().ok().map(|time| time.get().as_millis() as u64), expected, "{text}");
    }

    #[test]
    fn sizes() {
        bytes("8GiB", Some(8 << 30));
        bytes("8 G", Some(8 << 30));
        bytes("1.5MiB", Some(3 << 19));
        bytes("2GB", Some(2_000_000_000));
        bytes("1048576", Some(1 << 20));
        assert_eq!(
            "60".parse::<Bytes>().expect_err("a unit was forgotten").to_string(),
            "`60` is not a size with a unit, 60GiB or 60MiB (without one it is 60 bytes)"
        );
        for wrong in ["", "60", "4096", "512KiB", "60B", "GiB", "8 gibs", "-1", "0", "1G1M", "1e30", "9999999999T"] {
            bytes(wrong, None);
        }
        assert_eq!(Bytes(8 << 30).to_string(), "8 GiB");
        assert_eq!(Bytes((8 << 30) + (107 << 20)).to_string(), "8.1 GiB");
    }

    #[test]
    fn times() {
        time("90", Some(90_000));
        time("0.5", Some(500));
        time("500ms", Some(500));
        time("1h30m", Some(5_400_000));
        time("1h 30m", Some(5_400_000));
        time("2d", Some(172_800_000));
        time("0", Some(0));
        for wrong in ["", "h", "1h30", "-1", "soon", "1y", "1e9h"] {
            time(wrong, None);
        }
    }
}
