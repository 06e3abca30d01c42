//! How trials stand in an experiment: as one more axis of the stages that depend on what they set.
//!
//! Does not know samplers, nor what has become of a trial.

use std::collections::{BTreeMap, BTreeSet};

use indexmap::IndexMap;
use pipe_engine::{Plan, plan};
use pipe_spec::{Composed, Experiment, Lists, Node, Problem, Problems, Span, StageSpec, Swept, TRIAL, expand};
use serde_json::{Map, Value as Json, json};

use super::Kinds;
use crate::{NestedFolds, Sweep};

/// The axis of inner folds.
pub const INNER: &str = "inner";

/// What trials do in one part of an experiment.
pub(crate) struct Layout<'e> {
    composed: Composed<'e>,
    swept: Swept,
    /// The outer fold that it searches for: its axis, and its value.
    outer: Option<(String, u32)>,
    stage: String,
    /// Where the objective stands.
    span: Span,
}

/// How much of a trial is laid out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Folds {
    /// All of them.
    All,
    /// So many, the first ones.
    First(usize),
}

/// Numbers and settings of trials.
pub(crate) type Tried = (u64, Map<String, Json>);

/// Trials as an experiment.
pub(crate) struct LaidOut {
    pub experiment: Experiment,
    /// The instances that have the objective's values, of each trial, in their order.
    pub targets: BTreeMap<u64, Vec<String>>,
}

impl<'e> Layout<'e> {
    /// The parts of an experiment that have a search of their own: the whole, or each outer fold.
    pub(crate) fn parts(composed: &Composed<'e>, sweep: &Sweep) -> Result<Vec<Self>, Problems> {
        let section = composed.sweep().expect("it has a search");
        let span = section.at(["objective", "stage"]).unwrap_or(section).span();
        let space = section.get("space").expect("the section was bound");
        let (swept, stage) = (Swept::new(composed, space)?, sweep.objective.stage.clone());
        if composed.tree.at(["stages", &stage]).is_none() {
            let stages = composed.tree.get("stages").and_then(Node::map).into_iter().flat_map(|map| map.keys());
            let near = pipe_spec::did_you_mean(&stage, stages.map(String::as_str));
            let problem = Problem::new("pipe::sweep::objective", Some(span), format!("there is no stage `{stage}`"));
            return Err(wrong(composed, problem.at("sweep.objective.stage").label(near)));
        }
        let Some(nested) = &sweep.nested else {
            return Ok(vec![Self { composed: composed.clone(), swept, outer: None, stage, span }]);
        };
        let axis = outer_axis(composed, nested)?;
        let part = |fold: u32| {
            let (folds, with) = (format!("axes.{axis}"), format!("stages.{}.with", nested.split));
            let (count, inner) = (format!("{with}.method.k_fold.folds"), format!("{with}.inner"));
            let (dealt, axis_inner) = (format!("{with}.method.k_fold.nested"), format!("axes.{INNER}"));
            let values = IndexMap::from([
                (folds.as_str(), json!([fold])),
                (axis_inner.as_str(), (0..nested.inner).collect::<Json>()),
                (count.as_str(), json!(nested.outer)),
                (dealt.as_str(), json!({ "folds": nested.inner })),
                (inner.as_str(), json!(format!("${{axis.{INNER}}}"))),
            ]);
            let composed = composed.with_values(&values, nested_span(composed))?;
            let (swept, stage) = (swept.clone(), stage.clone());
            Ok(Self { composed, swept, outer: Some((axis.clone(), fold)), stage, span })
        };
        (0..nested.outer).map(part).collect()
    }

    /// Its name: empty for the whole.
    pub(crate) fn name(&self) -> String {
        self.outer.as_ref().map(|(axis, fold)| format!("{axis}={fold}")).unwrap_or_default()
    }

    /// The name of one of its trials, as in the ids of stages.
    pub(crate) fn trial(&self, number: u64) -> String {
        match self.name() {
            part if part.is_empty() => format!("{TRIAL}={number}"),
            part => format!("{part},{TRIAL}={number}"),
        }
    }

    /// Whether a stage's instance belongs to this part, and to which trial of it.
    pub(crate) fn number(&self, axes: &IndexMap<String, String>) -> Option<u64> {
        let is_here = |(axis, fold): &(String, u32)| axes.get(axis).is_some_and(|value| *value == fold.to_string());
        if !self.outer.as_ref().is_none_or(is_here) {
            return None;
        }
        axes.get(TRIAL)?.parse().ok()
    }

