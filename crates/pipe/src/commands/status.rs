//! `pipe status`: every stage of an experiment, as it is now and as it was last seen.

use std::collections::BTreeMap;

use pipe_engine::Verdict;
use pipe_store::{Claim, Record, StageRow, Store};
use serde::Serialize;

use crate::{
    args::{Chosen, Format},
    failure::Failure,
    output::{self, Align},
    session::{Known, Session},
};

#[derive(Serialize)]
struct Line {
    stage: String,
    /// `done`; `failed`, `running` or `interrupted`, where the present recipe was tried; else `missing`.
    state: String,
    fingerprint: Option<String>,
    run: Option<i64>,
    made_at: Option<String>,
    seconds: Option<f64>,
    device: Option<String>,
    outputs: Vec<OutputLine>,
}

#[derive(Serialize)]
struct OutputLine {
    port: String,
    digest: String,
    bytes: u64,
}

pub(crate) fn status(session: &Session, chosen: &Chosen) -> Result<(), Failure> {
    let Known { planned, store, freshness } = session.known(chosen, &[])?;
    let seen: BTreeMap<String, StageRow> =
        store.stages(&planned.plan.experiment)?.into_iter().map(|row| (row.stage.clone(), row)).collect();
    let lines: Vec<_> = planned
        .plan
        .nodes
        .iter()
        .zip(&freshness.verdicts)
        .map(|(node, verdict)| line(&node.id, verdict, seen.get(&node.id), &store))
        .collect();
    if chosen.format == Format::Json {
        output::json(&serde_json::json!({ "experiment": planned.plan.experiment, "stages": lines }));
        return Ok(());
    }
    let head = [
        ("stage", Align::Left),
        ("state", Align::Left),
        ("run", Align::Right),
        ("took", Align::Right),
        ("made", Align::Left),
    ];
    let rows: Vec<_> = lines
        .iter()
        .map(|line| {
            let run = line.run.map(|run| run.to_string()).unwrap_or_default();
            let took = line.seconds.map(output::seconds).unwrap_or_default();
            vec![line.stage.clone(), line.state.clone(), run, took, line.made_at.clone().unwrap_or_default()]
        })
        .collect();
    output::print(&output::columns(&head, &rows));
    Ok(())
}

fn line(id: &str, verdict: &Verdict, seen: Option<&StageRow>, store: &Store) -> Line {
    let empty = Line {
        stage: id.to_owned(),
        state: "missing".to_owned(),
        fingerprint: None,
        run: None,
        made_at: None,
        seconds: None,
        device: None,
        outputs: Vec::new(),
    };
    match verdict {
        Verdict::Hit(record) => done(empty, record),
        Verdict::Miss { fingerprint, .. } => {
            let tried = seen.filter(|row| row.fingerprint == *fingerprint);
            let state = match tried.map(|row| row.state.as_str()) {
                Some("failed") => "failed",
                // Who runs it holds its lease; a killed run holds nothing.
                Some("running") if matches!(store.claim_anew(fingerprint), Ok(Claim::Held { .. })) => "running",
                Some("running") => "interrupted",
                _ => "missing",
            };
            let run = tried.map(|row| row.run.0);
            Line { state: state.to_owned(), fingerprint: Some(fingerprint.to_string()), run, ..empty }
        }
        Verdict::Unknown { .. } => empty,
    }
}

fn done(empty: Line, record: &Record) -> Line {
    let output = |output: &pipe_store::Output| OutputLine {
        port: output.port.clone(),
        digest: output.object.digest.to_string(),
        bytes: output.object.bytes,
    };
    let made = &record.made;
    Line {
        state: "done".to_owned(),
        fingerprint: Some(record.fingerprint.to_string()),
        run: Some(made.run.0),
        made_at: Some(made.at.clone()),
        seconds: Some(made.seconds),
        device: Some(made.device.clone()),
        outputs: record.outputs.iter().map(output).collect(),
        ..empty
    }
}
