//! How much each parameter matters for being among the best.
//!
//! Does not know samplers.

use std::collections::BTreeSet;

use pipe_metrics::{
    Share,
    statistics::{mean_and_sd, normal_below},
};

use crate::{Domain, Goal, Space, Trial, Value, space::Scale};

/// Most cells into which a range is divided.
const CELLS: u64 = 50;
/// Kernels are at least so wide, in cells, that nine tenths of one stay in its cell.
const NARROWEST: f64 = 0.5 / 1.64;

/// The importance of each parameter for being among the `best` share of the complete trials, by name, in the order of the space. They
/// sum to 1; all are 0 where nothing can be said (fewer than two complete trials, or all equally good).
///
/// Of a parameter it is the Pearson divergence of its density among the best from that among all, `integral of (p_best / p_all - 1)^2
/// p_all`, where it is there: times `a^2 / b` for the share `a` of the best and `b` of all that have it. Densities are estimated by
/// kernels with Scott's bandwidth on a grid of at most 50 cells.
///
/// # Source
/// Watanabe, Bansal and Hutter, *PED-ANOVA: efficiently quantifying hyperparameter importance in arbitrary subspaces*, IJCAI 2023; for
/// parameters that are not always there, *Conditional PED-ANOVA*, arXiv 2601.20800 (2026).
pub fn importance(space: &Space, goal: Goal, trials: &[Trial], best: Share) -> Vec<(String, f64)> {
    let mut all: Vec<(f64, &Trial)> =
        trials.iter().filter_map(|trial| Some((goal.loss(trial.value()?), trial))).collect();
    all.sort_by(|one, other| one.0.total_cmp(&other.0));
    let count = ((best.get() * all.len() as f64).ceil() as usize).clamp(1, all.len().max(1));
    // Trials as good as the last of the best are among them.
    let worst = all.get(count - 1).map_or(f64::NEG_INFINITY, |(loss, _)| *loss);
    let good = all.iter().filter(|(loss, _)| *loss <= worst).count();
    let of = |at: usize| {
        let domain = &space.parameter(at).1.domain;
        let values = |trials: &[(f64, &Trial)]| -> Vec<Value> {
            trials.iter().filter_map(|(_, trial)| trial.point.values()[at]).collect()
        };
        let (have, good_have) = (values(&all), values(&all[..good]));
        if domain.levels() == Some(1) || have.len() < 2 || good_have.is_empty() || good == all.len() {
            return 0.0;
        }
        let (in_all, in_good) = (density(domain, &have), density(domain, &good_have));
        let terms = in_all.iter().zip(&in_good).map(|(all, good)| all * (good / all - 1.0).powi(2));
        let (a, b) = (good_have.len() as f64 / good as f64, have.len() as f64 / all.len() as f64);
        a * a / b * terms.sum::<f64>()
    };
    let found: Vec<f64> = (0..space.count()).map(of).collect();
    let sum: f64 = found.iter().sum();
    let share = |value: f64| if sum > 0.0 { value / sum } else { 0.0 };
    space.parameters().zip(found).map(|((name, _), value)| (name.to_owned(), share(value))).collect()
}

/// The density over alternatives, or over the cells of a range.
fn density(domain: &Domain, values: &[Value]) -> Vec<f64> {
    let mut density = match (domain, Scale::of(domain)) {
        (_, Some(scale)) => {
            let cells = cells(domain, &scale);
            of_cells(cells, &values.iter().map(|value| cell(&scale, cells, *value)).collect::<Vec<usize>>())
        }
        (_, None) => {
            let count = domain.levels().expect("only a range cannot be counted") as usize;
            of_alternatives(count, &values.iter().map(|value| value.number() as usize).collect::<Vec<usize>>())
        }
    };
    // An empty cell has a little, so that its share can be taken.
    density.iter_mut().for_each(|density| *density += 1e-12);
    density
}

/// A kernel for each alternative that was seen, weighted by how often, and one that is even.
fn of_alternatives(count: usize, seen: &[usize]) -> Vec<f64> {
    let distinct: BTreeSet<usize> = seen.iter().copied().collect();
    let prior = 1.0 / (distinct.len() + 1) as f64;
    let (hit, miss) = ((1.0 + prior) / (1.0 + prior * count as f64), prior / (1.0 + prior * count as f64));
    let sum = seen.len() as f64 + 1.0;
    let of = |at: usize| {
        let own = seen.iter().filter(|seen| **seen == at).count() as f64;
        (own * hit + (seen.len() as f64 - own) * miss + 1.0 / count as f64) / sum
    };
    (0..count).map(of).collect()
}

fn cells(domain: &Domain, scale: &Scale) -> usize {
    let most = match domain {
        // As many cells as doublings, so that none is empty for lack of whole numbers.
        Domain::Int(range) if range.scale() == crate::Scaling::Log => (range.levels() as f64).log2().ceil() as u64 + 1,
        _ => CELLS,
    };
    scale.levels().unwrap_or(CELLS).min(most).min(CELLS) as usize
}

