//! Files of splits: JSON, nnU-Net's, CSV.
//! It does not know whether a split leaks.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::{Fold, SplitError};
use crate::Part;

/// Reads a split: JSON (a fold `{train, validation, test}` or a list of folds; nnU-Net's `splits_final.json`, whose `val` is what a
/// fold holds out and reports on, and so is `test` here), or CSV with the columns `case`, `part` and, for several folds, `fold`.
///
/// # Errors
/// If the text is neither, or a line names no part.
pub fn from_text(text: &str) -> Result<Vec<Fold>, SplitError> {
    let file = |error: &dyn std::fmt::Display| SplitError::File { reason: error.to_string() };
    let text = text.trim_start_matches('\u{feff}').trim_start();
    match text.chars().next() {
        Some('[') => {
            let folds: Vec<FoldFile> = serde_json::from_str(text).map_err(|error| file(&error))?;
            Ok(folds.into_iter().map(Fold::from).collect())
        }
        Some('{') => {
            let fold: FoldFile = serde_json::from_str(text).map_err(|error| file(&error))?;
            Ok(vec![fold.into()])
        }
        _ => {
            let mut folds: BTreeMap<usize, Fold> = BTreeMap::new();
            for row in csv::ReaderBuilder::new().trim(csv::Trim::All).from_reader(text.as_bytes()).deserialize() {
                let SplitRow { case, part, fold } = row.map_err(|error| file(&error))?;
                let fold = folds.entry(fold.unwrap_or(0)).or_default();
                match part {
                    Part::Train => fold.train.push(case),
                    Part::Validation => fold.validation.push(case),
                    Part::Test => fold.test.push(case),
                }
            }
            // Folds are asked for by their number, so the numbers must be the places.
            if let Some((place, number)) = folds.keys().enumerate().find(|(place, number)| place != *number) {
                let reason = format!("folds must count 0, 1, 2 ..; instead of {place} there is {number}");
                return Err(SplitError::File { reason });
            }
            Ok(folds.into_values().collect())
        }
    }
}

/// A fold as files write it.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct FoldFile {
    train: Vec<String>,
    #[serde(default)]
    validation: Vec<String>,
    #[serde(default, alias = "val")]
    test: Vec<String>,
}

impl From<FoldFile> for Fold {
    fn from(FoldFile { train, validation, test }: FoldFile) -> Self {
        Self { train, validation, test }
    }
}

#[derive(Deserialize)]
struct SplitRow {
    case: String,
    part: Part,
    fold: Option<usize>,
}
