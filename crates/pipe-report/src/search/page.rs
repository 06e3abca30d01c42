//! Searches as a page that needs no other file, and their plots as files.
//!
//! Does not compute. Markup is in `templates/search.html` and `templates/searches.html`.

use askama::Template;
use indexmap::IndexSet;

use super::{Align, Order, Search, Table, View, views::text, words::summary};
use crate::{
    number::{counted, value},
    plots::{Plot, SearchPlot},
};

/// Trials that a page lists; its files have all.
const LISTED: usize = 2000;

#[derive(Template)]
#[template(path = "searches.html")]
struct SearchesPage<'p> {
    title: &'p str,
    searches: Sections,
}

/// Searches as a page shows them.
pub(crate) struct Sections {
    /// Several searches, the best of each a row.
    pub(crate) overview: Option<Table>,
    pub(crate) all: Vec<Section>,
}

/// One search as a page shows it.
pub(crate) struct Section {
    pub(crate) name: String,
    /// Of several searches, what a folded one says.
    pub(crate) heading: String,
    pub(crate) notes: Vec<String>,
    pub(crate) summary: String,
    /// The numbers that count most: value and name.
    pub(crate) figures: Vec<(String, String)>,
    /// Settings of the best trial: path and value.
    pub(crate) best: Vec<(String, String)>,
    pub(crate) plots: Vec<Plot>,
    /// The trials from the best on, as many as are listed.
    pub(crate) trials: Table,
    /// What the trials are called: all of them, or the first.
    pub(crate) listed: String,
}

impl Sections {
    pub(crate) fn of(searches: &[Search]) -> Self {
        Self { overview: overview(searches), all: searches.iter().map(Section::of).collect() }
    }

    /// What readers must know of any of several searches, each sentence once.
    pub(crate) fn notes(&self) -> Vec<&str> {
        let notes: IndexSet<&str> = self.all.iter().flat_map(|search| &search.notes).map(String::as_str).collect();
        notes.into_iter().collect()
    }

    /// What several searches have in common.
    pub(crate) fn words(&self) -> String {
        format!(
            "{} searches. The values are what they were after, on the {} by which the trials were chosen; they are no test results.",
            self.all.len(),
            if self.notes().is_empty() { "validation cases" } else { "cases" }
        )
    }
}

impl Section {
    fn of(search: &Search) -> Self {
        let mut trials = text(search, View::Trials(Order::Value));
        let all = trials.rows.len();
        trials.rows.truncate(LISTED);
        let listed = if all > LISTED {
            format!("The first {LISTED} of {all} trials, from the best on")
        } else {
            counted(all, "trial")
        };
        let best = search.best().map(|(best, found)| {
            let name = format!(
                "{} of trial {}, the best: of {}, no test result",
                search.objective(),
                best.number,
                search.cases()
            );
            (value(Some(found)), name)
        });
        let of = if search.name.is_empty() { "search" } else { &search.name };
        let reached = search.best().map_or("no best one yet".to_owned(), |(_, found)| {
            format!("{} {} at best", search.objective(), value(Some(found)))
        });
        Self {
            name: search.name.clone(),
            heading: format!("{of}: {}, {reached}", counted(all, "trial")),
            notes: search.notes.clone(),
            summary: summary(search).join(" "),
            figures: best.into_iter().collect(),
            best: settings(search),
            plots: SearchPlot::all(search).into_iter().map(|(_, plot)| plot).collect(),
            trials,
            listed,
        }
    }
}

/// Settings of the best trial: path and value.
pub(crate) fn settings(search: &Search) -> Vec<(String, String)> {
    let Some((best, _)) = search.best() else { return Vec::new() };
    let setting = |(parameter, value): (&super::SearchParameter, &Option<super::SearchValue>)| {
        Some((parameter.path.clone(), value.as_ref()?.read()))
    };
    search.parameters.iter().zip(&best.values).filter_map(setting).collect()
}

/// The best of each of several searches.
pub(crate) fn overview(searches: &[Search]) -> Option<Table> {
    let [first, _, ..] = searches else { return None };
    let paths = |search: &Search| search.parameters.iter().map(|parameter| parameter.path.clone()).collect::<Vec<_>>();
    // Of searches over different parameters only values can stand below each other.
    let are_equal = searches.iter().all(|search| paths(search) == paths(first) && search.metric == first.metric);
    let labels = if are_equal { first.labels() } else { Vec::new() };
    let objective = if are_equal { first.objective() } else { "value".to_owned() };
    let head = ["search", "trials", "best trial", &objective].map(str::to_owned);
    let row = |search: &Search| {
        let best = search.best();
        let or_none = |text: Option<String>| text.unwrap_or_else(|| crate::number::NONE.to_owned());
        let mut row =
            vec![or_none(Some(search.name.clone()).filter(|name| !name.is_empty())), search.trials.len().to_string()];
        row.push(or_none(best.map(|(best, _)| best.number.to_string())));
        row.push(value(best.map(|(_, found)| found)));
        row.extend(
            (0..labels.len()).map(|at| {
                or_none(best.and_then(|(best, _)| best.values.get(at)?.as_ref()).map(super::SearchValue::read))
            }),
        );
        row
    };
    Some(Table {
        align: std::iter::once(Align::Left)
            .chain(std::iter::repeat_n(Align::Right, head.len() - 1 + labels.len()))
            .collect(),
        head: head.into_iter().chain(labels.iter().cloned()).collect(),
        rows: searches.iter().map(row).collect(),
    })
}

/// Searches as a page.
pub fn search_page(title: &str, searches: &[Search]) -> String {
    SearchesPage { title, searches: Sections::of(searches) }.render().expect("writing to a text")
}

/// The plots of a search that show anything, as files for papers: name and SVG that stands alone.
pub fn search_figures(search: &Search) -> Vec<(String, String)> {
    let letters = search.name.chars().map(|letter| if letter.is_ascii_alphanumeric() { letter } else { '-' });
    let prefix = letters.collect::<String>();
    let prefix = if prefix.is_empty() { prefix } else { format!("{prefix}-") };
    SearchPlot::all(search).into_iter().map(|(name, plot)| (format!("{prefix}{name}.svg"), plot.file())).collect()
}
