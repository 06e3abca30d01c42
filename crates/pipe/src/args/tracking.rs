//! `pipe track`, as typed.

use clap::{Args, Subcommand};

use super::Format;

/// `pipe track`.
#[derive(Debug, Subcommand)]
pub(crate) enum Track {
    /// Deliver what is kept for tracking servers, also of runs that were killed. User, password and token come from MLflow's variables.
    Sync(TrackFormat),
    /// Show what waits for which tracking server, and what became of the rest.
    Status(TrackFormat),
}

/// How the answer is printed.
#[derive(Debug, Args)]
pub(crate) struct TrackFormat {
    /// How data is printed.
    #[arg(long, value_enum, default_value_t = Format::Text)]
    pub format: Format,
}
