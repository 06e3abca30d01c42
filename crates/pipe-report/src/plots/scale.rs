//! Axes: where a value lies between the ends of an axis, and which round values are written there.
//!
//! Does not know pictures.

use std::ops::Range;

use plotters::coord::ranged1d::{KeyPointHint, KeyPointWeight, NoDefaultFormatting, Ranged, ValueFormatter};

use super::canvas::{cut, wide};

/// What an axis shows.
#[derive(Clone, Debug, PartialEq)]
pub struct Axis {
    /// Its name.
    pub name: String,
    /// Unit of its values; empty for plain ratios and counts.
    pub unit: String,
}

impl Axis {
    /// An axis of values in some unit; empty for plain ratios and counts.
    pub fn new(name: &str, unit: &str) -> Self {
        Self { name: name.to_owned(), unit: unit.to_owned() }
    }

    /// Name and unit, as in `HD95 (mm)`.
    pub fn label(&self) -> String {
        if self.unit.is_empty() { self.name.clone() } else { format!("{} ({})", self.name, self.unit) }
    }
}

/// Whether equal steps of an axis add or multiply.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Steps {
    /// They add.
    #[default]
    Linear,
    /// They multiply; values at or below 0 have no place.
    Log,
}

/// Where values lie, and which are written.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Scale {
    /// The value at the start of the axis, and at its end.
    pub(crate) ends: [f64; 2],
    /// The values that are written, and how.
    pub(crate) ticks: Vec<(f64, String)>,
    steps: Steps,
}

impl Scale {
    /// Round values around some values.
    pub(crate) fn around(values: impl Iterator<Item = f64>, steps: Steps) -> Self {
        let fit = values.filter(|value| value.is_finite() && (steps == Steps::Linear || *value > 0.0));
        let (low, high) =
            fit.fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), value| (low.min(value), high.max(value)));
        match steps {
            Steps::Log if low.is_finite() => Self::decades(low, high),
            Steps::Log => Self::decades(1.0, 10.0),
            Steps::Linear if !low.is_finite() => Self::of(&ticks(0.0, 1.0)),
            Steps::Linear if high - low <= high.abs() * 1e-9 => {
                let space = if high == 0.0 { 1.0 } else { high.abs() * 0.5 };
                Self::of(&ticks(low - space, high + space))
            }
            Steps::Linear => Self::of(&ticks(low, high)),
        }
    }

    /// Round values around some values with some space at both ends, so that dots are whole.
    pub(crate) fn padded(values: impl Iterator<Item = f64>, steps: Steps) -> Self {
        let mut scale = Self::around(values, steps);
        if steps == Steps::Linear {
            let [low, high] = scale.ends;
            let space = (high - low) * 0.03;
            scale.ends = [low - space, high + space];
        }
        scale
    }

    /// With at most about this many values written, for small panels.
    pub(crate) fn with_ticks(mut self, most: usize) -> Self {
        let every = self.ticks.len().div_ceil(most.max(1)).max(1);
        self.ticks = self.ticks.into_iter().step_by(every).collect();
        self
    }

    /// With as many values written as stand apart on an axis of some width in units.
    pub(crate) fn fitted(mut self, width: f64) -> Self {
        let kept = |every: usize| -> Vec<(f64, String)> { self.ticks.iter().step_by(every).cloned().collect() };
        let apart = |pair: &[(f64, String)]| {
            let room = (self.share(pair[1].0) - self.share(pair[0].0)).abs() * width;
            room >= f64::midpoint(wide(&pair[0].1), wide(&pair[1].1)) + 6.0
        };
        let every = (1..self.ticks.len()).find(|every| kept(*every).windows(2).all(apart));
        self.ticks = kept(every.unwrap_or(self.ticks.len().max(1)));
        self
    }

    /// A place for each of some names, which are cut to an axis of some width in units.
    pub(crate) fn names(names: &[String], width: f64) -> Self {
        let room = width / names.len().max(1) as f64;
        // Where not all can be read, some can.
        let every = (26.0 / room).ceil().max(1.0) as usize;
        let ticks = names.iter().enumerate().step_by(every);
        let ticks = ticks.map(|(at, name)| (at as f64, cut(name, room * every as f64 - 4.0))).collect();
        Self { ends: [-0.5, names.len().max(1) as f64 - 0.5], ticks, steps: Steps::Linear }
    }

    /// From one round value to another.
    pub(crate) fn of(ticks: &[f64]) -> Self {
        let labels = labels(ticks);
        Self {
            ends: [ticks[0], ticks[ticks.len() - 1]],
            ticks: ticks.iter().copied().zip(labels).collect(),
            steps: Steps::Linear,
        }
    }

    /// From 0 to 1.
    pub(crate) fn unit() -> Self {
        Self::of(&[0.0, 0.2, 0.4, 0.6, 0.8, 1.0])
    }

    /// Whole numbers from 0 to at least the largest count.
    pub(crate) fn counts(most: usize) -> Self {
        let most = most.max(1);
        let steps = (0..18).flat_map(|power| [1, 2, 5].map(|factor| factor * 10_usize.pow(power)));
        let step = steps.into_iter().find(|step| most.div_ceil(*step) <= 5).unwrap_or(most);
        Self::of(&(0..=most.div_ceil(step)).map(|tick| (tick * step) as f64).collect::<Vec<_>>())
    }

    /// Whole numbers within `0..=last`, for epochs and such.
    pub(crate) fn whole(last: usize) -> Self {
        let step = ticks(0.0, last.max(1) as f64).windows(2).map(|pair| (pair[1] - pair[0]).ceil() as usize).next();
        let places: Vec<f64> = (0..=last).step_by(step.unwrap_or(1).max(1)).map(|place| place as f64).collect();
        let ticks = places.iter().map(|place| (*place, number(*place))).collect();
        Self { ends: [0.0, last.max(1) as f64], ticks, steps: Steps::Linear }
    }

    /// A linear axis between two values with nothing written.
    pub(crate) fn plain(from: f64, to: f64) -> Self {
        Self { ends: [from, to], ticks: Vec::new(), steps: Steps::Linear }
    }

    fn decades(low: f64, high: f64) -> Self {
        let [low, high] = if high > low * 1.5 { [low / 1.15, high * 1.15] } else { [low / 2.0, high * 2.0] };
        let span = (high / low).log10();
        let [first, last] = [low, high].map(|end| end.log10().floor() as i32);
        let every = (span / 7.0).ceil().max(1.0) as i32;
        let powers = || (first..=last).filter(|power| power.rem_euclid(every) == 0);
        let within = |factors: &[f64]| -> Vec<f64> {
            // Read from text: 3 times 1e-5 is not the number that is written 3e-5.
            let tick = |factor: &f64, power: i32| format!("{factor}e{power}").parse().expect("a number");
            let all = powers().flat_map(|power| factors.iter().map(move |factor| tick(factor, power)));
            all.filter(|tick| (low..=high).contains(tick)).collect()
        };
        // The roundest values of which there are enough.
        let [coarse, finer, finest] =
            [&[1.0][..], &[1.0, 2.0, 5.0], &[1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0, 9.0]].map(within);
        let ticks = if coarse.len() > 2 {
            coarse
        } else if finer.len() > 1 {
            finer
        } else if finest.len() > 1 {
            finest
        } else {
            ticks(low, high).into_iter().filter(|tick| (low..=high).contains(tick)).collect()
        };
        let written = |tick: f64| (tick, number(tick));
        Self { ends: [low, high], ticks: ticks.into_iter().map(written).collect(), steps: Steps::Log }
    }

    /// How wide the written values are at most, in units.
    pub(crate) fn widest(&self) -> f64 {
        self.ticks.iter().map(|(_, text)| wide(text)).fold(0.0, f64::max)
    }

    /// Where a value lies, 0 at the start and 1 at the end.
    pub(crate) fn share(&self, value: f64) -> f64 {
        let [from, to] = self.ends;
        match self.steps {
            Steps::Linear => (value - from) / (to - from),
            Steps::Log => (value / from).ln() / (to / from).ln(),
        }
    }

    /// The value at a share of the axis.
    pub(crate) fn value(&self, share: f64) -> f64 {
        let [from, to] = self.ends;
        match self.steps {
            Steps::Linear => from + (to - from) * share,
            Steps::Log => from * (to / from).powf(share),
        }
    }
}

