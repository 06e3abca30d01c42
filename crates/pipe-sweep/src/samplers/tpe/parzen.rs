//! A Parzen estimator: one kernel for each observed point, and one over the whole range.
//!
//! Does not know trials.

use pipe_metrics::statistics::{normal_below, normal_quantile};

use crate::{Domain, Value, random::Draws, space::Scale};

/// So many of the latest observations count fully; earlier ones less and less.
const LATEST: usize = 25;
/// Half the logarithm of 2 pi.
const HALF_LOG_TWO_PI: f64 = 0.918_938_533_204_672_7;

/// A mixture of products of one-dimensional kernels.
///
/// `p(x) = sum over k of w_k product over d of K(x_d; k, d)`, where the last kernel is the prior. Of an alternative, `K` is
/// `(1 + p) / (1 + c p)` for the observed one and `p / (1 + c p)` for each other of `c`, with `p` the weight of the prior by the number
/// of kernels. Of a number, `K` is a normal density about the observed one, truncated to the range, or its mass over the cell of a
/// stepped range. Its deviation is the distance to the further neighbour (the first and the last have one neighbour), at least the
/// range by `min(100, observations + 2)` and at most the range.
pub(super) struct Mixture {
    weights: Vec<f64>,
    columns: Vec<Column>,
}

enum Column {
    /// Nothing to choose.
    Only(Value),
    /// Observed alternatives, and what the observed and another one have.
    Choice {
        observed: Vec<usize>,
        hit: f64,
        miss: f64,
        count: usize,
    },
    Number(Normals),
}

/// Truncated normal kernels.
struct Normals {
    scale: Scale,
    means: Vec<f64>,
    deviations: Vec<f64>,
    /// Logarithms of the masses within the range.
    masses: Vec<f64>,
    /// Of a stepped range: to which of the distinct kernels each belongs, and one of each. Stepped values are often equal.
    distinct: Option<(Vec<usize>, Vec<usize>)>,
}

impl Mixture {
    /// Estimates the density of observed points.
    pub(super) fn new(domains: &[&Domain], observed: &[Vec<Value>], prior: f64) -> Self {
        let mut weights = weights(observed.len());
        // Without observations the prior is all there is, whatever its weight.
        weights.push(if observed.is_empty() { 1.0 } else { prior });
        let sum: f64 = weights.iter().sum();
        weights.iter_mut().for_each(|weight| *weight /= sum);
        let column = |(at, domain): (usize, &&Domain)| {
            let values: Vec<f64> = observed.iter().map(|point| point[at].number()).collect();
            match (domain, Scale::of(domain)) {
                (_, Some(scale)) => Column::Number(Normals::new(scale, &values)),
                (Domain::Choice(choice), None) if choice.count() > 1 => {
                    let (count, share) = (choice.count(), prior / (values.len() + 1) as f64);
                    let sum = 1.0 + count as f64 * share;
                    let observed = values.iter().map(|value| *value as usize).collect();
                    Column::Choice { observed, hit: (1.0 + share) / sum, miss: share / sum, count }
                }
                (_, None) => Column::Only(domain.level(0)),
            }
        };
        Self { weights, columns: domains.iter().enumerate().map(column).collect() }
    }

    /// Draws a point: a kernel by its weight, then a value of it in each dimension.
    pub(super) fn draw(&self, draws: &mut Draws) -> Vec<Value> {
        let kernel = draws.weighted(&self.weights);
        let drawn = |column: &Column| match column {
            Column::Only(value) => *value,
            Column::Choice { observed, hit, miss, count } => match observed.get(kernel) {
                None => Value::Choice(draws.below(*count as u64) as usize),
                Some(own) => {
                    let shares: Vec<f64> = (0..*count).map(|at| if at == *own { *hit } else { *miss }).collect();
                    Value::Choice(draws.weighted(&shares))
                }
            },
            Column::Number(normals) => normals.draw(kernel, draws.unit()),
        };
        self.columns.iter().map(drawn).collect()
    }

    /// The logarithms of the density at some points.
    pub(super) fn log_densities(&self, points: &[Vec<Value>]) -> Vec<f64> {
        let weights: Vec<f64> = self.weights.iter().map(|weight| weight.ln()).collect();
        let mut sums = vec![weights; points.len()];
        for (at, column) in self.columns.iter().enumerate() {
            let values: Vec<Value> = points.iter().map(|point| point[at]).collect();
            column.add(&values, &mut sums);
        }
        sums.iter().map(|sums| log_of_sum(sums)).collect()
    }
}

/// `log(sum of exp(x))`.
fn log_of_sum(logarithms: &[f64]) -> f64 {
    let largest = logarithms.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    if largest == f64::NEG_INFINITY {
        return largest;
    }
    // What is below e^-45 of the largest is nothing beside it, even a thousand times; most kernels are.
    let near = logarithms.iter().map(|own| own - largest).filter(|below| *below > -45.0);
    largest + near.map(f64::exp).sum::<f64>().ln()
}

impl Column {
    /// Adds the logarithm of each kernel at each value to the sums of that value.
    fn add(&self, values: &[Value], sums: &mut [Vec<f64>]) {
        match self {
            Self::Only(_) => {}
            Self::Choice { observed, hit, miss, count } => {
                let (hit, miss) = (hit.ln(), miss.ln());
                for (value, sums) in values.iter().zip(sums) {
                    for (sum, own) in sums.iter_mut().zip(observed) {
                        *sum += if Value::Choice(*own) == *value { hit } else { miss };
                    }
                    sums[observed.len()] -= (*count as f64).ln();
                }
            }
            Self::Number(normals) => match &normals.distinct {
                None => normals.add_densities(values, sums),
                Some((kinds, examples)) => normals.add_cells(kinds, examples, values, sums),
            },
        }
    }
}

