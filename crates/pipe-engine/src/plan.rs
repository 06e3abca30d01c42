//! An experiment with its kinds looked up, recipes bound and ports matched: an immutable graph.
//!
//! Does not know what is cached.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::PathBuf,
    sync::Arc,
};

use indexmap::IndexMap;
use petgraph::{algo::toposort, graph::DiGraph};
use pipe_spec::{
    Experiment, ListSpec, Lists, Node, OpenStage, Problem, Problems, Resources, Retries, StageSpec, TRIAL, Time,
    did_you_mean,
};
use serde_json::Value as Json;

use crate::{
    Counting, Output, Pattern, Registry, StageKind,
    contradictions::contradiction,
    fingerprint::take_paths,
    registry::Kinds,
    wire::{BoundStage, Planning, Wires},
};

/// A planned experiment.
#[derive(Clone, Debug)]
pub struct Plan {
    /// Name of the experiment.
    pub experiment: String,
    /// The stage instances that are known; every one stands after all it takes from.
    pub nodes: Vec<PlanNode>,
    /// Instances that are not known before a stage has made its list.
    pub open: Vec<OpenStage>,
    /// Outputs that hold lists over which stages are repeated.
    pub lists: Vec<ListSpec>,
    /// Stages that are repeated over such lists themselves.
    pub over_lists: BTreeSet<String>,
    /// The lists that were known when this was planned.
    pub known: Lists,
    /// Sizes of the named pools.
    pub pools: IndexMap<String, u32>,
}

/// A planned stage instance.
#[derive(Clone, Debug)]
pub struct PlanNode {
    /// `train[fold=1]`.
    pub id: String,
    /// `train`.
    pub stage: String,
    /// Its point.
    pub axes: IndexMap<String, String>,
    /// Its kind.
    pub kind: &'static StageKind,
    /// The recipe with its paths, for the worker.
    pub with: Arc<Json>,
    /// The recipe without paths, for the manifest.
    pub recipe: Arc<Json>,
    /// Paths outside the store, by their place in `with`.
    pub externals: Vec<(String, PathBuf)>,
    /// Versions of what the recipe names.
    pub versions: BTreeMap<String, String>,
    /// Where its inputs come from.
    pub feeds: Vec<Feed>,
    /// Stages that must have succeeded before, though nothing is taken from them.
    pub after: Vec<usize>,
    /// Its outputs.
    pub outputs: Vec<Output>,
    /// Ports that gather instances of which there are none.
    pub empty: Vec<String>,
    /// Where and how fast it runs.
    pub resources: Resources,
    /// How often it is tried again.
    pub retries: Retries,
    /// How long one attempt may take.
    pub timeout: Option<Time>,
    /// Whether its last result stands.
    pub frozen: bool,
    /// The `with` as written, for the places of problems.
    pub written: Node,
}

/// One artifact handed to a port.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Feed {
    /// The port.
    pub port: String,
    /// Index of the node that makes it.
    pub from: usize,
    /// Its output port there.
    pub output: String,
    /// Whether it is part of the recipe.
    pub counting: Counting,
}

impl PlanNode {
    /// The axes that a program is told, and that its result may follow from. Which trial it is for is nothing that it may follow from:
    /// equal settings are equal, whoever suggests them.
    pub(crate) fn told_axes(&self) -> BTreeMap<&str, &str> {
        let told = self.axes.iter().filter(|(axis, _)| *axis != TRIAL);
        told.map(|(axis, value)| (axis.as_str(), value.as_str())).collect()
    }
}

impl Plan {
    /// Indices of the instances that a pattern means.
    pub fn find(&self, pattern: &Pattern) -> Vec<usize> {
        let means = |node: &PlanNode| pattern.means(&node.stage, &node.axes);
        self.nodes.iter().enumerate().filter(|(_, node)| means(node)).map(|(index, _)| index).collect()
    }

    /// Indices of everything a node waits for.
    pub fn upstream(&self, node: usize) -> impl Iterator<Item = usize> {
        self.nodes[node].feeds.iter().map(|feed| feed.from).chain(self.nodes[node].after.iter().copied())
    }
}

/// Plans an experiment.
///
/// `known` are the lists with which the experiment was expanded.
///
/// # Errors
/// All unknown kinds, wrong recipes and unmatched ports at once.
pub fn plan(registry: Registry, experiment: &Experiment, known: &Lists) -> Result<Plan, Problems> {
    let mut planning = Planning { kinds: Kinds::new(registry), problems: Vec::new() };
    let bound: Vec<_> = experiment.stages.iter().map(|stage| planning.bind(stage)).collect();
    let by_id: BTreeMap<&str, usize> =
        experiment.stages.iter().enumerate().map(|(index, stage)| (stage.id.as_str(), index)).collect();
    let wires: Vec<_> =
        (0..bound.len()).map(|index| planning.wire(index, &experiment.stages, &bound, &by_id)).collect();
    planning.problems.extend(unknown_lists(experiment, &bound));
    planning.problems.extend(too_small_pools(experiment));
    let contradictory =
        |(stage, bound): (&StageSpec, &Option<BoundStage>)| contradiction(stage, bound.as_ref()?.kind.computes);
    planning.problems.extend(experiment.stages.iter().zip(&bound).filter_map(contradictory));
    if planning.problems.is_empty() {
        return Ok(Plan {
            experiment: experiment.name.clone(),
            nodes: ordered(experiment, bound, wires),
            open: experiment.open.clone(),
            lists: experiment.lists.clone(),
            over_lists: experiment.lists.iter().flat_map(|list| list.by.iter().cloned()).collect(),
            known: known.clone(),
            pools: experiment.pools.clone(),
        });
    }
    // One wrong recipe shows up in every instance; it is said once.
    let mut list: Vec<Problem> = Vec::new();
    for problem in planning.problems {
        if !list.iter().any(|said| said.span == problem.span && said.message == problem.message) {
            list.push(problem);
        }
    }
    Err(Problems { sources: experiment.sources.clone(), list })
}

