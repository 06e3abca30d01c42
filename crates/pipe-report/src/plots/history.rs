//! What the trials of a search reached, one after the other, and the best so far.
//!
//! Does not know parameters.

use super::{
    canvas::{Canvas, Role, WIDTH, cut, wide},
    marks::{Anchor, Grid, HEAD, Key, LINE, Marks, RIGHT, beside, legend, legend_height, panel, paper},
    objective::{Objective, sample, sampled},
    scale::Scale,
};
use crate::{Search, SearchState, SearchTrial, number::value};

const HEIGHT: f64 = 180.0;
/// Trials that are drawn one by one, each saying what it is; more of a kind are one shape.
const SAYING: usize = 300;
/// Trials that are drawn.
const MOST: usize = 1500;

/// The picture.
pub(super) fn svg(title: &str, search: &Search) -> String {
    let objective = Objective::new(search, search.trials.iter().filter_map(shown));
    let steps = search.best_so_far();
    let is_step = |trial: &SearchTrial| {
        let at = steps.binary_search_by_key(&trial.number, |step| step.0);
        at.is_ok_and(|at| at == 0 || steps[at - 1].1 != steps[at].1)
    };
    let all: Vec<&SearchTrial> = search.trials.iter().collect();
    let drawn = sample(&all, MOST, is_step);
    let keys = keys(search);
    let mut notes: Vec<String> = sampled(drawn.len(), all.len(), "trials").into_iter().collect();
    let far = drawn.iter().filter_map(|trial| shown(trial)).filter(|value| objective.is_far(*value)).count();
    notes.extend(objective.note(far));
    let silent = all.iter().filter(|trial| trial.state == SearchState::Running && trial.latest().is_none()).count();
    notes.extend((silent > 0).then(|| format!("{silent} running without a value yet")));
    let top = legend_height(&keys) + HEAD;
    let canvas = Canvas::new(top + HEIGHT + LINE * (2.0 + notes.len() as f64) + 8.0);
    let paper = paper(&canvas);
    legend(&paper, &keys, 0.0);
    let best = search.best().map(|(best, found)| format!("best {}, trial {}", value(Some(found)), best.number));
    let best = best.unwrap_or_default();
    paper.text((WIDTH - RIGHT, top - HEAD + 8.0), &best, Role::Text(1), Anchor::End);
    let room = WIDTH - RIGHT - wide(&best) - 12.0;
    paper.text((2.0, top - HEAD + 8.0), &cut(&search.objective(), room), Role::Strong, Anchor::Start);
    let last = search.trials.iter().map(|trial| trial.number).max().unwrap_or(0) as usize;
    let mut x = Scale::whole(last);
    let space = (last as f64 * 0.025).max(0.5);
    x.ends = [-space, last as f64 + space];
    let left = beside(&objective.scale);
    let x = x.fitted(WIDTH - RIGHT - left);
    let marks = panel(&canvas, [left, top, WIDTH - RIGHT, top + HEIGHT], &x, &objective.scale, Grid::Rows);
    for state in [2, 1, 3, 0] {
        let of: Vec<&SearchTrial> = drawn.iter().copied().filter(|trial| trial.state.place() == state).collect();
        of.iter().for_each(|trial| mark(&marks, &objective, trial, drawn.len() > SAYING, &search.step));
    }
    line(&marks, &objective, &steps, last);
    if let Some((best, found)) = search.best() {
        let tip = format!("trial {}, the best: {}", best.number, value(Some(found)));
        marks.dot((best.number as f64, objective.place(found)), 4.5, Role::Top, &tip);
    }
    let below = top + HEIGHT + LINE + 10.0;
    paper.text((WIDTH / 2.0, below), "trial", Role::Strong, Anchor::Middle);
    for (at, note) in notes.iter().enumerate() {
        paper.text((WIDTH / 2.0, below + LINE * (at as f64 + 1.0)), note, Role::Soft, Anchor::Middle);
    }
    let states: Vec<String> = search.states().into_iter().map(|(state, count)| format!("{count} {state}")).collect();
    let best = if best.is_empty() { "none is the best".to_owned() } else { best };
    let description = format!("{} by number of the trial: {}; {best}.", search.objective(), states.join(", "));
    drop((marks, paper));
    canvas.finish(title, &description)
}