impl Normals {
    fn new(scale: Scale, observed: &[f64]) -> Self {
        let mut means: Vec<f64> = observed.iter().map(|value| scale.position(*value)).collect();
        let mut deviations = deviations(&means, &scale);
        means.push(f64::midpoint(scale.low, scale.high));
        deviations.push(scale.width());
        let pairs = means.iter().zip(&deviations);
        let mass =
            |(mean, deviation): (&f64, &f64)| log_mass((scale.low - mean) / deviation, (scale.high - mean) / deviation);
        let masses = pairs.map(mass).collect();
        let distinct = scale.levels().map(|_| distinct(&means, &deviations));
        Self { scale, means, deviations, masses, distinct }
    }

    /// The value of a kernel below which a share of its mass lies.
    fn draw(&self, kernel: usize, share: f64) -> Value {
        let (mean, deviation) = (self.means[kernel], self.deviations[kernel]);
        let below = normal_below((self.scale.low - mean) / deviation);
        let above = normal_below((self.scale.high - mean) / deviation);
        let position = mean + deviation * normal_quantile(below + share * (above - below));
        self.scale.value(position.clamp(self.scale.low, self.scale.high))
    }

    fn add_densities(&self, values: &[Value], sums: &mut [Vec<f64>]) {
        let scale = |(deviation, mass): (&f64, &f64)| HALF_LOG_TWO_PI + deviation.ln() + mass;
        let scales: Vec<f64> = self.deviations.iter().zip(&self.masses).map(scale).collect();
        for (value, sums) in values.iter().zip(sums) {
            let position = self.scale.position(value.number());
            let kernels = self.means.iter().zip(&self.deviations).zip(&scales);
            for (sum, ((mean, deviation), scale)) in sums.iter_mut().zip(kernels) {
                let distance = (position - mean) / deviation;
                *sum -= 0.5 * distance * distance + scale;
            }
        }
    }

    fn add_cells(&self, kinds: &[usize], examples: &[usize], values: &[Value], sums: &mut [Vec<f64>]) {
        let mut known: Vec<(Value, Vec<f64>)> = Vec::new();
        for (value, sums) in values.iter().zip(sums) {
            if known.iter().all(|(other, _)| other != value) {
                known.push((*value, self.cells(examples, *value)));
            }
            let (_, cells) = known.iter().find(|(other, _)| other == value).expect("it is there by now");
            for (sum, kind) in sums.iter_mut().zip(kinds) {
                *sum += cells[*kind];
            }
        }
    }

    /// The logarithm of each distinct kernel's mass over the cell of a value.
    fn cells(&self, examples: &[usize], value: Value) -> Vec<f64> {
        let (low, high) = self.scale.cell(value.number()).expect("a range that can be counted has cells");
        let cell = |at: &usize| {
            let (mean, deviation) = (self.means[*at], self.deviations[*at]);
            log_mass((low - mean) / deviation, (high - mean) / deviation) - self.masses[*at]
        };
        examples.iter().map(cell).collect()
    }
}

/// Weights of observations, oldest first.
fn weights(count: usize) -> Vec<f64> {
    let Some(older) = count.checked_sub(LATEST) else { return vec![1.0; count] };
    let (lowest, steps) = (1.0 / count as f64, older.saturating_sub(1).max(1) as f64);
    let older = (0..older).map(|at| lowest + (1.0 - lowest) * at as f64 / steps);
    older.chain([1.0; LATEST]).collect()
}

fn deviations(means: &[f64], scale: &Scale) -> Vec<f64> {
    let mut order: Vec<usize> = (0..means.len()).collect();
    order.sort_by(|one, other| means[*one].total_cmp(&means[*other]));
    let least = scale.width() / ((means.len() + 2) as f64).min(100.0);
    let mut deviations = vec![0.0; means.len()];
    for (rank, at) in order.iter().enumerate() {
        let below = rank.checked_sub(1).map(|rank| means[*at] - means[order[rank]]);
        let above = order.get(rank + 1).map(|next| means[*next] - means[*at]);
        let furthest = match (below, above) {
            (Some(below), Some(above)) => below.max(above),
            (Some(distance), None) | (None, Some(distance)) => distance,
            (None, None) => (means[*at] - scale.low).max(scale.high - means[*at]),
        };
        deviations[*at] = furthest.clamp(least, scale.width());
    }
    deviations
}

/// To which distinct kernel each belongs, and one of each.
fn distinct(means: &[f64], deviations: &[f64]) -> (Vec<usize>, Vec<usize>) {
    let mut order: Vec<usize> = (0..means.len()).collect();
    let key = |at: usize| (means[at], deviations[at]);
    order.sort_by(|one, other| {
        means[*one].total_cmp(&means[*other]).then(deviations[*one].total_cmp(&deviations[*other]))
    });
    let (mut kinds, mut examples) = (vec![0; means.len()], Vec::new());
    for at in order {
        if examples.last().is_none_or(|last| key(*last) != key(at)) {
            examples.push(at);
        }
        kinds[at] = examples.len() - 1;
    }
    (kinds, examples)
}

/// The logarithm of the normal distribution's mass between two bounds; computed in the lower tail, where nothing cancels.
fn log_mass(low: f64, high: f64) -> f64 {
    let (low, high) = if low > 0.0 { (-high, -low) } else { (low, high) };
    (normal_below(high) - normal_below(low)).ln()
}

#[cfg(test)]
mod tests;
