//! What every renderer draws: stages with their states, and arrows between them.
//!
//! Does not know how anything is drawn.

use indexmap::IndexMap;
use pipe_engine::Plan;

use super::fold::fold;
use crate::commands::state::{Seen, State};

/// A graph to draw.
pub(super) struct Picture {
    pub experiment: String,
    /// Every one stands after all it takes from.
    pub stages: Vec<Drawn>,
    /// At most one from one stage to another.
    pub arrows: Vec<Arrow>,
}

/// A stage instance.
pub(super) struct Drawn {
    pub id: String,
    pub stage: String,
    pub axes: IndexMap<String, String>,
    pub kind: String,
    /// None where states are not known.
    pub state: Option<State>,
}

/// What flows from one stage to another.
pub(super) struct Arrow {
    pub from: usize,
    pub to: usize,
    /// The outputs by name; none where only the order counts.
    pub outputs: Vec<String>,
}

impl Picture {
    pub(super) fn new(plan: &Plan, states: Option<&[Seen]>) -> Self {
        let drawn = |(index, node): (usize, &pipe_engine::PlanNode)| Drawn {
            id: node.id.clone(),
            stage: node.stage.clone(),
            axes: node.axes.clone(),
            kind: node.kind.name.to_owned(),
            state: states.map(|states| states[index].state),
        };
        let mut arrows = Vec::new();
        for (to, node) in plan.nodes.iter().enumerate() {
            let mut outputs: IndexMap<usize, Vec<String>> = IndexMap::new();
            for feed in &node.feeds {
                let of = outputs.entry(feed.from).or_default();
                // Two ports may take the same output.
                if !of.contains(&feed.output) {
                    of.push(feed.output.clone());
                }
            }
            for from in &node.after {
                outputs.entry(*from).or_default();
            }
            arrows.extend(outputs.into_iter().map(|(from, outputs)| Arrow { from, to, outputs }));
        }
        let mut stages: Vec<_> = plan.nodes.iter().enumerate().map(drawn).collect();
        for open in &plan.open {
            if let Some(from) = plan.nodes.iter().position(|node| node.id == open.maker) {
                arrows.push(Arrow { from, to: stages.len(), outputs: vec![open.output.clone()] });
            }
            stages.push(Drawn {
                id: open.id.clone(),
                stage: open.stage.clone(),
                axes: IndexMap::new(),
                kind: "not known yet".to_owned(),
                state: Some(State::Open),
            });
        }
        Self { experiment: plan.experiment.clone(), stages, arrows }
    }

    /// The same graph with one box for all instances of a stage that are in one state.
    pub(super) fn folded(&self) -> Self {
        let mut groups: IndexMap<(&str, Option<State>), Vec<usize>> = IndexMap::new();
        for (index, stage) in self.stages.iter().enumerate() {
            groups.entry((&stage.stage, stage.state)).or_default().push(index);
        }
        let mut group_of = vec![0; self.stages.len()];
        for (group, members) in groups.values().enumerate() {
            members.iter().for_each(|member| group_of[*member] = group);
        }
        let mut between: IndexMap<(usize, usize), Vec<String>> = IndexMap::new();
        for arrow in &self.arrows {
            let (from, to) = (group_of[arrow.from], group_of[arrow.to]);
            // A chain within a stage has no arrow of its own here.
            if from != to {
                let outputs = between.entry((from, to)).or_default();
                arrow.outputs.iter().for_each(|output| {
                    if !outputs.contains(output) {
                        outputs.push(output.clone());
                    }
                });
            }
        }
        // Every group must stand after all it takes from, whatever instance was first.
        let mut order: Vec<usize> = Vec::new();
        while order.len() < groups.len() {
            let is_ready = |group: &usize| {
                !order.contains(group) && between.keys().all(|(from, to)| to != group || order.contains(from))
            };
            // Stages cannot take from each other in a ring, so one is always ready.
            let Some(next) = (0..groups.len()).find(is_ready) else { break };
            order.push(next);
        }
        let place = |group: usize| order.iter().position(|at| *at == group).unwrap_or(group);
        let drawn = |group: &usize| {
            let ((stage, state), members) = groups.get_index(*group).expect("a group of its own");
            let points: Vec<_> = members.iter().map(|index| (*index, &self.stages[*index].axes)).collect();
            // Which instances they are is said where others are in another state.
            let is_whole = groups.keys().filter(|(other, _)| other == stage).count() == 1;
            let name = match fold(stage, &points).as_slice() {
                [part] if !is_whole || members.len() == 1 => part.name.clone(),
                _ => (*stage).to_owned(),
            };
            let several = if members.len() > 1 { format!(" x{}", members.len()) } else { String::new() };
            let first = &self.stages[members[0]];
            Drawn {
                id: format!("{name}{several}"),
                stage: first.stage.clone(),
                axes: IndexMap::new(),
                kind: first.kind.clone(),
                state: *state,
            }
        };
        let arrows = between.iter();
        let mut arrows: Vec<Arrow> = arrows
            .map(|((from, to), outputs)| Arrow { from: place(*from), to: place(*to), outputs: outputs.clone() })
            .collect();
        arrows.sort_by_key(|arrow| arrow.to);
        Self { experiment: self.experiment.clone(), stages: order.iter().map(drawn).collect(), arrows }
    }

