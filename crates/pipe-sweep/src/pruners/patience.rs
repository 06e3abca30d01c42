//! Patience.

use std::num::NonZeroUsize;

use pipe_metrics::NonNegative;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    Reason, Verdict,
    registry::{Judge, Judged},
};

/// Ends a trial of which so many values in a row have not improved on its best.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Patience {
    /// So many values without an improvement.
    pub patience: NonZeroUsize,
    /// An improvement is more than that.
    #[serde(default = "nothing")]
    pub min_improvement: NonNegative,
}

fn nothing() -> NonNegative {
    NonNegative::try_from(0.0).expect("it is not negative")
}

impl Judge for Patience {
    fn judge(&self, judged: &Judged<'_>) -> Verdict {
        let mut best = None;
        let (mut since, mut last) = (0, 0);
        for (step, value) in judged.trial.curve.values() {
            let improved = best
                .is_none_or(|(_, best)| judged.goal.loss(best) - judged.goal.loss(value) > self.min_improvement.get());
            if improved {
                (best, since) = (Some((step, value)), 0);
            } else {
                since += 1;
            }
            last = step;
        }
        match best {
            Some((best_step, best)) if since >= self.patience.get() => {
                let least = self.min_improvement.get();
                let why = Reason::NoImprovement { step: last, best: best.get(), best_step, values: since, least };
                Verdict::Prune { why }
            }
            _ => Verdict::Keep,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Goal, State, pruners::rungs::tests::trial};

    #[track_caller]
    fn check(settings: &str, goal: Goal, values: &[f64], expected: Option<(usize, u64)>) {
        let settings: Patience = serde_json::from_str(settings).expect("it is written right");
        let curve: Vec<(u64, f64)> = (1..).zip(values.iter().copied()).collect();
        let own = trial(0, State::Running, &curve);
        let found = match settings.judge(&Judged { goal, trial: &own, trials: &[] }) {
            Verdict::Prune { why: Reason::NoImprovement { values, best_step, .. } } => Some((values, best_step)),
            Verdict::Keep => None,
            other => panic!("{other:?}"),
        };
        assert_eq!(found, expected);
    }

    #[test]
    fn values_without_improvement_are_counted() {
        let two = r#"{ "patience": 2 }"#;
        check(two, Goal::Maximise, &[], None);
        check(two, Goal::Maximise, &[0.5, 0.4], None);
        check(two, Goal::Maximise, &[0.5, 0.4, 0.5], Some((2, 1)));
        check(two, Goal::Maximise, &[0.5, 0.4, 0.6, 0.5], None);
        check(two, Goal::Minimise, &[0.5, 0.6, 0.6], Some((2, 1)));
        check(two, Goal::Minimise, &[0.5, 0.4, 0.3], None);
        // Small improvements are none, and do not add up step by step: the best is the last real improvement.
        let coarse = r#"{ "patience": 2, "min_improvement": 0.15 }"#;
        check(coarse, Goal::Maximise, &[0.5, 0.6, 0.64], Some((2, 1)));
        check(coarse, Goal::Maximise, &[0.5, 0.6, 0.7], None);
    }
}
