//! Two numbers of each case, of one or several groups.
//!
//! Does not know what the numbers are.

use std::collections::BTreeMap;

use super::{
    canvas::{Canvas, Role, WIDTH, cut, wide},
    marks::{Anchor, Grid, HEAD, Key, LINE, Marks, RIGHT, beside, head, legend, legend_height, panel, paper},
    scale::{Axis, Scale, Steps, number},
};

/// Dots of several groups.
#[derive(Clone, Debug, PartialEq)]
pub struct Clouds {
    /// What they are.
    pub title: String,
    /// The horizontal axis, e.g. the size of the reference.
    pub x: Axis,
    /// Its steps.
    pub steps: Steps,
    /// The vertical axis.
    pub y: Axis,
    /// The groups.
    pub clouds: Vec<Cloud>,
}

/// The dots of one group.
#[derive(Clone, Debug, PartialEq)]
pub struct Cloud {
    /// Its name.
    pub name: String,
    /// Its dots.
    pub dots: Vec<Dot>,
}

/// One case, or several that agree.
#[derive(Clone, Debug, PartialEq)]
pub struct Dot {
    /// Along the horizontal axis.
    pub x: f64,
    /// Along the vertical axis.
    pub y: f64,
    /// What is written beside it; for the few that are worth it.
    pub name: Option<String>,
}

const HEIGHT: f64 = 180.0;
/// Dots that are drawn one by one; more become squares, darker where there are more.
const DOTS: usize = 600;
/// Squares along each axis, where dots are counted.
const SQUARES: [usize; 2] = [48, 28];
/// Names that are written.
const NAMES: usize = 5;

impl Clouds {
    /// The picture.
    pub fn svg(&self) -> String {
        let dots = || self.clouds.iter().flat_map(|cloud| &cloud.dots);
        let fits = |dot: &&Dot| dot.x.is_finite() && dot.y.is_finite() && (self.steps == Steps::Linear || dot.x > 0.0);
        let (all, shown) = (dots().count(), dots().filter(fits).count());
        let x = Scale::padded(dots().filter(fits).map(|dot| dot.x), self.steps);
        let y = Scale::padded(dots().filter(fits).map(|dot| dot.y), Steps::Linear);
        let counted = shown > DOTS;
        let keys: Vec<Key> = match &self.clouds[..] {
            [_] => Vec::new(),
            clouds => clouds
                .iter()
                .enumerate()
                .map(|(at, cloud)| Key { role: Role::Dot(at), name: cloud.name.clone() })
                .collect(),
        };
        let mut notes = Vec::new();
        if all > shown {
            let why = if self.steps == Steps::Log {
                "cases cannot be shown on a logarithmic axis"
            } else {
                "cases have no value"
            };
            notes.push(format!("{} of {all} {why}", all - shown));
        }
        if counted {
            notes.push(format!("{shown} cases: the darker a square, the more of them"));
        }
        let top = legend_height(&keys) + HEAD;
        let canvas = Canvas::new(top + HEIGHT + LINE * (2.0 + notes.len() as f64) + 8.0);
        let paper = paper(&canvas);
        legend(&paper, &keys, 0.0);
        head(&paper, top, &self.y.label());
        let marks = panel(&canvas, [beside(&y), top, WIDTH - RIGHT, top + HEIGHT], &x, &y, Grid::Both);
        for (at, cloud) in self.clouds.iter().enumerate() {
            let fitting: Vec<&Dot> = cloud.dots.iter().filter(fits).collect();
            if counted { squares(&marks, &fitting, at, &x, &y) } else { circles(&marks, &fitting, at) }
        }
        let named = dots().filter(fits).filter_map(|dot| Some((marks.place((dot.x, dot.y)), dot.name.as_deref()?)));
        for ((x, y), name) in named.take(NAMES) {
            let name = cut(name, 140.0);
            let (x, anchor) =
                if x + wide(&name) + 8.0 > WIDTH { (x - 5.0, Anchor::End) } else { (x + 5.0, Anchor::Start) };
            paper.text((x, y), &name, Role::Name, anchor);
        }
        let below = top + HEIGHT + LINE + 2.0;
        paper.text((WIDTH / 2.0, below + 8.0), &self.x.label(), Role::Strong, Anchor::Middle);
        for (at, note) in notes.iter().enumerate() {
            paper.text((WIDTH / 2.0, below + 8.0 + LINE * (at as f64 + 1.0)), note, Role::Soft, Anchor::Middle);
        }
        let names: Vec<&str> = self.clouds.iter().map(|cloud| cloud.name.as_str()).collect();
        let span = |scale: &Scale| format!("{} to {}", number(scale.ends[0]), number(scale.ends[1]));
        let description = format!(
            "{} against {} of {shown} cases ({}). Horizontal axis {}, vertical axis {}.",
            self.y.label(),
            self.x.label(),
            names.join(", "),
            span(&x),
            span(&y)
        );
        drop((marks, paper));
        canvas.finish(&self.title, &description)
    }
}