impl Ranged for Scale {
    type FormatOption = NoDefaultFormatting;
    type ValueType = f64;

    fn map(&self, value: &f64, (from, to): (i32, i32)) -> i32 {
        (f64::from(from) + f64::from(to - from) * self.share(*value)).round() as i32
    }

    fn key_points<Hint: KeyPointHint>(&self, hint: Hint) -> Vec<f64> {
        match hint.weight() {
            KeyPointWeight::Bold => self.ticks.iter().map(|(tick, _)| *tick).collect(),
            // No finer lines between those that are written.
            KeyPointWeight::Any => Vec::new(),
        }
    }

    fn range(&self) -> Range<f64> {
        self.ends[0]..self.ends[1]
    }
}

impl ValueFormatter<f64> for Scale {
    fn format_ext(&self, value: &f64) -> String {
        self.ticks.iter().find(|(tick, _)| tick == value).map_or_else(String::new, |(_, text)| text.clone())
    }
}

/// Three to six round numbers that enclose a range.
pub(crate) fn ticks(low: f64, high: f64) -> Vec<f64> {
    let span = (high - low).max(high.abs().max(low.abs()) * 1e-9).max(1e-12);
    let rough = 10_f64.powf((span / 4.0).log10().floor());
    let step = [1.0, 2.0, 2.5, 5.0, 10.0]
        .iter()
        .map(|factor| factor * rough)
        .find(|step| span / step <= 5.0)
        .unwrap_or(rough * 10.0);
    // Division by a step that no binary number is may fall a little below a whole number.
    let first = (low / step + 1e-9).floor();
    let last = (high / step - 1e-9).ceil().max(first + 1.0);
    (0..=(last - first) as usize).map(|index| (first + index as f64) * step).collect()
}

