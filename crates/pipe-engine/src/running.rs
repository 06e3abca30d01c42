//! The state of a run, node by node: waiting, ready, running, done or lost.
//!
//! Does not know what stages compute, nor what an attempt does (`attempts`). In bullets:
//! * A node waits until all it takes from has a result; then its recipe is known, and with it whether it is cached.
//! * Of the nodes that must run, those of the highest priority start first, as far as slots, memory, GPUs and pools go.
//! * A node that starts asks for the lease of its recipe. While another process holds it, it rests and holds nothing.
//! * Its inputs' bytes are read once more before it starts; a node whose bytes are missing or damaged runs again first.
//! * Outputs are published after success: objects first, then one ledger row. Anything else leaves nothing.
//! * An attempt whose card is lost is tried again on another one, and nobody gets that card any more.
//! * A failed attempt is tried again as often as its stage says. Then what depends on it is skipped, and unless the run
//!   keeps going nothing new starts.
//! * Work is counted, not searched for: whatever happens to one node touches its neighbours alone.

use std::{
    cmp::Reverse,
    collections::{BTreeMap, BTreeSet, VecDeque},
    sync::Arc,
    time::{Duration, Instant},
};

use pipe_store::{Digest, Record, RunEnd, RunId, StageRow, Store};

use crate::{
    EngineError, Event, Failing, Freshness, Options, Permit, Plan, Reason, Steering, Verdict,
    attempts::Attempted,
    capacity::{Capacity, Lack},
    executors::{Ended, Exit, Local, interrupt},
    freshen::{Externals, Recipe, reasons, recipe},
    holding::unlimited,
    prepare::Site,
};

/// How often interrupts, time limits, and leases of other processes are looked at.
pub(crate) const TICK: Duration = Duration::from_millis(50);

/// State of a node.
pub(crate) enum State<'s> {
    /// Something it takes from has no result yet, or its recipe was not looked up yet.
    Waiting,
    /// Its recipe is known and has no result.
    Ready { recipe: Box<Recipe>, why: Vec<Reason> },
    /// An attempt runs.
    Running(Box<Attempted<'s>>),
    /// It has a result.
    Done(Arc<Record>),
    /// It has none, and will get none in this run.
    Lost,
}

pub(crate) struct Node<'s> {
    pub state: State<'s>,
    /// Edges from nodes that have no result yet.
    pub left: usize,
    /// Failed attempts in this run.
    pub tries: u32,
    /// What it was last said to lack.
    pub lack: Option<Lack>,
    /// What was done about it; the last word counts.
    pub did: Option<Did>,
    /// Whether its bytes were found missing or damaged once.
    pub restored: bool,
    /// Why it must run although it has a result.
    pub anew: Option<Reason>,
}

impl Node<'_> {
    pub(crate) fn new() -> Self {
        Self { state: State::Waiting, left: 0, tries: 0, lack: None, did: None, restored: false, anew: None }
    }

    pub(crate) fn record(&self) -> Option<&Record> {
        match &self.state {
            State::Done(record) => Some(record),
            _ => None,
        }
    }
}

/// What a run did about a node.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Did {
    Cached,
    Ran,
    Failed,
    Skipped,
    Pruned,
}

pub(crate) struct Running<'r, 'o> {
    pub plan: Arc<Plan>,
    pub store: &'r Store,
    pub options: &'r Options<'r>,
    pub run: RunId,
    pub observe: &'o mut dyn FnMut(&Event),
    pub steering: &'o mut dyn Steering,
    /// Indices of the nodes, once something was added by order.
    pub by_id: BTreeMap<String, usize>,
    pub nodes: Vec<Node<'r>>,
    /// Who takes from a node, once an edge.
    pub down: Vec<Vec<usize>>,
    pub may_run: Option<BTreeSet<String>>,
    pub externals: Externals,
    pub children: Local,
    pub capacity: Capacity,
    pub site: Site,
    /// The node of each child.
    pub attempts: BTreeMap<u64, usize>,
    pub next_child: u64,
    /// Attempts whose processes have ended, and whose results nobody has looked at yet.
    pub finished: VecDeque<(u64, Exit)>,
    /// Waiting nodes whose inputs are all there.
    pub to_resolve: BTreeSet<usize>,
    /// Nodes that could start, the highest priority first.
    pub ready: BTreeSet<(Reverse<i32>, usize)>,
    /// Nodes that could start later: leases of others, waits before retries.
    pub resting: BTreeMap<usize, Instant>,
    /// Recipes that are computed right now, and the nodes that have the same.
    pub twins: BTreeMap<Digest, Vec<usize>>,
    pub interrupted: bool,
    /// Whether a failure keeps everything else from starting.
    pub stopping: bool,
    /// Instances over a list that could not be read.
    pub unreadable: u64,
    pub last_tick: Instant,
}

