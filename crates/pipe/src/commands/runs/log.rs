//! `pipe runs log`: what a stage's attempt printed.
//!
//! Does not show anything else of the run.

use std::fs;

use pipe_store::{AttemptRow, Bytes, RunRow, RunStage, Store};
use serde_json::json;

use super::which;
use crate::{
    args::{Format, Which},
    failure::Failure,
    output::{self, Align},
    session::Session,
};

pub(crate) fn log(
    session: &Session,
    store: &Store,
    which: Which,
    stage: Option<&str>,
    number: Option<u32>,
    format: Format,
) -> Result<(), Failure> {
    let run = which::find(store, which)?;
    let stages = store.run_stages(run.id)?;
    let Some(name) = stage else { return listed(session, &run, &stages, format) };
    let stage = named(&run, &stages, name)?;
    let attempts = attempts(store, stage)?;
    let numbers: Vec<_> = attempts.iter().map(|attempt| attempt.number.to_string()).collect();
    let found = match number {
        Some(number) => attempts.iter().find(|attempt| attempt.number == number),
        None => attempts.last(),
    };
    let Some(attempt) = found else {
        let there = match number {
            Some(number) => format!("no attempt {number}; there is {}", numbers.join(", ")),
            None => "no attempt of its own".to_owned(),
        };
        return Err(Failure::Argument(format!("`{}` has {there}", stage.stage)));
    };
    let path = attempt.log();
    let text = fs::read(&path).map_err(|source| Failure::file("read", &path, source))?;
    let text = String::from_utf8_lossy(&text);
    if format == Format::Json {
        let run = stage.made.as_ref().filter(|_| stage.attempts.is_empty()).map_or(run.id, |made| made.run);
        output::json(&json!({ "run": run, "attempt": attempt, "path": path, "text": text }));
        return Ok(());
    }
    if let (Some(made), true) = (&stage.made, stage.attempts.is_empty()) {
        let (stage, id) = (&stage.stage, run.id);
        output::complain(&format!("{stage} was cached in run {id}; run {} made it, and this is its log\n", made.run));
    }
    if text.is_empty() {
        output::complain(&format!("{} is empty: attempt {} printed nothing\n", session.shown(&path), attempt.number));
    }
    output::print(&text);
    Ok(())
}

/// The attempts in this run; of a cached stage, those of the run that made its result.
fn attempts(store: &Store, stage: &RunStage) -> Result<Vec<AttemptRow>, Failure> {
    let (true, Some(made)) = (stage.attempts.is_empty(), &stage.made) else { return Ok(stage.attempts.clone()) };
    let mut attempts = store.attempts(made.run)?;
    attempts.retain(|attempt| attempt.fingerprint == stage.fingerprint);
    Ok(attempts)
}

fn named<'s>(run: &RunRow, stages: &'s [RunStage], name: &str) -> Result<&'s RunStage, Failure> {
    let is_meant = |stage: &&RunStage| {
        stage.stage == name || stage.stage.strip_prefix(name).is_some_and(|rest| rest.starts_with('['))
    };
    let found: Vec<_> = stages.iter().filter(is_meant).collect();
    if let [one] = found[..] {
        return Ok(one);
    }
    let (said, list) = match found.len() {
        0 => ("has no stage", stages.iter().collect()),
        _ => ("has several stages", found),
    };
    let names: Vec<_> = list.iter().map(|stage| stage.stage.as_str()).collect();
    Err(Failure::Argument(format!("run {} {said} `{name}`; there is {}", run.id, names.join(", "))))
}

fn listed(session: &Session, run: &RunRow, stages: &[RunStage], format: Format) -> Result<(), Failure> {
    let attempts: Vec<_> = stages.iter().flat_map(|stage| &stage.attempts).collect();
    if format == Format::Json {
        output::json(&json!({ "run": run.id, "attempts": attempts }));
        return Ok(());
    }
    if attempts.is_empty() {
        output::print(&format!("run {} made no attempt: all its stages were cached\n", run.id));
        return Ok(());
    }
    let head = [
        ("stage", Align::Left),
        ("attempt", Align::Right),
        ("outcome", Align::Left),
        ("size", Align::Right),
        ("log", Align::Left),
    ];
    let line = |attempt: &&AttemptRow| {
        let path = attempt.log();
        let size = fs::metadata(&path).map_or_else(|_| "-".to_owned(), |file| Bytes::from(file.len()).to_string());
        let outcome = attempt.outcome.clone().unwrap_or_else(|| "unfinished".to_owned());
        vec![attempt.stage.clone(), attempt.number.to_string(), outcome, size, session.shown(&path)]
    };
    output::print(&output::columns(&head, &attempts.iter().map(line).collect::<Vec<_>>()));
    Ok(())
}
