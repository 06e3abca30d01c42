//! Lists that stages make and later stages run over: an output that is a JSON array, or a text with one item a line.
//!
//! Does not know which stages run over them.

use std::{collections::BTreeSet, fs, io};

use pipe_spec::{Lists, axis_value};
use pipe_store::{Record, Shape, Store};
use serde_json::Value as Json;
use thiserror::Error;

use crate::Plan;

/// An output that is no list to run over.
#[derive(Debug, Error)]
pub enum ListError {
    /// Its bytes are not there.
    #[error("the stored list of {stage} is missing or damaged")]
    Missing {
        /// The instance that made it.
        stage: String,
    },
    /// It cannot be read.
    #[error("cannot read the list `{output}` of {stage}")]
    Unreadable {
        /// The instance that made it.
        stage: String,
        /// The output.
        output: String,
        /// Why not.
        source: io::Error,
    },
    /// It holds something else.
    #[error("the output `{output}` of {stage} is no list to run over: {why}")]
    NoList {
        /// The instance that made it.
        stage: String,
        /// The output.
        output: String,
        /// What is wrong.
        why: String,
    },
}

/// More items than anybody runs over by intention.
const MOST: usize = 1_000_000;

/// Lists that the results of a plan hold and the plan does not know.
///
/// # Errors
/// An output is no list; the first of them.
pub fn new_lists<'r>(
    plan: &Plan,
    record: &dyn Fn(usize) -> Option<&'r Record>,
    store: &Store,
) -> Result<Lists, ListError> {
    let mut lists = Lists::new();
    let outputs: BTreeSet<(&str, &str)> =
        plan.lists.iter().map(|list| (list.stage.as_str(), list.output.as_str())).collect();
    for (stage, output) in outputs {
        for (node, planned) in plan.nodes.iter().enumerate().filter(|(_, node)| node.stage == stage) {
            let key = (planned.id.clone(), output.to_owned());
            if let (Some(record), false) = (record(node), plan.known.contains_key(&key)) {
                lists.insert(key, items(&planned.id, output, record, store)?);
            }
        }
    }
    Ok(lists)
}

fn items(stage: &str, output: &str, record: &Record, store: &Store) -> Result<Vec<String>, ListError> {
    let no_list = |why: String| ListError::NoList { stage: stage.to_owned(), output: output.to_owned(), why };
    let made =
        record.outputs.iter().find(|made| made.port == output).ok_or_else(|| no_list("it was not made".into()))?;
    if made.object.shape != Shape::File {
        return Err(no_list("it is a folder".to_owned()));
    }
    if !store.verify(&made.object) {
        return Err(ListError::Missing { stage: stage.to_owned() });
    }
    let bytes = fs::read(store.object_path(&made.object.digest)).map_err(|source| ListError::Unreadable {
        stage: stage.to_owned(),
        output: output.to_owned(),
        source,
    })?;
    let text = String::from_utf8(bytes).map_err(|_| no_list("it is not UTF-8".to_owned()))?;
    parse(&text).map_err(no_list)
}

/// The items of a list's text, each fit to name an instance.
fn parse(text: &str) -> Result<Vec<String>, String> {
    if text.trim_start().starts_with(['{', '"']) {
        return Err("expected a JSON array, or a text with one item a line".to_owned());
    }
    let items: Vec<String> = if text.trim_start().starts_with('[') {
        let list: Vec<Json> = serde_json::from_str(text).map_err(|error| error.to_string())?;
        let scalar = |item: Json| match item {
            Json::String(text) => Ok(text),
            Json::Number(_) | Json::Bool(_) => Ok(item.to_string()),
            other => Err(format!("{other} is neither a text nor a number")),
        };
        list.into_iter().map(scalar).collect::<Result<_, _>>()?
    } else {
        text.lines().map(str::trim).filter(|line| !line.is_empty()).map(str::to_owned).collect()
    };
    if items.len() > MOST {
        return Err(format!("it has {} items, more than {MOST}", items.len()));
    }
    let mut seen = BTreeSet::new();
    for item in &items {
        let shown: String = item.chars().take(60).collect();
        axis_value(item).map_err(|reason| format!("the item {shown:?} cannot name an instance: {reason}"))?;
        if !seen.insert(item) {
            return Err(format!("the item {shown:?} is there twice"));
        }
    }
    Ok(items)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expected: Result<&[&str], &str>) {
        match (parse(text), expected) {
            (Ok(items), Ok(expected)) => assert_eq!(items, expected),
            (Err(why), Err(part)) => assert!(why.contains(part), "{why}"),
            (found, expected) => panic!("{found:?} is not {expected:?}"),
        }
    }

    #[test]
    fn lists() {
        check("[\"a\", 3, 0.5]", Ok(&["a", "3", "0.5"]));
        check("[]", Ok(&[]));
        check("", Ok(&[]));
        check("a\r\nb c\n\n", Ok(&["a", "b c"]));
        check("[1, [2]]", Err("neither a text nor a number"));
        check("[1, 1]", Err("twice"));
        check("a/b", Err("cannot name an instance"));
        check("[1,", Err("EOF"));
        check("{\"a\": 1}", Err("JSON array"));
        check("\"abc\"", Err("JSON array"));
    }
}
