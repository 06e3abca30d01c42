//! The median rule.

use std::num::NonZeroU64;

use pipe_metrics::statistics::median;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    Reason, Verdict,
    registry::{Judge, Judged},
};
use crate::{Finite, State, Trial};

/// Ends a trial whose best value so far is worse than the median of the values that complete trials had at the same step.
///
/// # Source
/// Golovin et al., *Google Vizier: a service for black-box optimization*, KDD 2017, section 3.3; compared with the others' values at
/// the step, as Optuna does it, not with their running means.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Median {
    /// So many trials must be complete before one is ended.
    pub startup_trials: usize,
    /// So many steps of each trial are not judged.
    pub warmup_steps: u64,
    /// A trial is judged at every so many steps after the first that is.
    pub interval_steps: NonZeroU64,
}

impl Default for Median {
    fn default() -> Self {
        Self { startup_trials: 5, warmup_steps: 0, interval_steps: NonZeroU64::MIN }
    }
}

impl Judge for Median {
    fn judge(&self, judged: &Judged<'_>) -> Verdict {
        let Some((step, _)) = judged.trial.curve.last() else { return Verdict::Keep };
        let Some(since) = step.checked_sub(self.warmup_steps + 1) else { return Verdict::Keep };
        if since % self.interval_steps != 0 {
            return Verdict::Keep;
        }
        let complete: Vec<&Trial> =
            judged.others().filter(|trial| matches!(trial.state, State::Complete { .. })).collect();
        let there: Vec<f64> = complete.iter().filter_map(|trial| trial.curve.at(step)).map(Finite::get).collect();
        if complete.len() < self.startup_trials {
            return Verdict::Keep;
        }
        let Some(median) = median(&there) else { return Verdict::Keep };
        let best = judged.trial.curve.best(judged.goal, step).expect("the curve has a last value");
        let median = Finite::try_from(median).expect("the mean of two finite numbers is finite");
        if !judged.goal.is_better(median, best) {
            return Verdict::Keep;
        }
        let why = Reason::WorseThanMedian { step, best: best.get(), median: median.get(), trials: there.len() };
        Verdict::Prune { why }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Goal, pruners::rungs::tests::trial};

    fn others() -> Vec<Trial> {
        let value = |value: f64| State::Complete { value: value.try_into().expect("it is in range") };
        [0.1, 0.2, 0.3, 0.4, 0.9]
            .into_iter()
            .enumerate()
            .map(|(number, last)| trial(number as u64, value(last), &[(1, last / 2.0), (2, last)]))
            .collect()
    }

    #[track_caller]
    fn check(settings: &Median, goal: Goal, curve: &[(u64, f64)], expected: Option<(f64, f64)>) {
        let own = trial(9, State::Running, curve);
        let found = match settings.judge(&Judged { goal, trial: &own, trials: &others() }) {
            Verdict::Prune { why: Reason::WorseThanMedian { best, median, .. } } => Some((best, median)),
            Verdict::Keep => None,
            other => panic!("{other:?}"),
        };
        assert_eq!(found, expected);
    }

    #[test]
    fn the_median_at_the_step_decides() {
        let usual = Median::default();
        check(&usual, Goal::Maximise, &[(1, 0.1), (2, 0.29)], Some((0.29, 0.3)));
        check(&usual, Goal::Maximise, &[(1, 0.1), (2, 0.3)], None);
        check(&usual, Goal::Minimise, &[(1, 0.4), (2, 0.31)], Some((0.31, 0.3)));
        // The best value so far counts, not the last.
        check(&usual, Goal::Maximise, &[(1, 0.35), (2, 0.0)], None);
        // Nobody has a value there, and nobody has a value at all.
        check(&usual, Goal::Maximise, &[(3, 0.0)], None);
        check(&usual, Goal::Maximise, &[], None);
    }

    #[test]
    fn startup_warmup_and_interval_keep() {
        check(&Median { startup_trials: 6, ..Median::default() }, Goal::Maximise, &[(2, 0.0)], None);
        check(&Median { warmup_steps: 2, ..Median::default() }, Goal::Maximise, &[(2, 0.0)], None);
        check(&Median { warmup_steps: 1, ..Median::default() }, Goal::Maximise, &[(2, 0.0)], Some((0.0, 0.3)));
        let second = NonZeroU64::new(2).expect("it is right");
        check(&Median { interval_steps: second, ..Median::default() }, Goal::Maximise, &[(2, 0.0)], None);
        check(&Median { interval_steps: second, ..Median::default() }, Goal::Maximise, &[(1, 0.0)], Some((0.0, 0.15)));
    }

    #[test]
    fn the_reason_has_the_numbers() {
        let own = trial(9, State::Running, &[(2, 0.0)]);
        let Verdict::Prune { why } =
            Median::default().judge(&Judged { goal: Goal::Maximise, trial: &own, trials: &others() })
        else {
            panic!("it is the worst");
        };
        let wanted = "its best value up to step 2, 0, is worse than 0.3, the median of 5 complete trials there";
        assert_eq!(why.to_string(), wanted);
    }
}
