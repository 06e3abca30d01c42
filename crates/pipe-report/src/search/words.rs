//! A search in sentences.
//!
//! Does not know where they stand.

use super::Search;
use crate::number::{counted, value};

/// What was searched and how; how far it has come; and what was found, as sentences without markup.
pub fn summary(search: &Search) -> Vec<String> {
    let over = if search.over.is_empty() { String::new() } else { format!(" ({})", search.over) };
    let pruner = search.pruner.as_ref().map(|pruner| format!(", the pruner is {pruner}")).unwrap_or_default();
    let how = format!(
        "The search {} {} of {}{over} over {}; the sampler is {} with seed {}{pruner}.",
        search.goal.verb(),
        search.metric,
        search.cases(),
        counted(search.parameters.len(), "parameter"),
        search.sampler,
        search.seed
    );
    let states = search.states().into_iter().filter(|(_, count)| *count > 0);
    let states: Vec<String> = states.map(|(state, count)| format!("{count} {state}")).collect();
    let states = if states.is_empty() { String::new() } else { format!(": {}", states.join(", ")) };
    let (count, are) = (search.trials.len(), if search.trials.len() == 1 { "has" } else { "have" });
    let state = match (search.wanted, search.left()) {
        (Some(wanted), Some(left)) if left > 0 => format!("{count} of {wanted} trials {are} begun{states}."),
        _ => format!("{}{states}.", counted(count, "trial")),
    };
    let found = match search.best() {
        Some((best, found)) => {
            let unit = if search.unit.is_empty() { String::new() } else { format!(" {}", search.unit) };
            format!(
                "The best is trial {} with {} {}{unit}. This is what the search was after, on the {} by which the trial was chosen; it is no test result.",
                best.number,
                search.metric,
                value(Some(found)),
                search.cases()
            )
        }
        None => "No trial is complete, so that none is the best.".to_owned(),
    };
    vec![how, state, found]
}
