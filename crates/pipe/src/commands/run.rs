//! `pipe run`: plan, hold against the store, run what is missing, render the report.

use std::{
    collections::BTreeSet,
    env,
    fs::{self, File},
    io::{BufWriter, Write as _},
    path::Path,
    process::{Command, ExitCode},
    thread,
    time::Instant,
};

use pipe_engine::{Event, Options, Plan, Verdict, interrupt};
use pipe_store::{Record, Store, StoreError};
use serde_json::json;

use super::{plan::lines, report};
use crate::{
    args::{Format, Run},
    failure::Failure,
    output,
    session::{Known, Planned, Session},
    terminal::Terminal,
};

pub(crate) fn run(session: &Session, run: &Run) -> Result<ExitCode, Failure> {
    let begun = Instant::now();
    run_with(session, run, &run.force, begun)
}

/// Runs with these stages forced.
fn run_with(session: &Session, run: &Run, force: &[String], begun: Instant) -> Result<ExitCode, Failure> {
    let known = session.known(&run.chosen, force)?;
    let Known { planned: Planned { experiment, plan }, store, freshness } = &known;
    let is_cached = freshness.verdicts.iter().all(|verdict| matches!(verdict, Verdict::Hit(_)));
    let mut forced = BTreeSet::new();
    for name in force {
        forced.extend(known.planned.named(name)?);
    }
    let worker = env::current_exe().map_err(|source| Failure::file("find", "the program itself", source))?;
    let command: Vec<_> = env::args().collect();
    let cores = thread::available_parallelism().map_or(1, usize::from);
    let file = fs::canonicalize(&experiment.file).unwrap_or_else(|_| experiment.file.clone());
    let options = Options {
        jobs: run.jobs.map_or(cores, usize::from),
        worker: &worker,
        workspace: &session.workspace,
        file: &file.strip_prefix(&session.workspace).unwrap_or(&file).display().to_string(),
        command: &command.join(" "),
        // A run that makes nothing asks nobody.
        commit: if is_cached { None } else { commit(&session.workspace) },
        forced,
    };
    if !is_cached {
        interrupt::listen();
    }
    let json = run.chosen.format == Format::Json;
    let mut terminal = if json { Terminal::silent() } else { Terminal::new(plan.nodes.len()) };
    let mut journal = None;
    let mut summary = pipe_engine::run(plan, freshness, store, &options, &mut |event| {
        if let Event::Begun { run, .. } = event {
            let planned = json!({ "experiment": plan.experiment, "stages": lines(plan, &freshness.verdicts) });
            journal = Journal::new(&session.runs().join("attempts").join(run.to_string()), &planned);
        }
        if let Some(journal) = &mut journal {
            journal.note(event);
        }
        if json {
            output::json_line(event);
        }
        terminal.show(event);
    })?;
    drop(journal);
    // What a person waits for includes reading the experiment and asking the store.
    summary.end.seconds = begun.elapsed().as_secs_f64();
    terminal.finish(&summary.end);
    // A run without all results leaves the last whole report alone; `pipe report` shows what there is.
    let is_whole = summary.records.iter().all(Option::is_some);
    let folder = if is_whole && plan.nodes.iter().any(|node| node.kind.name == "evaluate") {
        let (folder, fresh) = match report::refresh(session, plan, &summary.records, experiment, store) {
            Err(failure @ Failure::Stage(pipe_stages::Failure::Store(StoreError::Damaged { .. }))) => {
                let lost = lost(plan, &summary.records, store)?;
                if lost.is_empty() || lost.iter().all(|id| force.contains(id)) {
                    return Err(failure);
                }
                let text =
                    format!("the stored bytes of {} are missing or damaged; making them again\n", lost.join(", "));
                output::complain(&text);
                return run_with(session, run, &[force, &lost].concat(), begun);
            }
            done => done?,
        };
        if !json {
            if let Some(report) = fresh {
                output::print(&format!("\n{}\n", report::text(&report)));
            }
            output::print(&format!("report: {}\n", session.shown(&folder.join("report.html"))));
        }
        Some(folder)
    } else {
        None
    };
    if json {
        let mut answer = serde_json::to_value(summary.end).expect("counts are plain data");
        answer["run"] = summary.run.0.into();
        answer["report"] = json!(folder);
        output::json_line(&answer);
    }
    Ok(match summary.end {
        end if end.interrupted => ExitCode::from(130),
        end if end.failed + end.skipped > 0 => ExitCode::from(1),
        _ => ExitCode::SUCCESS,
    })
}

/// Stages whose results cannot be read, ready to be made again.
fn lost(plan: &Plan, records: &[Option<Record>], store: &Store) -> Result<Vec<String>, Failure> {
    let mut lost = Vec::new();
    for (node, record) in plan.nodes.iter().zip(records) {
        let outputs = record.iter().flat_map(|record| &record.outputs);
        let damaged: Vec<_> = outputs.filter(|output| !store.verify(&output.object)).collect();
        for output in &damaged {
            store.remove_damaged(&output.object)?;
        }
        if !damaged.is_empty() {
            lost.push(node.id.clone());
        }
    }
    Ok(lost)
}

/// Commit of a git work tree, with `+` where tracked files were changed.
fn commit(workspace: &Path) -> Option<String> {
    let git = |arguments: &[&str]| {
        let output = Command::new("git").arg("-C").arg(workspace).args(arguments).output().ok()?;
        output.status.success().then(|| String::from_utf8_lossy(&output.stdout).trim().to_owned())
    };
    let commit = git(&["rev-parse", "HEAD"])?;
    let changed = git(&["status", "--porcelain", "--untracked-files=no"]).is_some_and(|list| !list.is_empty());
    Some(if changed { format!("{commit}+") } else { commit })
}

/// What a run planned and what happened, in the folder of the run.
struct Journal {
    events: BufWriter<File>,
}

impl Journal {
    /// A journal; none where it cannot be written, as it is for people and never read back.
    fn new(folder: &Path, plan: &serde_json::Value) -> Option<Self> {
        fs::create_dir_all(folder).ok()?;
        fs::write(folder.join("plan.json"), format!("{plan:#}\n")).ok()?;
        let events = BufWriter::new(File::create(folder.join("events.jsonl")).ok()?);
        Some(Self { events })
    }

    fn note(&mut self, event: &Event) {
        let line = json!({ "at": jiff::Timestamp::now().to_string(), "event": event });
        drop(writeln!(self.events, "{line}"));
        if !matches!(event, Event::Progress { .. }) {
            drop(self.events.flush());
        }
    }
}
