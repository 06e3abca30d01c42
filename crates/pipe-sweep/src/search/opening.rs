//! A search as it begins: read from the experiment and the ledger, and tried on paper before anything runs.
//!
//! Does not run anything.

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    path::Path,
};

use pipe_engine::{Plan, Verdict, freshen, plan};
use pipe_spec::{Composed, Lists, Problem, Problems, TRIAL, bind, expand};
use pipe_store::{RunId, Store};
use serde_json::Value as Json;

use super::{
    Course, Failures, Folds, Inner, Kinds, NoSearch, Search,
    course::Own,
    layout::{LaidOut, Layout, best},
    probe::{idle, probes},
};
use crate::{Curve, Domain, Finite, Objective, Sampler, Sought, State, Sweep, SweepError, Trial};

impl<'e> Search<'e> {
    /// Opens the search of an experiment; none where it has none.
    ///
    /// `jobs` is how many trials are tried at once.
    ///
    /// # Errors
    /// The experiment is wrong, or the store cannot be read.
    pub fn open(
        composed: &Composed<'e>,
        store: &Store,
        workspace: &Path,
        kinds: Kinds,
        jobs: usize,
        failures: Failures,
    ) -> Result<Option<Self>, NoSearch> {
        let Some(section) = composed.sweep() else { return Ok(None) };
        let wrong = |list: Vec<Problem>| Problems { sources: composed.sources.clone(), list };
        let sweep: Sweep = bind(section, "sweep").map_err(wrong)?;
        let refused = |error: SweepError| {
            let span = section.get(error.key()).unwrap_or(section).span();
            let problem = Problem::new("pipe::sweep::refused", Some(span), error.to_string());
            wrong(vec![problem.at(format!("sweep.{}", error.key())).label(error.remedy())])
        };
        let study = sweep.study().map_err(refused)?;
        let wanted = sweep.wanted(&study).map_err(refused)?;
        let name = composed.name();
        let mut courses = Vec::new();
        for layout in Layout::parts(composed, &sweep)? {
            let mut course = Course::new(layout, study.clone(), wanted);
            course.read(store, &name, &sweep)?;
            courses.push(course);
        }
        let mut search = Self {
            composed: composed.clone(),
            sweep,
            experiment: name,
            courses,
            kinds,
            jobs,
            is_final: false,
            closed: None,
            is_deaf: false,
            orders: VecDeque::new(),
            trouble: None,
            run: RunId::default(),
        };
        search.probe()?;
        search.own(failures);
        search.thaw(store, workspace)?;
        search.foresee();
        Ok(Some(search))
    }

