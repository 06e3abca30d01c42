//! What a search adds to a run: further folds, trials, and at the end the whole experiment with the best settings.
//!
//! Does not know how points are found.

use pipe_engine::{EngineError, Order, plan};
use pipe_spec::{Lists, Problems, expand};
use pipe_store::Store;

use super::{Course, Folds, Search, not_grown};
use crate::JudgedBy;

impl Search<'_> {
    /// Folds whose trial has come through the first ones.
    pub(super) fn further_folds(&mut self) -> Result<Option<Order>, EngineError> {
        let by_folds = self.sweep.judged_by == JudgedBy::Folds;
        for course in &mut self.courses {
            let waits = course.own.iter().find(|(_, own)| {
                own.added > 0 && own.added < own.targets.len() && own.values.len() >= own.added && !own.is_ending
            });
            let Some((number, own)) = waits else { continue };
            let (number, count) = (*number, if by_folds { own.added + 1 } else { own.targets.len() });
            let (plan, _) =
                course.layout.planned(&[course.tried(number)], Folds::First(count), &self.kinds).map_err(not_grown)?;
            course.own.get_mut(&number).expect("it was found here").added = count;
            return Ok(Some(Order::Add(Box::new(plan))));
        }
        Ok(None)
    }

    /// The next trial, or what follows when there is none.
    pub(super) fn next(&mut self, store: &Store) -> Result<Vec<Order>, EngineError> {
        let tried: usize = self.courses.iter().map(|course| course.own.len()).sum();
        if tried >= self.jobs {
            return Ok(Vec::new());
        }
        for at in 0..self.courses.len() {
            if !self.courses[at].foreign.is_empty() {
                self.courses[at].look_again(store)?;
            }
            if let Some(number) = self.courses[at].taken_over(store, self.run)? {
                return self.begun(store, at, number);
            }
            if self.closed.is_some() {
                continue;
            }
            if let Some(orders) = self.taken_up(store, at)? {
                return Ok(orders);
            }
            if let Some(orders) = self.new_trial(store, at)? {
                return Ok(orders);
            }
        }
        let is_over = self.closed.is_none() && self.courses.iter().all(Course::is_over);
        if !is_over || self.is_final {
            return Ok(Vec::new());
        }
        self.is_final = true;
        let Some(best) = self.best().map_err(not_grown)? else { return Ok(Vec::new()) };
        let experiment = expand(&best, &Lists::new()).map_err(not_grown)?;
        let plan = plan(self.kinds.registry, &experiment, &Lists::new()).map_err(not_grown)?;
        let list = (self.kinds.wrong)(&plan);
        if list.is_empty() {
            return Ok(vec![Order::Add(Box::new(plan))]);
        }
        Err(not_grown(Problems { sources: self.composed.sources.clone(), list }))
    }

    /// A pruned trial that has earned its next rung.
    fn taken_up(&mut self, store: &Store, at: usize) -> Result<Option<Vec<Order>>, EngineError> {
        let Some(promotion) = self.courses[at].promotion() else { return Ok(None) };
        let (number, run) = (promotion.trial, self.run);
        let course = &mut self.courses[at];
        if course.own.contains_key(&number) {
            // Its process has not ended yet. It is asked for again once it has.
            return Ok(None);
        }
        let (id, row) = (course.id.expect("it has trials"), &course.rows[number as usize]);
        if !store.take_trial(id, number, row.run, run)? {
            course.look_again(store)?;
            return Ok(None);
        }
        course.take(number);
        course.rows[number as usize].run = run;
        self.begun(store, at, number).map(Some)
    }

    fn new_trial(&mut self, store: &Store, at: usize) -> Result<Option<Vec<Order>>, EngineError> {
        let run = self.run;
        loop {
            let course = &mut self.courses[at];
            let Some(point) = course.suggest() else { return Ok(None) };
            let (number, id) = (course.trials.len() as u64, course.id.expect("the run has begun"));
            let row = pipe_store::TrialRow { run, ..course.row(number, &point) };
            if store.add_trials(id, run, number, std::slice::from_ref(&row.point))? {
                course.add(point, row);
                return self.begun(store, at, number).map(Some);
            }
            // Another process was faster; what it tries is part of what the next suggestion follows from.
            course.look_again(store)?;
        }
    }

    fn begun(&mut self, store: &Store, at: usize, number: u64) -> Result<Vec<Order>, EngineError> {
        let run = self.run;
        let course = &mut self.courses[at];
        let (plan, mut laid_out) =
            course.layout.planned(&[course.tried(number)], course.first(), &self.kinds).map_err(not_grown)?;
        let own = course.own.get_mut(&number).expect("the caller made it one");
        own.targets = laid_out.targets.remove(&number).unwrap_or_default();
        own.added = if course.study.pruner().is_some() { 1 } else { own.targets.len() };
        let (of, _) = self.sweep.objective.on_the_way();
        let judged = plan.nodes.iter().find(|node| node.stage == of && course.layout.number(&node.axes).is_some());
        own.judged = judged.map(|node| node.id.clone());
        course.note(store, run, number)?;
        Ok(vec![Order::Add(Box::new(plan))])
    }
}
