//! Which parts of a run a tracking server gets: the run, and below it one part for each point of the axes, such as a fold.
//!
//! Does not know what happens; the observer does. An outline is kept beside the run, so that what a killed process has heard can be told
//! by the next one. In bullets:
//! * A stage belongs to the part of its point. A stage of fewer axes, `split[fold=1]` beside `train[network=unet,fold=1]`, belongs to the
//!   one part that has it, and to the run itself where several have it.
//! * A search has a part for each trial, `trial=7`, below it one for each point within the trial, `trial=7,fold=0`, also where a trial has
//!   one fold alone: what an id says is enough, so that it is all the same in which order stages become known, and a number has one name
//!   in all searches. In nested cross-validation trials lie below the part of their outer fold: `fold=1` has `fold=1,trial=7`.
//! * What is a trial is said by the axis `trial` in ids, where the experiment declares no axis of that name (`point.rs`).
//! * Instances over lists that stages make are no parts: nobody wants a run for every case.
//! * Each part has all parameters of its stages; the run has those that all instances of a stage share. Trials are no part of that: each
//!   has what it tries. Nothing that a trial makes is kept at a server.
//! * An instance that becomes known during the run has a part as every other one; its parameters come with its result.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use indexmap::IndexMap;
use pipe_store::{Direction, Record, WHOLE};
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

use crate::{
    flatten::flatten,
    message::Dataset,
    point::{Point, name, parse, point, trial_in, values},
};

/// A planned stage instance, as far as trackers care.
#[derive(Clone, Debug)]
pub struct Stage {
    /// `train[fold=1]`.
    pub id: String,
    /// `train`.
    pub stage: String,
    /// Its point.
    pub axes: IndexMap<String, String>,
    /// The recipe, without paths.
    pub recipe: Arc<Json>,
    /// The result that answers it; none where it is to run.
    pub answer: Option<Arc<Record>>,
    /// What of its outputs is kept at a server.
    pub keep: Keep,
}

/// What of a stage's outputs is kept at a server.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Keep {
    /// Nothing.
    #[default]
    Nothing,
    /// The files of an output.
    Files {
        /// The output's port.
        port: String,
    },
    /// The files of an output, which are a model for the registry.
    Model {
        /// The output's port.
        port: String,
        /// The name in the registry.
        registered: String,
    },
}

/// A run that begins.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct About {
    /// Its number.
    pub run: i64,
    /// Name of the experiment.
    pub experiment: String,
    /// Name of the servers' experiment, for each destination another one perhaps.
    pub titles: BTreeMap<String, String>,
    /// When it began, Unix time in milliseconds.
    pub at: i64,
    /// Facts about the run: host, commit, versions.
    pub tags: BTreeMap<String, String>,
    /// Further facts, for one destination each.
    pub own_tags: BTreeMap<String, BTreeMap<String, String>>,
    /// The axes that the experiment declares; others come from lists.
    pub axes: Vec<String>,
    /// The stages whose first output is a data set, with its name and its source.
    pub datasets: BTreeMap<String, Dataset>,
    /// What is kept of the outputs of instances that become known during the run, by the names of their stages; of trials nothing is.
    #[serde(default)]
    pub keep: BTreeMap<String, Keep>,
    /// Which way the objective of a search is better; none where nothing is searched.
    #[serde(default)]
    pub goal: Option<Direction>,
}

/// A run by its parts.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Outline {
    pub(crate) about: About,
    /// By their names; the run itself is [`WHOLE`].
    pub(crate) parts: IndexMap<String, Part>,
    pub(crate) stages: IndexMap<String, Placed>,
    /// The parts of points that have none of their own, by the names of the points.
    #[serde(default)]
    elsewhere: BTreeMap<String, String>,
}

/// A part of a run.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Part {
    pub point: Point,
    pub params: BTreeMap<String, String>,
    /// The part to which it belongs; of the run itself, that is the run itself.
    #[serde(default)]
    pub parent: String,
    /// The part of the trial in which it lies, or that it is.
    #[serde(default)]
    pub trial: Option<String>,
}

/// A stage in its part.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Placed {
    pub part: String,
    /// The stage's name, and the axes that the part does not have: how its numbers begin.
    pub prefix: String,
    pub keep: Keep,
    pub answer: Option<Record>,
    #[serde(default)]
    pub params: Params,
}

/// Where a stage's parameters come from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Params {
    /// Its part has them already, or never gets them.
    #[default]
    Known,
    /// Its result tells them.
    OfResult,
}

