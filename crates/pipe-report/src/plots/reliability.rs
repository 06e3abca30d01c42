//! Reliability: how often is true what is said to be true with some probability?
//!
//! Does not know probabilities; `pipe-metrics` makes the bins.

use super::{
    canvas::{Canvas, Role, WIDTH},
    marks::{Anchor, Grid, HEAD, Key, LINE, RIGHT, beside, head, legend, legend_height, panel, paper},
    scale::{Scale, Steps, number},
};

/// Reliability of several systems.
#[derive(Clone, Debug, PartialEq)]
pub struct ReliabilityPlot {
    /// What it is.
    pub title: String,
    /// What is counted, e.g. `pixels`.
    pub unit: String,
    /// The systems.
    pub systems: Vec<ReliabilitySystem>,
}

/// The bins of one system.
#[derive(Clone, Debug, PartialEq)]
pub struct ReliabilitySystem {
    /// Its name.
    pub name: String,
    /// Its bins, from low to high probabilities; empty ones may be left out.
    pub bins: Vec<ReliabilityBin>,
    /// Expected calibration error.
    pub ece: Option<f64>,
}

/// Predictions with about the same probability.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ReliabilityBin {
    /// Where the bin begins and ends.
    pub range: [f64; 2],
    /// Mean probability of its predictions.
    pub confidence: f64,
    /// Share of them that are true.
    pub frequency: f64,
    /// How many there are.
    pub count: u64,
}

/// Height of the counts.
const COUNTS: f64 = 62.0;

impl ReliabilityPlot {
    /// The picture.
    pub fn svg(&self) -> String {
        let label = |system: &ReliabilitySystem| match system.ece {
            Some(ece) => format!("{}, ECE {ece:.3}", system.name),
            None => system.name.clone(),
        };
        let labels: Vec<String> = self.systems.iter().map(label).collect();
        let mut keys: Vec<Key> =
            labels.iter().enumerate().map(|(at, name)| Key { role: Role::Line(at), name: name.clone() }).collect();
        keys.push(Key { role: Role::Guide, name: "perfect".to_owned() });
        let bins = || self.systems.iter().flat_map(|system| &system.bins).filter(|bin| bin.count > 0);
        let counts = Scale::around(bins().flat_map(|bin| [bin.count as f64, 1.0]), Steps::Log).with_ticks(3);
        let scale = Scale::unit();
        let left = beside(&scale).max(beside(&counts));
        let side = WIDTH - RIGHT - left;
        let top = legend_height(&keys) + HEAD;
        let second = top + side + HEAD + 8.0;
        let canvas = Canvas::new(second + COUNTS + 2.0 * LINE + 10.0);
        let paper = paper(&canvas);
        legend(&paper, &keys, 0.0);
        head(&paper, top, "share that is true");
        let blank = Scale::plain(0.0, 1.0);
        let marks = panel(&canvas, [left, top, WIDTH - RIGHT, top + side], &blank, &scale, Grid::Rows);
        marks.line([(0.0, 0.0), (1.0, 1.0)], Role::Guide);
        for (at, system) in self.systems.iter().enumerate() {
            let filled = || system.bins.iter().filter(|bin| bin.count > 0);
            marks.line(filled().map(|bin| (bin.confidence, bin.frequency)), Role::Line(at));
            for bin in filled() {
                let tip = format!("{:.3} said, {:.3} true, of {}", bin.confidence, bin.frequency, bin.count);
                marks.dot((bin.confidence, bin.frequency), 3.0, Role::Fill(at), &tip);
            }
        }
        head(&paper, second, &format!("{}, logarithmic", self.unit));
        let marks = panel(&canvas, [left, second, WIDTH - RIGHT, second + COUNTS], &scale, &counts, Grid::Rows);
        let systems = self.systems.len() as f64;
        for (at, system) in self.systems.iter().enumerate() {
            for bin in system.bins.iter().filter(|bin| bin.count > 0) {
                let [from, to] = bin.range;
                let edge = |part: f64| from + (to - from) * (0.06 + 0.88 * part / systems);
                let corners = [(edge(at as f64), counts.ends[0]), (edge(at as f64 + 1.0), bin.count as f64)];
                marks.rectangle(corners, Role::Fill(at), 1.0, &bin.count.to_string());
            }
        }
        paper.text((WIDTH / 2.0, second + COUNTS + LINE + 10.0), "predicted probability", Role::Strong, Anchor::Middle);
        let most = bins().map(|bin| bin.count).max().unwrap_or(0);
        let description = format!(
            "Share that is true against predicted probability, and how many {} each bin has, at most {}. {}.",
            self.unit,
            number(most as f64),
            labels.join("; ")
        );
        drop((marks, paper));
        canvas.finish(&self.title, &description)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn empty_bins_are_not_drawn() {
        let bin = |at: f64, count| ReliabilityBin { range: [at, at + 0.5], confidence: at + 0.2, frequency: at, count };
        let system = ReliabilitySystem { name: "<a>".into(), bins: vec![bin(0.0, 1000), bin(0.5, 0)], ece: Some(0.25) };
        let svg = ReliabilityPlot { title: "t".into(), unit: "pixels".into(), systems: vec![system] }.svg();
        assert!(svg.contains("&lt;a&gt;, ECE 0.250") && svg.contains(">1000</title>") && !svg.contains("NaN"), "{svg}");
        assert_eq!(svg.matches("<circle").count(), 1);
        let none = ReliabilityPlot { title: "t".into(), unit: "pixels".into(), systems: Vec::new() }.svg();
        assert!(!none.contains("NaN") && !none.contains("inf"), "{none}");
    }
}
