//! Recipes bound and ports matched: what flows from which stage into which port.
//!
//! Does not know in which order stages stand.

use std::collections::BTreeMap;

use pipe_spec::{NeedSpec, Problem, StageSpec, did_you_mean};
use serde_json::Value as Json;

use crate::{
    ArtifactType, Counting, Feed, Input, Inputs, Output, Ports, Presence, StageKind, command, registry::Kinds,
};

/// Kinds looked up so far, and what was wrong.
pub(crate) struct Planning {
    pub kinds: Kinds,
    pub problems: Vec<Problem>,
}

/// A stage with its recipe bound.
pub(crate) struct BoundStage {
    pub kind: &'static StageKind,
    pub with: Json,
    pub ports: Ports,
    pub versions: BTreeMap<String, String>,
}

/// Feeds and mere predecessors of a stage, by index of the experiment.
pub(crate) type Wires = (Vec<Feed>, Vec<usize>);

impl Planning {
    pub(crate) fn bind(&mut self, stage: &StageSpec) -> Option<BoundStage> {
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

    pub(crate) fn wire(
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
        // The stages that made the lists over which this one is repeated.
        after.extend(stage.after.iter().filter_map(|id| by_id.get(id.as_str()).copied()));
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
        // A need that gathers nothing is there all the same.
        let gathered = stage.needs.iter().filter(|need| need.ids.is_empty());
        let empty = gathered.map(|need| need.port.as_ref().unwrap_or(&need.stage).as_str());
        let ports: Vec<_> = feeds.iter().map(|feed| feed.port.as_str()).chain(empty).collect();
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
