//! How much there is of each.
//!
//! Does not know of what.

use super::{
    canvas::{Canvas, Role, WIDTH, cut},
    marks::{Anchor, paper},
};

/// Bars that are drawn; the others are counted.
const BARS: usize = 30;
/// Height of a bar with its space.
const BAR: f64 = 22.0;
const NAMES: f64 = 110.0;
const VALUES: f64 = 78.0;

/// The picture.
pub(super) fn svg(title: &str, bars: &[(String, f64, String)]) -> String {
    let more = bars.len().saturating_sub(BARS);
    let rows = bars.len().min(BARS) + usize::from(more > 0);
    let canvas = Canvas::new(16.0 + BAR * rows as f64);
    let paper = paper(&canvas);
    for (at, (name, share, beside)) in bars.iter().take(BARS).enumerate() {
        let (top, bottom) = (10.0 + BAR * at as f64, 10.0 + BAR * at as f64 + BAR - 6.0);
        let room = WIDTH - NAMES - VALUES;
        let middle = f64::midpoint(top, bottom);
        paper.text((NAMES - 6.0, middle), &cut(name, NAMES - 8.0), Role::Soft, Anchor::End);
        paper.rectangle([(NAMES, top), (NAMES + room, bottom)], Role::Room, 1.0, "");
        let long = room * share.clamp(0.0, 1.0);
        paper.rectangle([(NAMES, top), (NAMES + long, bottom)], Role::Fill(0), 1.0, &format!("{name}: {beside}"));
        paper.text((WIDTH - VALUES + 6.0, middle), beside, Role::Soft, Anchor::Start);
    }
    if more > 0 {
        paper.text((NAMES, canvas.height() - 14.0), &format!("and {more} more"), Role::Soft, Anchor::Start);
    }
    drop(paper);
    let words: Vec<String> = bars.iter().take(BARS).map(|(name, _, beside)| format!("{name} {beside}")).collect();
    canvas.finish(title, &format!("Bars: {}.", words.join(", ")))
}