/// How the states are drawn that any trial is in.
fn keys(search: &Search) -> Vec<Key> {
    let [complete, pruned, running, failed] = [0, 1, 2, 3].map(|state| {
        search.trials.iter().any(|trial| trial.state.place() == state && (state != 2 || trial.latest().is_some()))
    });
    let key = |is: bool, role, name: &str| is.then(|| Key { role, name: name.to_owned() });
    let keys = [
        key(complete, Role::Dot(0), "complete"),
        key(pruned, Role::Cross(6), "pruned, last value"),
        key(running, Role::Open(0), "running, last value"),
        key(failed, Role::Tick(3), "failed, without value"),
        key(complete, Role::Crown, "best so far"),
    ];
    keys.into_iter().flatten().collect()
}

/// The value at which a trial is drawn; one that failed has none, however far it came.
fn shown(trial: &SearchTrial) -> Option<f64> {
    trial.latest().filter(|_| !matches!(trial.state, SearchState::Failed { .. }))
}

fn mark(marks: &Marks<'_>, objective: &Objective, trial: &SearchTrial, is_crowd: bool, step: &str) {
    let at = trial.number as f64;
    let series = [0, 6, 0, 3][trial.state.place()];
    let Some(found) = shown(trial) else {
        if matches!(trial.state, SearchState::Failed { .. }) {
            marks.dot((at, objective.scale.ends[0]), 4.0, Role::Tick(series), "");
        }
        return;
    };
    if objective.is_far(found) {
        // Strokes at the edge stay apart where crosses would be one band.
        return marks.dot(marks.inside((at, objective.bad()), 5.0), 2.5, Role::Tick(series), "");
    }
    let said = match &trial.state {
        SearchState::Complete => value(Some(found)),
        state => format!("{}, {}", value(Some(found)), state.words(step)),
    };
    let tip = format!("trial {}: {said}", trial.number);
    match trial.state {
        SearchState::Pruned { .. } => marks.dot((at, found), 2.4, Role::Cross(series), ""),
        SearchState::Complete if is_crowd => marks.dot((at, found), 2.0, Role::Dots(series), ""),
        SearchState::Complete => marks.dot((at, found), 3.0, Role::Dot(series), &tip),
        _ => marks.dot((at, found), 3.0, Role::Open(series), &tip),
    }
}

/// The best so far, as steps up to the last trial.
fn line(marks: &Marks<'_>, objective: &Objective, steps: &[(u64, f64)], last: usize) {
    let mut points: Vec<(f64, f64)> = Vec::new();
    for (number, best) in steps {
        let (at, best) = (*number as f64, objective.place(*best));
        match points.last().copied() {
            Some((_, before)) if before == best => {}
            Some((_, before)) => points.extend([(at, before), (at, best)]),
            None => points.push((at, best)),
        }
    }
    points.extend(points.last().map(|(_, best)| (last as f64, *best)));
    marks.line(points, Role::Crown);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{SearchGoal, search::made_up::search};

    #[test]
    fn each_state_has_its_mark() {
        let mut search = search(SearchGoal::Maximise, &[0.5, 0.7, 0.6, 0.9, 0.2, 0.3]);
        // Better than all, but not at the end.
        search.trials[3].state = SearchState::Pruned { step: 2, why: String::new() };
        search.trials[4].state = SearchState::Failed { why: "<lost>".into() };
        search.trials[5].state = SearchState::Running;
        search.best = Some(1);
        let svg = svg("t", &search);
        let count = |class: &str| svg.matches(&format!("class=\"{class}\"")).count();
        // Each key is a mark, too.
        assert_eq!((count("d0"), count("l0 open"), count("top"), count("crown")), (4, 2, 1, 2), "{svg}");
        assert_eq!((count("x6"), count("x3")), (2, 2), "{svg}");
        assert!(svg.contains("best 0.7000, trial 1") && svg.contains("3 complete, 1 pruned, 1 running, 1 failed"));
    }

    #[test]
    fn ten_thousand_trials_are_a_small_picture() {
        let values: Vec<f64> = (0..10_000).map(|at| 0.5 + 0.4 * (f64::from(at) * 1.7).sin()).collect();
        let svg = svg("t", &search(SearchGoal::Minimise, &values));
        assert!(svg.len() < 60_000 && svg.contains("of 10000 trials are drawn"), "{}", svg.len());
    }
}
