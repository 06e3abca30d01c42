//! Differences with their confidence intervals, one below the other.
//!
//! Does not know how they were computed.

use super::{
    canvas::{Canvas, Role, WIDTH, cut, wide},
    marks::{Anchor, Grid, LINE, RIGHT, panel, paper},
    scale::{Axis, Scale, Steps, precise},
};

/// Differences of several comparisons.
#[derive(Clone, Debug, PartialEq)]
pub struct Forest {
    /// What they are.
    pub title: String,
    /// What differs.
    pub x: Axis,
    /// Share of intervals that cover the truth, e.g. 0.95.
    pub level: f64,
    /// What stands left and right of 0, e.g. `U-Net is better`.
    pub sides: Option<[String; 2]>,
    /// The comparisons.
    pub rows: Vec<ForestRow>,
}

/// One comparison.
#[derive(Clone, Debug, PartialEq)]
pub struct ForestRow {
    /// Its name.
    pub name: String,
    /// The difference.
    pub estimate: f64,
    /// Its interval; none where nothing can be said.
    pub interval: Option<[f64; 2]>,
    /// What else is said, e.g. `p = 0.012`.
    pub note: String,
}

/// Height of a row in units: its words, and its interval.
const ROW: f64 = 36.0;
/// Rows that are drawn; the others are counted.
const ROWS: usize = 60;
const LEFT: f64 = 16.0;

impl Forest {
    /// The picture.
    pub fn svg(&self) -> String {
        let ends = |row: &ForestRow| [row.estimate].into_iter().chain(row.interval.into_iter().flatten());
        let shown = &self.rows[..self.rows.len().min(ROWS)];
        let more = self.rows.len() - shown.len();
        let x = Scale::around(shown.iter().flat_map(ends).chain([0.0]), Steps::Linear);
        let rows = shown.len().max(1) as f64;
        let top = 4.0;
        let bottom = top + ROW * rows + 4.0;
        let canvas = Canvas::new(bottom + LINE * if self.sides.is_some() { 3.0 } else { 2.0 } + 8.0);
        let down = Scale::plain(rows, 0.0);
        let marks = panel(&canvas, [LEFT, top, WIDTH - RIGHT, bottom - 4.0], &x, &down, Grid::Columns);
        marks.line([(0.0, 0.0), (0.0, rows)], Role::Axis);
        let paper = paper(&canvas);
        let mut words = Vec::new();
        for (at, row) in shown.iter().enumerate() {
            let interval = match row.interval {
                Some([low, high]) => format!("[{}, {}]", precise(low, &x), precise(high, &x)),
                None => "[no interval]".to_owned(),
            };
            let numbers = format!("{} {interval}", precise(row.estimate, &x));
            let said = if row.note.is_empty() { numbers } else { format!("{numbers}, {}", row.note) };
            let y = top + ROW * at as f64 + 10.0;
            let name = cut(&row.name, (WIDTH - RIGHT - LEFT - wide(&said) - 14.0).max(60.0));
            paper.text((LEFT + 2.0, y), &name, Role::Name, Anchor::Start);
            paper.text((WIDTH - RIGHT, y), &said, Role::Name, Anchor::End);
            let middle = at as f64 + 0.7;
            if let Some([low, high]) = row.interval {
                marks.line([(low, middle), (high, middle)], Role::Solid(0));
                for end in [low, high] {
                    marks.line([(end, middle - 0.1), (end, middle + 0.1)], Role::Solid(0));
                }
            }
            if row.estimate.is_finite() {
                marks.dot((row.estimate, middle), 4.0, Role::Fill(0), &format!("{}: {said}", row.name));
            }
            words.push(format!("{}: {said}", row.name));
        }
        let below = bottom + LINE + 6.0;
        let name = format!("{}, {} % interval", self.x.label(), (self.level * 1000.0).round() / 10.0);
        let name = if more > 0 { format!("{name}; {more} more are not shown") } else { name };
        paper.text((WIDTH / 2.0, below), &name, Role::Strong, Anchor::Middle);
        if let Some([left, right]) = &self.sides {
            let half = WIDTH / 2.0 - 16.0;
            paper.text((LEFT, below + LINE), &cut(&format!("← {left}"), half), Role::Soft, Anchor::Start);
            paper.text((WIDTH - RIGHT, below + LINE), &cut(&format!("{right} →"), half), Role::Soft, Anchor::End);
        }
        drop((marks, paper));
        canvas.finish(&self.title, &format!("{name}. {}.", words.join("; ")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_interval_that_is_none_is_said() {
        let row =
            |name: &str, interval| ForestRow { name: name.into(), estimate: 0.01, interval, note: "p = 0.02".into() };
        let forest = Forest {
            title: "t".into(),
            x: Axis::new("difference of Dice", ""),
            level: 0.95,
            sides: Some(["<a> is better".into(), "b is better".into()]),
            rows: vec![row("one", Some([-0.01, 0.03])), row("other", None)],
        };
        let svg = forest.svg();
        assert!(svg.contains("0.0100 [−0.0100, 0.0300], p = 0.02") && svg.contains("[no interval]"), "{svg}");
        assert!(svg.contains("← &lt;a&gt; is better") && svg.contains("95 % interval"), "{svg}");
        assert!(!Forest { rows: Vec::new(), ..forest }.svg().contains("NaN"));
    }
}
