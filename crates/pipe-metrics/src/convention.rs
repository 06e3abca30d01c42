//! What is said of empty masks below a table: which metrics the convention decides on, and which count every case.
//!
//! Does not know formulas, only what metrics make of empty masks.

use std::fmt;

use crate::{BothEmpty, EmptyMasks, LengthUnit, Metric, Needs, OfEmpty, OneEmpty};

/// `a`, `a and b`, `a, b and c`.
fn listed(names: &[String]) -> String {
    match names {
        [] => String::new(),
        [only] => only.clone(),
        [first @ .., last] => format!("{} and {last}", first.join(", ")),
    }
}

/// The words of one number of names: `has` or `have`.
fn verb<'w>(names: &[String], one: &'w str, several: &'w str) -> &'w str {
    if names.len() == 1 { one } else { several }
}

impl EmptyMasks {
    /// Gives the sentence for a table of some metrics; what none of them asks for is not said.
    pub fn sentence<'m>(self, metrics: impl IntoIterator<Item = &'m Metric>) -> String {
        let metrics: Vec<(String, OfEmpty)> = metrics
            .into_iter()
            .map(|metric| (metric.description(LengthUnit::Pixel).label, metric.of_empty()))
            .collect();
        let of = |kind: OfEmpty| -> Vec<String> {
            let names = metrics.iter().filter(|(_, of_empty)| *of_empty == kind);
            names.map(|(label, _)| label.clone()).collect()
        };
        let any = |kinds: &[OfEmpty]| metrics.iter().any(|(_, kind)| kinds.contains(kind));
        let ratios = any(&[OfEmpty::Ratio, OfEmpty::ThroughRecall]);
        let (distances, errors) = (any(&[OfEmpty::Distance]), any(&[OfEmpty::Count, OfEmpty::Relative]));
        let mut parts = Vec::new();
        if ratios || distances || errors {
            parts.push(self.of_both(ratios, distances, errors));
            parts.extend(self.of_one(ratios, distances));
        }
        let recall = of(OfEmpty::ThroughRecall);
        if !recall.is_empty() {
            parts.push(format!("in {} this holds for its recall", listed(&recall)));
        }
        let relative = of(OfEmpty::Relative);
        if !relative.is_empty() && self.one == OneEmpty::Worst {
            let verb = verb(&relative, "excludes", "exclude");
            parts.push(format!("{} {verb} a case whose reference alone is empty", listed(&relative)));
        }
        let needs = of(OfEmpty::NeedsReference);
        if !needs.is_empty() {
            let verb = verb(&needs, "excludes", "exclude");
            parts.push(format!("{} {verb} every case whose reference is empty", listed(&needs)));
        }
        let defined = of(OfEmpty::Defined);
        if !defined.is_empty() {
            let verb = verb(&defined, "is defined for empty masks and counts", "are defined for empty masks and count");
            parts.push(format!("{} {verb} every case", listed(&defined)));
        }
        format!("Empty masks: {}.", parts.join("; "))
    }

    fn of_both(self, ratios: bool, distances: bool, errors: bool) -> String {
        let best: Vec<String> = [(ratios, "ratios are 1"), (distances, "distances are 0"), (errors, "errors are 0")]
            .into_iter()
            .filter(|(there, _)| *there)
            .map(|(_, words)| words.to_owned())
            .collect();
        match self.both {
            BothEmpty::Excluded => {
                "where prediction and reference are both empty, the case is excluded and counted".to_owned()
            }
            BothEmpty::One => format!("where prediction and reference are both empty, {}", listed(&best)),
        }
    }

    /// What is said where one mask is empty; nothing of formulas that hold then too.
    fn of_one(self, ratios: bool, distances: bool) -> Vec<String> {
        let worst = match (ratios, distances) {
            (true, true) => "ratios are 0 and distances the diagonal of the image",
            (true, false) => "ratios are 0",
            (false, true) => "distances are the diagonal of the image",
            (false, false) => "",
        };
        let imputed = format!("{worst}, counted as imputed where the formula has no value");
        let said = match self.one {
            OneEmpty::Worst => (!worst.is_empty()).then(|| format!("where one of them is, {imputed}")),
            OneEmpty::Excluded => Some("where one of them is, the case is excluded and counted as well".to_owned()),
            OneEmpty::ExcludedWithoutReference => {
                let prediction = format!("; where only the prediction is, {imputed}");
                let prediction = if worst.is_empty() { "" } else { &prediction };
                Some(format!("where only the reference is, the case is excluded and counted as well{prediction}"))
            }
        };
        said.into_iter().collect()
    }
}

