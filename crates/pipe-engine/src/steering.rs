//! How a search takes part in a run: it hears what stages say and come to, adds stages, and ends some early.
//!
//! Does not know why a search decides as it does. The engine asks, from its own thread, and does what it is told; nothing that was added
//! is ever removed.

use std::sync::Arc;

use pipe_store::{Digest, Record, RunId};

use crate::{
    EngineError, Event, Failing, Number, Plan, PlanNode,
    ending::facts,
    executors::Exit,
    running::{Did, Node, Running, State, is_forced},
};

/// Takes part in a run.
pub trait Steering {
    /// The run has begun.
    fn begun(&mut self, run: RunId);

    /// A stage that runs by this recipe says a number.
    fn said(&mut self, stage: &PlanNode, recipe: &Digest, number: &Number);

    /// A stage has a result.
    fn done(&mut self, stage: &PlanNode, record: &Record);

    /// A stage has none and gets none.
    fn lost(&mut self, stage: &PlanNode, loss: &Loss);

    /// Whether a stage without result may start.
    ///
    /// # Errors
    /// The store failed.
    fn may_start(&mut self, stage: &PlanNode) -> Result<Permit, EngineError>;

    /// Why a stage that may start, and waits for a slot, is not to start any more.
    fn given_up(&self, stage: &PlanNode) -> Option<&'static str>;

    /// What a stage's failure means for the others; none where that is as the run's options say.
    fn failing(&self, stage: &PlanNode) -> Option<Failing>;

    /// What is to be done now. Asked again until there is nothing.
    ///
    /// # Errors
    /// The experiment is wrong, or the store failed.
    fn orders(&mut self, room: Room) -> Result<Vec<Order>, EngineError>;
}

/// Whether a stage may start.
#[derive(Clone, Debug, PartialEq)]
pub enum Permit {
    /// It may; first, observers hear this.
    Start(Option<Event>),
    /// It may not, and why.
    Never(String),
}

/// How a stage came to have no result.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Loss {
    /// It failed for good.
    Failed {
        /// Why.
        why: String,
    },
    /// It was not tried, for something that it needs has no result.
    Skipped,
    /// It was ended, or kept from starting, by order.
    Pruned,
}

/// Whether something more could start.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Room {
    /// A slot is free, and no stage waits for it.
    Free,
    /// Everything is taken, or what there is has not all started.
    Taken,
    /// Nothing starts any more: the run is about to end.
    Closed,
}

/// What a search orders.
#[derive(Debug)]
pub enum Order {
    /// Add a plan's stages; those that are there by their ids stay as they are, and those of them that were pruned are taken up again.
    Add(Box<Plan>),
    /// End a running stage; its checkpoint stays.
    End {
        /// The instance.
        stage: String,
        /// Why.
        why: String,
    },
    /// Let observers know.
    Tell(Event),
}

/// No search takes part.
#[derive(Clone, Copy, Debug, Default)]
pub struct Unsteered;

impl Steering for Unsteered {
    fn begun(&mut self, _: RunId) {}

    fn said(&mut self, _: &PlanNode, _: &Digest, _: &Number) {}

    fn done(&mut self, _: &PlanNode, _: &Record) {}

    fn lost(&mut self, _: &PlanNode, _: &Loss) {}

    fn may_start(&mut self, _: &PlanNode) -> Result<Permit, EngineError> {
        Ok(Permit::Start(None))
    }

    fn given_up(&self, _: &PlanNode) -> Option<&'static str> {
        None
    }

    fn failing(&self, _: &PlanNode) -> Option<Failing> {
        None
    }

    fn orders(&mut self, _: Room) -> Result<Vec<Order>, EngineError> {
        Ok(Vec::new())
    }
}

impl Running<'_, '_> {
    /// Does what the search orders; whether there was anything.
    pub(crate) fn steer(&mut self) -> Result<bool, EngineError> {
        // What has ended is looked at first: the next suggestion follows from it.
        let is_settled = self.finished.is_empty() && self.to_resolve.is_empty() && self.ready.is_empty();
        let room = match (self.stopping, is_settled && !self.capacity.is_full()) {
            (true, _) => Room::Closed,
            (false, true) => Room::Free,
            (false, false) => Room::Taken,
        };
        let orders = self.steering.orders(room)?;
        let is_any = !orders.is_empty();
        for order in orders {
            match order {
                Order::Add(plan) => self.append(*plan)?,
                Order::End { stage, why } => self.end_early(&stage, why),
                Order::Tell(event) => (self.observe)(&event),
            }
        }
        Ok(is_any)
    }

