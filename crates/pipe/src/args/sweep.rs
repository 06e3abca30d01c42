//! `pipe sweep` as typed.
//!
//! Does not know searches.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};

use super::Chosen;

/// `pipe sweep`.
#[derive(Debug, Args)]
pub(crate) struct Sweep {
    #[command(subcommand)]
    pub command: SweepCommand,
}

/// What is shown of a search.
#[derive(Debug, Subcommand)]
pub(crate) enum SweepCommand {
    /// How far the search is.
    Status {
        #[command(flatten)]
        chosen: Chosen,
    },
    /// The best trial, its settings and the values of its folds.
    Best {
        #[command(flatten)]
        chosen: Chosen,
        /// Write the experiment with the best settings, without its search; all of it that ran is cached.
        #[arg(long, value_name = "FILE")]
        write: Option<PathBuf>,
    },
    /// All trials.
    Trials {
        #[command(flatten)]
        chosen: Chosen,
        /// In which order.
        #[arg(long, value_enum, default_value_t = TrialOrder::Number)]
        by: TrialOrder,
        /// As CSV.
        #[arg(long)]
        csv: bool,
    },
    /// How much each swept value matters for a good objective, from 0 to 1.
    Importance {
        #[command(flatten)]
        chosen: Chosen,
    },
    /// Draw the search: history, parallel coordinates, slices, importance, curves; a page and its pictures.
    Plot {
        #[command(flatten)]
        chosen: Chosen,
        /// Where to [default: the folder of the experiment's report].
        #[arg(long, short, value_name = "FOLDER")]
        output: Option<PathBuf>,
    },
}

/// The order of trials.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum TrialOrder {
    /// As they were suggested.
    Number,
    /// The best first.
    Value,
}
