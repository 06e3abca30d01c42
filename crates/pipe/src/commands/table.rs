//! `pipe table`: tables of papers from cached results, and what stands behind their numbers.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use indexmap::IndexMap;
use pipe_report::paper::{
    Of, PaperTable, Results, RowResults, RowSpec, RunSpec, TableSpec, Trace, csv, html, latex, markdown, paper_table,
    trace,
};
use pipe_spec::{Problems, bind, single};
use pipe_stages::results;

use super::run;
use crate::{
    args::{Chosen, Format, Part, Run, Table, TableFormat},
    failure::Failure,
    output::{self, Align},
    session::{Known, Session},
};

type Renderer = fn(&PaperTable) -> String;

/// What a table is written as beside its YAML: extension and renderer.
const FILES: [(&str, Renderer); 4] = [("md", markdown), ("tex", latex), ("csv", csv), ("html", html)];

pub(crate) fn table(session: &Session, typed: &Table) -> Result<ExitCode, Failure> {
    let mut stale = false;
    for file in &typed.files {
        let file = session.found(file);
        let spec = spec(&file)?;
        let failed = |source| Failure::Table { file: file.clone(), source: Box::new(source) };
        let mut found = gathered(session, &spec, &file)?;
        if typed.run_missing {
            let code = run_missing(session, &spec, &found)?;
            if code != ExitCode::SUCCESS {
                return Ok(code);
            }
            found = gathered(session, &spec, &file)?;
        }
        if let Some(cell) = &typed.trace {
            show_trace(&trace(&spec, &found, cell).map_err(failed)?, typed.format);
            continue;
        }
        let table = paper_table(&spec, &found).map_err(failed)?;
        for (command, stages) in &table.missing {
            output::complain(&format!("no result yet for {}; make it by: pipe run {command}\n", stages.join(", ")));
        }
        if typed.check {
            stale |= check(session, &file, &table)?;
            continue;
        }
        if typed.write {
            for (extension, render) in FILES {
                let path = file.with_extension(extension);
                std::fs::write(&path, render(&table)).map_err(|source| Failure::file("write", &path, source))?;
                output::print(&format!("{}\n", session.shown(&path)));
            }
            continue;
        }
        match typed.format {
            TableFormat::Markdown => output::print(&markdown(&table)),
            TableFormat::Latex => output::print(&latex(&table)),
            TableFormat::Csv => output::print(&csv(&table)),
            TableFormat::Html => output::print(&html(&table)),
            TableFormat::Json => output::json(&table),
        }
    }
    Ok(if stale { ExitCode::from(1) } else { ExitCode::SUCCESS })
}

fn spec(file: &Path) -> Result<TableSpec, Failure> {
    let (node, sources) = single(file)?;
    Ok(bind::<TableSpec>(&node, "").map_err(|list| Problems { sources, list })?)
}

/// The results of all rows; each experiment is planned once.
fn gathered(session: &Session, spec: &TableSpec, file: &Path) -> Result<Results, Failure> {
    let pooled = spec.columns.iter().any(|column| column.of == Of::Pooled);
    let rows: Vec<IndexMap<String, RunSpec>> = spec.rows.iter().map(RowSpec::experiments).collect();
    let mut wanted: BTreeMap<RunSpec, Vec<(usize, String, RunSpec)>> = BTreeMap::new();
    for (row, runs) in rows.iter().enumerate() {
        for (data, run) in runs {
            let same = RunSpec { point: BTreeMap::new(), ..run.clone() };
            wanted.entry(same).or_default().push((row, data.clone(), run.clone()));
        }
    }
    let mut found: Vec<IndexMap<String, RowResults>> =
        rows.iter().map(|runs| runs.keys().map(|data| (data.clone(), RowResults::default())).collect()).collect();
    for (run, users) in wanted {
        let known = session.best(&chosen(&run))?;
        let records = known.records();
        let Known { planned, store, .. } = &known;
        let results = results(&planned.plan, &records, &planned.experiment);
        for (row, data, run) in users {
            let of_row = results.evaluated(&run.point, pooled, store);
            let of_row = of_row.map_err(|source| Failure::Row {
                file: file.to_path_buf(),
                system: spec.rows[row].system.clone(),
                source: Box::new(source),
            })?;
            found[row].insert(data, of_row);
        }
    }
    Ok(found)
}