    /// Makes the indices of all nodes known by their ids.
    fn learn_ids(&mut self) {
        if self.by_id.len() < self.plan.nodes.len() {
            let ids = self.plan.nodes.iter().enumerate();
            self.by_id = ids.map(|(index, node)| (node.id.clone(), index)).collect();
        }
    }

    fn append(&mut self, fragment: Plan) -> Result<(), EngineError> {
        self.learn_ids();
        self.capacity.learn(&fragment);
        let first = self.nodes.len();
        let mut place = Vec::with_capacity(fragment.nodes.len());
        let mut again = Vec::new();
        let plan = Arc::make_mut(&mut self.plan);
        for mut node in fragment.nodes {
            if let Some(known) = self.by_id.get(&node.id) {
                place.push(*known);
                let is_pruned = self.nodes[*known].did == Some(Did::Pruned);
                match &mut self.nodes[*known].state {
                    // Who adds it again asks for it again.
                    State::Done(record) => self.steering.done(&plan.nodes[*known], record),
                    State::Running(attempted) if attempted.pruned.is_some() => attempted.again = true,
                    _ if is_pruned => again.push(*known),
                    _ => {}
                }
                continue;
            }
            node.feeds.iter_mut().for_each(|feed| feed.from = place[feed.from]);
            node.after.iter_mut().for_each(|from| *from = place[*from]);
            place.push(plan.nodes.len());
            self.by_id.insert(node.id.clone(), plan.nodes.len());
            let anew = is_forced(self.options, &node).then_some(crate::Reason::Forced);
            self.nodes.push(Node { anew, ..Node::new() });
            self.down.push(Vec::new());
            plan.nodes.push(node);
        }
        let plan = Arc::clone(&self.plan);
        let new: Vec<String> = plan.nodes[first..].iter().map(|node| node.id.clone()).collect();
        for to in first..plan.nodes.len() {
            plan.upstream(to).for_each(|from| self.down[from].push(to));
            self.wish(to)?;
        }
        if !new.is_empty() {
            (self.observe)(&Event::Grown { stages: plan.nodes.len(), new });
        }
        drop(plan);
        again.into_iter().chain(first..self.nodes.len()).for_each(|node| self.wait_anew(node));
        Ok(())
    }

    /// Lets a node that is new, or was given up, wait for what it takes from.
    fn wait_anew(&mut self, node: usize) {
        let plan = Arc::clone(&self.plan);
        let lost = plan.upstream(node).find(|from| matches!(self.nodes[*from].state, State::Lost));
        self.nodes[node].did = None;
        self.nodes[node].state = State::Waiting;
        self.nodes[node].left = plan.upstream(node).filter(|from| self.nodes[*from].record().is_none()).count();
        match lost {
            Some(from) => {
                let did = self.nodes[from].did.filter(|did| *did == Did::Pruned).unwrap_or(Did::Skipped);
                self.lose(node, did, &plan.nodes[from].id);
            }
            None if self.nodes[node].left == 0 => drop(self.to_resolve.insert(node)),
            None => {}
        }
    }

    fn end_early(&mut self, stage: &str, why: String) {
        self.learn_ids();
        let Some(node) = self.by_id.get(stage).copied() else { return };
        match &mut self.nodes[node].state {
            State::Running(attempted) if attempted.pruned.is_none() => {
                attempted.pruned = Some(why);
                attempted.ending = Some(std::time::Instant::now());
                let child = self.attempts.iter().find(|(_, of)| **of == node).map(|(child, _)| *child);
                child.into_iter().for_each(|child| self.children.terminate(child));
            }
            State::Waiting | State::Ready { .. } => {
                self.ready.remove(&(std::cmp::Reverse(self.plan.nodes[node].resources.priority), node));
                self.resting.remove(&node);
                self.to_resolve.remove(&node);
                self.lose(node, Did::Pruned, &why);
            }
            State::Running(_) | State::Done(_) | State::Lost => {}
        }
    }

    /// Ends an attempt that was ended by order: no failure, and no result.
    pub(crate) fn pruned(&mut self, node: usize, child: u64, exit: &Exit, why: &str) -> Result<(), EngineError> {
        let State::Running(attempted) = std::mem::replace(&mut self.nodes[node].state, State::Lost) else {
            return Ok(());
        };
        self.attempts.remove(&child);
        self.store.end_attempt(&attempted.attempt, "pruned", &facts(&attempted, exit))?;
        let (fingerprint, again) = (attempted.recipe.fingerprint, attempted.again);
        drop(attempted);
        if again {
            self.wait_anew(node);
        } else {
            self.lose(node, Did::Pruned, why);
        }
        self.free_twins(&fingerprint);
        Ok(())
    }
}
