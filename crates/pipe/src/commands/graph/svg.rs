//! The graph as a drawing of its own: no script, no font and no file beside it.
//!
//! Does not place anything; `layout` does.

use std::collections::BTreeMap;

use super::{
    layout::{ENTRIES, Laid, Sizes, Wire, layout},
    palette::{self, GREY, INK, Paint},
    picture::{Arrow, Drawn, Picture, shortened},
};
use crate::commands::state::State;

/// Every character of a fixed-width font is so wide, in its size: sizes are known without measuring.
const ADVANCE: f64 = 0.602;
const NAME: f64 = 12.0;
const SMALL: f64 = 10.0;
/// Longest name on a box, and longest label on an arrow; the whole names are tooltips.
const LONGEST: usize = 36;
const LONGEST_LABEL: usize = 26;
const MARGIN: f64 = 24.0;
/// Title and legend.
const HEAD: f64 = 58.0;

pub(super) fn svg(picture: &Picture) -> String {
    let labels = labels(picture);
    let mut entering = vec![0_usize; picture.stages.len()];
    picture.arrows.iter().for_each(|arrow| entering[arrow.to] += 1);
    let depths = picture.depths();
    let mut widest: BTreeMap<usize, f64> = BTreeMap::new();
    for (stage, depth) in picture.stages.iter().zip(&depths) {
        let own = wide(&shortened(&stage.id, LONGEST), NAME).max(wide(&small(stage), SMALL)) + 24.0;
        let column = widest.entry(*depth).or_insert(110.0);
        *column = column.max(own);
    }
    let height = |stage: usize| 40.0_f64.max(16.0 * entering[stage].min(ENTRIES) as f64 + 8.0);
    let sizes = Sizes {
        boxes: depths.iter().enumerate().map(|(stage, depth)| (widest[depth], height(stage))).collect(),
        labels: labels.iter().map(|label| label.as_ref().map_or(16.0, |label| wide(label, SMALL) + 18.0)).collect(),
    };
    let pairs: Vec<_> = picture.arrows.iter().map(|arrow| (arrow.from, arrow.to)).collect();
    let laid = layout(&depths, &pairs, &sizes);
    let mut lines = Vec::new();
    let width = head(picture, &mut lines).max(laid.width) + 2.0 * MARGIN;
    let height = laid.height + HEAD + 2.0 * MARGIN;
    lines.push(format!("<g transform=\"translate({MARGIN} {})\">", MARGIN + HEAD));
    laid.wires.iter().for_each(|wire| lines.push(self::wire(wire, picture)));
    for Wire { to, arrow, .. } in &laid.wires {
        if let Some(label) = arrow.and_then(|arrow| labels[arrow].as_ref()) {
            let (x, y) = (to.0 - 9.0, to.1 - 3.0);
            lines.push(format!("<text class=\"label\" x=\"{x:.1}\" y=\"{y:.1}\">{}</text>", escaped(label)));
        }
    }
    boxes(picture, &laid, &sizes, &mut lines);
    lines.push("</g>\n</svg>\n".to_owned());
    let title = escaped(&picture.experiment);
    let opening = format!(
        "<svg class=\"stages\" xmlns=\"http://www.w3.org/2000/svg\" width=\"{width:.0}\" height=\"{height:.0}\" viewBox=\"0 0 {width:.0} {height:.0}\" role=\"img\" aria-label=\"stages of {title}\">\n\
         <style>\n\
         .stages text {{ font-family: ui-monospace, 'SFMono-Regular', Menlo, Consolas, 'DejaVu Sans Mono', 'Liberation Mono', monospace; font-size: {SMALL}px; fill: {GREY}; }}\n\
         .stages .title {{ font-size: 15px; font-weight: 600; fill: {INK}; }}\n\
         .stages .name {{ font-size: {NAME}px; fill: {INK}; }}\n\
         .stages .label {{ text-anchor: end; stroke: #ffffff; stroke-width: 3px; paint-order: stroke; }}\n\
         .stages .wire {{ fill: none; stroke: #98a1ab; stroke-width: 1.2px; }}\n\
         .stages .order {{ stroke-dasharray: 4 3; }}\n\
         </style>\n\
         <defs><marker id=\"head\" viewBox=\"0 0 8 8\" refX=\"8\" refY=\"4\" markerWidth=\"7\" markerHeight=\"7\" orient=\"auto\"><path d=\"M0 0.8 8 4 0 7.2z\" fill=\"#6f7983\"/></marker></defs>\n\
         <rect width=\"100%\" height=\"100%\" fill=\"#ffffff\"/>\n"
    );
    opening + &lines.join("\n")
}

/// Title and legend; gives their width.
fn head(picture: &Picture, lines: &mut Vec<String>) -> f64 {
    let number = picture.stages.len();
    let title = format!("{}: {number} stage{}", shortened(&picture.experiment, 80), if number == 1 { "" } else { "s" });
    lines.push(format!("<text class=\"title\" x=\"{MARGIN}\" y=\"{}\">{}</text>", MARGIN + 14.0, escaped(&title)));
    let (mut x, y) = (MARGIN, MARGIN + 30.0);
    for (state, count) in picture.counts() {
        let words = format!("{}: {count}", state.words());
        lines.push(format!(
            "<rect x=\"{x:.1}\" y=\"{y}\" width=\"14\" height=\"14\" rx=\"3\" {}/>",
            painted(Some(state))
        ));
        lines.push(format!("<text x=\"{:.1}\" y=\"{}\">{words}</text>", x + 20.0, y + 10.5));
        x += 20.0 + wide(&words, SMALL) + 24.0;
    }
    x.max(wide(&title, 15.0)) - MARGIN
}

