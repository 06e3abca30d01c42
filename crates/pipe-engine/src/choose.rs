//! Which part of an experiment is meant: targets, from, until, only.
//!
//! Does not know what is cached.

use std::collections::{BTreeMap, BTreeSet};

use pipe_spec::{Experiment, StageSpec, did_you_mean};
use thiserror::Error;

use crate::Pattern;

/// What was asked for; nothing means everything.
#[derive(Clone, Debug, Default)]
pub struct Choice {
    /// These and all they need.
    pub targets: Vec<Pattern>,
    /// These and all that needs them; what stands above must have its results.
    pub from: Vec<Pattern>,
    /// Nothing else; what they need must have its results.
    pub only: Vec<Pattern>,
}

/// A choice that means nothing.
#[derive(Debug, Error)]
pub enum NoStage {
    /// A pattern means no stage.
    #[error("there is no stage `{pattern}`; {near}")]
    Unknown {
        /// The pattern.
        pattern: String,
        /// The nearest names.
        near: String,
    },
    /// Each pattern means a stage, but none is meant by all options together.
    #[error("nothing is chosen: no stage is meant by all of these options together")]
    Nothing,
}

impl Choice {
    /// Whether everything is meant.
    pub fn is_all(&self) -> bool {
        self.targets.is_empty() && self.from.is_empty() && self.only.is_empty()
    }

    /// Leaves what is meant and what that needs in the experiment, and gives the stages that may run; none where all may.
    ///
    /// # Errors
    /// A pattern means nothing.
    pub fn apply(&self, experiment: &mut Experiment) -> Result<Option<BTreeSet<String>>, NoStage> {
        if self.is_all() {
            return Ok(None);
        }
        let above = Edges::new(experiment);
        let all = || (0..experiment.stages.len()).collect::<BTreeSet<_>>();
        let mut chosen = match self.targets.as_slice() {
            [] => all(),
            targets => {
                // What is not known yet needs its list, whatever else.
                let means = |stage: &str| targets.iter().any(|pattern| pattern.names(stage));
                let open = experiment.open.iter().filter(|open| means(&open.stage));
                let makers: Vec<_> = open.filter_map(|open| above.index(&open.maker)).collect();
                let named = named(experiment, targets)?;
                above.reach(named.into_iter().chain(makers).collect())
            }
        };
        if !self.from.is_empty() {
            let below = above.turned().reach(named(experiment, &self.from)?);
            chosen.retain(|stage| below.contains(stage));
        }
        if !self.only.is_empty() {
            let only = named(experiment, &self.only)?;
            chosen.retain(|stage| only.contains(stage));
        }
        // What is not known yet may belong to what is meant; it is decided when it is known, so its list is made.
        let meant = |stage: &str| {
            let patterns = || self.targets.iter().chain(&self.only);
            patterns().any(|pattern| pattern.names(stage)) || (self.targets.is_empty() && self.only.is_empty())
        };
        experiment.open.retain(|open| meant(&open.stage));
        if chosen.is_empty() && experiment.open.is_empty() {
            return Err(NoStage::Nothing);
        }
        let makers = experiment.open.iter().filter_map(|open| above.index(&open.maker));
        let kept = above.reach(chosen.iter().copied().chain(makers).collect());
        let limited = !self.from.is_empty() || !self.only.is_empty();
        let may_run = limited.then(|| chosen.iter().map(|stage| experiment.stages[*stage].id.clone()).collect());
        let mut index = 0;
        experiment.stages.retain(|_| {
            index += 1;
            kept.contains(&(index - 1))
        });
        Ok(may_run)
    }
}

impl Choice {
    /// Whether every pattern means something.
    ///
    /// # Errors
    /// One means nothing.
    pub fn check(&self, experiment: &Experiment) -> Result<(), NoStage> {
        [&self.targets, &self.from, &self.only]
            .into_iter()
            .try_for_each(|patterns| named(experiment, patterns).map(drop))
    }
}

/// Indices of the instances that some patterns mean.
fn named(experiment: &Experiment, patterns: &[Pattern]) -> Result<BTreeSet<usize>, NoStage> {
    let mut found = BTreeSet::new();
    for pattern in patterns {
        let before = found.len();
        let means = |(_, stage): &(usize, &StageSpec)| pattern.means(&stage.stage, &stage.axes);
        found.extend(experiment.stages.iter().enumerate().filter(means).map(|(index, _)| index));
        let is_open = experiment.open.iter().any(|open| pattern.names(&open.stage));
        let is_twice = experiment.stages.iter().any(|stage| pattern.means(&stage.stage, &stage.axes));
        if found.len() == before && !is_open && !is_twice {
            let stages = experiment.stages.iter().flat_map(|stage| [stage.stage.as_str(), stage.id.as_str()]);
            let open = experiment.open.iter().map(|open| open.stage.as_str());
            let known: indexmap::IndexSet<_> = stages.chain(open).collect();
            let near = did_you_mean(&pattern.to_string(), known);
            return Err(NoStage::Unknown { pattern: pattern.to_string(), near });
        }
    }
    Ok(found)
}

/// Edges of the graph, one way.
struct Edges {
    by_id: BTreeMap<String, usize>,
    to: Vec<Vec<usize>>,
}

impl Edges {
    /// From each stage to what it needs.
    fn new(experiment: &Experiment) -> Self {
        let by_id: BTreeMap<String, usize> =
            experiment.stages.iter().enumerate().map(|(index, stage)| (stage.id.clone(), index)).collect();
        let needs = |stage: &StageSpec| {
            let ids = stage.needs.iter().flat_map(|need| &need.ids).chain(&stage.after);
            ids.filter_map(|id| by_id.get(id).copied()).collect()
        };
        let to = experiment.stages.iter().map(needs).collect();
        Self { by_id, to }
    }

    fn index(&self, id: &str) -> Option<usize> {
        self.by_id.get(id).copied()
    }

    fn turned(&self) -> Self {
        let mut turned = vec![Vec::new(); self.to.len()];
        for (from, to) in self.to.iter().enumerate() {
            to.iter().for_each(|to| turned[*to].push(from));
        }
        Self { by_id: BTreeMap::new(), to: turned }
    }

    /// Everything that can be reached, the start included.
    fn reach(&self, start: BTreeSet<usize>) -> BTreeSet<usize> {
        let mut waiting: Vec<_> = start.iter().copied().collect();
        let mut reached = start;
        while let Some(stage) = waiting.pop() {
            for next in &self.to[stage] {
                if reached.insert(*next) {
                    waiting.push(*next);
                }
            }
        }
        reached
    }
}
