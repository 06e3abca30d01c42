//! Whether rows were tested on the same cases and measured alike, so that their numbers may stand in one column.
//!
//! Does not know cells.

use std::collections::{BTreeMap, BTreeSet};

use indexmap::IndexMap;

use super::build::Results;
use super::{Evaluated, Mixed, TableError, TableSpec};

/// In what rows differ that makes their numbers incomparable.
pub(super) fn mixed(spec: &TableSpec, results: &Results) -> Result<Vec<String>, TableError> {
    let mut reasons = Vec::new();
    let names: BTreeSet<&String> = results.iter().flat_map(IndexMap::keys).collect();
    for name in names {
        let rows: Vec<(&str, &[Evaluated])> = spec
            .rows
            .iter()
            .zip(results)
            .filter_map(|(row, found)| Some((row.system.as_str(), found.get(name)?)))
            .filter(|(_, found)| found.missing.is_empty() && !found.there.is_empty())
            .map(|(system, found)| (system, &found.there[..]))
            .collect();
        let Some(((first, base), others)) = rows.split_first() else { continue };
        let truths = |there: &[Evaluated]| -> BTreeMap<String, Option<String>> {
            there.iter().map(|one| (one.fold.clone(), one.evaluation.truth.clone())).collect()
        };
        let folds = |there: &[Evaluated]| -> BTreeSet<String> { there.iter().map(|one| one.fold.clone()).collect() };
        let units =
            |there: &[Evaluated]| -> BTreeSet<&str> { there.iter().map(|one| one.evaluation.unit.symbol()).collect() };
        let empty = |there: &[Evaluated]| -> BTreeSet<String> {
            there.iter().map(|one| one.evaluation.empty.to_string()).collect()
        };
        let classes = |there: &[Evaluated]| -> BTreeSet<Vec<String>> {
            there.iter().map(|one| one.evaluation.classes.clone()).collect()
        };
        for (system, there) in &rows {
            if units(there).len() > 1 {
                reasons.push(format!("lengths of `{system}` are in mm in some folds and in pixels in others"));
            }
        }
        for (system, there) in others {
            let pair = format!("`{first}` and `{system}`");
            if folds(base) != folds(there) {
                reasons.push(format!("{pair} were tested on other folds"));
            } else if truths(base) != truths(there) {
                reasons.push(format!("{pair} were tested on other cases or masks, or at another size"));
            }
            if units(base) != units(there) {
                reasons.push(format!("lengths of {pair} are in other units"));
            }
            if empty(base) != empty(there) {
                reasons.push(format!("{pair} follow other conventions for empty masks"));
            }
            if classes(base) != classes(there) {
                reasons.push(format!("{pair} have other classes"));
            }
        }
    }
    match (reasons.is_empty(), spec.mixed) {
        (false, Mixed::Refused) => Err(TableError::Mixed { reasons }),
        _ => Ok(reasons),
    }
}
