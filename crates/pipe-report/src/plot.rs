//! Small plots as SVG: how numbers are spread, how two go together, how much of each.
//!
//! Does not know what the numbers are.

use std::fmt::Write as _;

use crate::{
    curve::{short, ticks},
    html::escape,
};

/// A plot of some numbers.
#[derive(Clone, Debug, PartialEq)]
pub enum Plot {
    /// How often numbers occur.
    Histogram {
        /// What they are, with their unit.
        title: String,
        /// The numbers.
        values: Vec<f64>,
    },
    /// Shares over one axis, a line each.
    Lines {
        /// What they are.
        title: String,
        /// Where the axis begins and ends.
        range: [f64; 2],
        /// Name and shares of each line, in equal steps.
        lines: Vec<(String, Vec<f64>)>,
    },
    /// Two numbers of each case; cases that agree are one larger dot.
    Scatter {
        /// What they are.
        title: String,
        /// Name of the horizontal axis, and of the vertical one.
        axes: [String; 2],
        /// The numbers.
        points: Vec<[f64; 2]>,
    },
    /// How much there is of each.
    Bars {
        /// What there is.
        title: String,
        /// Name, share from 0 to 1, and what stands beside the bar.
        bars: Vec<(String, f64, String)>,
    },
}

const WIDTH: f64 = 360.0;
const HEIGHT: f64 = 210.0;
const LEFT: f64 = 46.0;
const RIGHT: f64 = 12.0;
const TOP: f64 = 10.0;
const BOTTOM: f64 = 34.0;
/// Steps of a histogram.
const STEPS: usize = 24;
/// Bars that are drawn; the others are counted.
const BARS: usize = 30;
/// Height of a bar with its space.
const BAR: f64 = 22.0;

impl Plot {
    /// What it shows.
    pub fn title(&self) -> &str {
        match self {
            Self::Histogram { title, .. }
            | Self::Lines { title, .. }
            | Self::Scatter { title, .. }
            | Self::Bars { title, .. } => title,
        }
    }

    /// The plot as a picture; colours follow the page.
    pub fn svg(&self) -> String {
        match self {
            Self::Histogram { title, values } => histogram(title, values),
            Self::Lines { title, range, lines } => self::lines(title, *range, lines),
            Self::Scatter { title, axes, points } => scatter(title, axes, points),
            Self::Bars { title, bars } => self::bars(title, bars),
        }
    }
}

fn open(title: &str, height: f64) -> String {
    format!("<svg class=\"plot\" viewBox=\"0 0 {WIDTH} {height}\" role=\"img\" aria-label=\"{}\">\n", escape(title))
}

/// Where a share of an axis lies.
fn along(share: f64) -> f64 {
    LEFT + (WIDTH - LEFT - RIGHT) * share
}

fn up(share: f64) -> f64 {
    HEIGHT - BOTTOM - (HEIGHT - TOP - BOTTOM) * share
}

/// Lines and numbers of the vertical axis.
fn rows(svg: &mut String, ticks: &[f64], label: impl Fn(f64) -> String) {
    let (low, high) = (ticks[0], ticks[ticks.len() - 1]);
    for tick in ticks {
        let y = up((tick - low) / (high - low));
        writeln!(svg, "<line class=\"grid\" x1=\"{LEFT}\" x2=\"{:.1}\" y1=\"{y:.1}\" y2=\"{y:.1}\"/>", WIDTH - RIGHT)
            .expect("writing to a text");
        writeln!(svg, "<text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"end\">{}</text>", LEFT - 6.0, y + 3.5, label(*tick))
            .expect("writing to a text");
    }
}

/// Numbers of the horizontal axis.
fn columns(svg: &mut String, ticks: &[f64], label: impl Fn(f64) -> String) {
    let (low, high) = (ticks[0], ticks[ticks.len() - 1]);
    for (at, tick) in ticks.iter().enumerate() {
        let x = along((tick - low) / (high - low));
        let anchor = if at + 1 == ticks.len() { "end" } else { "middle" };
        writeln!(
            svg,
            "<text x=\"{x:.1}\" y=\"{:.1}\" text-anchor=\"{anchor}\">{}</text>",
            HEIGHT - BOTTOM + 15.0,
            label(*tick)
        )
        .expect("writing to a text");
    }
}