/// Round numbers in words of equal precision.
fn labels(ticks: &[f64]) -> Vec<String> {
    let step = ticks.windows(2).map(|pair| pair[1] - pair[0]).fold(f64::INFINITY, f64::min);
    let most = ticks.iter().map(|tick| tick.abs()).fold(0.0, f64::max);
    if most >= 10_000.0 || step < 1e-4 {
        return ticks.iter().map(|tick| number(*tick)).collect();
    }
    let whole = |decimals: i32| {
        let scaled = step * 10_f64.powi(decimals);
        (scaled - scaled.round()).abs() < 1e-6
    };
    let decimals = (0..5).find(|decimals| whole(*decimals)).unwrap_or(5) as usize;
    let text = |tick: &f64| {
        let text = format!("{tick:.decimals$}");
        // A minus of its own width, and none before 0.
        match text.strip_prefix('-') {
            Some(rest) if rest.chars().all(|c| matches!(c, '0' | '.')) => rest.to_owned(),
            Some(rest) => format!("−{rest}"),
            None => text,
        }
    };
    ticks.iter().map(text).collect()
}

/// A number in few letters: thousands as k, so that numbers do not stand on each other.
pub(crate) fn number(value: f64) -> String {
    let text = match value.abs() {
        1e6.. => format!("{}M", short(value / 1e6)),
        10_000.0.. => format!("{}k", short(value / 1e3)),
        0.01.. => short(value),
        0.0 => "0".to_owned(),
        _ => format!("{value:.0e}"),
    };
    text.strip_prefix('-').map_or(text.clone(), |rest| format!("−{rest}"))
}

/// A number with two digits more than the span of an axis has.
pub(crate) fn precise(value: f64, scale: &Scale) -> String {
    let span = (scale.ends[1] - scale.ends[0]).abs();
    let decimals = if span > 0.0 { (2.0 - span.log10().floor()).clamp(0.0, 6.0) as usize } else { 3 };
    let text = format!("{value:.decimals$}");
    text.strip_prefix('-').map_or(text.clone(), |rest| format!("−{rest}"))
}

/// A number with three decimals at most.
pub(crate) fn short(number: f64) -> String {
    let text = format!("{number:.3}");
    let text = text.trim_end_matches('0').trim_end_matches('.');
    if matches!(text, "-0" | "") { "0".to_owned() } else { text.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticks_enclose_the_range() {
        for (low, high) in [(0.0, 1.0), (-0.9, -0.2), (3.0, 3.0), (1e-4, 2e-4), (0.3, 0.7), (1e9, 1e9 + 1.0)] {
            let ticks = ticks(low, high);
            assert!((2..=8).contains(&ticks.len()), "{ticks:?}");
            let slack = (high - low) * 1e-6 + 1e-9;
            assert!(ticks[0] <= low + slack && ticks[ticks.len() - 1] >= high - slack, "{ticks:?}");
        }
    }

    #[test]
    fn axes_of_counts_are_whole_numbers() {
        for most in [0, 1, 2, 3, 7, 100, 12_345] {
            let Scale { ends, ticks, .. } = Scale::counts(most);
            assert!(ticks.len() >= 2 && ends[0] == 0.0 && ends[1] >= most as f64, "{most}: {ticks:?}");
            assert!(ticks.iter().all(|(tick, _)| tick.fract() == 0.0), "{most}: {ticks:?}");
        }
        assert_eq!([number(12_500.0), number(0.0), number(2e-5), number(-1.25)], ["12.5k", "0", "2e-5", "−1.25"]);
    }

    #[test]
    fn labels_have_one_precision() {
        let of = |low, high| Scale::of(&ticks(low, high)).ticks.into_iter().map(|(_, text)| text).collect::<Vec<_>>();
        assert_eq!(of(-0.01, 0.02), ["−0.01", "0.00", "0.01", "0.02"]);
        assert_eq!(of(0.0, 0.004), ["0.000", "0.001", "0.002", "0.003", "0.004"]);
        assert_eq!(of(0.0, 40_000.0), ["0", "10k", "20k", "30k", "40k"]);
    }

    #[test]
    fn logarithmic_axes_multiply() {
        let scale = Scale::around([3.0, 0.0, 2e5].into_iter(), Steps::Log);
        assert_eq!(
            scale.ticks.iter().map(|(_, text)| text.as_str()).collect::<Vec<_>>(),
            ["10", "100", "1000", "10k", "100k"]
        );
        let apart = |one, other| scale.share(other) - scale.share(one);
        assert!((apart(10.0, 100.0) - apart(1000.0, 10_000.0)).abs() < 1e-12);
        let narrow = Scale::around([30.0, 60.0].into_iter(), Steps::Log);
        assert_eq!(narrow.ticks.iter().map(|(_, text)| text.as_str()).collect::<Vec<_>>(), ["30", "40", "50", "60"]);
    }
}
