//! The reasons of a stage with their places: which line of which file a changed value stands in, and who made an input.
//!
//! Does not find reasons; the engine does, from the manifests that were hashed.

use pipe_engine::{Counting, Reason, Verdict};
use pipe_spec::Span;
use pipe_store::Digest;
use serde_json::{Value as Json, json};

use crate::session::Known;

/// Widest reason that others are aligned to.
const WIDEST: usize = 64;

/// A reason, and what a person needs to find its cause.
pub(crate) struct Explained<'k> {
    reason: &'k Reason,
    place: Option<Place>,
    changes: Vec<Change>,
}

/// Where a value stands.
struct Place {
    at: pipe_spec::Place,
    /// The `-s` option, where the value came from one.
    typed: Option<String>,
    how: How,
}

/// What a place is to a value.
#[derive(Clone, Copy, PartialEq, Eq)]
enum How {
    /// It stands there.
    Written,
    /// Nobody wrote it; it would stand in the map there.
    Default,
    /// It stood in the map there.
    Gone,
}

/// One changed artifact of an input.
struct Change {
    old: Option<Digest>,
    new: Option<Digest>,
    /// Stage, output and run that made the new one.
    made: Option<(String, String, i64)>,
}

/// The reasons of a stage, explained.
pub(crate) fn explained<'k>(known: &'k Known, node: usize) -> Vec<Explained<'k>> {
    let why = match &known.freshness.verdicts[node] {
        Verdict::Hit(_) => return Vec::new(),
        Verdict::Miss { why, .. } | Verdict::Unknown { why } => why,
    };
    let explain = |reason: &'k Reason| {
        let (place, changes) = match reason {
            Reason::With { path, new, .. } => (Some(place(known, node, path, new.is_some())), Vec::new()),
            Reason::External { path, old, new } => {
                let change = Change { old: *old, new: *new, made: None };
                (Some(place(known, node, path, new.is_some())), vec![change])
            }
            Reason::Input { port, old, new } => (None, changes(known, node, port, old, new)),
            _ => (None, Vec::new()),
        };
        Explained { reason, place, changes }
    };
    why.iter().map(explain).collect()
}

/// Where the value at a path below `with` stands.
fn place(known: &Known, node: usize, path: &str, is_present: bool) -> Place {
    let (nearest, is_there) = known.planned.plan.nodes[node].written.nearest(path);
    let how = match (is_present, is_there) {
        (false, _) => How::Gone,
        (true, true) => How::Written,
        (true, false) => How::Default,
    };
    let sources = &known.planned.experiment.sources;
    let is_typed = |span: Span| sources.name(span.file) == "command line";
    let span = match nearest.map().and_then(|map| map.first()) {
        // A map that an option changed has the option's place, its first key that of the layer which made it.
        Some((_, (key, _))) if how != How::Written && is_typed(nearest.span()) => key.span,
        _ => nearest.span(),
    };
    // The text of an option is what was typed.
    let typed = is_typed(span).then(|| sources.text(span.file).to_string());
    Place { at: sources.place(span), typed, how }
}

/// What of an input's artifacts changed, each with its maker.
fn changes(known: &Known, node: usize, port: &str, old: &[Digest], new: &[Digest]) -> Vec<Change> {
    let plan = &known.planned.plan;
    let feeds: Vec<_> =
        plan.nodes[node].feeds.iter().filter(|feed| feed.port == port && feed.counting == Counting::Counted).collect();
    let made = |index: usize| {
        let feed = feeds.get(index)?;
        let record = known.freshness.verdicts[feed.from].record()?;
        Some((plan.nodes[feed.from].id.clone(), feed.output.clone(), record.made.run.0))
    };
    let pairs: Vec<(Option<Digest>, Option<Digest>, usize)> = if old.len() == new.len() {
        let pairs = old.iter().zip(new).enumerate().filter(|(_, (old, new))| old != new);
        pairs.map(|(index, (old, new))| (Some(*old), Some(*new), index)).collect()
    } else {
        // Another number of artifacts: which of the old ones a new one replaced, nobody can tell.
        let gone = old.iter().filter(|digest| !new.contains(digest)).map(|old| (Some(*old), None, usize::MAX));
        let come = new.iter().enumerate().filter(|(_, digest)| !old.contains(digest));
        gone.chain(come.map(|(index, new)| (None, Some(*new), index))).collect()
    };
    pairs.into_iter().map(|(old, new, index)| Change { old, new, made: made(index) }).collect()
}

impl Explained<'_> {
    /// The reason as data, its places and makers beside its own fields.
    pub(crate) fn json(&self) -> Json {
        let mut json = serde_json::to_value(self.reason).expect("reasons are plain data");
        let Some(fields) = json.as_object_mut().and_then(|map| map.values_mut().next()) else { return json };
        if let Some(Place { at, typed, how }) = &self.place {
            fields["at"] = json!({ "file": at.file, "line": at.line, "column": at.column });
            fields["written"] = json!(*how == How::Written);
            if let Some(typed) = typed {
                fields["at"]["option"] = json!(typed);
            }
        }
        if matches!(self.reason, Reason::Input { .. }) {
            let change = |Change { old, new, made }: &Change| {
                let made =
                    made.as_ref().map(|(stage, output, run)| json!({ "stage": stage, "output": output, "run": run }));
                json!({ "old": old, "new": new, "made_by": made })
            };
            fields["changes"] = self.changes.iter().map(change).collect();
        }
        json
    }

    /// What stands beside the reason; several lines only where an input gathers.
    fn details(&self) -> Vec<String> {
        let place = self.place.as_ref().map(|Place { at, typed, how }| {
            let at = typed.clone().unwrap_or_else(|| format!("{}:{}:{}", at.file, at.line, at.column));
            match how {
                How::Written => at,
                How::Default => format!("not written, a default; in {at}"),
                How::Gone => format!("gone from {at}"),
            }
        });
        let short = |digest: &Option<Digest>| digest.as_ref().map_or_else(|| "nothing".to_owned(), Digest::short);
        let change = |Change { old, new, made }: &Change| {
            let made =
                made.as_ref().map(|(stage, _, run)| format!(", made by {stage} in run {run}")).unwrap_or_default();
            format!("{} -> {}{made}", short(old), short(new))
        };
        let changes = self.changes.iter().map(change);
        match place {
            Some(place) if self.changes.is_empty() => vec![place],
            Some(place) => changes.map(|change| format!("{change}, {place}")).collect(),
            None => changes.collect(),
        }
    }
}

/// The reasons as lines, places aligned.
pub(crate) fn listed(reasons: &[Explained<'_>], indent: &str) -> String {
    let words: Vec<_> = reasons.iter().map(|explained| explained.reason.to_string()).collect();
    let widths = words.iter().zip(reasons).filter(|(_, reason)| reason.details().len() == 1);
    let width = widths.map(|(words, _)| words.chars().count()).filter(|width| *width <= WIDEST).max().unwrap_or(0);
    let mut text = String::new();
    for (words, reason) in words.iter().zip(reasons) {
        match reason.details().as_slice() {
            [] => text.push_str(&format!("{indent}- {words}\n")),
            [detail] => text.push_str(&format!("{indent}- {words:<width$}    {detail}\n")),
            several => {
                text.push_str(&format!("{indent}- {words}\n"));
                several.iter().for_each(|detail| text.push_str(&format!("{indent}    {detail}\n")));
            }
        }
    }
    text
}
