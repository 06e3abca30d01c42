//! What a stage needs, and over which lists it is repeated, as written.
//!
//! Does not know which stages there are.

use crate::{Node, Problem, Span, TRIAL, Value};

/// A need as written.
#[derive(Clone)]
pub(crate) struct Need {
    pub port: Option<String>,
    pub stage: String,
    pub output: Option<String>,
    /// Axes gathered over (`None` = none, empty = all), and axes fixed to a value.
    pub gathered: Option<Vec<String>>,
    pub fixed: Vec<(String, String)>,
    pub span: Span,
}

impl Need {
    /// Whether instances over an axis are gathered; those of different trials never are, for each is an experiment of its own.
    pub(super) fn gathers(&self, axis: &str) -> bool {
        let named = |axes: &Vec<String>| axes.iter().any(|gathered| gathered == axis);
        self.gathered.as_ref().is_some_and(|axes| (axes.is_empty() && axis != TRIAL) || named(axes))
    }

    /// Whether it takes the one instance at the needing stage's own point.
    pub(super) fn is_exact(&self) -> bool {
        self.gathered.is_none() && self.fixed.is_empty()
    }
}

pub(crate) fn parse_needs(node: &Node, problems: &mut Vec<Problem>) -> Vec<Need> {
    let mut needs = Vec::new();
    let mut add = |port: Option<&str>, node: &Node| match node.text().and_then(|text| parse_name(text, node.span())) {
        Some(need) => needs.push(Need { port: port.map(str::to_owned), ..need }),
        None => {
            let message = format!("{} is no need", node.describe());
            problems.push(
                Problem::new("pipe::spec::need", Some(node.span()), message)
                    .label("expected `STAGE`, `STAGE.OUTPUT` or `STAGE[*]`"),
            );
        }
    };
    match node.value() {
        Value::List(list) => list.iter().for_each(|item| add(None, item)),
        Value::Map(map) => {
            for (port, (_, node)) in map {
                match node.list() {
                    Some(list) => list.iter().for_each(|item| add(Some(port), item)),
                    None => add(Some(port), node),
                }
            }
        }
        _ => add(None, node),
    }
    needs
}

/// `stage`, `stage.output`, `stage[*]`, `stage[fold=*]`, `stage[fold=1].output`.
pub(super) fn parse_name(text: &str, span: Span) -> Option<Need> {
    let (name, rest) = text.split_at(text.find(['[', '.']).unwrap_or(text.len()));
    let (selector, rest) = match rest.strip_prefix('[') {
        Some(inner) => {
            let (selector, rest) = inner.split_once(']')?;
            (Some(selector), rest)
        }
        None => (None, rest),
    };
    let output = match rest.strip_prefix('.') {
        Some(output) if !output.is_empty() => Some(output.to_owned()),
        None if rest.is_empty() => None,
        _ => return None,
    };
    let (mut gathered, mut fixed) = (None, Vec::new());
    for part in selector.into_iter().flat_map(|selector| selector.split(',')).map(str::trim) {
        match part.split_once('=').map(|(axis, value)| (axis.trim(), value.trim())) {
            None if part == "*" => gathered = Some(Vec::new()),
            Some((axis, "*")) => gathered.get_or_insert_with(Vec::new).push(axis.to_owned()),
            Some((axis, value)) => fixed.push((axis.to_owned(), value.to_owned())),
            None => return None,
        }
    }
    (!name.is_empty()).then(|| Need { port: None, stage: name.to_owned(), output, gathered, fixed, span })
}

/// `${stage.output}`: the stage and the output.
pub(super) fn parse_list(text: &str) -> Option<(&str, &str)> {
    let (stage, output) = text.trim().strip_prefix("${")?.strip_suffix('}')?.trim().split_once('.')?;
    (!stage.is_empty() && !output.is_empty() && !output.contains(['.', '$'])).then_some((stage, output))
}
