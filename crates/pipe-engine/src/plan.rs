//! An experiment with its kinds looked up, recipes bound and ports matched: an immutable graph.
//!
//! Does not know what is cached.

use std::{collections::BTreeMap, path::PathBuf, sync::Arc};

use indexmap::IndexMap;
use petgraph::{algo::toposort, graph::DiGraph};
use pipe_spec::{Experiment, NeedSpec, Node, Problem, Problems, Resources, StageSpec, did_you_mean};
use serde_json::Value as Json;

use crate::{
    ArtifactType, Counting, Input, Inputs, Output, Ports, Presence, Registry, StageKind, command,
    fingerprint::take_paths, registry::Kinds,
};

/// A planned experiment.
#[derive(Debug)]
pub struct Plan {
    /// Name of the experiment.
    pub experiment: String,
    /// The stage instances; every one stands after all it takes from.
    pub nodes: Vec<PlanNode>,
}

/// A planned stage instance.
#[derive(Debug)]
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
    /// Where and how fast it runs.
    pub resources: Resources,
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

impl Plan {
    /// Indices of the instances that a name means: `train` all, `train[fold=1]` one.
    pub fn find(&self, name: &str) -> Vec<usize> {
        let means = |node: &PlanNode| node.id == name || node.stage == name;
        self.nodes.iter().enumerate().filter(|(_, node)| means(node)).map(|(index, _)| index).collect()
    }

    /// What to say about a name that means no instance.
    pub fn unknown(&self, name: &str) -> String {
        let known = self.nodes.iter().flat_map(|node| [node.stage.as_str(), node.id.as_str()]);
        let known: indexmap::IndexSet<_> = known.collect();
        did_you_mean(name, known)
    }

    /// Indices of everything a node waits for.
    pub fn upstream(&self, node: usize) -> impl Iterator<Item = usize> {
        self.nodes[node].feeds.iter().map(|feed| feed.from).chain(self.nodes[node].after.iter().copied())
    }
}

