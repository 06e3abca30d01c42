//! Sizes and ages as people type and read them: `200GiB`, `1.5T`, `30d`.
//!
//! Does not know what is measured.

use std::{fmt, str::FromStr, time::Duration};

use thiserror::Error;

/// A number of bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Bytes(u64);

/// A length of time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Age(Duration);

/// A text that is no size or no age.
#[derive(Debug, Error)]
pub enum NotAnAmount {
    /// It begins with no number.
    #[error("`{text}` does not begin with a number; write {example}")]
    NoNumber {
        /// The text.
        text: String,
        /// One that would do.
        example: &'static str,
    },
    /// A number alone.
    #[error("`{text}` has no unit; write {text}{unit}, or another of {units}")]
    NoUnit {
        /// The text.
        text: String,
        /// The unit most people mean.
        unit: &'static str,
        /// All there are.
        units: &'static str,
    },
    /// A unit that is none.
    #[error("`{unit}` is no unit; there are {units}")]
    Unit {
        /// What was typed.
        unit: String,
        /// All there are.
        units: &'static str,
    },
    /// More than can be.
    #[error("`{text}` is too much")]
    TooMuch {
        /// The text.
        text: String,
    },
}

const SIZES: &str =
    "B, KB, MB, GB, TB, PB (powers of 1000; the B may be left out) and KiB, MiB, GiB, TiB, PiB (of 1024)";
const AGES: &str = "s, m, h, d and w";

impl Bytes {
    /// How many.
    pub fn count(self) -> u64 {
        self.0
    }
}

impl Age {
    /// How long.
    pub fn duration(self) -> Duration {
        self.0
    }
}

impl FromStr for Bytes {
    type Err = NotAnAmount;

    fn from_str(text: &str) -> Result<Self, NotAnAmount> {
        let (number, unit) = split(text, "200GiB")?;
        let factor = match unit.to_ascii_lowercase().as_str() {
            // No bytes at all need no unit.
            "" if number == 0.0 => 1,
            "" => return Err(NotAnAmount::NoUnit { text: text.into(), unit: "GiB", units: SIZES }),
            "b" => 1,
            lower => {
                let mut rest = lower.chars();
                let power = rest.next().and_then(|first| "kmgtp".find(first)).map(|position| position as u32 + 1);
                let base = match rest.as_str() {
                    "" | "b" => Some(1000_u64),
                    "ib" => Some(1024),
                    _ => None,
                };
                let (Some(power), Some(base)) = (power, base) else {
                    return Err(NotAnAmount::Unit { unit: unit.into(), units: SIZES });
                };
                base.pow(power)
            }
        };
        let bytes = number * factor as f64;
        if bytes >= u64::MAX as f64 {
            return Err(NotAnAmount::TooMuch { text: text.into() });
        }
        Ok(Self(bytes as u64))
    }
}

impl FromStr for Age {
    type Err = NotAnAmount;

    fn from_str(text: &str) -> Result<Self, NotAnAmount> {
        let (number, unit) = split(text, "30d")?;
        let seconds = match unit {
            "" if number == 0.0 => 1.0,
            "" => return Err(NotAnAmount::NoUnit { text: text.into(), unit: "d", units: AGES }),
            "s" => 1.0,
            "m" => 60.0,
            "h" => 3600.0,
            "d" => 86_400.0,
            "w" => 7.0 * 86_400.0,
            _ => return Err(NotAnAmount::Unit { unit: unit.into(), units: AGES }),
        };
        Duration::try_from_secs_f64(number * seconds).map(Self).map_err(|_| NotAnAmount::TooMuch { text: text.into() })
    }
}

/// Number and unit of an amount. Neither a sign nor an exponent is a number here.
fn split<'t>(text: &'t str, example: &'static str) -> Result<(f64, &'t str), NotAnAmount> {
    let trimmed = text.trim();
    let end = trimmed.find(|c: char| !(c.is_ascii_digit() || c == '.')).unwrap_or(trimmed.len());
    let (number, unit) = trimmed.split_at(end);
    let number = number.parse().map_err(|_| NotAnAmount::NoNumber { text: text.into(), example })?;
    Ok((number, unit.trim_start()))
}

impl fmt::Display for Bytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut number = self.0 as f64;
        if self.0 < 1024 {
            return write!(f, "{} B", self.0);
        }
        for unit in ["KiB", "MiB", "GiB", "TiB", "PiB"] {
            number /= 1024.0;
            // 1023.96 would be rounded to 1024.0 of its unit.
            if number < 1023.95 || unit == "PiB" {
                return write!(f, "{number:.1} {unit}");
            }
        }
        Ok(())
    }
}

impl fmt::Display for Age {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = self.0.as_secs();
        let (count, unit) = match seconds {
            0..60 => (seconds, "second"),
            60..3600 => (seconds / 60, "minute"),
            3600..86_400 => (seconds / 3600, "hour"),
            _ => (seconds / 86_400, "day"),
        };
        write!(f, "{count} {unit}{}", if count == 1 { "" } else { "s" })
    }
}

impl From<u64> for Bytes {
    fn from(count: u64) -> Self {
        Self(count)
    }
}

impl From<Duration> for Age {
    fn from(duration: Duration) -> Self {
        Self(duration)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn size(text: &str, expected: Result<u64, &str>) {
        let found = text.parse::<Bytes>().map(Bytes::count).map_err(|error| error.to_string());
        match (found, expected) {
            (Err(found), Err(part)) => assert!(found.contains(part), "{found}"),
            (found, expected) => assert_eq!(found, expected.map_err(str::to_owned), "{text}"),
        }
    }

    #[track_caller]
    fn age(text: &str, expected: Result<u64, &str>) {
        let found = text.parse::<Age>().map(|age| age.duration().as_secs()).map_err(|error| error.to_string());
        match (found, expected) {
            (Err(found), Err(part)) => assert!(found.contains(part), "{found}"),
            (found, expected) => assert_eq!(found, expected.map_err(str::to_owned), "{text}"),
        }
    }

    #[test]
    fn sizes() {
        size("200G", Ok(200_000_000_000));
        size("200GB", Ok(200_000_000_000));
        size("200 GiB", Ok(200 << 30));
        size("1.5T", Ok(1_500_000_000_000));
        size("7b", Ok(7));
        size("0", Ok(0));
        size("200", Err("`200` has no unit; write 200GiB"));
        size("200Gigs", Err("`Gigs` is no unit"));
        size("-1G", Err("does not begin with a number; write 200GiB"));
        size("1.2.3G", Err("does not begin with a number"));
        size("99999999P", Err("too much"));
        size("2é", Err("`é` is no unit"));
        size("", Err("does not begin"));
    }

    #[test]
    fn ages() {
        age("30d", Ok(30 * 86_400));
        age("2w", Ok(14 * 86_400));
        age("1.5h", Ok(5400));
        age("10m", Ok(600));
        age("0", Ok(0));
        age("30", Err("`30` has no unit; write 30d, or another of s, m, h, d and w"));
        age("3y", Err("`y` is no unit"));
        age("99999999999999999999w", Err("too much"));
    }

    #[test]
    fn words() {
        assert_eq!(Bytes(1023).to_string(), "1023 B");
        assert_eq!(Bytes(1536).to_string(), "1.5 KiB");
        assert_eq!(Bytes((1 << 30) - 1).to_string(), "1.0 GiB");
        assert_eq!(Age(Duration::from_secs(86_400)).to_string(), "1 day");
        assert_eq!(Age(Duration::from_secs(7300)).to_string(), "2 hours");
    }
}
