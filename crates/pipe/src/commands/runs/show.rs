//! `pipe runs show`: everything about one run.
//!
//! Does not compare it with others.

use pipe_store::{Bytes, RunRow, RunStage, Store};
use serde_json::json;

use super::{list::command, which};
use crate::{
    args::{Format, Which},
    failure::Failure,
    output::{self, Align},
    session::Session,
};

/// Files of a run, where it wrote them.
const FILES: [&str; 2] = ["plan.json", "events.jsonl"];

pub(crate) fn show(session: &Session, store: &Store, which: Which, format: Format) -> Result<(), Failure> {
    let run = which::find(store, which)?;
    let stages = store.run_stages(run.id)?;
    let folder = session.runs().join("attempts").join(run.id.to_string());
    let files: Vec<_> = FILES.iter().map(|name| folder.join(name)).filter(|path| path.is_file()).collect();
    if format == Format::Json {
        output::json(&json!({ "run": run, "stages": stages, "files": files }));
        return Ok(());
    }
    let mut text = headline(&run);
    for path in &files {
        let name = path.file_stem().and_then(|name| name.to_str()).unwrap_or_default();
        text.push_str(&fact(name, &session.shown(path)));
    }
    text.push_str(&attempts(&stages));
    text.push_str(&metrics(&stages));
    output::print(&text);
    Ok(())
}

fn fact(name: &str, value: &str) -> String {
    format!("  {name:<10}  {value}\n")
}

fn headline(run: &RunRow) -> String {
    let state = run.state.as_deref().unwrap_or_default();
    let took = match state {
        "running" | "killed" => String::new(),
        _ => format!(" in {}", output::seconds(run.end.seconds)),
    };
    let mut text = format!("run {} of {}: {state}{took}\n", run.id, run.experiment);
    text.push_str(&fact("command", command(&run.command)));
    text.push_str(&fact("file", &run.file));
    text.push_str(&fact("started", &output::moment(&run.started)));
    if let Some(commit) = &run.commit {
        let changed = if commit.ends_with('+') { ", tracked files were changed" } else { "" };
        text.push_str(&fact("commit", &format!("{}{changed}", commit.trim_end_matches('+'))));
    }
    let end = &run.end;
    let counts = [("cached", end.cached), ("ran", end.ran), ("failed", end.failed), ("skipped", end.skipped)];
    let counts: Vec<_> =
        counts.iter().filter(|(_, count)| *count > 0).map(|(name, count)| format!("{count} {name}")).collect();
    if !counts.is_empty() {
        text.push_str(&fact("stages", &counts.join(", ")));
    }
    text
}

/// Stages, with a line for every attempt of theirs in this run.
fn attempts(stages: &[RunStage]) -> String {
    let mut rows = Vec::new();
    for stage in stages {
        let device = stage.made.as_ref().map(|made| made.device.clone()).unwrap_or_default();
        if stage.attempts.is_empty() {
            let made = stage.made.as_ref().map(|made| format!("run {}, attempt {}", made.run, made.attempt));
            let seconds = stage.made.as_ref().map(|made| output::seconds(made.seconds));
            let (made, seconds) = (made.unwrap_or_default(), seconds.unwrap_or_default());
            rows.push(vec![
                stage.stage.clone(),
                stage.state.clone(),
                made,
                seconds,
                String::new(),
                String::new(),
                device,
            ]);
            continue;
        }
        let last = stage.attempts.len() - 1;
        for (position, attempt) in stage.attempts.iter().enumerate() {
            // What went before the last attempt is told by its own outcome.
            let state =
                if position == last { stage.state.as_str() } else { attempt.outcome.as_deref().unwrap_or("killed") };
            rows.push(vec![
                stage.stage.clone(),
                state.to_owned(),
                format!("attempt {}", attempt.number),
                attempt.seconds().map(output::seconds).unwrap_or_default(),
                attempt.cpu_seconds().map(output::seconds).unwrap_or_default(),
                attempt.peak_memory().map(|bytes| Bytes::from(bytes).to_string()).unwrap_or_default(),
                if position == last { device.clone() } else { String::new() },
            ]);
        }
    }
    let head = [
        ("stage", Align::Left),
        ("state", Align::Left),
        ("made by", Align::Left),
        ("took", Align::Right),
        ("CPU", Align::Right),
        ("peak memory", Align::Right),
        ("device", Align::Left),
    ];
    // Old runs measured less: a column without a single value is left out.
    let told: Vec<_> = (0..head.len()).filter(|column| rows.iter().any(|row| !row[*column].is_empty())).collect();
    let head: Vec<_> = told.iter().map(|column| head[*column]).collect();
    for row in &mut rows {
        *row = told.iter().map(|column| std::mem::take(&mut row[*column])).collect();
    }
    table(&head, &rows)
}

fn table(head: &[(&str, Align)], rows: &[Vec<String>]) -> String {
    if rows.is_empty() { String::new() } else { format!("\n{}", output::columns(head, rows)) }
}

fn metrics(stages: &[RunStage]) -> String {
    let head = [("stage", Align::Left), ("metric", Align::Left), ("value", Align::Right), ("unit", Align::Left)];
    let rows: Vec<_> = stages
        .iter()
        .flat_map(|stage| stage.metrics.iter().map(move |metric| (stage, metric)))
        .map(|(stage, metric)| {
            let value = metric.value.map_or_else(|| "-".to_owned(), output::number);
            vec![stage.stage.clone(), metric.name.clone(), value, metric.unit.clone()]
        })
        .collect();
    table(&head, &rows)
}
