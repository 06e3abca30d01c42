//! A study: what is searched, how, and what has been found.
//!
//! Does not know how trials are run, nor where they are kept.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::{Finite, Goal, Point, Pruner, PrunerError, Sampler, SamplerError, Space, Trial, Verdict, samplers::Ask};

/// A search whose parts fit each other.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "WrittenStudy", into = "WrittenStudy")]
#[schemars(with = "WrittenStudy")]
pub struct Study {
    space: Space,
    goal: Goal,
    sampler: Sampler,
    pruner: Option<Pruner>,
    seed: u64,
}

/// Parts that do not fit each other.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum StudyError {
    /// The sampler cannot search the space.
    #[error(transparent)]
    Sampler(#[from] SamplerError),
    /// The pruner would never judge.
    #[error(transparent)]
    Pruner(#[from] PrunerError),
}

/// A study, as it is written.
#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "Study")]
struct WrittenStudy {
    /// What can be tried.
    space: Space,
    /// Which way is better.
    goal: Goal,
    /// How points are found.
    sampler: Sampler,
    /// Which trials end early; without it, none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pruner: Option<Pruner>,
    /// From which everything random follows.
    #[serde(default)]
    seed: u64,
}

impl Study {
    /// Puts a study together.
    ///
    /// # Errors
    /// The sampler cannot search the space, or the pruner would never judge.
    pub fn new(
        space: Space,
        goal: Goal,
        sampler: Sampler,
        pruner: Option<Pruner>,
        seed: u64,
    ) -> Result<Self, StudyError> {
        sampler.check(&space)?;
        pruner.as_ref().map(Pruner::check).transpose()?;
        Ok(Self { space, goal, sampler, pruner, seed })
    }

    /// What can be tried.
    pub fn space(&self) -> &Space {
        &self.space
    }

    /// Which way is better.
    pub fn goal(&self) -> Goal {
        self.goal
    }

    /// How points are found.
    pub fn sampler(&self) -> &Sampler {
        &self.sampler
    }

    /// Which trials end early.
    pub fn pruner(&self) -> Option<&Pruner> {
        self.pruner.as_ref()
    }

    /// How many points there are; none where the sampler never ends.
    pub fn total(&self) -> Option<u64> {
        self.sampler.total(&self.space)
    }

    /// The point that a trial should try, given the trials so far in the order of their numbers; none where the sampler has no further
    /// one. The same arguments give the same point: what a trial was given when others were under way is found again from the states
    /// that they had then.
    ///
    /// # Panics
    /// A trial's point is not one of the space.
    pub fn suggest(&self, trials: &[Trial], number: u64) -> Option<Point> {
        self.sampler.suggest(&Ask { space: &self.space, goal: self.goal, seed: self.seed, trials, number })
    }

    /// Whether a trial goes on, asked after each of its values; `trials` may hold the trial itself.
    pub fn judge(&self, trial: &Trial, trials: &[Trial]) -> Verdict {
        self.pruner.as_ref().map_or(Verdict::Keep, |pruner| pruner.judge(self.goal, trial, trials))
    }

    /// The first trial that tries an equal point, whose stages answer for it.
    pub fn equal<'a>(&self, point: &Point, trials: &'a [Trial]) -> Option<&'a Trial> {
        trials.iter().find(|trial| trial.point == *point)
    }

    /// The best complete trial with its value; of equally good ones the first.
    pub fn best<'a>(&self, trials: &'a [Trial]) -> Option<(&'a Trial, Finite)> {
        self.bests(trials).pop()
    }

    /// The trials that were the best when they were complete, in order: the history of the search.
    pub fn bests<'a>(&self, trials: &'a [Trial]) -> Vec<(&'a Trial, Finite)> {
        let mut bests: Vec<(&Trial, Finite)> = Vec::new();
        for trial in trials {
            let Some(value) = trial.value() else { continue };
            if bests.last().is_none_or(|(_, best)| self.goal.is_better(value, *best)) {
                bests.push((trial, value));
            }
        }
        bests
    }
}

impl TryFrom<WrittenStudy> for Study {
    type Error = StudyError;

    fn try_from(written: WrittenStudy) -> Result<Self, StudyError> {
        Self::new(written.space, written.goal, written.sampler, written.pruner, written.seed)
    }
}

impl From<Study> for WrittenStudy {
    fn from(study: Study) -> Self {
        Self { space: study.space, goal: study.goal, sampler: study.sampler, pruner: study.pruner, seed: study.seed }
    }
}
