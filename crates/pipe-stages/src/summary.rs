//! A report from the results of an experiment: a view, computed from cached artifacts alone.
//!
//! Does not decide when it is rendered; [`Results::query`] tells whether anything it shows has changed.

use std::{
    fs,
    path::{Path, PathBuf},
    sync::Arc,
};

use indexmap::IndexMap;
use pipe_engine::{Plan, PlanNode, marks};
use pipe_image::{Image, Pack};
use pipe_metrics::{Evaluation, Pooled};
use pipe_report::{Case, Curve, Overlay, Provenance, Rank, Recipe, Report, Series, SystemPixels, pixel_plots};
use pipe_spec::Experiment;
use pipe_store::{Digest, Record, Shape, Store};
use serde::de::DeserializeOwned;

use crate::{
    evaluate::{POOLED, SUMMARY, foreground},
    failure::Failure,
};

/// Raised when equal results would be shown in another way.
const VIEW: u32 = 2;

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
        let mut report = Report {
            title: self.experiment.title.clone().unwrap_or_else(|| self.experiment.name.clone()),
            experiment: self.experiment.name.clone(),
            description: self.experiment.description.clone(),
            metrics: Vec::new(),
            cases: Vec::new(),
            plots: Vec::new(),
            curves: Vec::new(),
            overlays: Vec::new(),
            provenance: Vec::new(),
            notes: Vec::new(),
            missing: Vec::new(),
            leaks: Vec::new(),
            marks: marks(self.plan, self.records, store)?.iter().map(ToString::to_string).collect(),
        };
        let mut thresholds: Vec<f64> = Vec::new();
        let mut conventions: Vec<String> = Vec::new();
        let mut pixels: IndexMap<String, SystemPixels> = IndexMap::new();
        for (index, (node, record)) in self.plan.nodes.iter().zip(self.records).enumerate() {
            let Some(record) = record else {
                report.missing.push(node.id.clone());
                continue;
            };
            report.provenance.push(provenance(node, record));
            match node.kind.name {
                "train" => report.curves.push(curve(node, &Artifact::of(record, "model", store)?)?),
                "evaluate" => {
                    let artifact = Artifact::of(record, "evaluation", store)?;
                    let (evaluation, pooled): (Evaluation, Vec<Pooled>) =
                        (read(&artifact, SUMMARY)?, read(&artifact, POOLED)?);
                    let system = self.system(index) + if evaluation.leak.is_some() { " (leaky folds)" } else { "" };
                    pixels.entry(system).or_default().add(&evaluation, &pooled);
                    if let Some(threshold) = evaluation.threshold.filter(|threshold| !thresholds.contains(threshold)) {
                        thresholds.push(threshold);
                    }
                    let convention = evaluation.empty.to_string();
                    if !conventions.contains(&convention) {
                        conventions.push(convention);
                    }
                    if let Some(leak) = &evaluation.leak {
                        report.leaks.push(format!("{}: {leak}", node.id));
                    }
                    for metric in &evaluation.metrics {
                        if report.metrics.iter().all(|known| known.key != metric.key) {
                            report.metrics.push(metric.clone());
                        }
                    }
                    report.cases.extend(self.cases(index, &evaluation));
                    report.overlays.extend(self.overlays(index, &evaluation, store)?);
                }
                _ => {}
            }
        }
        report.plots = pixel_plots(&pixels);
        if !report.cases.is_empty() {
            report.notes = notes(&thresholds, &conventions, report.leaks.is_empty());
        }
        Ok(report)
    }

    /// The recipes that a paper describes, each once.
    pub fn recipes(&self) -> Vec<Recipe> {
        let mut found: Vec<Recipe> = Vec::new();
        for (at, node) in self.plan.nodes.iter().enumerate() {
            let system = match node.kind.name {
                "prepare" | "split" => String::new(),
                "train" => {
                    let fold = self.feeding(at, "training").map(|split| &self.plan.nodes[split].axes);
                    let is_other = |(axis, _): &(&String, &String)| fold.is_none_or(|fold| !fold.contains_key(*axis));
                    let point: String =
                        node.axes.iter().filter(is_other).map(|(axis, value)| format!(", {axis} {value}")).collect();
                    network_name(&node.with) + &point
                }
                _ => continue,
            };
            if found.iter().all(|recipe| recipe.kind != node.kind.name || recipe.system != system) {
                found.push(Recipe { kind: node.kind.name, system, with: (*node.recipe).clone() });
            }
        }
        found
    }

    /// The node that feeds a port of a node.
    fn feeding(&self, node: usize, port: &str) -> Option<usize> {
        self.plan.nodes[node].feeds.iter().find(|feed| feed.port == port).map(|feed| feed.from)
    }

    /// The axes of the split that a node evaluates: its fold, in the statistical sense.
    pub(crate) fn fold_axes(&self, node: usize) -> IndexMap<String, String> {
        self.feeding(node, "truth").map(|split| self.plan.nodes[split].axes.clone()).unwrap_or_default()
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

    fn cases(&self, node: usize, evaluation: &Evaluation) -> Vec<Case> {
        // In the name, so that every line of every table says it, and such numbers are never pooled with others.
        let system = self.system(node) + if evaluation.leak.is_some() { " (leaky folds)" } else { "" };
        let axes = &self.fold_axes(node);
        let mut cases = Vec::new();
        for case in &evaluation.cases {
            for (class, view) in evaluation.views() {
                cases.extend(evaluation.metrics.iter().enumerate().map(|(at, metric)| Case {
                    system: system.clone(),
                    axes: axes.clone(),
                    case: case.case.clone(),
                    patient: case.patient.clone(),
                    class: class.clone(),
                    metric: metric.key.clone(),
                    value: evaluation.score(case, view, at),
                }));
            }
        }
        cases
    }

    /// Best, median and worst case by Dice.
    fn overlays(&self, node: usize, evaluation: &Evaluation, store: &Store) -> Result<Vec<Overlay>, Failure> {
        let dice = evaluation.metric("dice");
        let mut ranked: Vec<(f64, &str)> = evaluation
            .cases
            .iter()
            .filter_map(|case| Some((evaluation.score(case, None, dice?).value()?, case.case.as_str())))
            .collect();
        ranked.sort_by(|a, b| b.0.total_cmp(&a.0).then_with(|| a.1.cmp(b.1)));
        let chosen: Vec<(Rank, (f64, &str))> = match ranked.len() {
            0 => Vec::new(),
            1 => vec![(Rank::Median, ranked[0])],
            2 => vec![(Rank::Best, ranked[0]), (Rank::Worst, ranked[1])],
            n => vec![(Rank::Best, ranked[0]), (Rank::Median, ranked[n / 2]), (Rank::Worst, ranked[n - 1])],
        };
        let pack = |port: &str, output: &str| -> Result<Option<Pack>, Failure> {
            let record = self.feeding(node, port).and_then(|from| self.records[from].as_ref());
            record.map(|record| Ok(Pack::open(&Artifact::of(record, output, store)?.path)?)).transpose()
        };
        let (Some(data), Some(predictions)) = (pack("dataset", "dataset")?, pack("prediction", "prediction")?) else {
            return Ok(Vec::new());
        };
        let overlay = |(rank, (dice, case)): (Rank, (f64, &str))| {
            let (at, predicted) = (data.find(case)?, predictions.find(case)?);
            let (image, mask, maps) = (data.image(at), data.mask(at)?, predictions.entries()[predicted].maps);
            let prediction = foreground(&predictions.image(predicted), maps, evaluation.threshold.unwrap_or(0.5));
            // Of a volume the slice with the most to see.
            let slice = mask.fullest();
            let (area, frame) =
                (image.height * image.width, if mask.depth > 1 { slice } else { data.entries()[at].label_frame });
            Some(Overlay {
                stage: self.plan.nodes[node].id.clone(),
                case: case.to_owned(),
                rank,
                dice,
                height: image.height,
                width: image.width,
                image: gray(&image, frame),
                reference: mask.flat(slice).labels,
                prediction: prediction[slice * area..][..area].to_vec(),
            })
        };
        Ok(chosen.into_iter().filter_map(overlay).collect())
    }
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
    fn of(record: &Record, port: &str, store: &Store) -> Result<Self, Failure> {
        let output = record.outputs.iter().find(|output| output.port == port);
        let object = output.map(|output| output.object).ok_or_else(|| Failure::NoArtifact { port: port.to_owned() })?;
        if object.shape == Shape::File {
            return Ok(Self { path: store.object_path(&object.digest), _folder: None });
        }
        let folder = tempfile::tempdir_in(store.root()).map_err(|source| Failure::write(store.root(), source))?;
        store.materialise(&object, folder.path())?;
        Ok(Self { path: folder.path().to_path_buf(), _folder: Some(folder) })
    }
}

