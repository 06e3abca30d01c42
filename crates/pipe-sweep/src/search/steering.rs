//! What a search hears and orders while stages run.
//!
//! Does not know how points are found.

use std::{collections::BTreeSet, time::Instant};

use pipe_engine::{EngineError, Event, Failing, Loss, Number, Order, Permit, PlanNode, Room, Steering, history};
use pipe_store::{Digest, Record, RunId, Store, StoreError};

use super::{Course, Search, opening::finite};
use crate::{Finite, JudgedBy, State, Verdict};

/// Why stages of a trial are given up.
const PRUNED: &str = "its trial is pruned";
const ENDED: &str = "its trial has come to an end";

/// When so many trials have failed and none has come to a value, the search ends.
const HOPELESS: usize = 5;

/// A search with the ledger in which it notes what it decides.
pub struct Steered<'s, 'e> {
    /// The search.
    pub search: &'s mut Search<'e>,
    /// The ledger.
    pub store: &'s Store,
}

impl Steering for Steered<'_, '_> {
    fn begun(&mut self, run: RunId) {
        let Self { search, store } = self;
        search.run = run;
        if let Err(error) = search.claim(store, run) {
            search.trouble = Some(error.into());
        }
    }

    fn said(&mut self, stage: &PlanNode, recipe: &Digest, number: &Number) {
        let Self { search, store } = self;
        let (of, metric) = search.sweep.objective.on_the_way();
        if stage.stage != of || number.name != metric {
            return;
        }
        let Some((course, trial)) = search.trial(stage) else { return };
        let (judged_by, run) = (search.sweep.judged_by, search.run);
        let here = &mut search.courses[course];
        let Some(own) = here.own.get_mut(&trial) else { return };
        own.since.entry(stage.id.clone()).or_insert_with(Instant::now);
        if own.judged.as_ref() != Some(&stage.id) || own.is_ending {
            return;
        }
        here.rows[trial as usize].recipes = serde_json::json!([recipe]).to_string();
        let Some(value) = number.value else { return };
        // After step 0 one is done.
        let step = number.step.saturating_add(1);
        // What is known was judged and noted when it was new.
        let is_known = here.trials[trial as usize].curve.at(step).is_some_and(|known| known.get() == value);
        if judged_by == JudgedBy::Folds || is_known {
            return;
        }
        if let Verdict::Prune { why } = here.judged(trial, step, value) {
            search.prune(course, trial, step, &why);
        }
        // Before the stage hears of it: whoever comes after a death must not decide otherwise.
        let noted = search.courses[course].note(store, run, trial);
        search.trust(noted);
    }

    fn done(&mut self, stage: &PlanNode, record: &Record) {
        let Some((course, trial)) = self.search.trial(stage) else { return };
        let sweep = &self.search.sweep;
        let (judged_by, is_objective) = (sweep.judged_by, stage.stage == sweep.objective.stage);
        let here = &mut self.search.courses[course];
        let Some(own) = here.own.get_mut(&trial) else { return };
        if own.before.is_none() && here.counted.insert(stage.id.clone()) {
            here.rows[trial as usize].seconds += record.made.seconds;
        }
        if judged_by == JudgedBy::Folds && is_objective && own.values.is_empty() {
            here.rows[trial as usize].recipes = serde_json::json!([record.fingerprint]).to_string();
        }
        let is_judged = own.judged.as_ref() == Some(&stage.id);
        own.is_heard |= is_judged;
        let counts = is_judged && judged_by == JudgedBy::Steps && here.study.pruner().is_some();
        let was_silent = !own.since.contains_key(&stage.id);
        if counts
            && was_silent
            && here.trials[trial as usize].state == State::Running
            && let Err(error) = self.hear(stage, record)
        {
            self.search.trouble = Some(error.into());
        }
        // It came to its end before it could be ended; what was decided stands.
        if self.search.courses[course].own[&trial].is_ending {
            match is_objective {
                true => self.search.ended(self.store, course, trial),
                false if is_judged => self.search.end_targets(course, trial),
                false => {}
            }
            return;
        }
        if !is_objective {
            return;
        }
        match self.search.value(self.store, record, stage) {
            Ok(Err(why)) => self.search.said_failed(self.store, course, trial, &stage.id, why),
            Ok(Ok(value)) => self.search.valued(self.store, course, trial, &stage.id, value),
            Err(error) => self.search.trouble = Some(error),
        }
    }

