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
    /// Cases that only the first has, and only the second.
    pub(crate) alone: [usize; 2],
    /// Those that differ most.
    pub(crate) lines: Vec<ChangeLine>,
}

/// A case that differs.
pub(crate) struct ChangeLine {
    pub(crate) case: String,
    pub(crate) patient: String,
    /// The fold that tests it in the first.
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
        // A case that is tested several times has the mean of its values.
        let by_case = |of: &[(&'_ Case, f64)]| -> BTreeMap<String, Vec<f64>> {
            let mut values: BTreeMap<String, Vec<f64>> = BTreeMap::new();
            of.iter().for_each(|(case, value)| values.entry(case.case.clone()).or_default().push(*value));
            values
        };
        let (ones, others) = (by_case(of_one), by_case(of_other));
        let mean = |values: &Vec<f64>| values.iter().sum::<f64>() / values.len() as f64;
        let first = |name: &String| of_one.iter().find(|(case, _)| case.case == *name).map(|(case, _)| *case);
        let both = ones.iter().filter_map(|(name, one)| Some((first(name)?, [mean(one), mean(others.get(name)?)])));
        let mut both: Vec<(&Case, [f64; 2])> = both.collect();
        let alone = [ones.len() - both.len(), others.len() - both.len()];
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
                overlay.rank == Rank::Changed && overlay.case == case.case && systems.contains(&overlay.system)
            }),
        };
        let lines = both.iter().filter(|(_, values)| difference(*values) != 0.0).take(LISTED).map(line).collect();
        Changes { systems: systems.clone(), metric: metric.label.clone(), better, equal, worse, alone, lines }
    };
    report.pairs.iter().flatten().map(pair).collect()
}
