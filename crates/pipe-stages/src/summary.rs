//! A report from the results of an experiment: a view, computed from cached artifacts alone.
//!
//! Does not decide when it is rendered; [`Results::query`] tells whether anything it shows has changed.

mod agreed;
mod attempts;
mod data;
mod pictures;
mod runs;
mod trainings;

use std::{collections::BTreeSet, path::PathBuf, sync::Arc};

use indexmap::IndexMap;
use pipe_engine::{Plan, PlanNode, marks};
use pipe_metrics::{Evaluation, Pooled};
use pipe_report::{Case, Provenance, Recipe, Report, SIDE_BY_SIDE, SystemPixels, pixel_plots};
use pipe_spec::Experiment;
use pipe_store::{Digest, Output, Record, Shape, Store};

pub use self::runs::{PastRun, side_by_side};
use self::{
    agreed::Agreed,
    attempts::{Attempts, provenance, seed},
    pictures::Measured,
    trainings::curve,
};
use crate::{
    evaluate::{POOLED, SUMMARY, stored},
    failure::Failure,
};

/// Raised when equal results would be shown in another way.
const VIEW: u32 = 3;

/// The results that a report shows.
pub struct Results<'a> {
    pub(crate) plan: &'a Plan,
    pub(crate) records: &'a [Option<Arc<Record>>],
    pub(crate) experiment: &'a Experiment,
}

/// The results of a planned experiment, one record a node.
pub fn results<'a>(plan: &'a Plan, records: &'a [Option<Arc<Record>>], experiment: &'a Experiment) -> Results<'a> {
    Results { plan, records, experiment }
}

impl Results<'_> {
    /// Digest of everything that the report shows.
    pub fn query(&self) -> Digest {
        let Experiment { name, title, description, .. } = self.experiment;
        let mut text = format!("{VIEW}\n{name}\n{title:?}\n{description:?}\n");
        for (node, record) in self.plan.nodes.iter().zip(self.records) {
            let id = record.as_ref().map_or(0, |record| record.id);
            let frozen = if node.frozen { " frozen" } else { "" };
            text.push_str(&format!("{} {id}{frozen}\n", node.id));
        }
        Digest::of(text.as_bytes())
    }

    /// Reads what the report shows from the store.
    ///
    /// # Errors
    /// An artifact is missing or unreadable.
    pub fn report(&self, store: &Store) -> Result<Report, Failure> {
        let Experiment { name, title, description, .. } = self.experiment;
        let mut report = Report {
            description: description.clone(),
            marks: marks(self.plan, self.records, store)?.iter().map(ToString::to_string).collect(),
            ..Report::named(title.as_ref().unwrap_or(name), name)
        };
        let mut agreed = Agreed::default();
        let mut attempts = Attempts::default();
        let mut measured: Vec<Measured> = Vec::new();
        let mut pixels: IndexMap<String, SystemPixels> = IndexMap::new();
        let evaluates = |(at, node): (usize, &PlanNode)| (node.kind.name == "evaluate").then(|| self.system(at));
        let systems: BTreeSet<String> = self.plan.nodes.iter().enumerate().filter_map(evaluates).collect();
        // A sweep has hundreds, whose curves nobody can tell apart; their sums alone would fill the memory.
        let is_sweep = systems.len() > SIDE_BY_SIDE;
        if !is_sweep {
            report.recipes = self.recipes();
        }
        for (index, (node, record)) in self.plan.nodes.iter().zip(self.records).enumerate() {
            let Some(record) = record else {
                report.missing.push(node.id.clone());
                continue;
            };
            let made = Provenance { seed: seed(&node.with), ..provenance(&node.id, record) };
            report.provenance.push(attempts.measured(made, &record.made, store)?);
            match node.kind.name {
                "train" => {
                    let model = Artifact::of(&record.outputs, "model", store)?;
                    report.curves.push(curve(&node.id, self.trained(index), &node.with, &model)?);
                }
                "prepare" if report.data.len() < SIDE_BY_SIDE => report.data.push(self.data(index, record, store)?),
                "evaluate" => {
                    let evaluation: Evaluation = stored(&record.outputs, SUMMARY, store)?;
                    let system = evaluated(self.system(index), &evaluation);
                    if !is_sweep {
                        let pooled: Vec<Pooled> = stored(&record.outputs, POOLED, store)?;
                        pixels.entry(system.clone()).or_default().add(&evaluation, &pooled);
                    }
                    let keys = agreed.add(&evaluation);
                    if let Some(leak) = &evaluation.leak {
                        report.leaks.push(format!("{}: {leak}", node.id));
                    }
                    report.cases.extend(cases((&system, &keys), &self.fold_axes(index), &evaluation));
                    if !is_sweep {
                        measured.push(Measured { node: index, system, evaluation });
                    }
                }
                _ => {}
            }
        }
        report.overlays = self.overlays(&measured, store)?;
        report.plots = pixel_plots(&pixels);
        if !report.cases.is_empty() {
            report.notes = agreed.notes(report.leaks.is_empty());
        }
        report.metrics = agreed.metrics;
        Ok(report)
    }

    /// The recipes that a paper describes, each once; folds share theirs.
    fn recipes(&self) -> Vec<Recipe> {
        let mut found: Vec<Recipe> = Vec::new();
        for (at, node) in self.plan.nodes.iter().enumerate() {
            let system = match node.kind.name {
                "prepare" => {
                    let point = node.axes.iter().map(|(axis, value)| format!("{axis} {value}"));
                    point.collect::<Vec<_>>().join(", ")
                }
                "split" => String::new(),
                "train" => self.trained(at),
                _ => continue,
            };
            if found.iter().all(|recipe| recipe.kind != node.kind.name || recipe.system != system) {
                found.push(Recipe { kind: node.kind.name, system, with: (*node.recipe).clone() });
            }
        }
        found
    }

    /// What a training has in common with those of other folds: its network, and its point on the other axes.
    fn trained(&self, node: usize) -> String {
        let folds = self.feeding(node, "training").map(|split| self.axes_of_folds(split)).unwrap_or_default();
        let PlanNode { axes, with, .. } = &self.plan.nodes[node];
        let name = network_name(with);
        let is_other = |(axis, value): &(&String, &String)| !folds.contains_key(*axis) && **value != name;
        let point: String = axes.iter().filter(is_other).map(|(axis, value)| format!(", {axis} {value}")).collect();
        name + &point
    }

    /// The node that feeds a port of a node.
    fn feeding(&self, node: usize, port: &str) -> Option<usize> {
        self.plan.nodes[node].feeds.iter().find(|feed| feed.port == port).map(|feed| feed.from)
    }

    /// The axes of the split that a node evaluates: its fold, in the statistical sense. What acts on the data that are split is another
    /// recipe, unless the split itself goes by it, too.
    pub(crate) fn fold_axes(&self, node: usize) -> IndexMap<String, String> {
        self.feeding(node, "truth").map(|split| self.axes_of_folds(split)).unwrap_or_default()
    }

    /// The axes along which a split deals cases in another way.
    fn axes_of_folds(&self, split: usize) -> IndexMap<String, String> {
        let of_data = self.feeding(split, "dataset").map(|data| &self.plan.nodes[data].axes);
        let is_fold = |axis: &str| of_data.is_none_or(|axes| !axes.contains_key(axis)) || self.splits_by(split, axis);
        let axes = self.plan.nodes[split].axes.iter().filter(|(axis, _)| is_fold(axis));
        axes.map(|(axis, value)| (axis.clone(), value.clone())).collect()
    }

    /// Whether the settings of a split change along an axis.
    fn splits_by(&self, split: usize, axis: &str) -> bool {
        let PlanNode { stage, axes, with, .. } = &self.plan.nodes[split];
        let others = self.plan.nodes.iter().filter(|other| other.stage == *stage && other.with != *with);
        others
            .into_iter()
            .any(|other| axes.iter().all(|(name, value)| name == axis || other.axes.get(name) == Some(value)))
    }

    /// The name of the network whose predictions a node evaluates, and its point on all axes that are no folds: numbers of
    /// other seeds, recipes or thresholds are other systems, and never pooled.
    fn system(&self, node: usize) -> String {
        let (folds, network) = (self.fold_axes(node), self.network(node));
        let others = self.plan.nodes[node].axes.iter().filter(|(axis, _)| !folds.contains_key(*axis));
        // An axis over networks by their own names has said everything already.
        let others = others.filter(|(_, value)| **value != network);
        let point: String = others.map(|(axis, value)| format!(", {axis} {value}")).collect();
        network + &point
    }

    fn network(&self, node: usize) -> String {
        let train = self.feeding(node, "prediction").and_then(|predict| self.feeding(predict, "model"));
        train.map_or_else(|| "unknown".to_owned(), |train| network_name(&self.plan.nodes[train].with))
    }
}

