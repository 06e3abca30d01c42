//! Whether rows were tested on the same cases and measured alike, so that their numbers may stand in one column.
//!
//! Does not know cells.

use std::collections::{BTreeMap, BTreeSet};

use indexmap::IndexMap;

use super::build::Results;
use super::{Evaluated, Mixed, TableError, TableSpec};

/// In what rows differ that makes their numbers incomparable.
pub(super) struct Reason {
    /// The systems that it is about: one or two.
    pub(super) systems: Vec<String>,
    /// What is said of them, where `{}` stands for their names.
    said: &'static str,
}

impl Reason {
    /// Gives it in words, each name between two quotes.
    pub(super) fn words(&self, [open, close]: [&str; 2]) -> String {
        let names: Vec<String> = self.systems.iter().map(|name| format!("{open}{name}{close}")).collect();
        self.said.replace("{}", &names.join(" and "))
    }
}

/// In what rows differ, data set by data set.
pub(super) fn mixed(spec: &TableSpec, results: &Results) -> Result<Vec<Reason>, TableError> {
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
        let mut add = |systems: &[&str], said| {
            reasons.push(Reason { systems: systems.iter().map(|&system| system.to_owned()).collect(), said });
        };
        for (system, there) in &rows {
            if units(there).len() > 1 {
                add(&[system], "lengths of {} are in mm in some folds and in pixels in others");
            }
        }
        for (system, there) in others {
            let pair = [*first, *system];
            if folds(base) != folds(there) {
                add(&pair, "{} were tested on other folds");
            } else if truths(base) != truths(there) {
                add(&pair, "{} were tested on other cases or masks, or at another size");
            }
            if units(base) != units(there) {
                add(&pair, "lengths of {} are in other units");
            }
            if empty(base) != empty(there) {
                add(&pair, "{} follow other conventions for empty masks");
            }
            if classes(base) != classes(there) {
                add(&pair, "{} have other classes");
            }
        }
    }
    match (reasons.is_empty(), spec.mixed) {
        (false, Mixed::Refused) => {
            Err(TableError::Mixed { reasons: reasons.iter().map(|reason| reason.words(["`", "`"])).collect() })
        }
        _ => Ok(reasons),
    }
}
