//! Runs a plan: what is cached is answered, the rest is executed, one process an attempt.
//!
//! Does not know what stages compute. In bullets:
//! * A node waits until all it takes from has a result; then its recipe is known, and with it whether it is cached.
//! * A node that must run asks for the lease of its recipe. While another process holds it, the node waits without a slot.
//! * Its inputs' bytes are read once more before it starts; a node whose bytes are missing or damaged runs again first.
//! * Outputs are published after success: objects first, then one ledger row. Anything else leaves nothing.
//! * A failed node skips what depends on it; everything else goes on.

use std::{
    collections::{BTreeMap, BTreeSet},
    io,
    path::{Path, PathBuf},
    process::ExitStatus,
    time::{Duration, Instant},
};

use pipe_store::{
    Attempt, Claim, Lease, Made, NewRecord, NewRun, Object, Output, Record, RunEnd, RunId, StageRow, Store, StoreError,
};
use serde_json::Value as Json;

use crate::{
    Event, Failure, Freshness, Plan, Reason, Verdict,
    context::{Findings, Word},
    executors::{Ended, Local, Said, interrupt, last_lines},
    freshen::{Externals, Recipe, reasons, recipe},
    job::{LOG, OUTCOME, Outcome},
    prepare::{Prepared, prepare},
};

/// How long children may take to end after they were asked to.
const GRACE: Duration = Duration::from_secs(5);
/// How often leases of other processes and interrupts are looked at.
const TICK: Duration = Duration::from_millis(50);

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
    let mut end = running.end;
    let records = running.nodes.into_iter().map(Node::into_record).collect();
    end.seconds = begun.elapsed().as_secs_f64();
    store.end_run(run, &end)?;
    outcome.map(|()| Summary { run, end, records })
}

/// State of a node.
enum Node<'s> {
    /// Something it takes from has no result yet.
    Waiting,
    /// Its recipe is known and has no result.
    Ready { recipe: Recipe, why: Vec<Reason>, told: bool },
    /// An attempt runs.
    Running(Box<Attempted<'s>>),
    /// It has a result.
    Done(Box<Record>),
    /// It has none, and will get none in this run.
    Lost,
}

/// An attempt that runs.
struct Attempted<'s> {
    recipe: Recipe,
    lease: Lease<'s>,
    attempt: Attempt,
    prepared: Prepared,
    since: Instant,
    before: Option<Record>,
}

impl Node<'_> {
    fn record(&self) -> Option<&Record> {
        match self {
            Self::Done(record) => Some(record),
            _ => None,
        }
    }

    fn into_record(self) -> Option<Record> {
        match self {
            Self::Done(record) => Some(*record),
            _ => None,
        }
    }
}

struct Running<'r, 'o> {
    plan: &'r Plan,
    store: &'r Store,
    options: &'r Options<'r>,
    run: RunId,
    observe: &'o mut dyn FnMut(&Event),
    nodes: Vec<Node<'r>>,
    /// Nodes that must run although they have a result: asked for, or their bytes are gone.
    anew: BTreeMap<usize, Reason>,
    externals: Externals,
    children: Local,
    end: RunEnd,
}

impl<'r, 'o> Running<'r, 'o> {
    fn new(
        plan: &'r Plan,
        freshness: &Freshness,
        store: &'r Store,
        options: &'r Options<'r>,
        run: RunId,
        observe: &'o mut dyn FnMut(&Event),
    ) -> Self {
        observe(&Event::Begun { run: run.0, stages: plan.nodes.len() });
        let mut end = RunEnd::default();
        let nodes = plan.nodes.iter().zip(&freshness.verdicts).map(|(node, verdict)| match verdict {
            Verdict::Hit(record) => {
                end.cached += 1;
                observe(&Event::Cached { stage: node.id.clone() });
                Node::Done(record.clone())
            }
            Verdict::Miss { .. } | Verdict::Unknown { .. } => Node::Waiting,
        });
        let nodes = nodes.collect();
        let anew = options.forced.iter().map(|node| (*node, Reason::Forced)).collect();
        let externals = Externals::new(options.workspace);
        Self { plan, store, options, run, observe, nodes, anew, externals, children: Local::new(), end }
    }

