//! `pipe plan`: what a run would do, why, and for about how long. Runs nothing.

use std::thread;

use pipe_engine::{Cards, Freshness, Plan, Reason, Verdict};
use pipe_spec::{Bytes, Device, Resources};
use pipe_stages::memory;
use pipe_sweep::Search;
use serde::Serialize;

use super::estimate::Estimate;
use crate::{
    args::{self, Format},
    backends::backends,
    failure::Failure,
    output,
    search::Searching,
    session::{Known, Session, records},
};

/// The column of memory.
const MEMORY: usize = 4;

/// A planned stage as it is printed, and written beside a run's events.
#[derive(Serialize)]
pub(crate) struct Line {
    pub stage: String,
    pub kind: &'static str,
    /// `cached`, `run`, or `unknown` where that depends on what runs before.
    pub verdict: &'static str,
    pub fingerprint: Option<String>,
    pub needs: Vec<String>,
    pub why: Vec<Reason>,
    /// The same reasons in words.
    pub words: Vec<String>,
    /// How long it may take; none where it is cached, has no history, or was not asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub estimate_seconds: Option<f64>,
    /// Bytes of memory it may take; none where it is no training, is cached, or its recipe does not tell.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub estimate_memory: Option<u64>,
}

/// All planned stages, in the order in which they can run.
pub(crate) fn lines(plan: &Plan, verdicts: &[Verdict]) -> Vec<Line> {
    let line = |(node, verdict): (usize, &Verdict)| {
        let planned = &plan.nodes[node];
        let (verdict, fingerprint, why) = match verdict {
            Verdict::Hit(record) => ("cached", Some(record.fingerprint), Vec::new()),
            Verdict::Miss { fingerprint, why } => ("run", Some(*fingerprint), why.clone()),
            Verdict::Unknown { why } => ("unknown", None, why.clone()),
        };
        let mut needs: Vec<_> = plan.upstream(node).collect();
        needs.sort_unstable();
        needs.dedup();
        Line {
            stage: planned.id.clone(),
            kind: planned.kind.name,
            verdict,
            fingerprint: fingerprint.map(|digest| digest.to_string()),
            needs: needs.into_iter().map(|from| plan.nodes[from].id.clone()).collect(),
            words: why.iter().map(ToString::to_string).collect(),
            why,
            estimate_seconds: None,
            estimate_memory: None,
        }
    };
    verdicts.iter().enumerate().map(line).collect()
}

/// What keeps this machine from running what asks for GPUs; the driver is slow to answer, so it is not asked for nothing.
fn obstacles(plan: &Plan, freshness: &Freshness) -> Vec<String> {
    let asks = |resources: &Resources| {
        let Resources { device, gpu, gpu_memory, .. } = resources;
        matches!(device, Device::Cuda(_) | Device::Wgpu) || gpu.is_some() || gpu_memory.is_some()
    };
    if !plan.nodes.iter().any(|node| asks(&node.resources)) {
        return Vec::new();
    }
    match Cards::of_machine(None) {
        Ok(cards) => pipe_engine::obstacles(plan, freshness, &cards, &backends(&cards).0),
        Err(no_card) => vec![no_card.to_string()],
    }
}

pub(crate) fn plan(session: &Session, asked: &args::Plan) -> Result<(), Failure> {
    let chosen = &asked.chosen;
    let Known { planned, freshness, store, search, .. } =
        session.known_part(chosen, asked.part.choice()?, &[], Searching { is_plan: true, ..Searching::default() })?;
    let timings = store.timings(&planned.plan.experiment)?;
    let jobs = thread::available_parallelism().map_or(1, usize::from);
    let estimate = Estimate::new(&planned.plan, &freshness.verdicts, &timings, jobs);
    let mut lines = lines(&planned.plan, &freshness.verdicts);
    lines.iter_mut().zip(&estimate.stages).for_each(|(line, seconds)| line.estimate_seconds = *seconds);
    let plan = &planned.plan;
    let runs = |node: usize| !matches!(freshness.verdicts[node], Verdict::Hit(_));
    lines.iter_mut().zip(memory(plan, runs)).for_each(|(line, bytes)| line.estimate_memory = bytes);
    let open: Vec<_> = plan
        .open
        .iter()
        .map(|open| serde_json::json!({ "stage": open.id, "list": open.output, "made_by": open.maker }))
        .collect();
    let marks = pipe_engine::marks(plan, &records(&freshness.verdicts), &store)?;
    let obstacles = obstacles(plan, &freshness);
    let shortages = pipe_engine::shortages(plan, &freshness, jobs, pipe_engine::machine_memory());
    if chosen.format == Format::Json {
        output::json(&serde_json::json!({
            "experiment": planned.plan.experiment,
            "stages": lines,
            "estimate_seconds": estimate.seconds,
            "estimate_wall_seconds": estimate.wall_seconds,
            "jobs": estimate.jobs,
            "without_history": estimate.without_history,
            "open": open,
            "marks": marks,
            "notes": planned.notes,
            "obstacles": obstacles,
            "shortages": shortages,
        }));
        return Ok(());
    }
    let count = |verdict| lines.iter().filter(|line| line.verdict == verdict).count();
    let head = [
        ("stage", output::Align::Left),
        ("kind", output::Align::Left),
        ("", output::Align::Left),
        ("about", output::Align::Right),
        ("memory", output::Align::Right),
        ("why", output::Align::Left),
    ];
    let mut rows: Vec<Vec<String>> = lines
        .iter()
        .map(|line| {
            let verdict = if line.verdict == "unknown" { "perhaps" } else { line.verdict };
            let about = line.estimate_seconds.map(output::seconds).unwrap_or_default();
            let memory = line.estimate_memory.map(|bytes| format!("about {}", Bytes::new(bytes))).unwrap_or_default();
            vec![line.stage.clone(), line.kind.to_owned(), verdict.to_owned(), about, memory, line.words.join("; ")]
        })
        .collect();
    // A column for trainings alone.
    let mut head = head.to_vec();
    if lines.iter().all(|line| line.estimate_memory.is_none()) {
        head.remove(MEMORY);
        rows.iter_mut().for_each(|row| drop(row.remove(MEMORY)));
    }
    output::print(&output::columns(&head, &rows));
    for mark in &marks {
        output::print(&format!("note: {mark}\n"));
    }
    for line in search.iter().flat_map(super::sweep::standing) {
        output::print(&format!("note: {line}\n"));
    }
    if search.as_ref().is_some_and(Search::has_more) {
        output::print("note: trials after these follow from what they come to\n");
    }
    for note in &planned.notes {
        output::print(&format!("note: {note}\n"));
    }
    for obstacle in &obstacles {
        output::print(&format!("note: cannot run on this machine: {obstacle}\n"));
    }
    for shortage in &shortages {
        output::print(&format!("note: {shortage}\n"));
    }
    for open in &plan.open {
        output::print(&format!("{}: known when {} has made its list `{}`\n", open.id, open.maker, open.output));
    }
    let (cached, run, unknown) = (count("cached"), count("run"), count("unknown"));
    output::print(&format!(
        "{} stages: {cached} cached, {run} would run, {unknown} perhaps (an equal input makes them cached)\n{}",
        lines.len(),
        estimate.words(),
    ));
    Ok(())
}
