//! Stages as the file has them, before axes are applied.
//!
//! Does not know points.

use indexmap::{IndexMap, IndexSet};

use super::{
    needs::{self, Need},
    points::{self, Axis},
};
use crate::{Node, Problem, Span, did_you_mean, name, references::Mentions};

/// A stage as the file has it.
pub(super) struct Template<'t> {
    pub node: &'t Node,
    pub span: Span,
    pub needs: Vec<Need>,
    /// Axes of its `for` whose values a stage makes, with the need for that stage.
    pub lists: Vec<(String, Need)>,
    pub axes: IndexSet<String>,
    /// Changes of single instances: axis values, and what is laid over.
    pub changes: Vec<(Vec<(String, String)>, &'t Node)>,
}

impl Template<'_> {
    /// Its needs, the makers of its lists among them.
    pub(super) fn all_needs(&self) -> impl Iterator<Item = Need> {
        self.needs.iter().chain(self.lists.iter().map(|(_, need)| need)).cloned()
    }
}

/// All stages of a tree; axes that `for` declares are added to the others.
pub(super) fn read<'t>(
    tree: &'t Node,
    axes: &mut IndexMap<String, Axis>,
    problems: &mut Vec<Problem>,
) -> Result<IndexMap<String, Template<'t>>, Vec<Problem>> {
    let stages = tree.get("stages").and_then(Node::map);
    let Some(stages) = stages.filter(|stages| !stages.is_empty()) else {
        return Err(vec![
            Problem::new("pipe::spec::no_stages", Some(tree.span()), "the experiment has no stages")
                .help("extend a pipeline, or add `stages:`"),
        ]);
    };
    let mut own = IndexMap::new();
    for (name, (_, node)) in stages {
        own.insert(name.as_str(), lists(name, node, tree, axes, problems));
    }
    let mut mentions = Mentions::default();
    let mut templates: IndexMap<String, Template<'t>> = IndexMap::with_capacity(stages.len());
    for (name, (place, node)) in stages.iter().filter(|(name, _)| !name.contains('[')) {
        if let Err(reason) = name::stage(name) {
            let shown: String = name.chars().take(40).flat_map(char::escape_default).collect();
            let message = format!("`{shown}` cannot name a stage: {reason}");
            problems.push(Problem::new("pipe::spec::name", Some(place.span), message).label(reason));
            continue;
        }
        let needs = node.get("needs").map(|needs| needs::parse_needs(needs, problems)).unwrap_or_default();
        let mentioned = mentions.of(node, tree);
        let (declared, lists) = own.swap_remove(name.as_str()).unwrap_or_default();
        let mentioned = axes.keys().filter(|axis| mentioned.contains(*axis)).cloned();
        let axes = mentioned.chain(declared).collect();
        templates.insert(name.clone(), Template { node, span: place.span, needs, lists, axes, changes: Vec::new() });
    }
    for (name, (place, node)) in stages.iter().filter(|(name, _)| name.contains('[')) {
        let parsed =
            needs::parse_name(name, place.span).filter(|need| need.gathered.is_none() && need.output.is_none());
        let target = parsed.as_ref().and_then(|need| templates.get_mut(&need.stage));
        let (Some(parsed), Some(template)) = (parsed, target) else {
            let message = format!("`{name}` is no instance of a stage");
            problems.push(
                Problem::new("pipe::spec::instance", Some(place.span), message).label("expected `STAGE[axis=value]`"),
            );
            continue;
        };
        for (axis, value) in &parsed.fixed {
            if !axes.get(axis).is_some_and(|values| values.may_have(value)) {
                let message = format!("`{name}` names {axis}={value}, which no axis has");
                let known = axes.get(axis).map_or_else(
                    || did_you_mean(axis, axes.keys().map(String::as_str)),
                    |values| did_you_mean(value, values.values()),
                );
                problems.push(Problem::new("pipe::spec::instance", Some(place.span), message).label(known));
            }
            template.axes.insert(axis.clone());
        }
        template.changes.push((parsed.fixed, node));
    }
    Ok(templates)
}

/// Axes that a stage's `for` declares: their names, and the needs for the stages that make their values.
fn lists(
    stage: &str,
    node: &Node,
    tree: &Node,
    axes: &mut IndexMap<String, Axis>,
    problems: &mut Vec<Problem>,
) -> (Vec<String>, Vec<(String, Need)>) {
    let (mut declared, mut made) = (Vec::new(), Vec::new());
    for (axis, (place, values)) in node.get("for").and_then(Node::map).into_iter().flatten() {
        let mut wrong = |span: Span, message: String, label: String| {
            let path = format!("stages.{stage}.for.{axis}");
            problems.push(Problem::new("pipe::spec::for", Some(span), message).at(path).label(label));
        };
        let reference = values.text().and_then(needs::parse_list);
        let maker = reference.filter(|(maker, _)| tree.at(["stages", maker]).is_some());
        let new = match (maker, reference, values.list()) {
            (Some((maker, output)), ..) => {
                let (maker, output) = (maker.to_owned(), output.to_owned());
                Some(Axis::Listed { maker, output, node: values.clone() })
            }
            (None, Some((top, below)), _) => match tree.at([top, below]).and_then(Node::list) {
                Some(list) => Some(points::fixed(axis, list, problems)),
                None => {
                    let stages = tree.get("stages").and_then(Node::map).into_iter().flat_map(|map| map.keys());
                    let near = did_you_mean(top, stages.map(String::as_str));
                    wrong(values.span(), format!("`${{{top}.{below}}}` is neither an output nor a list"), near);
                    None
                }
            },
            (None, None, Some(list)) => Some(points::fixed(axis, list, problems)),
            (None, None, None) => {
                let message = format!("{} is nothing to repeat a stage over", values.describe());
                wrong(values.span(), message, "expected `${STAGE.OUTPUT}` or a list".to_owned());
                None
            }
        };
        let Some(new) = new else { continue };
        let is_same = |known: &Axis| match (known, &new) {
            (Axis::Listed { maker: a, output: x, .. }, Axis::Listed { maker: b, output: y, .. }) => a == b && x == y,
            (known @ Axis::Fixed(_), Axis::Fixed(_)) => known.values().eq(new.values()),
            _ => false,
        };
        if axes.get(axis).is_some_and(|known| !is_same(known)) {
            let message = format!("the axis `{axis}` has other values elsewhere");
            problems.push(Problem::new("pipe::spec::for", Some(place.span), message).label("choose another name"));
            continue;
        }
        if let Axis::Listed { maker, .. } = &new {
            let (stage, span) = (maker.clone(), values.span());
            let need = Need { port: None, stage, output: None, gathered: None, fixed: Vec::new(), span };
            made.push((axis.clone(), need));
        }
        axes.entry(axis.clone()).or_insert(new);
        declared.push(axis.clone());
    }
    (declared, made)
}
