//! Axes applied: one tree to all stage instances.
//!
//! A stage has the axes that its tree mentions (through references too), that its own instances in the file name, those
//! of its `for`, and those that the stages it needs have. A need is restricted to the axes of the needed stage;
//! `NAME[*]` gathers over all others. Where a `for` runs over a list that a stage has not made yet, the instances, and
//! all that need them, stay open. Does not know stage kinds.

mod needs;
mod points;
mod template;

use std::collections::BTreeSet;

use indexmap::{IndexMap, IndexSet};

use self::{
    needs::Need,
    points::{Axis, Open, points},
    template::Template,
};
pub(crate) use self::{needs::parse_needs, points::Point};
use crate::{
    Composed, Experiment, ListSpec, Lists, NeedSpec, Node, OpenStage, Problem, Problems, Resources, Retries, StageSpec,
    Value,
    bind::bind,
    compose::merge,
    did_you_mean, name,
    references::{Budget, Resolver},
};

/// Most instances of all stages together: ten times what anybody has run, and what still fits into memory.
const INSTANCES: usize = 200_000;
/// Most instances that all needs together name.
const NEEDED: usize = 4_000_000;

/// Applies the axes and resolves all references, as far as the lists are known that stages make.
///
/// # Errors
/// Everything that is wrong, at once.
pub fn expand(composed: &Composed<'_>, lists: &Lists) -> Result<Experiment, Problems> {
    let tree = &composed.tree;
    let mut expansion = match Expansion::new(composed, lists) {
        Ok(expansion) => expansion,
        Err(list) => return Err(Problems { sources: composed.sources.clone(), list }),
    };
    let (stages, open) = expansion.instances();
    let text = |key: &str| tree.get(key).and_then(Node::text).map(str::to_owned);
    let (name, description) = (composed.name(), text("description"));
    let title = tree.at(["report", "title"]).and_then(Node::text).map(str::to_owned);
    let axes = expansion.axes.iter().map(|(axis, values)| (axis.clone(), values.values().map(str::to_owned).collect()));
    let axes = axes.collect();
    let over = |axis: &str| {
        let has = |template: &Template<'_>| template.lists.iter().any(|(own, _)| own == axis);
        expansion.templates.iter().filter(|(_, template)| has(template)).map(|(name, _)| name.clone()).collect()
    };
    let made = expansion.axes.iter().filter_map(|(name, axis)| match axis {
        Axis::Listed { maker, output, node } => {
            Some(ListSpec { stage: maker.clone(), output: output.clone(), by: over(name), span: node.span() })
        }
        Axis::Fixed(_) => None,
    });
    let lists = made.collect();
    let pools = tree.get("pools").and_then(|pools| bind(pools, "pools").ok()).unwrap_or_default();
    let tracking = crate::tracking::tracking(tree, composed.environment);
    let mut problems = expansion.problems;
    if let Err(reason) = name::check(&name) {
        let span = tree.get("name").map(Node::span);
        let message = format!("`{name}` cannot name an experiment: {reason}");
        let problem = Problem::new("pipe::spec::name", span, message).at("name").label(reason);
        problems.push(problem.help("reports lie in a folder of this name; without `name:` it is that of the file"));
    }
    let (file, tree, sources) = (composed.file.clone(), tree.clone(), composed.sources.clone());
    if problems.is_empty() {
        Ok(Experiment { name, description, title, file, axes, stages, open, lists, pools, tracking, tree, sources })
    } else {
        Err(Problems { sources, list: distinct(problems) })
    }
}

/// One problem of a shared value shows up in every instance; it is said once.
fn distinct(problems: Vec<Problem>) -> Vec<Problem> {
    let mut seen = BTreeSet::new();
    problems.into_iter().filter(|problem| seen.insert((problem.span, problem.message.clone()))).collect()
}

struct Expansion<'t> {
    tree: &'t Node,
    environment: &'t dyn Fn(&str) -> Option<String>,
    lists: &'t Lists,
    axes: IndexMap<String, Axis>,
    templates: IndexMap<String, Template<'t>>,
    /// The templates' names, every one after those it needs.
    order: Vec<String>,
    problems: Vec<Problem>,
}

impl<'t> Expansion<'t> {
    fn new(composed: &'t Composed<'_>, lists: &'t Lists) -> Result<Self, Vec<Problem>> {
        let tree = &composed.tree;
        let mut problems = Vec::new();
        let mut axes = IndexMap::new();
        for (axis, (_, list)) in tree.get("axes").and_then(Node::map).into_iter().flatten() {
            axes.insert(axis.clone(), points::fixed(axis, list.list().unwrap_or_default(), &mut problems));
        }
        if !problems.is_empty() {
            return Err(problems);
        }
        let templates = template::read(tree, &mut axes, &mut problems)?;
        let environment = composed.environment;
        let mut expansion = Self { tree, environment, lists, axes, templates, order: Vec::new(), problems };
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
        self.check_points();
        // Axes in the order in which they are declared; those whose values a stage makes after those of that stage.
        let mut place: IndexMap<&str, usize> = IndexMap::new();
        for (axis, values) in &self.axes {
            if let Axis::Fixed(_) = values {
                place.insert(axis, place.len());
            }
        }
        for name in &self.order {
            for (axis, _) in &self.templates[name].lists {
                place.insert(axis, place.len());
            }
        }
        let mut declared: Vec<String> = self.axes.keys().cloned().collect();
        declared.sort_by_key(|axis| place.get(axis.as_str()).copied());
        for template in self.templates.values_mut() {
            template.axes = declared.iter().filter(|axis| template.axes.contains(*axis)).cloned().collect();
        }
        Ok(())
    }

