//! Turns stored numbers into tables and pages for people.
//!
//! Does not know stores' contents, stages or networks: a [`Report`] is plain data, and each renderer is a function of it.

mod curve;
mod html;
mod markdown;
mod number;
mod overlay;
mod report;
mod table;

pub use curve::{Curve, Series};
pub use html::html;
pub use markdown::markdown;
pub use number::{mean_and_sd, value};
pub use overlay::{Overlay, Rank, overlay_png};
pub use report::{LEAKY, Provenance, Report};
pub use table::{Case, PerFold, Row, csv, folds, table};
