//! Axes applied: one tree to all stage instances.
//!
//! A stage has the axes that its tree mentions (through references too), that its own instances in the file name, and
//! that the stages it needs have. A need is restricted to the axes of the needed stage; `NAME[*]` gathers over all others.
//! Does not know stage kinds.

use std::collections::BTreeSet;

use indexmap::{IndexMap, IndexSet};

use crate::{
    Composed, Experiment, NeedSpec, Node, Problem, Problems, Resources, Span, StageSpec, Value,
    bind::bind,
    compose::merge,
    did_you_mean, name,
    references::{Mentions, Resolver},
};

/// Applies the axes and resolves all references.
///
/// # Errors
/// Everything that is wrong, at once.
pub fn expand(composed: Composed<'_>) -> Result<Experiment, Problems> {
    let mut expansion = match Expansion::new(&composed) {
        Ok(expansion) => expansion,
        Err(list) => return Err(Problems { sources: composed.sources, list }),
    };
    let stages = expansion.instances();
    let text = |key: &str| composed.tree.get(key).and_then(Node::text).map(str::to_owned);
    let stem = composed.file.file_stem().map(|stem| stem.to_string_lossy().into_owned()).unwrap_or_default();
    let (name, description) = (text("name").unwrap_or(stem), text("description"));
    let title = composed.tree.at(["report", "title"]).and_then(Node::text).map(str::to_owned);
    let axes = expansion.axes.iter().map(|(axis, values)| (axis.clone(), values.keys().cloned().collect())).collect();
    let mut problems = expansion.problems;
    if let Err(reason) = name::check(&name) {
        let span = composed.tree.get("name").map(Node::span);
        let message = format!("`{name}` cannot name an experiment: {reason}");
        let problem = Problem::new("pipe::spec::name", span, message).at("name").label(reason);
        problems.push(problem.help("reports lie in a folder of this name; without `name:` it is that of the file"));
    }
    let Composed { tree, file, sources, .. } = composed;
    if problems.is_empty() {
        Ok(Experiment { name, description, title, file, axes, stages, tree, sources })
    } else {
        Err(Problems { sources, list: distinct(problems) })
    }
}

/// One problem of a shared value shows up in every instance; it is said once.
fn distinct(problems: Vec<Problem>) -> Vec<Problem> {
    let mut seen = BTreeSet::new();
    problems.into_iter().filter(|problem| seen.insert((problem.span, problem.message.clone()))).collect()
}

/// A stage as the file has it.
struct Template<'t> {
    node: &'t Node,
    span: Span,
    needs: Vec<Need>,
    axes: IndexSet<String>,
    /// Changes of single instances: axis values, and what is laid over.
    changes: Vec<(Vec<(String, String)>, &'t Node)>,
}

/// A need as written.
#[derive(Clone)]
struct Need {
    port: Option<String>,
    stage: String,
    output: Option<String>,
    /// Axes gathered over (`None` = all), and axes fixed to a value.
    gathered: Option<Vec<String>>,
    fixed: Vec<(String, String)>,
    span: Span,
}

struct Expansion<'t> {
    tree: &'t Node,
    environment: &'t dyn Fn(&str) -> Option<String>,
    axes: IndexMap<String, IndexMap<String, Node>>,
    templates: IndexMap<String, Template<'t>>,
    problems: Vec<Problem>,
}

impl<'t> Expansion<'t> {
    fn new(composed: &'t Composed<'_>) -> Result<Self, Vec<Problem>> {
        let tree = &composed.tree;
        let axes = axes(tree)?;
        let mut problems = Vec::new();
        let mut templates: IndexMap<String, Template<'t>> = IndexMap::new();
        let stages = tree.get("stages").and_then(Node::map);
        let Some(stages) = stages.filter(|stages| !stages.is_empty()) else {
            return Err(vec![
                Problem::new("pipe::spec::no_stages", Some(tree.span()), "the experiment has no stages")
                    .help("extend a pipeline, or add `stages:`"),
            ]);
        };
        let mut mentions = Mentions::default();
        for (name, (place, node)) in stages.iter().filter(|(name, _)| !name.contains('[')) {
            let needs = node.get("needs").map(|needs| parse_needs(needs, &mut problems)).unwrap_or_default();
            let mentioned = mentions.of(node, tree);
            let axes = axes.keys().filter(|axis| mentioned.contains(*axis)).cloned().collect();
            templates.insert(name.clone(), Template { node, span: place.span, needs, axes, changes: Vec::new() });
        }
        for (name, (place, node)) in stages.iter().filter(|(name, _)| name.contains('[')) {
            let parsed = parse_name(name).filter(|need| need.gathered.is_none() && need.output.is_none());
            let target = parsed.as_ref().and_then(|need| templates.get_mut(&need.stage));
            let (Some(parsed), Some(template)) = (parsed, target) else {
                let message = format!("`{name}` is no instance of a stage");
                problems.push(
                    Problem::new("pipe::spec::instance", Some(place.span), message)
                        .label("expected `STAGE[axis=value]`"),
                );
                continue;
            };
            for (axis, value) in &parsed.fixed {
                if !axes.get(axis).is_some_and(|values| values.contains_key(value)) {
                    let message = format!("`{name}` names {axis}={value}, which no axis has");
                    let known = axes.get(axis).map_or_else(
                        || did_you_mean(axis, axes.keys().map(String::as_str)),
                        |values| did_you_mean(value, values.keys().map(String::as_str)),
                    );
                    problems.push(Problem::new("pipe::spec::instance", Some(place.span), message).label(known));
                }
                template.axes.insert(axis.clone());
            }
            template.changes.push((parsed.fixed, node));
        }
        let mut expansion = Self { tree, environment: composed.environment, axes, templates, problems };
        expansion.spread()?;
        Ok(expansion)
    }

