//! Two systems on the same patients.
//!
//! Does not know whether they differ; `pipe-metrics` tests that.

use pipe_metrics::{
    Direction,
    statistics::{mean_and_sd, median},
};

use super::{
    canvas::{Canvas, Role, WIDTH, cut, wide},
    marks::{Anchor, Grid, HEAD, Key, LINE, RIGHT, beside, head, legend, legend_height, panel, paper},
    scale::{Axis, Scale, Steps, precise},
    thin,
};

/// How pairs are shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PairedView {
    /// A line for each patient from one system to the other: for few patients.
    Slopes,
    /// The difference against the mean of both, with mean difference and limits of agreement: Bland and Altman, *Statistical methods
    /// for assessing agreement between two methods of clinical measurement*, Lancet 327 (1986).
    Differences,
}

/// Values of two systems by patient.
#[derive(Clone, Debug, PartialEq)]
pub struct PairedPlot {
    /// What they are.
    pub title: String,
    /// How they are shown.
    pub view: PairedView,
    /// What the values are.
    pub value: Axis,
    /// Which way is better.
    pub direction: Direction,
    /// Names of the systems.
    pub systems: [String; 2],
    /// Patient, value of the first, value of the second.
    pub patients: Vec<(String, f64, f64)>,
}

const HEIGHT: f64 = 190.0;
/// Slopes that are drawn.
const SLOPES: usize = 150;
/// Dots that are drawn one by one.
const DOTS: usize = 400;
/// Patients farthest out that are named.
const NAMES: usize = 3;

impl PairedPlot {
    /// The picture.
    pub fn svg(&self) -> String {
        let finite = |(_, one, other): &&(String, f64, f64)| one.is_finite() && other.is_finite();
        let patients: Vec<&(String, f64, f64)> = self.patients.iter().filter(finite).collect();
        match self.view {
            PairedView::Slopes => self.slopes(&patients),
            PairedView::Differences => self.differences(&patients),
        }
    }

    fn better(&self, (_, one, other): &(String, f64, f64)) -> bool {
        match self.direction {
            Direction::Higher => other > one,
            Direction::Lower => other < one,
        }
    }

    fn counts(&self, patients: &[&(String, f64, f64)]) -> [usize; 3] {
        let better = patients.iter().filter(|patient| self.better(patient)).count();
        let equal = patients.iter().filter(|(_, one, other)| one == other).count();
        [better, patients.len() - better - equal, equal]
    }

