//! What to write in the YAML of a data set so that its problems go away, found from all files at once.
//! It does not know whether somebody writes it.

use std::path::Path;

use serde::Serialize;
use serde_json::{Map, Value, json};

use crate::case::CaseFiles;
use crate::encoding::MaskEncoding;
use crate::layouts::{Labels, Layout};
use crate::problem::{DataProblem, What};

mod channels;
mod character;
mod names;
mod paths;
mod patients;
mod values;

pub use channels::{Channelled, unequal_channels};

/// A change of the YAML that would mend problems, or that may be meant.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Proposal {
    /// Which problems it mends; nothing where there are none, but something is worth a thought.
    pub mends: Option<What>,
    /// Why it is proposed.
    pub why: String,
    /// What is set.
    pub changes: Vec<Change>,
    /// The same as YAML, to be laid over that of the data set.
    pub yaml: String,
}

/// A key and what it is set to.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Change {
    /// The keys from the root of the file, joined by dots.
    pub path: String,
    /// The value.
    pub value: Value,
}

impl Proposal {
    fn new(mends: Option<What>, why: String, changes: Vec<(String, Value)>) -> Self {
        let changes: Vec<Change> = changes.into_iter().map(|(path, value)| Change { path, value }).collect();
        let mut tree = Map::new();
        for Change { path, value } in &changes {
            let keys: Vec<&str> = path.split('.').collect();
            let (last, above) = keys.split_last().expect("a path has a key");
            let below = above.iter().fold(&mut tree, |map, key| {
                let map = map.entry(*key).or_insert_with(|| json!({}));
                map.as_object_mut().expect("a key is either a map or set")
            });
            below.insert((*last).to_owned(), value.clone());
        }
        let yaml = flow(&Value::Object(tree));
        // The braces of the whole are not needed.
        let yaml = yaml.strip_prefix("{ ").and_then(|yaml| yaml.strip_suffix(" }")).unwrap_or(&yaml).to_owned();
        Self { mends, why, changes, yaml }
    }

    /// What is set, in as few words as make it clear: the last key and its value.
    pub fn short(&self) -> String {
        let last = |change: &Change| {
            let key = change.path.rsplit('.').next().unwrap_or_default();
            format!("{key}: {}", flow(&change.value))
        };
        self.changes.iter().map(last).collect::<Vec<_>>().join(", ")
    }
}

/// Finds what would mend the problems of a data set, and what its names and masks suggest; `cases` are those that are complete.
pub fn proposals(layout: &Layout, root: &Path, cases: &[CaseFiles], problems: &[DataProblem]) -> Vec<Proposal> {
    let mut all = Vec::new();
    let wrong = problems.iter().any(|problem| problem.what == What::MaskValues);
    if let Some((path, encoding)) = encoding(layout)
        && (wrong || matches!(encoding, MaskEncoding::Binary { .. }))
    {
        let found = values::Values::of(root, cases);
        if let Some((proposed, why)) = values::mend(encoding, &found, wrong) {
            let value = serde_json::to_value(proposed).expect("an encoding is plain data");
            all.push(Proposal::new(wrong.then_some(What::MaskValues), why, vec![(path.to_owned(), value)]));
        }
    }
    all.extend(names::proposals(layout, root, problems));
    all.extend(paths::proposal(layout, root, problems, cases.iter().any(|case| case.mask.is_some())));
    all.extend(patients::proposal(layout, cases));
    all
}

/// Gives every problem that a proposal mends that proposal as its hint.
pub fn hinted(problems: &mut [DataProblem], proposals: &[Proposal]) {
    for problem in problems {
        if let Some(proposal) = proposals.iter().find(|proposal| proposal.mends == Some(problem.what)) {
            problem.hint = format!("write `{}`", proposal.short());
        }
    }
}

/// Where the encoding of mask files stands, and what it is.
fn encoding(layout: &Layout) -> Option<(&'static str, &MaskEncoding)> {
    match layout {
        Layout::Folder(layout) => Some(("data.layout.folder.encoding", &layout.encoding)),
        Layout::XcaSequences(layout) => Some(("data.layout.xca_sequences.encoding", &layout.encoding)),
        Layout::Files(layout) => match &layout.masks {
            Some(Labels::Files { encoding, .. }) => Some(("data.layout.files.masks.files.encoding", encoding)),
            Some(Labels::Classes { encoding, .. }) => Some(("data.layout.files.masks.classes.encoding", encoding)),
            _ => None,
        },
        Layout::Coco(_) | Layout::VolumePhantom(_) => None,
    }
}

/// A value as YAML on one line.
fn flow(value: &Value) -> String {
    match value {
        Value::Object(map) if map.is_empty() => "{}".to_owned(),
        Value::Object(map) => {
            let pairs: Vec<_> = map.iter().map(|(key, value)| format!("{key}: {}", flow(value))).collect();
            format!("{{ {} }}", pairs.join(", "))
        }
        Value::Array(list) => format!("[{}]", list.iter().map(flow).collect::<Vec<_>>().join(", ")),
        // In quotes: braces, colons and numbers are texts too.
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests;
