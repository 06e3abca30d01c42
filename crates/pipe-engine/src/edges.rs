//! Edges counted: a node's result, its loss, or its coming out different, and whom that touches.
//!
//! Does not know why any of it happens.

use std::{cmp::Reverse, collections::BTreeSet, sync::Arc};

use pipe_store::{Digest, Record};

use crate::{
    Event, Loss,
    running::{Did, Node, Running, State},
};

impl Running<'_, '_> {
    /// Counts the edges; done once a plan.
    pub(crate) fn connect(&mut self) {
        let plan = Arc::clone(&self.plan);
        self.down = vec![Vec::new(); plan.nodes.len()];
        for to in 0..plan.nodes.len() {
            let mut left = 0;
            for from in plan.upstream(to) {
                self.down[from].push(to);
                left += usize::from(self.nodes[from].record().is_none());
            }
            self.nodes[to].left = left;
            if left == 0 && matches!(self.nodes[to].state, State::Waiting) {
                self.to_resolve.insert(to);
            }
        }
    }

    /// Gives a node its result; what waited for it alone can be looked up.
    pub(crate) fn done(&mut self, node: usize, record: Record, did: Did) {
        self.nodes[node].did = Some(did);
        self.steering.done(&self.plan.nodes[node], &record);
        self.nodes[node].state = State::Done(Arc::new(record));
        for to in &self.down[node] {
            self.nodes[*to].left -= 1;
            if self.nodes[*to].left == 0 {
                self.to_resolve.insert(*to);
            }
        }
    }

    /// Takes a node's result, or its turn, away: it is asked about again.
    pub(crate) fn undo(&mut self, node: usize) {
        let had = std::mem::replace(&mut self.nodes[node].state, State::Waiting);
        if let State::Done(_) = had {
            for to in &self.down[node] {
                self.nodes[*to].left += 1;
            }
        }
        self.ready.remove(&(Reverse(self.plan.nodes[node].resources.priority), node));
        self.resting.remove(&node);
        if self.nodes[node].left == 0 {
            self.to_resolve.insert(node);
        }
    }

    /// Gives a node up, and everything that needs it: what a search has pruned takes that with it.
    pub(crate) fn lose(&mut self, node: usize, did: Did, because: &str) {
        self.nodes[node].did = Some(did);
        let below_it = if did == Did::Pruned { Did::Pruned } else { Did::Skipped };
        let mut lost = vec![(node, because.to_owned())];
        while let Some((node, because)) = lost.pop() {
            self.nodes[node].state = State::Lost;
            let stage = &self.plan.nodes[node].id;
            let loss = match *self.nodes[node].did.get_or_insert(below_it) {
                Did::Skipped => {
                    (self.observe)(&Event::Skipped { stage: stage.clone(), because });
                    Loss::Skipped
                }
                Did::Pruned => {
                    (self.observe)(&Event::Pruned { stage: stage.clone(), why: because });
                    Loss::Pruned
                }
                _ => Loss::Failed { why: because },
            };
            self.steering.lost(&self.plan.nodes[node], &loss);
            let mut below = Vec::new();
            for to in &self.down[node] {
                // Lost once, however many of its needs are, and however many outputs of one need it takes.
                if matches!(self.nodes[*to].state, State::Waiting) {
                    self.nodes[*to].state = State::Lost;
                    self.nodes[*to].did = None;
                    let need = if below_it == Did::Pruned { format!("with {stage}") } else { stage.clone() };
                    below.push((*to, need));
                }
            }
            lost.extend(below.into_iter().rev());
        }
    }

    /// What a failure kept from starting.
    pub(crate) fn skip_the_rest(&mut self) {
        let mut left = 0;
        for node in &mut self.nodes {
            if matches!(node.state, State::Waiting | State::Ready { .. }) {
                node.state = State::Lost;
                node.did = Some(Did::Skipped);
                left += 1;
            }
        }
        for open in &self.plan.open {
            let because = format!("the list `{}` of {}", open.output, open.maker);
            (self.observe)(&Event::Skipped { stage: open.id.clone(), because });
        }
        if left > 0 {
            (self.observe)(&Event::Stopped { left });
        }
    }

    /// Other nodes of a recipe that was made anew take its new result.
    pub(crate) fn look_again_at(&mut self, fingerprint: &Digest, made: usize) {
        let has = |node: &Node<'_>| node.record().is_some_and(|record| record.fingerprint == *fingerprint);
        let same: Vec<_> = (0..self.nodes.len()).filter(|node| *node != made && has(&self.nodes[*node])).collect();
        for node in same {
            if !self.plan.nodes[node].frozen {
                self.undo(node);
                self.ask_again_below(node);
            }
        }
    }

    /// Asks again about everything below a node that came out different from what stood there before.
    pub(crate) fn ask_again_below(&mut self, node: usize) {
        let mut below = BTreeSet::from([node]);
        // Every node stands after all it takes from.
        for other in node + 1..self.nodes.len() {
            if self.plan.upstream(other).any(|from| below.contains(&from)) {
                below.insert(other);
                let is_settled = matches!(self.nodes[other].state, State::Done(_) | State::Ready { .. });
                if is_settled && !self.plan.nodes[other].frozen {
                    self.undo(other);
                }
            }
        }
    }
}
