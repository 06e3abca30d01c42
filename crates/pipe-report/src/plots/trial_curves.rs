//! How trials of a search went on, step by step.
//!
//! Does not know why they ended.

use super::{
    canvas::{Canvas, Role, WIDTH},
    marks::{Anchor, Grid, HEAD, Key, LINE, Marks, RIGHT, beside, head, legend, legend_height, panel, paper},
    objective::{Objective, sample, sampled},
    scale::{Scale, Steps},
    thin,
};
use crate::{Search, SearchState, SearchTrial};

const HEIGHT: f64 = 180.0;
/// Lines that are drawn.
const LINES: usize = 200;
/// Points of a line.
const POINTS: usize = 120;

/// The picture.
pub(super) fn svg(title: &str, search: &Search) -> String {
    let all: Vec<&SearchTrial> = search.trials.iter().filter(|trial| !trial.curve.is_empty()).collect();
    let drawn = sample(&all, LINES, |trial| Some(trial.number) == search.best);
    let best = search.best().map(|(best, _)| best);
    let points = drawn.iter().flat_map(|trial| &trial.curve);
    let values = points.clone().map(|(_, value)| *value).filter(|value| value.is_finite()).collect();
    let objective = Objective::of(search.goal, values, std::iter::empty());
    let (first, last) = points.fold((u64::MAX, 0), |(first, last), (step, _)| (first.min(*step), last.max(*step)));
    let x = steps(first.min(last), last);
    let is = |state: usize| drawn.iter().any(|trial| trial.state.place() == state && Some(*trial) != best);
    let key = |is: bool, role, name: &str| is.then(|| Key { role, name: name.to_owned() });
    let keys: Vec<Key> = [
        key(is(0), Role::Solid(0), "complete"),
        key(is(1), Role::Cross(6), "pruned"),
        key(is(2), Role::Open(2), "running"),
        key(is(3), Role::Cross(3), "failed"),
        best.map(|best| Key { role: Role::Crown, name: format!("best, trial {}", best.number) }),
    ]
    .into_iter()
    .flatten()
    .collect();
    let mut notes: Vec<String> = sampled(drawn.len(), all.len(), "trials").into_iter().collect();
    let is_far = |trial: &&&SearchTrial| trial.curve.iter().any(|(_, value)| objective.is_far(*value));
    notes.extend(objective.note(drawn.iter().filter(is_far).count()));
    let top = legend_height(&keys) + HEAD;
    let canvas = Canvas::new(top + HEIGHT + LINE * (2.0 + notes.len() as f64) + 8.0);
    let paper = paper(&canvas);
    legend(&paper, &keys, 0.0);
    head(&paper, top, &search.objective());
    let left = beside(&objective.scale);
    let x = x.fitted(WIDTH - RIGHT - left);
    let marks = panel(&canvas, [left, top, WIDTH - RIGHT, top + HEIGHT], &x, &objective.scale, Grid::Rows);
    // What is drawn last lies above.
    for state in [1, 3, 2, 0] {
        let of = drawn.iter().filter(|trial| trial.state.place() == state && Some(**trial) != best);
        of.for_each(|trial| line(&marks, &objective, trial, &trial.state));
    }
    if let Some(best) = best.filter(|best| !best.curve.is_empty()) {
        let points = points_of(&objective, best);
        let end = points[points.len() - 1];
        marks.line(points, Role::Crown);
        marks.dot(end, 4.5, Role::Top, &format!("trial {}, the best", best.number));
    }
    let below = top + HEIGHT + LINE + 10.0;
    paper.text((WIDTH / 2.0, below), &search.step, Role::Strong, Anchor::Middle);
    for (at, note) in notes.iter().enumerate() {
        paper.text((WIDTH / 2.0, below + LINE * (at as f64 + 1.0)), note, Role::Soft, Anchor::Middle);
    }
    let description = format!(
        "{} by {} of {} trials, from {} to {last}.",
        search.objective(),
        search.step,
        drawn.len(),
        first.min(last)
    );
    drop((marks, paper));
    canvas.finish(title, &description)
}

/// Whole numbers from the first step to the last.
fn steps(first: u64, last: u64) -> Scale {
    let whole = Scale::whole((last - first) as usize);
    // From 0 on they are round; moved, they would not be.
    let mut x = if first == 0 { whole } else { Scale::around([first as f64, last as f64].into_iter(), Steps::Linear) };
    x.ticks.retain(|(tick, _)| tick.fract() == 0.0 && (first as f64..=last as f64).contains(tick));
    let space = ((last - first) as f64 * 0.025).max(if last == first { 0.5 } else { 0.0 });
    x.ends = [first as f64 - space, last as f64 + space];
    x
}

fn points_of(objective: &Objective, trial: &SearchTrial) -> Vec<(f64, f64)> {
    let finite = trial.curve.iter().filter(|(_, value)| value.is_finite());
    let points: Vec<(f64, f64)> = finite.map(|(step, value)| (*step as f64, objective.place(*value))).collect();
    if points.is_empty() { vec![(0.0, objective.bad())] } else { thin::line(points, POINTS) }
}

fn line(marks: &Marks<'_>, objective: &Objective, trial: &SearchTrial, state: &SearchState) {
    let points = points_of(objective, trial);
    let (end, is_one) = (points[points.len() - 1], points.len() == 1);
    let (role, mark) = match state {
        SearchState::Complete => (Role::Faint(0), is_one.then_some(Role::Dot(0))),
        SearchState::Pruned { .. } => (Role::Faint(6), Some(Role::Cross(6))),
        SearchState::Running => (Role::Faint(2), Some(Role::Open(2))),
        SearchState::Failed { .. } => (Role::Faint(3), Some(Role::Cross(3))),
    };
    marks.line(points, role);
    if let Some(mark) = mark {
        marks.dot(end, 2.4, mark, "");
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{SearchGoal, search::made_up::search};

    #[test]
    fn pruned_trials_end_with_a_cross() {
        let mut search = search(SearchGoal::Maximise, &[0.5, 0.7, 0.3]);
        search.best = Some(1);
        for (trial, length) in search.trials.iter_mut().zip([4, 4, 2]) {
            trial.curve = (0..length).map(|step| (step, 0.1 * step as f64)).collect();
        }
        search.trials[2].state = SearchState::Pruned { step: 1, why: String::new() };
        let svg = svg("t", &search);
        let count = |class: &str| svg.matches(&format!("class=\"{class}\"")).count();
        assert_eq!((count("l0 faint"), count("l6 faint"), count("crown")), (1, 1, 2), "{svg}");
        assert_eq!((count("x6"), count("top")), (2, 1), "{svg}");
    }

    #[test]
    fn steps_are_whole_and_within() {
        for (first, last) in [(0, 0), (1, 1), (1, 5), (0, 99), (1, 100), (7, 8)] {
            let x = steps(first, last);
            let within = |tick: f64| tick.fract() == 0.0 && (first as f64..=last as f64).contains(&tick);
            assert!(!x.ticks.is_empty() && x.ticks.iter().all(|(tick, _)| within(*tick)), "{first} {last}: {x:?}");
            assert!(x.ends[0] < x.ends[1]);
        }
    }
}
