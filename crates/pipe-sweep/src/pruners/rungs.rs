//! Rungs: lengths at which trials are compared with those that came as far.
//!
//! Does not know brackets.

use serde::{Deserialize, Serialize};

use super::{Reason, Verdict};
use crate::{Factor, Finite, Goal, State, Trial};

/// A length at which a trial is judged, and how far it goes if it stays. Lengths are steps: epochs, or folds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rung {
    /// After so many steps a trial is judged.
    pub resource: u64,
    /// It then goes on to so many.
    pub next: u64,
}

/// A trial that has earned its next rung.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Promotion {
    /// The trial.
    pub trial: u64,
    /// Where it stands, and how far it goes.
    pub rung: Rung,
}

/// `first`, `first * factor`, ...: all that leave room for as much again; the last leads to `max`.
pub(super) fn rungs(first: u64, max: u64, factor: Factor) -> Vec<Rung> {
    let factor = u64::from(factor.get());
    let mut rungs: Vec<Rung> = Vec::new();
    let mut resource = first;
    while let Some(next) = resource.checked_mul(factor).filter(|next| *next <= max) {
        rungs.push(Rung { resource, next });
        resource = next;
    }
    if let Some(last) = rungs.last_mut() {
        last.next = max;
    }
    rungs
}

/// Judges a trial at the rung that its last value has reached, against all that have reached it: as many go on as are there by the
/// factor, and at least one. A trial is judged once at each rung; between rungs it is kept.
pub(super) fn judge<'a>(
    goal: Goal,
    rungs: &[Rung],
    factor: Factor,
    trial: &Trial,
    rivals: impl Iterator<Item = &'a Trial>,
) -> Verdict {
    let Some((last, _)) = trial.curve.last() else { return Verdict::Keep };
    let Some(Rung { resource, next }) = rungs.iter().rev().find(|rung| rung.resource <= last) else {
        return Verdict::Keep;
    };
    let (step, value) = trial.curve.from(*resource).expect("the last step is beyond the rung");
    if step != last || last >= *next {
        return Verdict::Keep;
    }
    let rivals: Vec<Finite> = rivals.filter_map(|rival| value_at(rival, *resource)).collect();
    let rank = rivals.iter().filter(|rival| goal.is_better(**rival, value)).count() + 1;
    let trials = rivals.len() + 1;
    let kept = (trials / factor.get() as usize).max(1);
    if rank <= kept {
        return Verdict::Keep;
    }
    let why = Reason::NotPromoted { step, value: value.get(), resource: *resource, next: *next, rank, trials, kept };
    Verdict::Prune { why }
}

/// The best pruned trial, at the highest rung that has one, that is by now among those of its rung that go on.
///
/// # Source
/// Li et al. 2020, algorithm 2, `get_job`.
pub(super) fn promotion(goal: Goal, rungs: &[Rung], factor: Factor, trials: &[&Trial]) -> Option<Promotion> {
    let of = |rung: &Rung| {
        let at = |trial: &&Trial| Some((value_at(trial, rung.resource)?, trial.number, waits_at(trial, rung)));
        let mut there: Vec<(Finite, u64, bool)> = trials.iter().filter_map(at).collect();
        there.sort_by(|one, other| goal.loss(one.0).total_cmp(&goal.loss(other.0)).then(one.1.cmp(&other.1)));
        let kept = there.len() / factor.get() as usize;
        let best = there.iter().take(kept).find(|(_, _, waits)| *waits)?;
        Some(Promotion { trial: best.1, rung: *rung })
    };
    rungs.iter().rev().find_map(of)
}

fn value_at(trial: &Trial, resource: u64) -> Option<Finite> {
    let counts = trial.state != State::Failed;
    trial.curve.from(resource).filter(|_| counts).map(|(_, value)| value)
}

fn waits_at(trial: &Trial, rung: &Rung) -> bool {
    matches!(trial.state, State::Pruned { step, .. } if (rung.resource..rung.next).contains(&step))
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::{Curve, Point};

    pub(in crate::pruners) fn trial(number: u64, state: State, values: &[(u64, f64)]) -> Trial {
        let mut curve = Curve::default();
        for (step, value) in values {
            curve.add(*step, *value).expect("it is right");
        }
        Trial { number, point: Point::new(Vec::new()), state, curve }
    }

    #[track_caller]
    fn check(first: u64, max: u64, factor: u32, expected: &[(u64, u64)]) {
        let found = rungs(first, max, factor.try_into().expect("it is in range"));
        let found: Vec<(u64, u64)> = found.iter().map(|rung| (rung.resource, rung.next)).collect();
        assert_eq!(found, expected);
    }

    #[test]
    fn rungs_are_powers_of_the_factor_and_the_last_leads_to_the_end() {
        check(1, 27, 3, &[(1, 3), (3, 9), (9, 27)]);
        check(1, 30, 3, &[(1, 3), (3, 9), (9, 30)]);
        check(5, 100, 4, &[(5, 20), (20, 100)]);
        check(1, 3, 4, &[]);
        check(u64::MAX / 2, u64::MAX, 2, &[(u64::MAX / 2, u64::MAX)]);
    }
}
