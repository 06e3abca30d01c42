//! What people ask of a search: its trials, the best of them, how far it has come, and which parameters matter.
//!
//! Does not know how tables are written.

use serde_json::{Map, Value, json};

use super::{
    Search, SearchState, SearchTrial, SearchValue,
    grid::{Align, Cell, Column, Grid, Table},
};
use crate::{costs::duration, number::value};

/// What is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum View {
    /// All trials.
    Trials(Order),
    /// The best trial: its value, settings, folds and duration.
    Best,
    /// How many trials are in which state, and how many are left.
    Status,
    /// Which parameters matter.
    Importance,
}

/// The order of trials.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    /// By number.
    Number,
    /// Complete ones from the best on; then those that are pruned, running and failed, by number.
    Value,
}

/// A view as a table for people: numbers are rounded, parameters have short names, and the last value of a trial that is not
/// complete stands in parentheses.
pub fn text(search: &Search, view: View) -> Table {
    search.grid(view).table()
}

/// A view as a table in Markdown.
pub fn markdown(search: &Search, view: View) -> String {
    text(search, view).markdown()
}

/// A view as a `tabular` in LaTeX, which needs `booktabs`.
pub fn latex(search: &Search, view: View) -> String {
    text(search, view).latex()
}

/// A view as CSV: numbers have all their digits, parameters their paths.
pub fn csv(search: &Search, view: View) -> String {
    search.grid(view).csv()
}

/// A view as JSON: a list of objects, or one object; the best is `null` where no trial is complete.
///
/// `value` of a trial that is not complete is the last that it had; `seconds` are those that it took.
pub fn json(search: &Search, view: View) -> Value {
    match view {
        View::Trials(order) => search.ordered(order).into_iter().map(|trial| search.trial_json(trial)).collect(),
        View::Best => search.best().map_or(Value::Null, |(best, _)| search.trial_json(best)),
        View::Status => search.status_json(),
        View::Importance => {
            let parameters = search.by_importance();
            parameters
                .into_iter()
                .map(|at| &search.parameters[at])
                .map(|parameter| json!({ "path": parameter.path, "importance": parameter.importance }))
                .collect()
        }
    }
}

/// Names of the states, in the order in which they are told.
const STATES: [&str; 4] = ["complete", "pruned", "running", "failed"];

impl SearchState {
    /// Its place among the states: complete, pruned, running, failed.
    pub(crate) fn place(&self) -> usize {
        match self {
            Self::Complete => 0,
            Self::Pruned { .. } => 1,
            Self::Running => 2,
            Self::Failed { .. } => 3,
        }
    }

    /// Its name.
    fn name(&self) -> &'static str {
        STATES[self.place()]
    }

    /// In words: `pruned at 3`.
    pub(crate) fn words(&self, step: &str) -> String {
        match self {
            Self::Pruned { step: at, .. } => format!("pruned at {step} {at}").replace("  ", " "),
            Self::Failed { why } if !why.is_empty() => format!("failed: {why}"),
            other => other.name().to_owned(),
        }
    }
}

impl SearchValue {
    /// As people read it: four digits that count.
    pub(crate) fn read(&self) -> String {
        match self {
            Self::Number(number) => digits(*number),
            Self::Label(label) => label.clone(),
        }
    }

    fn json(&self) -> Value {
        match self {
            // A whole number is written as one: a batch of 8, not of 8.0.
            Self::Number(number) if number.fract() == 0.0 && number.abs() < 9e15 => json!(*number as i64),
            Self::Number(number) => json!(number),
            Self::Label(label) => json!(label),
        }
    }
}

/// A number with four digits that count.
pub(crate) fn digits(number: f64) -> String {
    if !number.is_finite() {
        return crate::number::NONE.to_owned();
    }
    if number == 0.0 || (number.fract() == 0.0 && number.abs() < 1e7) {
        return format!("{}", number as i64);
    }
    let rounded: f64 = format!("{number:.3e}").parse().expect("a number that was just written");
    if (1e-3..1e7).contains(&rounded.abs()) { rounded.to_string() } else { format!("{rounded:e}") }
}

