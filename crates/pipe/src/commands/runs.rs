//! `pipe runs`: past runs, newest first.

use crate::{
    args::{Format, Runs},
    failure::Failure,
    output::{self, Align},
    session::Session,
};

pub(crate) fn runs(session: &Session, runs: &Runs) -> Result<(), Failure> {
    let rows = session.store()?.runs(runs.limit)?;
    if runs.format == Format::Json {
        output::json(&serde_json::json!({ "runs": rows }));
        return Ok(());
    }
    let head = [
        ("run", Align::Right),
        ("started", Align::Left),
        ("experiment", Align::Left),
        ("state", Align::Left),
        ("cached", Align::Right),
        ("ran", Align::Right),
        ("failed", Align::Right),
        ("took", Align::Right),
        ("command", Align::Left),
    ];
    let line = |row: &pipe_store::RunRow| {
        let end = &row.end;
        // A run without an end either runs or was killed.
        let state = row.state.clone().unwrap_or_else(|| "unfinished".to_owned());
        vec![
            row.id.to_string(),
            row.started.chars().take(19).collect(),
            row.experiment.clone(),
            state,
            end.cached.to_string(),
            end.ran.to_string(),
            end.failed.to_string(),
            output::seconds(end.seconds),
            row.command.clone(),
        ]
    };
    output::print(&output::columns(&head, &rows.iter().map(line).collect::<Vec<_>>()));
    Ok(())
}