/// The system, with the word that its folds leak: every line of every table says it, and such numbers are never pooled with others.
fn evaluated(system: String, evaluation: &Evaluation) -> String {
    system + if evaluation.leak.is_some() { " (leaky folds)" } else { "" }
}

/// The long table of an evaluation, whose metrics have these keys.
fn cases((system, keys): (&str, &[String]), axes: &IndexMap<String, String>, evaluation: &Evaluation) -> Vec<Case> {
    let mut cases = Vec::new();
    for case in &evaluation.cases {
        for (class, view) in evaluation.views() {
            cases.extend(keys.iter().enumerate().map(|(at, key)| Case {
                system: system.to_owned(),
                axes: axes.clone(),
                case: case.case.clone(),
                patient: case.patient.clone(),
                class: class.clone(),
                metric: key.clone(),
                value: evaluation.score(case, view, at),
            }));
        }
    }
    cases
}

/// The name of the network of a training.
fn network_name(with: &serde_json::Value) -> String {
    let network = with.get("network").and_then(|network| network.as_object()?.keys().next().cloned());
    network.unwrap_or_else(|| "unknown".to_owned())
}

/// An artifact's bytes in the store.
struct Artifact {
    path: PathBuf,
    /// For a folder: its files, laid out for reading.
    _folder: Option<tempfile::TempDir>,
}

impl Artifact {
    fn of(outputs: &[Output], port: &str, store: &Store) -> Result<Self, Failure> {
        let output = outputs.iter().find(|output| output.port == port);
        let object = output.map(|output| output.object).ok_or_else(|| Failure::NoArtifact { port: port.to_owned() })?;
        if object.shape == Shape::File {
            return Ok(Self { path: store.object_path(&object.digest), _folder: None });
        }
        // Beside the store files need no copy; where nothing may be written there, they get one.
        let folder = tempfile::tempdir_in(store.root())
            .or_else(|_| tempfile::tempdir())
            .map_err(|source| Failure::write(store.root(), source))?;
        store.materialise(&object, folder.path())?;
        Ok(Self { path: folder.path().to_path_buf(), _folder: Some(folder) })
    }
}
