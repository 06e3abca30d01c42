//! `pipe runs compare`: metrics side by side, stage by stage, with the difference to the first run.
//!
//! Does not say why they differ; `diff` does.

use indexmap::{IndexMap, IndexSet};
use pipe_store::{Direction, RunRow, Store};
use serde_json::json;

use super::which;
use crate::{
    args::{Format, Which},
    failure::Failure,
    output::{self, Align},
};

/// Values of one run by stage and metric.
type Values = IndexMap<(String, String), (Option<f64>, Direction)>;

pub(crate) fn compare(store: &Store, runs: &[Which], format: Format) -> Result<(), Failure> {
    let runs: Vec<RunRow> = runs.iter().map(|which| which::find(store, *which)).collect::<Result<_, _>>()?;
    let mut values: Vec<Values> = Vec::new();
    for run in &runs {
        let stages = store.run_stages(run.id)?;
        let of = stages.into_iter().flat_map(|stage| {
            let name = stage.stage;
            stage.metrics.into_iter().map(move |metric| ((name.clone(), metric.name), (metric.value, metric.direction)))
        });
        values.push(of.collect());
    }
    let keys: IndexSet<_> = values.iter().flat_map(IndexMap::keys).collect();
    if format == Format::Json {
        let rows: Vec<_> = keys
            .iter()
            .map(|key| {
                let found: Vec<_> = values.iter().map(|values| value(values, key)).collect();
                let differences: Vec<_> = found.iter().map(|value| difference(found[0], *value)).collect();
                json!({ "stage": key.0, "metric": key.1, "values": found, "differences": differences })
            })
            .collect();
        output::json(&json!({ "runs": runs, "metrics": rows }));
        return Ok(());
    }
    let mut text = String::new();
    for run in &runs {
        text.push_str(&format!("run {}: {}, {}\n", run.id, run.experiment, output::moment(&run.started)));
    }
    if keys.is_empty() {
        text.push_str("\nnone of them has metrics\n");
        output::print(&text);
        return Ok(());
    }
    let titles: Vec<_> = runs.iter().map(|run| format!("run {}", run.id)).collect();
    let mut head = vec![("stage", Align::Left), ("metric", Align::Left), ("better", Align::Left)];
    for (position, title) in titles.iter().enumerate() {
        head.push((title, Align::Right));
        if position > 0 {
            head.push(("change", Align::Right));
        }
    }
    let line = |key: &&(String, String)| {
        let better = match values.iter().find_map(|values| values.get(*key)) {
            Some((_, Direction::Lower)) => "lower",
            _ => "higher",
        };
        let mut cells = vec![key.0.clone(), key.1.clone(), better.to_owned()];
        let first = value(&values[0], key);
        for (position, values) in values.iter().enumerate() {
            let found = value(values, key);
            cells.push(found.map_or_else(|| "-".to_owned(), output::number));
            if position > 0 {
                cells.push(difference(first, found).map(signed).unwrap_or_default());
            }
        }
        cells
    };
    text.push_str(&format!("\n{}", output::columns(&head, &keys.iter().map(line).collect::<Vec<_>>())));
    output::print(&text);
    Ok(())
}

fn value(values: &Values, key: &(String, String)) -> Option<f64> {
    values.get(key).and_then(|(value, _)| *value)
}

fn difference(first: Option<f64>, other: Option<f64>) -> Option<f64> {
    Some(other? - first?)
}

fn signed(difference: f64) -> String {
    let number = output::number(difference);
    if difference > 0.0 {
        format!("+{number}")
    } else if difference == 0.0 {
        "=".to_owned()
    } else {
        number
    }
}