impl<'r, 'o> Running<'r, 'o> {
    pub(crate) fn new(
        plan: Arc<Plan>,
        freshness: &Freshness,
        store: &'r Store,
        options: &'r Options<'r>,
        run: RunId,
        observe: &'o mut dyn FnMut(&Event),
        steering: &'o mut dyn Steering,
    ) -> Self {
        observe(&Event::Begun { run: run.0, stages: plan.nodes.len() });
        if let Some(warning) = unlimited(&plan, freshness, options.cards) {
            observe(&warning);
        }
        let capacity = Capacity::new(&plan, options.jobs, &options.cards.usable, store);
        let mut running = Self {
            store,
            options,
            run,
            observe,
            steering,
            by_id: BTreeMap::new(),
            nodes: plan.nodes.iter().map(|_| Node::new()).collect(),
            down: Vec::new(),
            may_run: options.may_run.clone(),
            externals: Externals::of_run(options.workspace, run),
            children: Local::new(),
            capacity,
            site: Site::new(store, run),
            attempts: BTreeMap::new(),
            next_child: 0,
            finished: VecDeque::new(),
            to_resolve: BTreeSet::new(),
            ready: BTreeSet::new(),
            resting: BTreeMap::new(),
            twins: BTreeMap::new(),
            interrupted: false,
            stopping: false,
            unreadable: 0,
            last_tick: Instant::now(),
            plan,
        };
        for (at, verdict) in freshness.verdicts.iter().enumerate() {
            let (node, planned) = (&mut running.nodes[at], &running.plan.nodes[at]);
            if let Verdict::Hit(record) = verdict {
                node.did = Some(Did::Cached);
                node.state = State::Done(Arc::clone(record));
                running.steering.done(planned, record);
                (running.observe)(&Event::Cached { stage: planned.id.clone() });
            } else if is_forced(options, planned) {
                node.anew = Some(Reason::Forced);
            }
        }
        running.connect();
        running
    }

    /// Counts of what was done.
    pub(crate) fn end(&self) -> RunEnd {
        let count = |what| self.nodes.iter().filter(|node| node.did == Some(what)).count() as u64;
        let open = self.plan.open.len() as u64;
        RunEnd {
            cached: count(Did::Cached),
            ran: count(Did::Ran),
            failed: count(Did::Failed) + self.unreadable,
            skipped: count(Did::Skipped) + open.saturating_sub(self.unreadable),
            pruned: count(Did::Pruned),
            seconds: 0.0,
            interrupted: self.interrupted,
        }
    }

