//! The graph in Graphviz DOT.
//!
//! Does not lay anything out; Graphviz does.

use super::{
    palette::{self, GREY, INK, Paint},
    picture::{Picture, shortened},
};
use crate::commands::state::State;

/// Longest name on a box; the whole one is its tooltip.
const LONGEST: usize = 48;

pub(super) fn dot(picture: &Picture) -> String {
    let mut lines = vec![
        format!("digraph {} {{", quoted(&picture.experiment)),
        "  rankdir=LR;".to_owned(),
        format!(
            "  node [shape=box, style=\"filled,rounded\", fontname=\"Helvetica,Arial,sans-serif\", fontsize=11, fontcolor=\"{INK}\"];"
        ),
        format!(
            "  edge [fontname=\"Helvetica,Arial,sans-serif\", fontsize=9, color=\"{GREY}\", fontcolor=\"{GREY}\"];"
        ),
    ];
    for (index, stage) in picture.stages.iter().enumerate() {
        let state = stage.state.map(|state| format!(", {}", state.words())).unwrap_or_default();
        let label = format!("{}\n{}{state}", shortened(&stage.id, LONGEST), stage.kind);
        lines.push(format!(
            "  n{index} [label={}, tooltip={}, {}];",
            quoted(&label),
            quoted(&stage.id),
            coloured(stage.state)
        ));
    }
    for arrow in &picture.arrows {
        let how = if arrow.outputs.is_empty() {
            " [style=dashed]".to_owned()
        } else {
            format!(" [label={}]", quoted(&arrow.label()))
        };
        lines.push(format!("  n{} -> n{}{how};", arrow.from, arrow.to));
    }
    let counts = picture.counts();
    if !counts.is_empty() {
        lines.push("  subgraph cluster_legend {".to_owned());
        lines.push(format!(
            "    label=\"states\"; fontname=\"Helvetica,Arial,sans-serif\"; fontsize=10; color=\"{GREY}\";"
        ));
        for (index, (state, count)) in counts.iter().enumerate() {
            let label = quoted(&format!("{}: {count}", state.words()));
            lines.push(format!("    legend{index} [label={label}, {}];", coloured(Some(*state))));
        }
        lines.push("  }".to_owned());
    }
    lines.push("}\n".to_owned());
    lines.join("\n")
}

/// The attributes of a state; its class is for style sheets of what Graphviz makes of this.
fn coloured(state: Option<State>) -> String {
    let Paint { fill, stroke, is_dashed } = palette::paint(state);
    let class = state.map_or("unknown", State::words).replace(' ', "_");
    let dashed = if is_dashed { ", style=\"filled,rounded,dashed\"" } else { "" };
    format!("class=\"{class}\", fillcolor=\"{fill}\", color=\"{stroke}\"{dashed}")
}

/// A text as DOT has it: a backslash would begin an escape such as `\N`, the name of the node.
fn quoted(text: &str) -> String {
    let escaped = text.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n");
    format!("\"{}\"", escaped.replace(|c: char| c.is_control(), " "))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::commands::graph::picture::example;

    #[test]
    fn names_are_quoted() {
        insta::assert_snapshot!(dot(&example()), @r##"
        digraph "odd \"names\"" {
          rankdir=LR;
          node [shape=box, style="filled,rounded", fontname="Helvetica,Arial,sans-serif", fontsize=11, fontcolor="#1b1f24"];
          edge [fontname="Helvetica,Arial,sans-serif", fontsize=9, color="#5c6570", fontcolor="#5c6570"];
          n0 [label="prepare\nprepare, cached", tooltip="prepare", class="cached", fillcolor="#d8f0e4", color="#1d7a52"];
          n1 [label="a \"quoted\" <b>&\\ #1;`x`\ncommand, failed", tooltip="a \"quoted\" <b>&\\ #1;`x`", class="failed", fillcolor="#fbdcd9", color="#b3261e"];
          n2 [label="train[fold=0]\ntrain, running", tooltip="train[fold=0]", class="running", fillcolor="#e7dcfa", color="#6b3fb0"];
          n3 [label="train[fold=1]\ntrain, would run", tooltip="train[fold=1]", class="would_run", fillcolor="#d9e8fc", color="#1f5fb4"];
          n4 [label="train[fold=2]\ntrain, would run", tooltip="train[fold=2]", class="would_run", fillcolor="#d9e8fc", color="#1f5fb4"];
          n5 [label="sum\ncommand, perhaps", tooltip="sum", class="perhaps", fillcolor="#fdf3d3", color="#a07400", style="filled,rounded,dashed"];
          n0 -> n1 [label="data \"set\", a|b"];
          n0 -> n2 [label="dataset"];
          n0 -> n3 [label="dataset"];
          n0 -> n4 [label="dataset"];
          n1 -> n5 [style=dashed];
          n2 -> n5 [label="model"];
          n3 -> n5 [label="model"];
          n4 -> n5 [label="model"];
          subgraph cluster_legend {
            label="states"; fontname="Helvetica,Arial,sans-serif"; fontsize=10; color="#5c6570";
            legend0 [label="cached: 1", class="cached", fillcolor="#d8f0e4", color="#1d7a52"];
            legend1 [label="would run: 2", class="would_run", fillcolor="#d9e8fc", color="#1f5fb4"];
            legend2 [label="perhaps: 1", class="perhaps", fillcolor="#fdf3d3", color="#a07400", style="filled,rounded,dashed"];
            legend3 [label="failed: 1", class="failed", fillcolor="#fbdcd9", color="#b3261e"];
            legend4 [label="running: 1", class="running", fillcolor="#e7dcfa", color="#6b3fb0"];
          }
        }
        "##);
    }
}
