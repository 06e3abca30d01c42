//! Names of stages as people type them: `train`, `train[fold=2]`, `eval*`, `train[*]`.
//!
//! Does not know which stages there are.

use std::{fmt, str::FromStr};

use indexmap::IndexMap;
use thiserror::Error;

/// Which instances are meant: stages by name, with `*` for any letters, and values of some axes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pattern {
    text: String,
    stage: String,
    axes: Vec<(String, String)>,
}

/// A text that is no pattern.
#[derive(Debug, Error)]
#[error("`{text}` names no stage; write `STAGE`, `STAGE[axis=value]`, or a part of a name with `*`")]
pub struct NotAPattern {
    text: String,
}

impl FromStr for Pattern {
    type Err = NotAPattern;

    fn from_str(text: &str) -> Result<Self, NotAPattern> {
        let wrong = || NotAPattern { text: text.to_owned() };
        let (stage, axes) = match text.split_once('[') {
            None => (text, Vec::new()),
            Some((stage, rest)) => {
                let inner = rest.strip_suffix(']').ok_or_else(wrong)?;
                let parts = inner.split(',').map(str::trim).filter(|part| *part != "*");
                let pair = |part: &str| {
                    let (axis, value) = part.split_once('=')?;
                    Some((axis.trim().to_owned(), value.trim().to_owned()))
                };
                (stage, parts.map(pair).collect::<Option<Vec<_>>>().ok_or_else(wrong)?)
            }
        };
        if stage.is_empty() {
            return Err(wrong());
        }
        Ok(Self { text: text.to_owned(), stage: stage.to_owned(), axes })
    }
}

impl Pattern {
    /// Whether an instance is meant. An axis that the pattern does not name may have any value.
    pub fn means(&self, stage: &str, axes: &IndexMap<String, String>) -> bool {
        is_like(&self.stage, stage)
            && self.axes.iter().all(|(axis, value)| axes.get(axis).is_some_and(|has| is_like(value, has)))
    }

    /// Whether instances of a stage may be meant, whatever their axes.
    pub fn names(&self, stage: &str) -> bool {
        is_like(&self.stage, stage)
    }
}

impl fmt::Display for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// Whether a text is like a pattern in which `*` stands for any letters.
fn is_like(pattern: &str, text: &str) -> bool {
    let mut parts = pattern.split('*');
    let first = parts.next().unwrap_or_default();
    let Some(mut rest) = text.strip_prefix(first) else { return false };
    let mut last = None;
    for part in parts {
        if let Some(middle) = last.replace(part) {
            let Some(at) = rest.find(middle) else { return false };
            rest = &rest[at + middle.len()..];
        }
    }
    last.map_or(rest.is_empty(), |end| rest.ends_with(end))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(pattern: &str, stage: &str, axes: &[(&str, &str)], expected: bool) {
        let axes = axes.iter().map(|(axis, value)| ((*axis).to_owned(), (*value).to_owned())).collect();
        let found = pattern.parse::<Pattern>().expect("a pattern").means(stage, &axes);
        assert_eq!(found, expected, "{pattern} {stage} {axes:?}");
    }

    #[test]
    fn patterns() {
        check("train", "train", &[("fold", "1")], true);
        check("train", "trained", &[], false);
        check("train[fold=1]", "train", &[("fold", "1"), ("seed", "2")], true);
        check("train[fold=1]", "train", &[("fold", "11")], false);
        check("train[fold=1,seed=3]", "train", &[("fold", "1"), ("seed", "2")], false);
        check("train[seed=2, fold=1]", "train", &[("fold", "1"), ("seed", "2")], true);
        check("train[*]", "train", &[("fold", "1")], true);
        check("eval*", "evaluate", &[], true);
        check("*a*e", "evaluate", &[], true);
        check("*", "anything", &[("fold", "1")], true);
        check("a*a", "a", &[], false);
        check("train[depth=1]", "train", &[("fold", "1")], false);
        for wrong in ["", "[fold=1]", "train[fold", "train[fold]"] {
            assert!(wrong.parse::<Pattern>().is_err(), "{wrong}");
        }
    }
}
