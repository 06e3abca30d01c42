//! Who is told of a run, from its experiment and the environment; and what they are told it is about.
//!
//! Does not talk to anybody; `pipe-mlflow` does. Nothing here can fail a run: what cannot be done is a warning.

use std::{
    collections::BTreeMap,
    env, fs,
    path::{Path, PathBuf},
    sync::Arc,
};

use pipe_engine::{Event, Plan, PlanNode, Summary};
use pipe_mlflow::{About, Dataset, Ending, FileToKeep, Form, Interrupted, Keep, Server, Stage, Targets, Tracking};
use pipe_spec::{Experiment, Mlflow, TrackingFormat};
use pipe_store::{Direction, Record, RunId, Store};
use serde_json::{Value as Json, json};

/// Files of a run's folder that say what it was, and the report's that say what came of it.
const OF_RUN: &[&str] = &["experiment.json", "run.json", "git.diff"];
const OF_REPORT: &[&str] = &["report.html", "report.md", "cases.csv"];
/// Where files that the next run writes anew stay as they are, in a run's folder.
const FOLDER: &str = "tracking";

/// What a run is, for those who are told.
pub(crate) struct Told<'a> {
    pub experiment: &'a Experiment,
    pub plan: &'a Plan,
    /// The results that are there when the run begins, one a stage.
    pub answers: Vec<Option<Arc<Record>>>,
    pub file: &'a str,
    pub command: &'a str,
    pub commit: Option<&'a str>,
    /// The folder of the store.
    pub runs: &'a Path,
    /// What is searched, where anything is.
    pub search: Option<Sought>,
}

/// What trackers must know of a search.
pub(crate) struct Sought {
    /// Which way its objective is better.
    pub goal: Direction,
    /// Axes that only trials have.
    pub axes: Vec<String>,
}

/// The tracking of a run, as far as it goes.
#[derive(Default)]
pub(crate) struct Tracker {
    targets: Targets,
    running: Option<Tracking>,
    warnings: Vec<String>,
}

fn variable(name: &str) -> Option<String> {
    env::var(name).ok().filter(|value| !value.trim().is_empty())
}

impl Tracker {
    /// Who is told of an experiment's runs.
    pub(crate) fn new(experiment: &Experiment, workspace: &Path) -> Self {
        let (mut targets, mut warnings) = (Targets::default(), Vec::new());
        let spec = match &experiment.tracking {
            Ok(spec) => spec,
            Err(why) => {
                warnings.push(format!("`tracking`: {why}; the run goes on without it"));
                return Self { targets, running: None, warnings };
            }
        };
        let uri =
            spec.mlflow.as_ref().and_then(|mlflow| mlflow.uri.clone()).or_else(|| variable("MLFLOW_TRACKING_URI"));
        match uri.map(|uri| Server::at(&uri, &variable)) {
            Some(Ok(server)) => targets.server = Some(server),
            Some(Err(wrong)) => warnings.push(format!("MLflow: {wrong}; the run goes on without it")),
            None if spec.mlflow.is_some() => warnings.push(
                "MLflow: `tracking.mlflow` has no `uri`, and MLFLOW_TRACKING_URI is not set; the run goes on without it".to_owned(),
            ),
            None => {}
        }
        if let Some(files) = &spec.file {
            let folder = workspace.join(files.folder.as_deref().unwrap_or("tracking"));
            let form = match files.format {
                TrackingFormat::Jsonl => Form::Jsonl,
                TrackingFormat::Csv => Form::Csv,
            };
            targets.files = Some((folder, form));
        }
        Self { targets, running: None, warnings }
    }

    /// Begins to tell of a run.
    pub(crate) fn begin(&mut self, run: i64, told: &Told<'_>) {
        if self.targets.is_empty() {
            return;
        }
        let stages: Vec<_> =
            told.plan.nodes.iter().zip(&told.answers).map(|(node, answer)| stage(told, node, answer)).collect();
        match Tracking::begin(told.runs, self.targets.clone(), &self.about(run, told), &stages) {
            Ok(tracking) => self.running = Some(tracking),
            Err(error) => self.warnings.push(format!("the run is not tracked: {error}")),
        }
    }

