//! ROC and precision-recall curves.
//!
//! Does not know probabilities; `pipe-metrics` makes the points.

use super::{
    canvas::{Canvas, Role, WIDTH},
    marks::{Anchor, Grid, HEAD, Key, LINE, RIGHT, beside, head, legend, legend_height, panel, paper},
    scale::Scale,
};

/// What is plotted against what.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rates {
    /// True positive rate (sensitivity) against false positive rate.
    Roc,
    /// Precision against recall.
    PrecisionRecall,
}

/// Curves of several systems.
#[derive(Clone, Debug, PartialEq)]
pub struct RatePlot {
    /// What they are.
    pub title: String,
    /// What is plotted.
    pub rates: Rates,
    /// The curves.
    pub curves: Vec<RateCurve>,
    /// Share of positives, what precision is by chance; none for ROC.
    pub prevalence: Option<f64>,
}

/// The curve of one system.
#[derive(Clone, Debug, PartialEq)]
pub struct RateCurve {
    /// Its name.
    pub name: String,
    /// Horizontal and vertical rates, in the order of thresholds.
    pub points: Vec<[f64; 2]>,
    /// Area under the curve, as computed from all points.
    pub area: Option<f64>,
}

/// Points nearer than this add nothing that is seen, in shares of an axis.
const NEAR: f64 = 0.001;

impl RatePlot {
    /// The picture.
    pub fn svg(&self) -> String {
        let (x, y, area) = match self.rates {
            Rates::Roc => ("false positive rate (1 − specificity)", "true positive rate (sensitivity)", "AUC"),
            Rates::PrecisionRecall => ("recall (sensitivity)", "precision (positive predictive value)", "PR AUC"),
        };
        let label = |curve: &RateCurve| match curve.area {
            Some(value) => format!("{}, {area} {value:.3}", curve.name),
            None => curve.name.clone(),
        };
        let labels: Vec<String> = self.curves.iter().map(label).collect();
        let mut keys: Vec<Key> =
            labels.iter().enumerate().map(|(at, name)| Key { role: Role::Line(at), name: name.clone() }).collect();
        let chance = match self.rates {
            Rates::Roc => Some([(0.0, 0.0), (1.0, 1.0)]),
            Rates::PrecisionRecall => self.prevalence.map(|share| [(0.0, share), (1.0, share)]),
        };
        if chance.is_some() {
            keys.push(Key { role: Role::Guide, name: "chance".to_owned() });
        }
        let scale = Scale::unit();
        let left = beside(&scale);
        // Both axes are rates, so that their units are equally long.
        let side = WIDTH - RIGHT - left;
        let top = legend_height(&keys) + HEAD;
        let canvas = Canvas::new(top + side + 2.0 * LINE + 10.0);
        let paper = paper(&canvas);
        legend(&paper, &keys, 0.0);
        head(&paper, top, y);
        let marks = panel(&canvas, [left, top, WIDTH - RIGHT, top + side], &scale, &scale, Grid::Both);
        if let Some(chance) = chance {
            marks.line(chance, Role::Guide);
        }
        for (at, curve) in self.curves.iter().enumerate() {
            marks.line(seen(&curve.points), Role::Line(at));
        }
        paper.text((WIDTH / 2.0, top + side + LINE + 10.0), x, Role::Strong, Anchor::Middle);
        drop((marks, paper));
        canvas.finish(&self.title, &format!("{y} against {x}. {}.", labels.join("; ")))
    }
}

/// Points that can be told apart, with the last one.
fn seen(points: &[[f64; 2]]) -> Vec<(f64, f64)> {
    let mut kept: Vec<(f64, f64)> = Vec::new();
    for (at, [x, y]) in points.iter().copied().enumerate() {
        let near = kept.last().is_some_and(|last| (last.0 - x).abs() < NEAR && (last.1 - y).abs() < NEAR);
        if !near || at + 1 == points.len() {
            kept.push((x, y));
        }
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn curves_of_many_points_stay_small() {
        let points = (0..=100_000).map(|at| f64::from(at) / 100_000.0).map(|x| [x, x.sqrt()]).collect();
        let curve = RateCurve { name: "<a>".into(), points, area: Some(2.0 / 3.0) };
        let svg = RatePlot { title: "t".into(), rates: Rates::Roc, curves: vec![curve], prevalence: None }.svg();
        assert!(svg.len() < 20_000 && svg.contains("&lt;a&gt;, AUC 0.667") && svg.contains("chance"), "{}", svg.len());
    }
}