/// The sentence that reports print: of all metrics that there are.
impl fmt::Display for EmptyMasks {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut metrics = Metric::all(LengthUnit::Pixel, &[Needs::Masks, Needs::Probabilities]);
        // Of each metric one; their settings change nothing here.
        metrics.dedup_by_key(|metric| metric.name());
        formatter.write_str(&self.sentence(&metrics))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Case, Classes, Metrics, Score, Spacing};

    #[track_caller]
    fn check(convention: &str, metrics: &str, expected: &str) {
        let convention: EmptyMasks = convention.parse().expect("a convention");
        let metrics: Metrics = serde_json::from_str(metrics).expect("metrics");
        assert_eq!(convention.sentence(metrics.iter()), format!("Empty masks: {expected}."));
    }

    #[test]
    fn sentences() {
        let excluded = "where prediction and reference are both empty, the case is excluded and counted";
        let imputed = "counted as imputed where the formula has no value";
        check("", r#"["dice"]"#, &format!("{excluded}; where one of them is, ratios are 0, {imputed}"));
        check(
            "",
            r#"["dice", "hd95", "specificity", "accuracy"]"#,
            &format!(
                "{excluded}; where one of them is, ratios are 0 and distances the diagonal of the image, {imputed}; Specificity and Accuracy are defined for empty masks and count every case"
            ),
        );
        check("", r#"["accuracy"]"#, "Accuracy is defined for empty masks and counts every case");
        check(
            "both=one,one=excluded",
            r#"["hd", "relative_volume_difference", "roc_auc"]"#,
            "where prediction and reference are both empty, distances are 0 and errors are 0; where one of them is, the case is excluded and counted as well; ROC AUC excludes every case whose reference is empty",
        );
        check(
            "one=excluded_without_reference",
            r#"["assd"]"#,
            &format!(
                "{excluded}; where only the reference is, the case is excluded and counted as well; where only the prediction is, distances are the diagonal of the image, {imputed}"
            ),
        );
        check(
            "",
            r#"["betti_0_error", "relative_volume_difference"]"#,
            &format!("{excluded}; Relative volume difference excludes a case whose reference alone is empty"),
        );
        let all = EmptyMasks::default().to_string();
        assert!(
            all.ends_with(
                "; Specificity, Accuracy, ECE and Brier score are defined for empty masks and count every case."
            ),
            "{all}"
        );
    }

    /// What metrics say of themselves is what they do, for every metric and convention.
    #[test]
    fn metrics_do_as_they_say() {
        const PIXELS: usize = 6;
        let (none, some, map) = ([0; PIXELS], [0, 1, 1, 0, 0, 0], [0.25; PIXELS]);
        let scores = |metric: &Metric, empty: EmptyMasks, prediction: &[u8], reference: &[u8]| {
            let case =
                Case::new(Classes::Labels(prediction), Classes::Labels(reference), 2, [1, 2, 3], Spacing::PIXELS);
            let case = case.and_then(|case| case.with_probabilities(&map)).expect("masks");
            metric.score(&case.class(1).expect("foreground"), empty).expect("all that it needs")
        };
        for metric in Metric::all(LengthUnit::Pixel, &[Needs::Masks, Needs::Probabilities]) {
            for (both, one) in [BothEmpty::Excluded, BothEmpty::One].into_iter().flat_map(|both| {
                [OneEmpty::Worst, OneEmpty::Excluded, OneEmpty::ExcludedWithoutReference].map(|one| (both, one))
            }) {
                let of = |prediction: &[u8], reference: &[u8]| {
                    scores(&metric, EmptyMasks { both, one }, prediction, reference)
                };
                let (neither, missed, invented) = (of(&none, &none), of(&none, &some), of(&some, &none));
                let said = format!("{} {both:?} {one:?}: {neither:?} {missed:?} {invented:?}", metric.name());
                let best = match (metric.of_empty(), both) {
                    (_, BothEmpty::Excluded) => Score::Excluded,
                    (OfEmpty::Ratio | OfEmpty::ThroughRecall, BothEmpty::One) => Score::Imputed(1.0),
                    (_, BothEmpty::One) => Score::Imputed(0.0),
                };
                let without = |score: Score, excludes: bool| (score == Score::Excluded) == excludes;
                let by_convention =
                    [without(missed, one == OneEmpty::Excluded), without(invented, one != OneEmpty::Worst)];
                match metric.of_empty() {
                    OfEmpty::Ratio => {
                        assert_eq!((neither, by_convention), (best, [true; 2]), "{said}");
                        assert!(
                            [missed, invented].iter().all(|score| score.value().is_none_or(|value| value == 0.0)),
                            "{said}"
                        );
                    }
                    OfEmpty::Distance => {
                        assert_eq!((neither, by_convention), (best, [true; 2]), "{said}");
                        let diagonal = |value: f64| (value - 13.0_f64.sqrt()).abs() < 1e-12;
                        assert!([missed, invented].iter().all(|score| score.value().is_none_or(diagonal)), "{said}");
                    }
                    OfEmpty::ThroughRecall | OfEmpty::Count => {
                        assert_eq!((neither, by_convention), (best, [true; 2]), "{said}");
                    }
                    OfEmpty::Relative => {
                        assert_eq!((neither, by_convention[0], invented), (best, true, Score::Excluded), "{said}");
                    }
                    OfEmpty::NeedsReference => {
                        assert_eq!([neither, invented], [Score::Excluded; 2], "{said}");
                        assert!(matches!(missed, Score::Known(_)), "{said}");
                    }
                    OfEmpty::Defined => {
                        assert!(
                            [neither, missed, invented].iter().all(|score| matches!(score, Score::Known(_))),
                            "{said}"
                        );
                    }
                }
            }
        }
    }
}