impl Outline {
    /// Divides a run into its parts.
    pub fn new(about: &About, stages: &[Stage]) -> Self {
        let parts = IndexMap::from([(WHOLE.to_owned(), Part::default())]);
        let mut outline = Self { about: about.clone(), parts, stages: IndexMap::new(), elsewhere: BTreeMap::new() };
        let points: Vec<Point> = stages.iter().map(|stage| point(&about.axes, &stage.axes)).collect();
        let (of_trials, plain): (BTreeSet<Point>, BTreeSet<Point>) =
            points.iter().cloned().partition(|point| trial_in(&about.axes, point).is_some());
        let mut holders = holders(&plain);
        // What has trials is a part itself.
        let around = of_trials.iter().filter_map(|point| Some(point[..trial_in(&about.axes, point)?].to_vec()));
        holders.extend(around.filter(|point| !point.is_empty()).map(|point| (point.clone(), Holder::One(point))));
        let mut shared: BTreeMap<String, Option<String>> = BTreeMap::new();
        for (stage, own) in stages.iter().zip(&points) {
            let point = match holders.get(own) {
                Some(Holder::One(point)) => point.as_slice(),
                Some(Holder::Several) => &[],
                None => own,
            };
            let part = outline.part(point);
            if part != name(own) {
                outline.elsewhere.insert(name(own), part.clone());
            }
            let mut placed = outline.placed(&part, &stage.stage, &stage.axes);
            if outline.parts[&part].trial.is_none() {
                let answer = stage.answer.as_ref().map(|record| (**record).clone());
                placed = Placed { keep: stage.keep.clone(), answer, ..placed };
                let mut flat = Vec::new();
                flatten(&stage.stage, &stage.recipe, &mut flat);
                flat.iter().for_each(|(key, value)| share(&mut shared, key, value));
                outline.parts[&part].params.extend(flat);
            } else {
                placed.answer = stage.answer.as_ref().map(|record| (**record).clone());
            }
            outline.stages.insert(stage.id.clone(), placed);
        }
        let shared = shared.into_iter().filter_map(|(key, value)| Some((key, value?)));
        outline.parts[WHOLE].params = shared.collect();
        outline
    }

    /// Adds an instance that became known during the run, by its id alone; gives its part where it is new.
    pub(crate) fn grow(&mut self, id: &str) -> Option<String> {
        if self.stages.contains_key(id) {
            return None;
        }
        let (stage, axes) = parse(id);
        let point = point(&self.about.axes, &axes);
        let own = name(&point);
        let elsewhere = self.elsewhere.get(&own).filter(|_| !self.parts.contains_key(&own)).cloned();
        let part = elsewhere.unwrap_or_else(|| self.part(&point));
        let mut placed = self.placed(&part, stage, &axes);
        if self.parts[&part].trial.is_none() && placed.prefix == stage {
            placed.keep = self.about.keep.get(stage).cloned().unwrap_or_default();
            placed.params = Params::OfResult;
        }
        self.stages.insert(id.to_owned(), placed);
        Some(part)
    }

    /// The part of a trial, `fold=1,trial=7`; none where that is no trial.
    pub(crate) fn trial(&mut self, trial: &str) -> Option<String> {
        let point = point(&self.about.axes, &values(trial));
        let at = trial_in(&self.about.axes, &point)?;
        Some(self.part(&point[..=at]))
    }

    /// The part of a point, which is made if it is not there, with those to which it belongs.
    fn part(&mut self, point: &[(String, String)]) -> String {
        let name = name(point);
        if !self.parts.contains_key(&name) {
            let (parent, trial) = match trial_in(&self.about.axes, point) {
                None => (WHOLE.to_owned(), None),
                Some(at) if at + 1 == point.len() => (self.part(&point[..at]), Some(name.clone())),
                Some(at) => {
                    let trial = self.part(&point[..=at]);
                    (trial.clone(), Some(trial))
                }
            };
            let params = point.iter().map(|(axis, value)| (format!("axis.{axis}"), value.clone())).collect();
            self.parts.insert(name.clone(), Part { point: point.to_vec(), params, parent, trial });
        }
        name
    }

    fn placed(&self, part: &str, stage: &str, axes: &IndexMap<String, String>) -> Placed {
        let point = &self.parts[part].point;
        let further = axes.iter().filter(|(axis, _)| !point.iter().any(|(known, _)| known == *axis));
        let prefix = further.fold(stage.to_owned(), |prefix, (axis, value)| format!("{prefix}/{axis}.{value}"));
        Placed { part: part.to_owned(), prefix, keep: Keep::Nothing, answer: None, params: Params::Known }
    }
}

/// Notes a value that all have, or that they differ.
pub(crate) fn share(shared: &mut BTreeMap<String, Option<String>>, key: &str, value: &str) {
    match shared.get_mut(key) {
        Some(seen) if seen.as_deref() != Some(value) => *seen = None,
        Some(_) => {}
        None => drop(shared.insert(key.to_owned(), Some(value.to_owned()))),
    }
}

/// The parts to which a point belongs.
enum Holder {
    One(Point),
    Several,
}

/// Of every point the largest points that hold it, itself where no larger one does.
fn holders(points: &BTreeSet<Point>) -> BTreeMap<Point, Holder> {
    let axes = |point: &Point| point.iter().map(|(axis, _)| axis.clone()).collect::<Vec<_>>();
    let mut sets: Vec<Vec<String>> = points.iter().map(axes).collect::<BTreeSet<_>>().into_iter().collect();
    sets.sort_by_key(|set| std::cmp::Reverse(set.len()));
    let mut holders: BTreeMap<Point, Holder> = BTreeMap::new();
    for set in &sets {
        for point in points.iter().filter(|point| axes(point) == *set) {
            if holders.contains_key(point) {
                continue;
            }
            for smaller in
                sets.iter().filter(|other| other.len() < set.len() && other.iter().all(|axis| set.contains(axis)))
            {
                let below: Point = point.iter().filter(|(axis, _)| smaller.contains(axis)).cloned().collect();
                let holder = holders.entry(below).or_insert_with(|| Holder::One(point.clone()));
                if !matches!(holder, Holder::One(one) if one == point) {
                    *holder = Holder::Several;
                }
            }
            holders.insert(point.clone(), Holder::One(point.clone()));
        }
    }
    // What has no axes is the run's own, also where there is one fold alone.
    holders.insert(Point::new(), Holder::Several);
    holders
}

#[cfg(test)]
pub(crate) mod tests;
