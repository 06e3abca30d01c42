//! What an experiment says of its search: the section `sweep:`.
//!
//! Does not know trials.

use std::num::NonZeroU64;

use pipe_store::Digest;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;
use thiserror::Error;

use crate::{Goal, Objective, Pruner, Sampler, Space, Study, StudyError};

/// A search over values of an experiment.
///
/// Trials run the stages that the objective needs, and no others; when the search is over, the whole experiment runs with the settings of
/// the best one.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Sweep {
    /// What can be tried: paths of the experiment, as in overrides, and their values. `training.lr` must exist, `+training.lr` is added.
    pub space: Space,
    /// What the search is after.
    #[serde(default)]
    pub objective: Sought,
    /// How points are found.
    #[serde(default = "tpe")]
    pub sampler: Sampler,
    /// Which trials end early; without it, none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pruner: Option<Pruner>,
    /// What a pruner counts.
    #[serde(default)]
    pub judged_by: JudgedBy,
    /// How many trials there are; may be raised later. Grids and lists have an end of their own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trials: Option<NonZeroU64>,
    /// From which everything random follows.
    #[serde(default)]
    pub seed: u64,
    /// Searches within each fold, on folds of the patients that it does not test.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub nested: Option<NestedFolds>,
    /// Lets the search see test cases: what it reports is then no estimate for new patients, and says so.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub leaky: bool,
}

/// What a search is after: a number that a stage has when it is done.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Sought {
    /// The stage.
    #[serde(default = "train")]
    pub stage: String,
    /// Its number, one of a result or the last one that it said on the way.
    #[serde(default = "best_validation_dice")]
    pub metric: String,
    /// Which way is better.
    #[serde(default = "maximise")]
    pub goal: Goal,
    /// How the values of folds become one.
    #[serde(default)]
    pub over: Objective,
    /// The number by which a trial is judged on its way; the same one where left out, and `validation_dice` of `best_validation_dice`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub on_the_way: Option<OnTheWay>,
}

/// A number that a running stage says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct OnTheWay {
    /// The stage; that of the objective where left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stage: Option<String>,
    /// The number.
    pub metric: String,
}

/// What a pruner counts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum JudgedBy {
    /// Steps of the first fold, such as epochs: after step 0 one is done. Further folds begin when the first is through.
    #[default]
    Steps,
    /// Folds, one after another; the value is the objective over those that are done.
    Folds,
}

/// Nested cross-validation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct NestedFolds {
    /// Folds whose test cases numbers are reported on; each has a search of its own.
    #[schemars(range(min = 2))]
    pub outer: u32,
    /// Folds of the other patients, over which the objective goes.
    #[schemars(range(min = 2))]
    pub inner: u32,
    /// The stage that divides the cases.
    #[serde(default = "split")]
    pub split: String,
}

fn tpe() -> Sampler {
    Sampler::named("tpe").expect("its settings have defaults")
}

fn train() -> String {
    "train".to_owned()
}

fn best_validation_dice() -> String {
    BEST.to_owned()
}

fn split() -> String {
    "split".to_owned()
}

fn maximise() -> Goal {
    Goal::Maximise
}

/// Most trials that nobody has asked for by number.
const MOST: u64 = 100_000;

/// Most trials of all: points and their instances lie in memory.
const ASKED: u64 = 1_000_000;

/// A search whose parts do not fit each other.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum SweepError {
    /// Sampler or pruner.
    #[error(transparent)]
    Study(#[from] StudyError),
    /// A sampler without an end, and no number of trials.
    #[error("`{sampler}` never ends, and `trials` is missing")]
    Endless {
        /// The sampler.
        sampler: &'static str,
    },
    /// More trials than anybody tries.
    #[error("`trials: {trials}` is more than anybody tries")]
    Trials {
        /// How many.
        trials: u64,
    },
    /// More points than anybody tries.
    #[error("the sampler has {total} points")]
    TooMany {
        /// How many.
        total: u64,
    },
}

