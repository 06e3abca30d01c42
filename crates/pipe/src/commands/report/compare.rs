//! `pipe report compare`: two past runs side by side, from the ledger and the store; their experiments may have changed since.
//!
//! Does not compare more than numbers, recipes and cases.

use pipe_report::{Difference, Report, table};
use pipe_stages::{PastRun, side_by_side};
use pipe_store::{RunRow, Store};
use serde_json::json;

use super::{is_read_only, text, write_into};
use crate::{
    args::{Format, Which},
    commands::runs::{differences, find},
    failure::Failure,
    output,
    session::Session,
};

pub(super) fn compare(session: &Session, runs: [Which; 2], format: Format) -> Result<(), Failure> {
    let store = session.store()?;
    let [before, after] = [find(&store, runs[0])?, find(&store, runs[1])?];
    if before.id == after.id {
        return Err(Failure::Argument(format!("run {} is compared with itself; name another one", before.id)));
    }
    let report = report(&before, &after, &store)?;
    if report.cases.is_empty() {
        let words = format!(
            "neither run {} nor run {} has evaluated anything; `pipe runs diff {0} {1}` shows how they differ",
            before.id, after.id
        );
        return Err(Failure::Argument(words));
    }
    let folder = session.reports("compared").join(format!("{}-{}", before.id, after.id));
    let folder = match write_into(folder, &report, &store) {
        Err(Failure::File { source, .. }) if is_read_only(&source) => None,
        folder => Some(folder?),
    };
    if format == Format::Json {
        output::json(&json!({
            "runs": [before, after],
            "differences": report.differences,
            "table": table(&report.metrics, &report.cases),
            "cases": report.cases,
            "missing": report.missing,
            "leaks": report.leaks,
            "folder": folder,
        }));
        return Ok(());
    }
    let mut words = String::new();
    for run in [&before, &after] {
        words.push_str(&format!("run {}: {}, {}\n", run.id, run.experiment, output::moment(&run.started)));
    }
    for Difference { stage, words: lines } in &report.differences {
        words.push_str(&format!("\n{stage}\n"));
        lines.iter().for_each(|line| words.push_str(&format!("  - {line}\n")));
    }
    output::print(&format!("{words}\n{}", text(&report)));
    match folder {
        Some(folder) => output::print(&format!("report: {}\n", session.shown(&folder.join("report.html")))),
        None => output::complain("note: the store may not be written, so no report was rendered\n"),
    }
    Ok(())
}

fn report(before: &RunRow, after: &RunRow, store: &Store) -> Result<Report, Failure> {
    let of = |run: &RunRow| -> Result<PastRun, Failure> {
        Ok(PastRun { name: format!("run {}", run.id), stages: store.run_stages(run.id)? })
    };
    let runs = [of(before)?, of(after)?];
    let [old, new] = runs.each_ref().map(|run| run.stages.as_slice());
    let found = differences(store, old, new)?;
    let difference = |(stage, words): (String, Vec<String>)| Difference { stage, words };
    let mut listed: Vec<Difference> =
        found.changed.into_iter().map(|known| difference((known.stage, known.words))).collect();
    for (run, only) in [(before, found.only_old), (after, found.only_new)] {
        listed.extend((!only.is_empty()).then(|| difference((format!("only in run {}", run.id), only))));
    }
    let mut report = side_by_side(&runs, listed, store)?;
    let line = |run: &RunRow| format!("Run {}: {}, {}", run.id, run.experiment, output::moment(&run.started));
    report.description = Some(format!("{}. {}.", line(before), line(after)));
    Ok(report)
}