    /// Gives every stage the axes of what it needs, in dependency order.
    fn spread(&mut self) -> Result<(), Vec<Problem>> {
        let names: Vec<String> = self.templates.keys().cloned().collect();
        let mut done = BTreeSet::new();
        for name in &names {
            self.visit(name, &mut Vec::new(), &mut done)?;
        }
        // Axes in the order in which they are declared, wherever a stage got them from.
        for template in self.templates.values_mut() {
            let declared = self.axes.keys().filter(|axis| template.axes.contains(*axis)).cloned();
            template.axes = declared.collect();
        }
        Ok(())
    }

    fn visit(&mut self, name: &str, way: &mut Vec<String>, done: &mut BTreeSet<String>) -> Result<(), Vec<Problem>> {
        if done.contains(name) {
            return Ok(());
        }
        way.push(name.to_owned());
        for need in self.templates[name].needs.clone() {
            if let Some(at) = way.iter().position(|passed| *passed == need.stage) {
                let cycle =
                    way[at..].iter().map(String::as_str).chain([need.stage.as_str()]).collect::<Vec<_>>().join(" > ");
                let message = format!("stages need each other in a circle: {cycle}");
                return Err(vec![
                    Problem::new("pipe::plan::cycle", Some(need.span), message).label("this closes the circle"),
                ]);
            }
            if !self.templates.contains_key(&need.stage) {
                let message = format!("stage `{name}` needs `{}`, which no stage makes", need.stage);
                let label =
                    did_you_mean(&need.stage, self.templates.keys().map(String::as_str).filter(|known| *known != name));
                self.problems.push(
                    Problem::new("pipe::plan::unknown_need", Some(need.span), message)
                        .at(format!("stages.{name}.needs"))
                        .label(label),
                );
                continue;
            }
            self.visit(&need.stage, way, done)?;
            let axes: Vec<_> = self.templates[&need.stage].axes.iter().cloned().collect();
            let inherited = axes
                .into_iter()
                .filter(|axis| !need.gathers(axis) && !need.fixed.iter().any(|(fixed, _)| fixed == axis));
            self.templates[name].axes.extend(inherited);
        }
        way.pop();
        done.insert(name.to_owned());
        Ok(())
    }

    fn instances(&mut self) -> Vec<StageSpec> {
        let mut stages = Vec::new();
        let mut problems = std::mem::take(&mut self.problems);
        for (name, template) in &self.templates {
            for point in self.points(&template.axes) {
                match self.instance(name, template, &point) {
                    Ok(stage) => stages.push(stage),
                    Err(more) => problems.extend(more),
                }
            }
        }
        self.problems = problems;
        stages
    }

    /// All combinations of the values of some axes, the last axis fastest.
    fn points(&self, axes: &IndexSet<String>) -> Vec<IndexMap<String, (String, Node)>> {
        let mut points = vec![IndexMap::new()];
        for axis in axes {
            points = points
                .into_iter()
                .flat_map(|point: IndexMap<String, (String, Node)>| {
                    self.axes[axis].iter().map(move |(text, value)| {
                        let mut point = point.clone();
                        point.insert(axis.clone(), (text.clone(), value.clone()));
                        point
                    })
                })
                .collect();
        }
        points
    }

