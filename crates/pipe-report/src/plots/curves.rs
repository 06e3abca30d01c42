//! Losses and scores over epochs, with a band over folds.
//!
//! Does not know trainings.

use serde::Serialize;

use super::{
    canvas::{Canvas, Role, WIDTH},
    marks::{Anchor, Grid, HEAD, Key, LINE, Marks, RIGHT, beside, head, legend, legend_height, panel, paper},
    scale::{Axis, Scale, Steps},
    thin,
};

/// One line of a curve: a value an epoch.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Series {
    /// Its name.
    pub name: String,
    /// Its values.
    pub values: Vec<f64>,
}

/// The curves of one training.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Curve {
    /// The training, e.g. `train[fold=1]`.
    pub name: String,
    /// Losses, in the upper panel.
    pub losses: Vec<Series>,
    /// Dice, in the lower panel from 0 to 1.
    pub scores: Vec<Series>,
    /// The epoch whose weights were kept.
    pub best: Option<usize>,
}

impl Curve {
    /// The curves as a picture.
    pub fn svg(&self) -> String {
        let band = |series: &Series| Band { name: series.name.clone(), runs: vec![series.values.clone()] };
        let panel = |name: &str, series: &[Series], range: Option<[f64; 2]>| Panel {
            y: Axis::new(name, ""),
            range,
            bands: series.iter().map(band).collect(),
        };
        let panels = [panel("Loss", &self.losses, None), panel("Dice", &self.scores, Some([0.0, 1.0]))];
        Curves {
            title: self.name.clone(),
            x: Axis::new("epoch", ""),
            panels: panels.into_iter().filter(|panel| !panel.bands.is_empty()).collect(),
            best: self.best.into_iter().collect(),
        }
        .svg()
    }
}

/// Lines over epochs in panels above each other.
#[derive(Clone, Debug, PartialEq)]
pub struct Curves {
    /// What they are.
    pub title: String,
    /// What is counted along the lines.
    pub x: Axis,
    /// The panels: losses and scores have no common axis.
    pub panels: Vec<Panel>,
    /// Epochs whose weights were kept.
    pub best: Vec<usize>,
}

/// Lines with a common axis.
#[derive(Clone, Debug, PartialEq)]
pub struct Panel {
    /// What the values are.
    pub y: Axis,
    /// The ends of the axis; by the values if none.
    pub range: Option<[f64; 2]>,
    /// The lines.
    pub bands: Vec<Band>,
}

/// One quantity of several runs.
#[derive(Clone, Debug, PartialEq)]
pub struct Band {
    /// Its name.
    pub name: String,
    /// Values by epoch of each run, e.g. of each fold; what is not finite is a gap.
    pub runs: Vec<Vec<f64>>,
}

/// Height of a panel in units.
const HEIGHT: f64 = 120.0;
/// Points of a line: two for each unit could not be told apart.
const POINTS: usize = 500;
/// Runs that are drawn one by one, too.
const FAINT: usize = 12;

impl Curves {
    /// The picture.
    pub fn svg(&self) -> String {
        let runs = || self.panels.iter().flat_map(|panel| &panel.bands).flat_map(|band| &band.runs);
        let epochs = runs().map(Vec::len).max().unwrap_or(0);
        let x = Scale::whole(epochs.saturating_sub(1));
        let mut colour = 0;
        let parts: Vec<(&Panel, Scale, Vec<Key>, usize)> = self
            .panels
            .iter()
            .map(|panel| {
                let values = panel.bands.iter().flat_map(|band| band.runs.iter().flatten().copied());
                let y = match panel.range {
                    Some([low, high]) => Scale::around([low, high].into_iter(), Steps::Linear),
                    None => Scale::around(values, Steps::Linear),
                };
                let first = colour;
                colour += panel.bands.len();
                (panel, y, keys(panel, first), first)
            })
            .collect();
        let left = parts.iter().map(|(_, y, ..)| beside(y)).fold(0.0, f64::max);
        let heights = parts.iter().map(|(.., keys, _)| legend_height(keys) + HEAD + HEIGHT + 10.0);
        let canvas = Canvas::new(heights.sum::<f64>() + 2.0 * LINE + 6.0);
        let paper = paper(&canvas);
        let (mut top, last) = (0.0, parts.len().saturating_sub(1));
        for (at, (part, y, keys, first)) in parts.iter().enumerate() {
            legend(&paper, keys, top);
            top += legend_height(keys);
            top += HEAD;
            head(&paper, top, &part.y.label());
            let below = if at == last { x.clone() } else { Scale::plain(x.ends[0], x.ends[1]) };
            let inside = [left, top, WIDTH - RIGHT, top + HEIGHT];
            let marks = panel(&canvas, inside, &below, y, Grid::Rows);
            for best in &self.best {
                marks.line([(*best as f64, y.ends[0]), (*best as f64, y.ends[1])], Role::Guide);
            }
            part.bands.iter().enumerate().for_each(|(at, band)| band.draw(&marks, first + at));
            top += HEIGHT + 10.0;
        }
        let name = match self.best[..] {
            [] => self.x.label(),
            [best] => format!("{}; the vertical line is the best, {best}", self.x.label()),
            _ => format!("{}; vertical lines are the best", self.x.label()),
        };
        paper.text((WIDTH / 2.0, top + LINE + 3.0), &name, Role::Soft, Anchor::Middle);
        drop(paper);
        canvas.finish(&self.title, &self.description(epochs))
    }

