//! The plan held against the store: what is cached, what is not and why, what cannot be known yet.
//!
//! Does not run anything.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    sync::Arc,
};

use pipe_spec::{Experiment, Problem, Problems};
use pipe_store::{Digest, Object, Record, RunId, Store, StoreError};
use serde_json::Value as Json;

use crate::{Counting, Pattern, Plan, PlanNode, Reason, explain, fingerprint::manifest_text, manifest};

/// The fact of a result that holds inputs which its program told of only when it had run: paths and digests.
pub(crate) const DISCOVERED: &str = "discovered";

/// What the store knows of a planned stage.
#[derive(Clone, Debug)]
pub enum Verdict {
    /// Its result is there.
    Hit(Arc<Record>),
    /// It is not.
    Miss {
        /// Digest of the recipe.
        fingerprint: Digest,
        /// Why, all reasons.
        why: Vec<Reason>,
    },
    /// Its inputs are not known before other stages ran.
    Unknown {
        /// Why: the stages waited for.
        why: Vec<Reason>,
    },
}

impl Verdict {
    /// The result, where it is there.
    pub fn record(&self) -> Option<&Arc<Record>> {
        match self {
            Self::Hit(record) => Some(record),
            Self::Miss { .. } | Self::Unknown { .. } => None,
        }
    }
}

/// Verdicts of all nodes, in their order.
#[derive(Clone, Debug)]
pub struct Freshness {
    /// One a node.
    pub verdicts: Vec<Verdict>,
}

