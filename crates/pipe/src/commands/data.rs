//! `pipe data`: check, preview and generate data sets as experiments name them.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
    process::ExitCode,
};

use pipe_image::{Case, CaseFiles, Finding, Image, Layout, Look, Mask, Tile, contact_sheet, phantom};
use pipe_stages::{DataConfig, DataLayout};
use serde_json::json;

use crate::{
    args::{Chosen, Data, Format},
    failure::Failure,
    output::{self, Align},
    session::Session,
};

pub(crate) fn data(session: &Session, data: &Data) -> Result<ExitCode, Failure> {
    match data {
        Data::List { format } => datasets::list(session, *format),
        Data::Show { name, format } => datasets::show(session, name, *format),
        Data::Check { chosen, root } => check(session, chosen, root.as_deref()),
        Data::Preview { chosen, root, output, cases } => {
            preview(session, (chosen, root.as_deref()), output.as_deref(), cases.get())
        }
        Data::Generate { chosen, output } => generate(session, chosen, output),
    }
}

mod datasets;

/// A data set as an experiment names it.
struct DataSet {
    experiment: String,
    config: DataConfig,
    layout: Layout,
    root: PathBuf,
    /// Holds data that was made for this command.
    _made: tempfile::TempDir,
}

/// The data configuration of the experiment's `prepare` stage.
fn config(session: &Session, chosen: &Chosen) -> Result<(String, DataConfig), Failure> {
    let planned = session.planned(chosen)?;
    let Some(node) = planned.plan.nodes.iter().find(|node| node.kind.name == "prepare") else {
        return Err(Failure::Argument(format!("{} has no `prepare` stage, so no data set", chosen.file.display())));
    };
    let config = serde_json::from_value((*node.with).clone()).expect("the plan bound it");
    Ok((planned.experiment.name, config))
}

fn open(session: &Session, chosen: &Chosen, root: Option<&Path>) -> Result<DataSet, Failure> {
    let made = tempfile::tempdir().map_err(|source| Failure::file("create", "a temporary folder", source))?;
    let (experiment, config) = config(session, &datasets::chosen(session, chosen, root, made.path())?)?;
    let root = config.root.as_ref().map(|root| session.workspace.join(root.path()));
    let (layout, root) = config.files(root, &made.path().join("data"))?;
    Ok(DataSet { experiment, config, layout, root, _made: made })
}

/// What a check tells of a case.
#[derive(serde::Serialize)]
struct Checked {
    id: String,
    patient: String,
    site: Option<String>,
    part: Option<&'static str>,
    /// What else names and tables say.
    tags: BTreeMap<String, String>,
    frames: usize,
    label_frame: usize,
    channels: usize,
    height: usize,
    width: usize,
    /// Millimetres from slice to slice, row to row, column to column; 0 for slices where unknown.
    spacing: Option<[f64; 3]>,
    /// Where columns, rows and slices run to, `RAS`.
    orientation: Option<String>,
    /// Share of mask pixels that are no background; none without a mask.
    foreground: Option<f64>,
    /// How many these are.
    labelled: Option<usize>,
    classes: BTreeSet<u8>,
}

fn checked(case: &Case) -> Checked {
    let Image { frames, channels, height, width, .. } = case.image;
    let share = |mask: &Mask| {
        let set = mask.labels.iter().filter(|label| **label != 0).count();
        set as f64 / mask.labels.len().max(1) as f64
    };
    Checked {
        id: case.id.clone(),
        patient: case.patient.clone(),
        site: case.site.clone(),
        part: case.part.map(pipe_image::Part::name),
        tags: case.tags.clone(),
        frames,
        label_frame: case.label_frame,
        channels,
        height,
        width,
        spacing: case.spacing,
        orientation: case.native.geometry.and_then(|geometry| geometry.orientation()),
        foreground: case.mask.as_ref().map(share),
        labelled: case.mask.as_ref().map(Mask::foreground),
        classes: case.mask.iter().flat_map(|mask| mask.labels.iter().copied()).collect(),
    }
}

