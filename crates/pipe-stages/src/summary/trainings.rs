//! The curves of a training, from its history.
//!
//! Does not draw them.

use pipe_learn::HistoryRow;
use pipe_report::{Curve, Series};
use serde_json::Value;

use super::Artifact;
use crate::failure::Failure;

/// The curves of a trained model; `with` are the settings of its recipe.
pub(super) fn curve(name: &str, system: String, with: &Value, model: &Artifact) -> Result<Curve, Failure> {
    let path = model.path.join(pipe_learn::model::HISTORY);
    let table = |source| Failure::Table { path: path.clone(), source };
    let mut reader = csv::Reader::from_path(&path).map_err(table)?;
    let rows: Vec<HistoryRow> = reader.deserialize().collect::<Result<_, _>>().map_err(table)?;
    let series = |name: &str, of: fn(&HistoryRow) -> f64| Series {
        name: name.to_owned(),
        values: rows.iter().map(of).collect(),
    };
    Ok(Curve {
        name: name.to_owned(),
        system,
        losses: vec![
            series("training loss", |row| row.train_loss),
            series("validation loss", |row| row.validation_loss),
        ],
        scores: vec![series("validation Dice", |row| row.validation_dice)],
        best: pipe_learn::history::best_of(&rows, best_metric(with)).map(|row| row.epoch),
    })
}

/// By which number the stage has chosen its epoch.
fn best_metric(with: &Value) -> pipe_learn::Metric {
    let written = with.get("training").and_then(|training| training.get("best"));
    written.and_then(|metric| serde_json::from_value(metric.clone()).ok()).unwrap_or_default()
}
