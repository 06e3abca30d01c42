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

use crate::{ArtifactType, Context, Inputs, Output, Ports, Stage, StageFailure, StageKind, quoting::Quotes};

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
    /// Program and arguments. `{inputs.NAME}`, `{outputs.NAME}`, `{params.NAME}`, `{workspace}` and `{scratch}` are filled in; `{{` is a literal `{`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub command: Vec<String>,
    /// A text for `sh -e` instead; what is filled in is quoted as its place asks, inside quotes too.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shell: Option<String>,
    /// Files and folders outside the store, by content.
    #[serde(default)]
    pub inputs: IndexMap<String, Location>,
    /// Files and folders that it writes, relative to its scratch folder.
    #[serde(default)]
    pub outputs: IndexMap<String, String>,
    /// Values for the program, handed over as JSON in the file that `PIPE_PARAMS` names.
    #[serde(default)]
    pub params: serde_json::Map<String, Json>,
    /// Variables set for the program, beside those that `pipe` was started with.
    #[serde(default, skip_serializing_if = "IndexMap::is_empty")]
    pub env: IndexMap<String, Plain>,
    /// Where the program starts.
    #[serde(default, skip_serializing_if = "Folder::is_scratch")]
    pub folder: Folder,
    /// A file that it writes, in its scratch folder: further inputs that it has read, as `target: input input`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub depfile: Option<String>,
}

/// Where a command starts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Folder {
    /// A folder of its own, empty at first, removed at the end.
    #[default]
    Scratch,
    /// The workspace. What it writes there is nobody's output.
    Workspace,
}

impl Folder {
    fn is_scratch(&self) -> bool {
        *self == Self::Scratch
    }
}

/// A text, or a number or truth value as text.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Json", into = "String")]
pub struct Plain(String);

impl TryFrom<Json> for Plain {
    type Error = &'static str;

    fn try_from(value: Json) -> Result<Self, Self::Error> {
        match value {
            Json::Object(_) | Json::Array(_) | Json::Null => Err("expected a text, a number, true or false"),
            scalar => Ok(Self(plain(&scalar))),
        }
    }
}

impl From<Plain> for String {
    fn from(plain: Plain) -> Self {
        plain.0
    }
}

impl JsonSchema for Plain {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Plain".into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({ "type": ["string", "number", "integer", "boolean"] })
    }
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
        match (&with.shell, with.command.as_slice()) {
            (None, []) => {
                return Err(("command".to_owned(), "names no program; write `command:` or `shell:`".to_owned()));
            }
            (Some(_), [_, ..]) => {
                return Err(("shell".to_owned(), "stands beside `command:`; one of them is enough".to_owned()));
            }
            _ => {}
        }
        let is_inside = |path: &str| {
            !path.is_empty() && Path::new(path).components().all(|part| matches!(part, std::path::Component::Normal(_)))
        };
        if let Some(path) = with.depfile.as_ref().filter(|path| !is_inside(path)) {
            return Err(("depfile".to_owned(), format!("`{path}` must be a path inside the scratch folder")));
        }
        if let Some(name) = with.env.keys().find(|name| name.is_empty() || name.contains(['=', '\0'])) {
            return Err((format!("env.{name}"), "is no name of a variable".to_owned()));
        }
        for (name, path) in &with.outputs {
            if !is_inside(path) {
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
        Err(StageFailure::because(vec!["a command is spawned directly, never by a worker".to_owned()]))
    }
}

/// Values for the placeholders of a command.
pub(crate) struct Filling<'f> {
    /// Of a port that gathers, one path an instance.
    pub inputs: BTreeMap<String, Vec<String>>,
    pub outputs: BTreeMap<String, String>,
    pub params: &'f serde_json::Map<String, Json>,
    pub workspace: &'f str,
    pub scratch: &'f str,
    pub text: Text,
}

/// What is filled in.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Text {
    /// An argument: a value stands in it as it is.
    Argument,
    /// A text for the shell: a value is quoted as its place asks.
    Shell,
}

