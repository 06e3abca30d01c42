//! Files laid over each other: what a file extends < the file < its profiles < a file with a search < overrides.
//!
//! Maps are merged key by key; everything else, `null` too, replaces what was there. A choice, that is a map whose one
//! key says which (`network: { svsnet: {} }`), is replaced by another choice instead of being merged with it; the keys
//! that hold choices are [`CHOICES`]. Does not know stage kinds.

use std::{
    fs,
    path::{Path, PathBuf},
};

use crate::{
    Key, Node, Problem, Problems, Sources, Value, check, did_you_mean, experiment_schema, overrides, parse,
    trials::SECTION,
};

/// Keys whose value is one choice.
const CHOICES: [&str; 10] =
    ["network", "loss", "optimizer", "schedule", "layout", "masks", "encoding", "method", "sampler", "pruner"];

/// Keys that stand beside a choice (`schedule: { horizon: 200, cosine: {} }`) and say nothing of which it is.
const COMPANIONS: [&str; 2] = ["horizon", "warm_up"];

/// Where files are looked up.
#[derive(Clone, Debug)]
pub struct Library {
    /// The workspace; its files win.
    pub workspace: PathBuf,
    /// Built-in files: name relative to a workspace, and text.
    pub embedded: &'static [(&'static str, &'static str)],
}

/// What is asked for.
pub struct Request<'a, 'e> {
    /// The experiment file.
    pub file: &'a Path,
    /// Profiles, the last on top.
    pub profiles: &'a [String],
    /// A file whose search takes the place of the experiment's own.
    pub sweep: Option<&'a Path>,
    /// Overrides, in order.
    pub overrides: &'a [String],
    /// Looks an environment variable up.
    pub environment: &'e dyn Fn(&str) -> Option<String>,
}

/// One tree, before references are resolved.
#[derive(Clone)]
pub struct Composed<'a> {
    /// The tree: `name`, `axes`, `data`, ..., `stages`.
    pub tree: Node,
    /// The file.
    pub file: PathBuf,
    /// The texts.
    pub sources: Sources,
    pub(crate) environment: &'a dyn Fn(&str) -> Option<String>,
}

/// Reads a file with all it extends, and lays profiles, a search and overrides over it.
///
/// # Errors
/// Everything that is wrong with the files' structure, at once where that can be told.
pub fn compose<'e>(library: &Library, request: &Request<'_, 'e>) -> Result<Composed<'e>, Problems> {
    let mut reading = Reading { library, sources: Sources::default(), way: Vec::new() };
    let composed = reading.experiment(request);
    let Reading { sources, .. } = reading;
    match composed {
        Ok(tree) => Ok(Composed { tree, file: request.file.to_path_buf(), sources, environment: request.environment }),
        Err(list) => Err(Problems { sources, list }),
    }
}

/// Reads one file that extends nothing, for instance one that holds a single `network:`.
///
/// # Errors
/// The file cannot be read or is no YAML.
pub fn single(file: &Path) -> Result<(Node, Sources), Problems> {
    let mut sources = Sources::default();
    match read(file, &mut sources) {
        Ok(node) => Ok((node, sources)),
        Err(list) => Err(Problems { sources, list }),
    }
}

fn read(file: &Path, sources: &mut Sources) -> Result<Node, Vec<Problem>> {
    let name = file.display().to_string();
    let bytes = fs::read(file)
        .map_err(|error| vec![Problem::new("pipe::spec::file", None, format!("cannot read {name}: {error}"))])?;
    parse(sources, &name, &bytes)
}

struct Reading<'l> {
    library: &'l Library,
    sources: Sources,
    /// Files on the way, with the names that messages show.
    way: Vec<(PathBuf, String)>,
}

