//! The evaluations of an experiment that a row of a table speaks of, read from the store.
//!
//! Does not know tables.

use std::collections::{BTreeMap, BTreeSet};

use indexmap::IndexMap;
use pipe_report::paper::{AxisValue, Evaluated, Origin, RowResults};
use pipe_store::{Record, Store};
use thiserror::Error;

use crate::{
    evaluate::{Evaluate, POOLED, SUMMARY, stored},
    failure::Failure,
    summary::Results,
};
use pipe_engine::Stage as _;

/// The axis whose points repeat a training with other random numbers.
const SEED: &str = "seed";
/// Chooses one of several stages that evaluate.
const STAGE: &str = "stage";

/// Why the evaluations of a row are not known.
#[derive(Debug, Error)]
pub enum RowError {
    /// The experiment evaluates nothing.
    #[error("`{experiment}` has no stage of the kind `evaluate`")]
    NoEvaluation {
        /// The experiment.
        experiment: String,
    },
    /// A point names what is no axis.
    #[error("`{experiment}` has no axis `{axis}` beside its folds{}", listed(known))]
    NoAxis {
        /// The experiment.
        experiment: String,
        /// The axis.
        axis: String,
        /// Those that there are.
        known: Vec<String>,
    },
    /// A point names a fold.
    #[error("`{axis}` is an axis of folds, and a row is of all folds; leave it out of `where`")]
    Fold {
        /// The axis.
        axis: String,
    },
    /// A point names no value of its axis.
    #[error("the axis `{axis}` of `{experiment}` has no value `{value}`{}", listed(known))]
    NoValue {
        /// The experiment.
        experiment: String,
        /// The axis.
        axis: String,
        /// The value.
        value: String,
        /// Those that there are.
        known: Vec<String>,
    },
    /// The row could be one of several systems.
    #[error("`{experiment}` has several systems: {}; choose one, for instance `where: {{ {example} }}`", points.join("; "))]
    Several {
        /// The experiment.
        experiment: String,
        /// Their points.
        points: Vec<String>,
        /// One of them as it is written.
        example: String,
    },
    /// A result cannot be read.
    #[error(transparent)]
    Result(#[from] Failure),
}

fn listed(names: &[String]) -> String {
    if names.is_empty() { String::new() } else { format!("; there are {}", names.join(", ")) }
}

/// A node that evaluates.
struct Candidate {
    node: usize,
    folds: IndexMap<String, String>,
    others: BTreeMap<String, String>,
}

impl Results<'_> {
    /// Gives the evaluations at a point of the axes that are no folds; `pooled` asks for the sums over their pixels, too.
    ///
    /// # Errors
    /// The point is none, or not that of one system; a result cannot be read.
    pub fn evaluated(
        &self,
        point: &BTreeMap<String, AxisValue>,
        pooled: bool,
        store: &Store,
    ) -> Result<RowResults, RowError> {
        let experiment = self.experiment.name.clone();
        let mut candidates = self.candidates();
        if candidates.is_empty() {
            return Err(RowError::NoEvaluation { experiment });
        }
        for (axis, value) in point {
            let values: BTreeSet<String> =
                candidates.iter().filter_map(|candidate| candidate.others.get(axis).cloned()).collect();
            if values.is_empty() && candidates.iter().any(|candidate| candidate.folds.contains_key(axis)) {
                return Err(RowError::Fold { axis: axis.clone() });
            }
            if values.is_empty() {
                let known = candidates[0].others.keys().cloned().collect();
                return Err(RowError::NoAxis { experiment, axis: axis.clone(), known });
            }
            let Some(value) = value.among(values.iter().map(String::as_str)) else {
                let (axis, value) = (axis.clone(), value.text().to_owned());
                return Err(RowError::NoValue { experiment, axis, value, known: values.into_iter().collect() });
            };
            candidates.retain(|candidate| candidate.others.get(axis).is_some_and(|own| own == value));
        }
        let system = |candidate: &Candidate| -> Vec<(String, String)> {
            let is_system = |(axis, _): &(&String, &String)| *axis != SEED && !point.contains_key(*axis);
            candidate.others.iter().filter(is_system).map(|(axis, value)| (axis.clone(), value.clone())).collect()
        };
        let systems: BTreeSet<Vec<(String, String)>> = candidates.iter().map(system).collect();
        if let (true, Some(first)) = (systems.len() > 1, systems.first()) {
            let written = |point: &Vec<(String, String)>, between: &str| {
                point.iter().map(|(axis, value)| format!("{axis}{between}{value}")).collect::<Vec<_>>().join(", ")
            };
            let example = written(first, ": ");
            let points = systems.iter().map(|point| written(point, " ")).collect();
            return Err(RowError::Several { experiment, points, example });
        }
        let mut found = RowResults::default();
        for Candidate { node, folds, others } in candidates {
            let planned = &self.plan.nodes[node];
            let Some(record) = &self.records[node] else {
                found.missing.push(planned.id.clone());
                continue;
            };
            found.there.push(Evaluated {
                fold: folds.iter().map(|(axis, value)| format!("{axis}={value}")).collect::<Vec<_>>().join(","),
                seed: others.get(SEED).cloned().unwrap_or_default(),
                evaluation: stored(&record.outputs, SUMMARY, store)?,
                pooled: if pooled { Some(stored(&record.outputs, POOLED, store)?) } else { None },
                origin: origin(&experiment, &planned.id, record),
            });
        }
        Ok(found)
    }

    fn candidates(&self) -> Vec<Candidate> {
        let evaluates = |(_, node): &(usize, &pipe_engine::PlanNode)| node.kind.name == Evaluate::NAME;
        let mut candidates: Vec<Candidate> = Vec::new();
        let mut stages = BTreeSet::new();
        for (at, node) in self.plan.nodes.iter().enumerate().filter(evaluates) {
            let folds = self.fold_axes(at);
            let is_other = |(axis, _): &(&String, &String)| !folds.contains_key(*axis);
            let mut others: BTreeMap<String, String> =
                node.axes.iter().filter(is_other).map(|(axis, value)| (axis.clone(), value.clone())).collect();
            others.insert(STAGE.to_owned(), node.stage.clone());
            stages.insert(node.stage.clone());
            candidates.push(Candidate { node: at, folds, others });
        }
        if stages.len() == 1 {
            candidates.iter_mut().for_each(|candidate| drop(candidate.others.remove(STAGE)));
        }
        candidates
    }
}

fn origin(experiment: &str, stage: &str, record: &Record) -> Origin {
    let output = record.outputs.iter().find(|output| output.port == "evaluation");
    Origin {
        experiment: experiment.to_owned(),
        stage: stage.to_owned(),
        run: record.made.run.0,
        fingerprint: record.fingerprint.to_string(),
        artifact: output.map(|output| output.object.digest.to_string()).unwrap_or_default(),
        made_at: record.made.at.clone(),
        commit: record.made.commit.clone(),
        device: record.made.device.clone(),
    }
}