fn boxes(picture: &Picture, laid: &Laid, sizes: &Sizes, lines: &mut Vec<String>) {
    for ((stage, (x, y)), (width, height)) in picture.stages.iter().zip(&laid.boxes).zip(&sizes.boxes) {
        let (middle, name) = (y + height / 2.0, escaped(&shortened(&stage.id, LONGEST)));
        lines.push(format!(
            "<g><title>{}</title><rect x=\"{x:.1}\" y=\"{y:.1}\" width=\"{width:.1}\" height=\"{height:.1}\" rx=\"6\" {}/>\
             <text class=\"name\" x=\"{:.1}\" y=\"{:.1}\">{name}</text><text x=\"{:.1}\" y=\"{:.1}\">{}</text></g>",
            escaped(&stage.id),
            painted(stage.state),
            x + 12.0,
            middle - 3.0,
            x + 12.0,
            middle + 12.0,
            escaped(&small(stage)),
        ));
    }
}

/// The small print of a box.
fn small(stage: &Drawn) -> String {
    let state = stage.state.map(|state| format!(" · {}", state.words())).unwrap_or_default();
    format!("{}{state}", shortened(&stage.kind, LONGEST))
}

/// What stands on each arrow.
fn labels(picture: &Picture) -> Vec<Option<String>> {
    let mut entering: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
    for (index, arrow) in picture.arrows.iter().enumerate() {
        entering.entry(arrow.to).or_default().push(index);
    }
    let mut labels = vec![None; picture.arrows.len()];
    for arrows in entering.into_values() {
        let own = |arrow: usize| Some(picture.arrows[arrow].label()).filter(|label| !label.is_empty());
        if arrows.len() <= ENTRIES {
            for arrow in arrows {
                labels[arrow] = own(arrow).map(|label| shortened(&label, LONGEST_LABEL));
            }
            continue;
        }
        // They enter at one place, with one label for all.
        let mut alike: BTreeMap<String, usize> = BTreeMap::new();
        arrows.iter().filter_map(|arrow| own(*arrow)).for_each(|label| *alike.entry(label).or_default() += 1);
        let words: Vec<_> = alike.iter().map(|(label, number)| format!("{label} x{number}")).collect();
        labels[arrows[0]] = Some(shortened(&words.join(", "), LONGEST_LABEL)).filter(|label| !label.is_empty());
    }
    labels
}

fn wire(Wire { from, bend, to, arrow }: &Wire, picture: &Picture) -> String {
    let half = f64::midpoint(from.0, bend.0);
    let is_order = arrow.is_some_and(|arrow| picture.arrows[arrow].outputs.is_empty());
    let class = if is_order { "wire order" } else { "wire" };
    let head = if arrow.is_some() { " marker-end=\"url(#head)\"" } else { "" };
    let title = arrow.map(|arrow| tooltip(&picture.arrows[arrow], picture)).unwrap_or_default();
    format!(
        "<path class=\"{class}\" d=\"M{:.1} {:.1}C{half:.1} {:.1} {half:.1} {:.1} {:.1} {:.1}H{:.1}\"{head}>{title}</path>",
        from.0, from.1, from.1, bend.1, bend.0, bend.1, to.0
    )
}

fn tooltip(arrow: &Arrow, picture: &Picture) -> String {
    let [from, to] = [arrow.from, arrow.to].map(|stage| escaped(&picture.stages[stage].id));
    format!("<title>{from} to {to}: {}</title>", escaped(&arrow.label()))
}

fn painted(state: Option<State>) -> String {
    let Paint { fill, stroke, is_dashed } = palette::paint(state);
    let dashed = if is_dashed { " stroke-dasharray=\"5 3\"" } else { "" };
    format!("fill=\"{fill}\" stroke=\"{stroke}\" stroke-width=\"1.4\"{dashed}")
}

/// Width of a text; letters beyond the European ones are twice as wide in such fonts.
fn wide(text: &str, size: f64) -> f64 {
    text.chars().map(|c| if u32::from(c) < 0x1100 || c == '…' { ADVANCE } else { 2.0 * ADVANCE }).sum::<f64>() * size
}

/// A text as XML has it; control characters, which XML has not, become blanks.
fn escaped(text: &str) -> String {
    let mut escaped = String::new();
    for character in text.chars() {
        match character {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            c if c.is_control() || matches!(c, '\u{fffe}' | '\u{ffff}') => escaped.push(' '),
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
    fn a_drawing_has_every_box_and_arrow() {
        let drawing = svg(&example());
        assert_eq!(drawing.matches("<g><title>").count(), 6, "{drawing}");
        assert_eq!(drawing.matches("marker-end").count(), 8);
        assert!(drawing.contains("<title>a &quot;quoted&quot; &lt;b&gt;&amp;\\ #1;`x`</title>"), "{drawing}");
        assert!(drawing.contains("failed: 1") && drawing.contains("would run: 2"), "the legend");
        assert!(!drawing.contains("href") && !drawing.contains("url(http"), "nothing is fetched");
    }

    #[test]
    fn a_box_that_gathers_many_says_so_once() {
        let mut picture = example();
        let output = |number: usize| if number == 7 { "split" } else { "model" };
        let arrows = (0..20).map(|number| Arrow { from: 3, to: 5, outputs: vec![output(number).to_owned()] });
        picture.arrows = arrows.collect();
        let said: Vec<_> = labels(&picture).into_iter().flatten().collect();
        assert_eq!(said, ["model x19, split x1"]);
    }
}
