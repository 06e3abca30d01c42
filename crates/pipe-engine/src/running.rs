//! The state of a run, node by node: waiting, ready, running, done or lost.
//!
//! Does not know what stages compute, nor what an attempt does (`attempts`). In bullets:
//! * A node waits until all it takes from has a result; then its recipe is known, and with it whether it is cached.
//! * A node that must run asks for the lease of its recipe. While another process holds it, the node waits without a slot.
//! * Its inputs' bytes are read once more before it starts; a node whose bytes are missing or damaged runs again first.
//! * Outputs are published after success: objects first, then one ledger row. Anything else leaves nothing.
//! * A failed node skips what depends on it; everything else goes on.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use pipe_store::{Attempt, Claim, Digest, Lease, Record, RunEnd, RunId, StageRow, Store, StoreError};

use crate::{
    EngineError, Event, Freshness, Options, Plan, Reason, Verdict,
    executors::{Ended, Local, interrupt},
    freshen::{Externals, Recipe, reasons, recipe},
    prepare::Prepared,
};

/// How often leases of other processes and interrupts are looked at.
pub(crate) const TICK: Duration = Duration::from_millis(50);

/// State of a node.
pub(crate) enum Node<'s> {
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
pub(crate) struct Attempted<'s> {
    pub recipe: Recipe,
    pub lease: Lease<'s>,
    pub attempt: Attempt,
    pub prepared: Prepared,
    pub since: Instant,
    pub before: Option<Record>,
}

impl Node<'_> {
    pub(crate) fn record(&self) -> Option<&Record> {
        match self {
            Self::Done(record) => Some(record),
            _ => None,
        }
    }

    pub(crate) fn into_record(self) -> Option<Record> {
        match self {
            Self::Done(record) => Some(*record),
            _ => None,
        }
    }
}

/// What a run did about a node; the last word counts.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Did {
    Cached,
    Ran,
    Failed,
    Skipped,
}

pub(crate) struct Running<'r, 'o> {
    pub plan: &'r Plan,
    pub store: &'r Store,
    pub options: &'r Options<'r>,
    pub run: RunId,
    pub observe: &'o mut dyn FnMut(&Event),
    pub nodes: Vec<Node<'r>>,
    /// Nodes that must run although they have a result: asked for, or their bytes are gone.
    pub anew: BTreeMap<usize, Reason>,
    pub externals: Externals,
    pub children: Local,
    pub did: Vec<Option<Did>>,
    pub interrupted: bool,
    /// Nodes that were sent back once because their bytes were missing or damaged.
    restored: BTreeSet<usize>,
}

impl<'r, 'o> Running<'r, 'o> {
    pub(crate) fn new(
        plan: &'r Plan,
        freshness: &Freshness,
        store: &'r Store,
        options: &'r Options<'r>,
        run: RunId,
        observe: &'o mut dyn FnMut(&Event),
    ) -> Self {
        observe(&Event::Begun { run: run.0, stages: plan.nodes.len() });
        let mut did = vec![None; plan.nodes.len()];
        let nodes =
            plan.nodes.iter().zip(&freshness.verdicts).zip(&mut did).map(|((node, verdict), did)| match verdict {
                Verdict::Hit(record) => {
                    *did = Some(Did::Cached);
                    observe(&Event::Cached { stage: node.id.clone() });
                    Node::Done(record.clone())
                }
                Verdict::Miss { .. } | Verdict::Unknown { .. } => Node::Waiting,
            });
        let nodes = nodes.collect();
        let anew = options.forced.iter().map(|node| (*node, Reason::Forced)).collect();
        let externals = Externals::new(options.workspace);
        let (children, restored) = (Local::new(), BTreeSet::new());
        let interrupted = false;
        Self { plan, store, options, run, observe, nodes, anew, externals, children, did, interrupted, restored }
    }

    /// Counts of what was done.
    pub(crate) fn end(&self) -> RunEnd {
        let count = |what| self.did.iter().filter(|did| **did == Some(what)).count() as u64;
        RunEnd {
            cached: count(Did::Cached),
            ran: count(Did::Ran),
            failed: count(Did::Failed),
            skipped: count(Did::Skipped),
            seconds: 0.0,
            interrupted: self.interrupted,
        }
    }

    pub(crate) fn go(&mut self) -> Result<(), EngineError> {
        let known: Vec<_> = (0..self.nodes.len())
            .filter_map(|node| Some(self.row(node, &self.nodes[node].record()?.fingerprint, "cached", &[])))
            .collect();
        self.store.note_stages(&self.plan.experiment, &known)?;
        let gone = self.go_on();
        if gone.is_err() {
            // No child may outlive the leases of this run.
            self.children.kill();
            while !self.children.is_idle() {
                self.children.next(TICK);
            }
        }
        gone
    }

