//! Experiments with a search: opened, held against the store, and shown.
//!
//! Does not search; `pipe-sweep` does.

use std::collections::BTreeMap;

use pipe_engine::{Choice, Pattern, Plan, Verdict, freshen};
use pipe_metrics::Share;
use pipe_report::{Search as Shown, SearchGoal, SearchParameter, SearchScale, SearchState, SearchTrial, SearchValue};
use pipe_spec::{Composed, Experiment, Lists, Problem, TRIAL, expand};
use pipe_stages::{Forbidden, STAGES, divides, fitting, peeks, reports};
use pipe_store::{Direction, RunId, Store};
use pipe_sweep::{
    Domain, Failures, Goal, INNER, Inner, JudgedBy, Key, Kinds, NoSearch, Objective, Scaling, Search, Standing, State,
    Value, importance, joined,
};
use serde_json::Value as Json;

use crate::{
    failure::Failure,
    session::{Known, Planned, Session, planned_of},
    tracking::Sought,
};

/// How a search is gone on with.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Searching {
    /// How many trials are tried at once.
    pub jobs: usize,
    /// What becomes of trials that have failed before.
    pub failures: Failures,
    /// Whether the next trial is laid out though nothing begins it.
    pub is_plan: bool,
}

impl Default for Searching {
    fn default() -> Self {
        Self { jobs: 1, failures: Failures::Stand, is_plan: false }
    }
}

/// Which share of the trials counts as good where it is asked what matters for being good; that of the paper.
const BEST: f64 = 0.1;

const KINDS: Kinds = Kinds { registry: STAGES, wrong, reports, peeks: seen, divides };

fn wrong(plan: &Plan) -> Vec<Problem> {
    fitting(plan).problems
}

fn seen(plan: &Plan, inner: Inner<'_>) -> Vec<String> {
    match inner {
        Inner::Folds(split) => peeks(plan, Forbidden::Outside(split)),
        Inner::None => peeks(plan, Forbidden::Test),
    }
}

impl From<NoSearch> for Failure {
    fn from(why: NoSearch) -> Self {
        match why {
            NoSearch::Problems(problems) => problems.into(),
            NoSearch::Store(error) => error.into(),
            NoSearch::Broken(broken) => broken.into(),
        }
    }
}

impl Session {
    /// The search of an experiment, as the ledger has it.
    pub(crate) fn search(
        &self,
        composed: &Composed<'static>,
        store: &Store,
        searching: Searching,
    ) -> Result<Option<Search<'static>>, Failure> {
        Ok(Search::open(composed, store, &self.workspace, KINDS, searching.jobs, searching.failures)?)
    }

    /// An experiment with a search, held against the store: the trials that are known or foreseen, and, where nothing is left to be tried,
    /// the whole experiment with the best settings.
    pub(crate) fn searched(
        &self,
        composed: Composed<'static>,
        choice: Choice,
        forced: &[Pattern],
        searching: Searching,
    ) -> Result<Known, Failure> {
        let store = self.store()?;
        let mut search = self.search(&composed, &store, searching)?.expect("the experiment has one");
        if searching.is_plan {
            search.look_ahead();
        }
        let trials = search.trials()?;
        let best = if search.is_over() { search.best()? } else { None };
        if let Some(best) = best {
            let best = expand(&best, &Lists::new())?;
            let whole = match trials.clone() {
                Some(trials) => joined(best, trials),
                None => best,
            };
            let planned = of_file(planned_of(whole, &Lists::new(), &choice, forced)?, &composed);
            let Planned { experiment, plan, .. } = &planned;
            let freshness = freshen(plan, &store, &self.workspace, experiment, forced)?;
            // A trial that has to be tried again may come out different, and another be the best.
            let is_new = |(node, verdict): (&pipe_engine::PlanNode, &Verdict)| {
                node.axes.contains_key(TRIAL) && verdict.record().is_none()
            };
            if !plan.nodes.iter().zip(&freshness.verdicts).any(is_new) {
                search.has_best();
                return Ok(Known { composed, choice, planned, store, freshness, search: Some(search) });
            }
        }
        let experiment = match trials {
            Some(trials) => trials,
            None => Experiment { stages: Vec::new(), ..expand(&composed.without_sweep(), &Lists::new())? },
        };
        // Before the first trial there is nothing to choose from.
        let choice = if experiment.stages.is_empty() { Choice::default() } else { choice };
        let forced_here = if experiment.stages.is_empty() { &[] } else { forced };
        let planned = of_file(planned_of(experiment, &Lists::new(), &choice, forced_here)?, &composed);
        let freshness = freshen(&planned.plan, &store, &self.workspace, &planned.experiment, forced_here)?;
        Ok(Known { composed, choice, planned, store, freshness, search: Some(search) })
    }
}

/// The plan with the tree as it is written: without the axis of trials.
fn of_file(planned: Planned, composed: &Composed<'_>) -> Planned {
    let experiment = Experiment { tree: composed.tree.clone(), ..planned.experiment };
    Planned { experiment, ..planned }
}

