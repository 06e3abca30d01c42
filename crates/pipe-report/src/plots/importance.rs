//! How much each parameter of a search matters.
//!
//! Does not know how that is estimated.

use super::{
    canvas::{Canvas, Role, WIDTH, cut_start, wide},
    marks::{Anchor, RIGHT, paper},
};
use crate::{Search, number::NONE};

/// Bars that are drawn; the others are counted.
const BARS: usize = 30;
/// Height of a bar with its space.
const BAR: f64 = 22.0;
/// Most room for names.
const NAMES: f64 = 170.0;
/// Room for numbers.
const VALUES: f64 = 36.0;

/// The picture.
pub(super) fn svg(title: &str, search: &Search) -> String {
    let order = search.by_importance();
    let (labels, more) = (search.labels(), order.len().saturating_sub(BARS));
    let rows = order.len().min(BARS) + usize::from(more > 0 || order.is_empty());
    let names = labels.iter().map(|label| wide(label)).fold(40.0, f64::max).min(NAMES) + 10.0;
    let canvas = Canvas::new(16.0 + BAR * rows as f64);
    let paper = paper(&canvas);
    let share = |at: usize| search.parameters[at].importance.filter(|share| share.is_finite());
    let most = order.iter().filter_map(|at| share(*at)).fold(0.0, f64::max);
    let mut words = Vec::new();
    for (row, at) in order.iter().copied().take(BARS).enumerate() {
        let (top, bottom) = (10.0 + BAR * row as f64, 10.0 + BAR * row as f64 + BAR - 6.0);
        let middle = f64::midpoint(top, bottom);
        let room = WIDTH - RIGHT - names - VALUES;
        let said = share(at).map_or(NONE.to_owned(), |share| format!("{share:.2}"));
        paper.text((names - 6.0, middle), &cut_start(&labels[at], names - 8.0), Role::Soft, Anchor::End);
        // The longest bar is as long as there is room: shares of twenty parameters are small.
        let long = share(at).map(|share| (room * (share.max(0.0) / most.max(1e-12)).min(1.0)).max(1.0));
        if let Some(long) = long {
            let tip = format!("{}: {said}", search.parameters[at].path);
            paper.rectangle([(names, top), (names + long, bottom)], Role::Fill(0), 1.0, &tip);
        }
        paper.text((names + long.unwrap_or(0.0) + 6.0, middle), &said, Role::Strong, Anchor::Start);
        words.push(format!("{} {said}", labels[at]));
    }
    let below = canvas.height() - 14.0;
    if more > 0 {
        paper.text((names, below), &format!("and {more} more"), Role::Soft, Anchor::Start);
    } else if order.is_empty() {
        paper.text((WIDTH / 2.0, below), "no parameters", Role::Soft, Anchor::Middle);
    }
    drop(paper);
    canvas.finish(title, &format!("Shares of what matters for being among the best: {}.", words.join(", ")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{SearchGoal, search::made_up::search};

    #[test]
    fn the_most_important_comes_first() {
        let mut search = search(SearchGoal::Maximise, &[0.5]);
        search.parameters[0].importance = Some(0.25);
        search.parameters[1].importance = Some(0.75);
        search.parameters[1].path = "model.<width>".into();
        let svg = svg("t", &search);
        assert_eq!(svg.matches("class=\"f0\"").count(), 2, "{svg}");
        assert!(svg.find("&lt;width&gt;</text>") < svg.find(">lr</text>") && svg.contains(">0.75</text>"), "{svg}");
    }
}
