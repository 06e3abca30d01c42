//! `pipe cache` and `pipe runs` as typed.
//!
//! Does not know stores.

use std::str::FromStr;

use clap::{Args, Subcommand, ValueEnum};
use pipe_store::{Age, Bytes};
use thiserror::Error;

use super::Format;

/// `pipe cache`.
#[derive(Debug, Subcommand)]
pub(crate) enum Cache {
    /// Show how many bytes lie in the store, and what for.
    Size {
        /// How data is printed.
        #[arg(long, value_enum, default_value_t = Format::Text)]
        format: Format,
    },
    /// Remove what nobody can use any more, and results that no given policy wants to keep.
    ///
    /// Without a policy only garbage goes: objects that no result names, unfinished files, what killed runs left. With
    /// policies, a result goes if every one of them lets it go. What a report shows and what a run that goes on uses
    /// stays. The record of every result stays too: a result without bytes is still cached, and is made again only when
    /// a stage that must run needs its bytes.
    Gc(Gc),
    /// Read every object again, put altered ones into quarantine, and name the results they belonged to.
    Verify {
        /// Count missing bytes of current results as an error too.
        #[arg(long)]
        strict: bool,
        /// How data is printed.
        #[arg(long, value_enum, default_value_t = Format::Text)]
        format: Format,
    },
}

/// `pipe cache gc`.
#[derive(Debug, Args)]
pub(crate) struct Gc {
    /// Let go what was not made or used for that long: 12h, 30d, 8w.
    #[arg(long, value_name = "AGE")]
    pub older_than: Option<Age>,
    /// Let go what was used least recently, until the rest fits: 200GiB, 1.5TB.
    #[arg(long, value_name = "SIZE")]
    pub max_size: Option<Bytes>,
    /// Let go what the last N runs of each experiment did not use.
    #[arg(long, value_name = "N")]
    pub keep_last: Option<u32>,
    /// Show what would go, and remove nothing.
    #[arg(long)]
    pub dry_run: bool,
    /// How data is printed.
    #[arg(long, value_enum, default_value_t = Format::Text)]
    pub format: Format,
}

/// `pipe runs`; alone it is `pipe runs list`.
#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true)]
pub(crate) struct Runs {
    #[command(subcommand)]
    pub command: Option<RunsCommand>,
    #[command(flatten)]
    pub list: List,
}

/// What is asked about past runs.
#[derive(Debug, Subcommand)]
pub(crate) enum RunsCommand {
    /// List past runs, newest first.
    List(List),
    /// Show everything about one run: stages, attempts, metrics, files.
    Show {
        /// The run: its number, `last`, or `last~2` for the one two before.
        run: Which,
        /// How data is printed.
        #[arg(long, value_enum, default_value_t = Format::Text)]
        format: Format,
    },
    /// Show metrics of runs side by side, with the difference to the first.
    Compare {
        /// The runs, two or more: numbers, `last`, `last~2`.
        #[arg(required = true, num_args = 2.., value_name = "RUN")]
        runs: Vec<Which>,
        /// How data is printed.
        #[arg(long, value_enum, default_value_t = Format::Text)]
        format: Format,
    },
    /// Show what differs between the recipes of two runs, stage by stage.
    Diff {
        /// The run before.
        old: Which,
        /// The run after.
        new: Which,
        /// How data is printed.
        #[arg(long, value_enum, default_value_t = Format::Text)]
        format: Format,
    },
    /// Print the log of a stage's last attempt, or list the logs of a run.
    Log {
        /// The run: its number, `last`, or `last~2` for the one two before.
        run: Which,
        /// The stage, e.g. `train[fold=1]`.
        stage: Option<String>,
        /// An earlier attempt.
        #[arg(long, value_name = "N", requires = "stage")]
        attempt: Option<u32>,
        /// How data is printed.
        #[arg(long, value_enum, default_value_t = Format::Text)]
        format: Format,
    },
}

/// `pipe runs list`.
#[derive(Debug, Args)]
pub(crate) struct List {
    /// How many at most.
    #[arg(long, short = 'n', default_value_t = 20)]
    pub limit: usize,
    /// Of this experiment alone.
    #[arg(long, value_name = "NAME")]
    pub experiment: Option<String>,
    /// In this state alone.
    #[arg(long, value_enum)]
    pub state: Option<State>,
    /// Add a column with the mean of this metric over the run's results; may name several, divided by commas.
    #[arg(long, value_name = "NAME", value_delimiter = ',')]
    pub metric: Vec<String>,
    /// How data is printed.
    #[arg(long, value_enum, default_value_t = Format::Text)]
    pub format: Format,
}

/// State of a run.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum State {
    /// All stages have results.
    Done,
    /// A stage failed.
    Failed,
    /// A signal ended it.
    Interrupted,
    /// It goes on.
    Running,
    /// It ended without a word.
    Killed,
}

impl State {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::Failed => "failed",
            Self::Interrupted => "interrupted",
            Self::Running => "running",
            Self::Killed => "killed",
        }
    }
}

/// A run as people name it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Which {
    /// By its number.
    Number(i64),
    /// So many before the newest.
    Back(u64),
}

/// A text that names no run.
#[derive(Debug, Error)]
#[error("a run is a number, `last`, or `last~2` for the one two before it")]
pub(crate) struct NotARun;

impl FromStr for Which {
    type Err = NotARun;

    fn from_str(text: &str) -> Result<Self, NotARun> {
        match text.strip_prefix("last") {
            Some("") => Ok(Self::Back(0)),
            Some(back) => back.strip_prefix('~').and_then(|back| back.parse().ok()).map(Self::Back).ok_or(NotARun),
            None => text.parse().map(Self::Number).map_err(|_| NotARun),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expected: Option<Which>) {
        assert_eq!(text.parse::<Which>().ok(), expected, "{text}");
    }

    #[test]
    fn names_of_runs() {
        check("12", Some(Which::Number(12)));
        check("last", Some(Which::Back(0)));
        check("last~2", Some(Which::Back(2)));
        check("last2", None);
        check("last~", None);
        check("first", None);
    }
}