/// In which cell a value lies: the lowest value is the middle of the first, the highest that of the last.
fn cell(scale: &Scale, cells: usize, value: Value) -> usize {
    let (low, high) =
        (scale.position(scale.value(scale.low).number()), scale.position(scale.value(scale.high).number()));
    let width = (high - low) / (cells - 1) as f64;
    (((scale.position(value.number()) - low) / width - 0.5).ceil().max(0.0) as usize).min(cells - 1)
}

/// A normal kernel for each value, and a wide one, truncated to the cells.
fn of_cells(count: usize, seen: &[usize]) -> Vec<f64> {
    let mut sorted: Vec<f64> = seen.iter().map(|seen| *seen as f64).collect();
    sorted.sort_by(f64::total_cmp);
    let n = sorted.len();
    let between = sorted[(n * 3 / 4).min(n - 1)] - sorted[(n / 4).saturating_sub(1)];
    let sd = mean_and_sd(&sorted).1.unwrap_or(0.0);
    let bandwidth = (1.059 * sd.min(between / 1.34) * (n as f64).powf(-0.2)).max(NARROWEST);
    let middle = (count - 1) as f64 / 2.0;
    let mut density = vec![0.0; count];
    let kernels = sorted.iter().map(|mean| (*mean, bandwidth)).chain([(middle, count as f64)]);
    for (mean, bandwidth) in kernels {
        let below = |edge: f64| normal_below((edge - 0.5 - mean) / bandwidth);
        let whole = below(count as f64) - below(0.0);
        for (at, density) in density.iter_mut().enumerate() {
            *density += (below(at as f64 + 1.0) - below(at as f64)) / whole / (n + 1) as f64;
        }
    }
    density
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Curve, State};

    fn trials(space: &Space, points: &[(&str, f64)]) -> Vec<Trial> {
        let trial = |(number, (point, value)): (usize, &(&str, f64))| Trial {
            number: number as u64,
            point: space
                .point(&serde_json::from_str(point).expect("it is written right"))
                .expect("it is written right"),
            state: State::Complete { value: (*value).try_into().expect("it is in range") },
            curve: Curve::default(),
        };
        points.iter().enumerate().map(trial).collect()
    }

    /// Two alternatives, ten trials each; the best two of twenty have `a`. Among the best: kernels (3/4, 1/4) twice and (1/2, 1/2), so
    /// (2/3, 1/3). Among all: (1/2, 1/2). Divergence 1/2 (1/9 + 1/9) = 1/9.
    #[test]
    fn the_divergence_of_two_alternatives_is_that_by_hand() {
        assert_eq!(of_alternatives(2, &[0, 0]), [2.0 / 3.0, 1.0 / 3.0]);
        let seen: Vec<usize> = (0..20).map(|at| at % 2).collect();
        let all = of_alternatives(2, &seen);
        assert!(all.iter().all(|density| (density - 0.5).abs() < 1e-15), "{all:?}");
    }

    #[test]
    fn what_decides_is_important_and_what_is_always_the_same_is_not() {
        let space: Space = serde_json::from_str(
            r#"{ "a": { "choice": ["x", "y"] }, "b": { "choice": ["x", "y"] }, "c": { "choice": [1] } }"#,
        )
        .expect("it is right");
        let best = Share::try_from(0.1).expect("it is in range");
        let both = [r#"{ "a": "x", "b": "x", "c": 1 }"#, r#"{ "a": "x", "b": "y", "c": 1 }"#];
        let worse = [r#"{ "a": "y", "b": "x", "c": 1 }"#, r#"{ "a": "y", "b": "y", "c": 1 }"#];
        let mut points: Vec<(&str, f64)> = both.iter().map(|point| (*point, 0.0)).collect();
        points.extend((0..8).map(|at| (both[at % 2], 1.0)));
        points.extend((0..10).map(|at| (worse[at % 2], 2.0)));
        let found = importance(&space, Goal::Minimise, &trials(&space, &points), best);
        let expected = [("a", 1.0), ("b", 0.0), ("c", 0.0)];
        for ((name, value), expected) in found.iter().zip(expected) {
            assert_eq!(name, expected.0);
            assert!((value - expected.1).abs() < 1e-9, "{found:?}");
        }
        // Where all are equally good, nothing is important.
        points.iter_mut().for_each(|point| point.1 = 0.0);
        let found = importance(&space, Goal::Minimise, &trials(&space, &points), best);
        assert!(found.iter().all(|(_, value)| *value == 0.0), "{found:?}");
        assert!(importance(&space, Goal::Minimise, &[], best).iter().all(|(_, value)| *value == 0.0));
    }
}
