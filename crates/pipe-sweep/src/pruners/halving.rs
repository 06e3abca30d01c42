//! Asynchronous successive halving.

use std::num::NonZeroU64;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    Promotion, PrunerError, Rung, Verdict,
    registry::{Judge, Judged},
    rungs::{judge, promotion, rungs},
};
use crate::{Factor, Goal, Trial};

/// Asynchronous successive halving (ASHA): at each rung only the best of those that have reached it go on, one by `factor`; the next
/// rung is `factor` times as far.
///
/// A trial is judged when it reaches a rung, and does not wait for others. Who extends trials (a rung as a training of its own) reads the
/// lengths off [`Pruner::rungs`](crate::Pruner::rungs) and asks [`Pruner::promotion`](crate::Pruner::promotion) for pruned trials that
/// have earned their next rung since.
///
/// # Source
/// Li, Jamieson, Rostamizadeh et al., *A system for massively parallel hyperparameter tuning*, MLSys 2020.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SuccessiveHalving {
    /// After so many steps a trial is judged first.
    #[serde(default = "one")]
    pub min_resource: NonZeroU64,
    /// So many steps a trial has that is never ended.
    pub max_resource: NonZeroU64,
    /// How many times fewer trials each rung keeps, and how many times further the next is.
    #[serde(default = "four")]
    pub factor: Factor,
}

fn one() -> NonZeroU64 {
    NonZeroU64::MIN
}

fn four() -> Factor {
    Factor::FOUR
}

impl SuccessiveHalving {
    fn all(&self) -> Vec<Rung> {
        rungs(self.min_resource.get(), self.max_resource.get(), self.factor)
    }
}

impl Judge for SuccessiveHalving {
    fn check(&self) -> Result<(), PrunerError> {
        let (min, max, factor) = (self.min_resource.get(), self.max_resource.get(), self.factor.get());
        let needed = min.saturating_mul(u64::from(factor));
        if self.all().is_empty() { Err(PrunerError::NoRung { min, max, factor, needed }) } else { Ok(()) }
    }

    fn judge(&self, judged: &Judged<'_>) -> Verdict {
        judge(judged.goal, &self.all(), self.factor, judged.trial, judged.others())
    }

    fn rungs(&self, _: u64) -> Vec<Rung> {
        self.all()
    }

    fn promotion(&self, goal: Goal, trials: &[Trial]) -> Option<Promotion> {
        let trials: Vec<&Trial> = trials.iter().collect();
        promotion(goal, &self.all(), self.factor, &trials)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Reason, State, pruners::rungs::tests::trial};

    fn settings() -> SuccessiveHalving {
        serde_json::from_str(r#"{ "min_resource": 1, "max_resource": 9, "factor": 3 }"#).expect("it is written right")
    }

    fn pruned(number: u64, step: u64, values: &[(u64, f64)]) -> Trial {
        let value = values.last().expect("it is in range").1.try_into().expect("it is in range");
        trial(number, State::Pruned { step, value }, values)
    }

    #[track_caller]
    fn check(others: &[f64], curve: &[(u64, f64)], expected: Option<(usize, usize)>) {
        let others: Vec<Trial> = (0..).zip(others).map(|(number, value)| pruned(number, 1, &[(1, *value)])).collect();
        let own = trial(99, State::Running, curve);
        let found = match settings().judge(&Judged { goal: Goal::Maximise, trial: &own, trials: &others }) {
            Verdict::Prune { why: Reason::NotPromoted { rank, kept, .. } } => Some((rank, kept)),
            Verdict::Keep => None,
            other => panic!("{other:?}"),
        };
        assert_eq!(found, expected);
    }

    #[test]
    fn a_third_of_those_at_the_rung_goes_on() {
        check(&[], &[(1, 0.1)], None);
        check(&[0.2], &[(1, 0.1)], Some((2, 1)));
        check(&[0.2], &[(1, 0.2)], None);
        check(&[0.1, 0.2, 0.3, 0.4], &[(1, 0.35)], Some((2, 1)));
        check(&[0.1, 0.2, 0.3, 0.4, 0.1], &[(1, 0.35)], None);
        check(&[0.1, 0.2, 0.3, 0.4, 0.1], &[(1, 0.25)], Some((3, 2)));
        // Between the rungs nobody is judged, and at a rung that nobody else has reached all are the best.
        check(&[0.2], &[(1, 0.1), (2, 0.0)], None);
        check(&[0.2], &[(1, 0.1), (3, 0.0)], None);
    }

    #[test]
    fn failed_trials_are_no_rivals() {
        let failed = trial(0, State::Failed, &[(1, 0.9)]);
        let own = trial(1, State::Running, &[(1, 0.1)]);
        let judged = Judged { goal: Goal::Maximise, trial: &own, trials: &[failed] };
        assert_eq!(settings().judge(&judged), Verdict::Keep);
    }

    #[test]
    fn a_pruned_trial_is_promoted_once_it_is_among_the_best() {
        let mut trials = vec![pruned(0, 1, &[(1, 0.5)]), pruned(1, 1, &[(1, 0.4)])];
        assert_eq!(settings().promotion(Goal::Maximise, &trials), None);
        trials.push(pruned(2, 1, &[(1, 0.3)]));
        let first = Promotion { trial: 0, rung: Rung { resource: 1, next: 3 } };
        assert_eq!(settings().promotion(Goal::Maximise, &trials), Some(first));
        // Once it has gone on, the next must earn it: six trials for two places.
        trials[0] = pruned(0, 3, &[(1, 0.5), (3, 0.6)]);
        assert_eq!(settings().promotion(Goal::Maximise, &trials), None);
        trials.extend((3..6).map(|number| pruned(number, 1, &[(1, 0.1)])));
        let second = Promotion { trial: 1, rung: Rung { resource: 1, next: 3 } };
        assert_eq!(settings().promotion(Goal::Maximise, &trials), Some(second));
        // Higher rungs come first.
        trials[1] = pruned(1, 3, &[(1, 0.4), (3, 0.7)]);
        trials[2] = pruned(2, 3, &[(1, 0.3), (3, 0.1)]);
        let third = Promotion { trial: 1, rung: Rung { resource: 3, next: 9 } };
        assert_eq!(settings().promotion(Goal::Maximise, &trials), Some(third));
    }

    #[test]
    fn a_length_without_a_rung_is_refused() {
        let settings: SuccessiveHalving =
            serde_json::from_str(r#"{ "min_resource": 5, "max_resource": 9 }"#).expect("it is written right");
        let wanted = "no trial would be judged: `min_resource: 5` times `factor: 4` is above `max_resource: 9`; \
                      write a `max_resource` of at least 20";
        assert_eq!(settings.check().expect_err("it is wrong").to_string(), wanted);
    }
}
