//! Turns stored numbers into tables and pages for people.
//!
//! Does not know stores' contents, stages or networks: a [`Report`] is plain data, and each renderer is a function of it.

mod curve;
mod data;
mod data_html;
mod html;
mod markdown;
mod number;
mod overlay;
mod plot;
mod report;
mod table;

pub use curve::{Curve, Series};
pub use data::{DataIssue, DataReport, DataTable, Fix, FoldPart, FoldReport, Shown, Sight};
pub use data_html::data_html;
pub use html::html;
pub use markdown::markdown;
pub use number::{mean_and_sd, value};
pub use overlay::{Overlay, Rank, overlay_png};
pub use plot::Plot;
pub use report::{LEAKY, Provenance, Report};
pub use table::{Case, PerFold, Row, csv, folds, table};