    fn lost(&mut self, stage: &PlanNode, loss: &Loss) {
        let Self { search, store } = self;
        let Some((course, trial)) = search.trial(stage) else { return };
        if !search.courses[course].own.contains_key(&trial) {
            return;
        }
        let here = &mut search.courses[course];
        let own = here.own.get_mut(&trial).expect("it was just found");
        own.is_heard |= own.judged.as_ref() == Some(&stage.id);
        let (since, is_heard) = (own.since.remove(&stage.id), own.is_heard);
        if let (Loss::Pruned | Loss::Failed { .. }, Some(since)) = (loss, since) {
            here.rows[trial as usize].seconds += since.elapsed().as_secs_f64();
        }
        if let State::Pruned { .. } = here.trials[trial as usize].state {
            // However it came to its end: what was decided stands. Others that are given up meanwhile are not it.
            if is_heard {
                search.ended(store, course, trial);
            }
            return;
        }
        match loss {
            Loss::Pruned => {}
            Loss::Failed { why } => search.failed(store, course, trial, format!("{}: {why}", stage.id)),
            Loss::Skipped => search.failed(store, course, trial, format!("{} was not tried", stage.id)),
        }
    }

    fn may_start(&mut self, stage: &PlanNode) -> Result<Permit, EngineError> {
        let Self { search, store } = self;
        let Some((course, trial)) = search.trial(stage) else { return Ok(Permit::Start(None)) };
        if let Some(why) = search.given_up(course, trial) {
            return Ok(Permit::Never(why.to_owned()));
        }
        let run = search.run;
        let here = &mut search.courses[course];
        let own = here.own.get_mut(&trial).expect("it is not given up");
        own.begun.push(stage.id.clone());
        let is_told = std::mem::replace(&mut own.is_told, true);
        let id = here.id.expect("the run has begun");
        // Another process may have taken it over.
        match store.trial(id, trial)? {
            Some(row) if row.run != run && store.is_running(row.run)? => {
                here.own.remove(&trial);
                here.foreign.insert(trial);
                Ok(Permit::Never(format!("run {} tries it", row.run)))
            }
            _ if is_told => Ok(Permit::Start(None)),
            _ => {
                (here.trials[trial as usize].state, here.rows[trial as usize].ended) = (State::Running, None);
                Ok(Permit::Start(Some(search.told(course, trial))))
            }
        }
    }

    fn given_up(&self, stage: &PlanNode) -> Option<&'static str> {
        let (course, trial) = self.search.trial(stage)?;
        self.search.given_up(course, trial)
    }

    fn failing(&self, stage: &PlanNode) -> Option<Failing> {
        self.search.trial(stage).map(|_| Failing::GoesOn)
    }

    fn orders(&mut self, room: Room) -> Result<Vec<Order>, EngineError> {
        let Self { search, store } = self;
        if let Some(trouble) = search.trouble.take() {
            return Err(trouble);
        }
        if !search.orders.is_empty() {
            return Ok(search.orders.drain(..).collect());
        }
        if room == Room::Closed {
            return Ok(Vec::new());
        }
        if let Some(more) = search.further_folds()? {
            return Ok(vec![more]);
        }
        if room == Room::Free {
            return search.next(store);
        }
        Ok(Vec::new())
    }
}

impl Steered<'_, '_> {
    /// Judges by what a stage said that was not on its way in this run; somebody should know where no stage says what trials are judged by.
    fn hear(&mut self, stage: &PlanNode, record: &Record) -> Result<(), StoreError> {
        let numbers = history(self.store, &record.fingerprint)?;
        numbers.iter().for_each(|number| self.said(stage, &record.fingerprint, number));
        let (_, metric) = self.search.sweep.objective.on_the_way();
        let is_said = numbers.iter().any(|number| number.name == metric);
        // What attempts of other runs left may be gone.
        let is_known = !numbers.is_empty() || record.made.run == self.search.run;
        if is_said || !is_known || std::mem::replace(&mut self.search.is_deaf, true) {
            return Ok(());
        }
        let said: BTreeSet<&str> = numbers.iter().map(|number| number.name.as_str()).collect();
        let near = if said.is_empty() { "it says none".to_owned() } else { pipe_spec::did_you_mean(metric, said) };
        let text = format!(
            "{} says no number `{metric}` on its way ({near}), so that no trial is ended early; `objective: {{ on_the_way: {{ stage, metric }} }}` \
             names another, and a program says it as `{{\"metric\": {{\"name\": .., \"step\": .., \"value\": ..}}}}` in the file PIPE_EVENTS",
            stage.id
        );
        self.search.orders.push_back(Order::Tell(Event::Warning { stage: stage.id.clone(), text }));
        Ok(())
    }
}

