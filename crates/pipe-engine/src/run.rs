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

use pipe_spec::{Bytes, Device, Lists, Problems};
use pipe_store::{NewRun, Record, RunEnd, RunId, Store, StoreError};

use crate::{
    Backends, Cards, Event, Freshness, NoCard, NoStage, Pattern, Plan, PlanNode, Steering, Verdict, executors,
    prepare::marker, running::Running, wish::wish,
};

/// How a plan is run.
pub struct Options<'a> {
    /// Slots.
    pub jobs: u32,
    /// The cards that stages may get.
    pub cards: &'a Cards,
    /// What built-in stages can compute on.
    pub backends: Backends,
    /// Variables of workers, beside those that `pipe` was started with.
    pub variables: &'a [(String, String)],
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
    /// Whether a search will add to the plan.
    pub expects: Expects,
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

/// What a run is about to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Expects {
    /// What is planned, no more.
    Known,
    /// More than that: a search will add to it.
    More,
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
    #[error("`{stage}` asks for {wanted} GPU and {there} may be used: {why}")]
    NoGpu {
        /// The instance.
        stage: String,
        /// What it asks for.
        wanted: f64,
        /// How many there are.
        there: usize,
        /// Why there are no more, and what to do.
        why: String,
    },
    /// CUDA_VISIBLE_DEVICES names a card that the machine lacks, and a stage needs one.
    #[error(transparent)]
    NoCard(#[from] NoCard),
    /// A stage asks for a card by a number that none of those has which it may use.
    #[error("`{stage}` asks for device `{device}`, and may use {}", places(*there))]
    NoDevice {
        /// The instance.
        stage: String,
        /// What it asks for.
        device: Device,
        /// How many cards.
        there: usize,
    },
    /// A stage asks for a GPU in a build that cannot use one.
    #[error(
        "`{stage}` asks for {asks}, and this pipe was built without {kind}; leave `device` and `gpu` out to compute on the processor, or \
         build pipe by `tools/build {feature}`"
    )]
    NotBuilt {
        /// The instance.
        stage: String,
        /// What it asks for, in words.
        asks: String,
        /// What the build lacks.
        kind: &'static str,
        /// The feature that brings it.
        feature: &'static str,
    },
    /// A stage asks for a card on a machine that cannot compile kernels.
    #[error("`{stage}` asks for {asks}, and this machine lacks what it needs: {what}")]
    CudaLacks {
        /// The instance.
        stage: String,
        /// What it asks for, in words.
        asks: String,
        /// What is missing, where it was looked for, and what brings it.
        what: String,
    },
    /// A stage asks for more memory than cards have.
    #[error("`{stage}` asks for {wanted} of GPU memory on {}, and there are {there}", each(*count))]
    GpuMemory {
        /// The instance.
        stage: String,
        /// What it asks for.
        wanted: Bytes,
        /// On how many cards.
        count: usize,
        /// The cards with their memory.
        there: String,
    },
}

/// `2 cards: `cuda:0` to `cuda:1``.
fn places(count: usize) -> String {
    match count {
        0 => "no card".to_owned(),
        1 => "1 card: `cuda:0`".to_owned(),
        _ => format!("{count} cards: `cuda:0` to `cuda:{}`", count - 1),
    }
}

fn each(count: usize) -> String {
    if count == 1 { "one card".to_owned() } else { format!("each of {count} cards") }
}

/// Runs what a plan's freshness leaves to be done.
///
/// `steering` takes part, if a search does; [`crate::Unsteered`] else.
///
/// # Errors
/// The store or the machine fails; what was published before stays.
pub fn run(
    plan: Arc<Plan>,
    freshness: &Freshness,
    store: &Store,
    options: &Options<'_>,
    observe: &mut dyn FnMut(&Event),
    steering: &mut dyn Steering,
) -> Result<Summary, EngineError> {
    let begun = Instant::now();
    let new = NewRun {
        experiment: &plan.experiment,
        file: options.file,
        command: options.command,
        commit: options.commit.as_deref(),
    };
    let hits: Vec<_> = freshness.verdicts.iter().map(|verdict| verdict.record().cloned()).collect();
    if hits.iter().all(Option::is_some) && plan.open.is_empty() && options.expects == Expects::Known {
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
    bury(store)?;
    let run = store.begin_run(&new)?;
    // A collection that another process does meanwhile keeps what this run will read.
    store.note_uses(run, &uses(&plan, &hits))?;
    steering.begun(run);
    let mut running = Running::new(plan, freshness, store, options, run, observe, steering);
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

/// Ends runs that were killed, and what they left running.
pub(crate) fn bury(store: &Store) -> Result<(), StoreError> {
    for dead in store.bury()? {
        let ended = executors::end_survivors(MARKER, &marker(store, dead));
        tracing::info!(run = dead.0, ended, "a run that was killed");
    }
    Ok(())
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
        wish(node, options.cards, &options.backends)?;
    }
    Ok(())
}

/// What stands in the way of what is to run on this machine; each stage's first obstacle, in the words of [`run`]'s refusal.
pub fn obstacles(plan: &Plan, freshness: &Freshness, cards: &Cards, backends: &Backends) -> Vec<String> {
    let runs = plan.nodes.iter().zip(&freshness.verdicts).filter(|(_, verdict)| !matches!(verdict, Verdict::Hit(_)));
    runs.filter_map(|(node, _)| wish(node, cards, backends).err()).map(|error| error.to_string()).collect()
}

/// The results that a run has, by stage.
fn uses(plan: &Plan, records: &[Option<Arc<Record>>]) -> Vec<(String, i64)> {
    let used = |(node, record): (&PlanNode, &Option<Arc<Record>>)| Some((node.id.clone(), record.as_ref()?.id));
    plan.nodes.iter().zip(records).filter_map(used).collect()
}
