//! The tree-structured Parzen estimator.
//!
//! Does not know densities; `parzen.rs` does.

mod parzen;
mod split;

use std::num::{NonZeroU32, NonZeroUsize};

use pipe_metrics::{NonNegative, Share};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use self::{parzen::Mixture, split::Split};
use super::{
    Random,
    ask::{Ask, Suggest},
};
use crate::{Domain, Point, Space, State, Trial, Value, random::Draws};

/// Tree-structured Parzen estimator: among points drawn from a density of the good trials, the one at which that density is largest
/// relative to a density of the others.
///
/// Good are the best `good_share` of the trials, rounded up, and at most `good_at_most`. A pruned trial counts as worse than all complete
/// ones, and better the further it came; one that is under way counts as bad, so that two at once keep apart. Parameters are modelled
/// in groups of those that are there together, by the trials that have them.
///
/// # Source
/// Bergstra, Bardenet, Bengio and Kégl, *Algorithms for hyper-parameter optimization*, NeurIPS 2011; Watanabe, *Tree-structured Parzen
/// estimator: understanding its algorithm components*, arXiv 2304.11127 (2023). Defaults and bandwidths are those of Optuna 5.0.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Tpe {
    /// So many trials are random, and must have ended, before densities are estimated.
    pub startup_trials: u32,
    /// How many points are compared for a suggestion.
    pub candidates: NonZeroU32,
    /// Share of the trials that is good.
    pub good_share: Share,
    /// Most trials that are good.
    pub good_at_most: NonZeroUsize,
    /// Weight of a kernel over the whole range, where a trial has 1.
    pub prior_weight: NonNegative,
    /// Whether parameters that are there together are drawn together; else each by itself.
    pub multivariate: bool,
    /// Whether trials under way count as bad; else they are not seen.
    pub constant_liar: bool,
}

impl Default for Tpe {
    fn default() -> Self {
        Self {
            startup_trials: 10,
            candidates: NonZeroU32::new(24).expect("it is not 0"),
            good_share: Share::try_from(0.1).expect("it is a share"),
            good_at_most: NonZeroUsize::new(25).expect("it is not 0"),
            prior_weight: NonNegative::try_from(1.0).expect("it is above 0"),
            multivariate: true,
            constant_liar: true,
        }
    }
}

impl Suggest for Tpe {
    fn suggest(&self, ask: &Ask<'_>) -> Option<Point> {
        let ended = ask.others().filter(|trial| matches!(trial.state, State::Complete { .. } | State::Pruned { .. }));
        let ended = ended.count();
        if ended < self.startup_trials as usize {
            return Random {}.suggest(ask);
        }
        let share = (self.good_share.get() * ended as f64).ceil() as usize;
        let split = Split::of(ask, share.min(self.good_at_most.get()), self.constant_liar);
        let mut draws = Draws::of(ask.seed, ask.number);
        let mut values = vec![None; ask.space.count()];
        for group in self.groups(ask.space) {
            if ask.space.is_active(group[0], &values) {
                let found = self.drawn(ask.space, &group, &split, &mut draws);
                for (at, value) in group.iter().zip(found) {
                    values[*at] = Some(value);
                }
            }
        }
        Some(Point::new(values))
    }
}

impl Tpe {
    /// Parameters that are drawn together: those with equal conditions. A group comes after the parameter that it depends on.
    fn groups(&self, space: &Space) -> Vec<Vec<usize>> {
        let mut groups: Vec<Vec<usize>> = Vec::new();
        for (at, (_, parameter)) in space.parameters().enumerate() {
            let same = |group: &&mut Vec<usize>| space.parameter(group[0]).1.condition == parameter.condition;
            match groups.iter_mut().find(same).filter(|_| self.multivariate) {
                Some(group) => group.push(at),
                None => groups.push(vec![at]),
            }
        }
        groups
    }

    /// The best of some candidates for the parameters of a group.
    fn drawn(&self, space: &Space, group: &[usize], split: &Split<'_>, draws: &mut Draws) -> Vec<Value> {
        let domains: Vec<&Domain> = group.iter().map(|at| &space.parameter(*at).1.domain).collect();
        let mixture = |trials: &[&Trial]| {
            let of =
                |trial: &&Trial| -> Option<Vec<Value>> { group.iter().map(|at| trial.point.values()[*at]).collect() };
            let observed: Vec<Vec<Value>> = trials.iter().filter_map(of).collect();
            Mixture::new(&domains, &observed, self.prior_weight.get())
        };
        let (good, bad) = (mixture(&split.good), mixture(&split.bad));
        let candidates: Vec<Vec<Value>> = (0..self.candidates.get()).map(|_| good.draw(draws)).collect();
        let (above, below) = (good.log_densities(&candidates), bad.log_densities(&candidates));
        let gains = above.iter().zip(&below).map(|(above, below)| above - below);
        // Of equal ones the first, so that the order of comparisons does not matter.
        let best = gains.enumerate().reduce(|best, next| if next.1 > best.1 { next } else { best });
        let (at, _) = best.expect("there is at least one candidate");
        candidates.into_iter().nth(at).expect("it is one of them")
    }
}

#[cfg(test)]
mod tests;
