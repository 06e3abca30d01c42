//! Pictures of a hyperparameter search.
//!
//! Does not know how each is drawn.

use std::sync::Arc;

use super::{Plot, history, importance, parallel, slices, trial_curves};
use crate::Search;

/// A picture of a search.
#[derive(Clone, Debug, PartialEq)]
pub struct SearchPlot {
    /// What it shows.
    pub title: String,
    /// Which picture.
    pub view: SearchView,
    /// The search.
    pub search: Arc<Search>,
}

/// What is shown of a search.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SearchView {
    /// Values by number of the trial, and the best so far.
    History,
    /// Values at steps, a line each trial.
    Curves,
    /// How much each parameter matters.
    Importance,
    /// All parameters of a trial as one line: Inselberg, *The plane with parallel coordinates*, The Visual Computer 1 (1985). Axes lie
    /// below each other, so that names are read without turning the head and any number of them fits a page.
    Parallel,
    /// Values against each parameter.
    Slices,
}

impl SearchView {
    /// All of them, in the order of a page, with the names of their files.
    pub(crate) const ALL: [(Self, &'static str); 5] = [
        (Self::History, "history"),
        (Self::Curves, "curves"),
        (Self::Importance, "importance"),
        (Self::Parallel, "parallel"),
        (Self::Slices, "slices"),
    ];

    fn title(self, search: &Search) -> String {
        let metric = &search.metric;
        let title = match self {
            Self::History => format!("{metric} by trial"),
            Self::Curves => format!("{metric} of trials by {}", search.step),
            Self::Importance => "Importance of parameters".to_owned(),
            Self::Parallel => "Parameters and values of trials".to_owned(),
            Self::Slices => format!("{metric} against each parameter"),
        };
        if search.name.is_empty() { title } else { format!("{title}, {}", search.name) }
    }

    /// Whether there is anything to see.
    fn is_worth(self, search: &Search) -> bool {
        let results = search.trials.iter().filter(|trial| trial.result().is_some()).count();
        match self {
            Self::History => !search.trials.is_empty(),
            Self::Curves => search.trials.iter().any(|trial| trial.curve.len() > 1),
            Self::Importance => {
                results > 1
                    && search.parameters.len() > 1
                    && search.parameters.iter().any(|parameter| parameter.importance.is_some_and(|share| share > 0.0))
            }
            Self::Parallel => results > 1 && search.parameters.len() > 1,
            Self::Slices => results > 1 && !search.parameters.is_empty(),
        }
    }
}

impl SearchPlot {
    /// A picture of a search.
    pub fn new(view: SearchView, search: &Arc<Search>) -> Self {
        Self { title: view.title(search), view, search: Arc::clone(search) }
    }

    /// The pictures that show anything, with the names of their files.
    pub(crate) fn all(search: &Search) -> Vec<(&'static str, Plot)> {
        let search = Arc::new(search.clone());
        let worth = SearchView::ALL.into_iter().filter(|(view, _)| view.is_worth(&search));
        worth.map(|(view, name)| (name, Plot::Search(Self::new(view, &search)))).collect()
    }

    /// The picture.
    pub fn svg(&self) -> String {
        match self.view {
            SearchView::History => history::svg(&self.title, &self.search),
            SearchView::Curves => trial_curves::svg(&self.title, &self.search),
            SearchView::Importance => importance::svg(&self.title, &self.search),
            SearchView::Parallel => parallel::svg(&self.title, &self.search),
            SearchView::Slices => slices::svg(&self.title, &self.search),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{SearchGoal, SearchScale, SearchState, search::made_up::search};

    #[track_caller]
    fn check(search: Search, most: usize) {
        let search = Arc::new(search);
        for (view, name) in SearchView::ALL {
            let svg = SearchPlot::new(view, &search).svg();
            assert!(!svg.contains("NaN") && !svg.contains("inf") && svg.ends_with("</svg>\n"), "{name}: {svg}");
            assert!(svg.len() < most, "{name}: {}", svg.len());
        }
    }

    #[test]
    fn searches_of_all_sizes() {
        for count in [0, 1, 2, 10_000] {
            let values: Vec<f64> = (0..count).map(|at| f64::from(at % 89) / 89.0).collect();
            let mut search = search(SearchGoal::Maximise, &values);
            let long = search.parameters[1].clone();
            search.parameters.extend((0..17).map(|at| {
                let path =
                    format!("train.with.a_name_of_a_setting_that_goes_on_and_on_and_on_without_end_{at}.probability");
                crate::SearchParameter { path, importance: Some(0.05), ..long.clone() }
            }));
            for (at, trial) in search.trials.iter_mut().enumerate() {
                let value = trial.values[1].clone();
                trial.values.extend((0..17).map(|parameter| value.clone().filter(|_| parameter % 5 != at % 5)));
                trial.curve = (0..50).map(|step| (step, 0.01 * (at % 60) as f64 * step as f64)).collect();
                trial.state = match at % 3 {
                    0 => SearchState::Complete,
                    1 => SearchState::Pruned { step: 49, why: String::new() },
                    _ => SearchState::Running,
                };
            }
            check(search, 260_000);
        }
    }

    #[test]
    fn searches_of_nothing() {
        let mut empty = search(SearchGoal::Minimise, &[1.0; 12]);
        empty.parameters[2].scale = SearchScale::Labels(Vec::new());
        check(empty.clone(), 20_000);
        empty.parameters.clear();
        empty.trials.iter_mut().for_each(|trial| trial.values.clear());
        check(empty, 20_000);
    }
}
