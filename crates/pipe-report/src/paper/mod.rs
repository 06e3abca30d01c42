//! Tables of papers: from evaluations of systems to Markdown, LaTeX, CSV and HTML.
//!
//! Does not know the store: what a table is made of is handed to it.

mod build;
mod column;
mod error;
mod escape;
mod mixed;
mod render;
mod results;
mod spec;
mod trace;
mod words;

#[cfg(test)]
mod by_hand;
#[cfg(test)]
mod tests;

pub use build::{CellTest, Heading, PaperCell, PaperReference, PaperRow, PaperTable, Results, Spread, paper_table};
pub use error::TableError;
pub(crate) use escape::tex;
pub use render::{csv, html, latex, markdown};
pub use results::{Evaluated, Origin, RowResults};
pub use spec::{
    AxisValue, ColumnSpec, CompareSpec, Mixed, Of, OverSpec, ReferenceSpec, RowSpec, RunSpec, Show, TableSpec, TestSpec,
};
pub use trace::{Trace, TraceCase, TraceOrigin, trace};
