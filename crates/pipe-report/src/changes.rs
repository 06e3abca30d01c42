//! The cases on which two systems differ most.
//!
//! Does not test whether the systems differ; `compared` does.

use std::collections::BTreeMap;

use crate::{Case, Rank, Report, value};

/// Cases of a pair that are listed.
const LISTED: usize = 12;

/// Two systems, case by case.
pub(crate) struct Changes {
    /// The systems, the later one first.
    pub(crate) systems: [String; 2],
    /// The metric.
    pub(crate) metric: String,
    /// Cases by whether the first is better, equal, or worse.
    pub(crate) better: usize,
    pub(crate) equal: usize,
    pub(crate) worse: usize,
    /// Those that differ most.
    pub(crate) lines: Vec<ChangeLine>,
}

/// A case that differs.
pub(crate) struct ChangeLine {
    pub(crate) case: String,
    pub(crate) patient: String,
    pub(crate) fold: String,
    /// What both systems score, in their order.
    pub(crate) values: [String; 2],
    pub(crate) difference: String,
    /// Position of the first picture.
    pub(crate) picture: Option<usize>,
}

/// Gives the changes of each pair of a report by its first metric; of several classes by their mean, which comes first.
pub(crate) fn changes(report: &Report) -> Vec<Changes> {
    let (Some(metric), Some(first)) = (report.metrics.first(), report.cases.first()) else { return Vec::new() };
    let is_shown = |case: &&Case| case.metric == metric.key && case.class == first.class;
    let mut by_system: BTreeMap<&str, Vec<(&Case, f64)>> = BTreeMap::new();
    for case in report.cases.iter().filter(is_shown) {
        if let Some(value) = case.value.value() {
            by_system.entry(&case.system).or_default().push((case, value));
        }
    }
    let sign = match metric.direction {
        pipe_metrics::Direction::Higher => 1.0,
        pipe_metrics::Direction::Lower => -1.0,
    };
    let pair = |systems: &[String; 2]| {
        let [of_one, of_other] =
            systems.each_ref().map(|system| by_system.get(system.as_str()).map_or(&[][..], Vec::as_slice));
        let key = |case: &Case| (case.case.clone(), crate::markdown::point(&case.axes));
        let others: BTreeMap<_, f64> = of_other.iter().map(|(case, value)| (key(case), *value)).collect();
        let both = of_one.iter().filter_map(|(case, value)| Some((*case, [*value, *others.get(&key(case))?])));
        let mut both: Vec<(&Case, [f64; 2])> = both.collect();
        let difference = |[one, other]: [f64; 2]| (one - other) * sign;
        let count = |is: fn(f64) -> bool| both.iter().filter(|(_, values)| is(difference(*values))).count();
        let (better, equal, worse) = (count(|d| d > 0.0), count(|d| d == 0.0), count(|d| d < 0.0));
        both.sort_by(|(_, one), (_, other)| difference(*other).abs().total_cmp(&difference(*one).abs()));
        let line = |(case, [one, other]): &(&Case, [f64; 2])| ChangeLine {
            case: case.case.clone(),
            patient: case.patient.clone(),
            fold: crate::markdown::point(&case.axes),
            values: [*one, *other].map(|score| value(Some(score))),
            difference: format!("{:+.4}", one - other),
            picture: report.overlays.iter().position(|overlay| {
                overlay.rank == Rank::Changed && overlay.case == case.case && overlay.axes == case.axes
            }),
        };
        let lines = both.iter().filter(|(_, values)| difference(*values) != 0.0).take(LISTED).map(line).collect();
        Changes { systems: systems.clone(), metric: metric.label.clone(), better, equal, worse, lines }
    };
    report.pairs.iter().map(pair).collect()
}