    fn slopes(&self, patients: &[&(String, f64, f64)]) -> String {
        let y = Scale::around(patients.iter().flat_map(|(_, one, other)| [*one, *other]), Steps::Linear);
        let x = Scale::plain(-0.12, 1.12);
        let [better, worse, equal] = self.counts(patients);
        let [first, second] = self.systems.each_ref().map(|name| cut(name, 130.0));
        let key = |role, name| Key { role, name };
        let keys = [
            key(Role::Line(0), format!("better with {second} ({better})")),
            key(Role::Line(1), format!("worse ({worse})")),
            key(Role::Line(6), format!("equal ({equal})")),
            key(Role::Median, "median of each".to_owned()),
        ];
        let shown = patients.len().min(SLOPES);
        let note = (patients.len() > SLOPES).then(|| format!("{shown} of {} patients, evenly by name", patients.len()));
        let top = legend_height(&keys) + HEAD;
        let canvas = Canvas::new(top + HEIGHT + LINE * if note.is_some() { 2.0 } else { 1.0 } + 6.0);
        let paper = paper(&canvas);
        legend(&paper, &keys, 0.0);
        head(&paper, top, &self.value.label());
        let marks = panel(&canvas, [beside(&y), top, WIDTH - RIGHT, top + HEIGHT], &x, &y, Grid::Rows);
        for at in 0..shown {
            let patient = patients[at * patients.len() / shown];
            let (name, one, other) = patient;
            let colour = if one == other { 6 } else { usize::from(!self.better(patient)) };
            let thin = patients.len() > 40;
            marks.line([(0.0, *one), (1.0, *other)], if thin { Role::Faint(colour) } else { Role::Line(colour) });
            for (place, value) in [(0.0, *one), (1.0, *other)] {
                marks.dot((place, value), 2.5, Role::Dot(colour), &format!("{name}: {}", precise(value, &y)));
            }
        }
        let values =
            |pick: fn(&(String, f64, f64)) -> f64| median(&patients.iter().map(|p| pick(p)).collect::<Vec<_>>());
        let medians = (values(|patient| patient.1), values(|patient| patient.2));
        if let (Some(one), Some(other)) = medians {
            marks.line([(-0.07, one), (0.07, one)], Role::Median);
            marks.line([(0.93, other), (1.07, other)], Role::Median);
        }
        for (place, name) in [(0.0, &first), (1.0, &second)] {
            let (x, _) = marks.place((place, y.ends[0]));
            let x = x.clamp(wide(name) / 2.0 + 2.0, WIDTH - wide(name) / 2.0 - 2.0);
            paper.text((x, top + HEIGHT + LINE / 2.0 + 3.0), name, Role::Strong, Anchor::Middle);
        }
        if let Some(note) = note {
            paper.text((WIDTH / 2.0, top + HEIGHT + LINE * 1.5 + 3.0), &note, Role::Soft, Anchor::Middle);
        }
        let median = |value: Option<f64>| value.map_or("none".to_owned(), |value| precise(value, &y));
        let description = format!(
            "{} of {} patients with {} and {}: better with the second {better}, worse {worse}, equal {equal}; medians {} and {}.",
            self.value.label(),
            patients.len(),
            self.systems[0],
            self.systems[1],
            median(medians.0),
            median(medians.1)
        );
        drop((marks, paper));
        canvas.finish(&self.title, &description)
    }

    fn differences(&self, patients: &[&(String, f64, f64)]) -> String {
        let mut places: Vec<(&str, f64, f64)> = patients
            .iter()
            .map(|(name, one, other)| (name.as_str(), f64::midpoint(*one, *other), other - one))
            .collect();
        let differences: Vec<f64> = places.iter().map(|place| place.2).collect();
        let (mean, sd) = mean_and_sd(&differences);
        let lines: Vec<(f64, &str)> = match (mean, sd) {
            (Some(mean), Some(sd)) => {
                vec![(mean + 1.96 * sd, "+1.96 SD"), (mean, "mean"), (mean - 1.96 * sd, "−1.96 SD")]
            }
            (Some(mean), None) => vec![(mean, "mean")],
            _ => Vec::new(),
        };
        let x = Scale::padded(places.iter().map(|place| place.1), Steps::Linear);
        let all = differences.iter().copied().chain(lines.iter().map(|line| line.0)).chain([0.0]);
        let y = Scale::around(all, Steps::Linear);
        let [first, second] = self.systems.each_ref().map(|name| cut(name, 110.0));
        let [better, worse, equal] = self.counts(patients);
        let thinned = places.len() > DOTS;
        let top = HEAD;
        let canvas = Canvas::new(top + HEIGHT + LINE * if thinned { 3.0 } else { 2.0 } + 8.0);
        let paper = paper(&canvas);
        let label = |name: &str| Axis::new(name, &self.value.unit).label();
        let up = label(&format!("{} of {second} − {first}", self.value.name));
        head(&paper, top, &up);
        let marks = panel(&canvas, [beside(&y), top, WIDTH - RIGHT, top + HEIGHT], &x, &y, Grid::Both);
        marks.line([(x.ends[0], 0.0), (x.ends[1], 0.0)], Role::Axis);
        for (value, name) in &lines {
            let role = if *name == "mean" { Role::Median } else { Role::Guide };
            marks.line([(x.ends[0], *value), (x.ends[1], *value)], role);
        }
        places.sort_by(|one, other| {
            (other.2 - mean.unwrap_or(0.0)).abs().total_cmp(&(one.2 - mean.unwrap_or(0.0)).abs())
        });
        let drawn = if thinned { evenly(&places) } else { places.clone() };
        for (name, across, up) in &drawn {
            marks.dot((*across, *up), 3.0, Role::Dot(0), &format!("{name}: {}", precise(*up, &y)));
        }
        for (name, across, up) in places.iter().take(NAMES).filter(|_| places.len() > NAMES) {
            let (at, height) = marks.place((*across, *up));
            let name = cut(name, 120.0);
            let (at, anchor) =
                if at + wide(&name) > WIDTH - 80.0 { (at - 5.0, Anchor::End) } else { (at + 5.0, Anchor::Start) };
            paper.text((at, height), &name, Role::Name, anchor);
        }
        for (value, name) in &lines {
            let (_, height) = marks.place((x.ends[0], *value));
            let text = format!("{name} {}", precise(*value, &y));
            paper.text((WIDTH - RIGHT - 2.0, height - 6.5), &text, Role::Name, Anchor::End);
        }
        let below = top + HEIGHT + LINE + 10.0;
        let across = label(&format!("mean {} of both", self.value.name));
        paper.text((WIDTH / 2.0, below), &across, Role::Strong, Anchor::Middle);
        if thinned {
            let note = format!("{} of {} patients, all of the {DOTS} farthest out", drawn.len(), places.len());
            paper.text((WIDTH / 2.0, below + LINE), &note, Role::Soft, Anchor::Middle);
        }
        let words: Vec<String> = lines.iter().map(|(value, name)| format!("{name} {}", precise(*value, &y))).collect();
        let description = format!(
            "Difference {} less {} of {} patients: {}; better with the second {better}, worse {worse}, equal {equal}.",
            self.systems[1],
            self.systems[0],
            patients.len(),
            words.join(", ")
        );
        drop((marks, paper));
        canvas.finish(&self.title, &description)
    }
}