    /// Trials with everything that their objective needs.
    pub(crate) fn laid_out(&self, trials: &[Tried], folds: Folds) -> Result<LaidOut, Problems> {
        let before: Vec<&str> = self.outer.iter().map(|(axis, _)| axis.as_str()).collect();
        let composed = self.swept.trials(&self.composed.only(&self.stage), trials, &before)?;
        let mut experiment = expand(&composed, &Lists::new())?;
        let problem = |text: String| Problem::new("pipe::sweep::objective", Some(self.span), text);
        let mut targets: BTreeMap<u64, Vec<String>> = BTreeMap::new();
        for stage in experiment.stages.iter().filter(|stage| stage.stage == self.stage) {
            let Some(number) = stage.axes.get(TRIAL).and_then(|number| number.parse().ok()) else {
                let text = format!("`{}` depends on nothing that is swept", self.stage);
                return Err(self.wrong(problem(text).label("all trials would be equal")));
            };
            targets.entry(number).or_default().push(stage.id.clone());
        }
        if let (Some((axis, _)), Some(stage)) =
            (&self.outer, experiment.stages.iter().find(|stage| stage.stage == self.stage))
            && !stage.axes.contains_key(INNER)
        {
            let text = format!("`{}` does not depend on the inner folds of `{axis}`", self.stage);
            return Err(self.wrong(problem(text).label("it would see what the outer fold tests")));
        }
        let count = match folds {
            Folds::All => usize::MAX,
            Folds::First(count) => count,
        };
        keep(&mut experiment, &targets.values().flat_map(|ids| ids.iter().take(count)).cloned().collect());
        Ok(LaidOut { experiment, targets })
    }

    /// Trials as a plan.
    pub(crate) fn planned(&self, trials: &[Tried], folds: Folds, kinds: &Kinds) -> Result<(Plan, LaidOut), Problems> {
        let laid_out = self.laid_out(trials, folds)?;
        let plan = plan(kinds.registry, &laid_out.experiment, &Lists::new())?;
        let list = (kinds.wrong)(&plan);
        if list.is_empty() { Ok((plan, laid_out)) } else { Err(self.problems(list)) }
    }

    pub(crate) fn wrong(&self, problem: Problem) -> Problems {
        self.problems(vec![problem])
    }

    fn problems(&self, list: Vec<Problem>) -> Problems {
        Problems { sources: self.composed.sources.clone(), list }
    }

    /// Where the objective stands.
    pub(crate) fn span(&self) -> Span {
        self.span
    }
}

/// The whole experiment with the settings that were found best; of several parts, each outer fold with its own.
pub(crate) fn best<'e>(
    composed: &Composed<'e>,
    sweep: &Sweep,
    settings: &[Map<String, Json>],
) -> Result<Composed<'e>, Problems> {
    let space = composed.sweep().and_then(|section| section.get("space")).expect("the section was bound");
    let swept = Swept::new(composed, space)?;
    let Some(nested) = &sweep.nested else { return swept.plain(composed, &settings[0]) };
    let axis = outer_axis(composed, nested)?;
    let (folds, count) = (format!("axes.{axis}"), format!("stages.{}.with.method.k_fold.folds", nested.split));
    let values =
        IndexMap::from([(folds.as_str(), (0..nested.outer).collect::<Json>()), (count.as_str(), json!(nested.outer))]);
    let composed = composed.with_values(&values, nested_span(composed))?;
    let points: Vec<_> = settings.iter().enumerate().map(|(fold, settings)| (fold.to_string(), settings)).collect();
    swept.along(&composed, &axis, &points)
}

/// Leaves what is wanted, and what that needs.
fn keep(experiment: &mut Experiment, wanted: &BTreeSet<String>) {
    let by_id: BTreeMap<&str, &StageSpec> = experiment.stages.iter().map(|stage| (stage.id.as_str(), stage)).collect();
    let mut kept: BTreeSet<String> = wanted.clone();
    let mut waiting: Vec<&str> = wanted.iter().map(String::as_str).collect();
    while let Some(stage) = waiting.pop().and_then(|id| by_id.get(id)) {
        for id in stage.needs.iter().flat_map(|need| &need.ids).chain(&stage.after) {
            if kept.insert(id.clone()) {
                waiting.push(id);
            }
        }
    }
    experiment.stages.retain(|stage| kept.contains(&stage.id));
}

/// The axis over which the dividing stage has its folds.
fn outer_axis(composed: &Composed<'_>, nested: &NestedFolds) -> Result<String, Problems> {
    let span = nested_span(composed);
    let said = |text: String, label: &str| {
        wrong(composed, Problem::new("pipe::sweep::nested", Some(span), text).at("sweep.nested").label(label))
    };
    let Some(stage) = composed.tree.at(["stages", &nested.split]) else {
        let text = format!("there is no stage `{}` that divides the cases", nested.split);
        return Err(said(text, "name it: `nested: { outer: 5, inner: 3, split: NAME }`"));
    };
    if stage.at(["with", "method", "k_fold"]).and_then(Node::map).is_none() {
        let text = format!("`{}` does not divide the cases by `k_fold`", nested.split);
        return Err(said(text, "nested folds are those of `with: { method: { k_fold: .. } }`"));
    }
    let axis = stage.at(["with", "fold"]).and_then(Node::text);
    let axis = axis.and_then(|text| text.trim().strip_prefix("${axis.")?.strip_suffix('}'));
    axis.map(str::to_owned).ok_or_else(|| {
        let text = format!("the fold of `{}` does not follow an axis", nested.split);
        said(text, "expected `fold: ${axis.fold}` of that stage")
    })
}

fn nested_span(composed: &Composed<'_>) -> Span {
    let section = composed.sweep().expect("it has a search");
    section.get("nested").unwrap_or(section).span()
}

fn wrong(composed: &Composed<'_>, problem: Problem) -> Problems {
    Problems { sources: composed.sources.clone(), list: vec![problem] }
}