impl SweepError {
    /// The key of the section that it is about.
    pub(crate) fn key(&self) -> &'static str {
        match self {
            Self::Study(StudyError::Pruner(_)) => "pruner",
            Self::Trials { .. } => "trials",
            Self::Study(StudyError::Sampler(_)) | Self::Endless { .. } | Self::TooMany { .. } => "sampler",
        }
    }

    /// What to do, in a few words.
    pub(crate) fn remedy(&self) -> String {
        match self {
            Self::Study(_) => "these do not fit".to_owned(),
            Self::Endless { .. } => "say how many trials: `trials: 50`".to_owned(),
            Self::Trials { .. } => format!("at most {ASKED}"),
            Self::TooMany { .. } => format!("more than {MOST}; say how many of them: `trials: 500`"),
        }
    }
}

/// What a training reports of the epoch that it keeps, and what it says on the way there.
const BEST: &str = "best_validation_dice";
const DICE: &str = "validation_dice";

impl Default for Sought {
    fn default() -> Self {
        let (stage, metric, goal) = (train(), best_validation_dice(), Goal::Maximise);
        Self { stage, metric, goal, over: Objective::Mean, on_the_way: None }
    }
}

impl Sought {
    /// Stage and name of the number by which a trial is judged on its way.
    pub fn on_the_way(&self) -> (&str, &str) {
        match &self.on_the_way {
            Some(OnTheWay { stage, metric }) => (stage.as_ref().unwrap_or(&self.stage), metric),
            None if self.metric == BEST => (&self.stage, DICE),
            None => (&self.stage, &self.metric),
        }
    }
}

impl Sweep {
    /// The search itself.
    ///
    /// # Errors
    /// Its parts do not fit each other.
    pub fn study(&self) -> Result<Study, SweepError> {
        let Self { space, objective, sampler, pruner, seed, .. } = self;
        Ok(Study::new(space.clone(), objective.goal, sampler.clone(), pruner.clone(), *seed)?)
    }

    /// How many trials there will be.
    ///
    /// # Errors
    /// Neither it nor its sampler says.
    pub fn wanted(&self, study: &Study) -> Result<u64, SweepError> {
        match (self.trials.map(NonZeroU64::get), study.total()) {
            (Some(trials), total) if trials.min(total.unwrap_or(trials)) > ASKED => Err(SweepError::Trials { trials }),
            (Some(trials), Some(total)) => Ok(trials.min(total)),
            (Some(trials), None) => Ok(trials),
            (None, Some(total)) if total <= MOST => Ok(total),
            (None, Some(total)) => Err(SweepError::TooMany { total }),
            (None, None) => Err(SweepError::Endless { sampler: self.sampler.name() }),
        }
    }

    /// What makes it this search and no other: everything but how long it goes on.
    pub fn identity(&self) -> Digest {
        let Self { space, objective, sampler, pruner, judged_by, seed, nested, leaky, .. } = self;
        let pruning = pruner.as_ref().map(|pruner| (pruner, judged_by));
        let said = json!([space, objective, sampler, pruning, seed, nested, leaky]);
        Digest::of(pipe_engine::canonical(&said).as_bytes())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sweep(text: &str) -> Sweep {
        serde_json::from_str(text).expect("it is written right")
    }

    const SPACE: &str = r#""space": { "training.lr": { "float": { "low": 1e-4, "high": 0.1, "scale": "log" } } }"#;

    #[test]
    fn a_space_and_a_number_of_trials_are_enough() {
        let sweep = sweep(&format!(r#"{{ {SPACE}, "trials": 20 }}"#));
        assert_eq!(sweep.sampler.name(), "tpe");
        assert_eq!(sweep.objective.on_the_way(), ("train", "validation_dice"));
        assert!(sweep.study().is_ok());
    }

    #[test]
    fn a_search_that_goes_on_longer_is_the_same() {
        let of = |rest: &str| sweep(&format!("{{ {SPACE}{rest} }}")).identity();
        assert_eq!(of(""), of(r#", "trials": 9, "judged_by": "folds", "sampler": { "tpe": {} }"#));
        assert_ne!(of(""), of(r#", "seed": 1"#));
        assert_ne!(of(""), of(r#", "objective": { "metric": "dice" }"#));
        assert_ne!(of(""), of(r#", "pruner": { "median": {} }"#));
    }

    #[test]
    fn a_number_on_the_way_may_be_that_of_another_stage() {
        let sweep = sweep(&format!(
            r#"{{ {SPACE}, "objective": {{ "stage": "score", "metric": "dice", "on_the_way": {{ "stage": "fit", "metric": "loss" }} }} }}"#
        ));
        assert_eq!(sweep.objective.on_the_way(), ("fit", "loss"));
    }
}
