//! What one parameter can be.
//!
//! Does not know its name.

use std::fmt;

use serde_json::Value as Json;

use super::{
    error::DomainError,
    range::{FloatRange, IntRange, Scaling},
};
use crate::Value;

/// All values of a parameter.
#[derive(Clone, Debug, PartialEq)]
pub enum Domain {
    /// One of some alternatives, between which there is no order.
    Choice(Choice),
    /// Whole numbers.
    Int(IntRange),
    /// Real numbers.
    Float(FloatRange),
}

/// Alternatives, each with a label that no other has. An alternative is any value, whole sub-trees included.
#[derive(Clone, Debug, PartialEq)]
pub struct Choice {
    alternatives: Vec<(String, Json)>,
}

impl Choice {
    /// Parses alternatives and finds a label for each: a scalar as it is written, the key of a map with one key, else its JSON; JSON
    /// also where two would share a label.
    ///
    /// # Errors
    /// There are none, or two are equal.
    pub fn new(alternatives: &[Json]) -> Result<Self, DomainError> {
        if alternatives.is_empty() {
            return Err(DomainError::NoAlternatives);
        }
        let short: Vec<String> = alternatives.iter().map(label).collect();
        let mut labelled: Vec<(String, Json)> = Vec::new();
        for (alternative, name) in alternatives.iter().zip(&short) {
            let shared = short.iter().filter(|other| *other == name).count() > 1;
            let name = if shared { alternative.to_string() } else { name.clone() };
            if labelled.iter().any(|(_, earlier)| earlier == alternative) {
                return Err(DomainError::Twice(name));
            }
            labelled.push((name, alternative.clone()));
        }
        Ok(Self { alternatives: labelled })
    }

    /// How many there are; at least one.
    pub fn count(&self) -> usize {
        self.alternatives.len()
    }

    /// The labels, in order.
    pub fn labels(&self) -> impl Iterator<Item = &str> {
        self.alternatives.iter().map(|(label, _)| label.as_str())
    }

    /// The label of an alternative.
    ///
    /// # Panics
    /// There are not so many.
    pub fn label(&self, at: usize) -> &str {
        &self.alternatives[at].0
    }

    /// An alternative itself.
    ///
    /// # Panics
    /// There are not so many.
    pub fn alternative(&self, at: usize) -> &Json {
        &self.alternatives[at].1
    }

    /// Which alternative has a label.
    pub fn position(&self, label: &str) -> Option<usize> {
        self.labels().position(|own| own == label)
    }
}

fn label(alternative: &Json) -> String {
    match alternative {
        Json::String(text) => text.clone(),
        Json::Object(map) if map.len() == 1 => map.keys().next().expect("it has one key").clone(),
        other => other.to_string(),
    }
}

impl Domain {
    /// How many values there are; none where they cannot be counted.
    pub fn levels(&self) -> Option<u64> {
        match self {
            Self::Choice(choice) => Some(choice.count() as u64),
            Self::Int(range) => Some(range.levels()),
            Self::Float(range) => range.levels(),
        }
    }

    /// The value with so many before it; the last where there are not so many, the lowest where they cannot be counted.
    pub fn level(&self, at: u64) -> Value {
        match self {
            Self::Choice(choice) => Value::Choice((at as usize).min(choice.count() - 1)),
            Self::Int(range) => Value::Int(range.level(at)),
            Self::Float(range) => Value::Float(range.level(at.min(range.levels().map_or(0, |levels| levels - 1)))),
        }
    }

    /// Whether a value is one of them.
    pub fn contains(&self, value: Value) -> bool {
        match (self, value) {
            (Self::Choice(choice), Value::Choice(at)) => at < choice.count(),
            (Self::Int(range), Value::Int(number)) => range.contains(number),
            (Self::Float(range), Value::Float(number)) => range.contains(number),
            _ => false,
        }
    }

    /// A value as it is written: the label of an alternative, or the number.
    pub fn written(&self, value: Value) -> Json {
        match (self, value) {
            (Self::Choice(choice), Value::Choice(at)) => choice.label(at).into(),
            (_, Value::Choice(at)) => at.into(),
            (_, Value::Int(number)) => number.into(),
            (_, Value::Float(number)) => number.into(),
        }
    }

    /// Reads a value as it is written; none where it is not one of the domain. An alternative is its label or the alternative itself.
    pub fn read(&self, written: &Json) -> Option<Value> {
        let value = match self {
            Self::Choice(choice) => {
                // The ledger has labels: what is one is never read as another alternative.
                let same = || choice.alternatives.iter().position(|(_, alternative)| alternative == written);
                Value::Choice(written.as_str().and_then(|label| choice.position(label)).or_else(same)?)
            }
            Self::Int(_) => Value::Int(written.as_i64().or_else(|| whole(written.as_f64()?))?),
            Self::Float(range) => Value::Float(range.nearest(written.as_f64()?)? + 0.0),
        };
        self.contains(value).then_some(value)
    }
}

fn whole(number: f64) -> Option<i64> {
    (number.fract() == 0.0 && number.abs() <= 9e15).then_some(number as i64)
}

/// As errors have it: `one of a, b`, `a whole number from 1 to 9`.
impl fmt::Display for Domain {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Choice(choice) => {
                let labels: Vec<String> = choice.labels().map(|label| format!("`{label}`")).collect();
                write!(formatter, "one of {}", labels.join(", "))
            }
            Self::Int(range) => {
                write!(formatter, "a whole number from {} to {}", range.low(), range.high())?;
                if range.step() > 1 { write!(formatter, " in steps of {}", range.step()) } else { Ok(()) }
            }
            Self::Float(range) => {
                write!(formatter, "a number from {} to {}", range.low(), range.high())?;
                match range.step() {
                    Some(step) => write!(formatter, " in steps of {step}"),
                    None if range.scale() == Scaling::Log => formatter.write_str(" on a logarithmic scale"),
                    None => Ok(()),
                }
            }
        }
    }
}
