//! What happened in each epoch, as rows and as CSV, and which epoch was the best.
//! It knows no wall time: equal trainings give equal bytes.

use std::fmt::Write as _;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::setting::{SettingError, expect};

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
    /// That of each foreground class, in order; none where a class was neither there nor found.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub class_dice: Vec<Option<f64>>,
}

/// A number of validation by which epochs are compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Metric {
    /// The mean Dice over validation cases; larger is better.
    #[default]
    Dice,
    /// The mean loss over validation cases; smaller is better.
    Loss,
    /// The mean Dice of one class over validation cases, counted from 1 (0 is background); larger is better.
    ClassDice(usize),
}

impl Metric {
    /// Gives the number. A class that is neither there nor found has Dice 1, as all classes together have.
    pub fn of(self, row: &HistoryRow) -> f64 {
        match self {
            Self::Dice => row.validation_dice,
            Self::Loss => row.validation_loss,
            Self::ClassDice(class) => row.class_dice.get(class.wrapping_sub(1)).copied().flatten().unwrap_or(1.0),
        }
    }

    /// Tells whether a number is better than another by more than `change`.
    pub fn is_better(self, new: f64, old: f64, change: f64) -> bool {
        match self {
            Self::Loss => new < old - change,
            Self::Dice | Self::ClassDice(_) => new > old + change,
        }
    }

    /// Checks that there is such a number with so many foreground classes.
    ///
    /// # Errors
    /// The class does not exist.
    pub fn check(self, field: &str, foreground: usize) -> Result<(), SettingError> {
        match self {
            Self::Dice | Self::Loss => Ok(()),
            Self::ClassDice(class) => {
                let field = format!("{field}.class_dice");
                expect((1..=foreground).contains(&class), &field, class, "a foreground class of the network, from 1")
            }
        }
    }
}

/// Gives the epoch with the best number; the first of equal ones.
pub fn best_of(rows: &[HistoryRow], metric: Metric) -> Option<&HistoryRow> {
    best_by(rows, metric, 0.0)
}

/// Gives the last epoch that was better than the best one before by more than `change`.
pub(crate) fn best_by(rows: &[HistoryRow], metric: Metric, change: f64) -> Option<&HistoryRow> {
    rows.iter().reduce(|best, row| if metric.is_better(metric.of(row), metric.of(best), change) { row } else { best })
}

/// Gives the rows as CSV with a header; Dice of single classes where there are several.
pub fn csv(rows: &[HistoryRow]) -> String {
    let mut text = String::from("epoch,learning_rate,train_loss,validation_loss,validation_dice");
    let classes = rows.first().map_or(0, |row| row.class_dice.len());
    let mut write = |part: std::fmt::Arguments<'_>| text.write_fmt(part).expect("writing to a text cannot fail");
    (1..=classes).for_each(|class| write(format_args!(",validation_dice_{class}")));
    write(format_args!("\n"));
    for HistoryRow { epoch, learning_rate, train_loss, validation_loss, validation_dice, class_dice } in rows {
        write(format_args!("{epoch},{learning_rate},{train_loss},{validation_loss},{validation_dice}"));
        for dice in class_dice {
            write(format_args!(",{}", dice.map(|dice| dice.to_string()).unwrap_or_default()));
        }
        write(format_args!("\n"));
    }
    text
}

/// Gives the loss of every batch as CSV with a header, batches counted from 0.
pub fn steps(losses: &[f32]) -> String {
    let rows = losses.iter().enumerate().map(|(step, loss)| format!("{step},{loss}\n"));
    std::iter::once("step,loss\n".to_owned()).chain(rows).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(epoch: usize, loss: f64, class_dice: &[Option<f64>]) -> HistoryRow {
        let known: Vec<f64> = class_dice.iter().copied().flatten().collect();
        let validation_dice = known.iter().sum::<f64>() / known.len().max(1) as f64;
        let (learning_rate, train_loss, validation_loss, class_dice) = (0.1, loss, loss, class_dice.to_vec());
        HistoryRow { epoch, learning_rate, train_loss, validation_loss, validation_dice, class_dice }
    }

    #[test]
    fn the_best_by_each_metric() {
        let rows = [
            row(0, 0.9, &[Some(0.5), Some(0.5)]),
            row(1, 0.2, &[Some(0.1), Some(0.7)]),
            row(2, 0.2, &[Some(0.9), None]),
        ];
        let best = |metric, change| best_by(&rows, metric, change).map(|row| row.epoch);
        assert_eq!(best(Metric::Dice, 0.0), Some(2));
        assert_eq!(best(Metric::Loss, 0.0), Some(1));
        assert_eq!(best(Metric::Loss, 0.8), Some(0));
        assert_eq!(best(Metric::ClassDice(1), 0.0), Some(2));
        // A class that is nowhere and was not found is as it should be.
        assert_eq!(best(Metric::ClassDice(2), 0.0), Some(2));
        assert!(Metric::ClassDice(3).check("best", 2).is_err() && Metric::ClassDice(0).check("best", 2).is_err());
        let text = csv(&rows);
        assert!(text.starts_with("epoch,learning_rate,train_loss,validation_loss,validation_dice,validation_dice_1,"));
        assert!(text.ends_with("2,0.1,0.2,0.2,0.9,0.9,\n"), "{text}");
    }
}
