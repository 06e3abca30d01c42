//! `pipe why`: why a stage would run, or since when it is cached.

use pipe_engine::{Reason, Verdict};
use serde_json::{Value as Json, json};

use crate::{
    args::{Format, Why},
    failure::Failure,
    output,
    session::{Known, Session},
};

pub(crate) fn why(session: &Session, why: &Why) -> Result<(), Failure> {
    let known = session.known(&why.chosen, &[])?;
    let nodes = known.planned.named(&why.stage)?;
    let answers: Vec<_> = nodes.into_iter().map(|node| answer(&known, node)).collect();
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
            let words: Vec<_> = why.iter().map(ToString::to_string).collect();
            let text = format!("{id} would run\n{}", listed(&words));
            let json = json!({ "stage": id, "verdict": "run", "fingerprint": fingerprint.to_string(), "why": why, "words": words });
            Answer { text, json }
        }
        Verdict::Unknown { why } => {
            let roots = roots(known, node);
            let mut words: Vec<_> = why.iter().map(ToString::to_string).collect();
            let text = format!(
                "{id} runs if what it takes comes out different\n{}{}",
                listed(&words),
                roots.iter().map(|(id, why)| format!("  {id} would run: {why}\n")).collect::<String>()
            );
            words.extend(roots.iter().map(|(id, why)| format!("{id} would run: {why}")));
            let json = json!({ "stage": id, "verdict": "unknown", "why": why, "words": words });
            Answer { text, json }
        }
    }
}

fn listed(words: &[String]) -> String {
    words.iter().map(|word| format!("  - {word}\n")).collect()
}

/// The stages upstream that are known to run, with their reasons.
fn roots(known: &Known, node: usize) -> Vec<(String, String)> {
    let plan = &known.planned.plan;
    let mut above = vec![false; plan.nodes.len()];
    above[node] = true;
    // Every node stands after all it takes from.
    for at in (0..=node).rev() {
        if above[at] {
            plan.upstream(at).for_each(|from| above[from] = true);
        }
    }
    let miss = |at: usize| match &known.freshness.verdicts[at] {
        Verdict::Miss { why, .. } if above[at] => {
            let words: Vec<_> = why.iter().map(Reason::to_string).collect();
            Some((plan.nodes[at].id.clone(), words.join("; ")))
        }
        _ => None,
    };
    (0..node).filter_map(miss).collect()
}