    /// Points that needs name: axes that the needed stages have, and values that those axes have.
    fn check_points(&mut self) {
        let mut problems = Vec::new();
        for (name, template) in &self.templates {
            for need in &template.needs {
                let Some(needed) = self.templates.get(&need.stage) else { continue };
                let mut wrong = |message: String, label: String| {
                    let path = format!("stages.{name}.needs");
                    problems.push(Problem::new("pipe::spec::need", Some(need.span), message).at(path).label(label));
                };
                let axes = need.fixed.iter().map(|(axis, _)| axis).chain(need.gathered.iter().flatten());
                for axis in axes.filter(|axis| !needed.axes.contains(*axis)) {
                    let near = did_you_mean(axis, needed.axes.iter().map(String::as_str));
                    wrong(format!("`{}` has no axis `{axis}`", need.stage), near);
                }
                for (axis, value) in &need.fixed {
                    let Some(known) = self.axes.get(axis).filter(|_| needed.axes.contains(axis)) else { continue };
                    if !known.may_have(value) {
                        let near = did_you_mean(value, known.values());
                        wrong(format!("the axis `{axis}` has no value `{value}`"), near);
                    }
                    if need.fixed.iter().filter(|(other, _)| other == axis).count() > 1 {
                        wrong(format!("the axis `{axis}` is fixed twice"), "one value is enough".to_owned());
                    }
                }
            }
        }
        self.problems.extend(problems);
    }

