//! How values spread over cases: boxes with whiskers, and the cases themselves.
//!
//! Does not know systems.

use pipe_metrics::statistics::{mean, quantile};

use super::{
    canvas::{Canvas, Role, WIDTH, cut, wide},
    marks::{Anchor, Grid, LINE, Marks, RIGHT, panel, paper},
    scale::{Axis, Scale, Steps, number, precise},
    thin,
};

/// Boxes of values below each other.
#[derive(Clone, Debug, PartialEq)]
pub struct BoxPlot {
    /// What they are.
    pub title: String,
    /// What the values are.
    pub x: Axis,
    /// Whose values.
    pub groups: Vec<Group>,
}

/// The values of one system.
#[derive(Clone, Debug, PartialEq)]
pub struct Group {
    /// Its name.
    pub name: String,
    /// A value for each case; what is not finite is left out and counted.
    pub values: Vec<f64>,
}

/// Height of a row in units: its name, and its box.
const ROW: f64 = 46.0;
/// Rows that are drawn; the others are counted.
const ROWS: usize = 40;
/// Dots of a row.
const DOTS: usize = 250;
const LEFT: f64 = 16.0;

impl BoxPlot {
    /// The picture.
    pub fn svg(&self) -> String {
        let groups = &self.groups[..self.groups.len().min(ROWS)];
        let more = self.groups.len() - groups.len();
        let x = Scale::around(groups.iter().flat_map(|group| group.values.iter().copied()), Steps::Linear);
        let rows = groups.len() as f64;
        let thinned = groups.iter().any(|group| group.values.len() > DOTS);
        let bottom = ROW * rows + 4.0;
        let canvas = Canvas::new(bottom + LINE * if thinned { 4.0 } else { 3.0 } + 4.0);
        let below = Scale::plain(rows.max(1.0), 0.0);
        let marks = panel(&canvas, [LEFT, 4.0, WIDTH - RIGHT, bottom], &x, &below, Grid::Columns);
        let paper = paper(&canvas);
        let mut lines = Vec::new();
        for (at, group) in groups.iter().enumerate() {
            lines.push(group.draw(&marks, &paper, at, &x));
        }
        let label = self.x.label();
        let label = if more > 0 { format!("{label}; {more} more are not shown") } else { label };
        paper.text((WIDTH / 2.0, bottom + LINE + 10.0), &label, Role::Strong, Anchor::Middle);
        let key = "box: quartiles, line: median, ring: mean, whiskers: 1.5 IQR";
        paper.text((WIDTH / 2.0, bottom + 2.0 * LINE + 10.0), key, Role::Soft, Anchor::Middle);
        if thinned {
            let note = format!("dots: at most {DOTS} cases of each, evenly by rank");
            paper.text((WIDTH / 2.0, bottom + 3.0 * LINE + 10.0), &note, Role::Soft, Anchor::Middle);
        }
        drop((marks, paper));
        canvas.finish(&self.title, &format!("Box plot of {}. {}.", self.x.label(), lines.join("; ")))
    }
}

impl Group {
    /// Draws the row, and gives it in words.
    fn draw(&self, marks: &Marks<'_>, paper: &Marks<'_>, at: usize, x: &Scale) -> String {
        let mut sorted: Vec<f64> = self.values.iter().copied().filter(|value| value.is_finite()).collect();
        sorted.sort_by(f64::total_cmp);
        let (top, height) = (4.0 + ROW * at as f64, |share: f64| at as f64 + share);
        let quartile = |share| quantile(&sorted, share);
        let (Some(q1), Some(middle), Some(q3)) = (quartile(0.25), quartile(0.5), quartile(0.75)) else {
            paper.text((LEFT + 2.0, top + 9.0), &cut(&self.name, 200.0), Role::Strong, Anchor::Start);
            paper.text((WIDTH - RIGHT, top + 9.0), "no values", Role::Soft, Anchor::End);
            return format!("{} has no values", self.name);
        };
        let numbers = format!("median {}, n {}", precise(middle, x), sorted.len());
        let room = WIDTH - RIGHT - LEFT - wide(&numbers) - 12.0;
        paper.text((LEFT + 2.0, top + 9.0), &cut(&self.name, room), Role::Name, Anchor::Start);
        paper.text((WIDTH - RIGHT, top + 9.0), &numbers, Role::Name, Anchor::End);
        for (dot, value) in thin::sorted(&sorted, DOTS).into_iter().enumerate() {
            // Multiples of the golden ratio spread evenly, and are the same each time.
            let aside = (dot as f64 * 0.618_034).fract() - 0.5;
            marks.dot((value, height(0.68 + 0.36 * aside)), 2.0, Role::Dots(at), "");
        }
        let reach = 1.5 * (q3 - q1);
        let low = sorted.iter().copied().find(|value| *value >= q1 - reach).unwrap_or(q1).min(q1);
        let high = sorted.iter().rev().copied().find(|value| *value <= q3 + reach).unwrap_or(q3).max(q3);
        let solid = Role::Solid(at);
        for (inner, outer) in [(q1, low), (q3, high)] {
            marks.line([(inner, height(0.68)), (outer, height(0.68))], solid);
            marks.line([(outer, height(0.6)), (outer, height(0.76))], solid);
        }
        let tip = format!("quartiles {} to {}", number(q1), number(q3));
        marks.rectangle([(q1, height(0.5)), (q3, height(0.86))], Role::Band(at), 1.0, &tip);
        let corners = [(q1, 0.5), (q3, 0.5), (q3, 0.86), (q1, 0.86), (q1, 0.5)];
        marks.line(corners.map(|(value, share)| (value, height(share))), solid);
        marks.line([(middle, height(0.46)), (middle, height(0.9))], Role::Median);
        if let Some(mean) = mean(&sorted) {
            marks.dot((mean, height(0.68)), 3.0, Role::Ring, &format!("mean {}", precise(mean, x)));
        }
        let left_out = self.values.len() - sorted.len();
        let without = if left_out > 0 { format!(", {left_out} without a value") } else { String::new() };
        format!(
            "{}: median {}, quartiles {} and {}, from {} to {}, n {}{without}",
            self.name,
            precise(middle, x),
            precise(q1, x),
            precise(q3, x),
            precise(sorted[0], x),
            precise(sorted[sorted.len() - 1], x),
            sorted.len()
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn many_cases_are_thinned_and_none_is_said() {
        let group = |name: &str, values: Vec<f64>| Group { name: name.into(), values };
        let many = (0..10_000).map(|at| f64::from(at) / 10_000.0).collect();
        let groups = vec![group("<a>", many), group("b", vec![0.5, f64::NAN]), group("c", Vec::new())];
        let svg = BoxPlot { title: "t".into(), x: Axis::new("HD95", "mm"), groups }.svg();
        assert!(svg.len() < 12_000 && svg.contains("HD95 (mm)") && svg.contains("at most 250 cases"), "{}", svg.len());
        assert!(
            svg.contains("&lt;a&gt;") && svg.contains("1 without a value") && svg.contains("c has no values"),
            "{svg}"
        );
        assert!(!svg.contains("NaN"));
    }
}