    fn go_on(&mut self) -> Result<(), EngineError> {
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
        let mut cached = Vec::new();
        for node in 0..self.nodes.len() {
            if !matches!(self.nodes[node], Node::Waiting) {
                continue;
            }
            if let Some(lost) = self.plan.upstream(node).find(|from| matches!(self.nodes[*from], Node::Lost)) {
                self.did[node] = Some(Did::Skipped);
                self.nodes[node] = Node::Lost;
                let because = self.plan.nodes[lost].id.clone();
                (self.observe)(&Event::Skipped { stage: self.plan.nodes[node].id.clone(), because });
                continue;
            }
            if !self.plan.upstream(node).all(|from| self.nodes[from].record().is_some()) {
                continue;
            }
            let nodes = &self.nodes;
            let recipe = recipe(self.plan, node, &|from| nodes[from].record(), self.store, &mut self.externals)?;
            match (self.anew.get(&node), self.store.current(&recipe.fingerprint)?) {
                (None, Some(record)) => {
                    cached.push(self.row(node, &record.fingerprint, "cached", &[]));
                    self.cached(node, record);
                }
                (Some(reason), _) => self.nodes[node] = Node::Ready { why: vec![reason.clone()], recipe, told: false },
                (None, None) => {
                    let why = reasons(self.plan, node, &recipe, self.store)?;
                    self.nodes[node] = Node::Ready { recipe, why, told: false };
                }
            }
        }
        // One transaction for all of them.
        Ok(self.store.note_stages(&self.plan.experiment, &cached)?)
    }

    fn cached(&mut self, node: usize, record: Record) {
        // What ran in this run, and is asked for once more, did run.
        self.did[node] = self.did[node].filter(|did| *did == Did::Ran).or(Some(Did::Cached));
        self.nodes[node] = Node::Done(Box::new(record));
        (self.observe)(&Event::Cached { stage: self.plan.nodes[node].id.clone() });
    }

    fn row(&self, node: usize, fingerprint: &Digest, state: &str, why: &[Reason]) -> StageRow {
        StageRow {
            stage: self.plan.nodes[node].id.clone(),
            fingerprint: *fingerprint,
            run: self.run,
            state: state.to_owned(),
            reason: serde_json::to_string(why).expect("reasons are plain data"),
        }
    }

    pub(crate) fn note(
        &self,
        node: usize,
        fingerprint: &Digest,
        state: &str,
        why: &[Reason],
    ) -> Result<(), EngineError> {
        Ok(self.store.note_stages(&self.plan.experiment, &[self.row(node, fingerprint, state, why)])?)
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
            if self.slots() < self.plan.nodes[node].resources.slots.min(self.options.jobs) {
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
                Claim::Hit(record) => {
                    self.note(node, &record.fingerprint, "cached", &[])?;
                    self.cached(node, record);
                }
                Claim::Held { by } => {
                    if !told {
                        (self.observe)(&Event::Held { stage: self.plan.nodes[node].id.clone(), by });
                    }
                    self.nodes[node] = Node::Ready { recipe, why, told: true };
                }
                // Bytes are read under the lease alone: a node that waits for another process reads nothing.
                Claim::Miss(lease) if !self.restore(node)? => self.start(node, recipe, &why, lease)?,
                Claim::Miss(_) => {}
            }
        }
        Ok(())
    }

    /// Sends nodes back to work whose bytes a node needs and does not find, and all that wait for them; true if there
    /// are any.
    fn restore(&mut self, node: usize) -> Result<bool, EngineError> {
        let mut damaged = BTreeSet::new();
        for feed in &self.plan.nodes[node].feeds {
            let Some(record) = self.nodes[feed.from].record() else {
                return Ok(true);
            };
            for output in record.outputs.iter().filter(|output| output.port == feed.output) {
                if !self.store.verify(&output.object) {
                    // Made again and damaged again: the disk is to blame, and no further attempt helps.
                    if self.restored.contains(&feed.from) {
                        return Err(StoreError::Damaged { digest: output.object.digest }.into());
                    }
                    let stage = &self.plan.nodes[feed.from].id;
                    tracing::info!(stage, object = %output.object.digest, "missing or damaged, made again");
                    self.store.remove_damaged(&output.object)?;
                    damaged.insert(feed.from);
                }
            }
        }
        for from in &damaged {
            self.restored.insert(*from);
            self.anew.insert(*from, Reason::BytesMissing);
            self.nodes[*from] = Node::Waiting;
        }
        // Recipes name contents, and those may come out different: nobody starts on the old ones.
        for other in 0..self.nodes.len() {
            if matches!(self.nodes[other], Node::Ready { .. })
                && self.plan.upstream(other).any(|from| damaged.contains(&from))
            {
                self.nodes[other] = Node::Waiting;
            }
        }
        Ok(!damaged.is_empty())
    }

    /// Asks again about everything below a node that came out different from what stood there before.
    pub(crate) fn ask_again_below(&mut self, node: usize) {
        let mut below = BTreeSet::from([node]);
        // Every node stands after all it takes from.
        for other in node + 1..self.nodes.len() {
            if self.plan.upstream(other).any(|from| below.contains(&from)) {
                below.insert(other);
                if matches!(self.nodes[other], Node::Done(_) | Node::Ready { .. }) {
                    self.nodes[other] = Node::Waiting;
                }
            }
        }
    }
}
