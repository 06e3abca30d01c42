//! A recipe as plain data, and its hash. `why` compares the same data, so explanation and cache cannot disagree.
//!
//! Does not know stores.

use std::collections::BTreeMap;

use pipe_store::Digest;
use serde_json::{Map as JsonMap, Value as Json, json};

use crate::{COMMAND, PlanNode};

/// The manifest of a stage: everything that decides its result.
///
/// `inputs` are the digests of its counted inputs by port, `externals` those of paths outside the store by their place in
/// `with`.
pub fn manifest(node: &PlanNode, inputs: &BTreeMap<String, Vec<Digest>>, externals: &BTreeMap<String, Digest>) -> Json {
    let mut manifest = json!({
        "kind": node.kind.name,
        "version": node.kind.version,
        "versions": node.versions,
        "with": *node.recipe,
        "inputs": inputs,
        "externals": externals,
    });
    let axes = node.told_axes();
    if node.kind.name == COMMAND.name && !axes.is_empty() {
        // A program is told its point, so what it writes may depend on it.
        manifest["axes"] = json!(axes);
    }
    manifest
}

/// The canonical text of a manifest, written at once: the same as that of [`manifest`].
pub(crate) fn manifest_text(
    node: &PlanNode,
    inputs: &BTreeMap<String, Vec<Digest>>,
    externals: &BTreeMap<String, Digest>,
) -> String {
    fn field(text: &mut String, key: &str, value: &impl serde::Serialize) {
        text.push_str(if text.is_empty() { "{\"" } else { ",\"" });
        text.push_str(key);
        text.push_str("\":");
        text.push_str(&serde_json::to_string(value).expect("plain data"));
    }
    let mut text = String::with_capacity(512);
    let axes = node.told_axes();
    if node.kind.name == COMMAND.name && !axes.is_empty() {
        field(&mut text, "axes", &axes);
    }
    // The maps are sorted by their type, and the fields stand in the order of their names.
    field(&mut text, "externals", externals);
    field(&mut text, "inputs", inputs);
    field(&mut text, "kind", &node.kind.name);
    field(&mut text, "version", &node.kind.version);
    field(&mut text, "versions", &node.versions);
    text.push_str(",\"with\":");
    write(&node.recipe, &mut text);
    text.push('}');
    text
}

/// Canonical JSON: keys sorted, no blanks, floats in shortest round-trip form.
pub fn canonical(value: &Json) -> String {
    let mut text = String::new();
    write(value, &mut text);
    text
}

fn write(value: &Json, text: &mut String) {
    match value {
        Json::Object(map) => {
            let mut fields: Vec<_> = map.iter().collect();
            fields.sort_unstable_by_key(|(key, _)| *key);
            text.push('{');
            for (position, (key, value)) in fields.into_iter().enumerate() {
                if position > 0 {
                    text.push(',');
                }
                quoted(key, text);
                text.push(':');
                write(value, text);
            }
            text.push('}');
        }
        Json::Array(list) => {
            text.push('[');
            for (position, item) in list.iter().enumerate() {
                if position > 0 {
                    text.push(',');
                }
                write(item, text);
            }
            text.push(']');
        }
        Json::String(letters) => quoted(letters, text),
        scalar => text.push_str(&scalar.to_string()),
    }
}

fn quoted(letters: &str, text: &mut String) {
    // Most texts need no escapes.
    if letters.bytes().all(|byte| byte >= b' ' && byte != b'"' && byte != b'\\') {
        text.push('"');
        text.push_str(letters);
        text.push('"');
    } else {
        text.push_str(&serde_json::to_string(letters).expect("a text"));
    }
}

/// Takes every marked path out of a serialised `with`: the recipe keeps its place, the list keeps the path. None where
/// there is no path: then the recipe is the `with` itself.
pub(crate) fn take_paths(with: &Json) -> Option<(Json, Vec<(String, std::path::PathBuf)>)> {
    if !has_path(with) {
        return None;
    }
    let mut paths = Vec::new();
    Some((take(with, "", &mut paths), paths))
}