impl Search {
    /// How many trials are in each state: complete, pruned, running, failed.
    pub(crate) fn states(&self) -> Vec<(&'static str, usize)> {
        let count =
            |name: &&'static str| (*name, self.trials.iter().filter(|trial| trial.state.name() == *name).count());
        STATES.iter().map(count).collect()
    }

    /// Trials that are wanted and have not begun.
    pub(crate) fn left(&self) -> Option<u64> {
        self.wanted.map(|wanted| wanted.saturating_sub(self.trials.len() as u64))
    }

    /// Positions of the parameters, from the most important on; those that were not estimated last.
    pub(crate) fn by_importance(&self) -> Vec<usize> {
        let mut all: Vec<usize> = (0..self.parameters.len()).collect();
        let of = |at: usize| self.parameters[at].importance.filter(|share| share.is_finite()).unwrap_or(-1.0);
        all.sort_by(|one, other| of(*other).total_cmp(&of(*one)));
        all
    }

    /// The trials in some order.
    pub(crate) fn ordered(&self, order: Order) -> Vec<&SearchTrial> {
        let mut trials: Vec<&SearchTrial> = self.trials.iter().collect();
        trials.sort_by_key(|trial| trial.number);
        if order == Order::Value {
            trials.sort_by(|one, other| {
                let by_value = match (one.result(), other.result()) {
                    (Some(one), Some(other)) if self.goal.is_better(one, other) => std::cmp::Ordering::Less,
                    (Some(one), Some(other)) if self.goal.is_better(other, one) => std::cmp::Ordering::Greater,
                    (one, other) => other.is_some().cmp(&one.is_some()),
                };
                by_value.then(one.state.place().cmp(&other.state.place()))
            });
        }
        trials
    }

    fn trial_json(&self, trial: &SearchTrial) -> Value {
        let setting = |(parameter, value): (&super::SearchParameter, &Option<SearchValue>)| {
            Some((parameter.path.clone(), value.as_ref()?.json()))
        };
        let settings: Map<String, Value> = self.parameters.iter().zip(&trial.values).filter_map(setting).collect();
        let (step, why) = match &trial.state {
            SearchState::Pruned { step, why } => (Some(step), Some(why)),
            SearchState::Failed { why } => (None, Some(why)),
            _ => (None, None),
        };
        json!({
            "number": trial.number,
            "state": trial.state.name(),
            "value": trial.value,
            "settings": settings,
            "pruned_at": step,
            "why": why,
            "equal_to": trial.equal_to,
            "folds": trial.folds,
            "seconds": trial.seconds,
            "curve": trial.curve,
        })
    }

    fn status_json(&self) -> Value {
        let states: Map<String, Value> =
            self.states().into_iter().map(|(name, count)| (name.to_owned(), json!(count))).collect();
        json!({
            "search": self.name,
            "metric": self.metric,
            "goal": self.goal,
            "over": self.over,
            "trials": states,
            "wanted": self.wanted,
            "left": self.left(),
            "best": self.best().map(|(best, value)| json!({ "number": best.number, "value": value })),
        })
    }

    fn grid(&self, view: View) -> Grid {
        match view {
            View::Trials(order) => self.trials_grid(order),
            View::Best => self.best_grid(),
            View::Status => self.status_grid(),
            View::Importance => {
                let labels = self.labels();
                let row = |at: usize| {
                    let share = self.parameters[at].importance;
                    vec![Cell::Text(labels[at].clone()), Cell::number(share, |share| format!("{share:.3}"))]
                };
                Grid {
                    columns: vec![
                        Column::new("parameter", "parameter", Align::Left),
                        Column::new("importance", "importance", Align::Right),
                    ],
                    rows: self.by_importance().into_iter().map(row).collect(),
                }
            }
        }
    }

