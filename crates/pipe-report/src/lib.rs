//! Turns stored numbers into tables and pages for people.
//!
//! Does not know stores' contents, stages or networks: a [`Report`] is plain data, and each renderer is a function of it.

mod changes;
mod compared;
mod costs;
mod data;
mod data_html;
mod draft;
mod html;
mod markdown;
mod number;
mod overlay;
pub mod paper;
mod pixels;
mod plots;
mod report;
pub mod search;
mod table;
mod worst;

pub use compared::{Compared, NotCompared, compared, comparison_plots, distributions};
pub use costs::{Cost, costs};
pub use data::{DataIssue, DataReport, DataTable, Fix, FoldPart, FoldReport, Shown, Sight};
pub use data_html::data_html;
pub use draft::{Recipe, draft};
pub use html::{SIDE_BY_SIDE, html, plots_html};
pub use markdown::markdown;
pub use number::{mean_and_sd, p_value, value};
pub use overlay::{Overlay, Rank, overlay_png};
pub use pixels::{SystemPixels, pixel_plots};
pub use plots::{
    Axis, Band, BoxPlot, Cloud, Clouds, ConfusionMatrix, Curve, Curves, Dot, Forest, ForestRow, Group, PairedPlot,
    PairedView, Panel, Plot, RateCurve, RatePlot, Rates, ReliabilityBin, ReliabilityPlot, ReliabilitySystem,
    SearchPlot, SearchView, Series, Steps,
};
pub use report::{Check, DataSummary, Difference, LEAKY, Provenance, Report};
pub use search::{
    Search, SearchGoal, SearchParameter, SearchScale, SearchState, SearchTrial, SearchValue, search_figures,
    search_page,
};
pub use table::{Case, PerFold, Row, csv, folds, table};
