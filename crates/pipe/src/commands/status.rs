//! `pipe status`: every stage of an experiment, as it is now and as it was last seen.

use pipe_engine::Verdict;
use pipe_store::Record;
use serde::Serialize;

use super::state::{Seen, State, states};
use crate::{
    args::{Chosen, Format},
    failure::Failure,
    output::{self, Align},
    session::Session,
};

#[derive(Serialize)]
struct Line {
    stage: String,
    /// `done`; `open` before a list is known; `failed`, `running` or `interrupted`, where the present recipe was tried; else `missing`.
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
    let known = session.known(chosen)?;
    let plan = &known.planned.plan;
    let mut lines: Vec<_> = plan
        .nodes
        .iter()
        .zip(&known.freshness.verdicts)
        .zip(states(&known)?)
        .map(|((node, verdict), seen)| line(&node.id, verdict, seen))
        .collect();
    lines.extend(plan.open.iter().map(|open| Line { state: State::Open.words().to_owned(), ..empty(&open.id) }));
    if chosen.format == Format::Json {
        output::json(&serde_json::json!({ "experiment": plan.experiment, "stages": lines }));
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

fn line(id: &str, verdict: &Verdict, Seen { state, tried }: Seen) -> Line {
    let empty = empty(id);
    match verdict {
        Verdict::Hit(record) => done(empty, record),
        Verdict::Miss { fingerprint, .. } => {
            let state = match state {
                State::Failed | State::Running | State::Interrupted => state.words(),
                State::Cached | State::Run | State::Perhaps | State::Open => "missing",
            };
            Line { state: state.to_owned(), fingerprint: Some(fingerprint.to_string()), run: tried, ..empty }
        }
        Verdict::Unknown { .. } => empty,
    }
}

fn empty(id: &str) -> Line {
    Line {
        stage: id.to_owned(),
        state: "missing".to_owned(),
        fingerprint: None,
        run: None,
        made_at: None,
        seconds: None,
        device: None,
        outputs: Vec::new(),
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
