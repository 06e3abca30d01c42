//! `pipe report`: the results of an experiment, from its cached stages alone; `compare` sets two runs side by side.

mod compare;

use std::{path::PathBuf, sync::Arc};

use pipe_engine::Plan;
use pipe_report::{
    LEAKY, Report, Row, Search, costs, csv, draft, folds, html, markdown, mean_and_sd, overlay_png, table, value,
};
use pipe_spec::Experiment;
use pipe_stages::{Results, results};
use pipe_store::{Digest, Record, Store, StoreError};
use serde_json::json;

use super::graph::drawing;
use crate::{
    args::{Chosen, Format, Report as Typed, ReportCommand},
    failure::Failure,
    output::{self, Align},
    search::shown,
    session::{Known, Session},
};

/// File that says which results a rendered report shows.
const QUERY: &str = "query.txt";
/// How the owner of a report's pins begins; the experiment's name follows.
pub(crate) const REPORT: &str = "report:";

pub(crate) fn report(session: &Session, typed: &Typed) -> Result<(), Failure> {
    match &typed.command {
        Some(ReportCommand::Compare { runs, format }) => match runs.as_slice() {
            [before, after] => compare::compare(session, [*before, *after], *format),
            _ => Err(Failure::Argument("expected two runs".to_owned())),
        },
        None => of_experiment(session, typed),
    }
}

fn of_experiment(session: &Session, typed: &Typed) -> Result<(), Failure> {
    let Some(chosen) = &typed.chosen else {
        let words = "name the file of an experiment, or two runs: `pipe report compare RUN RUN`";
        return Err(Failure::Argument(words.to_owned()));
    };
    let known = session.best(chosen)?;
    let records = known.records();
    let Known { planned, store, search, .. } = known;
    let searches = search.as_ref().map(shown).unwrap_or_default();
    let results = results(&planned.plan, &records, &planned.experiment);
    let graph = drawing(&planned.plan, &records);
    let report = Report {
        graph,
        command: Some(command(chosen)),
        searches,
        ..known_report(&results, &planned.plan, &records, chosen, &store)?
    };
    let folder = match write(session, &report, &query(&results, &report.searches), &store) {
        // The table can be read where nothing can be written.
        Err(Failure::File { source, .. }) if is_read_only(&source) => None,
        Err(Failure::Store(StoreError::ReadOnly { .. })) => None,
        folder => Some(folder?),
    };
    if folder.is_some() {
        pin(&records, &planned.experiment, &store)?;
    }
    if let (true, Some(folder)) = (typed.paper, &folder) {
        let path = folder.join("paper.md");
        store.write(&path, draft(&report, &|at| picture(&report, at)).as_bytes())?;
        if chosen.format == Format::Text {
            output::print(&format!("paper: {}\n", session.shown(&path)));
        }
    }
    if chosen.format == Format::Json {
        output::json(&json!({
            "experiment": report.experiment,
            "title": report.title,
            "table": table(&report.metrics, &report.cases),
            "cases": report.cases,
            "data": report.data,
            "costs": costs(&report.provenance),
            "provenance": report.provenance,
            "notes": report.notes,
            "missing": report.missing,
            "leaks": report.leaks,
            "marks": report.marks,
            "searches": report.searches,
            "folder": folder,
        }));
        return Ok(());
    }
    output::print(&text(&report));
    match folder {
        Some(folder) => output::print(&format!("report: {}\n", session.shown(&folder.join("report.html")))),
        None => output::complain("note: the store may not be written, so no report was rendered\n"),
    }
    Ok(())
}

/// The report, or why there is none: where bytes are gone, whose, and what makes them again.
fn known_report(
    results: &Results<'_>,
    plan: &Plan,
    records: &[Option<Arc<Record>>],
    chosen: &Chosen,
    store: &Store,
) -> Result<Report, Failure> {
    let damaged =
        |failure: &pipe_stages::Failure| matches!(failure, pipe_stages::Failure::Store(StoreError::Damaged { .. }));
    results.report(store).map_err(|failure| {
        if damaged(&failure) {
            let gone = |record: &Record| record.outputs.iter().any(|output| !store.verify(&output.object));
            let all = plan.nodes.iter().zip(records);
            let names = all.filter(|(_, record)| record.as_deref().is_some_and(gone)).map(|(node, _)| node.id.as_str());
            let names = names.collect::<Vec<_>>().join(", ");
            output::complain(&format!(
                "the stored bytes of {names} are gone or damaged; `{}` makes them again\n",
                command(chosen)
            ));
        }
        failure.into()
    })
}

/// The command that gives the results of what was chosen.
fn command(chosen: &Chosen) -> String {
    let quoted = |text: &String| {
        if text.contains(|c: char| " *'\"{}[]$&|;<>()~#".contains(c)) { format!("'{text}'") } else { text.clone() }
    };
    let mut words = vec!["pipe run".to_owned(), quoted(&chosen.file.display().to_string())];
    words.extend(chosen.profiles.iter().map(|profile| format!("-p {}", quoted(profile))));
    words.extend(chosen.overrides.iter().map(|written| format!("-s {}", quoted(written))));
    words.extend(chosen.sweep.iter().map(|file| format!("--sweep {}", quoted(&file.display().to_string()))));
    words.join(" ")
}

fn is_read_only(error: &std::io::Error) -> bool {
    matches!(error.kind(), std::io::ErrorKind::ReadOnlyFilesystem | std::io::ErrorKind::PermissionDenied)
}

