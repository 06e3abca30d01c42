//! `pipe track`: what is kept for tracking servers, and its delivery.

use std::{env, process::ExitCode};

use pipe_mlflow::{Server, Synced, revive, sync};
use pipe_store::{RunId, Spooled, Store};
use serde_json::json;

use crate::{
    args::{Format, Track, TrackFormat},
    failure::Failure,
    output::{self, Align},
    session::Session,
};

pub(crate) fn track(session: &Session, track: &Track) -> Result<ExitCode, Failure> {
    match track {
        Track::Sync(typed) => deliver(session, typed),
        Track::Status(typed) => status(session, typed).map(|()| ExitCode::SUCCESS),
    }
}

fn variable(name: &str) -> Option<String> {
    env::var(name).ok()
}

/// The server of a destination. The ledger has no passwords, but the variable that named it may have had one.
fn server(destination: &str) -> Result<Server, Failure> {
    let typed = variable("MLFLOW_TRACKING_URI").and_then(|uri| Server::at(&uri, &variable).ok());
    match typed.filter(|server| server.destination() == destination) {
        Some(server) => Ok(server),
        None => Server::at(destination, &variable).map_err(|wrong| Failure::Argument(wrong.to_string())),
    }
}

fn deliver(session: &Session, typed: &TrackFormat) -> Result<ExitCode, Failure> {
    let store = session.store()?;
    let revived = revive(&store)?;
    let mut answers = Vec::new();
    for spooled in store.spooled()?.into_iter().filter(|spooled| spooled.waiting > 0) {
        let synced = sync(&store, &server(&spooled.destination)?)?;
        answers.push((spooled, synced));
    }
    let failed = answers.iter().any(|(_, synced)| synced.trouble.is_some());
    if typed.format == Format::Json {
        let servers: Vec<_> = answers
            .iter()
            .map(|(spooled, synced)| {
                json!({
                    "destination": spooled.destination,
                    "delivered": synced.delivered.delivered,
                    "refused": synced.delivered.refused,
                    "runs": spooled.runs,
                    "trouble": synced.trouble,
                })
            })
            .collect();
        output::json(&json!({ "revived": revived, "servers": servers }));
    } else {
        if answers.is_empty() {
            output::print("nothing waits\n");
        }
        answers.iter().for_each(|(spooled, synced)| output::print(&words(spooled, synced)));
    }
    for (_, Synced { warnings, trouble, .. }) in &answers {
        warnings.iter().for_each(|warning| output::complain(&format!("warning: {warning}\n")));
        trouble.iter().for_each(|trouble| output::complain(&format!("error: MLflow: {trouble}\n")));
    }
    // What waits is not lost; the machine, or the way to the other one, is to be mended.
    Ok(if failed { ExitCode::from(3) } else { ExitCode::SUCCESS })
}

fn words(spooled: &Spooled, synced: &Synced) -> String {
    let delivered = output::count(synced.delivered.delivered, "message", "messages");
    let mut text = format!("{}: delivered {delivered} of {}", spooled.destination, runs(&spooled.runs));
    if synced.delivered.refused > 0 {
        text.push_str(&format!(", {} refused", output::thousands(synced.delivered.refused)));
    }
    let left = spooled.waiting.saturating_sub(synced.delivered.delivered + synced.delivered.refused);
    if synced.trouble.is_some() {
        text.push_str(&format!(", {} left", output::thousands(left)));
    }
    text.push('\n');
    text
}

fn runs(runs: &[RunId]) -> String {
    let numbers: Vec<_> = runs.iter().map(ToString::to_string).collect();
    format!("{} {}", if numbers.len() == 1 { "run" } else { "runs" }, numbers.join(", "))
}

fn status(session: &Session, typed: &TrackFormat) -> Result<(), Failure> {
    let spooled = Store::open_to_read(&session.runs())?.spooled()?;
    if typed.format == Format::Json {
        output::json(&spooled);
        return Ok(());
    }
    if spooled.is_empty() {
        output::print("no tracking server was ever told of a run\n");
        return Ok(());
    }
    let head = [
        ("server", Align::Left),
        ("waiting", Align::Right),
        ("delivered", Align::Right),
        ("refused", Align::Right),
        ("since", Align::Left),
        ("runs", Align::Left),
    ];
    let row = |spooled: &Spooled| {
        vec![
            spooled.destination.clone(),
            output::thousands(spooled.waiting),
            output::thousands(spooled.delivered),
            output::thousands(spooled.refused),
            spooled.since.as_deref().map(output::moment).unwrap_or_default(),
            spooled.runs.iter().map(ToString::to_string).collect::<Vec<_>>().join(", "),
        ]
    };
    output::print(&output::columns(&head, &spooled.iter().map(row).collect::<Vec<_>>()));
    Ok(())
}