impl Search<'_> {
    /// Which trial a stage belongs to: the study, and the number.
    fn trial(&self, stage: &PlanNode) -> Option<(usize, u64)> {
        let found = |(at, course): (usize, &Course<'_>)| Some((at, course.layout.number(&stage.axes)?));
        self.courses.iter().enumerate().find_map(found)
    }

    /// Makes what this run has to do with its own in the ledger.
    fn claim(&mut self, store: &Store, run: RunId) -> Result<(), StoreError> {
        for at in 0..self.courses.len() {
            let (sweep, experiment) = (self.sweep.clone(), self.experiment.clone());
            let course = &mut self.courses[at];
            let id = course.begin(store, &experiment, &sweep)?;
            let known = store.trials(id)?.len();
            let foreseen: Vec<String> = course.rows.iter().skip(known).map(|row| row.point.clone()).collect();
            if !foreseen.is_empty() {
                // Where another process was faster, its points are the same: they follow from their numbers.
                store.add_trials(id, run, known as u64, &foreseen)?;
                course.rows.iter_mut().skip(known).for_each(|row| row.run = run);
            }
            let own: Vec<u64> = course.own.iter().filter(|(_, own)| own.before.is_none()).map(|(at, _)| *at).collect();
            for number in own {
                let row = &mut course.rows[number as usize];
                if row.run == run || store.take_trial(id, number, row.run, run)? {
                    (row.run, row.ended) = (run, None);
                } else {
                    course.own.remove(&number);
                    course.foreign.insert(number);
                }
            }
        }
        Ok(())
    }

    /// The value of the objective of one fold, none where it is no number; or why there is none.
    fn value(
        &self,
        store: &Store,
        record: &Record,
        stage: &PlanNode,
    ) -> Result<Result<Option<Finite>, String>, EngineError> {
        let metric = &self.sweep.objective.metric;
        let metrics = store.metrics(record.id)?;
        let of_all = |row: &&pipe_store::MetricRow| row.case.is_none();
        if let Some(row) = metrics.iter().filter(of_all).find(|row| row.name == *metric) {
            return Ok(Ok(finite(row.value)));
        }
        let known: Vec<&str> = metrics.iter().filter(of_all).map(|row| row.name.as_str()).collect();
        let near = match known.as_slice() {
            [] => "it reports no number of all cases".to_owned(),
            known => pipe_spec::did_you_mean(metric, known.iter().copied()),
        };
        Ok(Err(format!(
            "{} has come to its end without a number `{metric}` ({near}); a program says it as \
             `{{\"result\": {{\"name\": .., \"value\": ..}}}}`, or `{{\"metric\": ..}}` on its way, in the file PIPE_EVENTS",
            stage.id
        )))
    }

    /// A trial without a value though its stages succeeded: somebody should hear why.
    fn said_failed(&mut self, store: &Store, at: usize, trial: u64, stage: &str, why: String) {
        self.orders.push_back(Order::Tell(Event::Warning { stage: stage.to_owned(), text: why.clone() }));
        self.failed(store, at, trial, why);
    }

    /// Takes the value of one fold.
    fn valued(&mut self, store: &Store, at: usize, trial: u64, id: &str, value: Option<Finite>) {
        let Some(value) = value else {
            return self.said_failed(store, at, trial, id, format!("the objective of {id} is no finite number"));
        };
        let (judged_by, over, run) = (self.sweep.judged_by, self.sweep.objective.over, self.run);
        let course = &mut self.courses[at];
        let goal = course.study.goal();
        let own = course.own.get_mut(&trial).expect("the caller looked");
        own.values.insert(id.to_owned(), Some(value));
        let values: Vec<Finite> = own.targets.iter().filter_map(|id| *own.values.get(id)?).collect();
        let is_whole = values.len() == own.targets.len();
        if !is_whole {
            let mean = crate::Objective::Mean.value(goal, &values);
            // What was complete before has all its folds in the ledger.
            if judged_by == JudgedBy::Folds && course.study.pruner().is_some() && own.before.is_none() {
                let value = over.value(goal, &values).or(mean).map_or(f64::NAN, Finite::get);
                let verdict = course.judged(trial, values.len() as u64, value);
                let noted = course.note(store, run, trial);
                if let Verdict::Prune { why } = verdict {
                    self.prune(at, trial, values.len() as u64, &why);
                    self.ended(store, at, trial);
                }
                self.trust(noted);
            }
            return;
        }
        match over.value(goal, &values) {
            Ok(value) => {
                course.trials[trial as usize].state = State::Complete { value };
                self.ended(store, at, trial);
            }
            Err(error) => self.said_failed(store, at, trial, id, error.to_string()),
        }
    }

    fn prune(&mut self, at: usize, trial: u64, step: u64, why: &crate::Reason) {
        let course = &mut self.courses[at];
        let Some((_, value)) = course.trials[trial as usize].curve.last() else { return };
        course.trials[trial as usize].state = State::Pruned { step, value };
        course.rows[trial as usize].why = Some(why.to_string());
        let own = course.own.get_mut(&trial).expect("only own trials are judged");
        own.is_ending = true;
        if let Some(stage) = own.judged.clone() {
            self.orders.push_back(Order::End { stage, why: why.to_string() });
        }
    }

    /// Why nothing of a trial is to start any more.
    fn given_up(&self, at: usize, trial: u64) -> Option<&'static str> {
        match self.courses[at].own.get(&trial) {
            None => Some(ENDED),
            Some(own) => own.is_ending.then_some(PRUNED),
        }
    }

    /// What a pruned trial would be evaluated by is for nothing.
    fn end_targets(&mut self, at: usize, trial: u64) {
        let course = &self.courses[at];
        let why = course.rows[trial as usize].why.clone().unwrap_or_default();
        let targets = course.own[&trial].targets.clone();
        self.orders.extend(targets.into_iter().map(|stage| Order::End { stage, why: why.clone() }));
    }

    fn failed(&mut self, store: &Store, at: usize, trial: u64, why: String) {
        let course = &mut self.courses[at];
        course.trials[trial as usize].state = State::Failed;
        course.rows[trial as usize].why = Some(why.clone());
        let targets = course.own.get(&trial).map(|own| own.targets.clone()).unwrap_or_default();
        self.ended(store, at, trial);
        // Its other folds would be for nothing.
        let last = why;
        let why = "another fold of its trial has failed".to_owned();
        self.orders.extend(targets.into_iter().map(|stage| Order::End { stage, why: why.clone() }));
        let is_tried = |course: &Course<'_>, trial: &crate::Trial| !course.anew.contains(&trial.number);
        let trials =
            || self.courses.iter().flat_map(|course| course.trials.iter().filter(|trial| is_tried(course, trial)));
        let has_come_to_something =
            |trial: &crate::Trial| matches!(trial.state, State::Complete { .. } | State::Pruned { .. });
        let failed = trials().filter(|trial| trial.state == State::Failed).count();
        if failed >= HOPELESS && self.closed.is_none() && !trials().any(has_come_to_something) {
            let text = format!(
                "the first {failed} trials have failed, so no further ones are begun; `pipe run --retry-failed` tries them again. The last: {last}"
            );
            let stage = self.sweep.objective.stage.clone();
            self.orders.push_back(Order::Tell(Event::Warning { stage, text: text.clone() }));
            self.closed = Some(text);
        }
    }

    /// A trial of this run has come to its end.
    fn ended(&mut self, store: &Store, at: usize, trial: u64) {
        let run = self.run;
        let course = &mut self.courses[at];
        let before = course.own.get(&trial).and_then(|own| own.before);
        // What came out as before was noted when it first did.
        let is_noted = course.rows[trial as usize].ended.is_some();
        let is_news = before != Some(course.trials[trial as usize].state) || !is_noted;
        let noted = if is_news { course.note_end(store, run, trial) } else { Ok(()) };
        let state = course.trials[trial as usize].state;
        if let (Some(own), State::Pruned { .. } | State::Failed) = (course.own.remove(&trial), state) {
            // What else it began would be for nothing.
            self.orders.extend(own.begun.into_iter().map(|stage| Order::End { stage, why: ENDED.to_owned() }));
        }
        let told = self.told(at, trial);
        self.orders.push_back(Order::Tell(told));
        self.trust(noted);
    }

    fn trust(&mut self, noted: Result<(), StoreError>) {
        if let Err(error) = noted {
            self.trouble.get_or_insert(error.into());
        }
    }
}
