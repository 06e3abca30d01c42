//! One value of several folds.
//!
//! Does not know where the values come from.

use pipe_metrics::statistics::mean_and_sd;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::{Finite, Goal};

/// How the values of folds become the value of a trial.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Objective {
    /// Their mean.
    #[default]
    Mean,
    /// Their mean, one standard deviation (of a sample, by n - 1) to the bad side: below where more is better, above where less is.
    MeanMinusSd,
}

/// Folds that have no value together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum ObjectiveError {
    /// There are none.
    #[error("there are no folds to take the mean of")]
    NoFolds,
    /// One has no deviation.
    #[error("one fold has no standard deviation; take the objective `mean`, or at least two folds")]
    OneFold,
    /// The values are so far apart that floats cannot hold it.
    #[error("the values of the folds are too large for a mean or a standard deviation")]
    TooLarge,
}

impl Objective {
    /// The value of a trial.
    ///
    /// # Errors
    /// There are too few folds.
    pub fn value(self, goal: Goal, folds: &[Finite]) -> Result<Finite, ObjectiveError> {
        let values: Vec<f64> = folds.iter().map(|value| value.get()).collect();
        let value = match (self, mean_and_sd(&values), goal) {
            (_, (None, _), _) => return Err(ObjectiveError::NoFolds),
            (Self::Mean, (Some(mean), _), _) => mean,
            (Self::MeanMinusSd, (Some(_), None), _) => return Err(ObjectiveError::OneFold),
            (Self::MeanMinusSd, (Some(mean), Some(sd)), Goal::Maximise) => mean - sd,
            (Self::MeanMinusSd, (Some(mean), Some(sd)), Goal::Minimise) => mean + sd,
        };
        Finite::try_from(value).map_err(|_| ObjectiveError::TooLarge)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(objective: Objective, goal: Goal, folds: &[f64], expected: Result<f64, ObjectiveError>) {
        let folds: Vec<Finite> = folds.iter().map(|value| Finite::try_from(*value).expect("it is in range")).collect();
        assert_eq!(objective.value(goal, &folds).map(Finite::get), expected);
    }

    #[test]
    fn folds_become_one_value() {
        // 1, 2, 3: mean 2, deviation 1.
        check(Objective::Mean, Goal::Maximise, &[1.0, 2.0, 3.0], Ok(2.0));
        check(Objective::MeanMinusSd, Goal::Maximise, &[1.0, 2.0, 3.0], Ok(1.0));
        check(Objective::MeanMinusSd, Goal::Minimise, &[1.0, 2.0, 3.0], Ok(3.0));
        check(Objective::Mean, Goal::Maximise, &[4.0], Ok(4.0));
        check(Objective::MeanMinusSd, Goal::Maximise, &[4.0], Err(ObjectiveError::OneFold));
        check(Objective::Mean, Goal::Maximise, &[], Err(ObjectiveError::NoFolds));
    }
}
