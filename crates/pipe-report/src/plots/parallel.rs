//! All parameters of each trial as one line from axis to axis, down to its value.
//!
//! Does not know which parameters matter.

use super::{
    canvas::{COLOURS, Canvas, Role, WIDTH, cut_start, wide},
    marks::{Anchor, Key, LINE, Marks, RIGHT, legend, paper},
    objective::{Objective, sample, sampled},
    scale::{Scale, Steps},
};
use crate::{Search, SearchGoal, SearchParameter, SearchScale, SearchState, SearchTrial, SearchValue, number::value};

/// Lines that are drawn.
const LINES: usize = 150;
/// Lines of pruned trials.
const PRUNED: usize = 60;
/// The best trials, which are all drawn.
const BEST: usize = 30;
/// From one axis to the next.
const ROW: f64 = 40.0;
/// Most room for names.
const NAMES: f64 = 110.0;
/// Room for trials that do not have a parameter.
const ABSENT: f64 = 40.0;
/// Where the first axis is.
const TOP: f64 = 2.0 * LINE + 18.0;

/// An axis.
struct Row {
    name: String,
    scale: Scale,
    /// Where it begins, in units.
    left: f64,
    /// Where trials stand that do not have the parameter.
    absent: Option<f64>,
}

impl Row {
    fn of(search: &Search, at: usize, name: String, names: f64, trials: &[&SearchTrial]) -> Self {
        let is_absent = trials.iter().any(|trial| number(&search.parameters[at], trial, at).is_none());
        let left = if is_absent { names + ABSENT } else { names };
        let values = trials.iter().filter_map(|trial| number(&search.parameters[at], trial, at));
        let scale = axis(&search.parameters[at], values, WIDTH - RIGHT - left);
        Self { name, scale, left, absent: is_absent.then_some(names + 4.0) }
    }

    fn place(&self, value: Option<f64>) -> f64 {
        let along = |value: f64| self.left + self.scale.share(value).clamp(0.0, 1.0) * (WIDTH - RIGHT - self.left);
        value.map_or(self.absent.unwrap_or(self.left), along)
    }
}

/// The axis of a parameter, of some width in units.
pub(super) fn axis(parameter: &SearchParameter, values: impl Iterator<Item = f64>, width: f64) -> Scale {
    match &parameter.scale {
        SearchScale::Labels(labels) => Scale::names(labels, width),
        SearchScale::Linear => Scale::padded(values, Steps::Linear).fitted(width),
        SearchScale::Log => Scale::around(values, Steps::Log).fitted(width),
    }
}

/// The value of a parameter as a place on its axis; none where it has none.
pub(super) fn number(parameter: &SearchParameter, trial: &SearchTrial, at: usize) -> Option<f64> {
    match (trial.values.get(at)?.as_ref()?, &parameter.scale) {
        (SearchValue::Number(number), SearchScale::Log) => Some(*number).filter(|it| it.is_finite() && *it > 0.0),
        (SearchValue::Number(number), SearchScale::Linear) => Some(*number).filter(|it| it.is_finite()),
        (SearchValue::Label(label), SearchScale::Labels(labels)) => {
            labels.iter().position(|known| known == label).map(|at| at as f64)
        }
        // Alternatives may be numbers.
        (value @ SearchValue::Number(_), SearchScale::Labels(labels)) => {
            labels.iter().position(|known| *known == value.read()).map(|at| at as f64)
        }
        (SearchValue::Label(_), _) => None,
    }
}

