//! `pipe data`: check, preview and generate data sets as experiments name them.

use std::{
    fs,
    path::{Path, PathBuf},
    process::ExitCode,
};

use pipe_image::{CaseFiles, Layout, Tile, contact_sheet, phantom};
use pipe_stages::{DataConfig, DataLayout, SplitWith};
use serde_json::json;

use crate::{
    args::{Chosen, Data, Format},
    failure::Failure,
    output,
    session::Session,
};

mod check;
mod datasets;
mod folds;
mod inspect;
mod page;
mod stats;

pub(crate) fn data(session: &Session, data: &Data) -> Result<ExitCode, Failure> {
    match data {
        Data::List { format } => datasets::list(session, *format),
        Data::Show { name, format } => datasets::show(session, name, *format),
        Data::Check { chosen, root, report } => check::check(session, (chosen, root.as_deref()), report.as_deref()),
        Data::Stats { chosen, root } => stats::stats(session, chosen, root.as_deref()),
        Data::Preview { chosen, root, output, cases } => {
            preview(session, (chosen, root.as_deref()), output.as_deref(), cases.get())
        }
        Data::Generate { chosen, output } => generate(session, chosen, output),
    }
}

/// A data set as an experiment names it.
struct DataSet {
    experiment: String,
    config: DataConfig,
    layout: Layout,
    root: PathBuf,
    /// What it shows, where a declaration says so.
    about: Option<String>,
    /// What else is said of it: name and value.
    facts: Vec<(String, String)>,
    /// The stages that cut folds.
    splits: Vec<(String, SplitWith)>,
    /// Holds data that was made for this command.
    _made: tempfile::TempDir,
}

/// What the plan of an experiment says of data.
struct Planned {
    experiment: String,
    config: DataConfig,
    splits: Vec<(String, SplitWith)>,
}

/// The data configuration of the experiment's `prepare` stage, and its folds.
fn planned(session: &Session, chosen: &Chosen) -> Result<Planned, Failure> {
    let planned = session.planned(chosen)?;
    let nodes = &planned.plan.nodes;
    let Some(node) = nodes.iter().find(|node| node.kind.name == "prepare") else {
        return Err(Failure::Argument(format!("{} has no `prepare` stage, so no data set", chosen.file.display())));
    };
    let config = serde_json::from_value((*node.with).clone()).expect("the plan bound it");
    let splits = nodes.iter().filter(|node| node.kind.name == "split");
    let with = |node: &pipe_engine::PlanNode| serde_json::from_value((*node.with).clone()).expect("the plan bound it");
    let splits = splits.map(|node| (node.id.clone(), with(node))).collect();
    Ok(Planned { experiment: planned.experiment.name, config, splits })
}

fn open(session: &Session, chosen: &Chosen, root: Option<&Path>) -> Result<DataSet, Failure> {
    let made = tempfile::tempdir().map_err(|source| Failure::file("create", "a temporary folder", source))?;
    let chosen = datasets::chosen(session, chosen, root, made.path())?;
    let Planned { experiment, config, splits } = planned(session, &chosen)?;
    let said = session.composed(&chosen)?.tree.to_json();
    let text = |key: &str| said["dataset"][key].as_str().map(str::to_owned);
    let given = config.root.as_ref().map(|root| session.workspace.join(root.path()));
    let facts = ["licence", "citation", "home"].map(|key| (key.to_owned(), text(key)));
    let folder = given.as_ref().map(|root| root.display().to_string());
    let facts = facts
        .into_iter()
        .chain([("folder".to_owned(), folder), ("layout".to_owned(), Some(config.layout.name().to_owned()))]);
    let facts = facts.filter_map(|(name, value)| Some((name, value?))).collect();
    let (layout, root) = config.files(given, &made.path().join("data"))?;
    Ok(DataSet { experiment, about: text("about"), config, layout, root, facts, splits, _made: made })
}

fn preview(
    session: &Session,
    (chosen, root): (&Chosen, Option<&Path>),
    output: Option<&Path>,
    wanted: usize,
) -> Result<ExitCode, Failure> {
    let DataSet { experiment, config, layout, root, .. } = &open(session, chosen, root)?;
    let cases = layout.scan(root)?;
    if cases.is_empty() {
        return Err(pipe_stages::Failure::NoCases.into());
    }
    // Spread over the whole list: the first cases alone are often of one patient.
    let count = wanted.clamp(1, cases.len());
    let picked: Vec<&CaseFiles> = (0..count).map(|at| &cases[at * cases.len() / count]).collect();
    let preparation = config.preparation();
    let mut prepared = Vec::new();
    for files in picked {
        let case = layout.read(root, files).map_err(|problem| pipe_image::DataProblems::sorted(vec![problem]))?;
        prepared.push(pipe_image::prepare(case, &preparation));
    }
    let tiles: Vec<_> = prepared
        .iter()
        .map(|case| Tile { image: &case.image, frame: case.meta.label_frame, mask: case.mask.as_ref() })
        .collect();
    let columns = (count as f64).sqrt().ceil() as usize;
    let picture = contact_sheet(&tiles, columns, 256);
    let path = output.map_or_else(|| session.reports(experiment).join("preview.png"), Path::to_path_buf);
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder).map_err(|source| Failure::file("create", folder, source))?;
    }
    pipe_store::write_atomic(&path, &picture.png())?;
    if chosen.format == Format::Json {
        output::json(&json!({ "picture": path, "cases": count }));
    } else {
        output::print(&format!("{count} of {} cases: {}\n", cases.len(), session.shown(&path)));
    }
    Ok(ExitCode::SUCCESS)
}

fn generate(session: &Session, chosen: &Chosen, output: &Path) -> Result<ExitCode, Failure> {
    let Planned { config, .. } = planned(session, chosen)?;
    let DataLayout::XcaPhantom(phantom) = &config.layout else {
        let name = config.layout.name();
        return Err(Failure::Argument(format!("the layout `{name}` reads data; only `xca_phantom` makes its own")));
    };
    if fs::read_dir(output).is_ok_and(|mut entries| entries.next().is_some()) {
        return Err(Failure::Argument(format!("{} is not empty", output.display())));
    }
    fs::create_dir_all(output).map_err(|source| Failure::file("create", output, source))?;
    phantom::write(phantom, output).map_err(pipe_stages::Failure::from)?;
    let layout = Layout::XcaSequences(phantom.layout());
    let cases = layout.scan(output)?.len();
    if chosen.format == Format::Json {
        output::json(&json!({ "folder": output, "cases": cases }));
    } else {
        output::print(&format!("{cases} cases in {}; read them with the layout `xca_sequences`\n", output.display()));
    }
    Ok(ExitCode::SUCCESS)
}
