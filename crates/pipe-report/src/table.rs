//! The long table of values by case, and the short one of means by metric.
//!
//! Does not know how tables look.

use indexmap::{IndexMap, IndexSet};
use serde::{Deserialize, Serialize};

use pipe_metrics::{
    Description, Direction, Score,
    statistics::{Over, Summary, summarise},
};

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
    /// The class; `mean` over classes.
    pub class: String,
    /// Key of the metric.
    pub metric: String,
    /// What it scores.
    pub value: Score,
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
    /// The class; `mean` over classes.
    pub class: String,
    /// Key of the metric.
    pub metric: String,
    /// Its name for people, with the class where there are several, and the unit.
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
    /// Test cases, among those with a value, to which the convention for empty masks gave it.
    pub imputed: usize,
    /// Mean of the folds' means.
    pub mean_over_folds: Option<f64>,
    /// Standard deviation of the folds' means (divisor n - 1).
    pub sd_over_folds: Option<f64>,
    /// Each fold.
    pub per_fold: Vec<PerFold>,
}

impl Row {
    /// Cases behind the mean, and those that a convention excluded or gave a value: `40 (+2 excluded, 1 imputed)`.
    pub fn cases(&self) -> String {
        let excluded = (self.excluded > 0).then(|| format!("+{} excluded", self.excluded));
        let imputed = (self.imputed > 0).then(|| format!("{} imputed", self.imputed));
        let remarks: Vec<String> = excluded.into_iter().chain(imputed).collect();
        if remarks.is_empty() { self.n.to_string() } else { format!("{} ({})", self.n, remarks.join(", ")) }
    }

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

/// Means by system, metric and class, in the order in which systems and classes appear, and in that of the metrics.
pub fn table(metrics: &[Description], cases: &[Case]) -> Vec<Row> {
    let systems: IndexSet<&str> = cases.iter().map(|case| case.system.as_str()).collect();
    let classes: IndexSet<&str> = cases.iter().map(|case| case.class.as_str()).collect();
    let mut chosen: IndexMap<(&str, &str, &str), Vec<&Case>> = IndexMap::new();
    for case in cases {
        chosen.entry((&case.system, &case.metric, &case.class)).or_default().push(case);
    }
    let mut rows = Vec::new();
    for system in systems {
        for (metric, class) in metrics.iter().flat_map(|metric| classes.iter().map(move |class| (metric, *class))) {
            if let Some(cases) = chosen.get(&(system, metric.key.as_str(), class)) {
                let of_class = if classes.len() > 1 { format!(", {class}") } else { String::new() };
                let unit = if metric.unit.is_empty() { String::new() } else { format!(" [{}]", metric.unit) };
                rows.push(Row { label: format!("{}{of_class}{unit}", metric.label), ..row(metric, cases) });
            }
        }
    }
    rows
}

/// The line of the cases of one system, metric and class.
fn row(metric: &Description, cases: &[&Case]) -> Row {
    let all = summary(cases.iter().map(|case| case.value), Over::Cases);
    let mut folds: IndexMap<Vec<(&String, &String)>, Vec<Score>> = IndexMap::new();
    for case in cases {
        folds.entry(case.axes.iter().collect()).or_default().push(case.value);
    }
    let per_fold: Vec<PerFold> = folds
        .into_iter()
        .map(|(axes, values)| {
            let fold = summary(values, Over::Cases);
            let axes = axes.into_iter().map(|(axis, value)| (axis.clone(), value.clone())).collect();
            PerFold { axes, mean: fold.mean, sd: fold.sd, n: fold.n }
        })
        .collect();
    let over = summary(per_fold.iter().map(|fold| fold.mean), Over::Folds);
    Row {
        system: cases[0].system.clone(),
        class: cases[0].class.clone(),
        metric: metric.key.clone(),
        label: metric.label.clone(),
        unit: metric.unit.clone(),
        direction: metric.direction,
        mean: all.mean,
        sd: all.sd,
        median: all.median,
        n: all.n,
        excluded: all.excluded,
        imputed: all.imputed,
        mean_over_folds: over.mean,
        sd_over_folds: over.sd,
        per_fold,
    }
}

fn summary<S: Into<Score>>(scores: impl IntoIterator<Item = S>, over: Over) -> Summary {
    let scores: Vec<Score> = scores.into_iter().map(Into::into).collect();
    summarise(&scores, over).expect("stored scores are JSON, which has no other numbers than finite ones")
}

/// The long table as CSV; `state` says of each value whether it is known, imputed or excluded.
pub fn csv(cases: &[Case]) -> String {
    let axes: IndexSet<&str> = cases.iter().flat_map(|case| case.axes.keys()).map(String::as_str).collect();
    let mut writer = csv::Writer::from_writer(Vec::new());
    let head = ["system"]
        .into_iter()
        .chain(axes.iter().copied())
        .chain(["case", "patient", "class", "metric", "value", "state"]);
    writer.write_record(head).expect("writing to memory");
    for case in cases {
        let mut record = vec![case.system.clone()];
        record.extend(axes.iter().map(|axis| case.axes.get(*axis).cloned().unwrap_or_default()));
        record.extend([case.case.clone(), case.patient.clone(), case.class.clone(), case.metric.clone()]);
        record.push(case.value.value().map(|value| value.to_string()).unwrap_or_default());
        record.push(case.value.state().to_owned());
        writer.write_record(record).expect("writing to memory");
    }
    String::from_utf8(writer.into_inner().expect("writing to memory")).expect("made of texts")
}

#[cfg(test)]
mod tests {
    use super::*;
    use pipe_metrics::{LengthUnit, Metrics};

    fn case(fold: &str, case: &str, value: Score) -> Case {
        Case {
            system: "unet".into(),
            axes: IndexMap::from([("fold".into(), fold.into())]),
            case: case.into(),
            patient: case.into(),
            class: "lesion".into(),
            metric: "dice".into(),
            value,
        }
    }

    #[test]
    fn cases_and_folds_are_kept_apart() {
        let cases = [
            case("0", "a", Score::Known(0.5)),
            case("0", "b", Score::Known(0.7)),
            case("1", "c", Score::Imputed(0.9)),
            case("1", "d", Score::Excluded),
        ];
        let metrics = Metrics::default().descriptions(LengthUnit::Millimetre);
        let rows = table(&metrics, &cases);
        assert_eq!(rows.len(), 1, "one of the metrics has cases");
        let row = &rows[0];
        assert_eq!((row.n, row.excluded, row.imputed, row.per_fold.len()), (3, 1, 1, 2));
        assert_eq!(row.cases(), "3 (+1 excluded, 1 imputed)");
        assert!((row.mean.expect("cases") - 0.7).abs() < 1e-12);
        assert!((row.mean_over_folds.expect("folds") - 0.75).abs() < 1e-12);
        assert!((row.sd_over_folds.expect("two folds") - 0.15 * 2_f64.sqrt()).abs() < 1e-12);
        assert_eq!(csv(&cases).lines().nth(4), Some("unet,1,d,d,lesion,dice,,excluded"));
    }
}
