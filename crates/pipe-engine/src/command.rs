//! The kind `command`: any program with declared inputs and outputs.
//!
//! Does not run the program through a worker: the executor spawns it directly. It starts in its scratch folder, so that
//! nothing undeclared is read by accident, and writes its outputs there.

use std::{collections::BTreeMap, path::Path};

use indexmap::IndexMap;
use pipe_spec::Location;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

use crate::{ArtifactType, Context, Inputs, Output, Ports, Stage, StageFailure, StageKind};

/// The artifact type of what a command writes.
pub const FILES: ArtifactType = ArtifactType("files");

/// The registry line of `command`.
pub const COMMAND: StageKind = StageKind::of::<Command>();

/// Its name in YAML.
pub(crate) const NAME: &str = "command";

/// Any program.
pub(crate) struct Command;

/// A program with what it reads and writes.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CommandWith {
    /// Program and arguments. `{inputs.NAME}`, `{outputs.NAME}`, `{params.NAME}` and `{workspace}` are filled in; `{{` is a literal `{`.
    #[schemars(length(min = 1))]
    pub command: Vec<String>,
    /// Files and folders outside the store, by content.
    #[serde(default)]
    pub inputs: IndexMap<String, Location>,
    /// Files and folders that it writes, relative to its scratch folder.
    #[serde(default)]
    pub outputs: IndexMap<String, String>,
    /// Values for the program, handed over as JSON in the file that `PIPE_PARAMS` names.
    #[serde(default)]
    pub params: serde_json::Map<String, Json>,
}

impl Stage for Command {
    const NAME: &'static str = NAME;
    const VERSION: u32 = 1;
    const ABOUT: &'static str = "runs any program with declared inputs and outputs";
    type With = CommandWith;

    fn ports(with: &CommandWith) -> Ports {
        let outputs = with.outputs.iter().map(|(name, path)| Output {
            name: name.clone(),
            kind: FILES,
            shape: None,
            path: path.clone(),
        });
        Ports { inputs: Inputs::Anything, outputs: outputs.collect() }
    }

    fn check(with: &CommandWith) -> Result<(), (String, String)> {
        if with.command.is_empty() {
            return Err(("command".to_owned(), "names no program".to_owned()));
        }
        for (name, path) in &with.outputs {
            let inside = Path::new(path).components().all(|part| matches!(part, std::path::Component::Normal(_)));
            if path.is_empty() || !inside {
                return Err((format!("outputs.{name}"), format!("`{path}` must be a path inside the scratch folder")));
            }
            let other = with.outputs.iter().find(|(other, at)| *other != name && Path::new(path).starts_with(at));
            if let Some((other, _)) = other {
                return Err((format!("outputs.{name}"), format!("`{path}` lies in the output `{other}`")));
            }
        }
        Ok(())
    }

    fn run(_: CommandWith, _: &Context) -> Result<(), StageFailure> {
        Err(StageFailure { chain: vec!["a command is spawned directly, never by a worker".to_owned()] })
    }
}

/// Values for the placeholders of a command.
pub(crate) struct Filling<'f> {
    pub inputs: BTreeMap<String, String>,
    pub outputs: BTreeMap<String, String>,
    pub params: &'f serde_json::Map<String, Json>,
    pub workspace: &'f str,
}

/// An argument with its placeholders filled in, or the placeholder that names nothing.
pub(crate) fn fill(argument: &str, filling: &Filling<'_>) -> Result<String, String> {
    let mut filled = String::new();
    let mut rest = argument;
    while let Some(at) = rest.find('{') {
        filled.push_str(&rest[..at]);
        let inner = &rest[at + 1..];
        if let Some(after) = inner.strip_prefix('{') {
            filled.push('{');
            rest = after;
            continue;
        }
        let end = inner.find('}').unwrap_or(inner.len());
        let value = match inner[..end].split_once('.') {
            _ if end == inner.len() => None,
            None if &inner[..end] == "workspace" => Some(filling.workspace.to_owned()),
            Some(("inputs", name)) => Some(filling.inputs.get(name).cloned().ok_or_else(|| inner[..end].to_owned())?),
            Some(("outputs", name)) => Some(filling.outputs.get(name).cloned().ok_or_else(|| inner[..end].to_owned())?),
            Some(("params", name)) => Some(filling.params.get(name).map(plain).ok_or_else(|| inner[..end].to_owned())?),
            _ => None,
        };
        match value {
            Some(value) => {
                filled.push_str(&value);
                rest = &inner[end + 1..];
            }
            // Braces of the program's own: awk, JSON, shell functions.
            None => {
                filled.push('{');
                rest = inner;
            }
        }
    }
    filled.push_str(rest);
    Ok(filled)
}

/// The first placeholder of a recipe that names nothing, with the names there are; an input that has two sources.
pub(crate) fn unfillable(with: &Json, ports: &[&str]) -> Option<(String, Vec<String>)> {
    let with: CommandWith = serde_json::from_value(with.clone()).expect("the plan bound it");
    if let Some(twice) = with.inputs.keys().find(|name| ports.contains(&name.as_str())) {
        return Some((format!("inputs.{twice}"), Vec::new()));
    }
    let names = |names: &mut dyn Iterator<Item = &str>| names.map(|name| (name.to_owned(), String::new())).collect();
    let filling = Filling {
        inputs: names(&mut ports.iter().copied().chain(with.inputs.keys().map(String::as_str))),
        outputs: names(&mut with.outputs.keys().map(String::as_str)),
        params: &with.params,
        workspace: "",
    };
    let unknown = with.command.iter().find_map(|argument| fill(argument, &filling).err())?;
    let listed = |prefix: &str, names: &mut dyn Iterator<Item = &String>| -> Vec<String> {
        names.map(|name| format!("{prefix}.{name}")).collect()
    };
    let mut known = listed("inputs", &mut filling.inputs.keys());
    known.extend(listed("outputs", &mut filling.outputs.keys()));
    known.extend(listed("params", &mut with.params.keys()));
    Some((unknown, known))
}

fn plain(value: &Json) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(argument: &str, expected: Result<&str, &str>) {
        let params = serde_json::json!({ "n": 3, "t": "x" });
        let filling = Filling {
            inputs: BTreeMap::from([("a".into(), "/in".into())]),
            outputs: BTreeMap::from([("b".into(), "/out".into())]),
            params: params.as_object().expect("a map"),
            workspace: "/ws",
        };
        assert_eq!(fill(argument, &filling).as_deref().map_err(String::as_str), expected);
    }

    #[test]
    fn placeholders() {
        check("{inputs.a}>{outputs.b} {params.n}{params.t} {workspace}", Ok("/in>/out 3x /ws"));
        check("{inputs.x}", Err("inputs.x"));
        check("awk '{print $1}' {{inputs.a}", Ok("awk '{print $1}' {inputs.a}"));
        check("f() { echo; }", Ok("f() { echo; }"));
    }
}
