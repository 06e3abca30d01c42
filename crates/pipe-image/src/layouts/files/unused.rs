//! Rows of tables that speak of images which are not there.
//! It does not know what they say.

use std::collections::BTreeMap;

use super::join::Names;
use crate::look::{Finding, Found};

/// So many rows are named.
const NAMED: usize = 3;

/// What is worth a look about rows that no image has; each with its table, its line (0 where it is a file) and its names.
pub(super) fn rows<'a>(unused: impl Iterator<Item = (&'a str, u64, &'a Names)>) -> Vec<Finding> {
    let mut tables: BTreeMap<&str, (usize, Vec<String>)> = BTreeMap::new();
    for (table, line, names) in unused {
        let (count, named) = tables.entry(table).or_default();
        *count += 1;
        if named.len() < NAMED {
            let said = names.iter().filter(|(name, _)| !name.starts_with("any"));
            let said: Vec<_> = said.map(|(name, value)| format!("{name} {value}")).collect();
            let line = if line == 0 { String::new() } else { format!("line {line}: ") };
            named.push(format!("{line}{}", said.join(", ")));
        }
    }
    let finding = |(table, (count, named)): (&str, (usize, Vec<String>))| {
        let (rows, more) = (if count == 1 { "row" } else { "rows" }, if count > named.len() { "; .." } else { "" });
        let text = format!("no image belongs to {count} {rows} of `{table}` ({}{more})", named.join("; "));
        Finding { what: Found::UnusedRows, cases: Vec::new(), text }
    };
    tables.into_iter().map(finding).collect()
}