    fn go(&mut self) -> Result<(), EngineError> {
        loop {
            if interrupt::count() > 0 {
                self.interrupted();
                return Ok(());
            }
            self.resolve()?;
            self.start_ready()?;
            if self.children.is_idle()
                && !self.nodes.iter().any(|node| matches!(node, Node::Ready { .. } | Node::Waiting))
            {
                return Ok(());
            }
            match self.children.next(TICK) {
                Some(Ended::Line { child, line }) => self.said(child, &line),
                Some(Ended::Exit { child, status }) => self.ended(child, status)?,
                None => {}
            }
        }
    }

    /// Waiting nodes whose inputs are known: cached, or ready to run; or lost with what they need.
    fn resolve(&mut self) -> Result<(), EngineError> {
        for node in 0..self.nodes.len() {
            if !matches!(self.nodes[node], Node::Waiting) {
                continue;
            }
            if let Some(lost) = self.plan.upstream(node).find(|from| matches!(self.nodes[*from], Node::Lost)) {
                self.end.skipped += 1;
                self.nodes[node] = Node::Lost;
                let because = self.plan.nodes[lost].id.clone();
                (self.observe)(&Event::Skipped { stage: self.plan.nodes[node].id.clone(), because });
                continue;
            }
            if !self.plan.upstream(node).all(|from| self.nodes[from].record().is_some()) {
                continue;
            }
            let records: Vec<_> = self.nodes.iter().map(|node| node.record().cloned()).collect();
            let recipe = recipe(self.plan, node, &records, self.store, &mut self.externals)?;
            match (self.anew.get(&node), self.store.current(&recipe.fingerprint)?) {
                (None, Some(record)) => self.cached(node, record)?,
                (Some(reason), _) => self.nodes[node] = Node::Ready { why: vec![reason.clone()], recipe, told: false },
                (None, None) => {
                    let why = reasons(self.plan, node, &recipe, self.store)?;
                    self.nodes[node] = Node::Ready { recipe, why, told: false };
                }
            }
        }
        Ok(())
    }

    fn cached(&mut self, node: usize, record: Record) -> Result<(), EngineError> {
        self.end.cached += 1;
        self.note(node, &record.fingerprint, "cached", &[])?;
        self.nodes[node] = Node::Done(Box::new(record));
        (self.observe)(&Event::Cached { stage: self.plan.nodes[node].id.clone() });
        Ok(())
    }

    fn note(
        &self,
        node: usize,
        fingerprint: &pipe_store::Digest,
        state: &str,
        why: &[Reason],
    ) -> Result<(), EngineError> {
        let reason = serde_json::to_string(why).expect("reasons are plain data");
        let row = StageRow {
            stage: self.plan.nodes[node].id.clone(),
            fingerprint: *fingerprint,
            run: self.run,
            state: state.to_owned(),
            reason,
        };
        Ok(self.store.note_stages(&self.plan.experiment, &[row])?)
    }

    fn slots(&self) -> usize {
        let running = self.nodes.iter().zip(&self.plan.nodes).filter(|(node, _)| matches!(node, Node::Running(_)));
        let taken: usize = running.map(|(_, node)| node.resources.slots).sum();
        self.options.jobs.saturating_sub(taken)
    }

    fn start_ready(&mut self) -> Result<(), EngineError> {
        for node in 0..self.nodes.len() {
            let Node::Ready { .. } = self.nodes[node] else {
                continue;
            };
            // A stage that asks for more slots than there are gets all of them.
            if self.slots() < self.plan.nodes[node].resources.slots.min(self.options.jobs) || self.restore(node)? {
                continue;
            }
            let Node::Ready { recipe, why, told } = std::mem::replace(&mut self.nodes[node], Node::Waiting) else {
                continue;
            };
            let claim = match self.anew.get(&node) {
                Some(_) => self.store.claim_anew(&recipe.fingerprint)?,
                None => self.store.claim(&recipe.fingerprint)?,
            };
            match claim {
                Claim::Hit(record) => self.cached(node, record)?,
                Claim::Held { by } => {
                    if !told {
                        (self.observe)(&Event::Held { stage: self.plan.nodes[node].id.clone(), by });
                    }
                    self.nodes[node] = Node::Ready { recipe, why, told: true };
                }
                Claim::Miss(lease) => self.start(node, recipe, &why, lease)?,
            }
        }
        Ok(())
    }