    /// Plans some trials on paper: wrong values, settings without effect and peeking come to light before anything runs.
    fn probe(&self) -> Result<(), Problems> {
        for course in &self.courses {
            if course.trials.len() as u64 >= course.wanted {
                continue;
            }
            let space = course.study.space();
            let points = probes(space);
            let tried: Vec<_> =
                (0..).zip(&points).map(|(number, (_, point))| (number, point.settings(space))).collect();
            let (trials, laid_out) = course.layout.planned(&tried, Folds::All, &self.kinds)?;
            self.check_folds(course, &laid_out)?;
            let target = trials.nodes.iter().find(|node| node.stage == self.sweep.objective.stage);
            if let Some(reported) = target.and_then(self.kinds.reports)
                && !reported.contains(&self.sweep.objective.metric)
            {
                let Sought { stage, metric, .. } = &self.sweep.objective;
                let section = self.composed.sweep().expect("it has a search");
                let span = section.at(["objective", "metric"]).map_or(course.layout.span(), pipe_spec::Node::span);
                let near = pipe_spec::did_you_mean(metric, reported.iter().map(String::as_str));
                let text = format!("`{stage}` reports no number `{metric}`");
                let problem = Problem::new("pipe::sweep::objective", Some(span), text);
                return Err(course.layout.wrong(problem.at("sweep.objective.metric").label(near)));
            }
            let (way, _) = self.sweep.objective.on_the_way();
            let is_tried = |node: &pipe_engine::PlanNode| node.stage == way && node.axes.contains_key(TRIAL);
            if self.sweep.pruner.is_some() && !trials.nodes.iter().any(is_tried) {
                let section = self.composed.sweep().expect("it has a search");
                let span = section.at(["objective", "on_the_way"]).map_or(course.layout.span(), pipe_spec::Node::span);
                let mut stages: Vec<&str> = trials.nodes.iter().map(|node| node.stage.as_str()).collect();
                stages.dedup();
                let text = format!("no trial has a stage `{way}` by whose numbers it could be judged");
                let problem = Problem::new("pipe::sweep::objective", Some(span), text).at("sweep.objective.on_the_way");
                return Err(course.layout.wrong(problem.label(pipe_spec::did_you_mean(way, stages))));
            }
            let inner = self.sweep.nested.as_ref().map_or(Inner::None, |nested| Inner::Folds(&nested.split));
            let peeks = if self.sweep.leaky { Vec::new() } else { (self.kinds.peeks)(&trials, inner) };
            if let Some(first) = peeks.first() {
                let text = format!("the search would see test cases: {first}");
                let problem = Problem::new("pipe::sweep::leaky", Some(course.layout.span()), text);
                let problem = problem.at("sweep.objective").label("searches see validation cases alone");
                let help = "take a number of validation cases (`train` has `best_validation_dice`), search by `nested: { outer: 5, inner: 3 }`, \
                            or write `leaky: true` and the report will say so";
                return Err(course.layout.wrong(problem.help(help)));
            }
            let idle: Vec<Problem> = idle(space, &points, &trials)
                .into_iter()
                .map(|name| {
                    let section = self.composed.sweep().expect("it has a search");
                    let span = section.at(["space", name]).unwrap_or(section).span();
                    let text = format!("nothing that `{}` needs depends on `{name}`", self.sweep.objective.stage);
                    let label = "all its values would give the same objective";
                    Problem::new("pipe::sweep::idle", Some(span), text).at(format!("sweep.space.{name}")).label(label)
                })
                .collect();
            if !idle.is_empty() {
                return Err(Problems { sources: self.composed.sources.clone(), list: idle });
            }
            self.check_division(course, &trials)?;
            // What no trial runs is run with the best settings in the end; that it can be is known now.
            let lowest = points[0].1.settings(space);
            let whole = expand(&best(&self.composed, &self.sweep, &vec![lowest; self.courses.len()])?, &Lists::new())?;
            if let Some(list) = whole.lists.first() {
                let text = "a search cannot go with stages that are repeated over a list which a stage makes";
                let problem = Problem::new("pipe::sweep::list", Some(list.span), text).label("this list");
                return Err(course.layout.wrong(problem.at("sweep")));
            }
            let plan = plan(self.kinds.registry, &whole, &Lists::new())?;
            let list = (self.kinds.wrong)(&plan);
            if !list.is_empty() {
                return Err(Problems { sources: self.composed.sources.clone(), list });
            }
            if let Some(nested) = &self.sweep.nested {
                self.check_outer(course, &plan, &nested.split)?;
            }
            // Other parts differ in their fold alone.
            break;
        }
        Ok(())
    }

    /// One fold has no deviation: that is known before it is trained.
    fn check_folds(&self, course: &Course<'_>, laid_out: &LaidOut) -> Result<(), Problems> {
        let is_single = laid_out.targets.values().any(|targets| targets.len() < 2);
        if self.sweep.objective.over != Objective::MeanMinusSd || !is_single {
            return Ok(());
        }
        let text = "one fold has no standard deviation";
        let problem = Problem::new("pipe::sweep::objective", Some(course.layout.span()), text);
        Err(course.layout.wrong(problem.at("sweep.objective.over").label("take `over: mean`, or at least two folds")))
    }

    /// Trials that differ in which cases there are, or how these are divided, cannot be compared.
    fn check_division(&self, course: &Course<'_>, trials: &Plan) -> Result<(), Problems> {
        let mut known: BTreeMap<String, Json> = BTreeMap::new();
        for node in &trials.nodes {
            let Some(said) = (self.kinds.divides)(node) else { continue };
            let others = node.axes.iter().filter(|(axis, _)| *axis != TRIAL);
            let place = others.fold(node.stage.clone(), |place, (axis, value)| format!("{place},{axis}={value}"));
            if *known.entry(place).or_insert_with(|| said.clone()) != said {
                let text = format!("the search would change which cases `{}` gives to whom", node.stage);
                let problem = Problem::new("pipe::sweep::division", Some(course.layout.span()), text);
                let label = "values on other cases say nothing about settings";
                return Err(course.layout.wrong(
                    problem.at("sweep.space").label(label).help("take what divides the cases out of the space"),
                ));
            }
        }
        Ok(())
    }

    /// Outer folds are those of one division, else a patient may be tested twice or never.
    fn check_outer(&self, course: &Course<'_>, whole: &Plan, split: &str) -> Result<(), Problems> {
        let mut methods = whole.nodes.iter().filter(|node| node.stage == split).map(|node| &node.recipe["method"]);
        let first = methods.next();
        if methods.all(|method| Some(method) == first) {
            return Ok(());
        }
        let text = format!("the folds of `{split}` are not those of one division");
        let problem = Problem::new("pipe::sweep::nested", Some(course.layout.span()), text);
        Err(course.layout.wrong(problem.at("sweep.nested").label("a patient would be tested twice, or never")))
    }

