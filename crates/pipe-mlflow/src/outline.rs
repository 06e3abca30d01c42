//! Which parts of a run a tracking server gets: the run, and below it one part for each point of the axes, such as a fold.
//!
//! Does not know what happens; the observer does. An outline is kept beside the run, so that what a killed process has heard can be told
//! by the next one. In bullets:
//! * A stage belongs to the part of its point. A stage of fewer axes, `split[fold=1]` beside `train[network=unet,fold=1]`, belongs to the
//!   one part that has it, and to the run itself where several have it.
//! * Instances over lists that stages make are no parts: nobody wants a run for every case.
//! * Each part has all parameters of its stages; the run has those that all instances of a stage share.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use indexmap::IndexMap;
use pipe_store::{Record, WHOLE};
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

use crate::{flatten::flatten, message::Dataset};

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
}

/// A run by its parts.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Outline {
    pub(crate) about: About,
    /// By their names; the run itself is [`WHOLE`].
    pub(crate) parts: IndexMap<String, Part>,
    pub(crate) stages: IndexMap<String, Placed>,
}

/// A part of a run.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Part {
    pub point: Point,
    pub params: BTreeMap<String, String>,
}

/// Values of axes, in the order of the axes.
pub(crate) type Point = Vec<(String, String)>;

/// A stage in its part.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Placed {
    pub part: String,
    /// The stage's name, and the axes that the part does not have: how its numbers begin.
    pub prefix: String,
    pub keep: Keep,
    pub answer: Option<Record>,
}

impl Outline {
    /// Divides a run into its parts.
    pub fn new(about: &About, stages: &[Stage]) -> Self {
        let of_axes = |stage: &Stage| -> Point {
            let declared = about.axes.iter().filter_map(|axis| Some((axis.clone(), stage.axes.get(axis)?.clone())));
            declared.collect()
        };
        let points: BTreeSet<Point> = stages.iter().map(of_axes).collect();
        let holders = holders(&points);
        let mut outline = Self { about: about.clone(), parts: IndexMap::new(), stages: IndexMap::new() };
        outline.parts.insert(WHOLE.to_owned(), Part::default());
        let mut shared: BTreeMap<String, Option<String>> = BTreeMap::new();
        for stage in stages {
            let point = match holders.get(&of_axes(stage)) {
                Some(Holder::One(point)) => point.clone(),
                _ => Point::new(),
            };
            let name = name(&point);
            let part = outline.parts.entry(name.clone()).or_default();
            let mut flat = Vec::new();
            flatten(&stage.stage, &stage.recipe, &mut flat);
            part.params.extend(point.iter().map(|(axis, value)| (format!("axis.{axis}"), value.clone())));
            for (key, value) in flat {
                let seen = shared.entry(key.clone()).or_insert_with(|| Some(value.clone()));
                if seen.as_ref() != Some(&value) {
                    *seen = None;
                }
                part.params.insert(key, value);
            }
            part.point = point;
            let placed = outline.placed(&name, &stage.stage, &stage.axes);
            let answer = stage.answer.as_ref().map(|record| (**record).clone());
            outline.stages.insert(stage.id.clone(), Placed { keep: stage.keep.clone(), answer, ..placed });
        }
        let shared = shared.into_iter().filter_map(|(key, value)| Some((key, value?)));
        outline.parts[WHOLE].params = shared.collect();
        outline
    }

    /// Adds instances that became known during the run, by their ids alone.
    pub(crate) fn grow(&mut self, ids: &[String]) {
        for id in ids {
            let (stage, axes) = parse(id);
            let named = |part: &Part| part.point.iter().all(|(axis, value)| axes.get(axis) == Some(value));
            // The part with the most axes that the instance has.
            let fit = self.parts.iter().filter(|(_, part)| named(part)).max_by_key(|(_, part)| part.point.len());
            let part = fit.map_or_else(|| WHOLE.to_owned(), |(name, _)| name.clone());
            let placed = self.placed(&part, &stage, &axes);
            self.stages.entry(id.clone()).or_insert(placed);
        }
    }

