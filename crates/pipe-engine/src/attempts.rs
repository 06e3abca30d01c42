//! Attempts of a running plan: started, listened to, published, failed, tried again.
//!
//! Does not decide which node runs.

use std::{
    collections::BTreeMap,
    hash::{BuildHasher as _, Hasher as _, RandomState},
    time::{Duration, Instant, SystemTime},
};

use pipe_store::{Attempt, Lease, NewAttempt, Record, StoreError};
use serde_json::{Value as Json, json};

use crate::{
    DueTo, EngineError, Event, Failure, Number, Reason, StageFailure,
    capacity::Taken,
    context::{Findings, Word},
    continuing::shorter,
    ending::{Lost, facts, over_memory, verdict},
    executors::{Exit, interrupt, last_lines},
    freshen::{DISCOVERED, Recipe},
    history::said_before,
    job::LOG,
    prepare::{Prepared, prepare},
    running::{Running, State, TICK},
    tail::Tail,
};

/// How long children may take to end after they were asked to.
const GRACE: Duration = Duration::from_secs(5);
/// Longer steps of the clock than this are those of a process that was stopped, and no time of its children.
const STEP: Duration = Duration::from_secs(1);

/// An attempt that runs.
pub(crate) struct Attempted<'s> {
    pub recipe: Recipe,
    pub lease: Lease<'s>,
    pub attempt: Attempt,
    pub prepared: Prepared,
    /// What it takes of what stages share, while it runs.
    pub taken: Option<Taken>,
    pub since: Instant,
    pub at: SystemTime,
    pub before: Option<Record>,
    /// Time during which it, or `pipe` with it, was stopped. It is no time of the stage.
    pub stopped: Duration,
    /// How long it has run, once it has ended.
    pub took: Option<Duration>,
    /// When it was asked to end, because its time was over.
    pub ending: Option<Instant>,
    /// Why it was asked to end, where that was by order of a search.
    pub pruned: Option<String>,
    /// It was asked for again while it was being ended.
    pub again: bool,
    /// What it appends to.
    pub events: Option<Tail>,
    /// The ids of the cards it has.
    pub cards: Vec<String>,
    /// What a command told of a device that is lost.
    pub lost_device: Option<String>,
    /// Whether it was said that a line is not understood.
    pub was_unclear: bool,
    /// Final numbers that a command told.
    pub findings: Findings,
    /// The last value of each number that it said on the way.
    pub last: BTreeMap<String, Option<f64>>,
}

impl Attempted<'_> {
    /// How long it has run.
    pub(crate) fn ran(&self) -> Duration {
        self.took.unwrap_or_else(|| self.since.elapsed().saturating_sub(self.stopped))
    }
}

