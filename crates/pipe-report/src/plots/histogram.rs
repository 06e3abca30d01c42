//! How often numbers occur.
//!
//! Does not know what the numbers are.

use super::{
    canvas::{Canvas, Role, WIDTH},
    marks::{Anchor, Grid, HEAD, LINE, RIGHT, beside, head, panel, paper},
    scale::{Scale, Steps, number},
};

/// Bars of a histogram.
const BARS: usize = 24;
const HEIGHT: f64 = 160.0;

/// Values so unequal that most would stand in one bar of a plain axis: all above 0, the largest far above the middle.
fn unequal(values: &[f64]) -> bool {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted.first().is_some_and(|least| *least > 0.0 && sorted[sorted.len() - 1] > 30.0 * sorted[sorted.len() / 2])
}

/// The picture.
pub(super) fn svg(title: &str, values: &[f64]) -> String {
    let finite: Vec<f64> = values.iter().copied().filter(|value| value.is_finite()).collect();
    let steps = if unequal(&finite) { Steps::Log } else { Steps::Linear };
    let x = Scale::around(finite.iter().copied(), steps);
    let mut counts = [0_usize; BARS];
    for value in &finite {
        counts[((x.share(*value) * BARS as f64) as usize).min(BARS - 1)] += 1;
    }
    let y = Scale::counts(counts.iter().copied().max().unwrap_or(0));
    let canvas = Canvas::new(HEAD + HEIGHT + LINE * if steps == Steps::Log { 2.0 } else { 1.0 } + 8.0);
    let paper = paper(&canvas);
    head(&paper, HEAD, "cases");
    let marks = panel(&canvas, [beside(&y), HEAD, WIDTH - RIGHT, HEAD + HEIGHT], &x, &y, Grid::Rows);
    let thin = 0.5 / WIDTH;
    for (at, count) in counts.iter().enumerate().filter(|(_, count)| **count > 0) {
        let [from, to] = [at, at + 1].map(|edge| edge as f64 / BARS as f64);
        // A single case among thousands is seen, too.
        let height = (*count as f64).max(y.ends[1] * 0.01);
        let tip = format!("{} to {}: {count}", number(x.value(from)), number(x.value(to)));
        marks.rectangle([(x.value(from + thin), 0.0), (x.value(to - thin), height)], Role::Fill(0), 1.0, &tip);
    }
    if steps == Steps::Log {
        let words = "logarithmic: equal steps multiply";
        paper.text((WIDTH / 2.0, HEAD + LINE + HEIGHT + 8.0), words, Role::Soft, Anchor::Middle);
    }
    let [low, high] = x.ends.map(number);
    drop((marks, paper));
    canvas.finish(title, &format!("Histogram of {} values between {low} and {high}.", finite.len()))
}
