//! `pipe runs list`: past runs, newest first.
//!
//! Does not look into a run.

use std::borrow::Cow;

use pipe_store::{RunFilter, RunRow, Store};
use serde_json::json;

use crate::{
    args::{Format, List, State},
    failure::Failure,
    output::{self, Align},
};

pub(crate) fn list(store: &Store, list: &List) -> Result<(), Failure> {
    let state = list.state.map(State::name);
    let filter = RunFilter { experiment: list.experiment.as_deref(), state, limit: list.limit };
    let rows = store.past_runs(&filter)?;
    let ids: Vec<_> = rows.iter().map(|row| row.id).collect();
    let means =
        if list.metric.is_empty() { vec![Vec::new(); rows.len()] } else { store.run_means(&ids, &list.metric)? };
    if list.format == Format::Json {
        let run = |(row, means): (&RunRow, &Vec<Option<f64>>)| {
            let mut run = serde_json::to_value(row).expect("rows are plain data");
            run["metrics"] = list.metric.iter().zip(means).map(|(name, mean)| (name.clone(), json!(mean))).collect();
            run
        };
        output::json(&json!({ "runs": rows.iter().zip(&means).map(run).collect::<Vec<_>>() }));
        return Ok(());
    }
    if rows.is_empty() {
        output::print("no such run\n");
        return Ok(());
    }
    let mut head = vec![
        ("run", Align::Right),
        ("started", Align::Left),
        ("experiment", Align::Left),
        ("state", Align::Left),
        ("cached", Align::Right),
        ("ran", Align::Right),
        ("failed", Align::Right),
        ("took", Align::Right),
    ];
    head.extend(list.metric.iter().map(|name| (name.as_str(), Align::Right)));
    head.push(("command", Align::Left));
    let lines: Vec<_> = rows.iter().zip(&means).map(|(row, means)| line(row, means)).collect();
    output::print(&output::columns(&head, &lines));
    Ok(())
}

/// The cells of a run. Ten thousand runs are printed too: what is there already is not copied.
fn line<'r>(row: &'r RunRow, means: &[Option<f64>]) -> Vec<Cow<'r, str>> {
    let RunRow { end, .. } = row;
    let state = row.state.as_deref().unwrap_or_default();
    let without_end = matches!(state, "running" | "killed");
    let mut cells: Vec<Cow<'r, str>> = vec![
        row.id.to_string().into(),
        output::moment(&row.started).into(),
        row.experiment.as_str().into(),
        state.into(),
        end.cached.to_string().into(),
        end.ran.to_string().into(),
        end.failed.to_string().into(),
        if without_end { "-".into() } else { output::seconds(end.seconds).into() },
    ];
    cells.extend(means.iter().map(|mean| mean.map_or("-".into(), |mean| output::number(mean).into())));
    cells.push(command(&row.command).into());
    cells
}

/// A command line without the folder of the program.
pub(crate) fn command(line: &str) -> &str {
    let program = line.split(' ').next().unwrap_or(line);
    &line[program.rfind('/').map_or(0, |slash| slash + 1)..]
}