    fn trials_grid(&self, order: Order) -> Grid {
        let mut columns = vec![Column::new("trial", "trial", Align::Right)];
        columns.push(Column::new(&self.objective(), "value", Align::Right));
        columns.push(Column::of_people("state", Align::Left));
        columns.extend(["state", "pruned_at", "why"].map(Column::of_programs));
        let is_label = |scale: &super::SearchScale| matches!(scale, super::SearchScale::Labels(_));
        columns.extend(self.labels().iter().zip(&self.parameters).map(|(label, parameter)| {
            let align = if is_label(&parameter.scale) { Align::Left } else { Align::Right };
            Column::new(label, &parameter.path, align)
        }));
        columns.push(Column::new("time", "seconds", Align::Right));
        let has_equals = self.trials.iter().any(|trial| trial.equal_to.is_some());
        if has_equals {
            columns.push(Column::new("equal to", "equal_to", Align::Right));
        }
        let folds = self.trials.iter().map(|trial| trial.folds.len()).max().unwrap_or(0);
        columns.extend((0..folds).map(|fold| Column::of_programs(&format!("fold_{fold}"))));
        let row = |trial: &SearchTrial| {
            // The last value of a trial that has not ended is no result.
            let read = |number: f64| match trial.state {
                SearchState::Complete => value(Some(number)),
                _ => format!("({})", value(Some(number))),
            };
            let mut row = vec![Cell::Count(trial.number), Cell::number(trial.value, read)];
            row.push(Cell::Text(trial.state.words(&self.step)));
            row.push(Cell::Text(trial.state.name().to_owned()));
            row.push(if let SearchState::Pruned { step, .. } = trial.state { Cell::Count(step) } else { Cell::None });
            row.push(match &trial.state {
                SearchState::Pruned { why, .. } | SearchState::Failed { why } => Cell::Text(why.clone()),
                _ => Cell::None,
            });
            row.extend((0..self.parameters.len()).map(|at| self.cell(trial, at)));
            row.push(Cell::number(trial.seconds, duration));
            if has_equals {
                row.push(trial.equal_to.map_or(Cell::None, Cell::Count));
            }
            row.extend((0..folds).map(|fold| Cell::number(trial.folds.get(fold).copied(), |found| value(Some(found)))));
            row
        };
        Grid { columns, rows: self.ordered(order).into_iter().map(row).collect() }
    }

    /// The value of a parameter in a trial.
    fn cell(&self, trial: &SearchTrial, at: usize) -> Cell {
        match trial.values.get(at).and_then(Option::as_ref) {
            Some(SearchValue::Number(number)) => Cell::number(Some(*number), digits),
            Some(SearchValue::Label(label)) => Cell::Text(label.clone()),
            None => Cell::None,
        }
    }

    fn best_grid(&self) -> Grid {
        let mut rows = Vec::new();
        if let Some((best, found)) = self.best() {
            rows.push(vec![Cell::Text("trial".into()), Cell::Count(best.number)]);
            rows.push(vec![Cell::Text(self.objective()), Cell::Number(found, value(Some(found)))]);
            rows.extend(best.folds.iter().enumerate().map(|(fold, found)| {
                vec![Cell::Text(format!("fold {fold}")), Cell::number(Some(*found), |number| value(Some(number)))]
            }));
            rows.push(vec![Cell::Text("time".into()), Cell::number(best.seconds, duration)]);
            let there = (0..self.parameters.len()).map(|at| (at, self.cell(best, at)));
            let there = there.filter(|(_, cell)| *cell != Cell::None);
            rows.extend(there.map(|(at, cell)| vec![Cell::Text(self.parameters[at].path.clone()), cell]));
        }
        let columns = vec![Column::new("best", "name", Align::Left), Column::new("value", "value", Align::Right)];
        Grid { columns, rows }
    }

    fn status_grid(&self) -> Grid {
        let mut rows: Vec<Vec<Cell>> = Vec::new();
        let mut add = |name: &str, cell: Cell| rows.push(vec![Cell::Text(name.to_owned()), cell]);
        self.states().into_iter().for_each(|(name, count)| add(name, Cell::Count(count as u64)));
        add("wanted", self.wanted.map_or(Cell::None, Cell::Count));
        add("left", self.left().map_or(Cell::None, Cell::Count));
        let best = self.best();
        add("best trial", best.map_or(Cell::None, |(best, _)| Cell::Count(best.number)));
        add(
            &format!("best {}", self.objective()),
            Cell::number(best.map(|(_, found)| found), |number| value(Some(number))),
        );
        let columns = vec![Column::new("trials", "name", Align::Left), Column::new("", "value", Align::Right)];
        Grid { columns, rows }
    }
}
