//! The search space: parameters in order, what each can be, when it is there at all, and the points that they make.
//!
//! Does not know trials or samplers.

mod condition;
mod domain;
mod error;
mod range;
mod scale;
mod written;

use indexmap::IndexMap;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value as Json};

use self::written::WrittenSpace;
use crate::{Point, Value};

pub(crate) use self::scale::Scale;
pub use self::{
    condition::Condition,
    domain::{Choice, Domain},
    error::{DomainError, PointError, SpaceError},
    range::{FloatRange, IntRange, Scaling},
};

/// What a parameter can be, and when it is there.
#[derive(Clone, Debug, PartialEq)]
pub struct Parameter {
    /// All of its values.
    pub domain: Domain,
    /// When it is there; none where always.
    pub condition: Option<Condition>,
}

/// Parameters by name, in order; a parameter stands below the one that it depends on.
///
/// ```
/// let space: pipe_sweep::Space = serde_json::from_str(
///     r#"{
///         "optimizer": { "choice": ["sgd", "adamw"] },
///         "rate": { "float": { "low": 1e-4, "high": 0.1, "scale": "log" } },
///         "momentum": { "float": { "low": 0.5, "high": 0.99 }, "when": { "parameter": "optimizer", "is": ["sgd"] } }
///     }"#,
/// )?;
/// assert_eq!(space.count(), 3);
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "WrittenSpace", into = "WrittenSpace")]
#[schemars(with = "WrittenSpace")]
pub struct Space {
    parameters: IndexMap<String, Parameter>,
}

impl Space {
    fn new(parameters: IndexMap<String, Parameter>) -> Result<Self, SpaceError> {
        if parameters.is_empty() {
            return Err(SpaceError::Empty);
        }
        if parameters.contains_key("") {
            return Err(SpaceError::NoName);
        }
        Ok(Self { parameters })
    }

    /// How many parameters there are; at least one.
    pub fn count(&self) -> usize {
        self.parameters.len()
    }

    /// The parameters with their names, in order.
    pub fn parameters(&self) -> impl Iterator<Item = (&str, &Parameter)> {
        self.parameters.iter().map(|(name, parameter)| (name.as_str(), parameter))
    }

    /// A parameter with its name.
    ///
    /// # Panics
    /// There are not so many.
    pub fn parameter(&self, at: usize) -> (&str, &Parameter) {
        let (name, parameter) = self.parameters.get_index(at).expect("the index is below the count");
        (name, parameter)
    }

    /// Which parameter has a name.
    pub fn position(&self, name: &str) -> Option<usize> {
        self.parameters.get_index_of(name)
    }

    /// Whether a parameter is there, given the values of those above it.
    pub(crate) fn is_active(&self, at: usize, above: &[Option<Value>]) -> bool {
        match &self.parameters[at].condition {
            None => true,
            Some(Condition { parent, alternatives }) => {
                matches!(above[*parent], Some(Value::Choice(own)) if alternatives.contains(&own))
            }
        }
    }

    /// Makes a point by giving a value to each parameter that is there, in order.
    pub(crate) fn filled(&self, mut value: impl FnMut(usize, &Domain) -> Value) -> Point {
        let mut values: Vec<Option<Value>> = Vec::with_capacity(self.count());
        for (at, parameter) in self.parameters.values().enumerate() {
            values.push(self.is_active(at, &values).then(|| value(at, &parameter.domain)));
        }
        Point::new(values)
    }

    /// Reads a point: a value for each parameter that is there, alternatives by label.
    ///
    /// # Errors
    /// A value too many or too few, or out of its domain.
    pub fn point(&self, written: &Map<String, Json>) -> Result<Point, PointError> {
        if let Some(name) = written.keys().find(|name| !self.parameters.contains_key(*name)) {
            let known = self.parameters.keys().cloned().collect();
            return Err(PointError::Unknown { name: name.clone(), known });
        }
        let mut values: Vec<Option<Value>> = Vec::with_capacity(self.count());
        for (at, (name, parameter)) in self.parameters.iter().enumerate() {
            let value = match (written.get(name), self.is_active(at, &values)) {
                (None, false) => None,
                (None, true) => return Err(PointError::Missing(name.clone())),
                (Some(_), false) => return Err(self.inactive(name, parameter)),
                (Some(given), true) => Some(parameter.domain.read(given).ok_or_else(|| PointError::Outside {
                    name: name.clone(),
                    value: given.to_string(),
                    domain: parameter.domain.to_string(),
                })?),
            };
            values.push(value);
        }
        Ok(Point::new(values))
    }

    /// Whether a point has a value of its domain for each parameter that is there, and none for others.
    pub fn contains(&self, point: &Point) -> bool {
        let values = point.values();
        let fits = |(at, parameter): (usize, &Parameter)| match values[at] {
            None => !self.is_active(at, values),
            Some(value) => self.is_active(at, values) && parameter.domain.contains(value),
        };
        values.len() == self.count() && self.parameters.values().enumerate().all(fits)
    }

    fn inactive(&self, name: &str, parameter: &Parameter) -> PointError {
        let condition = parameter.condition.as_ref().expect("a parameter without a condition is always there");
        let (parent, Parameter { domain, .. }) = self.parameter(condition.parent);
        let Domain::Choice(choice) = domain else { unreachable!("a condition is on a choice") };
        let labels: Vec<String> = condition.alternatives.iter().map(|at| format!("`{}`", choice.label(*at))).collect();
        let condition = format!("`{parent}` is {}", labels.join(" or "));
        PointError::Inactive { name: name.to_owned(), parent: parent.to_owned(), condition }
    }
}

#[cfg(test)]
mod tests;