    /// Sends nodes back to work whose bytes a node needs and does not find; true if there are any.
    fn restore(&mut self, node: usize) -> Result<bool, EngineError> {
        let mut damaged = BTreeSet::new();
        for feed in &self.plan.nodes[node].feeds {
            let Some(record) = self.nodes[feed.from].record() else {
                return Ok(true);
            };
            for output in record.outputs.iter().filter(|output| output.port == feed.output) {
                if !self.store.verify(&output.object) {
                    self.store.remove_damaged(&output.object)?;
                    damaged.insert(feed.from);
                }
            }
        }
        for from in &damaged {
            self.end.cached = self.end.cached.saturating_sub(1);
            self.anew.insert(*from, Reason::BytesMissing);
            self.nodes[*from] = Node::Waiting;
        }
        if !damaged.is_empty() {
            self.nodes[node] = Node::Waiting;
        }
        Ok(!damaged.is_empty())
    }

    fn start(&mut self, node: usize, recipe: Recipe, why: &[Reason], lease: Lease<'r>) -> Result<(), EngineError> {
        let planned = &self.plan.nodes[node];
        let before = self.store.current(&recipe.fingerprint)?;
        self.note(node, &recipe.fingerprint, "running", why)?;
        let attempt = self.store.begin_attempt(self.run, &planned.id, &recipe.fingerprint)?;
        let records: Vec<_> = self.nodes.iter().map(Node::record).collect();
        let resume = self.store.resume_folder(&recipe.fingerprint)?;
        let prepared = prepare(planned, &records, self.plan, self.store, self.options, &attempt, &resume)?;
        (self.observe)(&Event::Started { stage: planned.id.clone(), attempt: attempt.number, why: why.to_vec() });
        let since = Instant::now();
        let started = match &prepared.program {
            Ok(program) => self
                .children
                .start(node, program)
                .map_err(|error| vec![format!("cannot start `{}`", program.program.display()), error.to_string()]),
            Err(placeholder) => Err(vec![format!("`{{{placeholder}}}` names nothing this command has")]),
        };
        let attempted = Box::new(Attempted { recipe, lease, attempt, prepared, since, before });
        match started {
            Ok(()) => self.nodes[node] = Node::Running(attempted),
            Err(chain) => self.failed(node, &attempted, chain)?,
        }
        Ok(())
    }

    fn said(&mut self, node: usize, line: &str) {
        let stage = self.plan.nodes[node].id.clone();
        let event = match serde_json::from_str(line) {
            Ok(Word::Progress(progress)) => Event::Progress { stage, progress },
            Ok(Word::Metric { name, step, value }) => Event::Metric { stage, name, step, value },
            Ok(Word::Warning { text }) => Event::Warning { stage, text },
            // Something printed by a library; it is no event.
            Err(_) => return,
        };
        (self.observe)(&event);
    }

    fn ended(&mut self, node: usize, status: io::Result<ExitStatus>) -> Result<(), EngineError> {
        let Node::Running(attempted) = std::mem::replace(&mut self.nodes[node], Node::Lost) else {
            return Ok(());
        };
        let found = verdict(&attempted, status)
            .and_then(|findings| self.outputs(node, &attempted).map(|outputs| (findings, outputs)));
        match found {
            Ok((findings, outputs)) => self.publish(node, *attempted, findings, &outputs),
            Err(chain) => self.failed(node, &attempted, chain),
        }
    }

    /// Outputs of a successful attempt that may be published: all there, and made from inputs that did not change meanwhile.
    fn outputs(&self, node: usize, attempted: &Attempted<'_>) -> Result<Vec<(usize, PathBuf)>, Vec<String>> {
        let planned = &self.plan.nodes[node];
        let mut found = Vec::new();
        for (position, output) in planned.outputs.iter().enumerate() {
            let path = attempted.prepared.scratch.join(&output.path);
            if !path.exists() {
                return Err(vec![format!(
                    "the output `{}` is missing: nothing was written to `{}`",
                    output.name, output.path
                )]);
            }
            found.push((position, path));
        }
        for (path, stamped) in &attempted.recipe.externals {
            match self.store.external(path) {
                Ok(now) if now == *stamped => {}
                _ => {
                    return Err(vec![format!(
                        "{} changed while the stage read it, so its result was not published; run again",
                        path.display()
                    )]);
                }
            }
        }
        Ok(found)
    }

