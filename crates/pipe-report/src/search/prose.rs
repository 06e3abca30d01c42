//! Searches as Markdown within a report.
//!
//! Does not know other parts of reports.

use super::{
    Align, Search, Table,
    page::{overview, settings},
    words::summary,
};
use crate::markdown::plain;

/// What was searched and found, search by search, with the settings of the best trial.
pub(crate) fn markdown(searches: &[Search]) -> String {
    let mut text = overview(searches).map(|table| table.markdown() + "\n").unwrap_or_default();
    for search in searches {
        if !search.name.is_empty() {
            text.push_str(&format!("### {}\n\n", plain(&search.name)));
        }
        search.notes.iter().for_each(|note| text.push_str(&format!("**{}**\n\n", plain(note))));
        text.push_str(&format!("{}\n\n", plain(&summary(search).join(" "))));
        let settings = settings(search);
        if !settings.is_empty() {
            let table = Table {
                head: ["setting", "of the best trial"].map(str::to_owned).to_vec(),
                align: vec![Align::Left, Align::Right],
                rows: settings.into_iter().map(|(path, value)| vec![path, value]).collect(),
            };
            text.push_str(&(table.markdown() + "\n"));
        }
    }
    text
}
