//! What most commands begin with: workspace, experiment, plan, store.
//!
//! Does not know any command.

use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
    sync::Arc,
};

use pipe_engine::{Choice, Freshness, Grown, ListError, NotGrown, Pattern, Plan, Verdict, freshen, new_lists, plan};
use pipe_spec::{Composed, Experiment, Library, Lists, Problems, Request, TRIAL, compose, expand};
use pipe_stages::{Fitting, STAGES, fitting};
use pipe_store::{Record, Store};
use pipe_sweep::Search;

use crate::{args::Chosen, failure::Failure, library::EMBEDDED, search::Searching, workspace};

/// A workspace in which commands work.
pub(crate) struct Session {
    /// Its folder.
    pub workspace: PathBuf,
}

/// An experiment with its plan.
pub(crate) struct Planned {
    pub experiment: Experiment,
    pub plan: Arc<Plan>,
    /// Instances that may run; none where all may.
    pub may_run: Option<BTreeSet<String>>,
    /// What a person may want to know of its trainings.
    pub notes: Vec<String>,
}

/// A planned experiment, held against the store.
pub(crate) struct Known {
    pub composed: Composed<'static>,
    pub choice: Choice,
    pub planned: Planned,
    pub store: Store,
    pub freshness: Freshness,
    /// The search of the experiment.
    pub search: Option<Search<'static>>,
}

fn environment(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

impl Session {
    pub(crate) fn new(asked: Option<&Path>) -> Result<Self, Failure> {
        let shown = asked.unwrap_or(Path::new(".")).to_path_buf();
        let workspace = workspace::find(asked).map_err(|source| Failure::file("use the workspace", shown, source))?;
        Ok(Self { workspace })
    }

    fn library(&self) -> Library {
        Library { workspace: self.workspace.clone(), embedded: EMBEDDED }
    }

    /// A file as typed first; a name relative to the workspace is understood from any folder in it.
    pub(crate) fn found(&self, file: &Path) -> PathBuf {
        let in_workspace = self.workspace.join(file);
        if !file.exists() && in_workspace.exists() { in_workspace } else { file.to_path_buf() }
    }

    /// The experiment as one tree, before references are resolved.
    pub(crate) fn composed(&self, chosen: &Chosen) -> Result<Composed<'static>, Failure> {
        let file = &self.found(&chosen.file);
        let sweep = chosen.sweep.as_ref().map(|sweep| self.found(sweep));
        let request = Request {
            file,
            profiles: &chosen.profiles,
            sweep: sweep.as_deref(),
            overrides: &chosen.overrides,
            environment: &environment,
        };
        Ok(compose(&self.library(), &request)?)
    }

    /// The plan as far as it is known without the store.
    pub(crate) fn planned(&self, chosen: &Chosen) -> Result<Planned, Failure> {
        Ok(planned(&self.composed(chosen)?.without_sweep(), &Lists::new(), &Choice::default(), &[])?)
    }

    pub(crate) fn store(&self) -> Result<Store, Failure> {
        Ok(Store::open(&self.runs())?)
    }

    /// The folder of store and reports.
    pub(crate) fn runs(&self) -> PathBuf {
        self.workspace.join(workspace::RUNS)
    }

    /// The folder of a run: its plan, events, provenance and attempts.
    pub(crate) fn run_folder(&self, run: i64) -> PathBuf {
        self.runs().join("attempts").join(run.to_string())
    }

    /// The folder of an experiment's report.
    pub(crate) fn reports(&self, experiment: &str) -> PathBuf {
        self.runs().join("reports").join(experiment)
    }

    /// A path as people read it: relative to the current folder where it lies below.
    pub(crate) fn shown(&self, path: &Path) -> String {
        let here = std::env::current_dir().unwrap_or_default();
        path.strip_prefix(&here).unwrap_or(path).display().to_string()
    }

    /// The whole experiment, held against the store; of one with a search, its trials and the best of them.
    pub(crate) fn known(&self, chosen: &Chosen) -> Result<Known, Failure> {
        self.known_part(chosen, Choice::default(), &[], Searching::default())
    }

    /// The whole experiment, held against the store; of one with a search, the one with the best settings so far.
    pub(crate) fn best(&self, chosen: &Chosen) -> Result<Known, Failure> {
        let composed = self.composed(chosen)?;
        let store = self.store()?;
        let search = self.search(&composed, &store, Searching::default())?;
        let best = search.as_ref().map(Search::best).transpose()?.flatten();
        let composed = best.unwrap_or_else(|| composed.without_sweep());
        let known = self.plain(composed, store, Choice::default(), &[])?;
        Ok(Known { search, ..known })
    }

    /// The experiment in which stages are named: that of the trials where one names a trial, else the one with the best settings so far.
    pub(crate) fn naming(&self, chosen: &Chosen, stages: &[String]) -> Result<Known, Failure> {
        let trial = format!("{TRIAL}=");
        if stages.iter().any(|stage| stage.contains(&trial)) { self.known(chosen) } else { self.best(chosen) }
    }

    /// A part of an experiment, held against the store, with all lists that its results hold.
    pub(crate) fn known_part(
        &self,
        chosen: &Chosen,
        choice: Choice,
        forced: &[Pattern],
        searching: Searching,
    ) -> Result<Known, Failure> {
        let composed = self.composed(chosen)?;
        if composed.sweep().is_some() {
            return self.searched(composed, choice, forced, searching);
        }
        // Where the experiment is wrong, no store is made.
        let first = planned(&composed, &Lists::new(), &choice, forced)?;
        let store = self.store()?;
        self.planned_anew(composed, store, choice, forced, first)
    }

    /// An experiment without a search, held against the store.
    pub(crate) fn plain(
        &self,
        composed: Composed<'static>,
        store: Store,
        choice: Choice,
        forced: &[Pattern],
    ) -> Result<Known, Failure> {
        let first = planned(&composed, &Lists::new(), &choice, forced)?;
        self.planned_anew(composed, store, choice, forced, first)
    }

    fn planned_anew(
        &self,
        composed: Composed<'static>,
        store: Store,
        choice: Choice,
        forced: &[Pattern],
        mut planned: Planned,
    ) -> Result<Known, Failure> {
        let mut lists = Lists::new();
        loop {
            let Planned { experiment, plan, .. } = &planned;
            let freshness = freshen(plan, &store, &self.workspace, experiment, forced)?;
            let record = |node: usize| freshness.verdicts[node].record().map(|record| &**record);
            let new = if plan.open.is_empty() { Lists::new() } else { known_lists(plan, &record, &store)? };
            if new.is_empty() {
                return Ok(Known { composed, choice, planned, store, freshness, search: None });
            }
            lists.extend(new);
            planned = self::planned(&composed, &lists, &choice, forced)?;
        }
    }
}