impl<'r> Running<'r, '_> {
    pub(crate) fn start(
        &mut self,
        node: usize,
        recipe: Recipe,
        why: &[Reason],
        lease: Lease<'r>,
        taken: Taken,
    ) -> Result<(), EngineError> {
        let plan = std::sync::Arc::clone(&self.plan);
        let planned = &plan.nodes[node];
        let before = self.store.current(&recipe.fingerprint)?;
        let said = said_before(self.store, &recipe.fingerprint)?;
        let attempt = self.store.begin_attempt(&NewAttempt {
            run: self.run,
            experiment: &plan.experiment,
            stage: &planned.id,
            fingerprint: recipe.fingerprint,
            kind: planned.kind.name,
            manifest: &recipe.manifest,
            reason: &serde_json::to_string(why).expect("reasons are plain data"),
        })?;
        let wish = self.wish(node)?;
        let cards = self.capacity.gpus.ids(&taken.gpus);
        let records: Vec<_> = plan.nodes[node].feeds.iter().map(|feed| self.nodes[feed.from].record()).collect();
        let shorter = shorter(planned, &recipe, self.store)?;
        let from = (&wish, cards.as_slice(), shorter.as_ref().map(|(_, checkpoint)| checkpoint));
        let prepared = prepare(planned, &records, &plan, self.store, self.options, &attempt, from, &mut self.site)?;
        tracing::debug!(stage = planned.id, fingerprint = %recipe.fingerprint, folder = %attempt.folder.display(), "attempt");
        (self.observe)(&Event::Started { stage: planned.id.clone(), attempt: attempt.number, why: why.to_vec() });
        let (since, at) = (Instant::now(), SystemTime::now());
        self.next_child += 1;
        let child = self.next_child;
        let started = match &prepared.program {
            Ok(program) => self
                .children
                .start(child, program)
                .map_err(|error| vec![format!("cannot start `{}`", program.program.display()), error.to_string()]),
            Err(placeholder) => Err(vec![format!("`{{{placeholder}}}` names nothing this command has")]),
        };
        let events = prepared.program.as_ref().ok().and_then(|program| Tail::new(program.events.as_deref()?).ok());
        let (stopped, ending, mut findings) = (Duration::ZERO, None, Findings::default());
        if let Some((from, _)) = shorter {
            findings.facts.insert("continues".to_owned(), json!(from));
        }
        let attempted = Box::new(Attempted {
            recipe,
            lease,
            attempt,
            prepared,
            taken: Some(taken),
            since,
            at,
            before,
            stopped,
            took: None,
            ending,
            pruned: None,
            again: false,
            events,
            cards,
            lost_device: None,
            was_unclear: false,
            findings,
            last: BTreeMap::new(),
        });
        match started {
            Ok(()) => {
                self.attempts.insert(child, node);
                self.twins.insert(attempted.recipe.fingerprint, Vec::new());
                self.nodes[node].state = State::Running(attempted);
                said.iter().for_each(|number| self.counts(node, number));
            }
            // A program that cannot be started will not start the next time either.
            Err(chain) => {
                let mut attempted = attempted;
                self.give_back(&mut attempted);
                self.failed(node, &attempted, Lost::failed(chain), &json!({}), u32::MAX)?;
            }
        }
        Ok(())
    }

    fn give_back(&mut self, attempted: &mut Attempted<'_>) {
        if let Some(taken) = attempted.taken.take() {
            self.capacity.give_back(taken);
        }
    }

    /// A line of a running stage, from a worker's output or a command's file.
    pub(crate) fn said(&mut self, child: u64, line: &str) {
        let Some(&node) = self.attempts.get(&child) else { return };
        let stage = self.plan.nodes[node].id.clone();
        let word = serde_json::from_str(line);
        if let Ok(Word::Metric { name, step, value }) = &word {
            self.counts(node, &Number { name: name.clone(), step: *step, value: *value });
        }
        let event = match word {
            Ok(Word::Progress(progress)) => Event::Progress { stage, progress },
            Ok(Word::Metric { name, step, value }) => Event::Metric { stage, name, step, value },
            Ok(Word::Warning { text }) => Event::Warning { stage, text },
            Ok(Word::Result(row)) => {
                if let State::Running(attempted) = &mut self.nodes[node].state {
                    attempted.findings.metrics.push(row);
                }
                return;
            }
            Ok(Word::LostDevice { text }) => {
                if let State::Running(attempted) = &mut self.nodes[node].state {
                    attempted.lost_device = Some(text);
                }
                return;
            }
            Err(error) => match &mut self.nodes[node].state {
                // A worker's output may hold what a library printed; a command's file holds what it wants to tell.
                State::Running(attempted) if attempted.prepared.is_command && !attempted.was_unclear => {
                    attempted.was_unclear = true;
                    let line: String = line.chars().take(120).collect();
                    Event::Warning { stage, text: format!("a line of its events is not understood: {line} ({error})") }
                }
                _ => return,
            },
        };
        (self.observe)(&event);
    }

    /// Reads what commands have told, and looks at time limits; at most once a tick.
    pub(crate) fn tick(&mut self) {
        let step = self.last_tick.elapsed();
        if step < TICK {
            return;
        }
        self.last_tick = Instant::now();
        let running: Vec<_> = self.attempts.iter().map(|(child, node)| (*child, *node)).collect();
        for (child, node) in running {
            let State::Running(attempted) = &mut self.nodes[node].state else { continue };
            if attempted.taken.is_none() {
                continue;
            }
            let lines = attempted.events.as_mut().map(|tail| tail.lines().0).unwrap_or_default();
            attempted.stopped += if self.children.is_stopped(child) { step } else { step.saturating_sub(STEP) };
            match (self.plan.nodes[node].timeout, attempted.ending) {
                (Some(limit), None) if attempted.ran() > limit.get() => {
                    attempted.ending = Some(Instant::now());
                    self.children.terminate(child);
                }
                (_, Some(asked)) if asked.elapsed() > GRACE => self.children.kill(child),
                _ => {}
            }
            lines.iter().for_each(|line| self.said(child, line));
        }
    }

    /// Gives back what an ended attempt had, so that the next may start before this one's outputs are looked at. After a
    /// failure nothing may start.
    pub(crate) fn released(&mut self, child: u64, exit: Exit) -> Result<(), EngineError> {
        let Some(&node) = self.attempts.get(&child) else { return Ok(()) };
        if let State::Running(attempted) = &mut self.nodes[node].state {
            attempted.took = Some(attempted.ran());
            if let Some(taken) = attempted.taken.take() {
                self.capacity.give_back(taken);
            }
        }
        self.finished.push_back((child, exit));
        self.start_ready()
    }

    pub(crate) fn ended(&mut self, child: u64, exit: Exit) -> Result<(), EngineError> {
        let Some(&node) = self.attempts.get(&child) else { return Ok(()) };
        let rest = match &mut self.nodes[node].state {
            State::Running(attempted) => attempted.events.as_mut().map(Tail::remaining).unwrap_or_default(),
            _ => Vec::new(),
        };
        rest.iter().for_each(|line| self.said(child, line));
        if let State::Running(attempted) = &mut self.nodes[node].state
            && let Some(why) = attempted.pruned.take()
        {
            return self.pruned(node, child, &exit, &why);
        }
        let State::Running(mut attempted) = std::mem::replace(&mut self.nodes[node].state, State::Lost) else {
            return Ok(());
        };
        self.attempts.remove(&child);
        let mut facts = facts(&attempted, &exit);
        let limit = self.plan.nodes[node].resources.memory;
        let timeout = self.plan.nodes[node].timeout;
        let found = match (&attempted.ending, exit.over_memory) {
            (_, true) => {
                let advice = limit.and_then(|limit| {
                    let planned = &self.plan.nodes[node];
                    planned.kind.advice(&self.plan, node, limit.get())
                });
                let chain = std::iter::once(over_memory(limit, exit.peak_memory)).chain(advice).collect();
                Err(Lost::new("killed for memory", chain))
            }
            (Some(_), _) => {
                let limit = timeout.map(|limit| limit.to_string()).unwrap_or_default();
                let chain = vec![format!("took longer than its time limit of {limit}, and was ended")];
                Err(Lost::new("timed out", chain))
            }
            (None, false) => verdict(&attempted, exit.status),
        };
        let found = found.and_then(|told| {
            let discovered = self.discovered(node, &attempted).map_err(Lost::failed)?;
            let paths = self.outputs(node, &attempted).map_err(Lost::failed)?;
            Ok((told, discovered, paths))
        });
        let found = found.and_then(|(told, discovered, paths)| {
            // What a stage leaves may be no file at all: that is its failure, while a full disk is the machine's.
            match self.stored(node, &attempted, &paths) {
                Err(error @ (StoreError::NotAFile { .. } | StoreError::Name { .. } | StoreError::Io { .. })) => {
                    Err(Lost::failed(StageFailure::of(error).chain))
                }
                stored => Ok((told, discovered, stored)),
            }
        });
        match found {
            Ok((told, discovered, outputs)) => {
                facts["peak_memory"] = json!(exit.peak_memory.max(told.peak_memory));
                attempted.findings.metrics.extend(told.metrics);
                attempted.findings.keep_last(std::mem::take(&mut attempted.last));
                attempted.findings.facts.extend(told.facts);
                if !discovered.is_empty() {
                    attempted.findings.facts.insert(DISCOVERED.to_owned(), Json::Object(discovered));
                }
                self.publish(node, *attempted, outputs?, &facts)
            }
            Err(lost) if lost.due_to == DueTo::LostDevice && !attempted.cards.is_empty() => {
                self.card_lost(node, &attempted, lost, &facts)
            }
            Err(lost) => {
                let tries = self.nodes[node].tries + 1;
                self.failed(node, &attempted, lost, &facts, tries)
            }
        }
    }

    /// Lets nodes with the same recipe look again.
    pub(crate) fn free_twins(&mut self, fingerprint: &pipe_store::Digest) {
        for twin in self.twins.remove(fingerprint).unwrap_or_default() {
            if matches!(self.nodes[twin].state, State::Ready { .. }) {
                // What was asked for has just been done, by the other.
                self.nodes[twin].anew = None;
                self.queue(twin);
            }
        }
    }

    pub(crate) fn failed(
        &mut self,
        node: usize,
        attempted: &Attempted<'_>,
        lost: Lost,
        facts: &Json,
        tries: u32,
    ) -> Result<(), EngineError> {
        let outcome = lost.outcome.clone();
        let failure = self.end_failed(attempted, lost, facts)?;
        let stage = self.plan.nodes[node].id.clone();
        let retries = &self.plan.nodes[node].retries;
        if tries <= retries.count && !self.stopping {
            let wait = retries.wait(tries, chance());
            self.nodes[node].tries = tries;
            let why = vec![Reason::Retry { after: outcome }];
            self.nodes[node].state = State::Ready { recipe: Box::new(attempted.recipe.clone()), why };
            self.resting.insert(node, Instant::now() + wait);
            (self.observe)(&Event::Retry {
                stage,
                attempt: attempted.attempt.number,
                of: retries.count,
                seconds: wait.as_secs_f64(),
                failure,
            });
            return Ok(());
        }
        self.given_up(node, failure);
        Ok(())
    }

    /// Ends an attempt that failed.
    pub(crate) fn end_failed(
        &mut self,
        attempted: &Attempted<'_>,
        lost: Lost,
        facts: &Json,
    ) -> Result<Failure, EngineError> {
        let Lost { outcome, mut chain, .. } = lost;
        let log = attempted.attempt.folder.join(LOG);
        // Neither a log nor an outcome can be written to a full disk.
        if self.store.disk_is_full() {
            chain.push(format!("no space left on the disk of {}", self.store.root().display()));
        }
        let failure = Failure { chain, last_lines: last_lines(&log, 20), log: log.exists().then_some(log) };
        self.store.end_attempt(&attempted.attempt, &outcome, facts)?;
        self.free_twins(&attempted.recipe.fingerprint);
        Ok(failure)
    }

    /// Ends all children, politely first; a second interrupt, or the end of the grace, ends them at once.
    pub(crate) fn interrupted(&mut self) {
        self.interrupted = true;
        self.children.forward(interrupt::first().unwrap_or(interrupt::Signal::Terminate));
        let end = Instant::now() + GRACE;
        while !self.children.is_idle() {
            if Instant::now() > end || interrupt::count() > 1 {
                self.children.kill_all();
            }
            self.children.next(TICK);
        }
        for node in &mut self.nodes {
            if let State::Running(attempted) = &node.state {
                // The ledger row is a courtesy here: the attempt left nothing to publish.
                drop(self.store.end_attempt(&attempted.attempt, "interrupted", &json!({})));
            }
        }
    }
}

/// A number in 0..1 that differs from one process and call to the next.
fn chance() -> f64 {
    RandomState::new().build_hasher().finish() as f64 / u64::MAX as f64
}
