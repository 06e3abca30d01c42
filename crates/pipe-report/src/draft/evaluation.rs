//! The numbers of a paper: what was tested, what was found, how systems differ, which cases were worst.
//!
//! Does not know recipes, nor how a page looks.

use std::collections::BTreeSet;

use indexmap::{IndexMap, IndexSet};
use pipe_metrics::{Direction, statistics::ComparisonPlan};

use super::page::Page;
use crate::{
    Case, Report, Row, compared, folds,
    markdown::point,
    number::{NONE, counted, fixed},
    p_value,
};

/// Digits of a paper: three of a ratio, two of a length.
fn number(value: Option<f64>, unit: &str) -> String {
    fixed(value, if unit.is_empty() { 3 } else { 2 }).replace('-', "−")
}

/// A mean with its standard deviation.
fn plain_spread(mean: Option<f64>, sd: Option<f64>, unit: &str) -> String {
    match (mean, sd) {
        (None, _) => NONE.to_owned(),
        (_, None) => number(mean, unit),
        _ => format!("{} ± {}", number(mean, unit), number(sd, unit)),
    }
}

/// A mean with its standard deviation and its unit.
pub(super) fn spread(mean: Option<f64>, sd: Option<f64>, unit: &str) -> String {
    format!("{} {unit}", plain_spread(mean, sd, unit)).trim_end().to_owned()
}

/// What was tested, without repetition.
pub(super) struct Tested<'r> {
    pub(super) cases: BTreeSet<&'r str>,
    pub(super) patients: BTreeSet<&'r str>,
    /// Cases and patients by fold.
    pub(super) folds: IndexMap<String, (BTreeSet<&'r str>, BTreeSet<&'r str>)>,
}

impl<'r> Tested<'r> {
    pub(super) fn of(cases: &'r [Case]) -> Self {
        let mut found = Self { cases: BTreeSet::new(), patients: BTreeSet::new(), folds: IndexMap::new() };
        for case in cases {
            let fold = found.folds.entry(point(&case.axes)).or_default();
            for (cases, patients) in [(&mut found.cases, &mut found.patients), (&mut fold.0, &mut fold.1)] {
                cases.insert(&case.case);
                patients.insert(&case.patient);
            }
        }
        found
    }

    /// `72 test cases of 24 patients in 3 folds`.
    pub(super) fn words(&self) -> String {
        let of = match self.folds.len() {
            0 | 1 => String::new(),
            folds => format!(" in {}", counted(folds, "fold")),
        };
        format!("{} of {}{of}", counted(self.cases.len(), "test case"), counted(self.patients.len(), "patient"))
    }

    /// The table of what each fold tests.
    pub(super) fn table(&self, page: &mut Page) {
        let row = |(fold, (cases, patients)): (&String, &(BTreeSet<&str>, BTreeSet<&str>))| {
            vec![fold.clone(), cases.len().to_string(), patients.len().to_string()]
        };
        let mut rows: Vec<Vec<String>> = self.folds.iter().map(row).collect();
        rows.push(vec!["all together".into(), self.cases.len().to_string(), self.patients.len().to_string()]);
        page.table("Test cases and their patients.", &["fold", "test cases", "patients"], 1, &rows);
    }
}

/// The class that comes first: the mean over classes where there are several.
pub(super) fn of_first_class(rows: &[Row]) -> impl Iterator<Item = &Row> {
    rows.iter().filter(|row| row.class == rows[0].class)
}

/// By which metric systems are ranked: Dice, or the first one.
pub(super) fn leading(rows: &[Row]) -> Option<&str> {
    let dice = rows.iter().find(|row| row.metric == "dice").or(rows.first());
    dice.map(|row| row.metric.as_str())
}

/// The best row of a metric.
pub(super) fn best<'r>(rows: &'r [Row], metric: &str) -> Option<&'r Row> {
    let of = of_first_class(rows).filter(|row| row.metric == metric && row.mean.is_some());
    of.max_by(|one, other| {
        let ordered = one.mean.unwrap_or_default().total_cmp(&other.mean.unwrap_or_default());
        if one.direction == Direction::Higher { ordered } else { ordered.reverse() }
    })
}

