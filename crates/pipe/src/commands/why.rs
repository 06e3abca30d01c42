//! `pipe why`: why a stage would run, with the line of each changed value, or since when it is cached.

use pipe_engine::Verdict;
use serde_json::{Value as Json, json};

use super::{
    reasons::{Explained, explained, listed},
    waiting::waiting,
};
use crate::{
    args::{Format, Why},
    failure::Failure,
    output,
    session::{Known, Session},
};

/// Stages upstream whose reasons are shown; a stage that gathers may have thousands.
const SHOWN: usize = 10;

pub(crate) fn why(session: &Session, why: &Why) -> Result<(), Failure> {
    if why.waiting {
        return waiting(session, why);
    }
    let known = session.known(&why.chosen)?;
    let nodes = known.planned.named(&why.stage)?;
    let mut answers: Vec<_> = nodes.iter().map(|node| answer(&known, *node)).collect();
    let marks = pipe_engine::marks(&known.planned.plan, &known.records(), &known.store)?;
    for (answer, node) in answers.iter_mut().zip(nodes) {
        let id = &known.planned.plan.nodes[node].id;
        if let Some(mark) = marks.iter().find(|mark| mark.stage == *id) {
            answer.text.push_str(&format!("  note     {mark}\n"));
            answer.json["mark"] = json!(mark);
        }
    }
    if why.chosen.format == Format::Json {
        let stages: Vec<_> = answers.iter().map(|answer| &answer.json).collect();
        output::json(&json!({ "stages": stages }));
    } else {
        answers.iter().for_each(|answer| output::print(&answer.text));
    }
    Ok(())
}

struct Answer {
    text: String,
    json: Json,
}

fn answer(known: &Known, node: usize) -> Answer {
    let plan = &known.planned.plan;
    let id = &plan.nodes[node].id;
    match &known.freshness.verdicts[node] {
        Verdict::Hit(record) => {
            let made = &record.made;
            let commit = made.commit.as_deref().unwrap_or("none");
            let text = format!(
                "{id} is cached\n  recipe   {}\n  made     {} by run {}, attempt {}, in {} on {}\n  commit   {commit}\n",
                record.fingerprint,
                made.at,
                made.run,
                made.attempt,
                output::seconds(made.seconds),
                made.device,
            );
            let json = json!({ "stage": id, "verdict": "cached", "fingerprint": record.fingerprint.to_string(), "made": made, "why": [] });
            Answer { text, json }
        }
        Verdict::Miss { fingerprint, why } => {
            let reasons = explained(known, node);
            let words: Vec<_> = why.iter().map(ToString::to_string).collect();
            let text = format!("{id} would run\n{}", listed(&reasons, "  "));
            let json = json!({ "stage": id, "verdict": "run", "fingerprint": fingerprint.to_string(), "why": data(&reasons), "words": words });
            Answer { text, json }
        }
        Verdict::Unknown { why } => {
            let reasons = explained(known, node);
            let words: Vec<_> = why.iter().map(ToString::to_string).collect();
            let mut text = format!("{id} runs if what it takes comes out different\n{}", listed(&reasons, "  "));
            let roots = roots(known, node);
            for root in roots.iter().take(SHOWN) {
                let id = &plan.nodes[*root].id;
                text.push_str(&format!("  {id} would run\n{}", listed(&explained(known, *root), "    ")));
            }
            if roots.len() > SHOWN {
                text.push_str(&format!("  and {} more upstream would run\n", roots.len() - SHOWN));
            }
            let root = |root: &usize| json!({ "stage": plan.nodes[*root].id, "why": data(&explained(known, *root)) });
            let roots: Vec<_> = roots.iter().map(root).collect();
            let json =
                json!({ "stage": id, "verdict": "unknown", "why": data(&reasons), "words": words, "roots": roots });
            Answer { text, json }
        }
    }
}

fn data(reasons: &[Explained<'_>]) -> Vec<Json> {
    reasons.iter().map(Explained::json).collect()
}

/// The stages upstream that are known to run.
fn roots(known: &Known, node: usize) -> Vec<usize> {
    let plan = &known.planned.plan;
    let mut above = vec![false; plan.nodes.len()];
    above[node] = true;
    // Every node stands after all it takes from.
    for at in (0..=node).rev() {
        if above[at] {
            plan.upstream(at).for_each(|from| above[from] = true);
        }
    }
    let runs = |at: &usize| above[*at] && matches!(known.freshness.verdicts[*at], Verdict::Miss { .. });
    (0..node).filter(runs).collect()
}