    fn placed(&self, part: &str, stage: &str, axes: &IndexMap<String, String>) -> Placed {
        let point = &self.parts[part].point;
        let further = axes.iter().filter(|(axis, _)| !point.iter().any(|(known, _)| known == *axis));
        let prefix = further.fold(stage.to_owned(), |prefix, (axis, value)| format!("{prefix}/{axis}.{value}"));
        Placed { part: part.to_owned(), prefix, keep: Keep::Nothing, answer: None }
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

/// The name of a part: `network=unet,fold=1`.
fn name(point: &Point) -> String {
    point.iter().map(|(axis, value)| format!("{axis}={value}")).collect::<Vec<_>>().join(",")
}

/// Stage and axes of an id.
fn parse(id: &str) -> (String, IndexMap<String, String>) {
    let Some((stage, axes)) = id.strip_suffix(']').and_then(|id| id.split_once('[')) else {
        return (id.to_owned(), IndexMap::new());
    };
    let axes = axes.split(',').filter_map(|axis| axis.split_once('='));
    (stage.to_owned(), axes.map(|(axis, value)| (axis.to_owned(), value.to_owned())).collect())
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    pub(crate) fn about(axes: &[&str]) -> About {
        About {
            run: 7,
            experiment: "e".into(),
            titles: BTreeMap::from([("http://s".into(), "theirs".into())]),
            at: 1000,
            tags: BTreeMap::from([("pipe.host".into(), "here".into())]),
            own_tags: BTreeMap::new(),
            axes: axes.iter().map(|axis| (*axis).to_owned()).collect(),
            datasets: BTreeMap::new(),
        }
    }

    pub(crate) fn stage(id: &str, recipe: Json) -> Stage {
        let (stage, axes) = parse(id);
        Stage { id: id.into(), stage, axes, recipe: Arc::new(recipe), answer: None, keep: Keep::Nothing }
    }

    fn outline(axes: &[&str], ids: &[&str]) -> Outline {
        let stages: Vec<_> = ids.iter().map(|id| stage(id, serde_json::json!({ "of": id, "seed": 0 }))).collect();
        Outline::new(&about(axes), &stages)
    }

    #[track_caller]
    fn check(outline: &Outline, id: &str, part: &str, prefix: &str) {
        let placed = &outline.stages[id];
        assert_eq!((placed.part.as_str(), placed.prefix.as_str()), (part, prefix), "{id}");
    }

    #[test]
    fn folds_are_parts_and_what_they_share_is_not() {
        let ids =
            ["prepare", "split[fold=0]", "split[fold=1]", "train[fold=0]", "train[fold=1]", "score[fold=1,case=a]"];
        let outline = outline(&["fold"], &ids);
        assert_eq!(outline.parts.keys().collect::<Vec<_>>(), ["", "fold=0", "fold=1"]);
        check(&outline, "prepare", "", "prepare");
        check(&outline, "split[fold=1]", "fold=1", "split");
        check(&outline, "score[fold=1,case=a]", "fold=1", "score/case.a");
        let params = |part: &str| outline.parts[part].params.keys().map(String::as_str).collect::<Vec<_>>();
        assert_eq!(params(""), ["prepare.of", "prepare.seed", "score.of", "score.seed", "split.seed", "train.seed"]);
        assert_eq!(params("fold=0"), ["axis.fold", "split.of", "split.seed", "train.of", "train.seed"]);
    }

    #[test]
    fn a_stage_of_fewer_axes_belongs_where_it_is_alone() {
        let both = [
            "split[fold=0]",
            "train[network=a,fold=0]",
            "train[network=b,fold=0]",
            "only[fold=1]",
            "train[network=a,fold=1]",
        ];
        let outline = outline(&["network", "fold"], &both);
        check(&outline, "split[fold=0]", "", "split/fold.0");
        check(&outline, "only[fold=1]", "network=a,fold=1", "only");
        check(&outline, "train[network=b,fold=0]", "network=b,fold=0", "train");
    }

    #[test]
    fn without_axes_the_run_is_all() {
        let outline = outline(&[], &["a", "b"]);
        assert_eq!(outline.parts.len(), 1);
        check(&outline, "b", "", "b");
    }

    #[test]
    fn what_becomes_known_later_finds_its_part() {
        let mut outline = outline(&["fold"], &["split[fold=0]", "split[fold=1]"]);
        outline.grow(&["score[fold=1,case=a]".into(), "sum".into()]);
        check(&outline, "score[fold=1,case=a]", "fold=1", "score/case.a");
        check(&outline, "sum", "", "sum");
    }

    #[test]
    fn ten_thousand_points_are_parts_at_once() {
        let ids: Vec<_> = (0..10_000).flat_map(|at| [format!("a[x={at}]"), format!("b[x={at}]")]).collect();
        let outline = outline(&["x"], &ids.iter().map(String::as_str).collect::<Vec<_>>());
        assert_eq!(outline.parts.len(), 10_001);
    }
}