/// Those farthest out, which stand first, and of the others some evenly.
fn evenly<'p>(places: &[(&'p str, f64, f64)]) -> Vec<(&'p str, f64, f64)> {
    let (far, near) = places.split_at(DOTS);
    let ranks: Vec<f64> = (0..near.len()).map(|at| at as f64).collect();
    far.iter().copied().chain(thin::sorted(&ranks, DOTS).into_iter().map(|at| near[at as usize])).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plot(view: PairedView, patients: Vec<(String, f64, f64)>) -> String {
        PairedPlot {
            title: "t".into(),
            view,
            value: Axis::new("HD95", "mm"),
            direction: Direction::Lower,
            systems: ["U-Net".into(), "<new>".into()],
            patients,
        }
        .svg()
    }

    #[test]
    fn which_is_better_follows_the_direction() {
        let patients =
            vec![("a".into(), 3.0, 2.0), ("b".into(), 1.0, 4.0), ("c".into(), 5.0, 5.0), ("d".into(), 2.0, f64::NAN)];
        let svg = plot(PairedView::Slopes, patients.clone());
        assert!(
            svg.contains("better with &lt;new&gt; (1)") && svg.contains("worse (1)") && svg.contains("equal (1)"),
            "{svg}"
        );
        let svg = plot(PairedView::Differences, patients);
        assert!(svg.contains("HD95 of &lt;new&gt; − U-Net (mm)") && svg.contains("+1.96 SD"), "{svg}");
        assert!(!svg.contains("NaN"));
        for view in [PairedView::Slopes, PairedView::Differences] {
            assert!(!plot(view, Vec::new()).contains("NaN"));
            let many: Vec<_> =
                (0..10_000).map(|at| (format!("p{at}"), f64::from(at % 77), f64::from(at % 50))).collect();
            let svg = plot(view, many);
            assert!(svg.len() < 120_000 && svg.contains("of 10000 patients"), "{}", svg.len());
        }
    }
}