/// A number of an axis: thousands as k, so that numbers do not stand on each other.
fn number(value: f64) -> String {
    match value.abs() {
        1e6.. => format!("{}M", short(value / 1e6)),
        10_000.0.. => format!("{}k", short(value / 1e3)),
        0.01.. => short(value),
        0.0 => "0".to_owned(),
        _ => format!("{value:.0e}"),
    }
}

/// Round numbers around some numbers; around equal ones, some space.
fn around(values: impl Iterator<Item = f64>) -> Vec<f64> {
    let finite = values.filter(|value| value.is_finite());
    let (low, high) =
        finite.fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), value| (low.min(value), high.max(value)));
    if !low.is_finite() {
        return vec![0.0, 1.0];
    }
    if high - low <= high.abs() * 1e-9 {
        let space = if high == 0.0 { 1.0 } else { high.abs() * 0.5 };
        return ticks(low - space, high + space);
    }
    ticks(low, high)
}

/// Ticks of counts: whole numbers from 0.
fn counts(most: usize) -> Vec<f64> {
    let all = ticks(0.0, most.max(1) as f64);
    let whole: Vec<f64> = all.iter().copied().filter(|tick| tick.fract() == 0.0).collect();
    if whole.len() >= 2 && whole[whole.len() - 1] >= most as f64 { whole } else { vec![0.0, most.max(1) as f64] }
}

/// Values so unequal that most would stand in one step of a plain axis: all above 0, the largest far above the middle.
fn unequal(values: &[f64]) -> bool {
    let mut sorted: Vec<f64> = values.iter().copied().filter(|value| value.is_finite()).collect();
    sorted.sort_by(f64::total_cmp);
    sorted.first().is_some_and(|least| *least > 0.0 && sorted[sorted.len() - 1] > 30.0 * sorted[sorted.len() / 2])
}

fn histogram(title: &str, values: &[f64]) -> String {
    let finite: Vec<f64> = values.iter().copied().filter(|value| value.is_finite()).collect();
    let logarithmic = unequal(&finite);
    let place = |value: f64| if logarithmic { value.log10() } else { value };
    let name = |place: f64| number(if logarithmic { 10_f64.powf(place) } else { place });
    let mut x = around(finite.iter().map(|value| place(*value)));
    if logarithmic {
        let (first, last) = (x[0].floor(), x[x.len() - 1].ceil());
        x = (0..=(last - first) as usize).map(|power| first + power as f64).collect();
    }
    let (low, high) = (x[0], x[x.len() - 1]);
    let mut steps = [0_usize; STEPS];
    for value in &finite {
        steps[(((place(*value) - low) / (high - low) * STEPS as f64) as usize).min(STEPS - 1)] += 1;
    }
    let y = counts(steps.iter().copied().max().unwrap_or(0));
    let most = y[y.len() - 1];
    let mut svg = open(title, HEIGHT);
    rows(&mut svg, &y, number);
    columns(&mut svg, &x, name);
    if logarithmic {
        let words = "each step of the axis is ten times the one before";
        writeln!(svg, "<text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"middle\">{words}</text>", along(0.5), HEIGHT - 5.0)
            .expect("writing to a text");
    }
    let wide = (along(1.0) - along(0.0)) / STEPS as f64;
    let end = |at: usize| name(low + (high - low) * at as f64 / STEPS as f64);
    for (at, count) in steps.iter().enumerate().filter(|(_, count)| **count > 0) {
        // A single case among thousands is seen, too.
        let height = (up(0.0) - up(*count as f64 / most)).max(1.5);
        writeln!(
            svg,
            "<rect class=\"bar\" x=\"{:.1}\" y=\"{:.1}\" width=\"{:.1}\" height=\"{height:.1}\" rx=\"1.5\"><title>{} to {}: {count}</title></rect>",
            along(at as f64 / STEPS as f64) + 0.5,
            up(0.0) - height,
            wide - 1.0,
            end(at),
            end(at + 1),
        )
        .expect("writing to a text");
    }
    svg + "</svg>\n"
}

