//! What happened in each epoch, as rows and as CSV.
//! It knows no wall time: equal trainings give equal bytes.

use std::fmt::Write as _;

use serde::{Deserialize, Serialize};

/// One epoch.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct HistoryRow {
    /// The epoch, counted from 0.
    pub epoch: usize,
    /// The learning rate of its first update.
    pub learning_rate: f64,
    /// The mean loss over training cases, while they were learned from.
    pub train_loss: f64,
    /// The mean loss over validation cases, afterwards.
    pub validation_loss: f64,
    /// The mean Dice over validation cases at threshold 0.5.
    pub validation_dice: f64,
}

/// Gives the epoch with the best Dice; the first of equal ones.
pub fn best_of(rows: &[HistoryRow]) -> Option<&HistoryRow> {
    rows.iter().reduce(|best, row| if row.validation_dice > best.validation_dice { row } else { best })
}

/// Gives the rows as CSV with a header.
pub fn csv(rows: &[HistoryRow]) -> String {
    let mut text = String::from("epoch,learning_rate,train_loss,validation_loss,validation_dice\n");
    for HistoryRow { epoch, learning_rate, train_loss, validation_loss, validation_dice } in rows {
        let row = writeln!(text, "{epoch},{learning_rate},{train_loss},{validation_loss},{validation_dice}");
        row.expect("writing to a text cannot fail");
    }
    text
}