/// Why a plan cannot be held against the store.
#[derive(Debug, thiserror::Error)]
pub enum Broken {
    /// Paths that the experiment names do not exist.
    #[error(transparent)]
    Problems(Box<Problems>),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Holds a plan against the store. `forced` are stages that run in any case.
///
/// # Errors
/// Paths outside the store do not exist, or frozen stages have no result (all of them); or the store cannot be read.
pub fn freshen(
    plan: &Plan,
    store: &Store,
    workspace: &Path,
    experiment: &Experiment,
    forced: &[Pattern],
) -> Result<Freshness, Broken> {
    let mut files = Externals::new(workspace);
    let mut problems = files.missing(plan);
    if !problems.is_empty() {
        return Err(broken(experiment, problems));
    }
    let is_forced = |node: usize| {
        let planned = &plan.nodes[node];
        forced.iter().any(|pattern| pattern.means(&planned.stage, &planned.axes))
    };
    let mut verdicts: Vec<Option<Verdict>> = vec![None; plan.nodes.len()];
    let mut records: Vec<Option<Arc<Record>>> = vec![None; plan.nodes.len()];
    let mut next = 0;
    while next < plan.nodes.len() {
        // A level: nodes whose inputs are all behind them, asked for at once.
        let end = (next..plan.nodes.len())
            .find(|node| plan.upstream(*node).any(|from| from >= next))
            .unwrap_or(plan.nodes.len());
        let mut asked = Vec::new();
        for (node, verdict) in verdicts.iter_mut().enumerate().take(end).skip(next) {
            if plan.nodes[node].frozen && is_forced(node) {
                problems.push(forced_and_frozen(&plan.nodes[node]));
                continue;
            }
            if plan.nodes[node].frozen {
                match store.last_result(&plan.experiment, &plan.nodes[node].id)? {
                    Some(record) => {
                        let record = Arc::new(record);
                        records[node] = Some(Arc::clone(&record));
                        *verdict = Some(Verdict::Hit(record));
                    }
                    None => problems.push(thawed(&plan.nodes[node])),
                }
                continue;
            }
            let waits: Vec<_> = plan.upstream(node).filter(|from| records[*from].is_none()).collect();
            if waits.is_empty() {
                asked.push((node, recipe(plan, node, &|from| records[from].as_deref(), store, &mut files)?));
            } else {
                let mut stages: Vec<_> = waits.into_iter().map(|from| plan.nodes[from].id.clone()).collect();
                stages.dedup();
                let mut why = vec![Reason::Upstream { stages }];
                why.extend(own_changes(plan, node, store, &mut files)?);
                *verdict = Some(Verdict::Unknown { why });
            }
        }
        tracing::debug!(from = next, to = end, asked = asked.len(), "level");
        let prints: Vec<_> = asked.iter().map(|(_, recipe)| recipe.fingerprint).collect();
        for ((node, recipe), found) in asked.into_iter().zip(store.current_many(&prints)?) {
            let fingerprint = recipe.fingerprint;
            let found = found.map(|record| files.still_holds(record, store)).transpose()?;
            verdicts[node] = Some(match found {
                Some(_) if is_forced(node) => Verdict::Miss { fingerprint, why: vec![Reason::Forced] },
                Some(Ok(record)) => {
                    let record = Arc::new(record);
                    records[node] = Some(Arc::clone(&record));
                    Verdict::Hit(record)
                }
                Some(Err(changed)) => Verdict::Miss { fingerprint, why: vec![changed] },
                None => Verdict::Miss { fingerprint, why: reasons(plan, node, &recipe, store, &mut files)? },
            });
        }
        next = end;
    }
    if !problems.is_empty() {
        return Err(broken(experiment, problems));
    }
    Ok(Freshness { verdicts: verdicts.into_iter().map(|verdict| verdict.expect("every level was asked")).collect() })
}

/// What to say of a frozen stage that is asked to run.
fn forced_and_frozen(node: &PlanNode) -> Problem {
    let message = format!("`{}` is frozen, and cannot be forced to run", node.id);
    Problem::new("pipe::plan::frozen", Some(node.written.span()), message)
        .label("its last result stands")
        .help("leave out `--force`, or `frozen: true`")
}

fn broken(experiment: &Experiment, list: Vec<Problem>) -> Broken {
    Broken::Problems(Box::new(Problems { sources: experiment.sources.clone(), list }))
}

/// What to say of a frozen stage that has no result.
fn thawed(node: &PlanNode) -> Problem {
    let message = format!("`{}` is frozen, but it has no result that could stand", node.id);
    Problem::new("pipe::plan::frozen", Some(node.written.span()), message)
        .label("never made before")
        .help("run it once without `frozen: true`")
}

/// A stage's recipe with all contents known.
#[derive(Clone, Debug)]
pub(crate) struct Recipe {
    pub fingerprint: Digest,
    /// Canonical JSON.
    pub manifest: String,
    /// Paths outside the store, as they were stamped.
    pub externals: Vec<(PathBuf, Object)>,
}

/// The recipe of a node whose inputs are all known.
pub(crate) fn recipe<'r>(
    plan: &Plan,
    node: usize,
    record: &dyn Fn(usize) -> Option<&'r Record>,
    store: &Store,
    files: &mut Externals,
) -> Result<Recipe, StoreError> {
    let PlanNode { feeds, externals, .. } = &plan.nodes[node];
    let mut inputs: BTreeMap<String, Vec<Digest>> = BTreeMap::new();
    for feed in feeds.iter().filter(|feed| feed.counting == Counting::Counted) {
        let record = record(feed.from).expect("the caller waited for it");
        let output =
            record.outputs.iter().find(|output| output.port == feed.output).expect("kinds publish all their outputs");
        inputs.entry(feed.port.clone()).or_default().push(output.object.digest);
    }
    let mut stamped = BTreeMap::new();
    let mut objects = Vec::new();
    for (place, path) in externals {
        let (path, object) = files.stamp(path, store)?;
        stamped.insert(place.clone(), object.digest);
        objects.push((path, object));
    }
    let manifest = manifest_text(&plan.nodes[node], &inputs, &stamped);
    Ok(Recipe { fingerprint: Digest::of(manifest.as_bytes()), manifest, externals: objects })
}

/// Why a recipe without result runs: held against the last one of this stage.
pub(crate) fn reasons(
    plan: &Plan,
    node: usize,
    recipe: &Recipe,
    store: &Store,
    files: &mut Externals,
) -> Result<Vec<Reason>, StoreError> {
    let Some(last) = files.last_recipe(plan, node, store)? else {
        return Ok(vec![Reason::New]);
    };
    if last == recipe.fingerprint {
        // A result that is none any more lost its bytes.
        let had = !store.results(&recipe.fingerprint)?.is_empty();
        return Ok(vec![if had { Reason::BytesMissing } else { Reason::Unfinished }]);
    }
    let parse = |text: &str| serde_json::from_str::<Json>(text).unwrap_or_default();
    Ok(match store.manifest(&last)? {
        Some(old) => explain(&parse(&old), &parse(&recipe.manifest)),
        None => vec![Reason::Unfinished],
    })
}

/// What is known to have changed of a stage whose inputs are not known yet: its own values and versions.
fn own_changes(plan: &Plan, node: usize, store: &Store, files: &mut Externals) -> Result<Vec<Reason>, StoreError> {
    let Some(last) = files.last_recipe(plan, node, store)? else { return Ok(Vec::new()) };
    let Some(old) = store.manifest(&last)? else { return Ok(Vec::new()) };
    let old = serde_json::from_str::<Json>(&old).unwrap_or_default();
    let new = manifest(&plan.nodes[node], &BTreeMap::new(), &BTreeMap::new());
    let mut changes = explain(&old, &new);
    changes.retain(|reason| matches!(reason, Reason::With { .. } | Reason::Version { .. }));
    Ok(changes)
}