/// What trackers must know of a search.
pub(crate) fn sought(search: &Search<'_>) -> Sought {
    let goal = if search.sweep().objective.goal == Goal::Maximise { Direction::Higher } else { Direction::Lower };
    Sought { goal, axes: search.sweep().nested.iter().map(|_| INNER.to_owned()).collect() }
}

/// Searches as reports show them.
pub(crate) fn shown(search: &Search<'_>) -> Vec<Shown> {
    search.standings().map(|(part, standing)| one(search, part, &standing)).collect()
}

fn one(search: &Search<'_>, name: String, standing: &Standing<'_>) -> Shown {
    let Standing { study, trials, rows, wanted } = *standing;
    let sweep = search.sweep();
    let space = study.space();
    let shares = importance(space, study.goal(), trials, Share::try_from(BEST).expect("it is a share"));
    let is_known = shares.iter().any(|(_, share)| *share > 0.0);
    let parameters = space.parameters().enumerate().map(|(at, (path, parameter))| {
        let scale = match &parameter.domain {
            Domain::Choice(choice) => SearchScale::Labels(choice.labels().map(str::to_owned).collect()),
            Domain::Float(range) if range.scale() == Scaling::Log => SearchScale::Log,
            Domain::Int(range) if range.scale() == Scaling::Log => SearchScale::Log,
            Domain::Int(_) | Domain::Float(_) => SearchScale::Linear,
        };
        let importance = is_known.then(|| shares[at].1);
        SearchParameter { path: path.trim_start_matches('+').to_owned(), scale, importance }
    });
    let mut first: BTreeMap<Key, u64> = BTreeMap::new();
    for trial in trials {
        first.entry(trial.point.key(space)).or_insert(trial.number);
    }
    let trial = |(trial, row): (&pipe_sweep::Trial, &pipe_store::TrialRow)| {
        let values = space.parameters().zip(trial.point.values()).map(|((_, parameter), value)| {
            value.map(|value| match (&parameter.domain, value) {
                (Domain::Choice(choice), Value::Choice(at)) => SearchValue::Label(choice.label(at).to_owned()),
                (_, Value::Choice(at)) => SearchValue::Number(at as f64),
                (_, Value::Int(number)) => SearchValue::Number(number as f64),
                (_, Value::Float(number)) => SearchValue::Number(number),
            })
        });
        let why = || row.why.clone().unwrap_or_default();
        let (state, value) = match trial.state {
            State::Running => (SearchState::Running, None),
            State::Complete { value } => (SearchState::Complete, Some(value.get())),
            State::Pruned { step, value } => (SearchState::Pruned { step, why: why() }, Some(value.get())),
            State::Failed => (SearchState::Failed { why: why() }, None),
        };
        let folds: Vec<Option<f64>> = serde_json::from_str(&row.folds).unwrap_or_default();
        let equal = first.get(&trial.point.key(space)).copied().filter(|equal| *equal != trial.number);
        SearchTrial {
            number: trial.number,
            values: values.collect(),
            state,
            value,
            curve: trial.curve.values().map(|(step, value)| (step, value.get())).collect(),
            folds: if folds.len() > 1 { folds.into_iter().flatten().collect() } else { Vec::new() },
            seconds: Some(row.seconds).filter(|seconds| *seconds > 0.0),
            equal_to: equal,
        }
    };
    // What is foreseen and was never begun is no trial yet.
    let begun = trials.iter().zip(rows).filter(|(_, row)| row.run != RunId::default());
    let has_folds =
        rows.iter().any(|row| serde_json::from_str::<Vec<Json>>(&row.folds).is_ok_and(|folds| folds.len() > 1));
    let mut notes = Vec::new();
    if sweep.nested.is_none() && !sweep.leaky && has_folds {
        notes.push(
            "Settings were chosen by validation cases of all folds, which other folds test: test numbers are somewhat optimistic; \
             nested cross-validation (`nested: { outer: 5, inner: 3 }`) is not."
                .to_owned(),
        );
    }
    let leaky = "The search saw test cases: its value is no estimate for new patients.".to_owned();
    Shown {
        name,
        metric: sweep.objective.metric.clone(),
        unit: String::new(),
        goal: if study.goal() == Goal::Maximise { SearchGoal::Maximise } else { SearchGoal::Minimise },
        over: match sweep.objective.over {
            Objective::Mean => "mean over folds".to_owned(),
            Objective::MeanMinusSd => "mean less one standard deviation over folds".to_owned(),
        },
        sampler: study.sampler().name().to_owned(),
        pruner: study.pruner().map(|pruner| pruner.name().to_owned()),
        step: if sweep.judged_by == JudgedBy::Folds { "fold" } else { "epoch" }.to_owned(),
        seed: sweep.seed,
        wanted: Some(wanted),
        parameters: parameters.collect(),
        trials: begun.map(trial).collect(),
        best: study.best(trials).map(|(trial, _)| trial.number),
        notes: if sweep.leaky { vec![leaky] } else { notes },
    }
}
