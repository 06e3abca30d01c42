//! Curves of a training, as SVG.
//!
//! Does not know what the numbers are.

use std::fmt::Write as _;

use serde::Serialize;

use crate::html::escape;

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
    /// Losses, on the left axis.
    pub losses: Vec<Series>,
    /// Dice, on the right axis from 0 to 1.
    pub scores: Vec<Series>,
    /// The epoch whose weights were kept.
    pub best: Option<usize>,
}

const WIDTH: f64 = 400.0;
const HEIGHT: f64 = 230.0;
const LEFT: f64 = 40.0;
const RIGHT: f64 = 30.0;
const TOP: f64 = 14.0;
const BOTTOM: f64 = 38.0;
/// Okabe and Ito's palette, which colour-blind readers can tell apart.
const COLOURS: [&str; 4] = ["#0072b2", "#d55e00", "#009e73", "#cc79a7"];

impl Curve {
    /// The curves as a picture; colours of text follow the page.
    pub fn svg(&self) -> String {
        let epochs = self.losses.iter().chain(&self.scores).map(|series| series.values.len()).max().unwrap_or(0);
        let finite =
            self.losses.iter().flat_map(|series| series.values.iter().copied()).filter(|value| value.is_finite());
        let (low, high) =
            finite.fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), value| (low.min(value), high.max(value)));
        let ticks = if low.is_finite() { ticks(low, high) } else { ticks(0.0, 1.0) };
        let (low, high) = (ticks[0], ticks[ticks.len() - 1]);
        let x = |epoch: f64| LEFT + (WIDTH - LEFT - RIGHT) * if epochs > 1 { epoch / (epochs - 1) as f64 } else { 0.5 };
        let y = |share: f64| HEIGHT - BOTTOM - (HEIGHT - TOP - BOTTOM) * share;
        let mut svg = format!(
            "<svg class=\"curve\" viewBox=\"0 0 {WIDTH} {HEIGHT}\" role=\"img\" aria-label=\"losses and Dice of {}\">\n",
            escape(&self.name)
        );
        let mut add = |text: String| svg.push_str(&text);
        for tick in &ticks {
            let at = y((tick - low) / (high - low));
            add(format!(
                "<line class=\"grid\" x1=\"{LEFT}\" x2=\"{:.1}\" y1=\"{at:.1}\" y2=\"{at:.1}\"/>\n",
                WIDTH - RIGHT
            ));
            add(format!(
                "<text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"end\">{}</text>\n",
                LEFT - 6.0,
                at + 3.5,
                short(*tick)
            ));
        }
        for tick in [0.0, 0.5, 1.0] {
            add(format!("<text x=\"{:.1}\" y=\"{:.1}\">{tick}</text>\n", WIDTH - RIGHT + 6.0, y(tick) + 3.5));
        }
        let step = (epochs / 6).max(1);
        for epoch in (0..epochs).step_by(step) {
            add(format!(
                "<text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"middle\">{epoch}</text>\n",
                x(epoch as f64),
                HEIGHT - BOTTOM + 14.0
            ));
        }
        if let Some(best) = self.best {
            let at = x(best as f64);
            add(format!(
                "<line class=\"best\" x1=\"{at:.1}\" x2=\"{at:.1}\" y1=\"{TOP}\" y2=\"{:.1}\"/>\n",
                HEIGHT - BOTTOM
            ));
            // Near the right edge the words would stand on the axis.
            let anchor = if at > WIDTH - RIGHT - 30.0 { "end" } else { "middle" };
            add(format!("<text x=\"{at:.1}\" y=\"{:.1}\" text-anchor=\"{anchor}\">best {best}</text>\n", TOP - 3.0));
        }
        let losses = self.losses.iter().map(|series| (series, low, high, ""));
        let scores = self.scores.iter().map(|series| (series, 0.0, 1.0, " stroke-dasharray=\"5 3\""));
        for ((series, low, high, dash), colour) in losses.chain(scores).zip(COLOURS) {
            let mut points = String::new();
            for (epoch, value) in series.values.iter().enumerate().filter(|(_, value)| value.is_finite()) {
                write!(points, "{:.1},{:.1} ", x(epoch as f64), y((value - low) / (high - low)))
                    .expect("writing to a text");
            }
            add(format!(
                "<polyline fill=\"none\" stroke=\"{colour}\" stroke-width=\"1.8\"{dash} points=\"{}\"/>\n",
                points.trim_end()
            ));
        }
        let names =
            self.losses.iter().map(|series| (series, "")).chain(self.scores.iter().map(|series| (series, " (right)")));
        let mut at = 8.0;
        for ((series, side), colour) in names.zip(COLOURS) {
            let text = format!("{}{side}", series.name);
            add(format!(
                "<rect x=\"{at:.1}\" y=\"{:.1}\" width=\"10\" height=\"3\" fill=\"{colour}\"/>\n",
                HEIGHT - 11.0
            ));
            add(format!("<text x=\"{:.1}\" y=\"{:.1}\">{}</text>\n", at + 14.0, HEIGHT - 7.0, escape(&text)));
            at += 26.0 + 5.9 * text.chars().count() as f64;
        }
        svg.push_str("</svg>\n");
        svg
    }
}

pub(crate) fn short(number: f64) -> String {
    let text = format!("{number:.3}");
    let text = text.trim_end_matches('0').trim_end_matches('.');
    if matches!(text, "-0" | "") { "0".to_owned() } else { text.to_owned() }
}

/// Three to six round numbers that enclose a range.
pub(crate) fn ticks(low: f64, high: f64) -> Vec<f64> {
    let span = (high - low).max(1e-6);
    let rough = 10_f64.powf((span / 4.0).log10().floor());
    let step = [1.0, 2.0, 2.5, 5.0, 10.0]
        .iter()
        .map(|factor| factor * rough)
        .find(|step| span / step <= 5.0)
        .unwrap_or(rough * 10.0);
    let first = (low / step).floor();
    let last = (high / step).ceil().max(first + 1.0);
    (0..=(last - first) as usize).map(|index| (first + index as f64) * step).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticks_enclose_the_range() {
        for (low, high) in [(0.0, 1.0), (-0.9, -0.2), (3.0, 3.0), (1e-4, 2e-4)] {
            let ticks = ticks(low, high);
            assert!((2..=8).contains(&ticks.len()), "{ticks:?}");
            assert!(ticks[0] <= low + 1e-9 && ticks[ticks.len() - 1] >= high - 1e-9, "{ticks:?}");
        }
    }

    #[test]
    fn a_picture_of_two_epochs_and_of_none() {
        let series = |values: &[f64]| vec![Series { name: "loss".into(), values: values.to_vec() }];
        let mut curve = Curve {
            name: "train[<1>]".into(),
            losses: series(&[1.0, f64::NAN, 0.5]),
            scores: Vec::new(),
            best: Some(2),
        };
        let svg = curve.svg();
        assert!(svg.contains("&lt;1&gt;") && !svg.contains("NaN"), "{svg}");
        curve.losses = series(&[]);
        assert!(!curve.svg().contains("NaN"));
    }
}
