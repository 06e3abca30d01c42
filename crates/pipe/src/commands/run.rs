//! `pipe run`: plan, hold against the store, run what is missing, render the report.

use std::{env, fs, mem::ManuallyDrop, process::ExitCode, sync::Arc, thread, time::Instant};

use pipe_engine::{Cards, Choice, Event, Expects, Failing, Options, Pattern, Plan, Unsteered, Verdict, interrupt};
use pipe_store::{Record, Store, StoreError};
use pipe_sweep::{Failures, Search, Steered};
use serde_json::json;

use super::report;
use crate::{
    args::{Format, Run},
    backends::backends,
    failure::Failure,
    journal::Journal,
    output,
    provenance::{self, commit},
    search::{Searching, shown, sought},
    session::{Known, Planned, Session, records},
    terminal::Terminal,
    tracking::{Told, Tracker},
};

pub(crate) fn run(session: &Session, run: &Run) -> Result<ExitCode, Failure> {
    let begun = Instant::now();
    let force = run.force.iter().map(|name| name.parse()).collect::<Result<Vec<Pattern>, _>>()?;
    run_with(session, run, &force, begun)
}

/// Runs with these stages forced.
fn run_with(session: &Session, run: &Run, force: &[Pattern], begun: Instant) -> Result<ExitCode, Failure> {
    // The process is about to end: freeing the plan and closing the ledger row by row would only take time.
    let cores = thread::available_parallelism().map_or(1, usize::from);
    let jobs = run.jobs.map_or(u32::try_from(cores).unwrap_or(u32::MAX), u32::from);
    let failures = if run.retry_failed { Failures::AreTriedAgain } else { Failures::Stand };
    let searching = Searching { jobs: jobs as usize, failures, is_plan: false };
    let choice = run.part.choice()?;
    let is_all = choice.is_all();
    let mut known = ManuallyDrop::new(session.known_part(&run.chosen, choice, force, searching)?);
    let mut search = known.search.take();
    if search.is_some() && !is_all {
        let words = "a search runs as a whole; leave STAGE, --until, --from and --only out";
        return Err(Failure::Argument(words.to_owned()));
    }
    let Known { planned: Planned { experiment, plan, may_run, notes }, store, freshness, .. } = &*known;
    let expects = if search.as_ref().is_none_or(Search::is_settled) { Expects::Known } else { Expects::More };
    let is_cached = plan.open.is_empty()
        && expects == Expects::Known
        && freshness.verdicts.iter().all(|verdict| matches!(verdict, Verdict::Hit(_)));
    let worker = env::current_exe().map_err(|source| Failure::file("find", "the program itself", source))?;
    let command: Vec<_> = env::args().collect();
    let file = fs::canonicalize(&experiment.file).unwrap_or_else(|_| experiment.file.clone());
    let file = file.strip_prefix(&session.workspace).unwrap_or(&file).display().to_string();
    // A run that makes nothing needs no card, and the driver is slow to tell.
    let asked = if is_cached { Some([].as_slice()) } else { run.gpus.as_deref() };
    let cards = Cards::of_machine(asked).map_err(|no_card| Failure::Argument(no_card.to_string()))?;
    let (backends, variables) = backends(&cards);
    let options = Options {
        jobs,
        cards: &cards,
        backends,
        variables: &variables,
        worker: &worker,
        workspace: &session.workspace,
        file: &file,
        command: &command.join(" "),
        // A run that makes nothing asks nobody.
        commit: if is_cached { None } else { commit(&session.workspace) },
        forced: force,
        may_run: may_run.clone(),
        expects,
        failing: if run.keep_going { Failing::GoesOn } else { Failing::Stops },
        grow: &|lists| known.grown(lists, force),
    };
    if !is_cached {
        interrupt::listen();
    }
    let json = run.chosen.format == Format::Json;
    let mut terminal = if json { Terminal::silent() } else { Terminal::new(plan.nodes.len()) };
    if !is_cached && store.file_system().is_network && !json {
        let name = &store.file_system().name;
        output::complain(&format!(
            "note: the store lies on {name}, a network file system; the ledger uses a rollback journal\n"
        ));
    }
    if !is_cached && !json {
        notes.iter().for_each(|note| output::complain(&format!("note: {note}\n")));
    }
    let told = Told {
        experiment,
        plan,
        answers: records(&freshness.verdicts),
        file: &file,
        command: options.command,
        commit: options.commit.as_deref(),
        runs: &session.runs(),
        search: search.as_ref().map(sought),
    };
    let mut tracker = Tracker::new(experiment, &session.workspace);
    let mut journal = None;
    let mut observe = |event: &Event| {
        if let Event::Begun { run: number, .. } = event {
            let folder = session.run_folder(*number);
            journal = Journal::new(&folder, plan, freshness);
            provenance::write(&folder, session, experiment, plan, &options);
            tracker.begin(*number, &told);
        }
        if let Some(journal) = &mut journal {
            journal.note(event);
        }
        tracker.hear(event);
        tracker.warnings().iter().for_each(|warning| terminal.warn(warning));
        if json {
            output::json_line(event);
        }
        terminal.show(event);
    };
    let summary = match &mut search {
        None => pipe_engine::run(plan.clone(), freshness, store, &options, &mut observe, &mut Unsteered),
        Some(search) => {
            let mut steered = Steered { search, store };
            pipe_engine::run(plan.clone(), freshness, store, &options, &mut observe, &mut steered)
        }
    };
    drop(journal);
    interrupt::stop_listening();
    let mut summary = ManuallyDrop::new(summary?);
    // What a person waits for includes reading the experiment and asking the store.
    summary.end.seconds = begun.elapsed().as_secs_f64();
    terminal.finish(&summary.end);
    if !is_cached {
        provenance::finish(&session.run_folder(summary.run.0), &summary, store);
    }
    // Of a search, what is reported is the experiment with the best settings.
    let found = search.as_ref().map(|search| found(session, search)).transpose()?.flatten();
    let records = found.as_ref().map(Known::records);
    let (experiment, plan, records) = match (&found, &records) {
        (Some(found), Some(records)) => (&found.planned.experiment, &found.planned.plan, records.as_slice()),
        _ => (experiment, &summary.plan, summary.records.as_slice()),
    };
    // A run without all results leaves the last whole report alone; `pipe report` shows what there is.
    let is_whole = known.choice.is_all()
        && search.is_some() == found.is_some()
        && plan.open.is_empty()
        && records.iter().all(Option::is_some);
    let searches = search.as_ref().map(shown).unwrap_or_default();
    let folder = if is_whole && plan.nodes.iter().any(|node| node.kind.name == "evaluate") {
        let (folder, fresh) = match report::refresh(session, plan, records, experiment, (&run.chosen, &searches), store)
        {
            Err(failure @ Failure::Stage(pipe_stages::Failure::Store(StoreError::Damaged { .. }))) => {
                let lost = lost(plan, records, store)?;
                if lost.is_empty() || lost.iter().all(|id| force.contains(id)) {
                    return Err(failure);
                }
                let names = lost.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
                output::complain(&format!("the stored bytes of {names} are missing or damaged; making them again\n"));
                tracker.end(&told, &summary, None);
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
    if !json {
        search.iter().flat_map(super::sweep::standing).for_each(|line| output::print(&format!("{line}\n")));
    }
    let left = if is_cached {
        let trials = search.as_ref().map(Search::results).unwrap_or_default();
        tracker.cached(&told, &summary, store, (folder.as_deref(), &trials))
    } else {
        tracker.end(&told, &summary, folder.as_deref())
    };
    tracker.warnings().iter().for_each(|warning| output::complain(&format!("warning: {warning}\n")));
    if let Some(left) = left.filter(|left| *left > 0) {
        let messages = output::count(left, "message waits", "messages wait");
        output::complain(&format!(
            "note: {messages} for the tracking server; the next run or `pipe track sync` delivers\n"
        ));
    }
    if json {
        let mut answer = serde_json::to_value(summary.end).expect("counts are plain data");
        answer["run"] = summary.run.0.into();
        answer["report"] = json!(folder);
        output::json_line(&answer);
    }
    let unfinished = search.as_ref().filter(|search| !search.is_elsewhere()).and_then(unfinished);
    if let Some(words) = unfinished.filter(|_| !summary.end.interrupted) {
        output::complain(&format!("{words}\n"));
    }
    Ok(match summary.end {
        end if end.interrupted => ExitCode::from(130),
        // Whatever the stages say: there is no room for what they write.
        end if end.failed > 0 && store.disk_is_full() => ExitCode::from(3),
        end if end.failed + end.skipped > 0 => ExitCode::from(1),
        _ if unfinished.is_some() => ExitCode::from(1),
        _ => ExitCode::SUCCESS,
    })
}

/// What is wrong with a search that no process works on any more.
fn unfinished(search: &Search<'_>) -> Option<&'static str> {
    if !search.is_over() {
        return Some("the search is not finished");
    }
    let has_best = search.standings().all(|(_, standing)| standing.study.best(standing.trials).is_some());
    let is_failed = |trial: &pipe_sweep::Trial| trial.state == pipe_sweep::State::Failed;
    let has_failed = search.standings().any(|(_, standing)| standing.trials.iter().any(is_failed));
    (!has_best).then_some(match has_failed {
        true => "no trial of the search has come to a value; `pipe sweep trials` says why, `--retry-failed` tries them again",
        false => "all trials of the search were pruned, and none has come to a value; a pruner that waits longer lets some go on",
    })
}

/// The experiment with the best settings that a search has found, where nothing is left to be tried.
fn found(session: &Session, search: &Search<'static>) -> Result<Option<Known>, Failure> {
    if !search.is_over() {
        return Ok(None);
    }
    let Some(best) = search.best()? else { return Ok(None) };
    Ok(Some(session.plain(best, session.store()?, Choice::default(), &[])?))
}

/// Stages whose results cannot be read, ready to be made again.
fn lost(plan: &Plan, records: &[Option<Arc<Record>>], store: &Store) -> Result<Vec<Pattern>, Failure> {
    let mut lost = Vec::new();
    for (node, record) in plan.nodes.iter().zip(records) {
        let outputs = record.iter().flat_map(|record| &record.outputs);
        let damaged: Vec<_> = outputs.filter(|output| !store.verify(&output.object)).collect();
        for output in &damaged {
            store.remove_damaged(&output.object)?;
        }
        if !damaged.is_empty() {
            lost.push(node.id.parse()?);
        }
    }
    Ok(lost)
}