fn lines(title: &str, [low, high]: [f64; 2], lines: &[(String, Vec<f64>)]) -> String {
    let x = if high > low { ticks(low, high) } else { around([low].into_iter()) };
    let (first, last) = (x[0], x[x.len() - 1]);
    let mut sorted: Vec<f64> = lines.iter().flat_map(|(_, shares)| shares).copied().collect();
    sorted.sort_by(f64::total_cmp);
    // Black borders would press all else to the floor: a few peaks far above the rest are cut, and say how high they are.
    let rest = sorted.len().saturating_sub(1 + sorted.len() / 24);
    let high_enough = sorted.get(rest).copied().unwrap_or(0.0) * 1.3;
    let most = sorted.last().copied().unwrap_or(0.0);
    let most = if high_enough > 0.0 && most > 3.0 * high_enough { high_enough } else { most };
    let y = ticks(0.0, most.max(1e-6));
    let most = y[y.len() - 1];
    let mut svg = open(title, HEIGHT);
    rows(&mut svg, &y, |share| format!("{} %", short(share * 100.0)));
    columns(&mut svg, &x, number);
    let mut key = LEFT + 6.0;
    for (at, (name, shares)) in lines.iter().enumerate() {
        let mut path = String::new();
        for (step, share) in shares.iter().enumerate() {
            for end in [step, step + 1] {
                let here = low + (high - low) * end as f64 / shares.len() as f64;
                write!(path, "{:.1},{:.1} ", along((here - first) / (last - first)), up((share / most).min(1.0)))
                    .expect("writing to a text");
            }
        }
        let cut = shares.iter().copied().enumerate().filter(|(_, share)| *share > most);
        if let Some((step, share)) = cut.max_by(|one, other| one.1.total_cmp(&other.1)) {
            let here = along((low + (high - low) * (step as f64 + 0.5) / shares.len() as f64 - first) / (last - first));
            let (anchor, beside) = if here > WIDTH / 2.0 { ("end", -6.0) } else { ("start", 6.0) };
            writeln!(
                svg,
                "<text class=\"t{at}\" x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"{anchor}\">up to {} %</text>",
                here + beside,
                TOP + 9.0 + 13.0 * at as f64,
                short((share * 1000.0).round() / 10.0)
            )
            .expect("writing to a text");
        }
        writeln!(svg, "<polyline class=\"line c{at}\" points=\"{}\"/>", path.trim_end()).expect("writing to a text");
        writeln!(svg, "<rect class=\"key{at}\" x=\"{key:.1}\" y=\"{:.1}\" width=\"12\" height=\"3\"/>", HEIGHT - 9.0)
            .expect("writing to a text");
        writeln!(svg, "<text x=\"{:.1}\" y=\"{:.1}\">{}</text>", key + 16.0, HEIGHT - 5.0, escape(name))
            .expect("writing to a text");
        key += 34.0 + 6.0 * name.chars().count() as f64;
    }
    svg + "</svg>\n"
}

fn scatter(title: &str, axes: &[String; 2], points: &[[f64; 2]]) -> String {
    let x = around(points.iter().map(|point| point[0]));
    let y = around(points.iter().map(|point| point[1]));
    let mut together: Vec<([f64; 2], usize)> = Vec::new();
    let mut sorted = points.to_vec();
    sorted.sort_by(|one, other| one[0].total_cmp(&other[0]).then(one[1].total_cmp(&other[1])));
    for point in sorted {
        match together.last_mut() {
            Some((known, count)) if *known == point => *count += 1,
            _ => together.push((point, 1)),
        }
    }
    let mut svg = open(title, HEIGHT);
    rows(&mut svg, &y, number);
    columns(&mut svg, &x, number);
    let place = |value: f64, ticks: &[f64]| (value - ticks[0]) / (ticks[ticks.len() - 1] - ticks[0]);
    for ([one, other], count) in &together {
        // Its area grows with the logarithm: one case is seen beside ten thousand.
        let radius = 3.0 + (*count as f64).ln() * 1.3;
        writeln!(
            svg,
            "<circle class=\"dot\" cx=\"{:.1}\" cy=\"{:.1}\" r=\"{radius:.1}\"><title>{} x {}: {count}</title></circle>",
            along(place(*one, &x)),
            up(place(*other, &y)),
            number(*one),
            number(*other)
        )
        .expect("writing to a text");
    }
    let [across, upwards] = axes.each_ref().map(|axis| escape(axis));
    writeln!(
        svg,
        "<text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"middle\">{across} (horizontal), {upwards} (vertical)</text>",
        along(0.5),
        HEIGHT - 5.0
    )
    .expect("writing to a text");
    svg + "</svg>\n"
}

