//! Runs a plan: what is cached is answered, the rest is executed.
//!
//! Does not know how; `running` does.

use std::{
    collections::BTreeSet,
    io,
    path::{Path, PathBuf},
    time::Instant,
};

use pipe_store::{NewRun, Record, RunEnd, RunId, Store, StoreError};

use crate::{
    Event, Freshness, Plan, Verdict,
    running::{Node, Running},
};

/// How a plan is run.
pub struct Options<'a> {
    /// Slots.
    pub jobs: usize,
    /// The program that serves as worker: `WORKER worker JOB`.
    pub worker: &'a Path,
    /// The workspace.
    pub workspace: &'a Path,
    /// The experiment file, for the ledger.
    pub file: &'a str,
    /// The command line, for the ledger.
    pub command: &'a str,
    /// Commit of the workspace.
    pub commit: Option<String>,
    /// Nodes that run even if they are cached.
    pub forced: BTreeSet<usize>,
}

/// How a run ended.
#[derive(Clone, Debug)]
pub struct Summary {
    /// Its number.
    pub run: RunId,
    /// Counts.
    pub end: RunEnd,
    /// Results by node; none where a stage failed or was skipped.
    pub records: Vec<Option<Record>>,
}

/// Why a run could not go on: the machine, not a stage.
#[derive(Debug, thiserror::Error)]
pub enum EngineError {
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// An attempt could not be prepared.
    #[error("cannot prepare {path}")]
    Prepare {
        /// What.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
}

/// Runs what a plan's freshness leaves to be done.
///
/// # Errors
/// The store or the machine fails; what was published before stays.
pub fn run(
    plan: &Plan,
    freshness: &Freshness,
    store: &Store,
    options: &Options<'_>,
    observe: &mut dyn FnMut(&Event),
) -> Result<Summary, EngineError> {
    let begun = Instant::now();
    let new = NewRun {
        experiment: &plan.experiment,
        file: options.file,
        command: options.command,
        commit: options.commit.as_deref(),
    };
    let hits: Vec<Option<Record>> = freshness
        .verdicts
        .iter()
        .map(|verdict| match verdict {
            Verdict::Hit(record) => Some((**record).clone()),
            Verdict::Miss { .. } | Verdict::Unknown { .. } => None,
        })
        .collect();
    if hits.iter().all(Option::is_some) {
        let end = RunEnd { cached: hits.len() as u64, seconds: begun.elapsed().as_secs_f64(), ..RunEnd::default() };
        let run = store.record_cached_run(&new, &end)?;
        return Ok(Summary { run, end, records: hits });
    }
    let run = store.begin_run(&new)?;
    let mut running = Running::new(plan, freshness, store, options, run, observe);
    let outcome = running.go();
    let mut end = RunEnd { seconds: begun.elapsed().as_secs_f64(), ..running.end() };
    let records = running.nodes.into_iter().map(Node::into_record).collect();
    if outcome.is_err() {
        // A run that the machine ended is no success, whatever its stages did.
        end.failed = end.failed.max(1);
    }
    let noted = store.end_run(run, &end);
    // The first error is the cause; a ledger that cannot be written often is its consequence.
    outcome?;
    noted?;
    Ok(Summary { run, end, records })
}