/// Plans an experiment.
///
/// # Errors
/// All unknown kinds, wrong recipes and unmatched ports at once.
pub fn plan(registry: Registry, experiment: &Experiment) -> Result<Plan, Problems> {
    let mut planning = Planning { kinds: Kinds::new(registry), problems: Vec::new() };
    let bound: Vec<_> = experiment.stages.iter().map(|stage| planning.bind(stage)).collect();
    let by_id: BTreeMap<&str, usize> =
        experiment.stages.iter().enumerate().map(|(index, stage)| (stage.id.as_str(), index)).collect();
    let wires: Vec<_> =
        (0..bound.len()).map(|index| planning.wire(index, &experiment.stages, &bound, &by_id)).collect();
    if planning.problems.is_empty() {
        return Ok(Plan { experiment: experiment.name.clone(), nodes: ordered(experiment, bound, wires) });
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

struct Planning {
    kinds: Kinds,
    problems: Vec<Problem>,
}

struct BoundStage {
    kind: &'static StageKind,
    with: Json,
    ports: Ports,
    versions: BTreeMap<String, String>,
}

/// Feeds and mere predecessors of a stage, by index of the experiment.
type Wires = (Vec<Feed>, Vec<usize>);

impl Planning {
    fn bind(&mut self, stage: &StageSpec) -> Option<BoundStage> {
        let path = format!("stages.{}.with", stage.stage);
        let bound = match self.kinds.find(&stage.kind, stage.kind_span) {
            Ok((kind, schema)) => kind.bind(&stage.with, schema, &path).map(|bound| (kind, bound)),
            Err(problem) => Err(vec![*problem]),
        };
        match bound {
            Ok((kind, bound)) => {
                Some(BoundStage { kind, with: bound.with, ports: bound.ports, versions: bound.versions })
            }
            Err(more) => {
                self.problems.extend(more);
                None
            }
        }
    }

    fn wire(
        &mut self,
        index: usize,
        stages: &[StageSpec],
        bound: &[Option<BoundStage>],
        by_id: &BTreeMap<&str, usize>,
    ) -> Wires {
        let stage = &stages[index];
        let Some(BoundStage { ports, .. }) = &bound[index] else {
            return Wires::default();
        };
        let (mut feeds, mut after) = (Vec::new(), Vec::new());
        // What a stage with a problem of its own makes is not known; its consumers are not to blame.
        let mut is_known = true;
        for need in &stage.needs {
            for id in &need.ids {
                let Some(&from) = by_id.get(id.as_str()) else {
                    continue;
                };
                let Some(source) = &bound[from] else {
                    is_known = false;
                    continue;
                };
                let before = feeds.len();
                match &ports.inputs {
                    Inputs::Anything => self.take_anything(need, from, source, &mut feeds),
                    Inputs::Typed(inputs) => self.take_typed(stage, need, from, source, inputs, &mut feeds),
                }
                if feeds.len() == before {
                    after.push(from);
                }
            }
        }
        if is_known
            && stage.kind == command::NAME
            && let Some(bound) = &bound[index]
        {
            self.check_placeholders(stage, &bound.with, &feeds);
        }
        if let Inputs::Typed(inputs) = &ports.inputs
            && is_known
        {
            self.check_presence(stage, inputs, &feeds, stages);
        }
        (feeds, after)
    }

    /// Outputs of a need: the one it names, else all.
    fn offered<'b>(&mut self, need: &NeedSpec, source: &'b BoundStage) -> Vec<&'b Output> {
        let outputs = &source.ports.outputs;
        let Some(name) = &need.output else {
            return outputs.iter().collect();
        };
        let found: Vec<_> = outputs.iter().filter(|output| output.name == *name).collect();
        if found.is_empty() {
            let message = format!("`{}` has no output `{name}`", need.stage);
            let near = did_you_mean(name, outputs.iter().map(|output| output.name.as_str()));
            self.problems.push(Problem::new("pipe::plan::unknown_output", Some(need.span), message).label(near));
        }
        found
    }

    fn take_anything(&mut self, need: &NeedSpec, from: usize, source: &BoundStage, feeds: &mut Vec<Feed>) {
        let name = need.port.as_ref().unwrap_or(&need.stage);
        let offered = self.offered(need, source);
        // One output arrives under the stage's name, several under `stage.output`.
        let several = offered.len() > 1;
        for output in offered {
            let port = if several { format!("{name}.{}", output.name) } else { name.clone() };
            feeds.push(Feed { port, from, output: output.name.clone(), counting: Counting::Counted });
        }
    }

    fn take_typed(
        &mut self,
        stage: &StageSpec,
        need: &NeedSpec,
        from: usize,
        source: &BoundStage,
        inputs: &[Input],
        feeds: &mut Vec<Feed>,
    ) {
        let offered = self.offered(need, source);
        let wanted: Vec<&Input> = match &need.port {
            Some(port) => match inputs.iter().find(|input| input.name == *port) {
                Some(input) => vec![input],
                None => {
                    let message = format!("`{}` has no input `{port}`", stage.stage);
                    let near = did_you_mean(port, inputs.iter().map(|input| input.name.as_str()));
                    self.problems.push(Problem::new("pipe::plan::unknown_input", Some(need.span), message).label(near));
                    return;
                }
            },
            None => inputs.iter().collect(),
        };
        for input in wanted {
            for output in offered.iter().filter(|output| output.kind == input.kind) {
                feeds.push(Feed {
                    port: input.name.clone(),
                    from,
                    output: output.name.clone(),
                    counting: input.counting,
                });
            }
            if need.port.is_some() && !offered.iter().any(|output| output.kind == input.kind) {
                let made = offered.iter().map(|output| format!("`{}`", output.kind.0)).collect::<Vec<_>>().join(", ");
                let message = format!(
                    "input `{}` of `{}` takes a `{}`, but `{}` makes {made}",
                    input.name, stage.stage, input.kind.0, need.stage
                );
                self.problems
                    .push(Problem::new("pipe::plan::wrong_type", Some(need.span), message).label("of another type"));
            }
        }
    }

    fn check_placeholders(&mut self, stage: &StageSpec, with: &Json, feeds: &[Feed]) {
        let ports: Vec<_> = feeds.iter().map(|feed| feed.port.as_str()).collect();
        let Some((name, known)) = command::unfillable(with, &ports) else { return };
        let path = format!("stages.{}.with", stage.stage);
        let problem = if known.is_empty() {
            let key = name.trim_start_matches("inputs.");
            let span = stage.with.at(["inputs", key]).unwrap_or(&stage.with).span();
            Problem::new(
                "pipe::plan::two_inputs",
                Some(span),
                format!("`{name}` is given by `needs` and by `with.inputs`"),
            )
            .label("choose another name")
        } else {
            let span = stage.with.get("command").unwrap_or(&stage.with).span();
            let message = format!("`{{{name}}}` names nothing that `{}` has", stage.stage);
            Problem::new("pipe::plan::placeholder", Some(span), message)
                .label(did_you_mean(&name, known.iter().map(String::as_str)))
        };
        self.problems.push(problem.at(path));
    }

    fn check_presence(&mut self, stage: &StageSpec, inputs: &[Input], feeds: &[Feed], stages: &[StageSpec]) {
        for input in inputs {
            let fed: Vec<_> = feeds.iter().filter(|feed| feed.port == input.name).collect();
            let ArtifactType(kind) = input.kind;
            if fed.is_empty() && input.presence == Presence::Required {
                let message = format!(
                    "`{}` needs a `{kind}` for its input `{}`, and none of its needs makes one",
                    stage.stage, input.name
                );
                let problem = Problem::new("pipe::plan::missing_input", Some(stage.span), message);
                self.problems.push(
                    problem
                        .at(format!("stages.{}.needs", stage.stage))
                        .label(format!("add a stage that makes a `{kind}` to `needs`")),
                );
            }
            if fed.len() > 1 && input.presence != Presence::Many {
                let makers = fed
                    .iter()
                    .map(|feed| format!("`{}.{}`", stages[feed.from].id, feed.output))
                    .collect::<Vec<_>>()
                    .join(" and ");
                let message = format!("{makers} both fit the input `{}` of `{}`", input.name, stage.stage);
                let help = format!("say which: `needs: {{ {}: STAGE }}`", input.name);
                self.problems.push(
                    Problem::new("pipe::plan::ambiguous", Some(stage.span), message).label("two candidates").help(help),
                );
            }
        }
    }
}

/// The nodes so that each stands after all it takes from.
fn ordered(experiment: &Experiment, bound: Vec<Option<BoundStage>>, wires: Vec<Wires>) -> Vec<PlanNode> {
    let mut graph = DiGraph::<(), ()>::with_capacity(bound.len(), bound.len());
    let nodes: Vec<_> = bound.iter().map(|_| graph.add_node(())).collect();
    for (index, (feeds, after)) in wires.iter().enumerate() {
        for from in feeds.iter().map(|feed| feed.from).chain(after.iter().copied()) {
            graph.update_edge(nodes[from], nodes[index], ());
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
            let bound = bound.expect("no problems, so all are bound");
            let (recipe, externals) = take_paths(&bound.with);
            PlanNode {
                id: spec.id.clone(),
                stage: spec.stage.clone(),
                axes: spec.axes.clone(),
                kind: bound.kind,
                with: Arc::new(bound.with),
                recipe: Arc::new(recipe),
                externals,
                versions: bound.versions,
                feeds: feeds.into_iter().map(|feed| Feed { from: place[feed.from], ..feed }).collect(),
                after: after.into_iter().map(|from| place[from]).collect(),
                outputs: bound.ports.outputs,
                resources: spec.resources.clone(),
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
