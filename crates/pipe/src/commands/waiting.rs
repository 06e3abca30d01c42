//! `pipe why --waiting`: what a stage of a run that goes on waits for, by what that run has told so far.
//!
//! Does not ask the run; it reads the journal that the run writes.

use std::{collections::BTreeMap, fs};

use pipe_engine::{Lack, Plan, Verdict};
use pipe_store::{LiveRun, RunId};
use serde_json::{Value as Json, json};

use crate::{
    args::{Format, Why},
    failure::Failure,
    journal::EVENTS,
    output,
    session::{Known, Session},
};

/// What a run last told of a stage.
#[derive(Clone, Debug, PartialEq)]
enum Word {
    Running { at: String },
    Lacks(Box<Lack>),
    Retries { seconds: f64, at: String },
    Ended(&'static str),
}

pub(crate) fn waiting(session: &Session, why: &Why) -> Result<(), Failure> {
    let known = session.known(&why.chosen)?;
    let plan = &known.planned.plan;
    let nodes = known.planned.named(&why.stage)?;
    let live = live_run(&known)?;
    let told = live.map(|live| told(session, live.run)).unwrap_or_default();
    let answers: Vec<_> = nodes.into_iter().map(|node| (node, words(&known, node, live.is_some(), &told))).collect();
    if why.chosen.format == Format::Json {
        let list: Vec<_> =
            answers.iter().map(|(node, words)| json!({ "stage": plan.nodes[*node].id, "waits_for": words })).collect();
        output::json(&json!({ "run": live.map(|live| live.run), "stages": list }));
        return Ok(());
    }
    for (node, words) in answers {
        output::print(&format!("{} {words}\n", plan.nodes[node].id));
    }
    Ok(())
}

/// The newest run of this experiment that goes on.
fn live_run(known: &Known) -> Result<Option<LiveRun>, Failure> {
    let mut live = known.store.live_runs()?;
    while let Some(newest) = live.pop() {
        let run = known.store.past_run(newest.run)?;
        if run.is_some_and(|run| run.experiment == known.planned.plan.experiment) {
            return Ok(Some(newest));
        }
    }
    Ok(None)
}

/// The last word of a run about each stage. A line that is being written just now is left for the next look.
fn told(session: &Session, run: RunId) -> BTreeMap<String, Word> {
    let text = fs::read_to_string(session.run_folder(run.0).join(EVENTS)).unwrap_or_default();
    let mut told = BTreeMap::new();
    for line in text.lines() {
        let Ok(line) = serde_json::from_str::<Json>(line) else { continue };
        let at = line["at"].as_str().unwrap_or_default().to_owned();
        let Some((name, event)) = line["event"].as_object().and_then(|event| event.iter().next()) else { continue };
        let Some(stage) = event["stage"].as_str() else { continue };
        let word = match name.as_str() {
            "started" => Word::Running { at },
            "waiting" => match serde_json::from_value(event["lack"].clone()) {
                Ok(lack) => Word::Lacks(Box::new(lack)),
                Err(_) => continue,
            },
            "card_lost" => Word::Retries { seconds: 0.0, at },
            "retry" => Word::Retries { seconds: event["seconds"].as_f64().unwrap_or(0.0), at },
            "cached" | "done" => Word::Ended("has its result"),
            "failed" => Word::Ended("failed"),
            "skipped" => Word::Ended("was skipped"),
            _ => continue,
        };
        told.insert(stage.to_owned(), word);
    }
    told
}

fn words(known: &Known, node: usize, goes_on: bool, told: &BTreeMap<String, Word>) -> String {
    let plan = &known.planned.plan;
    let time = |at: &str| at.get(11..19).unwrap_or(at).to_owned();
    match told.get(&plan.nodes[node].id) {
        Some(Word::Running { at }) => return format!("waits for nothing: it runs since {} UTC", time(at)),
        Some(Word::Lacks(lack)) => return format!("waits for {lack}"),
        Some(Word::Retries { seconds, at }) => {
            return format!(
                "waits for its next attempt, {} after the last one failed at {} UTC",
                output::seconds(*seconds),
                time(at)
            );
        }
        Some(Word::Ended(how)) => return format!("waits for nothing: it {how}"),
        None => {}
    }
    if !goes_on {
        return match &known.freshness.verdicts[node] {
            Verdict::Hit(_) => "waits for nothing: it is cached".to_owned(),
            _ => "waits for nobody: no run of this experiment goes on; `pipe run` would start it".to_owned(),
        };
    }
    let above = unfinished(plan, node, told);
    if !above.is_empty() {
        return format!("waits for {}", above.join(", "));
    }
    let running: Vec<_> = told.iter().filter(|(_, word)| matches!(word, Word::Running { .. })).collect();
    let names: Vec<_> = running.iter().map(|(stage, _)| stage.as_str()).collect();
    format!("waits for a free slot; {} run now: {}", names.len(), names.join(", "))
}

/// What a stage takes from and has no result yet, with what that does.
fn unfinished(plan: &Plan, node: usize, told: &BTreeMap<String, Word>) -> Vec<String> {
    let mut above: Vec<_> = plan.upstream(node).collect();
    above.sort_unstable();
    above.dedup();
    let describe = |from: usize| {
        let id = &plan.nodes[from].id;
        match told.get(id) {
            Some(Word::Ended("has its result")) => None,
            Some(Word::Running { .. }) => Some(format!("{id}, which runs")),
            Some(Word::Lacks(lack)) => Some(format!("{id}, which waits for {lack}")),
            Some(Word::Retries { .. }) => Some(format!("{id}, which is tried again soon")),
            Some(Word::Ended(how)) => Some(format!("{id}, which {how}")),
            None => Some(format!("{id}, which has not started")),
        }
    };
    above.into_iter().filter_map(describe).collect()
}
