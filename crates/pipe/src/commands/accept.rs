//! `pipe accept`: the last results of stages, taken as those of their present recipes on a person's word.

use std::env;

use pipe_engine::{NotAccepted, accept as accept_one};
use pipe_store::{NewRun, RunEnd};
use serde_json::json;

use crate::{
    args::{Accept, Format},
    failure::Failure,
    output,
    session::{Known, Session},
};

pub(crate) fn accept(session: &Session, asked: &Accept) -> Result<(), Failure> {
    let first = session.naming(&asked.chosen, &asked.stages)?;
    let mut nodes = Vec::new();
    for name in &asked.stages {
        nodes.extend(first.planned.named(name)?);
    }
    // As they stand in the plan, so that what a stage takes from is accepted before it.
    nodes.sort_unstable();
    nodes.dedup();
    let command: Vec<_> = env::args().collect();
    let new = NewRun {
        experiment: &first.planned.plan.experiment,
        file: &asked.chosen.file.display().to_string(),
        command: &command.join(" "),
        commit: None,
    };
    let run = first.store.begin_run(&new)?;
    let (mut done, mut refused) = (Vec::new(), None);
    for node in nodes {
        // One accepted result may be what makes the next recipe known.
        let Known { planned, store, freshness, .. } = session.naming(&asked.chosen, &asked.stages)?;
        match accept_one(&planned.plan, &freshness, node, &store, &session.workspace, run) {
            Ok(accepted) => done.push(accepted),
            Err(NotAccepted::Cached { stage }) => output::complain(&format!("{stage}: cached already\n")),
            Err(error) => {
                refused = Some(error);
                break;
            }
        }
    }
    let end = RunEnd { ran: done.len() as u64, failed: u64::from(refused.is_some()), ..RunEnd::default() };
    first.store.end_run(run, &end)?;
    if asked.chosen.format == Format::Json {
        let list: Vec<_> = done
            .iter()
            .map(|one| {
                let words: Vec<_> = one.differences.iter().map(ToString::to_string).collect();
                let fingerprint = one.record.fingerprint.to_string();
                json!({ "stage": one.stage, "fingerprint": fingerprint, "differences": one.differences, "words": words })
            })
            .collect();
        output::json(&json!({ "run": run, "accepted": list }));
    } else {
        for one in &done {
            output::print(&format!("{}: accepted for recipe {}, though\n", one.stage, one.record.fingerprint.short()));
            one.differences.iter().for_each(|difference| output::print(&format!("  - {difference}\n")));
        }
    }
    refused.map_or(Ok(()), |error| Err(error.into()))
}