    /// Length of the longest way to each stage.
    pub(super) fn depths(&self) -> Vec<usize> {
        let mut depths = vec![0; self.stages.len()];
        // Arrows stand in the order of their ends, and every stage after all it takes from.
        for arrow in &self.arrows {
            depths[arrow.to] = depths[arrow.to].max(depths[arrow.from] + 1);
        }
        depths
    }

    /// How many stages are in each state, in the order of [`State::ALL`]; states that none is in are left out.
    pub(super) fn counts(&self) -> Vec<(State, usize)> {
        let count = |state| self.stages.iter().filter(|stage| stage.state == Some(state)).count();
        State::ALL.into_iter().map(|state| (state, count(state))).filter(|(_, count)| *count > 0).collect()
    }
}

impl Arrow {
    /// The outputs as one label.
    pub(super) fn label(&self) -> String {
        self.outputs.join(", ")
    }
}

/// A text of at most so many characters, its middle left out where it is longer.
pub(super) fn shortened(text: &str, most: usize) -> String {
    let characters: Vec<char> = text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    if characters.len() <= most {
        return characters.into_iter().collect();
    }
    // The end tells instances apart, so more of it stays.
    let (head, tail) = (most / 2, most - most / 2 - 1);
    let parts = [&characters[..head], &['…'], &characters[characters.len() - tail..]];
    parts.concat().into_iter().collect()
}

/// A small graph with names that need care, for the tests of renderers.
#[cfg(test)]
pub(super) fn example() -> Picture {
    let stage = |id: &str, kind: &str, state| {
        let (stage, axes) = id.split_once('[').unwrap_or((id, ""));
        let axes = axes.trim_end_matches(']').split(',').filter_map(|axis| axis.split_once('='));
        Drawn {
            id: id.to_owned(),
            stage: stage.to_owned(),
            axes: axes.map(|(axis, value)| (axis.to_owned(), value.to_owned())).collect(),
            kind: kind.to_owned(),
            state: Some(state),
        }
    };
    let arrow = |from, to, outputs: &[&str]| Arrow {
        from,
        to,
        outputs: outputs.iter().map(|output| (*output).to_owned()).collect(),
    };
    Picture {
        experiment: "odd \"names\"".to_owned(),
        stages: vec![
            stage("prepare", "prepare", State::Cached),
            stage("a \"quoted\" <b>&\\ #1;`x`", "command", State::Failed),
            stage("train[fold=0]", "train", State::Running),
            stage("train[fold=1]", "train", State::Run),
            stage("train[fold=2]", "train", State::Run),
            stage("sum", "command", State::Perhaps),
        ],
        arrows: vec![
            arrow(0, 1, &["data \"set\"", "a|b"]),
            arrow(0, 2, &["dataset"]),
            arrow(0, 3, &["dataset"]),
            arrow(0, 4, &["dataset"]),
            arrow(1, 5, &[]),
            arrow(2, 5, &["model"]),
            arrow(3, 5, &["model"]),
            arrow(4, 5, &["model"]),
        ],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn depths_and_counts() {
        let picture = example();
        assert_eq!(picture.depths(), [0, 1, 1, 1, 1, 2]);
        let counts: Vec<_> = picture.counts().iter().map(|(state, count)| (state.words(), *count)).collect();
        assert_eq!(counts, [("cached", 1), ("would run", 2), ("perhaps", 1), ("failed", 1), ("running", 1)]);
    }

    #[test]
    fn instances_of_a_state_share_a_box() {
        let folded = example().folded();
        let names: Vec<_> = folded.stages.iter().map(|stage| stage.id.as_str()).collect();
        assert_eq!(names, ["prepare", "a \"quoted\" <b>&\\ #1;`x`", "train[fold=0]", "train[fold=1|2] x2", "sum"]);
        let arrows: Vec<_> = folded.arrows.iter().map(|arrow| (arrow.from, arrow.to, arrow.label())).collect();
        let arrow = |from, to, label: &str| (from, to, label.to_owned());
        let taken = [arrow(1, 4, ""), arrow(2, 4, "model"), arrow(3, 4, "model")];
        assert_eq!(arrows[..3], [arrow(0, 1, "data \"set\", a|b"), arrow(0, 2, "dataset"), arrow(0, 3, "dataset")]);
        assert_eq!(arrows[3..], taken);
        assert_eq!(folded.depths(), [0, 1, 1, 1, 2]);
    }

    #[test]
    fn a_stage_of_which_only_some_instances_wait_for_another() {
        // The first `b` needs nothing; the second takes from `a`, which stands behind the first.
        let mut picture = example();
        picture.stages.truncate(3);
        for (stage, id) in picture.stages.iter_mut().zip(["b", "a", "b"]) {
            (stage.id, stage.stage, stage.state) = (id.to_owned(), id.to_owned(), None);
        }
        picture.arrows = vec![Arrow { from: 1, to: 2, outputs: Vec::new() }];
        let folded = picture.folded();
        assert_eq!(folded.stages.iter().map(|stage| stage.stage.as_str()).collect::<Vec<_>>(), ["a", "b"]);
        assert_eq!(folded.depths(), [0, 1]);
    }

    #[test]
    fn long_names_keep_their_ends() {
        assert_eq!(shortened("train[fold=1]", 20), "train[fold=1]");
        assert_eq!(shortened("a_very_long_name[fold=1]", 13), "a_very…old=1]");
        assert_eq!(shortened("a\nb", 9), "a b");
    }
}