    /// Tells an event; waits for nobody.
    pub(crate) fn hear(&mut self, event: &Event) {
        if let Some(tracking) = &mut self.running {
            tracking.hear(event);
            self.warnings.extend(tracking.warnings());
        }
    }

    /// What people should hear since the last call.
    pub(crate) fn warnings(&mut self) -> Vec<String> {
        std::mem::take(&mut self.warnings)
    }

    /// Tells how the run ended, and waits a short time until that has arrived. Gives what waits for a later delivery.
    pub(crate) fn end(&mut self, told: &Told<'_>, summary: &Summary, report: Option<&Path>) -> Option<u64> {
        let tracking = self.running.take()?;
        let records = summary.plan.nodes.iter().zip(&summary.records);
        let records = records.map(|(node, record)| (node.id.clone(), record.as_ref().map(|record| (**record).clone())));
        let ending = Ending {
            at: pipe_mlflow::now(),
            interrupted: if summary.end.interrupted { Interrupted::Yes } else { Interrupted::No },
            records: records.collect(),
            files: kept(told.runs, summary.run, report),
        };
        let ended = tracking.end(ending, told.runs);
        self.warnings.extend(ended.warnings);
        Some(ended.left)
    }

    /// Tells of a run that found everything cached, where nobody was told of these results; else delivers what is left of others.
    pub(crate) fn cached(
        &mut self,
        told: &Told<'_>,
        summary: &Summary,
        store: &Store,
        (report, trials): (Option<&Path>, &[Event]),
    ) -> Option<u64> {
        let server = self.targets.server.clone()?;
        if summary.run == RunId::default() {
            return None;
        }
        let records = summary.records.iter().map(|record| record.as_deref());
        if pipe_mlflow::is_known(store, &server, &told.experiment.name, records).unwrap_or(true) {
            match pipe_mlflow::deliver_left(told.runs, &server) {
                Ok(warnings) => self.warnings.extend(warnings),
                Err(error) => self.warnings.push(format!("what is kept for MLflow cannot be delivered: {error}")),
            }
            return None;
        }
        self.targets.files = None;
        self.begin(summary.run.0, told);
        let new: Vec<String> = summary.plan.nodes.iter().map(|node| node.id.clone()).collect();
        self.hear(&Event::Grown { stages: new.len(), new });
        for node in &summary.plan.nodes {
            self.hear(&Event::Cached { stage: node.id.clone() });
        }
        trials.iter().for_each(|trial| self.hear(trial));
        self.end(told, summary, report)
    }

    fn about(&self, run: i64, told: &Told<'_>) -> About {
        let experiment = told.experiment;
        let mut tags = BTreeMap::from([
            ("mlflow.source.name".to_owned(), told.file.to_owned()),
            ("mlflow.source.type".to_owned(), "LOCAL".to_owned()),
            ("pipe.command".to_owned(), told.command.to_owned()),
            ("pipe.version".to_owned(), env!("CARGO_PKG_VERSION").to_owned()),
            (
                "pipe.host".to_owned(),
                fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default().trim().to_owned(),
            ),
        ]);
        let mut add = |name: &str, value: Option<String>| drop(value.map(|value| tags.insert(name.to_owned(), value)));
        add("mlflow.user", variable("USER"));
        add("mlflow.source.git.commit", told.commit.map(|commit| commit.trim_end_matches('+').to_owned()));
        add("pipe.git.changed", told.commit.map(|commit| commit.ends_with('+').to_string()));
        add("mlflow.note.content", experiment.description.clone());
        let Mlflow { experiment: title, tags: own, .. } =
            experiment.tracking.clone().unwrap_or_default().mlflow.unwrap_or_default();
        let title = title.or_else(|| variable("MLFLOW_EXPERIMENT_NAME")).unwrap_or_else(|| experiment.name.clone());
        let to = self.targets.server.as_ref().map(|server| server.destination().to_owned());
        let axes = experiment.tree.get("axes").and_then(|axes| axes.map());
        let further = told.search.iter().flat_map(|search| search.axes.iter().cloned());
        let stages = experiment.tree.get("stages").and_then(|stages| stages.map()).into_iter().flatten();
        let kinds = stages.filter_map(|(name, (_, stage))| Some((name, stage.get("kind")?.text()?)));
        About {
            run,
            experiment: experiment.name.clone(),
            titles: to.iter().map(|to| (to.clone(), title.clone())).collect(),
            at: pipe_mlflow::now(),
            tags,
            own_tags: to.iter().map(|to| (to.clone(), own.clone().into_iter().collect())).collect(),
            axes: axes.into_iter().flat_map(|axes| axes.keys().cloned()).chain(further).collect(),
            goal: told.search.as_ref().map(|search| search.goal),
            keep: kinds.map(|(name, kind)| (name.clone(), keep(kind, experiment))).collect(),
            datasets: told.plan.nodes.iter().filter(|node| node.kind.name == "prepare").map(dataset).collect(),
        }
    }
}

