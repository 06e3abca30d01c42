//! Losses and scores over epochs, with a band over folds.
//!
//! Does not know trainings.

use indexmap::IndexMap;
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
    /// What it has in common with the trainings of other folds.
    pub system: String,
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

    /// One picture for each system of several trainings, in the order in which systems appear: lines are means, bands reach from
    /// the smallest value to the largest.
    pub(crate) fn bands(curves: &[Self]) -> Vec<Curves> {
        let mut systems: IndexMap<&str, Vec<&Self>> = IndexMap::new();
        curves.iter().for_each(|curve| systems.entry(&curve.system).or_default().push(curve));
        let panel = |name: &str, of: &[&Self], series: fn(&Self) -> &[Series], range: Option<[f64; 2]>| {
            let mut bands: IndexMap<&str, Vec<Vec<f64>>> = IndexMap::new();
            for series in of.iter().flat_map(|curve| series(curve)) {
                bands.entry(&series.name).or_default().push(series.values.clone());
            }
            let bands = bands.into_iter().map(|(name, runs)| Band { name: name.to_owned(), runs });
            Panel { y: Axis::new(name, ""), range, bands: bands.collect() }
        };
        let several = systems.into_iter().filter(|(_, of)| of.len() > 1);
        let picture = |(system, of): (&str, Vec<&Self>)| {
            let panels = [
                panel("Loss", &of, |curve| &curve.losses, None),
                panel("Dice", &of, |curve| &curve.scores, Some([0.0, 1.0])),
            ];
            Curves {
                title: format!("{system}: {} trainings", of.len()),
                x: Axis::new("epoch", ""),
                panels: panels.into_iter().filter(|panel| !panel.bands.is_empty()).collect(),
                best: of.iter().filter_map(|curve| curve.best).collect(),
            }
        };
        several.map(picture).collect()
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
        let names = self.names();
        let keys: Vec<Key> = names.iter().enumerate().map(|(at, name)| self.key(at, name)).collect();
        let scale = |panel: &Panel| match panel.range {
            Some(ends) => Scale::around(ends.into_iter(), Steps::Linear),
            None => {
                let values = panel.bands.iter().flat_map(|band| band.runs.iter().flatten().copied());
                Scale::around(values, Steps::Linear)
            }
        };
        let scales: Vec<Scale> = self.panels.iter().map(scale).collect();
        let left = scales.iter().map(beside).fold(0.0, f64::max);
        let each = HEAD + HEIGHT + 10.0;
        let canvas = Canvas::new(legend_height(&keys) + each * self.panels.len() as f64 + 2.0 * LINE + 6.0);
        let paper = paper(&canvas);
        legend(&paper, &keys, 0.0);
        let mut top = legend_height(&keys);
        for (at, (part, y)) in self.panels.iter().zip(&scales).enumerate() {
            head(&paper, top + HEAD, &part.y.label());
            let last = at + 1 == self.panels.len();
            let below = if last { x.clone() } else { Scale::plain(x.ends[0], x.ends[1]) };
            let inside = [left, top + HEAD, WIDTH - RIGHT, top + HEAD + HEIGHT];
            let marks = panel(&canvas, inside, &below, y, Grid::Rows);
            for best in &self.best {
                marks.line([(*best as f64, y.ends[0]), (*best as f64, y.ends[1])], Role::Guide);
            }
            for band in &part.bands {
                band.draw(&marks, names.iter().position(|name| *name == band.name).unwrap_or(0));
            }
            top += each;
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

    /// The names of all bands: bands of one name have one colour in all panels.
    fn names(&self) -> Vec<&str> {
        let mut names: Vec<&str> = Vec::new();
        for band in self.panels.iter().flat_map(|panel| &panel.bands) {
            if !names.contains(&band.name.as_str()) {
                names.push(&band.name);
            }
        }
        names
    }

    fn key(&self, colour: usize, name: &str) -> Key {
        let bands = self.panels.iter().flat_map(|panel| &panel.bands).filter(|band| band.name == name);
        let name = match bands.map(|band| band.runs.len()).max() {
            Some(runs) if runs > 1 => format!("{name}: mean, range and each of {runs} runs"),
            _ => name.to_owned(),
        };
        Key { role: Role::Line(colour), name }
    }

    fn description(&self, epochs: usize) -> String {
        let last = |panel: &Panel, band: &Band| {
            let ends: Vec<f64> =
                band.runs.iter().filter_map(|run| run.iter().rev().find(|value| value.is_finite()).copied()).collect();
            match pipe_metrics::statistics::mean(&ends) {
                Some(mean) => format!("{} of {} ends at {mean:.3}", panel.y.name, band.name),
                None => format!("{} of {} has no values", panel.y.name, band.name),
            }
        };
        let bands = self.panels.iter().flat_map(|panel| panel.bands.iter().map(move |band| (panel, band)));
        let all: Vec<String> = bands.map(|(panel, band)| last(panel, band)).collect();
        format!("Lines over {epochs} values of {}: {}.", self.x.name, all.join(", "))
    }
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
            system: "unet".into(),
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
    fn trainings_of_a_system_share_a_picture() {
        let curve = |system: &str, fold: usize| Curve {
            name: format!("train[fold={fold}]"),
            system: system.into(),
            losses: vec![Series { name: "training loss".into(), values: vec![1.0, 0.5 / (fold + 1) as f64] }],
            scores: Vec::new(),
            best: Some(fold),
        };
        let bands = Curve::bands(&[curve("unet", 0), curve("svsnet", 0), curve("unet", 1)]);
        assert_eq!(bands.len(), 1, "one training is no band");
        assert_eq!((bands[0].title.as_str(), bands[0].best.as_slice()), ("unet: 2 trainings", [0, 1].as_slice()));
        assert_eq!(bands[0].panels.len(), 1, "no scores, no panel");
        assert_eq!(bands[0].panels[0].bands[0].runs, [vec![1.0, 0.5], vec![1.0, 0.25]]);
    }

    #[test]
    fn folds_have_a_mean_and_a_range() {
        let runs = vec![vec![1.0, 0.5, 0.25], vec![0.5, 0.25]];
        let panel =
            Panel { y: Axis::new("Loss", ""), range: None, bands: vec![Band { name: "validation".into(), runs }] };
        let curves = Curves { title: "t".into(), x: Axis::new("epoch", ""), panels: vec![panel], best: vec![1, 2] };
        let svg = curves.svg();
        assert_eq!((svg.matches("class=\"b0\"").count(), svg.matches("l0 faint").count()), (1, 2), "{svg}");
        assert!(svg.contains("each of 2 runs") && svg.contains("Loss of validation ends at 0.250"), "{svg}");
    }
}