/// Means over cases, then over folds.
pub(super) fn results(rows: &[Row], page: &mut Page) {
    let systems: IndexSet<(&str, &str)> = rows.iter().map(|row| (row.system.as_str(), row.class.as_str())).collect();
    let metrics: IndexMap<&str, &Row> = of_first_class(rows).map(|row| (row.metric.as_str(), row)).collect();
    let classes = systems.iter().map(|(_, class)| class).collect::<BTreeSet<_>>().len();
    // Metrics side by side as far as a page goes.
    for metrics in metrics.iter().collect::<Vec<_>>().chunks(5) {
        let mut head = vec!["system".to_owned()];
        head.extend((classes > 1).then(|| "class".to_owned()));
        head.extend(metrics.iter().map(|(_, row)| heading(row)));
        let line = |(system, class): &(&str, &str)| {
            let of = |metric: &str| {
                rows.iter().find(|row| {
                    (row.system.as_str(), row.class.as_str(), row.metric.as_str()) == (system, class, metric)
                })
            };
            let cell = |metric: &str| {
                of(metric).map_or(NONE.to_owned(), |row| {
                    let remarks =
                        row.cases().split_once(" (").map(|(n, rest)| format!(" (n = {n}; {rest}")).unwrap_or_default();
                    format!("{}{remarks}", plain_spread(row.mean, row.sd, &row.unit))
                })
            };
            let mut line = vec![(*system).to_owned()];
            line.extend((classes > 1).then(|| (*class).to_owned()));
            line.extend(metrics.iter().map(|(metric, _)| cell(metric)));
            line
        };
        let lines: Vec<_> = systems.iter().map(line).collect();
        let head: Vec<&str> = head.iter().map(String::as_str).collect();
        let caption = "Mean ± standard deviation over test cases. Where a convention excluded cases or gave them a value, their number stands behind.";
        page.table(caption, &head, head.len() - metrics.len(), &lines);
    }
    let points = folds(rows);
    if points.len() < 2 {
        return;
    }
    let names: Vec<String> = points.iter().map(|fold| point(fold)).collect();
    let mut head = vec!["system", "metric"];
    head.extend(names.iter().map(String::as_str));
    head.push("mean ± SD over folds");
    let line = |row: &Row| {
        let mut line = vec![row.system.clone(), heading(row)];
        line.extend(points.iter().map(|fold| number(row.fold(fold), &row.unit)));
        line.push(plain_spread(row.mean_over_folds, row.sd_over_folds, &row.unit));
        line
    };
    let lines: Vec<_> = of_first_class(rows).map(line).collect();
    page.table("Means of each fold, and their mean and standard deviation.", &head, 2, &lines);
}

/// A metric with its unit.
fn heading(row: &Row) -> String {
    let metric = row.label.replace(&format!(", {}", row.class), "");
    let arrow = if row.direction == Direction::Higher { "↑" } else { "↓" };
    format!("{metric} {arrow}")
}

/// Systems against each other, patient by patient.
pub(super) fn comparisons(report: &Report, page: &mut Page) {
    let plan = ComparisonPlan::default();
    let (found, _) = compared(&report.metrics, &report.cases, report.pairs.as_deref(), &plan);
    if found.is_empty() {
        return;
    }
    page.paragraph(
        "Systems were compared patient by patient, each patient by the mean of its cases: Wilcoxon's signed-rank test (Wilcoxon, *Biometrics Bulletin* 1, 1945; zero differences by Pratt, *JASA* 54, 1959), two-sided, p-values adjusted over all pairs of systems by one metric (Holm, *Scandinavian Journal of Statistics* 6, 1979). Differences are medians of the patients' differences, with 95 % confidence intervals by 9,999 bootstrap resamples of patients (BCa; Efron, *JASA* 82, 1987).",
    );
    let line = |one: &crate::Compared| {
        let size = &one.comparison.size;
        let interval = size.interval.bounds().map_or(NONE.to_owned(), |[low, high]| {
            format!("{} to {}", number(Some(low), &one.unit), number(Some(high), &one.unit))
        });
        let p = |p: f64| p_value(p).trim_start_matches("p = ").trim_start_matches("p ").to_owned();
        let unit = if one.unit.is_empty() { String::new() } else { format!(" [{}]", one.unit) };
        vec![
            one.systems.join(" − "),
            format!("{}{unit}", one.label),
            one.comparison.n.to_string(),
            number(Some(size.value), &one.unit),
            interval,
            p(one.comparison.wilcoxon.test.p),
            p(one.holm),
        ]
    };
    let head = ["systems", "metric", "patients", "median difference", "95 % interval", "p", "p (Holm)"];
    page.table("Systems compared patient by patient.", &head, 2, &found.iter().map(line).collect::<Vec<_>>());
}

/// How many of the worst cases are listed for each system.
const WORST: usize = 3;

/// The cases that each system does worst by the leading metric.
pub(super) fn worst(report: &Report, rows: &[Row], page: &mut Page) {
    let Some(leading) = leading(rows).and_then(|metric| rows.iter().find(|row| row.metric == metric)) else { return };
    let mut lines = Vec::new();
    for system in rows.iter().map(|row| &row.system).collect::<IndexSet<_>>() {
        let of = |case: &&Case| case.system == *system && case.class == leading.class && case.metric == leading.metric;
        let mut cases: Vec<(f64, &Case)> =
            report.cases.iter().filter(of).filter_map(|case| Some((case.value.value()?, case))).collect();
        cases.sort_by(|one, other| {
            let ordered = one.0.total_cmp(&other.0);
            let ordered = if leading.direction == Direction::Higher { ordered } else { ordered.reverse() };
            ordered.then_with(|| one.1.case.cmp(&other.1.case))
        });
        lines.extend(cases.iter().take(WORST).map(|(value, case)| {
            let (fold, value) = (point(&case.axes), number(Some(*value), &leading.unit));
            vec![system.clone(), case.case.clone(), case.patient.clone(), fold, value]
        }));
    }
    let caption = format!("The test cases that each system did worst, up to {WORST}.");
    page.table(&caption, &["system", "case", "patient", "fold", &heading(leading)], 4, &lines);
}