fn stage(told: &Told<'_>, node: &PlanNode, answer: &Option<Arc<Record>>) -> Stage {
    Stage {
        id: node.id.clone(),
        stage: node.stage.clone(),
        axes: node.axes.clone(),
        recipe: Arc::clone(&node.recipe),
        answer: answer.clone(),
        keep: keep(node.kind.name, told.experiment),
    }
}

/// What of a kind's outputs is kept at a server.
fn keep(kind: &str, experiment: &Experiment) -> Keep {
    match kind {
        "evaluate" => Keep::Files { port: "evaluation".to_owned() },
        "export" => Keep::Model { port: "export".to_owned(), registered: experiment.name.clone() },
        _ => Keep::Nothing,
    }
}

/// The data set that a stage prepares: its layout is its name, and what the layout was told is its source.
fn dataset(node: &PlanNode) -> (String, Dataset) {
    let layout = node.recipe.get("layout").unwrap_or(&Json::Null);
    let name = match layout {
        Json::String(name) => name.clone(),
        Json::Object(map) => map.keys().next().cloned().unwrap_or_default(),
        _ => node.stage.clone(),
    };
    let source = json!({ "layout": layout }).to_string();
    let profile = json!({ "size": node.recipe.get("size"), "frames": node.recipe.get("frames") }).to_string();
    (node.id.clone(), Dataset { name, digest: String::new(), source, profile })
}

/// The files of a run as a whole, as they are now.
fn kept(runs: &Path, run: RunId, report: Option<&Path>) -> Vec<FileToKeep> {
    let folder = runs.join("attempts").join(run.to_string()).join(FOLDER);
    if fs::create_dir_all(&folder).is_err() {
        return Vec::new();
    }
    let of_run = OF_RUN.iter().map(|name| (folder.with_file_name(name), format!("pipe/{name}")));
    let mut files: Vec<(PathBuf, String)> = of_run.collect();
    if let Some(report) = report {
        files.extend(OF_REPORT.iter().map(|name| (report.join(name), format!("report/{name}"))));
        let pictures = fs::read_dir(report.join("overlays")).into_iter().flatten().flatten();
        let mut pictures: Vec<_> = pictures.map(|picture| picture.file_name().to_string_lossy().into_owned()).collect();
        pictures.sort();
        files.extend(
            pictures.into_iter().map(|name| (report.join("overlays").join(&name), format!("report/overlays/{name}"))),
        );
    }
    let keep = |(number, (from, to)): (usize, (PathBuf, String))| {
        // The next report replaces the file, and a link keeps what it was; a copy does where there are no links.
        let own = folder.join(number.to_string());
        let linked = fs::hard_link(&from, &own).or_else(|_| fs::copy(&from, &own).map(drop));
        let below = own.strip_prefix(runs).unwrap_or(&own).to_path_buf();
        linked.is_ok().then_some(FileToKeep { from: below, to })
    };
    files.into_iter().enumerate().filter_map(keep).collect()
}