/// Lists that their makers do not make.
fn unknown_lists(experiment: &Experiment, bound: &[Option<BoundStage>]) -> Vec<Problem> {
    let unknown = |list: &ListSpec| {
        let made = experiment.stages.iter().zip(bound).find(|(stage, _)| stage.stage == list.stage)?.1.as_ref()?;
        let outputs = || made.ports.outputs.iter().map(|output| output.name.as_str());
        if outputs().any(|name| name == list.output) {
            return None;
        }
        let message = format!("`{}` has no output `{}` to repeat a stage over", list.stage, list.output);
        let near = did_you_mean(&list.output, outputs());
        Some(Problem::new("pipe::plan::unknown_output", Some(list.span), message).label(near))
    };
    experiment.lists.iter().filter_map(unknown).collect()
}

/// Pools that have less than a stage takes, or that nobody declared although there are declarations.
fn too_small_pools(experiment: &Experiment) -> Vec<Problem> {
    let mut problems = Vec::new();
    for stage in &experiment.stages {
        for (name, wanted) in &stage.resources.pools {
            let (message, label) = match experiment.pools.get(name) {
                Some(size) if size < wanted => (
                    format!("`{}` takes {wanted} of the pool `{name}`, which has {size}", stage.stage),
                    "it could never start".to_owned(),
                ),
                None if !experiment.pools.is_empty() => {
                    let near = did_you_mean(name, experiment.pools.keys().map(String::as_str));
                    (format!("`{}` takes of the pool `{name}`, which `pools:` does not declare", stage.stage), near)
                }
                None if *wanted > 1 => (
                    format!("`{}` takes {wanted} of the pool `{name}`, which has one", stage.stage),
                    format!("declare its size: `pools: {{ {name}: {wanted} }}`"),
                ),
                _ => continue,
            };
            let path = format!("stages.{}.resources.pools", stage.stage);
            problems.push(Problem::new("pipe::plan::pool", Some(stage.span), message).at(path).label(label));
        }
    }
    problems
}

/// The nodes so that each stands after all it takes from.
fn ordered(experiment: &Experiment, bound: Vec<Option<BoundStage>>, wires: Vec<Wires>) -> Vec<PlanNode> {
    let mut graph = DiGraph::<(), ()>::with_capacity(bound.len(), bound.len());
    let nodes: Vec<_> = bound.iter().map(|_| graph.add_node(())).collect();
    for (index, (feeds, after)) in wires.iter().enumerate() {
        for from in feeds.iter().map(|feed| feed.from).chain(after.iter().copied()) {
            // A second edge between two nodes changes no order, and looking for a first one takes time.
            graph.add_edge(nodes[from], nodes[index], ());
        }
    }
    // Stages that need each other in a circle were refused when axes were applied.
    let order = toposort(&graph, None).expect("the expansion refuses circles");
    let depth = depths(&wires, &order.iter().map(|node| node.index()).collect::<Vec<_>>());
    // By depth, then as in the file: what people read should stand in the order in which they wrote it.
    let mut order: Vec<usize> = (0..wires.len()).collect();
    order.sort_by_key(|index| (depth[*index], *index));
    let mut place = vec![0; order.len()];
    order.iter().enumerate().for_each(|(at, index)| place[*index] = at);
    let mut parts: Vec<_> = experiment.stages.iter().zip(bound).zip(wires).map(Some).collect();
    order
        .into_iter()
        .map(|index| {
            let ((spec, bound), (feeds, after)) = parts[index].take().expect("each index once");
            let gathered = spec.needs.iter().filter(|need| need.ids.is_empty());
            let empty = gathered.map(|need| need.port.as_ref().unwrap_or(&need.stage).clone()).collect();
            let bound = bound.expect("no problems, so all are bound");
            let with = Arc::new(bound.with);
            let (recipe, externals) = match take_paths(&with) {
                Some((recipe, externals)) => (Arc::new(recipe), externals),
                None => (Arc::clone(&with), Vec::new()),
            };
            PlanNode {
                id: spec.id.clone(),
                stage: spec.stage.clone(),
                axes: spec.axes.clone(),
                kind: bound.kind,
                with,
                recipe,
                externals,
                versions: bound.versions,
                feeds: feeds.into_iter().map(|feed| Feed { from: place[feed.from], ..feed }).collect(),
                after: after.into_iter().map(|from| place[from]).collect(),
                outputs: bound.ports.outputs,
                empty,
                resources: spec.resources.clone(),
                retries: spec.retries.clone(),
                timeout: spec.timeout,
                frozen: spec.frozen,
                written: spec.with.clone(),
            }
        })
        .collect()
}

/// Length of the longest way to each node.
fn depths(wires: &[Wires], order: &[usize]) -> Vec<usize> {
    let mut depth = vec![0; wires.len()];
    for &index in order {
        let (feeds, after) = &wires[index];
        let above = feeds.iter().map(|feed| feed.from).chain(after.iter().copied()).map(|from| depth[from] + 1).max();
        depth[index] = above.unwrap_or(0);
    }
    depth
}
