//! `pipe cache gc`: removes what nobody can use any more, and results that no policy wants to keep.
//!
//! Does not decide what goes; the store does.

use std::collections::{BTreeMap, BTreeSet};

use pipe_store::{Bytes, Collection, Doomed, GarbageKind, Policy, RunId, Store};
use serde_json::json;

use crate::{
    args::{Format, Gc},
    commands::report::REPORT,
    failure::Failure,
    output::{self, Align},
    session::Session,
};

pub(crate) fn gc(session: &Session, store: &Store, gc: &Gc) -> Result<(), Failure> {
    let policy = Policy { older_than: gc.older_than, max_size: gc.max_size, keep_last: gc.keep_last };
    let collection = store.collection(&policy, &pinned(session, store)?)?;
    let freed = if gc.dry_run { None } else { Some(store.collect(&collection)?) };
    if gc.format == Format::Json {
        let mut answer = serde_json::to_value(&collection).expect("a collection is plain data");
        answer["dry_run"] = gc.dry_run.into();
        answer["freed"] = json!(freed);
        output::json(&answer);
        return Ok(());
    }
    let mut text = results(&collection);
    text.push_str(&garbage(&collection));
    let bytes = Bytes::from(freed.map_or(collection.result_bytes + collection.garbage_bytes, |freed| freed.bytes));
    let kept = Bytes::from(collection.kept_bytes);
    let verb = if gc.dry_run { "would free" } else { "freed" };
    text.push_str(&format!("{verb} {bytes}; {kept} of results stay\n"));
    if collection.protected > 0 {
        let results = output::count(collection.protected as u64, "result stays", "results stay");
        text.push_str(&format!("{results} because a report shows it or a run uses it\n"));
    }
    if !collection.live.is_empty() {
        let runs: Vec<_> = collection.live.iter().map(RunId::to_string).collect();
        let (runs, go) = (runs.join(", "), if runs.len() == 1 { "goes" } else { "go" });
        text.push_str(&format!("run {runs} {go} on: what is younger than its start stays\n"));
    }
    output::print(&text);
    Ok(())
}

/// Results that something shows. A report that was deleted shows nothing.
fn pinned(session: &Session, store: &Store) -> Result<BTreeSet<i64>, Failure> {
    let is_there = |owner: &str| match owner.strip_prefix(REPORT) {
        Some(experiment) => session.reports(experiment).join("report.html").is_file(),
        None => true,
    };
    let pins = store.pins()?;
    Ok(pins.into_iter().filter(|(owner, _)| is_there(owner)).flat_map(|(_, artifacts)| artifacts).collect())
}

fn results(collection: &Collection) -> String {
    if collection.results.is_empty() {
        return String::new();
    }
    let head = [
        ("stage", Align::Left),
        ("experiment", Align::Left),
        ("run", Align::Right),
        ("made", Align::Left),
        ("last used", Align::Left),
        ("by run", Align::Right),
        ("size", Align::Right),
        ("why", Align::Left),
    ];
    let line = |doomed: &Doomed| {
        let why: Vec<_> = doomed.why.iter().map(ToString::to_string).collect();
        vec![
            doomed.stage.clone(),
            doomed.experiment.clone(),
            doomed.run.to_string(),
            output::moment(&doomed.made),
            output::moment(&doomed.used),
            doomed.used_by.to_string(),
            Bytes::from(doomed.bytes).to_string(),
            why.join(", "),
        ]
    };
    let mut text = output::columns(&head, &collection.results.iter().map(line).collect::<Vec<_>>());
    let sum: u64 = collection.results.iter().map(|doomed| doomed.bytes).sum();
    let results = output::count(collection.results.len() as u64, "result", "results");
    text.push_str(&format!("{results}, {}", Bytes::from(collection.result_bytes)));
    if sum > collection.result_bytes {
        text.push_str(" (bytes that several share are counted once)");
    }
    text.push_str("\n\n");
    text
}

fn garbage(collection: &Collection) -> String {
    let mut kinds: BTreeMap<GarbageKind, (u64, u64)> = BTreeMap::new();
    for garbage in &collection.garbage {
        let (count, bytes) = kinds.entry(garbage.kind).or_default();
        *count += 1;
        *bytes += garbage.bytes;
    }
    let mut text = String::new();
    for (kind, (count, bytes)) in &kinds {
        let (one, many) = kind.names();
        text.push_str(&format!("{}, {}\n", output::count(*count, one, many), Bytes::from(*bytes)));
        let of = collection.garbage.iter().filter(|garbage| garbage.kind == *kind);
        for (stage, experiment) in
            of.filter_map(|garbage| Some((garbage.stage.as_ref()?, garbage.experiment.as_ref()?)))
        {
            text.push_str(&format!("  {stage} of {experiment}\n"));
        }
    }
    if !text.is_empty() {
        text.push('\n');
    }
    text
}