/// The picture.
pub(super) fn svg(title: &str, search: &Search) -> String {
    // From the worst on, so that the best lie above.
    let mut complete: Vec<&SearchTrial> = search.trials.iter().filter(|trial| trial.result().is_some()).collect();
    complete.sort_by(|one, other| {
        let [one, other] = [one, other].map(|trial| trial.result().unwrap_or(f64::NAN));
        if search.goal == SearchGoal::Maximise { one.total_cmp(&other) } else { other.total_cmp(&one) }
    });
    let (others, first) = complete.split_at(complete.len().saturating_sub(BEST));
    let mut drawn = sample(others, LINES - BEST, |trial| Some(trial.number) == search.best);
    drawn.extend(first);
    let pruned: Vec<&SearchTrial> =
        search.trials.iter().filter(|trial| matches!(trial.state, SearchState::Pruned { .. })).collect();
    let ended = sample(&pruned, PRUNED, |_| false);
    let objective = Objective::new(search, std::iter::empty());
    let labels = search.labels();
    let names =
        labels.iter().chain([&search.objective()]).map(|label| wide(label)).fold(30.0, f64::max).min(NAMES) + 12.0;
    let shown: Vec<&SearchTrial> = drawn.iter().chain(&ended).copied().collect();
    let row = |(at, name): (usize, &String)| Row::of(search, at, name.clone(), names, &shown);
    let mut rows: Vec<Row> = labels.iter().enumerate().map(row).collect();
    let scale = objective.scale.clone().fitted(WIDTH - RIGHT - names);
    rows.push(Row { name: search.objective(), scale, left: names, absent: None });
    let mut notes: Vec<String> = sampled(drawn.len(), complete.len(), "complete trials").into_iter().collect();
    notes.extend(
        sampled(ended.len(), pruned.len(), "pruned trials").map(|note| note.replace(", the best among them", "")),
    );
    notes.extend(
        objective.note(drawn.iter().filter_map(|trial| trial.result()).filter(|it| objective.is_far(*it)).count()),
    );
    let bottom = TOP + ROW * (rows.len() - 1) as f64;
    let canvas = Canvas::new(bottom + 24.0 + LINE * notes.len() as f64 + 4.0);
    let paper = paper(&canvas);
    key(&paper, search, !ended.is_empty());
    let heights = (0..rows.len()).map(|row| TOP + ROW * row as f64);
    for (row, y) in rows.iter().zip(heights.clone()) {
        paper.line([(row.left, y), (WIDTH - RIGHT, y)], Role::Axis);
    }
    let line = |trial: &SearchTrial| -> Vec<(f64, f64)> {
        let of = |at: usize| match search.parameters.get(at) {
            Some(parameter) => number(parameter, trial, at),
            None => trial.result().map(|value| objective.place(value)),
        };
        rows.iter().zip(heights.clone()).enumerate().map(|(at, (row, y))| (row.place(of(at)), y)).collect()
    };
    for trial in &ended {
        // Without a value that could be compared they end before it.
        let mut points = line(trial);
        points.pop();
        paper.line(points, Role::Faint(6));
    }
    for (at, trial) in drawn.iter().enumerate() {
        // Shades by rank: a few values that are far off would leave the others with one shade.
        let shade = if drawn.len() > 1 { (at * COLOURS / drawn.len()).min(COLOURS - 1) } else { COLOURS - 1 };
        paper.line(line(trial), Role::Shade(shade));
    }
    if let Some((best, found)) = search.best() {
        let points = line(best);
        paper.line(points.iter().copied(), Role::Crown);
        for (at, point) in points.into_iter().enumerate() {
            let setting = best.values.get(at).and_then(Option::as_ref).map_or("–".to_owned(), SearchValue::read);
            let said = if at + 1 == rows.len() { value(Some(found)) } else { setting };
            paper.dot(point, 3.2, Role::Top, &format!("{}: {said}", rows[at].name));
        }
    }
    for (row, y) in rows.iter().zip(heights) {
        let is_last = row.name == search.objective();
        let role = if is_last { Role::Strong } else { Role::Soft };
        paper.text((names - 10.0, y), &cut_start(&row.name, names - 12.0), role, Anchor::End);
        ticks(&paper, row, y);
    }
    for (at, note) in notes.iter().enumerate() {
        let y = bottom + 24.0 + LINE * at as f64 + 6.0;
        paper.text((WIDTH / 2.0, y), note, Role::Soft, Anchor::Middle);
    }
    let best = search.best().map_or(String::new(), |(best, _)| format!(" The best is trial {}.", best.number));
    let description = format!(
        "{} complete trials as lines over {}, down to {}.{best}",
        drawn.len(),
        labels.join(", "),
        search.objective()
    );
    drop(paper);
    canvas.finish(title, &description)
}

/// What is written along an axis.
fn ticks(paper: &Marks<'_>, row: &Row, y: f64) {
    let ticks = row.scale.ticks.iter().map(|(tick, text)| (row.place(Some(*tick)), text.as_str()));
    for (x, text) in ticks.chain(row.absent.map(|x| (x, "none"))) {
        paper.line([(x, y - 2.5), (x, y + 2.5)], Role::Axis);
        paper.text((x, y + 10.5), text, Role::Name, Anchor::Middle);
    }
}

/// What the shades and the other lines say.
fn key(paper: &Marks<'_>, search: &Search, has_pruned: bool) {
    let (middle, mut x) = (LINE / 2.0, 6.0);
    paper.text((x, middle), "worst", Role::Soft, Anchor::Start);
    x += wide("worst") + 5.0;
    for shade in 0..COLOURS {
        paper.rectangle([(x, middle - 4.0), (x + 11.0, middle + 4.0)], Role::Shaded(shade), 1.0, "");
        x += 11.0;
    }
    paper.text((x + 5.0, middle), "best complete trial, by rank", Role::Soft, Anchor::Start);
    let best = search.best().map(|(best, _)| Key { role: Role::Crown, name: format!("best, trial {}", best.number) });
    let pruned = has_pruned.then(|| Key { role: Role::Faint(6), name: "pruned, without value".to_owned() });
    legend(paper, &best.into_iter().chain(pruned).collect::<Vec<_>>(), LINE);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::search::made_up::search;

    #[test]
    fn complete_trials_are_lines_and_the_best_is_above() {
        let mut search = search(SearchGoal::Maximise, &[0.5, 0.7, 0.6, 0.9]);
        search.trials[3].state = SearchState::Pruned { step: 2, why: String::new() };
        search.best = Some(1);
        search.trials[0].values[1] = None;
        let svg = svg("t", &search);
        let lines = (0..8).map(|shade| svg.matches(&format!("<path class=\"h{shade}\"")).count()).sum::<usize>();
        assert_eq!((lines, svg.matches("class=\"top\"").count()), (3, search.parameters.len() + 1), "{svg}");
        assert!(svg.contains(">none</text>") && svg.matches("class=\"l6 faint\"").count() == 2, "{svg}");
        assert!(svg.rfind("class=\"crown\"") > svg.rfind("<path class=\"h"), "{svg}");
    }

    #[test]
    fn of_many_trials_the_best_and_a_sample_are_drawn() {
        let values: Vec<f64> = (0..10_000).map(|at| 0.5 + 0.4 * (f64::from(at) * 1.7).sin()).collect();
        let svg = svg("t", &search(SearchGoal::Minimise, &values));
        assert_eq!(svg.matches("<path class=\"h").count(), LINES, "the best is among the first");
        assert!(svg.contains("150 of 10000 complete trials are drawn, the best among them") && svg.len() < 60_000);
    }
}
