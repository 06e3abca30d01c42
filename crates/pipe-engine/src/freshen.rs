//! The plan held against the store: what is cached, what is not and why, what cannot be known yet.
//!
//! Does not run anything.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::{Path, PathBuf},
};

use pipe_spec::{Experiment, Problem, Problems};
use pipe_store::{Digest, Object, Record, Store, StoreError};
use serde_json::Value as Json;

use crate::{Counting, Plan, PlanNode, Reason, canonical, explain, manifest};

/// What the store knows of a planned stage.
#[derive(Clone, Debug)]
pub enum Verdict {
    /// Its result is there.
    Hit(Box<Record>),
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

/// Holds a plan against the store. `forced` names stages that run in any case.
///
/// # Errors
/// Paths outside the store do not exist (all of them), or the store cannot be read.
pub fn freshen(
    plan: &Plan,
    store: &Store,
    workspace: &Path,
    experiment: &Experiment,
    forced: &BTreeSet<usize>,
) -> Result<Freshness, Broken> {
    let mut files = Externals::new(workspace);
    files.check(plan, experiment)?;
    let mut verdicts: Vec<Option<Verdict>> = vec![None; plan.nodes.len()];
    let mut records: Vec<Option<Record>> = vec![None; plan.nodes.len()];
    let mut next = 0;
    while next < plan.nodes.len() {
        // A level: nodes whose inputs are all behind them, asked for at once.
        let end = (next..plan.nodes.len())
            .find(|node| plan.upstream(*node).any(|from| from >= next))
            .unwrap_or(plan.nodes.len());
        let mut asked = Vec::new();
        for (node, verdict) in verdicts.iter_mut().enumerate().take(end).skip(next) {
            let waits: Vec<_> = plan.upstream(node).filter(|from| records[*from].is_none()).collect();
            if waits.is_empty() {
                asked.push((node, recipe(plan, node, &|from| records[from].as_ref(), store, &mut files)?));
            } else {
                let mut stages: Vec<_> = waits.into_iter().map(|from| plan.nodes[from].id.clone()).collect();
                stages.dedup();
                let mut why = vec![Reason::Upstream { stages }];
                why.extend(own_changes(plan, node, store)?);
                *verdict = Some(Verdict::Unknown { why });
            }
        }
        tracing::debug!(from = next, to = end, asked = asked.len(), "level");
        let prints: Vec<_> = asked.iter().map(|(_, recipe)| recipe.fingerprint).collect();
        for ((node, recipe), found) in asked.into_iter().zip(store.current_many(&prints)?) {
            verdicts[node] = Some(match found {
                Some(record) if !forced.contains(&node) => {
                    records[node] = Some(record.clone());
                    Verdict::Hit(Box::new(record))
                }
                Some(_) => Verdict::Miss { fingerprint: recipe.fingerprint, why: vec![Reason::Forced] },
                None => Verdict::Miss { fingerprint: recipe.fingerprint, why: reasons(plan, node, &recipe, store)? },
            });
        }
        next = end;
    }
    Ok(Freshness { verdicts: verdicts.into_iter().map(|verdict| verdict.expect("every level was asked")).collect() })
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
    let manifest = canonical(&manifest(&plan.nodes[node], &inputs, &stamped));
    Ok(Recipe { fingerprint: Digest::of(manifest.as_bytes()), manifest, externals: objects })
}

/// Why a recipe without result runs: held against the last one of this stage.
pub(crate) fn reasons(plan: &Plan, node: usize, recipe: &Recipe, store: &Store) -> Result<Vec<Reason>, StoreError> {
    let Some(last) = store.stage(&plan.experiment, &plan.nodes[node].id)? else {
        return Ok(vec![Reason::New]);
    };
    if last.fingerprint == recipe.fingerprint {
        return Ok(vec![Reason::Unfinished]);
    }
    let parse = |text: &str| serde_json::from_str::<Json>(text).unwrap_or_default();
    Ok(match store.manifest(&last.fingerprint)? {
        Some(old) => explain(&parse(&old), &parse(&recipe.manifest)),
        None => vec![Reason::Unfinished],
    })
}

/// What is known to have changed of a stage whose inputs are not known yet: its own values and versions.
fn own_changes(plan: &Plan, node: usize, store: &Store) -> Result<Vec<Reason>, StoreError> {
    let Some(last) = store.stage(&plan.experiment, &plan.nodes[node].id)? else { return Ok(Vec::new()) };
    let Some(old) = store.manifest(&last.fingerprint)? else { return Ok(Vec::new()) };
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
}

impl Externals {
    pub(crate) fn new(workspace: &Path) -> Self {
        Self { workspace: workspace.to_path_buf(), known: BTreeMap::new() }
    }

    fn stamp(&mut self, path: &Path, store: &Store) -> Result<(PathBuf, Object), StoreError> {
        let full = self.workspace.join(path);
        let object = match self.known.get(&full) {
            Some(object) => *object,
            None => *self.known.entry(full.clone()).or_insert(store.external(&full)?),
        };
        Ok((full, object))
    }

    /// Says of all paths at once which do not exist.
    fn check(&self, plan: &Plan, experiment: &Experiment) -> Result<(), Broken> {
        let mut list: Vec<Problem> = Vec::new();
        for node in &plan.nodes {
            for (place, path) in &node.externals {
                if self.workspace.join(path).exists() {
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
        if list.is_empty() {
            Ok(())
        } else {
            Err(Broken::Problems(Box::new(Problems { sources: experiment.sources.clone(), list })))
        }
    }
}
