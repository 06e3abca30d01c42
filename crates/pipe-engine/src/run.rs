//! Runs a plan: what is cached is answered, the rest is executed.
//!
//! Does not know how; `running` does.

use std::{
    collections::BTreeSet,
    io,
    path::{Path, PathBuf},
    sync::Arc,
    time::Instant,
};

use pipe_spec::{Lists, Problems};
use pipe_store::{NewRun, Record, RunEnd, RunId, Store, StoreError};

use crate::{
    Event, Freshness, NoStage, Pattern, Plan, PlanNode, Verdict, executors, prepare::marker, running::Running,
};

/// How a plan is run.
pub struct Options<'a> {
    /// Slots.
    pub jobs: u32,
    /// Ids of the GPUs that stages may get.
    pub gpus: Vec<String>,
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
    /// Stages that run even if they are cached.
    pub forced: &'a [Pattern],
    /// Instances that may run; none where all may.
    pub may_run: Option<BTreeSet<String>>,
    /// Whether what does not depend on a failed stage still starts.
    pub failing: Failing,
    /// Plans again when lists become known over which stages are repeated.
    pub grow: &'a dyn Fn(&Lists) -> Result<Grown, NotGrown>,
}

/// Why the instances over a new list cannot be planned.
#[derive(Debug, thiserror::Error)]
pub enum NotGrown {
    /// The experiment is wrong.
    #[error(transparent)]
    Problems(#[from] Problems),
    /// What was asked for is not among them.
    #[error(transparent)]
    NoStage(#[from] NoStage),
}

/// What a run does when a stage has failed for good.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Failing {
    /// Nothing new starts; what runs may end.
    Stops,
    /// Everything that does not depend on it goes on.
    GoesOn,
}

/// A plan that knows more lists.
pub struct Grown {
    /// The plan; every node of the one before is in it.
    pub plan: Arc<Plan>,
    /// Instances that may run; none where all may.
    pub may_run: Option<BTreeSet<String>>,
}

/// How a run ended.
#[derive(Clone, Debug)]
pub struct Summary {
    /// Its number.
    pub run: RunId,
    /// Counts.
    pub end: RunEnd,
    /// The plan with everything that became known.
    pub plan: Arc<Plan>,
    /// Results by node; none where a stage failed or was skipped.
    pub records: Vec<Option<Arc<Record>>>,
}

/// Why a run could not go on: the machine or the experiment, not a stage.
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
    /// The instances over a new list cannot be planned.
    #[error(transparent)]
    Grown(Box<NotGrown>),
    /// A stage that must run was not chosen.
    #[error(
        "`{stage}` has no result for its present recipe, and was not chosen to run; choose it too, or run all first"
    )]
    NotChosen {
        /// The instance.
        stage: String,
    },
    /// A stage asks for GPUs that the machine lacks.
    #[error(
        "`{stage}` asks for {wanted} GPU and {there} may be used; on another machine, or with `--gpus`, there may be more"
    )]
    NoGpu {
        /// The instance.
        stage: String,
        /// What it asks for.
        wanted: f64,
        /// How many there are.
        there: usize,
    },
}

/// Runs what a plan's freshness leaves to be done.
///
/// # Errors
/// The store or the machine fails; what was published before stays.
pub fn run(
    plan: Arc<Plan>,
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
    let hits: Vec<_> = freshness.verdicts.iter().map(|verdict| verdict.record().cloned()).collect();
    if hits.iter().all(Option::is_some) && plan.open.is_empty() {
        let end = RunEnd { cached: hits.len() as u64, seconds: begun.elapsed().as_secs_f64(), ..RunEnd::default() };
        let run = match store.record_cached_run(&new, &end) {
            // A store that may only be read answers all the same; the run is on no record.
            Err(StoreError::ReadOnly { .. }) => RunId::default(),
            run => run?,
        };
        if run != RunId::default() {
            store.note_uses(run, &uses(&plan, &hits))?;
        }
        return Ok(Summary { run, end, plan, records: hits });
    }
    can_run(&plan, freshness, options)?;
    for dead in store.bury()? {
        let ended = executors::end_survivors(MARKER, &marker(store, dead));
        tracing::info!(run = dead.0, ended, "a run that was killed");
    }
    let run = store.begin_run(&new)?;
    // A collection that another process does meanwhile keeps what this run will read.
    store.note_uses(run, &uses(&plan, &hits))?;
    let mut running = Running::new(plan, freshness, store, options, run, observe);
    let outcome = running.go();
    let mut end = RunEnd { seconds: begun.elapsed().as_secs_f64(), ..running.end() };
    let (plan, records) = running.into_records();
    if outcome.is_err() {
        // A run that the machine ended is no success, whatever its stages did.
        end.failed = end.failed.max(1);
    }
    let noted = store.note_uses(run, &uses(&plan, &records)).and_then(|()| store.end_run(run, &end));
    // The first error is the cause; a ledger that cannot be written often is its consequence.
    outcome?;
    noted?;
    Ok(Summary { run, end, plan, records })
}

/// The variable by which processes of a run are known.
pub(crate) const MARKER: &str = "PIPE_RUN_ID";

/// Whether what has to run may, and can on this machine.
fn can_run(plan: &Plan, freshness: &Freshness, options: &Options<'_>) -> Result<(), EngineError> {
    for (node, verdict) in plan.nodes.iter().zip(&freshness.verdicts) {
        if matches!(verdict, Verdict::Hit(_)) {
            continue;
        }
        let is_chosen = options.may_run.as_ref().is_none_or(|chosen| chosen.contains(&node.id));
        if !is_chosen && matches!(verdict, Verdict::Miss { .. }) {
            return Err(EngineError::NotChosen { stage: node.id.clone() });
        }
        let wanted = f64::from(node.resources.gpu);
        if wanted.ceil() as usize > options.gpus.len() {
            let there = options.gpus.len();
            return Err(EngineError::NoGpu { stage: node.id.clone(), wanted, there });
        }
    }
    Ok(())
}

/// The results that a run has, by stage.
fn uses(plan: &Plan, records: &[Option<Arc<Record>>]) -> Vec<(String, i64)> {
    let used = |(node, record): (&PlanNode, &Option<Arc<Record>>)| Some((node.id.clone(), record.as_ref()?.id));
    plan.nodes.iter().zip(records).filter_map(used).collect()
}