/// An argument with its placeholders filled in, or the placeholder that names nothing.
pub(crate) fn fill(argument: &str, filling: &Filling<'_>) -> Result<String, String> {
    let mut filled = String::new();
    let mut quotes = Quotes::default();
    let mut rest = argument;
    while let Some(at) = rest.find('{') {
        filled.push_str(&rest[..at]);
        quotes = quotes.after(&rest[..at]);
        let inner = &rest[at + 1..];
        if let Some(after) = inner.strip_prefix('{') {
            filled.push('{');
            rest = after;
            continue;
        }
        let end = inner.find('}').unwrap_or(inner.len());
        let unknown = || inner[..end].to_owned();
        let values = match inner[..end].split_once('.') {
            _ if end == inner.len() => None,
            None if &inner[..end] == "workspace" => Some(vec![filling.workspace.to_owned()]),
            None if &inner[..end] == "scratch" => Some(vec![filling.scratch.to_owned()]),
            Some(("inputs", name)) => Some(filling.inputs.get(name).cloned().ok_or_else(unknown)?),
            Some(("outputs", name)) => Some(vec![filling.outputs.get(name).cloned().ok_or_else(unknown)?]),
            Some(("params", name)) => Some(vec![filling.params.get(name).map(plain).ok_or_else(unknown)?]),
            _ => None,
        };
        match values {
            Some(values) => {
                let quoted = |value: &String| match filling.text {
                    Text::Argument => value.clone(),
                    Text::Shell => quotes.quoted(value),
                };
                filled.push_str(&values.iter().map(quoted).collect::<Vec<_>>().join(" "));
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

/// An argument filled in: as many arguments as there are paths where it is a gathering input and nothing else.
pub(crate) fn arguments(argument: &str, filling: &Filling<'_>) -> Result<Vec<String>, String> {
    let name = argument.strip_prefix("{inputs.").and_then(|rest| rest.strip_suffix('}'));
    match name.and_then(|name| filling.inputs.get(name)) {
        Some(paths) => Ok(paths.clone()),
        None => Ok(vec![fill(argument, filling)?]),
    }
}

/// The first placeholder of a recipe that names nothing, with the names there are; an input that has two sources.
pub(crate) fn unfillable(with: &Json, ports: &[&str]) -> Option<(String, Vec<String>)> {
    let with = CommandWith::deserialize(with).expect("the plan bound it");
    if let Some(twice) = with.inputs.keys().find(|name| ports.contains(&name.as_str())) {
        return Some((format!("inputs.{twice}"), Vec::new()));
    }
    let inputs = ports.iter().copied().chain(with.inputs.keys().map(String::as_str));
    let filling = Filling {
        inputs: inputs.map(|name| (name.to_owned(), Vec::new())).collect(),
        outputs: with.outputs.keys().map(|name| (name.clone(), String::new())).collect(),
        params: &with.params,
        workspace: "",
        scratch: "",
        text: Text::Argument,
    };
    let unknown = with.command.iter().chain(&with.shell).find_map(|argument| fill(argument, &filling).err())?;
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
            inputs: BTreeMap::from([("a".into(), vec!["/in".into()]), ("all".into(), vec!["/1".into(), "/2".into()])]),
            outputs: BTreeMap::from([("b".into(), "/out".into())]),
            params: params.as_object().expect("a map"),
            workspace: "/ws",
            scratch: "/scratch",
            text: Text::Argument,
        };
        assert_eq!(fill(argument, &filling).as_deref().map_err(String::as_str), expected);
    }

    #[test]
    fn placeholders() {
        check("{inputs.a}>{outputs.b} {params.n}{params.t} {workspace}", Ok("/in>/out 3x /ws"));
        check("{inputs.all} {scratch}", Ok("/1 /2 /scratch"));
        check("{inputs.x}", Err("inputs.x"));
        check("awk '{print $1}' {{inputs.a}", Ok("awk '{print $1}' {inputs.a}"));
        check("f() { echo; }", Ok("f() { echo; }"));
    }
}