fn chosen(run: &RunSpec) -> Chosen {
    Chosen {
        file: run.experiment.clone(),
        profiles: run.profiles.clone(),
        overrides: run.set.clone(),
        sweep: None,
        format: Format::Text,
    }
}

/// Runs every experiment that lacks a result.
fn run_missing(session: &Session, spec: &TableSpec, found: &Results) -> Result<ExitCode, Failure> {
    let mut lacking: BTreeMap<RunSpec, Vec<String>> = BTreeMap::new();
    for (row, results) in spec.rows.iter().zip(found) {
        for (data, run) in row.experiments() {
            let missing = results.get(&data).map(|results| results.missing.clone()).unwrap_or_default();
            if !missing.is_empty() {
                lacking.entry(RunSpec { point: BTreeMap::new(), ..run }).or_default().extend(missing);
            }
        }
    }
    for (experiment, targets) in lacking {
        let part = Part { targets, until: Vec::new(), from: Vec::new(), only: Vec::new() };
        let run = Run {
            chosen: chosen(&experiment),
            part,
            jobs: None,
            gpus: None,
            force: Vec::new(),
            keep_going: false,
            retry_failed: false,
        };
        let code = run::run(session, &run)?;
        if code != ExitCode::SUCCESS {
            return Ok(code);
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// Whether a written table says other things than the results do now.
fn check(session: &Session, file: &Path, table: &PaperTable) -> Result<bool, Failure> {
    let all = FILES.iter().map(|(extension, render)| (file.with_extension(extension), *render));
    let (written, absent): (Vec<(PathBuf, Renderer)>, Vec<_>) = all.partition(|(path, _)| path.is_file());
    if written.is_empty() {
        output::complain(&format!("{}: never written; `pipe table --write` does it\n", session.shown(file)));
        return Ok(true);
    }
    let mut stale = !table.missing.is_empty() || !absent.is_empty();
    for (path, _) in &absent {
        output::print(&format!("{}: not there, though others are\n", session.shown(path)));
    }
    for (path, render) in written {
        let old = std::fs::read_to_string(&path).map_err(|source| Failure::file("read", &path, source))?;
        let is_stale = old != render(table);
        let word = if is_stale { "stale: it is not what the results say now" } else { "up to date" };
        output::print(&format!("{}: {word}\n", session.shown(&path)));
        stale |= is_stale;
    }
    Ok(stale)
}

fn show_trace(trace: &Trace, format: TableFormat) {
    if format == TableFormat::Json {
        output::json(trace);
        return;
    }
    output::print(&format!("{}, {}\n\n", trace.system, trace.column));
    let head = [
        ("", Align::Right),
        ("fold", Align::Left),
        ("seed", Align::Left),
        ("stage", Align::Left),
        ("run", Align::Right),
        ("made", Align::Left),
        ("commit", Align::Left),
        ("recipe", Align::Left),
        ("artifact", Align::Left),
    ];
    let short = |text: &str| text.get(..12).unwrap_or(text).to_owned();
    let line = |(at, from): (usize, &pipe_report::paper::TraceOrigin)| {
        let origin = &from.origin;
        vec![
            (at + 1).to_string(),
            from.fold.clone(),
            from.seed.clone(),
            origin.stage.clone(),
            origin.run.to_string(),
            origin.made_at.clone(),
            origin.commit.as_deref().map(short).unwrap_or_default(),
            short(&origin.fingerprint),
            short(&origin.artifact),
        ]
    };
    let rows: Vec<Vec<String>> = trace.from.iter().enumerate().map(line).collect();
    output::print(&output::columns(&head, &rows));
    let head = [
        ("of", Align::Right),
        ("case", Align::Left),
        ("patient", Align::Left),
        ("value", Align::Right),
        ("", Align::Left),
    ];
    let line = |case: &pipe_report::paper::TraceCase| {
        let value = case.value.map_or("–".to_owned(), |value| format!("{value:.6}"));
        let state = if case.state == "known" { "" } else { case.state };
        vec![(case.from + 1).to_string(), case.case.clone(), case.patient.clone(), value, state.to_owned()]
    };
    let rows: Vec<Vec<String>> = trace.cases.iter().map(line).collect();
    output::print(&format!("\n{}", output::columns(&head, &rows)));
}
