//! Bayesian optimisation with a Gaussian process.
//!
//! Does not know kernels or gradients; the files below do.

mod climb;
mod encoding;
mod improvement;
mod matrix;
mod minimise;
mod model;
mod warp;

use std::num::NonZeroUsize;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use self::{climb::climb, encoding::Encoding, improvement::Improvement, model::Model};
use super::{
    QuasiRandom, Random,
    ask::{Ask, Suggest},
    sobol::{DIMENSIONS, Scrambling, sobol},
};
use crate::{Finite, Point, Trial, random::Draws};

/// Points at which the improvement is looked at before it is climbed.
const LOOKED_AT: u32 = 1024;
/// Points from which it is climbed.
const CLIMBED_FROM: usize = 10;

/// The point at which a Gaussian process, fitted to the complete trials, expects most improvement on the best.
///
/// The kernel is Matern 5/2 with a length for each parameter, the expectation is climbed on the logarithm. An alternative is as far from
/// each other one; a parameter that is not there is as far from all of its values, and equal to itself. A trial under way counts with the
/// value that is expected of it, so that two at once keep apart. Pruned trials are not seen. Values are bent by a logarithm where that
/// makes them likelier. Before that, points are quasi-random.
///
/// # Source
/// Jones, Schonlau and Welch, *Efficient global optimization of expensive black-box functions*, J. Global Optim. 13 (1998); Snoek,
/// Larochelle and Adams, *Practical Bayesian optimization of machine learning algorithms*, NeurIPS 2012; Ament et al., *Unexpected
/// improvements to expected improvement for Bayesian optimization*, NeurIPS 2023; Ginsbourger, Le Riche and Carraro, *Kriging is
/// well-suited to parallelize optimization* (2010), for trials under way.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct GaussianProcess {
    /// So many trials are quasi-random, and must be complete, before a process is fitted.
    pub startup_trials: u32,
    /// Most trials that it is fitted to, the best and the latest half each: the cost grows with the third power.
    pub most_trials: NonZeroUsize,
}

impl Default for GaussianProcess {
    fn default() -> Self {
        Self { startup_trials: 10, most_trials: NonZeroUsize::new(200).expect("it is not 0") }
    }
}

impl Suggest for GaussianProcess {
    fn suggest(&self, ask: &Ask<'_>) -> Option<Point> {
        let complete: Vec<(&Trial, Finite)> = ask.completed().collect();
        let encoding = Encoding::new(ask.space);
        if complete.len() < (self.startup_trials as usize).max(2) || encoding.is_single() {
            let even = QuasiRandom::default();
            return if even.check(ask.space).is_ok() { even.suggest(ask) } else { Random {}.suggest(ask) };
        }
        let mut draws = Draws::of(ask.seed, ask.number);
        let seen = self.seen(ask, complete);
        let points: Vec<Vec<f64>> = seen.iter().map(|(trial, _)| encoding.encode(trial.point.values())).collect();
        let gains: Vec<f64> = seen.iter().map(|(_, value)| -ask.goal.loss(*value)).collect();
        let best = (0..gains.len()).reduce(|best, next| if gains[next] > gains[best] { next } else { best })?;
        let incumbent = points[best].clone();
        let mut model = Model::fitted(&encoding, points, &gains);
        for trial in ask.running() {
            model.believe(encoding.encode(trial.point.values()));
        }
        let improvement = Improvement::new(model);
        let mut starts = looked_at(&encoding, &improvement, &mut draws);
        starts.push(incumbent);
        let climbed = starts.into_iter().map(|start| climb(&encoding, &improvement, start));
        let (_, point) = climbed.reduce(|best, next| if next.0 > best.0 { next } else { best })?;
        Some(Point::new(encoding.decode(&point)))
    }
}

impl GaussianProcess {
    /// The trials that the process is fitted to, in order.
    fn seen<'a>(&self, ask: &Ask<'_>, mut complete: Vec<(&'a Trial, Finite)>) -> Vec<(&'a Trial, Finite)> {
        let most = self.most_trials.get().max(2);
        if complete.len() <= most {
            return complete;
        }
        let mut latest = complete.split_off(complete.len() - most / 2);
        complete.sort_by(|one, other| ask.goal.loss(one.1).total_cmp(&ask.goal.loss(other.1)));
        complete.truncate(most - latest.len());
        latest.extend(complete);
        latest.sort_by_key(|(trial, _)| trial.number);
        latest
    }
}

/// The point of a Sobol sequence with most improvement, and others in proportion to theirs.
fn looked_at(encoding: &Encoding<'_>, improvement: &Improvement, draws: &mut Draws) -> Vec<Vec<f64>> {
    let seed = draws.below(u64::MAX);
    let point = |number: u32| {
        let share = |at: usize| {
            if at < DIMENSIONS { sobol(number, at, Scrambling::Seed(seed)) } else { Draws::of(seed, at as u64).unit() }
        };
        encoding.at_shares(share)
    };
    let mut points: Vec<(f64, Vec<f64>)> = (0..LOOKED_AT)
        .map(|number| {
            let point = point(number);
            (improvement.at(&point), point)
        })
        .collect();
    points.sort_by(|one, other| other.0.total_cmp(&one.0));
    let largest = points[0].0;
    let mut weights: Vec<f64> = points.iter().map(|(value, _)| (value - largest).exp()).collect();
    let mut chosen = vec![0];
    weights[0] = 0.0;
    while chosen.len() + 1 < CLIMBED_FROM && weights.iter().any(|weight| *weight > 0.0) {
        let next = draws.weighted(&weights);
        weights[next] = 0.0;
        chosen.push(next);
    }
    chosen.into_iter().map(|at| std::mem::take(&mut points[at].1)).collect()
}

#[cfg(test)]
mod tests;
