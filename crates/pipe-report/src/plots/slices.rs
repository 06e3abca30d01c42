//! What trials reached against each of their parameters: a small panel each.
//!
//! Does not know which parameters matter.

use super::{
    canvas::{Canvas, Role, WIDTH, cut_start, wide},
    marks::{Anchor, Grid, HEAD, Key, LINE, RIGHT, beside, legend, legend_height, panel, paper},
    objective::{Objective, sample, sampled},
    parallel::{axis, number},
};
use crate::{Search, SearchScale, SearchState, SearchTrial, number::value};

/// Height of a panel.
const HEIGHT: f64 = 92.0;
/// Between two panels of a row.
const GAP: f64 = 18.0;
/// Trials of a panel.
const MOST: usize = 300;
/// Trials of a panel that say what they are.
const SAYING: usize = 80;

/// A panel in its place.
struct Cell {
    parameter: usize,
    left: f64,
    right: f64,
    row: usize,
}

/// The picture.
pub(super) fn svg(title: &str, search: &Search) -> String {
    let objective = Objective::new(search, std::iter::empty());
    let complete: Vec<&SearchTrial> = search.trials.iter().filter(|trial| trial.result().is_some()).collect();
    let ended = |trial: &&SearchTrial| matches!(trial.state, SearchState::Pruned { .. });
    let pruned: Vec<&SearchTrial> = search.trials.iter().filter(ended).collect();
    let drawn = sample(&complete, MOST, |trial| Some(trial.number) == search.best);
    let ticks = sample(&pruned, MOST, |_| false);
    let cells = cells(search, beside(&objective.scale));
    let rows = cells.last().map_or(0, |cell| cell.row + 1);
    let key = |is: bool, role, name: &str| is.then(|| Key { role, name: name.to_owned() });
    let best = search.best().map(|(best, _)| Key { role: Role::Top, name: format!("best, trial {}", best.number) });
    let keys =
        [key(!complete.is_empty(), Role::Dot(0), "complete"), best, key(!pruned.is_empty(), Role::Tick(6), "pruned")];
    let keys: Vec<Key> = keys.into_iter().flatten().collect();
    let mut notes: Vec<String> = sampled(drawn.len(), complete.len(), "complete trials").into_iter().collect();
    let far = drawn.iter().filter_map(|trial| trial.result()).filter(|it| objective.is_far(*it)).count();
    notes.extend(objective.note(far));
    let (start, each) = (legend_height(&keys) + LINE, HEAD + HEIGHT + LINE + 6.0);
    let canvas = Canvas::new(start + each * rows as f64 + LINE * notes.len() as f64 + 6.0);
    let paper = paper(&canvas);
    legend(&paper, &keys, 0.0);
    let axes = format!("vertical axes: {}", search.objective());
    paper.text((6.0, start - LINE / 2.0), &super::canvas::cut(&axes, WIDTH - 12.0), Role::Soft, Anchor::Start);
    let labels = search.labels();
    for cell in &cells {
        let (parameter, at) = (&search.parameters[cell.parameter], cell.parameter);
        let top = start + each * cell.row as f64 + HEAD;
        paper.text(
            (cell.left, top - 9.0),
            &cut_start(&labels[at], cell.right - cell.left),
            Role::Strong,
            Anchor::Start,
        );
        let of = |trial: &SearchTrial| number(parameter, trial, at);
        let values = drawn.iter().chain(&ticks).filter_map(|trial| of(trial));
        let x = axis(parameter, values, cell.right - cell.left);
        let is_first = cell.left < WIDTH / 3.0;
        let mut y = objective.scale.clone();
        if !is_first {
            y.ticks.iter_mut().for_each(|(_, text)| text.clear());
        }
        let marks = panel(&canvas, [cell.left, top, cell.right, top + HEIGHT], &x, &y, Grid::Rows);
        // Equal places lie beside each other, the same way each time.
        let aside = |trial: &SearchTrial| match parameter.scale {
            SearchScale::Labels(_) => (trial.number as f64 * 0.618_034).fract() * 0.6 - 0.3,
            _ => 0.0,
        };
        for trial in &ticks {
            if let Some(at) = of(trial) {
                marks.dot((at + aside(trial), y.ends[0]), 2.5, Role::Tick(6), "");
            }
        }
        let is_best = |trial: &SearchTrial| Some(trial.number) == search.best;
        for trial in drawn.iter().filter(|trial| !is_best(trial)) {
            if let (Some(at), Some(found)) = (of(trial), trial.result()) {
                if objective.is_far(found) {
                    let edge = marks.inside((at + aside(trial), objective.bad()), 5.0);
                    marks.dot(edge, 2.5, Role::Tick(0), "");
                    continue;
                }
                let place = (at + aside(trial), found);
                let tip = || format!("trial {}: {}", trial.number, value(Some(found)));
                if drawn.len() > SAYING {
                    marks.dot(place, 2.0, Role::Dots(0), "");
                } else {
                    marks.dot(place, 2.6, Role::Dot(0), &tip());
                }
            }
        }
        if let Some((best, found)) = search.best()
            && let Some(at) = of(best)
        {
            let tip = format!("trial {}, the best: {}", best.number, value(Some(found)));
            marks.dot((at + aside(best), objective.place(found)), 4.2, Role::Top, &tip);
        }
    }
    for (at, note) in notes.iter().enumerate() {
        let y = start + each * rows as f64 + LINE * at as f64 + 6.0;
        paper.text((WIDTH / 2.0, y), note, Role::Soft, Anchor::Middle);
    }
    let description =
        format!("{} of {} complete trials against {}.", search.objective(), drawn.len(), labels.join(", "));
    drop(paper);
    canvas.finish(title, &description)
}