fn check(session: &Session, chosen: &Chosen, root: Option<&Path>) -> Result<ExitCode, Failure> {
    let DataSet { layout, root, config, _made, .. } = open(session, chosen, root)?;
    let (mut cases, mut looks) = (Vec::new(), Vec::new());
    let loaded = layout.load(
        &root,
        |case| (checked(&case), Look::at(&case)),
        |_, (case, look)| {
            cases.push(case);
            looks.push(look);
        },
    );
    let problems = loaded.err();
    let findings = if problems.is_none() { pipe_image::findings(&looks) } else { Vec::new() };
    if chosen.format == Format::Json {
        let list = problems.as_ref().map(|problems| problems.list.clone()).unwrap_or_default();
        output::json(
            &json!({ "layout": config.layout.name(), "cases": cases, "problems": list, "findings": findings }),
        );
    }
    if let Some(problems) = problems {
        return Err(problems.into());
    }
    if chosen.format == Format::Text {
        print(&cases);
        print_findings(&findings);
    }
    if cases.is_empty() {
        return Err(pipe_stages::Failure::NoCases.into());
    }
    Ok(ExitCode::SUCCESS)
}

fn print(cases: &[Checked]) {
    let head = [
        ("case", Align::Left),
        ("patient", Align::Left),
        ("part", Align::Left),
        ("frames", Align::Right),
        ("size", Align::Right),
        ("foreground", Align::Right),
    ];
    let row = |case: &Checked| {
        vec![
            case.id.clone(),
            case.patient.clone(),
            case.part.unwrap_or("").to_owned(),
            case.frames.to_string(),
            format!("{} x {}", case.height, case.width),
            case.foreground.map_or_else(|| "no mask".to_owned(), |share| format!("{:.2} %", share * 100.0)),
        ]
    };
    output::print(&output::columns(&head, &cases.iter().map(row).collect::<Vec<_>>()));
    let patients: BTreeSet<_> = cases.iter().map(|case| &case.patient).collect();
    output::print(&format!("{} cases of {} patients, no problems\n", cases.len(), patients.len()));
}

/// What is worth a look, a screen of it.
fn print_findings(findings: &[Finding]) {
    const SHOWN: usize = 20;
    const NAMED: usize = 4;
    if !findings.is_empty() {
        output::print("\nworth a look:\n");
    }
    for Finding { cases, text, .. } in findings.iter().take(SHOWN) {
        let more = if cases.len() > NAMED { " ..." } else { "" };
        output::print(&format!("  {text}: {}{more}\n", cases[..cases.len().min(NAMED)].join(", ")));
    }
    if findings.len() > SHOWN {
        output::print(&format!("  and {} more; `--format json` lists all\n", findings.len() - SHOWN));
    }
}

fn preview(
    session: &Session,
    (chosen, root): (&Chosen, Option<&Path>),
    output: Option<&Path>,
    wanted: usize,
) -> Result<ExitCode, Failure> {
    let DataSet { experiment, config, layout, root, _made } = open(session, chosen, root)?;
    let cases = layout.scan(&root)?;
    if cases.is_empty() {
        return Err(pipe_stages::Failure::NoCases.into());
    }
    // Spread over the whole list: the first cases alone are often of one patient.
    let count = wanted.clamp(1, cases.len());
    let picked: Vec<&CaseFiles> = (0..count).map(|at| &cases[at * cases.len() / count]).collect();
    let preparation = config.preparation();
    let mut prepared = Vec::new();
    for files in picked {
        let case = layout.read(&root, files).map_err(|problem| pipe_image::DataProblems::sorted(vec![problem]))?;
        prepared.push(pipe_image::prepare(case, &preparation));
    }
    let tiles: Vec<_> = prepared
        .iter()
        .map(|case| Tile { image: &case.image, frame: case.meta.label_frame, mask: case.mask.as_ref() })
        .collect();
    let columns = (count as f64).sqrt().ceil() as usize;
    let picture = contact_sheet(&tiles, columns, 256);
    let path = output.map_or_else(|| session.reports(&experiment).join("preview.png"), Path::to_path_buf);
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
    let (_, config) = config(session, chosen)?;
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
