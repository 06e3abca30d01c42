//! What a metric says of a case: a value, a value that a convention gives, or nothing.
//!
//! Does not know metrics.

use std::fmt;

use serde::{
    Deserialize, Deserializer, Serialize, Serializer,
    de::{self, MapAccess, Visitor},
    ser::SerializeMap,
};

/// The score of one case.
///
/// In JSON: a number, `{"imputed": number}`, or `null` where the case is excluded.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Score {
    /// The formula gives it.
    Known(f64),
    /// The formula gives nothing, because a mask is empty; the convention gives this.
    Imputed(f64),
    /// Neither does: the case counts as excluded, and in no mean.
    Excluded,
}

impl Score {
    /// The number that enters means, if any does.
    pub fn value(self) -> Option<f64> {
        match self {
            Self::Known(value) | Self::Imputed(value) => Some(value),
            Self::Excluded => None,
        }
    }

    /// What kind of score it is, as CSV files name it: `known`, `imputed` or `excluded`.
    pub fn state(self) -> &'static str {
        match self {
            Self::Known(_) => "known",
            Self::Imputed(_) => "imputed",
            Self::Excluded => "excluded",
        }
    }

    /// The mean of what several classes of one case score.
    ///
    /// Excluded classes do not count; imputed as soon as one of them is; excluded where all are.
    pub fn mean(scores: &[Self]) -> Self {
        let values: Vec<f64> = scores.iter().filter_map(|score| score.value()).collect();
        if values.is_empty() {
            return Self::Excluded;
        }
        let mean = values.iter().sum::<f64>() / values.len() as f64;
        if scores.iter().any(|score| matches!(score, Self::Imputed(_))) {
            Self::Imputed(mean)
        } else {
            Self::Known(mean)
        }
    }
}

impl From<Option<f64>> for Score {
    fn from(value: Option<f64>) -> Self {
        value.map_or(Self::Excluded, Self::Known)
    }
}

impl Serialize for Score {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Known(value) => serializer.serialize_f64(*value),
            Self::Excluded => serializer.serialize_unit(),
            Self::Imputed(value) => {
                let mut map = serializer.serialize_map(Some(1))?;
                map.serialize_entry("imputed", value)?;
                map.end()
            }
        }
    }
}

impl<'de> Deserialize<'de> for Score {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(AnyScore)
    }
}

struct AnyScore;

impl<'de> Visitor<'de> for AnyScore {
    type Value = Score;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a number, {\"imputed\": number} or null")
    }

    fn visit_f64<E: de::Error>(self, value: f64) -> Result<Score, E> {
        Ok(Score::Known(value))
    }

    fn visit_i64<E: de::Error>(self, value: i64) -> Result<Score, E> {
        Ok(Score::Known(value as f64))
    }

    fn visit_u64<E: de::Error>(self, value: u64) -> Result<Score, E> {
        Ok(Score::Known(value as f64))
    }

    fn visit_unit<E: de::Error>(self) -> Result<Score, E> {
        Ok(Score::Excluded)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Score, A::Error> {
        match map.next_key::<String>()?.as_deref() {
            Some("imputed") => Ok(Score::Imputed(map.next_value()?)),
            Some(other) => Err(de::Error::unknown_field(other, &["imputed"])),
            None => Err(de::Error::missing_field("imputed")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scores_in_json() {
        let scores = vec![Score::Known(0.5), Score::Imputed(374.0), Score::Excluded, Score::Known(1.0)];
        let text = serde_json::to_string(&scores).expect("plain data");
        assert_eq!(text, r#"[0.5,{"imputed":374.0},null,1.0]"#);
        assert_eq!(serde_json::from_str::<Vec<Score>>(&text).expect("its own"), scores);
        assert_eq!(
            serde_json::from_str::<Vec<Score>>("[1, -1]").expect("whole"),
            [Score::Known(1.0), Score::Known(-1.0)]
        );
        for wrong in ["true", "{}", r#"{"imputd": 1}"#, r#""1""#] {
            assert!(serde_json::from_str::<Score>(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn means_over_classes() {
        use Score::{Excluded, Imputed, Known};
        assert_eq!(Score::mean(&[Known(1.0), Excluded, Known(0.0)]), Known(0.5));
        assert_eq!(Score::mean(&[Known(1.0), Imputed(0.0)]), Imputed(0.5));
        assert_eq!(Score::mean(&[Excluded, Excluded]), Excluded);
        assert_eq!(Score::mean(&[]), Excluded);
    }
}
