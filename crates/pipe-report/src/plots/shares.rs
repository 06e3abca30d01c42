//! Shares over one axis, a line each.
//!
//! Does not know what is shared.

use super::{
    canvas::{Canvas, Role, WIDTH},
    marks::{Anchor, Grid, HEAD, Key, LINE, RIGHT, beside, head, legend, legend_height, panel, paper},
    scale::{Scale, Steps, short},
};

const HEIGHT: f64 = 160.0;

/// The picture.
pub(super) fn svg(title: &str, [low, high]: [f64; 2], lines: &[(String, Vec<f64>)]) -> String {
    let x = Scale::around([low, high].into_iter(), Steps::Linear);
    let mut sorted: Vec<f64> = lines.iter().flat_map(|(_, shares)| shares).map(|share| share * 100.0).collect();
    sorted.sort_by(f64::total_cmp);
    // Black borders would press all else to the floor: a few peaks far above the rest are cut, and say how high they are.
    let rest = sorted.len().saturating_sub(1 + sorted.len() / 24);
    let high_enough = sorted.get(rest).copied().unwrap_or(0.0) * 1.3;
    let most = sorted.last().copied().unwrap_or(0.0);
    let most = if high_enough > 0.0 && most > 3.0 * high_enough { high_enough } else { most };
    let y = Scale::around([0.0, most.max(1e-4)].into_iter(), Steps::Linear);
    let most = y.ends[1];
    let key = |(at, (name, _)): (usize, &(String, Vec<f64>))| Key { role: Role::Line(at), name: name.clone() };
    let keys: Vec<Key> = lines.iter().enumerate().map(key).collect();
    let top = legend_height(&keys) + HEAD;
    let canvas = Canvas::new(top + HEIGHT + LINE + 10.0);
    let paper = paper(&canvas);
    legend(&paper, &keys, 0.0);
    head(&paper, top, "share (%)");
    let marks = panel(&canvas, [beside(&y), top, WIDTH - RIGHT, top + HEIGHT], &x, &y, Grid::Rows);
    for (at, (_, shares)) in lines.iter().enumerate() {
        let edge = |step: usize| low + (high - low) * step as f64 / shares.len() as f64;
        let stairs = shares.iter().enumerate().flat_map(|(step, share)| {
            let height = (share * 100.0).min(most);
            [(edge(step), height), (edge(step + 1), height)]
        });
        marks.line(stairs, Role::Line(at));
        let cut = shares.iter().copied().enumerate().filter(|(_, share)| share * 100.0 > most);
        if let Some((step, share)) = cut.max_by(|one, other| one.1.total_cmp(&other.1)) {
            let (place, _) = marks.place((f64::midpoint(edge(step), edge(step + 1)), 0.0));
            let (anchor, beside) = if place > WIDTH / 2.0 { (Anchor::End, -6.0) } else { (Anchor::Start, 6.0) };
            let words = format!("up to {} %", short((share * 1000.0).round() / 10.0));
            paper.text((place + beside, top + 6.0 + 13.0 * at as f64), &words, Role::Text(at), anchor);
        }
    }
    let names: Vec<&str> = lines.iter().map(|(name, _)| name.as_str()).collect();
    drop((marks, paper));
    canvas.finish(title, &format!("Shares in % between {} and {}: {}.", short(low), short(high), names.join(", ")))
}