    /// What this run has to do with of what is known.
    ///
    /// Where trials are judged by each other, those that are tried again wait for their turn: what was begun all at once could not be.
    fn own(&mut self, failures: Failures) {
        for course in &mut self.courses {
            let is_judged = course.study.pruner().is_some();
            for trial in &mut course.trials {
                let before = match trial.state {
                    _ if course.foreign.contains(&trial.number) => continue,
                    State::Pruned { .. } => continue,
                    State::Failed if failures == Failures::Stand => continue,
                    State::Failed if is_judged => {
                        // What it goes on from is said once more.
                        trial.curve = Curve::default();
                        course.anew.insert(trial.number);
                        continue;
                    }
                    State::Running if is_judged => continue,
                    State::Failed | State::Running => {
                        trial.state = State::Running;
                        None
                    }
                    state @ State::Complete { .. } => Some(state),
                };
                course.own.insert(trial.number, Own { before, ..Own::default() });
            }
        }
    }

    /// Finds trials whose recipe is another one now: what was said and decided on the way by the former says nothing of it.
    fn thaw(&mut self, store: &Store, workspace: &Path) -> Result<(), NoSearch> {
        if self.sweep.pruner.is_none() {
            return Ok(());
        }
        for course in &mut self.courses {
            let has_said = |trial: &&Trial| trial.curve.last().is_some() && !course.foreign.contains(&trial.number);
            let judged: Vec<_> =
                course.trials.iter().filter(has_said).map(|trial| course.tried(trial.number)).collect();
            if judged.is_empty() {
                continue;
            }
            let (plan, laid_out) = course.layout.planned(&judged, Folds::First(1), &self.kinds)?;
            let freshness = freshen(&plan, store, workspace, &laid_out.experiment, &[])?;
            let mut same: BTreeSet<u64> = BTreeSet::new();
            for (node, verdict) in plan.nodes.iter().zip(&freshness.verdicts) {
                let fingerprint = match verdict {
                    Verdict::Hit(record) => &record.fingerprint,
                    Verdict::Miss { fingerprint, .. } => fingerprint,
                    Verdict::Unknown { .. } => continue,
                };
                let Some(number) = course.layout.number(&node.axes) else { continue };
                if course.rows[number as usize].recipes.contains(&fingerprint.to_string()) {
                    same.insert(number);
                }
            }
            for (number, _) in judged.into_iter().filter(|(number, _)| !same.contains(number)) {
                let trial = &mut course.trials[number as usize];
                // Where no recipe is known, all it has is the curve of an equal one.
                if course.rows[number as usize].recipes != "[]" {
                    trial.curve = Curve::default();
                }
                if let State::Pruned { .. } | State::Complete { .. } = trial.state {
                    course.own.remove(&number);
                    course.anew.insert(number);
                }
            }
        }
        Ok(())
    }

    /// Foresees trials that follow from their number alone, so that all of them are planned at once.
    fn foresee(&mut self) {
        let is_foreseen = matches!(
            self.sweep.sampler,
            Sampler::Grid(_) | Sampler::List(_) | Sampler::Random(_) | Sampler::QuasiRandom(_)
        );
        if !is_foreseen || self.sweep.pruner.is_some() {
            return;
        }
        for course in &mut self.courses {
            while course.foresee() {}
        }
    }
}

impl Search<'_> {
    /// Lays out the trial that would be next, of each study that is not under way, for those who only plan. No run may follow: nobody has
    /// begun that trial.
    pub fn look_ahead(&mut self) {
        for course in &mut self.courses {
            if course.own.values().any(|own| own.before.is_none()) || !course.foreign.is_empty() {
                continue;
            }
            match course.waiting() {
                Some(number) => course.take(number),
                None => drop(course.foresee()),
            }
        }
    }
}

/// The highest value of a domain.
pub(super) fn highest(domain: &Domain) -> crate::Value {
    match domain {
        Domain::Choice(choice) => crate::Value::Choice(choice.count() - 1),
        Domain::Int(range) => crate::Value::Int(range.high()),
        Domain::Float(range) => crate::Value::Float(range.high()),
    }
}

/// A number, if it is one.
pub(super) fn finite(value: Option<f64>) -> Option<Finite> {
    value.and_then(|value| Finite::try_from(value).ok())
}
