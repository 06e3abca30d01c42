//! `pipe get`: what stages made, copied out of the store as ordinary files.
//!
//! Does not know what the files mean.

use std::{
    fs::{self, File},
    io,
    path::{Path, PathBuf},
};

use pipe_engine::PlanNode;
use pipe_store::{Record, Shape, Store};
use serde_json::json;

use crate::{
    args::{Format, Get},
    failure::Failure,
    output,
    session::Session,
};

pub(crate) fn get(session: &Session, asked: &Get) -> Result<(), Failure> {
    let known = session.naming(&asked.chosen, &asked.stages)?;
    let mut nodes = Vec::new();
    for name in &asked.stages {
        nodes.extend(known.planned.named(name)?);
    }
    nodes.sort_unstable();
    nodes.dedup();
    let records = known.records();
    // All or nothing: half of what was asked for looks like all of it.
    let mut found: Vec<(&PlanNode, &Record, PathBuf)> = Vec::new();
    for node in nodes {
        let (node, record) = (&known.planned.plan.nodes[node], records[node].as_deref());
        let Some(record) = record else {
            let file = asked.chosen.file.display();
            let reason =
                format!("{0} has no result of its present recipe; `pipe run {file} \"{0}\"` makes it", node.id);
            return Err(Failure::Argument(reason));
        };
        let folder = folder(&asked.output, node);
        if folder.exists() {
            let reason = format!("{} is there already; remove it, or give another folder", session.shown(&folder));
            return Err(Failure::Argument(reason));
        }
        found.push((node, record, folder));
    }
    let mut list = Vec::new();
    for (node, record, folder) in found {
        let files = copy(record, &known.store, &folder)?;
        if asked.chosen.format == Format::Text {
            let words = if files == 1 { "file" } else { "files" };
            output::print(&format!("{}: {files} {words} in {}\n", node.id, session.shown(&folder)));
        }
        list.push(json!({ "stage": node.id, "folder": folder, "files": files }));
    }
    if asked.chosen.format == Format::Json {
        output::json(&json!(list));
    }
    Ok(())
}

/// `FOLDER/masks/fold=0`: a stage, and its point on each axis.
fn folder(output: &Path, node: &PlanNode) -> PathBuf {
    let plain = |text: &str| text.replace(['/', '\\'], "_");
    let point = node.axes.iter().map(|(axis, value)| plain(&format!("{axis}={value}")));
    point.fold(output.join(plain(&node.stage)), |folder, step| folder.join(step))
}

/// Copies all outputs, and gives the number of files. An only one that is a folder becomes the folder itself.
fn copy(record: &Record, store: &Store, folder: &Path) -> Result<usize, Failure> {
    // Laid out beside the objects first: what lies there may be a link to them, which nobody is to write into.
    let laid =
        tempfile::tempdir_in(store.root()).map_err(|source| Failure::file("write below", store.root(), source))?;
    let mut files = 0;
    for output in &record.outputs {
        let path = laid.path().join(&output.port);
        store.materialise(&output.object, &path)?;
        let alone = record.outputs.len() == 1 && output.object.shape == Shape::Tree;
        let to = if alone { folder.to_path_buf() } else { folder.join(&output.port) };
        files += copied(&path, &to)?;
    }
    Ok(files)
}

fn copied(from: &Path, to: &Path) -> Result<usize, Failure> {
    let make = |folder: &Path| fs::create_dir_all(folder).map_err(|source| Failure::file("create", folder, source));
    let reading = |source| Failure::file("read", from, source);
    if !from.is_dir() {
        make(to.parent().unwrap_or(Path::new(".")))?;
        let written = File::create_new(to).and_then(|mut file| io::copy(&mut File::open(from)?, &mut file));
        written.map_err(|source| Failure::file("write", to, source))?;
        return Ok(1);
    }
    make(to)?;
    let mut files = 0;
    for entry in fs::read_dir(from).map_err(reading)? {
        let entry = entry.map_err(reading)?;
        files += copied(&entry.path(), &to.join(entry.file_name()))?;
    }
    Ok(files)
}
