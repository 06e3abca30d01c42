//! Systems against each other on the same patients, and how their values spread, from the long table.
//!
//! Does not know how it looks.

use indexmap::IndexSet;

use pipe_metrics::{
    Description, Direction, MEAN,
    statistics::{
        Comparison, ComparisonPlan, Correction, Paired, Patients, StatisticsError, adjusted, compare, pair, per_patient,
    },
};

use crate::{Axis, BoxPlot, Case, Forest, ForestRow, Group, PairedPlot, PairedView, Plot, p_value};

/// Two systems by one metric.
#[derive(Clone, Debug)]
pub struct Compared {
    /// Name of the metric.
    pub metric: String,
    /// Its name for people.
    pub label: String,
    /// Its unit.
    pub unit: String,
    /// Which way is better.
    pub direction: Direction,
    /// The systems; differences are the first less the second.
    pub systems: [String; 2],
    /// Values of both on the same patients.
    pub pairs: Paired,
    /// What is said of them.
    pub comparison: Comparison,
    /// The p-value of the Wilcoxon test after Holm over all pairs of systems by this metric.
    pub holm: f64,
}

/// A pair of systems of which nothing can be said.
#[derive(Clone, Debug, PartialEq)]
pub struct NotCompared {
    /// Name of the metric.
    pub metric: String,
    /// The systems.
    pub systems: [String; 2],
    /// Why.
    pub why: StatisticsError,
}

/// Every pair of systems by every metric: a value for each patient is the mean over its cases, and over folds and seeds that test it.
/// Of several classes their mean, which comes first. Where pairs are named, these alone are compared.
pub fn compared(
    metrics: &[Description],
    cases: &[Case],
    chosen: Option<&[[String; 2]]>,
    plan: &ComparisonPlan,
) -> (Vec<Compared>, Vec<NotCompared>) {
    let (mut found, mut not) = (Vec::new(), Vec::new());
    let class = cases.first().map_or("", |case| case.class.as_str());
    for metric in metrics {
        let systems = systems(cases, metric);
        let values: Vec<(&str, Result<Patients, StatisticsError>)> =
            systems.iter().map(|system| (*system, patients(cases, (metric, class), system))).collect();
        let first = found.len();
        let every = (0..values.len()).flat_map(|one| (one + 1..values.len()).map(move |other| [one, other]));
        let position = |name: &String| values.iter().position(|(system, _)| system == name);
        let pairs: Vec<[usize; 2]> = match chosen {
            None => every.collect(),
            Some(chosen) => chosen.iter().filter_map(|[one, other]| Some([position(one)?, position(other)?])).collect(),
        };
        for [(one, of_one), (other, of_other)] in pairs.into_iter().map(|pair| pair.map(|at| &values[at])) {
            let systems = [(*one).to_owned(), (*other).to_owned()];
            let result = of_one.clone().and_then(|one| {
                let pairs = pair(&one, of_other.as_ref().map_err(Clone::clone)?)?;
                Ok((compare(&pairs, plan)?, pairs))
            });
            match result {
                Ok((comparison, pairs)) => found.push(Compared {
                    metric: metric.key.clone(),
                    label: metric.label.clone(),
                    unit: metric.unit.clone(),
                    direction: metric.direction,
                    systems,
                    pairs,
                    holm: comparison.wilcoxon.test.p,
                    comparison,
                }),
                Err(why) => not.push(NotCompared { metric: metric.key.clone(), systems, why }),
            }
        }
        let family: Vec<f64> = found[first..].iter().map(|compared: &Compared| compared.holm).collect();
        let holm = adjusted(&family, Correction::Holm).expect("tests give p-values");
        found[first..].iter_mut().zip(holm).for_each(|(compared, p)| compared.holm = p);
    }
    (found, not)
}

/// A box plot of the values of all cases for each metric; of several classes each has its boxes, their mean has none.
pub fn distributions(metrics: &[Description], cases: &[Case]) -> Vec<Plot> {
    let classes: IndexSet<&str> = cases.iter().map(|case| case.class.as_str()).collect();
    let shown = || classes.iter().filter(|class| classes.len() == 1 || **class != MEAN);
    let plot = |metric: &Description| {
        let group = |system: &str, class: &str| {
            let of =
                cases.iter().filter(|case| case.metric == metric.key && case.system == system && case.class == class);
            let name = if classes.len() == 1 { system.to_owned() } else { format!("{system}, {class}") };
            Group { name, values: of.filter_map(|case| case.value.value()).collect() }
        };
        let systems = systems(cases, metric);
        let groups: Vec<Group> = systems.iter().flat_map(|system| shown().map(|class| group(system, class))).collect();
        let title = format!("{} over cases", metric.label);
        (!groups.is_empty()).then(|| Plot::Boxes(BoxPlot { title, x: Axis::new(&metric.label, &metric.unit), groups }))
    };
    metrics.iter().filter_map(plot).collect()
}

/// Patients up to which each has a line.
const SLOPES: usize = 40;

/// Pairs of systems up to which each has a picture of its own.
const PAIRS: usize = 3;

