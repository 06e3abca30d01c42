//! Hyperband.

use std::num::NonZeroU64;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    Promotion, PrunerError, Rung, Verdict,
    registry::{Judge, Judged},
    rungs::{judge, promotion, rungs},
};
use crate::{Factor, Goal, Trial};

/// Hyperband: several successive halvings at once, of which each next judges later and has fewer trials, since nobody knows how early
/// values can be trusted. Trials are compared within their bracket.
///
/// # Source
/// Li, Jamieson, DeSalvo et al., *Hyperband: a novel bandit-based approach to hyperparameter optimization*, JMLR 18 (2018), with
/// asynchronous halving. The paper's first rung of bracket `s` has `ceil((s_max + 1) / (s + 1) * factor^s)` trials; here trials are
/// dealt to brackets in these proportions, in an order that mixes them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Hyperband {
    /// After so many steps the first bracket judges first.
    #[serde(default = "one")]
    pub min_resource: NonZeroU64,
    /// So many steps a trial has that is never ended.
    pub max_resource: NonZeroU64,
    /// How many times fewer trials each rung keeps, and how many times further the next is.
    #[serde(default = "three")]
    pub factor: Factor,
}

/// One of the successive halvings.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Bracket {
    /// Where its trials are judged; the last bracket has none.
    pub rungs: Vec<Rung>,
    /// Its trials in each round.
    pub trials: u64,
}

fn one() -> NonZeroU64 {
    NonZeroU64::MIN
}

fn three() -> Factor {
    Factor::THREE
}

impl Hyperband {
    /// The brackets: the first judges earliest, the last never.
    pub fn brackets(&self) -> Vec<Bracket> {
        let all = rungs(self.min_resource.get(), self.max_resource.get(), self.factor);
        let count = all.len() as u64 + 1;
        let bracket = |from: usize| {
            let left = (all.len() - from) as u32;
            let trials = (count * u64::from(self.factor.get()).saturating_pow(left)).div_ceil(u64::from(left) + 1);
            Bracket { rungs: all[from..].to_vec(), trials }
        };
        (0..=all.len()).map(bracket).collect()
    }

    /// Which bracket a trial is in.
    pub fn bracket(&self, trial: u64) -> usize {
        let brackets = self.brackets();
        let total: u64 = brackets.iter().map(|bracket| bracket.trials).sum();
        // Multiples of the golden section visit all places of a round, and neighbours are far apart.
        let stride = (total as f64 * 0.618_033_988_749_894_9) as u64;
        let stride =
            (stride.max(1)..).find(|stride| coprime(*stride, total)).expect("one more than the total is coprime");
        let mut place = (u128::from(trial) * u128::from(stride) % u128::from(total)) as u64;
        let within = brackets.iter().position(|bracket| {
            let found = place < bracket.trials;
            place = place.saturating_sub(bracket.trials);
            found
        });
        within.expect("the place is below the sum of all trials")
    }

    fn own(&self, trial: u64) -> Vec<Rung> {
        self.brackets().swap_remove(self.bracket(trial)).rungs
    }
}

fn coprime(one: u64, other: u64) -> bool {
    let (mut one, mut other) = (one, other);
    while other != 0 {
        (one, other) = (other, one % other);
    }
    one == 1
}

impl Judge for Hyperband {
    fn check(&self) -> Result<(), PrunerError> {
        let (min, max, factor) = (self.min_resource.get(), self.max_resource.get(), self.factor.get());
        let needed = min.saturating_mul(u64::from(factor));
        if self.brackets().len() == 1 { Err(PrunerError::NoRung { min, max, factor, needed }) } else { Ok(()) }
    }

    fn judge(&self, judged: &Judged<'_>) -> Verdict {
        let bracket = self.bracket(judged.trial.number);
        let rivals = judged.others().filter(|trial| self.bracket(trial.number) == bracket);
        judge(judged.goal, &self.own(judged.trial.number), self.factor, judged.trial, rivals)
    }

    fn rungs(&self, trial: u64) -> Vec<Rung> {
        self.own(trial)
    }

    fn promotion(&self, goal: Goal, trials: &[Trial]) -> Option<Promotion> {
        let within = |(at, bracket): (usize, Bracket)| {
            let own: Vec<&Trial> = trials.iter().filter(|trial| self.bracket(trial.number) == at).collect();
            promotion(goal, &bracket.rungs, self.factor, &own)
        };
        self.brackets().into_iter().enumerate().find_map(within)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{State, pruners::rungs::tests::trial};

    fn settings() -> Hyperband {
        serde_json::from_str(r#"{ "max_resource": 81 }"#).expect("it is written right")
    }

    /// Table 1 of the paper: R = 81, factor 3, s = 4 to 0. It starts 81, 34, 15, 8 and 5 trials at 1, 3, 9, 27 and 81 steps.
    #[test]
    fn brackets_are_those_of_the_paper() {
        let brackets = settings().brackets();
        let trials: Vec<u64> = brackets.iter().map(|bracket| bracket.trials).collect();
        assert_eq!(trials, [81, 34, 15, 8, 5]);
        let firsts: Vec<Option<u64>> = brackets.iter().map(|bracket| Some(bracket.rungs.first()?.resource)).collect();
        assert_eq!(firsts, [Some(1), Some(3), Some(9), Some(27), None]);
    }

    #[test]
    fn a_round_deals_trials_in_proportion_and_mixed() {
        let mut counts = [0; 5];
        (0..143).for_each(|trial| counts[settings().bracket(trial)] += 1);
        assert_eq!(counts, [81, 34, 15, 8, 5]);
        let mut early = [0; 5];
        (0..29).for_each(|trial| early[settings().bracket(trial)] += 1);
        assert!(early[0] <= 18 && early[1] >= 5 && early[2] >= 2, "{early:?}");
    }

    #[test]
    fn only_trials_of_the_bracket_are_rivals() {
        let hyperband = settings();
        let first: Vec<u64> = (0..143).filter(|trial| hyperband.bracket(*trial) == 0).take(2).collect();
        let other = (0..143).find(|trial| hyperband.bracket(*trial) == 1).expect("it is right");
        let own = trial(first[0], State::Running, &[(1, 0.1)]);
        let judge = |rival: u64| {
            let rival = trial(rival, State::Running, &[(1, 0.9)]);
            hyperband.judge(&Judged { goal: Goal::Maximise, trial: &own, trials: &[rival] })
        };
        assert!(matches!(judge(first[1]), Verdict::Prune { .. }));
        assert_eq!(judge(other), Verdict::Keep);
    }
}