/// Dots; those that agree are one larger dot.
fn circles(marks: &Marks<'_>, dots: &[&Dot], colour: usize) {
    let mut sorted = dots.to_vec();
    sorted.sort_by(|one, other| one.x.total_cmp(&other.x).then(one.y.total_cmp(&other.y)));
    for equal in sorted.chunk_by(|one, other| one.x == other.x && one.y == other.y) {
        // Its area grows with the logarithm: one case is seen beside ten thousand.
        let radius = 3.0 + (equal.len() as f64).ln() * 1.3;
        let names: Vec<&str> = equal.iter().filter_map(|dot| dot.name.as_deref()).collect();
        let what = if names.is_empty() { String::new() } else { format!("{}: ", names.join(", ")) };
        let count = if equal.len() > 1 { format!(": {}", equal.len()) } else { String::new() };
        let tip = format!("{what}{} x {}{count}", number(equal[0].x), number(equal[0].y));
        marks.dot((equal[0].x, equal[0].y), radius, Role::Dot(colour), &tip);
    }
}

fn squares(marks: &Marks<'_>, dots: &[&Dot], colour: usize, x: &Scale, y: &Scale) {
    let mut counts: BTreeMap<[usize; 2], usize> = BTreeMap::new();
    let step = |share: f64, steps: usize| ((share * steps as f64) as usize).min(steps - 1);
    for dot in dots {
        *counts.entry([step(x.share(dot.x), SQUARES[0]), step(y.share(dot.y), SQUARES[1])]).or_default() += 1;
    }
    let most = counts.values().copied().max().unwrap_or(1) as f64;
    for (place, count) in counts {
        let corner = |more: usize| {
            let [across, up] =
                [(place[0] + more) as f64 / SQUARES[0] as f64, (place[1] + more) as f64 / SQUARES[1] as f64];
            (x.value(across), y.value(up))
        };
        // One case is seen beside thousands.
        let strength = 0.2 + 0.8 * (1.0 + count as f64).ln() / (1.0 + most).ln();
        marks.rectangle([corner(0), corner(1)], Role::Fill(colour), strength, &count.to_string());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn clouds(dots: Vec<Dot>) -> Clouds {
        Clouds {
            title: "t".into(),
            x: Axis::new("reference", "mm³"),
            steps: Steps::Log,
            y: Axis::new("Dice", ""),
            clouds: vec![Cloud { name: "a".into(), dots }],
        }
    }

    #[test]
    fn equal_dots_are_one_and_what_has_no_place_is_said() {
        let dot = |x, y| Dot { x, y, name: None };
        let mut dots = vec![dot(10.0, 0.5), dot(10.0, 0.5), dot(0.0, 0.5), dot(300.0, 0.9)];
        dots[3].name = Some("<p1>".into());
        let svg = clouds(dots).svg();
        assert!(svg.matches("<circle").count() == 2 && svg.contains(": 2</title>"), "{svg}");
        assert!(
            svg.contains("1 of 4 cases cannot be shown on a logarithmic axis") && svg.contains("&lt;p1&gt;</text>"),
            "{svg}"
        );
    }

    #[test]
    fn ten_thousand_dots_are_counted_in_squares() {
        let dot = |at: i32| Dot { x: 1.0 + f64::from(at % 997), y: f64::from(at % 101) / 101.0, name: None };
        let svg = clouds((0..10_000).map(dot).collect()).svg();
        assert!(
            svg.len() < 150_000 && !svg.contains("<circle") && svg.contains("10000 cases: the darker"),
            "{}",
            svg.len()
        );
    }
}