    fn instance(
        &self,
        name: &str,
        template: &Template<'_>,
        point: &IndexMap<String, (String, Node)>,
    ) -> Result<StageSpec, Vec<Problem>> {
        let applies = |fixed: &[(String, String)]| {
            fixed.iter().all(|(axis, value)| point.get(axis).is_some_and(|(text, _)| text == value))
        };
        let changed = template.changes.iter().filter(|(fixed, _)| applies(fixed));
        let mut node = template.node.clone();
        for (_, change) in changed {
            node = merge(&node, change, None);
        }
        let values = point.iter().map(|(axis, (_, value))| (axis.clone(), value.clone())).collect();
        let mut resolver = Resolver { root: self.tree, point: &values, environment: self.environment, way: Vec::new() };
        let mut problems = Vec::new();
        let path = format!("stages.{name}");
        let mut resolved = |key: &str, problems: &mut Vec<Problem>| {
            node.get(key).and_then(|node| {
                resolver
                    .resolve(node)
                    .map_err(|more| {
                        problems.extend(more.into_iter().map(|problem| problem.at(format!("{path}.{key}"))));
                    })
                    .ok()
            })
        };
        let with =
            resolved("with", &mut problems).unwrap_or_else(|| Node::new(Value::Map(crate::Map::new()), template.span));
        let kind = resolved("kind", &mut problems);
        let resources = match resolved("resources", &mut problems) {
            Some(node) => bind(&node, &format!("{path}.resources")).unwrap_or_else(|more| {
                problems.extend(more);
                Resources::default()
            }),
            None => Resources::default(),
        };
        let Some((kind, kind_span)) = kind.as_ref().and_then(|kind| Some((kind.text()?.to_owned(), kind.span())))
        else {
            let message = format!("the stage `{name}` has no kind");
            problems.push(
                Problem::new("pipe::spec::missing_key", Some(template.span), message).at(path).label("add `kind:`"),
            );
            return Err(problems);
        };
        if !problems.is_empty() {
            return Err(problems);
        }
        let axes: IndexMap<String, String> =
            point.iter().map(|(axis, (text, _))| (axis.clone(), text.clone())).collect();
        let needs = template.needs.iter().filter_map(|need| self.need(need, &axes)).collect();
        Ok(StageSpec {
            id: id(name, &axes),
            stage: name.to_owned(),
            axes,
            kind,
            kind_span,
            needs,
            with,
            resources,
            span: template.span,
        })
    }

    /// The instances that a need means at one point.
    fn need(&self, need: &Need, axes: &IndexMap<String, String>) -> Option<NeedSpec> {
        let template = self.templates.get(&need.stage)?;
        let fitting = |point: IndexMap<String, (String, Node)>| {
            let fits = point.iter().all(|(axis, (text, _))| match need.fixed.iter().find(|(fixed, _)| fixed == axis) {
                Some((_, value)) => value == text,
                None => need.gathers(axis) || axes.get(axis) == Some(text),
            });
            fits.then(|| id(&need.stage, &point.iter().map(|(axis, (text, _))| (axis.clone(), text.clone())).collect()))
        };
        // A template with many points is filtered linearly; most have the very axes of the need.
        let ids = if need.gathered.is_none() && need.fixed.is_empty() {
            vec![id(&need.stage, &template.axes.iter().map(|axis| (axis.clone(), axes[axis].clone())).collect())]
        } else {
            self.points(&template.axes).into_iter().filter_map(fitting).collect()
        };
        let Need { port, stage, output, span, .. } = need.clone();
        Some(NeedSpec { port, stage, ids, output, span })
    }
}

impl Need {
    fn gathers(&self, axis: &str) -> bool {
        self.gathered.as_ref().is_some_and(|axes| axes.is_empty() || axes.iter().any(|gathered| gathered == axis))
    }
}

/// `train[fold=1,seed=2]`.
fn id(stage: &str, axes: &IndexMap<String, String>) -> String {
    if axes.is_empty() {
        return stage.to_owned();
    }
    let values: Vec<_> = axes.iter().map(|(axis, value)| format!("{axis}={value}")).collect();
    format!("{stage}[{}]", values.join(","))
}

fn axes(tree: &Node) -> Result<IndexMap<String, IndexMap<String, Node>>, Vec<Problem>> {
    let mut axes = IndexMap::new();
    let mut problems = Vec::new();
    for (axis, (_, list)) in tree.get("axes").and_then(Node::map).into_iter().flatten() {
        let mut values = IndexMap::new();
        for value in list.list().unwrap_or_default() {
            let text = value.scalar().unwrap_or_default();
            if text.contains(['[', ']', ',', '=', '/']) {
                let message = format!(
                    "the value `{text}` of the axis `{axis}` has one of `[ ] , = /`, which names of instances need"
                );
                problems.push(
                    Problem::new("pipe::spec::axis", Some(value.span()), message)
                        .label("choose a short word or a number"),
                );
            }
            if values.insert(text.clone(), value.clone()).is_some() {
                let message = format!("the axis `{axis}` has the value `{text}` twice");
                problems.push(Problem::new("pipe::spec::axis", Some(value.span()), message).label("again here"));
            }
        }
        axes.insert(axis.clone(), values);
    }
    if problems.is_empty() { Ok(axes) } else { Err(problems) }
}

fn parse_needs(node: &Node, problems: &mut Vec<Problem>) -> Vec<Need> {
    let mut needs = Vec::new();
    let mut add = |port: Option<&str>, node: &Node| match node.text().and_then(parse_name) {
        Some(need) => needs.push(Need { port: port.map(str::to_owned), span: node.span(), ..need }),
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
fn parse_name(text: &str) -> Option<Need> {
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
    let span = Span { file: crate::Sources::default().add("", ""), start: 0, length: 0 };
    (!name.is_empty()).then(|| Need { port: None, stage: name.to_owned(), output, gathered, fixed, span })
}
