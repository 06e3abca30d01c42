//! Attempts of a running plan: started, listened to, published or failed.
//!
//! Does not decide which node runs.

use std::{
    io,
    path::PathBuf,
    process::ExitStatus,
    time::{Duration, Instant},
};

use pipe_store::{Lease, Made, NewRecord, Output, StoreError};
use serde_json::Value as Json;

use crate::{
    COMMAND, EngineError, Event, Failure, Reason, StageFailure,
    context::{Findings, Word},
    executors::{Said, interrupt, last_lines},
    freshen::Recipe,
    job::{LOG, OUTCOME, Outcome},
    prepare::prepare,
    running::{Attempted, Did, Node, Running, TICK},
};

/// How long children may take to end after they were asked to.
const GRACE: Duration = Duration::from_secs(5);

impl<'r> Running<'r, '_> {
    pub(crate) fn start(
        &mut self,
        node: usize,
        recipe: Recipe,
        why: &[Reason],
        lease: Lease<'r>,
    ) -> Result<(), EngineError> {
        let planned = &self.plan.nodes[node];
        let before = self.store.current(&recipe.fingerprint)?;
        self.store.remember_recipe(&recipe.fingerprint, planned.kind.name, &recipe.manifest)?;
        self.note(node, &recipe.fingerprint, "running", why)?;
        let attempt = self.store.begin_attempt(self.run, &planned.id, &recipe.fingerprint)?;
        let records: Vec<_> = self.nodes.iter().map(Node::record).collect();
        let resume = self.store.resume_folder(&recipe.fingerprint)?;
        let prepared = prepare(planned, &records, self.plan, self.store, self.options, &attempt, &resume)?;
        tracing::debug!(stage = planned.id, fingerprint = %recipe.fingerprint, folder = %attempt.folder.display(), "attempt");
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

    pub(crate) fn said(&mut self, node: usize, line: &str) {
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

    pub(crate) fn ended(&mut self, node: usize, status: io::Result<ExitStatus>) -> Result<(), EngineError> {
        let Node::Running(attempted) = std::mem::replace(&mut self.nodes[node], Node::Lost) else {
            return Ok(());
        };
        let found = verdict(&attempted, status)
            .and_then(|findings| self.outputs(node, &attempted).map(|outputs| (findings, outputs)));
        let found = found.and_then(|(findings, paths)| {
            // What a stage leaves may be no file at all: that is its failure, while a full disk is the machine's.
            match self.stored(node, &paths) {
                Err(error @ (StoreError::NotAFile { .. } | StoreError::Name { .. } | StoreError::Io { .. })) => {
                    Err(StageFailure::of(error).chain)
                }
                stored => Ok((findings, stored)),
            }
        });
        match found {
            Ok((findings, outputs)) => {
                let outputs = outputs?;
                self.publish(node, *attempted, findings, outputs)
            }
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
            if path.is_symlink() {
                return Err(vec![format!("the output `{}` is a link; outputs are files and folders", output.name)]);
            }
            found.push((position, path));
        }
        if planned.kind.name == COMMAND.name {
            // Inputs are links into the store; a program of the superuser can write through their permissions.
            for feed in &planned.feeds {
                let record = self.nodes[feed.from].record().into_iter();
                for given in record.flat_map(|record| &record.outputs).filter(|output| output.port == feed.output) {
                    if !self.store.verify(&given.object) {
                        return Err(vec![format!(
                            "the command changed its input `{}`; inputs are read-only",
                            feed.port
                        )]);
                    }
                }
            }
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

    /// Puts outputs into the store; without a ledger row nobody sees them.
    fn stored(&self, node: usize, found: &[(usize, PathBuf)]) -> Result<Vec<Output>, StoreError> {
        let put = |(position, path): &(usize, PathBuf)| {
            let output = &self.plan.nodes[node].outputs[*position];
            let object = self.store.put(path)?;
            Ok(Output { port: output.name.clone(), kind: output.kind.0.to_owned(), object })
        };
        found.iter().map(put).collect()
    }

    fn publish(
        &mut self,
        node: usize,
        attempted: Attempted<'r>,
        findings: Findings,
        outputs: Vec<Output>,
    ) -> Result<(), EngineError> {
        let planned = &self.plan.nodes[node];
        let Attempted { recipe, lease, attempt, prepared, since, before } = attempted;
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
        let record = lease.publish(&new)?;
        tracing::debug!(stage = planned.id, record = record.id, seconds, "published");
        self.store.drop_resume(&recipe.fingerprint)?;
        self.store.end_attempt(&attempt, "done")?;
        drop(lease);
        self.note(node, &recipe.fingerprint, "done", &[])?;
        if before.is_some_and(|before| before.outputs != record.outputs) {
            let text = "made again from an equal recipe, it has other bytes; the new ones are current".to_owned();
            (self.observe)(&Event::Warning { stage: planned.id.clone(), text });
            self.ask_again_below(node);
        }
        self.anew.remove(&node);
        self.did[node] = Some(Did::Ran);
        self.nodes[node] = Node::Done(Box::new(record));
        (self.observe)(&Event::Done { stage: planned.id.clone(), seconds });
        Ok(())
    }

    fn failed(&mut self, node: usize, attempted: &Attempted<'_>, mut chain: Vec<String>) -> Result<(), EngineError> {
        let log = attempted.attempt.folder.join(LOG);
        // Neither a log nor an outcome can be written to a full disk.
        if self.store.disk_is_full() {
            chain.push(format!("no space left on the disk of {}", self.store.root().display()));
        }
        let failure = Failure { chain, last_lines: last_lines(&log, 20), log: log.exists().then_some(log) };
        self.store.end_attempt(&attempted.attempt, "failed")?;
        self.note(node, &attempted.recipe.fingerprint, "failed", &[])?;
        self.did[node] = Some(Did::Failed);
        self.nodes[node] = Node::Lost;
        (self.observe)(&Event::Failed { stage: self.plan.nodes[node].id.clone(), failure });
        Ok(())
    }

    /// Ends all children, politely first; a second interrupt, or the end of the grace, ends them at once.
    pub(crate) fn interrupted(&mut self) {
        self.interrupted = true;
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
