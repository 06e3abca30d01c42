//! `pipe plan`: what a run would do, and why. Runs nothing.

use pipe_engine::{Plan, Reason, Verdict};
use serde::Serialize;

use crate::{
    args::{Chosen, Format},
    failure::Failure,
    output,
    session::{Known, Session},
};

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
        }
    };
    verdicts.iter().enumerate().map(line).collect()
}

pub(crate) fn plan(session: &Session, chosen: &Chosen) -> Result<(), Failure> {
    let Known { planned, freshness, .. } = session.known(chosen, &[])?;
    let lines = lines(&planned.plan, &freshness.verdicts);
    if chosen.format == Format::Json {
        output::json(&serde_json::json!({ "experiment": planned.plan.experiment, "stages": lines }));
        return Ok(());
    }
    let count = |verdict| lines.iter().filter(|line| line.verdict == verdict).count();
    let head = [
        ("stage", output::Align::Left),
        ("kind", output::Align::Left),
        ("", output::Align::Left),
        ("why", output::Align::Left),
    ];
    let rows: Vec<_> = lines
        .iter()
        .map(|line| {
            let verdict = if line.verdict == "unknown" { "perhaps" } else { line.verdict };
            vec![line.stage.clone(), line.kind.to_owned(), verdict.to_owned(), line.words.join("; ")]
        })
        .collect();
    output::print(&output::columns(&head, &rows));
    let (cached, run, unknown) = (count("cached"), count("run"), count("unknown"));
    output::print(&format!(
        "{} stages: {cached} cached, {run} would run, {unknown} perhaps (an equal input makes them cached)\n",
        lines.len()
    ));
    Ok(())
}
