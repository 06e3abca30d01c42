//! Points that are planned on paper before a search begins.
//!
//! Does not know what they are planned for.

use std::collections::BTreeMap;

use pipe_engine::Plan;
use pipe_spec::TRIAL;

use super::opening::highest;
use crate::{Domain, Point, Space, Value};

/// A point, and the parameter that alone was changed from the first one, with those that depend on it.
pub(super) type Probe = (Option<usize>, Point);

/// Points with every alternative and both ends of every range; the first has all that comes first, and those follow that differ from it in
/// one parameter.
pub(super) fn probes(space: &Space) -> Vec<Probe> {
    let first = space.filled(|_, domain| lowest(domain));
    let mut points = vec![(None, first)];
    for at in 0..space.count() {
        let (_, parameter) = space.parameter(at);
        let alternatives: Vec<Value> = match &parameter.domain {
            Domain::Choice(choice) => (1..choice.count()).map(Value::Choice).collect(),
            range => vec![highest(range)],
        };
        for value in alternatives {
            points.push((Some(at), space.filled(|own, domain| if own == at { value } else { lowest(domain) })));
        }
    }
    let count = space.parameters().map(|(_, parameter)| match &parameter.domain {
        Domain::Choice(choice) => choice.count(),
        Domain::Int(_) | Domain::Float(_) => 2,
    });
    // What is there only with other alternatives above it.
    for turn in 1..count.max().unwrap_or(1) {
        let point = space.filled(|_, domain| match domain {
            Domain::Choice(choice) => Value::Choice(turn % choice.count()),
            range => highest(range),
        });
        points.push((None, point));
    }
    points
}

fn lowest(domain: &Domain) -> Value {
    domain.level(0)
}

/// Parameters that change nothing: of the points, planned as trials by their place, none in which that parameter was changed has another
/// recipe than the first.
pub(super) fn idle<'s>(space: &'s Space, probes: &[Probe], plan: &Plan) -> Vec<&'s str> {
    let mut recipes: BTreeMap<usize, BTreeMap<String, String>> = BTreeMap::new();
    for node in &plan.nodes {
        let Some(number) = node.axes.get(TRIAL).and_then(|number| number.parse().ok()) else { continue };
        let others = node.axes.iter().filter(|(axis, _)| *axis != TRIAL);
        let place = others.fold(node.stage.clone(), |place, (axis, value)| format!("{place},{axis}={value}"));
        recipes.entry(number).or_default().insert(place, format!("{} {:?}", node.recipe, node.externals));
    }
    let first = &probes[0].1;
    let is_idle = |at: usize| {
        let changed =
            |(_, (changed, point)): &(usize, &Probe)| *changed == Some(at) && point.values()[at] != first.values()[at];
        let mut changed = probes.iter().enumerate().filter(changed).peekable();
        // One that is there only with other alternatives above it was not tried by itself.
        changed.peek().is_some() && changed.all(|(number, _)| recipes.get(&number) == recipes.get(&0))
    };
    space.parameters().enumerate().filter(|(at, _)| is_idle(*at)).map(|(_, (name, _))| name).collect()
}
