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

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::{Curve, State};

    fn study() -> Study {
        let written = json!({
            "space": { "x": { "int": { "low": 0, "high": 9 } } },
            "goal": "maximise",
            "sampler": "random",
            "pruner": { "successive_halving": { "max_resource": 16 } },
            "seed": 4
        });
        serde_json::from_value(written).expect("it is written right")
    }

    fn trials(study: &Study, states: &[State]) -> Vec<Trial> {
        let point =
            |x: usize| study.space().point(json!({ "x": x }).as_object().expect("it is a map")).expect("it is one");
        let trial = |(number, state): (usize, &State)| Trial {
            number: number as u64,
            point: point(number),
            state: *state,
            curve: Curve::default(),
        };
        states.iter().enumerate().map(trial).collect()
    }

    fn complete(value: f64) -> State {
        State::Complete { value: value.try_into().expect("it is finite") }
    }

    #[test]
    fn only_complete_trials_are_best() {
        let study = study();
        let pruned = State::Pruned { step: 3, value: 0.99.try_into().expect("it is finite") };
        let states =
            [State::Failed, complete(0.5), pruned, complete(0.4), complete(0.7), State::Running, complete(0.7)];
        let trials = trials(&study, &states);
        let bests: Vec<(u64, f64)> =
            study.bests(&trials).iter().map(|(trial, value)| (trial.number, value.get())).collect();
        assert_eq!(bests, [(1, 0.5), (4, 0.7)]);
        assert_eq!(study.best(&trials).map(|(trial, _)| trial.number), Some(4));
        assert_eq!(study.best(&trials[..1]), None);
    }

    #[test]
    fn an_equal_point_is_recognised() {
        let study = study();
        let trials = trials(&study, &[complete(0.1), complete(0.2)]);
        assert_eq!(study.equal(&trials[1].point, &trials).map(|trial| trial.number), Some(1));
        assert_eq!(study.equal(&trials[1].point, &trials[..1]), None);
    }

    #[test]
    fn a_study_is_written_as_it_was_read() {
        let written = serde_json::to_string(&study()).expect("it can be written");
        assert_eq!(serde_json::from_str::<Study>(&written).expect("it is written right"), study());
    }

    #[test]
    fn the_schema_has_all_samplers_and_pruners() {
        let schema = serde_json::to_value(schemars::schema_for!(Study)).expect("a schema is JSON").to_string();
        for name in crate::SAMPLERS.iter().chain(crate::PRUNERS) {
            assert!(schema.contains(&format!(r#""{name}""#)), "{name} is missing in {schema}");
        }
        // A list and a pruner with a length have settings without defaults, so their names alone are not enough.
        assert!(schema.contains(r#""const":"tpe""#) && !schema.contains(r#""const":"list""#));
    }

    #[test]
    fn a_study_whose_parts_do_not_fit_is_refused() {
        let wrong = |sampler: &str, pruner: serde_json::Value| {
            let space = json!({ "x": { "float": { "low": 0, "high": 1 } } });
            let written = json!({ "space": space, "goal": "minimize", "sampler": sampler, "pruner": pruner });
            serde_json::from_value::<Study>(written).expect_err("it does not fit").to_string()
        };
        assert!(wrong("grid", json!(null)).starts_with("the grid is infinite"));
        assert!(wrong("random", json!({ "hyperband": { "max_resource": 2 } })).starts_with("no trial would be judged"));
        assert!(wrong("random", json!("patience")).contains("missing field `patience`"));
    }

    #[test]
    fn what_is_not_finite_is_no_value() {
        assert_eq!(
            Finite::try_from(f64::NAN).map_err(|error| error.to_string()),
            Err("NaN is no value; a trial whose objective is not finite has failed".to_owned())
        );
        let mut curve = Curve::default();
        curve.add(1, 0.5).expect("it is a value");
        curve.add(1, 0.5).expect("the same again changes nothing");
        curve.add(2, f64::INFINITY).expect_err("it is infinite");
        let other = curve.add(1, 0.6).expect_err("the step has a value");
        assert_eq!(other.to_string(), "step 1 has the value 0.5, not 0.6; report each step once");
    }
}
