//! All points of a space.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    SamplerError,
    ask::{Ask, Suggest},
};
use crate::{Condition, Domain, Point, Space, Value};

/// All points, in the order of nested loops: the last parameter changes fastest. Trial `n` tries the `n`-th, which is found without
/// those before it. Below each alternative stand only the parameters that are there with it, so no point comes twice.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Grid {}

impl Suggest for Grid {
    fn check(&self, space: &Space) -> Result<(), SamplerError> {
        for (name, parameter) in space.parameters() {
            if parameter.domain.levels().is_none() {
                return Err(SamplerError::Infinite(name.to_owned()));
            }
        }
        if Counts::new(space).total().is_some_and(|total| total <= 1 << 63) {
            Ok(())
        } else {
            Err(SamplerError::TooMany)
        }
    }

    fn total(&self, space: &Space) -> Option<u64> {
        Counts::new(space).total()
    }

    fn suggest(&self, ask: &Ask<'_>) -> Option<Point> {
        let counts = Counts::new(ask.space);
        (ask.number < counts.total()?).then(|| counts.point(ask.number))
    }
}

/// How many points there are below each parameter: its levels, each times the points of the parameters that depend on it.
struct Counts<'a> {
    space: &'a Space,
    /// Parameters that depend on each, in order; the last entry has those that depend on none.
    dependants: Vec<Vec<usize>>,
    /// None where there are too many.
    counts: Vec<Option<u64>>,
}

impl<'a> Counts<'a> {
    fn new(space: &'a Space) -> Self {
        let mut dependants = vec![Vec::new(); space.count() + 1];
        for (at, (_, parameter)) in space.parameters().enumerate() {
            let parent = parameter.condition.as_ref().map_or(space.count(), Condition::parent);
            dependants[parent].push(at);
        }
        let mut counts = Self { space, dependants, counts: vec![None; space.count()] };
        // A parameter stands below the one that it depends on.
        for at in (0..space.count()).rev() {
            counts.counts[at] = counts.count(at);
        }
        counts
    }

    fn total(&self) -> Option<u64> {
        self.product(&self.dependants[self.space.count()])
    }

    fn count(&self, at: usize) -> Option<u64> {
        let levels = self.space.parameter(at).1.domain.levels()?;
        if self.dependants[at].is_empty() {
            return Some(levels);
        }
        (0..levels).try_fold(0_u64, |sum, alternative| sum.checked_add(self.product(&self.below(at, alternative))?))
    }

    fn product(&self, parameters: &[usize]) -> Option<u64> {
        parameters.iter().try_fold(1_u64, |product, at| product.checked_mul(self.counts[*at]?))
    }

    /// The parameters that are there with an alternative.
    fn below(&self, parent: usize, alternative: u64) -> Vec<usize> {
        let there = |at: &usize| {
            let condition = &self.space.parameter(*at).1.condition;
            condition.as_ref().is_some_and(|own| own.alternatives().contains(&(alternative as usize)))
        };
        self.dependants[parent].iter().copied().filter(there).collect()
    }

    fn point(&self, number: u64) -> Point {
        let mut values = vec![None; self.space.count()];
        self.fill(&self.dependants[self.space.count()], number, &mut values);
        Point::new(values)
    }

    /// Gives values to parameters that do not depend on each other, and to all below them.
    fn fill(&self, parameters: &[usize], mut number: u64, values: &mut [Option<Value>]) {
        for at in parameters.iter().rev() {
            let count = self.counts[*at].expect("a study checks that its grid can be counted");
            let mut own = number % count;
            number /= count;
            let domain = &self.space.parameter(*at).1.domain;
            if self.dependants[*at].is_empty() {
                values[*at] = Some(domain.level(own));
                continue;
            }
            let Domain::Choice(choice) = domain else { unreachable!("a condition is on a choice") };
            for alternative in 0..choice.count() {
                let below = self.below(*at, alternative as u64);
                let points = self.product(&below).expect("less than the whole, which can be counted");
                if own < points {
                    values[*at] = Some(Value::Choice(alternative));
                    self.fill(&below, own, values);
                    break;
                }
                own -= points;
            }
        }
    }
}
