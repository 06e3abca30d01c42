//! Points of axes: what an instance's id says of where it belongs.
//!
//! Does not know parts. An id names axes of three sorts: those that the experiment declares; the axis [`TRIAL`], which is that of a
//! search wherever the experiment declares none of that name; and those over lists that stages make.

use indexmap::IndexMap;

/// The axis of a search's trials.
pub(crate) const TRIAL: &str = "trial";

/// Values of axes: the declared ones in the order of their declaration, in a search those of the trial's surroundings (its outer fold),
/// the trial, and those within the trial.
pub(crate) type Point = Vec<(String, String)>;

/// Stage and axes of an id.
pub(crate) fn parse(id: &str) -> (&str, IndexMap<String, String>) {
    match id.strip_suffix(']').and_then(|id| id.split_once('[')) {
        Some((stage, axes)) => (stage, values(axes)),
        None => (id, IndexMap::new()),
    }
}

/// The values of `fold=1,trial=7`.
pub(crate) fn values(axes: &str) -> IndexMap<String, String> {
    let axes = axes.split(',').filter_map(|axis| axis.split_once('='));
    axes.map(|(axis, value)| (axis.to_owned(), value.to_owned())).collect()
}

/// The point of an instance; axes over lists are in none.
pub(crate) fn point(declared: &[String], axes: &IndexMap<String, String>) -> Point {
    let place = |axis: &str| axes.get_index_of(axis);
    let all = declared.iter().filter_map(|axis| Some((place(axis)?, axis.clone(), axes.get(axis)?.clone())));
    let Some(trial) = place(TRIAL).filter(|_| !is_declared(declared)) else {
        return all.map(|(_, axis, value)| (axis, value)).collect();
    };
    let (before, after): (Vec<_>, Vec<_>) = all.partition(|(at, ..)| *at < trial);
    let of = |part: Vec<(usize, String, String)>| part.into_iter().map(|(_, axis, value)| (axis, value));
    let own = (TRIAL.to_owned(), axes[trial].clone());
    of(before).chain([own]).chain(of(after)).collect()
}

/// Where a point has its trial.
pub(crate) fn trial_in(declared: &[String], point: &[(String, String)]) -> Option<usize> {
    point.iter().position(|(axis, _)| axis == TRIAL).filter(|_| !is_declared(declared))
}

fn is_declared(declared: &[String]) -> bool {
    declared.iter().any(|axis| axis == TRIAL)
}

/// The name of a part: `network=unet,fold=1`.
pub(crate) fn name(point: &[(String, String)]) -> String {
    point.iter().map(|(axis, value)| format!("{axis}={value}")).collect::<Vec<_>>().join(",")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(declared: &[&str], id: &str, expected: &str, trial: Option<usize>) {
        let declared: Vec<_> = declared.iter().map(|axis| (*axis).to_owned()).collect();
        let point = point(&declared, &parse(id).1);
        assert_eq!((name(&point).as_str(), trial_in(&declared, &point)), (expected, trial), "{id}");
    }

    #[test]
    fn a_point_has_declared_axes_and_the_trial_in_its_place() {
        check(&["fold"], "prepare", "", None);
        check(&["network", "fold"], "train[fold=1,network=a]", "network=a,fold=1", None);
        check(&["fold"], "score[fold=1,case=x]", "fold=1", None);
        check(&["fold"], "train[trial=7,fold=1]", "trial=7,fold=1", Some(0));
        check(&["fold", "inner"], "train[fold=1,trial=7,inner=0]", "fold=1,trial=7,inner=0", Some(1));
        check(&["fold"], "score[case=x,trial=7]", "trial=7", Some(0));
        // An experiment's own axis of that name is one as any other.
        check(&["fold", "trial"], "train[trial=7,fold=1]", "fold=1,trial=7", None);
    }
}
