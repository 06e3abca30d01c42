//! Data sets that are declared: those of the workspace and the built-in ones.
//! It does not know how files are read.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use pipe_spec::did_you_mean;
use serde_json::{Value, json};

use crate::args::{Chosen, Format};
use crate::failure::Failure;
use crate::library::{DATASETS, EMBEDDED};
use crate::output::{self, Align};
use crate::session::Session;

/// A declared data set.
pub(super) struct Declared {
    name: String,
    /// Whether the workspace has a file of this name.
    own: bool,
    text: String,
    tree: Value,
}

impl Declared {
    /// A text of its `dataset:`.
    fn says(&self, key: &str) -> &str {
        self.tree["dataset"][key].as_str().unwrap_or("")
    }

    /// The layout that reads it.
    fn layout(&self) -> &str {
        self.tree["data"]["layout"].as_object().and_then(|layout| layout.keys().next()).map_or("", String::as_str)
    }
}

/// All data sets by name; a file of the workspace wins over a built-in one.
fn all(session: &Session) -> Result<BTreeMap<String, Declared>, Failure> {
    let mut texts: BTreeMap<String, (bool, String)> = BTreeMap::new();
    let name_of = |file: &str| file.strip_suffix(".yaml").map(str::to_owned);
    for (file, text) in EMBEDDED {
        if let Some(name) = file.strip_prefix(DATASETS).and_then(name_of) {
            texts.insert(name, (false, (*text).to_owned()));
        }
    }
    let folder = session.workspace.join(DATASETS);
    for entry in fs::read_dir(&folder).into_iter().flatten().filter_map(Result::ok) {
        if let Some(name) = entry.file_name().to_str().and_then(name_of) {
            let path = entry.path();
            let text = fs::read_to_string(&path).map_err(|source| Failure::file("read", &path, source))?;
            texts.insert(name, (true, text));
        }
    }
    let mut all = BTreeMap::new();
    for (name, (own, text)) in texts {
        let mut sources = pipe_spec::Sources::default();
        let tree = pipe_spec::parse(&mut sources, &format!("{DATASETS}{name}.yaml"), text.as_bytes())
            .map_err(|list| pipe_spec::Problems { sources, list })?
            .to_json();
        all.insert(name.clone(), Declared { name, own, text, tree });
    }
    Ok(all)
}

/// `pipe data list`.
pub(super) fn list(session: &Session, format: Format) -> Result<ExitCode, Failure> {
    let all = all(session)?;
    if format == Format::Json {
        let of = |set: &Declared| json!({ "name": set.name, "own": set.own, "layout": set.layout(), "dataset": set.tree["dataset"] });
        output::json(&json!(all.values().map(of).collect::<Vec<_>>()));
        return Ok(ExitCode::SUCCESS);
    }
    let head = [("data set", Align::Left), ("what", Align::Left), ("licence", Align::Left)];
    let row = |set: &Declared| vec![set.name.clone(), set.says("about").to_owned(), set.says("licence").to_owned()];
    output::print(&output::columns(&head, &all.values().map(row).collect::<Vec<_>>()));
    output::print(&format!(
        "\n{} data sets; `pipe data show NAME` says more, `pipe data check NAME --root FOLDER` reads one;\na file {DATASETS}NAME.yaml in the workspace adds one\n",
        all.len()
    ));
    Ok(ExitCode::SUCCESS)
}

/// `pipe data show`.
pub(super) fn show(session: &Session, name: &str, format: Format) -> Result<ExitCode, Failure> {
    let all = all(session)?;
    let Some(set) = all.get(name) else {
        let near = did_you_mean(name, all.keys().map(String::as_str));
        return Err(Failure::Argument(format!("there is no data set `{name}`; {near}")));
    };
    if format == Format::Json {
        output::json(
            &json!({ "name": set.name, "own": set.own, "dataset": set.tree["dataset"], "data": set.tree["data"] }),
        );
        return Ok(ExitCode::SUCCESS);
    }
    output::print(&format!("{}\n", set.text.trim_end()));
    output::print(&format!(
        "\n# in an experiment: extends: [pipelines/segmentation.yaml, {DATASETS}{name}.yaml], with data: {{ root: FOLDER }}\n"
    ));
    Ok(ExitCode::SUCCESS)
}

/// What was chosen, or, where it names a data set, an experiment of nothing else, written below `folder`.
pub(super) fn chosen(
    session: &Session,
    chosen: &Chosen,
    root: Option<&Path>,
    folder: &Path,
) -> Result<Chosen, Failure> {
    let mut chosen = chosen.clone();
    if let Some(root) = root {
        let root = std::path::absolute(root).map_err(|source| Failure::file("find", root, source))?;
        chosen.overrides.push(format!("++data.root={}", Value::from(root.display().to_string())));
    }
    let given = Some(session.found(&chosen.file)).filter(|path| path.is_file());
    let name = chosen.file.display().to_string();
    let extended = match given {
        Some(file) => {
            let text = fs::read_to_string(&file).map_err(|source| Failure::file("read", &file, source))?;
            let mut sources = pipe_spec::Sources::default();
            let tree = pipe_spec::parse(&mut sources, &name, text.as_bytes()).map(|tree| tree.to_json());
            // What is no data set says by itself what is wrong with it.
            let alone = tree.is_ok_and(|tree| {
                let has = |key: &str| tree.get(key).is_some();
                has("dataset") && has("data") && !has("stages") && !has("extends")
            });
            if !alone {
                return Ok(chosen);
            }
            std::path::absolute(&file).unwrap_or(file)
        }
        None if !name.contains(['/', '.']) => {
            let all = all(session)?;
            if !all.contains_key(&name) {
                let near = did_you_mean(&name, all.keys().map(String::as_str));
                return Err(Failure::Argument(format!("there is no file and no data set `{name}`; {near}")));
            }
            PathBuf::from(format!("{DATASETS}{name}.yaml"))
        }
        None => return Ok(chosen),
    };
    let stem = extended.file_stem().map_or_else(|| name.clone(), |stem| stem.to_string_lossy().into_owned());
    let extended = Value::from(extended.display().to_string());
    let text =
        format!("name: {stem}\nextends: {extended}\nstages:\n  prepare: {{ kind: prepare, with: \"${{data}}\" }}\n");
    let path = folder.join(format!("{stem}.yaml"));
    fs::write(&path, text).map_err(|source| Failure::file("write", &path, source))?;
    chosen.file = path;
    Ok(chosen)
}