/// For each metric a forest of all differences, and for each pair of few systems its patients.
pub fn comparison_plots(compared: &[Compared]) -> Vec<Plot> {
    let forest = |rows: &[Compared]| {
        let first = &rows[0];
        let [left, right] = match first.direction {
            Direction::Higher => ["the second is better", "the first is better"],
            Direction::Lower => ["the first is better", "the second is better"],
        };
        let row = |compared: &Compared| ForestRow {
            name: compared.systems.join(" − "),
            estimate: compared.comparison.size.value,
            interval: compared.comparison.size.interval.bounds(),
            note: p_value(compared.holm),
        };
        let effect = format!("{} of {}", first.comparison.effect.label(), first.label);
        Plot::Forest(Forest {
            title: format!("{}: systems compared by patient", first.label),
            x: Axis::new(&effect, &first.unit),
            level: first.comparison.size.level,
            sides: Some([left.to_owned(), right.to_owned()]),
            rows: rows.iter().map(row).collect(),
        })
    };
    let pairs = |compared: &Compared| {
        let values = compared.pairs.one.iter().zip(&compared.pairs.other);
        let patients =
            compared.pairs.patients.iter().zip(values).map(|(name, (one, other))| (name.clone(), *one, *other));
        Plot::Paired(PairedPlot {
            title: format!("{} of {} patients: {}", compared.label, compared.comparison.n, compared.systems.join(", ")),
            view: if compared.comparison.n > SLOPES { PairedView::Differences } else { PairedView::Slopes },
            value: Axis::new(&compared.label, &compared.unit),
            direction: compared.direction,
            systems: compared.systems.clone(),
            patients: patients.collect(),
        })
    };
    let by_metric = compared.chunk_by(|one, other| one.metric == other.metric);
    let pictures = |rows: &[Compared]| {
        let of_pairs = if rows.len() <= PAIRS { rows } else { &[] };
        std::iter::once(forest(rows)).chain(of_pairs.iter().map(pairs)).collect::<Vec<_>>()
    };
    by_metric.flat_map(pictures).collect()
}

fn systems<'c>(cases: &'c [Case], metric: &Description) -> IndexSet<&'c str> {
    cases.iter().filter(|case| case.metric == metric.key).map(|case| case.system.as_str()).collect()
}

fn patients(cases: &[Case], (metric, class): (&Description, &str), system: &str) -> Result<Patients, StatisticsError> {
    let of = cases.iter().filter(|case| case.metric == metric.key && case.class == class && case.system == system);
    per_patient(of.map(|case| (case.patient.as_str(), case.value)))
}

#[cfg(test)]
mod tests {
    use indexmap::IndexMap;

    use super::*;

    fn case(system: &str, patient: usize, slice: usize, value: Option<f64>) -> Case {
        Case {
            system: system.into(),
            axes: IndexMap::new(),
            case: format!("p{patient}s{slice}"),
            patient: format!("p{patient:02}"),
            class: "lesion".into(),
            metric: "dice".into(),
            value: value.into(),
        }
    }

    fn metrics() -> Vec<Description> {
        pipe_metrics::Metrics::default().descriptions(pipe_metrics::LengthUnit::Pixel)
    }

    #[test]
    fn systems_are_compared_by_patient() {
        let value =
            |patient: usize, slice: usize, shift: f64| Some(0.6 + 0.02 * patient as f64 + 0.01 * slice as f64 + shift);
        let mut cases: Vec<Case> = Vec::new();
        for (system, shift) in [("a", 0.0), ("b", 0.05), ("c", 0.051)] {
            let of = |patient| (0..3).map(move |slice| (patient, slice));
            let all = (0..12).flat_map(of);
            cases.extend(all.map(|(patient, slice)| {
                let noise = 0.001 * ((patient * 7 + slice) % 5) as f64 * shift * 100.0;
                case(system, patient, slice, value(patient, slice, shift + noise))
            }));
        }
        cases.push(case("a", 12, 0, Some(0.5)));
        let (found, not) = compared(&metrics(), &cases, None, &ComparisonPlan::default());
        assert!(not.is_empty(), "{not:?}");
        let names: Vec<_> = found.iter().map(|compared| compared.systems.join(" ")).collect();
        assert_eq!(names, ["a b", "a c", "b c"]);
        assert_eq!(
            (found[0].comparison.n, found[0].comparison.unpaired.len()),
            (12, 1),
            "patients, not their 36 slices"
        );
        assert!(found[0].comparison.size.value < -0.05 && found[0].holm < 0.01, "{:?}", found[0]);
        assert!(found.iter().all(|compared| compared.holm >= compared.comparison.wilcoxon.test.p));
        let chosen = [["c".to_owned(), "a".to_owned()], ["c".to_owned(), "gone".to_owned()]];
        let (only, _) = compared(&metrics(), &cases, Some(&chosen), &ComparisonPlan::default());
        assert_eq!(only.len(), 1, "a pair by name, in its own order");
        assert!((only[0].comparison.size.value + found[1].comparison.size.value).abs() < 1e-12, "c − a is −(a − c)");
        assert!((only[0].holm - found[1].comparison.wilcoxon.test.p).abs() < 1e-12, "a family of one");
        let plots = comparison_plots(&found);
        assert_eq!((plots.len(), distributions(&metrics(), &cases).len()), (4, 1));
        assert!(plots[0].svg().contains("a − b") && plots[0].svg().contains("the first is better"));
    }

    #[test]
    fn systems_without_a_common_patient_are_named() {
        let cases = [case("a", 0, 0, Some(0.5)), case("b", 1, 0, Some(0.5)), case("b", 0, 0, None)];
        let (found, not) = compared(&metrics(), &cases, None, &ComparisonPlan::default());
        assert!(found.is_empty());
        let expected = NotCompared {
            metric: "dice".into(),
            systems: ["a".into(), "b".into()],
            why: StatisticsError::NoPairs { one: 1, other: 1 },
        };
        assert_eq!(not, [expected]);
    }
}
