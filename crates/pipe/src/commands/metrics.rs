//! `pipe metrics`: masks that something else has predicted, against masks that are right.

use indexmap::IndexMap;
use pipe_metrics::{Evaluation, Score};
use pipe_stages::{Comparing, compare};
use serde_json::{Value, json};

use crate::{args::Metrics, failure::Failure, output};

pub(crate) fn metrics(typed: &Metrics) -> Result<(), Failure> {
    let how = Comparing {
        metrics: typed.metrics.clone(),
        empty: typed.empty,
        spacing: typed.spacing,
        threshold: typed.threshold,
        foreground: typed.foreground,
        common: typed.common,
        anywhere: typed.anywhere,
    };
    let found = compare(&typed.prediction, &typed.reference, &how).map_err(Box::new).map_err(Failure::Comparison)?;
    output::json(&answer(&found));
    Ok(())
}

fn answer(evaluation: &Evaluation) -> Value {
    let views = evaluation.views();
    let keys = || evaluation.metrics.iter().enumerate().map(|(at, metric)| (at, metric.key.clone()));
    let case = |case: &pipe_metrics::CaseScores| {
        let of_view = |(name, view): &(String, Option<usize>)| {
            let scores: IndexMap<String, Score> =
                keys().map(|(at, key)| (key, evaluation.score(case, *view, at))).collect();
            (name.clone(), scores)
        };
        (case.case.clone(), views.iter().map(of_view).collect::<IndexMap<_, _>>())
    };
    let whole = |(name, view): &(String, Option<usize>)| {
        let of_metric = |(at, key): (usize, String)| {
            let summary = evaluation.summary(*view, at);
            let mut whole = serde_json::to_value(summary).expect("a summary is plain data");
            // The value of all pixels of all cases together, for metrics that have one.
            if let Some(pooled) = view.and_then(|class| evaluation.pooled[class][at]) {
                whole["pooled"] = json!(pooled);
            }
            (key, whole)
        };
        (name.clone(), keys().map(of_metric).collect::<IndexMap<_, _>>())
    };
    json!({
        "conventions": evaluation.empty.to_string(),
        "unit": evaluation.unit,
        "threshold": evaluation.threshold,
        "classes": evaluation.classes,
        "cases": evaluation.cases.iter().map(case).collect::<IndexMap<_, _>>(),
        "summary": views.iter().map(whole).collect::<IndexMap<_, _>>(),
        "confusion": evaluation.confusion.as_ref().map(|confusion| &confusion.counts),
        "metrics": evaluation.metrics,
    })
}
