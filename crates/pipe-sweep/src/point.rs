//! A point of a space: what a trial tries.
//!
//! Does not know how it was found.

use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value as Json};

use crate::{Domain, Space};

/// A value of a parameter.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Value {
    /// Which alternative of a choice.
    Choice(usize),
    /// A whole number.
    Int(i64),
    /// A real number.
    Float(f64),
}

impl Value {
    /// As a number; an alternative is its position.
    pub(crate) fn number(self) -> f64 {
        match self {
            Self::Choice(at) => at as f64,
            Self::Int(number) => number as f64,
            Self::Float(number) => number,
        }
    }
}

/// A value for each parameter that is there, in the order of the space.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Point {
    values: Vec<Option<Value>>,
}

/// What equal points share and others do not, whatever the order of the parameters in the file: JSON with sorted keys.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Key(String);

impl Point {
    pub(crate) fn new(values: Vec<Option<Value>>) -> Self {
        Self { values }
    }

    /// The values, in the order of the space; none of parameters that are not there.
    pub fn values(&self) -> &[Option<Value>] {
        &self.values
    }

    /// The values by name, as they are written: alternatives by label. [`Space::point`] reads them.
    ///
    /// # Panics
    /// The point is not one of the space.
    pub fn written(&self, space: &Space) -> Map<String, Json> {
        let pairs = space.parameters().zip(&self.values);
        let written = pairs.filter_map(|((name, parameter), value)| {
            value.map(|value| (name.to_owned(), parameter.domain.written(value)))
        });
        written.collect()
    }

    /// What each parameter is set to, by name: numbers, and alternatives themselves, sub-trees included.
    ///
    /// # Panics
    /// The point is not one of the space.
    pub fn settings(&self, space: &Space) -> Map<String, Json> {
        let pairs = space.parameters().zip(&self.values);
        let set = pairs.filter_map(|((name, parameter), value)| {
            let set = match (&parameter.domain, (*value)?) {
                (Domain::Choice(choice), Value::Choice(at)) => choice.alternative(at).clone(),
                (domain, value) => domain.written(value),
            };
            Some((name.to_owned(), set))
        });
        set.collect()
    }

    /// What equal points share.
    ///
    /// # Panics
    /// The point is not one of the space.
    pub fn key(&self, space: &Space) -> Key {
        let mut written: Vec<(String, Json)> = self.written(space).into_iter().collect();
        written.sort_by(|one, other| one.0.cmp(&other.0));
        Key(Json::Object(written.into_iter().collect()).to_string())
    }
}

/// The JSON itself.
impl fmt::Display for Key {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}
