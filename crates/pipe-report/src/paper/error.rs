//! Why there is no table.

use pipe_metrics::statistics::StatisticsError;
use thiserror::Error;

/// Why there is no table.
#[derive(Clone, Debug, PartialEq, Error)]
pub enum TableError {
    /// A row has no experiment, or two ways to say it.
    #[error(
        "row `{system}` names no run: write `experiment: FILE`, or for several data sets `runs: {{ NAME: {{ experiment: FILE }} }}`"
    )]
    NoRun {
        /// The row.
        system: String,
    },
    /// A row says its experiments twice.
    #[error("row `{system}` has `experiment` and `runs`; leave one of them out")]
    TwoRuns {
        /// The row.
        system: String,
    },
    /// Two rows of one name.
    #[error("two rows are called `{system}`")]
    Twice {
        /// The name.
        system: String,
    },
    /// A column of a data set that a row does not have.
    #[error("column `{column}` is of the data set `{data}`, and row `{system}` has {known}")]
    NoData {
        /// The column.
        column: String,
        /// The data set.
        data: String,
        /// The row.
        system: String,
        /// What it has.
        known: String,
    },
    /// A metric that was not measured.
    #[error("`{system}` was not measured by `{metric}`, only by {}; name it in `metrics` of its stage `evaluate`", known.join(", "))]
    NoMetric {
        /// The row.
        system: String,
        /// The metric.
        metric: String,
        /// Those that were measured.
        known: Vec<String>,
    },
    /// A class that there is not.
    #[error("`{system}` has no class `{class}`, only {}", known.join(", "))]
    NoClass {
        /// The row.
        system: String,
        /// The class.
        class: String,
        /// Those that there are.
        known: Vec<String>,
    },
    /// A metric of cases alone.
    #[error("`{metric}` has no value of all pixels together; leave `of: pooled` out")]
    NotPooled {
        /// The metric.
        metric: String,
    },
    /// An interval over what is not resampled.
    #[error(
        "intervals are found by resampling patients: write `over: cases` or `over: patients` beside `show: mean_ci`"
    )]
    IntervalOver,
    /// The system that others are tested against is no row.
    #[error("no row is called `{against}`, which `compare` is against; rows are {}", known.join(", "))]
    NoBaseline {
        /// The name.
        against: String,
        /// The rows.
        known: Vec<String>,
    },
    /// A published number of no column.
    #[error("`{system}` has a number for `{value}`, which is no column; columns are {}", known.join(", "))]
    NoColumn {
        /// The published system.
        system: String,
        /// What its number is for.
        value: String,
        /// The columns.
        known: Vec<String>,
    },
    /// A published number of one of several columns.
    #[error("`{system}` has a number for `{value}`, which could be of {}; write the heading of the column", columns.join(" or "))]
    SeveralColumns {
        /// The published system.
        system: String,
        /// What its number is for.
        value: String,
        /// The columns.
        columns: Vec<String>,
    },
    /// Rows that cannot be compared.
    #[error("{}; write `mixed: allowed` to have a table that says so", reasons.join("; "))]
    Mixed {
        /// In what rows differ.
        reasons: Vec<String>,
    },
    /// A cell without a number.
    #[error("`{system}`, {column}: {why}")]
    Statistics {
        /// The row.
        system: String,
        /// The column.
        column: String,
        /// Why.
        why: StatisticsError,
    },
    /// A cell that there is not.
    #[error("`{asked}` is no cell; write SYSTEM/COLUMN with a system of {} and a column of {}", systems.join(", "), columns.join(", "))]
    NoCell {
        /// What was asked for.
        asked: String,
        /// The systems.
        systems: Vec<String>,
        /// The columns.
        columns: Vec<String>,
    },
}
