//! The graph as a Mermaid flow chart, for Markdown pages.
//!
//! Does not lay anything out; Mermaid does.

use super::{
    palette::{self, INK, Paint},
    picture::{Picture, shortened},
};
use crate::commands::state::State;

/// Longest name on a box.
const LONGEST: usize = 48;
/// Arrows that Mermaid draws before it asks for another `maxEdges`, which no chart may set itself.
const MOST_ARROWS: usize = 500;

pub(super) fn mermaid(picture: &Picture) -> String {
    let mut lines = vec!["flowchart LR".to_owned()];
    if picture.arrows.len() > MOST_ARROWS {
        lines.insert(0, format!("%% {} arrows: the page that shows this must raise `maxEdges`", picture.arrows.len()));
    }
    for (index, stage) in picture.stages.iter().enumerate() {
        let state = stage.state.map(|state| format!(", {}", state.words())).unwrap_or_default();
        let (id, kind) = (escaped(&shortened(&stage.id, LONGEST)), escaped(&stage.kind));
        lines.push(format!("  n{index}[\"{id}<br/>{kind}{state}\"]:::{}", class(stage.state)));
    }
    for arrow in &picture.arrows {
        lines.push(if arrow.outputs.is_empty() {
            format!("  n{} -.-> n{}", arrow.from, arrow.to)
        } else {
            format!("  n{} -->|\"{}\"| n{}", arrow.from, escaped(&arrow.label()), arrow.to)
        });
    }
    let counts = picture.counts();
    if !counts.is_empty() {
        lines.push("  subgraph legend[\"states\"]".to_owned());
        for (index, (state, count)) in counts.iter().enumerate() {
            lines.push(format!("    legend{index}[\"{}: {count}\"]:::{}", state.words(), class(Some(*state))));
        }
        lines.push("  end".to_owned());
    }
    let states: Vec<_> =
        if counts.is_empty() { vec![None] } else { counts.iter().map(|(state, _)| Some(*state)).collect() };
    for state in states {
        let Paint { fill, stroke, is_dashed } = palette::paint(state);
        let dashed = if is_dashed { ",stroke-dasharray:5 3" } else { "" };
        lines.push(format!("  classDef {} fill:{fill},stroke:{stroke},color:{INK}{dashed}", class(state)));
    }
    lines.push(String::new());
    lines.join("\n")
}

/// A class name that is no word of Mermaid's own.
fn class(state: Option<State>) -> String {
    format!("state_{}", state.map_or("unknown", State::words).replace(' ', "_"))
}

/// A text within quotes: Mermaid knows no backslash escapes, but entities, which begin with `#`.
fn escaped(text: &str) -> String {
    let mut escaped = String::new();
    for character in text.chars() {
        match character {
            '"' => escaped.push_str("#quot;"),
            '&' => escaped.push_str("#amp;"),
            '<' => escaped.push_str("#lt;"),
            '>' => escaped.push_str("#gt;"),
            // Backticks begin Markdown, `#` an entity, and `\n` would be a line break.
            '#' | '`' | '\\' | '*' | '_' => escaped.push_str(&format!("#{};", u32::from(character))),
            c if c.is_control() => escaped.push(' '),
            c => escaped.push(c),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::commands::graph::picture::example;

    #[test]
    fn names_are_escaped() {
        insta::assert_snapshot!(mermaid(&example()), @r#"
        flowchart LR
          n0["prepare<br/>prepare, cached"]:::state_cached
          n1["a #quot;quoted#quot; #lt;b#gt;#amp;#92; #35;1;#96;x#96;<br/>command, failed"]:::state_failed
          n2["train[fold=0]<br/>train, running"]:::state_running
          n3["train[fold=1]<br/>train, would run"]:::state_would_run
          n4["train[fold=2]<br/>train, would run"]:::state_would_run
          n5["sum<br/>command, perhaps"]:::state_perhaps
          n0 -->|"data #quot;set#quot;, a|b"| n1
          n0 -->|"dataset"| n2
          n0 -->|"dataset"| n3
          n0 -->|"dataset"| n4
          n1 -.-> n5
          n2 -->|"model"| n5
          n3 -->|"model"| n5
          n4 -->|"model"| n5
          subgraph legend["states"]
            legend0["cached: 1"]:::state_cached
            legend1["would run: 2"]:::state_would_run
            legend2["perhaps: 1"]:::state_perhaps
            legend3["failed: 1"]:::state_failed
            legend4["running: 1"]:::state_running
          end
          classDef state_cached fill:#d8f0e4,stroke:#1d7a52,color:#1b1f24
          classDef state_would_run fill:#d9e8fc,stroke:#1f5fb4,color:#1b1f24
          classDef state_perhaps fill:#fdf3d3,stroke:#a07400,color:#1b1f24,stroke-dasharray:5 3
          classDef state_failed fill:#fbdcd9,stroke:#b3261e,color:#1b1f24
          classDef state_running fill:#e7dcfa,stroke:#6b3fb0,color:#1b1f24
        "#);
    }
}