fn bars(title: &str, bars: &[(String, f64, String)]) -> String {
    const NAMES: f64 = 110.0;
    const VALUES: f64 = 78.0;
    let shown = bars.len().min(BARS);
    let height = TOP + BAR * (shown as f64 + if bars.len() > BARS { 1.0 } else { 0.0 }) + 6.0;
    let mut svg = open(title, height);
    for (at, (name, share, beside)) in bars.iter().take(shown).enumerate() {
        let y = TOP + BAR * at as f64;
        let room = WIDTH - NAMES - VALUES;
        let short: String = name.chars().take(17).collect();
        let short = if short.len() < name.len() { format!("{short}…") } else { short };
        writeln!(
            svg,
            "<text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"end\">{}</text>\n<rect class=\"room\" x=\"{NAMES}\" y=\"{y:.1}\" width=\"{room}\" height=\"{:.1}\" rx=\"3\"/>\n<rect class=\"bar\" x=\"{NAMES}\" y=\"{y:.1}\" width=\"{:.1}\" height=\"{:.1}\" rx=\"3\"/>\n<text x=\"{:.1}\" y=\"{:.1}\">{}</text>",
            NAMES - 6.0,
            y + 12.0,
            escape(&short),
            BAR - 6.0,
            room * share.clamp(0.0, 1.0),
            BAR - 6.0,
            WIDTH - VALUES + 6.0,
            y + 12.0,
            escape(beside)
        )
        .expect("writing to a text");
    }
    if bars.len() > BARS {
        writeln!(svg, "<text x=\"{NAMES}\" y=\"{:.1}\">and {} more</text>", height - 10.0, bars.len() - BARS)
            .expect("writing to a text");
    }
    svg + "</svg>\n"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_number_is_drawn_and_none_is_infinite() {
        let plots = [
            Plot::Histogram { title: "a < b".into(), values: vec![1.0, 2.0, 2.0, f64::NAN] },
            Plot::Histogram { title: "equal".into(), values: vec![3.0; 5] },
            Plot::Histogram { title: "none".into(), values: Vec::new() },
            Plot::Histogram { title: "unequal".into(), values: vec![1.0, 2.0, 3.0, 50_000.0] },
            Plot::Scatter {
                title: "s".into(),
                axes: ["x".into(), "y".into()],
                points: vec![[1.0, 2.0], [1.0, 2.0], [3.0, 2.0]],
            },
            Plot::Lines { title: "l".into(), range: [0.0, 0.0], lines: vec![("all".into(), vec![0.0, 1.0])] },
            Plot::Bars {
                title: "b".into(),
                bars: vec![("<c>".into(), 2.0, "all".into()), ("d".into(), 0.0, String::new())],
            },
        ];
        for plot in &plots {
            let svg = plot.svg();
            assert!(!svg.contains("NaN") && !svg.contains("inf") && svg.ends_with("</svg>\n"), "{svg}");
        }
        let svg = plots[0].svg();
        assert!(svg.contains("a &lt; b") && svg.matches("class=\"bar\"").count() == 2, "{svg}");
        assert!(plots[4].svg().matches("<circle").count() == 2 && plots[4].svg().contains(": 2</title>"));
        let svg = plots[3].svg();
        assert!([">1<", ">10<", ">100k<", "ten times"].iter().all(|part| svg.contains(part)), "{svg}");
        assert!(plots[6].svg().contains("&lt;c&gt;"));
    }

    #[test]
    fn axes_of_counts_are_whole_numbers() {
        for most in [0, 1, 2, 3, 7, 100, 12_345] {
            let ticks = counts(most);
            assert!(ticks.len() >= 2 && ticks[0] == 0.0 && ticks[ticks.len() - 1] >= most as f64, "{most}: {ticks:?}");
            assert!(ticks.iter().all(|tick| tick.fract() == 0.0), "{most}: {ticks:?}");
        }
        assert_eq!([number(12_500.0), number(0.0), number(2e-5), number(1.25)], ["12.5k", "0", "2e-5", "1.25"]);
    }
}
