//! What can be wrong with a space, and with a point of it.

use thiserror::Error;

/// A parameter that cannot be searched.
#[derive(Clone, Debug, PartialEq, Error)]
pub enum SpaceError {
    /// There is nothing to search.
    #[error(
        "the space has no parameters; name at least one, as in `learning_rate: {{ float: {{ low: 1e-4, high: 0.1 }} }}`"
    )]
    Empty,
    /// A parameter without a name.
    #[error("a parameter has an empty name; write the path of what it sets")]
    NoName,
    /// None or several kinds of domain.
    #[error("`{0}` has {1} domains; give it exactly one of `choice`, `int` and `float`")]
    Domains(String, usize),
    /// A parameter whose domain is wrong.
    #[error("`{name}`: {error}")]
    Domain {
        /// The parameter.
        name: String,
        /// What is wrong.
        error: DomainError,
    },
    /// A condition on something that is no parameter.
    #[error("`{name}` depends on `{parent}`, which is no parameter{}", meant(.known))]
    NoParent {
        /// The parameter.
        name: String,
        /// What it depends on.
        parent: String,
        /// Choices that stand above it.
        known: Vec<String>,
    },
    /// A condition on a parameter that stands below.
    #[error("`{name}` depends on `{parent}`, which stands below it; move `{parent}` above `{name}`")]
    ParentBelow {
        /// The parameter.
        name: String,
        /// What it depends on.
        parent: String,
    },
    /// A condition on a number.
    #[error("`{name}` depends on `{parent}`, which is a number; only a `choice` can be a condition")]
    ParentIsNumber {
        /// The parameter.
        name: String,
        /// What it depends on.
        parent: String,
    },
    /// A condition that names no alternative.
    #[error("`{name}` is never there: `is` lists no alternative of `{parent}`; its alternatives are {}", listed(.known))]
    Never {
        /// The parameter.
        name: String,
        /// What it depends on.
        parent: String,
        /// Alternatives of the parent.
        known: Vec<String>,
    },
    /// A condition that names an unknown alternative.
    #[error("`{name}` depends on `{parent}` being `{alternative}`, which it cannot be; its alternatives are {}", listed(.known))]
    NoAlternative {
        /// The parameter.
        name: String,
        /// What it depends on.
        parent: String,
        /// What stands in `is`.
        alternative: String,
        /// Alternatives of the parent.
        known: Vec<String>,
    },
}

/// A domain that has no values, or too many to tell apart.
#[derive(Clone, Debug, PartialEq, Error)]
pub enum DomainError {
    /// No alternatives.
    #[error("the choice is empty; list at least one alternative, as in `choice: [a, b]`")]
    NoAlternatives,
    /// An alternative twice.
    #[error("`{0}` is listed twice; leave one out")]
    Twice(String),
    /// A bound or step that is no number.
    #[error("`{field}` is {value}, which is not finite; write a number")]
    NotFinite {
        /// Where it stands.
        field: &'static str,
        /// What stands there.
        value: f64,
    },
    /// Bounds the wrong way round.
    #[error("`low: {low}` is above `high: {high}`; exchange them")]
    Reversed {
        /// The lower bound.
        low: f64,
        /// The upper bound.
        high: f64,
    },
    /// Bounds whose difference is no number.
    #[error("from `low: {low:e}` to `high: {high:e}` is further than numbers go; take a smaller range")]
    TooWide {
        /// The lower bound.
        low: f64,
        /// The upper bound.
        high: f64,
    },
    /// A step that does not lead upwards.
    #[error("`step: {0}` leads nowhere; write a number above 0, or leave `step` out")]
    Step(f64),
    /// A logarithm of 0 or less.
    #[error("`low: {low}` has no logarithm; with `scale: log` write a `low` {wanted}, or take `scale: linear`")]
    LogThroughZero {
        /// The lower bound.
        low: f64,
        /// What it may be.
        wanted: &'static str,
    },
    /// Steps on a logarithmic scale.
    #[error("`step: {0}` cannot be even on a logarithmic scale; leave out `step`, or `scale: log`")]
    LogStep(f64),
    /// Whole numbers that floats cannot hold.
    #[error("`{field}: {value}` is beyond 2^53, where whole numbers are no longer told apart; take a smaller range")]
    TooLarge {
        /// Where it stands.
        field: &'static str,
        /// What stands there.
        value: i64,
    },
}

/// Values that are no point of a space.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum PointError {
    /// A value of no parameter.
    #[error("`{name}` is no parameter of the space{}", meant(.known))]
    Unknown {
        /// What was named.
        name: String,
        /// The parameters.
        known: Vec<String>,
    },
    /// A parameter without a value.
    #[error("`{0}` has no value; give it one")]
    Missing(String),
    /// A value of a parameter that is not there.
    #[error("`{name}` is only there where {condition}; leave it out, or change `{parent}`")]
    Inactive {
        /// The parameter.
        name: String,
        /// What it depends on.
        parent: String,
        /// The condition in words.
        condition: String,
    },
    /// A value that the parameter cannot have.
    #[error("`{name}` cannot be {value}; it is {domain}")]
    Outside {
        /// The parameter.
        name: String,
        /// What was given.
        value: String,
        /// Its domain in words.
        domain: String,
    },
}

fn listed(names: &[String]) -> String {
    let quoted: Vec<String> = names.iter().map(|name| format!("`{name}`")).collect();
    quoted.join(", ")
}

fn meant(known: &[String]) -> String {
    if known.is_empty() { String::new() } else { format!("; there are {}", listed(known)) }
}
