//! A space as it is written.
//!
//! Does not know what it means; `space.rs` parses it.

use indexmap::IndexMap;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

use super::{
    Parameter, Space,
    condition::Condition,
    domain::{Choice, Domain},
    error::SpaceError,
    range::{FloatRange, IntRange},
};
use crate::Value;

/// Parameters by name, in order.
pub(super) type WrittenSpace = IndexMap<String, WrittenParameter>;

/// What a parameter can be: exactly one of `choice`, `int` and `float`; and when it is there.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "SweptParameter")]
pub(super) struct WrittenParameter {
    /// One of these alternatives; each is any value, whole sub-trees included.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    choice: Option<Vec<Json>>,
    /// A whole number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    int: Option<IntRange>,
    /// A real number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    float: Option<FloatRange>,
    /// When it is there; without it, always.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    when: Option<WrittenCondition>,
}

/// Where another parameter has one of these alternatives.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "SweptCondition")]
struct WrittenCondition {
    /// The other parameter, a `choice` that stands above.
    parameter: String,
    /// Its alternatives, themselves or by label.
    is: Vec<Json>,
}

impl TryFrom<WrittenSpace> for Space {
    type Error = SpaceError;

    fn try_from(written: WrittenSpace) -> Result<Self, SpaceError> {
        let mut parameters: IndexMap<String, Parameter> = IndexMap::new();
        let mut open = Vec::new();
        for (name, parameter) in &written {
            let domain = parameter.domain(name)?;
            parameters.insert(name.clone(), Parameter { domain, condition: None });
            open.extend(parameter.when.as_ref().map(|when| (name, when)));
        }
        for (name, when) in open {
            let condition = when.parse(name, &parameters)?;
            parameters[name].condition = Some(condition);
        }
        Self::new(parameters)
    }
}

impl WrittenParameter {
    fn domain(&self, name: &str) -> Result<Domain, SpaceError> {
        let choice = match &self.choice {
            Some(alternatives) => {
                let wrong = |error| SpaceError::Domain { name: name.to_owned(), error };
                Some(Domain::Choice(Choice::new(alternatives).map_err(wrong)?))
            }
            None => None,
        };
        let mut found: Vec<Domain> = choice.into_iter().collect();
        found.extend(self.int.map(Domain::Int));
        found.extend(self.float.map(Domain::Float));
        match found.len() {
            1 => Ok(found.remove(0)),
            count => Err(SpaceError::Domains(name.to_owned(), count)),
        }
    }
}

impl WrittenCondition {
    fn parse(&self, name: &str, parameters: &IndexMap<String, Parameter>) -> Result<Condition, SpaceError> {
        let (name, own) = (name.to_owned(), parameters.get_index_of(name).expect("it is one of them"));
        let parent = self.parameter.clone();
        let Some((at, _, Parameter { domain, .. })) = parameters.get_full(&parent) else {
            let above = parameters.iter().take(own).filter(|(_, other)| matches!(other.domain, Domain::Choice(_)));
            let known = above.map(|(name, _)| name.clone()).collect();
            return Err(SpaceError::NoParent { name, parent, known });
        };
        let Domain::Choice(choice) = domain else {
            return Err(SpaceError::ParentIsNumber { name, parent });
        };
        if at >= own {
            return Err(SpaceError::ParentBelow { name, parent });
        }
        let known = || choice.labels().map(str::to_owned).collect();
        let mut alternatives = Vec::new();
        for named in &self.is {
            let Some(Value::Choice(alternative)) = domain.read(named) else {
                let alternative = named.as_str().map_or_else(|| named.to_string(), str::to_owned);
                return Err(SpaceError::NoAlternative { name, parent, alternative, known: known() });
            };
            alternatives.push(alternative);
        }
        if alternatives.is_empty() {
            return Err(SpaceError::Never { name, parent, known: known() });
        }
        alternatives.sort_unstable();
        alternatives.dedup();
        Ok(Condition { parent: at, alternatives })
    }
}

impl From<Space> for WrittenSpace {
    fn from(space: Space) -> Self {
        let written = |(_, parameter): &(&str, &Parameter)| {
            let (mut choice, mut int, mut float) = (None, None, None);
            match &parameter.domain {
                Domain::Choice(own) => {
                    choice = Some((0..own.count()).map(|at| own.alternative(at).clone()).collect());
                }
                Domain::Int(range) => int = Some(*range),
                Domain::Float(range) => float = Some(*range),
            }
            let when = parameter.condition.as_ref().map(|condition| {
                let (name, parent) = space.parameter(condition.parent);
                let Domain::Choice(choice) = &parent.domain else { unreachable!("a condition is on a choice") };
                let is = condition.alternatives.iter().map(|at| choice.label(*at).into()).collect();
                WrittenCondition { parameter: name.to_owned(), is }
            });
            WrittenParameter { choice, int, float, when }
        };
        space.parameters().map(|parameter| (parameter.0.to_owned(), written(&parameter))).collect()
    }
}