/// Renders the report of a run's results where they differ from those that are rendered; gives them then.
pub(crate) fn refresh(
    session: &Session,
    plan: &Plan,
    records: &[Option<Arc<Record>>],
    experiment: &Experiment,
    (chosen, searches): (&Chosen, &[Search]),
    store: &Store,
) -> Result<(PathBuf, Option<Report>), Failure> {
    pin(records, experiment, store)?;
    let results = results(plan, records, experiment);
    let query = query(&results, searches);
    let folder = session.reports(&experiment.name);
    let rendered = std::fs::read_to_string(folder.join(QUERY)).is_ok_and(|old| old == query);
    if rendered && folder.join("report.html").is_file() {
        return Ok((folder, None));
    }
    let graph = drawing(plan, records);
    let searches = searches.to_vec();
    let report = Report { graph, command: Some(command(chosen)), searches, ..results.report(store)? };
    Ok((write(session, &report, &query, store)?, Some(report)))
}

/// What a rendered report shows: results, and a search as far as it is.
fn query(results: &Results<'_>, searches: &[Search]) -> String {
    let query = results.query().to_string();
    if searches.is_empty() {
        return query;
    }
    let search = serde_json::to_vec(searches).expect("searches are plain data");
    format!("{query} {}", Digest::of(&search))
}

/// Keeps the bytes of all results that feed a report.
fn pin(records: &[Option<Arc<Record>>], experiment: &Experiment, store: &Store) -> Result<(), Failure> {
    let artifacts: Vec<_> = records.iter().flatten().map(|record| record.id).collect();
    Ok(store.pin(&format!("{REPORT}{}", experiment.name), &artifacts)?)
}

fn write(session: &Session, report: &Report, query: &str, store: &Store) -> Result<PathBuf, Failure> {
    let folder = write_into(session.reports(&report.experiment), report, store)?;
    // Last: a report is rendered when all of it is.
    store.write(&folder.join(QUERY), query.as_bytes())?;
    Ok(folder)
}

/// Writes all files of a report but the one that says what it shows.
fn write_into(folder: PathBuf, report: &Report, store: &Store) -> Result<PathBuf, Failure> {
    let pictures = folder.join("overlays");
    std::fs::create_dir_all(&pictures).map_err(|source| Failure::file("create", &pictures, source))?;
    let name = |position: usize| picture(report, position);
    for (position, overlay) in report.overlays.iter().enumerate() {
        store.write(&folder.join(name(position)), &overlay_png(overlay))?;
    }
    // Pictures of an earlier report would only mislead. Another process may render the same report just now: its
    // temporary files are none of ours.
    let fresh: Vec<_> = (0..report.overlays.len()).map(|position| folder.join(name(position))).collect();
    let old = std::fs::read_dir(&pictures).into_iter().flatten().flatten().map(|entry| entry.path());
    for path in old.filter(|path| path.extension().is_some_and(|end| end == "png") && !fresh.contains(path)) {
        drop(std::fs::remove_file(path));
    }
    store.write(&folder.join("cases.csv"), csv(&report.cases).as_bytes())?;
    store.write(&folder.join("report.md"), markdown(report, &name).as_bytes())?;
    store.write(&folder.join("report.html"), html(report).as_bytes())?;
    Ok(folder)
}

/// Where an overlay lies, relative to the report.
fn picture(report: &Report, position: usize) -> String {
    let overlay = &report.overlays[position];
    let clean = |text: &str| text.replace(|c: char| !c.is_ascii_alphanumeric() && c != '-' && c != '.', "_");
    format!("overlays/{position:02}_{}_{}.png", clean(overlay.rank.label()), clean(&overlay.case))
}

/// The table for a terminal.
pub(crate) fn text(report: &Report) -> String {
    let mut text = String::new();
    if !report.missing.is_empty() {
        text.push_str(&format!("no result yet for {}\n", report.missing.join(", ")));
    }
    if !report.leaks.is_empty() {
        text.push_str(&format!("{LEAKY}\n"));
        report.leaks.iter().for_each(|leak| text.push_str(&format!("  {leak}\n")));
    }
    for mark in &report.marks {
        text.push_str(&format!("not made by the present recipe: {mark}\n"));
    }
    let rows = table(&report.metrics, &report.cases);
    if rows.is_empty() {
        return text;
    }
    let columns = folds(&rows);
    let names: Vec<String> = columns.iter().map(|fold| point(fold)).collect();
    let mut head = vec![
        ("system", Align::Left),
        ("metric", Align::Left),
        ("mean ± SD over cases", Align::Left),
        ("n", Align::Right),
        ("mean ± SD over folds", Align::Left),
    ];
    head.extend(names.iter().map(|fold| (fold.as_str(), Align::Right)));
    let line = |row: &Row| {
        let n = row.cases();
        let mut cells = vec![
            row.system.clone(),
            row.label.clone(),
            mean_and_sd(row.mean, row.sd),
            n,
            mean_and_sd(row.mean_over_folds, row.sd_over_folds),
        ];
        cells.extend(columns.iter().map(|fold| value(row.fold(fold))));
        cells
    };
    text.push_str(&output::columns(&head, &rows.iter().map(line).collect::<Vec<_>>()));
    text
}

fn point(axes: &indexmap::IndexMap<String, String>) -> String {
    axes.iter().map(|(axis, value)| format!("{axis} {value}")).collect::<Vec<_>>().join(", ")
}