fn read<T: DeserializeOwned>(artifact: &Artifact, name: &str) -> Result<T, Failure> {
    let path = artifact.path.join(name);
    let text = fs::read(&path).map_err(|source| Failure::read(&path, source))?;
    serde_json::from_slice(&text).map_err(|source| Failure::Format { path, source })
}

fn curve(node: &PlanNode, artifact: &Artifact) -> Result<Curve, Failure> {
    let rows = history(&artifact.path.join(pipe_learn::model::HISTORY))?;
    let series = |name: &str, of: fn(&pipe_learn::HistoryRow) -> f64| Series {
        name: name.to_owned(),
        values: rows.iter().map(of).collect(),
    };
    Ok(Curve {
        name: node.id.clone(),
        losses: vec![
            series("training loss", |row| row.train_loss),
            series("validation loss", |row| row.validation_loss),
        ],
        scores: vec![series("validation Dice", |row| row.validation_dice)],
        best: pipe_learn::history::best_of(&rows, best_metric(node)).map(|row| row.epoch),
    })
}

/// By which number the stage has chosen its epoch.
fn best_metric(node: &PlanNode) -> pipe_learn::Metric {
    let written = node.with.get("training").and_then(|training| training.get("best"));
    written.and_then(|metric| serde_json::from_value(metric.clone()).ok()).unwrap_or_default()
}