/// Two panels a row; then those whose alternatives need a row.
fn cells(search: &Search, left: f64) -> Vec<Cell> {
    let half = (WIDTH - RIGHT - left - GAP) / 2.0;
    let is_wide = |parameter: &usize| match &search.parameters[*parameter].scale {
        SearchScale::Labels(labels) => {
            labels.iter().map(|label| wide(label) + 5.0).fold(0.0, f64::max) * labels.len() as f64 > half
        }
        _ => false,
    };
    let (broad, narrow): (Vec<usize>, Vec<usize>) = (0..search.parameters.len()).partition(is_wide);
    let place = |(at, parameter): (usize, usize)| {
        let begin = if at % 2 == 0 { left } else { left + half + GAP };
        Cell { parameter, left: begin, right: begin + half, row: at / 2 }
    };
    let first = narrow.len().div_ceil(2);
    let below = broad.into_iter().enumerate();
    let below = below.map(|(at, parameter)| Cell { parameter, left, right: WIDTH - RIGHT, row: first + at });
    narrow.into_iter().enumerate().map(place).chain(below).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{SearchGoal, search::made_up::search};

    #[test]
    fn conditional_parameters_are_shown_where_they_are() {
        let mut search = search(SearchGoal::Maximise, &[0.5, 0.7, 0.6]);
        search.best = Some(1);
        search.trials[0].values[1] = None;
        let svg = svg("t", &search);
        // Two trials beside the best in each panel but one, and the key.
        assert_eq!(svg.matches("class=\"d0\"").count(), 2 * search.parameters.len() - 1 + 1, "{svg}");
        assert_eq!(svg.matches("class=\"top\"").count(), search.parameters.len() + 1, "{svg}");
    }

    #[test]
    fn long_alternatives_have_a_row() {
        let mut search = search(SearchGoal::Maximise, &[0.5]);
        let labels = ["deeplabv3_plus", "attention_unet", "nnunet_residual"].map(str::to_owned).to_vec();
        search.parameters[0].scale = SearchScale::Labels(labels);
        let places: Vec<(usize, usize)> = cells(&search, 30.0).iter().map(|cell| (cell.parameter, cell.row)).collect();
        assert_eq!(places, [(1, 0), (0, 1), (2, 2)], "they are below the others");
    }
}
