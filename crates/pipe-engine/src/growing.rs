//! Plans that grow: when a stage has made its list, the stages that run over it become known.
//!
//! Does not know how a plan is made. Nothing is ever removed: every node of the old plan is in the new one.

use std::{
    cmp::Reverse,
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use crate::{
    EngineError, Event, Failure, StageFailure,
    lists::{ListError, new_lists},
    running::{Node, Running, State, is_forced},
};

impl Running<'_, '_> {
    /// Grows the plan if a node that just got its result makes a list.
    pub(crate) fn grow_after(&mut self, node: usize) -> Result<(), EngineError> {
        let stage = &self.plan.nodes[node].stage;
        if self.plan.open.is_empty() || !self.plan.lists.iter().any(|list| list.stage == *stage) {
            return Ok(());
        }
        self.grow_where_known()
    }

    /// Grows the plan by everything that its results tell.
    pub(crate) fn grow_where_known(&mut self) -> Result<(), EngineError> {
        if self.plan.open.is_empty() {
            return Ok(());
        }
        let nodes = &self.nodes;
        let lists = match new_lists(&self.plan, &|node| nodes[node].record(), self.store) {
            Ok(lists) => lists,
            Err(ListError::Missing { stage }) => {
                if let Some(maker) = self.plan.nodes.iter().position(|node| node.id == stage) {
                    self.make_again(maker);
                }
                return Ok(());
            }
            Err(error) => {
                self.list_failed(&error);
                return Ok(());
            }
        };
        if lists.is_empty() {
            return Ok(());
        }
        let mut known = self.plan.known.clone();
        known.extend(lists);
        let grown = (self.options.grow)(&known).map_err(|why| EngineError::Grown(Box::new(why)))?;
        self.may_run = grown.may_run;
        self.follow(grown.plan);
        (0..self.nodes.len()).try_for_each(|node| self.wish(node).map(drop))?;
        // A new stage may be the maker of a further list, and be cached.
        Ok(())
    }

    /// Takes over a plan that has all nodes of the present one, and more.
    fn follow(&mut self, plan: Arc<crate::Plan>) {
        let place: BTreeMap<&str, usize> =
            plan.nodes.iter().enumerate().map(|(index, node)| (node.id.as_str(), index)).collect();
        let mut nodes: Vec<_> = plan.nodes.iter().map(|_| None).collect();
        let moved: Vec<usize> = self.plan.nodes.iter().map(|node| place[node.id.as_str()]).collect();
        for (old, node) in std::mem::take(&mut self.nodes).into_iter().enumerate() {
            nodes[moved[old]] = Some(node);
        }
        let mut new = Vec::new();
        for (planned, node) in plan.nodes.iter().zip(&mut nodes) {
            if node.is_none() {
                let anew = is_forced(self.options, planned).then_some(crate::Reason::Forced);
                *node = Some(Node { anew, ..Node::new() });
                new.push(planned.id.clone());
            }
        }
        self.nodes = nodes.into_iter().flatten().collect();
        self.by_id.clear();
        let at = |node: usize| moved[node];
        self.attempts.values_mut().for_each(|node| *node = at(*node));
        self.resting = std::mem::take(&mut self.resting).into_iter().map(|(node, until)| (at(node), until)).collect();
        self.to_resolve = BTreeSet::new();
        let priority = |node: usize| Reverse(plan.nodes[node].resources.priority);
        let ready = std::mem::take(&mut self.ready).into_iter().map(|(_, node)| (priority(at(node)), at(node)));
        self.ready = ready.collect();
        for twins in self.twins.values_mut() {
            twins.iter_mut().for_each(|node| *node = at(*node));
        }
        self.capacity.learn(&plan);
        self.plan = plan;
        self.connect();
        (self.observe)(&Event::Grown { stages: self.plan.nodes.len(), new });
    }

    /// What would run over a list that is none has failed.
    fn list_failed(&mut self, error: &ListError) {
        let chain = StageFailure::of(error).chain;
        // Those that only need such stages are skipped with them.
        let over = |stage: &str| self.plan.over_lists.contains(stage);
        for open in self.plan.open.iter().filter(|open| over(&open.stage)) {
            let failure = Failure { chain: chain.clone(), last_lines: Vec::new(), log: None };
            (self.observe)(&Event::Failed { stage: open.id.clone(), failure });
            self.unreadable += 1;
        }
        self.stop_where_asked(None);
    }

    /// Whether a node may be looked up now.
    pub(crate) fn is_waiting(&self, node: usize) -> bool {
        matches!(self.nodes[node].state, State::Waiting) && self.nodes[node].left == 0
    }
}
