//! Nodes that could start: in the order of their priority, as far as what they share goes.
//!
//! Does not know what an attempt does.

use std::{
    cmp::Reverse,
    collections::BTreeSet,
    ops::Bound,
    sync::Arc,
    thread,
    time::{Duration, Instant},
};

use pipe_store::{Claim, Holder, StoreError};

use crate::{
    EngineError, Event, Reason,
    capacity::{Lack, Taken},
    run::bury,
    running::{Did, Running, State, TICK},
};

/// Longest time between two looks at a lease of another process.
const PATIENCE: Duration = Duration::from_millis(500);

impl Running<'_, '_> {
    pub(crate) fn queue(&mut self, node: usize) {
        self.ready.insert((Reverse(self.plan.nodes[node].resources.priority), node));
    }

    /// Resting nodes whose time has come.
    pub(crate) fn wake(&mut self) {
        if self.resting.is_empty() {
            return;
        }
        let now = Instant::now();
        let due: Vec<_> = self.resting.iter().filter(|(_, at)| **at <= now).map(|(node, _)| *node).collect();
        for node in due {
            self.resting.remove(&node);
            self.queue(node);
        }
    }

    /// Starts what can start.
    pub(crate) fn start_ready(&mut self) -> Result<(), EngineError> {
        // A failure that nobody has looked at yet may be one that lets nothing start.
        if self.finished.iter().any(|(_, exit)| !exit.is_success()) {
            return Ok(());
        }
        let mut from = Bound::Unbounded;
        while !self.stopping && !self.capacity.is_full() {
            let Some(next) = self.ready.range((from, Bound::Unbounded)).next().copied() else {
                break;
            };
            from = Bound::Excluded(next);
            let (_, node) = next;
            let plan = Arc::clone(&self.plan);
            let wish = self.wish(node)?;
            match self.capacity.take(&self.plan.nodes[node].resources, &wish)? {
                Ok(taken) => self.start_with(node, taken)?,
                Err(_) if !self.could_get(&wish) => self.no_card_left(node),
                Err(lack) => {
                    // Whoever needs more slots than are free would never get them if others always passed.
                    let is_next = matches!(lack, Lack::Slots { .. });
                    self.lacks(node, lack);
                    if is_next {
                        break;
                    }
                }
            }
            if !Arc::ptr_eq(&plan, &self.plan) {
                // It has grown, and everything has another place.
                from = Bound::Unbounded;
            }
        }
        Ok(())
    }

    /// Says what a node lacks, when that is news.
    fn lacks(&mut self, node: usize, lack: Lack) {
        let is_news = self.nodes[node].lack.as_ref() != Some(&lack);
        if is_news && !matches!(lack, Lack::Slots { .. }) {
            (self.observe)(&Event::Waiting { stage: self.plan.nodes[node].id.clone(), lack: lack.clone() });
        }
        self.nodes[node].lack = Some(lack);
    }

    fn start_with(&mut self, node: usize, taken: Taken) -> Result<(), EngineError> {
        let State::Ready { recipe, why } = std::mem::replace(&mut self.nodes[node].state, State::Waiting) else {
            self.capacity.give_back(taken);
            return Ok(());
        };
        self.ready.remove(&(Reverse(self.plan.nodes[node].resources.priority), node));
        if let Some(why) = self.steering.given_up(&self.plan.nodes[node]) {
            self.capacity.give_back(taken);
            self.lose(node, Did::Pruned, why);
            return Ok(());
        }
        if let Some(same) = self.twins.get_mut(&recipe.fingerprint) {
            // Another node of this run computes the very same; its result will be this one's.
            same.push(node);
            self.nodes[node].state = State::Ready { recipe, why };
            self.capacity.give_back(taken);
            return Ok(());
        }
        let holder = Holder::here(self.run, &self.plan.experiment, &self.plan.nodes[node].id);
        let claim = match &self.nodes[node].anew {
            Some(_) => self.store.claim_anew(&recipe.fingerprint, &holder)?,
            None => self.store.claim(&recipe.fingerprint, &holder)?,
        };
        match claim {
            Claim::Hit(record) => {
                self.capacity.give_back(taken);
                self.store.hold(self.run, &[record.id])?;
                let row = self.row(node, &record.fingerprint, "cached");
                self.store.note_stages(&self.plan.experiment, &[row])?;
                self.cached(node, record);
                self.grow_after(node)?;
            }
            Claim::Held { by } => {
                self.capacity.give_back(taken);
                let lack = Lack::Lease { by: by.map(Box::new) };
                let wait = if self.nodes[node].lack.as_ref() == Some(&lack) { PATIENCE } else { TICK };
                self.lacks(node, lack);
                self.nodes[node].state = State::Ready { recipe, why };
                self.resting.insert(node, Instant::now() + wait);
            }
            // Bytes are read under the lease alone: a node that waits for another process reads nothing.
            Claim::Miss(lease) => {
                if let Some(dead) = lease.left_by() {
                    self.takes_over_from(dead)?;
                }
                if self.restore(node)? {
                    self.capacity.give_back(taken);
                } else {
                    self.nodes[node].lack = None;
                    self.start(node, *recipe, &why, lease, taken)?;
                }
            }
        }
        Ok(())
    }

    /// Ends what a run left that was killed amid a stage: it might still write where the stage goes on.
    fn takes_over_from(&self, dead: &Holder) -> Result<(), EngineError> {
        // The system lets go of the locks of a dying process one by one.
        let gone = Instant::now() + PATIENCE;
        while self.store.is_running(dead.run)? && Instant::now() < gone {
            thread::sleep(Duration::from_millis(1));
        }
        Ok(bury(self.store)?)
    }

    /// Sends nodes back to work whose bytes a node needs and does not find, and all that wait for them; true if there
    /// are any.
    fn restore(&mut self, node: usize) -> Result<bool, EngineError> {
        let plan = Arc::clone(&self.plan);
        let mut damaged = BTreeSet::new();
        for feed in &plan.nodes[node].feeds {
            let Some(record) = self.nodes[feed.from].record() else {
                return Ok(true);
            };
            for output in record.outputs.iter().filter(|output| output.port == feed.output) {
                if !self.store.verify(&output.object) {
                    // Made again and damaged again: the disk is to blame, and no further attempt helps. What is frozen
                    // cannot be made again at all.
                    if self.nodes[feed.from].restored || plan.nodes[feed.from].frozen {
                        return Err(StoreError::Damaged { digest: output.object.digest }.into());
                    }
                    let stage = &plan.nodes[feed.from].id;
                    tracing::info!(stage, object = %output.object.digest, "missing or damaged, made again");
                    self.store.remove_damaged(&output.object)?;
                    damaged.insert(feed.from);
                }
            }
        }
        for from in &damaged {
            self.make_again(*from);
        }
        // Recipes name contents, and those may come out different: nobody starts on the old ones.
        let below: Vec<_> = damaged.iter().flat_map(|from| self.down[*from].clone()).collect();
        for other in below {
            if matches!(self.nodes[other].state, State::Ready { .. }) {
                self.undo(other);
            }
        }
        Ok(!damaged.is_empty())
    }

    /// Sends a node back to work whose bytes are gone.
    pub(crate) fn make_again(&mut self, node: usize) {
        self.nodes[node].restored = true;
        self.nodes[node].anew = Some(Reason::BytesMissing);
        self.undo(node);
    }
}
