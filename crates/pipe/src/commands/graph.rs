//! `pipe graph`: the stages and what flows between them.

use std::fmt::Write as _;

use pipe_engine::Plan;
use serde_json::json;

use crate::{
    args::{Format, Graph},
    failure::Failure,
    output,
    session::Session,
};

pub(crate) fn graph(session: &Session, graph: &Graph) -> Result<(), Failure> {
    let plan = session.planned(&graph.chosen)?.plan;
    if graph.dot {
        output::print(&dot(&plan));
    } else if graph.chosen.format == Format::Json {
        let nodes: Vec<_> = plan
            .nodes
            .iter()
            .map(|node| json!({ "stage": node.id, "kind": node.kind.name, "axes": node.axes }))
            .collect();
        let edges: Vec<_> = edges(&plan)
            .map(|(from, to, artifact)| json!({ "from": plan.nodes[from].id, "to": plan.nodes[to].id, "output": artifact }))
            .collect();
        output::json(&json!({ "stages": nodes, "edges": edges }));
    } else {
        output::print(&list(&plan));
    }
    Ok(())
}

/// Every artifact that flows, then every mere order.
fn edges(plan: &Plan) -> impl Iterator<Item = (usize, usize, Option<&str>)> {
    plan.nodes.iter().enumerate().flat_map(|(to, node)| {
        let feeds = node.feeds.iter().map(move |feed| (feed.from, to, Some(feed.output.as_str())));
        feeds.chain(node.after.iter().map(move |from| (*from, to, None)))
    })
}

fn list(plan: &Plan) -> String {
    let mut text = String::new();
    for node in &plan.nodes {
        let outputs: Vec<_> = node.outputs.iter().map(|output| output.name.as_str()).collect();
        writeln!(text, "{} ({}) makes {}", node.id, node.kind.name, outputs.join(", ")).expect("writing to a text");
        for feed in &node.feeds {
            writeln!(text, "  <- {}.{}", plan.nodes[feed.from].id, feed.output).expect("writing to a text");
        }
        for from in &node.after {
            writeln!(text, "  after {}", plan.nodes[*from].id).expect("writing to a text");
        }
    }
    text
}

fn dot(plan: &Plan) -> String {
    let quoted = |text: &str| format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""));
    let mut text = String::from("digraph experiment {\n  rankdir=LR;\n  node [shape=box];\n");
    for node in &plan.nodes {
        writeln!(text, "  {};", quoted(&node.id)).expect("writing to a text");
    }
    for (from, to, artifact) in edges(plan) {
        let (from, to) = (quoted(&plan.nodes[from].id), quoted(&plan.nodes[to].id));
        let label = artifact.map(|name| format!(" [label={}]", quoted(name))).unwrap_or_default();
        writeln!(text, "  {from} -> {to}{label};").expect("writing to a text");
    }
    text.push_str("}\n");
    text
}
