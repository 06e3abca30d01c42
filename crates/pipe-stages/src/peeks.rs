//! What a choice by numbers may go by: which stages report any, and which see cases that a choice must not see.
//!
//! Does not know what is chosen, nor how; it follows artifacts.

use std::collections::BTreeSet;

use pipe_engine::{Plan, PlanNode};
use serde_json::Value as Json;

use crate::artifacts::{DATASET, TRAINING};

/// What a choice may not see.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Forbidden<'n> {
    /// The test cases of folds.
    Test,
    /// Anything but the inner folds of this stage: the test cases of the folds around them, and whatever holds these.
    Outside(&'n str),
}

/// Stages of a plan that see what is forbidden, in words; the plan holds what the choice depends on, and nothing else.
pub fn peeks(plan: &Plan, forbidden: Forbidden<'_>) -> Vec<String> {
    let undivided = undivided(plan);
    let mut found = Vec::new();
    for (at, node) in plan.nodes.iter().enumerate() {
        let is_program = node.kind.name == "command" && !undivided.contains(&at);
        for feed in &node.feeds {
            let from = &plan.nodes[feed.from];
            let Some(output) = from.outputs.iter().find(|output| output.name == feed.output) else { continue };
            let is_inner = from.recipe.get("inner").is_some_and(|inner| *inner != Json::Null);
            let takes = format!("`{}` takes `{}` of `{}`", node.id, feed.output, from.id);
            match (forbidden, from.kind.name) {
                (Forbidden::Test, "split") if !is_inner && output.kind != TRAINING => found.push(takes),
                (Forbidden::Outside(split), "split") if !is_inner || from.stage != split => found.push(takes),
                (Forbidden::Outside(_), _)
                    if is_program && (output.kind == DATASET || undivided.contains(&feed.from)) =>
                {
                    found.push(format!("{takes}, which holds all cases, and nobody knows what a program reads"));
                }
                _ => {}
            }
        }
        if matches!(forbidden, Forbidden::Outside(_)) && is_program && !node.externals.is_empty() {
            found.push(format!("`{}` reads files that no fold divides", node.id));
        }
    }
    found
}

/// What lies above a preparation: all cases, before anybody divides them.
fn undivided(plan: &Plan) -> BTreeSet<usize> {
    let mut found = BTreeSet::new();
    for (at, node) in plan.nodes.iter().enumerate().rev() {
        if node.kind.name == "prepare" || found.contains(&at) {
            found.extend(plan.upstream(at));
        }
    }
    found
}

/// What says which cases there are and how they are divided; none where a stage says nothing of it.
pub fn divides(node: &PlanNode) -> Option<Json> {
    match node.kind.name {
        "prepare" => Some(node.recipe.get("layout").cloned().unwrap_or_default()),
        "split" => Some((*node.recipe).clone()),
        _ => None,
    }
}

/// The numbers that a stage reports, where its kind alone tells.
pub fn reports(node: &PlanNode) -> Option<Vec<String>> {
    match node.kind.name {
        "train" => Some(crate::train::NUMBERS.map(str::to_owned).to_vec()),
        "evaluate" | "command" => None,
        _ => Some(Vec::new()),
    }
}