/// Lists whose bytes are there; the others are made again by a run.
fn known_lists<'r>(plan: &Plan, record: &dyn Fn(usize) -> Option<&'r Record>, store: &Store) -> Result<Lists, Failure> {
    match new_lists(plan, record, store) {
        Err(ListError::Missing { .. }) => Ok(Lists::new()),
        lists => Ok(lists?),
    }
}

/// Expands and plans what was chosen, with the lists that are known.
fn planned(composed: &Composed<'_>, lists: &Lists, choice: &Choice, forced: &[Pattern]) -> Result<Planned, NotGrown> {
    planned_of(expand(composed, lists)?, lists, choice, forced)
}

/// Plans what was chosen of an experiment.
pub(crate) fn planned_of(
    mut experiment: Experiment,
    lists: &Lists,
    choice: &Choice,
    forced: &[Pattern],
) -> Result<Planned, NotGrown> {
    let mut may_run = choice.apply(&mut experiment)?;
    Choice { targets: forced.to_vec(), ..Choice::default() }.check(&experiment)?;
    let plan = Arc::new(plan(STAGES, &experiment, lists)?);
    let Fitting { problems: list, notes } = fitting(&plan);
    if !list.is_empty() {
        return Err(Problems { sources: experiment.sources.clone(), list }.into());
    }
    // What is asked to run in any case is chosen by that.
    let forced = forced.iter().flat_map(|pattern| plan.find(pattern)).map(|node| plan.nodes[node].id.clone());
    may_run.iter_mut().for_each(|chosen| chosen.extend(forced.clone()));
    // The plan has all of it.
    experiment.stages = Vec::new();
    Ok(Planned { experiment, plan, may_run, notes })
}

/// A pattern that means no stage.
fn unknown(plan: &Plan, pattern: &Pattern) -> Failure {
    if let Some(open) = plan.open.iter().find(|open| pattern.names(&open.stage)) {
        return Failure::Argument(format!(
            "which instances `{}` has is known when {} has made its list `{}`; run that first",
            open.stage, open.maker, open.output
        ));
    }
    let known = plan.nodes.iter().flat_map(|node| [node.stage.as_str(), node.id.as_str()]);
    let known: indexmap::IndexSet<_> = known.chain(plan.open.iter().map(|open| open.stage.as_str())).collect();
    let near = pipe_spec::did_you_mean(&pattern.to_string(), known);
    Failure::Argument(format!("there is no stage `{pattern}`; {near}"))
}

impl Planned {
    /// The instances that a name means.
    pub(crate) fn named(&self, name: &str) -> Result<Vec<usize>, Failure> {
        let pattern = name.parse::<Pattern>()?;
        let found = self.plan.find(&pattern);
        if found.is_empty() { Err(unknown(&self.plan, &pattern)) } else { Ok(found) }
    }
}

impl Known {
    /// The plan with more lists.
    pub(crate) fn grown(&self, lists: &Lists, forced: &[Pattern]) -> Result<Grown, NotGrown> {
        let Planned { plan, may_run, .. } = planned(&self.composed, lists, &self.choice, forced)?;
        Ok(Grown { plan, may_run })
    }

    /// The results that are there, one a node.
    pub(crate) fn records(&self) -> Vec<Option<Arc<Record>>> {
        records(&self.freshness.verdicts)
    }
}

/// The results that some verdicts found, one a node.
pub(crate) fn records(verdicts: &[Verdict]) -> Vec<Option<Arc<Record>>> {
    verdicts.iter().map(|verdict| verdict.record().cloned()).collect()
}