impl Reading<'_> {
    fn experiment(&mut self, request: &Request<'_, '_>) -> Result<Node, Vec<Problem>> {
        let node = read(request.file, &mut self.sources)?;
        let mut tree = self.extended(&node, request.file)?;
        for name in request.profiles {
            let profiles = tree.get("profiles").cloned();
            let Some(profile) = profiles.as_ref().and_then(|profiles| profiles.get(name)) else {
                let known =
                    profiles.as_ref().and_then(Node::map).into_iter().flat_map(|map| map.keys()).map(String::as_str);
                let message = format!("there is no profile `{name}`; {}", did_you_mean(name, known));
                return Err(vec![Problem::new("pipe::spec::profile", Some(node.span()), message)]);
            };
            tree = merge(&tree, profile, None);
        }
        if let Some(file) = request.sweep {
            tree = self.searched(&tree, file)?;
        }
        let mut problems = Vec::new();
        for text in request.overrides {
            match overrides::lay(&tree, text, &mut self.sources) {
                Ok(laid) => tree = laid,
                Err(more) => problems.extend(more),
            }
        }
        problems.extend(check(&tree, &experiment_schema(), ""));
        if problems.is_empty() { Ok(tree) } else { Err(problems) }
    }

    /// The tree with the search that a file holds, as the section itself or below `sweep:`.
    fn searched(&mut self, tree: &Node, file: &Path) -> Result<Node, Vec<Problem>> {
        let node = read(file, &mut self.sources)?;
        let section = node.get(SECTION).cloned().unwrap_or(node);
        if section.map().is_none() {
            let text = format!("{} is {}, expected a map with `space`", file.display(), section.describe());
            return Err(vec![
                Problem::new("pipe::spec::unexpected", Some(section.span()), text).label("expected a map"),
            ]);
        }
        let mut map = tree.map().cloned().unwrap_or_default();
        map.insert(SECTION.to_owned(), (Key { span: section.span() }, section));
        Ok(Node::new(Value::Map(map), tree.span()))
    }

    /// The file laid over all that it extends.
    fn extended(&mut self, node: &Node, file: &Path) -> Result<Node, Vec<Problem>> {
        if node.map().is_none() {
            let message =
                format!("{} is {}, expected a map with `stages` or `extends`", file.display(), node.describe());
            return Err(vec![
                Problem::new("pipe::spec::unexpected", Some(node.span()), message).label("expected a map"),
            ]);
        }
        self.way.push((fs::canonicalize(file).unwrap_or_else(|_| file.to_path_buf()), short(file)));
        let names: Vec<Node> = match node.get("extends").map(|extends| (extends, extends.value())) {
            Some((_, Value::List(list))) => list.clone(),
            Some((extends, Value::Text(_))) => vec![extends.clone()],
            _ => Vec::new(),
        };
        let mut base: Option<Node> = None;
        for name in names {
            let layer = self.layer(&name, file)?;
            base = Some(match base {
                Some(lower) => merge(&lower, &layer, None),
                None => layer,
            });
        }
        self.way.pop();
        Ok(match base {
            Some(base) => merge(&base, node, None),
            None => node.clone(),
        })
    }

    fn layer(&mut self, name: &Node, from: &Path) -> Result<Node, Vec<Problem>> {
        let text = name.text().unwrap_or_default();
        let beside = from.parent().unwrap_or(Path::new("")).join(text);
        let found = [self.library.workspace.join(text), beside].into_iter().find(|path| path.is_file());
        let path = found.clone().unwrap_or_else(|| PathBuf::from(text));
        let real = fs::canonicalize(&path).unwrap_or_else(|_| path.clone());
        if let Some(at) = self.way.iter().position(|(passed, _)| *passed == real) {
            let names = self.way[at..].iter().map(|(_, name)| name.as_str()).chain([self.way[at].1.as_str()]);
            let message = format!("files extend each other in a circle: {}", names.collect::<Vec<_>>().join(" > "));
            return Err(vec![
                Problem::new("pipe::spec::extends", Some(name.span()), message).label("this closes the circle"),
            ]);
        }
        let node = if found.is_some() {
            let shown = path.strip_prefix(&self.library.workspace).unwrap_or(&path).to_path_buf();
            let bytes = fs::read(&path).map_err(|error| {
                vec![Problem::new(
                    "pipe::spec::file",
                    Some(name.span()),
                    format!("cannot read {}: {error}", path.display()),
                )]
            })?;
            parse(&mut self.sources, &shown.display().to_string(), &bytes)?
        } else if let Some((_, embedded)) = self.library.embedded.iter().find(|(embedded, _)| *embedded == text) {
            parse(&mut self.sources, &format!("{text} (built in)"), embedded.as_bytes())?
        } else {
            let near = did_you_mean(text, self.library.embedded.iter().map(|(name, _)| *name));
            let message = format!("there is no file `{text}` to extend");
            let help = "looked in the workspace, beside this file and among the built-in files";
            return Err(vec![Problem::new("pipe::spec::extends", Some(name.span()), message).label(near).help(help)]);
        };
        self.extended(&node, &path)
    }
}

fn short(file: &Path) -> String {
    file.file_name().map_or_else(|| file.display().to_string(), |name| name.to_string_lossy().into_owned())
}

/// Lays one tree over another; `key` is where they stand.
pub(crate) fn merge(lower: &Node, upper: &Node, key: Option<&str>) -> Node {
    let (Some(below), Some(above)) = (lower.map(), upper.map()) else {
        return upper.clone();
    };
    let is_choice = |key: &String| !COMPANIONS.contains(&key.as_str());
    let mut choices = above.keys().filter(|key| is_choice(key)).peekable();
    let other_choice = key.is_some_and(|key| CHOICES.contains(&key))
        && choices.peek().is_some()
        && choices.all(|key| !below.contains_key(key));
    let mut map = below.clone();
    if other_choice {
        map.retain(|key, _| !is_choice(key));
    }
    for (key, (place, node)) in above {
        let merged = below.get(key).map_or_else(|| node.clone(), |(_, lower)| merge(lower, node, Some(key)));
        map.insert(key.clone(), (*place, merged));
    }
    Node::new(Value::Map(map), upper.span())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(lower: &str, upper: &str, expected: &str) {
        let mut sources = Sources::default();
        let [lower, upper] = [lower, upper].map(|text| parse(&mut sources, "a", text.as_bytes()).expect("right YAML"));
        assert_eq!(merge(&lower, &upper, None).to_json().to_string(), expected);
    }

    #[test]
    fn layers() {
        check("{a: {b: 1, c: 2}}", "{a: {c: 3}}", r#"{"a":{"b":1,"c":3}}"#);
        check("{a: [1, 2]}", "{a: [3]}", r#"{"a":[3]}"#);
        check("{a: 1}", "{a: null}", r#"{"a":null}"#);
        check("{network: {unet: {base: 4}}}", "{network: {svsnet: {}}}", r#"{"network":{"svsnet":{}}}"#);
        check(
            "{network: {unet: {base: 4}}}",
            "{network: {unet: {depth: 2}}}",
            r#"{"network":{"unet":{"base":4,"depth":2}}}"#,
        );
        check(
            "{schedule: {horizon: 9, cosine: {}}}",
            "{schedule: {step: {every: 3}}}",
            r#"{"schedule":{"horizon":9,"step":{"every":3}}}"#,
        );
        check("{schedule: {cosine: {}}}", "{schedule: {horizon: 9}}", r#"{"schedule":{"cosine":{},"horizon":9}}"#);
        check("{data: {root: x}}", "{data: {size: 3}}", r#"{"data":{"root":"x","size":3}}"#);
    }
}