fn history(path: &Path) -> Result<Vec<pipe_learn::HistoryRow>, Failure> {
    let mut reader = csv::Reader::from_path(path).map_err(|source| Failure::Table { path: path.into(), source })?;
    reader.deserialize().collect::<Result<_, _>>().map_err(|source| Failure::Table { path: path.into(), source })
}

fn provenance(node: &PlanNode, record: &Record) -> Provenance {
    let made = &record.made;
    let outputs: IndexMap<_, _> =
        record.outputs.iter().map(|output| (output.port.clone(), output.object.digest.to_string())).collect();
    Provenance {
        stage: node.id.clone(),
        fingerprint: record.fingerprint.to_string(),
        outputs,
        made_at: made.at.clone(),
        run: made.run.0,
        commit: made.commit.clone(),
        device: made.device.clone(),
        seed: node.with.get("seed").and_then(serde_json::Value::as_u64),
        seconds: made.seconds,
        facts: made.facts.clone(),
    }
}

fn notes(thresholds: &[f64], conventions: &[String], by_patient: bool) -> Vec<String> {
    let thresholds: Vec<_> = thresholds.iter().map(ToString::to_string).collect();
    let of_whom = if by_patient {
        "All numbers are of test cases: patients that no training, checkpoint choice or threshold of their fold has seen."
    } else {
        "All numbers are of test cases. Where folds were cut by image, other images of the same patients were trained on, so these numbers say little about new patients."
    };
    let mut notes = vec![
        of_whom.to_owned(),
        format!("A pixel is foreground at a probability of at least {}.", thresholds.join(" / ")),
        "Each metric is computed case by case. SD over cases is taken over all test cases, SD over folds over the folds' means; both divide by n - 1.".to_owned(),
    ];
    notes.extend(conventions.iter().cloned());
    notes.push("Of several classes, `mean` is the mean over those that a case has a score for, background never among them. Masks are compared at the prepared size; clDice uses skeletons as scikit-image computes them.".to_owned());
    notes
}

/// A frame's first channel, stretched from its smallest to its largest value.
fn gray(image: &Image, frame: usize) -> Vec<u8> {
    let plane = image.plane(frame, 0);
    let (low, high) =
        plane.iter().fold((f32::INFINITY, f32::NEG_INFINITY), |(low, high), value| (low.min(*value), high.max(*value)));
    let span = if high > low { high - low } else { 1.0 };
    plane.iter().map(|value| ((value - low) / span * 255.0).round() as u8).collect()
}