    /// The final plan, and its results.
    pub(crate) fn into_records(self) -> (Arc<Plan>, Vec<Option<Arc<Record>>>) {
        let record = |node: Node<'_>| match node.state {
            State::Done(record) => Some(record),
            _ => None,
        };
        (self.plan, self.nodes.into_iter().map(record).collect())
    }

    pub(crate) fn go(&mut self) -> Result<(), EngineError> {
        let known: Vec<_> = (0..self.nodes.len())
            .filter_map(|node| Some(self.row(node, &self.nodes[node].record()?.fingerprint, "cached")))
            .collect();
        self.store.note_stages(&self.plan.experiment, &known)?;
        let gone = self.go_on();
        if gone.is_err() {
            // No child may outlive the leases of this run.
            self.children.kill_all();
            while !self.children.is_idle() {
                self.children.next(TICK);
            }
        }
        gone
    }

    fn go_on(&mut self) -> Result<(), EngineError> {
        self.grow_where_known()?;
        loop {
            if interrupt::count() > 0 {
                while let Some((child, exit)) = self.finished.pop_front() {
                    self.ended(child, exit)?;
                }
                self.interrupted();
                return Ok(());
            }
            self.children.suspend_if_asked();
            self.resolve()?;
            self.wake();
            self.start_ready()?;
            if self.steer()? {
                continue;
            }
            if self.children.is_idle()
                && self.finished.is_empty()
                && self.to_resolve.is_empty()
                && (self.stopping || (self.ready.is_empty() && self.resting.is_empty()))
            {
                self.skip_the_rest();
                return Ok(());
            }
            // What several leave at once is looked at when all their slots are taken again.
            match self.children.next(if self.finished.is_empty() { TICK } else { Duration::ZERO }) {
                Some(Ended::Line { child, line }) => self.said(child, &line),
                Some(Ended::Exit { child, exit }) => self.released(child, exit)?,
                None => {
                    if let Some((child, exit)) = self.finished.pop_front() {
                        self.ended(child, exit)?;
                    }
                }
            }
            self.tick();
        }
    }

    /// Waiting nodes whose inputs are known: cached, or ready to run.
    fn resolve(&mut self) -> Result<(), EngineError> {
        let mut cached = Vec::new();
        let mut used = Vec::new();
        while let Some(node) = self.to_resolve.pop_first() {
            if !self.is_waiting(node) {
                continue;
            }
            let plan = Arc::clone(&self.plan);
            if plan.nodes[node].frozen {
                match self.store.last_result(&plan.experiment, &plan.nodes[node].id)? {
                    Some(record) => self.cached(node, record),
                    None => self.lose(node, Did::Skipped, "a result that could stand, for it is frozen"),
                }
                continue;
            }
            let nodes = &self.nodes;
            let recipe = recipe(&plan, node, &|from| nodes[from].record(), self.store, &mut self.externals)?;
            let current = match self.store.current(&recipe.fingerprint)? {
                Some(record) => Some(self.externals.still_holds(record, self.store)?),
                None => None,
            };
            let why = match (&self.nodes[node].anew, current) {
                (None, Some(Ok(record))) => {
                    used.push(record.id);
                    cached.push(self.row(node, &record.fingerprint, "cached"));
                    self.cached(node, record);
                    self.grow_after(node)?;
                    continue;
                }
                (Some(reason), _) => vec![reason.clone()],
                (None, Some(Err(changed))) => {
                    self.nodes[node].anew = Some(changed.clone());
                    vec![changed]
                }
                (None, None) => reasons(&plan, node, &recipe, self.store, &mut self.externals)?,
            };
            if self.may_run.as_ref().is_some_and(|chosen| !chosen.contains(&plan.nodes[node].id)) {
                self.lose(node, Did::Skipped, "to be chosen too");
                continue;
            }
            match self.steering.may_start(&plan.nodes[node])? {
                Permit::Start(told) => told.iter().for_each(|event| (self.observe)(event)),
                Permit::Never(why) => {
                    self.lose(node, Did::Pruned, &why);
                    continue;
                }
            }
            self.nodes[node].state = State::Ready { recipe: Box::new(recipe), why };
            self.queue(node);
        }
        // One transaction for all of them, before anybody reads their bytes.
        self.store.hold(self.run, &used)?;
        Ok(self.store.note_stages(&self.plan.experiment, &cached)?)
    }

    pub(crate) fn cached(&mut self, node: usize, record: Record) {
        // What ran in this run, and is asked for once more, did run.
        let did = self.nodes[node].did.filter(|did| *did == Did::Ran).unwrap_or(Did::Cached);
        (self.observe)(&Event::Cached { stage: self.plan.nodes[node].id.clone() });
        self.done(node, record, did);
    }

    pub(crate) fn row(&self, node: usize, fingerprint: &Digest, state: &str) -> StageRow {
        StageRow {
            stage: self.plan.nodes[node].id.clone(),
            fingerprint: *fingerprint,
            run: self.run,
            state: state.to_owned(),
            reason: "[]".to_owned(),
        }
    }

    /// Stops where the failure of a node, or of a list, means that.
    pub(crate) fn stop_where_asked(&mut self, node: Option<usize>) {
        let own = node.and_then(|node| self.steering.failing(&self.plan.nodes[node]));
        self.stopping |= own.unwrap_or(self.options.failing) == Failing::Stops;
    }
}

/// Whether a node was asked to run in any case.
pub(crate) fn is_forced(options: &Options<'_>, planned: &crate::PlanNode) -> bool {
    options.forced.iter().any(|pattern| pattern.means(&planned.stage, &planned.axes))
}