    fn publish(
        &mut self,
        node: usize,
        attempted: Attempted<'r>,
        findings: Findings,
        found: &[(usize, PathBuf)],
    ) -> Result<(), EngineError> {
        let planned = &self.plan.nodes[node];
        let Attempted { recipe, lease, attempt, prepared, since, before } = attempted;
        let mut outputs = Vec::new();
        for (position, path) in found {
            let output = &planned.outputs[*position];
            let object: Object = self.store.put(path)?;
            outputs.push(Output { port: output.name.clone(), kind: output.kind.0.to_owned(), object });
        }
        let seconds = since.elapsed().as_secs_f64();
        let device = findings.facts.get("device").and_then(Json::as_str).unwrap_or("cpu").to_owned();
        let made = Made {
            run: self.run,
            attempt: attempt.number,
            at: now(),
            seconds,
            commit: self.options.commit.clone(),
            device,
            facts: Json::Object(findings.facts.into_iter().collect()),
        };
        let new = NewRecord {
            kind: planned.kind.name,
            manifest: &recipe.manifest,
            outputs,
            metrics: findings.metrics,
            lineage: prepared.lineage,
            made,
        };
        let record = lease.publish(new)?;
        self.store.drop_resume(&recipe.fingerprint)?;
        self.store.end_attempt(&attempt, "done")?;
        self.note(node, &recipe.fingerprint, "done", &[])?;
        if before.is_some_and(|before| before.outputs != record.outputs) {
            let text = "made again from an equal recipe, it has other bytes; the new ones are current".to_owned();
            (self.observe)(&Event::Warning { stage: planned.id.clone(), text });
        }
        self.anew.remove(&node);
        self.end.ran += 1;
        self.nodes[node] = Node::Done(Box::new(record));
        (self.observe)(&Event::Done { stage: planned.id.clone(), seconds });
        Ok(())
    }

    fn failed(&mut self, node: usize, attempted: &Attempted<'_>, chain: Vec<String>) -> Result<(), EngineError> {
        let log = attempted.attempt.folder.join(LOG);
        let failure = Failure { chain, last_lines: last_lines(&log, 20), log: log.exists().then_some(log) };
        self.store.end_attempt(&attempted.attempt, "failed")?;
        self.note(node, &attempted.recipe.fingerprint, "failed", &[])?;
        self.end.failed += 1;
        self.nodes[node] = Node::Lost;
        (self.observe)(&Event::Failed { stage: self.plan.nodes[node].id.clone(), failure });
        Ok(())
    }

    /// Ends all children, politely first; a second interrupt, or the end of the grace, ends them at once.
    fn interrupted(&mut self) {
        self.end.interrupted = true;
        self.children.terminate();
        let end = Instant::now() + GRACE;
        while !self.children.is_idle() {
            if Instant::now() > end || interrupt::count() > 1 {
                self.children.kill();
            }
            self.children.next(TICK);
        }
        for node in &mut self.nodes {
            if let Node::Running(attempted) = node {
                // The ledger row is a courtesy here: the attempt left nothing to publish.
                drop(self.store.end_attempt(&attempted.attempt, "interrupted"));
            }
        }
    }
}

/// What an attempt's end means: its findings, or why it failed.
fn verdict(attempted: &Attempted<'_>, status: io::Result<ExitStatus>) -> Result<Findings, Vec<String>> {
    use std::os::unix::process::ExitStatusExt as _;
    let status = status.map_err(|error| vec![error.to_string()])?;
    let worker = attempted.prepared.program.as_ref().is_ok_and(|program| program.output == Said::ToEngine);
    let told =
        std::fs::read(attempted.attempt.folder.join(OUTCOME)).ok().and_then(|text| serde_json::from_slice(&text).ok());
    match (status.signal(), told) {
        (Some(9), _) => {
            Err(vec!["killed by signal 9; if nobody did that, the machine may be out of memory".to_owned()])
        }
        (Some(signal), _) => Err(vec![format!("ended by signal {signal}")]),
        (None, Some(Outcome::Failed { chain })) if worker => Err(chain),
        (None, Some(Outcome::Done(findings))) if worker && status.success() => Ok(findings),
        (None, _) if !worker && status.success() => Ok(Findings::default()),
        (None, _) => Err(vec![format!("ended with exit code {}", status.code().unwrap_or(-1))]),
    }
}

fn now() -> String {
    jiff::Timestamp::now().to_string()
}