    fn description(&self, epochs: usize) -> String {
        let last = |band: &Band| {
            let ends: Vec<f64> =
                band.runs.iter().filter_map(|run| run.iter().rev().find(|value| value.is_finite()).copied()).collect();
            match pipe_metrics::statistics::mean(&ends) {
                Some(mean) => format!("{} ends at {mean:.3}", band.name),
                None => format!("{} has no values", band.name),
            }
        };
        let all: Vec<String> = self.panels.iter().flat_map(|panel| &panel.bands).map(last).collect();
        format!("Lines over {epochs} values of {}: {}.", self.x.name, all.join(", "))
    }
}

fn keys(panel: &Panel, first: usize) -> Vec<Key> {
    let key = |(at, band): (usize, &Band)| {
        let name = match band.runs.len() {
            0 | 1 => band.name.clone(),
            runs => format!("{}: mean, range and each of {runs} runs", band.name),
        };
        Key { role: Role::Line(first + at), name }
    };
    panel.bands.iter().enumerate().map(key).collect()
}

impl Band {
    fn draw(&self, marks: &Marks<'_>, colour: usize) {
        let line = |values: &[f64], role: Role| {
            let points = values.iter().enumerate().map(|(epoch, value)| (epoch as f64, *value)).collect();
            marks.line(thin::line(points, POINTS), role);
        };
        if let [run] = &self.runs[..] {
            return line(run, Role::Line(colour));
        }
        let longest = self.runs.iter().map(Vec::len).max().unwrap_or(0);
        let at = |epoch: usize| {
            self.runs.iter().filter_map(move |run| run.get(epoch).copied()).filter(|value| value.is_finite())
        };
        let edge = |pick: fn(f64, f64) -> f64| -> Vec<(f64, f64)> {
            let points = (0..longest).filter_map(|epoch| Some((epoch as f64, at(epoch).reduce(pick)?)));
            thin::line(points.collect(), POINTS)
        };
        let (mut low, high) = (edge(f64::min), edge(f64::max));
        low.reverse();
        if high.len() > 1 {
            marks.shape(high.into_iter().chain(low).collect(), Role::Band(colour));
        }
        if self.runs.len() <= FAINT {
            self.runs.iter().for_each(|run| line(run, Role::Faint(colour)));
        }
        // Where a run has stopped early, a mean of the others would jump.
        let shortest = self.runs.iter().map(Vec::len).min().unwrap_or(0);
        let mean = |epoch: usize| at(epoch).sum::<f64>() / at(epoch).count() as f64;
        line(&(0..shortest).map(mean).collect::<Vec<_>>(), Role::Line(colour));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_picture_of_two_epochs_and_of_none() {
        let series = |values: &[f64]| vec![Series { name: "loss".into(), values: values.to_vec() }];
        let mut curve = Curve {
            name: "train[<1>]".into(),
            losses: series(&[1.0, f64::NAN, 0.5, 0.25]),
            scores: Vec::new(),
            best: Some(2),
        };
        let svg = curve.svg();
        assert!(svg.contains("&lt;1&gt;") && svg.contains("the best, 2") && !svg.contains("NaN"), "{svg}");
        assert_eq!(svg.matches("class=\"l0\"").count(), 2, "the key and the two values after the gap: {svg}");
        curve.losses = series(&[]);
        assert!(!curve.svg().contains("NaN"));
    }

    #[test]
    fn folds_have_a_mean_and_a_range() {
        let runs = vec![vec![1.0, 0.5, 0.25], vec![0.5, 0.25]];
        let panel =
            Panel { y: Axis::new("Loss", ""), range: None, bands: vec![Band { name: "validation".into(), runs }] };
        let curves = Curves { title: "t".into(), x: Axis::new("epoch", ""), panels: vec![panel], best: vec![1, 2] };
        let svg = curves.svg();
        assert_eq!((svg.matches("class=\"b0\"").count(), svg.matches("l0 faint").count()), (1, 2), "{svg}");
        assert!(svg.contains("each of 2 runs") && svg.contains("validation ends at 0.250"), "{svg}");
    }
}