fn has_path(value: &Json) -> bool {
    match value {
        Json::Object(map) => map.contains_key(pipe_spec::Location::KEY) || map.values().any(has_path),
        Json::Array(list) => list.iter().any(has_path),
        _ => false,
    }
}

fn take(value: &Json, place: &str, paths: &mut Vec<(String, std::path::PathBuf)>) -> Json {
    let below = |key: &str| {
        if place.is_empty() { key.to_owned() } else { format!("{place}.{key}") }
    };
    match value {
        Json::Object(map) => {
            if let (1, Some(path)) = (map.len(), map.get(pipe_spec::Location::KEY).and_then(Json::as_str)) {
                paths.push((place.to_owned(), path.into()));
                return json!({ "external": place });
            }
            let taken = map.iter().map(|(key, value)| (key.clone(), take(value, &below(key), paths)));
            Json::Object(taken.collect::<JsonMap<_, _>>())
        }
        Json::Array(list) => {
            list.iter().enumerate().map(|(index, value)| take(value, &below(&index.to_string()), paths)).collect()
        }
        scalar => scalar.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn canonical_text_does_not_depend_on_order() {
        let [a, b] =
            [r#"{"b": 1.0, "a": [1, {"y": "x", "x": 1e-3}]}"#, r#"{"a": [1, {"x": 0.001, "y": "x"}], "b": 1.0}"#]
                .map(|text| canonical(&serde_json::from_str(text).expect("JSON")));
        assert_eq!(a, b);
        assert_eq!(a, r#"{"a":[1,{"x":0.001,"y":"x"}],"b":1.0}"#);
    }

    #[test]
    fn paths_leave_the_recipe() {
        let with = json!({ "root": { "$path": "/data" }, "size": [{ "$path": "b" }, 2] });
        let (recipe, paths) = take_paths(&with).expect("it has paths");
        assert!(take_paths(&json!({ "root": "/data", "size": [1, 2] })).is_none());
        assert_eq!(recipe, json!({ "root": { "external": "root" }, "size": [{ "external": "size.0" }, 2] }));
        assert_eq!(paths, vec![("root".to_owned(), "/data".into()), ("size.0".to_owned(), "b".into())]);
    }

    #[test]
    fn the_text_written_at_once_is_the_canonical_one() {
        const KINDS: &[crate::StageKind] = &[COMMAND];
        let folder = tempfile::tempdir().expect("a temporary folder");
        let file = folder.path().join("e.yaml");
        let text = "axes: { b: [1], a: [x] }\nstages:\n  t:\n    kind: command\n    with:\n      \
                    command: [sh, 'a \"b\" \\ ü', '${axis.a}${axis.b}']\n      inputs: { f: e.yaml }\n      \
                    params: { z: 1e-3, y: [true, null, \"tab\\there\"], empty: {} }\n";
        std::fs::write(&file, text).expect("writable");
        let library = pipe_spec::Library { workspace: folder.path().to_path_buf(), embedded: &[] };
        let request =
            pipe_spec::Request { file: &file, profiles: &[], sweep: None, overrides: &[], environment: &|_| None };
        let composed = pipe_spec::compose(&library, &request).unwrap_or_else(|wrong| panic!("{:?}", wrong.list));
        let lists = pipe_spec::Lists::new();
        let experiment = pipe_spec::expand(&composed, &lists).unwrap_or_else(|wrong| panic!("{:?}", wrong.list));
        let plan = crate::plan(KINDS, &experiment, &lists).unwrap_or_else(|wrong| panic!("{:?}", wrong.list));
        let node = &plan.nodes[0];
        let digests = vec![Digest::of(b"one"), Digest::of(b"two")];
        let inputs = BTreeMap::from([("prep.b".to_owned(), digests.clone()), ("prep.a".to_owned(), digests)]);
        let externals = BTreeMap::from([("inputs.f".to_owned(), Digest::of(b"three"))]);
        let text = manifest_text(node, &inputs, &externals);
        assert_eq!(text, canonical(&manifest(node, &inputs, &externals)));
        assert!(text.starts_with("{\"axes\":{\"a\":\"x\",\"b\":\"1\"}"), "{text}");
    }
}