    fn visit(&mut self, name: &str, way: &mut Vec<String>, done: &mut BTreeSet<String>) -> Result<(), Vec<Problem>> {
        if done.contains(name) {
            return Ok(());
        }
        way.push(name.to_owned());
        // The maker of a list is needed too: without it there is nothing to repeat over.
        let needs: Vec<Need> = self.templates[name].all_needs().collect();
        for need in needs {
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
        self.order.push(name.to_owned());
        Ok(())
    }

    /// All instances, and those that are not known yet; stages as in the file.
    fn instances(&mut self) -> (Vec<StageSpec>, Vec<OpenStage>) {
        let mut problems = std::mem::take(&mut self.problems);
        let mut spread: IndexMap<&str, (Vec<Point>, Vec<Open>)> = IndexMap::new();
        let mut left = INSTANCES;
        for name in &self.order {
            let template = &self.templates[name];
            let maker_axes = |maker: &str| -> Vec<String> {
                self.templates.get(maker).map(|maker| maker.axes.iter().cloned().collect()).unwrap_or_default()
            };
            let axes = template.axes.iter().map(|axis| (axis.as_str(), &self.axes[axis]));
            let Some((mut known, mut open)) = points(axes, &maker_axes, self.lists, left) else {
                let message = format!("the axes of `{name}` make more than {INSTANCES} instances, all stages together");
                problems.push(too_large(
                    template,
                    &message,
                    "take axes or values away, or make several experiments of it",
                ));
                self.problems = problems;
                return (Vec::new(), Vec::new());
            };
            left -= known.len() + open.len();
            // Who needs something open is open itself.
            let waiting: Vec<(Need, Vec<Open>)> = template
                .all_needs()
                .filter_map(|need| Some((spread.get(need.stage.as_str())?.1.clone(), need)))
                .filter(|(open, _)| !open.is_empty())
                .map(|(open, need)| (need, open))
                .collect();
            if !waiting.is_empty() {
                known.retain(|point| {
                    let waits = waiting
                        .iter()
                        .find_map(|(need, open)| open.iter().find(|open| open.point.fits(need, point)).cloned());
                    open.extend(waits.iter().map(|waits| Open { point: point.clone(), ..waits.clone() }));
                    waits.is_none()
                });
            }
            spread.insert(name, (known, open));
        }
        let (mut stages, mut later) = (Vec::new(), Vec::new());
        let (budget, mut needed) = (Budget::new(), 0);
        for (name, template) in &self.templates {
            let (known, open) = &spread[name.as_str()];
            // Gathering names up to every instance of what is gathered.
            let gathered = |need: &Need| if need.gathered.is_none() { 1 } else { spread[need.stage.as_str()].0.len() };
            let needs = template.needs.iter().filter(|need| spread.contains_key(need.stage.as_str())).map(gathered);
            needed += needs.sum::<usize>().saturating_mul(known.len());
            if needed > NEEDED {
                let message = format!("the needs of `{name}` name more than {NEEDED} instances");
                problems.push(too_large(template, &message, "gather over fewer axes"));
                break;
            }
            for point in known {
                budget.renew();
                match self.instance(name, template, point, &spread, &budget) {
                    Ok(stage) => stages.push(stage),
                    Err(more) => problems.extend(more),
                }
                if budget.is_spent() {
                    break;
                }
            }
            later.extend(open.iter().map(|open| OpenStage {
                id: open.point.id(name, template.axes.iter().map(String::as_str)),
                stage: name.clone(),
                maker: open.maker.clone(),
                output: open.output.clone(),
            }));
        }
        self.problems = problems;
        (stages, later)
    }

    fn instance(
        &self,
        name: &str,
        template: &Template<'_>,
        point: &Point,
        spread: &IndexMap<&str, (Vec<Point>, Vec<Open>)>,
        budget: &Budget,
    ) -> Result<StageSpec, Vec<Problem>> {
        let applies =
            |fixed: &[(String, String)]| fixed.iter().all(|(axis, value)| point.text(axis) == Some(value.as_str()));
        let changed = template.changes.iter().filter(|(fixed, _)| applies(fixed));
        let mut node = template.node.clone();
        for (_, change) in changed {
            node = merge(&node, change, None);
        }
        let mut problems = Vec::new();
        let path = format!("stages.{name}");
        let mut resolver = Resolver { root: self.tree, point, environment: self.environment, way: Vec::new(), budget };
        let mut resolved = |key: &str, problems: &mut Vec<Problem>| {
            let resolved = resolver.resolve(node.get(key)?);
            resolved
                .map_err(|more| problems.extend(more.into_iter().map(|problem| problem.at(format!("{path}.{key}")))))
                .ok()
        };
        let with =
            resolved("with", &mut problems).unwrap_or_else(|| Node::new(Value::Map(crate::Map::new()), template.span));
        let kind = resolved("kind", &mut problems);
        let resources = match resolved("resources", &mut problems) {
            Some(node) => read::<Resources>(&node, &path, "resources", &mut problems),
            None => Resources::default(),
        };
        let retries = match resolved("retries", &mut problems) {
            Some(node) => read::<Retries>(&node, &path, "retries", &mut problems),
            None => Retries::default(),
        };
        let timeout = resolved("timeout", &mut problems).and_then(|node| read(&node, &path, "timeout", &mut problems));
        let frozen = matches!(resolved("frozen", &mut problems).as_ref().map(Node::value), Some(Value::Bool(true)));
        let Some((kind, kind_span)) = kind.as_ref().and_then(|kind| Some((kind.text()?.to_owned(), kind.span())))
        else {
            let message = format!("the stage `{name}` has no kind");
            problems.push(
                Problem::new("pipe::spec::missing_key", Some(template.span), message).at(path).label("add `kind:`"),
            );
            return Err(problems);
        };
        let mut needs = Vec::new();
        for written in &template.needs {
            let Some(need) = self.need(written, point, spread) else { continue };
            // The values of a list are known only now.
            let is_listed = |axis: &String| matches!(self.axes.get(axis), Some(Axis::Listed { .. }));
            if need.ids.is_empty() && written.fixed.iter().any(|(axis, _)| is_listed(axis)) {
                let message = format!("`{}` has no such instance", written.stage);
                problems.push(
                    Problem::new("pipe::spec::need", Some(written.span), message)
                        .at(format!("{path}.needs"))
                        .label("the list has no such item"),
                );
            }
            needs.push(need);
        }
        if !problems.is_empty() {
            return Err(problems);
        }
        Ok(StageSpec {
            id: point.id(name, point.axes()),
            stage: name.to_owned(),
            axes: point.values(),
            kind,
            kind_span,
            needs,
            with,
            resources,
            retries,
            timeout,
            frozen,
            after: template.lists.iter().filter_map(|(_, need)| self.need(need, point, spread)?.ids.pop()).collect(),
            span: template.span,
        })
    }

    /// The instances that a need means at one point.
    fn need(&self, need: &Need, here: &Point, spread: &IndexMap<&str, (Vec<Point>, Vec<Open>)>) -> Option<NeedSpec> {
        let axes: &IndexSet<String> = &self.templates.get(&need.stage)?.axes;
        let ids = if need.is_exact() {
            vec![here.id(&need.stage, axes.iter().map(String::as_str))]
        } else {
            let (points, _) = spread.get(need.stage.as_str())?;
            points
                .iter()
                .filter(|point| point.fits(need, here))
                .map(|point| point.id(&need.stage, point.axes()))
                .collect()
        };
        let Need { port, stage, output, span, .. } = need.clone();
        Some(NeedSpec { port, stage, ids, output, span })
    }
}

fn too_large(template: &Template<'_>, message: &str, help: &str) -> Problem {
    Problem::new("pipe::spec::too_large", Some(template.span), message).label("this stage").help(help)
}

fn read<T: serde::de::DeserializeOwned + schemars::JsonSchema + Default>(
    node: &Node,
    path: &str,
    key: &str,
    problems: &mut Vec<Problem>,
) -> T {
    bind(node, &format!("{path}.{key}")).unwrap_or_else(|more| {
        problems.extend(more);
        T::default()
    })
}