/// Files and folders outside the store, each looked at once a run.
pub(crate) struct Externals {
    workspace: PathBuf,
    known: BTreeMap<PathBuf, Object>,
    /// The run that asks; reasons look at those before it.
    run: Option<RunId>,
    /// Results of the experiment's last run by stage, once they were asked for.
    last: Option<BTreeMap<String, i64>>,
}

impl Externals {
    pub(crate) fn new(workspace: &Path) -> Self {
        Self { workspace: workspace.to_path_buf(), known: BTreeMap::new(), run: None, last: None }
    }

    /// For a run, whose own notes are no past.
    pub(crate) fn of_run(workspace: &Path, run: RunId) -> Self {
        Self { run: Some(run), ..Self::new(workspace) }
    }

    /// The recipe that a stage had in the last run, or the last one it was tried with.
    fn last_recipe(&mut self, plan: &Plan, node: usize, store: &Store) -> Result<Option<Digest>, StoreError> {
        let id = &plan.nodes[node].id;
        let tried = store.stage(&plan.experiment, id)?;
        // A failure or an interruption is nearer than what was used before it.
        if let Some(tried) = tried.as_ref().filter(|tried| !["done", "cached"].contains(&tried.state.as_str())) {
            return Ok(Some(tried.fingerprint));
        }
        if self.last.is_none() {
            self.last = Some(store.last_uses(&plan.experiment, self.run)?);
        }
        let used = self.last.as_ref().and_then(|last| last.get(id)).map(|artifact| store.recipe_of(*artifact));
        Ok(used.transpose()?.flatten().or(tried.map(|tried| tried.fingerprint)))
    }

    pub(crate) fn stamp(&mut self, path: &Path, store: &Store) -> Result<(PathBuf, Object), StoreError> {
        let full = self.workspace.join(path);
        let object = match self.known.get(&full) {
            Some(object) => *object,
            None => *self.known.entry(full.clone()).or_insert(store.external(&full)?),
        };
        Ok((full, object))
    }

    /// Takes over what was seen just now.
    pub(crate) fn learn(&mut self, path: &Path, object: Object) {
        self.known.insert(path.to_path_buf(), object);
    }

    /// A result, or another one of its recipe, whose discovered inputs are as they were; else what changed.
    pub(crate) fn still_holds(&mut self, record: Record, store: &Store) -> Result<Result<Record, Reason>, StoreError> {
        if record.made.facts.get(DISCOVERED).is_none() {
            return Ok(Ok(record));
        }
        let Some(changed) = self.changed(&record, store) else { return Ok(Ok(record)) };
        let others = store.results(&record.fingerprint)?;
        let other = others.into_iter().find(|other| self.changed(other, store).is_none());
        Ok(other.ok_or(Reason::Discovered { path: changed }))
    }

    /// The first of a result's discovered inputs that is no longer as it was.
    fn changed(&mut self, record: &Record, store: &Store) -> Option<String> {
        let discovered = record.made.facts.get(DISCOVERED).and_then(Json::as_object)?;
        let changed = |(path, digest): (&String, &Json)| {
            let now = self.stamp(Path::new(path), store).ok().map(|(_, object)| object.digest.to_string());
            (now.as_deref() != digest.as_str()).then(|| path.clone())
        };
        discovered.iter().find_map(changed)
    }

    /// Paths that do not exist, each said once.
    fn missing(&self, plan: &Plan) -> Vec<Problem> {
        let mut list: Vec<Problem> = Vec::new();
        let mut known: BTreeMap<&Path, bool> = BTreeMap::new();
        for node in &plan.nodes {
            for (place, path) in &node.externals {
                if *known.entry(path).or_insert_with(|| self.workspace.join(path).exists()) {
                    continue;
                }
                let span = node.written.at(place.split('.')).map(pipe_spec::Node::span);
                let message = format!("`{}` does not exist", path.display());
                let help = format!(
                    "the stage `{}` reads it; relative paths start at the workspace {}",
                    node.stage,
                    self.workspace.display()
                );
                if !list.iter().any(|said| said.message == message && said.span == span) {
                    list.push(
                        Problem::new("pipe::plan::missing_path", span, message)
                            .label("no such file or folder")
                            .help(help),
                    );
                }
            }
        }
        list
    }
}
