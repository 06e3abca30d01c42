//! The long table of values by case, and the short one of means by metric.
//!
//! Does not know how tables look.

use indexmap::{IndexMap, IndexSet};
use serde::{Deserialize, Serialize};

use pipe_metrics::{Direction, METRICS, summarise};

/// One value of one case.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Case {
    /// The system: the name of the network.
    pub system: String,
    /// The axes of the evaluation, e.g. `fold`.
    pub axes: IndexMap<String, String>,
    /// The case.
    pub case: String,
    /// Its patient.
    pub patient: String,
    /// Name of the metric.
    pub metric: String,
    /// The value; none where the convention for empty masks excludes the case.
    pub value: Option<f64>,
}

/// The mean of one fold.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct PerFold {
    /// The axes of the fold.
    pub axes: IndexMap<String, String>,
    /// Mean over its cases.
    pub mean: Option<f64>,
    /// Standard deviation over its cases.
    pub sd: Option<f64>,
    /// Its cases.
    pub n: usize,
}

/// One line of the table.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Row {
    /// The system.
    pub system: String,
    /// Name of the metric.
    pub metric: String,
    /// Its name for people.
    pub label: String,
    /// Its unit; empty for plain ratios.
    pub unit: String,
    /// Which way is better.
    pub direction: Direction,
    /// Mean over all test cases.
    pub mean: Option<f64>,
    /// Standard deviation over all test cases (divisor n - 1).
    pub sd: Option<f64>,
    /// Median over all test cases.
    pub median: Option<f64>,
    /// Test cases with a value.
    pub n: usize,
    /// Test cases that the convention for empty masks excludes.
    pub excluded: usize,
    /// Mean of the folds' means.
    pub mean_over_folds: Option<f64>,
    /// Standard deviation of the folds' means (divisor n - 1).
    pub sd_over_folds: Option<f64>,
    /// Each fold.
    pub per_fold: Vec<PerFold>,
}

impl Row {
    /// The mean of one fold; none where this system has no such fold.
    pub fn fold(&self, axes: &IndexMap<String, String>) -> Option<f64> {
        self.per_fold.iter().find(|fold| fold.axes == *axes).and_then(|fold| fold.mean)
    }
}

/// All folds that any row has, in the order in which they appear: the columns of a table.
pub fn folds(rows: &[Row]) -> Vec<&IndexMap<String, String>> {
    let mut folds: Vec<&IndexMap<String, String>> = Vec::new();
    for fold in rows.iter().flat_map(|row| &row.per_fold) {
        if !folds.contains(&&fold.axes) {
            folds.push(&fold.axes);
        }
    }
    folds
}

/// Means by system and metric, in the order of the systems and of [`METRICS`].
pub fn table(cases: &[Case]) -> Vec<Row> {
    let systems: IndexSet<&str> = cases.iter().map(|case| case.system.as_str()).collect();
    let of = |system: &str, metric: &str| -> Vec<&Case> {
        cases.iter().filter(|case| case.system == system && case.metric == metric).collect()
    };
    let mut rows = Vec::new();
    for system in systems {
        for metric in METRICS {
            let chosen = of(system, metric.name);
            if chosen.is_empty() {
                continue;
            }
            let all = summarise(&chosen.iter().map(|case| case.value).collect::<Vec<_>>());
            let mut folds: IndexMap<Vec<(&String, &String)>, Vec<Option<f64>>> = IndexMap::new();
            for case in &chosen {
                folds.entry(case.axes.iter().collect()).or_default().push(case.value);
            }
            let per_fold: Vec<PerFold> = folds
                .into_iter()
                .map(|(axes, values)| {
                    let fold = summarise(&values);
                    let axes = axes.into_iter().map(|(axis, value)| (axis.clone(), value.clone())).collect();
                    PerFold { axes, mean: fold.mean, sd: fold.sd, n: fold.n }
                })
                .collect();
            let over = summarise(&per_fold.iter().map(|fold| fold.mean).collect::<Vec<_>>());
            rows.push(Row {
                system: system.to_owned(),
                metric: metric.name.to_owned(),
                label: metric.label.to_owned(),
                unit: metric.unit.to_owned(),
                direction: metric.direction,
                mean: all.mean,
                sd: all.sd,
                median: all.median,
                n: all.n,
                excluded: all.excluded,
                mean_over_folds: over.mean,
                sd_over_folds: over.sd,
                per_fold,
            });
        }
    }
    rows
}

/// The long table as CSV.
pub fn csv(cases: &[Case]) -> String {
    let axes: IndexSet<&str> = cases.iter().flat_map(|case| case.axes.keys()).map(String::as_str).collect();
    let mut writer = csv::Writer::from_writer(Vec::new());
    let head = ["system"].into_iter().chain(axes.iter().copied()).chain(["case", "patient", "metric", "value"]);
    writer.write_record(head).expect("writing to memory");
    for case in cases {
        let mut record = vec![case.system.clone()];
        record.extend(axes.iter().map(|axis| case.axes.get(*axis).cloned().unwrap_or_default()));
        record.extend([case.case.clone(), case.patient.clone(), case.metric.clone()]);
        record.push(case.value.map(|value| value.to_string()).unwrap_or_default());
        writer.write_record(record).expect("writing to memory");
    }
    String::from_utf8(writer.into_inner().expect("writing to memory")).expect("made of texts")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn case(fold: &str, case: &str, value: Option<f64>) -> Case {
        Case {
            system: "unet".into(),
            axes: IndexMap::from([("fold".into(), fold.into())]),
            case: case.into(),
            patient: case.into(),
            metric: "dice".into(),
            value,
        }
    }

    #[test]
    fn cases_and_folds_are_kept_apart() {
        let cases =
            [case("0", "a", Some(0.5)), case("0", "b", Some(0.7)), case("1", "c", Some(0.9)), case("1", "d", None)];
        let rows = table(&cases);
        let row = &rows[0];
        assert_eq!((row.n, row.excluded, row.per_fold.len()), (3, 1, 2));
        assert!((row.mean.expect("cases") - 0.7).abs() < 1e-12);
        assert!((row.mean_over_folds.expect("folds") - 0.75).abs() < 1e-12);
        assert!((row.sd_over_folds.expect("two folds") - 0.15 * 2_f64.sqrt()).abs() < 1e-12);
        assert_eq!(csv(&cases).lines().nth(4), Some("unet,1,d,d,dice,"));
    }
}
